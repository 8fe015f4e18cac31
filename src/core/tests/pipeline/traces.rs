//! What the trace says of keys and headers, for whoever has the token anyway: each step that held, and the values it saw.

use super::support::{Login, header_with, jwks, token, token_with_header};
use oauth_validator_core::Decision;
use oauth_validator_core::Reason::{KeyUnknown, RuleFailed, SignatureInvalid, TokenRevoked};
use oauth_validator_fixtures::{keys, mint};
use serde_json::json;

/// The reason code, the lines of the log, and the facts by name.
struct SeenTrace {
    code: Option<oauth_validator_core::Reason>,
    lines: Vec<String>,
    facts: Vec<(String, String)>,
}

impl SeenTrace {
    fn of(login: &Login, token: &str) -> Self {
        let verdict = login.verdict(token.as_bytes());
        let facts = verdict.trace.steps().iter().flat_map(|passage| &passage.facts);
        Self {
            code: match &verdict.decision {
                Decision::Granted(_) => None,
                Decision::Denied(denial) => Some(denial.reason),
            },
            lines: verdict.trace.log_lines().collect(),
            facts: facts.map(|fact| (fact.name.clone(), fact.value.clone())).collect(),
        }
    }

    fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn says(&self, step: &str) -> bool {
        self.lines.iter().any(|line| line.contains(step))
    }
}

#[test]
fn a_digest_of_a_certificate_is_shown_where_no_kid_is() {
    let digests = |kid| json!({"kid": kid, "x5t": "abc", "x5t#S256": "def"});
    let named = SeenTrace::of(&Login::new(), &token_with_header(digests(json!("corp-rsa"))));
    assert_eq!((named.code, named.fact("kid")), (None, Some("\"corp-rsa\"")));
    assert_eq!((named.fact("x5t"), named.fact("x5t#S256")), (None, None));
    let unnamed = SeenTrace::of(&Login::new(), &token_with_header(digests(json!(null))));
    assert_eq!((unnamed.fact("x5t"), unnamed.fact("x5t#S256")), (Some("\"abc\""), Some("\"def\"")));
}

#[test]
fn the_key_step_has_held_where_the_signature_fails_and_not_before() {
    let forged = SeenTrace::of(
        &Login::new(),
        &mint::mint(
            &keys::partner().with_kid("corp-rsa"),
            &header_with(json!({})),
            &json!({"iss": super::support::ISSUER}),
        ),
    );
    assert_eq!(forged.code, Some(SignatureInvalid));
    assert!(forged.says("key: ok: the only key fits"), "{:?}", forged.lines);
    let unknown = SeenTrace::of(&Login::new(), &token_with_header(json!({"kid": "other"})));
    assert_eq!(unknown.code, Some(KeyUnknown));
    assert!(!unknown.says("key: ok"), "{:?}", unknown.lines);
}

#[test]
fn the_keys_of_a_failure_are_named_by_what_denies_them() {
    let thumbprint = format!("\"{}\"", keys::corp().thumbprint());
    let good = SeenTrace::of(&Login::new(), &token(json!({})));
    assert_eq!((good.code, good.fact("thumbprint")), (None, Some(thumbprint.as_str())));
    let denied = Login::with_file(&format!(
        "[profiles.corp]\nissuer = \"{}\"\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"k\", deny_kids = [\"corp-rsa\"] }}\n",
        super::support::ISSUER
    ));
    let denied = SeenTrace::of(&denied, &token_with_header(json!({"kid": null})));
    assert_eq!((denied.code, denied.fact("thumbprint")), (Some(TokenRevoked), Some(thumbprint.as_str())));
    let two = Login::new().keys(jwks(&[keys::partner(), keys::rsa3072()]));
    let tried = SeenTrace::of(&two, &token_with_header(json!({"kid": null})));
    assert_eq!(tried.code, Some(SignatureInvalid));
    let both = tried.fact("thumbprints").expect("both were tried");
    assert!(both.contains(&keys::partner().thumbprint()) && both.contains(&keys::rsa3072().thumbprint()), "{both}");
}

