//! Who may hold a lock: whoever can write the file, and nobody who can merely read it; and the modes by which others are
//! kept from that, also in a data directory that its group may read.

use super::cache::{lock, names, open};
use super::*;
use crate::KeyFolder;
use crate::provider::since_1970;
use oauth_validator_core::asking::AttemptEnd;
use rustix::fs::{FlockOperation, fcntl_lock, flock};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Stdio};
use std::time::Instant;

/// Set in a process that a test of this file starts to run itself once more: what is locked, and how.
const AGAIN: &str = "OAUTH_VALIDATOR_LOCK_TEST";
const HOW: &str = "OAUTH_VALIDATOR_LOCK_KIND";

/// Another process that holds locks on a file until this is dropped.
struct Holder(Child);

impl Holder {
    /// The file is opened for reading, or for writing too if `kind` is `write`.
    fn of(test: &str, path: &Path, kind: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["--nocapture", "--exact", &format!("tests::locks::{test}")]);
        let mut child = command.env(AGAIN, path).env(HOW, kind).stdout(Stdio::piped()).spawn().expect("this program");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("held")), "the other process holds nothing");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// In such a process: holds whatever can be held, and does not come back.
fn hold_if_told() {
    let Some(path) = std::env::var_os(AGAIN) else { return };
    let kind = std::env::var(HOW).expect("a kind");
    let file = fs::File::options().read(true).write(kind == "write").open(path).expect("a lock");
    match kind.as_str() {
        "write" => fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).expect("it is free"),
        _ => {
            flock(&file, FlockOperation::NonBlockingLockExclusive).expect("it is free");
            fcntl_lock(&file, FlockOperation::NonBlockingLockShared).expect("it is free");
            fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).expect_err("it was opened for reading");
        }
    }
    println!("held");
    std::thread::sleep(Duration::from_secs(60));
    panic!("nobody has ended this process");
}

fn mode_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("a file").permissions().mode() & 0o7777
}

#[test]
fn who_can_merely_read_a_lock_holds_nobody_up() {
    hold_if_told();
    let place = TestFolder::new();
    let (folder, path) = (open(&place), place.path("keys/corp.lock"));
    let held = lock(&folder, "corp");
    held.begin_attempt(since_1970()).unwrap();
    held.end_attempt(true, since_1970()).unwrap();
    let noted = held.last_attempt().expect("an attempt");
    drop(held);
    set_mode(&path, 0o644);
    let before = fs::metadata(&path).unwrap().ino();
    let reader = Holder::of("who_can_merely_read_a_lock_holds_nobody_up", &path, "read");
    for _ in 0..3 {
        let held = lock(&folder, "corp");
        assert_eq!(held.last_attempt(), Some(noted), "the cooldown goes on");
        assert!(open(&place).try_lock("corp").unwrap().is_none());
    }
    assert_ne!(fs::metadata(&path).unwrap().ino(), before, "it has another file's lock");
    assert_eq!((mode_of(&path), names(&place.path("keys"))), (0o600, vec!["corp.lock".to_owned()]));
    drop(reader);
    drop(lock(&folder, "corp"));
}

#[test]
fn nor_does_he_by_all_places_for_those_who_ask() {
    hold_if_told();
    const TEST: &str = "nor_does_he_by_all_places_for_those_who_ask";
    let place = TestFolder::new();
    let folder = open(&place);
    let taken: Vec<_> = (0..3).map(|_| folder.try_slot(3).unwrap().expect("a place")).collect();
    drop(taken);
    let paths: Vec<_> = (0..3).map(|number| place.path(&format!("keys/.helper-{number}.lock"))).collect();
    let readers: Vec<_> = paths
        .iter()
        .map(|path| {
            set_mode(path, 0o644);
            Holder::of(TEST, path, "read")
        })
        .collect();
    let taken: Vec<_> = (0..3).map(|_| folder.try_slot(3).unwrap().expect("a place")).collect();
    assert!(folder.try_slot(3).unwrap().is_none(), "there are no more of them for that");
    assert!(paths.iter().all(|path| mode_of(path) == 0o600));
    drop((taken, readers));
}

