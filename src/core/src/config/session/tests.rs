//! `[session]`: what may be written there, what is refused, and where what is not written comes from.

use crate::config::{Config, Profile, SessionEnd, effective};
use crate::finding::FindingCode;

fn file(defaults: &str, preset: &str, session: &str) -> String {
    format!(
        "[defaults.session]\n{defaults}\n[profiles.corp]\n{preset}\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\n\
         [profiles.corp.session]\n{session}\n"
    )
}

fn codes(session: &str) -> Vec<FindingCode> {
    let parsed = Config::parse(file("", "", session).as_bytes(), "f");
    parsed.findings.iter().map(|finding| finding.code).collect()
}

fn profile(defaults: &str, preset: &str, session: &str) -> Profile {
    let text = file(defaults, preset, session);
    let parsed = Config::parse(text.as_bytes(), "f");
    let config = parsed.config.unwrap_or_else(|| panic!("{text}{:#?}", parsed.findings));
    config.profiles().first().cloned().expect("one profile")
}

#[test]
fn what_may_be_written_is_taken() {
    for session in [
        "",
        "end = \"never\"",
        "end = \"token\"\ngrace = \"0s\"\nmax = \"1s\"",
        "end = \"token\"\ngrace = \"7d\"\nmax = \"3650d\"",
        "grace = \"0s\"",
        "claims = { tenant = \"$.tid\", groups = \"$.groups[*]\", \"0\" = \"$.a.b\", a_1 = \"$['x y']\" }",
        "token_id = \"$.uti\"",
    ] {
        assert_eq!(codes(session), [], "{session}");
    }
    let longest = "x".repeat(63);
    assert_eq!(codes(&format!("claims = {{ {longest} = \"$.a\" }}")), []);
}

#[test]
fn everything_else_is_refused() {
    use FindingCode::{BadJsonPath, BadName, BadValue, EmptyValue, OutOfRange, UnknownKey, UnusedSetting, WrongType};
    let too_long = format!("claims = {{ {} = \"$.a\" }}", "x".repeat(64));
    for (session, code) in [
        ("ends = \"token\"", UnknownKey),
        ("end = \"expiry\"", BadValue),
        ("end = true", WrongType),
        ("end = \"token\"\ngrace = \"-1s\"", OutOfRange),
        ("end = \"token\"\ngrace = \"7d 1s\"", OutOfRange),
        ("end = \"token\"\ngrace = 5", WrongType),
        ("max = \"0s\"", OutOfRange),
        ("max = \"forever\"", BadValue),
        ("grace = \"5min\"", UnusedSetting),
        ("max = \"1h\"\ngrace = \"5min\"", UnusedSetting),
        ("claims = {}", EmptyValue),
        ("claims = [\"$.tid\"]", WrongType),
        ("claims = { tenant = \"tid\" }", BadJsonPath),
        ("claims = { tenant = 7 }", WrongType),
        ("claims = { tenant = [\"$.tid\"] }", WrongType),
        ("claims = { tenant-id = \"$.tid\" }", BadName),
        ("claims = { Tenant = \"$.tid\" }", BadName),
        ("claims = { _tenant = \"$.tid\" }", BadName),
        ("claims = { \"\" = \"$.tid\" }", BadName),
        ("claims = { \"a b\" = \"$.tid\" }", BadName),
        ("claims = { \"t\u{e9}nant\" = \"$.tid\" }", BadName),
        (too_long.as_str(), BadName),
        ("token_id = \"jti\"", BadJsonPath),
        ("token_id = \"\"", BadJsonPath),
    ] {
        assert_eq!(codes(session), [code], "{session}");
    }
}

#[test]
fn defaults_hold_where_the_profile_says_nothing() {
    let times = |defaults: &str, session: &str| {
        let session = profile(defaults, "", session).session;
        (session.end, session.grace.as_secs(), session.max.map(|max| max.as_secs()))
    };
    let defaults = "end = \"token\"\ngrace = \"1min\"\nmax = \"24h\"";
    assert_eq!(times("", ""), (SessionEnd::Never, 0, None));
    assert_eq!(times(defaults, ""), (SessionEnd::Token, 60, Some(86_400)));
    assert_eq!(times(defaults, "grace = \"2min\""), (SessionEnd::Token, 120, Some(86_400)));
    assert_eq!(times(defaults, "end = \"never\"\nmax = \"1h\""), (SessionEnd::Never, 60, Some(3600)));
    for wrong in ["claims = { a = \"$.a\" }", "token_id = \"$.uti\""] {
        let parsed = Config::parse(file(wrong, "", "").as_bytes(), "f");
        assert!(parsed.config.is_none(), "{wrong} is a profile's own");
    }
}

#[test]
fn a_presets_token_id_stays_whatever_the_profile_says_besides() {
    let token_id = |preset: &str, session: &str| profile("", preset, session).session.token_id.to_string();
    assert_eq!(token_id("", ""), "$.jti");
    assert_eq!(token_id("preset = \"entra\"", ""), "$.uti");
    assert_eq!(token_id("preset = \"entra\"", "end = \"token\""), "$.uti");
    assert_eq!(token_id("preset = \"entra\"", "token_id = \"$.jti\""), "$.jti");
    let text = "[profiles.corp]\npreset = \"entra\"\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\n";
    let config = Config::parse(text.as_bytes(), "f").config.expect("a valid one");
    assert_eq!(config.profiles()[0].session.token_id.to_string(), "$.uti");
}

#[test]
fn what_holds_is_listed_with_its_origin() {
    let text = file("max = \"24h\"", "preset = \"entra\"", "end = \"token\"\nclaims = { tenant = \"$.tid\" }");
    let listed: Vec<String> = effective(&text, (0, &text), "corp")
        .into_iter()
        .filter(|setting| setting.key.starts_with("session."))
        .map(|setting| format!("{} = {} ({:?})", setting.key, setting.value, setting.origin))
        .collect();
    let wanted = [
        "session.end = \"token\" (Line { file: 0, line: 8 })",
        "session.grace = \"0s\" (BuiltIn)",
        "session.max = \"24h\" (Line { file: 0, line: 2 })",
        "session.claims = { \"tenant\" = \"$.tid\" } (Line { file: 0, line: 9 })",
        "session.token_id = \"$.uti\" (Preset(\"entra\"))",
    ];
    assert_eq!(listed, wanted);
}
