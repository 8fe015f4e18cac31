//! The postmaster as a child process: start, readiness, and an end that leaves nothing behind.
//!
//! Signals go to process ids that this file started, or that work inside the cluster's own folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::account::Account;
use crate::error::{Context, HarnessError, Result};
use crate::process::ProcessId;
use crate::template::Template;

/// A start or a clean stop on a machine that builds something else meanwhile.
const PATIENCE: Duration = Duration::from_secs(60);

/// An immediate shutdown waits 5 seconds for its children before it kills them.
const LAST_CALL: Duration = Duration::from_secs(8);

const POLL: Duration = Duration::from_millis(5);

/// What is special about a postmaster.
#[derive(Clone, Debug, Default)]
pub(crate) struct Launch {
    /// Variables of its environment, besides the few that each server has.
    pub environment: Vec<(String, String)>,
    /// RLIMIT_AS of it and all its processes, in bytes.
    pub ulimit_as: Option<u64>,
    /// It is process 1 of a PID namespace of its own, as in most containers.
    pub as_process_1: bool,
    /// RLIMIT_SIGPENDING of it and all its processes is 0.
    pub no_timers: bool,
    /// It has a /dev/shm of its own, of that many bytes.
    pub dev_shm: Option<u64>,
    /// What it alone sees, and in whose place.
    pub mounts: Vec<(PathBuf, PathBuf)>,
}

/// A running postmaster.
pub(crate) struct Postmaster {
    /// The postmaster, or unshare(1), which waits for it.
    child: Child,
    /// As it is called here, also where it calls itself process 1.
    postmaster: Pid,
    root: PathBuf,
}

impl Postmaster {
    /// Starts a postmaster on `root/data` and waits until it takes connections.
    pub fn start(template: &Template, root: &Path, launch: &Launch) -> Result<Self> {
        let log = File::options()
            .append(true)
            .create(true)
            .open(root.join("log"))
            .context(|| "cannot open the server's log".into())?;
        let errors = log.try_clone().context(|| "cannot share the log".into())?;
        let child = command(template, root, launch)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .context(|| "cannot start postgres".into())?;
        let postmaster = Pid::from_child(&child);
        let mut server = Self { child, postmaster, root: root.to_path_buf() };
        if launch.as_process_1 {
            server.wait_for_process_1()?;
            server.wait_until_ready(1)?;
        } else {
            server.wait_until_ready(server.pid())?;
        }
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.postmaster.as_raw_pid().unsigned_abs()
    }

    /// Asks the postmaster to read its files again.
    pub fn hang_up(&self) -> Result<()> {
        self.signal(Signal::HUP)
    }

    /// Fast shutdown: sessions are ended, and everything is written.
    pub fn stop(&mut self) -> Result<()> {
        self.signal(Signal::INT)?;
        if self.ended_within(PATIENCE) {
            return Ok(());
        }
        Err(HarnessError::new(format!("the server did not stop within {PATIENCE:?}")))
    }

    /// Until unshare(1) has the child that becomes the postmaster.
    fn wait_for_process_1(&mut self) -> Result<()> {
        let unshare = self.child.id().cast_signed();
        self.wait_for("postgres was not started", |server| {
            let child = ProcessId::all().into_iter().find(|process| process.parent == unshare);
            server.postmaster = child.and_then(|child| Pid::from_raw(child.pid)).unwrap_or(server.postmaster);
            server.postmaster.as_raw_pid() != unshare
        })
    }

    /// `pid` is what the postmaster calls itself.
    fn wait_until_ready(&mut self, pid: u32) -> Result<()> {
        self.wait_for("postgres was not ready", |server| is_ready(&server.root, pid))
    }

    fn wait_for(&mut self, failure: &str, mut done: impl FnMut(&mut Self) -> bool) -> Result<()> {
        let give_up = Instant::now() + PATIENCE;
        while !done(self) {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(HarnessError::new(format!("postgres ended: {status}")));
            }
            if Instant::now() > give_up {
                return Err(HarnessError::new(format!("{failure} within {PATIENCE:?}")));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.postmaster, signal).context(|| "cannot signal the postmaster".into())
    }

