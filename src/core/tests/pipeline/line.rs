//! Steps 2 and 3: the pg_hba.conf line decides which profiles may be asked, the token picks among them.

use super::support::{ISSUER, Login, token};
use oauth_validator_core::Reason::{AudienceMismatch, HbaIssuerUnknown, IssuerMismatch, ProfileAmbiguous};
use serde_json::json;

const PARTNER: &str = "https://partner.example";

fn two(corp: &str, partner: &str) -> Login {
    Login::with_file(&format!(
        "[profiles.corp]\nissuer = \"{ISSUER}\"\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"k\" }}\n{corp}\n\
         [profiles.partner]\nissuer = \"{PARTNER}\"\naudience = [\"partner-pg\"]\nkeys = {{ jwks_file = \"k\" }}\n{partner}\n"
    ))
}

fn partner_token() -> String {
    token(json!({"iss": PARTNER, "aud": "partner-pg"}))
}

#[test]
fn a_line_permits_its_own_issuer_only() {
    let on = |issuer: &str| two("", "").request(|request| request.hba_issuer = issuer.into());
    on(ISSUER).grants(&token(json!({})), "ana");
    on(PARTNER).grants(&partner_token(), "ana");
    // The mix-up: a perfectly valid token of one profile on the line of the other.
    on(ISSUER).denies(partner_token(), IssuerMismatch);
    on(PARTNER).denies(token(json!({})), IssuerMismatch);
    // Claiming the other issuer does not help either.
    on(ISSUER).denies(token(json!({"aud": "partner-pg"})), AudienceMismatch);
    for issuer in
        ["https://other.example", "", "https://idp.example/corp/", "https://idp.example/CORP", "https://idp.example"]
    {
        on(issuer).denies(token(json!({})), HbaIssuerUnknown);
    }
}

#[test]
fn well_known_urls_of_the_issuer_are_served() {
    let on = |issuer: &str| two("", "").request(|request| request.hba_issuer = issuer.into());
    for url in [
        "https://idp.example/corp/.well-known/openid-configuration",
        "https://idp.example/.well-known/openid-configuration/corp",
        "https://idp.example/.well-known/oauth-authorization-server/corp",
    ] {
        on(url).grants(&token(json!({})), "ana");
        on(url).denies(partner_token(), IssuerMismatch);
    }
    for url in [
        "https://idp.example/.well-known/openid-configuration",
        "https://idp.example/corp/.well-known/oauth-authorization-server",
        "https://idp.example/corp/.well-known/openid-configuration/",
        "https://idp.example/corp/x/.well-known/openid-configuration",
        "https://evil.example/corp/.well-known/openid-configuration",
    ] {
        on(url).denies(token(json!({})), HbaIssuerUnknown);
    }
}

#[test]
fn token_issuers_may_differ_from_the_lines() {
    let google = Login::with_file(
        "[profiles.google]\nissuer = \"https://accounts.google.com\"\ntoken_issuers = [\"https://accounts.google.com\", \"accounts.google.com\"]\n\
         audience = [\"postgres\"]\nkeys = { jwks_file = \"k\" }\n",
    )
    .request(|request| request.hba_issuer = "https://accounts.google.com".into());
    google.grants(&token(json!({"iss": "https://accounts.google.com"})), "ana");
    google.grants(&token(json!({"iss": "accounts.google.com"})), "ana");
    google.denies(token(json!({"iss": "accounts.google.com.evil.example"})), IssuerMismatch);
    google.denies(token(json!({"iss": "https://accounts.google.com/"})), IssuerMismatch);
}

#[test]
fn two_profiles_for_one_issuer_are_ambiguous_on_one_line() {
    let both = format!("hba_issuers = [\"{ISSUER}\"]\ntoken_issuers = [\"{ISSUER}\"]\n");
    let apart = |name: &str| format!("identity = {{ prefix = \"{name}:\" }}\n");
    two(&apart("corp"), &format!("{both}{}", apart("partner"))).denies(token(json!({})), ProfileAmbiguous);
    // Not where the databases tell them apart.
    let reports = two("databases = [\"app\"]\n", &format!("{both}databases = [\"reports\"]\n"));
    reports.grants(&token(json!({})), "ana");
}

#[test]
fn databases_and_replication() {
    let limited =
        |change: fn(&mut oauth_validator_core::Request)| Login::with_profile("databases = [\"app\"]\n").request(change);
    limited(|_| {}).grants(&token(json!({})), "ana");
    limited(|request| request.database = "other".into()).denies(token(json!({})), HbaIssuerUnknown);
    limited(|request| request.database = "APP".into()).denies(token(json!({})), HbaIssuerUnknown);
    limited(|request| request.database = String::new()).denies(token(json!({})), HbaIssuerUnknown);
    let replicating = |further: &str, database: &str| {
        let database = database.to_owned();
        Login::with_profile(further).request(move |request| {
            request.replication = true;
            request.database = database;
        })
    };
    replicating("", "").denies(token(json!({})), HbaIssuerUnknown);
    replicating("", "app").denies(token(json!({})), HbaIssuerUnknown);
    replicating("replication = true\n", "").grants(&token(json!({})), "ana");
    replicating("replication = true\n", "app").grants(&token(json!({})), "ana");
    replicating("replication = true\ndatabases = [\"app\"]\n", "").denies(token(json!({})), HbaIssuerUnknown);
}

#[test]
fn an_empty_file_trusts_nobody() {
    let denial = Login::with_file("").denies(token(json!({})), HbaIssuerUnknown);
    assert!(denial.detail.contains("trusts nobody"), "{}", denial.detail);
}
