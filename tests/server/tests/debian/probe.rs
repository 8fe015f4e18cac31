//! `hostssl` lines and a token at hand: the packaged tool logs in over TLS, or says what keeps it out.
//!
//! The token is a service's own; it must never be in what the tool prints, nor go to a server that is not known.

use crate::browser::Client;
use crate::oidc::{OidcProvider, make_key};
use crate::packages::said;
use crate::scene::over_tls;
use serde_json::{Value, json};
use std::fs;
use std::process::{Command, Output};
use tempfile::TempDir;

/// The tool with a token in a file of its own.
struct ProbeCommandLine {
    folder: TempDir,
    token: String,
}

impl ProbeCommandLine {
    fn of(token: String) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("token"), &token).expect("a token");
        Self { folder, token }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("oauth-validator");
        command.args(["probe", "--host", "localhost", "--user", "reader", "--dbname", "postgres", "--json"]);
        let output = command.arg("--token-file").arg(self.folder.path().join("token")).args(arguments).output();
        let output = output.expect("the tool runs");
        let printed = said(&output);
        assert!(!self.token.split('.').any(|part| printed.contains(part)), "a piece of the token: {printed}");
        output
    }

    /// The report, of a run that ends with this exit code.
    #[track_caller]
    fn report(&self, code: i32, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{}", said(&output));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}

#[test]
fn a_service_logs_in_to_18() {
    unmapped_mapped_and_to_strangers(18);
}

#[test]
fn a_service_logs_in_to_19() {
    unmapped_mapped_and_to_strangers(19);
}

fn unmapped_mapped_and_to_strangers(major: u32) {
    let provider = OidcProvider::start(&[&make_key("ES256", "first")]);
    let (cluster, own) = over_tls(major, &provider);
    let probe = ProbeCommandLine::of(Client::of(&provider).client_credentials(&[("scope", "db.connect")]));

    // By the system's trust store, as the default is.
    let refused = probe.report(1, &[]);
    assert_eq!(refused["outcome"], "token_refused", "{refused}");
    cluster.has_logged("no match in usermap \"corp\" for user \"reader\" authenticated as \"app\"");
    cluster.set_ident("corp app reader");
    cluster.reload();
    let ca = probe.folder.path().join("ca.pem");
    fs::write(&ca, &own.ca_pem).expect("a certificate");
    for arguments in [&[][..], &["--sslrootcert", ca.to_str().expect("UTF-8")]] {
        let accepted = probe.report(0, arguments);
        let who = json!({ "system_user": "oauth:app", "session_user": "reader", "current_user": "reader" });
        assert_eq!((&accepted["outcome"], &accepted["session"]), (&json!("accepted"), &who), "{accepted}");
        assert_eq!(accepted["tls"], "TLSv1.3", "{accepted}");
    }

    // The line is for TLS alone, and a server by another authority does not get to see a token.
    let plain = probe.report(1, &["--sslmode", "disable"]);
    assert_eq!(plain["outcome"], "not_admitted", "{plain}");
    fs::write(&ca, provider.ca_pem()).expect("a certificate");
    let before = cluster.log().matches("connection authenticated").count();
    let stranger = probe.run(&["--sslrootcert", ca.to_str().expect("UTF-8")]);
    assert_eq!(stranger.status.code(), Some(2), "{}", said(&stranger));
    assert!(said(&stranger).contains("certificate"), "{}", said(&stranger));
    assert_eq!(cluster.log().matches("connection authenticated").count(), before);
}
