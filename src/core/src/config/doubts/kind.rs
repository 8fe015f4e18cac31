//! Warnings about who is let in besides the users' access tokens: tokens of another kind, and services.
//!
//! A profile that has some mark of an access token is left alone, whichever it is: a warning that comes too often is read by
//! nobody. Must never be taken for a proof: what a mark is worth, the provider decides.

use super::super::collect::Findings;
use super::super::profile::{Clause, IdentityClaims, KeySource, Origin, Profile, Rule, ScopeClaim, Test, TokenKind};
use super::super::section::Section;
use crate::finding::FindingCode;
use crate::introspection::OnlineKind;
use crate::token_kind::{WordKind, kind_of};

/// Claims that access tokens have and ID tokens do not (OpenID Connect Core section 2, RFC 9068 section 2.2): `azp` is in
/// both.
const OF_ACCESS_TOKENS: [&str; 10] =
    ["scope", "scp", "permissions", "client_id", "clientid", "cid", "appid", "token_use", "token_class", "typ"];

/// Claims by which providers tell a user's token from a service's: how it was got, and what only a person does.
const OF_USERS: [&str; 6] = ["gty", "grant_type", "auth_time", "amr", "idtyp", "email_verified"];

/// Presets of providers whose services have their client ID as `sub`, where users have what may be a name. Of a provider
/// without a preset nobody knows: `discover --token-file` says it of a token that is one.
const SUBJECTS_OF_BOTH: [&str; 2] = ["rfc9068", "lemonldap"];

/// ID tokens, by the profile's own word.
pub(super) fn token_kind(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    if profile.token_kind != TokenKind::Any {
        return;
    }
    let preset = profile.access_token.iter().find_map(|rule| match rule.origin {
        Origin::Preset(preset) => Some(preset),
        _ => None,
    });
    let (message, hint) = match preset {
        None => (
            format!("profile \"{}\" accepts ID tokens", profile.name),
            "every application a user signs in to holds such a token; keep audience to a client of your own".to_owned(),
        ),
        Some(preset) => (
            format!(
                "profile \"{}\" accepts ID tokens that meet the access_token rules of preset \"{preset}\"",
                profile.name
            ),
            format!(
                "these rules are there to refuse ID tokens; [[{}]] rules of the profile's own take their place",
                section.name("access_token")
            ),
        ),
    };
    findings.add(FindingCode::AnyTokenKind, section.span_of("token_kind"), message).hint(hint);
}

/// Nothing that tells an access token from an ID token: no type of its own, no rule, no scope, no client that is named as
/// in access tokens. A preset has a mark of its own.
pub(super) fn untold(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    let generic = |typ: &String| kind_of(typ) != Some(WordKind::Access) && ["", "jwt"].contains(&typ.as_str());
    let asked = matches!(profile.keys, KeySource::Online(_));
    let untyped = asked || profile.token_types.value.iter().any(generic);
    let scoped = !matches!(profile.scope.claim.value, ScopeClaim::None);
    let of_clients = profile
        .clients
        .iter()
        .any(|clients| clients.value.claims.iter().all(|path| path.top_level_claim().is_some_and(is_of_access_tokens)));
    let ruled = || {
        profile.access_token.iter().any(|rule| !rule.report_only)
            || enforced(profile).any(|rule| rule.only_clause().is_some_and(tells_the_kind))
    };
    // Without scope and rule there is an error already.
    let open = !scoped && !profile.require.is_empty();
    if profile.token_kind != TokenKind::Access || !untyped || !open || of_clients || ruled() {
        return;
    }
    let message = format!("nothing in profile \"{}\" tells access tokens from ID tokens", profile.name);
    findings.add(FindingCode::KindUntold, section.span_of("token_types"), message).hint(
        "an ID token for the same audience may be let in: add an [[access_token]] rule on what only access tokens have, such \
         as scope, client_id or token_use; discover with --token-file and --not finds it",
    );
}

fn is_of_access_tokens(claim: &str) -> bool {
    OF_ACCESS_TOKENS.contains(&claim.to_ascii_lowercase().as_str())
}

/// Whether a rule asks for something that ID tokens lack.
fn tells_the_kind(clause: &Clause) -> bool {
    let asks =
        matches!(clause.test, Test::Equals(_) | Test::OneOf(_) | Test::Matches(_) | Test::Contains(_) | Test::Present);
    let first = clause.claim.first_claims();
    asks && !first.is_empty() && first.into_iter().all(is_of_access_tokens)
}

/// The rules that deny.
fn enforced(profile: &Profile) -> impl Iterator<Item = &Rule> {
    profile.require.iter().chain(profile.access_token.iter()).filter(|rule| !rule.report_only)
}

/// A service that gets a token for itself is its own subject: with the client ID that somebody chose, it could be taken for
/// a user (RFC 9068 section 5). Where clients are listed, somebody has thought of them.
pub(super) fn services(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    let IdentityClaims::One(path) = &profile.identity.claims.value else { return };
    let tokeninfo = matches!(&profile.keys, KeySource::Online(check) if check.kind == OnlineKind::Tokeninfo);
    let namespaces = profile.preset.is_some_and(|preset| SUBJECTS_OF_BOTH.contains(&preset));
    let kept_apart = profile.clients.is_some()
        || profile.identity.pattern.is_some()
        || profile.require.iter().filter(|rule| !rule.report_only).flat_map(|rule| &rule.clauses).any(looks_at_users);
    if path.top_level_claim() != Some("sub") || tokeninfo || !namespaces || kept_apart {
        return;
    }
    let message = format!("a service may log in by profile \"{}\" as the user who is called like it", profile.name);
    findings.add(FindingCode::ServiceSubject, section.span_of("identity"), message).hint(
        "in a token that a service got for itself, sub is its client ID (RFC 9068 section 2.2): list the clients that may \
         log in (clients), or add a [[require]] rule with claim = \"$[?$.sub != $.client_id]\" and present = true",
    );
}

/// Whether a rule asks for something about the subject or the client.
fn looks_at_users(clause: &Clause) -> bool {
    let path = clause.claim.to_string();
    let about = ["sub", "client_id", "azp", "cid", "appid"];
    let named = about.iter().any(|name| path.contains(&format!("$.{name}")) || path.contains(&format!("$['{name}']")));
    // That there is one says nothing about which.
    let any = matches!(clause.test, Test::Present) && clause.claim.top_level_claim().is_some();
    (named && !any) || clause.claim.first_claims().iter().any(|claim| OF_USERS.contains(claim))
}

#[cfg(test)]
mod tests;
