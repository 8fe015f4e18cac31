//! Locks on files of the folder, which nobody can hold against the server who may merely read there.
//!
//! flock(2) is for everybody who can open a file, if only to read it: with a mode of 0644 after a restore any user of the
//! machine, and in a cluster with group access (`initdb -g`) whoever makes its backups, could stop logins by it. So these
//! are record locks (fcntl(2)) for writing, for which a file must be open for writing, and that can only the server's
//! user. Who reads can still place a lock for reading, which keeps ours out; but ours are never of that kind, so it is
//! told apart, and the file is replaced by a new one, with its times: a lock on a file without a name locks nothing.
//!
//! Must never wait, and never take for free what another login holds.

use crate::cache_files::{MAX_TRIES, Opened};
use crate::trouble::{CacheTrouble, Operation};
use rustix::fs::{AtFlags, FlockOperation, OFlags, Stat, fchmod, fcntl_lock, fstat, renameat, statat, unlinkat};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Flock, FlockType, fcntl_getlk};
use std::fs::{File, FileTimes};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The files that this process has locked.
///
/// Record locks are the process's: they would not keep its own threads apart, and end as soon as it closes the file,
/// whoever in it had opened it once more. So a file in this list is not even opened.
static HELD: Mutex<Vec<Stat>> = Mutex::new(Vec::new());

/// A file that is locked until this is dropped, or the process ends. A process that is started meanwhile has no part in it.
#[derive(Debug)]
pub(crate) struct Locked {
    // Shared with what closes it, and dropped before that.
    pub(crate) file: Arc<File>,
    _held: HeldLock,
}

#[derive(Debug)]
struct HeldLock {
    file: Option<Arc<File>>,
    stat: Stat,
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        let mut held = held();
        // Closed, and by that unlocked, before it is off the list; and nobody may look at the list in between: a file that
        // was removed gives its number to the next one, which would then seem to be held.
        drop(self.file.take());
        held.retain(|stat| !is_same(stat, &self.stat));
    }
}

/// Whose lock is on a file.
enum Whose {
    Ours,
    AnothersOfUs,
    /// The lock of a process that has the file open for reading.
    AReaders,
    /// It was somebody's a moment ago.
    Nobodys,
}

impl Opened {
    /// Locks the file `name`, which is made if it is missing, without waiting; `None` if another login has it.
    pub(crate) fn try_lock_file(&self, name: &str) -> Result<Option<Locked>, CacheTrouble> {
        self.must_be_ours_to_write()?;
        let mut held = held();
        for _ in 0..MAX_TRIES {
            if self.is_held(name, &held)? {
                return Ok(None);
            }
            let Some((file, _)) = self.open_file(name, OFlags::RDWR)? else {
                self.make_lock(name)?;
                continue;
            };
            let failed = |errno: Errno| self.io(Operation::Lock, name, errno);
            let file = match lock(&file).map_err(failed)? {
                Whose::Ours => file,
                Whose::AnothersOfUs => return Ok(None),
                Whose::AReaders => self.lock_in_place_of(name, &file)?,
                Whose::Nobodys => continue,
            };
            let stat = fstat(&file).map_err(failed)?;
            self.close_to_others(name, &file, &stat)?;
            // Somebody may have removed the file before it was locked: then another one has, or gets, the name.
            if self.has_name(&file, name)? {
                held.push(stat);
                let file = Arc::new(file);
                let until_dropped = HeldLock { file: Some(Arc::clone(&file)), stat };
                return Ok(Some(Locked { file, _held: until_dropped }));
            }
        }
        Err(CacheTrouble::LockLost { path: self.path_of(name) })
    }

    fn is_held(&self, name: &str, held: &[Stat]) -> Result<bool, CacheTrouble> {
        match statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(held.iter().any(|other| is_same(other, &stat))),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.io(Operation::Open, name, errno)),
        }
    }

    /// Gives a lock whose mode is another, as after a restore, the mode that its folder's files have.
    fn close_to_others(&self, name: &str, file: &File, stat: &Stat) -> Result<(), CacheTrouble> {
        if rustix::fs::Mode::from_raw_mode(stat.st_mode) == self.file_mode() {
            return Ok(());
        }
        fchmod(file, self.file_mode()).map_err(|errno| self.io(Operation::Protect, name, errno))
    }

    /// A new file in the place of `old`, locked before it gets the name, and with the times of `old`.
    fn lock_in_place_of(&self, name: &str, old: &File) -> Result<File, CacheTrouble> {
        let (temporary, file) = self.create_temporary(name)?;
        let replaced = retry_on_intr(|| fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive))
            .map_err(std::io::Error::from)
            .and_then(|()| old.metadata())
            .and_then(|old| Ok(FileTimes::new().set_modified(old.modified()?).set_accessed(old.accessed()?)))
            .and_then(|times| file.set_times(times))
            .and_then(|()| Ok(renameat(&self.handle, &temporary, &self.handle, name)?));
        match replaced {
            Ok(()) => Ok(file),
            Err(error) => {
                // A file that stays is in nobody's way.
                let _ = unlinkat(&self.handle, &temporary, AtFlags::empty());
                Err(self.io(Operation::Lock, name, error))
            }
        }
    }
}

/// Locks the file if it is free.
fn lock(file: &File) -> Result<Whose, Errno> {
    match retry_on_intr(|| fcntl_lock(file, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => return Ok(Whose::Ours),
        // POSIX leaves it to the system which of the two it says.
        Err(Errno::AGAIN | Errno::ACCESS) => {}
        Err(errno) => return Err(errno),
    }
    // Locks for reading and for writing cannot be there together.
    Ok(match fcntl_getlk(file, &Flock::from(FlockType::WriteLock))? {
        None => Whose::Nobodys,
        Some(Flock { typ: FlockType::ReadLock, .. }) => Whose::AReaders,
        Some(_) => Whose::AnothersOfUs,
    })
}

fn held() -> MutexGuard<'static, Vec<Stat>> {
    // Nothing that could panic leaves the list half changed.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}
