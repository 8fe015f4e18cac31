//! A client that hangs up while the provider is asked for keys: the fetch goes on, since its outcome is for everybody, and
//! counts as anybody's. Nobody is let in by it who has left, and whatever else ends a login still ends it at once.

use crate::storm::{signature, stray};
use crate::support::{LONG, Scene, denials};
use crate::waiting::{HANGING, begin};
use oauth_validator_fixtures::{TestKey, jwks, keys};
use oauth_validator_mock_provider::{ALL, Fault};
use oauth_validator_server_tests::{
    AT_ONCE, ClusterOptions, PendingLogin, ProcessId, SOON, eventually, nothing_is_left, tool_path, waiting,
};
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// As by default, but for keys that do not become old.
const DEFAULTS: &str = "min_ttl = \"1h\"\nmax_ttl = \"1h\"";

/// How long the provider takes to answer.
const SLOW: &str = "0.4";

/// The helper that is shipped, begun so much later.
fn slow_helper(place: &Scene) {
    let real = place.cluster.write_file("real-helper", fs::read(tool_path()).expect("a tool"));
    crate::support::set_mode(&real, 0o755);
    place.cluster.write_helper(format!("#!/bin/sh\nsleep {SLOW}\nexec {} \"$@\"\n", real.display()));
}

/// Shows tokens with a made-up `kid` for so long, and hangs up each time before there is an answer. Returns how many.
fn keep_hanging_up(place: &Scene, time: Duration) -> usize {
    let (signature, started) = (signature(), Instant::now());
    let mut shown = 0;
    while started.elapsed() < time {
        let login = place.cluster.begin_login(&place.party.login(&stray(place, &signature)));
        thread::sleep(Duration::from_millis(150));
        drop(login);
        shown += 1;
    }
    shown
}

#[test]
fn strangers_who_hang_up_cost_one_request_a_cooldown() {
    let place = Scene::start(DEFAULTS);
    slow_helper(&place);
    place.lets_in(keys::corp());
    // The last request has to be a cooldown ago, as if nobody had logged in for a while.
    forget_the_last_attempt(&place);
    let asked = place.party.requests().1;
    let shown = keep_hanging_up(&place, Duration::from_secs(8));
    eventually("the end of all", SOON, || place.cluster.sql(STARTING).expect("rows").is_empty().then_some(()));
    assert_eq!(place.party.requests().1 - asked, 1, "{shown} logins of strangers");
    assert!(shown > 20, "{shown} logins");
    place.lets_in(keys::corp());
    nothing_is_left(&place.cluster);
}

const STARTING: &str = "SELECT 1 FROM pg_stat_activity WHERE state = 'starting'";

/// Dates it a minute and more back.
fn forget_the_last_attempt(place: &Scene) {
    let lock = fs::File::options().write(true).open(place.key_file().with_extension("lock")).expect("a lock");
    let before = std::time::SystemTime::now() - Duration::from_secs(120);
    lock.set_times(fs::FileTimes::new().set_modified(before).set_accessed(before)).expect("times");
}

/// A key that the stranger's request brought is everybody's.
#[test]
fn what_he_had_fetched_is_used_by_the_next_login() {
    let place = Scene::start(DEFAULTS);
    slow_helper(&place);
    place.lets_in(keys::corp());
    forget_the_last_attempt(&place);
    let new = TestKey::p256("new");
    place.party.provider.set_keys(jwks(&[keys::corp(), &new]));
    let mark = place.cluster.log_mark();
    drop(place.cluster.begin_login(&place.party.login(&stray(&place, &signature()))));
    let log = place.cluster.wait_for_log(mark, "The client hung up while the provider was asked.");
    assert_eq!(denials(&log).pop().map(|denial| denial.code).as_deref(), Some("keys_unavailable"), "{log}");
    place.lets_in(&new);
    assert_eq!(place.party.requests(), (2, 2), "the first login's, and his");
}

/// The token is good, and there are keys in the end; but its owner has left.
#[test]
fn nobody_is_let_in_who_has_left() {
    let place = Scene::start(DEFAULTS);
    slow_helper(&place);
    let mark = place.cluster.log_mark();
    let login = begin(&place);
    let backend = that_waits(&place);
    drop(login);
    let log = place.cluster.wait_for_log(mark, "The client hung up while the provider was asked.");
    eventually("its end", SOON, || (!backend.is_there()).then_some(()));
    assert!(log.contains("oauth_validator: denied: keys_unavailable (profile \"corp\")"), "{log}");
    let log = place.cluster.log_since(mark);
    assert!(!log.contains("connection authenticated: identity=\"corp\""), "{log}");
    place.lets_in(keys::corp());
    assert_eq!(place.party.requests(), (1, 1), "what was fetched for nobody is there");
}

