//! `[profiles.NAME.lookup]`: which claims are looked up that a token lacks, and where.
//!
//! Must never let a claim be looked up that is judged before anybody is asked: what says for whom a token was made, by which
//! client, until when and for which scope is the token's own.

mod graph;

use super::collect::Findings;
use super::keys;
use super::origin::At;
use super::profile::{
    Identity, KeySource, Profile, RoleMapping, RoleSource, Roles, Rule, ScopeClaim, SessionSettings, Test,
};
use super::section::Section;
use super::settings::{lookup as rows, profile};
use crate::claim_path::ClaimPath;
use crate::finding::FindingCode;
use crate::keys::source::Location;
use crate::lookup::{Lookup, OF_THE_TOKEN, Source, Userinfo};
use crate::reach::{FilePath, Reach};

/// The values of `kind`.
#[derive(Clone, Copy, PartialEq)]
enum LookupKind {
    Userinfo,
    Graph,
}

impl LookupKind {
    const WORDS: [(&str, Self); 2] = [("userinfo", Self::Userinfo), ("graph", Self::Graph)];

    const fn word(self) -> &'static str {
        match self {
            Self::Userinfo => "userinfo",
            Self::Graph => "graph",
        }
    }

    /// Keys that mean something for the other kind alone.
    const fn foreign(self) -> &'static [&'static str] {
        match self {
            Self::Userinfo => &["groups", "client_id", "client_secret_file", "tenant", "token_endpoint"],
            Self::Graph => &["claims"],
        }
    }
}

/// What a profile looks up, if it does; nothing also where the table has errors, which are among the findings.
pub(super) fn lookup(
    findings: &mut Findings<'_>,
    profile: &Section<'_>,
    keys: Option<&KeySource>,
    defaults: keys::Times,
) -> Option<At<Lookup>> {
    let section = profile.table(findings, &profile::LOOKUP)?;
    if section.get("kind").is_none() {
        section.missing(findings, "kind", USERINFO_HINT);
    }
    let kind = section.word(findings, "kind", &LookupKind::WORDS);
    for key in kind.iter().flat_map(|kind| kind.foreign()).filter(|key| section.is_own(key)) {
        let message = format!("{} means nothing with kind = \"{}\"", section.name(key), kind?.word());
        findings.add(FindingCode::UnusedSetting, section.span_of(key), message).hint("remove it");
    }
    let reach = keys.map(|keys| reach_of(keys, profile, defaults));
    let insecure_http = keys::accepts_local_http(profile);
    let (claims, source) = match kind {
        // What else is wrong with a table of no kind is said as of one that most have.
        None | Some(LookupKind::Userinfo) => {
            let claims = claims(findings, &section);
            (claims, userinfo(findings, &section, keys, insecure_http).map(Source::Userinfo))
        }
        Some(LookupKind::Graph) => {
            let graph = graph::graph(findings, &section, profile, insecure_http);
            (Some(vec![crate::lookup::CLAIM_OF_GRAPH.to_owned()]), graph.map(Source::Graph))
        }
    };
    let cache = section.duration(findings, &rows::CACHE).map_or(rows::CACHE.default_duration(), |cache| cache.value);
    kind?;
    let value = Lookup { claims: claims?, source: source?, cache, reach: reach? };
    Some(At { value, origin: profile.origin(findings, "lookup") })
}

const USERINFO_HINT: &str = "write lookup = { kind = \"userinfo\", claims = [\"groups\"] }";

