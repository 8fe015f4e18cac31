//! Files of the server's account, and programs that run under it: neither the server nor what stands beside it takes root.
//!
//! All of it is gone with the values. A program gets an environment that holds nothing which could steer it.

use oauth_validator_server_tests::Account;
use std::fs::{self, Permissions};
use std::io::Result;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A folder of the server's account.
pub struct Files {
    folder: TempDir,
    account: Account,
}

impl Files {
    /// An empty one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self> {
        let own = Self { folder: tempfile::tempdir()?, account: Account::for_server() };
        own.hand_over(own.root(), 0o755)?;
        Ok(own)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Makes a path the account's own, with this mode.
    ///
    /// # Errors
    /// When there is no such path.
    pub fn hand_over(&self, path: &Path, mode: u32) -> Result<()> {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        // Only root can, and only root has to.
        if rustix::process::geteuid().is_root() {
            chown(path, Some(self.account.uid), Some(self.account.gid))?;
        }
        Ok(())
    }

    /// A new folder in it.
    ///
    /// # Errors
    /// When it is there.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::create_dir(&path)?;
        self.hand_over(&path, 0o755)?;
        Ok(path)
    }

    /// A file that the account alone reads.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, text)?;
        self.hand_over(&path, 0o600)?;
        Ok(path)
    }

    /// A program of that account.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C").stdin(Stdio::null());
        if rustix::process::geteuid().is_root() {
            command.uid(self.account.uid).gid(self.account.gid);
        }
        command
    }
}

/// A process that ends with the value.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}
