//! What `init` proposes for each preset, written into the server's own files as it is: the token that the provider issues
//! for the proposed scopes logs in, and one that lacks what the preset is about does not.
//!
//! Nothing is changed but what a person has to fill in: folders, the identity in pg_ident.conf, and the kind of connection.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

use oauth_validator_fixtures::proposals::{self, ExpectedProposal, PLACE, PROVIDER};
use oauth_validator_fixtures::{jwks, keys};
use oauth_validator_mock_provider::{MockProvider, Reply};
use oauth_validator_server_tests::{Cluster, ClusterOptions, Login, LoginOutcome, now, tool_path};
use serde_json::Value;
use std::process::Command;

/// What `init` says, as a program reads it.
fn report(proposal: &ExpectedProposal) -> Value {
    let mut command = Command::new(tool_path());
    command.env_clear().args(["init", "--json", "--config", "/none"]).args(proposal.arguments());
    let output = command.output().expect("the tool runs");
    assert!(output.status.success(), "{}: {}", proposal.preset, String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The proposed lines, filled in: the configuration, and those of pg_hba.conf and pg_ident.conf with the role.
fn filled_in(proposal: &ExpectedProposal, provider: &MockProvider) -> (String, String, String, String) {
    let report = report(proposal);
    let text = |name: &str| report[name].as_str().expect(name).to_owned();
    let config = text("profile").replace(&format!("{PLACE}/"), "").replace(PROVIDER, &provider.base_url());
    let hba = text("hba");
    let hba = format!("local{}\n", hba.strip_prefix("hostssl").expect("a line"));
    let hba = hba.replacen(" all all all ", " all all ", 1);
    let ident = text("ident");
    let columns: Vec<&str> = ident.split_whitespace().collect();
    let [map, _, role] = columns.as_slice() else { panic!("{ident}") };
    (config, hba, format!("{map} \"{}\" {role}\n", proposal.authn_id), (*role).to_owned())
}

/// Logs in with a token of these claims.
fn log_in(
    cluster: &Cluster,
    provider: &MockProvider,
    proposal: &ExpectedProposal,
    claims: &Value,
    role: &str,
) -> (LoginOutcome, String) {
    provider.set_reply("/introspect", Reply::json(claims));
    let mark = cluster.log_mark();
    let token = proposal.token(claims, keys::corp());
    let attempt = cluster.login(&Login::new(role, "postgres").token(&token));
    let last = if matches!(attempt.outcome, LoginOutcome::Accepted(_)) { "connection authorized" } else { "FATAL:" };
    (attempt.outcome, cluster.wait_for_log(mark, last))
}

#[test]
fn each_logs_in_with_what_its_provider_issues() {
    let provider = MockProvider::start();
    let cluster = Cluster::start(ClusterOptions { helper: Some(tool_path()), ..ClusterOptions::with_module() });
    for role in ["ana", "deploy", "app"] {
        cluster.sql(&format!("CREATE ROLE {role} LOGIN")).expect("a role");
    }
    cluster.write_file("corp.jwks", jwks(&[keys::corp()]).to_string());
    cluster.write_file("secret", "s\n");
    cluster.write_file("ca.pem", std::fs::read_to_string(provider.ca_file()).expect("an authority"));
    let mut logins = 0;
    for proposal in proposals::all() {
        let preset = &proposal.preset;
        let (config, hba, ident, role) = filled_in(proposal, &provider);
        cluster.write_config(&config);
        cluster.set_hba(&hba);
        cluster.set_ident(&ident);
        cluster.reload();
        for claims in proposal.claims(now()) {
            let (outcome, log) = log_in(&cluster, &provider, proposal, &claims, &role);
            let LoginOutcome::Accepted(mut session) = outcome else { panic!("{preset}: {claims}: {outcome:?}\n{log}") };
            assert_eq!(session.system_user(), Ok(Some(format!("oauth:{}", proposal.authn_id))), "{preset}");
            logins += 1;
        }
        let (outcome, log) = log_in(&cluster, &provider, proposal, &proposal.refused_claims(now()), &role);
        assert!(!matches!(outcome, LoginOutcome::Accepted(_)), "{preset}: {outcome:?}");
        assert!(
            log.contains(&format!("oauth_validator: denied: {} (profile ", proposal.refused.code)),
            "{preset}: {log}"
        );
    }
    println!("{logins} logins by {} proposals, and as many refusals as proposals", proposals::all().len());
    assert!(logins > proposals::all().len(), "{logins}");
}
