//! File systems of a test's own, in memory, where root may mount.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system that is gone with the value, also after a panic.
#[derive(Debug)]
pub struct Mount(PathBuf);

impl Mount {
    /// One at a new folder `at`, with options of mount(8) such as `mode=0777`. `None`, which is said, where root may not
    /// mount, as in most containers.
    ///
    /// # Panics
    ///
    /// If the folder is there already.
    #[must_use]
    pub fn tmpfs(at: &Path, options: &str) -> Option<Self> {
        fs::create_dir(at).expect("a folder");
        let mount = Self(at.to_owned());
        let mounted = mount.run(&["-t", "tmpfs", "-o", options, "tmpfs"]);
        if !mounted {
            println!("skipped: this machine does not let root mount");
        }
        mounted.then_some(mount)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it `ro` or `rw`.
    ///
    /// # Panics
    ///
    /// If mount(8) fails.
    pub fn remount(&self, mode: &str) {
        assert!(self.run(&["-o", &format!("remount,{mode}")]), "a remount");
    }

    fn run(&self, arguments: &[&str]) -> bool {
        let output = Command::new("mount").args(arguments).arg(&self.0).output();
        output.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}
