//! Certificates that a server signed itself, as people make them for a provider of their own.
//!
//! What is asked for is what is made, whether it makes sense or not: whether it is trusted is the client's affair.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

use crate::certificates::{LocalhostCertificate, certify, new_key};

/// By default as `openssl req -x509 -addext subjectAltName=DNS:localhost` makes it: its own issuer, `CA:TRUE`, without a
/// word on what it is for.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    /// The names that it is for.
    pub names: Vec<&'static str>,
    /// The name in its subject, which nobody should read.
    pub common_name: &'static str,
    /// From the first of January of the one year until that of the other.
    pub years: [i32; 2],
    /// Whether it says that it is an authority's.
    pub authority: bool,
    /// What its key may be used for; nothing is said of it if this is empty.
    pub key_usages: Vec<KeyUsagePurpose>,
    /// What it is for; nothing is said of it if this is empty.
    pub purposes: Vec<ExtendedKeyUsagePurpose>,
}

impl Default for SelfSigned {
    fn default() -> Self {
        Self {
            names: vec!["localhost", "127.0.0.1"],
            common_name: "localhost",
            years: [2020, 2100],
            authority: true,
            key_usages: Vec::new(),
            purposes: Vec::new(),
        }
    }
}

impl SelfSigned {
    /// With a new key. To trust it means to trust this very certificate.
    pub fn certificate(&self) -> LocalhostCertificate {
        self.with_key(&new_key())
    }

    /// For the key of another one.
    pub fn with_key_of(&self, other: &LocalhostCertificate) -> LocalhostCertificate {
        self.with_key(&KeyPair::from_pem(&other.key_pem).expect("it was written by this crate"))
    }

    /// A certificate for `localhost` that the holder of this one signed.
    pub fn signing_another(&self) -> LocalhostCertificate {
        let key = new_key();
        let ca_pem = self.params().self_signed(&key).expect("it can sign itself").pem();
        let (certificate, key) = certify(&["localhost"], [2020, 2100], &Issuer::new(self.params(), key));
        LocalhostCertificate { ca_pem, certificate_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }

    fn with_key(&self, key: &KeyPair) -> LocalhostCertificate {
        let pem = self.params().self_signed(key).expect("it can sign itself").pem();
        LocalhostCertificate { ca_pem: pem.clone(), certificate_pem: pem, key_pem: key.serialize_pem() }
    }

    fn params(&self) -> CertificateParams {
        let names: Vec<String> = self.names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("these are host names");
        params.distinguished_name.push(DnType::CommonName, self.common_name);
        params.is_ca = if self.authority { IsCa::Ca(BasicConstraints::Unconstrained) } else { IsCa::ExplicitNoCa };
        params.key_usages.clone_from(&self.key_usages);
        params.extended_key_usages.clone_from(&self.purposes);
        let [from, until] = self.years;
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
        params
    }
}
