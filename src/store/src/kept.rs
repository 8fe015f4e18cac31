//! The file with the kept form of a configuration, in the folder of key files: who may use it, and who writes it.
//!
//! The texts stay the only truth. A form is used only if every file and folder of the configuration is judged and opened as if
//! it were to be read, and all of them are as they were when the form was made: device, inode, size, and the times of their
//! last change, to the nanosecond. Must never be the reason why a login fails, waits, or is decided by an older text; where
//! anything is doubtful, the texts are read.
//!
//! A change may leave the time of a file as it is if it comes within one tick of the kernel's clock, so nothing is kept of a
//! file that changed less than [`SETTLED`] before it was read, nor of one whose time is a whole second. A change that sets
//! the modification time back sets the time of the change of status, which nobody can set. What is written through a shared
//! mapping may change neither at once: the manual says so. A power cut can leave new contents with the old times, since file
//! systems write these later (fdatasync(2) does not wait for them): so no form outlives the machine's run.

use crate::cache_files::Opened;
use crate::configuration::{ConfigurationFiles, look};
use crate::found::Stamp;
use crate::trouble::CacheTrouble;
use crate::users::ServerUser;
use oauth_validator_core::{KeptChoice, Pieces, Request, build, choose, sha256_hex};
use rustix::fs::OFlags;
use std::borrow::Cow;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a file must have been as it is when it was read.
const SETTLED: Duration = Duration::from_secs(2);

/// What a form begins with. The number rises when what follows is laid out otherwise.
const MAGIC: &[u8] = b"oauth_validator configuration 1\n";

/// So much is read at once: all of a form with a few profiles.
const START_BYTES: usize = 16 * 1024;

/// Where the form of a configuration is kept.
#[derive(Debug, Clone, Copy)]
pub struct KeptPlace<'p> {
    /// The main file of the configuration.
    pub main: &'p Path,
    /// The folder of its further files, if there is to be one.
    pub config_directory: Option<&'p Path>,
    /// The folder of key files.
    pub folder: &'p Path,
    /// Whether that may be made, as for [`crate::KeyFolder::open`].
    pub create_folder: bool,
    /// Whose server it is.
    pub user: ServerUser,
    /// When the machine was started, by the wall clock as it is now.
    pub booted: SystemTime,
}

/// A form that was made of what is there now.
#[derive(Debug)]
pub struct KeptConfiguration {
    file: File,
    size: u64,
    /// The beginning of the file.
    start: Vec<u8>,
    /// Where the form begins in the file.
    form_at: u64,
    /// What it was made of.
    made_of: u64,
}

impl KeptPlace<'_> {
    /// Opens the form, if it is one of the configuration as it is. `now` is the wall clock.
    #[must_use]
    pub fn open(&self, now: SystemTime) -> Option<KeptConfiguration> {
        let folder = Opened::new(self.folder, self.user, false).ok()?;
        let (file, start, size) = self.start(&folder)?;
        // Only where there is a form at all: what follows takes as long as reading a small configuration.
        let opened = look(self.main, self.config_directory, self.user)?;
        let head = self.head(&opened)?;
        let read_at = read_at(&file, &start, &head)?;
        // A clock that was set back may give a later change the time of an earlier one.
        let is_past = |time: &Stamp| changed_at(time).is_some_and(|changed| changed <= now);
        (read_at >= self.booted && read_at <= now && opened.iter().all(is_past)).then_some(())?;
        let form_at = u64::try_from(head.len()).ok()?.checked_add(TIME_BYTES as u64)?;
        Some(KeptConfiguration { file, size, start, form_at, made_of: number_of(&head) })
    }

    /// Keeps the form that `make` makes of these texts, for which it gets a number, unless another login keeps one or there is
    /// one of them; one that is `damaged` is replaced. Says whether it did.
    ///
    /// # Errors
    ///
    /// When it cannot be written, which must not matter to anybody who waits.
    pub fn keep(
        &self,
        texts: &ConfigurationFiles,
        damaged: bool,
        make: impl FnOnce(u64) -> Option<Vec<u8>>,
    ) -> Result<bool, CacheTrouble> {
        if !texts.settled || !texts.opened.iter().all(|stamp| has_settled(stamp, texts.began)) {
            return Ok(false);
        }
        let Some(mut contents) = self.head(&texts.opened) else { return Ok(false) };
        let folder = Opened::new(self.folder, self.user, self.create_folder)?;
        let name = self.name();
        let Some(_lock) = folder.try_lock_file(&format!("{name}.lock"))? else { return Ok(false) };
        let is_there = |(file, start, _): (File, Vec<u8>, u64)| {
            read_at(&file, &start, &contents).is_some_and(|at| at >= self.booted && at <= texts.began)
        };
        if !damaged && self.start(&folder).is_some_and(is_there) {
            return Ok(false);
        }
        let Some(form) = make(number_of(&contents)) else { return Ok(false) };
        contents.extend(written_time(texts.began));
        contents.extend(form);
        folder.replace_unsynced(&format!("{name}.new"), &name, &contents)?;
        Ok(true)
    }

    /// The file, which no profile can have: their names have no dot.
    fn name(&self) -> String {
        let mut paths = self.main.as_os_str().as_bytes().to_vec();
        if let Some(folder) = self.config_directory {
            paths.push(0);
            paths.extend(folder.as_os_str().as_bytes());
        }
        let hash = sha256_hex(&paths);
        format!("configuration.{}.kept", hash.get(..32).unwrap_or(&hash))
    }

    /// The file, its beginning, and its size.
    fn start(&self, folder: &Opened) -> Option<(File, Vec<u8>, u64)> {
        let (file, found) = folder.open_file(&self.name(), OFlags::RDONLY).ok()??;
        let start = read_from(&file, 0, START_BYTES.min(usize::try_from(found.size).ok()?))?;
        Some((file, start, found.size))
    }

    /// What a form has to begin with that was made by this build of what was opened: all of it is compared.
    fn head(&self, opened: &[Stamp]) -> Option<Vec<u8>> {
        let mut head = Vec::new();
        let mut add = |bytes: &[u8]| {
            head.extend(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
            head.extend(bytes);
        };
        [build::VERSION, build::COMMIT, build::COMPILER, build::SOURCE].iter().for_each(|part| add(part.as_bytes()));
        add(self.main.as_os_str().as_bytes());
        if let Some(folder) = self.config_directory {
            add(folder.as_os_str().as_bytes());
        }
        for Stamp { path, device, inode, size, modified, changed } in opened {
            add(path.as_os_str().as_bytes());
            [*device, *inode, *size, modified.1, changed.1].iter().for_each(|number| add(&number.to_le_bytes()));
            [modified.0, changed.0].iter().for_each(|seconds| add(&seconds.to_le_bytes()));
        }
        let length = u64::try_from(head.len()).ok()?.to_le_bytes();
        Some([MAGIC, &length, &head].concat())
    }
}

