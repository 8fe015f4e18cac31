//! A data directory to copy, and an installation that the server's account can reach.
//!
//! `initdb` takes longer than everything else of a cluster, so its result is kept under `target/tools`,
//! under a name made of all that went into it. Nothing here is ever started in place.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use crate::account::Account;
use crate::error::{Context, HarnessError, Result};
use crate::folders::tools_dir;
use crate::install::Postgres;
use crate::wheel::lock;

/// Part of the template's name: other options make another template. Small WAL segments copy faster.
const INITDB: [&str; 7] = [
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--username=postgres",
    "--wal-segsize=1",
    "--no-sync",
    "--no-instructions",
];

/// What all clusters of this process share.
pub(crate) struct Template {
    /// Runs the server.
    pub account: Account,
    /// Reachable by `account`.
    pub postgres: Postgres,
    data: PathBuf,
}

impl Template {
    /// The template, made once per process.
    pub fn get() -> Result<&'static Self> {
        static TEMPLATE: OnceLock<std::result::Result<Template, String>> = OnceLock::new();
        TEMPLATE.get_or_init(|| Self::prepare().map_err(|error| error.to_string())).as_ref().map_err(HarnessError::new)
    }

    fn prepare() -> Result<Self> {
        let account = Account::for_server();
        let installed = Postgres::find_or_install()?;
        let tools = tools_dir();
        fs::create_dir_all(&tools).context(|| format!("cannot create {}", tools.display()))?;
        // Two test binaries may run at once.
        let _lock = lock(&tools.join("cluster.lock"))?;
        let postgres = reachable(installed, account)?;
        let key = fingerprint(&postgres, account)?;
        let data = tools.join(format!("data-{}-{key:016x}", postgres.major()));
        if !data.exists() {
            initdb(&postgres, account, &data)?;
        }
        Ok(Self { account, postgres, data })
    }

    /// Copies the data directory, with its owner, to `to`, which must not exist.
    pub fn copy_data(&self, to: &Path) -> Result<()> {
        copy_tree(&self.data, to)
    }
}

fn initdb(postgres: &Postgres, account: Account, data: &Path) -> Result<()> {
    // In the system's temporary folder, because the account may not reach the target folder.
    let work = tempfile::Builder::new()
        .prefix("ovt-initdb-")
        .tempdir()
        .context(|| "cannot create a temporary folder".into())?;
    account.own(work.path())?;
    let made = work.path().join("data");
    let output = account
        .command(&postgres.bin_dir().join("initdb"), work.path())
        .args(INITDB)
        .arg("--pgdata")
        .arg(&made)
        .output()
        .context(|| "cannot run initdb".into())?;
    succeeded("initdb", &output)?;
    let beside = data.with_extension("new");
    if beside.exists() {
        fs::remove_dir_all(&beside).context(|| format!("cannot remove {}", beside.display()))?;
    }
    copy_tree(&made, &beside)?;
    fs::rename(&beside, data).context(|| format!("cannot create {}", data.display()))
}

/// The installation, or a copy under the system's temporary folder if it lies where the server's
/// account may not go (below /root, for example).
fn reachable(postgres: Postgres, account: Account) -> Result<Postgres> {
    if !account.is_other() || can_run(&postgres, account) {
        return Ok(postgres);
    }
    let root =
        postgres.relocatable_root().ok_or_else(|| HarnessError::new("the installation of PostgreSQL has no prefix"))?;
    let key = fingerprint(&postgres, account)?;
    let copy = std::env::temp_dir().join(format!("ovt-postgres-{key:016x}"));
    if !copy.exists() {
        let work = tempfile::Builder::new()
            .prefix("ovt-copy-")
            .tempdir()
            .context(|| "cannot create a temporary folder".into())?;
        let beside = work.path().join("copy");
        copy_tree(root, &beside)?;
        fs::rename(&beside, &copy).context(|| format!("cannot create {}", copy.display()))?;
    }
    // The name can be guessed, and the folder is shared with everyone.
    let found = fs::symlink_metadata(&copy).context(|| format!("no {}", copy.display()))?;
    if !found.is_dir() || found.uid() != 0 || found.mode() & 0o022 != 0 {
        return Err(HarnessError::new(format!("{} was made by someone else: remove it", copy.display())));
    }
    let relocated = postgres.relocated(root, &copy)?;
    if !can_run(&relocated, account) {
        return Err(HarnessError::new(format!(
            "user {} cannot run {}, nor a copy of it in {}",
            account.uid,
            postgres.bin_dir().join("postgres").display(),
            copy.display()
        )));
    }
    Ok(relocated)
}

fn can_run(postgres: &Postgres, account: Account) -> bool {
    account
        .command(&postgres.bin_dir().join("postgres"), Path::new("/"))
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

fn fingerprint(postgres: &Postgres, account: Account) -> Result<u64> {
    let program = postgres.bin_dir().join("postgres");
    let found = fs::metadata(&program).context(|| format!("there is no {}", program.display()))?;
    let mut hasher = DefaultHasher::new();
    (program, found.len(), found.mtime()).hash(&mut hasher);
    (postgres.version(), account.uid, account.gid, INITDB).hash(&mut hasher);
    Ok(hasher.finish())
}

/// `cp -a` keeps owners, modes and links, and shares blocks where the file system can.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    let output = Command::new("cp").arg("-a").arg(from).arg(to).output().context(|| "cannot run cp".into())?;
    succeeded("cp", &output)
}

fn succeeded(what: &str, output: &Output) -> Result<()> {
    if output.status.success() {
        return Ok(());
    }
    Err(HarnessError::new(format!(
        "{what} failed: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )))
}
