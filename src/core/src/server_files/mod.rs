//! The server's own files: pg_hba.conf, pg_ident.conf and postgresql.conf, as far as OAuth logins depend on them.
//!
//! Read as PostgreSQL 18 and 19 read them (hba.c, guc-file.l, conffiles.c), so that what is said of a line is what the
//! server makes of it. Contents come in through [`FileSystem`]: nothing here opens a file. A line that the server would not
//! take is kept with the server's own words, and never hides the lines behind it. What only the server can know, such as
//! who is a member of a role, is [`FileMatch::Unknown`], and is never guessed.

mod address;
mod hba;
mod ident;
mod matching;
mod names;
mod pattern;
mod review;
mod settings;
mod syntax;
mod tokens;

pub use address::Address;
pub use hba::{ConnectionType, HbaContext, HbaLine};
pub use ident::{IdentLine, Mapping, RolesOfIdentity, map_identity, roles_of};
pub use matching::{ChosenLine, ClientOrigin, LoginQuery, choose};
pub use names::{FileMatch, HbaName};
pub use review::{ServerFinding, Spot, review};
pub use settings::{GucSetting, GucSettings, LIBRARY};

use std::fmt;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

/// How deep files may include each other (CONF_FILE_MAX_DEPTH of conffiles.h).
const MAX_DEPTH: usize = 10;

/// How many files are read at all: folders that include each other would otherwise be read 10 deep.
const MAX_FILES: usize = 1000;

/// Somebody who may read files.
pub trait FileSystem {
    /// The contents of a file.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, UnreadableFile>;

    /// The names in a folder that are no folders themselves, in any order.
    ///
    /// # Errors
    /// If there is no such folder, or it cannot be read.
    fn list(&mut self, folder: &Path) -> Result<Vec<String>, UnreadableFile>;
}

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableFile {
    /// There is no such file.
    pub missing: bool,
    /// In the words of strerror(3).
    pub why: String,
}

/// A file that was read. What is no UTF-8 is replaced in `text`.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub text: Rc<str>,
}

/// Bytes of one of the files that were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePosition {
    /// Index in [`FileReader::sources`].
    pub source: usize,
    /// Bytes of its text.
    pub span: Range<usize>,
}

/// A line that the server does not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line.
    pub line: FilePosition,
    /// The part of it that is wrong; in another file where `@` names one.
    pub place: FilePosition,
    /// What is wrong, in the server's words where it has some.
    pub message: String,
}

impl Problem {
    /// One of a line as a whole.
    fn of(line: FilePosition, message: impl Into<String>) -> Self {
        Self { line: line.clone(), place: line, message: message.into() }
    }
}

/// Reads files, and keeps what was read, so that findings can show it.
pub struct FileReader<'f> {
    files: &'f mut dyn FileSystem,
    sources: Vec<SourceFile>,
}

impl fmt::Debug for FileReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("sources", &self.sources).finish_non_exhaustive()
    }
}

impl<'f> FileReader<'f> {
    /// A reader that has read nothing yet.
    pub fn new(files: &'f mut dyn FileSystem) -> Self {
        Self { files, sources: Vec::new() }
    }

    /// Every file that was read, in that order.
    #[must_use]
    pub fn sources(&self) -> &[SourceFile] {
        &self.sources
    }

    /// Every file that was read, in that order, and no reader any more.
    #[must_use]
    pub fn into_sources(self) -> Vec<SourceFile> {
        self.sources
    }

    /// Where something is, for a person: `pg_hba.conf:7`.
    #[must_use]
    pub fn place(&self, place: &FilePosition) -> String {
        place_in(&self.sources, place)
    }

    /// Reads pg_hba.conf, with all that it includes: a line each, in their order.
    ///
    /// # Errors
    /// If the file itself cannot be read; what is wrong with those that it includes is said of the line that does.
    pub fn hba(&mut self, path: &Path, context: &HbaContext) -> Result<Vec<Result<HbaLine, Problem>>, UnreadableFile> {
        let lines = tokens::read(self, path)?;
        Ok(lines.into_iter().map(|line| hba::parse(line, context)).collect())
    }

    /// Reads pg_ident.conf in the same way.
    ///
    /// # Errors
    /// As with [`FileReader::hba`].
    pub fn ident(&mut self, path: &Path) -> Result<Vec<Result<IdentLine, Problem>>, UnreadableFile> {
        let lines = tokens::read(self, path)?;
        Ok(lines.into_iter().map(ident::parse).collect())
    }

    /// Reads postgresql.conf, and behind it postgresql.auto.conf of the data directory: `data_directory` is where that is
    /// unless the file says so itself.
    ///
    /// # Errors
    /// As with [`FileReader::hba`].
    pub fn settings(&mut self, path: &Path, data_directory: &Path) -> Result<GucSettings, UnreadableFile> {
        settings::read(self, path, data_directory)
    }

    /// Reads one file, whose index it returns.
    fn open(&mut self, path: &Path) -> Result<usize, UnreadableFile> {
        if self.sources.len() >= MAX_FILES {
            return Err(UnreadableFile { missing: false, why: format!("more than {MAX_FILES} files") });
        }
        let bytes = self.files.read(path)?;
        let text = String::from_utf8_lossy(&bytes).into();
        self.sources.push(SourceFile { path: path.to_owned(), text });
        Ok(self.sources.len() - 1)
    }

    /// The files of a folder whose names end in `.conf`, in the order of their names (`GetConfFilesInDir`).
    fn conf_files(&mut self, folder: &str, from: usize) -> Result<Vec<PathBuf>, String> {
        if folder.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
            return Err("empty configuration directory name".to_owned());
        }
        let folder = self.located(folder, from);
        let listed = self.files.list(&folder);
        let mut names = listed.map_err(|_| format!("could not open directory \"{}\"", folder.display()))?;
        names.retain(|name| name.len() > 5 && !name.starts_with('.') && name.ends_with(".conf"));
        names.sort_unstable();
        Ok(names.into_iter().map(|name| folder.join(name)).collect())
    }

    /// What file `source` holds, as it was read.
    fn text(&self, source: usize) -> Rc<str> {
        self.sources.get(source).map(|source| Rc::clone(&source.text)).unwrap_or_default()
    }

    /// Where a path leads that file `from` names (`AbsoluteConfigLocation`).
    fn located(&self, path: &str, from: usize) -> PathBuf {
        if path.starts_with('/') {
            return PathBuf::from(path);
        }
        let folder = self.sources.get(from).and_then(|source| source.path.parent()).unwrap_or(Path::new(""));
        canonical(&folder.join(path))
    }
}

/// Where something is, for a person: the file's name and the line.
#[must_use]
pub fn place_in(sources: &[SourceFile], place: &FilePosition) -> String {
    let Some(source) = sources.get(place.source) else { return String::new() };
    let name = source.path.file_name().unwrap_or(source.path.as_os_str());
    format!("{}:{}", name.display(), line_of(&source.text, place.span.start))
}

/// The line of byte `offset`, from 1.
#[must_use]
pub fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// The path without `.` and `..`, by its text alone (`canonicalize_path`).
fn canonical(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if parts.file_name().is_some() => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts
}

#[cfg(test)]
mod tests;
