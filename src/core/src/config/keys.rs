//! `[profiles.NAME.keys]`: where the issuer's keys are, and how long they are trusted.
//!
//! Exactly one source; where none is written, the issuer's own discovery document. What the file says about URLs and
//! hosts is checked as far as that goes without asking anybody.

use super::collect::Findings;
use super::profile::KeySource;
use super::section::Section;
use super::settings::keys::{
    ALLOWED_HOSTS, CONNECT_TIMEOUT, DENY_KIDS, INSECURE_HTTP, KID_COOLDOWN, MAX_TTL, MIN_TTL, STALE_MAX, TIMEOUT,
};
use super::settings::{self, AppliesTo, Setting, profile as rows};
use super::source::SourceText;
use crate::finding::FindingCode;
use crate::introspection::ClientCertificate;
use crate::keys::source::{KeyTiming, Location, ProviderKeys, ProviderSettings};
use crate::keys::{KeyFile, KeySet, LeftOut, is_thumbprint};
use crate::reach::{FilePath, Reach};
use std::sync::Arc;
use std::time::Duration;

/// The times of `[defaults.keys]` or of a profile's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) of_keys: KeyTiming,
    connect_timeout: Duration,
    timeout: Duration,
}

impl Times {
    /// What holds where nobody wrote anything.
    pub(crate) const BUILT_IN: Self = Self {
        of_keys: KeyTiming {
            min_ttl: MIN_TTL.default_duration(),
            max_ttl: MAX_TTL.default_duration(),
            stale_max: STALE_MAX.default_duration(),
            kid_cooldown: KID_COOLDOWN.default_duration(),
        },
        connect_timeout: CONNECT_TIMEOUT.default_duration(),
        timeout: TIMEOUT.default_duration(),
    };

    /// A way to a provider without a proxy, by the system's authorities.
    fn direct(self) -> Reach<FilePath> {
        let Self { connect_timeout, timeout, .. } = self;
        Reach { ca: None, proxy: None, insecure_http: false, connect_timeout, timeout }
    }
}

/// The longest URL that a provider is asked at, in bytes.
const MAX_URL_BYTES: usize = 2048;

/// The key source of a profile, and the keys it refuses.
pub(super) fn keys(
    findings: &mut Findings<'_>,
    profile: &Section<'_>,
    issuer: Option<&str>,
    defaults: Times,
) -> (Option<KeySource>, Vec<String>) {
    let Some(section) = profile.table(findings, &rows::KEYS) else {
        let source = issuer.map(|issuer| KeySource::Provider(by_discovery(issuer, defaults)));
        return (source.filter(|_| profile.get("keys").is_none()), Vec::new());
    };
    let deny_kids = section.strings(findings, &DENY_KIDS).map(|list| list.value).unwrap_or_default();
    let written: Vec<&str> = sources().filter(|key| section.get(key).is_some()).collect();
    let provider = provider(findings, &section, issuer, defaults);
    let source = match written.as_slice() {
        ["jwks_file"] => section.text(findings, "jwks_file").map(|path| KeySource::File(KeyFile::Jwks(path.value))),
        ["pem_file"] => section.text(findings, "pem_file").map(|path| KeySource::File(KeyFile::Pem(path.value))),
        ["jwks"] => inline_keys(findings, &section),
        [] | ["discovery_url" | "jwks_url"] => provider.map(KeySource::Provider),
        [_] => None,
        [first, .., last] => {
            let message = format!("{} has more than one key source", section.path);
            let (first, last) = (section.span_of(first), section.span_of(last));
            findings
                .add(FindingCode::KeySource, last, message)
                .hint(format!(
                    "keep one of {}; without any, the issuer's discovery document is asked",
                    sources().collect::<Vec<_>>().join(", ")
                ))
                .related(first, "first here");
            None
        }
    };
    for key in with(|counts| counts == AppliesTo::Online).filter(|key| section.is_own(key)) {
        let message = format!("{} means nothing without mode: nobody is asked about tokens", section.name(key));
        findings.add(FindingCode::UnusedSetting, section.span_of(key), message).hint("remove it");
    }
    if let Some(file @ ("jwks_file" | "jwks" | "pem_file")) = written.first().copied() {
        unused(findings, &section, file, profile.is_own("lookup"));
    }
    if written == ["pem_file"] {
        only_thumbprints(findings, &section, &deny_kids);
    }
    (source, deny_kids)
}