/// The names of claims that may be asked for.
fn claims(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<Vec<String>> {
    if section.get("claims").is_none() {
        section.missing(findings, "claims", USERINFO_HINT);
    }
    let claims = section.strings(findings, &rows::CLAIMS).map(|claims| claims.value);
    for name in claims.iter().flatten().filter(|name| OF_THE_TOKEN.contains(&name.as_str())) {
        let message = format!("{} cannot have \"{name}\", which only the token itself can say", section.name("claims"));
        findings
            .add(FindingCode::Conflict, section.span_of("claims"), message)
            .hint("it is judged before anybody is asked; name claims about the user, such as \"groups\" or \"email\"");
    }
    claims
}

/// Where the userinfo endpoint is.
fn userinfo(
    findings: &mut Findings<'_>,
    section: &Section<'_>,
    keys: Option<&KeySource>,
    insecure_http: bool,
) -> Option<Userinfo> {
    match section.get("endpoint") {
        Some(_) => keys::url(findings, section, "endpoint", insecure_http).map(Userinfo::Endpoint),
        None => keys.and_then(|keys| by_metadata(findings, section, keys)),
    }
}

/// The endpoint that the metadata names, where a profile has these asked for anyway.
fn by_metadata(findings: &mut Findings<'_>, section: &Section<'_>, keys: &KeySource) -> Option<Userinfo> {
    if let KeySource::Provider(keys) = keys {
        let discovery_url = match &keys.settings.location {
            Location::Issuer => Some(None),
            Location::Metadata(url) => Some(Some(url.clone())),
            Location::Jwks(_) => None,
        };
        if let Some(discovery_url) = discovery_url {
            let allowed_hosts = keys.settings.allowed_hosts.clone();
            return Some(Userinfo::Metadata { issuer: keys.issuer.clone(), discovery_url, allowed_hosts });
        }
    }
    let hint = "this profile asks for no metadata that would name it: write the provider's userinfo_endpoint, as \
                \"https://idp.example/userinfo\"";
    section.missing(findings, "endpoint", hint);
    None
}

/// How the provider is reached: as for keys or for answers about tokens, where it is asked for these.
fn reach_of(keys: &KeySource, profile: &Section<'_>, defaults: keys::Times) -> Reach<FilePath> {
    match keys {
        KeySource::Provider(keys) => keys.settings.reach.clone(),
        KeySource::Online(check) => check.reach.clone(),
        KeySource::File(_) | KeySource::Inline(_) => keys::reach_beside_keys(profile, defaults),
    }
}

/// Looks whether claims are looked up that are judged before that, and whether anything looks at each of them at all.
pub(super) fn check(findings: &mut Findings<'_>, section: &Section<'_>, profile: &Profile) {
    let Some(lookup) = &profile.lookup else { return };
    let scope = match &profile.scope.claim.value {
        ScopeClaim::Claim(path) => Some(("scope.claim", path)),
        ScopeClaim::None => None,
    };
    let clients = profile.clients.iter().flat_map(|clients| &clients.value.claims);
    let clauses = profile.access_token.iter().flat_map(|rule| &rule.clauses);
    let clients = clients.map(|path| ("clients.claims", path));
    let early = scope.into_iter().chain(clients).chain(clauses.map(|clause| ("access_token", &clause.claim)));
    for (what, path) in early {
        let named = |name: &&String| path.first_claims().contains(&name.as_str());
        let Some(name) = lookup.value.claims.iter().find(named) else { continue };
        let message = format!("{} has \"{name}\", which {what} looks at", section.name("lookup"));
        findings
            .add(FindingCode::Conflict, section.span_of("lookup"), message)
            .hint(format!("{what} is judged before anybody is asked, by the token alone: take \"{name}\" away"));
    }
    for name in lookup.value.claims.iter().filter(|name| !profile.looks_at(name, true)) {
        let message = format!("{} has \"{name}\", which nothing in the profile looks at", section.name("lookup"));
        findings
            .add(FindingCode::UnusedSetting, section.span_of("lookup"), message)
            .hint("it is never looked up; remove it, or name it in identity, require, roles or session.claims");
    }
    if let Source::Graph(_) = &lookup.value.source {
        graph::check(findings, section, profile);
    }
}

impl Profile {
    /// Whether what is judged last could depend on this claim of the token: rules, identity, what SQL reads and, where
    /// pg_hba.conf delegates, roles.
    pub(crate) fn looks_at(&self, name: &str, delegated: bool) -> bool {
        let names = [name];
        self.require.iter().any(|rule| rule.looks_at(&names))
            || self.identity.looks_at(&names)
            || self.session.looks_at(&names)
            || delegated && self.roles.as_ref().is_some_and(|roles| roles.looks_at(&names))
    }
}

impl SessionSettings {
    /// Whether what SQL reads could depend on one of these claims of the token.
    pub(crate) fn looks_at(&self, names: &[&str]) -> bool {
        self.claims.values().chain(Some(&self.token_id)).any(|path| any(path, names))
    }
}

impl Rule {
    /// Whether it could depend on one of these claims of the token.
    pub(crate) fn looks_at(&self, names: &[&str]) -> bool {
        self.clauses.iter().any(|clause| {
            let other = match &clause.test {
                Test::EqualsClaim(path) => Some(path),
                _ => None,
            };
            std::iter::once(&clause.claim).chain(other).any(|path| any(path, names))
        })
    }
}

impl Identity {
    /// Whether it could depend on one of these claims of the token.
    pub(crate) fn looks_at(&self, names: &[&str]) -> bool {
        self.claim_paths().any(|path| any(path, names))
    }
}

impl Roles {
    /// Whether what they grant could depend on one of these claims of the token.
    pub(crate) fn looks_at(&self, names: &[&str]) -> bool {
        let (RoleSource::Values(path) | RoleSource::Names(path)) = &self.source;
        let mut rules = match &self.mapping {
            RoleMapping::Map(map) => Some(map.values().flat_map(|mapped| &mapped.require)),
            RoleMapping::Prefix(_) | RoleMapping::Exact => None,
        };
        any(path, names) || rules.as_mut().is_some_and(|rules| rules.any(|rule| rule.looks_at(names)))
    }
}

fn any(path: &ClaimPath, names: &[&str]) -> bool {
    names.iter().any(|name| path.may_look_at(name))
}

#[cfg(test)]
mod tests;
