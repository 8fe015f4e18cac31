//! Which account the server runs under: PostgreSQL refuses root.
//!
//! When the tests run as root, programs of the server are started as `postgres`, or as `nobody` where
//! there is no such user; otherwise as whoever runs the tests. Never creates an account.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::error::{Context, Result};

/// What Linux and its distributions agree on for `nobody`.
const NOBODY: u32 = 65534;

/// The user and group of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// User id, never 0.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    switch: bool,
}

impl Account {
    /// The account for servers that this process starts.
    pub fn for_server() -> Self {
        let uid = rustix::process::geteuid();
        if !uid.is_root() {
            return Self { uid: uid.as_raw(), gid: rustix::process::getegid().as_raw(), switch: false };
        }
        let (uid, gid) = ["postgres", "nobody"]
            .iter()
            .find_map(|name| Some((id("-u", name)?, id("-g", name)?)))
            .unwrap_or((NOBODY, NOBODY));
        Self { uid, gid, switch: true }
    }

    /// Whether the tests themselves run as another user, which is root.
    pub(crate) fn is_other(self) -> bool {
        self.switch
    }

    /// A command that runs under this account in `home`, with an environment that holds nothing which
    /// could steer the server (`PGDATA`, `PGOPTIONS`, a locale).
    pub(crate) fn command(self, program: &Path, home: &Path) -> Command {
        let mut command = Self::own_command(program, home);
        if self.switch {
            // The standard library also drops root's supplementary groups here.
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// A command with an empty environment, under the account of the tests.
    pub(crate) fn own_command(program: &Path, home: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear();
        for name in ["PATH", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("HOME", home).env("LC_ALL", "C").env("TZ", "UTC").current_dir(home);
        command
    }

    /// Gives a path to this account.
    pub(crate) fn own(self, path: &Path) -> Result<()> {
        if !self.switch {
            return Ok(());
        }
        lchown(path, Some(self.uid), Some(self.gid)).context(|| format!("cannot chown {}", path.display()))
    }

    /// Creates a folder of this account, which nobody else may write to whatever the umask is.
    pub(crate) fn create_dir(self, path: &Path) -> Result<()> {
        fs::create_dir(path)
            .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o755)))
            .context(|| format!("cannot create {}", path.display()))?;
        self.own(path)
    }
}

/// `id` knows users that are not in /etc/passwd.
fn id(option: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([option, name]).output().ok()?;
    let id = String::from_utf8(output.stdout).ok()?.trim().parse().ok()?;
    (output.status.success() && id != 0).then_some(id)
}
