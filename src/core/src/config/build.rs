//! Builds profiles from the tables of the file. What a single setting may be is decided here; how settings and
//! profiles go together is decided in `check`.

use super::collect::Findings;
use super::layout::Layout;
use super::online::{self, Mode};
use super::profile::{
    At, Audience, Clients, HbaScopes, KeySource, Profile, Scope, ScopeClaim, TokenIssuers, TokenKind,
};
use super::section::{Path, Section};
use super::session::{self, SessionTimes};
use super::typed::Empty;
use super::values::suggest;
use super::{check, keys, presets, roles, together};
use crate::algorithm::Algorithm;
use crate::bounds::{MAX_CLOCK_SKEW_SECONDS, MAX_ISSUER_BYTES, MAX_LIFETIME_SECONDS, MAX_TOKEN_BYTES};
use crate::claim_path::ClaimPath;
use crate::finding::FindingCode;
use crate::introspection::OnlineCheck;
use crate::keys::source::KeyTiming;
use std::ops::Range;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// Values for profiles that do not set their own.
struct Defaults {
    clock_skew: At<i64>,
    max_lifetime: At<i64>,
    max_token_size: At<usize>,
    keys: KeyTiming,
    session: SessionTimes,
}

/// Reads the whole file. Profiles with errors are left out; the errors are among the findings.
pub(super) fn profiles(findings: &mut Findings<'_>) -> Vec<Profile> {
    let (document, errors) = DeTable::parse_recoverable(findings.source.text);
    for error in errors {
        let span = error.span().unwrap_or_default();
        let hint = match error.message() {
            "duplicate key" => "a key or a table is written once: keep one of the two, or merge them",
            _ => {
                "a table is written as [profiles.NAME], text in quotes, and a list in brackets, such as [\"a\", \"b\"]"
            }
        };
        findings.add(FindingCode::Syntax, span, format!("not valid TOML: {}", error.message())).hint(hint);
    }
    let root = Section::open(findings, Path::File, 0..0, document.get_ref(), "");
    let defaults = defaults(findings, &root);
    let presets = presets::Parsed::default();
    let Some(named) = root.get("profiles") else {
        return Vec::new();
    };
    let DeValue::Table(table) = named.get_ref() else {
        let message = "profiles must be a table of tables, written as [profiles.NAME]";
        findings.add(FindingCode::WrongType, named.span(), message);
        return Vec::new();
    };
    let preset_names = presets::by_name();
    let mut layouts = Vec::new();
    let (mut profiles, mut sections) = (Vec::with_capacity(table.len()), Vec::with_capacity(table.len()));
    // Of two profiles that do not go together, the later one by name has the finding, wherever they are written.
    let mut in_order: Vec<_> = table.iter().collect();
    in_order.sort_unstable_by(|(one, _), (other, _)| one.get_ref().cmp(other.get_ref()));
    for (key, value) in in_order {
        let name = key.get_ref().as_ref();
        check_name(findings, name, key.span());
        let DeValue::Table(table) = value.get_ref() else {
            let message = format!("profiles.{name} must be a table, written as [profiles.{name}]");
            findings.add(FindingCode::WrongType, value.span(), message);
            continue;
        };
        let section = Section::open(findings, Path::Profile(name), key.span(), table, "profiles.*");
        let preset = section.word(findings, "preset", &preset_names);
        let layout = Layout::of(findings, &mut layouts, &presets, preset, defaults.keys, defaults.session);
        let section = section.over(layout.base());
        if let Some(profile) = profile(findings, name, &section, layout, &defaults) {
            check::profile(findings, &section, &profile);
            profiles.push(profile);
            sections.push(section);
        }
    }
    together::together(findings, &profiles, &sections);
    profiles
}

fn check_name(findings: &mut Findings<'_>, name: &str, span: Range<usize>) {
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !begins_well || !name.chars().all(valid) || name.len() > 63 {
        findings
            .add(FindingCode::BadName, span, format!("\"{}\" is not a profile name", crate::trace::printable(name)))
            .hint("up to 63 of a-z, 0-9, _ and -, beginning with a letter or digit");
    }
}

fn defaults(findings: &mut Findings<'_>, root: &Section<'_>) -> Defaults {
    let built_in = Defaults {
        clock_skew: At::built_in(30),
        max_lifetime: At::built_in(24 * 3600),
        max_token_size: At::built_in(16 * 1024),
        keys: KeyTiming::BUILT_IN,
        session: SessionTimes::default(),
    };
    let Some(section) = root.section(findings, "defaults", "defaults") else {
        return built_in;
    };
    let keys = match section.section(findings, "keys", "defaults.keys") {
        Some(keys) => keys::timing(findings, &keys, built_in.keys),
        None => built_in.keys,
    };
    let session = match section.section(findings, "session", "defaults.session") {
        Some(table) => session::times(findings, &table, built_in.session),
        None => built_in.session,
    };
    Defaults { keys, session, ..limits(findings, &section, &built_in) }
}