#[test]
fn rules_say_which_alternative_held_and_what_only_reports() {
    let login = Login::with_profile(
        "[[profiles.corp.access_token]]\nclaim = \"$.a\"\npresent = true\n\
         [[profiles.corp.require]]\nclaim = \"$.x\"\nequals = 1\n\
         [[profiles.corp.require]]\nany = [{ claim = \"$.y\", equals = 1 }, { claim = \"$.z\", equals = 2 }]\n\
         [[profiles.corp.require]]\nclaim = \"$.w\"\nequals = 3\nreport_only = true\n",
    );
    let said = |claims| {
        let seen = SeenTrace::of(&login, &token(claims));
        assert_eq!(seen.code, None, "{:?}", seen.lines);
        seen.lines.into_iter().find(|line| line.starts_with("rules: ok: ")).expect("the step of rules")
    };
    let second = said(json!({"a": 1, "x": 1, "z": 2}));
    assert!(second.starts_with("rules: ok: 2 rules, all hold; "), "{second}");
    assert!(second.contains(" by alternative 2 of 2 ($.z equals") && !second.contains("of 2 ($.y"), "{second}");
    assert!(second.contains(" only reports, and does not hold ($.w equals"), "{second}");
    // The first clause of a rule without alternatives is none.
    assert_eq!(second.matches("by alternative").count(), 1, "{second}");
    let first = said(json!({"a": 1, "x": 1, "y": 1, "w": 3}));
    assert!(first.contains(" by alternative 1 of 2 ($.y equals"), "{first}");
    assert!(first.contains(" only reports, and holds ($.w equals"), "{first}");
}

#[test]
fn the_session_step_says_what_ends_it_and_how_much_sql_may_read() {
    for (table, words) in [
        ("end = \"token\"", "session: ok: ends with its token; claims for SQL: 0"),
        ("max = \"1min\"", "session: ok: ends by session.max; claims for SQL: 0"),
        ("claims = { a = \"$.sub\" }", "session: ok: does not end by itself; claims for SQL: 1"),
    ] {
        let login = Login::with_profile(&format!("[profiles.corp.session]\n{table}\n"));
        let seen = SeenTrace::of(&login, &token(json!({})));
        assert!(seen.says(words), "{:?}", seen.lines);
    }
    assert!(!SeenTrace::of(&Login::new(), &token(json!({}))).says("session:"), "it is a step of those that ask for it");
}

#[test]
fn rules_show_each_value_that_they_look_at() {
    let shown = |rule: &str, claims| {
        let login = Login::with_profile(&format!("[[profiles.corp.require]]\nclaim = \"$.x{rule}\n"));
        let seen = SeenTrace::of(&login, &token(claims));
        assert_eq!(seen.code, None, "{:?}", seen.lines);
        let of_rules = seen.facts.into_iter().filter(|(name, _)| name.starts_with("$.x") || name == "$.y");
        of_rules.map(|(_, value)| value).collect::<Vec<_>>()
    };
    assert_eq!(shown("\"\nequals = 1", json!({"x": 1})), ["1"]);
    assert_eq!(shown("[*]\"\nall = true\none_of = [\"a\", \"b\"]", json!({"x": ["a", "b"]})), ["\"a\"", "\"b\""]);
    assert_eq!(shown("\"\ncontains = \"a\"", json!({"x": ["a"]})), ["[\"a\"]"]);
    let several = Login::with_profile("[[profiles.corp.require]]\nclaim = \"$.x[*]\"\nequals = 1\n");
    let several = SeenTrace::of(&several, &token(json!({"x": [1, 1]})));
    assert_eq!((several.code, several.fact("$.x[*]")), (Some(RuleFailed), None), "of several, none is looked at");
    assert_eq!(shown("\"\nequals_claim = \"$.y\"", json!({"x": 1, "y": 1.0})), ["1", "1.0"]);
}
