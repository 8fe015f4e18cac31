//! What kind of token it is, and what it is bound to: an access token, an ID token, or one that logs nobody in.
//!
//! Tokens of all kinds come from one issuer and are signed with one key, so the kind is judged by what the token says of
//! itself, and before anything that an administrator may widen, such as its lifetime. That a mark is missing proves
//! nothing: a profile also needs the audience, the scope, or a rule.

use super::members::ClaimMembers;
use crate::config::{Clause, Profile, Rule, Test, TokenKind};
use crate::decision::Denial;
use crate::reason::Reason;
use crate::token_kind::{WordKind, kind_of, kind_of_value, normal};
use crate::trace::Trace;
use serde_json::Value;

/// Claims in which providers say the kind: `typ` Keycloak, `token_use` Cognito and Hydra, `token_class` idpyoidc,
/// `token_type` and `tokenType` several, `tokenName` ForgeRock, `type` glewlwyd, `purpose` Curity. Their names are compared
/// without case.
const KIND_CLAIMS: [&str; 9] =
    ["typ", "token_use", "token_class", "token_kind", "token_type", "tokenType", "tokenName", "type", "purpose"];

/// Those of these claims that have other meanings as well: only a word for access tokens proves something there.
const AMBIGUOUS_CLAIMS: [&str; 2] = ["type", "purpose"];

/// Those of these claims that say how a token is used (RFC 6749 section 7.1), which is `Bearer` for refresh tokens as well.
const USE_CLAIMS: [&str; 2] = ["token_type", "tokenType"];

/// Claims of ID tokens (OpenID Connect Core sections 2 and 3.3.2.11).
const ID_TOKEN_CLAIMS: [&str; 4] = ["nonce", "at_hash", "c_hash", "s_hash"];

/// Refuses what is bound to somebody, of another kind, or on the list of denied tokens. `typed` tokens say by their header
/// that they are access tokens, and their issuer has signed that.
pub(super) fn check(claims: ClaimMembers<'_>, profile: &Profile, typed: bool, trace: &mut Trace) -> Result<(), Denial> {
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
        marks(claims, profile, typed)?;
    }
    revoked(claims, profile)
}

/// What the token itself says in words. Security event tokens (RFC 8417), of which logout tokens are some, have `events`.
fn said(claims: ClaimMembers<'_>, accepted: TokenKind, trace: &mut Trace) -> Result<(), Denial> {
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

fn refused(kind: WordKind, accepted: TokenKind) -> bool {
    kind == WordKind::Other || (kind == WordKind::Id && accepted == TokenKind::Access)
}

/// Claims of ID tokens, which some providers put into access tokens as well: a rule that proves the kind outweighs them.
///
/// So does the type `at+jwt`, but a nonce alone (Kanidm): that type is for access tokens and nothing else (RFC 9068 section
/// 2.1), and a client cannot write it, while it does choose the nonce. The hashes are of what comes with an ID token.
fn marks(claims: ClaimMembers<'_>, profile: &Profile, typed: bool) -> Result<(), Denial> {
    let counts = |name: &&str| claims.has(name) && !(typed && *name == "nonce");
    let Some(name) = ID_TOKEN_CLAIMS.into_iter().find(counts) else { return Ok(()) };
    if profile.access_token.iter().any(proves_access) {
        return Ok(());
    }
    let hint = format!(
        "Send the access token. If this is the access token, write an [[access_token]] rule with equals on the claim that \
         says so, such as typ or token_use: that outweighs {name}."
    );
    Err(Denial::new(Reason::IdToken, format!("The token has {name}, as ID tokens have.")).with_hint(hint))
}

fn revoked(claims: ClaimMembers<'_>, profile: &Profile) -> Result<(), Denial> {
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
    let Some(Clause { claim, test, .. }) = rule.only_clause() else { return false };
    let Some(claim) = claim.top_level_claim() else { return false };
    let Some(claim) = KIND_CLAIMS.into_iter().find(|name| *name == claim) else { return false };
    let proves = |value: &Value| match (value, kind_of_value(value)) {
        (_, Some(kind)) => kind == WordKind::Access,
        (Value::String(word), None) => match normal(word).as_str() {
            "" => false,
            "bearer" => !USE_CLAIMS.contains(&claim) && !AMBIGUOUS_CLAIMS.contains(&claim),
            _ => !AMBIGUOUS_CLAIMS.contains(&claim),
        },
        _ => false,
    };
    match test {
        Test::Equals(wanted) => proves(wanted),
        Test::OneOf(wanted) => wanted.iter().all(proves),
        _ => false,
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

#[cfg(test)]
mod tests {
    use super::proves_access;
    use crate::claim_path::ClaimPath;
    use crate::config::{Clause, Origin, Rule, Test};
    use serde_json::{Value, json};

    fn rule(claim: &str, test: Test) -> Rule {
        let clauses = vec![Clause { claim: ClaimPath::parse(claim).unwrap(), test, all: false }];
        Rule { clauses, origin: Origin::Line { file: 0, line: 1 }, report_only: false }
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
