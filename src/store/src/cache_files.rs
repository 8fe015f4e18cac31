//! One folder and the files in it: looked up, judged, made and replaced on the folder's handle.
//!
//! Knows nothing of keys. Must never follow a symbolic link, open what is no regular file, or take one that belongs to
//! anybody but the server's user; see `cache.rs` for the reasons.

use crate::found::PathStatus;
use crate::trouble::{CacheTrouble, Operation};
use crate::users::ServerUser;
use rustix::fs::{
    Access, AtFlags, CWD, FileType, Mode, OFlags, accessat, fchmod, fstat, linkat, mkdirat, openat, renameat, statat,
    unlinkat,
};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

/// How often a lock that vanishes, or a name that is taken, is tried again.
pub(crate) const MAX_TRIES: u32 = 100;

/// What the server's user alone may read and write.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// What the group may read as well, for a folder and for its files.
const GROUP_FOLDER: Mode = Mode::RWXU.union(Mode::RGRP).union(Mode::XGRP);
const GROUP_FILE: Mode = PRIVATE.union(Mode::RGRP);

/// What a [`KeyFolder`] and its locks share.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) handle: OwnedFd,
    /// The folder as it was when it was opened, and the path as it was given.
    pub(crate) found: PathStatus,
    pub(crate) user: ServerUser,
    /// Whether the group may read what is made here.
    group_access: bool,
}

impl Opened {
    /// See [`crate::KeyFolder::open`].
    pub(crate) fn new(path: &Path, user: ServerUser, create: bool) -> Result<Self, CacheTrouble> {
        // The components alone: with a slash at its end the kernel would follow a symbolic link in spite of O_NOFOLLOW.
        let path: PathBuf = path.components().collect();
        let group_access = create && has_group_access(&path);
        let handle = match open_folder(&path) {
            Err(Errno::NOENT) if create => make_folder(&path, user, group_access)?,
            other => other,
        };
        let handle = handle.map_err(|errno| not_opened(&path, user, errno))?;
        let stat = fstat(&handle).map_err(|errno| CacheTrouble::io(Operation::Open, &path, errno, None, user))?;
        let found = PathStatus::new(path, &stat);
        if found.uid != user.uid {
            return Err(CacheTrouble::FolderWrongOwner { found, server: user });
        }
        if found.writable_by_others() {
            return Err(CacheTrouble::FolderWritable { found });
        }
        Ok(Self { handle, found, user, group_access })
    }

    /// The mode of each file that is made here.
    pub(crate) fn file_mode(&self) -> Mode {
        if self.group_access { GROUP_FILE } else { PRIVATE }
    }

