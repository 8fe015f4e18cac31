//! A token that is kept in a file: through outages, to its end, and where nobody else can put another one.

use super::Scene;
use crate::network::SENTINEL;
use assert_cmd::cargo::cargo_bin;
use serde_json::json;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

/// A process that keeps a file, which ends with the value.
struct KeeperProcess(Child);

impl Drop for KeeperProcess {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn keep(place: &Scene, file: &Path) -> KeeperProcess {
    let secret = place.secret();
    let args = place.arguments(&["--client-secret-file", &secret, "--keep", "--output", file.to_str().expect("UTF-8")]);
    let mut command = std::process::Command::new(cargo_bin!("oauth-validator"));
    command.env_clear().args(args).stdout(Stdio::null()).stderr(Stdio::piped());
    KeeperProcess(command.spawn().expect("the tool runs"))
}

#[track_caller]
fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(15);
    while !done() {
        assert!(Instant::now() < give_up, "{what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_file_is_kept_through_an_outage() {
    let place = Scene::new();
    let file = place.folder.path().join("token");
    place.answers(json!({ "access_token": "first", "token_type": "Bearer", "expires_in": 2 }));
    let mut keeper = keep(&place, &file);
    let has = |text: &str| fs::read_to_string(&file).is_ok_and(|found| found == text);
    eventually("the first token", || has("first"));
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o7777, 0o600);
    place.provider.stop();
    thread::sleep(Duration::from_secs(4));
    assert!(has("first") && keeper.0.try_wait().expect("a child").is_none());
    place.answers(json!({ "access_token": "second", "token_type": "Bearer", "expires_in": 300 }));
    place.provider.restart();
    let back = Instant::now();
    eventually("the second token", || has("second"));
    assert!(back.elapsed() < Duration::from_secs(5), "{:?}", back.elapsed());

    let pid = rustix::process::Pid::from_child(&keeper.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    let status = keeper.0.wait().expect("its end");
    assert_eq!(status.code(), Some(0));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut keeper.0.stderr.take().expect("a pipe"), &mut said).expect("text");
    assert!(said.contains("the token is not renewed") && said.contains("the token is renewed"), "{said}");
    assert!(!said.contains("first") && !said.contains("second") && !said.contains(SENTINEL), "{said}");
    assert_eq!(fs::read_dir(place.folder.path()).expect("a folder").count(), 2, "the token and the secret");
}

#[test]
fn a_keeper_ends_when_the_provider_says_no() {
    let place = Scene::new();
    let file = place.folder.path().join("token");
    place.answers(json!({ "access_token": "first", "token_type": "Bearer", "expires_in": 1 }));
    let mut keeper = keep(&place, &file);
    eventually("the first token", || file.exists());
    place.refuses(401, json!({ "error": "invalid_client" }));
    assert_eq!(keeper.0.wait().expect("its end").code(), Some(1));
}

/// What makes a write fail, as a full disk does, for root as well: a folder with something in it has the file's name.
#[test]
fn a_token_that_cannot_be_written_is_written_later_or_is_the_end() {
    let place = Scene::new();
    let (file, other) = (place.folder.path().join("token"), place.folder.path().join("other"));
    let hinder = |file: &Path| {
        fs::remove_file(file).expect("a file");
        fs::create_dir_all(file.join("in the way")).expect("a folder");
    };
    place.answers(json!({ "access_token": "first", "token_type": "Bearer", "expires_in": 20 }));
    let mut later = keep(&place, &file);
    eventually("the first token", || file.exists());
    place.answers(json!({ "access_token": "second", "token_type": "Bearer", "expires_in": 2 }));
    let mut never = keep(&place, &other);
    eventually("the other's first token", || other.exists());
    hinder(&other);
    hinder(&file);

    // The token is over: nobody has one, and whoever keeps this process must see it end.
    assert_eq!(never.0.wait().expect("its end").code(), Some(2));
    let mut said = String::new();
    std::io::Read::read_to_string(&mut never.0.stderr.take().expect("a pipe"), &mut said).expect("text");
    assert!(said.contains("trying again while the token there is good") && said.contains("cannot write"), "{said}");
    assert!(!said.contains("second"), "{said}");

    let asked = place.provider.request_count("/token");
    let give_up = Instant::now() + Duration::from_secs(30);
    while place.provider.request_count("/token") == asked {
        assert!(Instant::now() < give_up, "it is renewed");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(later.0.try_wait().expect("a child").is_none());
    fs::remove_dir_all(&file).expect("out of the way");
    eventually("the second token", || fs::read_to_string(&file).is_ok_and(|found| found == "second"));
}

#[test]
fn a_file_that_others_could_replace_is_not_written() {
    let place = Scene::new();
    let secret = place.secret();
    let shared = place.folder.path().join("shared");
    fs::create_dir(&shared).expect("a folder");
    fs::set_permissions(&shared, Permissions::from_mode(0o777)).expect("a mode");
    let file = shared.join("token").display().to_string();
    place.fails(2, &["--client-secret-file", &secret, "--output", &file], "others can write in");
    let link = place.folder.path().join("link");
    std::os::unix::fs::symlink(place.file("other", "kept"), &link).expect("a link");
    place.fails(
        2,
        &["--client-secret-file", &secret, "--output", &link.display().to_string()],
        "no file of this user's",
    );
    assert_eq!(place.provider.request_count("/token"), 0, "nobody was asked in vain");
    assert_eq!(fs::read_to_string(place.folder.path().join("other")).expect("a file"), "kept");
}

#[test]
fn a_refresh_token_whose_place_is_bad_is_not_spent() {
    let place = Scene::new();
    place.answers(json!({ "access_token": "first", "token_type": "bearer", "refresh_token": "new" }));
    let shared = place.folder.path().join("shared");
    fs::create_dir(&shared).expect("a folder");
    fs::write(shared.join("refresh"), SENTINEL).expect("a file");
    fs::set_permissions(&shared, Permissions::from_mode(0o777)).expect("a mode");
    let linked = place.folder.path().join("linked");
    std::os::unix::fs::symlink(place.file("refresh", SENTINEL), &linked).expect("a link");
    for (file, why) in [(shared.join("refresh"), "others can write in"), (linked, "no file of this user's")] {
        place.fails(2, &["--refresh-token-file", &file.display().to_string()], why);
    }
    assert_eq!(place.provider.request_count("/token"), 0, "it was spent");
    assert_eq!(fs::read_to_string(shared.join("refresh")).expect("a file"), SENTINEL);
}
