//! `check` judges `keys.ca_file` as the server would: whoever writes it can stand in for the provider.

use super::{DataDirectory, needs_root, provider, set_mode};
use crate::support::{CONFIG, Run, corp, run};
use serde_json::{Value, json};
use std::fs;

const CONFIG_LINES: &str = "issuer = \"https://idp.example\"\nkeys = { ca_file = \"ca.pem\" }";

fn server() -> DataDirectory {
    let server = DataDirectory::new(&corp(CONFIG_LINES, ""));
    fs::copy(provider().ca_file(), server.path("ca.pem")).expect("an authority");
    server
}

fn check(server: &DataDirectory, args: &[&str]) -> Run {
    run(server.command(&["check", CONFIG, "--server-user", &server.uid.to_string()]).args(args))
}

#[track_caller]
fn assert_refused(server: &DataDirectory, words: &str) {
    let run = check(server, &["--json"]);
    let found = run.json()["findings"].clone();
    assert_eq!((run.code, found.as_array().map(Vec::len)), (1, Some(1)), "{found:#}");
    let (code, line, column) = (&found[0]["code"], &found[0]["line"], &found[0]["column"]);
    assert_eq!((code, line, column), (&json!("keys_unavailable"), &json!(3), &json!(20)), "{found:#}");
    assert!(found[0]["message"].as_str().is_some_and(|message| message.contains(words)), "no {words:?} in {found:#}");
    assert!(found[0]["hint"].as_str().is_some_and(|hint| hint.len() > 10));
}

#[test]
fn a_good_file_is_no_finding_and_nobody_is_asked() {
    let run = check(&server(), &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(run.stdout, "oauth-validator.toml: valid; 1 profile: corp\n");
}

#[test]
fn a_file_that_others_may_write_or_that_is_missing_is_an_error() {
    let server = server();
    set_mode(&server.path("ca.pem"), 0o666);
    assert_refused(&server, "profile \"corp\": keys.ca_file: ");
    assert_refused(&server, "mode 0666");
    set_mode(&server.path("ca.pem"), 0o644);
    if needs_root("a_file_that_others_may_write_or_that_is_missing_is_an_error, for other owners,") {
        super::give(&server.path("ca.pem"), super::STRANGER);
        assert_refused(&server, "uid 12346");
        super::give(&server.path("ca.pem"), 0);
        set_mode(&server.path("ca.pem"), 0o600);
        assert_refused(&server, "does not let the server's user read it");
    }
    fs::remove_file(server.path("ca.pem")).expect("it was there");
    assert_refused(&server, "does not exist");
}

#[test]
fn a_file_without_a_certificate_is_an_error() {
    let server = server();
    let write = |text: &[u8]| fs::write(server.path("ca.pem"), text).expect("a file");
    for text in ["", "no PEM\n", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
        write(text.as_bytes());
        assert_refused(&server, "keys.ca_file has no certificate in PEM");
    }
    write(b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n");
    assert_refused(&server, "keys.ca_file has broken PEM blocks");
    write(b"\xff\xfe");
    assert_refused(&server, "is not text");
}

/// What holds is shown, with the times that [defaults.keys] sets for a profile that has no table of keys at all.
#[test]
fn settings_of_providers_are_shown_where_a_provider_is_asked() {
    let defaults = "[defaults.keys]\nstale_max = \"1h\"\n";
    let without_table = corp("issuer = \"https://idp.example\"\nkeys.jwks_file = \"x\"", "");
    let without_table = without_table
        .replace("keys.jwks_file = \"x\"\n", "")
        .replace("keys = { jwks_file = \"corp.jwks.json\" }\n", "");
    for config in [format!("{defaults}{without_table}"), format!("{defaults}{}", corp(CONFIG_LINES, ""))] {
        let server = server();
        server.configure(&config);
        let run = check(&server, &["--effective", "--json"]);
        assert_eq!(run.code, 0, "{}", run.stdout);
        let settings = run.json()["effective"]["corp"].clone();
        let of = |key: &str| settings.as_array().and_then(|all| all.iter().find(|one| one["key"] == key)).cloned();
        let stale = of("keys.stale_max").expect("it is shown");
        assert_eq!((&stale["value"], &stale["line"]), (&json!("1h"), &json!(2)), "{config}");
        assert_eq!(of("keys.min_ttl").expect("it is shown")["origin"], "built-in");
        assert_eq!(of("keys.allowed_hosts").map(|one| one["value"].clone()), Some(json!([])));
        assert_eq!(of("keys.jwks_file"), None::<Value>);
    }
    let server = DataDirectory::new(&format!("{defaults}{}", corp("", "")));
    fs::write(
        server.path("corp.jwks.json"),
        oauth_validator_fixtures::jwks(&[oauth_validator_fixtures::keys::corp()]).to_string(),
    )
    .unwrap();
    let run = check(&server, &["--effective"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    for key in ["keys.stale_max", "keys.allowed_hosts", "keys.proxy", "keys.timeout", "keys.ca_file"] {
        assert!(!run.stdout.contains(key), "{key} means nothing here\n{}", run.stdout);
    }
    assert!(run.stdout.contains("keys.jwks_file ") && run.stdout.contains("keys.deny_kids "), "{}", run.stdout);
}
