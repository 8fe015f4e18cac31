//! The list of cases, decided by the core alone: no files, no process, no clock.
//!
//! Also says what the list as a whole must hold. `tests/README.md` tells of the other levels.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and reads files"
)]

mod of_case;

use oauth_validator_core::config::presets::{self, Preset};
use oauth_validator_core::{BearerToken, Config, Decision, Denial, Reason, Tracing, Verdict, decide_with};
use oauth_validator_fixtures::cases::{self, Case, ExpectedOutcome, Level};
use oauth_validator_fixtures::samples::ISSUED_AT;
use of_case::{CaseResolver, request};
use std::collections::BTreeSet;

/// What the core decides; for a denial, all that it says as well.
fn decided(case: &Case) -> (ExpectedOutcome, Option<Denial>) {
    let text = case.config();
    let parsed = Config::parse(text.as_bytes(), "oauth-validator.toml");
    let denied = |denial: Denial| {
        let outcome =
            ExpectedOutcome { code: Some(denial.reason.code().to_owned()), authn_id: denial.authn_id.clone() };
        (outcome, Some(denial))
    };
    let Some(config) = parsed.config else {
        return denied(Denial::config_invalid("oauth-validator.toml", &parsed.findings));
    };
    match seen_by_everybody(case, &config) {
        Decision::Denied(denial) => denied(denial),
        Decision::Granted(grant) => (ExpectedOutcome { code: None, authn_id: Some(grant.authn_id().to_owned()) }, None),
    }
}

/// The decision, which is the same whoever reads its trace.
fn seen_by_everybody(case: &Case, config: &Config) -> Decision {
    let (request, token) = (request(case), BearerToken::new(&case.token(ISSUED_AT)));
    let decided = |tracing| decide_with(&mut CaseResolver(case), tracing, &request, &token, config);
    let verdict = decided(Tracing::Values);
    for tracing in [Tracing::Off, Tracing::Steps] {
        let other = decided(tracing);
        assert_eq!(format!("{:?}", other.decision), format!("{:?}", verdict.decision), "{}: {tracing:?}", case.name);
        let lines = |verdict: &Verdict| verdict.trace.log_lines().collect::<Vec<_>>();
        let wanted = if tracing == Tracing::Off { Vec::new() } else { lines(&verdict) };
        assert_eq!(lines(&other), wanted, "{}: {tracing:?}", case.name);
        let facts = other.trace.steps().iter().flat_map(|passage| &passage.facts).count();
        assert_eq!(facts, 0, "{}: values are for explain alone", case.name);
    }
    verdict.decision
}

#[test]
fn every_case_is_decided_as_the_list_says() {
    let cases: Vec<&Case> = cases::all().iter().filter(|case| case.runs_at(Level::Pure)).collect();
    let mut disagreements = Vec::new();
    for case in &cases {
        let (outcome, denial) = decided(case);
        if let Some(words) = case.disagrees(&outcome) {
            disagreements
                .push(format!("{words}{}", denial.map_or_else(String::new, |denial| format!(": {}", denial.detail))));
        }
    }
    let refused = cases.iter().filter(|case| case.outcome.code.is_some()).count();
    println!("{} cases decided by the core, {refused} of them refused", cases.len());
    assert!(disagreements.is_empty(), "{} of {}:\n{}", disagreements.len(), cases.len(), disagreements.join("\n"));
    assert!(cases.len() >= 300 && refused >= 200, "{refused} of {}", cases.len());
}

/// A denial is read by people and by programs: one line each, with nothing of the token in it.
#[test]
fn no_denial_quotes_the_token() {
    for case in cases::all().iter().filter(|case| case.runs_at(Level::Pure)) {
        let (_, Some(denial)) = decided(case) else { continue };
        let said = format!("{} {} {}", denial.message(), denial.detail, denial.hint);
        assert!(!said.contains(|c: char| c.is_control()), "{}: {said:?}", case.name);
        let token = String::from_utf8_lossy(&case.token(ISSUED_AT)).into_owned();
        let quoted = token.split('.').find(|part| part.len() > 12 && said.contains(*part));
        assert_eq!(quoted, None, "{}: {said}", case.name);
    }
}

