//! Every way to get the file wrong, with the code and the place that is reported.

use super::settings::SETTINGS;
use super::{Config, Origin};
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
fn found(further: &str) -> Vec<(FindingCode, usize)> {
    findings(&format!("{GOOD}{further}\n")).iter().map(|finding| (finding.code, finding.position.line)).collect()
}

#[track_caller]
fn one(further: &str, code: FindingCode) {
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

#[test]
fn unknown_keys_are_refused_in_every_table() {
    let tables: BTreeSet<&str> = SETTINGS.iter().map(|setting| setting.table).collect();
    for table in tables {
        let text = match table {
            "" => format!("surprise = 1\n{GOOD}"),
            "defaults" => format!("{GOOD}[defaults]\nsurprise = 1\n"),
            "profiles.*" => format!("{GOOD}surprise = 1\n"),
            "profiles.*.introspection" => {
                format!("{GOOD}mode = \"introspection\"\nintrospection = {{ endpoint = \"https://i\", auth = \"none\", surprise = 1 }}\n")
                    .replace("keys = { jwks_file = \"k\" }\n", "")
            }
            "defaults.keys" => format!("{GOOD}[defaults.keys]\nsurprise = 1\n"),
            "profiles.*.keys" => GOOD.replace("{ jwks_file", "{ surprise = 1, jwks_file"),
            "profiles.*.require" => {
                format!("{GOOD}[[profiles.corp.require]]\nclaim = \"$.a\"\nequals = 1\nsurprise = 1\n")
            }
            "profiles.*.access_token" => {
                format!("{GOOD}[[profiles.corp.access_token]]\nclaim = \"$.a\"\nequals = 1\nsurprise = 1\n")
            }
            "profiles.*.identity.fallback" => {
                format!("{GOOD}identity = {{ fallback = {{ claim = \"$.azp\", prefix = \"app:\", surprise = 1 }} }}\n")
            }
            "profiles.*.roles" => format!("{GOOD}roles = {{ claim = \"$.r[*]\", exact = true, surprise = 1 }}\n"),
            "profiles.*.clients" => {
                format!("{GOOD}clients = {{ claims = [\"$.azp\"], allow = [\"a\"], surprise = 1 }}\n")
            }
            table => format!("{GOOD}[{}]\nsurprise = 1\n", table.replace('*', "corp")),
        };
        let codes: Vec<FindingCode> = findings(&text).iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [FindingCode::UnknownKey], "{table:?}\n{text}");
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
fn wrong_types() {
    for line in [
        "algorithms = \"RS256\"",
        "algorithms = [256]",
        "token_types = 7",
        "clock_skew = 30",
        "max_lifetime = 24",
        "max_token_size = 16384",
        "databases = \"app\"",
        "replication = \"yes\"",
        "actor = true",
        "deny_jti = \"x\"",
        "scope = \"scp\"",
        "identity = \"$.sub\"",
        "require = \"x\"",
        "scope = { claim = 7 }",
        "scope = { required = \"db\" }",
        "identity = { verified_by = true }",
        "identity = { verified_values = [1979-05-27] }",
        "clients = { claims = [\"$.azp\"], allow = \"psql\" }",
    ] {
        one(line, FindingCode::WrongType);
    }
    assert_eq!(findings("profiles = 7\n")[0].code, FindingCode::WrongType);
    assert_eq!(findings("[profiles]\ncorp = 7\n")[0].code, FindingCode::WrongType);
    assert_eq!(findings("[[profiles]]\nissuer = \"x\"\n")[0].code, FindingCode::WrongType);
    assert_eq!(findings(&GOOD.replace("[\"pg\"]", "\"pg\""))[0].code, FindingCode::WrongType);
}

#[test]
fn limits_at_their_edges() {
    for (good, bad) in [
        ("clock_skew = \"5min\"", "clock_skew = \"301s\""),
        ("clock_skew = \"0s\"", "clock_skew = \"-1s\""),
        ("max_lifetime = \"1s\"", "max_lifetime = \"0s\""),
        ("max_token_size = \"65535B\"", "max_token_size = \"65536B\""),
        ("max_token_size = \"1B\"", "max_token_size = \"0B\""),
    ] {
        assert_eq!(found(good), [], "{good}");
        one(bad, FindingCode::OutOfRange);
    }
    one("max_lifetime = \"29h 1s\"", FindingCode::LongLifetime);
    assert_eq!(found("max_lifetime = \"29h\""), []);
}

#[test]
fn bad_values() {
    for line in [
        "algorithms = [\"HS256\"]",
        "algorithms = [\"none\"]",
        "algorithms = [\"rs256\"]",
        "algorithms = [\"RS256\", \"RS256\"]",
        "mode = \"online\"",
        "preset = \"entraid\"",
        "identity = { type = \"float\" }",
        "identity = { case = \"upper\" }",
        "token_kind = \"id\"",
        "actor = \"maybe\"",
        "clock_skew = \"soon\"",
        "max_token_size = \"16KB\"",
        "scope = { hba = \"maybe\" }",
        "deny_jti = [\"a\", \"a\"]",
    ] {
        one(line, FindingCode::BadValue);
    }
    for line in [
        "algorithms = []",
        "token_types = []",
        "databases = []",
        "hba_issuers = []",
        "token_issuers = []",
        "scope = { separator = \"\" }",
        "identity = { verified_values = [] }",
    ] {
        one(line, FindingCode::EmptyValue);
    }
    for line in [
        "identity = { claim = \"sub\" }",
        "identity = { claim = \"\" }",
        "scope = { claim = \"$[\" }",
        "clients = { claims = [\"azp\"], allow = [\"a\"] }",
    ] {
        one(line, FindingCode::BadJsonPath);
    }
}

#[test]
fn issuers_are_plain_https_urls() {
    for issuer in [
        "http://idp.example",
        "idp.example",
        "https://",
        "https://user@idp.example",
        "https://idp.example?x=1",
        "https://idp.example#x",
        "https://*.example",
        "https://login.microsoftonline.com/{tenantid}/v2.0",
        "https://idp.example/.well-known/openid-configuration",
        "https://idp.ex\u{430}mple",
        "https://idp.example ",
        "HTTPS://idp.example",
    ] {
        let text = GOOD.replace("https://idp.example", issuer);
        let codes: Vec<FindingCode> = findings(&text).iter().map(|finding| finding.code).collect();
        assert!(codes.contains(&FindingCode::BadUrl), "{issuer}: {codes:?}");
        one(&format!("hba_issuers = [\"{issuer}\"]"), FindingCode::BadUrl);
    }
}

#[test]
fn the_issuer_of_tokens_is_any_text() {
    for text in [
        "http://idp.example",
        "accounts.google.com",
        "Corp Token Service",
        "https://user@idp.example?x=1#x",
        " padded ",
        "idp.ex\u{430}mple",
        "urn:corp",
        "none",
        &"a".repeat(2048),
    ] {
        assert_eq!(found(&format!("token_issuers = [\"{text}\"]")), [], "{text}");
    }
    for text in ["https://*.example", "https://idp.example/{tenant}/v2.0"] {
        one(&format!("token_issuers = [\"{text}\"]"), FindingCode::LiteralIssuer);
    }
    for text in ["a\\nb", "\\u0000", "\\u007f", "\\u0085", &"a".repeat(2049), &"\u{e4}".repeat(1025)] {
        one(&format!("token_issuers = [\"{text}\"]"), FindingCode::BadValue);
    }
    one("token_issuers = [\"\"]", FindingCode::EmptyValue);
    one("token_issuers = []", FindingCode::EmptyValue);
    one("token_issuers = \"https://idp.example\"", FindingCode::WrongType);
    one("token_issuers = \"none\"", FindingCode::Conflict);
}

#[test]
fn an_empty_string_in_a_list_is_found_where_it_is() {
    let text = GOOD.replace("[\"pg\"]", "[\"pg\", \"\"]");
    let found_here = findings(&text);
    let place = found_here.first().map(|finding| (finding.code, finding.position.line, finding.position.column));
    assert_eq!(place, Some((FindingCode::EmptyValue, 3, 19)), "{found_here:#?}");
    assert_eq!(found_here.len(), 1);
    assert_eq!(found_here[0].message, "profiles.corp.audience holds an empty string");
    one("scope = { required = [\"a\", \"\"] }", FindingCode::EmptyValue);
    one("clients = { claims = [\"$.azp\"], allow = [\"\"] }", FindingCode::EmptyValue);
    // A header without typ; and a rule compares values that may well be empty.
    assert_eq!(found("token_types = [\"\"]"), []);
    assert_eq!(found("require = [{ claim = \"$.tid\", one_of = [\"\"] }]"), []);
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
fn settings_that_contradict_each_other() {
    let without_audience = GOOD.replace("[\"pg\"]", "\"none\"");
    assert_eq!(findings(&without_audience)[0].code, FindingCode::Conflict);
    let clients = format!("{without_audience}clients = {{ claims = [\"$.azp\"], allow = [\"psql\"] }}\n");
    assert_eq!(findings(&clients), []);
    one("scope = { claim = \"none\" }", FindingCode::Conflict);
    let rule = "[[profiles.corp.require]]\nclaim = \"$.a\"\nequals = 1\n";
    assert_eq!(found(&format!("scope = {{ claim = \"none\" }}\n{rule}")), []);
    assert_eq!(
        found(&format!("scope = {{ claim = \"none\", required = [\"x\"] }}\n{rule}")),
        [(FindingCode::Conflict, 5)]
    );
    for rule in ["equals = 1\none_of = [1]", "", "present = true\nabsent = true"] {
        let text = format!("[[profiles.corp.require]]\nclaim = \"$.a\"\n{rule}");
        assert_eq!(found(&text), [(FindingCode::Conflict, 5)], "{rule}");
    }
    assert_eq!(found("[[profiles.corp.require]]\nequals = 1"), [(FindingCode::MissingKey, 5)]);
    assert_eq!(found("[[profiles.corp.require]]\nclaim = \"$.a\"\npresent = false"), [(FindingCode::BadValue, 7)]);
    for pattern in ["(", "(?=x)", r"(a)\1", "a{1000000}"] {
        let text = format!("[[profiles.corp.require]]\nclaim = \"$.a\"\nmatches = '{pattern}'");
        assert_eq!(found(&text), [(FindingCode::BadPattern, 7)], "{pattern}");
    }
}

#[test]
fn one_key_source() {
    let keys = |keys: &str| findings(&GOOD.replace("jwks_file = \"k\"", keys)).first().map(|finding| finding.code);
    assert_eq!(keys("jwks_file = \"k\", pem_file = \"p\""), Some(FindingCode::KeySource));
    assert_eq!(keys("deny_kids = [\"x\"]"), None, "the issuer's discovery document is asked");
    assert_eq!(keys("jwks_file = \"\""), Some(FindingCode::EmptyValue));
    assert_eq!(keys("jwks = \"{}\""), Some(FindingCode::BadKeys));
    assert_eq!(keys("jwks = '{\"keys\": [{\"kty\": \"oct\", \"k\": \"c2VjcmV0\"}]}'"), Some(FindingCode::BadKeys));
    assert_eq!(keys("pem_file = \"p\""), None);
}

#[test]
fn doubtful_settings_are_warned_of() {
    for claim in ["email", "preferred_username", "upn", "unique_name", "name"] {
        one(&format!("identity = {{ claim = \"$.{claim}\" }}"), FindingCode::MutableIdentity);
    }
    one("identity = { claim = \"$.upn\", verified_by = \"$.email_verified\" }", FindingCode::MutableIdentity);
    one("token_kind = \"any\"", FindingCode::AnyTokenKind);
    let twin = GOOD.replace("corp", "twin");
    let both = findings(&format!("{GOOD}{twin}"));
    let codes: Vec<FindingCode> = both.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [FindingCode::SharedLine, FindingCode::SharedIssuer, FindingCode::SharedAudience]);
    assert!(both.iter().all(|finding| finding.related.len() == 1));
}

#[test]
fn defaults_are_for_profiles_that_say_nothing() {
    let limits = |text: &str| {
        let config = Config::parse(text.as_bytes(), "f").config.unwrap();
        let profile = &config.profiles()[0];
        (profile.clock_skew, profile.max_lifetime.value, profile.max_token_size.value)
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
    // Every commented line is valid once the comment sign is taken off, but for the alternatives of a rule.
    let alternatives = [
        "one_of",
        "none_of",
        "matches",
        "contains",
        "present",
        "absent",
        "names_of",
        "claims ",
        "format",
        "prefix         = \"pg:",
        "exact",
        "jwks ",
        "jwks_url",
        "jwks_file",
        "mode",
        "[profiles.corp.introspection",
        "endpoint",
        "client_",
        "auth ",
        "token_param",
        "scope_separator",
        "pem_file",
    ];
    let uncommented: Vec<&str> = file
        .lines()
        .filter_map(|line| line.strip_prefix('#').filter(|line| !line.starts_with([' ', ':']) && !line.is_empty()))
        .filter(|line| !alternatives.iter().any(|key| line.starts_with(key)))
        .collect();
    assert_eq!(findings(&uncommented.join("\n")), []);
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
    assert_eq!(profile.token_issuers_origin(), Origin::Line(2));
    // What is written takes its place: the issuer itself is then no longer served.
    let written = config("hba_issuers = [\"https://line.example\"]\ntoken_issuers = [\"token.example\"]\n");
    let profile = &written.profiles()[0];
    assert_eq!(profile.hba_issuers(), ["https://line.example"]);
    assert_eq!(profile.token_issuers(), ["token.example"]);
    assert_eq!(profile.token_issuers_origin(), Origin::Line(6));
}

#[test]
fn identities_of_several_claims() {
    let format = |format: &str| {
        found(&format!("identity = {{ claims = {{ a = \"$.a\", b = \"$.b\" }}, format = \"{format}\" }}"))
    };
    for good in ["{a}:{b}", "x{a}-{b}y", "{b}/{a}"] {
        assert_eq!(format(good), [], "{good}");
    }
    for bad in ["{a}{b}", "{a}", "{a}:{a}", "{a}:{c}", "{a}:{b", "a}:{b}", "{a}:{b}:{a}", "text", "{}:{a}:{b}"] {
        assert_eq!(format(bad), [(FindingCode::BadValue, 5)], "{bad}");
    }
    one("identity = { claims = { a = \"$.a\" } }", FindingCode::MissingKey);
    one("identity = { format = \"{a}\" }", FindingCode::MissingKey);
    one("identity = { claim = \"$.a\", claims = { a = \"$.a\" }, format = \"{a}\" }", FindingCode::Conflict);
    one("identity = { claims = {}, format = \"{a}\" }", FindingCode::EmptyValue);
    one("identity = { claims = { a = \"a\" }, format = \"{a}\" }", FindingCode::BadJsonPath);
    one("identity = { claims = [\"$.a\"], format = \"{a}\" }", FindingCode::WrongType);
}

#[test]
fn other_identity_settings() {
    one("identity = { pattern = '(' }", FindingCode::BadPattern);
    one("identity = { pattern = '(?<a>x)(?<b>y)' }", FindingCode::BadPattern);
    one("identity = { prefix = \"a\\nb\" }", FindingCode::BadValue);
    one("identity = { prefix = \" a\" }", FindingCode::BadValue);
    one("identity = { fallback = { claim = \"$.azp\" } }", FindingCode::MissingKey);
    one("identity = { fallback = { prefix = \"app:\" } }", FindingCode::MissingKey);
    one("identity = { fallback = { claim = \"$.azp\", prefix = \"\" } }", FindingCode::EmptyValue);
    one("identity = { prefix = \"app:\", fallback = { claim = \"$.azp\", prefix = \"app:\" } }", FindingCode::Conflict);
    assert_eq!(
        found("identity = { pattern = '(?<id>.+)@corp', case = \"lower\", prefix = \"corp:\", type = \"string\" }"),
        []
    );
}

#[test]
fn delegation_needs_one_mapping() {
    for roles in [
        "claim = \"$.r[*]\", map = { A = [\"reader\"] }",
        "claim = \"$.r[*]\", prefix = \"pg:\"",
        "claim = \"$.r[*]\", exact = true",
    ] {
        assert_eq!(found(&format!("roles = {{ {roles} }}")), [], "{roles}");
    }
    for (roles, code) in [
        ("claim = \"$.r[*]\"", FindingCode::Conflict),
        ("claim = \"$.r[*]\", prefix = \"pg:\", exact = true", FindingCode::Conflict),
        ("exact = true", FindingCode::MissingKey),
        ("claim = \"$.r[*]\", exact = false", FindingCode::BadValue),
        ("claim = \"$.r[*]\", prefix = \"\"", FindingCode::EmptyValue),
        ("claim = \"$.r[*]\", map = {}", FindingCode::EmptyValue),
        ("claim = \"$.r[*]\", map = { A = [] }", FindingCode::EmptyValue),
        ("claim = \"$.r[*]\", map = { A = [\"reader\", \"\"] }", FindingCode::EmptyValue),
        ("claim = \"$.r[*]\", map = { A = \"reader\" }", FindingCode::WrongType),
        ("claim = \"r\", exact = true", FindingCode::BadJsonPath),
        ("claim = \"$.r[*]\", exact = true, privileged = \"yes\"", FindingCode::BadValue),
        ("claim = \"$.r[*]\", exact = true, privileged = \"allow\"", FindingCode::PrivilegedRoles),
    ] {
        one(&format!("roles = {{ {roles} }}"), code);
    }
}
