//! Real files, owners and mounts. What needs root says so by name and is skipped without it; as root, the whole suite is
//! run once more as an ordinary user.

mod accepted;
mod cache;
mod cache_writes;
mod configuration;
mod executable;
mod kept;
mod key_file;
mod locks;
mod provider;
mod provider_request;
mod races;
mod refused;
mod words;

use crate::{Refusal, ServerUser, read_trusted};
use rustix::fs::{Gid, Uid, chownat};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

/// A user and group that no test machine has.
const STRANGER: u32 = 12_345;

/// In every file that must be refused: no refusal may repeat it.
const SECRET: &str = "contents-that-no-error-may-show";

/// A folder that everybody may search and only its owner may change.
struct TestFolder {
    folder: TempDir,
}

impl TestFolder {
    fn new() -> Self {
        let place = Self { folder: TempDir::new().expect("a temporary folder") };
        set_mode(place.folder.path(), 0o755);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, SECRET).expect("a file");
        set_mode(&path, mode);
        path
    }

    fn folder(&self, name: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).expect("a folder");
        set_mode(&path, mode);
        path
    }

    fn link(&self, name: &str, target: impl AsRef<Path>) -> PathBuf {
        let path = self.path(name);
        std::os::unix::fs::symlink(target, &path).expect("a symbolic link");
        path
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

/// Gives a file, folder or symbolic link to others.
fn give(path: &Path, uid: u32, gid: u32) {
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    chownat(rustix::fs::CWD, path, Some(uid), Some(gid), flags).expect("a new owner");
}

fn read(path: &Path) -> Result<Vec<u8>, Refusal> {
    read_as(path, ServerUser::current())
}

/// Reads in a thread of its own, so that a read that blocks fails the test instead of hanging it.
fn read_as(path: &Path, user: ServerUser) -> Result<Vec<u8>, Refusal> {
    let path = path.to_owned();
    at_once(move || read_trusted(&path, 1024, user))
}

fn at_once<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(Duration::from_secs(10)).expect("an answer without waiting")
}

/// Refused with this code, in a text that names the path at fault and `words`, and shows no contents.
#[track_caller]
fn assert_refused(result: Result<Vec<u8>, Refusal>, code: &str, at: &Path, words: &[&str]) {
    let refusal = match result {
        Ok(_) => panic!("{} was accepted; expected {code}", at.display()),
        Err(refusal) => refusal,
    };
    let text = refusal.to_string();
    assert_eq!(refusal.code(), code, "{text}");
    assert!(text.contains(&format!("{at:?}")), "no {at:?} in: {text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
    assert!(!refusal.hint().is_empty());
    assert!(!format!("{text}{}{refusal:?}", refusal.hint()).contains(SECRET), "contents in: {text}");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether the test may go on; says which one does not.
fn needs_root(test: &str) -> bool {
    if !is_root() {
        println!("skipped: {test} needs root");
    }
    is_root()
}

#[test]
fn all_of_this_holds_for_an_ordinary_user() {
    if !needs_root("all_of_this_holds_for_an_ordinary_user") {
        return;
    }
    let this = std::env::current_exe().expect("this program");
    let run = Command::new(&this).env_clear().current_dir("/").uid(STRANGER).gid(STRANGER).output();
    match run {
        Ok(run) => assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout)),
        Err(error) => println!("skipped: uid {STRANGER} cannot start {}: {error}", this.display()),
    }
}
