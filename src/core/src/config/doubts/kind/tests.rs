//! What is warned of besides users' access tokens, and above all what is not.

use crate::config::Config;
use crate::finding::FindingCode;

/// A profile that takes any JWT of its audience, with whatever rule; the scopes say nothing.
fn untold(lines: &str, rule: &str) -> String {
    format!(
        "[profiles.corp]\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\nkeys = {{ jwks_file = \"k\" }}\n\
         scope = {{ claim = \"none\" }}\n{lines}\n[[profiles.corp.require]]\n{rule}\n"
    )
}

const ANYBODY: &str = "claim = \"$.sub\"\npresent = true";
const JWT: &str = "token_types = [\"JWT\"]";

fn codes(text: &str) -> Vec<FindingCode> {
    let parsed = Config::parse(text.as_bytes(), "f");
    assert!(parsed.config.is_some(), "{text}\n{:#?}", parsed.findings);
    parsed.findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn a_profile_without_any_mark_of_an_access_token() {
    for lines in [
        JWT,
        "token_types = [\"\"]",
        "token_types = [\"at+jwt\", \"JWT\"]",
        "token_types = [\"JWT\"]\nclients = { claims = [\"$.azp\"], allow = [\"psql\"] }",
        "token_types = [\"JWT\"]\nclients = { claims = [\"$.client_id\", \"$.azp\"], allow = [\"psql\"] }",
    ] {
        assert_eq!(codes(&untold(lines, ANYBODY)), [FindingCode::KindUntold], "{lines}");
    }
    for rule in [
        "claim = \"$.hd\"\nequals = \"corp.example\"",
        "claim = \"$.groups\"\ncontains = \"dba\"",
        "claim = \"$.scope\"\nabsent = true",
        "claim = \"$['scope', 'groups']\"\npresent = true",
        "any = [{ claim = \"$.scope\", present = true }, { claim = \"$.hd\", equals = \"x\" }]",
        "claim = \"$.azp\"\nequals = \"psql\"",
    ] {
        assert_eq!(codes(&untold(JWT, rule)), [FindingCode::KindUntold], "{rule}");
    }
    let watched = untold(
        JWT,
        &format!("{ANYBODY}\n[[profiles.corp.require]]\nclaim = \"$.scope\"\npresent = true\nreport_only = true"),
    );
    assert_eq!(codes(&watched), [FindingCode::KindUntold, FindingCode::ReportOnly], "it keeps nobody out");
}

#[test]
fn any_mark_is_enough() {
    for lines in [
        "",
        "token_types = [\"at+jwt\"]",
        "token_types = [\"vnd.backstage.user\"]",
        "token_types = [\"JWT\"]\nclients = { claims = [\"$.client_id\"], allow = [\"psql\"] }",
        "token_types = [\"JWT\"]\nclients = { claims = [\"$.cid\", \"$.appid\"], allow = [\"psql\"] }",
        "token_types = [\"JWT\"]\naccess_token = [{ claim = \"$.uid\", present = true }]",
    ] {
        assert_eq!(codes(&untold(lines, ANYBODY)), [], "{lines}");
    }
    for rule in [
        "claim = \"$.scope\"\npresent = true",
        "claim = \"$.client_id\"\nequals = \"psql\"",
        "claim = \"$['scp', 'scope']\"\npresent = true",
        "claim = \"$.token_use\"\none_of = [\"access\"]",
    ] {
        assert_eq!(codes(&untold(JWT, rule)), [], "{rule}");
    }
    let scoped = untold(JWT, ANYBODY).replace("scope = { claim = \"none\" }\n", "");
    assert_eq!(codes(&scoped), [], "ID tokens have no scopes");
    let preset = untold("preset = \"kubernetes\"", ANYBODY).replace("scope = { claim = \"none\" }\n", "");
    assert_eq!(codes(&preset), [], "a preset has a mark of its own");
}

/// Whoever wants ID tokens is told of that, and not of both.
#[test]
fn id_tokens_by_name_are_another_warning() {
    let any = format!("{JWT}\ntoken_kind = \"any\"");
    assert_eq!(codes(&untold(&any, ANYBODY)), [FindingCode::AnyTokenKind]);
}

#[test]
fn an_endpoint_that_is_asked_about_every_token_tells_no_kind_either() {
    let asked = |lines: &str| {
        untold(
            &format!("mode = \"introspection\"\nintrospection = {{ endpoint = \"https://idp.example/i\", auth = \"none\" }}\n{lines}"),
            ANYBODY,
        )
        .replace("keys = { jwks_file = \"k\" }\n", "")
    };
    assert_eq!(codes(&asked("")), [FindingCode::KindUntold]);
    assert_eq!(codes(&asked("access_token = [{ claim = \"$.token_type\", equals = \"Bearer\" }]")), []);
}

fn rfc9068(lines: &str) -> String {
    format!(
        "[profiles.corp]\npreset = \"rfc9068\"\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\n\
         keys = {{ jwks_file = \"k\" }}\n{lines}\n"
    )
}

#[test]
fn services_that_are_their_own_subject() {
    for lines in [
        "",
        "require = [{ claim = \"$.sub\", present = true }]",
        "require = [{ claim = \"$.groups\", contains = \"dba\" }]",
        "require = [{ claim = \"$[?$.sub != $.client_id]\", present = true, report_only = true }]",
    ] {
        assert_eq!(codes(&rfc9068(lines))[0], FindingCode::ServiceSubject, "{lines}");
    }
    for lines in [
        "require = [{ claim = \"$[?$.sub != $.client_id]\", present = true }]",
        "require = [{ claim = \"$['sub']\", matches = \"[0-9]+\" }]",
        "require = [{ claim = \"$.auth_time\", present = true }]",
        "clients = { claims = [\"$.client_id\"], allow = [\"psql\"] }",
        "identity = { claim = \"$.sub\", pattern = \"u-[0-9]+\" }",
        "identity = { claim = \"$.oid\" }",
    ] {
        assert_eq!(codes(&rfc9068(lines)), [], "{lines}");
    }
    // Where nobody knows what services' tokens have, nobody is warned.
    assert_eq!(codes(&rfc9068("").replace("preset = \"rfc9068\"\n", "")), []);
    assert_eq!(codes(&rfc9068("").replace("rfc9068", "keycloak")), []);
}
