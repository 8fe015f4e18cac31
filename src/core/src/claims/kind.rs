//! What kind of token it is, and what it is bound to: an access token, an ID token, or one that logs nobody in.
//!
//! Tokens of all kinds come from one issuer and are signed with one key, so the kind is judged by what the token says of
//! itself, and before anything that an administrator may widen, such as its lifetime. That a mark is missing proves
//! nothing: a profile also needs the audience, the scope, or a rule.

use super::members::Members;
use crate::config::{Profile, Rule, Test, TokenKind};
use crate::decision::Denial;
use crate::reason::Reason;
use crate::trace::Trace;
use serde_json::Value;

/// What a word says about the kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An access token.
    Access,
    /// An ID token.
    Id,
    /// Neither: a refresh or logout token, or another that is no proof for a service. It is refused whatever the profile
    /// says.
    Other,
}

/// Claims in which providers say the kind: `typ` Keycloak, `token_use` Cognito and Hydra, `token_class` idpyoidc,
/// `token_type` and `tokenType` several, `tokenName` ForgeRock, `type` glewlwyd, `purpose` Curity. Their names are compared
/// without case.
const KIND_CLAIMS: [&str; 9] =
    ["typ", "token_use", "token_class", "token_kind", "token_type", "tokenType", "tokenName", "type", "purpose"];

/// Of these, claims with other meanings as well: only a word for access tokens proves something there.
const AMBIGUOUS_CLAIMS: [&str; 2] = ["type", "purpose"];

/// Of these, claims that say how a token is used (RFC 6749 section 7.1), which is `Bearer` for refresh tokens as well.
const USE_CLAIMS: [&str; 2] = ["token_type", "tokenType"];

/// Claims of ID tokens (OpenID Connect Core sections 2 and 3.3.2.11).
const ID_TOKEN_CLAIMS: [&str; 4] = ["nonce", "at_hash", "c_hash", "s_hash"];

/// Refuses what is bound to somebody, of another kind, or on the list of denied tokens.
pub(super) fn check(claims: Members<'_>, profile: &Profile, trace: &mut Trace) -> Result<(), Denial> {
    if claims.has("cnf") {
        let detail =
            "The token has cnf (RFC 7800): it is only good together with a key that PostgreSQL cannot ask for.";
        return Err(Denial::new(Reason::SenderConstrained, detail));
    }
    if let Some(name) = ["act", "may_act"].into_iter().find(|name| claims.has(name))
        && !profile.actor_allowed
    {
        let detail = format!("The token has {name} (RFC 8693 section 4), and the profile says actor = \"deny\".");
        return Err(Denial::new(Reason::ActorNotAllowed, detail));
    }
    said(claims, profile.token_kind, trace)?;
    if profile.token_kind == TokenKind::Access {
        marks(claims, profile)?;
    }
    revoked(claims, profile)
}

/// What the token itself says in words. Security event tokens (RFC 8417), of which logout tokens are some, have `events`.
fn said(claims: Members<'_>, accepted: TokenKind, trace: &mut Trace) -> Result<(), Denial> {
    if claims.has("events") {
        let detail = "The token has events, which only logout tokens and other security event tokens have.";
        return Err(Denial::new(Reason::IdToken, detail));
    }
    for (name, value) in claims.iter() {
        let Some(name) = KIND_CLAIMS.into_iter().find(|claim| claim.eq_ignore_ascii_case(name)) else { continue };
        if words(value).filter_map(kind_of).any(|kind| refused(kind, accepted)) {
            trace.fact(name, value);
            let detail = format!("The token's {name} says that it is another kind than an access token.");
            return Err(Denial::new(Reason::IdToken, detail));
        }
    }
    Ok(())
}

/// The `typ` of a JWT's header, which no list of a profile can make good. `typ` is in small letters.
pub(crate) fn check_type(typ: &str, accepted: TokenKind) -> Result<(), Denial> {
    if kind_of(typ).is_some_and(|kind| refused(kind, accepted)) {
        let detail = "The typ of the token's header says that it is another kind than an access token.";
        return Err(Denial::new(Reason::IdToken, detail));
    }
    Ok(())
}

