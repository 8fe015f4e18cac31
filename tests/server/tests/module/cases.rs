//! The table of tokens that must be refused, each with the code, the profile, and whose name the log may mention.
//!
//! Every token differs from an accepted one in the one thing that it is about.

use crate::providers::{ENTRA, GOOGLE, KEYCLOAK, KEYLESS, LAB, LineProvider, OKTA, REPORTS, SEVERAL, TWIN};
use oauth_validator_fixtures::{TokenBuilder, keys, mint, secret};
use oauth_validator_server_tests::{Login, now};
use serde_json::json;

/// A login that must be refused.
pub struct Case {
    pub what: &'static str,
    pub role: &'static str,
    pub database: &'static str,
    pub replication: Option<&'static str>,
    pub token: String,
    pub code: &'static str,
    /// Empty where the decision ends before a profile is chosen.
    pub profile: &'static str,
    /// Whom the server logs as authenticated: only where the token is genuine and meant for this server.
    pub identity: Option<String>,
}

impl Case {
    fn new(what: &'static str, provider: &LineProvider, token: impl Into<String>, code: &'static str) -> Self {
        Self {
            what,
            role: provider.role,
            database: "postgres",
            replication: None,
            token: token.into(),
            code,
            profile: provider.profile,
            identity: None,
        }
    }

    /// Of a genuine token, refused before its identity counts.
    fn unnamed(what: &'static str, provider: &LineProvider, token: TokenBuilder, code: &'static str) -> Self {
        Self::new(what, provider, token.sign(provider.key()), code)
    }

    /// Of a genuine token for this server: the identity is logged.
    fn named(what: &'static str, provider: &LineProvider, token: TokenBuilder, code: &'static str) -> Self {
        let identity = provider.identity_of(&token);
        Self { identity: Some(identity), ..Self::unnamed(what, provider, token, code) }
    }

    fn without_profile(self) -> Self {
        Self { profile: "", ..self }
    }

    fn on(self, role: &'static str, database: &'static str, replication: Option<&'static str>) -> Self {
        Self { role, database, replication, ..self }
    }

    /// The login itself.
    pub fn login(&self) -> Login<'static> {
        let login = Login::new(self.role, self.database).token(&self.token);
        match self.replication {
            Some(kind) => login.replication(kind),
            None => login,
        }
    }
}

/// All of them, in the order of the decision.
pub fn refused() -> Vec<Case> {
    let mut cases = shapes();
    cases.extend(lines());
    cases.extend(headers());
    cases.extend(signatures());
    cases.extend(meant_for_others());
    cases.extend(of_other_kinds());
    cases.extend(not_permitted());
    cases.extend(nobodies());
    cases
}

fn shapes() -> Vec<Case> {
    let malformed = |what, token: String| Case::new(what, &ENTRA, token, "token_malformed").without_profile();
    let good = ENTRA.secret_user().sign(ENTRA.key());
    let [header, payload, signature] = mint::split(&good);
    let twice = format!("{{\"oid\":\"{}\",{}", secret(), &String::from_utf8_lossy(&payload)[1..]);
    vec![
        malformed("an opaque token", format!("ya29.{}", secret())),
        malformed("a token of letters", secret() + &secret()),
        malformed("an encrypted token of five parts", [secret(), secret(), secret(), secret(), secret()].join(".")),
        malformed("an unsigned token", ENTRA.secret_user().unsigned()),
        malformed("padding", format!("{good}==")),
        malformed("a member twice", mint::mint_bytes(ENTRA.key(), "RS256", &header, twice.as_bytes())),
        malformed(
            "a payload that is no object",
            mint::assemble(&header, format!("\"{}\"", secret()).as_bytes(), &signature),
        ),
        malformed("a header that is no JSON", mint::assemble(secret().as_bytes(), &payload, &signature)),
        Case::new(
            "crit",
            &ENTRA,
            ENTRA.secret_user().header("crit", json!([secret()])).sign(ENTRA.key()),
            "token_malformed",
        ),
        Case::unnamed("20 kB of claims", &ENTRA, ENTRA.secret_user().claim("groups", long_list()), "token_too_large"),
    ]
}

fn long_list() -> Vec<String> {
    (0..400).map(|_| secret()).collect()
}

fn lines() -> Vec<Case> {
    let unknown = |what, role, database, replication| {
        let provider = if role == "ana_reports" { &REPORTS } else { &LAB };
        Case::unnamed(what, provider, provider.secret_user(), "hba_issuer_unknown").without_profile().on(
            role,
            database,
            replication,
        )
    };
    vec![
        unknown("a line whose issuer has no profile", "ana_stranger", "postgres", None),
        unknown("a line whose issuer has a slash more", "ana_slash", "postgres", None),
        unknown("a database that the profile does not serve", "ana_reports", "postgres", None),
        unknown("physical replication, which has no database", "ana_reports", "", Some("true")),
        unknown("physical replication where there is none", "ana_lab", "", Some("true")),
        unknown("logical replication where there is none", "ana_lab", "postgres", Some("database")),
        Case::unnamed("an issuer of two profiles", &TWIN, TWIN.secret_user(), "profile_ambiguous"),
        Case::new("a token of another profile", &ENTRA, KEYCLOAK.secret_user().sign(KEYCLOAK.key()), "issuer_mismatch"),
        Case::new("a token of the other Okta", &OKTA, LAB.secret_user().sign(LAB.key()), "issuer_mismatch"),
        Case::unnamed("an issuer that nobody trusts", &ENTRA, ENTRA.secret_user().issuer(&secret()), "issuer_mismatch"),
        Case::unnamed("no issuer", &ENTRA, ENTRA.secret_user().without("iss"), "issuer_mismatch"),
        Case::unnamed(
            "an issuer in a list",
            &ENTRA,
            ENTRA.secret_user().claim("iss", json!([secret()])),
            "issuer_mismatch",
        ),
    ]
}

