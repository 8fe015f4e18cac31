//! Where a provider publishes its keys, and how long they are trusted: what `[profiles.NAME.keys]` says.
//!
//! Nothing is asked for here. What was fetched under other settings must never pass for an answer to these, which is
//! what the fingerprint is for.

use crate::reach::{FilePath, Pem, Reach};
use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Keys that the provider itself publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderKeys {
    /// The profile's issuer.
    pub issuer: String,
    /// All that does not depend on the issuer: most profiles of a file have it in common.
    pub settings: Arc<ProviderSettings>,
}

/// How a provider is asked for its keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderSettings {
    /// Where to look.
    pub location: Location,
    /// Hosts besides the issuer's that a discovery document may point to.
    pub allowed_hosts: Vec<String>,
    /// How it is reached.
    pub reach: Reach<FilePath>,
    /// A file with a bearer token that is shown where the configuration itself says that keys are asked for, and nowhere
    /// else; relative to the configuration's folder.
    pub bearer_token_file: Option<String>,
    /// How long keys are trusted and when the provider may be asked.
    pub timing: KeyTiming,
}

/// How a provider's keys are found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Location {
    /// In the metadata at the well-known URLs of the issuer.
    Issuer,
    /// In the metadata at this URL.
    Metadata(String),
    /// The keys are at this URL.
    Jwks(String),
}

/// Times of a key source, all of whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTiming {
    /// Keys are fresh for at least this long.
    pub min_ttl: Duration,
    /// Keys are fresh for at most this long.
    pub max_ttl: Duration,
    /// How much longer they are used while the provider does not answer.
    pub stale_max: Duration,
    /// The least time between two requests on behalf of an unknown `kid`.
    pub kid_cooldown: Duration,
}

impl ProviderKeys {
    /// SHA-256, in hexadecimal, of all that decides whose keys these are: not of times, which change nothing about a
    /// key. `reach` holds the files of the settings.
    #[must_use]
    pub fn fingerprint(&self, reach: &Reach<Pem>) -> String {
        let own = &self.settings;
        let (discovery_url, jwks_url) = match &own.location {
            Location::Issuer => (None, None),
            Location::Metadata(url) => (Some(url.as_str()), None),
            Location::Jwks(url) => (None, Some(url.as_str())),
        };
        let covered = Covered {
            allowed_hosts: &own.allowed_hosts,
            ca: reach.ca.as_ref().map(|Pem(text)| sha256_hex(text.as_bytes())),
            insecure_http: reach.insecure_http,
            issuer: &self.issuer,
            location: CoveredLocation { discovery_url, jwks_url },
            proxy: reach.proxy.as_deref(),
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
    location: CoveredLocation<'a>,
    proxy: Option<&'a str>,
}

#[derive(Serialize)]
struct CoveredLocation<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    discovery_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_url: Option<&'a str>,
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA256, bytes);
    let digits = digest.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests;
