//! Warnings about one profile: what is legal, and mostly not meant.
//!
//! Nothing here makes a file unusable, and nothing here is looked at in a login: contradictions are found in `check`.

mod kind;

use super::collect::Findings;
use super::profile::{Audience, IdentityClaims, KeySource, Profile, RoleSource};
use super::section::Section;
use crate::claim_path::ClaimPath;
use crate::finding::FindingCode;
use crate::introspection::OnlineKind;
use std::time::Duration;

/// Tokens of Entra with continuous access evaluation live up to 28 hours; more than this is doubtful anywhere.
const DOUBTFUL_LIFETIME: Duration = Duration::from_hours(29);

/// Claims that their owner can change, or that are given to somebody else later: in small letters, without `_` and `-`.
const MUTABLE_CLAIMS: [&str; 16] = [
    "email",
    "emails",
    "emailaddress",
    "mail",
    "preferredusername",
    "username",
    "login",
    "loginname",
    "userlogin",
    "nickname",
    "upn",
    "userprincipalname",
    "uniquename",
    "samaccountname",
    "name",
    "displayname",
];

/// Claims that are the same in the tokens of many clients.
const NO_CLIENT_CLAIMS: [&str; 9] = ["iss", "sub", "aud", "audience", "tid", "scope", "scp", "typ", "hd"];

/// Looks at one profile.
pub(super) fn profile(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    identity(findings, section, profile);
    deep_paths(findings, section, profile);
    audience(findings, section, profile);
    clients(findings, section, profile);
    token_issuers(findings, section, profile);
    lifetime(findings, section, profile);
    kind::token_kind(findings, section, profile);
    kind::untold(findings, section, profile);
    kind::services(findings, section, profile);
}

fn lifetime(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    if profile.max_lifetime.value <= DOUBTFUL_LIFETIME {
        return;
    }
    let message = format!("profile \"{}\" accepts tokens that live for more than 29 hours", profile.name);
    let hint = match &profile.keys {
        KeySource::Online(_) => {
            "refresh tokens live that long, and many providers answer about them as about access tokens: keep it below \
             their lifetime"
        }
        _ => "a signed token cannot be recalled; shorten the lifetime at the provider if you can",
    };
    findings.add(FindingCode::LongLifetime, section.span_of("max_lifetime"), message).hint(hint);
}

fn token_issuers(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    for issuer in profile.token_issuers().iter().filter(|issuer| issuer.contains(['*', '{'])) {
        let issuer = crate::trace::printable(issuer);
        let message = format!("{} holds \"{issuer}\", which is no pattern", section.name("token_issuers"));
        findings
            .add(FindingCode::LiteralIssuer, section.span_of("token_issuers"), message)
            .hint("iss is compared with it letter for letter; name each issuer as its tokens write it");
    }
}

fn audience(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    let Audience::OneOf(accepted) = &profile.audience.value else { return };
    // A list of clients says by itself for whom tokens were made.
    if profile.clients.is_some() {
        return;
    }
    for audience in accepted {
        let Some(whose) = common_audience(audience, profile) else { continue };
        let message = format!(
            "profile \"{}\" accepts the audience \"{}\", which {whose}",
            profile.name,
            crate::trace::printable(audience)
        );
        findings.add(FindingCode::CommonAudience, section.span_of("audience"), message).hint(
            "a token that another application got logs in here: have the provider name this server in its tokens, or list \
             the clients that may log in (clients)",
        );
    }
}

/// Whose an audience is, if it is in the tokens of other services of the issuer as well.
pub(crate) fn common_audience(audience: &str, profile: &Profile) -> Option<&'static str> {
    let bare = audience.trim_end_matches('/');
    let issuer = profile.issuer.value.trim_end_matches('/');
    match bare {
        "account" | "broker" | "realm-management" => Some("Keycloak writes into the tokens of all its clients"),
        "authenticated" => Some("Supabase writes into the tokens of all users"),
        _ if is_microsoft_graph(audience) => Some("is Microsoft Graph"),
        _ if bare == issuer || profile.token_issuers().iter().any(|own| own.trim_end_matches('/') == bare) => {
            Some("is the issuer itself")
        }
        // glewlwyd's, unless a resource is asked for.
        _ if audience.contains(' ') && audience.bytes().all(is_of_scopes) => {
            Some("is a list of scopes, which clients ask for by themselves")
        }
        _ if bare.starts_with(issuer) && bare.ends_with("/userinfo") => Some("is the issuer's own userinfo endpoint"),
        _ => None,
    }
}

