//! Why a certificate is not trusted, as far as that is this tool's own judgement.

use rustls::{CertificateError, Error, OtherError};
use std::sync::Arc;

/// Why a certificate is not trusted, where rustls has no word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Untrusted {
    /// It is an authority's own, and none that was given.
    #[error("is an authority's own (CA:TRUE), and is not in the file of those that are trusted")]
    Authority,
    /// It is none that was given, and none of these may vouch for it.
    #[error("is not in the file of those that are trusted, none of which is an authority's (CA:TRUE)")]
    NotGiven,
    /// The handshake is signed by another key than its own.
    #[error("is shown by somebody who does not have its key")]
    Key,
}

impl From<Untrusted> for Error {
    fn from(why: Untrusted) -> Self {
        CertificateError::Other(OtherError(Arc::new(why))).into()
    }
}
