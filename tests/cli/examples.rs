//! The examples of config/examples: valid as they are, and good for the tokens of the providers they are named after.

use crate::support::{CONFIG, Folder, Run};
use oauth_validator_core::Config;
use oauth_validator_core::config::KeySource;
use oauth_validator_fixtures::{Token, jwks, keys};
use std::fs;
use std::path::PathBuf;

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config/examples")
}

/// A folder with the example as its configuration, beside key files that hold the everyday issuer's key.
fn folder_with(example: &str) -> Folder {
    let text = fs::read_to_string(examples().join(format!("{example}.toml"))).expect("the example exists");
    let folder = Folder::new(&text);
    let config = Config::parse(text.as_bytes(), CONFIG).config.expect("the example is valid");
    for profile in config.profiles() {
        if let KeySource::File(file) = &profile.keys {
            assert!(!file.path().contains('/'), "{example}: {} is not beside the example", file.path());
            folder.write(file.path(), &jwks(&[keys::corp()]).to_string());
        }
    }
    folder
}

#[test]
fn each_example_is_valid_beside_its_key_files() {
    let names: Vec<String> = fs::read_dir(examples())
        .expect("config/examples exists")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert!(names.len() >= 4, "{names:?}");
    for name in names {
        let checked = folder_with(&name).check(&["--json"]);
        let report = checked.json();
        assert_eq!((checked.code, &report["valid"]), (0, &true.into()), "{name}: {report:#}");
    }
}

#[test]
fn an_example_without_its_key_file_is_refused() {
    for name in ["entra", "okta", "google", "keycloak"] {
        let text = fs::read_to_string(examples().join(format!("{name}.toml"))).unwrap();
        let report = Folder::new(&text).check(&["--json"]).json();
        let codes: Vec<&str> =
            report["findings"].as_array().unwrap().iter().filter_map(|finding| finding["code"].as_str()).collect();
        assert!(codes.contains(&"keys_unavailable"), "{name}: {codes:?}");
    }
}

fn explained(example: &str, sample: &str, scope: &str) -> Run {
    folder_with(example).explain(&Token::from_sample(sample).sign(keys::corp()), &["--hba-scope", scope, "--json"])
}

#[test]
fn tokens_in_the_layout_of_the_providers_are_granted() {
    for (example, sample, scope, authn_id) in [
        ("entra", "entra_v2_delegated", "openid db.connect", "5d5d5d5d-3333-4444-8555-666666666666"),
        ("entra", "entra_v1_delegated", "db.connect", "5d5d5d5d-3333-4444-8555-666666666666"),
        ("okta", "okta_custom_as", "db.connect", "00u000user0000000h7"),
        ("google", "google_id_token", "openid email", "ana@corp.example"),
        ("keycloak", "keycloak_access", "openid connect:postgres", "6f0c1d2e-3f40-4152-8637-485960718293"),
    ] {
        let run = explained(example, sample, scope);
        let report = run.json();
        assert_eq!((run.code, &report["outcome"]), (0, &"granted".into()), "{sample}: {report:#}");
        assert_eq!((&report["authn_id"], &report["profile"]), (&authn_id.into(), &example.into()), "{sample}");
    }
}

#[test]
fn other_tokens_of_the_same_providers_are_denied() {
    for (example, sample, scope, reason) in [
        ("entra", "entra_v2_delegated", "db.write", "scope_missing"),
        ("entra", "entra_app_only", "db.connect", "scope_missing"),
        ("entra", "okta_custom_as", "db.connect", "issuer_mismatch"),
        ("okta", "okta_client_credentials", "db.connect", "client_not_allowed"),
        ("google", "google_service_account_id_token", "", "audience_mismatch"),
        ("keycloak", "keycloak_id", "openid", "audience_mismatch"),
    ] {
        let run = explained(example, sample, scope);
        let report = run.json();
        assert_eq!((run.code, &report["outcome"]), (1, &"denied".into()), "{sample}: {report:#}");
        assert_eq!(report["reason"], reason, "{example} {sample}: {report:#}");
    }
}