/// The backend that `waiting` finds, where the helper is still a script.
fn that_waits(place: &Scene) -> ProcessId {
    const SQL: &str = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'OAuthValidatorHelper'";
    eventually("a login that waits for its helper", SOON, || {
        let rows = place.cluster.sql(SQL).expect("pg_stat_activity");
        let pid = rows.first()?.first()?.as_ref()?.parse().ok()?;
        ProcessId::of(pid)
    })
}

/// A login whose client has hung up while its helper waits for the provider.
fn abandoned(place: &Scene, fault: &Fault) -> (ProcessId, ProcessId) {
    place.party.provider.set_fault(ALL, fault.clone());
    let login: PendingLogin = begin(place);
    let (backend, helper) = waiting(&place.cluster);
    drop(login);
    thread::sleep(Duration::from_millis(300));
    assert!(backend.is_there() && helper.is_there(), "{fault:?}: the fetch goes on");
    (backend, helper)
}

/// Both are gone at once.
#[track_caller]
fn ended(place: &mut Scene, (backend, helper): &(ProcessId, ProcessId), since: Instant, what: &str) {
    eventually(what, AT_ONCE, || (!backend.is_there() && !helper.is_there()).then_some(()));
    assert!(since.elapsed() < AT_ONCE, "{what}: {:?}", since.elapsed());
    place.party.provider.clear_faults();
}

#[test]
fn an_administrator_ends_an_abandoned_fetch() {
    let mut place = Scene::start(LONG);
    let incarnation = place.cluster.incarnation();
    for fault in HANGING {
        place.take_new_profile(LONG);
        let both = abandoned(&place, &fault);
        let since = Instant::now();
        place.cluster.sql(&format!("SELECT pg_terminate_backend({})", both.0.pid)).expect("a signal");
        ended(&mut place, &both, since, &format!("pg_terminate_backend, {fault:?}"));
    }
    nothing_is_left(&place.cluster);
    assert_eq!(place.cluster.incarnation(), incarnation);
    place.lets_in(keys::corp());
}

#[test]
fn a_fast_shutdown_ends_an_abandoned_fetch() {
    let mut place = Scene::start(LONG);
    for fault in HANGING {
        place.take_new_profile(LONG);
        let both = abandoned(&place, &fault);
        let since = Instant::now();
        place.cluster.stop();
        ended(&mut place, &both, since, &format!("a shutdown, {fault:?}"));
        place.cluster.restart();
    }
    nothing_is_left(&place.cluster);
    place.lets_in(keys::corp());
}

#[test]
fn authentication_timeout_ends_an_abandoned_fetch() {
    let conf = "authentication_timeout = 2s\n".to_owned();
    let mut place = Scene::with(LONG, ClusterOptions { conf, ..ClusterOptions::default() });
    for fault in HANGING {
        place.take_new_profile(LONG);
        let since = Instant::now();
        let both = abandoned(&place, &fault);
        eventually(&format!("authentication_timeout, {fault:?}"), Duration::from_secs(4), || {
            (!both.0.is_there() && !both.1.is_there()).then_some(())
        });
        let took = since.elapsed();
        assert!(took > Duration::from_millis(1900) && took < Duration::from_secs(4), "{fault:?}: {took:?}");
        place.party.provider.clear_faults();
    }
    nothing_is_left(&place.cluster);
}

/// Nor does it outlast `keys.timeout`; and that the provider said nothing is known to those who come later.
#[test]
fn an_abandoned_fetch_ends_in_time_and_its_failure_counts() {
    let mut place = Scene::start(LONG);
    place.take_new_profile("timeout = \"2s\"");
    let since = Instant::now();
    let both = abandoned(&place, &Fault::HangAfterTls);
    eventually("keys.timeout", Duration::from_secs(4), || (!both.0.is_there() && !both.1.is_there()).then_some(()));
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    let record = fs::read_to_string(place.key_file()).expect("a key file");
    assert!(record.contains("\"attempts\": 1") && record.contains("\"last_success\": null"), "{record}");
    place.party.provider.clear_faults();
    nothing_is_left(&place.cluster);
    place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
}
