//! TLS with a server of PostgreSQL: how its certificate is judged, and what is said of one that is not acceptable.
//!
//! Every check that libpq's `sslmode` names is one of rustls, in full. Must never accept less than was asked for, nor
//! go on without TLS.

use super::target::{Check, Roots};
use crate::net::{root_store, tls_fault};
use crate::output::Failure;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::io::{self, Read, Write};
use std::sync::Arc;

/// The protocol's name in TLS, as IANA has it.
const ALPN: &[u8] = b"postgresql";

const AUTHORITY_HINT: &str =
    "give --sslrootcert a PEM file with the certificate of the authority that signs the server's";

/// The client's side of a handshake with `host`, not begun.
///
/// # Errors
/// Authorities that cannot be read, and hosts that no certificate can name.
pub(super) fn client(host: &str, check: &Check) -> Result<ClientConnection, Failure> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| Failure::new(format!("{host:?} is neither a host's name nor an address")))?;
    ClientConnection::new(Arc::new(config(check)?), name)
        .map_err(|error| Failure::new(format!("TLS cannot be prepared: {error}")))
}

/// The whole handshake.
///
/// # Errors
/// Those of rustls inside of `InvalidData`, and of the stream.
pub(super) fn shake_hands(client: &mut ClientConnection, stream: &mut (impl Read + Write)) -> io::Result<()> {
    while client.is_handshaking() {
        client.complete_io(stream)?;
    }
    Ok(())
}

/// What there is to say of a handshake that failed because of TLS itself.
pub(super) fn fault(place: &str, error: &io::Error) -> Option<Failure> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    let (what, hint) = tls_fault("the server", error);
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    let hint = match hint {
        Some(hint) => hint.replace("{ca_file}", "--sslrootcert"),
        None => format!("see its certificate: openssl s_client -starttls postgres -connect {place} -servername {host}"),
    };
    Some(Failure::new(format!("{place}: {what}; the token was not sent")).with_hint(hint))
}

fn config(check: &Check) -> Result<ClientConfig, Failure> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(Arc::<CryptoProvider>::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::new(format!("TLS cannot be prepared: {error}")))?;
    let unnamed = |roots| Arc::new(Unnamed { roots, algorithms });
    let mut config = match check {
        Check::Name(roots) => builder.with_root_certificates(store(roots)?).with_no_client_auth(),
        Check::Authority(roots) => {
            let verifier = unnamed(Some(store(roots)?));
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        }
        Check::Nothing => builder.dangerous().with_custom_certificate_verifier(unnamed(None)).with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

fn store(roots: &Roots) -> Result<RootCertStore, Failure> {
    root_store(&roots.to_ca()).map_err(|error| Failure::new(error.to_string()).with_hint(AUTHORITY_HINT))
}

/// Judges a certificate by its authority alone, or by nothing but that its holder has the key.
#[derive(Debug)]
struct Unnamed {
    roots: Option<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Unnamed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
