//! A login that waits for an answer ends the moment somebody ends it, and leaves no process and no place taken.

use crate::support::{INTROSPECT, Scene, TALKATIVE};
use oauth_validator_mock_provider::{ALL, Fault};
use oauth_validator_server_tests::{AT_ONCE, Ending, Login, SOON, eventually, nothing_is_left, waiting};
use rustix::fs::{FlockOperation, fcntl_lock, flock};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

/// A provider that hangs in each of the ways there are.
const HANGING: [Fault; 4] = [Fault::HangBeforeTls, Fault::HangAfterTls, Fault::SlowHeaders, Fault::SlowBody];

/// With one place for those who ask: one that was not given back would be missed at once.
fn place(conf: &str) -> Scene {
    let place = Scene::with(&format!("{TALKATIVE}oauth_validator.max_helpers = 1\n{conf}"));
    place.set_timeout("20s");
    place
}

/// Has a login wait for each of these providers, ends it, and sees that nothing is left and the next login works.
fn each_wait_ends(place: &mut Scene, ending: Ending) {
    for fault in HANGING {
        place.provider.set_fault(ALL, fault.clone());
        let token = place.good();
        let login = Login::new("ana", "postgres").token(&token).timeout(Duration::from_secs(30));
        let login = place.cluster.begin_login(&login);
        let (backend, helper) = waiting(&place.cluster);
        ending.ends(&mut place.cluster, login, (&backend, &helper), &format!("{fault:?}"));
        place.provider.clear_faults();
        place.lets_ana_in(&token);
    }
    nothing_is_left(&place.cluster);
}

#[test]
fn an_administrator_or_the_client_ends_the_wait() {
    let mut place = place("");
    let incarnation = place.cluster.incarnation();
    each_wait_ends(&mut place, Ending::Administrator);
    each_wait_ends(&mut place, Ending::Client);
    assert_eq!(place.cluster.incarnation(), incarnation);
}

#[test]
fn authentication_timeout_ends_the_wait() {
    each_wait_ends(&mut place("authentication_timeout = 1s\n"), Ending::Timeout);
}

#[test]
fn a_shutdown_ends_the_wait() {
    each_wait_ends(&mut place(""), Ending::Shutdown);
}

#[test]
fn while_the_only_place_is_taken_others_are_refused_at_once() {
    let place = place("");
    let token = place.good();
    place.provider.set_fault(INTROSPECT, Fault::HangAfterTls);
    let first = place.cluster.begin_login(&Login::new("ana", "postgres").token(&token));
    let (backend, helper) = waiting(&place.cluster);
    eventually("the question", SOON, || (place.asked() == 1).then_some(()));
    place.provider.clear_faults();
    let started = Instant::now();
    for _ in 0..5 {
        let log = place.refuses_ana(&token, "introspection_unavailable");
        assert!(log.contains("is taken, 1 in all") && log.contains("oauth_validator.max_helpers"), "{log}");
    }
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
    // More places with the next reload, which no login that waits is disturbed by.
    place.cluster.append_conf("oauth_validator.max_helpers = 2");
    place.cluster.reload();
    place.lets_ana_in(&token);
    assert!(backend.is_there() && helper.is_there());
    drop(first);
    nothing_is_left(&place.cluster);
}

/// As after a restore without modes: another user of the machine may open the only place, for reading.
#[test]
fn who_may_merely_read_a_place_does_not_take_it() {
    let place = place("");
    place.lets_ana_in(&place.good());
    let path = place.cluster.data_dir().join("oauth_validator/.helper-0.lock");
    for loosened in [0o644, 0o604] {
        fs::set_permissions(&path, Permissions::from_mode(loosened)).expect("a mode");
        let other = File::open(&path).expect("a place");
        flock(&other, FlockOperation::NonBlockingLockExclusive).expect("it is free");
        fcntl_lock(&other, FlockOperation::NonBlockingLockShared).expect("it is free");
        place.lets_ana_in(&place.good());
        let mode = fs::metadata(&path).expect("a place").permissions().mode() & 0o7777;
        assert_eq!(mode, 0o600, "{loosened:o}");
    }
    // Whoever could have written to it is not let go on.
    fs::set_permissions(&path, Permissions::from_mode(0o622)).expect("a mode");
    let log = place.refuses_ana(&place.good(), "introspection_unavailable");
    assert!(log.contains("mode 0622; it must not be writable by group or others"), "{log}");
    assert_eq!(place.asked(), 3);
}