fn headers() -> Vec<Case> {
    let user = || ENTRA.secret_user();
    let pem = ENTRA.key().public_pem();
    let wrong = |what, token: String, code| Case::new(what, &ENTRA, token, code);
    vec![
        wrong("another type", user().header("typ", secret()).sign(ENTRA.key()), "token_type"),
        wrong(
            "an access token type that Entra does not use",
            user().header("typ", "at+jwt").sign(ENTRA.key()),
            "token_type",
        ),
        wrong("alg none with a signature", user().header("alg", "none").sign_as(ENTRA.key(), "RS256"), "algorithm"),
        wrong("an unknown alg", user().header("alg", secret()).sign_as(ENTRA.key(), "RS256"), "algorithm"),
        wrong("the public key as a shared secret", user().sign_hmac(pem.as_bytes()), "algorithm"),
        wrong("ES256 where RS256 is wanted", user().sign(keys::p256()), "algorithm"),
        wrong("an unknown kid", user().header("kid", secret()).sign(ENTRA.key()), "key_unknown"),
        wrong("a kid that is a number", user().header("kid", 7).sign(ENTRA.key()), "token_malformed"),
        Case::unnamed(
            "a key that was withdrawn",
            &LAB,
            LAB.secret_user().header("kid", "a-stolen-key"),
            "token_revoked",
        ),
        Case::unnamed("keys that are not there", &KEYLESS, KEYLESS.secret_user(), "keys_unavailable"),
    ]
}

fn signatures() -> Vec<Case> {
    let attacker = keys::partner().with_kid(ENTRA.key().kid());
    let forged = |what, token: String| Case::new(what, &ENTRA, token, "signature_invalid");
    let good = || ENTRA.secret_user().sign(ENTRA.key());
    let (one, other) = (good(), good());
    let [header, payload, _] = mint::split(&one);
    let other_signature = other.rsplit('.').next().expect("a signature");
    let own = ENTRA.secret_user().header("jwk", attacker.public_jwk()).header("jku", secret());
    vec![
        forged("another key under the same kid", ENTRA.secret_user().sign(&attacker)),
        forged("a key that the token brings along", own.sign(&attacker)),
        forged(
            "the signature of another token",
            format!("{}.{other_signature}", &one[..one.rfind('.').expect("a dot")]),
        ),
        forged("no signature at all, but text", mint::assemble(&header, &payload, secret().as_bytes())),
        forged("the public key as a shared secret, called RS256", {
            let user = ENTRA.secret_user().header("alg", "RS256").header("kid", ENTRA.key().kid());
            user.sign_hmac(ENTRA.key().public_pem().as_bytes())
        }),
    ]
}

fn meant_for_others() -> Vec<Case> {
    let user = || ENTRA.secret_user();
    let entra = |what, token: TokenBuilder, code| Case::unnamed(what, &ENTRA, token, code);
    let now = now();
    vec![
        entra("another audience", user().audience(&secret()), "audience_mismatch"),
        entra("no audience", user().without("aud"), "audience_mismatch"),
        entra("an audience that is a number", user().claim("aud", 7), "claim_type"),
        Case::unnamed(
            "another API of the same Okta",
            &OKTA,
            OKTA.secret_user().audience("api://postgres2"),
            "audience_mismatch",
        ),
        Case::unnamed("another Google client", &GOOGLE, GOOGLE.secret_user().audience(&secret()), "audience_mismatch"),
        entra("another client", user().claim("azp", secret()), "client_not_allowed"),
        entra("no client", user().without("azp"), "client_not_allowed"),
        entra("two clients", user().claim("appid", secret()), "client_not_allowed"),
        entra("a time that is over", user().claim("exp", now - 60), "expired"),
        entra("no end", user().without("exp"), "expired"),
        entra("an end that is text", user().claim("exp", secret()), "claim_type"),
        entra("a time that has not come", user().claim("nbf", now + 600), "not_yet_valid"),
        entra("issued tomorrow", user().claim("iat", now + 600), "not_yet_valid"),
        entra("two days", user().claim("exp", now + 172_800), "lifetime_too_long"),
        Case::unnamed(
            "two hours of Google",
            &GOOGLE,
            GOOGLE.secret_user().claim("exp", now + 7200),
            "lifetime_too_long",
        ),
    ]
}

