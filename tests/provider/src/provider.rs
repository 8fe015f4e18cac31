//! The handle that a test holds: starts a provider, changes what it publishes, and asks what it was asked.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustls::ALL_VERSIONS;
use rustls::version::TLS12;
use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::{Authority, ClientCredentials, LocalhostCertificate, ShownCertificate};
use crate::directory::Directory;
use crate::fault::Fault;
use crate::http::HttpRequest;
use crate::lock;
use crate::reply::Reply;
use crate::server::{MockServer, bind};
use crate::site::{ALL, JWKS, Site};

/// A provider on a port of its own, which serves until it is stopped or dropped.
///
/// Its documents are at `ISSUER/.well-known/openid-configuration` (OpenID Connect Discovery 1.0, section 4), at the
/// `/.well-known/oauth-authorization-server` form of RFC 8414, section 3.1, and at `/jwks`. A POST to `/introspect`
/// (RFC 7662) is answered as a test says, and else that the token is not active. GETs of a path such as `/userinfo` are
/// answered by the token that they show, once a test says so. Other paths are 404.
/// Everything may be changed while it serves, and holds for the connections and requests that come afterwards.
pub struct MockProvider {
    base_url: String,
    issuer_path: String,
    port: u16,
    site: Arc<Mutex<Site>>,
    tls: Option<Arc<Authority>>,
    server: Mutex<Option<MockServer>>,
    ca_file: PathBuf,
    _folder: TempDir,
}

impl MockProvider {
    /// A provider whose issuer is `https://localhost:PORT`, with a CA of its own and no keys.
    pub fn start() -> Self {
        Self::with_issuer_path("")
    }

    /// A provider whose issuer is `https://localhost:PORT` and this path, such as `/realms/corp`, or `/` for an
    /// issuer with a slash at its end.
    #[track_caller]
    pub fn with_issuer_path(path: &str) -> Self {
        assert!(path.is_empty() || path.starts_with('/'), "an issuer path begins with a slash, not {path:?}");
        Self::launch(path, Some(Authority::new()))
    }

    /// A provider whose issuer is `http://127.0.0.1:PORT`, without TLS. Its CA file exists, and is empty.
    pub fn start_without_tls() -> Self {
        Self::launch("", None)
    }

    /// A provider whose issuer is `https://localhost:PORT`, and which shows this certificate with this key, whether they
    /// belong together or not. [`ca_file`](Self::ca_file) is what comes with the certificate. It has no other one to show,
    /// so the faults that are about certificates are not for it.
    pub fn showing(certificate: &LocalhostCertificate) -> Self {
        Self::launch("", Some(Authority::showing(certificate, ALL_VERSIONS)))
    }

    /// A provider whose issuer is `https://localhost:PORT`, and which talks to nobody without a certificate of `clients`.
    pub fn demanding(clients: &ClientCredentials) -> Self {
        Self::launch("", Some(Authority::demanding(clients)))
    }

    /// A provider that shows this certificate, and speaks TLS 1.2 alone.
    pub fn showing_by_tls12(certificate: &LocalhostCertificate) -> Self {
        Self::launch("", Some(Authority::showing(certificate, &[&TLS12])))
    }

    fn launch(issuer_path: &str, tls: Option<Authority>) -> Self {
        let listener = bind(0);
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let base_url = match tls {
            Some(_) => format!("https://localhost:{port}"),
            None => format!("http://127.0.0.1:{port}"),
        };
        let (folder, ca_file) = publish(tls.as_ref().map_or("", |authority| &authority.ca_pem));
        let site = Arc::new(Mutex::new(Site::new(&base_url, issuer_path)));
        let tls = tls.map(Arc::new);
        let server = Mutex::new(Some(MockServer::run(listener, Arc::clone(&site), tls.clone())));
        Self { base_url, issuer_path: issuer_path.to_owned(), port, site, tls, server, ca_file, _folder: folder }
    }

    /// `https://localhost:PORT`: the issuer, unless a path was given. The certificate is also good for 127.0.0.1.
    pub fn base_url(&self) -> String {
        self.base_url.clone()
    }

    /// The issuer, as the default metadata spells it.
    pub fn issuer(&self) -> String {
        format!("{}{}", self.base_url, self.issuer_path)
    }

    /// The port on 127.0.0.1, the same after a restart.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The CA's certificate as PEM, readable for every user (0644, in a folder of 0755), removed on drop.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// Publishes this key set at `/jwks`.
    pub fn set_keys(&self, jwks: Value) {
        lock(&self.site).set_document(JWKS, jwks);
    }

    /// The metadata that is published now, to change and set again.
    pub fn metadata(&self) -> Value {
        lock(&self.site).metadata()
    }

    /// Publishes this metadata at both discovery paths.
    pub fn set_metadata(&self, metadata: Value) {
        lock(&self.site).set_metadata(&metadata);
    }

