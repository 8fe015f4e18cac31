//! Key files are replaced whole or not at all: on full and read-only disks, by killed writers, under any mask.

use super::cache::{assert_errno, assert_trouble, lock, names, open};
use super::*;
use crate::Operation;
use crate::provider::since_1970;
use oauth_validator_core::record::MAX_KEY_RECORD_BYTES;
use rustix::io::Errno;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Stdio};

/// Set in the processes that a test of this file starts to run itself once more.
const AGAIN: &str = "OAUTH_VALIDATOR_STORE_TEST";

/// Runs this test once more in a process of its own, after these commands of a shell.
fn again(test: &str, commands: &str, value: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{commands}; exec \"$0\" \"$@\"")).arg(std::env::current_exe().expect("this program"));
    shell.args(["--nocapture", "--exact", &format!("tests::cache_writes::{test}")]).env(AGAIN, value);
    shell
}

#[track_caller]
fn assert_success(command: &mut Command) {
    let run = command.output().expect("a shell");
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && out.contains("1 passed"), "{out}{err}");
}

fn mode_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("a file").permissions().mode() & 0o7777
}

#[test]
fn what_was_written_is_read_by_everybody() {
    let place = TestFolder::new();
    let (folder, reader) = (open(&place), open(&place));
    assert!(reader.read("corp").unwrap().is_none());
    let mut held = lock(&folder, "corp");
    for contents in [b"first".as_slice(), b"", b"third"] {
        held.write(contents).unwrap();
        assert_eq!(reader.read("corp").unwrap().unwrap(), contents);
    }
    assert!(reader.read("partner").unwrap().is_none());
    assert_eq!(names(&place.path("keys")), ["corp.json", "corp.lock"]);
}

#[test]
fn leftovers_of_killed_writers_are_neither_read_nor_in_the_way() {
    const TEST: &str = "leftovers_of_killed_writers_are_neither_read_nor_in_the_way";
    if std::env::var_os(AGAIN).is_none() {
        // In a new process, the first names that a lock is made under are known.
        assert_success(&mut again(TEST, ":", "new"));
        return;
    }
    let place = TestFolder::new();
    let folder = open(&place);
    place.file("keys/corp.json.new", 0o400);
    let left = |number: u32| format!("keys/corp.lock.{}.{number}", std::process::id());
    for number in 0..20 {
        place.file(&left(number), 0o600);
    }
    assert!(folder.read("corp").unwrap().is_none());
    let mut held = lock(&folder, "corp");
    assert_eq!(held.last_attempt(), None);
    held.write(b"whole").unwrap();
    assert_eq!(folder.read("corp").unwrap().unwrap(), b"whole");
    assert_eq!(mode_of(&place.path("keys/corp.json")), 0o600);
    assert!(!place.path("keys/corp.json.new").exists());
    assert!((0..20).all(|number| place.path(&left(number)).exists()), "a name of somebody else's was used");
    assert!(!place.path(&left(20)).exists());
}

#[test]
fn what_else_has_a_name_is_replaced_and_never_followed() {
    let place = TestFolder::new();
    let folder = open(&place);
    let elsewhere = place.file("elsewhere", 0o600);
    let mut held = lock(&folder, "corp");
    place.link("keys/corp.json.new", &elsewhere);
    place.link("keys/corp.json", &elsewhere);
    held.write(b"whole").unwrap();
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), SECRET);
    assert_eq!(folder.read("corp").unwrap().unwrap(), b"whole");

    fs::remove_file(place.path("keys/corp.json")).unwrap();
    place.folder("keys/corp.json", 0o700);
    assert_errno(held.write(b"more"), Operation::Rename, Errno::ISDIR);
    assert_eq!(names(&place.path("keys")), ["corp.json", "corp.lock"]);
    place.folder("keys/corp.json.new", 0o700);
    assert_errno(held.write(b"more"), Operation::Remove, Errno::ISDIR);
}

#[test]
fn a_lock_whose_file_was_removed_or_replaced_writes_nothing() {
    let place = TestFolder::new();
    let folder = open(&place);
    let path = place.path("keys/corp.lock");
    let mut held = lock(&folder, "corp");
    held.write(b"before").unwrap();
    fs::remove_file(&path).unwrap();
    let hint = assert_trouble(held.write(b"after"), "lock_lost", &path, &["removed or replaced"]);
    assert!(hint.ends_with(&format!("ls -la {}", place.path("keys").display())), "{hint}");

    let mut newer = lock(&folder, "corp");
    assert_trouble(held.write(b"after"), "lock_lost", &path, &[]);
    assert_eq!(folder.read("corp").unwrap().unwrap(), b"before");
    newer.write(b"newer").unwrap();
    drop(held);
    assert!(folder.try_lock("corp").unwrap().is_none(), "the older lock took the newer with it");
}

