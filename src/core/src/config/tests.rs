//! Every way to get the file as a whole wrong: its syntax, its tables, how its profiles go together, and the files that are
//! shipped. What is wrong with one setting is in `tests/values.rs`.

mod presets;
mod values;

use super::settings::SETTINGS;
use super::{Config, Origin};
use crate::decision::Denial;
use crate::finding::{Finding, FindingCode, Severity};
use std::collections::BTreeSet;

pub(super) const GOOD: &str =
    "[profiles.corp]\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\nkeys = { jwks_file = \"k\" }\n";

pub(super) fn findings(text: &str) -> Vec<Finding> {
    let parsed = Config::parse(text.as_bytes(), "f.toml");
    assert_eq!(parsed.config.is_none(), parsed.findings.iter().any(Finding::is_error), "{text}");
    parsed.findings
}

/// A good profile with further lines, and the codes and lines of what is found.
pub(super) fn found(further: &str) -> Vec<(FindingCode, usize)> {
    findings(&format!("{GOOD}{further}\n")).iter().map(|finding| (finding.code, finding.position.line)).collect()
}

#[track_caller]
pub(super) fn one(further: &str, code: FindingCode) {
    assert_eq!(found(further), [(code, 5)], "{further}");
}

#[test]
fn a_short_profile_is_enough() {
    assert_eq!(found(""), []);
    assert_eq!(findings(""), []);
    assert_eq!(findings("# nothing\n"), []);
    assert!(Config::parse(b"", "f").config.unwrap().profiles().is_empty());
    assert_eq!(findings(&GOOD.replace('\n', "\r\n")), []);
    assert_eq!(findings(&format!("\u{feff}{GOOD}")), []);
}

#[test]
fn required_keys() {
    for (line, code) in [
        ("issuer = \"https://idp.example\"\n", FindingCode::MissingKey),
        ("audience = [\"pg\"]\n", FindingCode::MissingKey),
    ] {
        let findings = findings(&GOOD.replace(line, ""));
        assert_eq!(findings.len(), 1, "{findings:#?}");
        assert_eq!((findings[0].code, findings[0].position.line), (code, 1), "{line}");
    }
}

/// Beside the example of each setting, which itself is no error.
#[test]
fn unknown_keys_are_refused_in_every_table() {
    for setting in SETTINGS {
        let text = setting.file_with(setting.key, &format!("{}\nsurprise = 1", setting.example));
        let errors: Vec<FindingCode> =
            findings(&text).iter().filter(|finding| finding.is_error()).map(|finding| finding.code).collect();
        assert_eq!(errors, [FindingCode::UnknownKey], "{}\n{text}", setting.table);
    }
}

#[test]
fn a_misspelt_key_names_line_column_and_the_nearest_key() {
    let finding = &findings(&format!("{GOOD}  algoritms = [\"RS256\"]\n"))[0];
    assert_eq!(finding.position.to_string(), "5:3");
    assert_eq!(finding.message, "unknown key \"algoritms\" in [profiles.corp]");
    assert_eq!(finding.hint.as_deref(), Some("did you mean \"algorithms\"?"));
    let finding = &findings(&format!("{GOOD}[profiles.corp.scope]\n\u{e4}\u{f6} = 1\n"));
    assert_eq!(finding[0].code, FindingCode::Syntax, "bare keys are ASCII");
}

#[test]
fn all_findings_come_at_once() {
    let text = "typo = 1\n[profiles.Corp]\nissuer = 7\naudience = []\nalgorithms = [\"HS256\"]\n[profiles.Corp.identity]\nclaim = \"sub\"\n[profiles.Corp.keys]\njwks_file = \"k\"\njwks_url = \"http://k\"\n";
    let codes: Vec<FindingCode> = findings(text).iter().map(|finding| finding.code).collect();
    assert_eq!(
        codes,
        [
            FindingCode::UnknownKey,
            FindingCode::BadName,
            FindingCode::WrongType,
            FindingCode::EmptyValue,
            FindingCode::BadValue,
            FindingCode::BadJsonPath,
            FindingCode::KeySource,
            FindingCode::BadUrl,
        ]
    );
}

#[test]
fn names_of_profiles() {
    for name in ["corp", "0", "a-b_c", &"x".repeat(63)] {
        assert_eq!(findings(&GOOD.replace("profiles.corp", &format!("profiles.{name}"))), [], "{name}");
    }
    for name in ["Corp", "-a", "_a", "\"a b\"", "\"\"", "\"a.b\"", "\"\u{e4}\"", &"x".repeat(64)] {
        let text = GOOD.replace("profiles.corp", &format!("profiles.{name}"));
        assert_eq!(findings(&text)[0].code, FindingCode::BadName, "{name}");
    }
}

