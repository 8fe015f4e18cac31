//! Which certificates are trusted: those that are given, or else the authorities of the system.
//!
//! A helper is asked by each login whose token its provider judges, and reading the system's folders takes it longer than
//! all else: the file that has all of them in one piece is nearly always enough. Must never trust nobody silently, nor add
//! the system's to those that are given, nor take a given one for an authority's that does not say that it is.

use super::certificate::CertificateFields;
use super::error::{NetError, NetErrorCode};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_native_certs::CertificateResult;
use std::fs::File;
use std::io::{self, Read};
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The largest file of certificates, in bytes: Debian's whole bundle has 230 kB.
const MAX_CA_BYTES: u64 = 4 * 1024 * 1024;

/// The files in which distributions keep all authorities of the system in one piece, each in one of the folders that are
/// read otherwise: so nobody is trusted by them who would not be trusted anyway.
const BUNDLES: [&str; 2] = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// Who is trusted to sign certificates of providers.
#[derive(Debug, Clone)]
pub(crate) enum Ca {
    /// Those of the system, or those that SSL_CERT_FILE and SSL_CERT_DIR name in the environment.
    Environment,
    /// Those of the system, whatever the environment says.
    System,
    /// Those of a PEM file.
    File(PathBuf),
    /// Those of the text of `keys.ca_file`, which the server has read.
    Pem(String),
}

/// Whom a server's certificate may convince.
#[derive(Debug)]
pub(crate) struct Trust {
    authorities: RootCertStore,
    given: Vec<CertificateDer<'static>>,
    /// Where `authorities` are the system's bundle: all of the system's, once somebody was asked for that the bundle lacks.
    others: Option<OnceLock<RootCertStore>>,
}

impl Trust {
    /// What there is to trust.
    ///
    /// # Errors
    /// `ca_file` if there is not even one certificate.
    pub(crate) fn new(ca: &Ca) -> Result<Self, NetError> {
        match ca {
            Ca::Environment => Self::in_system(rustls_native_certs::load_native_certs()),
            Ca::System => match bundle() {
                Some(authorities) => Ok(Self { authorities, given: Vec::new(), others: Some(OnceLock::new()) }),
                None => Self::in_system(from_directories()),
            },
            Ca::File(path) => from_file(path).map(Self::in_given),
            Ca::Pem(text) => from_pem("keys.ca_file", text.as_bytes()).map(Self::in_given),
        }
    }

    fn in_system(loaded: CertificateResult) -> Result<Self, NetError> {
        if loaded.certs.is_empty() {
            return Err(NetError::new(NetErrorCode::CaFile, "this system's trust store has no certificates")
                .with_hint("install the package ca-certificates, or give {ca_file}"));
        }
        Ok(Self { authorities: store(loaded.certs), given: Vec::new(), others: None })
    }

    /// In a given one for itself, and in what it signs if it is an authority's.
    fn in_given(given: Vec<CertificateDer<'static>>) -> Self {
        let is_authority =
            |each: &&CertificateDer<'_>| CertificateFields::read(each).is_some_and(|read| read.is_authority);
        Self { authorities: store(given.iter().filter(is_authority).cloned()), given, others: None }
    }

    /// Whether this very certificate was given.
    pub(super) fn holds(&self, certificate: &CertificateDer<'_>) -> bool {
        self.given.iter().any(|given| given.as_ref() == certificate.as_ref())
    }

    /// Those whose signatures are believed: in one piece, or in two, of which the second has the first one in it and is
    /// read when it is reached.
    pub(super) fn authorities(&self) -> impl Iterator<Item = &RootCertStore> {
        let all = self.others.iter().map(|all| all.get_or_init(|| store(from_directories().certs)));
        iter::once(&self.authorities).chain(all)
    }

    /// Whether nobody's signature is believed, so that none but the certificates given are.
    pub(super) fn is_of_nobody(&self) -> bool {
        self.authorities.is_empty()
    }
}

/// Those that can be read.
fn store(certificates: impl IntoIterator<Item = CertificateDer<'static>>) -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates);
    store
}

