//! The last step: what a session keeps of its token, when it ends, and what the log says of it. Nothing but what is named
//! is kept, and a claim that cannot be kept as it is keeps the login out.

use crate::support::{Login, NOW, token};
use oauth_validator_core::{ClaimText, Decision, Denial, Grant, Reason, SessionGrant, UnixSeconds, login_line};
use serde_json::{Value, json};

fn decide(table: &str, claims: Value) -> Decision {
    Login::with_profile(&format!("[profiles.corp.session]\n{table}\n")).decide(token(claims).as_bytes())
}

fn granted(table: &str, claims: Value) -> Grant {
    match decide(table, claims) {
        Decision::Granted(grant) => grant,
        Decision::Denied(denial) => panic!("{table}: {denial:?}"),
    }
}

fn session(table: &str, claims: Value) -> SessionGrant {
    granted(table, claims).session().clone()
}

fn denied(table: &str, claims: Value) -> Denial {
    match decide(table, claims) {
        Decision::Denied(denial) => denial,
        Decision::Granted(grant) => panic!("{table}: {grant:?}"),
    }
}

#[test]
fn the_end_is_the_earlier_of_the_tokens_and_the_longest_time() {
    // The token expires an hour from now, and the clocks may differ by 30 seconds.
    for (table, ends_at) in [
        ("", None),
        ("end = \"never\"", None),
        ("end = \"token\"", Some(NOW + 3630)),
        ("end = \"token\"\ngrace = \"5min\"", Some(NOW + 3930)),
        ("end = \"token\"\nmax = \"12h\"", Some(NOW + 3630)),
        ("end = \"token\"\nmax = \"1min\"", Some(NOW + 60)),
        ("end = \"token\"\ngrace = \"7d\"\nmax = \"2h\"", Some(NOW + 7200)),
        ("max = \"1s\"", Some(NOW + 1)),
        ("end = \"never\"\nmax = \"1h\"", Some(NOW + 3600)),
    ] {
        let session = session(table, json!({}));
        assert_eq!(session.ends_at(), ends_at.map(UnixSeconds::new), "{table}");
        assert_eq!(session.expires_at(), Some(UnixSeconds::new(NOW + 3600)), "{table}");
    }
}

/// What `deny_jti` can name ends a session as it denies a login, however odd it is.
#[test]
fn the_jti_is_kept_as_it_is() {
    for jti in ["4f1c2d3e", "", " ", "two\nlines", "nul\0", &"j".repeat(2000)] {
        let session = session("token_id = \"$.sub\"", json!({"jti": jti}));
        assert_eq!(session.jti(), Some(jti));
    }
    assert_eq!(session("", json!({"jti": null})).jti(), None);
}

/// What `deny_kids` can name ends a session as it denies a login.
#[test]
fn the_key_that_signed_the_token_is_kept() {
    let session = session("token_id = \"$.sub\"", json!({}));
    assert_eq!(session.kid(), Some("corp-rsa"));
    assert_eq!(session.thumbprint(), Some(oauth_validator_fixtures::keys::corp().thumbprint().as_str()));
}

#[test]
fn the_files_defaults_hold_for_profiles_that_say_nothing_else() {
    let ends = |further: &str| {
        let login = Login::with_profile(&format!("{further}\n[defaults.session]\nend = \"token\"\nmax = \"10min\"\n"));
        match login.decide(token(json!({})).as_bytes()) {
            Decision::Granted(grant) => grant.session().ends_at().map(UnixSeconds::get),
            Decision::Denied(denial) => panic!("{denial:?}"),
        }
    };
    assert_eq!(ends(""), Some(NOW + 600));
    assert_eq!(ends("[profiles.corp.session]\nmax = \"2h\""), Some(NOW + 3630));
    assert_eq!(ends("[profiles.corp.session]\nend = \"never\""), Some(NOW + 600));
}

#[test]
fn a_token_within_the_skew_gives_a_session_that_ends_with_the_skew() {
    let login = |now| Login::with_profile("[profiles.corp.session]\nend = \"token\"\n").now(now);
    let token = token(json!({}));
    let Decision::Granted(grant) = login(NOW + 3629).decide(token.as_bytes()) else { panic!("it is within the skew") };
    assert_eq!(grant.session().ends_at(), Some(UnixSeconds::new(NOW + 3630)));
    let Decision::Denied(denial) = login(NOW + 3630).decide(token.as_bytes()) else { panic!("it has expired") };
    assert_eq!(denial.reason, Reason::Expired);
}

#[test]
fn sql_reads_what_is_named_and_nothing_else() {
    let table = "claims = { tenant = \"$.tid\", groups = \"$.groups[*]\", level = \"$.level\", org = \"$.org\", none = \"$.none\", first = \"$.groups[0]\" }";
    let claims =
        json!({"tid": "blue \u{1f535}", "groups": ["a", "b"], "level": 7, "org": {"id": [1]}, "secret": "s3cret"});
    let session = session(table, claims);
    let wanted = json!({"tenant": "blue \u{1f535}", "groups": ["a", "b"], "level": 7, "org": {"id": [1]}, "none": null, "first": "a"});
    assert_eq!(serde_json::from_str::<Value>(session.claims_json()).unwrap(), wanted);
    assert_eq!(Value::Object(session.claims().clone()), wanted);
    let plain = |text: &str| Some(ClaimText::Plain(text.to_owned()));
    let json = |text: &str| Some(ClaimText::Json(text.to_owned()));
    assert_eq!(session.claim("tenant"), plain("blue \u{1f535}"));
    assert_eq!(session.claim("groups"), json("[\"a\",\"b\"]"));
    assert_eq!(session.claim("level"), json("7"));
    assert_eq!(session.claim("org"), json("{\"id\":[1]}"));
    assert_eq!(session.claim("first"), plain("a"));
    for absent in ["none", "secret", "sub", "tid", "Tenant", "$.tid", ""] {
        assert_eq!(session.claim(absent), None, "{absent}");
    }
    assert!(!format!("{session:?}").contains("s3cret"));
}

