//! Opens a file for somebody else: for a process of root's that shows what the server's user may read, and nothing more.
//!
//! Who may write the file is of no interest here; whoever shows what is in it must not show it to people who may not read
//! it. The file is judged on the handle that is read, and so is every folder above where that was found. As in `trusted.rs`,
//! access control lists are not read: where one alone lets the user read, this says no.

use crate::found::PathStatus;
use crate::users::ServerUser;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, openat, stat, statat};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Opens a regular file if `user` may read it.
///
/// # Errors
///
/// Those of opening it; `InvalidInput` if it is no regular file, and `PermissionDenied` if this process may read it and
/// `user` may not.
pub fn open_readable(path: &Path, user: ServerUser) -> io::Result<File> {
    // Opening a device may do something, and what is there may be another thing a moment later.
    if !fs::metadata(path)?.is_file() {
        return Err(ErrorKind::InvalidInput.into());
    }
    let file = open(path, OFlags::empty())?;
    if !file.metadata()?.is_file() {
        return Err(ErrorKind::InvalidInput.into());
    }
    judge(&file, user)?;
    Ok(file)
}

/// Without waiting for anybody: the writer of a FIFO, whoever holds a lease, a terminal.
fn open(path: &Path, kind: OFlags) -> io::Result<File> {
    let flags = kind | OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(openat(CWD, path, flags, Mode::empty())?))
}

/// The names in a folder of what is no folder itself, if `user` may read them.
///
/// # Errors
///
/// Those of opening it, and `PermissionDenied` if this process may read it and `user` may not.
pub fn list_readable(path: &Path, user: ServerUser) -> io::Result<Vec<OsString>> {
    let folder = open(path, OFlags::DIRECTORY)?;
    judge(&folder, user)?;
    let mut names = Vec::new();
    for entry in Dir::read_from(&folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_folder = statat(&folder, name, AtFlags::empty())
            .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory);
        if !is_folder {
            names.push(OsString::from_vec(name.to_bytes().to_vec()));
        }
    }
    Ok(names)
}

fn judge(opened: &File, user: ServerUser) -> io::Result<()> {
    if user == ServerUser::current() {
        return Ok(());
    }
    // Where it is, whatever links led there.
    let place = fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd()))?;
    let may_read = user.may_read(&PathStatus::new(place.clone(), &fstat(opened)?));
    let may_search =
        |folder: &Path| Ok::<bool, io::Error>(user.may_search(&PathStatus::new(PathBuf::from(folder), &stat(folder)?)));
    let mut reached = may_read;
    for folder in place.ancestors().skip(1) {
        reached &= may_search(folder)?;
    }
    if reached { Ok(()) } else { Err(ErrorKind::PermissionDenied.into()) }
}