    fn ended_within(&mut self, patience: Duration) -> bool {
        let give_up = Instant::now() + patience;
        loop {
            // An error means that it was waited for before.
            match self.child.try_wait() {
                Ok(None) if Instant::now() < give_up => thread::sleep(POLL),
                Ok(None) => return false,
                Ok(Some(_)) | Err(_) => return true,
            }
        }
    }
}

impl Drop for Postmaster {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        // Immediate shutdown; nothing of the data is wanted any more.
        let asked = self.signal(Signal::QUIT).is_ok();
        if asked && self.ended_within(LAST_CALL) {
            return;
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        for pid in processes_in(&self.root) {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

fn command(template: &Template, root: &Path, launch: &Launch) -> Command {
    let postgres = template.postgres.bin_dir().join("postgres");
    let account = template.account;
    let mut command = match launch {
        Launch { as_process_1: true, .. } => in_namespace(template, root, &["--pid", "--fork", "--mount-proc"]),
        Launch { dev_shm: Some(bytes), .. } => {
            let script = r#"mount -t tmpfs -o "size=$1,mode=1777" shm /dev/shm && shift && exec "$@""#;
            in_namespace(template, root, &["--mount", "sh", "-c", script, "sh", &bytes.to_string()])
        }
        Launch { mounts, .. } if !mounts.is_empty() => {
            let script =
                r#"while [ "$1" != -- ]; do mount --bind "$1" "$2" && shift 2 || exit 1; done; shift; exec "$@""#;
            let paths = mounts.iter().flat_map(|(seen, place)| [seen.to_string_lossy(), place.to_string_lossy()]);
            let paths: Vec<_> = paths.collect();
            let mut arguments = vec!["--mount", "sh", "-c", script, "sh"];
            arguments.extend(paths.iter().map(AsRef::as_ref));
            arguments.push("--");
            in_namespace(template, root, &arguments)
        }
        Launch { no_timers: true, .. } => {
            let mut prlimit = account.command(Path::new("prlimit"), root);
            prlimit.arg("--sigpending=0:0").arg(&postgres);
            prlimit
        }
        Launch { ulimit_as: None, .. } => account.command(&postgres, root),
        Launch { ulimit_as: Some(bytes), .. } => {
            let mut shell = account.command(Path::new("/bin/sh"), root);
            // The shell counts in units of 1024 bytes.
            let script = format!(r#"ulimit -v {} && exec "$0" "$@""#, bytes / 1024);
            shell.arg("-c").arg(script).arg(&postgres);
            shell
        }
    };
    command.arg("-D").arg(root.join("data"));
    command.envs(launch.environment.iter().map(|(name, value)| (name, value)));
    command
}

/// `unshare ARGUMENTS setpriv ... postgres`: only root may make the namespace, and mount in it, and only somebody else may
/// run the server.
fn in_namespace(template: &Template, root: &Path, arguments: &[&str]) -> Command {
    let account = template.account;
    let mut unshare = Account::own_command(Path::new("unshare"), root);
    unshare.args(arguments).args(["setpriv", "--clear-groups"]);
    unshare.arg(format!("--reuid={}", account.uid)).arg(format!("--regid={}", account.gid));
    unshare.arg(template.postgres.bin_dir().join("postgres"));
    unshare
}

/// As pg_ctl does: the eighth line of postmaster.pid, in a file that is this postmaster's own.
fn is_ready(root: &Path, pid: u32) -> bool {
    let Ok(text) = fs::read_to_string(root.join("data/postmaster.pid")) else {
        return false;
    };
    let mut lines = text.lines();
    lines.next() == Some(pid.to_string().as_str()) && lines.nth(6).is_some_and(|status| status.trim() == "ready")
}

/// Every process whose working directory lies inside `root`: the postmaster and all its children.
pub(crate) fn processes_in(root: &Path) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let folder = fs::read_link(entry.path().join("cwd")).ok()?;
            folder.starts_with(root).then_some(pid)
        })
        .collect()
}
