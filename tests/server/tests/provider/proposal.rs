//! What `discover` proposes for this provider, filled in, lets in its tokens: signed ones of each algorithm, and opaque ones.

use crate::browser::Client;
use crate::oidc::{OidcProvider, make_key};
use crate::support::{lets_in, refuses, start};
use oauth_validator_server_tests::{Cluster, tool_path};
use serde_json::Value;
use std::process::Command;

/// What `discover` says of the provider, as a program reads it.
fn discovered(provider: &OidcProvider) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, provider.ca_pem()).expect("an authority");
    let mut command = Command::new(tool_path());
    command.env_clear().args(["discover", &provider.issuer(), "--json", "--ca-file"]).arg(&ca_file);
    let output = command.output().expect("the tool runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // The server has its own copy, beside the configuration.
    let text = text.replace(&ca_file.display().to_string(), "ca.pem");
    serde_json::from_str(&text).expect("JSON")
}

/// A server with this profile and the proposed line, over a Unix socket and without a map.
fn serving(provider: &OidcProvider, report: &Value, profile: &str) -> Cluster {
    let profile = profile.replace("[profiles.localhost", "[profiles.corp").replace("\"AUDIENCE\"", "\"postgres\"");
    let cluster = start(provider, profile);
    let line = report["proposal"]["hba"].as_str().expect("a line");
    let line = line.replacen("hostssl all all all", "local all all", 1);
    let (line, _) = line.split_once(" map=").expect("a map");
    cluster.set_hba(&format!("{line}\n"));
    cluster.reload();
    cluster
}

/// The line requests `openid` too, which this provider leaves out of tokens for an API.
#[test]
fn signed_tokens_of_each_algorithm_log_in() {
    for alg in ["RS256", "ES256", "PS256", "EdDSA"] {
        let provider = OidcProvider::start(&[&make_key(alg, "first")]);
        let report = discovered(&provider);
        assert_eq!(report["device_flow"]["possible"], true, "{report:#}");
        let profile = report["proposal"]["profile"].as_str().expect("a profile");
        assert_eq!(
            profile.contains(&format!("algorithms = [\"{alg}\"]")),
            ["PS256", "EdDSA"].contains(&alg),
            "{profile}"
        );
        let cluster = serving(&provider, &report, profile);
        let client = Client::of(&provider);
        lets_in(&cluster, "app", &client.client_credentials(&[("scope", "db.connect")]));
        let tokens = client.device_flow("alice", "openid db.connect");
        lets_in(&cluster, "alice", &tokens.access);
        // The ID token of the same grant is none, and neither is a token that may only read.
        refuses(&cluster, "alice", &tokens.id.expect("an ID token"), "token_type");
        refuses(&cluster, "app", &client.client_credentials(&[("scope", "db.read")]), "scope_missing");
    }
}

#[test]
fn opaque_tokens_log_in_by_the_other_profile() {
    let provider = OidcProvider::start(&[&make_key("ES256", "first")]);
    let report = discovered(&provider);
    let profile = report["proposal"]["introspection"].as_str().expect("a profile");
    let profile = profile
        .replace("\"CLIENT-ID\"", "\"server:basic\"")
        .replace("/etc/postgresql/oauth-validator.secret", "corp.secret");
    let cluster = serving(&provider, &report, &profile);
    cluster.write_file("corp.secret", "a:b+c%d%2B e&f=g\n");
    let client = Client::of(&provider);
    let opaque = ("resource", "urn:postgres:opaque");
    let token = client.device_flow_with("alice", &[opaque, ("scope", "openid db.connect")]).access;
    assert!(!token.contains('.'), "it is opaque");
    lets_in(&cluster, "alice", &token);
    let to_read = client.device_flow_with("alice", &[opaque, ("scope", "db.read")]).access;
    refuses(&cluster, "alice", &to_read, "scope_missing");
    client.revoke(&token);
    refuses(&cluster, "alice", &token, "introspection_inactive");
}
