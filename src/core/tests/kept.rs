//! Every case, decided by the whole configuration and by the part of it that a kept form has for the login: verdict, trace,
//! and what is reported must be the same.

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

use oauth_validator_core::config::settings::SETTINGS;
use oauth_validator_core::{
    BearerToken, Config, ConfigFolder, FolderFile, FormInMemory, KeptChoice, Request, Tracing, Verdict, choose,
    decide_with, kept_form,
};
use oauth_validator_fixtures::cases::{self, Case, Level};
use oauth_validator_fixtures::samples::ISSUED_AT;
use of_case::{CaseResolver, request};
use std::fmt::Write;

/// What came of the cases.
#[derive(Debug, Default)]
struct CaseTotals {
    by_part: usize,
    unsaid: usize,
    unsure: usize,
}

/// What the kept form has for a request; `what` is said if there is none.
fn chosen(config: &Config, request: &Request, what: &str) -> KeptChoice {
    let form = kept_form(config, 1).unwrap_or_else(|| panic!("{what}: no form"));
    choose(&mut FormInMemory { form: &form, made_of: 1 }, request)
}

fn part_of(config: &Config, request: &Request, what: &str) -> Config {
    let KeptChoice::Part(part) = chosen(config, request, what) else { panic!("{what}") };
    *part
}

impl CaseTotals {
    /// Decides both ways; `why` is what is said if they differ.
    fn compare(&mut self, case: &Case, config: &Config, request: &Request, why: &str) {
        let part = match chosen(config, request, &case.name) {
            KeptChoice::Part(part) => part,
            KeptChoice::Unsaid => {
                self.unsaid += 1;
                return;
            }
            KeptChoice::Damaged => panic!("{}: damaged", case.name),
        };
        let token = BearerToken::new(&case.token(ISSUED_AT));
        let decide = |config| decide_with(&mut CaseResolver(case), Tracing::Values, request, &token, config);
        let (by_whole, by_part) = (decide(config), decide(&part));
        assert!(!by_whole.unsure, "{}", case.name);
        if by_part.unsure {
            self.unsure += 1;
            return;
        }
        self.by_part += 1;
        let said = |verdict: &Verdict| format!("{verdict:#?}");
        assert_eq!(said(&by_part), said(&by_whole), "{}: {why}", case.name);
    }
}

fn usable() -> impl Iterator<Item = (&'static Case, String)> {
    cases::all().iter().filter(|case| case.runs_at(Level::Pure)).map(|case| (case, case.config()))
}

fn parsed(text: &str) -> Option<Config> {
    Config::parse(text.as_bytes(), "oauth-validator.toml").config
}

/// Further profiles, each with lines, an issuer and a prefix of its own.
fn others(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        let _ = write!(
            text,
            "\n[profiles.zz-{number}]\nissuer = \"https://zz-{number}.example\"\naudience = [\"zz\"]\n\
             identity = {{ prefix = \"zz-{number}:\" }}\nkeys = {{ jwks_file = \"zz.jwks\" }}\n"
        );
        text
    })
}

#[test]
fn every_case_is_decided_by_the_kept_form_as_by_the_text() {
    let mut count = CaseTotals::default();
    for (case, text) in usable() {
        if let Some(config) = parsed(&text) {
            count.compare(case, &config, &request(case), "alone");
        }
    }
    println!("{count:?}");
    // Unsaid is which names a line may mean that no profile has.
    assert!(count.by_part >= 1000 && count.unsaid <= 30 && count.unsure == 0, "{count:?}");
}

/// A setting that is lost or read as another one would decide otherwise without a word.
#[test]
fn every_setting_comes_back_as_it_was() {
    let mut compared = 0;
    for setting in SETTINGS {
        let text = setting.file_with(setting.key, setting.example);
        let config = parsed(&text).unwrap_or_else(|| panic!("{text}"));
        for profile in config.profiles() {
            let request = Request { hba_profiles: Some(profile.name.clone()), ..Request::default() };
            let part = part_of(&config, &request, &text);
            assert_eq!(format!("{:#?}", part.profiles()), format!("{:#?}", [profile]), "{text}");
            assert_eq!(part.reserved_prefixes(), config.reserved_prefixes(), "{text}");
            compared += 1;
        }
    }
    assert!(compared > 60, "{compared}");
}

#[test]
fn and_among_many_others() {
    let (mut count, others) = (CaseTotals::default(), others(200));
    // Each takes its time: some of all files of the list.
    for (case, text) in usable().step_by(5) {
        if let Some(config) = parsed(&(text + &others)) {
            count.compare(case, &config, &request(case), "among others");
        }
    }
    println!("{count:?}");
    // Of a denial by an identity the form cannot be sure, where others' prefixes are many.
    assert!(count.by_part >= 200 && count.unsure >= 1, "{count:?}");
}

/// A folder whose files are denied, each for another reason, among them one with the profiles of the case itself.
#[test]
fn and_beside_files_with_errors() {
    let mut count = CaseTotals::default();
    let broken = others(3) + "nonsense = true\n";
    for (case, text) in usable() {
        let profiles_alone = parsed(&text).is_some();
        let files = [
            FolderFile { name: "d/a.toml", text: Ok(broken.as_bytes()) },
            FolderFile { name: "d/b.toml", text: Ok(text.as_bytes()) },
            FolderFile { name: "d/c.toml", text: Ok(b"[profiles.x]\nissuer = ") },
        ];
        for main in ["", &text].into_iter().filter(|_| profiles_alone) {
            let folder = ConfigFolder { name: "d", files: &files };
            if let Some(config) = Config::parse_all(main.as_bytes(), "main.toml", folder).config {
                assert!(!config.troubles().is_empty());
                count.compare(case, &config, &request(case), "beside errors");
            }
        }
    }
    println!("{count:?}");
    assert!(count.by_part >= 600, "{count:?}");
}

/// The part refuses what it cannot tell from others' prefixes, and says that it is unsure; it never lets in.
#[test]
fn an_identity_that_may_be_anothers_is_never_let_in_by_a_part() {
    let case = cases::all().iter().find(|case| case.runs_at(Level::Pure) && case.outcome.authn_id.is_some()).unwrap();
    let identity = case.outcome.authn_id.clone().unwrap();
    // All prefixes begin as the identity does, and end otherwise.
    let begin: String = identity.chars().take(3).collect();
    let text = case.config() + &others(200).replace("prefix = \"zz-", &format!("prefix = \"{begin}\u{e9}"));
    let config = parsed(&text).unwrap();
    let part = part_of(&config, &request(case), &case.name);
    let token = BearerToken::new(&case.token(ISSUED_AT));
    let by_whole = decide_with(&mut CaseResolver(case), Tracing::Off, &request(case), &token, &config);
    let by_part = decide_with(&mut CaseResolver(case), Tracing::Off, &request(case), &token, &part);
    assert!(matches!(by_whole.decision, oauth_validator_core::Decision::Granted(_)));
    assert!(by_part.unsure || matches!(by_part.decision, oauth_validator_core::Decision::Granted(_)));
    // And where one of them is a beginning of it, neither does.
    let text = case.config() + &others(200).replace("prefix = \"zz-1:\"", &format!("prefix = \"{begin}\""));
    let config = parsed(&text).unwrap();
    let part = part_of(&config, &request(case), &case.name);
    for config in [&config, &part] {
        let verdict = decide_with(&mut CaseResolver(case), Tracing::Off, &request(case), &token, config);
        assert!(matches!(verdict.decision, oauth_validator_core::Decision::Denied(_)));
    }
}
