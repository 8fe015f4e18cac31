//! The bearer token as a secret: it can be judged, never shown.
//!
//! No `Debug`, no `Display`, no `Clone`; the bytes are overwritten when it is dropped, and so is what is decoded of them.
//! Copies that remain are PostgreSQL's: of those it wipes one alone (`input_copy` of `oauth_exchange` in auth-oauth.c). The
//! buffer that the client's message was received in (pqcomm.c) and the message itself (auth-sasl.c) keep the token until
//! that memory is used for something else.

use crate::jws::check_opaque;
use zeroize::Zeroizing;

/// What stands around the token in a client's first message: no channel binding, no authorization identity (RFC 5801
/// section 4), and the one field `auth`, whose end is also that of the message (RFC 7628 section 3.1).
const RESPONSE_HEAD: &[u8] = b"n,,\x01auth=Bearer ";
const RESPONSE_TAIL: &[u8] = b"\x01\x01";

/// Shorter parts of a token may stand in a text by chance.
const MIN_TELLING_BYTES: usize = 12;

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

    /// The initial client response of SASL OAUTHBEARER with this token (RFC 7628 section 3.1): the message by which a
    /// client shows it to a server, and which nobody else may see.
    ///
    /// `None` if it is empty, or has bytes that no bearer token has (RFC 6750 section 2.1), which could end the field
    /// and begin another.
    #[must_use]
    pub fn to_client_response(&self) -> Option<Zeroizing<Vec<u8>>> {
        if self.0.is_empty() || check_opaque(&self.0).is_err() {
            return None;
        }
        let length = RESPONSE_HEAD.len() + self.0.len() + RESPONSE_TAIL.len();
        // Large enough from the start: a buffer that grows leaves copies of itself behind.
        let mut response = Zeroizing::new(Vec::with_capacity(length));
        for part in [RESPONSE_HEAD, &self.0, RESPONSE_TAIL] {
            response.extend_from_slice(part);
        }
        Some(response)
    }

    /// Whether a text repeats the token, or one of its parts between dots that is long enough to tell.
    #[must_use]
    pub fn is_repeated_in(&self, text: &str) -> bool {
        is_repeated(&self.0, text)
    }
}

/// Whether a text repeats a token, or one of its parts between dots that is long enough to tell.
pub(crate) fn is_repeated(token: &[u8], text: &str) -> bool {
    let parts = token.split(|byte| *byte == b'.').filter(|part| part.len() >= MIN_TELLING_BYTES);
    parts.into_iter().any(|part| text.as_bytes().windows(part.len()).any(|window| window == part))
}

#[cfg(test)]
mod tests {
    use super::BearerToken;

    #[test]
    fn a_client_shows_it_as_rfc_7628_says() {
        let response = BearerToken::new(b"e30.e30.c2ln").to_client_response().expect("a token");
        assert_eq!(response.as_slice(), b"n,,\x01auth=Bearer e30.e30.c2ln\x01\x01");
        assert!(BearerToken::new(b"0aZ-._~+/==").to_client_response().is_some());
        let long = BearerToken::new(&[b'a'; 1000]).to_client_response().expect("a token");
        assert_eq!(long.capacity(), long.len(), "it has not grown, nor could it have");
    }

    #[test]
    fn what_could_end_the_field_is_never_sent() {
        for bytes in [&b""[..], b"a\x01host=x", b"a\0b", b"a b", b"a\n", b"{\"access_token\":\"a\"}", b"\xff", b"a,b"] {
            assert!(BearerToken::new(bytes).to_client_response().is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn a_text_that_repeats_a_part_of_it_is_noticed() {
        let token = BearerToken::new(b"eyJ0eXAiOiJKV1QifQ.e30.c2lnbmF0dXJlLW9mLWl0");
        assert!(token.is_repeated_in("no: c2lnbmF0dXJlLW9mLWl0 is bad") && token.is_repeated_in("eyJ0eXAiOiJKV1QifQ"));
        for text in ["", "e30", "eyJ0eXAi", "c2lnbmF0dXJlLW9mLWl", "OAuth bearer authentication failed"] {
            assert!(!token.is_repeated_in(text), "{text}");
        }
        assert!(!BearerToken::new(b"").is_repeated_in("") && !BearerToken::new(b"short").is_repeated_in("short"));
    }
}
