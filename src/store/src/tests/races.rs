//! The disk changes while a file is looked up, opened and read.

use super::*;
use crate::trusted::read_target_stamped;
use crate::walk;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Looks `name` up, lets `change` happen, then opens and reads.
fn read_around(place: &TestFolder, name: &str, change: impl FnOnce(&Path)) -> Result<Vec<u8>, Refusal> {
    let (path, user) = (place.path(name), ServerUser::current());
    let target = walk::find(&path, user)?;
    change(&path);
    at_once(move || read_target_stamped(&path, &target, 1024, user).map(|read| read.contents))
}

fn replace_by(place: &TestFolder, name: &str, make: impl FnOnce(&Path)) {
    let new = place.path("new");
    make(&new);
    fs::rename(new, place.path(name)).unwrap();
}

#[test]
fn a_file_replaced_by_a_fifo_neither_blocks_nor_passes() {
    let place = TestFolder::new();
    let path = place.file("config.toml", 0o600);
    let result = read_around(&place, "config.toml", |_| {
        replace_by(&place, "config.toml", |new| {
            assert!(Command::new("mkfifo").args(["-m", "0600"]).arg(new).status().unwrap().success());
        });
    });
    assert_refused(result, "not_regular", &path, &["a FIFO"]);
}

#[test]
fn a_file_replaced_by_a_symbolic_link_is_not_followed() {
    let place = TestFolder::new();
    let path = place.file("config.toml", 0o600);
    let result = read_around(&place, "config.toml", |_| {
        replace_by(&place, "config.toml", |new| {
            std::os::unix::fs::symlink("/etc/passwd", new).unwrap();
        });
    });
    assert_refused(result, "unreadable", &path, &["replaced by a symbolic link"]);
}

#[test]
fn a_file_replaced_by_a_worse_one_is_judged_again() {
    let place = TestFolder::new();
    let path = place.file("config.toml", 0o600);
    let result = read_around(&place, "config.toml", |path| drop(fs::remove_file(path)));
    assert_refused(result, "not_found", &path, &[]);

    place.file("config.toml", 0o600);
    let result = read_around(&place, "config.toml", |_| {
        fs::remove_file(&path).unwrap();
        place.file("config.toml", 0o606);
    });
    assert_refused(result, "writable", &path, &["mode 0606"]);

    set_mode(&path, 0o600);
    let result = read_around(&place, "config.toml", |path| fs::write(path, [b'x'; 2000]).unwrap());
    assert_refused(result, "too_large", &path, &["1024 bytes"]);
}

#[test]
fn a_folder_put_in_the_place_of_the_judged_one_is_not_used() {
    let place = TestFolder::new();
    place.folder("a", 0o755);
    place.file("a/config.toml", 0o600);
    let contents = read_around(&place, "a/config.toml", |_| {
        fs::rename(place.path("a"), place.path("b")).unwrap();
        place.folder("a", 0o777);
        fs::write(place.path("a/config.toml"), "evil").unwrap();
        set_mode(&place.path("a/config.toml"), 0o600);
    });
    assert_eq!(contents.unwrap(), SECRET.as_bytes());
}

/// Calls `change` many times in another thread, and `check` all the while.
fn meanwhile(mut change: impl FnMut(u32) + Send + 'static, mut check: impl FnMut()) {
    let checks = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&checks);
    let changing = std::thread::spawn(move || {
        let mut round = 0;
        while round < 500 || seen.load(Ordering::Relaxed) < 1000 {
            change(round);
            round += 1;
        }
    });
    while !changing.is_finished() {
        check();
        checks.fetch_add(1, Ordering::Relaxed);
    }
    changing.join().expect("the changing thread");
}

#[test]
fn a_link_that_flips_never_brings_in_the_file_of_a_writable_folder() {
    let place = TestFolder::new();
    place.file("good", 0o600);
    place.folder("open", 0o777);
    fs::write(place.path("open/evil"), "evil").unwrap();
    set_mode(&place.path("open/evil"), 0o600);
    let link = place.link("link", "good");

    let (new, flipping) = (place.path("new"), link.clone());
    let flip = move |round: u32| {
        let target = if round.is_multiple_of(2) { "open/evil" } else { "good" };
        std::os::unix::fs::symlink(target, &new).unwrap();
        fs::rename(&new, &flipping).unwrap();
    };
    meanwhile(flip, || match read_trusted(&link, 1024, ServerUser::current()) {
        Ok(contents) => assert_eq!(contents, SECRET.as_bytes()),
        Err(refusal) => assert_eq!(refusal.code(), "folder_writable", "{refusal}"),
    });
}

/// The manual says: copy, `check`, `mv`. No login may fail meanwhile.
#[test]
fn a_configuration_replaced_by_mv_is_always_readable() {
    let place = TestFolder::new();
    let path = place.file("config.toml", 0o600);
    let (new, old) = (place.path("new"), path.clone());
    let replace = move |_| {
        fs::write(&new, SECRET).unwrap();
        set_mode(&new, 0o600);
        fs::rename(&new, &old).unwrap();
    };
    meanwhile(replace, || {
        let contents = read_trusted(&path, 1024, ServerUser::current());
        assert_eq!(contents.unwrap_or_else(|refusal| panic!("{refusal}")), SECRET.as_bytes());
    });
}
