//! The folder: files that are gone or cannot be trusted, many of them, and how they are replaced.

use crate::support::{FOLDER, Scene, main_file, partner, profile};
use oauth_validator_server_tests::{LoginOutcome, Mount, needs_root};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const STRANGER: u32 = 54_321;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

/// Puts something in the place of partner.toml; the others must not notice, and partner's names stay kept.
#[track_caller]
fn partner_is_refused(scene: &Scene, words: &str) {
    scene.others_log_in();
    let log = scene.refuses("partner", "partner", "alice", "config_invalid");
    assert!(log.contains("partner.toml") && log.contains(words), "no {words:?} in {log}");
}

#[test]
fn a_file_that_cannot_be_trusted_or_read() {
    let scene = Scene::start();
    let path = scene.path(FOLDER).join("partner.toml");
    for (mode, words) in [(0o666, "must not be writable by group or others"), (0o620, "must not be writable")] {
        set_mode(&path, mode);
        partner_is_refused(&scene, words);
    }
    set_mode(&path, 0o000);
    partner_is_refused(&scene, "must be readable");
    if needs_root("a_file_that_cannot_be_trusted_or_read (another owner)") {
        set_mode(&path, 0o644);
        chown(&path, Some(STRANGER), Some(STRANGER)).expect("another owner");
        partner_is_refused(&scene, "it must be owned by root or");
        chown(&path, Some(0), Some(0)).expect("root's");
        scene.all_log_in();
    }
    scene.remove("partner.toml");
    fs::create_dir(&path).expect("a folder in its place");
    partner_is_refused(&scene, "it must be a regular file");
    fs::remove_dir(&path).expect("an empty folder");
    symlink("nowhere", &path).expect("a link");
    partner_is_refused(&scene, "does not exist");
    fs::remove_file(&path).expect("a link");
    for text in [&b"\xff"[..], b"[profiles", b"a\0"] {
        scene.cluster.write_file(&format!("{FOLDER}/partner.toml"), text);
        partner_is_refused(&scene, "");
    }
    scene.cluster.write_file(&format!("{FOLDER}/partner.toml"), vec![b'#'; 1024 * 1024 + 1]);
    partner_is_refused(&scene, "more than the 1048576 bytes allowed");

    // Gone, with reserved_prefixes as the only wall.
    scene.remove("partner.toml");
    scene.others_log_in();
    scene.refuses("partner", "partner", "alice", "hba_issuer_unknown");
    scene.cluster.write_config(&main_file().replace("\"partner:\", ", ""));
    scene.lets_in("app", "corp", "partner:alice");
    scene.write("partner.toml", &partner());
    scene.refuses("app", "corp", "partner:alice", "identity_invalid");
}

#[test]
fn names_that_are_not_read() {
    let scene = Scene::start();
    for name in [".partner.toml", "x.toml.new", "x.toml~", "x.conf", "toml"] {
        scene.write(name, "not a word of TOML");
    }
    scene.all_log_in();
}

#[test]
fn the_folder_itself() {
    let scene = Scene::start();
    let folder = scene.path(FOLDER);
    let denied = |words: &str| {
        scene.lets_in("app", "corp", "ana");
        scene.refuses("app", "corp", "partner:alice", "identity_invalid");
        for (role, issuer) in [("team_a", "a"), ("partner", "partner")] {
            let log = scene.refuses(role, issuer, "ana", "config_invalid");
            assert!(log.contains(FOLDER) && log.contains(words), "no {words:?} in {log}");
        }
    };
    for (mode, words) in [(0o777, "must not be writable"), (0o1777, "must not be writable"), (0o000, "searchable")] {
        set_mode(&folder, mode);
        denied(words);
    }
    set_mode(&folder, 0o755);
    scene.all_log_in();
    if needs_root("the_folder_itself (another owner)") {
        chown(&folder, Some(STRANGER), Some(STRANGER)).expect("another owner");
        denied("it must be owned by root or");
        chown(&folder, Some(0), Some(0)).expect("root's, as packages have it");
        scene.all_log_in();
    }
    let aside = scene.path("aside");
    fs::rename(&folder, &aside).expect("moved");
    scene.refuses("team_a", "a", "ana", "hba_issuer_unknown");
    fs::write(&folder, "").expect("a file in its place");
    denied("it must be a folder");
    fs::remove_file(&folder).expect("a file");
    symlink(&aside, &folder).expect("a link");
    scene.all_log_in();
}

