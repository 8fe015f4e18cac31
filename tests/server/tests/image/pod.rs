//! A pod of CloudNativePG with one server: what is mounted where, whom it runs as, and what it may not do.
//!
//! The server's mounts are in a namespace of its own; the tests see the same folders from outside. It must never outlive
//! its handle.

use crate::projected::{FS_GROUP, Projected};
use oauth_validator_server_tests::{ClientSession, Login, LoginOutcome, eventually};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The user of the server in CloudNativePG's images.
const POSTGRES: u32 = 26;

const PATIENCE: Duration = Duration::from_secs(60);

/// Where an extension of this name is mounted.
pub const EXTENSION: &str = "/extensions/oauth_validator";

/// Where `projectedVolumeTemplate` is mounted.
pub const PROJECTED: &str = "/projected";

const DATA: &str = "/var/lib/postgresql/data";
const RUN: &str = "/controller/run";

/// Mounts what a pod has, makes all else read-only, and becomes the server: no capability, and no way to get one.
const ENTER: &str = r#"
set -e
mount --bind "$IMAGE" /extensions/oauth_validator
mount -o remount,bind,ro,nosuid,nodev /extensions/oauth_validator
mount --bind "$POD/projected" /projected
mount -o remount,bind,ro,nosuid,nodev,noexec /projected
mount --bind "$POD/data" /var/lib/postgresql/data
mount --bind "$POD/run" /controller/run
mount -t tmpfs -o nosuid,nodev,noexec,mode=1777 shm /dev/shm
mount -o remount,bind,ro /
! touch /root-is-writable 2> /dev/null || { echo 'the root file system can be written' >&2; exit 1; }
exec setpriv --reuid=26 --regid=26 --clear-groups --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs \
  "$POSTGRES" -D /var/lib/postgresql/data
"#;

/// The files of the image for this release, as they were unpacked.
pub fn image(major: u32) -> PathBuf {
    PathBuf::from(format!("/build/images/{major}"))
}

pub struct Pod {
    major: u32,
    folder: TempDir,
    server: Child,
    pub volume: Projected,
}

impl Pod {
    /// A server with these lines in its pg_hba.conf, and a volume without files.
    pub fn start(major: u32, hba: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("pod-").tempdir_in("/").expect("a folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("a mode");
        let volume = Projected::new(folder.path().join("projected"));
        for (name, mode) in [("data", 0o700), ("run", 0o755)] {
            let path = folder.path().join(name);
            fs::create_dir(&path).expect("a folder");
            chown(&path, Some(POSTGRES), Some(FS_GROUP)).expect("the server's folder");
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        }
        for path in [EXTENSION, PROJECTED, DATA, RUN] {
            fs::create_dir_all(path).expect("a mount point");
        }
        init(major, &folder.path().join("data"), hba);
        let server = enter(major, folder.path());
        let pod = Self { major, folder, server, volume };
        eventually("a server", PATIENCE, || matches!(pod.try_superuser(), LoginOutcome::Accepted(_)).then_some(()));
        pod
    }

    fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// What the validator has written in the data directory.
    pub fn key_file(&self, profile: &str) -> PathBuf {
        self.folder.path().join(format!("data/oauth_validator/{profile}.json"))
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).expect("the log")
    }

    fn try_superuser(&self) -> LoginOutcome {
        Login::new("postgres", "postgres").attempt(&self.run()).outcome
    }

    #[track_caller]
    pub fn superuser(&self) -> ClientSession {
        match self.try_superuser() {
            LoginOutcome::Accepted(session) => session,
            other => panic!("{other:?}\n{}", self.log()),
        }
    }

    /// A login that must be let in.
    #[track_caller]
    pub fn lets_in(&self, role: &str, token: &str) -> ClientSession {
        match Login::new(role, "postgres").token(token).attempt(&self.run()).outcome {
            LoginOutcome::Accepted(session) => session,
            other => panic!("{role} was not let in to {}: {other:?}\n{}", self.major, self.log()),
        }
    }

    /// A login that must be refused for this reason, once.
    #[track_caller]
    pub fn refuses(&self, role: &str, token: &str, code: &str) {
        let before = self.denials(code);
        let attempt = Login::new(role, "postgres").token(token).attempt(&self.run());
        assert_eq!(attempt.refused().sqlstate, "28000", "{}", self.log());
        eventually("a denial in the log", PATIENCE, || (self.denials(code) == before + 1).then_some(()));
    }

    fn denials(&self, code: &str) -> usize {
        self.log().matches(&format!("oauth_validator: denied: {code}")).count()
    }

    /// A process of the server as /proc shows it.
    pub fn status(&self, name: &str) -> String {
        let text = fs::read_to_string(format!("/proc/{}/status", self.server.id())).expect("a process");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.expect("a line of that name").trim().to_owned()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        // Immediate shutdown; no assertion, since the test may be unwinding.
        let _ = Command::new("kill").args(["-QUIT", &self.server.id().to_string()]).output();
        let _ = self.server.wait();
    }
}

/// The data directory as the operator makes it, before the server is there.
fn init(major: u32, data: &Path, hba: &str) {
    let output = setpriv()
        .arg(format!("/usr/lib/postgresql/{major}/bin/initdb"))
        .args(["--no-sync", "--auth=reject", "--username=postgres", "--pgdata"])
        .arg(data)
        .output()
        .expect("initdb runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = format!(
        "listen_addresses = ''\nunix_socket_directories = '{RUN}'\nfsync = off\nlog_connections = 'authentication'\n\
         dynamic_library_path = '$libdir:{EXTENSION}/lib'\nextension_control_path = '$system:{EXTENSION}/share'\n\
         oauth_validator_libraries = 'oauth_validator'\n\
         oauth_validator.config_file = '{PROJECTED}/oauth-validator.toml'\n"
    );
    for (name, text) in [("postgresql.auto.conf", lines), ("pg_hba.conf", format!("local all postgres trust\n{hba}"))] {
        fs::write(data.join(name), text).expect("a file of the server");
    }
}

fn setpriv() -> Command {
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={POSTGRES}"), format!("--regid={FS_GROUP}"), "--clear-groups".into()]);
    command.current_dir("/").env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin");
    command
}

fn enter(major: u32, folder: &Path) -> Child {
    let log = File::create(folder.join("log")).expect("a log");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", ENTER]);
    command.current_dir("/").env_clear().env("LC_ALL", "C").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("IMAGE", image(major)).env("POD", folder);
    command.env("POSTGRES", format!("/usr/lib/postgresql/{major}/bin/postgres"));
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a handle")).stderr(log);
    command.spawn().expect("unshare runs")
}

/// Where the pod has its data, as the server calls it.
pub fn data_directory() -> &'static str {
    DATA
}