/// Removed only by its holder, a lock that somebody else gets must be the one that has the name.
#[test]
fn a_lock_removed_between_opening_and_locking_is_not_taken() {
    let place = TestFolder::new();
    let (folder, other, path) = (open(&place), open(&place), place.path("keys/corp.lock"));
    let file = path.clone();
    let removing = std::thread::spawn(move || {
        for _ in 0..10_000 {
            if let Some(_held) = other.try_lock("corp").unwrap() {
                fs::remove_file(&file).unwrap();
            }
        }
    });
    let mut held = 0;
    while !removing.is_finished() {
        let Some(lock) = folder.try_lock("corp").unwrap() else { continue };
        let named = fs::metadata(&path).expect("a lock that has its name");
        assert_eq!(named.ino(), lock.file.file.metadata().unwrap().ino());
        held += 1;
    }
    removing.join().expect("the removing thread");
    assert!(held > 0);
}

#[test]
fn new_files_are_private_under_any_mask() {
    if std::env::var_os(AGAIN).is_none() {
        for mask in ["000", "022", "077", "777"] {
            assert_success(&mut again("new_files_are_private_under_any_mask", &format!("umask {mask}"), mask));
        }
        return;
    }
    let place = TestFolder::new();
    if std::env::var_os(AGAIN).is_some_and(|mask| mask == "777") {
        place.folder("keys", 0o700);
    }
    let folder = open(&place);
    lock(&folder, "corp").write(b"whole").unwrap();
    assert_eq!(mode_of(&place.path("keys")), 0o700);
    assert_eq!(mode_of(&place.path("keys/corp.json")), 0o600);
    assert_eq!(mode_of(&place.path("keys/corp.lock")), 0o600);
    assert_eq!(folder.read("corp").unwrap().unwrap(), b"whole");
}

/// A limit of the process stands for a full disk where nothing can be mounted; the server ignores its signal.
#[test]
fn a_file_that_cannot_grow_leaves_the_old_one() {
    const TEST: &str = "a_file_that_cannot_grow_leaves_the_old_one";
    if std::env::var_os(AGAIN).is_none() {
        assert_success(&mut again(TEST, "trap '' XFSZ; ulimit -f 8", "limited"));
        return;
    }
    let place = TestFolder::new();
    let folder = open(&place);
    let mut held = lock(&folder, "corp");
    held.write(b"old").unwrap();
    for _ in 0..2 {
        assert_errno(held.write(&[b'x'; 100_000]), Operation::Write, Errno::FBIG);
        assert_eq!(folder.read("corp").unwrap().unwrap(), b"old");
        assert_eq!(names(&place.path("keys")), ["corp.json", "corp.lock"]);
    }
    held.write(b"new").unwrap();
    assert_eq!(folder.read("corp").unwrap().unwrap(), b"new");
}

/// A file system of its own, gone when it goes out of scope, also after a panic.
struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    /// `None` where root may not mount, as in most containers.
    fn new(at: PathBuf) -> Option<Self> {
        let disk = Self { at };
        disk.mount(&["-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs"]).then_some(disk)
    }

    fn mount(&self, arguments: &[&str]) -> bool {
        let run = Command::new("mount").args(arguments).arg(&self.at).output().expect("mount");
        println!("{}", String::from_utf8_lossy(&run.stderr));
        run.status.success()
    }

    /// Takes all the space that is left.
    fn fill(&self) -> PathBuf {
        let path = self.at.join("filler");
        assert!(fs::write(&path, vec![0; 1024 * 1024]).is_err(), "a disk without end");
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).output();
    }
}

#[test]
fn a_full_disk_and_a_read_only_one() {
    const TEST: &str = "a_full_disk_and_a_read_only_one";
    if !needs_root(TEST) {
        return;
    }
    let place = TestFolder::new();
    let path = place.folder("keys", 0o700);
    let Some(disk) = SmallDisk::new(path.clone()) else {
        println!("skipped: {TEST} needs leave to mount");
        return;
    };
    let folder = open(&place);
    let mut held = lock(&folder, "corp");
    held.write(b"old").unwrap();
    let filler = disk.fill();
    assert_errno(held.write(&[b'x'; 10_000]), Operation::Write, Errno::NOSPC);
    let new = place.path("keys/corp.json.new");
    let hint = assert_trouble(held.write(&[b'x'; 10_000]), "io", &new, &["cannot write", "No space left", "mode 0700"]);
    assert!(hint.contains(&format!("df -h {}", path.display())), "{hint}");
    assert_eq!(names(&path), ["corp.json", "corp.lock", "filler"]);
    assert_eq!(folder.read("corp").unwrap().unwrap(), b"old");
    // The cooldown works all the same.
    held.begin_attempt(since_1970()).unwrap();
    held.end_attempt(false, since_1970()).unwrap();
    drop(held);
    let mut held = lock(&folder, "corp");
    assert!(held.last_attempt().is_some());
    fs::remove_file(filler).unwrap();
    held.write(b"new").unwrap();

    // A disk does not turn read-only while a file is open for writing.
    drop(held);
    assert!(disk.mount(&["-o", "remount,ro"]));
    assert_errno(folder.try_lock("corp"), Operation::WriteTo, Errno::ROFS);
    let hint = assert_trouble(folder.try_lock("none"), "io", &path, &["Read-only file system", "writable by root"]);
    assert!(hint.ends_with(&format!("findmnt -T {}", place.folder.path().display())), "{hint}");
    assert_eq!(folder.read("corp").unwrap().unwrap(), b"new");
}

