//! The folder of key files cannot be used, or not be trusted, or the disk is full: nobody gets in by that, the log
//! names folder, owner, mode and remedy, and what can go on goes on.

use crate::support::{LONG, Scene, mode, set_mode};
use oauth_validator_fixtures::{TestKey, jwks, keys};
use oauth_validator_server_tests::{Cluster, LoginOutcome, Mount, needs_root};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// Has the server keep its key files in a folder of this name beside the data directory, which is not made.
fn elsewhere(place: &Scene, name: &str) -> PathBuf {
    let folder = place.cluster.socket_dir().join(name);
    place.cluster.append_conf(&format!("oauth_validator.cache_directory = '{}'", folder.display()));
    place.cluster.reload();
    folder
}

fn make(cluster: &Cluster, folder: &Path) {
    fs::create_dir(folder).expect("a folder");
    give(cluster, folder);
    set_mode(folder, 0o700);
}

fn give(cluster: &Cluster, path: &Path) {
    let (uid, gid) = cluster.server_user();
    chown(path, Some(uid), Some(gid)).expect("an owner");
}

/// Denied for the folder, in one clear line, before anybody is asked.
#[track_caller]
fn refuses(place: &Scene, folder: &Path, words: &[&str]) {
    let asked = place.party.provider.connection_count();
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    for words in words.iter().chain([&folder.to_str().expect("UTF-8")]) {
        assert!(denial.detail.contains(words), "no {words:?} in {denial:?}");
    }
    assert!(denial.hint.len() > 20, "{denial:?}");
    assert_eq!(place.party.provider.connection_count(), asked);
}

#[test]
fn folders_that_are_not_used() {
    let place = Scene::start(LONG);
    place.lets_in(keys::corp());
    let good = place.folder();
    let folder = elsewhere(&place, "keys");
    refuses(&place, &folder, &["does not exist; it must be a folder owned by "]);

    File::create(&folder).expect("a file");
    refuses(&place, &folder, &[" is a file owned by "]);
    fs::remove_file(&folder).expect("a file");
    symlink(&good, &folder).expect("a link");
    refuses(&place, &folder, &["is a symbolic link owned by "]);
    fs::remove_file(&folder).expect("a link");
    make(&place.cluster, &folder);
    for wrong in [0o770, 0o702, 0o777, 0o1777] {
        set_mode(&folder, wrong);
        refuses(&place, &folder, &[&format!("mode {wrong:04o}; it must not be writable by group or others")]);
    }
    set_mode(&folder, 0o755);
    if needs_root("folders_that_are_not_used: somebody else's") {
        for (owner, who) in [(12_345, "uid 12345"), (0, "root")] {
            chown(&folder, Some(owner), None).expect("a new owner");
            refuses(&place, &folder, &[&format!("is a folder owned by {who}"), "; it must be owned by "]);
        }
        give(&place.cluster, &folder);
    }
    place.lets_in(keys::corp());
    assert!(folder.join("corp.json").is_file());

    // Relative to the data directory.
    place.cluster.append_conf("oauth_validator.cache_directory = 'oauth_validator/../oauth_validator'");
    place.cluster.reload();
    place.lets_in(keys::corp());
    assert_eq!(place.party.requests(), (2, 2), "one for each of the two folders");
    assert_eq!(mode(&good), 0o700);
}

/// The server's user may change the mode back, but the server does not.
#[test]
fn a_folder_that_cannot_be_written_to() {
    let place = Scene::start(LONG);
    let folder = elsewhere(&place, "keys");
    make(&place.cluster, &folder);
    set_mode(&folder, 0o500);
    refuses(&place, &folder, &["cannot write to the folder", "Permission denied", "mode 0500"]);
    set_mode(&folder, 0o700);
    place.lets_in(keys::corp());

    // What is there is used; nobody asks for what cannot be kept.
    set_mode(&folder, 0o500);
    place.lets_in(keys::corp());
    refuses_new_key(&place, &folder, "Permission denied");
    set_mode(&folder, 0o700);
    place.lets_in(keys::p256());
}

#[track_caller]
fn refuses_new_key(place: &Scene, folder: &Path, words: &str) {
    thread::sleep(Duration::from_millis(1100));
    let asked = place.party.provider.connection_count();
    let denial = place.refuses(&TestKey::p256("new"), "keys_unavailable");
    let names_folder = denial.detail.contains(folder.to_str().expect("UTF-8"));
    assert!(denial.detail.contains(words) && names_folder, "{denial:?}");
    assert_eq!(place.party.provider.connection_count(), asked);
}

/// A file system of the server's user in a new folder.
fn tmpfs(cluster: &Cluster, at: &Path, size: &str) -> Option<Mount> {
    let mount = Mount::tmpfs(at, &format!("size={size},mode=0700"))?;
    give(cluster, mount.path());
    Some(mount)
}

