//! Clients that log in while the text changes: each is let in by a text that was there while it logged in, and none of it stays
//! in the postmaster.

use crate::support::{BY_KEPT, KEPT_NOW, Scene, count, numbered, token};
use oauth_validator_server_tests::{Login, LoginOutcome, PostmasterUsage};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const CLIENTS: usize = 8;

/// So many edits come one after the other, before the text is left alone for long enough that it is kept.
const GROUP: usize = 10;

/// Logins before the first look at the postmaster: what it does once is done by then.
const WARM_UP: usize = 200;

/// Logins of the second test, in which every hundredth comes with an edit; more with `OAUTH_VALIDATOR_LOGINS`.
const LOGINS: usize = 2_000;

/// What the clients and the editor tell each other.
#[derive(Default)]
struct Progress {
    logins: AtomicUsize,
    /// The number of the last text that is certainly there.
    text: AtomicU32,
    done: AtomicBool,
}

fn write(scene: &Scene, number: u32) {
    scene.cluster.write_config(&numbered('a', "https://corp.example", "pg", number, &scene.path("keys.jwks")));
}

/// Logs in until all is done. Each text lets the token in, and the identity has the number of the text that did.
fn log_in_all_the_while(scene: &Scene, progress: &Progress) {
    let token = token("app");
    let login = Login::new("app", "postgres").token(token);
    while !progress.done.load(Ordering::SeqCst) {
        let first = progress.text.load(Ordering::SeqCst);
        let attempt = scene.cluster.login(&login);
        let LoginOutcome::Accepted(mut session) = attempt.outcome else { panic!("{:?}", attempt.outcome) };
        let user = session.system_user().expect("an answer").expect("a user");
        let last = progress.text.load(Ordering::SeqCst) + 1;
        let number = user.strip_prefix("oauth:a").and_then(|rest| rest.get(..6)?.parse::<u32>().ok());
        let in_time = number.is_some_and(|number| (first..=last).contains(&number));
        assert!(in_time, "{user} is of none of the texts {first} to {last}");
        progress.logins.fetch_add(1, Ordering::SeqCst);
    }
}

/// So many edits, and so many logins at least, spread over each other; returns how many logins there were.
fn change_while_clients_log_in(scene: &Scene, logins: usize, edits: usize) -> usize {
    let progress = Progress::default();
    write(scene, 0);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| log_in_all_the_while(scene, &progress))).collect();
        let go_on =
            || progress.logins.load(Ordering::SeqCst) < logins && !clients.iter().any(|client| client.is_finished());
        for edit in 1..=edits {
            let number = u32::try_from(edit).expect("a small number");
            write(scene, number);
            progress.text.store(number, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(if edit.is_multiple_of(GROUP) { 2_500 } else { 20 }));
            while progress.logins.load(Ordering::SeqCst) < logins * edit / edits && go_on() {
                thread::sleep(Duration::from_millis(5));
            }
        }
        progress.done.store(true, Ordering::SeqCst);
        clients.into_iter().for_each(|client| client.join().expect("each login succeeds"));
    });
    let done = progress.logins.load(Ordering::SeqCst);
    assert!(done >= logins, "{done}");
    done
}

/// How many logins were decided by what was kept, and how many kept something.
fn by_kept(scene: &Scene) -> (usize, usize) {
    let log = BufReader::new(File::open(scene.cluster.socket_dir().join("log")).expect("a log"));
    log.split(b'\n').fold((0, 0), |(used, made), line| {
        let line = line.expect("a line");
        let has = |words: &str| line.windows(words.len()).any(|part| part == words.as_bytes());
        (used + usize::from(has(BY_KEPT)), made + usize::from(has(KEPT_NOW)))
    })
}

#[test]
fn eight_clients_log_in_while_the_text_changes() {
    let scene = Scene::settled("");
    let logins = change_while_clients_log_in(&scene, 0, 30);
    let (used, made) = by_kept(&scene);
    println!("{logins} logins while the text changed 30 times: {used} by a kept form, of which {made} were made");
    assert!(used > 100 && made >= 3, "{used} and {made}");
    scene.assert_quiet();
}

#[test]
fn the_postmaster_stays_as_it_is_over_many_logins_and_edits() {
    let logins = count("OAUTH_VALIDATOR_LOGINS", LOGINS);
    let edits = logins / 100;
    let scene = Scene::settled("shared_preload_libraries = 'oauth_validator'");
    for _ in 0..WARM_UP {
        scene.attempt().accepted();
    }
    let usage = || PostmasterUsage::of(scene.cluster.postmaster_pid()).expect("a postmaster that may be looked at");
    let before = usage();
    let logins = change_while_clients_log_in(&scene, logins, edits);
    let after = usage();
    let (used, made) = by_kept(&scene);
    println!("{logins} logins while the text changed {edits} times: {used} by a kept form, of which {made} were made");
    println!("the postmaster: {before} before, {after} after");
    assert!(used > edits && made > edits / GROUP / 2, "{used} and {made}");
    assert!(after.is_flat_since(before), "{before}, and then {after}");
    scene.assert_quiet();
}
