//! Which keys of an issuer a token may be checked with: those that its header names, as far as they fit, and never one
//! that the configuration denies.
//!
//! The header is chosen by whoever made the token, so a key is denied for what it is: whatever it is called, and whatever
//! else is said about it.

use super::{KeySet, LeftOut, PublicKey};
use crate::algorithm::Algorithm;
use crate::bounds::MAX_TRIED_KEYS;

/// What a header says of the key that signed the token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KeyName {
    /// `kid`, not empty.
    pub(crate) kid: Option<String>,
    /// `x5t` and `x5t#S256`, not empty; looked at only where there is no `kid`.
    pub(crate) digests: [Option<String>; 2],
}

impl KeyName {
    /// Every text that could stand in a list of denied keys.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.kid.iter().chain(self.digests.iter().flatten()).map(String::as_str)
    }
}

/// The keys to try, at least one and at most [`MAX_TRIED_KEYS`], no two of them the same.
#[derive(Debug)]
pub(crate) struct KeyChoice<'k> {
    pub(crate) keys: Vec<&'k PublicKey>,
    /// Whether the header names them, so that no other key can be meant.
    pub(crate) named: bool,
}

/// Why no key is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// No key has the name that the header says.
    Unknown,
    /// Keys of that name exist, but none is for this algorithm, use and issuer.
    NoneFits,
    /// Several keys that are not the same have the `kid`; or several without one could be meant.
    SeveralFit,
    /// The header names none, and this many could be meant.
    TooMany(usize),
    /// The configuration denies every one of them; whether the header names them.
    Denied { named: bool },
}

impl PublicKey {
    /// Whether the key came with the certificate that these digests are of; `None` if it does not say. A `kid` that is such
    /// a digest says so as well, as AD FS and Entra write it.
    fn is_of(&self, digests: &[Option<String>; 2]) -> Option<bool> {
        let own = [&self.x5t, &self.x5t_s256];
        let pairs = || digests.iter().zip(own).filter_map(|(wanted, own)| Some((wanted.as_ref()?, own.as_ref()?)));
        if pairs().any(|(wanted, own)| wanted != own) {
            return Some(false);
        }
        let by_kid = digests.iter().flatten().any(|wanted| self.kid() == Some(wanted));
        (by_kid || pairs().next().is_some()).then_some(true)
    }
}

impl KeySet {
    /// The keys that may check a token of one of `issuers`, but for those that are [`denied`](KeySet::denied).
    pub(crate) fn choose(
        &self,
        name: &KeyName,
        algorithm: Algorithm,
        issuers: &[&str],
        denied: &[&PublicKey],
    ) -> Result<KeyChoice<'_>, NoKey> {
        let (candidates, named) = self.candidates(name);
        if candidates.is_empty() {
            return Err(NoKey::Unknown);
        }
        let fitting: Vec<&PublicKey> = candidates.into_iter().filter(|key| key.fits(algorithm, issuers)).collect();
        if fitting.is_empty() {
            return Err(NoKey::NoneFits);
        }
        let mut keys: Vec<&PublicKey> = Vec::new();
        for key in fitting {
            let is_denied = denied.iter().any(|denied| denied.material == key.material);
            if !is_denied && !keys.iter().any(|known| known.material == key.material) {
                keys.push(key);
            }
        }
        match keys.len() {
            0 => Err(NoKey::Denied { named }),
            1 => Ok(KeyChoice { keys, named }),
            _ if name.kid.is_some() => Err(NoKey::SeveralFit),
            several if several > MAX_TRIED_KEYS => Err(NoKey::TooMany(several)),
            _ => Ok(KeyChoice { keys, named }),
        }
    }

    /// The keys that a header can mean, and whether it names them.
    fn candidates(&self, name: &KeyName) -> (Vec<&PublicKey>, bool) {
        let of = |wanted: &dyn Fn(&PublicKey) -> bool| self.keys.iter().filter(|key| wanted(key)).collect::<Vec<_>>();
        if name.kid.is_some() {
            let named = of(&|key| key.kid == name.kid);
            // Keys without a kid, as PEM files have them, stand in where no key has the token's.
            return if named.is_empty() { (of(&|key| key.kid.is_none()), false) } else { (named, true) };
        }
        if name.digests.iter().all(Option::is_none) {
            return (of(&|_| true), false);
        }
        let named = of(&|key| key.is_of(&name.digests) == Some(true));
        // Likewise those that say nothing of a certificate.
        if named.is_empty() { (of(&|key| key.is_of(&name.digests).is_none()), false) } else { (named, true) }
    }

    /// The keys that `deny` names by `kid` or thumbprint, and all with which whoever has one of them can sign.
    pub(crate) fn denied(&self, deny: &[String]) -> Vec<&PublicKey> {
        if deny.is_empty() {
            return Vec::new();
        }
        let is_named = |key: &&PublicKey| {
            key.kid().is_some_and(|kid| deny.iter().any(|entry| entry == kid)) || deny.contains(&key.thumbprint())
        };
        let named: Vec<&PublicKey> = self.keys.iter().filter(is_named).collect();
        let is_denied = |key: &&PublicKey| named.iter().any(|named| key.material.has_the_secret_of(&named.material));
        self.keys.iter().filter(is_denied).collect()
    }

    /// The key of this `kid` that is not used, if there is a `kid`.
    pub(crate) fn left_out_as(&self, kid: Option<&str>) -> Option<&LeftOut> {
        self.left_out.iter().find(|key| kid.is_some() && key.kid() == kid)
    }
}

#[cfg(test)]
mod tests;
