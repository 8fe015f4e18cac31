//! A volume as the kubelet projects ConfigMaps and Secrets: a folder of the version behind `..data`, one link per file, and
//! the group of `fsGroup`.
//!
//! A new version must appear by one rename, as it does there. It is written here, outside of the pod, where the mount is
//! read-only.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

/// The group of the pod's volumes and processes.
pub const FS_GROUP: u32 = 26;

pub struct Projected {
    folder: PathBuf,
    version: u32,
}

impl Projected {
    /// A volume that is empty yet. Its folder has the mode of the kubelet's: anybody could write there, were it not
    /// mounted read-only.
    pub fn new(folder: PathBuf) -> Self {
        make_folder(&folder, 0o3777);
        Self { folder, version: 0 }
    }

    /// Replaces all files in one step. `mode` is the volume's `defaultMode`.
    pub fn publish(&mut self, files: &[(&str, &str)], mode: u32) {
        self.version += 1;
        let name = format!("..2026_11_28_00_00_00.{}", self.version);
        let folder = self.folder.join(&name);
        make_folder(&folder, 0o2755);
        for (file, contents) in files {
            let path = folder.join(file);
            fs::write(&path, contents).expect("a projected file");
            chown(&path, Some(0), Some(FS_GROUP)).expect("the group of fsGroup");
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
            let link = self.folder.join(file);
            if !link.is_symlink() {
                symlink(Path::new("..data").join(file), link).expect("a link");
            }
        }
        let next = self.folder.join("..data_tmp");
        symlink(name, &next).expect("a link");
        fs::rename(next, self.folder.join("..data")).expect("the new version");
    }
}

fn make_folder(path: &Path, mode: u32) {
    fs::create_dir(path).expect("a folder");
    chown(path, Some(0), Some(FS_GROUP)).expect("the group of fsGroup");
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}
