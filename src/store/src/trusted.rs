//! Reads one file that decides who gets in, or judges a program that does, or says why it must not be trusted.
//!
//! Whoever can write such a file, or replace it, can log in as anyone. So the path is walked handle by handle
//! (`walk.rs`), the file is judged on the handle that is read, and never by its path. Must never block (a FIFO, a
//! leased file), never read more than the cap, and never put a byte of the contents into an error.
//!
//! POSIX ACLs are not read. One that lets somebody write still shows, because its mask takes the place of the group's
//! bits in the mode; one that merely lets the server read does not, and such a file is refused when root judges it for
//! the server's user.

use crate::found::{PathStatus, Stamp};
use crate::refusal::Refusal;
use crate::users::ServerUser;
use crate::walk::{self, WalkTarget};
use rustix::fs::{FileType, Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest configuration that is read, in bytes. A profile takes some 2 kB, so this is room for a thousand of them,
/// and little enough to read again for each new connection.
pub const MAX_CONFIG_BYTES: usize = 4 * 1024 * 1024;

/// The largest key, certificate or secret file that is read, in bytes: as much as `core` parses. A JWK with its certificate
/// chain takes some 4 kB, and no provider is known to publish more than a dozen.
pub const MAX_KEY_FILE_BYTES: usize = oauth_validator_core::bounds::MAX_KEY_DOCUMENT_BYTES;

/// Reads a file that decides who gets in: at most `max_bytes` bytes, and only if nobody but root and `user` can write or
/// replace it. One byte more is [`Refusal::TooLarge`].
///
/// A relative `path` is relative to the working directory; see [`resolve`] for paths inside a configuration.
///
/// When this process does not run as `user`, the mode bits also decide whether that user could read the file.
///
/// # Errors
///
/// A [`Refusal`], when the file is missing, is not a regular file, is too large, cannot be read, or when it or a folder
/// or symbolic link on the way to it is in somebody else's hands.
pub fn read_trusted(path: &Path, max_bytes: usize, user: ServerUser) -> Result<Vec<u8>, Refusal> {
    read_stamped(path, max_bytes, user).map(|read| read.contents)
}

/// What was read of a file.
pub(crate) struct FileContents {
    pub(crate) contents: Vec<u8>,
    /// Which file it was, and in which state.
    pub(crate) stamp: Stamp,
    /// Whether it was in the same state when its end had been read.
    pub(crate) unchanged: bool,
}

/// Reads a file that is judged as [`read_trusted`] says, and tells which file in which state it was.
pub(crate) fn read_stamped(path: &Path, max_bytes: usize, user: ServerUser) -> Result<FileContents, Refusal> {
    let target = walk::find(path, user)?;
    read_target_stamped(path, &target, max_bytes, user)
}

/// Judges a program before it is run: a regular file that nobody but root and `user` can change or replace, and that
/// `user` may execute.
///
/// What is run later by the same path is what was judged, or what root or `user` have put there since: nobody else can.
/// It is not opened, since a program need not be readable. Modes alone are looked at; a mount without execution, or an
/// interpreter that is missing, shows when it is started.
///
/// # Errors
///
/// A [`Refusal`], as for [`read_trusted`], or [`Refusal::NotExecutable`].
pub fn judge_executable(path: &Path, user: ServerUser) -> Result<(), Refusal> {
    let found = walk::find(path, user)?.found;
    judge_hands(path, &found, user)?;
    if !user.may_execute(&found) {
        return Err(Refusal::NotExecutable { asked: path.to_owned(), found, server: user });
    }
    Ok(())
}

/// Where a path written in a configuration leads: relative ones are relative to the folder of `base_file`, the
/// configuration's own path.
#[must_use]
pub fn resolve(base_file: &Path, path: &str) -> PathBuf {
    match base_file.parent() {
        Some(folder) => folder.join(path),
        None => PathBuf::from(path),
    }
}

/// The second half: what happens on the disk between the two halves must not matter.
pub(crate) fn read_target_stamped(
    path: &Path,
    target: &WalkTarget,
    max_bytes: usize,
    user: ServerUser,
) -> Result<FileContents, Refusal> {
    let (file, found, stamp) = open_judged(path, target, user)?;
    let contents = read_capped(path, &file, found, max_bytes, user)?;
    let after = fstat(&file).map(|stat| Stamp::new(stamp.path.clone(), &stat));
    let unchanged = after.is_ok_and(|after| after == stamp);
    Ok(FileContents { contents, stamp, unchanged })
}

/// Opens a file and judges it as if it were to be read, and tells in which state it is.
pub(crate) fn look_at(path: &Path, target: &WalkTarget, user: ServerUser) -> Result<Stamp, Refusal> {
    open_judged(path, target, user).map(|(_, _, stamp)| stamp)
}

fn open_judged(path: &Path, target: &WalkTarget, user: ServerUser) -> Result<(File, PathStatus, Stamp), Refusal> {
    // Before it is opened: opening a device may do something.
    judge_file(path, &target.found, user)?;
    let (file, found, stamp) = open(path, target, user)?;
    judge_file(path, &found, user)?;
    Ok((file, found, stamp))
}

/// Opens the file in the folder that was judged. The handle may be another file than the walk saw, since `mv` replaces a
/// configuration in one step; it is therefore judged again, and need not be the same.
fn open(path: &Path, target: &WalkTarget, user: ServerUser) -> Result<(File, PathStatus, Stamp), Refusal> {
    let unreadable = |errno: Errno| Refusal::Unreadable {
        asked: path.to_owned(),
        found: Some(target.found.clone()),
        server: user,
        why: match errno {
            Errno::LOOP => "it was replaced by a symbolic link while it was opened".into(),
            Errno::AGAIN => "opening it would block, because another process holds a lease on it".into(),
            other => std::io::Error::from(other).to_string(),
        },
    };
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NOFOLLOW;
    let handle = match openat(&target.folder, &target.name, flags, Mode::empty()) {
        Ok(handle) => handle,
        Err(Errno::NOENT) => {
            return Err(Refusal::NotFound { asked: path.to_owned(), missing: target.found.path.clone() });
        }
        Err(errno) => return Err(unreadable(errno)),
    };
    let stat = fstat(&handle).map_err(unreadable)?;
    let path = || target.found.path.clone();
    Ok((File::from(handle), PathStatus::new(path(), &stat), Stamp::new(path(), &stat)))
}

/// Whether it is a file, and in nobody else's hands.
fn judge_hands(path: &Path, found: &PathStatus, user: ServerUser) -> Result<(), Refusal> {
    let asked = || path.to_owned();
    if found.kind != FileType::RegularFile {
        return Err(Refusal::NotRegular { asked: asked(), found: found.clone() });
    }
    if !user.trusts(found.uid) {
        return Err(Refusal::WrongOwner { asked: asked(), found: found.clone(), server: user });
    }
    // Even the server's own group: its members are people who may not log in as anyone.
    if found.writable_by_others() {
        return Err(Refusal::Writable { asked: asked(), found: found.clone() });
    }
    Ok(())
}

fn judge_file(path: &Path, found: &PathStatus, user: ServerUser) -> Result<(), Refusal> {
    judge_hands(path, found, user)?;
    if !user.may_read(found) {
        return Err(Refusal::Unreadable {
            asked: path.to_owned(),
            found: Some(found.clone()),
            server: user,
            why: "its mode does not let the server's user read it".into(),
        });
    }
    Ok(())
}

fn read_capped(
    path: &Path,
    file: &File,
    found: PathStatus,
    max_bytes: usize,
    user: ServerUser,
) -> Result<Vec<u8>, Refusal> {
    let max = u64::try_from(max_bytes).unwrap_or(u64::MAX);
    let too_large = |found| Refusal::TooLarge { asked: path.to_owned(), found, max_bytes };
    if found.size > max {
        return Err(too_large(found));
    }
    let mut contents = Vec::with_capacity(found.room());
    // The size is only what the file had a moment ago; the reader keeps the limit.
    match file.take(max.saturating_add(1)).read_to_end(&mut contents) {
        Ok(_) if contents.len() > max_bytes => Err(too_large(found)),
        Ok(_) => Ok(contents),
        Err(error) => Err(Refusal::Unreadable {
            asked: path.to_owned(),
            found: Some(found),
            server: user,
            why: error.to_string(),
        }),
    }
}