#[test]
fn syntax_errors_have_a_place() {
    for (text, line) in [
        ("[profiles.corp\n", 1),
        (&*format!("{GOOD}issuer = \"https://two.example\"\n"), 5),
        (&*format!("{GOOD}\n{GOOD}"), 6),
        (&*format!("{GOOD}x = \n"), 5),
        (&*format!("{GOOD}\"\n"), 5),
    ] {
        let findings = findings(text);
        let syntax = findings.iter().find(|finding| finding.code == FindingCode::Syntax);
        assert_eq!(syntax.map(|finding| finding.position.line), Some(line), "{text}\n{findings:#?}");
    }
    let parsed = Config::parse(b"a = 1\nb = \"\xff\"\n", "f");
    assert_eq!(
        (parsed.findings[0].code, parsed.findings[0].position.to_string().as_str()),
        (FindingCode::NotUtf8, "2:6")
    );
    assert!(parsed.config.is_none());
}

#[test]
fn defaults_are_for_profiles_that_say_nothing() {
    let limits = |text: &str| {
        let config = Config::parse(text.as_bytes(), "f").config.unwrap();
        let profile = &config.profiles()[0];
        (profile.clock_skew.as_secs(), profile.max_lifetime.value.as_secs(), profile.max_token_size.value)
    };
    assert_eq!(limits(GOOD), (30, 86_400, 16_384));
    let defaults = "[defaults]\nclock_skew = \"10s\"\nmax_lifetime = \"1h\"\nmax_token_size = \"8kB\"\n";
    assert_eq!(limits(&format!("{defaults}{GOOD}")), (10, 3600, 8192));
    assert_eq!(limits(&format!("{defaults}{GOOD}max_lifetime = \"2h\"\n")), (10, 7200, 8192));
}

#[test]
fn codes_are_unique() {
    let codes: BTreeSet<&str> = FindingCode::ALL.iter().map(|code| code.code()).collect();
    assert_eq!(codes.len(), FindingCode::ALL.len());
    assert!(FindingCode::ALL.iter().any(|code| code.severity() == Severity::Warning));
}

#[test]
fn the_packaged_file_shows_every_key_and_trusts_nobody() {
    let file = include_str!("../../../../config/oauth-validator.toml");
    assert_eq!(findings(file), []);
    assert!(Config::parse(file.as_bytes(), "f").config.unwrap().profiles().is_empty());
    for setting in SETTINGS.iter().filter(|setting| !setting.kind.words().contains("table")) {
        let shown = file.lines().filter_map(|line| line.strip_prefix('#')).any(|line| {
            line.starts_with(&format!("{} ", setting.key)) || line.contains(&format!(" {} = ", setting.key))
        });
        assert!(shown, "{}.{}", setting.table, setting.key);
    }
    // Once the comment signs are taken off, it is TOML with known keys alone; that each value is right is said in tests/settings.rs.
    let settings = file.lines().filter_map(|line| line.strip_prefix('#')).filter(|line| !line.starts_with([' ', ':']));
    let text: String = settings.map(|line| format!("{line}\n")).collect();
    let codes: Vec<FindingCode> = Config::parse(text.as_bytes(), "f").findings.iter().map(|found| found.code).collect();
    assert!(!codes.contains(&FindingCode::Syntax) && !codes.contains(&FindingCode::UnknownKey), "{codes:?}");
    assert!(text.lines().count() >= 100, "{text}");
}

#[test]
fn the_examples_are_valid() {
    for (name, file, warnings) in [
        ("entra", include_str!("../../../../config/examples/entra.toml"), &[][..]),
        ("okta", include_str!("../../../../config/examples/okta.toml"), &[]),
        (
            "google",
            include_str!("../../../../config/examples/google.toml"),
            &[FindingCode::AnyTokenKind, FindingCode::MutableIdentity],
        ),
        ("keycloak", include_str!("../../../../config/examples/keycloak.toml"), &[]),
    ] {
        let codes: Vec<FindingCode> = findings(file).iter().map(|finding| finding.code).collect();
        assert_eq!(codes, warnings, "{name}");
        assert_eq!(Config::parse(file.as_bytes(), "f").config.unwrap().profiles()[0].name, name);
    }
}

