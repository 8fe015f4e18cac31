//! The folder of key files: what is refused, and who gets the lock.

use super::*;
use crate::provider::since_1970;
use crate::{CacheTrouble, KeyFolder, KeyLock, Operation};
use oauth_validator_core::asking::{Attempt, AttemptEnd};
use oauth_validator_core::record::MAX_KEY_RECORD_BYTES;
use rustix::io::Errno;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Barrier};
use std::time::{SystemTime, UNIX_EPOCH};

/// Opens `keys` in the place, made if it is missing.
pub(super) fn open(place: &TestFolder) -> KeyFolder {
    KeyFolder::open(&place.path("keys"), ServerUser::current(), true).unwrap_or_else(|trouble| panic!("{trouble}"))
}

pub(super) fn lock(folder: &KeyFolder, profile: &str) -> KeyLock {
    let lock = folder.try_lock(profile).unwrap_or_else(|trouble| panic!("{trouble}"));
    lock.expect("nobody else has the lock")
}

/// The names in the folder, sorted.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// Refused with this code, in a text that names the path at fault and `words`, and shows no contents. Returns the hint.
#[track_caller]
pub(super) fn assert_trouble<T>(result: Result<T, CacheTrouble>, code: &str, at: &Path, words: &[&str]) -> String {
    let Err(trouble) = result else { panic!("{} was accepted; expected {code}", at.display()) };
    let (text, hint) = (trouble.to_string(), trouble.hint());
    assert_eq!(trouble.code(), code, "{text}");
    assert!(text.contains(&format!("{at:?}")), "no {at:?} in: {text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in: {text}");
    }
    assert!(!format!("{text}{hint}{trouble:?}").contains(SECRET), "contents in: {text}");
    assert!(!format!("{text}{hint}").contains('\n'), "{text}{hint}");
    hint
}

#[track_caller]
pub(super) fn assert_errno<T>(result: Result<T, CacheTrouble>, wanted: Operation, errno: Errno) {
    match result {
        Err(CacheTrouble::Io { operation, error, .. }) => {
            assert_eq!((operation, error.raw_os_error()), (wanted, Some(errno.raw_os_error())));
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("accepted; expected {errno}"),
    }
}

fn open_as(path: &Path, user: ServerUser, create: bool) -> Result<KeyFolder, CacheTrouble> {
    let path = path.to_owned();
    at_once(move || KeyFolder::open(&path, user, create))
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").args(["-m", "0600"]).arg(path).status().expect("mkfifo").success());
}

#[test]
fn a_folder_that_is_missing_is_made_for_its_owner_alone() {
    let (place, user) = (TestFolder::new(), ServerUser::current());
    let path = place.path("keys");
    let hint = assert_trouble(open_as(&path, user, false), "folder_missing", &path, &["mode 0700"]);
    assert!(hint.starts_with("install -d -o ") && hint.ends_with(&format!(" -m 0700 {}", path.display())), "{hint}");
    assert!(!path.exists());

    assert!(open(&place).profiles().unwrap().is_empty());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o700);
    // And again, now that it is there.
    assert!(open_as(&path, user, true).is_ok());
}

#[test]
fn only_the_last_folder_is_made_and_only_as_the_servers_user() {
    let (place, user) = (TestFolder::new(), ServerUser::current());
    let path = place.path("none/keys");
    assert_trouble(open_as(&path, user, true), "folder_missing", &path, &[]);
    assert_trouble(open_as(Path::new(""), user, true), "folder_missing", Path::new(""), &[]);

    let (path, other) = (place.path("keys"), ServerUser { uid: STRANGER + 1 });
    let hint = assert_trouble(open_as(&path, other, true), "wrong_user", &path, &["by uid 12346 alone", "runs as"]);
    assert!(hint.contains("runuser -u 12346 -- "), "{hint}");
    assert!(names(place.folder.path()).is_empty());
}

#[test]
fn a_symbolic_link_is_no_folder_however_it_is_written() {
    let (place, user) = (TestFolder::new(), ServerUser::current());
    place.folder("real", 0o700);
    let link = place.link("link", "real");
    for ending in ["", "/", "//", "/.", "/./"] {
        let written = PathBuf::from(format!("{}{ending}", link.display()));
        let hint = assert_trouble(open_as(&written, user, true), "not_a_folder", &link, &["is a symbolic link"]);
        assert!(hint.ends_with(&format!("readlink -f {}", link.display())), "{hint}");
    }
    let dangling = place.link("dangling", "none");
    assert_trouble(open_as(&dangling, user, true), "not_a_folder", &dangling, &["is a symbolic link"]);
    assert!(!place.path("none").exists());
    // A link on the way is not at fault.
    place.link("up", ".");
    assert!(open_as(&place.path("up/real/"), user, false).is_ok());
}