    /// Where a file of the folder is.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.found.path.join(name)
    }

    pub(crate) fn io(&self, operation: Operation, name: &str, error: impl Into<std::io::Error>) -> CacheTrouble {
        CacheTrouble::io(operation, &self.path_of(name), error, Some(&self.found), self.user)
    }

    /// Opens a file and judges it on its handle; `None` if nothing has that name.
    pub(crate) fn open_file(&self, name: &str, access: OFlags) -> Result<Option<(File, PathStatus)>, CacheTrouble> {
        let failed = |errno| self.io(Operation::Open, name, errno);
        // Before it is opened as well: opening a device may do something, and the reason is told best for what is there.
        match statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => self.judge_file(&PathStatus::new(self.path_of(name), &stat))?,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(failed(errno)),
        }
        let flags = access | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NOFOLLOW;
        let handle = match openat(&self.handle, name, flags, Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(failed(errno)),
        };
        let found = PathStatus::new(self.path_of(name), &fstat(&handle).map_err(failed)?);
        self.judge_file(&found)?;
        Ok(Some((File::from(handle), found)))
    }

    fn judge_file(&self, found: &PathStatus) -> Result<(), CacheTrouble> {
        if found.kind != FileType::RegularFile {
            return Err(CacheTrouble::NotRegular { found: found.clone() });
        }
        if found.uid != self.user.uid {
            return Err(CacheTrouble::WrongOwner { found: found.clone(), server: self.user });
        }
        if found.writable_by_others() {
            return Err(CacheTrouble::Writable { found: found.clone() });
        }
        Ok(())
    }

    pub(crate) fn must_be_ours_to_write(&self) -> Result<(), CacheTrouble> {
        let process = ServerUser::current();
        if process != self.user {
            return Err(CacheTrouble::WrongUser { folder: self.found.path.clone(), server: self.user, process });
        }
        // Without flags, which asks for the real user ID: the system call that takes flags is refused in older
        // containers, and no program of ours runs with two IDs.
        accessat(&self.handle, ".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty()).map_err(|errno| {
            CacheTrouble::io(Operation::WriteTo, &self.found.path, errno, Some(&self.found), self.user)
        })
    }

    /// Makes the lock under another name first, so that nobody ever sees it with the time of its making, which would
    /// count as an attempt. Somebody else may be faster; theirs is as good.
    pub(crate) fn make_lock(&self, name: &str) -> Result<(), CacheTrouble> {
        let (temporary, file) = self.create_temporary(name)?;
        let made = file
            .set_modified(SystemTime::UNIX_EPOCH)
            .and_then(|()| match linkat(&self.handle, &temporary, &self.handle, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::EXIST) => Ok(()),
                Err(errno) => Err(errno.into()),
            })
            .map_err(|error| self.io(Operation::Create, name, error));
        // A temporary file that stays is in nobody's way.
        let _ = unlinkat(&self.handle, &temporary, AtFlags::empty());
        made
    }

    pub(crate) fn create_temporary(&self, name: &str) -> Result<(String, File), CacheTrouble> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        for _ in 0..MAX_TRIES {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let temporary = format!("{name}.{}.{number}", std::process::id());
            match self.create(&temporary) {
                Ok(file) => return Ok((temporary, file)),
                // A process of another container has the same number, or one that was killed had.
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(self.io(Operation::Create, &temporary, errno)),
            }
        }
        Err(self.io(Operation::Create, name, Errno::EXIST))
    }

    /// Replaces the file `name` in one step, with `new` as the name beside: of that the caller must be the only user. What
    /// else has either name is replaced, not followed.
    pub(crate) fn replace(&self, new: &str, name: &str, contents: &[u8]) -> Result<(), CacheTrouble> {
        // Without this, a power cut could leave an empty file under the name. That the name itself may be lost does not matter:
        // the older keys are there, or are fetched again.
        self.replace_after(new, name, contents, File::sync_all)
    }

    /// Replaces a file of which a reader sees whether it is whole: what a power cut leaves does not matter, and nobody
    /// waits for the disk.
    pub(crate) fn replace_unsynced(&self, new: &str, name: &str, contents: &[u8]) -> Result<(), CacheTrouble> {
        self.replace_after(new, name, contents, |_| Ok(()))
    }

    fn replace_after(
        &self,
        new: &str,
        name: &str,
        contents: &[u8],
        settle: impl FnOnce(&File) -> std::io::Result<()>,
    ) -> Result<(), CacheTrouble> {
        // Left by a process that was killed.
        match unlinkat(&self.handle, new, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(self.io(Operation::Remove, new, errno)),
        }
        let mut file = self.create(new).map_err(|errno| self.io(Operation::Create, new, errno))?;
        let failed = |error| self.io(Operation::Write, new, error);
        let filled = file.write_all(contents).and_then(|()| settle(&file)).map_err(failed);
        let rename = || renameat(&self.handle, new, &self.handle, name);
        let replaced = filled.and_then(|()| rename().map_err(|errno| self.io(Operation::Rename, name, errno)));
        if replaced.is_err() {
            let _ = unlinkat(&self.handle, new, AtFlags::empty());
        }
        replaced
    }

    /// Makes a file where none is, of the mode that files have here whatever the process's mask says.
    fn create(&self, name: &str) -> Result<File, Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = openat(&self.handle, name, flags, PRIVATE)?;
        let made = fchmod(&handle, self.file_mode());
        if made.is_err() {
            let _ = unlinkat(&self.handle, name, AtFlags::empty());
        }
        made.map(|()| File::from(handle))
    }

    /// Whether the name still leads to this very file.
    pub(crate) fn has_name(&self, file: &File, name: &str) -> Result<bool, CacheTrouble> {
        let failed = |errno| self.io(Operation::Open, name, errno);
        let held = fstat(file).map_err(failed)?;
        match statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(named) => Ok((named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(failed(errno)),
        }
    }
}

fn open_folder(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty())
}

/// Whether the group may read the data directory that `path` lies in. A server starts in no other than one with the mode
/// 0700 or 0750 (checkDataDir in miscinit.c), and takes the second for group access, as `data_directory_mode` shows.
fn has_group_access(path: &Path) -> bool {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mode = statat(CWD, parent, AtFlags::empty()).map(|stat| Mode::from_raw_mode(stat.st_mode));
    mode.is_ok_and(|mode| mode & (Mode::RWXU | Mode::RWXG | Mode::RWXO) == GROUP_FOLDER)
}

/// Makes the folder, of this mode whatever the process's mask says, and opens it.
fn make_folder(path: &Path, user: ServerUser, group_access: bool) -> Result<Result<OwnedFd, Errno>, CacheTrouble> {
    let process = ServerUser::current();
    if process != user {
        return Err(CacheTrouble::WrongUser { folder: path.to_owned(), server: user, process });
    }
    let mode = if group_access { GROUP_FOLDER } else { Mode::RWXU };
    match mkdirat(CWD, path, mode) {
        Ok(()) => Ok(open_folder(path).and_then(|handle| fchmod(&handle, mode).map(|()| handle))),
        // Another login was faster.
        Err(Errno::EXIST) => Ok(open_folder(path)),
        Err(Errno::NOENT) => Err(CacheTrouble::FolderMissing { path: path.to_owned(), server: user }),
        Err(errno) => Err(CacheTrouble::io(Operation::CreateFolder, path, errno, None, user)),
    }
}

/// The kernel says ENOTDIR of a symbolic link, of a file, and of a path that goes through a file.
fn not_opened(path: &Path, user: ServerUser, errno: Errno) -> CacheTrouble {
    if errno == Errno::NOENT {
        return CacheTrouble::FolderMissing { path: path.to_owned(), server: user };
    }
    let found = statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).map(|stat| PathStatus::new(path.to_owned(), &stat));
    match found {
        Ok(found) if found.kind != FileType::Directory => CacheTrouble::NotAFolder { found, server: user },
        // That it belongs to somebody else is the reason for whatever the kernel said.
        Ok(found) if found.uid != user.uid => CacheTrouble::FolderWrongOwner { found, server: user },
        _ => CacheTrouble::io(Operation::Open, path, errno, None, user),
    }
}
