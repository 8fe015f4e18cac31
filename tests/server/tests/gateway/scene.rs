//! A server behind TLS, and the gateway in front of it.

use crate::strangers::Front;
use oauth_validator_fixtures::{TokenBuilder, jwks, keys};
use oauth_validator_server_tests::{Cluster, ClusterOptions, module_path, now, tool_path};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const ISSUER: &str = "https://issuer.example";
const CONFIG: &str = r#"
[profiles.corp]
issuer = "https://issuer.example"
audience = ["api://db"]
max_token_size = "65535B"
[profiles.corp.keys]
jwks_file = "corp.jwks"
"#;

/// A token that the server accepts for `alice`.
pub fn token() -> String {
    token_with(0)
}

/// A token of alice's with so many bytes more, in a claim that nobody looks at.
pub fn token_with(more: usize) -> String {
    let ballast = "x".repeat(more);
    let claims = json!({"iss": ISSUER, "sub": "alice", "aud": "api://db", "scope": "db.connect", "ballast": ballast});
    TokenBuilder::new(json!({"typ": "at+jwt"}), claims).claim("iat", now()).claim("exp", now() + 300).sign(keys::corp())
}

/// A server that lets `alice` in by a token, with TLS in front of it.
pub struct Scene {
    pub cluster: Cluster,
    pub front: Front,
    pub folder: TempDir,
    pub token: String,
}

impl Scene {
    pub fn start() -> Self {
        Self::with_conf("")
    }

    /// A server with these lines of postgresql.conf, and a gateway in front of it.
    pub fn with_conf(conf: &str) -> Self {
        let cluster = Cluster::start(ClusterOptions {
            module: Some(module_path()),
            config: Some(CONFIG.into()),
            conf: conf.into(),
            hba: format!(
                "local all trusted trust\nlocal all scram scram-sha-256\nlocal all all oauth issuer=\"{ISSUER}\" scope=\"db.connect\""
            ),
            ..ClusterOptions::default()
        });
        cluster.write_file("corp.jwks", jwks(&[keys::corp()]).to_string());
        for role in ["alice LOGIN", "trusted LOGIN", "scram LOGIN PASSWORD 'x'"] {
            cluster.sql(&format!("CREATE ROLE {role}")).expect("a role");
        }
        let front = Front::start(cluster.socket_dir(), true);
        let folder = tempfile::tempdir().expect("a folder");
        set_mode(folder.path(), 0o755);
        let token = token();
        fs::write(folder.path().join("token"), &token).expect("a token");
        set_mode(&folder.path().join("token"), 0o600);
        Self { cluster, front, folder, token }
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("a file");
        set_mode(&path, 0o600);
        path
    }

    /// Where the gateway has its socket.
    pub fn sockets(&self) -> PathBuf {
        self.folder.path().join("sockets")
    }

    /// The gateway's command line for this server, with these options besides.
    pub fn command(&self, port: u16, args: &[&str]) -> Command {
        let mut command = Command::new(tool_path());
        command.env_clear().args(["gateway", "--upstream", &format!("localhost:{port}"), "--sslrootcert"]);
        command.arg(&self.front.ca).args(args).stdin(Stdio::null());
        command
    }

    /// A gateway on a Unix socket, with the token of the file.
    pub fn by_file(&self, args: &[&str]) -> Gateway {
        let (sockets, token) = (self.sockets(), self.folder.path().join("token"));
        let own = ["--socket-dir", sockets.to_str().expect("UTF-8"), "--token-file", token.to_str().expect("UTF-8")];
        Gateway::start(self, self.front.port, &[&own, args].concat())
    }

    /// A gateway on a loopback port, where the password is the token.
    pub fn by_password(&self, args: &[&str]) -> Gateway {
        Gateway::start(self, self.front.port, &[&["--listen", "127.0.0.1:0"], args].concat())
    }

    /// psql through the gateway.
    pub fn psql(&self, conninfo: &str, password: &str, sql: &str) -> ProgramOutput {
        let mut command = Command::new(self.cluster.psql_path());
        command.env_clear().env("PGPASSWORD", password).env("LC_ALL", "C").args(["-XAtw", "-c", sql]);
        ProgramOutput::of(&command.arg(format!("dbname=postgres {conninfo}")).output().expect("psql runs"))
    }
}

/// How a program ended, and what it printed.
#[derive(Debug)]
pub struct ProgramOutput {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl ProgramOutput {
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// A running gateway.
pub struct Gateway {
    child: Child,
    log: PathBuf,
    /// What follows "listening at".
    pub place: String,
    token: String,
}

impl Gateway {
    pub fn start(scene: &Scene, port: u16, args: &[&str]) -> Self {
        Self::of(scene, scene.command(port, args))
    }

    /// By a command line of the test's own.
    pub fn of(scene: &Scene, mut command: Command) -> Self {
        let log = scene.folder.path().join("gateway.log");
        let stderr = File::create(&log).expect("a log");
        let child = command.stderr(stderr).stdout(Stdio::null()).stdin(Stdio::null()).spawn().expect("the tool runs");
        let mut gateway = Self { child, log, place: String::new(), token: scene.token.clone() };
        gateway.place = gateway.wait_for("listening at ");
        gateway
    }

    pub fn port(&self) -> u16 {
        self.place.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port")
    }

    /// Waits for a line with this, and returns what is behind it.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let give_up = Instant::now() + Duration::from_secs(10);
        loop {
            let said = fs::read_to_string(&self.log).unwrap_or_default();
            if let Some(line) = said.lines().find_map(|line| line.split_once(text)) {
                return line.1.to_owned();
            }
            assert!(Instant::now() < give_up, "no {text:?} in {said}");
            assert!(self.child.try_wait().expect("a child").is_none(), "it ended: {said}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("a signal");
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_some()
    }

    pub fn end(&mut self) -> ExitStatus {
        self.child.wait().expect("its end")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let shown =
            ["cmdline", "environ"].map(|name| fs::read(format!("/proc/{}/{name}", self.pid())).unwrap_or_default());
        let _ = self.child.kill().and_then(|()| self.child.wait());
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let public = format!("{said}{}", shown.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat());
        let parts = self.token.split('.').filter(|part| part.len() > 11).any(|part| public.contains(part));
        // Not while the test is failing anyway.
        assert!(thread::panicking() || !parts, "a piece of the token: {public}");
    }
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}
