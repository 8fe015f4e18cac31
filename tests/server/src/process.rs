//! Processes of this machine, as procfs shows them: whose child each is, and whether it still runs.
//!
//! Only looks; it never sends a signal.

use std::fs;
use std::process::Command;

/// A process, told apart from a later one with the same number by when it was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessId {
    /// Its number here, whatever it is called in a PID namespace of its own.
    pub pid: i32,
    /// The number of its parent.
    pub parent: i32,
    /// The first 15 bytes of its program's name.
    pub name: String,
    state: String,
    started: String,
}

impl ProcessId {
    /// The process with this number, if there is one.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // proc_pid_stat(5); a name may hold anything, also parentheses.
        let (start, end) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = end.split_whitespace().collect();
        let name = start.split_once('(')?.1.to_owned();
        let field = |number: usize| fields.get(number).map(|&field| field.to_owned());
        Some(Self { pid, parent: field(1)?.parse().ok()?, name, state: field(0)?, started: field(19)? })
    }

    /// All processes, zombies included.
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| Self::of(entry.file_name().to_str()?.parse().ok()?)).collect()
    }

    /// Whether it is there, if only as a zombie.
    pub fn is_there(&self) -> bool {
        Self::of(self.pid).is_some_and(|now| now.started == self.started)
    }

    /// Whether it runs. A zombie does not: what becomes of an orphan is up to the machine's process 1.
    pub fn runs(&self) -> bool {
        Self::of(self.pid).is_some_and(|now| now.started == self.started && now.state != "Z")
    }

    /// Its number in the innermost PID namespace that it belongs to.
    pub fn inner_pid(&self) -> Option<i32> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
        numbers.split_whitespace().next_back()?.parse().ok()
    }
}

/// Whether [`ClusterOptions::as_process_1`](crate::ClusterOptions::as_process_1) works here.
///
/// # Errors
/// Why not, as a phrase.
pub fn may_unshare() -> Result<(), String> {
    in_namespace(&["--pid", "--fork", "--mount-proc", "setpriv", "true"])
}

/// Whether [`ClusterOptions::dev_shm`](crate::ClusterOptions::dev_shm) works here.
///
/// # Errors
/// Why not, as a phrase.
pub fn may_mount() -> Result<(), String> {
    in_namespace(&["--mount", "sh", "-c", "mount -t tmpfs -o size=65536 shm /dev/shm && setpriv true"])
}

fn in_namespace(arguments: &[&str]) -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("only root makes a namespace and runs a server as another user in it".into());
    }
    match Command::new("unshare").args(arguments).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("unshare(1) says: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(format!("unshare(1) cannot be run: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::ProcessId;
    use std::process::{Command, id};

    #[test]
    fn tells_a_process_from_one_that_ended() {
        let mut child = Command::new("sleep").arg("1000").spawn().expect("sleep");
        let process = ProcessId::of(child.id().cast_signed()).expect("a process");
        assert_eq!(process.parent, id().cast_signed());
        assert!(ProcessId::all().iter().any(|one| one.pid == process.pid) && process.is_there());
        assert_eq!(process.inner_pid(), Some(process.pid));
        child.kill().expect("a signal");
        child.wait().expect("its end");
        assert!(!process.is_there());
    }
}
