//! The folder of key files: one `PROFILE.json` with an issuer's keys per profile, and one `PROFILE.lock` beside it.
//!
//! Whoever can put a key file there signs tokens. So the folder is opened once, without following a symbolic link, and
//! judged on its handle; every file is looked up in that handle, and must belong to the server's user alone: not even
//! root's files pass, since nothing but the server writes there. Must never block (a FIFO, another login's lock, a full
//! disk), never leave a half-written file under the name that is read, and never write as another user than the server.
//!
//! The lock is never removed, because a lock on a file that lost its name locks nothing; `locks.rs` says who may have it.
//! Its modification time says when the last fetch began, its access time whether that ended: unlike contents, times can be
//! changed on a full disk. Nobody reads the file, so nothing else changes them.
//!
//! The folders above are not judged. Their owners can put another folder in this one's place, but only one that belongs
//! to the server's user as well, such as an older copy of it.

use crate::cache_files::Opened;
use crate::locks::Locked;
use crate::users::ServerUser;
use oauth_validator_core::asking::{Attempt, AttemptEnd};
use oauth_validator_core::record::MAX_KEY_RECORD_BYTES;
use rustix::fs::{Dir, OFlags};
use rustix::io::Errno;
use std::fs::FileTimes;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

pub use crate::trouble::{CacheTrouble, Operation};

const KEYS: &str = ".json";
const NEW_KEYS: &str = ".json.new";
const LOCK: &str = ".lock";

/// What the access time of a lock is after 1970, if its last attempt could not be saved: between "never" and any attempt.
const UNSAVED: Duration = Duration::from_secs(1);

/// The folder of key files, opened and judged.
#[derive(Debug)]
pub struct KeyFolder(Arc<Opened>);

/// The right to fetch the keys of one profile and to write its key file, until it is dropped.
///
/// It also ends with the process, however that ends.
#[derive(Debug)]
pub struct KeyLock {
    folder: Arc<Opened>,
    profile: String,
    pub(crate) file: Locked,
}

/// The right to ask a provider about a token, until it is dropped: one of a few.
#[derive(Debug)]
pub struct HelperSlot {
    _file: Locked,
}

impl KeyFolder {
    /// Opens the folder; a relative `path` is relative to the working directory, which in a server is its data
    /// directory. With `create` it is the default folder in a data directory: it is made if only the last component of
    /// `path` is missing, and what is made, the folder and files in it, may be read by the group if the data directory
    /// may be (`data_directory_mode` 0750), so that backups by a member of that group go on; else by the owner alone.
    ///
    /// # Errors
    ///
    /// When it is missing, is a symbolic link or no folder, does not belong to `user`, or when the group or others may
    /// write to it; with `create` also [`CacheTrouble::WrongUser`], when it is missing and this process is not `user`.
    pub fn open(path: &Path, user: ServerUser, create: bool) -> Result<Self, CacheTrouble> {
        Opened::new(path, user, create).map(|opened| Self(Arc::new(opened)))
    }

    /// The contents of the profile's key file, at most [`MAX_KEY_RECORD_BYTES`] bytes; `None` if there is none.
    ///
    /// # Errors
    ///
    /// When it is no regular file, is too large, does not belong to the server's user, when the group or others may
    /// write to it, or when it cannot be read.
    pub fn read(&self, profile: &str) -> Result<Option<Vec<u8>>, CacheTrouble> {
        let name = file_name(profile, KEYS)?;
        let Some((file, found)) = self.0.open_file(&name, OFlags::RDONLY)? else {
            return Ok(None);
        };
        let max = u64::try_from(MAX_KEY_RECORD_BYTES).unwrap_or(u64::MAX);
        if found.size > max {
            return Err(CacheTrouble::TooLarge { found, max_bytes: MAX_KEY_RECORD_BYTES });
        }
        let mut contents = Vec::with_capacity(found.room());
        // The size is only what the file had a moment ago; the reader keeps the limit.
        match file.take(max.saturating_add(1)).read_to_end(&mut contents) {
            Ok(_) if contents.len() > MAX_KEY_RECORD_BYTES => {
                Err(CacheTrouble::TooLarge { found, max_bytes: MAX_KEY_RECORD_BYTES })
            }
            Ok(_) => Ok(Some(contents)),
            Err(error) => Err(self.0.io(Operation::Read, &name, error)),
        }
    }

    /// Takes the profile's lock without waiting; `None` if somebody else has it, in this process or another.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written to, so that nobody fetches what cannot be kept; when the lock cannot be made;
    /// when what has its name is no regular file, does not belong to the server's user, or may be written to by others;
    /// [`CacheTrouble::WrongUser`] when this process is not the server's user: a file of root's would keep the server out.
    pub fn try_lock(&self, profile: &str) -> Result<Option<KeyLock>, CacheTrouble> {
        let file = self.0.try_lock_file(&file_name(profile, LOCK)?)?;
        Ok(file.map(|file| KeyLock { folder: Arc::clone(&self.0), profile: profile.to_owned(), file }))
    }

