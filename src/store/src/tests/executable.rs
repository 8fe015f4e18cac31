//! Programs that may be run, and those that may not. The walk is that of files, so one hazard of each kind is enough.

use super::*;
use crate::judge_executable;

/// Judges in a thread of its own; `Ok` has no contents.
fn judge_as(path: &Path, user: ServerUser) -> Result<Vec<u8>, Refusal> {
    let path = path.to_owned();
    at_once(move || judge_executable(&path, user).map(|()| Vec::new()))
}

fn judge(path: &Path) -> Result<Vec<u8>, Refusal> {
    judge_as(path, ServerUser::current())
}

#[track_caller]
fn assert_may_run(result: Result<Vec<u8>, Refusal>) {
    if let Err(refusal) = result {
        panic!("{refusal}");
    }
}

#[test]
fn programs_that_only_their_owner_can_change() {
    let place = TestFolder::new();
    for mode in [0o755, 0o700, 0o555, 0o500, 0o711, 0o4755] {
        assert_may_run(judge(&place.file(&format!("{mode:o}"), mode)));
    }
    let program = place.file("program", 0o755);
    place.folder("bin", 0o755);
    assert_may_run(judge(&place.link("bin/link", program)));
    assert_may_run(judge(Path::new("/bin/sh")));
}

#[test]
fn a_program_need_not_be_readable() {
    let place = TestFolder::new();
    assert_may_run(judge(&place.file("program", 0o111)));
    if needs_root("a_program_need_not_be_readable") {
        assert_may_run(judge_as(&place.path("program"), ServerUser { uid: STRANGER }));
    }
}

#[test]
fn what_nobody_may_execute() {
    let place = TestFolder::new();
    for (name, mode, shown) in [("plain", 0o644, "mode 0644"), ("none", 0o000, "mode 0000")] {
        let path = place.file(name, mode);
        let result = judge(&path);
        let hint = result.as_ref().unwrap_err().hint();
        assert!(hint.ends_with(&format!("chmod u+x {}", path.display())), "{hint}");
        assert_refused(result, "not_executable", &path, &[shown, "it must be executable by"]);
    }
}

#[test]
fn the_owners_own_bits_decide_alone() {
    if is_root() {
        println!("skipped: the_owners_own_bits_decide_alone needs an ordinary user; root may if anybody may");
        return;
    }
    let place = TestFolder::new();
    let path = place.file("program", 0o655);
    assert_refused(judge(&path), "not_executable", &path, &["mode 0655"]);
    assert!(Command::new(&path).spawn().is_err(), "the kernel says the same");
}

#[test]
fn what_another_user_may_execute() {
    if !needs_root("what_another_user_may_execute") {
        return;
    }
    let place = TestFolder::new();
    let server = ServerUser { uid: STRANGER };
    let path = place.file("program", 0o755);
    assert_may_run(judge_as(&path, server));
    for (mode, shown) in [(0o744, "mode 0744"), (0o750, "mode 0750"), (0o700, "mode 0700")] {
        set_mode(&path, mode);
        let result = judge_as(&path, server);
        let hint = result.as_ref().unwrap_err().hint();
        assert!(hint.ends_with(&format!("chmod o+x {}", path.display())), "{hint}");
        assert_refused(result, "not_executable", &path, &[shown, "executable by uid 12345"]);
    }
    // What the hint says, done, is accepted.
    set_mode(&path, 0o701);
    assert_may_run(judge_as(&path, server));
    give(&path, STRANGER, STRANGER);
    assert_may_run(judge_as(&path, server));
    set_mode(&path, 0o655);
    assert_refused(judge_as(&path, server), "not_executable", &path, &["mode 0655"]);
}

#[test]
fn a_program_that_others_can_change() {
    let place = TestFolder::new();
    for (name, mode, shown) in [("world", 0o757, "mode 0757"), ("group", 0o775, "mode 0775")] {
        let path = place.file(name, mode);
        assert_refused(judge(&path), "writable", &path, &[shown]);
        assert_refused(judge(&place.link(&format!("{name}.link"), &path)), "writable", &path, &[shown]);
    }
    let folder = place.folder("open", 0o777);
    let path = place.file("open/program", 0o755);
    assert_refused(judge(&path), "folder_writable", &folder, &["mode 0777"]);
}

#[test]
fn a_strangers_program() {
    if !needs_root("a_strangers_program") {
        return;
    }
    let place = TestFolder::new();
    let path = place.file("program", 0o755);
    give(&path, STRANGER, STRANGER);
    let result = judge(&path);
    let hint = result.as_ref().unwrap_err().hint();
    assert!(hint.contains("chmod 07"), "it stays a program: {hint}");
    assert_refused(result, "wrong_owner", &path, &["owned by uid 12345, mode 0755"]);
}

#[test]
fn what_is_no_program() {
    let place = TestFolder::new();
    let folder = place.folder("folder", 0o755);
    assert_refused(judge(&folder), "not_regular", &folder, &["a folder"]);
    let fifo = place.path("fifo");
    assert!(Command::new("mkfifo").args(["-m", "0700"]).arg(&fifo).status().expect("mkfifo").success());
    assert_refused(judge(&fifo), "not_regular", &fifo, &["a FIFO"]);
    assert_refused(judge(Path::new("/dev/null")), "not_regular", Path::new("/dev/null"), &["a device"]);
    let missing = place.path("missing");
    assert_refused(judge(&missing), "not_found", &missing, &["does not exist"]);
}
