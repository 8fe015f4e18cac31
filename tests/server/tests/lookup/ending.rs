//! A login that waits for claims ends the moment somebody ends it, and leaves no process and no place taken.

use crate::support::{Scene, TALKATIVE, USERINFO};
use oauth_validator_mock_provider::{ALL, Fault};
use oauth_validator_server_tests::{AT_ONCE, Ending, Login, SOON, eventually, nothing_is_left, waiting};
use std::time::{Duration, Instant};

/// With one place for those who ask: one that was not given back would be missed at once.
fn place(conf: &str) -> Scene {
    let place = Scene::with(&format!("{TALKATIVE}oauth_validator.max_helpers = 1\n{conf}"));
    place.set_timeout("20s");
    place
}

fn each_wait_ends(place: &mut Scene, ending: Ending) {
    for fault in [Fault::HangBeforeTls, Fault::HangAfterTls, Fault::SlowBody] {
        place.provider.set_fault(ALL, fault.clone());
        let token = place.good();
        let login = Login::new("ana", "postgres").token(&token).timeout(Duration::from_secs(30));
        let login = place.cluster.begin_login(&login);
        let (backend, helper) = waiting(&place.cluster);
        ending.ends(&mut place.cluster, login, (&backend, &helper), &format!("{fault:?}"));
        place.provider.clear_faults();
        place.lets_in("ana", &token);
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
fn while_the_only_place_is_taken_others_are_refused_at_once() {
    let place = place("");
    let token = place.good();
    place.provider.set_fault(USERINFO, Fault::HangAfterTls);
    let first = place.cluster.begin_login(&Login::new("ana", "postgres").token(&token));
    waiting(&place.cluster);
    eventually("the question", SOON, || (place.asked() == 1).then_some(()));
    place.provider.clear_faults();
    let started = Instant::now();
    for _ in 0..5 {
        let log = place.refuses_ana(&token, "lookup_unavailable");
        assert!(log.contains("is taken, 1 in all") && log.contains("oauth_validator.max_helpers"), "{log}");
    }
    assert!(started.elapsed() < AT_ONCE, "{:?}", started.elapsed());
    assert_eq!(place.asked(), 1);
    drop(first);
    nothing_is_left(&place.cluster);
    place.lets_in("ana", &token);
}