    /// Takes one of `slots` places for those who ask a provider about a token, without waiting; `None` if all are taken.
    ///
    /// # Errors
    ///
    /// As for [`KeyFolder::try_lock`].
    pub fn try_slot(&self, slots: u32) -> Result<Option<HelperSlot>, CacheTrouble> {
        for number in 0..slots {
            // No profile's name begins with a dot.
            if let Some(file) = self.0.try_lock_file(&format!(".helper-{number}{LOCK}"))? {
                return Ok(Some(HelperSlot { _file: file }));
            }
        }
        Ok(None)
    }

    /// The names of all profiles that have a key file, sorted. What is in the files is not judged here.
    ///
    /// # Errors
    ///
    /// When the folder cannot be listed.
    pub fn profiles(&self) -> Result<Vec<String>, CacheTrouble> {
        let failed =
            |errno| CacheTrouble::io(Operation::List, &self.0.found.path, errno, Some(&self.0.found), self.0.user);
        let mut profiles = Vec::new();
        for entry in Dir::read_from(&self.0.handle).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let profile = entry.file_name().to_str().ok().and_then(|name| name.strip_suffix(KEYS));
            profiles.extend(profile.filter(|profile| is_profile_name(profile)).map(str::to_owned));
        }
        profiles.sort_unstable();
        Ok(profiles)
    }

    /// Where the profile's key file is or would be. For messages only: whoever opens this path skips the judgement.
    #[must_use]
    pub fn path_of(&self, profile: &str) -> PathBuf {
        self.0.path_of(&format!("{profile}{KEYS}"))
    }
}

impl KeyLock {
    /// The last attempt to fetch, also one of an earlier server; `None` if there never was one. It may be in the future,
    /// when the clock was set back since.
    #[must_use]
    pub fn last_attempt(&self) -> Option<Attempt> {
        let since_1970 = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let Ok(metadata) = self.file.file.metadata() else {
            // Rather one cooldown too many than a provider that is asked by each login.
            return Some(Attempt { began: since_1970(SystemTime::now()), end: AttemptEnd::Unsaved });
        };
        let began = since_1970(metadata.modified().ok()?);
        let end = match metadata.accessed().map(since_1970) {
            Ok(Duration::ZERO) => AttemptEnd::CutOff,
            Ok(time) if time >= began => AttemptEnd::Saved,
            _ => AttemptEnd::Unsaved,
        };
        Some(Attempt { began, end }).filter(|attempt| !attempt.began.is_zero())
    }

    /// Records that an attempt begins at `now`, since 1970. Needs no space on the disk.
    ///
    /// # Errors
    ///
    /// When the times cannot be changed. The caller must not fetch then, since nothing would hold the next login back.
    pub fn begin_attempt(&self, now: Duration) -> Result<(), CacheTrouble> {
        let began = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + now).set_accessed(SystemTime::UNIX_EPOCH);
        self.set_times(began)
    }

    /// Records that the attempt came to an end at `now`, be it a failure, and whether the key file says so.
    ///
    /// # Errors
    ///
    /// When the times cannot be changed; the attempt then counts as cut off.
    pub fn end_attempt(&self, saved: bool, now: Duration) -> Result<(), CacheTrouble> {
        let time = if saved {
            // A clock that was set back during the attempt must not make its end look like none.
            let began = self.file.file.metadata().and_then(|metadata| metadata.modified());
            (SystemTime::UNIX_EPOCH + now).max(began.unwrap_or(SystemTime::UNIX_EPOCH))
        } else {
            SystemTime::UNIX_EPOCH + UNSAVED
        };
        self.set_times(FileTimes::new().set_accessed(time))
    }

    fn set_times(&self, times: FileTimes) -> Result<(), CacheTrouble> {
        let set = self.file.file.set_times(times);
        set.map_err(|error| self.folder.io(Operation::Note, &format!("{}{LOCK}", self.profile), error))
    }

    /// Replaces the profile's key file, at most [`MAX_KEY_RECORD_BYTES`] bytes, in one step: readers see the old one or
    /// the new one. What else had that name, such as a symbolic link, is replaced as well, not followed.
    ///
    /// # Errors
    ///
    /// When it cannot be written; the old file is intact then. [`CacheTrouble::LockLost`] when the lock file was removed
    /// or replaced, so that another login may be writing, too.
    pub fn write(&mut self, contents: &[u8]) -> Result<(), CacheTrouble> {
        let (keys, new) = (file_name(&self.profile, KEYS)?, file_name(&self.profile, NEW_KEYS)?);
        let lock = file_name(&self.profile, LOCK)?;
        let folder = &self.folder;
        if contents.len() > MAX_KEY_RECORD_BYTES {
            return Err(folder.io(Operation::Write, &keys, Errno::FBIG));
        }
        if !folder.has_name(&self.file.file, &lock)? {
            return Err(CacheTrouble::LockLost { path: folder.path_of(&lock) });
        }
        folder.replace(&new, &keys, contents)
    }
}

/// The name of a profile's file. The configuration allows no other names either; here they would lead out of the folder.
fn file_name(profile: &str, ending: &str) -> Result<String, CacheTrouble> {
    if is_profile_name(profile) {
        return Ok(format!("{profile}{ending}"));
    }
    Err(CacheTrouble::ProfileName { name: profile.chars().take(64).collect() })
}

/// `[a-z0-9][a-z0-9_-]{0,62}`
fn is_profile_name(name: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    bytes.len() <= 63 && bytes.first().is_some_and(plain) && bytes.iter().all(|b| plain(b) || b"_-".contains(b))
}