/// What a list of scopes can have (RFC 6749 section 3.3).
fn is_of_scopes(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

/// Whether it is the audience of Entra's tokens for Microsoft's own API, by its ID or its URL.
pub(crate) fn is_microsoft_graph(audience: &str) -> bool {
    const NAMES: [&str; 4] = [
        "00000002-0000-0000-c000-000000000000",
        "00000003-0000-0000-c000-000000000000",
        "https://graph.microsoft.com",
        "https://graph.windows.net",
    ];
    NAMES.contains(&audience.trim_end_matches('/'))
}

fn clients(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    let Some(clients) = &profile.clients else { return };
    let names_no_client = |path: &&ClaimPath| {
        let first = path.first_claims();
        !first.is_empty() && first.iter().any(|claim| NO_CLIENT_CLAIMS.contains(claim))
    };
    for path in clients.value.claims.iter().filter(names_no_client) {
        let message = format!("{path} of {} does not say to which client a token was issued", section.name("clients"));
        findings.add(FindingCode::NoClientClaim, section.span_of("clients"), message).hint(
            "it is alike in tokens of other clients; use azp, appid, client_id or cid, or have the provider write an aud \
             for this server",
        );
    }
}

fn identity(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    let identity = &profile.identity;
    // Of several claims, one immutable one is enough to keep identities apart.
    let IdentityClaims::One(path) = &identity.claims.value else { return };
    let Some(name) = path.last_claims().into_iter().find_map(mutable) else {
        if path.top_level_claim() == Some("sub")
            && let Some((why, hint)) = sub_at_entra(profile)
        {
            doubt(findings, section, profile, path, (why, hint));
        }
        return;
    };
    let tokeninfo = matches!(&profile.keys, KeySource::Online(check) if check.kind == OnlineKind::Tokeninfo);
    let why_and_hint = match name {
        "email" if tokeninfo => (
            "is that of the impersonated person where a service account acts by domain-wide delegation",
            "use $.sub, which such tokens do not have",
        ),
        name if name.contains("mail") && identity.verified_by.is_none() => (
            "can be changed or given to somebody else",
            "use the provider's immutable identifier (sub; oid for Entra, uid for Okta); with an address, at least set \
             identity.verified_by = \"$.email_verified\"",
        ),
        name if name.contains("mail") => (
            "can be given to somebody else, who then verifies it as well",
            "use the provider's immutable identifier (sub; oid for Entra, uid for Okta), and keep addresses for people",
        ),
        _ => (
            "can be changed or given to somebody else",
            "use the provider's immutable identifier (sub; oid for Entra, uid for Okta)",
        ),
    };
    doubt(findings, section, profile, path, why_and_hint);
}

/// What somebody may write into a claim of their own must not be taken for what the provider says.
fn deep_paths(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    let roles = profile.roles.iter().map(|roles| match &roles.source {
        RoleSource::Values(path) | RoleSource::Names(path) => path,
    });
    let paths = profile.identity.claim_paths().map(|path| ("identity", path));
    for (key, path) in paths.chain(roles.map(|path| ("roles", path))).filter(|(_, path)| path.is_deep()) {
        let message = format!("{} takes {path} from any depth of the token", section.name(key));
        findings.add(FindingCode::DeepPath, section.span_of(key), message).hint(
            "a member of that name counts wherever it is, also in a claim that users can edit; write the whole path",
        );
    }
}

fn doubt(
    findings: &mut Findings<'_>,
    section: &Section<'_>,
    profile: &Profile,
    path: &ClaimPath,
    (why, hint): (&str, &str),
) {
    let message = format!("the identity of profile \"{}\", {path}, {why}", profile.name);
    findings.add(FindingCode::MutableIdentity, section.span_of("identity"), message).hint(hint);
}

/// The mutable claim that this one is: by the end of its name, which may be a URL or URN, whatever the case and
/// punctuation.
fn mutable(claim: &str) -> Option<&'static str> {
    let end = claim.rsplit(['/', ':', '#', '.']).next().unwrap_or_default();
    let letters = || end.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase());
    MUTABLE_CLAIMS.into_iter().find(|name| letters().eq(name.chars()))
}

/// What is wrong with `sub` at Entra, which has several kinds of tenants.
fn sub_at_entra(profile: &Profile) -> Option<(&'static str, &'static str)> {
    let issuers = || std::iter::once(&profile.issuer.value).chain(profile.token_issuers());
    let at = |suffixes: &[&str]| issuers().any(|issuer| suffixes.iter().any(|suffix| is_at(issuer, suffix)));
    if at(&["b2clogin.com", "ciamlogin.com"]) {
        let why = "can be one text for all users, or differ for each application of Entra";
        return Some((why, "use $.oid, which is the user's own and the same in every application"));
    }
    let entra = [
        "windows.net",
        "microsoftonline.com",
        "microsoftonline.us",
        "microsoftonline.de",
        "microsoftonline.cn",
        "chinacloudapi.cn",
    ];
    (profile.preset == Some("entra") || at(&entra)).then_some((
        "differs for each application of Entra",
        "use $.oid, which is the same in every application of the tenant",
    ))
}

/// Whether the host of an issuer is this one, or below it.
fn is_at(issuer: &str, domain: &str) -> bool {
    let host = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let Some(at) = host.len().checked_sub(domain.len()) else { return false };
    let Some((before, end)) = host.split_at_checked(at) else { return false };
    end.eq_ignore_ascii_case(domain) && (before.is_empty() || before.ends_with('.'))
}

#[cfg(test)]
mod tests;
