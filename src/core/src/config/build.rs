//! Builds one profile from its table: which settings there are, and what each may be. How they go together is decided in
//! `check`, how profiles do in `together`.
//!
//! Must never stop at the first thing that is wrong: every part is read before any is missed, so that all findings come
//! at once.

use super::collect::Findings;
use super::defaults::{Defaults, limits};
use super::layout::PresetParts;
use super::online_check::{self, Mode};
use super::profile::{At, Audience, Clients, KeySource, Profile, Scope, TokenIssuers, TokenKind};
use super::section::Section;
use super::settings::{Setting, clients as of_clients, profile as rows};
use super::{keys, lookup, roles};
use crate::bounds::MAX_ISSUER_BYTES;
use crate::finding::FindingCode;
use crate::introspection::OnlineCheck;
use std::sync::Arc;

/// One profile, unless it has errors: those are among the findings.
pub(super) fn profile(
    findings: &mut Findings<'_>,
    name: &str,
    section: &Section<'_>,
    layout: &PresetParts<'_>,
    defaults: &Defaults,
) -> Option<Profile> {
    let issuer = issuer(findings, section);
    let audience = audience(findings, section);
    let issuer_text = issuer.as_ref().map(|issuer| issuer.value.as_str());
    let (keys, deny_kids) = match issuer_text.and_then(|issuer| layout.keys(section, issuer)) {
        Some((keys, deny_kids)) => (Some(keys), deny_kids),
        None => key_source(findings, section, issuer_text, defaults.keys),
    };
    let lookup = lookup::lookup(findings, section, keys.as_ref(), defaults.keys).map(Box::new);
    let limits = limits(findings, section, &defaults.limits);
    Some(Profile {
        name: name.to_owned(),
        file: findings.source.file,
        preset: section.preset_name(),
        hba_issuers: section.strings(findings, &rows::HBA_ISSUERS).map(|issuers| issuers.value),
        token_issuers: token_issuers(findings, section).map(Box::new),
        clients: clients(findings, section).map(Box::new),
        algorithms: layout.algorithms(findings, section),
        token_types: layout.token_types(findings, section),
        token_kind: section.choice(
            findings,
            &rows::TOKEN_KIND,
            ("access", TokenKind::Access),
            &[("any", TokenKind::Any)],
        ),
        access_token: layout.access_token(findings, section),
        clock_skew: limits.clock_skew.value,
        max_lifetime: limits.max_lifetime,
        max_token_size: limits.max_token_size,
        databases: section.strings(findings, &rows::DATABASES).map(|databases| databases.value),
        replication: section.boolean(findings, "replication").unwrap_or(rows::REPLICATION.default_boolean()),
        actor_allowed: section.choice(findings, &rows::ACTOR, ("deny", false), &[("allow", true)]),
        deny_jti: list(findings, section, &rows::DENY_JTI),
        deny_identities: list(findings, section, &rows::DENY_IDENTITIES),
        identity: layout.identity(findings, section),
        scope: scope(findings, section, layout, keys.as_ref()),
        require: layout.require(findings, section),
        roles: roles::roles(findings, section).map(Box::new),
        session: layout.session(findings, section, defaults.session),
        deny_kids,
        lookup,
        // Last, so that all else is read before one of these is missed.
        issuer: issuer?,
        audience: audience?,
        keys: keys?,
    })
}

/// A list that may be empty, and is where nothing is written.
fn list(findings: &mut Findings<'_>, section: &Section<'_>, setting: &Setting) -> Vec<String> {
    section.strings(findings, setting).map(|list| list.value).unwrap_or_default()
}

/// The scopes, separated in a provider's answers as the profile says of these.
fn scope(
    findings: &mut Findings<'_>,
    section: &Section<'_>,
    layout: &PresetParts<'_>,
    keys: Option<&KeySource>,
) -> Arc<Scope> {
    let mut scope = layout.scope(findings, section);
    if let Some(KeySource::Online(check)) = keys
        && let OnlineCheck { scope_separator: Some(separator), .. } = check.as_ref()
    {
        Arc::make_mut(&mut scope).separator.clone_from(separator);
    }
    scope
}

fn issuer(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<At<String>> {
    if section.get("issuer").is_none() {
        section.missing(
            findings,
            "issuer",
            "write issuer = \"https://...\", spelled as the issuer's discovery document spells it",
        );
    }
    section.text(findings, "issuer")
}

/// Any text is a token's issuer: it is compared, and never asked.
fn token_issuers(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<At<TokenIssuers>> {
    let value = section.get("token_issuers")?;
    if value.get_ref().as_str() == Some("none") {
        return Some(At { value: TokenIssuers::None, origin: section.origin(findings, "token_issuers") });
    }
    let issuers = section.strings(findings, &rows::TOKEN_ISSUERS)?;
    for issuer in &issuers.value {
        let why = match issuer {
            issuer if issuer.chars().any(char::is_control) => "control characters",
            issuer if issuer.len() > MAX_ISSUER_BYTES => "more than 2048 bytes",
            _ => continue,
        };
        let message = format!("{} holds a text with {why}", section.name("token_issuers"));
        findings
            .add(FindingCode::BadValue, section.span_of("token_issuers"), message)
            .hint("copy iss from a token of this issuer: \"oauth-validator explain\" shows it");
    }
    Some(At { value: TokenIssuers::OneOf(issuers.value), origin: issuers.origin })
}

fn audience(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<At<Audience>> {
    let Some(value) = section.get("audience") else {
        section.missing(
            findings,
            "audience",
            "without it, tokens that were made for other services would be accepted; write audience = [\"...\"]",
        );
        return None;
    };
    if value.get_ref().as_str() == Some("none") {
        return Some(At { value: Audience::None, origin: section.origin(findings, "audience") });
    }
    let audiences = section.strings(findings, &rows::AUDIENCE)?;
    Some(At { value: Audience::OneOf(audiences.value), origin: audiences.origin })
}

fn clients(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<At<Clients>> {
    let clients = section.table(findings, &rows::CLIENTS)?;
    for key in ["claims", "allow"] {
        if clients.get(key).is_none() {
            clients.missing(findings, key, "write clients = { claims = [\"$.azp\"], allow = [\"CLIENT-ID\"] }");
        }
    }
    let claims = clients.paths(findings, &of_clients::CLAIMS);
    let allow = clients.strings(findings, &of_clients::ALLOW);
    let origin = section.origin(findings, "clients");
    Some(At { value: Clients { claims: claims?, allow: allow?.value }, origin })
}

/// Where keys come from, if tokens are verified with keys; else how the provider is asked. And the keys refused.
fn key_source(
    findings: &mut Findings<'_>,
    section: &Section<'_>,
    issuer: Option<&str>,
    defaults: keys::Times,
) -> (Option<KeySource>, Vec<String>) {
    let kind = match online_check::mode(findings, section) {
        Mode::Jwt => return keys::keys(findings, section, issuer, defaults),
        Mode::Online(kind) => kind,
    };
    let reach = keys::reach_only(findings, section, kind.mode(), defaults);
    let check = reach.and_then(|reached| online_check::check(findings, section, kind, reached));
    (check.map(|check| KeySource::Online(Box::new(check))), Vec::new())
}
