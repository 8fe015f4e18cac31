//! `explain` where a provider publishes the keys: with those it publishes now, or with those that the server has.

use super::{DataDirectory, now, profile, provider, set_mode};
use crate::network::METADATA;
use crate::support::{CONFIG, Run, okta, run};
use oauth_validator_core::{KeyRecord, UnixSeconds};
use oauth_validator_fixtures::{jwks, keys};
use oauth_validator_mock_provider::{Fault, MockProvider};
use serde_json::json;

/// A token of the provider, signed by the key.
fn token(provider: &MockProvider, key: &keys::TestKey) -> String {
    okta().at(now() - 60).issuer(&provider.issuer()).sign(key)
}

/// Explains the token for the server's user.
fn explain(server: &DataDirectory, token: &str, args: &[&str]) -> Run {
    let mut command = server.command(&["explain", "--config", CONFIG, "--hba-scope", "db.connect"]);
    run(command.args(args).write_stdin(token))
}

const KEY_FILE: [&str; 2] = ["--pgdata", "data"];

/// The reason of a denial as JSON has it, with words of its detail.
#[track_caller]
fn assert_denied(run: &Run, reason: &str, words: &[&str]) {
    let report = run.json();
    assert_eq!((run.code, report["reason"].as_str()), (1, Some(reason)), "{report:#}");
    for word in words {
        assert!(report["detail"].as_str().unwrap_or_default().contains(word), "no {word:?} in {report:#}");
    }
}

#[test]
fn without_a_key_file_the_provider_is_asked() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    let run = explain(&server, &token(&provider, keys::corp()), &[]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let base = provider.base_url();
    assert_eq!(run.stderr, format!("asking {base}{METADATA}\nasking {base}/jwks\n"));
    let note = format!("note: the keys were fetched for this explanation, from {base}/jwks; the server may still have");
    assert!(run.stdout.contains(&note), "{}", run.stdout);
    assert!(!server.folder().exists());
}

#[test]
fn a_key_that_the_provider_does_not_publish_is_unknown_after_one_look() {
    let provider = provider();
    let run = explain(&DataDirectory::of(&provider), &token(&provider, keys::partner()), &["--json"]);
    assert_denied(&run, "key_unknown", &["None of the issuer's 2 keys"]);
    assert_eq!(provider.request_count("/jwks"), 1);
}

#[test]
fn keys_that_cannot_be_fetched_deny_and_say_why() {
    let provider = provider();
    provider.set_fault("/jwks", Fault::Status(503));
    let server = DataDirectory::of(&provider);
    let run = explain(&server, &token(&provider, keys::corp()), &["--json"]);
    assert_denied(&run, "keys_unavailable", &["cannot be fetched: http_status: ", "status 503"]);
    assert!(run.json()["notes"].to_string().contains("the server may still have keys"), "{}", run.stdout);
    provider.stop();
    assert_denied(&explain(&server, &token(&provider, keys::corp()), &["--json"]), "keys_unavailable", &["connect: "]);
}

#[test]
fn authorities_that_cannot_be_trusted_deny_before_anybody_is_asked() {
    let provider = provider();
    let server =
        DataDirectory::new(&profile(&provider, "").replace(provider.ca_file().to_str().unwrap(), "missing.pem"));
    let run = explain(&server, &token(&provider, keys::corp()), &["--json"]);
    assert_denied(&run, "keys_unavailable", &["keys.ca_file: ", "missing.pem\" does not exist"]);
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn with_a_key_file_nobody_is_asked() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.write_record(&server.record(120));
    provider.set_keys(jwks(&[keys::partner()]));
    let run = explain(&server, &token(&provider, keys::corp()), &KEY_FILE);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let note = "note: the keys are those of \"data/oauth_validator/corp.json\", fetched 20";
    assert!(run.stdout.contains(note) && run.stdout.contains("ago): fresh\n"), "{}", run.stdout);
    let folder = explain(&server, &token(&provider, keys::corp()), &["--cache-dir", "data/oauth_validator"]);
    assert_eq!(folder.code, 0, "{}{}", folder.stdout, folder.stderr);
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn a_key_that_the_server_does_not_have_is_unknown_until_it_asks() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.write_record(&server.record(0));
    let run = explain(&server, &token(&provider, keys::partner()), &[&KEY_FILE[..], &["--json"]].concat());
    assert_denied(&run, "key_unknown", &["explain asks nobody", "once per keys.kid_cooldown"]);
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn keys_that_the_server_would_not_use_are_not_used() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    let denied = |words: &[&str]| {
        let run = explain(&server, &token(&provider, keys::corp()), &[&KEY_FILE[..], &["--json"]].concat());
        assert_denied(&run, "keys_unavailable", words);
        run.json()["hint"].as_str().expect("a hint").to_owned()
    };
    let hint = denied(&["corp.json\": absent.", "explain asks nobody"]);
    assert_eq!(hint, "Fetch them: oauth-validator keys refresh corp --pgdata data");
    server.write_record(&server.record(3 * 24 * 3600));
    denied(&["corp.json\": expired, fetched 20"]);
    server.write_record(&server.record(-3600));
    denied(&["corp.json\": from the future"]);
    let (_, fingerprint) = server.source();
    server.write_record(&KeyRecord::failed(
        None,
        "corp",
        &fingerprint,
        DataDirectory::failure(),
        UnixSeconds::new(now()),
    ));
    denied(&["never fetched", "The last attempt failed 20", ": connect: nobody answers."]);
    server.write_record(&server.record(0));
    server.configure(&profile(&provider, ", allowed_hosts = [\"keys.example\"]"));
    denied(&["fetched under other settings"]);
    server.configure(&profile(&provider, ""));
    set_mode(&server.key_file(), 0o666);
    denied(&["mode 0666; it must not be writable"]);
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn one_place_at_most_can_be_named() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    let both = [&KEY_FILE[..], &["--cache-dir", "data/oauth_validator"]].concat();
    explain(&server, "a.b.c", &both).assert_failed(&["cannot be used with"]);
    explain(&server, "a.b.c", &["--pgdata", "nowhere"]).assert_failed(&["cannot use the data directory"]);
    explain(&server, "a.b.c", &["--cache-dir", "nowhere"]).assert_failed(&["cannot use the folder of key files"]);
}

#[test]
fn keys_that_were_left_out_are_told_where_one_is_missing() {
    let provider = provider();
    let bad = json!({ "kty": "RSA", "kid": keys::partner().kid(), "use": "enc", "n": "AQAB", "e": "AQAB" });
    let good = jwks(&[keys::corp()])["keys"][0].clone();
    provider.set_keys(json!({ "keys": [good, bad] }));
    let run = explain(&DataDirectory::of(&provider), &token(&provider, keys::partner()), &["--json"]);
    assert_denied(&run, "key_unknown", &[]);
    assert!(run.json()["notes"].to_string().contains("a key of the document is not used: key 2"), "{}", run.stdout);
}
