//! The authorities, certificates and keys of one run, on P-256: what the server of the rows over TLS has, and its clients.
//!
//! All of it is made anew and in files of the server's account. It never lets a client go on with an older TLS than 1.3, or
//! take a certificate of anybody else's.

use crate::files::Files;
use oauth_validator_mock_provider::{ClientCredentials, LocalhostCertificate};
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{RootCertStore, version::TLS13};
use std::io::{Error, Result};
use std::sync::Arc;

/// What both ends of a connection need.
pub struct BenchTls {
    files: Files,
    pub(crate) server: LocalhostCertificate,
    client: ClientCredentials,
}

impl BenchTls {
    /// Makes all of it. `role` is whom the client's certificate is for.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn new(role: &str) -> Result<Self> {
        let (server, client) = (LocalhostCertificate::new(), ClientCredentials::of(role));
        let files = Files::new()?;
        for (name, text) in
            [("cert.pem", &server.certificate_pem), ("key.pem", &server.key_pem), ("clients.pem", &client.ca_pem)]
        {
            files.file(name, text)?;
        }
        Ok(Self { files, server, client })
    }

    /// Lines of postgresql.conf. Which certificate a client has is asked in each connection, as wherever `cert` is in use.
    pub fn conf(&self) -> String {
        let path = |name: &str| self.files.path(name).display().to_string();
        format!(
            "ssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'\nssl_ca_file = '{}'\nssl_min_protocol_version = 'TLSv1.3'\n",
            path("cert.pem"),
            path("key.pem"),
            path("clients.pem")
        )
    }

    /// A client's end, with its certificate or without one.
    ///
    /// # Errors
    /// When one of the certificates is none.
    pub fn client(&self, with_certificate: bool) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.server.ca_pem)?).map_err(Error::other)?;
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .map_err(Error::other)?
            .with_root_certificates(roots);
        let mut config = if with_certificate {
            let key = PrivateKeyDer::from_pem_slice(self.client.key_pem.as_bytes()).map_err(Error::other)?;
            let chain = vec![certificate(&self.client.certificate_pem)?];
            builder.with_client_auth_cert(chain, key).map_err(Error::other)?
        } else {
            builder.with_no_client_auth()
        };
        // As libpq does.
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        config.resumption = Resumption::disabled();
        Ok(Arc::new(config))
    }
}

fn certificate(pem: &str) -> Result<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(Error::other)
}
