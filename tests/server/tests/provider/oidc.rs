//! The provider as a process: `tests/oidc-provider/provider.mjs`, with a certificate and keys of its own.
//!
//! It must never outlive its handle, and a start that fails must say what the provider said.

use oauth_validator_mock_provider::LocalhostCertificate;
use oauth_validator_server_tests::target_dir;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// For a start, which is some 300 ms, or an end, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running provider, at `https://localhost:PORT`; the port outlasts a restart.
pub struct OidcProvider {
    folder: TempDir,
    certificate: LocalhostCertificate,
    port: u16,
    lifetime: u32,
    child: Option<Child>,
}

/// A new private JWK for the provider: `RS256`, `PS256`, `ES256` or `EdDSA`.
pub fn make_key(alg: &str, kid: &str) -> Value {
    let output = node().args(["make-key", alg, kid]).output().expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a JWK")
}

impl OidcProvider {
    /// A provider that signs with the first of these private keys and publishes all of them.
    pub fn start(keys: &[&Value]) -> Self {
        Self::with_lifetime(keys, 600)
    }

    /// A provider with these keys, whose access tokens are good for so many seconds.
    pub fn with_lifetime(keys: &[&Value], lifetime: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("oidc-provider-").tempdir().expect("a temporary folder");
        let certificate = LocalhostCertificate::new();
        fs::write(folder.path().join("cert.pem"), &certificate.certificate_pem).expect("a certificate");
        fs::write(folder.path().join("key.pem"), &certificate.key_pem).expect("a key");
        let mut provider = Self { folder, certificate, port: 0, lifetime, child: None };
        provider.restart(keys);
        provider
    }

    /// Stops it if it is up, and starts it on the same port with these keys.
    pub fn restart(&mut self, keys: &[&Value]) {
        self.stop();
        fs::write(self.path("keys.json"), json!({ "keys": keys }).to_string()).expect("a file of keys");
        let log = File::options().create(true).append(true).open(self.path("log")).expect("a log");
        let mut child = node()
            .arg("serve")
            .args(["--port", &self.port.to_string(), "--lifetime", &self.lifetime.to_string()])
            .args(["--client-key".as_ref(), self.path("key.pem").as_os_str()])
            .args(["--cert".as_ref(), self.path("cert.pem").as_os_str()])
            .args(["--key".as_ref(), self.path("key.pem").as_os_str()])
            .args(["--keys".as_ref(), self.path("keys.json").as_os_str()])
            // The provider ends with this pipe, however the test ends.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("node runs");
        let stdout = child.stdout.take().expect("a pipe");
        self.child = Some(child);
        let Some(ready) = first_line(stdout) else {
            panic!("the provider did not start:\n{}", self.log());
        };
        self.port = u16::try_from(ready["port"].as_u64().expect("a port")).expect("a port");
        assert_eq!(ready["issuer"], self.issuer());
    }

    /// Takes it down by SIGTERM; its port refuses from then on. Nothing happens if it is down.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        kill_process(Pid::from_child(&child), Signal::TERM).expect("a process to end");
        let give_up = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = child.try_wait().expect("a child") {
                assert!(status.success(), "the provider ended with {status}:\n{}", self.log());
                return;
            }
            if Instant::now() > give_up {
                let _ = child.kill().and_then(|()| child.wait());
                panic!("the provider does not end:\n{}", self.log());
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// As discovery spells it.
    pub fn issuer(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// What signs the provider's certificate.
    pub fn ca_pem(&self) -> &str {
        &self.certificate.ca_pem
    }

    /// The private key of the client `signer`, PKCS #8 in PEM; it is that of the certificate.
    pub fn client_key(&self) -> PathBuf {
        self.path("key.pem")
    }

    /// The file with what signs the provider's certificate.
    pub fn ca_file(&self) -> PathBuf {
        let path = self.path("ca.pem");
        fs::write(&path, self.ca_pem()).expect("a certificate");
        path
    }

    /// How often this was asked for, for example `GET /jwks`, restarts included.
    pub fn requests(&self, line: &str) -> usize {
        self.log().lines().filter(|logged| *logged == line).count()
    }

    /// What it said besides.
    fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // No assertion: the test may be unwinding.
            let _ = child.kill().and_then(|()| child.wait());
        }
    }
}

fn node() -> Command {
    let program: &Path = &target_dir().join("tools/oidc-provider/provider.mjs");
    assert!(program.is_file(), "there is no {}: `make test-provider` installs it", program.display());
    let mut command = Command::new("node");
    command.arg(program).env_remove("NODE_OPTIONS");
    command
}

/// The line of JSON that says the provider is ready; none if it ended, or took too long.
fn first_line(stdout: ChildStdout) -> Option<Value> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        // Nobody listens any more if it took too long.
        let _ = sender.send(read.map(|_| line));
    });
    let line = receiver.recv_timeout(PATIENCE).ok()?.ok()?;
    serde_json::from_str(&line).ok()
}