/// Keys in PEM have no kid, so whoever has one that leaked writes another into the header.
fn only_thumbprints(findings: &mut Findings<'_>, section: &Section<'_>, deny_kids: &[String]) {
    let Some(kid) = deny_kids.iter().find(|entry| !is_thumbprint(entry)) else { return };
    let name = section.name("deny_kids");
    let message = format!("{name} has \"{}\", but keys in PEM have no kid", crate::trace::printable(kid));
    findings
        .add(FindingCode::Conflict, section.span_of("deny_kids"), message)
        .hint("remove the key from the file; or name it by its thumbprint, which \"oauth-validator keys list\" shows")
        .related(section.span_of("pem_file"), "remove it from here");
}

fn by_discovery(issuer: &str, times: Times) -> ProviderKeys {
    let settings = ProviderSettings {
        location: Location::Issuer,
        allowed_hosts: Vec::new(),
        reach: times.direct(),
        bearer_token_file: None,
        timing: times.of_keys,
    };
    ProviderKeys { issuer: issuer.to_owned(), settings: Arc::new(settings) }
}

/// How the provider of a profile without keys of its own is reached: what `[profiles.NAME.keys]` says about that. `mode`
/// is what makes keys needless.
pub(super) fn reach_only(
    findings: &mut Findings<'_>,
    profile: &Section<'_>,
    mode: &str,
    defaults: Times,
) -> Option<(Reach<FilePath>, Option<ClientCertificate>)> {
    let Some(section) = profile.table(findings, &rows::KEYS) else {
        return profile.get("keys").is_none().then(|| (defaults.direct(), None));
    };
    let needless = with(|counts| !counts_online(counts));
    for key in needless.filter(|key| section.is_own(key)) {
        let message = format!("{} means nothing with mode = \"{mode}\": there are no keys", section.name(key));
        findings.add(FindingCode::UnusedSetting, section.span_of(key), message).hint("remove it");
    }
    let certificate = certificate(findings, &section);
    reach(findings, &section, defaults).map(|(reach, _)| reach).zip(certificate)
}