fn of_other_kinds() -> Vec<Case> {
    let lab = |what, token: TokenBuilder, code| Case::unnamed(what, &LAB, token, code);
    let user = || LAB.secret_user();
    vec![
        lab("bound to a key", user().claim("cnf", json!({"jkt": secret()})), "sender_constrained"),
        lab("somebody acts for Ana", user().claim("act", json!({"sub": secret()})), "actor_not_allowed"),
        lab("somebody may act for Ana", user().claim("may_act", json!({"sub": secret()})), "actor_not_allowed"),
        lab("an ID token", user().claim("at_hash", secret()), "id_token"),
        Case::unnamed("Keycloak's ID token", &KEYCLOAK, KEYCLOAK.secret_user().claim("typ", "ID"), "id_token"),
        Case::unnamed(
            "Keycloak's refresh token",
            &KEYCLOAK,
            KEYCLOAK.secret_user().claim("typ", "Refresh"),
            "id_token",
        ),
        lab("a token that was withdrawn", user().claim("jti", "a-stolen-token"), "token_revoked"),
    ]
}

fn not_permitted() -> Vec<Case> {
    let client = OKTA.secret_user().without("uid").claim("scp", json!(["openid"]));
    vec![
        Case::named("another scope", &ENTRA, ENTRA.secret_user().claim("scp", secret()), "scope_missing"),
        Case::named("no scope, as applications have it", &ENTRA, ENTRA.secret_user().without("scp"), "scope_missing"),
        Case::named("half a scope", &OKTA, OKTA.secret_user().claim("scp", json!(["db.connect.all"])), "scope_missing"),
        Case::unnamed("no scope, and nobody", &OKTA, client, "scope_missing"),
        Case::named("scopes that are a number", &ENTRA, ENTRA.secret_user().claim("scp", 7), "claim_type"),
        Case::named("nothing is required", &LAB, LAB.secret_user(), "scope_missing").on("ana_bare", "postgres", None),
        Case::named("another tenant", &ENTRA, ENTRA.secret_user().claim("tid", secret()), "rule_failed"),
        Case::named("no Workspace domain", &GOOGLE, GOOGLE.secret_user().without("hd"), "rule_failed"),
        Case::named("another Workspace domain", &GOOGLE, GOOGLE.secret_user().claim("hd", secret()), "rule_failed"),
        Case::named(
            "no role in the client",
            &KEYCLOAK,
            KEYCLOAK.secret_user().claim("resource_access", json!({"postgres": {"roles": [secret()]}})),
            "rule_failed",
        ),
        Case::named(
            "delegation of a token without the scope",
            &LAB,
            LAB.secret_user().claim("scope", "x"),
            "scope_missing",
        )
        .on("ana_delegated", "postgres", None),
        Case::named("no roles to delegate", &LAB, LAB.secret_user(), "delegation_not_configured").on(
            "ana_delegated",
            "postgres",
            None,
        ),
    ]
}

fn nobodies() -> Vec<Case> {
    let entra = |what, token: TokenBuilder, code| Case::unnamed(what, &ENTRA, token, code);
    let user = || ENTRA.secret_user();
    let several = SEVERAL.secret_user().claim("emails", json!([secret(), secret()]));
    vec![
        entra("no identity", user().without("oid"), "identity_missing"),
        Case::unnamed("a client without a user", &OKTA, OKTA.secret_user().without("uid"), "identity_missing"),
        // With delegation PostgreSQL itself would let somebody without an identity in.
        Case::unnamed("delegation without identity", &LAB, LAB.secret_user().without("sub"), "identity_missing").on(
            "ana_delegated",
            "postgres",
            None,
        ),
        entra("an empty identity", user().claim("oid", ""), "identity_invalid"),
        entra("a number", user().claim("oid", 7), "identity_invalid"),
        entra("a list of one", user().claim("oid", json!([secret()])), "identity_invalid"),
        entra("a line break", user().claim("oid", format!("{}\nLOG:  forged", secret())), "identity_invalid"),
        entra("a NUL", user().claim("oid", format!("{}\0", secret())), "identity_invalid"),
        entra("a blank at the end", user().claim("oid", format!("{} ", secret())), "identity_invalid"),
        entra("1025 bytes", user().claim("oid", secret() + &"x".repeat(993)), "identity_invalid"),
        Case::unnamed("two addresses", &SEVERAL, several, "identity_ambiguous"),
        Case::unnamed(
            "not verified",
            &GOOGLE,
            GOOGLE.secret_user().claim("email_verified", false),
            "identity_unverified",
        ),
        Case::unnamed(
            "verified in words",
            &GOOGLE,
            GOOGLE.secret_user().claim("email_verified", "true"),
            "identity_unverified",
        ),
        Case::unnamed(
            "nobody says whether",
            &GOOGLE,
            GOOGLE.secret_user().without("email_verified"),
            "identity_unverified",
        ),
        Case::unnamed("somebody shut out", &LAB, LAB.secret_user().claim("sub", "mallory"), "identity_denied"),
    ]
}
