//! psql as the client: libpq's device flow against the certified provider, over TLS, as a person uses it.
//!
//! The token is psql's own business: no test sees it. Both parties are known by the system's trust store alone.

use crate::browser::Client;
use crate::cluster::DebianCluster;
use crate::oidc::{OidcProvider, make_key};
use crate::scene::over_tls;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

/// What is shown of a session.
const WHO: &str = "select system_user, current_user, (select version from pg_stat_ssl where pid = pg_backend_pid())";

/// How psql ended, and what it printed.
struct Psql {
    let_in: bool,
    stdout: String,
    stderr: String,
}

#[test]
fn a_person_logs_in_to_18() {
    first_unmapped_then_mapped(18);
}

#[test]
fn a_person_logs_in_to_19() {
    first_unmapped_then_mapped(19);
}

fn first_unmapped_then_mapped(major: u32) {
    let provider = OidcProvider::start(&[&make_key("ES256", "first")]);
    let cluster = over_tls(major, &provider).0;
    let issuer = provider.issuer();
    let client = Client::of(&provider);

    let refused = psql(&cluster, &client, &issuer, "alice");
    assert!(!refused.let_in, "{}", refused.stdout);
    let error = "FATAL:  OAuth bearer authentication failed for user \"reader\"";
    assert!(refused.stderr.contains(error) && !refused.stderr.contains("DETAIL"), "{}", refused.stderr);
    cluster.has_logged("no match in usermap \"corp\" for user \"reader\" authenticated as \"alice\"");

    cluster.set_ident("corp alice reader");
    cluster.reload();
    let let_in = psql(&cluster, &client, &issuer, "alice");
    assert!(let_in.let_in, "{}{}", let_in.stderr, cluster.log());
    assert_eq!(let_in.stdout.trim(), "oauth:alice|reader|TLSv1.3");

    // The map is for alice alone, and nobody gets in without TLS.
    let other = psql(&cluster, &client, &issuer, "bob");
    assert!(!other.let_in && other.stderr.contains(error), "{}{}", other.stdout, other.stderr);
    let plain = command(&cluster, &issuer).env("PGSSLMODE", "disable").env("PGSSLROOTCERT", "").output();
    let plain = plain.expect("psql runs");
    let said = String::from_utf8_lossy(&plain.stderr);
    assert!(said.contains("no pg_hba.conf entry") && said.contains("no encryption"), "{said}");
    assert!(!said.contains("Visit"), "psql asked for a token in vain: {said}");
}

/// Runs psql, and does in a browser what it says, under this name.
fn psql(cluster: &DebianCluster, client: &Client, issuer: &str, name: &str) -> Psql {
    let mut child = command(cluster, issuer).spawn().expect("psql runs");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut stderr = String::new();
    // "Visit https://localhost:PORT/device and enter the code: ABCD-EFGH"
    while lines.read_line(&mut stderr).expect("a line") > 0 {
        let Some((_, rest)) = stderr.split_once("Visit ") else { continue };
        let (page, code) = rest.trim_end().split_once(" and enter the code: ").expect("an address and a code");
        let last = client.confirm(&format!("{page}?user_code={code}"), name);
        assert!(last.contains("Sign-in Success"), "{last}");
        break;
    }
    lines.read_to_string(&mut stderr).expect("the rest");
    let output = child.wait_with_output().expect("its end");
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    Psql { let_in: output.status.success(), stdout, stderr }
}

fn command(cluster: &DebianCluster, issuer: &str) -> Command {
    let mut command = Command::new(cluster.program("psql"));
    command.args(["--no-psqlrc", "--no-align", "--tuples-only", "--command", WHO]);
    command.arg(format!("host=localhost user=reader dbname=postgres oauth_issuer={issuer} oauth_client_id=psql"));
    command.env("PGSSLMODE", "verify-full").env("PGSSLROOTCERT", "system");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
