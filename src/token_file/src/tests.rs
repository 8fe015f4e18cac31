//! Files that give a token, and files that must not.

use super::{expiry, read};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const NOW: i64 = 1_800_000_000;

struct TokenFolder(TempDir);

impl TokenFolder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join("token");
        fs::write(&path, contents).expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a mode");
        path
    }
}

fn own() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn jwt(claims: &str) -> String {
    format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode("{\"alg\":\"RS256\"}"), URL_SAFE_NO_PAD.encode(claims))
}

#[track_caller]
fn refused(path: &Path, why: &str) {
    let said = read(path, own(), NOW).expect_err(why);
    assert!(said.starts_with(&path.display().to_string()) && said.contains(why), "{said}");
}

#[test]
fn white_space_around_a_token_is_none_of_it() {
    let folder = TokenFolder::new();
    for text in ["abc.def-_~+/==", "abc.def-_~+/==\n", " \tabc.def-_~+/==\r\n\n"] {
        let found = read(&folder.file(text), own(), NOW).expect(text);
        assert_eq!(&**found, b"abc.def-_~+/==", "{text:?}");
    }
}

#[test]
fn a_group_may_read_it_and_nobody_else() {
    let folder = TokenFolder::new();
    let path = folder.file("token");
    for mode in [0o400, 0o600, 0o440, 0o640] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        assert!(read(&path, own(), NOW).is_ok(), "{mode:o}");
    }
    for mode in [0o644, 0o660, 0o602, 0o604, 0o601, 0o700, 0o666, 0o4600] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        refused(&path, &format!("its mode is {mode:04o}"));
    }
}

#[test]
fn a_strangers_file_is_none() {
    let folder = TokenFolder::new();
    let path = folder.file("token");
    // Whoever runs this: the file is another's for the user beside.
    if own() == 0 {
        chown(&path, Some(4711), None).expect("root gives files away");
        refused(&path, "it belongs to the user 4711");
        chown(&path, Some(0), None).expect("root gives files away");
        assert!(read(&path, 4711, NOW).is_ok(), "root's files are for everybody who can read them");
    } else {
        let said = read(&path, own() + 1, NOW).expect_err("another's");
        assert!(said.contains("it belongs to the user"), "{said}");
    }
}

#[test]
fn what_is_no_file_does_not_hold_a_login_up() {
    let folder = TokenFolder::new();
    refused(&folder.0.path().join("nothing"), "No such file or directory");
    refused(folder.0.path(), "it is not a regular file");
    refused(Path::new("/dev/null"), "it is not a regular file");
    refused(Path::new("token"), "absolute path");
    let pipe = folder.0.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
    refused(&pipe, "it is not a regular file");
}

#[test]
fn a_link_is_followed_to_what_is_judged() {
    let folder = TokenFolder::new();
    let path = folder.file("token");
    let link = folder.0.path().join("link");
    symlink(&path, &link).expect("a link");
    assert!(read(&link, own(), NOW).is_ok());
    fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("a mode");
    refused(&link, "its mode is 0644");
}

#[test]
fn what_is_no_token_is_told_and_not_shown() {
    let folder = TokenFolder::new();
    for (text, why) in [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("Bearer sentinel", "begins with \"Bearer \""),
        ("bearer sentinel", "begins with \"Bearer \""),
        ("sentinel sentinel", "characters that no bearer token has"),
        ("sentinel\nsentinel", "characters that no bearer token has"),
        ("{\"access_token\":\"sentinel\"}", "characters that no bearer token has"),
        ("sentinel\u{0}", "characters that no bearer token has"),
        ("sentin\u{e9}l", "characters that no bearer token has"),
    ] {
        let path = folder.file(text);
        let said = read(&path, own(), NOW).expect_err(text);
        assert!(said.contains(why) && !said.contains("sentin"), "{said}");
    }
}

#[test]
fn a_token_has_its_limit() {
    let folder = TokenFolder::new();
    assert!(read(&folder.file("x".repeat(65_535)), own(), NOW).is_ok());
    refused(&folder.file("x".repeat(65_536)), "more than the 65535 bytes");
    refused(&folder.file("x".repeat(1_000_000)), "more than the 65535 bytes");
}

#[test]
fn a_jwt_that_has_expired_is_stale() {
    let folder = TokenFolder::new();
    for claims in [format!("{{\"exp\":{}}}", NOW + 1), format!("{{\"exp\":{}.5}}", NOW + 1), "{}".to_owned()] {
        assert!(read(&folder.file(jwt(&claims)), own(), NOW).is_ok(), "{claims}");
    }
    for (claims, ago) in [(format!("{{\"exp\":{NOW}}}"), 0), (format!("{{\"exp\":{}}}", NOW - 90), 90)] {
        refused(&folder.file(jwt(&claims)), &format!("its token expired {ago} s ago"));
    }
    refused(&folder.file(jwt("{\"exp\":-1e300}")), "its token expired");
}

#[test]
fn what_says_no_expiry_is_left_to_the_server() {
    for token in
        ["opaque", "a.b", "a.b.c", "a.b.c.d", &jwt("[]"), &jwt("{\"exp\":\"soon\"}"), &jwt("{\"exp\":1,\"exp\":1}")]
    {
        assert_eq!(expiry(token.as_bytes()), None, "{token}");
    }
}
