//! Every way to get one setting wrong, with the code and the place that is reported.

use super::{GOOD, findings, found, one};
use crate::finding::FindingCode;

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
