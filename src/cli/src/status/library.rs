//! Which version of the library a server loads, as far as its data directory leads to the file.
//!
//! A server keeps an old library mapped until it is restarted; this is about the file. It is searched for the words that
//! the library carries for this, never loaded.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// In front of the version, as what(1) looks for it; the module has the same words.
const MARK: &[u8] = b"@(#)oauth_validator ";

/// More than any build of the library.
const MAX_LIBRARY_BYTES: u64 = 64 << 20;

/// The longest version that is taken for one.
const MAX_VERSION_BYTES: usize = 32;

/// A library, and its version if it says one.
pub(super) struct Library {
    pub(super) path: PathBuf,
    pub(super) version: Option<String>,
}

/// The library beside the program that the server was last started with.
pub(super) fn of_server(pgdata: &Path) -> Option<Library> {
    let options = fs::read_to_string(pgdata.join("postmaster.opts")).ok()?;
    // The program, quoted from PostgreSQL 9 on only where its arguments are.
    let program = options.split_whitespace().next()?.trim_matches('"');
    let path = Path::new(program).parent()?.parent()?.join("lib/oauth_validator.so");
    let file = File::open(&path).ok().filter(|file| file.metadata().is_ok_and(|found| found.is_file()))?;
    let mut bytes = Vec::new();
    file.take(MAX_LIBRARY_BYTES).read_to_end(&mut bytes).ok()?;
    Some(Library { version: version_in(&bytes), path })
}

fn version_in(bytes: &[u8]) -> Option<String> {
    let at = bytes.windows(MARK.len()).position(|window| window == MARK)?;
    let version: Vec<u8> = bytes.iter().skip(at + MARK.len()).take(MAX_VERSION_BYTES).copied().collect();
    let end = version.iter().position(|byte| !(byte.is_ascii_alphanumeric() || b".+-".contains(byte)))?;
    String::from_utf8(version.get(..end)?.to_vec()).ok().filter(|version| !version.is_empty())
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn the_version_follows_the_mark_and_ends() {
        assert_eq!(version_in(b"\x7fELF...@(#)oauth_validator 0.1.0\0rest").as_deref(), Some("0.1.0"));
        assert_eq!(version_in(b"@(#)oauth_validator 0.2.0-rc.1 more").as_deref(), Some("0.2.0-rc.1"));
        for other in [&b""[..], b"oauth_validator 0.1.0\0", b"@(#)oauth_validator \0", b"@(#)oauth_validator 1"] {
            assert_eq!(version_in(other), None);
        }
        assert_eq!(version_in(format!("@(#)oauth_validator {}\0", "1".repeat(40)).as_bytes()), None);
    }
}