#[test]
fn profiles_of_one_line_need_prefixes_of_their_own() {
    let two = |own: &str, twin: &str| {
        let text = format!("{GOOD}{own}\n{}{twin}\n", GOOD.replace("corp", "twin").replace("[\"pg\"]", "[\"tw\"]"));
        findings(&text).iter().any(|finding| finding.code == FindingCode::SharedLine)
    };
    let prefix = |prefix: &str| format!("identity = {{ prefix = \"{prefix}\" }}");
    assert!(!two(&prefix("corp:"), &prefix("twin:")));
    assert!(two(&prefix("corp:"), ""));
    assert!(two("", &prefix("twin:")));
    assert!(two(&prefix("same:"), &prefix("same:")));
    assert!(two(&prefix("a:"), &prefix("a:b:")), "one begins the other");
    assert!(!two("databases = [\"a\"]", "databases = [\"b\"]"));
    assert!(two("databases = [\"a\"]", "databases = [\"b\", \"a\"]"));
    assert!(two("databases = [\"a\"]", ""));
    assert!(!two("hba_issuers = [\"https://other.example\"]", ""));
    assert!(two("hba_issuers = [\"https://idp.example/\"]", ""), "the well-known URLs are the same");
}

#[test]
fn one_profile_may_serve_two_spellings_of_a_line() {
    let spellings = "hba_issuers = [\"https://idp.example/\", \"https://idp.example\"]\n";
    assert_eq!(found(spellings), []);
    // Another with the same two is found once.
    let twin = format!(
        "{spellings}{}{spellings}",
        GOOD.replace("corp", "twin").replace("idp.", "idp2.").replace("[\"pg\"]", "[\"tw\"]")
    );
    assert_eq!(found(&twin), [(FindingCode::SharedLine, 10)]);
}

#[test]
fn profiles_are_in_the_order_of_their_names_wherever_they_are_written() {
    let profile = |name: &str, issuer: &str| GOOD.replace("corp", name).replace("idp.example", issuer);
    let names = ["b-2", "b-10", "b", "a"];
    let text = names.map(|name| profile(name, &format!("{name}.example"))).concat();
    let config = Config::parse(text.as_bytes(), "f").config.unwrap();
    let in_order: Vec<&str> = config.profiles().iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(in_order, ["a", "b", "b-10", "b-2"]);
    // Of two with one issuer, the later one by name has the finding: here all but the last one of the file.
    let findings = findings(&names.map(|name| profile(name, "idp.example")).concat());
    let shared = findings.iter().filter(|finding| finding.code == FindingCode::SharedIssuer);
    assert_eq!(shared.map(|finding| finding.position.line).collect::<Vec<_>>(), [2, 6, 10]);
}

#[test]
fn the_issuer_stands_in_for_lists_of_issuers_that_are_not_written() {
    let config = |further: &str| Config::parse(format!("{GOOD}{further}").as_bytes(), "f").config.unwrap();
    let alone = config("");
    let profile = &alone.profiles()[0];
    assert_eq!(profile.hba_issuers(), ["https://idp.example"]);
    assert_eq!(profile.token_issuers(), ["https://idp.example"]);
    assert_eq!(profile.token_issuers_origin(), Origin::Line { file: 0, line: 2 });
    // What is written takes its place: the issuer itself is then no longer served.
    let written = config("hba_issuers = [\"https://line.example\"]\ntoken_issuers = [\"token.example\"]\n");
    let profile = &written.profiles()[0];
    assert_eq!(profile.hba_issuers(), ["https://line.example"]);
    assert_eq!(profile.token_issuers(), ["token.example"]);
    assert_eq!(profile.token_issuers_origin(), Origin::Line { file: 0, line: 6 });
}

/// A file of a team could write lines of its own into the server's log otherwise.
#[test]
fn no_finding_holds_a_control_character() {
    let name = "a\\u0007\\nLOG:  granted\\u009b";
    for text in [
        format!("\"{name}\" = 1\n"),
        format!("[\"{name}\"]\nx = 1\n"),
        format!("{GOOD}\"{name}\" = 1\n"),
        format!("[profiles.\"{name}\"]\nissuer = \"https://i.example\"\n"),
        format!("{GOOD}identity = {{ claim = \"$.{name}\" }}\n"),
        format!("{GOOD}identity = {{ pattern = \"({name}\" }}\n"),
        format!("{GOOD}hba_issuers = [\"http://{name}\"]\n"),
        format!("{GOOD}token_kind = \"{name}\"\n"),
    ] {
        let parsed = Config::parse(text.as_bytes(), "f");
        assert!(!parsed.findings.is_empty(), "{text}");
        for finding in &parsed.findings {
            let labels: String = finding.related.iter().map(|related| related.label.as_str()).collect();
            let said = format!("{}{}{labels}", finding.message, finding.hint.as_deref().unwrap_or_default());
            assert!(!said.contains(char::is_control), "{text}: {said:?}");
        }
        if parsed.findings.iter().any(Finding::is_error) {
            let denial = Denial::config_invalid("f", &parsed.findings);
            assert!(!denial.detail.contains(char::is_control), "{denial:?}");
        }
    }
}