#[test]
fn a_session_without_claims_has_an_empty_object() {
    assert_eq!(session("max = \"1h\"", json!({})).claims_json(), "{}");
    assert_eq!(session("claims = { groups = \"$.groups[*]\" }", json!({})).claims_json(), "{\"groups\":[]}");
}

#[test]
fn a_claim_that_cannot_be_kept_denies_and_is_named_but_not_quoted() {
    for (table, claims, reason, says) in [
        ("claims = { tenant = \"$.tid\" }", json!({"tid": ["s3cret"]}), Reason::SessionClaimInvalid, "is an array"),
        ("claims = { tenant = \"$.tid\" }", json!({"tid": "s3cret\0"}), Reason::SessionClaimInvalid, "U+0000"),
        ("claims = { tenant = \"$.tid\" }", json!({"tid": {"s3cret\0": 1}}), Reason::SessionClaimInvalid, "U+0000"),
        ("claims = { all = \"$..tid\" }", json!({"tid": "s3cret\0"}), Reason::SessionClaimInvalid, "U+0000"),
        (
            "claims = { a = \"$.a\", b = \"$.a\" }",
            json!({"a": "s3cret".repeat(1400)}),
            Reason::SessionClaimsTooLarge,
            "more than 16384 bytes",
        ),
    ] {
        let denial = denied(table, claims);
        assert_eq!(denial.reason, reason, "{denial:?}");
        assert!(denial.detail.contains(says), "{denial:?}");
        assert_eq!(denial.authn_id.as_deref(), Some("ana"), "the token is genuine");
        assert!(!format!("{denial:?}").contains("s3cret"), "{denial:?}");
    }
    let hint = denied("claims = { tenant = \"$.tid\" }", json!({"tid": []})).hint;
    assert!(hint.contains("tenant = '$.tid[*]'"), "{hint}");
}

#[test]
fn client_token_and_issuer_are_named_by_what_the_profile_says() {
    let name = |claims: Value| {
        let session = session("", claims);
        assert_eq!(session.issuer(), "https://idp.example/corp");
        (session.client().map(str::to_owned), session.token_id().map(str::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(name(json!({})), (None, None));
    assert_eq!(name(json!({"client_id": "psql", "azp": "other", "jti": "t1"})), (some("psql"), some("t1")));
    assert_eq!(name(json!({"appid": "psql", "uti": "t1"})), (some("psql"), None));
    for odd in [json!(7), json!(["t1"]), json!(""), json!("a\nb"), json!("x".repeat(1025))] {
        assert_eq!(name(json!({"jti": odd, "client_id": odd})), (None, None), "{odd}");
    }
    let uti = session("token_id = \"$.uti\"", json!({"jti": "t1", "uti": "u1"}));
    assert_eq!(uti.token_id(), Some("u1"));
    let further = "clients = { claims = [\"$.app\"], allow = [\"psql\"] }\n";
    match Login::with_profile(further).decide(token(json!({"app": "psql", "azp": "other"})).as_bytes()) {
        Decision::Granted(grant) => assert_eq!(grant.session().client(), Some("psql")),
        Decision::Denied(denial) => panic!("{denial:?}"),
    }
}

#[test]
fn the_words_at_the_end_say_which_setting_it_was() {
    let by_token = session("end = \"token\"", json!({}));
    assert!(by_token.end_for_client().unwrap().contains("token of this session has expired"));
    let log = by_token.end_for_log("corp").unwrap();
    assert_eq!(
        log,
        "oauth_validator ended the session: profiles.corp.session.end let it live until 2027-01-15T09:00:30Z."
    );
    let by_max = session("max = \"1h\"", json!({}));
    assert!(by_max.end_for_client().unwrap().contains("longest time"));
    assert!(by_max.end_for_log("corp").unwrap().contains("profiles.corp.session.max"));
    let never = session("", json!({}));
    assert_eq!((never.end_for_client(), never.end_for_log("corp")), (None, None));
}

#[test]
fn the_line_of_a_grant_cannot_be_forged_by_a_value() {
    let hostile = "a\" role=\"postgres\" x=\"\u{202e}";
    let session = session("max = \"1h\"", json!({"jti": hostile, "client_id": "psql"}));
    let line = login_line(&session, "ana\" profile=\"root", "corp", "readers", false);
    assert_eq!(
        line,
        "granted: authn_id=\"ana\\\" profile=\\\"root\" profile=corp role=\"readers\" delegated=no \
         issuer=\"https://idp.example/corp\" client=\"psql\" token_id=\"a\\\" role=\\\"postgres\\\" x=\\\"\u{202e}\" \
         expires_at=2027-01-15T09:00:00Z ends_at=2027-01-15T09:00:00Z"
    );
    let plain = Login::new().decide(token(json!({})).as_bytes());
    let Decision::Granted(grant) = plain else { panic!("{plain:?}") };
    let line = login_line(grant.session(), "ana", "corp", "ana", true);
    assert!(line.ends_with("delegated=yes issuer=\"https://idp.example/corp\" client=- token_id=- expires_at=2027-01-15T09:00:00Z ends_at=-"), "{line}");
}