#[test]
fn what_is_no_folder() {
    let (place, user) = (TestFolder::new(), ServerUser::current());
    let file = place.file("file", 0o600);
    let hint = assert_trouble(open_as(&file, user, true), "not_a_folder", &file, &["is a file", "mode 0600"]);
    assert!(hint.starts_with(&format!("mv {0} {0}.old && install -d ", file.display())), "{hint}");
    let pipe = place.path("pipe");
    fifo(&pipe);
    assert_trouble(open_as(&pipe, user, true), "not_a_folder", &pipe, &["is a FIFO"]);
    assert_errno(open_as(&file.join("keys"), user, true), Operation::Open, Errno::NOTDIR);
    assert_errno(open_as(Path::new("/keys\0"), user, true), Operation::Open, Errno::INVAL);
}

#[test]
fn a_folder_that_others_may_write_to() {
    let (place, user) = (TestFolder::new(), ServerUser::current());
    for (name, mode, shown) in [("group", 0o770, "0770"), ("world", 0o702, "0702"), ("sticky", 0o1777, "1777")] {
        let path = place.folder(name, mode);
        let words = [&format!("mode {shown}"), "must not be writable by group or others"];
        let hint = assert_trouble(open_as(&path, user, true), "folder_writable", &path, &words);
        assert!(hint.ends_with(&format!("chmod go-w {}", path.display())), "{hint}");
    }
    assert!(open_as(&place.folder("read", 0o755), user, false).is_ok());
}

#[test]
fn a_folder_of_somebody_else_even_of_roots() {
    let (place, user) = (TestFolder::new(), ServerUser::current());
    let path = place.folder("keys", 0o700);
    let other = ServerUser { uid: STRANGER + 1 };
    let hint = assert_trouble(open_as(&path, other, true), "folder_wrong_owner", &path, &["owned by uid 12346"]);
    assert!(hint.ends_with(&format!("chown 12346 {}", path.display())), "{hint}");
    if needs_root("a_folder_of_somebody_else_even_of_roots") {
        give(&path, STRANGER, STRANGER);
        assert_trouble(open_as(&path, user, true), "folder_wrong_owner", &path, &["by root (uid 0)", "uid 12345"]);
    }
}

/// The tool, run by root, looks at the server's files; but what root wrote would be of no use to the server.
#[test]
fn root_reads_what_is_the_servers_and_writes_nothing() {
    if !needs_root("root_reads_what_is_the_servers_and_writes_nothing") {
        return;
    }
    let (place, server) = (TestFolder::new(), ServerUser { uid: STRANGER });
    let path = place.folder("keys", 0o700);
    let keys = place.file("keys/corp.json", 0o600);
    give(&path, STRANGER, STRANGER);
    let folder = open_as(&path, server, true).unwrap();
    let hint = assert_trouble(folder.read("corp"), "wrong_owner", &keys, &["root (uid 0)", "owned by uid 12345"]);
    assert_eq!(hint, format!("The server makes it anew after: rm {}", keys.display()));
    give(&keys, STRANGER, STRANGER);
    assert_eq!(folder.read("corp").unwrap().unwrap(), SECRET.as_bytes());
    assert_trouble(folder.try_lock("corp"), "wrong_user", &path, &["runs as root (uid 0)"]);
    assert_eq!(names(&path), ["corp.json"]);
}

