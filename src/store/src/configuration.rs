//! Reads the files of a configuration: the main one, and those of its folder, each judged as the main one is.
//!
//! What cannot be read of the folder is said and not left out: the profiles of such a file must not pass for absent. A
//! folder that is not there is an empty one. Must never read a file that was moved away while the folder was read for one
//! that is missing, and never mix what a folder had before and after somebody changed it.

use crate::found::Stamp;
use crate::refusal::Refusal;
use crate::trusted::{FileContents, MAX_CONFIG_BYTES, look_at, read_stamped, read_target_stamped};
use crate::users::ServerUser;
use crate::walk::{self, Walked};
use oauth_validator_core::{ConfigFolder, FolderFile, Unread};
use rustix::fs::{Dir, Mode, OFlags, fstat, lstat, openat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The most files that a folder may have.
pub const MAX_FOLDER_FILES: usize = 1000;

/// The largest file of a folder, in bytes: so that one of a few hundred profiles is left room by each other one.
pub const MAX_FOLDER_FILE_BYTES: usize = 1024 * 1024;

/// How often a folder that changes meanwhile is read.
const TRIES: u32 = 3;

/// The files of a configuration, as they were read.
#[derive(Debug)]
pub struct ConfigurationFiles {
    /// The text of the main file.
    pub main: Vec<u8>,
    /// Those beside it.
    pub folder: FolderTexts,
    /// Everything that was opened, the folder as well, by what fstat(2) said of it. Whatever was refused is missing here: with
    /// a text that was not read, this list does not tell one state of the files from another.
    pub opened: Vec<Stamp>,
    /// Whether that list has everything, and nothing of it changed while it was read.
    pub settled: bool,
    /// When the reading began.
    pub began: SystemTime,
}

/// The files of a folder.
#[derive(Debug, Default)]
pub struct FolderTexts {
    /// The folder, if one was asked for.
    pub path: Option<PathBuf>,
    /// In byte order of their names; the folder itself where that cannot be read.
    pub files: Vec<FolderText>,
}

/// A file of the folder.
#[derive(Debug)]
pub struct FolderText {
    /// Where it is.
    pub path: PathBuf,
    /// Its text, or why it was not read.
    pub text: Result<Vec<u8>, UnreadableConfig>,
}

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableConfig {
    /// What is wrong: a sentence.
    pub why: String,
    /// What to do.
    pub hint: String,
}

impl From<&Refusal> for UnreadableConfig {
    fn from(refusal: &Refusal) -> Self {
        Self { why: format!("{refusal}."), hint: refusal.hint() }
    }
}

impl FolderTexts {
    /// A folder of which nothing can be read.
    #[must_use]
    pub fn unreadable(path: &Path, why: UnreadableConfig) -> Self {
        let file = FolderText { path: path.to_owned(), text: Err(why) };
        Self { path: Some(path.to_owned()), files: vec![file] }
    }

    /// Hands these texts over to somebody who judges them.
    pub fn judged<T>(&self, judge: impl FnOnce(ConfigFolder<'_>) -> T) -> T {
        let names: Vec<String> = self.files.iter().map(|file| file.path.to_string_lossy().into_owned()).collect();
        let files: Vec<FolderFile<'_>> = self
            .files
            .iter()
            .zip(&names)
            .map(|(file, name)| FolderFile {
                name,
                text: file
                    .text
                    .as_deref()
                    .map_err(|unreadable| Unread { why: &unreadable.why, hint: &unreadable.hint }),
            })
            .collect();
        let folder = self.path.as_ref().map(|path| path.to_string_lossy()).unwrap_or_default();
        judge(ConfigFolder { name: &folder, files: &files })
    }
}

/// Whether a name is that of a file of the folder: `*.toml`, and not hidden.
#[must_use]
pub fn is_folder_file(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.ends_with(b".toml") && !name.starts_with(b".")
}

/// Reads the main file, and what is in `folder`.
///
/// # Errors
///
/// The [`Refusal`] of the main file. What is refused in the folder stands beside the texts that were read.
pub fn read_configuration(main: &Path, folder: Option<&Path>, user: ServerUser) -> Result<ConfigurationFiles, Refusal> {
    let began = SystemTime::now();
    let FileContents { contents, stamp, unchanged } = read_stamped(main, MAX_CONFIG_BYTES, user)?;
    let mut opened = Vec::new();
    let folder = folder.map(|folder| read_folder(folder, user, &mut opened)).unwrap_or_default();
    let all_read = folder.files.iter().all(|file| file.text.is_ok());
    // Every file of the folder, and the folder; or nothing at all, where there is none.
    let all_stamped = opened.len() == if opened.is_empty() { folder.files.len() } else { folder.files.len() + 1 };
    opened.insert(0, stamp);
    Ok(ConfigurationFiles { main: contents, folder, opened, settled: unchanged && all_read && all_stamped, began })
}

/// What is there of a configuration now, as [`ConfigurationFiles::opened`] would have it: everything is found, judged and
/// opened as [`read_configuration`] does, and not read. `None` where anything is refused.
pub(crate) fn look(main: &Path, folder: Option<&Path>, user: ServerUser) -> Option<Vec<Stamp>> {
    let target = walk::find(main, user).ok()?;
    let mut opened = vec![look_at(main, &target, user).ok()?];
    let Some(path) = folder else { return Some(opened) };
    match walk::find_folder_after(target, path, user) {
        Ok(folder) => {
            let listed = list(path, &folder).ok()?;
            opened.push(listed.stamp);
            for name in listed.names {
                let path = path.join(&name);
                opened.push(look_at(&path, &folder.find(&path, &name).ok()?, user).ok()?);
            }
            Some(opened)
        }
        Err(Refusal::NotFound { .. }) if is_absent(path) => Some(opened),
        Err(_) => None,
    }
}

/// Reads every file of a folder; one that is not there is an empty one.
#[must_use]
pub fn folder_texts(path: &Path, user: ServerUser) -> FolderTexts {
    read_folder(path, user, &mut Vec::new())
}

/// Reads every file of a folder, and adds what it opened.
fn read_folder(path: &Path, user: ServerUser, opened: &mut Vec<Stamp>) -> FolderTexts {
    let mut last = Vec::new();
    for _ in 0..TRIES {
        match read_once(path, user) {
            Ok(ReadOnce { files, stamps, unchanged }) => {
                if unchanged {
                    opened.extend(stamps);
                    return FolderTexts { path: Some(path.to_owned()), files };
                }
                last = files;
            }
            // A link that leads nowhere is another thing.
            Err(Refusal::NotFound { .. }) if is_absent(path) => {
                return FolderTexts { path: Some(path.to_owned()), files: Vec::new() };
            }
            Err(refusal) => return FolderTexts::unreadable(path, UnreadableConfig::from(&refusal)),
        }
    }
    // It changes all the time: what was read last is as good as what would be read next.
    FolderTexts { path: Some(path.to_owned()), files: last }
}

/// Whether nothing has that name, not even a symbolic link.
fn is_absent(path: &Path) -> bool {
    lstat(path).err() == Some(Errno::NOENT)
}

/// What was read in one go.
struct ReadOnce {
    files: Vec<FolderText>,
    stamps: Vec<Stamp>,
    /// Whether nobody has added, renamed or removed a file meanwhile.
    unchanged: bool,
}

/// The names of a folder's files, in their order.
struct FolderListing {
    handle: OwnedFd,
    names: Vec<OsString>,
    stamp: Stamp,
}

fn list(path: &Path, folder: &Walked<'_>) -> Result<FolderListing, Refusal> {
    let unreadable = |errno: Errno| folder.unreadable(std::io::Error::from(errno).to_string());
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let handle = openat(folder.handle(), ".", flags, Mode::empty()).map_err(unreadable)?;
    let stamp = Stamp::new(folder.path().to_owned(), &fstat(&handle).map_err(unreadable)?);
    let mut names: Vec<OsString> = Vec::new();
    for entry in Dir::read_from(&handle).map_err(unreadable)? {
        let name = OsString::from_vec(entry.map_err(unreadable)?.file_name().to_bytes().to_vec());
        if is_folder_file(&name) {
            names.push(name);
        }
        if names.len() > MAX_FOLDER_FILES {
            return Err(Refusal::TooMany { asked: path.to_owned(), max_files: MAX_FOLDER_FILES });
        }
    }
    names.sort_unstable_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
    Ok(FolderListing { handle, names, stamp })
}

fn read_once(path: &Path, user: ServerUser) -> Result<ReadOnce, Refusal> {
    let folder = walk::find_folder(path, user)?;
    let FolderListing { handle, names, stamp: before } = list(path, &folder)?;
    let mut stamps = vec![before.clone()];
    let mut files = Vec::with_capacity(names.len());
    let mut room = MAX_CONFIG_BYTES;
    for name in names {
        let path = path.join(&name);
        match read_file(&folder, &path, &name, &mut room, user) {
            Ok(FileContents { contents, stamp, unchanged }) => {
                // If a file was written meanwhile, it cannot be said what was read of it.
                stamps.extend(unchanged.then_some(stamp));
                files.push(FolderText { path, text: Ok(contents) });
            }
            Err(refusal) => files.push(FolderText { path, text: Err(UnreadableConfig::from(&refusal)) }),
        }
    }
    let after = fstat(&handle).map_err(|errno| folder.unreadable(std::io::Error::from(errno).to_string()))?;
    let unchanged = before == Stamp::new(folder.path().to_owned(), &after);
    Ok(ReadOnce { files, stamps, unchanged })
}

/// Reads one file; `room` is what is left for all.
fn read_file(
    folder: &Walked<'_>,
    path: &Path,
    name: &OsStr,
    room: &mut usize,
    user: ServerUser,
) -> Result<FileContents, Refusal> {
    let target = folder.find(path, name)?;
    let read = read_target_stamped(path, &target, MAX_FOLDER_FILE_BYTES, user)?;
    match room.checked_sub(read.contents.len()) {
        Some(left) => *room = left,
        None => return Err(Refusal::NoRoom { asked: path.to_owned(), max_bytes: MAX_CONFIG_BYTES }),
    }
    Ok(read)
}
