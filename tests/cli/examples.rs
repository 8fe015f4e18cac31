//! The examples of config/examples: valid as they are, and good for the tokens of the providers they are named after.
//!
//! Those providers are never asked: where tokens are judged, the keys come from a file.

use crate::support::{CONFIG, Folder, Run};
use oauth_validator_core::config::KeySource;
use oauth_validator_core::{ClientAuth, Config, Location};
use oauth_validator_fixtures::examples::with_key_file;
use oauth_validator_fixtures::{TokenBuilder, jwks, keys, samples};
use oauth_validator_mock_provider::{MockProvider, Reply};
use std::fs;
use std::path::PathBuf;

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config/examples")
}

fn text_of(example: &str) -> String {
    fs::read_to_string(examples().join(format!("{example}.toml"))).expect("the example exists")
}

/// A folder with the example as its configuration, beside a file with the everyday issuer's key.
fn folder_with(example: &str) -> Folder {
    let folder = Folder::new(&with_key_file(&text_of(example), example));
    folder.write(&format!("{example}.jwks.json"), &jwks(&[keys::corp()]).to_string());
    folder
}

#[test]
fn each_example_is_valid_as_it_is() {
    let names: Vec<String> = fs::read_dir(examples())
        .expect("config/examples exists")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert!(names.len() >= 4, "{names:?}");
    for name in names {
        let folder = Folder::new(&text_of(&name));
        folder.write("graph.secret", "which entra-groups has\n");
        let checked = folder.check(&["--json"]);
        let report = checked.json();
        assert_eq!((checked.code, &report["valid"]), (0, &true.into()), "{name}: {report:#}");
    }
}

#[test]
fn the_keys_of_each_example_come_from_its_provider_alone() {
    for name in ["entra", "okta", "google", "keycloak"] {
        let config = Config::parse(text_of(name).as_bytes(), CONFIG).config.expect("a valid example");
        let KeySource::Provider(source) = &config.profiles()[0].keys else { panic!("{name}: another source") };
        assert_eq!(source.settings.location, Location::Issuer, "{name}");
        let other_hosts: &[&str] = if name == "google" { &["www.googleapis.com"] } else { &[] };
        assert_eq!(source.settings.allowed_hosts, other_hosts, "{name}");
        let reach = &source.settings.reach;
        assert_eq!((&reach.ca, &reach.proxy, reach.insecure_http), (&None, &None, false), "{name}");
    }
}

/// Google's own samples of answers, from a mock in Google's place.
#[test]
fn the_example_for_tokeninfo_asks_google_and_takes_its_answers() {
    let config = Config::parse(text_of("google-tokeninfo").as_bytes(), CONFIG).config.expect("a valid example");
    let KeySource::Online(check) = &config.profiles()[0].keys else { panic!("keys") };
    assert_eq!((check.endpoint.as_str(), &check.auth), ("https://oauth2.googleapis.com/tokeninfo", &ClientAuth::None));
    let provider = MockProvider::start();
    let keys = format!("keys = {{ ca_file = \"{}\" }}\nmax_lifetime", provider.ca_file().display());
    let text = text_of("google-tokeninfo").replace("https://oauth2.googleapis.com", &provider.base_url());
    let folder = Folder::new(&text.replacen("max_lifetime", &keys, 1));
    for (sample, code, words) in [
        ("google_tokeninfo_user", 0, "112010400000000710080"),
        ("google_tokeninfo_service_account", 1, "audience_mismatch"),
    ] {
        provider.set_reply("/tokeninfo", Reply::json(&samples::sample(sample).payload));
        let run = folder.explain("ya29.a0AfB_byC", &["--hba-scope", "openid"]);
        assert!(run.code == code && run.stdout.contains(words), "{sample}: {}{}", run.stdout, run.stderr);
        assert!(!run.stdout.contains("a0AfB"), "{}", run.stdout);
    }
}

#[test]
fn an_example_with_a_misspelt_setting_of_the_provider_is_refused() {
    let text = text_of("google").replace("\nallowed_hosts = ", "\nallowed_host = ");
    let report = Folder::new(&text).check(&["--json"]);
    let codes: Vec<_> = report.json()["findings"].as_array().unwrap().iter().map(|f| f["code"].clone()).collect();
    assert!(report.code == 1 && codes.contains(&"unknown_key".into()), "{codes:?}");
}

fn explained(example: &str, sample: &str, scope: &str) -> Run {
    folder_with(example)
        .explain(&TokenBuilder::from_sample(sample).sign(keys::corp()), &["--hba-scope", scope, "--json"])
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