#[test]
fn what_is_no_regular_file_is_neither_read_nor_locked() {
    let place = TestFolder::new();
    let folder = open(&place);
    fifo(&place.path("keys/fifo.json"));
    place.link("keys/link.json", place.file("elsewhere", 0o600));
    place.link("keys/dangling.json", "none");
    place.folder("keys/folder.json", 0o700);
    let listener = UnixListener::bind(place.path("keys/socket.json")).expect("a socket");
    for (profile, what) in [
        ("fifo", "FIFO"),
        ("link", "symbolic link"),
        ("dangling", "symbolic link"),
        ("folder", "folder"),
        ("socket", "socket"),
    ] {
        let words = [&format!("is a {what} "), "must be a regular file"];
        for ending in ["json", "lock"] {
            let path = place.path(&format!("keys/{profile}.{ending}"));
            let (folder, lock) =
                (KeyFolder::open(&place.path("keys"), ServerUser::current(), false).unwrap(), ending == "lock");
            if lock {
                fs::rename(path.with_extension("json"), &path).unwrap();
            }
            let tried =
                at_once(move || if lock { folder.try_lock(profile).map(drop) } else { folder.read(profile).map(drop) });
            let hint = assert_trouble(tried, "not_regular", &path, &words);
            assert!(hint.ends_with(&format!("rm -d {}", path.display())), "{hint}");
        }
    }
    assert!(!place.path("keys/none").exists(), "a link was followed");
    assert_eq!(folder.profiles().unwrap(), [""; 0]);
    drop(listener);
}

#[test]
fn files_that_others_may_write_to() {
    let place = TestFolder::new();
    let folder = open(&place);
    for mode in [0o620, 0o602, 0o666] {
        let words = [&format!("mode {mode:04o}"), "must not be writable by group or others"];
        let (keys, lock) = (place.file("keys/corp.json", mode), place.file("keys/corp.lock", mode));
        assert_trouble(folder.read("corp"), "writable", &keys, &words);
        assert_trouble(folder.try_lock("corp"), "writable", &lock, &words);
    }
    let keys = place.file("keys/corp.json", 0o644);
    assert_eq!(folder.read("corp").unwrap().unwrap(), SECRET.as_bytes());
    // What the hint says is enough.
    set_mode(&keys, 0o666);
    fs::remove_file(&keys).unwrap();
    assert!(folder.read("corp").unwrap().is_none());
}

#[test]
fn files_of_somebody_else() {
    if !needs_root("files_of_somebody_else") {
        return;
    }
    let place = TestFolder::new();
    let folder = open(&place);
    let (keys, lock) = (place.file("keys/corp.json", 0o600), place.file("keys/corp.lock", 0o600));
    give(&keys, STRANGER, 0);
    give(&lock, STRANGER, 0);
    let words = ["is a file owned by uid 12345, mode 0600", "must be owned by root (uid 0)"];
    assert_trouble(folder.read("corp"), "wrong_owner", &keys, &words);
    assert_trouble(folder.try_lock("corp"), "wrong_owner", &lock, &words);
}

#[test]
fn as_large_as_a_key_file_may_be_and_one_byte_more() {
    let place = TestFolder::new();
    let folder = open(&place);
    let mut lock = lock(&folder, "corp");
    let largest = vec![b'x'; MAX_KEY_RECORD_BYTES];
    lock.write(&largest).unwrap();
    assert_eq!(folder.read("corp").unwrap().unwrap(), largest);
    let more = vec![b'y'; MAX_KEY_RECORD_BYTES + 1];
    assert_errno(lock.write(&more), Operation::Write, Errno::FBIG);
    assert_eq!(folder.read("corp").unwrap().unwrap(), largest);

    fs::write(place.path("keys/corp.json"), more).unwrap();
    let keys = place.path("keys/corp.json");
    assert_trouble(folder.read("corp"), "too_large", &keys, &["mode 0600", "more than the 524288 bytes"]);
}

#[test]
fn names_that_are_no_profiles() {
    let place = TestFolder::new();
    let folder = open(&place);
    place.file("secret.json", 0o600);
    let long = "x".repeat(64);
    for name in ["", ".", "..", "../secret", "/etc/passwd", "a/b", "Corp", "-a", "_a", "a.b", "é", "a\0", "a\nb", &long]
    {
        let quoted = PathBuf::from(name);
        assert_trouble(folder.read(name), "profile_name", &quoted, &["up to 63 of a-z"]);
        assert_trouble(folder.try_lock(name), "profile_name", &quoted, &["up to 63 of a-z"]);
    }
    assert!(folder.read(&"n".repeat(10_000)).unwrap_err().to_string().len() < 250);
    for name in ["a", "0", "a-b_c", &long[1..]] {
        assert!(folder.read(name).unwrap().is_none());
        lock(&folder, name).write(b"{}").unwrap();
    }
    assert_eq!(folder.profiles().unwrap(), ["0", "a", "a-b_c", &long[1..]]);
}