/// The limits of a table, with those of `fallback` where it sets none.
fn limits(findings: &mut Findings<'_>, section: &Section<'_>, fallback: &Defaults) -> Defaults {
    let skew = section.seconds(findings, "clock_skew", 0..=MAX_CLOCK_SKEW_SECONDS, "0s to 5min");
    let lifetime = section.seconds(findings, "max_lifetime", 1..=MAX_LIFETIME_SECONDS, "1s to 10 years");
    let size = section.bytes(findings, "max_token_size", 1..=MAX_TOKEN_BYTES);
    Defaults {
        clock_skew: skew.unwrap_or_else(|| fallback.clock_skew.clone()),
        max_lifetime: lifetime.unwrap_or_else(|| fallback.max_lifetime.clone()),
        max_token_size: size.unwrap_or_else(|| fallback.max_token_size.clone()),
        keys: fallback.keys,
        session: fallback.session,
    }
}

/// Every part is read before any is missed, so that all findings come at once.
fn profile(
    findings: &mut Findings<'_>,
    name: &str,
    section: &Section<'_>,
    layout: &Layout<'_>,
    defaults: &Defaults,
) -> Option<Profile> {
    let preset_name = section.preset_name();
    let issuer = issuer(findings, section);
    let hba_issuers = section.strings(findings, "hba_issuers", Empty::Refused);
    let token_issuers = token_issuers(findings, section);
    let audience = audience(findings, section);
    let clients = clients(findings, section);
    let algorithms = layout.algorithms(findings, section);
    let token_types = layout.token_types(findings, section);
    let kind = section.word(findings, "token_kind", &[("access", TokenKind::Access), ("any", TokenKind::Any)]);
    let limits = limits(findings, section, defaults);
    let databases = section.strings(findings, "databases", Empty::Refused);
    let replication = section.boolean(findings, "replication");
    let actor_allowed = section.word(findings, "actor", &[("deny", false), ("allow", true)]);
    let deny_jti = section.strings(findings, "deny_jti", Empty::Allowed);
    let deny_identities = section.strings(findings, "deny_identities", Empty::Allowed);
    let identity = layout.identity(findings, section);
    let mut scope = layout.scope(findings, section);
    let access_token = layout.access_token(findings, section);
    let require = layout.require(findings, section);
    let roles = roles::roles(findings, section);
    let session = layout.session(findings, section, defaults.session);
    let issuer_text = issuer.as_ref().map(|issuer| issuer.value.as_str());
    let (keys, deny_kids) = match issuer_text.and_then(|issuer| layout.keys(section, issuer)) {
        Some((keys, deny_kids)) => (Some(keys), deny_kids),
        None => key_source(findings, section, issuer_text, defaults.keys),
    };
    let (issuer, audience, keys) = (issuer?, audience?, keys?);
    if let KeySource::Online(check) = &keys
        && let OnlineCheck { scope_separator: Some(separator), .. } = check.as_ref()
    {
        Arc::make_mut(&mut scope).separator.clone_from(separator);
    }
    Some(Profile {
        name: name.to_owned(),
        preset: preset_name,
        issuer,
        hba_issuers: hba_issuers.map(|issuers| issuers.value),
        token_issuers: token_issuers.map(Box::new),
        audience,
        clients: clients.map(Box::new),
        algorithms,
        token_types,
        token_kind: kind.unwrap_or(TokenKind::Access),
        access_token,
        clock_skew: limits.clock_skew.value,
        max_lifetime: limits.max_lifetime,
        max_token_size: limits.max_token_size,
        databases: databases.map(|databases| databases.value),
        replication: replication.unwrap_or(false),
        actor_allowed: actor_allowed.unwrap_or(false),
        deny_jti: deny_jti.map(|list| list.value).unwrap_or_default(),
        deny_identities: deny_identities.map(|list| list.value).unwrap_or_default(),
        identity,
        scope,
        require,
        roles: roles.map(Box::new),
        session,
        keys,
        deny_kids,
    })
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
    let issuers = section.strings(findings, "token_issuers", Empty::Refused)?;
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
    let audiences = section.strings(findings, "audience", Empty::Refused)?;
    Some(At { value: Audience::OneOf(audiences.value), origin: audiences.origin })
}

