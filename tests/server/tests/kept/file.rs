//! What happens to the file with the form, and to the folder it is in.

use crate::support::{By, SETTLED, Scene, config};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::thread;

#[test]
fn a_form_is_kept_and_used_until_something_changes() {
    let scene = Scene::start("");
    assert_eq!(scene.login(None), By::Text, "it was written a moment ago");
    thread::sleep(SETTLED);
    assert_eq!(scene.login(None), By::TextAndKept);
    assert_eq!(scene.login(None), By::Kept);
    let metadata = fs::metadata(scene.kept_file()).expect("a file");
    assert_eq!((metadata.mode() & 0o7777, metadata.uid()), (0o600, scene.cluster.server_user().0));

    scene.cluster.write_config(&config("other"));
    assert_eq!(scene.login(Some("audience_mismatch")), By::Text);
    fs::set_permissions(scene.cluster.config_path(), Permissions::from_mode(0o666)).expect("a mode");
    assert_eq!(scene.login(Some("config_unreadable")), By::Text);
    fs::remove_file(scene.cluster.config_path()).expect("removed");
    assert_eq!(scene.login(Some("config_unreadable")), By::Text);
    scene.cluster.write_config(&config("pg"));
    assert_eq!(scene.login(None), By::Text);
    scene.assert_quiet();
}

#[test]
fn the_setting_turns_it_off_and_on() {
    let scene = Scene::start("oauth_validator.keep_configuration = off");
    thread::sleep(SETTLED);
    assert_eq!([scene.login(None), scene.login(None)], [By::Text; 2]);
    let kept = |scene: &Scene| fs::read_dir(scene.folder()).into_iter().flatten().count();
    assert_eq!(kept(&scene), 0);
    scene.cluster.append_conf("oauth_validator.keep_configuration = on");
    scene.cluster.reload();
    assert_eq!([scene.login(None), scene.login(None)], [By::TextAndKept, By::Kept]);
    scene.cluster.append_conf("oauth_validator.keep_configuration = off");
    scene.cluster.reload();
    assert_eq!(scene.login(None), By::Text);
}

#[test]
fn a_file_that_is_no_form_of_ours_is_replaced() {
    let scene = Scene::settled("");
    let kept = scene.kept_file();
    let whole = fs::read(&kept).expect("a form");
    let (uid, gid) = scene.cluster.server_user();
    let put = |contents: &[u8]| {
        fs::write(&kept, contents).expect("a file");
        chown(&kept, Some(uid), Some(gid)).expect("an owner");
    };
    for contents in [&b""[..], &whole[..whole.len() / 2], &vec![0xff; whole.len()], b"[profiles.evil]\n"] {
        put(contents);
        assert_eq!([scene.login(None), scene.login(None)], [By::TextAndKept, By::Kept]);
    }
    // In the middle of what a login looks at: it is noticed when the piece is read.
    for at in (whole.len() / 3..whole.len()).step_by(whole.len() / 12) {
        let mut other = whole.clone();
        other[at] ^= 1;
        put(&other);
        scene.login(None);
    }
    fs::remove_file(&kept).expect("removed");
    std::os::unix::fs::symlink("/etc/passwd", &kept).expect("a link");
    assert_eq!([scene.login(None), scene.login(None)], [By::TextAndKept, By::Kept]);
    assert!(fs::metadata("/etc/passwd").is_ok());
    fs::remove_file(&kept).expect("removed");
    rustix::fs::mknodat(rustix::fs::CWD, &kept, rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0)
        .expect("a FIFO");
    assert_eq!(scene.login(None), By::TextAndKept);
    if rustix::process::geteuid().is_root() {
        chown(&kept, Some(0), Some(0)).expect("an owner");
        assert_eq!([scene.login(None), scene.login(None)], [By::TextAndKept, By::Kept], "one of root's");
    }
    scene.assert_quiet();
}

#[test]
fn where_nothing_can_be_written_logins_go_on() {
    let scene = Scene::start("oauth_validator.cache_directory = '/nowhere/at/all'");
    thread::sleep(SETTLED);
    assert_eq!([scene.login(None), scene.login(None)], [By::Text; 2]);
    assert!(scene.cluster.log().contains("what the configuration says cannot be kept"));

    let folder = scene.path("keys");
    fs::create_dir(&folder).expect("a folder");
    scene.give(&folder, 0o500);
    scene.cluster.append_conf(&format!("oauth_validator.cache_directory = '{}'", folder.display()));
    scene.cluster.reload();
    if scene.cluster.server_user().0 == 0 {
        return println!("skipped: the rest needs a server that is not root's");
    }
    assert_eq!([scene.login(None), scene.login(None)], [By::Text; 2]);
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("a mode");
    assert_eq!([scene.login(None), scene.login(None)], [By::TextAndKept, By::Kept]);
    // Readable, and never to be written again.
    fs::set_permissions(&folder, Permissions::from_mode(0o500)).expect("a mode");
    assert_eq!(scene.login(None), By::Kept);
    scene.cluster.write_config(&config("other"));
    thread::sleep(SETTLED);
    assert_eq!([0; 2].map(|_| scene.login(Some("audience_mismatch"))), [By::Text; 2]);
    scene.assert_quiet();
}

/// Two servers of one user, which keep their files in one folder.
#[test]
fn two_servers_do_not_take_each_others_form() {
    let (one, other) = (Scene::start(""), Scene::start(""));
    let folder = one.path("shared");
    fs::create_dir(&folder).expect("a folder");
    one.give(&folder, 0o700);
    // The other one's server has to reach it.
    for above in folder.ancestors().skip(1).take(2) {
        let mode = fs::metadata(above).expect("a folder").mode() | 0o011;
        fs::set_permissions(above, Permissions::from_mode(mode & 0o7777)).expect("a mode");
    }
    other.cluster.write_config(&config("other"));
    for scene in [&one, &other] {
        scene.cluster.append_conf(&format!("oauth_validator.cache_directory = '{}'", folder.display()));
        scene.cluster.reload();
    }
    thread::sleep(SETTLED);
    for by in [By::TextAndKept, By::Kept, By::Kept] {
        assert_eq!((one.login(None), other.login(Some("audience_mismatch"))), (by, by));
    }
    let forms = fs::read_dir(&folder).expect("a folder").flatten();
    assert_eq!(forms.filter(|entry| entry.path().extension().is_some_and(|end| end == "kept")).count(), 2);
}
