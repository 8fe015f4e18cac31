//! The table of settings says what the parser does: each range ends where the table says, each word to choose from is
//! one, and what may be empty may.
//!
//! The manual and the schema repeat the table, so nothing here may take a range from anywhere else.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and reads files"
)]

use oauth_validator_core::bounds::MAX_TOKEN_BYTES;
use oauth_validator_core::config::settings::{Default, SETTINGS, Setting, ValueKind};
use oauth_validator_core::{Config, FindingCode};

/// A file with this value of a setting, and with what else a valid file has.
fn file(setting: &Setting, value: &str) -> String {
    setting.file_with(setting.key, value)
}

/// What is found about a setting with this value.
fn found(setting: &Setting, value: &str) -> Vec<FindingCode> {
    let file = file(setting, value);
    let parsed = Config::parse(file.as_bytes(), "f.toml");
    let not_read = [FindingCode::Syntax, FindingCode::UnknownKey];
    assert!(!parsed.findings.iter().any(|finding| not_read.contains(&finding.code)), "{file}{:#?}", parsed.findings);
    let table = setting.table.replace('*', "corp");
    let name = if table.is_empty() { setting.key.to_owned() } else { format!("{table}.{}", setting.key) };
    parsed.findings.iter().filter(|finding| finding.message.starts_with(&name)).map(|finding| finding.code).collect()
}

fn with_kind<'a>(of: impl Fn(&'a Setting) -> bool) -> Vec<&'a Setting> {
    let settings: Vec<&Setting> = SETTINGS.iter().filter(|setting| of(setting)).collect();
    assert!(settings.len() >= 2, "too few of this kind");
    settings
}

/// Accepted at both ends, and refused beyond them.
fn assert_ends(setting: &Setting, accepted: [&str; 2], refused: [&str; 2]) {
    for value in accepted {
        let found = found(setting, &format!("\"{value}\""));
        assert!(!found.contains(&FindingCode::OutOfRange), "{setting:?} {value}: {found:?}");
    }
    for value in refused {
        assert_eq!(found(setting, &format!("\"{value}\"")), [FindingCode::OutOfRange], "{setting:?} {value}");
    }
}

/// The profile of a file, as text with every part of it but where that is written.
fn profile_of(file: &str) -> String {
    let needed = "[profiles.corp]\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\n";
    let file = if file.contains("profiles") { file.to_owned() } else { format!("{file}\n{needed}") };
    let parsed = Config::parse(file.as_bytes(), "f.toml");
    let config = parsed.config.unwrap_or_else(|| panic!("{file}{:#?}", parsed.findings));
    let text = format!("{:?} {:?}", config.reserved_prefixes(), config.profiles());
    let origins = regex::Regex::new(r"origin: (BuiltIn|Line \{[^}]*\}|Preset\([^)]*\))").expect("a regular expression");
    origins.replace_all(&text, "origin").into_owned()
}

#[test]
fn every_example_is_valid() {
    for setting in SETTINGS {
        profile_of(&file(setting, setting.example));
    }
}

/// The file of an example, with a comment in place of the key.
fn without(setting: &Setting) -> String {
    format!("\n{}", file(setting, setting.example)).replace(&format!("\n{} = ", setting.key), "\n# ")
}

/// A default that the code has from elsewhere than the table would be another one.
#[test]
fn what_is_not_written_is_as_if_the_default_were() {
    let mut tried = 0;
    for setting in SETTINGS {
        let Some(default) = setting.default.toml().filter(|_| setting.default != Default::Table) else { continue };
        let absent = profile_of(&without(setting));
        let written = profile_of(&file(setting, &default));
        assert_eq!(absent, written, "{}.{}", setting.table, setting.key);
        tried += 1;
    }
    assert!(tried >= 40, "{tried}");
}

#[test]
fn an_example_that_differs_from_the_default_makes_a_difference() {
    let mut same = Vec::new();
    for setting in SETTINGS {
        let table = matches!(setting.kind, ValueKind::Table(..) | ValueKind::Profiles | ValueKind::Presets);
        if table || setting.default.toml().is_none_or(|default| default == setting.example) {
            continue;
        }
        let absent = profile_of(&without(setting));
        if absent == profile_of(&file(setting, setting.example)) {
            same.push(setting.key);
        }
    }
    assert_eq!(same, [""; 0], "these keys are read by nobody");
}

