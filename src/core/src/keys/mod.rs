//! An issuer's public keys, and which of them may check a token's signature.
//!
//! A key is never taken from a token, and never one that the configuration denies. One malformed key of a
//! document does not drop the good ones; why it was left out is kept for `check` and `explain`.

pub mod asking;
mod jwk;
mod material;
mod pem;
pub mod record;
mod select;
pub mod source;
#[cfg(test)]
mod tests;

use crate::algorithm::Algorithm;
use crate::bounds::{MAX_KEY_DOCUMENT_BYTES, MAX_KEYS};
use jwk::{ReadJwk, Unfit};
pub(crate) use material::{EllipticCurve, Material, is_thumbprint};
pub(crate) use select::{KeyName, NoKey};
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
    /// Digests of the certificate it came with (RFC 7517 sections 4.8 and 4.9), as the document has them.
    x5t: Option<String>,
    x5t_s256: Option<String>,
    pub(crate) material: Material,
}

impl PublicKey {
    fn without_name(material: Material) -> Self {
        Self { kid: None, algorithm: None, issuer: None, x5t: None, x5t_s256: None, material }
    }

    /// The key's thumbprint (RFC 7638): SHA-256, in base64url, of nothing but the key itself.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        self.material.thumbprint()
    }

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
        let says = self.algorithm.as_deref().map(Algorithm::from_name);
        algorithm.fits(&self.material) && says.is_none_or(|own| own == Some(algorithm))
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

/// The keys of one issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<PublicKey>,
    left_out: Vec<LeftOut>,
    /// How the document was read; see [`READING`].
    reading: u64,
}

/// A key of a document that is not used. Displays as a phrase such as `key 2: its use is not sig`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    kid: Option<String>,
    why: String,
    other_use: bool,
}

impl LeftOut {
    /// What the document calls it.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// What is done about such a key, in words for a finding.
    pub const HINT: &str =
        "tokens of such a key are denied with key_unknown: have the provider mend it, or mend this copy";

    /// The phrase, and what the document calls the key: for people who look at the document.
    #[must_use]
    pub fn with_kid(&self) -> String {
        match &self.kid {
            Some(kid) => format!("{self} (kid \"{}\")", crate::trace::printable(kid)),
            None => self.to_string(),
        }
    }

    /// Whether the document itself says that it is there for something else, such as encryption.
    #[must_use]
    pub fn is_for_other_use(&self) -> bool {
        self.other_use
    }

    /// The reason as it is kept; a text alone is what the first version kept.
    fn to_value(&self) -> Value {
        json!({ "kid": self.kid, "why": self.why, "other_use": self.other_use })
    }

    fn from_value(value: &Value) -> Option<Self> {
        let text = |name| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let why = value.as_str().map(str::to_owned).or_else(|| text("why"))?;
        let other_use = value.get("other_use").and_then(Value::as_bool).unwrap_or(false);
        Some(Self { kid: text("kid"), why, other_use })
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// What to do about a document that is the right one.
const MEND_THE_KEYS: &str = "Have the provider mend these keys, or publish others that can verify tokens; until then, keys.jwks_file can name \
     a copy in which they are right.";

/// The number of the way in which documents are read now. It rises when more of a document counts than before: what was
/// kept by an earlier one is good, but no ground to be content with that nothing has changed.
const READING: u64 = 1;

impl KeySet {
    /// Reads a JWKS document (RFC 7517 section 5), at most 256 KiB with at most 256 keys.
    ///
    /// # Errors
    /// A phrase about the document; it never quotes key material.
    pub fn from_jwks(document: &[u8]) -> Result<Self, KeySetError> {
        check_size(document)?;
        let read = jwk::read_set(document)?;
        let has_keys = !read.is_empty();
        Self::of(read).map_err(|error| if has_keys { error.with_hint(MEND_THE_KEYS) } else { error })
    }

    /// Reads PEM blocks labelled `PUBLIC KEY` (RFC 7468 section 13).
    ///
    /// # Errors
    /// A phrase about the document; it never quotes key material.
    pub fn from_pem(document: &[u8]) -> Result<Self, KeySetError> {
        check_size(document)?;
        Self::of(pem::read(document)?)
    }

    fn of(read: Vec<ReadJwk>) -> Result<Self, KeySetError> {
        if read.len() > MAX_KEYS {
            return Err(KeySetError::of(format!("it has {} keys, more than {MAX_KEYS}", read.len())));
        }
        let mut set = Self { reading: READING, ..Self::default() };
        for (index, ReadJwk { kid, key }) in read.into_iter().enumerate() {
            match key {
                Ok(key) => set.keys.push(key),
                Err(Unfit { why, other_use }) => {
                    set.left_out.push(LeftOut { kid, why: format!("key {}: {why}", index + 1), other_use });
                }
            }
        }
        if set.keys.is_empty() {
            let reasons: Vec<String> = set.left_out.iter().map(LeftOut::to_string).collect();
            let why = if reasons.is_empty() { "it is empty".to_owned() } else { reasons.join("; ") };
            return Err(KeySetError::of(format!("it has no usable key ({why})")));
        }
        Ok(set)
    }

    /// What [`KeySet::serialize`] wrote, or a JWKS document that was parsed already.
    fn from_value(document: &Value) -> Result<Self, KeySetError> {
        let mut set = Self::of(jwk::read_keys(document.get("keys"))?)?;
        let left_out = document.get("left_out").and_then(Value::as_array);
        set.left_out.extend(left_out.into_iter().flatten().filter_map(LeftOut::from_value));
        set.reading = document.get("reading").and_then(Value::as_u64).unwrap_or(0);
        Ok(set)
    }

    /// Whether it holds all that would be read of its document now.
    pub(crate) fn is_read_as_now(&self) -> bool {
        self.reading == READING
    }

    /// The usable keys.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The other keys that are not there for something else, in words for a finding: which they are, and why they are left
    /// out; `None` if there are none.
    #[must_use]
    pub fn malformed_keys(&self) -> Option<String> {
        let all: Vec<String> = self.left_out.iter().filter(|key| !key.other_use).map(LeftOut::with_kid).collect();
        (!all.is_empty()).then(|| format!("a key is left out: {}", all.join("; ")))
    }

    /// The other keys of the document, which are not used.
    #[must_use]
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }
}

/// The keys as a JWKS document, with each key reduced to what a verification needs: no certificates, no other members.
impl Serialize for KeySet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keys: Vec<Value> = self.keys.iter().map(jwk::write_key).collect();
        let left_out: Vec<Value> = self.left_out.iter().map(LeftOut::to_value).collect();
        json!({ "keys": keys, "left_out": left_out, "reading": self.reading }).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for KeySet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

fn check_size(document: &[u8]) -> Result<(), KeySetError> {
    if document.len() > MAX_KEY_DOCUMENT_BYTES {
        return Err(KeySetError::of(format!("it has {} bytes, more than {MAX_KEY_DOCUMENT_BYTES}", document.len())));
    }
    Ok(())
}

/// A key document that gives no keys. Displays as a phrase that follows the document's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySetError {
    why: String,
    hint: Option<&'static str>,
}

impl KeySetError {
    fn of(why: impl Into<String>) -> Self {
        Self { why: why.into(), hint: None }
    }

    fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// What to do about it, where it is not that another document is wanted: a sentence or two.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        self.hint
    }
}

impl fmt::Display for KeySetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for KeySetError {}

/// A file of keys that the configuration names. Relative paths are relative to the configuration's folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Why there are no keys, and what to do.
    #[must_use]
    pub fn new(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { detail: detail.into(), hint: hint.into() }
    }
}
