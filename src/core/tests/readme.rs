//! The README's profiles let in whom it says: each with a token in its provider's layout, by the line of pg_hba.conf and
//! the map of pg_ident.conf that stand beside it; and others they keep out.
//!
//! It must never pass because a profile or a line was not recognised: each profile has to have its own.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and reads files"
)]

use oauth_validator_core::config::presets;
use oauth_validator_core::{
    BearerToken, Config, Decision, DecisionState, Finding, FindingCode, Known, Reason, Request, UnixSeconds, decide,
};
use oauth_validator_fixtures::{TokenBuilder, jwks, keys, samples};
use std::fs;
use std::path::Path;

fn readme() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The blocks that are fenced as `language`.
fn fenced(readme: &str, language: &str) -> Vec<String> {
    let blocks = readme.split("\n```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix(&format!("{language}\n"))).map(|text| format!("{text}\n")).collect()
}

/// One provider's part: its profile, and the line and map for it.
struct Part {
    name: String,
    profile: String,
    hba_issuer: String,
    hba_scope: String,
    identity: String,
}

/// The value of `key=` in a line of pg_hba.conf, with or without quotes.
fn option<'a>(line: &'a str, key: &str) -> &'a str {
    let (_, rest) = line.split_once(&format!(" {key}=")).unwrap_or_else(|| panic!("no {key} in {line}"));
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().expect("a closing quote"),
        None => rest.split(' ').next().expect("a value"),
    }
}

fn part(profile: &str, conf: &str) -> Part {
    let (_, rest) = profile.split_once("[profiles.").expect("a profile");
    let name = rest.split(']').next().expect("a name").to_owned();
    let conf = conf.replace("\\\n", " ");
    let hba = conf.lines().find(|line| line.starts_with("hostssl ")).expect("a line of pg_hba.conf");
    let map = option(hba, "map");
    let columns: Vec<&str> =
        conf.lines().find(|line| line.starts_with(&format!("{map} "))).expect("a map").split_whitespace().collect();
    assert_eq!((map, columns.len()), (name.as_str(), 3), "{conf}");
    Part {
        profile: profile.to_owned(),
        hba_issuer: option(hba, "issuer").to_owned(),
        hba_scope: option(hba, "scope").to_owned(),
        identity: columns[1].to_owned(),
        name,
    }
}

fn parts() -> Vec<Part> {
    let readme = readme();
    let (profiles, confs) = (fenced(&readme, "toml"), fenced(&readme, "conf"));
    assert_eq!(profiles.len(), confs.len(), "each profile has its lines");
    profiles.iter().zip(&confs).map(|(profile, conf)| part(profile, conf)).collect()
}

/// What becomes of a token like this sample by a profile, with a key of ours in place of the provider's.
fn decision(part: &Part, sample: &str) -> Decision {
    let keys = jwks(&[keys::corp()]);
    let file = format!("{}\n[profiles.{}.keys]\njwks = '{keys}'\n", part.profile, part.name);
    let config = Config::parse(file.as_bytes(), "README.md").config.unwrap_or_else(|| panic!("{file}"));
    let request = Request {
        hba_issuer: part.hba_issuer.clone(),
        hba_scope: part.hba_scope.clone(),
        role: "ana".into(),
        ..Request::default()
    };
    let token = TokenBuilder::from_sample(sample).at(samples::ISSUED_AT).sign(keys::corp());
    match decide(
        &request,
        &BearerToken::new(token.as_bytes()),
        &config,
        &Known::default(),
        UnixSeconds::new(samples::ISSUED_AT + 1),
    ) {
        DecisionState::Decided(verdict) => verdict.decision,
        DecisionState::Needs(needs) => panic!("the keys are in the file: {needs:?}"),
    }
}