/// The texts and the build that a head names, as one number: pieces of a form with another head must not pass for pieces of
/// this one.
fn number_of(head: &[u8]) -> u64 {
    sha256_hex(head).get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

/// A time, and the same once more: so small a piece needs no better checksum.
const TIME_BYTES: usize = 16;

fn written_time(time: SystemTime) -> [u8; TIME_BYTES] {
    let micros = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    let micros = u64::try_from(micros).unwrap_or(u64::MAX);
    let mut bytes = [0; TIME_BYTES];
    let (one, other) = bytes.split_at_mut(TIME_BYTES / 2);
    one.copy_from_slice(&micros.to_le_bytes());
    other.copy_from_slice(&(!micros).to_le_bytes());
    bytes
}

/// When the texts were read, of a form that has this head and no other.
fn read_at(file: &File, start: &[u8], head: &[u8]) -> Option<SystemTime> {
    let end = head.len().checked_add(TIME_BYTES)?;
    let all = match start.get(..end) {
        Some(all) => Cow::Borrowed(all),
        // It has many files.
        None if start.len() == START_BYTES && head.starts_with(start.get(..head.len().min(START_BYTES))?) => {
            Cow::Owned(read_from(file, 0, end)?)
        }
        None => return None,
    };
    let (written, time) = all.split_at_checked(head.len())?;
    let (one, other) = time.split_first_chunk()?;
    let micros = u64::from_le_bytes(*one);
    let is_whole = written == head && u64::from_le_bytes(*other.first_chunk()?) == !micros;
    is_whole.then(|| UNIX_EPOCH.checked_add(Duration::from_micros(micros))).flatten()
}

/// Whether any later change will show in the times of what was read then.
pub(crate) fn has_settled(stamp: &Stamp, read: SystemTime) -> bool {
    // A whole second is the time of a file system that has no fractions, or of an image (squashfs, erofs, ISO 9660) whose
    // times were made up: the next image can have the same ones.
    let has_fraction = stamp.changed.1 != 0;
    let settled = changed_at(stamp).and_then(|changed| changed.checked_add(SETTLED));
    has_fraction && settled.is_some_and(|settled| settled <= read)
}

/// `None` of a time before 1970.
fn changed_at(stamp: &Stamp) -> Option<SystemTime> {
    let (seconds, nanoseconds) = stamp.changed;
    let since = Duration::new(u64::try_from(seconds).ok()?, u32::try_from(nanoseconds).ok()?);
    UNIX_EPOCH.checked_add(since)
}

fn read_from(file: &File, at: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at).ok()?;
    Some(bytes)
}

impl KeptConfiguration {
    /// What the form has for this login.
    #[must_use]
    pub fn choose(&mut self, request: &Request) -> KeptChoice {
        choose(self, request)
    }
}

impl Pieces for KeptConfiguration {
    fn made_of(&self) -> u64 {
        self.made_of
    }

    fn piece(&mut self, at: u64, length: usize) -> Option<Cow<'_, [u8]>> {
        let begin = self.form_at.checked_add(at)?;
        let end = begin.checked_add(u64::try_from(length).ok()?)?;
        let range = usize::try_from(begin).ok()?..usize::try_from(end).ok()?;
        if let Some(there) = self.start.get(range) {
            return Some(Cow::Borrowed(there));
        }
        // Whatever a damaged form says, no more is asked for than the file has.
        (end <= self.size).then(|| read_from(&self.file, begin, length)).flatten().map(Cow::Owned)
    }
}
