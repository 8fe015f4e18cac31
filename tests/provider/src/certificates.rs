//! A private CA, and the good and bad certificates of the server.
//!
//! Each bad one differs from the good one in exactly one thing. The private keys of the mock must never leave the
//! process: only its CA's certificate is written to a file. Another program's server gets files of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{WantsServerCert, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ALL_VERSIONS, ConfigBuilder, RootCertStore, ServerConfig, SupportedProtocolVersion};

/// Names of the good certificate. The second one lets a test point `jwks_uri` at another host.
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// Which certificate the server shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ShownCertificate {
    Good,
    WrongName,
    Expired,
    NotYetValid,
    Untrusted,
}

/// The CA, and a TLS configuration for each certificate.
pub(crate) struct Authority {
    /// The CA's certificate, for the client.
    pub(crate) ca_pem: String,
    configs: BTreeMap<ShownCertificate, Arc<ServerConfig>>,
}

impl Authority {
    /// Makes new keys and certificates: each provider has its own.
    pub(crate) fn new() -> Self {
        let (ca, ca_pem) = authority("Mock provider CA");
        let (other_ca, _) = authority("Another CA");
        let config = |names: &[&str], years: [i32; 2], ca| Arc::new(server_config(names, years, ca));
        let configs = BTreeMap::from([
            (ShownCertificate::Good, config(&NAMES, [2020, 2100], &ca)),
            (ShownCertificate::WrongName, config(&["other.example"], [2020, 2100], &ca)),
            (ShownCertificate::Expired, config(&NAMES, [2010, 2020], &ca)),
            (ShownCertificate::NotYetValid, config(&NAMES, [2100, 2110], &ca)),
            (ShownCertificate::Untrusted, config(&NAMES, [2020, 2100], &other_ca)),
        ]);
        Self { ca_pem, configs }
    }

    /// No authority at all: one certificate, whatever it is.
    pub(crate) fn showing(shown: &LocalhostCertificate, versions: &[&'static SupportedProtocolVersion]) -> Self {
        let configs = BTreeMap::from([(ShownCertificate::Good, Arc::new(shown.server_config_in(versions)))]);
        Self { ca_pem: shown.ca_pem.clone(), configs }
    }

    /// New keys and certificates, for a server that lets in nobody without a certificate of `clients`.
    pub(crate) fn demanding(clients: &ClientCredentials) -> Self {
        let (ca, ca_pem) = authority("Mock provider CA");
        let (certificate, key) = certify(&NAMES, [2020, 2100], &ca);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(clients.ca_pem.as_bytes()).expect("a certificate")).expect("a CA");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for TLS 1.2 and 1.3")
            .with_client_cert_verifier(verifier.build().expect("an authority"))
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("the key belongs to the certificate");
        Self { ca_pem, configs: BTreeMap::from([(ShownCertificate::Good, Arc::new(config))]) }
    }

    /// What a connection that shows this certificate needs.
    pub(crate) fn config(&self, certificate: ShownCertificate) -> Arc<ServerConfig> {
        Arc::clone(&self.configs[&certificate])
    }
}

/// A CA of this name, and its certificate as PEM.
fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(2120, 1, 1));
    let key = new_key();
    let pem = params.self_signed(&key).expect("a CA can sign itself").pem();
    (Issuer::new(params, key), pem)
}

/// What a server in another process needs for `https://localhost`, all of it PEM and made anew by each call.
#[derive(Clone)]
pub struct LocalhostCertificate {
    /// The CA's certificate, for the client.
    pub ca_pem: String,
    /// The server's certificate, good for the names `localhost` and 127.0.0.1.
    pub certificate_pem: String,
    /// Its private key, as PKCS #8: for a file that the server alone reads.
    pub key_pem: String,
}

impl LocalhostCertificate {
    /// By a CA of its own, which signs nothing else.
    pub fn new() -> Self {
        Self::valid_in([2020, 2100])
    }

    /// A certificate by a CA of its own that is out of date.
    pub fn expired() -> Self {
        Self::valid_in([2010, 2020])
    }

    /// TLS of a server that shows this certificate with this key, whether they belong together or not.
    pub fn server_config(&self) -> ServerConfig {
        self.server_config_in(ALL_VERSIONS)
    }

    /// [`Self::server_config`], limited to these versions of TLS.
    pub fn server_config_in(&self, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        let certificate = CertificateDer::from_pem_slice(self.certificate_pem.as_bytes()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).expect("a private key");
        let key = aws_lc_rs::default_provider().key_provider.load_private_key(key).expect("a key of a known kind");
        let pair = CertifiedKey::new(vec![certificate], key);
        builder(versions).with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)))
    }

    fn valid_in(years: [i32; 2]) -> Self {
        let (ca, ca_pem) = authority("Test CA for localhost");
        let (certificate, key) = certify(&NAMES, years, &ca);
        Self { ca_pem, certificate_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }
}

/// What a client needs to say who it is, all of it PEM and made anew by each call.
#[derive(Clone)]
pub struct ClientCredentials {
    /// The CA's certificate, for the server.
    pub ca_pem: String,
    /// The client's certificate.
    pub certificate_pem: String,
    /// Its private key, as PKCS #8.
    pub key_pem: String,
}

impl ClientCredentials {
    /// For `postgres`, by a CA of its own, which signs nothing else.
    pub fn new() -> Self {
        Self::of("postgres")
    }

    /// A certificate for a client of this name.
    pub fn of(name: &str) -> Self {
        let (ca, ca_pem) = authority("Test CA for clients");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2100, 1, 1));
        let key = new_key();
        let certificate = params.signed_by(&key, &ca).expect("the CA signs what it is given");
        Self { ca_pem, certificate_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }
}

impl Default for ClientCredentials {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for LocalhostCertificate {
    fn default() -> Self {
        Self::new()
    }
}

fn server_config(names: &[&str], years: [i32; 2], ca: &Issuer<'_, KeyPair>) -> ServerConfig {
    let (certificate, key) = certify(names, years, ca);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    builder(ALL_VERSIONS)
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("the key belongs to the certificate")
}

/// TLS with clients that need no certificate.
fn builder(versions: &[&'static SupportedProtocolVersion]) -> ConfigBuilder<ServerConfig, WantsServerCert> {
    // The provider is named here, because a process-wide default would also be the default of the code under test.
    ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .expect("the provider has suites for TLS 1.2 and 1.3")
        .with_no_client_auth()
}

/// A server's certificate, and its new key.
pub(crate) fn certify(names: &[&str], years: [i32; 2], ca: &Issuer<'_, KeyPair>) -> (rcgen::Certificate, KeyPair) {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("these are host names");
    params.distinguished_name.push(DnType::CommonName, "Mock provider");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    (params.not_before, params.not_after) = (date_time_ymd(years[0], 1, 1), date_time_ymd(years[1], 1, 1));
    let key = new_key();
    let certificate = params.signed_by(&key, ca).expect("the CA signs what it is given");
    (certificate, key)
}

/// On P-256.
pub(crate) fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a P-256 key can be made")
}
