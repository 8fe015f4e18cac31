//! The certificate by which this server says who it is (RFC 8705 section 2.1), with its private key.
//!
//! Whoever asks for it sees it, and so nobody does but the introspection endpoint. Must never put a piece of the key into an
//! error.

use super::error::{NetError, NetErrorCode};
use oauth_validator_core::protocol::TlsClient;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate, those that lead to its authority, and its private key.
#[derive(Debug)]
pub(crate) struct TlsIdentity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl TlsIdentity {
    /// What the files hold.
    ///
    /// # Errors
    /// `credentials`, if it is not a certificate and its key.
    pub(crate) fn read(files: &TlsClient) -> Result<Self, NetError> {
        let refused = |what: &str, hint: &str| NetError::new(NetErrorCode::Credentials, what).with_hint(hint);
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(files.cert_pem.expose().as_bytes()).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(|| {
            refused(
                "keys.client_cert_file has no certificate in PEM, or a broken block",
                "it must hold the certificate as a PEM block, and behind it those that lead to its authority",
            )
        })?;
        let key = PrivateKeyDer::from_pem_slice(files.key_pem.expose().as_bytes()).map_err(|_| {
            refused(
                "keys.client_key_file has no private key in PEM",
                "it must hold the key as a PEM block, without a passphrase",
            )
        })?;
        Ok(Self { chain, key })
    }

    /// What is said of a certificate and a key that nobody can use together.
    pub(super) fn mismatch() -> NetError {
        NetError::new(
            NetErrorCode::Credentials,
            "keys.client_cert_file and keys.client_key_file do not belong together",
        )
        .with_hint("compare: openssl x509 -noout -pubkey -in CERT; openssl pkey -pubout -in KEY")
    }
}
