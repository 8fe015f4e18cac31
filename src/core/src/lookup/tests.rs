//! What an answer is worth: about the same subject, of the names that were asked for, and nothing that the token has.

use super::{Lookup, Source, Userinfo, added};
use crate::introspection::OnlineAnswer;
use crate::reach::Reach;
use crate::reason::Reason;
use serde_json::{Value, json};
use std::time::Duration;

fn lookup(claims: &[&str]) -> Lookup {
    let (connect_timeout, timeout) = (Duration::from_secs(2), Duration::from_secs(5));
    Lookup {
        claims: claims.iter().map(|name| (*name).to_owned()).collect(),
        cache: Duration::ZERO,
        source: Source::Userinfo(Userinfo::Endpoint("https://idp.example/userinfo".to_owned())),
        reach: Reach { ca: None, proxy: None, insecure_http: false, connect_timeout, timeout },
    }
}

fn outcome(status: u16, body: &str, token: &Value) -> Result<Value, Reason> {
    let answer = OnlineAnswer { status, body: body.to_owned() };
    added(&lookup(&["groups", "email"]), &answer, token)
        .map(|found| Value::Object(found.claims))
        .map_err(|no_use| no_use.reason)
}

#[test]
fn only_named_claims_that_the_token_lacks_are_added() {
    let body = json!({"sub": "ana", "groups": ["dba"], "email": "other@corp.example", "admin": true, "aud": "x"});
    let token = json!({"sub": "ana", "email": "ana@corp.example"});
    assert_eq!(outcome(200, &body.to_string(), &token), Ok(json!({"groups": ["dba"]})));
    // A claim that is null, empty or of another type is there, and stays.
    for own in [json!(null), json!([]), json!(""), json!(0)] {
        let token = json!({"sub": "ana", "email": "a@b", "groups": own});
        assert_eq!(outcome(200, &body.to_string(), &token), Ok(json!({})), "{own}");
    }
    assert_eq!(outcome(200, "{\"sub\":\"ana\"}", &json!({"sub": "ana"})), Ok(json!({})));
}

#[test]
fn an_answer_about_somebody_else_adds_nothing() {
    let token = json!({"sub": "ana"});
    for sub in [json!("bob"), json!("Ana"), json!("ana "), json!(""), json!(null), json!(["ana"]), json!(1)] {
        let body = json!({"sub": sub, "groups": ["dba"]});
        assert_eq!(outcome(200, &body.to_string(), &token), Err(Reason::LookupMismatch), "{sub}");
    }
    let without = json!({"groups": ["dba"]}).to_string();
    assert_eq!(outcome(200, &without, &token), Err(Reason::LookupMismatch));
}

#[test]
fn a_token_without_subject_takes_nothing() {
    for token in [json!({}), json!({"sub": ""}), json!({"sub": null}), json!({"sub": 7}), json!({"sub": ["ana"]})] {
        let body = json!({"sub": token.get("sub"), "groups": ["dba"]});
        assert_eq!(outcome(200, &body.to_string(), &token), Err(Reason::LookupMismatch), "{token}");
    }
}

#[test]
fn what_is_no_clear_answer_is_none() {
    let token = json!({"sub": "ana"});
    for body in ["", "null", "[]", "\"ana\"", "{\"sub\":\"ana\"", "{\"sub\":\"ana\"}{}", "<html>", "eyJ.e30.AA"] {
        assert_eq!(outcome(200, body, &token), Err(Reason::LookupUnavailable), "{body}");
    }
    let twice = "{\"sub\":\"bob\",\"sub\":\"ana\",\"groups\":[\"dba\"]}";
    assert_eq!(outcome(200, twice, &token), Err(Reason::LookupUnavailable));
    let good = "{\"sub\":\"ana\",\"groups\":[\"dba\"]}";
    for (status, reason) in [
        (401, Reason::LookupRefused),
        (403, Reason::LookupRefused),
        (400, Reason::LookupUnavailable),
        (201, Reason::LookupUnavailable),
        (0, Reason::LookupUnavailable),
    ] {
        assert_eq!(outcome(status, good, &token), Err(reason), "{status}");
    }
}

/// OpenID Connect Core section 5.6.2: what is elsewhere is not what the user has not.
#[test]
fn claims_that_the_answer_leaves_out_are_told_from_those_that_nobody_has() {
    let lookup = lookup(&["groups", "email"]);
    let of = |body: &str, token: &Value| {
        let answer = OnlineAnswer { status: 200, body: body.to_owned() };
        let found = added(&lookup, &answer, token).unwrap();
        let kept = lookup.keepable(&answer, "ana").is_some();
        (Value::Object(found.claims), found.left_out, kept)
    };
    let token = json!({"sub": "ana"});
    for (body, claims, left_out, kept) in [
        ("{\"sub\":\"ana\",\"_claim_names\":{\"groups\":\"s\"}}", json!({}), vec!["groups"], false),
        ("{\"sub\":\"ana\",\"groups\":[],\"_claim_names\":{\"groups\":\"s\"}}", json!({}), vec!["groups"], false),
        ("{\"sub\":\"ana\",\"hasgroups\":true,\"email\":\"a@b\"}", json!({"email": "a@b"}), vec!["groups"], false),
        (
            "{\"sub\":\"ana\",\"_claim_names\":{\"address\":\"s\"},\"email\":\"a@b\"}",
            json!({"email": "a@b"}),
            vec![],
            true,
        ),
        (
            "{\"sub\":\"ana\",\"_claim_names\":{\"groups\":\"s\"},\"groups\":[\"x\"]}",
            json!({"groups": ["x"]}),
            vec![],
            true,
        ),
        ("{\"sub\":\"ana\",\"_claim_names\":\"groups\"}", json!({}), vec![], false),
    ] {
        let left_out: Vec<String> = left_out.into_iter().map(str::to_owned).collect();
        assert_eq!(of(body, &token), (claims, left_out, kept), "{body}");
    }
    let both = "{\"sub\":\"ana\",\"_claim_names\":{\"groups\":\"s\",\"email\":\"s\"}}";
    let (_, left_out, _) = of(both, &json!({"sub": "ana", "groups": []}));
    assert_eq!(left_out, ["email"], "what the token has is the token's word");
}
