//! Which build of the library a server loads, as far as its data directory leads to the file.
//!
//! A server keeps an old library mapped until it is restarted; this is about the file. It is searched for the words that
//! the library carries for this, never loaded.

use crate::config_file::short_text;
use oauth_validator_core::build::{self, MARK};
use oauth_validator_store::{ServerUser, open_readable};
use std::io::Read;
use std::path::{Path, PathBuf};

/// More than any build of the library.
const MAX_LIBRARY_BYTES: u64 = 64 << 20;

/// More than the words of any build.
const MAX_MARK_BYTES: usize = 256;

/// A library, and its build if it says one.
pub(crate) struct Library {
    pub(crate) path: PathBuf,
    pub(crate) build: Option<Build>,
}

/// What a library or this tool was built of; what it does not say is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Build {
    pub(crate) version: String,
    pub(crate) commit: Option<String>,
    pub(crate) rustc: Option<String>,
    /// The server whose headers it was built with.
    pub(crate) postgresql: Option<String>,
}

impl Build {
    /// This tool's own.
    pub(crate) fn own() -> Self {
        Self {
            version: build::VERSION.to_owned(),
            commit: Some(build::COMMIT.to_owned()).filter(|commit| !commit.is_empty()),
            rustc: Some(build::COMPILER.to_owned()),
            postgresql: None,
        }
    }

    /// Whether two of one source may be of different builds: by their versions, and by their commits where both are known.
    pub(crate) fn differs_from(&self, other: &Self) -> bool {
        let commits = self.commit.as_ref().zip(other.commit.as_ref());
        self.version != other.version || commits.is_some_and(|(one, other)| one != other)
    }

    /// The version, and the first digits of the commit if it is known.
    pub(crate) fn in_short(&self) -> String {
        let commit = self.commit.as_deref().and_then(|commit| commit.get(..12));
        commit.map_or_else(|| self.version.clone(), |commit| format!("{} ({commit})", self.version))
    }

    /// What follows [`MARK`], up to the zero byte.
    fn read(text: &[u8]) -> Option<Self> {
        let end = text.iter().take(MAX_MARK_BYTES).position(|byte| *byte == 0)?;
        let text = std::str::from_utf8(text.get(..end)?).ok()?;
        let mut words = text.split(' ');
        let is_plain = |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".+-~".contains(&byte));
        let version = words.next().filter(|version| !version.is_empty() && is_plain(version))?.to_owned();
        let mut build = Self { version, commit: None, rustc: None, postgresql: None };
        for (name, value) in words.filter_map(|word| word.split_once('=')) {
            let value = Some(value.to_owned()).filter(|value| !value.is_empty() && is_plain(value));
            match name {
                "commit" => build.commit = value,
                "rustc" => build.rustc = value,
                "postgresql" => build.postgresql = value,
                _ => {}
            }
        }
        Some(build)
    }
}

/// The library beside the program that the server was last started with.
pub(crate) fn of_server(pgdata: &Path) -> Option<Library> {
    let options = short_text(&pgdata.join("postmaster.opts"))?;
    // The program, quoted from PostgreSQL 9 on only where its arguments are.
    let program = options.split_whitespace().next()?.trim_matches('"');
    let path = Path::new(program).parent()?.parent()?.join("lib/oauth_validator.so");
    let file = open_readable(&path, ServerUser::current()).ok()?;
    let mut bytes = Vec::new();
    file.take(MAX_LIBRARY_BYTES).read_to_end(&mut bytes).ok()?;
    Some(Library { build: build_in(&bytes), path })
}

fn build_in(bytes: &[u8]) -> Option<Build> {
    let at = bytes.windows(MARK.len()).position(|window| window == MARK.as_bytes())?;
    Build::read(bytes.get(at + MARK.len()..)?)
}

#[cfg(test)]
mod tests {
    use super::{Build, build_in};

    fn build(version: &str, commit: Option<&str>) -> Build {
        Build { version: version.into(), commit: commit.map(Into::into), rustc: None, postgresql: None }
    }

    #[test]
    fn what_a_library_says_follows_the_mark_and_ends() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let whole =
            format!("\x7fELF...@(#)oauth_validator 0.2.0-rc.1 commit={commit} rustc=1.95.0 postgresql=18.6\0rest");
        let found = build_in(whole.as_bytes()).unwrap();
        assert_eq!(found.in_short(), "0.2.0-rc.1 (0123456789ab)");
        assert_eq!((found.rustc.as_deref(), found.postgresql.as_deref()), (Some("1.95.0"), Some("18.6")));
        assert_eq!(build_in(b"@(#)oauth_validator 0.1.0\0"), Some(build("0.1.0", None)));
        assert_eq!(build_in(b"@(#)oauth_validator 0.1.0 commit= rustc=\0"), Some(build("0.1.0", None)));
        assert_eq!(build_in(b"@(#)oauth_validator 0.1.0 commit=\x1b[31m later=1\0"), Some(build("0.1.0", None)));
        for other in [&b""[..], b"oauth_validator 0.1.0\0", b"@(#)oauth_validator \0", b"@(#)oauth_validator 1"] {
            assert_eq!(build_in(other), None);
        }
        assert_eq!(build_in(format!("@(#)oauth_validator {}\0", "1".repeat(300)).as_bytes()), None);
        assert_eq!(build_in(b"@(#)oauth_validator \x1b[31m\0"), None);
    }

    #[test]
    fn builds_differ_by_version_and_by_commits_that_are_known() {
        let same = build("0.1.0", Some("a"));
        for (other, differs) in [
            (build("0.1.0", Some("a")), false),
            (build("0.1.0", None), false),
            (build("0.1.0", Some("b")), true),
            (build("0.1.1", Some("a")), true),
            (build("0.1.1", None), true),
        ] {
            assert_eq!(same.differs_from(&other), differs, "{other:?}");
            assert_eq!(other.differs_from(&same), differs, "{other:?}");
        }
    }

    #[test]
    fn this_tool_knows_its_own() {
        let own = Build::own();
        assert_eq!(own.version, env!("CARGO_PKG_VERSION"));
        assert!(own.rustc.is_some_and(|rustc| rustc.starts_with("1.")));
        assert!(own.commit.is_none_or(|commit| commit.len() == 40));
    }
}
