//! The postmaster as process 1 of its own PID namespace, as in most containers: it inherits orphans, and one that dies by
//! a signal restarts the whole cluster.
//!
//! So with a living parent no helper may ever become an orphan; and after a backend was killed, which PostgreSQL always
//! answers with a restart, the orphaned helper must end by itself, with an exit code.

use crate::support::{LONG, Scene};
use crate::waiting::{begin, signal};
use oauth_validator_fixtures::keys;
use oauth_validator_mock_provider::{ALL, Fault};
use oauth_validator_server_tests::{
    ClusterOptions, LoginOutcome, PendingLogin, ProcessId, eventually, helpers_of, may_unshare, nothing_is_left,
    waiting,
};
use rustix::process::Signal;
use std::fs;
use std::time::Duration;

/// Each keeps the helper busy in another way.
const HANGING: [Fault; 3] = [Fault::HangBeforeTls, Fault::HangAfterTls, Fault::SlowBody];

/// A server whose postmaster is process 1; says why not where that cannot be.
fn start(test: &str) -> Option<Scene> {
    if let Err(why) = may_unshare() {
        println!("skipped: {test}: {why}");
        return None;
    }
    let place = Scene::with(LONG, ClusterOptions { as_process_1: true, ..ClusterOptions::default() });
    let postmaster = ProcessId::of(place.cluster.postmaster_pid().cast_signed()).expect("the postmaster");
    assert_eq!((postmaster.inner_pid(), postmaster.name.as_str()), (Some(1), "postgres"));
    let status = fs::read_to_string(format!("/proc/{}/status", postmaster.pid)).expect("a process");
    let uid = format!("Uid:\t{0}\t{0}\t{0}\t{0}\n", place.cluster.server_user().0);
    assert!(status.contains(&uid), "it is not root: {status}");
    Some(place)
}

#[test]
fn terminated_backends_and_killed_helpers_restart_nothing() {
    let Some(mut place) = start("terminated_backends_and_killed_helpers_restart_nothing") else { return };
    let incarnation = place.cluster.incarnation();
    for fault in HANGING {
        for end in
            ["terminate", "cancel", "hang up and terminate", "kill the helper", "tell the helper", "stop the helper"]
        {
            place.take_new_profile(LONG);
            place.party.provider.set_fault(ALL, fault.clone());
            let mut login = Some(begin(&place));
            let (backend, helper) = waiting(&place.cluster);
            let call = |function: &str| {
                let called = backend.inner_pid().expect("a number");
                place.cluster.sql(&format!("SELECT {function}({called})")).expect("a signal");
            };
            match end {
                "terminate" => call("pg_terminate_backend"),
                "cancel" => call("pg_cancel_backend"),
                "hang up and terminate" => {
                    drop(login.take());
                    call("pg_terminate_backend");
                }
                "kill the helper" => signal(&helper, Signal::KILL),
                "tell the helper" => signal(&helper, Signal::TERM),
                _ => {
                    signal(&helper, Signal::STOP);
                    call("pg_terminate_backend");
                }
            }
            // A client that is denied has a word to say as well.
            let attempt = login.map(PendingLogin::finish);
            assert!(!attempt.is_some_and(|attempt| matches!(attempt.outcome, LoginOutcome::Accepted(_))), "{end}");
            eventually(&format!("the end of both: {end}"), Duration::from_secs(5), || {
                (!backend.is_there() && !helper.is_there()).then_some(())
            });
            place.party.provider.clear_faults();
        }
    }
    nothing_is_left(&place.cluster);
    assert_eq!(place.cluster.incarnation(), incarnation);
    assert!(!place.cluster.log().contains("untracked child process"), "no orphan came to the postmaster");
    place.take_new_profile(LONG);
    place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
}

#[test]
fn the_helper_of_a_killed_backend_ends_with_an_exit_code() {
    let Some(mut place) = start("the_helper_of_a_killed_backend_ends_with_an_exit_code") else { return };
    for fault in HANGING {
        place.take_new_profile(LONG);
        place.party.provider.set_fault(ALL, fault.clone());
        let before = place.cluster.incarnation();
        let asked = place.party.provider.connection_count();
        let mark = place.cluster.log_mark();
        let login = begin(&place);
        let (backend, helper) = waiting(&place.cluster);
        eventually("its connection", Duration::from_secs(5), || {
            (place.party.provider.connection_count() > asked).then_some(())
        });
        let called = helper.inner_pid().expect("a number");
        signal(&backend, Signal::KILL);
        eventually("the end of the helper", Duration::from_secs(2), || (!helper.is_there()).then_some(()));
        drop(login);
        place.party.provider.clear_faults();

        eventually("the restart", Duration::from_secs(20), || {
            let log = place.cluster.log_since(mark);
            let at = log.find("all server processes terminated; reinitializing")?;
            log[at..].contains("database system is ready to accept connections").then_some(())
        });
        let log = place.cluster.log_since(mark);
        let orphans: Vec<&str> = log.lines().filter(|line| line.contains("untracked child process")).collect();
        let expected = format!("untracked child process (PID {called}) exited with exit code 1");
        assert!(orphans.len() == 1 && orphans[0].ends_with(&expected), "{fault:?}: {orphans:?}");
        assert_eq!(log.matches("all server processes terminated; reinitializing").count(), 1, "{log}");
        let after = place.cluster.incarnation();
        assert_eq!(after.postmaster, before.postmaster, "the same postmaster");
        // The attempt was cut off, which holds the next one up for a moment.
        place.lets_in(keys::corp());
        assert_eq!(helpers_of(&backend), []);
        nothing_is_left(&place.cluster);
    }
}