#[test]
fn five_hundred_files() {
    let scene = Scene::start();
    for at in 0..500 {
        scene.write(&format!("t{at:03}.toml"), &profile(&format!("t{at:03}"), &format!("t{at:03}:"), ""));
    }
    scene.all_log_in();
    let hba = "local all app oauth issuer=\"https://t499.example\" scope=\"db\" map=people\n";
    scene.cluster.set_hba(hba);
    scene.cluster.set_ident("people t499:ana app\n");
    scene.cluster.reload();
    scene.lets_in("app", "t499", "ana");
    scene.write("t250.toml", "x = 1");
    scene.lets_in("app", "t499", "ana");
    for at in 500..1000 {
        scene.write(&format!("u{at}.toml"), "");
    }
    let log = scene.refuses("app", "t499", "ana", "config_invalid");
    assert!(log.contains("more than the 1000 files allowed"), "{log}");
}

/// As Kubernetes mounts a ConfigMap: `partner.toml -> ..data/partner.toml`, `..data -> ..1`, and that link is replaced.
#[test]
fn a_config_map_is_replaced_by_its_link() {
    let scene = Scene::start();
    let folder = scene.path(FOLDER);
    for name in ["a.toml", "partner.toml"] {
        scene.remove(name);
        symlink(format!("..data/{name}"), folder.join(name)).expect("a link");
    }
    let generation = |name: &str, audience: &str| {
        scene.make_folder(&format!("{FOLDER}/{name}"));
        let with = |text: String| text.replace("[\"pg\"]", audience);
        scene.write(&format!("{name}/a.toml"), &with(profile("a", "a:", "")));
        scene.write(&format!("{name}/partner.toml"), &with(partner()));
    };
    generation("..1", "[\"pg\"]");
    generation("..2", "[\"other\"]");
    let swap = |to: &str| {
        let beside = folder.join("..data_tmp");
        symlink(to, &beside).expect("a link");
        fs::rename(&beside, folder.join("..data")).expect("replaced");
    };
    swap("..1");
    scene.all_log_in();
    swap("..2");
    scene.lets_in("app", "corp", "ana");
    scene.refuses("team_a", "a", "ana", "audience_mismatch");
    swap("..1");
    scene.all_log_in();
}

/// As a container has it: everybody may write in the folder, but nobody can.
#[test]
fn a_read_only_mount() {
    if !needs_root("a_read_only_mount") {
        return;
    }
    let scene = Scene::start();
    let folder = scene.path("mounted.d");
    let Some(mount) = Mount::tmpfs(&folder, "mode=0777") else { return };
    for name in ["a.toml", "partner.toml"] {
        fs::copy(scene.path(FOLDER).join(name), folder.join(name)).expect("a copy");
        set_mode(&folder.join(name), 0o644);
    }
    scene.cluster.append_conf(&format!("oauth_validator.config_directory = '{}'", folder.display()));
    scene.cluster.reload();
    scene.lets_in("app", "corp", "ana");
    let log = scene.refuses("partner", "partner", "alice", "config_invalid");
    assert!(log.contains("it must not be writable by group or others"), "{log}");
    mount.remount("ro");
    scene.all_log_in();
    mount.remount("rw");
    scene.refuses("team_a", "a", "ana", "config_invalid");
}

#[test]
fn no_login_sees_half_a_change() {
    let scene = Scene::start();
    let other = partner().replace("[\"pg\"]", "[\"other\"]") + &"# more\n".repeat(2_000);
    let done = AtomicBool::new(false);
    let mark = scene.cluster.log_mark();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                scene.write("partner.toml", &other);
                scene.write("partner.toml", &partner());
            }
        });
        let mut seen = [0, 0];
        for _ in 0..150 {
            let accepted = matches!(scene.attempt("partner", "partner", "alice").outcome, LoginOutcome::Accepted(_));
            seen[usize::from(accepted)] += 1;
        }
        done.store(true, Ordering::Relaxed);
        assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
    });
    let log = scene.cluster.log_since(mark);
    let denials = log.matches("oauth_validator: denied: ").count();
    assert_eq!(log.matches("denied: audience_mismatch (profile \"partner\")").count(), denials, "old or new: {log}");
}