fn refused(kind: Kind, accepted: TokenKind) -> bool {
    kind == Kind::Other || (kind == Kind::Id && accepted == TokenKind::Access)
}

/// Claims of ID tokens, which some providers put into access tokens as well: a rule that proves the kind outweighs them.
fn marks(claims: Members<'_>, profile: &Profile) -> Result<(), Denial> {
    let Some(name) = ID_TOKEN_CLAIMS.into_iter().find(|name| claims.has(name)) else { return Ok(()) };
    if profile.access_token.iter().any(proves_access) {
        return Ok(());
    }
    let hint = format!(
        "Send the access token. If this is the access token, write an [[access_token]] rule with equals on the claim that \
         says so, such as typ or token_use: that outweighs {name}."
    );
    Err(Denial::new(Reason::IdToken, format!("The token has {name}, as ID tokens have.")).with_hint(hint))
}

fn revoked(claims: Members<'_>, profile: &Profile) -> Result<(), Denial> {
    match claims.get("jti") {
        Some(Value::String(jti)) if profile.deny_jti.contains(jti) => {
            Err(Denial::new(Reason::TokenRevoked, "The token's jti is in deny_jti."))
        }
        None | Some(Value::String(_)) => Ok(()),
        Some(_) if profile.deny_jti.is_empty() => Ok(()),
        Some(_) => Err(super::wrong_type("jti", "a string")),
    }
}

/// Whether a rule holds for access tokens alone: its claim says the kind, and all that it accepts there is another word
/// than those for ID tokens and others. That something is there, or is not, proves no kind.
fn proves_access(rule: &Rule) -> bool {
    let Some(claim) = rule.claim.top_level_claim() else { return false };
    let Some(claim) = KIND_CLAIMS.into_iter().find(|name| *name == claim) else { return false };
    let proves = |value: &Value| match (value, kind_of_value(value)) {
        (_, Some(kind)) => kind == Kind::Access,
        (Value::String(word), None) => match normal(word).as_str() {
            "" => false,
            "bearer" => !USE_CLAIMS.contains(&claim) && !AMBIGUOUS_CLAIMS.contains(&claim),
            _ => !AMBIGUOUS_CLAIMS.contains(&claim),
        },
        _ => false,
    };
    match &rule.test {
        Test::Equals(wanted) => proves(wanted),
        Test::OneOf(wanted) => wanted.iter().all(proves),
        _ => false,
    }
}

/// The kind that a value of a kind claim says.
pub(crate) fn kind_of_value(value: &Value) -> Option<Kind> {
    value.as_str().and_then(kind_of)
}

fn kind_of(word: &str) -> Option<Kind> {
    match normal(word).as_str() {
        "access" | "at" => Some(Kind::Access),
        "id" => Some(Kind::Id),
        // `rt` is short for refresh, as `at` is for access; a serialized ID is the session cookie of Keycloak; answers
        // about tokens (RFC 9701) are signed by the issuer and for this server as well.
        "refresh" | "rt" | "offline" | "logout" | "backchannellogout" | "secevent" | "serializedid"
        | "authorizationcode" | "tokenintrospection" => Some(Kind::Other),
        _ => None,
    }
}

/// The strings that a value holds.
fn words(value: &Value) -> impl Iterator<Item = &str> {
    let (one, several) = match value {
        Value::String(word) => (Some(word.as_str()), &[][..]),
        Value::Array(several) => (None, several.as_slice()),
        _ => (None, &[][..]),
    };
    one.into_iter().chain(several.iter().filter_map(Value::as_str))
}