#[test]
fn a_read_only_mount() {
    if !needs_root("a_read_only_mount") {
        return;
    }
    let place = Scene::start(LONG);
    let folder = elsewhere(&place, "keys");
    let Some(mount) = tmpfs(&place.cluster, &folder, "1m") else { return };
    mount.remount("ro");
    refuses(&place, &folder, &["Read-only file system"]);
    mount.remount("rw");
    place.lets_in(keys::corp());
    mount.remount("ro");
    place.lets_in(keys::corp());
    refuses_new_key(&place, &folder, "Read-only file system");
}

/// Keys that cannot be saved let the login in that fetched them. The next one may not ask again before the cooldown.
#[test]
fn a_full_disk() {
    const COOLDOWN: u64 = 2;
    if !needs_root("a_full_disk") {
        return;
    }
    let place = Scene::start("kid_cooldown = \"2s\"\ntimeout = \"10s\"");
    let folder = elsewhere(&place, "keys");
    let Some(mount) = tmpfs(&place.cluster, &folder, "64k") else { return };
    let mut filler = File::create(mount.path().join("filler")).expect("a file");
    while filler.write_all(&[0; 4096]).is_ok() {}
    let started = Instant::now();
    let (mut accepted, mut refused) = (0, 0);
    let mark = place.cluster.log_mark();
    while started.elapsed() < Duration::from_secs(3 * COOLDOWN) {
        let attempt = place.cluster.login(&place.party.login(&place.party.token(keys::corp())));
        match attempt.outcome {
            LoginOutcome::Accepted(_) => accepted += 1,
            _ => refused += 1,
        }
        thread::sleep(Duration::from_millis(50));
    }
    let (asked, took) = (place.party.requests().1, started.elapsed());
    assert!(accepted >= 2 && refused >= 2, "{accepted} accepted, {refused} refused");
    assert_eq!(accepted, asked, "each login that asked, and no other");
    assert!(u64::try_from(asked).expect("few") <= took.as_secs() / COOLDOWN + 2, "{asked} requests in {took:?}");
    let log = place.cluster.log_since(mark);
    let complaint = "the keys of profile \"corp\" cannot be saved: cannot write ";
    assert_eq!(log.matches(complaint).count(), accepted, "{log}");
    assert!(log.contains("No space left on device") && log.contains("HINT:  Free some space: df -h "), "{log}");
    assert!(log.contains("could not be saved"), "{log}");

    // Nothing half-written is left, and there is nothing to mend but the disk.
    assert_eq!(
        fs::metadata(mount.path().join("corp.json")).map_err(|error| error.kind()).err(),
        Some(std::io::ErrorKind::NotFound)
    );
    drop(filler);
    fs::remove_file(mount.path().join("filler")).expect("space");
    place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
    place.party.provider.stop();
    place.lets_in(keys::p256());
}

/// Keys in use stay in use, although they cannot be refreshed on the disk.
#[test]
fn a_disk_that_fills_up_under_a_key_file() {
    if !needs_root("a_disk_that_fills_up_under_a_key_file") {
        return;
    }
    let place = Scene::start(LONG);
    let folder = elsewhere(&place, "keys");
    let Some(mount) = tmpfs(&place.cluster, &folder, "64k") else { return };
    place.lets_in(keys::corp());
    let before = fs::read(mount.path().join("corp.json")).expect("a key file");
    let mut filler = File::create(mount.path().join("filler")).expect("a file");
    while filler.write_all(&[0; 4096]).is_ok() {}
    let new = TestKey::p256("new");
    place.party.provider.set_keys(jwks(&[keys::corp(), &new]));
    thread::sleep(Duration::from_millis(1100));
    place.lets_in(&new);
    for _ in 0..3 {
        place.lets_in(keys::corp());
    }
    assert_eq!(fs::read(mount.path().join("corp.json")).expect("a key file"), before, "the old one is whole");
    place.refuses(&TestKey::p256("newer"), "key_unknown");
}

#[test]
fn the_default_folder_is_made_for_the_server_alone() {
    let place = Scene::start(LONG);
    // Whatever is in its place is not touched.
    fs::write(place.folder(), "precious").expect("a file");
    refuses(&place, &place.folder(), &[" is a file owned by "]);
    assert_eq!(fs::read(place.folder()).expect("a file"), b"precious");
    fs::remove_file(place.folder()).expect("a file");
    place.lets_in(keys::corp());
    let found = fs::metadata(place.folder()).expect("a folder");
    assert_eq!((found.mode() & 0o7777, found.uid()), (0o700, place.cluster.server_user().0));
    fs::remove_dir_all(place.folder()).expect("a folder");
    place.lets_in(keys::corp());
    assert_eq!(place.party.requests(), (2, 2));
}
