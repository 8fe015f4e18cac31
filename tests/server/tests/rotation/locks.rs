//! Locks and modes of the key files in a real server: other users of the machine cannot stop a login by what they may
//! read, and where the group may read the data directory, its backups go on.
//!
//! This process stands for the other user. It opens a lock for reading alone, as he would; that is all that counts.

use crate::support::{LONG, Scene, mode, set_mode};
use oauth_validator_fixtures::keys;
use oauth_validator_server_tests::{ClusterOptions, needs_root};
use rustix::fs::{FlockOperation, fcntl_lock, flock};
use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Nobody that a machine knows.
const STRANGER: u32 = 12_345;

/// All that somebody can hold who may read the file.
fn hold_for_reading(path: &Path) -> File {
    let file = File::open(path).expect("a lock");
    flock(&file, FlockOperation::NonBlockingLockExclusive).expect("it is free");
    fcntl_lock(&file, FlockOperation::NonBlockingLockShared).expect("it is free");
    file
}

/// A lock of the server's own, as a restore without modes leaves it.
fn put_lock(place: &Scene, path: &Path, mode: u32) {
    File::create(path).expect("a lock");
    let (uid, gid) = place.cluster.server_user();
    chown(path, Some(uid), Some(gid)).expect("an owner");
    set_mode(path, mode);
}

fn lock_of(place: &Scene) -> PathBuf {
    place.key_file().with_extension("lock")
}

#[test]
fn who_may_read_a_lock_stops_no_login() {
    let mut place = Scene::start(LONG);
    place.lets_in(keys::corp());
    for loosened in [0o644, 0o640, 0o604] {
        place.take_new_profile(LONG);
        put_lock(&place, &lock_of(&place), loosened);
        let held = hold_for_reading(&lock_of(&place));
        let started = Instant::now();
        place.lets_in(keys::corp());
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        assert_eq!(mode(&lock_of(&place)), 0o600, "{loosened:o}");
        File::open(lock_of(&place)).expect("root may, and the server");
        drop(held);
    }
}

/// A lock that somebody could have written to is not the server's own.
#[test]
fn a_lock_that_others_may_write_to_is_refused() {
    let mut place = Scene::start(LONG);
    place.lets_in(keys::corp());
    let asked = place.party.requests();
    for wrong in [0o620, 0o602, 0o666] {
        place.take_new_profile(LONG);
        put_lock(&place, &lock_of(&place), wrong);
        let denial = place.refuses(keys::corp(), "keys_unavailable");
        let words = format!("mode {wrong:04o}; it must not be writable by group or others");
        assert!(denial.detail.contains(&words), "{denial:?}");
    }
    assert_eq!(place.party.requests(), asked);
}

/// The lock of another server that shares the folder: its holder is waited for, but not for ever.
#[test]
fn a_lock_that_its_owner_holds_is_waited_for() {
    let mut place = Scene::start(LONG);
    place.lets_in(keys::corp());
    place.take_new_profile("timeout = \"1s\"\nconnect_timeout = \"1s\"");
    put_lock(&place, &lock_of(&place), 0o600);
    let lock = File::options().write(true).open(lock_of(&place)).expect("a lock");
    fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive).expect("it is free");
    let asked = place.party.requests();
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    assert!(denial.detail.contains("longer than keys.timeout, 1 s"), "{denial:?}");
    assert_eq!(place.party.requests(), asked);
    drop(lock);
    place.lets_in(keys::corp());
}

/// A server whose data directory its group may read, as after `initdb -g`.
fn with_group_access() -> Scene {
    let mut place = Scene::with(LONG, ClusterOptions::default());
    place.cluster.stop();
    let opened = Command::new("chmod").args(["-R", "g+rX"]).arg(place.cluster.data_dir()).status().expect("chmod");
    assert!(opened.success());
    // The folder around it is the harness' own.
    set_mode(place.cluster.socket_dir(), 0o755);
    place.cluster.restart();
    let shown = place.cluster.sql("SHOW data_directory_mode").expect("a setting");
    assert_eq!(shown, [[Some("0750".to_owned())]]);
    place
}

/// What a member of the server's group sees of a command.
fn as_member(place: &Scene, program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir("/").uid(STRANGER).gid(place.cluster.server_user().1);
    command.output().expect("a program")
}

fn backup(place: &Scene) -> Output {
    let data = place.cluster.data_dir();
    // tar does not read what it writes to /dev/null.
    as_member(
        place,
        "sh",
        &[
            "-c",
            &format!(
                "tar -cf - -C '{}' . | cat > /dev/null; tar -cf - -C '{0}' ./oauth_validator | wc -c",
                data.display()
            ),
        ],
    )
}

#[test]
fn where_the_group_may_read_the_data_directory_its_backups_go_on() {
    const TEST: &str = "where_the_group_may_read_the_data_directory_its_backups_go_on";
    if !needs_root(TEST) {
        return;
    }
    let mut place = with_group_access();
    place.lets_in(keys::corp());
    assert_eq!(mode(&place.folder()), 0o750);
    let copied = backup(&place);
    assert!(copied.status.success() && copied.stderr.is_empty(), "{copied:?}");
    for entry in fs::read_dir(place.folder()).expect("a folder").flatten() {
        assert_eq!(mode(&entry.path()), 0o640, "{entry:?}");
    }

    // What the member may read he may not hold.
    place.take_new_profile(LONG);
    place.lets_in(keys::corp());
    fs::remove_file(place.key_file()).expect("a key file");
    let held = hold_for_reading(&lock_of(&place));
    place.lets_in(keys::corp());
    assert_eq!(mode(&lock_of(&place)), 0o640);
    drop(held);
    let copied = backup(&place);
    assert!(copied.status.success() && copied.stderr.is_empty(), "{copied:?}");
    // Nor write, nor can anybody else read.
    let path = lock_of(&place).display().to_string();
    assert!(!as_member(&place, "sh", &["-c", &format!("echo > '{path}'")]).status.success());
    assert_eq!(mode(&place.folder()) & 0o007, 0);
}

#[test]
fn elsewhere_they_stay_the_servers_own() {
    let place = Scene::start(LONG);
    place.lets_in(keys::corp());
    assert_eq!((mode(&place.folder()), mode(&lock_of(&place)), mode(&place.key_file())), (0o700, 0o600, 0o600));
    // A folder that was named, and which everybody may look into.
    let folder = place.cluster.socket_dir().join("keys");
    fs::create_dir(&folder).expect("a folder");
    let (uid, gid) = place.cluster.server_user();
    chown(&folder, Some(uid), Some(gid)).expect("an owner");
    set_mode(&folder, 0o755);
    put_lock(&place, &folder.join("corp.lock"), 0o644);
    place.cluster.append_conf(&format!("oauth_validator.cache_directory = '{}'", folder.display()));
    place.cluster.reload();
    place.lets_in(keys::corp());
    assert_eq!(
        (mode(&folder), mode(&folder.join("corp.lock")), mode(&folder.join("corp.json"))),
        (0o755, 0o600, 0o600)
    );
}
