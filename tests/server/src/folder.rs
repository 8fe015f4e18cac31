//! A cluster's own folder: files that belong to the server's account, and vanish with the value.
//!
//! Everything lies directly under the system's temporary folder, because the module judges each folder
//! above its configuration, and because a Unix socket's path is short.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::account::Account;
use crate::error::{Context, HarnessError, Result};

/// A Unix socket's path may have 107 bytes; this is the longest name below the folder.
const SOCKET_NAME: &str = "/.s.PGSQL.5432.lock";
const SOCKET_MAX: usize = 107;

/// A temporary folder of the server's account, mode 0700.
pub(crate) struct Folder {
    root: TempDir,
    account: Account,
}

impl Folder {
    /// Creates the folder; it outlives the value if the environment says `OAUTH_VALIDATOR_KEEP=1`.
    pub fn create(account: Account) -> Result<Self> {
        let mut root =
            tempfile::Builder::new().prefix("ovt-").tempdir().context(|| "cannot create a temporary folder".into())?;
        if std::env::var_os("OAUTH_VALIDATOR_KEEP").is_some_and(|value| value == "1") {
            root.disable_cleanup(true);
            eprintln!("keeping the cluster in {}", root.path().display());
        }
        if root.path().as_os_str().len() + SOCKET_NAME.len() > SOCKET_MAX {
            return Err(HarnessError::new(format!(
                "{} is too long for a Unix socket: set TMPDIR to a shorter folder",
                root.path().display()
            )));
        }
        account.own(root.path())?;
        Ok(Self { root, account })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// A path below it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Creates a folder below it.
    pub fn create_dir(&self, name: &str) -> Result<()> {
        self.account.create_dir(&self.path(name))
    }

    /// Copies a program or library, mode 0755.
    pub fn install(&self, from: &Path, to: &str) -> Result<()> {
        let to = self.path(to);
        fs::copy(from, &to).context(|| format!("cannot copy {}", from.display()))?;
        fs::set_permissions(&to, Permissions::from_mode(0o755)).context(|| format!("cannot chmod {}", to.display()))?;
        self.account.own(&to)
    }

    /// Beside and renamed: a login that runs meanwhile sees the old file or the new one.
    pub fn replace(&self, name: &str, contents: &[u8]) -> Result<()> {
        self.replace_as(name, contents, 0o600)
    }

    /// Replaces a program, as [`Self::replace`] does a file.
    pub fn replace_program(&self, name: &str, contents: &[u8]) -> Result<()> {
        self.replace_as(name, contents, 0o755)
    }

    fn replace_as(&self, name: &str, contents: &[u8], mode: u32) -> Result<()> {
        let path = self.path(name);
        let beside = self.path(&format!("{name}.new"));
        File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| file.write_all(contents))
            .context(|| format!("cannot write {}", beside.display()))?;
        // Whatever the umask is.
        fs::set_permissions(&beside, Permissions::from_mode(mode))
            .context(|| format!("cannot chmod {}", beside.display()))?;
        self.account.own(&beside)?;
        fs::rename(&beside, &path).context(|| format!("cannot write {}", path.display()))
    }

    /// Adds to a file that exists.
    pub fn append(&self, name: &str, lines: &str) -> Result<()> {
        let path = self.path(name);
        File::options()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(lines.as_bytes()))
            .context(|| format!("cannot write {}", path.display()))
    }
}