    /// Publishes a JSON document at another path, such as keys at a second address.
    #[track_caller]
    pub fn set_document(&self, path: &str, document: Value) {
        check_path(path);
        lock(&self.site).set_document(path, document);
    }

    /// Answers the POSTs of a path, such as `/introspect`, unless [`set_reply_about`](Self::set_reply_about) knows better.
    /// Where only that was used, a request about another token gets `{"active": false}`.
    #[track_caller]
    pub fn set_reply(&self, path: &str, reply: Reply) {
        check_path(path);
        lock(&self.site).set_reply(path, None, reply);
    }

    /// Answers those POSTs of a path in whose form any field is this token.
    #[track_caller]
    pub fn set_reply_about(&self, path: &str, token: &str, reply: Reply) {
        check_path(path);
        lock(&self.site).set_reply(path, Some(token), reply);
    }

    /// Answers the GETs of a path, such as `/userinfo`, unless [`set_reply_to_bearer`](Self::set_reply_to_bearer) knows better.
    #[track_caller]
    pub fn set_reply_to_get(&self, path: &str, reply: Reply) {
        check_path(path);
        lock(&self.site).set_reply_to_get(path, None, reply);
    }

    /// Answers those GETs of a path that show this token as `Bearer`; others get 401.
    #[track_caller]
    pub fn set_reply_to_bearer(&self, path: &str, token: &str, reply: Reply) {
        check_path(path);
        lock(&self.site).set_reply_to_get(path, Some(token), reply);
    }

    /// Is Microsoft Graph for this directory from now on, and the token endpoint of its tenant, with
    /// [`base_url`](Self::base_url) as the root of both.
    pub fn set_directory(&self, directory: Directory) {
        lock(&self.site).directory = Some(directory);
    }

    /// From now on POSTs of a path are answered with 401 and `invalid_client`, unless their header `Authorization` is
    /// exactly this; `None` lifts it.
    #[track_caller]
    pub fn demand_authorization(&self, path: &str, value: Option<&str>) {
        check_path(path);
        lock(&self.site).demand_authorization(path, value);
    }

    /// Sets a header on every response of a path. With `ETag`, a matching `If-None-Match` is answered with 304.
    #[track_caller]
    pub fn set_header(&self, path: &str, name: &str, value: &str) {
        check_path(path);
        lock(&self.site).set_header(path, name, value);
    }

    /// Makes something go wrong at a path, or at every path with [`ALL`]. A path's own fault counts first.
    ///
    /// # Panics
    /// If the fault acts before the path is known, and is not set for [`ALL`]; if it is one of the certificate, and
    /// there is no TLS.
    #[track_caller]
    pub fn set_fault(&self, path: &str, fault: Fault) {
        fault.check();
        let shows_certificate = self.tls.is_some() || fault.certificate() == ShownCertificate::Good;
        assert!(shows_certificate, "{fault:?} needs a provider with TLS");
        if path != ALL {
            check_path(path);
            assert!(!fault.precedes_request(), "{fault:?} comes before the path is known: set it for ALL");
        }
        lock(&self.site).faults.insert(path.to_owned(), fault);
    }

    /// Ends every fault.
    pub fn clear_faults(&self) {
        lock(&self.site).faults.clear();
    }

    /// All requests so far, in the order in which they came, also those that a fault spoiled.
    pub fn requests(&self) -> Vec<HttpRequest> {
        lock(&self.site).requests.clone()
    }

    /// How many requests there were for a path, whatever their query.
    #[track_caller]
    pub fn request_count(&self, path: &str) -> usize {
        check_path(path);
        lock(&self.site).requests.iter().filter(|request| request.path == path).count()
    }

    /// How many connections were accepted, also those without a handshake or a request.
    pub fn connection_count(&self) -> usize {
        lock(&self.site).connections
    }

    /// Takes the provider down: its port refuses, and its connections end. Nothing happens if it is down.
    pub fn stop(&self) {
        if let Some(server) = lock(&self.server).take() {
            server.stop();
        }
    }

    /// Brings it up on the same port, with what it published, its faults and its requests; down first if it is up.
    pub fn restart(&self) {
        self.stop();
        let server = MockServer::run(bind(self.port), Arc::clone(&self.site), self.tls.clone());
        *lock(&self.server) = Some(server);
    }
}

impl Drop for MockProvider {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Writes the CA file into a folder that other users may enter, because the server of a test runs as another user.
fn publish(pem: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::Builder::new().prefix("mock-provider-").tempdir().expect("a temporary folder");
    let file = folder.path().join("ca.pem");
    fs::write(&file, pem).expect("the CA file can be written");
    for (path, mode) in [(folder.path(), 0o755), (&file, 0o644)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode can be set");
    }
    (folder, file)
}

#[track_caller]
fn check_path(path: &str) {
    assert!(path.starts_with('/'), "a path begins with a slash, not {path:?}");
}
