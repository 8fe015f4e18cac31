//! A cluster as Debian's `pg_createcluster` makes it, with TLS on, and what it says about itself.
//!
//! It must never outlive its handle. Its library and configuration are those of the packages, at the packages' places.

use crate::packages::{run, said};
use oauth_validator_mock_provider::LocalhostCertificate;
use oauth_validator_server_tests::{ClientSession, Login, LoginOutcome, eventually};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Unlike any that a package or a person makes.
const NAME: &str = "validated";

/// Starts, stops and reloads on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(30);

const POLL: Duration = Duration::from_millis(10);

/// How a cluster is set up besides what Debian does.
pub struct ClusterSetup<'a> {
    /// Whether it listens at `localhost`; only one cluster at a time can.
    pub tcp: bool,
    /// Lines of pg_hba.conf for [`DebianCluster::enable`], after that for `postgres`, who may always log in on the Unix
    /// socket. A server takes no line with `oauth` before it has a validator.
    pub hba: &'a str,
    /// Further lines of postgresql.conf.
    pub conf: &'a str,
}

/// A running cluster.
pub struct DebianCluster {
    major: u32,
    hba: String,
    sockets: TempDir,
}

impl DebianCluster {
    /// A cluster of this major release, on port 5432 of a folder of sockets that is its own.
    pub fn start(major: u32, setup: &ClusterSetup<'_>) -> Self {
        let sockets = tempfile::Builder::new().prefix("ovd-").tempdir().expect("a folder of sockets");
        run("chown", &["postgres:", &sockets.path().to_string_lossy()]);
        let folder = sockets.path().to_str().expect("UTF-8");
        run("pg_createcluster", &[&major.to_string(), NAME, "--port", "5432", "--socketdir", folder]);
        let cluster = Self { major, hba: setup.hba.to_owned(), sockets };
        let listen = if setup.tcp { "localhost" } else { "" };
        cluster.append(
            "postgresql.conf",
            &format!(
                "listen_addresses = '{listen}'\nfsync = off\nlog_connections = 'authentication'\n{}\n",
                setup.conf
            ),
        );
        cluster.set_hba("");
        cluster.control("start");
        cluster
    }

    /// Its files in /etc/postgresql.
    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/etc/postgresql/{}/{NAME}/{name}", self.major))
    }

    /// A program of its release.
    pub fn program(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/usr/lib/postgresql/{}/bin/{name}", self.major))
    }

    /// Replaces the lines of pg_hba.conf after the first.
    fn set_hba(&self, lines: &str) {
        fs::write(self.file("pg_hba.conf"), format!("local all postgres trust\n{lines}\n")).expect("pg_hba.conf");
    }

    /// Replaces pg_ident.conf.
    pub fn set_ident(&self, lines: &str) {
        fs::write(self.file("pg_ident.conf"), format!("{lines}\n")).expect("pg_ident.conf");
    }

    /// Has it show this certificate from the next reload on.
    pub fn certify(&self, certificate: &LocalhostCertificate) {
        for (name, pem) in [("server.crt", &certificate.certificate_pem), ("server.key", &certificate.key_pem)] {
            let path = self.file(name);
            fs::write(&path, pem).expect("a PEM file");
            run("chown", &["postgres:", &path.to_string_lossy()]);
            run("chmod", &["600", &path.to_string_lossy()]);
        }
        let files = ["crt", "key"].map(|end| self.file(&format!("server.{end}")).display().to_string());
        let [certificate, key] = files;
        self.append("postgresql.conf", &format!("ssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\n"));
    }

    /// Has it load the packages' library at the next login that a line of pg_hba.conf wants a token for.
    pub fn enable(&self) {
        self.set_hba(&self.hba);
        self.append("postgresql.conf", "oauth_validator_libraries = 'oauth_validator'\n");
        self.reload();
    }

    /// Has it read its files again, and waits until new sessions see them.
    pub fn reload(&self) {
        let before = self.value("select pg_conf_load_time()");
        self.control("reload");
        eventually("a reload", PATIENCE, || (self.value("select pg_conf_load_time()") != before).then_some(()));
    }

    /// Logs in on the Unix socket and waits for the outcome.
    pub fn login(&self, role: &str, token: &str) -> LoginOutcome {
        Login::new(role, "postgres").token(token).attempt(self.sockets.path()).outcome
    }

    /// Logs in on the Unix socket, which must succeed; fails with what the log says if it does not.
    #[track_caller]
    pub fn lets_in(&self, role: &str, token: &str) -> ClientSession {
        match self.login(role, token) {
            LoginOutcome::Accepted(session) => session,
            other => panic!("{role} was not let in to {}: {other:?}\n{}", self.major, self.log()),
        }
    }

    /// A session of the superuser, whom no validator judges.
    #[track_caller]
    pub fn superuser(&self) -> ClientSession {
        Login::new("postgres", "postgres").attempt(self.sockets.path()).accepted()
    }

    /// The first value of a query by the superuser.
    #[track_caller]
    pub fn value(&self, sql: &str) -> String {
        let rows = self.superuser().query(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.into_iter().flatten().next().flatten().unwrap_or_default()
    }

    /// Changes with a restart, and with a crash of any of its processes.
    pub fn life(&self) -> String {
        self.value(
            "select pg_postmaster_start_time() || ' ' || pid from pg_stat_activity where backend_type = 'checkpointer'",
        )
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(format!("/var/log/postgresql/postgresql-{}-{NAME}.log", self.major)).unwrap_or_default()
    }

    /// Waits until it has logged this.
    #[track_caller]
    pub fn has_logged(&self, text: &str) {
        let give_up = Instant::now() + PATIENCE;
        while !self.log().contains(text) {
            assert!(Instant::now() < give_up, "{text:?} was not logged; the log says:\n{}", self.log());
            thread::sleep(POLL);
        }
    }

    fn append(&self, name: &str, lines: &str) {
        let path = self.file(name);
        let text = fs::read_to_string(&path).expect("a file of the cluster");
        fs::write(&path, format!("{text}\n{lines}")).expect("a file of the cluster");
    }

    fn control(&self, action: &str) {
        let output = Command::new("pg_ctlcluster").args([&self.major.to_string(), NAME, action]).output();
        let output = output.expect("pg_ctlcluster runs");
        assert!(output.status.success(), "{action}: {}{}", said(&output), self.log());
    }
}

impl Drop for DebianCluster {
    fn drop(&mut self) {
        // No assertion: the test may be unwinding.
        let _ = Command::new("pg_dropcluster").args(["--stop", &self.major.to_string(), NAME]).output();
        let _ = fs::remove_file(format!("/var/log/postgresql/postgresql-{}-{NAME}.log", self.major));
    }
}