#[test]
fn what_another_server_holds_is_not_taken() {
    hold_if_told();
    let place = TestFolder::new();
    let (folder, path) = (open(&place), place.path("keys/corp.lock"));
    drop(lock(&folder, "corp"));
    let before = fs::metadata(&path).unwrap().ino();
    let holder = Holder::of("what_another_server_holds_is_not_taken", &path, "write");
    for _ in 0..100 {
        assert!(folder.try_lock("corp").unwrap().is_none());
    }
    assert_eq!(fs::metadata(&path).unwrap().ino(), before);
    drop(holder);
    drop(lock(&folder, "corp"));
}

/// Whoever asks twice in one process must not lose by that what it holds.
#[test]
fn a_lock_outlasts_another_look_at_it() {
    hold_if_told();
    const TEST: &str = "a_lock_outlasts_another_look_at_it";
    let place = TestFolder::new();
    let (folder, path) = (open(&place), place.path("keys/corp.lock"));
    let held = lock(&folder, "corp");
    assert!(open(&place).try_lock("corp").unwrap().is_none());
    // So it cannot be taken by another process either, and that one waits for nothing.
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", &format!("tests::locks::{TEST}")]).env(AGAIN, &path).env(HOW, "write");
    let started = Instant::now();
    assert!(!command.output().expect("this program").status.success(), "two processes have the lock");
    assert!(started.elapsed() < Duration::from_secs(30));
    drop(held);
}

#[test]
fn a_lock_of_another_mode_is_given_its_own() {
    let place = TestFolder::new();
    let (folder, path) = (open(&place), place.path("keys/corp.lock"));
    drop(lock(&folder, "corp"));
    for mode in [0o644, 0o640, 0o604, 0o700, 0o4755] {
        set_mode(&path, mode);
        drop(lock(&folder, "corp"));
        assert_eq!(mode_of(&path), 0o600, "{mode:o}");
    }
    // What others could have written to is not just given another mode.
    for mode in [0o620, 0o602] {
        set_mode(&path, mode);
        assert!(folder.try_lock("corp").is_err());
        assert_eq!(mode_of(&path), mode);
    }
}

/// `initdb -g`, or `chmod` later: what is made is read by the group, as all else in that data directory is.
#[test]
fn a_data_directory_that_its_group_may_read() {
    let place = TestFolder::new();
    for (data, folder_mode, file_mode) in [
        (0o700, 0o700, 0o600),
        (0o750, 0o750, 0o640),
        (0o2750, 0o750, 0o640),
        (0o710, 0o700, 0o600),
        (0o740, 0o700, 0o600),
        (0o770, 0o700, 0o600),
        (0o755, 0o700, 0o600),
    ] {
        let data = place.folder(&format!("data-{data:o}"), data);
        let path = data.join("keys");
        let folder = KeyFolder::open(&path, ServerUser::current(), true).unwrap();
        let mut held = folder.try_lock("corp").unwrap().unwrap();
        held.write(b"keys").unwrap();
        held.write(b"newer").unwrap();
        drop(folder.try_slot(1).unwrap().unwrap());
        assert_eq!(mode_of(&path) & 0o777, folder_mode, "{data:?}");
        for name in names(&path) {
            assert_eq!(mode_of(&path.join(&name)), file_mode, "{data:?}, {name}");
        }
    }
    // A folder that somebody has named is not in a data directory, whatever is above it.
    let own = place.folder("own", 0o750);
    fs::create_dir(own.join("keys")).unwrap();
    let folder = KeyFolder::open(&own.join("keys"), ServerUser::current(), false).unwrap();
    drop(folder.try_lock("corp").unwrap().unwrap());
    assert_eq!(mode_of(&own.join("keys/corp.lock")), 0o600);
}

#[test]
fn a_clock_set_back_during_an_attempt_does_not_hide_its_end() {
    let place = TestFolder::new();
    let folder = open(&place);
    let held = lock(&folder, "corp");
    held.begin_attempt(since_1970()).unwrap();
    let ahead = std::time::SystemTime::now() + Duration::from_secs(100);
    held.file.file.set_modified(ahead).unwrap();
    held.end_attempt(true, since_1970()).unwrap();
    assert_eq!(held.last_attempt().map(|attempt| attempt.end), Some(AttemptEnd::Saved));
}