/// Whether the text of `keys.ca_file` is as good as [`Ca::Pem`] needs it.
///
/// # Errors
/// `ca_file`, if it has no certificate or a broken one.
pub(crate) fn judge_authorities(text: &str) -> Result<(), NetError> {
    from_pem("keys.ca_file", text.as_bytes()).map(drop)
}

fn from_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let text =
        read(path).map_err(|error| NetError::new(NetErrorCode::CaFile, format!("cannot read {path:?}: {error}")))?;
    from_pem(&format!("{path:?}"), &text)
}

fn from_pem(name: &str, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, NetError> {
    let certificates: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(text).collect();
    let certificates =
        certificates.map_err(|_| NetError::new(NetErrorCode::CaFile, format!("{name} has broken PEM blocks")))?;
    match RootCertStore::empty().add_parsable_certificates(certificates.iter().cloned()) {
        (0, _) => Err(NetError::new(NetErrorCode::CaFile, format!("{name} has no certificate in PEM"))),
        (_, 0) => Ok(certificates),
        (_, broken) => Err(NetError::new(NetErrorCode::CaFile, format!("{name} has {broken} broken certificates"))),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a FIFO would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(MAX_CA_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_CA_BYTES { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

/// Those of the system in one piece; `None` where there is none, or none that anything can be made of.
fn bundle() -> Option<RootCertStore> {
    let text = BUNDLES.iter().find_map(|path| read(Path::new(path)).ok())?;
    let store = store(CertificateDer::pem_slice_iter(&text).filter_map(Result::ok));
    Some(store).filter(|store| !store.is_empty())
}

/// What distributions keep there: the bundle, or each certificate by itself.
fn from_directories() -> CertificateResult {
    let mut all = CertificateResult::default();
    for directory in openssl_probe::candidate_cert_dirs() {
        all.certs.extend(rustls_native_certs::load_certs_from_paths(None, Some(directory)).certs);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{Ca, NetErrorCode, Trust, bundle, from_directories, from_file, store};
    use std::fs;

    #[test]
    fn files_that_give_no_authority_are_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("ca.pem");
        let why = |text: &str| {
            fs::write(&path, text).expect("a file");
            let error = from_file(&path).expect_err(text);
            assert_eq!(error.code, NetErrorCode::CaFile, "{text}");
            error.message
        };
        assert!(why("").contains("has no certificate in PEM"));
        assert!(why("not PEM\n").contains("has no certificate in PEM"));
        let block = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        assert!(why(&block("!!!!")).contains("has broken PEM blocks"));
        assert!(why(&block("AAAA")).contains("has no certificate in PEM"));
    }

    /// The short way must not trust somebody whom the long one does not.
    #[test]
    fn whoever_the_bundle_has_is_in_the_folders_as_well() {
        let Some(bundle) = bundle() else {
            eprintln!("skipped whoever_the_bundle_has_is_in_the_folders_as_well: this system has no bundle");
            return;
        };
        let all = store(from_directories().certs);
        let of = |store: &rustls::RootCertStore| -> Vec<(Vec<u8>, Vec<u8>)> {
            let roots = store.roots.iter();
            roots.map(|root| (root.subject.to_vec(), root.subject_public_key_info.to_vec())).collect()
        };
        let all = of(&all);
        assert!(of(&bundle).iter().all(|root| all.contains(root)));
        let system = Trust::new(&Ca::System).expect("a bundle");
        let sizes: Vec<usize> = system.authorities().map(rustls::RootCertStore::len).collect();
        assert_eq!(sizes, [bundle.len(), all.len()], "the folders are read after the bundle");
    }

    #[test]
    fn those_that_are_given_are_all() {
        let issued = oauth_validator_mock_provider::MockProvider::start();
        let given = Trust::new(&Ca::File(issued.ca_file().to_owned())).expect("an authority");
        assert_eq!(given.authorities().map(rustls::RootCertStore::len).collect::<Vec<_>>(), [1]);
        assert!(!given.is_of_nobody());
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for path in [folder.path().to_owned(), folder.path().join("missing.pem"), "/dev/zero".into()] {
            let error = from_file(&path).expect_err("no file");
            assert_eq!(error.code, NetErrorCode::CaFile);
            assert!(error.message.starts_with("cannot read"), "{}", error.message);
        }
    }
}