#[test]
fn a_folder_without_leave_to_write_is_read_and_never_locked() {
    const TEST: &str = "a_folder_without_leave_to_write_is_read_and_never_locked";
    if is_root() {
        println!("skipped: {TEST} needs an ordinary user");
        return;
    }
    let place = TestFolder::new();
    let (folder, path) = (open(&place), place.path("keys"));
    let mut held = lock(&folder, "corp");
    held.write(b"old").unwrap();
    set_mode(&path, 0o500);
    assert_errno(held.write(b"new"), Operation::Create, Errno::ACCESS);
    drop(held);
    // The lock itself could still be taken: it is there, and belongs to us.
    assert_errno(folder.try_lock("corp"), Operation::WriteTo, Errno::ACCESS);
    let again = open(&place);
    let hint = assert_trouble(again.try_lock("none"), "io", &path, &["Permission denied", "mode 0500"]);
    assert!(hint.ends_with(&format!("namei -l {}", path.display())), "{hint}");
    assert_eq!(again.read("corp").unwrap().unwrap(), b"old");

    set_mode(&path, 0o700);
    set_mode(&place.path("keys/corp.json"), 0o000);
    assert_errno(folder.read("corp"), Operation::Open, Errno::ACCESS);
    set_mode(&place.path("keys/corp.lock"), 0o400);
    assert_errno(folder.try_lock("corp"), Operation::Open, Errno::ACCESS);
    set_mode(&path, 0o000);
    let closed = crate::KeyFolder::open(&path, ServerUser::current(), true);
    assert_errno(closed, Operation::Open, Errno::ACCESS);
    set_mode(&path, 0o700);
}

/// A process that writes until it is killed.
struct WriterProcess(Child);

impl WriterProcess {
    fn start(test: &str, place: &TestFolder) -> Self {
        let mut child = again(test, ":", place.folder.path()).stdout(Stdio::piped()).spawn().expect("a shell");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        assert!(lines.any(|line| line.unwrap().ends_with("writing")), "the writer does not write");
        Self(child)
    }
}

impl Drop for WriterProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Large enough to be caught half-written, with a sign of being whole at its end.
fn record(number: usize) -> Vec<u8> {
    let filler = "x".repeat(MAX_KEY_RECORD_BYTES / 2 + number % 1000);
    format!("{number} {filler} {number} end").into_bytes()
}

#[track_caller]
fn assert_whole(contents: &[u8]) {
    let text = std::str::from_utf8(contents).expect("text");
    let number: usize = text.split(' ').next().unwrap().parse().unwrap();
    assert!(contents == record(number), "{} bytes of record {number}", contents.len());
}

#[test]
fn readers_see_whole_files_while_writers_write_and_are_killed() {
    const TEST: &str = "readers_see_whole_files_while_writers_write_and_are_killed";
    if let Some(at) = std::env::var_os(AGAIN) {
        let folder = crate::KeyFolder::open(&Path::new(&at).join("keys"), ServerUser::current(), true).unwrap();
        let mut held = lock(&folder, "corp");
        held.write(&record(0)).unwrap();
        println!("writing");
        for number in 1.. {
            held.write(&record(number)).unwrap();
        }
    }
    let place = TestFolder::new();
    for _ in 0..20 {
        let writer = WriterProcess::start(TEST, &place);
        let folder = open(&place);
        for _ in 0..20 {
            assert_whole(&folder.read("corp").unwrap().expect("a key file at any time"));
        }
        assert!(folder.try_lock("corp").unwrap().is_none());
        drop(writer);
        // The lock went with its holder.
        let mut held = lock(&folder, "corp");
        assert_whole(&folder.read("corp").unwrap().expect("a key file"));
        held.write(&record(7)).unwrap();
        assert_eq!(folder.read("corp").unwrap().unwrap(), record(7));
        assert_eq!(names(&place.path("keys")), ["corp.json", "corp.lock"]);
    }
}
