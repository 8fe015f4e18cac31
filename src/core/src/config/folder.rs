//! The folder of further files beside the main one: which it is, and what somebody who may read it has found there.
//!
//! Nothing is read here, and nothing judged.

use std::path::{Path, PathBuf};

/// The folder of further files, as somebody has read it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConfigFolder<'t> {
    /// How messages call it; empty where there is none.
    pub name: &'t str,
    /// Its files, in the order of their names.
    pub files: &'t [FolderFile<'t>],
}

/// A file of the folder; or the folder itself, where that cannot be read.
#[derive(Debug, Clone, Copy)]
pub struct FolderFile<'t> {
    /// How messages call it.
    pub name: &'t str,
    /// Its text.
    pub text: Result<&'t [u8], Unread<'t>>,
}

/// Why a file was not read.
#[derive(Debug, Clone, Copy)]
pub struct Unread<'t> {
    /// What is wrong: a sentence.
    pub why: &'t str,
    /// What to do.
    pub hint: &'t str,
}

/// The folder of further files that goes with a main file, where nobody names another one: of the same name, up to its
/// `.toml`, and `.d`. So a copy such as `oauth-validator.toml.new` has that of the file whose place it is to take.
#[must_use]
pub fn folder_of(main: &Path) -> PathBuf {
    let name = main.file_name().unwrap_or_default();
    let mut rest = Path::new(name);
    let stem = loop {
        match (rest.extension(), rest.file_stem()) {
            (Some(end), Some(stem)) if end == "toml" => break stem,
            (Some(_), Some(stem)) => rest = Path::new(stem),
            _ => break name,
        }
    };
    let mut folder = stem.to_owned();
    folder.push(".d");
    main.with_file_name(folder)
}
