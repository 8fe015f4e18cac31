//! The file that a token is kept in: written beside and renamed, mode 0600, so that readers see an old or a new one, and so
//! does whoever comes after a crash of the machine.
//!
//! Must never follow a symbolic link to it, nor write into a folder where others could put another file in its place.

use crate::output::CommandFailure;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Mode bits that let others write.
const OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// A file's place, judged.
#[derive(Debug, Clone)]
pub(crate) struct TokenFilePlace {
    path: PathBuf,
    beside: PathBuf,
}

impl TokenFilePlace {
    /// The place of this name.
    ///
    /// # Errors
    /// If others can write the folder, or something else than a file of this user's is there.
    pub(crate) fn at(path: &Path) -> Result<Self, CommandFailure> {
        let refused = |why: String| CommandFailure::new(format!("cannot keep the token in {}: {why}", path.display()));
        let name = path.file_name().ok_or_else(|| refused("that is no name of a file".to_owned()))?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = fs::canonicalize(parent).map_err(|error| refused(format!("its folder: {error}")))?;
        let own = rustix::process::geteuid().as_raw();
        for (depth, ancestor) in folder.ancestors().enumerate() {
            let found = fs::metadata(ancestor).map_err(|error| refused(error.to_string()))?;
            let shared = found.mode() & OTHERS_WRITE != 0 && (depth == 0 || found.mode() & STICKY == 0);
            if shared || (found.uid() != own && found.uid() != 0) {
                return Err(refused(format!("others can write in {}", ancestor.display()))
                    .with_hint("use a folder of this user's own, such as $XDG_RUNTIME_DIR, or make one of mode 0700"));
            }
        }
        let path = folder.join(name);
        if let Ok(found) = fs::symlink_metadata(&path)
            && (!found.is_file() || found.uid() != own)
        {
            return Err(refused("what is there is no file of this user's, and would be replaced".to_owned()));
        }
        let beside = folder.join(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
        Ok(Self { path, beside })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the text in it, and nothing else: no line end, which many a client would send along.
    ///
    /// # Errors
    /// A folder that cannot be written, a full disk.
    pub(crate) fn write(&self, text: &str) -> Result<(), CommandFailure> {
        let failed =
            |error: std::io::Error| CommandFailure::new(format!("cannot write {}: {error}", self.path.display()));
        let written = self.create().and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.and_then(|()| fs::rename(&self.beside, &self.path)).map_err(|error| {
            let _ = fs::remove_file(&self.beside);
            failed(error)
        })?;
        // Readers have the token by now, and the one before is gone: that its name may not outlive a crash is no failure.
        let _ = self.sync_folder();
        Ok(())
    }

    /// Finds out whether a file can be written there, without touching the one that is.
    ///
    /// # Errors
    /// What a write would end in.
    pub(crate) fn try_out(&self) -> Result<(), CommandFailure> {
        let tried = self.create().and_then(|_| fs::remove_file(&self.beside));
        tried.map_err(|error| CommandFailure::new(format!("cannot write {}: {error}", self.path.display())))
    }

    /// The new name, too, is on the disk.
    fn sync_folder(&self) -> std::io::Result<()> {
        File::open(self.path.parent().unwrap_or(Path::new("/")))?.sync_all()
    }

    fn create(&self) -> std::io::Result<File> {
        // A file of this name is what a process with this number left when it ended in the middle.
        let _ = fs::remove_file(&self.beside);
        // Neither follows a link nor takes what is there.
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.beside)
    }
}

/// A new folder of mode 0700 that ends with the value, for a token that nobody else shall find.
#[derive(Debug)]
pub(crate) struct OwnFolder(PathBuf);

impl OwnFolder {
    /// In `$XDG_RUNTIME_DIR`, which no disk has, or else where temporary files are.
    ///
    /// # Errors
    /// If none can be made.
    pub(crate) fn create() -> Result<Self, CommandFailure> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_dir());
        let parent = runtime.unwrap_or_else(std::env::temp_dir);
        let mut last = None;
        for number in 0..100 {
            let path = parent.join(format!("oauth-validator-run.{}.{number}", std::process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) => last = Some(error),
            }
        }
        let why = last.map(|error| error.to_string()).unwrap_or_default();
        Err(CommandFailure::new(format!("cannot make a folder in {}: {why}", parent.display())))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for OwnFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::TokenFilePlace;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn set_mode(path: &std::path::Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        let place = TokenFilePlace::at(&path).map_err(|error| error.what().to_owned()).expect("a place");
        for text in ["one", "two"] {
            place.write(text).map_err(|error| error.what().to_owned()).expect("a file");
            assert_eq!(fs::read_to_string(&path).expect("a file"), text);
            assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o7777, 0o600);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        // Readers keep what they have opened.
        let before = fs::metadata(&path).expect("a file").ino();
        place.write("three").map_err(|error| error.what().to_owned()).expect("a file");
        assert_ne!(fs::metadata(&path).expect("a file").ino(), before);
    }

    #[test]
    fn a_trial_leaves_nothing_and_finds_what_a_write_would() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        fs::write(&path, "kept").expect("a file");
        let place = TokenFilePlace::at(&path).map_err(|error| error.what().to_owned()).expect("a place");
        place.try_out().map_err(|error| error.what().to_owned()).expect("a place to write");
        assert_eq!(fs::read_to_string(&path).expect("a file"), "kept");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        drop(folder);
        assert!(place.try_out().expect_err("no folder").what().contains("cannot write"));
    }

    #[test]
    fn a_place_that_others_can_change_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("token");
        for mode in [0o777, 0o1777, 0o770, 0o702] {
            set_mode(folder.path(), mode);
            let why = TokenFilePlace::at(&path).expect_err("shared").what().to_owned();
            assert!(why.contains("others can write in"), "{mode:o}: {why}");
        }
        set_mode(folder.path(), 0o700);
        let other = folder.path().join("other");
        fs::write(&other, "kept").expect("a file");
        symlink(&other, &path).expect("a link");
        assert!(TokenFilePlace::at(&path).expect_err("a link").what().contains("no file of this user's"));
        fs::remove_file(&path).expect("a link");
        fs::create_dir(&path).expect("a folder");
        assert!(TokenFilePlace::at(&path).expect_err("a folder").what().contains("no file of this user's"));
        assert!(TokenFilePlace::at(&folder.path().join("nowhere/token")).is_err());
        assert_eq!(fs::read_to_string(&other).expect("a file"), "kept");
    }
}