/// The certificate that this server shows, if it has one; nothing at all where half of it is missing.
fn certificate(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<Option<ClientCertificate>> {
    let keys = ["client_cert_file", "client_key_file"];
    if !keys.iter().any(|key| section.get(key).is_some()) {
        return Some(None);
    }
    let [cert_file, key_file] = keys.map(|key| {
        if section.get(key).is_none() {
            section.missing(findings, key, "a certificate and its private key go together");
        }
        section.text(findings, key).map(|path| path.value)
    });
    Some(Some(ClientCertificate { cert_file: cert_file?, key_file: key_file? }))
}

/// How the provider is reached where keys are in a file or in the configuration, and it is only asked for claims. What is wrong with the
/// table was reported when the keys were read.
pub(super) fn reach_beside_keys(profile: &Section<'_>, defaults: Times) -> Reach<FilePath> {
    let mut unread = Findings::new(SourceText::new(""));
    let section = profile.table(&mut unread, &rows::KEYS);
    let reach = section.and_then(|section| reach(&mut unread, &section, defaults));
    reach.map_or_else(|| defaults.direct(), |(reach, _)| reach)
}

/// How the provider is reached, and the times of its keys.
fn reach(findings: &mut Findings<'_>, section: &Section<'_>, defaults: Times) -> Option<(Reach<FilePath>, KeyTiming)> {
    let insecure_http = section.boolean(findings, "insecure_http").unwrap_or(INSECURE_HTTP.default_boolean());
    if insecure_http {
        let message = format!("{} trusts what this machine answers without TLS", section.path);
        findings
            .add(FindingCode::InsecureHttp, section.span_of("insecure_http"), message)
            .hint("for tests only: every program on this machine could answer in the provider's place");
    }
    let ca_file = section.get("ca_file").map(|_| section.text(findings, "ca_file").map(|path| path.value));
    let proxy = proxy(findings, section);
    if insecure_http && proxy.is_some() {
        let message = format!("{} and {} exclude each other", section.name("insecure_http"), section.name("proxy"));
        findings
            .add(FindingCode::Conflict, section.span_of("insecure_http"), message)
            .hint("a loopback address is the proxy's own there, and the way to it has no TLS: remove one of the two")
            .related(section.span_of("proxy"), "the proxy");
    }
    let Times { of_keys, connect_timeout, timeout } = times(findings, section, defaults);
    let ca = ca_file.map_or(Some(None), |path| path.map(FilePath).map(Some))?;
    Some((Reach { ca, proxy, insecure_http, connect_timeout, timeout }, of_keys))
}

/// What the table says about asking a provider for keys. Everything is read before anything is missed.
fn provider(
    findings: &mut Findings<'_>,
    section: &Section<'_>,
    issuer: Option<&str>,
    defaults: Times,
) -> Option<ProviderKeys> {
    let reach = reach(findings, section, defaults);
    let insecure_http = reach.as_ref().is_some_and(|(reach, _)| reach.insecure_http);
    let location = ["discovery_url", "jwks_url"].into_iter().find(|key| section.get(key).is_some()).map(|key| {
        let url = url(findings, section, key, insecure_http)?;
        Some(if key == "jwks_url" { Location::Jwks(url) } else { Location::Metadata(url) })
    });
    let allowed_hosts = hosts(findings, section);
    let bearer = section.get("bearer_token_file").map(|_| section.text(findings, "bearer_token_file"));
    let (reach, timing) = reach?;
    let bearer_token_file = bearer.map_or(Some(None), |path| path.map(|path| Some(path.value)))?;
    let location = location.unwrap_or(Some(Location::Issuer))?;
    let settings = ProviderSettings { location, allowed_hosts, reach, bearer_token_file, timing };
    Some(ProviderKeys { issuer: issuer?.to_owned(), settings: Arc::new(settings) })
}

/// The times of a table, `[defaults.keys]` or a profile's, with those of `fallback` where it sets none.
pub(super) fn times(findings: &mut Findings<'_>, section: &Section<'_>, fallback: Times) -> Times {
    let mut read = |setting: &Setting, fallback: Duration| {
        section.duration(findings, setting).map_or(fallback, |duration| duration.value)
    };
    let of_keys = KeyTiming {
        min_ttl: read(&MIN_TTL, fallback.of_keys.min_ttl),
        max_ttl: read(&MAX_TTL, fallback.of_keys.max_ttl),
        stale_max: read(&STALE_MAX, fallback.of_keys.stale_max),
        kid_cooldown: read(&KID_COOLDOWN, fallback.of_keys.kid_cooldown),
    };
    let connect_timeout = read(&CONNECT_TIMEOUT, fallback.connect_timeout);
    let timeout = read(&TIMEOUT, fallback.timeout);
    // A table that sets neither has its defaults to blame, where this is reported already.
    let written = ["min_ttl", "max_ttl"].into_iter().find(|key| section.get(key).is_some());
    if let Some(key) = written.filter(|_| of_keys.min_ttl > of_keys.max_ttl) {
        let message = format!("{} is less than {}", section.name("max_ttl"), section.name("min_ttl"));
        findings.add(FindingCode::Conflict, section.span_of(key), message);
    }
    Times { of_keys, connect_timeout, timeout }
}

/// Whether a profile's own table accepts http on this machine, whatever else it says. What is no boolean is reported
/// where the table is read.
pub(super) fn accepts_local_http(profile: &Section<'_>) -> bool {
    let keys = profile.get("keys").and_then(|keys| keys.get_ref().as_table());
    keys.and_then(|keys| keys.get("insecure_http")).and_then(|value| value.get_ref().as_bool()).unwrap_or(false)
}

pub(super) fn url(
    findings: &mut Findings<'_>,
    section: &Section<'_>,
    key: &str,
    insecure_http: bool,
) -> Option<String> {
    let url = section.text(findings, key)?.value;
    match why_not_asked(&url, insecure_http) {
        None => Some(url),
        Some(why) => {
            let message = format!("{} cannot be \"{}\": {why}", section.name(key), crate::trace::printable(&url));
            findings
                .add(FindingCode::BadUrl, section.span_of(key), message)
                .hint("write the whole URL, as in \"https://idp.example/jwks\"");
            None
        }
    }
}

/// Why a document is not asked for at `url`. The helper looks closer once more.
fn why_not_asked(url: &str, insecure_http: bool) -> Option<&'static str> {
    let rest = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => rest,
        (None, Some(rest)) if insecure_http && is_loopback(rest) => rest,
        (None, Some(_)) => return Some("without TLS anybody on the way can put in keys of his own"),
        (None, None) => return Some("it must begin with https://"),
    };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    if host.is_empty() {
        Some("it has no host")
    } else if host.contains('@') {
        Some("it has a user name before the host")
    } else if url.contains('#') {
        Some("it has a fragment")
    } else if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        Some("it has white space or characters other than ASCII")
    } else if url.len() > MAX_URL_BYTES {
        Some("it is longer than 2048 bytes")
    } else {
        None
    }
}

