//! The token, and the password that clients give for it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use oauth_validator_core::BearerToken;
use oauth_validator_core::bounds::MAX_TOKEN_BYTES;
use oauth_validator_token_file as token_file;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// Where the token comes from.
pub enum TokenSource {
    /// The client's password is its token.
    Password,
    /// This file, read anew for each connection.
    File {
        /// Of the gateway's own user or of root, and for nobody else to read.
        path: PathBuf,
        /// What a client has to know for it, unless the system says who it is.
        password: Option<Password>,
    },
}

/// A password, which is only compared.
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// `None` if it is empty, or has a NUL, which no client could send.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (!bytes.is_empty() && !bytes.contains(&0)).then(|| Self(Zeroizing::new(bytes.to_vec())))
    }

    /// Whether it is this one.
    pub(crate) fn is(&self, given: &[u8]) -> bool {
        verify_slices_are_equal(&self.0, given).is_ok()
    }
}

/// The message that shows a token (RFC 7628 section 3.1); `None` if these bytes are none, or more than any server reads.
pub(crate) fn response(token: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    BearerToken::new(token).to_client_response()
}

/// The client's response with the token of a file.
///
/// # Errors
/// Why it has none: a sentence without its full stop, and without anything that is in the file.
pub(crate) fn response_of_file(path: &std::path::Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let uid = rustix::process::geteuid().as_raw();
    let token = token_file::read(path, uid, i64::try_from(now).unwrap_or(i64::MAX))?;
    response(&token).ok_or_else(|| format!("{}: it has no bearer token", path.display()))
}

#[cfg(test)]
mod tests {
    use super::{MAX_TOKEN_BYTES, Password, response};

    #[test]
    fn a_password_is_that_one_alone() {
        let password = Password::new(b"secret").expect("a password");
        assert!(password.is(b"secret"));
        for other in ["", "secre", "secret ", "Secret", "secret\0"] {
            assert!(!password.is(other.as_bytes()), "{other}");
        }
        assert!(Password::new(b"").is_none() && Password::new(b"a\0").is_none());
    }

    #[test]
    fn what_is_no_token_is_not_shown() {
        assert!(response(b"abc.def").is_some());
        for text in ["", "a b", "a\x01b", "Bearer abc", "a\n"] {
            assert!(response(text.as_bytes()).is_none(), "{text:?}");
        }
        assert!(response(&vec![b'x'; MAX_TOKEN_BYTES]).is_some());
        assert!(response(&vec![b'x'; MAX_TOKEN_BYTES + 1]).is_none());
    }
}
