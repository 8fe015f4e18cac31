//! A folder of key files whose disk is full or has become read-only: logins are decided as the texts say, with what is kept or
//! without it.
//!
//! A server does not start in a data directory that it cannot write to, so it is the module's folder in it that is mounted.

use crate::support::{By, SETTLED, Scene, config};
use oauth_validator_server_tests::{Mount, needs_root};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;

/// A file system of its own for the folder of key files, where that can be.
fn mounted(scene: &Scene, options: &str) -> Option<Mount> {
    let mount = Mount::tmpfs(&scene.folder(), &format!("mode=0700,{options}"))?;
    scene.give(mount.path(), 0o700);
    Some(mount)
}

/// Names of files of which nothing may be there: a form, or one that is half written.
fn forms(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "kept" || end == "new")).collect()
}

fn twice(scene: &Scene, code: Option<&str>) -> [By; 2] {
    [scene.login(code), scene.login(code)]
}

/// From the first login on nothing can be written, then it can, and then no more; `can_write` makes it so.
fn decides_as_the_texts_say(scene: &Scene, mount: &Mount, why: &str, mut can_write: impl FnMut(bool)) {
    can_write(false);
    thread::sleep(SETTLED);
    let mark = scene.cluster.log_mark();
    assert_eq!(twice(scene, None), [By::Text; 2]);
    let log = scene.cluster.log_since(mark);
    assert!(log.contains("what the configuration says cannot be kept") && log.contains(why), "{log}");
    scene.cluster.write_config(&config("other"));
    thread::sleep(SETTLED);
    assert_eq!(twice(scene, Some("audience_mismatch")), [By::Text; 2]);
    assert!(forms(mount.path()).is_empty(), "{:?}", forms(mount.path()));

    can_write(true);
    assert_eq!(twice(scene, Some("audience_mismatch")), [By::TextAndKept, By::Kept]);
    can_write(false);
    assert_eq!(twice(scene, Some("audience_mismatch")), [By::Kept; 2], "what is there can be read");
    // The form stays where it is, and is of no text any more.
    scene.cluster.write_config(&config("pg"));
    thread::sleep(SETTLED);
    assert_eq!(twice(scene, None), [By::Text; 2]);
    assert_eq!(forms(mount.path()).len(), 1, "{:?}", forms(mount.path()));

    can_write(true);
    assert_eq!(twice(scene, None), [By::TextAndKept, By::Kept]);
    can_write(false);
    for (text, code) in [(config("again"), "audience_mismatch"), ("[profiles.corp]\n".to_owned(), "config_invalid")] {
        scene.cluster.write_config(&text);
        assert_eq!(scene.login(Some(code)), By::Text);
    }
    assert_eq!(forms(mount.path()).len(), 1, "{:?}", forms(mount.path()));
    scene.assert_quiet();
}

/// Most of the time each of them waits.
#[test]
fn a_folder_that_cannot_be_written_decides_nothing() {
    if !needs_root("a_folder_that_cannot_be_written_decides_nothing") {
        return;
    }
    thread::scope(|scope| {
        let checks = [full, without_room_for_one_more_file, read_only].map(|check| scope.spawn(check));
        checks.into_iter().for_each(|check| check.join().expect("what is said above"));
    });
}

fn full() {
    let scene = Scene::start("");
    let Some(mount) = mounted(&scene, "size=64k") else { return };
    let filling = mount.path().join("filling");
    decides_as_the_texts_say(&scene, &mount, "No space left on device", |can_write| {
        if can_write {
            return fs::remove_file(&filling).expect("removed");
        }
        let mut file = File::create(&filling).expect("a file");
        while file.write_all(&[0; 4096]).is_ok() {}
    });
}

fn without_room_for_one_more_file() {
    let scene = Scene::start("");
    let Some(mount) = mounted(&scene, "size=1m,nr_inodes=8") else { return };
    let filling = || (0..).map(|number| mount.path().join(format!("filling-{number}")));
    decides_as_the_texts_say(&scene, &mount, "No space left on device", |can_write| {
        if can_write {
            return filling().take_while(|path| fs::remove_file(path).is_ok()).for_each(drop);
        }
        filling().take_while(|path| File::create(path).is_ok()).for_each(drop);
    });
}

fn read_only() {
    let scene = Scene::start("");
    let Some(mount) = mounted(&scene, "size=1m") else { return };
    decides_as_the_texts_say(&scene, &mount, "Read-only file system", |can_write| {
        mount.remount(if can_write { "rw" } else { "ro" });
    });
}
