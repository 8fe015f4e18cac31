//! Step 10: one string, as it is, or nobody.

use super::support::{Login, token};
use oauth_validator_core::Reason::{
    DelegationNotConfigured, IdentityAmbiguous, IdentityDenied, IdentityInvalid, IdentityMissing, IdentityUnverified,
};
use serde_json::json;

#[test]
fn identities_are_taken_as_they_are() {
    for sub in [
        "ana",
        "Ana@Corp.Example",
        "auth0|6553da60",
        "a b",
        "\u{e4}\u{f6}",
        "a\u{308}",
        "\u{ff41}",
        "+group",
        "/^x",
        "\"quoted\"",
        "0",
    ] {
        Login::new().grants(&token(json!({"sub": sub})), sub);
    }
    Login::new().grants(&token(json!({"sub": "x".repeat(1024)})), &"x".repeat(1024));
}

#[test]
fn what_cannot_be_an_identity() {
    Login::new().denies(token(json!({"sub": null})), IdentityMissing);
    for sub in [
        json!(""),
        json!(" "),
        json!(" ana"),
        json!("ana "),
        json!("ana\n"),
        json!("\tana"),
        json!("postgres\u{0}x"),
        json!("a\u{7f}b"),
        json!("a\u{85}b"),
        json!("ana\u{a0}"),
        json!("x".repeat(1025)),
        json!(7),
        json!(true),
        json!(["ana"]),
        json!({"sub": "ana"}),
    ] {
        Login::new().denies(token(json!({"sub": sub})), IdentityInvalid);
    }
}

#[test]
fn other_claims_by_jsonpath() {
    let login = |path: &str| Login::with_profile(&format!("identity = {{ claim = \"{path}\" }}\n"));
    login("$['https://corp.example/login']").grants(&token(json!({"https://corp.example/login": "ana.l"})), "ana.l");
    login("$['kubernetes.io'].serviceaccount.uid")
        .grants(&token(json!({"kubernetes.io": {"serviceaccount": {"uid": "14ee"}}})), "14ee");
    login("$.list[*]").grants(&token(json!({"list": ["one"]})), "one");
    login("$.list[*]").denies(token(json!({"list": ["one", "two"]})), IdentityAmbiguous);
    login("$.list[*]").denies(token(json!({"list": ["one", "one"]})), IdentityAmbiguous);
    login("$.list[*]").denies(token(json!({"list": []})), IdentityMissing);
    login("$.list").denies(token(json!({"list": ["one"]})), IdentityInvalid);
    login("$.oid").denies(token(json!({})), IdentityMissing);
}

#[test]
fn an_email_must_be_verified() {
    let login = Login::with_profile("identity = { claim = \"$.email\", verified_by = \"$.email_verified\" }\n");
    login.grants(&token(json!({"email": "ana@corp.example", "email_verified": true})), "ana@corp.example");
    for verified in
        [json!(false), json!("true"), json!("false"), json!(1), json!(0), json!([true]), json!({}), json!(null)]
    {
        login.denies(token(json!({"email": "ana@corp.example", "email_verified": verified})), IdentityUnverified);
    }
    let entra = Login::with_profile(
        "identity = { claim = \"$.email\", verified_by = \"$.xms_edov\", verified_values = [true, \"1\", 1] }\n",
    );
    for verified in [json!(true), json!("1"), json!(1)] {
        entra.grants(&token(json!({"email": "ana@corp.example", "xms_edov": verified})), "ana@corp.example");
    }
    for verified in [json!(false), json!("0"), json!(0), json!("true"), json!(null)] {
        entra.denies(token(json!({"email": "ana@corp.example", "xms_edov": verified})), IdentityUnverified);
    }
}

#[test]
fn the_emergency_brake_for_people() {
    let login = Login::with_profile("deny_identities = [\"ana\"]\n");
    login.denies(token(json!({})), IdentityDenied);
    login.grants(&token(json!({"sub": "Ana"})), "Ana");
}

#[test]
fn delegation_is_refused_for_now() {
    let login = Login::new().request(|request| request.delegate_ident_mapping = true);
    let denial = login.denies(token(json!({})), DelegationNotConfigured);
    assert_eq!(denial.authn_id.as_deref(), Some("ana"));
    // Not even a token without identity, which the server itself would let in.
    login.denies(token(json!({"sub": null})), IdentityMissing);
}
