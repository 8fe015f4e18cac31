//! The bearer token as a secret: it can be judged, never shown.
//!
//! No `Debug`, no `Display`, no `Clone`; the bytes are overwritten when it is dropped. Copies that remain: the
//! server's own message buffer, which PostgreSQL wipes itself (`oauth_exchange` in auth-oauth.c).

use zeroize::Zeroizing;

/// The token of one login attempt, as the client sent it.
pub struct BearerToken(Zeroizing<Vec<u8>>);

impl BearerToken {
    /// Takes a copy of `bytes`, which may be anything: nothing is checked yet.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The bytes, for the code that judges them.
    pub(crate) fn untrusted_bytes(&self) -> &[u8] {
        &self.0
    }
}
