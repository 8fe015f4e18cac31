//! `probe --discovery`: what libpq does before it has a token, at a server of the test's and a provider over real TLS.

use super::server::{AcceptedClient, ScriptedServer, asks, authentication, fatal};
use crate::support::{Run, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use oauth_validator_mock_provider::MockProvider;
use serde_json::{Value, json};

/// As PostgreSQL refuses whoever shows no token: the challenge, and then the error.
fn refuses_nobody(url: String) -> impl FnOnce(&mut AcceptedClient<'_>) + Send + 'static {
    move |client| {
        client.startup();
        client.say(asks());
        client.message();
        let challenge = json!({ "status": "invalid_token", "openid-configuration": url, "scope": "openid db.connect" });
        client.say(authentication(11, challenge.to_string()));
        client.message();
        client.say(fatal("28000", "OAuth bearer authentication failed for user \"ana\""));
        client.hang();
    }
}

fn probe(url: &str, provider: &MockProvider, more: &[&str]) -> (Run, Vec<u8>) {
    let server = ScriptedServer::tcp(refuses_nobody(url.to_owned()));
    let port = server.port.to_string();
    let mut command = Command::new(cargo_bin!("oauth-validator"));
    command.env_clear().args(["probe", "--user", "ana", "--dbname", "app", "--host", "127.0.0.1", "--port", &port]);
    command.args(["--sslmode", "disable", "--discovery", "--timeout", "5s", "--ca-file"]).arg(provider.ca_file());
    let run = run(command.args(more));
    (run, server.told())
}

fn openid(provider: &MockProvider) -> String {
    format!("{}/.well-known/openid-configuration", provider.issuer())
}

/// A provider that says this besides what all say; null takes something away.
fn provider(more: &[(&str, Value)]) -> MockProvider {
    let provider = MockProvider::start();
    let mut metadata = provider.metadata();
    metadata["device_authorization_endpoint"] = json!(format!("{}/device", provider.issuer()));
    for (name, value) in more {
        metadata[*name] = value.clone();
    }
    provider.set_metadata(metadata);
    provider
}

#[test]
fn what_psql_needs_is_printed_and_no_token_is_shown() {
    let provider = provider(&[("token_endpoint_auth_methods_supported", json!(["none", "client_secret_basic"]))]);
    let (run, told) = probe(&openid(&provider), &provider, &[]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let issuer = provider.issuer();
    for line in [
        "asked: the server wants a token, and none was shown\n\n".to_owned(),
        format!("  issuer        {issuer}\n  scope         openid db.connect\n"),
        format!("  device flow   {issuer}/device\n  public client yes\n"),
        "  psql 'host=127.0.0.1 port=".to_owned(),
        format!("oauth_issuer={issuer}"),
        "oauth_client_id=CLIENT'\n".to_owned(),
    ] {
        assert!(run.stdout.contains(&line), "no {line:?} in {}", run.stdout);
    }
    assert!(run.stdout.lines().all(|line| line.len() <= 80), "{}", run.stdout);
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.contains("n,,\u{1}auth=\u{1}\u{1}") && !told.contains("Bearer"), "{told}");

    let report = probe(&openid(&provider), &provider, &["--json"]).0.json();
    assert_eq!((&report["outcome"], &report["explain"]), (&json!("asked"), &Value::Null));
    assert_eq!(report["discovery"]["issuer"], issuer.as_str());
    assert_eq!(report["discovery"]["lists_public_clients"], true);
}

#[test]
fn what_keeps_libpq_from_its_device_flow_is_said() {
    let without = provider(&[("device_authorization_endpoint", Value::Null)]);
    let (run, _) = probe(&openid(&without), &without, &[]);
    assert_eq!(run.code, 1);
    assert!(
        run.stdout.contains("  device flow   none\n") && run.stdout.contains("oauth-validator run"),
        "{}",
        run.stdout
    );

    let other = provider(&[("issuer", json!("https://other.example"))]);
    let (run, _) = probe(&openid(&other), &other, &["--json"]);
    assert_eq!(run.code, 1);
    assert!(run.json()["discovery"]["error"].as_str().expect("an error").contains("issuer"), "{}", run.stdout);

    let fine = provider(&[]);
    let (run, _) = probe(&openid(&fine), &fine, &[]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(run.stdout.contains("  public client not listed\n"), "{}", run.stdout);

    for (url, why) in [
        (openid(&fine).replace("https://", "http://"), "https"),
        ("https://idp.example/elsewhere".to_owned(), "a document that libpq does not know"),
    ] {
        let before = fine.request_count("/.well-known/openid-configuration");
        let (run, _) = probe(&url, &fine, &["--json"]);
        assert_eq!(run.code, 1, "{}", run.stdout);
        assert!(run.json()["discovery"]["error"].as_str().expect("an error").contains(why), "{}", run.stdout);
        assert_eq!(fine.request_count("/.well-known/openid-configuration"), before);
    }
}

#[test]
fn another_line_is_said_as_it_always_is() {
    let provider = provider(&[]);
    for (script, outcome) in
        [(authentication(10, "SCRAM-SHA-256\0\0"), "other_method"), (fatal("28000", "no entry"), "not_admitted")]
    {
        let server = ScriptedServer::tcp(move |client| {
            client.startup();
            client.say(script);
            client.hang();
        });
        let port = server.port.to_string();
        let mut command = Command::new(cargo_bin!("oauth-validator"));
        command.env_clear().args([
            "probe",
            "--user",
            "ana",
            "--host",
            "127.0.0.1",
            "--sslmode",
            "disable",
            "--port",
            &port,
        ]);
        let run = run(command.args(["--discovery", "--json"]));
        let report = run.json();
        assert_eq!((run.code, &report["outcome"], &report["discovery"]), (1, &json!(outcome), &Value::Null));
    }
    assert_eq!(provider.request_count("/.well-known/openid-configuration"), 0);
    for more in [["--token-file", "x"], ["--token-from", "corp"]] {
        let mut command = Command::new(cargo_bin!("oauth-validator"));
        let run = run(command.env_clear().args(["probe", "--user", "ana", "--discovery"]).args(more));
        assert_eq!(run.code, 2, "{}", run.stderr);
    }
}