fn clients(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<At<Clients>> {
    let clients = section.section(findings, "clients", "profiles.*.clients")?;
    for key in ["claims", "allow"] {
        if clients.get(key).is_none() {
            clients.missing(findings, key, "write clients = { claims = [\"$.azp\"], allow = [\"CLIENT-ID\"] }");
        }
    }
    let claims = clients.paths(findings, "claims");
    let allow = clients.strings(findings, "allow", Empty::Refused);
    let origin = section.origin(findings, "clients");
    Some(At { value: Clients { claims: claims?, allow: allow?.value }, origin })
}

pub(super) fn algorithms(findings: &mut Findings<'_>, section: &Section<'_>) -> At<Arc<[Algorithm]>> {
    let Some(names) = section.strings(findings, "algorithms", Empty::Refused) else {
        return At::built_in([Algorithm::Rs256, Algorithm::Es256].into());
    };
    let mut algorithms = Vec::new();
    for name in &names.value {
        match Algorithm::from_name(name) {
            // One algorithm may be written by both of its names.
            Some(algorithm) if algorithms.contains(&algorithm) => {}
            Some(algorithm) => algorithms.push(algorithm),
            None => {
                let hint = match name.get(..2) {
                    Some("HS" | "hs") => {
                        "with HS*, everyone who can verify a token can also make one; use a provider that signs with a key pair".to_owned()
                    }
                    _ if name.eq_ignore_ascii_case("none") => "an unsigned token proves nothing".to_owned(),
                    _ => suggest(name, &Algorithm::ALL.iter().map(|valid| valid.name()).collect::<Vec<_>>()),
                };
                let message = format!("{} cannot hold \"{name}\"", section.name("algorithms"));
                findings.add(FindingCode::BadValue, section.span_of("algorithms"), message).hint(hint);
            }
        }
    }
    At { value: algorithms.into(), origin: names.origin }
}

pub(super) fn token_types(findings: &mut Findings<'_>, section: &Section<'_>) -> At<Arc<[String]>> {
    match section.any_strings(findings, "token_types", Empty::Refused) {
        Some(types) => At {
            value: types.value.iter().map(|name| crate::header::normal_type(name)).collect(),
            origin: types.origin,
        },
        None => At::built_in(["at+jwt".to_owned()].into()),
    }
}

pub(super) fn scope(findings: &mut Findings<'_>, section: &Section<'_>) -> Scope {
    let mut scope = Scope {
        claim: At::built_in(ScopeClaim::Claim(standard_path("$.scope"))),
        separator: " ".to_owned(),
        prefix: String::new(),
        ignore: Vec::new(),
        required: At::built_in(Vec::new()),
        hba: HbaScopes::Require,
    };
    let Some(section) = section.merged_section(findings, "scope", "profiles.*.scope") else {
        return scope;
    };
    if section.get("claim").and_then(|value| value.get_ref().as_str()) == Some("none") {
        scope.claim = At { value: ScopeClaim::None, origin: section.origin(findings, "claim") };
    } else if let Some(claim) = section.path(findings, "claim") {
        scope.claim = At { value: ScopeClaim::Claim(claim.value), origin: claim.origin };
    }
    if let Some(separator) = section.text(findings, "separator") {
        scope.separator = separator.value;
    }
    if let Some(prefix) = section.string(findings, "prefix") {
        scope.prefix = prefix.value;
    }
    if let Some(ignore) = section.strings(findings, "ignore", Empty::Allowed) {
        scope.ignore = ignore.value;
    }
    if let Some(required) = section.strings(findings, "required", Empty::Allowed) {
        scope.required = required;
    }
    let words = [("require", HbaScopes::Require), ("ignore", HbaScopes::Ignore)];
    scope.hba = section.word(findings, "hba", &words).unwrap_or(HbaScopes::Require);
    scope
}

/// Where keys come from, if tokens are verified with keys; else how the provider is asked. And the keys refused.
fn key_source(
    findings: &mut Findings<'_>,
    section: &Section<'_>,
    issuer: Option<&str>,
    defaults: KeyTiming,
) -> (Option<KeySource>, Vec<String>) {
    let kind = match online::mode(findings, section) {
        Mode::Jwt => return keys::keys(findings, section, issuer, defaults),
        Mode::Online(kind) => kind,
    };
    let reach = keys::reach_only(findings, section, kind.mode(), defaults);
    let check = reach.and_then(|reach| online::check(findings, section, kind, reach));
    (check.map(|check| KeySource::Online(Box::new(check))), Vec::new())
}

/// A JSONPath that is written in this file and tested to be valid.
pub(super) fn standard_path(text: &str) -> ClaimPath {
    ClaimPath::parse(text).expect("a valid JSONPath")
}
