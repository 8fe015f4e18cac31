//! Where a provider publishes its keys, and how long they are trusted: what `[profiles.NAME.keys]` says.
//!
//! Nothing is asked for here. What was fetched under other settings must never pass for an answer to these, which is
//! what the fingerprint is for.

use aws_lc_rs::digest;
use serde::Serialize;
use std::sync::Arc;

/// Keys that the provider itself publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderKeys {
    /// The profile's issuer.
    pub issuer: String,
    /// All that does not depend on the issuer: most profiles of a file have it in common.
    pub settings: Arc<ProviderSettings>,
}

/// How a provider is asked for its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// Where to look.
    pub location: Location,
    /// Hosts besides the issuer's that a discovery document may point to.
    pub allowed_hosts: Vec<String>,
    /// A PEM file with the authorities to trust instead of the system's; relative to the configuration's folder.
    pub ca_file: Option<String>,
    /// `http://HOST:PORT`.
    pub proxy: Option<String>,
    /// Whether http to a loopback address is accepted.
    pub insecure_http: bool,
    /// How long keys are trusted and when the provider may be asked.
    pub timing: KeyTiming,
}

/// How a provider's keys are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In the metadata at the well-known URLs of the issuer.
    Issuer,
    /// In the metadata at this URL.
    Metadata(String),
    /// At this URL.
    Jwks(String),
}

/// Times of a key source, all in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTiming {
    /// Keys are fresh for at least this long.
    pub min_ttl: i64,
    /// Keys are fresh for at most this long.
    pub max_ttl: i64,
    /// How much longer they are used while the provider does not answer.
    pub stale_max: i64,
    /// The least time between two requests on behalf of an unknown `kid`.
    pub kid_cooldown: i64,
    /// For connecting to one address.
    pub connect_timeout: i64,
    /// For a login's whole wait, another login's fetch included.
    pub timeout: i64,
}

impl ProviderKeys {
    /// SHA-256, in hexadecimal, of all that decides whose keys these are: not of times, which change nothing about a
    /// key. `ca` is the content of `ca_file`.
    #[must_use]
    pub fn fingerprint(&self, ca: Option<&[u8]>) -> String {
        let own = &self.settings;
        let (discovery_url, jwks_url) = match &own.location {
            Location::Issuer => (None, None),
            Location::Metadata(url) => (Some(url.as_str()), None),
            Location::Jwks(url) => (None, Some(url.as_str())),
        };
        let covered = Covered {
            allowed_hosts: &own.allowed_hosts,
            ca: ca.map(sha256_hex),
            insecure_http: own.insecure_http,
            issuer: &self.issuer,
            location: Place { discovery_url, jwks_url },
            proxy: own.proxy.as_deref(),
        };
        // Texts, lists of them and a boolean: there is nothing that could fail.
        sha256_hex(&serde_json::to_vec(&covered).unwrap_or_default())
    }
}

/// What a fingerprint covers. It is in every key file: other members, names or orders make all of them useless.
#[derive(Serialize)]
struct Covered<'a> {
    allowed_hosts: &'a [String],
    ca: Option<String>,
    insecure_http: bool,
    issuer: &'a str,
    location: Place<'a>,
    proxy: Option<&'a str>,
}

#[derive(Serialize)]
struct Place<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    discovery_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_url: Option<&'a str>,
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = digest::digest(&digest::SHA256, bytes);
    let digits = digest.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
