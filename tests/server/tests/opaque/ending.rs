//! A login that waits for an answer ends the moment somebody ends it, and leaves no process and no place taken.

use crate::support::{INTROSPECT, Place, SOON, TALKATIVE, eventually};
use oauth_validator_mock_provider::{ALL, Fault};
use oauth_validator_server_tests::{Cluster, Login, LoginOutcome, PendingLogin, Process};
use std::time::{Duration, Instant};

/// A provider that hangs in each of the ways there are.
const HANGING: [Fault; 4] = [Fault::HangBeforeTls, Fault::HangAfterTls, Fault::SlowHeaders, Fault::SlowBody];

/// Far above what it takes, and far below the 20 seconds that the profile gives.
const AT_ONCE: Duration = Duration::from_secs(2);

/// The backend that waits for its helper, as pg_stat_activity tells, and the helper.
#[track_caller]
pub fn waiting(cluster: &Cluster) -> (Process, Process) {
    const SQL: &str = "SELECT pid FROM pg_stat_activity WHERE state = 'starting' AND wait_event_type = 'Extension' AND wait_event = 'OAuthValidatorHelper'";
    eventually("a login that waits for its helper", SOON, || {
        let rows = cluster.sql(SQL).expect("pg_stat_activity");
        let backend = Process::of(rows.first()?.first()?.as_ref()?.parse().ok()?)?;
        // Between fork and exec a child is still called after the server.
        let is_helper = |one: &Process| one.parent == backend.pid && one.name.starts_with("oauth-validator");
        let helper = Process::all().into_iter().find(is_helper)?;
        Some((backend, helper))
    })
}

/// With one place for those who ask: one that was not given back would be missed at once.
fn place(conf: &str) -> Place {
    let place = Place::with(&format!("{TALKATIVE}oauth_validator.max_helpers = 1\n{conf}"));
    place.set_timeout("20s");
    place
}

/// Has a login wait for each of these providers, ends it, and sees that nothing is left and the next login works.
fn each_wait_ends(place: &mut Place, mut end: impl FnMut(&mut Place, PendingLogin, &Process) -> Instant) {
    for fault in HANGING {
        place.provider.set_fault(ALL, fault.clone());
        let token = place.good();
        let login = Login::new("ana", "postgres").token(&token).timeout(Duration::from_secs(30));
        let login = place.cluster.begin_login(&login);
        let (backend, helper) = waiting(&place.cluster);
        let asked_to = end(place, login, &backend);
        eventually(&format!("the end of both, {fault:?}"), AT_ONCE, || {
            (!backend.is_there() && !helper.is_there()).then_some(())
        });
        assert!(asked_to.elapsed() < AT_ONCE, "{fault:?}: {:?}", asked_to.elapsed());
        place.provider.clear_faults();
        place.lets_ana_in(&token);
    }
    place.nothing_is_left();
}

#[test]
fn an_administrator_or_the_client_ends_the_wait() {
    let mut place = place("");
    let incarnation = place.cluster.incarnation();
    each_wait_ends(&mut place, |place, login, backend| {
        let asked_to = Instant::now();
        place.cluster.sql(&format!("SELECT pg_terminate_backend({})", backend.pid)).expect("a signal");
        assert!(matches!(login.finish().outcome, LoginOutcome::Disconnected));
        asked_to
    });
    each_wait_ends(&mut place, |_, login, _| {
        drop(login);
        Instant::now()
    });
    assert_eq!(place.cluster.incarnation(), incarnation);
}

#[test]
fn authentication_timeout_ends_the_wait() {
    let mut place = place("authentication_timeout = 1s\n");
    each_wait_ends(&mut place, |_, login, _| {
        let attempt = login.finish();
        assert!(matches!(attempt.outcome, LoginOutcome::Disconnected), "{attempt:?}");
        assert!(attempt.elapsed > Duration::from_millis(900) && attempt.elapsed < AT_ONCE, "{attempt:?}");
        Instant::now()
    });
}

#[test]
fn a_shutdown_ends_the_wait() {
    let mut place = place("");
    each_wait_ends(&mut place, |place, login, _| {
        let asked_to = Instant::now();
        place.cluster.stop();
        assert!(asked_to.elapsed() < AT_ONCE, "{:?}", asked_to.elapsed());
        assert!(matches!(login.finish().outcome, LoginOutcome::Disconnected));
        place.cluster.restart();
        Instant::now()
    });
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
    place.nothing_is_left();
}
