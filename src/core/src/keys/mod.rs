//! An issuer's public keys, and which of them may check a token's signature.
//!
//! A key is never taken from a token, and never guessed: exactly one key has to fit. One malformed key of a
//! document does not drop the good ones; why it was left out is kept for `check` and `explain`.

mod jwk;
mod material;
mod pem;
pub mod record;
#[cfg(test)]
mod record_tests;
pub mod source;
#[cfg(test)]
mod tests;

use crate::algorithm::Algorithm;
use crate::bounds::{MAX_KEY_DOCUMENT_BYTES, MAX_KEYS};
pub(crate) use material::{Curve, Material};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt;

/// One public key of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    kid: Option<String>,
    /// The JWK's `alg`: the only algorithm it may be used with.
    algorithm: Option<String>,
    /// Entra's `issuer` member: the only issuer it may be used for; may hold `{tenantid}`.
    issuer: Option<String>,
    pub(crate) material: Material,
}

impl PublicKey {
    /// The key's `kid`, if it has one. Keys of PEM files have none.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The algorithms whose signatures it may check: by its kind, and by the JWK's `alg` if it has one.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.iter().copied().filter(|algorithm| self.suits(*algorithm))
    }

    fn suits(&self, algorithm: Algorithm) -> bool {
        algorithm.fits(&self.material) && self.algorithm.as_deref().is_none_or(|own| own == algorithm.name())
    }

    fn fits(&self, algorithm: Algorithm, issuers: &[&str]) -> bool {
        self.suits(algorithm)
            && self.issuer.as_deref().is_none_or(|own| issuers.iter().any(|issuer| issuer_fits(own, issuer)))
    }
}

/// Whether the `issuer` of an Entra key covers `issuer`: equal, or its template with some tenant.
fn issuer_fits(own: &str, issuer: &str) -> bool {
    match own.split_once("{tenantid}") {
        None => own == issuer,
        Some((before, after)) => issuer
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|tenant| !tenant.is_empty() && tenant.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')),
    }
}

/// Why no key was selected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// The token names a `kid` that no key has.
    UnknownKid,
    /// Keys with that `kid` exist, but none is for this algorithm, use and issuer.
    NoneFits,
    /// Several keys would do.
    SeveralFit,
}

/// The keys of one issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<PublicKey>,
    left_out: Vec<String>,
}

impl KeySet {
    /// Reads a JWKS document (RFC 7517 section 5), at most 256 KiB with at most 256 keys.
    ///
    /// # Errors
    /// A phrase about the document; it never quotes key material.
    pub fn from_jwks(document: &[u8]) -> Result<Self, KeySetError> {
        check_size(document)?;
        Self::of(jwk::read_set(document)?)
    }

    /// Reads PEM blocks labelled `PUBLIC KEY` (RFC 7468 section 13).
    ///
    /// # Errors
    /// A phrase about the document; it never quotes key material.
    pub fn from_pem(document: &[u8]) -> Result<Self, KeySetError> {
        check_size(document)?;
        Self::of(pem::read(document)?)
    }

    fn of(read: Vec<Result<PublicKey, String>>) -> Result<Self, KeySetError> {
        if read.len() > MAX_KEYS {
            return Err(KeySetError(format!("it has {} keys, more than {MAX_KEYS}", read.len())));
        }
        let mut set = Self::default();
        for (index, key) in read.into_iter().enumerate() {
            match key {
                Ok(key) => set.keys.push(key),
                Err(why) => set.left_out.push(format!("key {}: {why}", index + 1)),
            }
        }
        if set.keys.is_empty() {
            let why = if set.left_out.is_empty() { "it is empty".to_owned() } else { set.left_out.join("; ") };
            return Err(KeySetError(format!("it has no usable key ({why})")));
        }
        Ok(set)
    }

    /// What [`KeySet::serialize`] wrote, or a JWKS document that was parsed already.
    fn from_value(document: &Value) -> Result<Self, KeySetError> {
        let mut set = Self::of(jwk::read_keys(document.get("keys"))?)?;
        let left_out = document.get("left_out").and_then(Value::as_array);
        set.left_out.extend(left_out.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
        Ok(set)
    }

    /// The usable keys.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Why other keys of the document are not used, a phrase each.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The one key that may check a token with this `kid` and algorithm, of one of `issuers`.
    ///
    /// Keys without a `kid`, as PEM files have them, stand in where no key has the token's.
    pub(crate) fn select(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        issuers: &[&str],
    ) -> Result<&PublicKey, NoKey> {
        let named: Vec<&PublicKey> = self.keys.iter().filter(|key| kid.is_none() || key.kid() == kid).collect();
        let candidates =
            if named.is_empty() { self.keys.iter().filter(|key| key.kid.is_none()).collect() } else { named };
        if candidates.is_empty() {
            return Err(NoKey::UnknownKid);
        }
        let mut fitting = candidates.into_iter().filter(|key| key.fits(algorithm, issuers));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (None, _) => Err(NoKey::NoneFits),
            (Some(_), Some(_)) => Err(NoKey::SeveralFit),
        }
    }
}

/// As a JWKS document, with each key reduced to what a verification needs: no certificates, no other members.
impl Serialize for KeySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keys: Vec<Value> = self.keys.iter().map(jwk::write_key).collect();
        json!({ "keys": keys, "left_out": self.left_out }).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for KeySet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

fn check_size(document: &[u8]) -> Result<(), KeySetError> {
    if document.len() > MAX_KEY_DOCUMENT_BYTES {
        return Err(KeySetError(format!("it has {} bytes, more than {MAX_KEY_DOCUMENT_BYTES}", document.len())));
    }
    Ok(())
}

/// A key document that gives no keys. Displays as a phrase that follows the document's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySetError(String);

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KeySetError {}

/// A file of keys that the configuration names. Relative paths are relative to the configuration's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFile {
    /// `keys.jwks_file`.
    Jwks(String),
    /// `keys.pem_file`.
    Pem(String),
}

impl KeyFile {
    /// The path as written.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Jwks(path) | Self::Pem(path) => path,
        }
    }
}

/// Why the keys of a profile could not be had, in the words of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysUnavailable {
    /// What went wrong with which source: one sentence.
    pub detail: String,
    /// What to do about it.
    pub hint: String,
}

impl KeysUnavailable {
    /// Of the two texts.
    #[must_use]
    pub fn new(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { detail: detail.into(), hint: hint.into() }
    }
}
