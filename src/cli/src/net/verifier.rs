//! Whether a server is who it claims to be: by an authority that is trusted, or because its certificate was given.
//!
//! A certificate that stands byte for byte in `ca_file` needs no authority: whoever wrote the file meant that server. Only
//! that comparison takes the place of the path to an authority. Name, dates and purpose are judged all the same, and the
//! server has to sign the handshake with the certificate's key in every case. Must never take the name from a subject
//! (`CN`), nor let a certificate vouch for others that is no authority's.

use super::certificate::{CertificateFields, Validity};
use super::error::NetError;
use super::identity::TlsIdentity;
use super::trust::Trust;
use super::untrusted::Untrusted;
use oauth_validator_core::protocol::TlsClient;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::Arc;

/// How much is asked of a server's certificate.
#[derive(Debug)]
pub(crate) enum Demand {
    /// That it is trusted, and for the host that was asked for.
    Name(Trust),
    /// That it is trusted.
    Trust(Trust),
    /// Nothing but that the server has its key.
    Key,
}

/// For TLS 1.2 and 1.3 with a server of which this is asked.
///
/// # Errors
/// If aws-lc-rs has no suites for them.
pub(crate) fn client_config(demand: Demand) -> Result<ClientConfig, Error> {
    client_config_as(demand, None)
}

/// What [`client_config`] gives, for somebody who shows a certificate of his own if it is asked for.
///
/// # Errors
/// Fails also if certificate and key do not belong together.
pub(super) fn client_config_as(demand: Demand, shown: Option<TlsIdentity>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(Arc::<CryptoProvider>::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let verifier = Arc::new(CertificateVerifier { demand, algorithms });
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    match shown {
        Some(TlsIdentity { chain, key }) => builder.with_client_auth_cert(chain, key),
        None => Ok(builder.with_no_client_auth()),
    }
}

/// Whether these files are a certificate and its key, which go together.
///
/// # Errors
/// `credentials`, if they are not.
pub(crate) fn judge_identity(files: &TlsClient) -> Result<(), NetError> {
    client_config_as(Demand::Key, Some(TlsIdentity::read(files)?)).map(drop).map_err(|_| TlsIdentity::mismatch())
}

#[derive(Debug)]
struct CertificateVerifier {
    demand: Demand,
    algorithms: WebPkiSupportedAlgorithms,
}

impl CertificateVerifier {
    fn judge(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), Error> {
        let (trust, name) = match &self.demand {
            Demand::Name(trust) => (trust, Some(name)),
            Demand::Trust(trust) => (trust, None),
            Demand::Key => return Ok(()),
        };
        let parsed = ParsedCertificate::try_from(shown)?;
        if trust.holds(shown) {
            judge_given(shown, now)?;
        } else {
            let mut judged = Err(CertificateError::UnknownIssuer.into());
            for authorities in trust.authorities() {
                let all = self.algorithms.all;
                judged = verify_server_cert_signed_by_trust_anchor(&parsed, authorities, intermediates, now, all);
                if judged.is_ok() {
                    break;
                }
            }
            judged.map_err(|error| explain(error, shown, trust))?;
        }
        name.map_or(Ok(()), |name| verify_server_name(&parsed, name))
    }
}

/// What path building asks of a server's certificate, besides the path.
fn judge_given(shown: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let certificate = CertificateFields::read(shown).ok_or(CertificateError::BadEncoding)?;
    match certificate.validity(now) {
        Validity::NotYet => Err(CertificateError::NotValidYet.into()),
        Validity::Over => Err(CertificateError::Expired.into()),
        Validity::Now if !certificate.is_for_servers => Err(CertificateError::InvalidPurpose.into()),
        Validity::Now => Ok(()),
    }
}

/// A signature that does not fit is no fault of an authority's, whose signatures rustls has the same word for.
fn of_handshake(error: Error) -> Error {
    match error {
        Error::InvalidCertificate(CertificateError::BadSignature) => Untrusted::Key.into(),
        other => other,
    }
}

/// Why no path was found, in terms of what was given. It is an error in any case.
fn explain(error: Error, shown: &CertificateDer<'_>, trust: &Trust) -> Error {
    match &error {
        // webpki ends its search at an authority's certificate, with an error that rustls does not name.
        Error::InvalidCertificate(CertificateError::Other(_))
            if CertificateFields::read(shown).is_some_and(|certificate| certificate.is_authority) =>
        {
            Untrusted::Authority.into()
        }
        Error::InvalidCertificate(CertificateError::UnknownIssuer) if trust.is_of_nobody() => {
            Untrusted::NotGiven.into()
        }
        _ => error,
    }
}

impl ServerCertVerifier for CertificateVerifier {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(shown, intermediates, name, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms).map_err(of_handshake)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms).map_err(of_handshake)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
