//! The tokens of the demo: good ones in the layout of each provider, and bad ones that differ in one thing.
//!
//! Each provider has a key of its own. A bad token must be bad for the reason in its line and for no other, so it is
//! made from a good one.

use std::time::{SystemTime, UNIX_EPOCH};

use oauth_validator_fixtures::{TestKey, TokenBuilder, assemble, split};
use serde_json::{Value, json};

use crate::files::ORPHAN;
use crate::outcome::{DemoCase, DemoExpectation};

const HOUR: i64 = 3600;

/// The keys of the four providers, and of somebody who is none of them.
pub struct DemoProviders {
    now: i64,
    entra: TestKey,
    okta: TestKey,
    google: TestKey,
    keycloak: TestKey,
    stranger: TestKey,
}

impl DemoProviders {
    pub fn new() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock past 1970");
        Self {
            now: i64::try_from(since.as_secs()).expect("a year before 292 billion"),
            entra: TestKey::rsa("entra-1"),
            okta: TestKey::rsa("okta-1"),
            google: TestKey::rsa("google-1"),
            keycloak: TestKey::rsa("keycloak-1"),
            stranger: TestKey::rsa("keycloak-1"),
        }
    }

    /// The key of each profile.
    pub fn keys(&self) -> [(&'static str, &TestKey); 4] {
        [("entra", &self.entra), ("okta", &self.okta), ("google", &self.google), ("keycloak", &self.keycloak)]
    }

    fn token(&self, sample: &str) -> TokenBuilder {
        TokenBuilder::from_sample(sample).at(self.now)
    }

    fn okta(&self) -> TokenBuilder {
        self.token("okta_custom_as")
    }

    fn google(&self) -> TokenBuilder {
        self.token("google_id_token")
    }

    fn keycloak(&self) -> TokenBuilder {
        self.token("keycloak_access")
    }

    /// Ana's good token for the database of Okta.
    pub fn at_okta(&self, about: &'static str, expected: DemoExpectation) -> DemoCase {
        case(about, "support", self.okta().sign(&self.okta), expected)
    }

    /// Ana's good token for the database of Google.
    pub fn at_google(&self, about: &'static str, expected: DemoExpectation) -> DemoCase {
        case(about, "finance", self.google().sign(&self.google), expected)
    }

    /// The logins that must succeed.
    pub fn good(&self) -> Vec<DemoCase> {
        let entra = |sample| self.token(sample).sign(&self.entra);
        let oid = DemoExpectation::LetIn("oauth:5d5d5d5d-3333-4444-8555-666666666666");
        let sub = DemoExpectation::LetIn("oauth:6f0c1d2e-3f40-4152-8637-485960718293");
        vec![
            case("Entra ID, version 2.0", "sales", entra("entra_v2_delegated"), oid),
            case("Entra ID, version 1.0", "sales", entra("entra_v1_delegated"), oid),
            self.at_okta("Okta", DemoExpectation::LetIn("oauth:00u000user0000000h7")),
            self.at_google("Google Workspace", DemoExpectation::LetIn("oauth:ana@corp.example")),
            case("Keycloak", "warehouse", self.keycloak().sign(&self.keycloak), sub),
        ]
    }

    /// The logins that must fail.
    pub fn bad(&self) -> Vec<DemoCase> {
        let parts = [self.bad_entra_and_okta(), self.bad_google(), self.bad_keycloak(), self.bad_lines()];
        parts.into_iter().flatten().collect()
    }

    fn bad_entra_and_okta(&self) -> Vec<DemoCase> {
        let entra = self.token("entra_v2_delegated").claim("azp", "88888888-aaaa-4bbb-8ccc-333333333333");
        let okta = |about, token: TokenBuilder, code| denied(about, "support", token.sign(&self.okta), code);
        vec![
            okta("Okta: made for another service", self.okta().audience("api://payroll"), "audience_mismatch"),
            okta("Okta: expired an hour ago", self.okta().at(self.now - 2 * HOUR), "expired"),
            okta("Okta: valid for 30 days", self.okta().expires_in(30 * 24 * HOUR), "lifetime_too_long"),
            okta("Okta: without the scope db.connect", self.okta().claim("scp", json!(["openid"])), "scope_missing"),
            denied("Entra ID: issued to another application", "sales", entra.sign(&self.entra), "client_not_allowed"),
        ]
    }

    fn bad_google(&self) -> Vec<DemoCase> {
        let google = |about, token: TokenBuilder, code| denied(about, "finance", token.sign(&self.google), code);
        let opaque = "ya29.a0AfB_byC-madeup-opaque-access-token".to_owned();
        vec![
            google(
                "Google: email address not verified",
                self.google().claim("email_verified", false),
                "identity_unverified",
            ),
            google("Google: account outside the Workspace domain", self.google().without("hd"), "rule_failed"),
            denied("Google: opaque access token, not a signed one", "finance", opaque, "token_malformed"),
        ]
    }

    fn bad_keycloak(&self) -> Vec<DemoCase> {
        let keycloak = |about, token, code| denied(about, "warehouse", token, code);
        let id_token = self.token("keycloak_id").audience("postgres").sign(&self.keycloak);
        let secret = self.keycloak.public_pem();
        let confused = self.keycloak().header("kid", self.keycloak.kid()).sign_hmac(secret.as_bytes());
        let unsigned = self.keycloak().header("kid", self.keycloak.kid()).unsigned();
        vec![
            keycloak("Keycloak: ID token in place of the access token", id_token, "id_token"),
            keycloak(
                "Keycloak: signed with a stranger's key",
                self.keycloak().sign(&self.stranger),
                "signature_invalid",
            ),
            keycloak("Keycloak: altered after it was signed", self.altered(), "signature_invalid"),
            keycloak("Keycloak: \"alg\": \"none\", no signature", unsigned, "token_malformed"),
            keycloak("Keycloak: HS256, with the public key as its secret", confused, "algorithm"),
        ]
    }

    /// Good tokens, where they are not good for anything.
    fn bad_lines(&self) -> Vec<DemoCase> {
        let okta = || self.okta().sign(&self.okta);
        let bruno =
            DemoCase { role: "bruno", ..self.at_okta("Ana's good token, for another role", DemoExpectation::NoMatch) };
        vec![
            denied("Okta's good token, at the database of Entra ID", "sales", okta(), "issuer_mismatch"),
            denied("A provider in pg_hba.conf that has no profile", ORPHAN, okta(), "hba_issuer_unknown"),
            bruno,
        ]
    }

    /// Keycloak's good token, with somebody else's user ID written into it.
    fn altered(&self) -> String {
        let [header, payload, signature] = split(&self.keycloak().sign(&self.keycloak));
        let mut claims: Value = serde_json::from_slice(&payload).expect("the payload is JSON");
        claims["sub"] = json!("00000000-0000-4000-8000-000000000001");
        assemble(&header, claims.to_string().as_bytes(), &signature)
    }
}

fn denied(about: &'static str, database: &'static str, token: String, code: &'static str) -> DemoCase {
    case(about, database, token, DemoExpectation::Denied(code))
}

fn case(about: &'static str, database: &'static str, token: String, expected: DemoExpectation) -> DemoCase {
    DemoCase { about, database, role: "ana", token, expected }
}
