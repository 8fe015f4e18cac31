//! Tokens as real providers lay them out, against the shipped examples.

use super::support::{Login, NOW};
use oauth_validator_core::Reason::{self, AudienceMismatch, IdToken, IdentityUnverified, RuleFailed, ScopeMissing};
use oauth_validator_fixtures::{TokenBuilder, keys};
use serde_json::json;

const ENTRA: &str = include_str!("../../../../config/examples/entra.toml");
const OKTA: &str = include_str!("../../../../config/examples/okta.toml");
const GOOGLE: &str = include_str!("../../../../config/examples/google.toml");
const KEYCLOAK: &str = include_str!("../../../../config/examples/keycloak.toml");

fn login(file: &str, issuer: &str, scope: &str) -> Login {
    Login::with_file(file).request(|request| {
        request.hba_issuer = issuer.into();
        request.hba_scope = scope.into();
    })
}

fn entra() -> Login {
    let issuer = "https://login.microsoftonline.com/9a8b7c6d-2222-4eee-9fff-000000000001/v2.0";
    login(ENTRA, issuer, "api://0f1e2d3c-0000-4a5b-8c6d-111111111111/db.connect openid")
}

fn okta() -> Login {
    login(OKTA, "https://acme.okta.example/oauth2/aus000001", "openid db.connect")
}

fn google() -> Login {
    login(GOOGLE, "https://accounts.google.com", "openid email")
}

fn keycloak() -> Login {
    login(KEYCLOAK, "https://kc.example/realms/corp", "openid connect:postgres")
}

fn sample(name: &str) -> TokenBuilder {
    TokenBuilder::from_sample(name).at(NOW)
}

fn denies(login: &Login, token: TokenBuilder, reason: Reason) {
    login.denies(token.sign(keys::corp()), reason);
}

#[test]
fn entra_lets_users_in_by_oid() {
    let oid = "5d5d5d5d-3333-4444-8555-666666666666";
    entra().grants(&sample("entra_v2_delegated").sign(keys::corp()), oid);
    entra().grants(&sample("entra_v1_delegated").sign(keys::corp()), oid);
}

#[test]
fn entra_refuses_other_tenants_applications_and_kinds() {
    let user = || sample("entra_v2_delegated");
    denies(&entra(), sample("entra_app_only"), ScopeMissing);
    denies(&entra(), user().audience("00000003-0000-0000-c000-000000000000"), AudienceMismatch);
    denies(&entra(), user().issuer("https://login.microsoftonline.com/other/v2.0"), Reason::IssuerMismatch);
    denies(&entra(), user().issuer("https://login.microsoftonline.com/{tenantid}/v2.0"), Reason::IssuerMismatch);
    denies(&entra(), user().claim("tid", json!("9188040d-6c67-4c5b-b112-36a304b66dad")), RuleFailed);
    denies(&entra(), user().without("tid"), RuleFailed);
    denies(&entra(), user().claim("scp", json!("db.read")), ScopeMissing);
    denies(&entra(), user().without("oid"), Reason::IdentityMissing);
    denies(&entra(), user().claim("nonce", json!("n")), IdToken);
    denies(&entra(), user().claim("azp", json!("00000000-aaaa-4bbb-8ccc-222222222222")), Reason::ClientNotAllowed);
}

#[test]
fn okta_lets_users_in_by_uid() {
    okta().grants(&sample("okta_custom_as").sign(keys::corp()), "00u000user0000000h7");
}

#[test]
fn okta_refuses_what_has_no_user_or_scope() {
    let user = || sample("okta_custom_as");
    // A client's own token: another client, and if that one is listed, still nobody's identity.
    denies(&okta(), sample("okta_client_credentials"), Reason::ClientNotAllowed);
    let service = || sample("okta_client_credentials").claim("cid", json!("0oa000client00000h7"));
    denies(&okta(), service(), ScopeMissing);
    denies(&okta(), service().claim("scp", json!(["openid", "db.connect"])), Reason::IdentityMissing);
    denies(&okta(), user().without("uid"), Reason::IdentityMissing);
    denies(&okta(), user().without("scp"), ScopeMissing);
    denies(&okta(), user().claim("scp", json!("openid db.connect.admin")), ScopeMissing);
    denies(&okta(), user().audience("api://other"), AudienceMismatch);
    denies(&okta(), user().issuer("https://acme.okta.example"), Reason::IssuerMismatch);
    denies(&okta(), user().claim("cid", json!("0oa000stranger")), Reason::ClientNotAllowed);
}

#[test]
fn google_lets_the_domain_in_by_verified_email() {
    google().grants(&sample("google_id_token").sign(keys::corp()), "ana@corp.example");
    google().grants(&sample("google_id_token").issuer("accounts.google.com").sign(keys::corp()), "ana@corp.example");
}

#[test]
fn google_refuses_other_domains_clients_and_unverified_addresses() {
    let user = || sample("google_id_token");
    denies(&google(), user().without("hd"), RuleFailed);
    denies(&google(), user().claim("hd", json!("evil.example")), RuleFailed);
    denies(&google(), user().claim("hd", json!("corp.example.evil.example")), RuleFailed);
    denies(&google(), user().claim("email_verified", json!(false)), IdentityUnverified);
    denies(&google(), user().claim("email_verified", json!("true")), IdentityUnverified);
    denies(&google(), user().without("email_verified"), IdentityUnverified);
    denies(&google(), user().audience("other.apps.googleusercontent.com"), AudienceMismatch);
    denies(&google(), sample("google_service_account_id_token"), AudienceMismatch);
}

#[test]
fn keycloak_lets_users_in_by_sub() {
    keycloak().grants(&sample("keycloak_access").sign(keys::corp()), "6f0c1d2e-3f40-4152-8637-485960718293");
}

#[test]
fn keycloak_refuses_id_and_refresh_tokens_and_missing_roles() {
    let user = || sample("keycloak_access");
    denies(&keycloak(), sample("keycloak_id"), AudienceMismatch);
    denies(&keycloak(), sample("keycloak_id").audience("postgres"), IdToken);
    denies(&keycloak(), user().claim("typ", json!("Refresh")), IdToken);
    denies(&keycloak(), user().without("typ"), IdToken);
    denies(&keycloak(), user().claim("typ", json!("ID")).claim("nonce", json!("n")), IdToken);
    denies(&keycloak(), user().claim("aud", json!("account")), AudienceMismatch);
    denies(&keycloak(), user().claim("resource_access", json!({"postgres": {"roles": []}})), RuleFailed);
    denies(&keycloak(), user().claim("resource_access", json!({"other": {"roles": ["db_owner"]}})), RuleFailed);
    denies(&keycloak(), user().claim("scope", json!("openid profile")), ScopeMissing);
    denies(&keycloak(), user().without("sub"), Reason::IdentityMissing);
}

#[test]
fn keycloak_before_25_writes_nonce_into_access_tokens() {
    let user = sample("keycloak_access").claim("nonce", json!("n"));
    keycloak().grants(&user.sign(keys::corp()), "6f0c1d2e-3f40-4152-8637-485960718293");
}
