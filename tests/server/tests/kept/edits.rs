//! Edits of every kind between real logins, and while eight clients log in.

use crate::support::{By, SETTLED, Scene, config};
use oauth_validator_server_tests::LoginOutcome;
use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{FileExt, chown};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

/// How many edits there are; more with `OAUTH_VALIDATOR_EDITS`.
const EDITS: usize = 60;

/// So many edits come at once, before all settles and the form is used.
const BURST: usize = 5;

/// Numbers that look random, and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }
}

/// One edit, after which tokens for `pg` are let in, or not; says which, and with which code they are denied.
fn edit(scene: &Scene, dice: &mut Dice) -> (&'static str, Option<&'static str>) {
    let main = scene.cluster.config_path();
    let lets_in = dice.below(2) == 0;
    // Of the same size.
    let text = config(if lets_in { "pg" } else { "gp" });
    let code = (!lets_in).then_some("audience_mismatch");
    let time = fs::metadata(&main).and_then(|metadata| metadata.modified()).unwrap_or_else(|_| SystemTime::now());
    let with_time = |time| File::options().write(true).open(&main)?.set_times(FileTimes::new().set_modified(time));
    let kind = dice.below(8);
    if !main.exists() {
        scene.cluster.write_config(&text);
        return ("back again", code);
    }
    match kind {
        0 | 1 => {
            let file = File::options().write(true).open(&main).expect("a file");
            file.set_len(text.len() as u64).and_then(|()| file.write_all_at(text.as_bytes(), 0)).expect("written");
            drop(file);
            if kind == 0 {
                return ("in place", code);
            }
            with_time(time).expect("a time");
            ("in place, with its old time", code)
        }
        2 => {
            scene.cluster.write_config(&text);
            ("by rename", code)
        }
        3 => {
            scene.cluster.write_config(&text);
            with_time(time).expect("a time");
            ("by rename, with the old time", code)
        }
        4 => {
            fs::remove_file(&main).expect("removed");
            ("removed", Some("config_unreadable"))
        }
        5 => {
            let version = scene.cluster.write_file(&format!("version-{}.toml", dice.below(1_000_000)), text);
            let link = scene.path("link.new");
            std::os::unix::fs::symlink(version, &link).and_then(|()| fs::rename(link, &main)).expect("a link");
            ("a link to another file", code)
        }
        6 => {
            scene.cluster.write_config("[profiles.corp]\nissuer = \n");
            ("an error", Some("config_invalid"))
        }
        _ => {
            scene.cluster.write_config(&config("pg"));
            further_file(scene, ["a", "b"][dice.below(2)], lets_in);
            // A profile of the folder does not take one of the main file away, whatever is wrong with it.
            ("a file of the folder", None)
        }
    }
}

/// The only file of the folder from then on, empty or with a profile that has errors.
fn further_file(scene: &Scene, name: &str, empty: bool) {
    let folder = scene.path("oauth-validator.d");
    fs::create_dir_all(&folder).expect("a folder");
    let (uid, gid) = scene.cluster.server_user();
    chown(&folder, Some(uid), Some(gid)).expect("an owner");
    let rival = "[profiles.corp]\nissuer = \"https://corp.example\"\n";
    let file = scene.cluster.write_file(&format!("oauth-validator.d/{name}.toml"), if empty { "" } else { rival });
    let others = fs::read_dir(&folder).expect("a folder").flatten();
    for other in others.map(|entry| entry.path()).filter(|path| path.file_name() != file.file_name()) {
        fs::remove_file(other).expect("removed");
    }
}

#[test]
fn each_login_is_decided_by_the_text_of_its_moment() {
    let edits = std::env::var("OAUTH_VALIDATOR_EDITS").ok().and_then(|edits| edits.parse().ok()).unwrap_or(EDITS);
    let scene = Scene::settled("");
    let (mut dice, mut kept, mut logins) = (Dice(7), 0, 0);
    for _ in 0..edits / BURST {
        let mut last = None;
        for _ in 0..BURST {
            let (kind, code) = edit(&scene, &mut dice);
            println!("{kind}: {}", code.unwrap_or("let in"));
            kept += usize::from(scene.login(code) == By::Kept);
            logins += 1;
            last = code;
        }
        thread::sleep(SETTLED);
        for _ in 0..3 {
            kept += usize::from(scene.login(last) == By::Kept);
            logins += 1;
        }
    }
    println!("{edits} edits, {logins} logins, {kept} of them by a kept form");
    assert!(kept * 8 > logins, "{kept} of {logins}: the form is hardly used");
    scene.assert_quiet();
}

/// Each text lets the token in, so that every login must succeed; the number in it shows which decided.
#[test]
fn eight_clients_log_in_while_the_text_changes() {
    let scene = Scene::settled("");
    let (done, failed) = (AtomicBool::new(false), AtomicU32::new(0));
    let logins: u32 = thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut logins = 0;
                    while !done.load(Ordering::SeqCst) {
                        if !matches!(scene.attempt().outcome, LoginOutcome::Accepted(_)) {
                            failed.fetch_add(1, Ordering::SeqCst);
                        }
                        logins += 1;
                    }
                    logins
                })
            })
            .collect();
        for number in 0..30 {
            scene.cluster.write_config(&(config("pg") + &format!("# {number}\n")));
            thread::sleep(Duration::from_millis(if number % 10 == 9 { 2_500 } else { 30 }));
        }
        done.store(true, Ordering::SeqCst);
        clients.into_iter().map(|client| client.join().expect("a client")).sum()
    });
    println!("{logins} logins while the text changed 30 times");
    assert_eq!(failed.load(Ordering::SeqCst), 0, "of {logins}");
    let log = scene.cluster.log();
    assert!(log.contains("what was kept of it decides") && log.contains("is kept for later logins"));
    scene.assert_quiet();
}
