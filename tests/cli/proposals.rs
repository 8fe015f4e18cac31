//! What `init` proposes for each preset lets in the token that the provider issues for the proposed scopes, and not one that
//! lacks what the preset is about.
//!
//! `tests/server` logs in with the same ones.

use crate::support::{CONFIG, Folder, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use oauth_validator_core::config::presets;
use oauth_validator_fixtures::proposals::{self, ExpectedProposal, PLACE, PROVIDER};
use oauth_validator_fixtures::samples::ISSUED_AT;
use oauth_validator_fixtures::{jwks, keys};
use oauth_validator_mock_provider::{MockProvider, Reply};
use serde_json::Value;

/// A folder with the proposed profile and its files, and the line.
fn proposed(proposal: &ExpectedProposal, provider: &MockProvider) -> (Folder, String) {
    let folder = Folder::new("");
    let mut command = Command::new(cargo_bin!("oauth-validator"));
    let report = run(command.env_clear().args(["init", "--json", "--config", "/none"]).args(proposal.arguments()));
    assert_eq!((report.code, report.stderr.as_str()), (0, ""), "{}", proposal.preset);
    let report = report.json();
    let profile = report["profile"].as_str().expect("a profile");
    folder.write(CONFIG, &profile.replace(&format!("{PLACE}/"), "").replace(PROVIDER, &provider.base_url()));
    folder.write("corp.jwks", &jwks(&[keys::corp()]).to_string());
    folder.write("secret", "s\n");
    folder.write("ca.pem", &std::fs::read_to_string(provider.ca_file()).expect("an authority"));
    (folder, report["hba"].as_str().expect("a line").to_owned())
}

/// A value of the line between quotation marks.
fn value<'a>(line: &'a str, name: &str) -> &'a str {
    line.split_once(&format!(" {name}=\"")).and_then(|(_, rest)| rest.split_once('"')).expect("it is there").0
}

fn explained(proposal: &ExpectedProposal, claims: &Value) -> Value {
    let provider = MockProvider::start();
    provider.set_reply("/introspect", Reply::json(claims));
    let (folder, line) = proposed(proposal, &provider);
    let args = ["--hba-issuer", value(&line, "issuer"), "--hba-scope", value(&line, "scope"), "--json"];
    let at = (ISSUED_AT + 5).to_string();
    let run = folder.explain(&proposal.token(claims, keys::corp()), &[&args[..], &["--at", &at]].concat());
    run.json()
}

#[test]
fn there_is_one_for_each_preset() {
    let names: Vec<&str> = proposals::all().iter().map(|proposal| proposal.preset.as_str()).collect();
    assert_eq!(names, presets::ALL.iter().map(|preset| preset.name).collect::<Vec<_>>());
}

#[test]
fn each_lets_in_what_its_provider_issues() {
    for proposal in proposals::all() {
        for claims in proposal.claims(ISSUED_AT) {
            let report = explained(proposal, &claims);
            assert_eq!(report["outcome"], "granted", "{}: {claims}: {report:#}", proposal.preset);
            assert_eq!(report["authn_id"], proposal.authn_id, "{}", proposal.preset);
        }
    }
}

#[test]
fn none_lets_in_what_lacks_the_scope_or_breaks_the_rule() {
    for proposal in proposals::all() {
        let claims = proposal.refused_claims(ISSUED_AT);
        let report = explained(proposal, &claims);
        assert_eq!(report["reason"], proposal.refused.code, "{}: {claims}: {report:#}", proposal.preset);
    }
}

/// Whoever asks for nothing but `openid` means it: with that in `scope.ignore`, nobody would ever be let in.
#[test]
fn a_line_without_other_scopes_requires_those_that_it_has() {
    let asked = |scope: &str| {
        let mut command = Command::new(cargo_bin!("oauth-validator"));
        let options =
            ["init", "--json", "--config", "/none", "--preset", "okta", "--audience", "api://pg", "--scope", scope];
        let report = run(command.env_clear().args(options).args(["--issuer", "https://acme.okta.example/oauth2/a"]));
        report.json()["profile"].as_str().expect("a profile").to_owned()
    };
    for scope in ["openid", "openid email", "db.connect"] {
        assert!(!asked(scope).contains("ignore"), "{scope}: {}", asked(scope));
    }
    for scope in ["openid db.connect", "db.connect email"] {
        assert!(asked(scope).contains("scope = { ignore = [\"openid\", "), "{scope}: {}", asked(scope));
    }
}
