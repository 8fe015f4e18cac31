//! What was found at a place on the way to a file: owner, mode and kind, as the handle says them.

use rustix::fs::{FileType, Stat};
use std::path::PathBuf;

/// What was found at a place on the way to a file, or at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathStatus {
    /// Where, with all symbolic links before it resolved.
    pub path: PathBuf,
    /// The owner's numeric user ID.
    pub uid: u32,
    /// The numeric group ID.
    pub gid: u32,
    /// The permission bits, with setuid, setgid and sticky: 0 to 0o7777.
    pub mode: u32,
    pub(crate) kind: FileType,
    /// In bytes; 0 for what has no size.
    pub(crate) size: u64,
}

/// Which file was opened, and in which state: what fstat(2) says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// Where it was found, with the symbolic links before it resolved.
    pub path: PathBuf,
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
    /// `st_size`, in bytes.
    pub size: u64,
    /// `st_mtim`: seconds since 1970, and nanoseconds.
    pub modified: (i64, u64),
    /// `st_ctim`: seconds since 1970, and nanoseconds.
    pub changed: (i64, u64),
}

impl Stamp {
    pub(crate) fn new(path: PathBuf, stat: &Stat) -> Self {
        Self {
            path,
            device: stat.st_dev,
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

impl PathStatus {
    pub(crate) fn new(path: PathBuf, stat: &Stat) -> Self {
        Self {
            path,
            uid: stat.st_uid,
            gid: stat.st_gid,
            mode: stat.st_mode & 0o7777,
            kind: FileType::from_raw_mode(stat.st_mode),
            size: u64::try_from(stat.st_size).unwrap_or(0),
        }
    }

    /// How much room its contents need, so that one read takes them and one more sees their end.
    pub(crate) fn room(&self) -> usize {
        usize::try_from(self.size).unwrap_or(0).saturating_add(1)
    }

    pub(crate) fn writable_by_others(&self) -> bool {
        self.mode & 0o022 != 0
    }

    pub(crate) fn executable_by_some(&self) -> bool {
        self.mode & 0o111 != 0
    }

    pub(crate) fn sticky(&self) -> bool {
        self.mode & 0o1000 != 0
    }

    /// What it is, in the words of find(1) and ls(1).
    pub(crate) fn what(&self) -> &'static str {
        match self.kind {
            FileType::RegularFile => "file",
            FileType::Directory => "folder",
            FileType::Symlink => "symbolic link",
            FileType::Fifo => "FIFO",
            FileType::Socket => "socket",
            FileType::CharacterDevice | FileType::BlockDevice => "device",
            FileType::Unknown => "thing of unknown type",
        }
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        let path = PathBuf::from("/nowhere");
        Self { path, uid: 0, gid: 0, mode: 0, kind: FileType::RegularFile, size: 0 }
    }
}