/// A denial by a profile with a preset says what to do at its provider, where the preset knows that, and nothing of the kind
/// otherwise.
#[test]
fn a_denial_speaks_of_its_provider_where_the_preset_knows_the_cure() {
    let hints = |preset: &Preset| Reason::ALL.iter().filter_map(|reason| preset.hint(*reason)).collect::<Vec<_>>();
    let mut spoken = BTreeSet::new();
    for case in cases::all().iter().filter(|case| case.runs_at(Level::Pure)) {
        let text = case.config();
        let Some(config) = Config::parse(text.as_bytes(), "f").config else { continue };
        let (_, Some(denial)) = decided(case) else { continue };
        let said: Vec<&str> = presets::ALL.iter().flat_map(hints).filter(|hint| denial.hint.ends_with(hint)).collect();
        let profile = config.profiles().iter().find(|one| Some(&one.name) == denial.profile.as_ref());
        let preset = profile.and_then(|profile| Preset::named(profile.preset?));
        match preset {
            Some(preset) => assert_eq!(
                said.first().copied(),
                preset.hint(denial.reason).filter(|_| {
                    denial.reason != Reason::TokenMalformed || denial.hint.starts_with(denial.reason.remedy())
                }),
                "{}: {}",
                case.name,
                denial.hint
            ),
            None => assert!(
                said.is_empty() || matches!(denial.reason, Reason::TokenMalformed | Reason::IssuerMismatch),
                "{}: {}",
                case.name,
                denial.hint
            ),
        }
        spoken.extend(preset.filter(|_| !said.is_empty()).map(|preset| preset.name));
    }
    // Whose provider is asked has no case here.
    let asked = ["dex", "django-oauth-toolkit", "hydra", "okta-org", "zitadel-opaque"];
    let with_hints = presets::ALL.iter().filter(|preset| !hints(preset).is_empty() && !asked.contains(&preset.name));
    let with_hints = with_hints.map(|preset| preset.name);
    let unspoken: Vec<&str> = with_hints.filter(|name| !spoken.contains(name)).collect();
    assert_eq!(unspoken, [""; 0], "each preset's hint has a case that shows it");
}

#[test]
fn every_attack_has_a_case_and_a_refusal() {
    let of_the_server_alone = 6..=11;
    let numbers = |refused: bool| -> BTreeSet<u8> {
        let cases = cases::all().iter().filter(|case| !refused || case.outcome.code.is_some());
        cases.flat_map(|case| case.attacks.iter().copied()).collect()
    };
    let of_answers = [59, 60, 64, 66, 67, 68];
    let of_shapes = [70, 71];
    let of_sessions = [80];
    let of_tokens = (1..=48).filter(|number| !of_the_server_alone.contains(number));
    let wanted: BTreeSet<u8> = of_tokens.chain(of_answers).chain(of_shapes).chain(of_sessions).collect();
    assert_eq!(numbers(false), wanted);
    assert_eq!(numbers(true), wanted);
}

/// The codes of denials that a token, a key file or a line can bring about.
#[test]
fn every_reason_has_a_case() {
    let elsewhere = [Reason::ConfigUnreadable, Reason::SessionEndImpossible, Reason::NotMapped, Reason::Internal];
    let codes: BTreeSet<&str> = cases::all().iter().filter_map(|case| case.outcome.code.as_deref()).collect();
    let known: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    assert_eq!(codes.difference(&known).collect::<Vec<_>>(), [&""; 0]);
    let without: Vec<&Reason> =
        Reason::ALL.iter().filter(|reason| !elsewhere.contains(reason) && !codes.contains(reason.code())).collect();
    assert!(without.is_empty(), "{without:?}");
}

/// Cases that are left out somewhere must stay the exception.
#[test]
fn nearly_all_cases_are_run_at_every_level() {
    let cases = cases::all();
    let everywhere = cases.iter().filter(|case| case.levels.len() == 3).count();
    assert!(everywhere * 100 >= cases.len() * 95, "{everywhere} of {}", cases.len());
}