#[test]
fn durations_and_sizes_end_where_the_table_says() {
    for setting in with_kind(|setting| matches!(setting.kind, ValueKind::Duration(..))) {
        let ValueKind::Duration(low, high) = setting.kind else { unreachable!() };
        let (below, above) = (format!("{}s", low.seconds - 1), format!("{}s", high.seconds + 1));
        assert_ends(setting, [low.text, &format!("{}s", high.seconds)], [&below, &above]);
    }
    for setting in with_kind(|setting| matches!(setting.kind, ValueKind::Size(..))) {
        let ValueKind::Size(low, high) = setting.kind else { unreachable!() };
        let (below, above) = (format!("{}B", low.bytes - 1), format!("{}B", high.bytes + 1));
        assert_ends(setting, [low.text, high.text], [&below, &above]);
        assert_eq!(high.bytes, MAX_TOKEN_BYTES, "what PostgreSQL reads");
    }
}

#[test]
fn what_may_be_empty_may_and_nothing_else() {
    for setting in with_kind(|setting| setting.range().is_some()) {
        let empty = match setting.kind.words() {
            kind if kind.starts_with("array") => "[]",
            kind if kind.starts_with("table") => "{}",
            _ => "\"\"",
        };
        let refused = found(setting, empty).contains(&FindingCode::EmptyValue);
        assert_eq!(refused, setting.range() == Some("not empty"), "{setting:?}");
    }
}

#[test]
fn lists_hold_an_empty_string_only_where_the_table_says() {
    let lists = [ValueKind::Strings, ValueKind::StringsOrNone, ValueKind::Urls, ValueKind::Hosts, ValueKind::JsonPaths];
    let mut accepted = Vec::new();
    for setting in with_kind(|setting| lists.contains(&setting.kind)) {
        for value in ["[\"\"]", "[\"\", \"$.a\"]"] {
            let codes = found(setting, value);
            assert_eq!(
                codes.contains(&FindingCode::EmptyValue),
                !setting.may_hold_empty_string,
                "{setting:?}: {codes:?}"
            );
            assert!(codes.len() <= 1, "{setting:?} {value}: {codes:?}");
        }
        accepted.extend(setting.may_hold_empty_string.then_some(setting.key));
    }
    assert_eq!(accepted, ["token_types"]);
}

#[test]
fn the_words_to_choose_from_are_those_of_the_table() {
    for setting in with_kind(|setting| matches!(setting.kind, ValueKind::Word(_))) {
        let ValueKind::Word(words) = setting.kind else { unreachable!() };
        assert!(!words.is_empty(), "{setting:?}");
        for word in words {
            let found = found(setting, &format!("\"{word}\""));
            assert!(!found.contains(&FindingCode::BadValue), "{setting:?} {word}: {found:?}");
        }
        assert_eq!(found(setting, "\"surprise\""), [FindingCode::BadValue], "{setting:?}");
    }
}

#[test]
fn algorithms_are_those_of_the_table() {
    let setting = SETTINGS.iter().find(|setting| setting.key == "algorithms").expect("the setting");
    let ValueKind::Words(names) = setting.kind else { panic!("{setting:?}") };
    for name in names {
        assert_eq!(found(setting, &format!("[\"{name}\"]")), [], "{name}");
    }
    for name in ["HS256", "none", "RS1", "rs256"] {
        assert_eq!(found(setting, &format!("[\"{name}\"]")), [FindingCode::BadValue], "{name}");
    }
}

#[test]
fn what_is_true_or_false_is_nothing_else() {
    for setting in with_kind(|setting| [ValueKind::Boolean, ValueKind::True].contains(&setting.kind)) {
        assert!(!found(setting, "true").contains(&FindingCode::WrongType), "{setting:?}");
        let refused = found(setting, "false").contains(&FindingCode::BadValue);
        assert_eq!(refused, setting.kind == ValueKind::True, "{setting:?}");
        assert_eq!(found(setting, "\"true\""), [FindingCode::WrongType], "{setting:?}");
    }
}

#[test]
fn every_kind_has_values_of_another_type_that_are_refused() {
    for setting in SETTINGS.iter().filter(|setting| ![ValueKind::Json, ValueKind::Jsons].contains(&setting.kind)) {
        let codes = found(setting, "7");
        assert!(codes.contains(&FindingCode::WrongType), "{setting:?}: {codes:?}");
    }
}