#[test]
fn profiles_are_those_with_a_key_file() {
    let place = TestFolder::new();
    let folder = open(&place);
    for name in ["b.json", "a.json", "c.lock", "d.json.new", "E.json", ".json", "f", "g.json.json", "h.jsonx"] {
        place.file(&format!("keys/{name}"), 0o600);
    }
    assert_eq!(folder.profiles().unwrap(), ["a", "b"]);
    assert_eq!(folder.path_of("a"), place.path("keys/a.json"));
}

#[test]
fn a_lock_has_one_holder_and_ends_when_it_is_dropped() {
    let place = TestFolder::new();
    // Two clusters that share a folder by mistake.
    let (one, other) = (open(&place), open(&place));
    let held = lock(&one, "corp");
    assert!(one.try_lock("corp").unwrap().is_none());
    assert!(other.try_lock("corp").unwrap().is_none());
    let _another_profile = lock(&other, "partner");
    drop(held);
    let held = lock(&other, "corp");
    // A lock outlives the folder it came from.
    drop(other);
    assert!(one.try_lock("corp").unwrap().is_none());
    // As a process that is just being started has it.
    let inherited = held.file.file.try_clone().unwrap();
    drop(held);
    drop(lock(&one, "corp"));
    drop(inherited);
    assert_eq!(names(&place.path("keys")), ["corp.lock", "partner.lock"]);
}

#[test]
fn an_attempt_is_what_was_noted_and_nothing_else() {
    let place = TestFolder::new();
    let folder = open(&place);
    let held = lock(&folder, "corp");
    assert_eq!(held.last_attempt(), None, "a new lock is no attempt");
    drop(held);
    let held = lock(&folder, "corp");
    assert_eq!(held.last_attempt(), None, "nor is taking it");

    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    held.begin_attempt(since_1970()).unwrap();
    let begun = held.last_attempt().expect("an attempt");
    // A file system may keep whole seconds.
    assert!(begun.began + Duration::from_secs(1) >= before && begun.end == AttemptEnd::CutOff, "{begun:?}");
    drop(held);

    let mut held = lock(&folder, "corp");
    assert_eq!(held.last_attempt(), Some(begun), "it outlives the holder, and its end never came");
    held.write(b"{}").unwrap();
    assert_eq!(held.last_attempt(), Some(begun), "to write is no end");
    for (saved, end) in [(false, AttemptEnd::Unsaved), (true, AttemptEnd::Saved)] {
        held.end_attempt(saved, since_1970()).unwrap();
        assert_eq!(held.last_attempt(), Some(Attempt { end, ..begun }));
    }
    held.begin_attempt(since_1970()).unwrap();
    assert!(held.last_attempt().is_some_and(|attempt| attempt.end == AttemptEnd::CutOff), "the end of another one");

    let file = fs::File::options().write(true).open(place.path("keys/corp.lock")).unwrap();
    let future = Duration::from_secs(4_000_000_000);
    file.set_modified(UNIX_EPOCH + future).unwrap();
    assert_eq!(held.last_attempt().map(|attempt| attempt.began), Some(future));
    file.set_modified(UNIX_EPOCH - Duration::from_secs(86_400)).unwrap();
    assert_eq!(held.last_attempt(), None);
}

/// Each round has a lock to make, too, so the race is also one of its makers.
#[test]
fn of_sixteen_that_race_one_wins_and_nobody_sees_an_attempt() {
    const RACERS: usize = 16;
    const ROUNDS: usize = 60;
    let place = TestFolder::new();
    let path = place.path("keys");
    let line = Arc::new(Barrier::new(RACERS));
    let race = || {
        let (path, line) = (path.clone(), Arc::clone(&line));
        std::thread::spawn(move || {
            let mut won = Vec::new();
            for round in 0..ROUNDS {
                line.wait();
                // The first round makes the folder as well.
                let lock = KeyFolder::open(&path, ServerUser::current(), true)
                    .and_then(|folder| folder.try_lock(&format!("round{round}")))
                    .unwrap_or_else(|trouble| panic!("{trouble}"));
                won.extend(lock.as_ref().map(|lock| (round, lock.last_attempt())));
                line.wait();
            }
            won
        })
    };
    let racers: Vec<_> = (0..RACERS).map(|_| race()).collect();
    let mut won: Vec<_> = racers.into_iter().flat_map(|racer| racer.join().expect("a racer")).collect();
    won.sort_unstable_by_key(|(round, _)| *round);
    assert_eq!(won, (0..ROUNDS).map(|round| (round, None)).collect::<Vec<_>>());
    assert!(names(&path).iter().all(|name| name.ends_with(".lock")), "{:?}", names(&path));
}