/// A word without case, punctuation, and what says that it is a token: `Refresh`, `refresh_token`, `refresh+jwt`,
/// `RefreshToken` and the URN of RFC 8693 section 3 are one.
fn normal(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    let short = lower.strip_prefix("urn:ietf:params:oauth:token-type:").unwrap_or(&lower);
    let short = short.strip_prefix("application/").unwrap_or(short);
    let mut letters: String = short.chars().filter(char::is_ascii_alphanumeric).collect();
    for suffix in ["jwt", "token"] {
        if letters.ends_with(suffix) {
            letters.truncate(letters.len() - suffix.len());
        }
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::{Kind, kind_of, proves_access};
    use crate::claim_path::ClaimPath;
    use crate::config::{Origin, Rule, Test};
    use serde_json::{Value, json};

    #[test]
    fn words_of_real_providers_are_understood_in_all_spellings() {
        for (kind, words) in [
            (Some(Kind::Access), &["access", "access_token", "Access", "ACCESS-TOKEN", "accessToken", "at+jwt"][..]),
            (Some(Kind::Id), &["ID", "id", "id_token", "IDToken", "urn:ietf:params:oauth:token-type:id_token"]),
            (
                Some(Kind::Other),
                &[
                    "Refresh",
                    "refresh",
                    "refresh_token",
                    "refresh-token",
                    "RefreshToken",
                    "REFRESH",
                    " refresh ",
                    "urn:ietf:params:oauth:token-type:refresh_token",
                    "rt+jwt",
                    "Offline",
                    "OFFLINE_TOKEN",
                    "Logout",
                    "logout+jwt",
                    "application/logout+jwt",
                    "logout_token",
                    "secevent+jwt",
                    "Serialized-ID",
                    "authorization_code",
                    "token-introspection+jwt",
                ],
            ),
            (None, &["", "Bearer", "JWT", "jwt", "user", "N_A", "refreshed", "offline_access", "identity", "\u{130}d"]),
        ] {
            for word in words {
                assert_eq!(kind_of(word), kind, "{word}");
            }
        }
    }

    fn rule(claim: &str, test: Test) -> Rule {
        Rule { claim: ClaimPath::parse(claim).unwrap(), test, origin: Origin::Line(1) }
    }

    #[test]
    fn only_a_word_for_access_tokens_in_a_claim_for_kinds_proves_the_kind() {
        let equals = |claim: &str, value: Value| proves_access(&rule(claim, Test::Equals(value)));
        for (claim, word) in [
            ("$.typ", "Bearer"),
            ("$['typ']", "Bearer"),
            ("$.typ", "vnd.backstage.user"),
            ("$.token_use", "access"),
            ("$.token_class", "access_token"),
            ("$.token_type", "access"),
            ("$.type", "access_token"),
            ("$.purpose", "access_token"),
        ] {
            assert!(equals(claim, json!(word)), "{claim} {word}");
        }
        for (claim, word) in [
            ("$.typ", json!("ID")),
            ("$.typ", json!("Refresh")),
            ("$.typ", json!("JWT")),
            ("$.typ", json!("")),
            ("$.typ", json!(["Bearer"])),
            ("$.typ", json!(1)),
            ("$.token_type", json!("Bearer")),
            ("$.tokenType", json!("bearer")),
            ("$.type", json!("user")),
            ("$.type", json!("Bearer")),
            ("$.purpose", json!("database")),
            ("$.azp", json!("access")),
            ("$.aud", json!("access_token")),
            ("$.ext.token_use", json!("access")),
            ("$..token_use", json!("access")),
        ] {
            assert!(!equals(claim, word.clone()), "{claim} {word}");
        }
        let one_of =
            |values: Value| proves_access(&rule("$.token_use", Test::OneOf(values.as_array().unwrap().clone())));
        assert!(one_of(json!(["access", "service"])));
        assert!(!one_of(json!(["access", "id"])) && !one_of(json!(["refresh"])) && !one_of(json!(["access", 1])));
        for test in [Test::Present, Test::Absent, Test::NoneOf(vec![json!("id")]), Test::Contains(json!("access"))] {
            assert!(!proves_access(&rule("$.token_use", test.clone())), "{test:?}");
        }
    }
}
