//! Step 8: required scopes, whole, from the configured claim and nowhere else.

use super::support::{Login, token};
use oauth_validator_core::Reason::{ClaimType, ScopeMissing};
use serde_json::json;

fn hba(scope: &str) -> Login {
    Login::new().request(|request| request.hba_scope = scope.into())
}

#[test]
fn every_scope_of_the_line_is_required() {
    let good = token(json!({"scope": "openid db.read db.connect"}));
    for scope in [
        "db.connect",
        "db.connect db.read",
        "db.read db.connect",
        "  db.read\t\tdb.connect ",
        "db.read db.read",
        "db.connect\nopenid",
    ] {
        hba(scope).grants(&good, "ana");
    }
    for scope in ["db.write", "db.connect db.write", "db", "db.connect.admin", "DB.CONNECT", "db.connec", "b.connect"] {
        hba(scope).denies(&good, ScopeMissing);
    }
}

#[test]
fn the_claim_must_be_a_list_of_scopes() {
    for scope in [
        json!(""),
        json!(" "),
        json!([]),
        json!("openid"),
        json!("openid,db.connect"),
        json!("db.connect,openid"),
        json!("db.connect.admin openid"),
        json!("openid\tdb.connect"),
        json!("openid\u{a0}db.connect"),
        json!("openid\ndb.connect"),
        json!(["openid db.connect"]),
    ] {
        Login::new().denies(token(json!({"scope": scope})), ScopeMissing);
    }
    Login::new().denies(token(json!({"scope": null})), ScopeMissing);
    for scope in
        [json!(7), json!(true), json!({"db.connect": true}), json!(["openid", 7]), json!([["openid", "db.connect"]])]
    {
        Login::new().denies(token(json!({"scope": scope})), ClaimType);
    }
    for scope in
        [json!(["openid", "db.connect"]), json!("  openid   db.connect "), json!("openid db.connect db.connect")]
    {
        Login::new().grants(&token(json!({"scope": scope})), "ana");
    }
}

#[test]
fn only_the_configured_claim_counts() {
    Login::new().denies(token(json!({"scope": "openid", "scp": "openid db.connect"})), ScopeMissing);
    let entra = Login::with_profile("scope = { claim = \"$.scp\" }\n");
    entra.denies(token(json!({"scp": "openid"})), ScopeMissing);
    entra.grants(&token(json!({"scope": null, "scp": ["openid", "db.connect"]})), "ana");
}

#[test]
fn requiring_nothing_denies() {
    hba("").denies(token(json!({})), ScopeMissing);
    hba(" \t ").denies(token(json!({})), ScopeMissing);
    let ignoring = Login::with_profile("scope = { ignore = [\"openid\", \"db.connect\"] }\n");
    ignoring.denies(token(json!({})), ScopeMissing);
    let ignoring = Login::with_profile("scope = { hba = \"ignore\" }\n");
    ignoring.denies(token(json!({})), ScopeMissing);
}

#[test]
fn the_profile_adds_required_scopes() {
    let login = Login::with_profile("scope = { required = [\"db.read\"] }\n");
    login.grants(&token(json!({"scope": "openid db.connect db.read"})), "ana");
    login.denies(token(json!({"scope": "openid db.connect"})), ScopeMissing);
    login.denies(token(json!({"scope": "db.read"})), ScopeMissing);
    let login = Login::with_profile("scope = { required = [\"db.read\"], hba = \"ignore\" }\n");
    login.grants(&token(json!({"scope": "db.read"})), "ana");
    login.denies(token(json!({"scope": "db.connect"})), ScopeMissing);
}

#[test]
fn a_prefix_is_taken_off_the_line_once() {
    let login = Login::with_profile("scope = { claim = \"$.scp\", prefix = \"api://app/\", ignore = [\"openid\"] }\n");
    let requesting = |scope: &str| {
        Login::with_profile("scope = { claim = \"$.scp\", prefix = \"api://app/\", ignore = [\"openid\"] }\n")
            .request(|request| request.hba_scope = scope.into())
    };
    let good = token(json!({"scp": "db.connect"}));
    requesting("openid api://app/db.connect").grants(&good, "ana");
    login.grants(&good, "ana");
    requesting("api://app/api://app/db.connect").denies(&good, ScopeMissing);
    requesting("api://other/db.connect").denies(&good, ScopeMissing);
    requesting("api://app/").denies(&good, ScopeMissing);
    // It is not taken off the token.
    requesting("api://app/db.connect").denies(token(json!({"scp": "api://app/db.connect"})), ScopeMissing);
    // A required scope without a slash is required like any other.
    requesting("postgres").denies(&good, ScopeMissing);
}

#[test]
fn other_separators() {
    let login = Login::with_profile("scope = { separator = \",\" }\n");
    login.grants(&token(json!({"scope": "openid,db.connect"})), "ana");
    login.denies(token(json!({"scope": "openid db.connect"})), ScopeMissing);
    login.denies(token(json!({"scope": "openid, db.connect"})), ScopeMissing);
}

#[test]
fn scopes_as_many_nodes() {
    let login = Login::with_profile("scope = { claim = \"$.realm_access.roles[*]\" }\n");
    login.grants(&token(json!({"realm_access": {"roles": ["openid", "db.connect"]}})), "ana");
    login.denies(token(json!({"realm_access": {"roles": ["openid", "x"]}})), ScopeMissing);
    login.denies(token(json!({"realm_access": {"roles": ["openid", "db.connect", 7]}})), ClaimType);
}

#[test]
fn a_denial_for_scope_reports_the_identity() {
    let denial = hba("db.write").denies(token(json!({})), ScopeMissing);
    assert_eq!(denial.authn_id.as_deref(), Some("ana"));
    let denial = hba("db.write").denies(token(json!({"sub": "new\nline"})), ScopeMissing);
    assert_eq!(denial.authn_id, None);
    let denial = Login::new().denies(token(json!({"aud": "other"})), oauth_validator_core::Reason::AudienceMismatch);
    assert_eq!(denial.authn_id, None, "not before the token is known to be for us");
}