#[test]
fn each_profile_is_valid_as_it_stands() {
    let parts = parts();
    assert_eq!(parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>(), ["entra", "okta", "google"]);
    for part in parts {
        let parsed = Config::parse(part.profile.as_bytes(), "README.md");
        assert!(parsed.config.is_some(), "{}\n{:#?}", part.profile, parsed.findings);
        // The README says of Google that check warns.
        let expected: &[FindingCode] = if part.name == "google" { &[FindingCode::AnyTokenKind] } else { &[] };
        let codes: Vec<FindingCode> = parsed.findings.iter().map(|finding: &Finding| finding.code).collect();
        assert_eq!(codes, expected, "{}", part.name);
    }
}

#[test]
fn each_profile_lets_in_the_person_of_its_map() {
    for (part, sample) in parts().iter().zip(["entra_v2_delegated", "okta_custom_as", "google_id_token"]) {
        match decision(part, sample) {
            Decision::Granted(grant) => assert_eq!(grant.authn_id(), part.identity, "{}", part.name),
            Decision::Denied(denial) => panic!("{}: {denial:?}", part.name),
        }
    }
}

#[test]
fn others_are_kept_out() {
    let parts = parts();
    let [entra, okta, google] = parts.as_slice() else { panic!("three of them") };
    for (part, sample, reason) in [
        // Step 2 of the README prevents this.
        (entra, "entra_v1_delegated", Reason::IssuerMismatch),
        (entra, "entra_app_only", Reason::ScopeMissing),
        (okta, "okta_client_credentials", Reason::ClientNotAllowed),
        (okta, "google_id_token", Reason::IssuerMismatch),
        (google, "google_service_account_id_token", Reason::AudienceMismatch),
        (google, "entra_v2_delegated", Reason::IssuerMismatch),
    ] {
        match decision(part, sample) {
            Decision::Denied(denial) => assert_eq!(denial.reason, reason, "{sample}: {denial:?}"),
            Decision::Granted(grant) => panic!("{sample}: {}", grant.authn_id()),
        }
    }
}

#[test]
fn a_scope_that_nobody_granted_keeps_out() {
    for (mut part, sample) in parts().into_iter().zip(["entra_v2_delegated", "okta_custom_as"]) {
        part.hba_scope += ".admin";
        match decision(&part, sample) {
            Decision::Denied(denial) => assert_eq!(denial.reason, Reason::ScopeMissing, "{denial:?}"),
            Decision::Granted(_) => panic!("{} is not in {sample}", part.hba_scope),
        }
    }
}

#[test]
fn every_preset_has_its_row_with_the_identity_that_init_shows() {
    let readme = readme();
    let mut examples = 0;
    for preset in presets::ALL {
        let head = format!("| `{}` | ", preset.name);
        let row = readme.lines().find_map(|line| line.strip_prefix(head.as_str())).expect(preset.name);
        let (identity, _) = row.split_once(" | ").expect("columns");
        let Some((_, example)) = identity.split_once(": `") else { continue };
        let example = example.trim_end_matches('`').replace("\\|", "|");
        assert_eq!(preset.about().expect("what tools are told").identity, example, "{}", preset.name);
        examples += 1;
    }
    assert!(examples >= 8, "{examples} identities were recognised");
    let rows = readme.lines().filter(|line| line.starts_with("| `")).count();
    assert_eq!(rows, presets::ALL.len(), "rows of presets, each once");
}

#[test]
fn every_page_and_file_it_links_to_exists() {
    let readme = readme();
    let targets: Vec<&str> = readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    let files: Vec<&&str> = targets.iter().filter(|target| !target.starts_with(['#', 'h'])).collect();
    assert!(files.len() >= 10, "{files:?}");
    for target in files {
        let (file, section) = target.split_once('#').unwrap_or((target, ""));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
        assert!(path.exists(), "{target}");
        let is_meant = |line: &str| {
            line.strip_prefix("## ").is_some_and(|heading| heading.to_lowercase().replace(' ', "-") == section)
        };
        let there = section.is_empty() || std::fs::read_to_string(&path).is_ok_and(|text| text.lines().any(is_meant));
        assert!(there, "{target}");
    }
}