/// Whether what follows `http://` stays on this machine.
pub(super) fn is_loopback(rest: &str) -> bool {
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(_) => authority.split_inclusive(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let octets = || host.parse::<core::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    host == "localhost" || host == "[::1]" || octets()
}

fn hosts(findings: &mut Findings<'_>, section: &Section<'_>) -> Vec<String> {
    let hosts = section.strings(findings, &ALLOWED_HOSTS).map(|hosts| hosts.value).unwrap_or_default();
    let is_name = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let is_address = |host: &str| {
        let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        address.is_some_and(|address| address.parse::<core::net::Ipv6Addr>().is_ok())
    };
    if let Some(bad) = hosts.iter().find(|host| !is_name(host) && !is_address(host)) {
        let name = section.name("allowed_hosts");
        let message = format!("{name} cannot have \"{}\"", crate::trace::printable(bad));
        findings
            .add(FindingCode::BadValue, section.span_of("allowed_hosts"), message)
            .hint("name hosts alone, without https://, port or wildcard, such as \"www.googleapis.com\"");
    }
    hosts
}

fn proxy(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<String> {
    let proxy = section.string(findings, "proxy")?.value;
    if proxy.is_empty() {
        return None;
    }
    let why = if proxy.contains('@') {
        Some("it has a user name or a password, which everybody who may read this file would know")
    } else if !proxy.starts_with("http://") {
        Some("it does not begin with http://")
    } else {
        None
    };
    if let Some(why) = why {
        let message = format!("{} cannot be used: {why}", section.name("proxy"));
        findings
            .add(FindingCode::BadUrl, section.span_of("proxy"), message)
            .hint("write it as \"http://HOST:PORT\"; TLS goes through it, up to the provider");
    }
    Some(proxy)
}

fn inline_keys(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<KeySource> {
    let text = section.text(findings, "jwks")?;
    match KeySet::from_jwks(text.value.as_bytes()) {
        Ok(keys) => {
            if let Some(why) = keys.malformed_keys() {
                let message = format!("{}: {why}", section.name("jwks"));
                findings.add(FindingCode::KeyLeftOut, section.span_of("jwks"), message).hint(LeftOut::HINT);
            }
            Some(KeySource::Inline(keys))
        }
        Err(why) => {
            let message = format!("{} cannot be used: {why}", section.name("jwks"));
            let usual = "write the document that the issuer's jwks_uri serves, or its file as jwks_file";
            findings.add(FindingCode::BadKeys, section.span_of("jwks"), message).hint(why.hint().unwrap_or(usual));
            None
        }
    }
}

/// Whether the table names keys that no provider is asked for.
pub(super) fn asks_nobody(section: &Section<'_>) -> bool {
    ["jwks_file", "jwks", "pem_file"].iter().any(|source| section.get(source).is_some())
}

/// Whether a key that takes so much to mean anything does so where a provider is asked for keys.
fn counts_with_provider(counts: AppliesTo) -> bool {
    matches!(counts, AppliesTo::Fetched | AppliesTo::Asked)
}

/// Whether a key that takes so much to mean anything does so where there are no keys.
fn counts_online(counts: AppliesTo) -> bool {
    matches!(counts, AppliesTo::Always | AppliesTo::Asked | AppliesTo::Online)
}

/// The keys of the table that take so much to mean anything.
fn with(wanted: impl Fn(AppliesTo) -> bool) -> impl Iterator<Item = &'static str> {
    settings::of_table(MIN_TTL.table).filter(move |setting| wanted(setting.counts)).map(|setting| setting.key)
}

/// The keys that name a source. At most one may be written.
fn sources() -> impl Iterator<Item = &'static str> {
    with(|counts| counts == AppliesTo::Source)
}

/// Warns of what was written for a provider that is never asked; one that is asked for claims still has to be reached.
fn unused(findings: &mut Findings<'_>, section: &Section<'_>, source: &str, looks_up: bool) {
    for key in with(|counts| counts_with_provider(counts) && !(looks_up && counts == AppliesTo::Asked)) {
        if section.is_own(key) {
            let message = format!("{} means nothing beside {source}: no provider is asked for keys", section.name(key));
            findings.add(FindingCode::UnusedSetting, section.span_of(key), message).hint("remove it");
        }
    }
}

#[cfg(test)]
mod tests;
