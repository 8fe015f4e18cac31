//! A login that waits must end at once when its client leaves, when it is told to end, or when the server does, and must
//! take its helper along; and it must go on waiting through everything else.

use super::{AT_ONCE, ProcessId, Scene, children, nothing_is_left, waiting};
use crate::support::assert_told_nothing;
use oauth_validator_server_tests::{FinishedLogin, LoginOutcome, PendingLogin, eventually};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::time::{Duration, Instant};

/// Each hangs in another way: what it is busy with, and the script. They end some day, in case a test fails.
const HANGING: [(&str, &str); 6] = [
    ("nothing, reading nothing", "exec sleep 60"),
    ("reading a byte a second", "for i in $(seq 60); do dd bs=1 count=1 status=none of=/dev/null; sleep 1; done"),
    ("reading all there is", "cat > /dev/null; exec sleep 60"),
    ("answering a little now and then", "for i in $(seq 300); do echo more; sleep 0.2; done"),
    ("ignoring signals, with its input closed", "trap '' TERM INT QUIT HUP ALRM PIPE; exec sleep 60 < /dev/null"),
    ("being stopped", "kill -STOP $$; exec sleep 60"),
];

/// Has a login wait for each hanging helper, ends it by `end`, and sees that nothing is left within `limit` of that.
#[track_caller]
fn each_hanging_helper_ends(
    place: &mut Scene,
    limit: Duration,
    mut end: impl FnMut(&mut Scene, PendingLogin, &ProcessId),
) {
    for (busy_with, script) in HANGING {
        place.script(script);
        let login = place.begin();
        let (backend, helper) = waiting(&place.cluster, "OAuthValidatorHelper", 1);
        let ended = Instant::now();
        end(place, login, &backend);
        eventually(&format!("the end of the login, helper busy with {busy_with}"), limit, || {
            (!backend.is_there()).then_some(())
        });
        assert!(!helper[0].is_there(), "left, busy with {busy_with}: {helper:?}");
        assert!(ended.elapsed() < limit, "{:?}, helper busy with {busy_with}", ended.elapsed());
        nothing_is_left(&place.cluster, busy_with);
    }
}

/// PostgreSQL tells a client that is not authenticated nothing of an interrupt (ProcessInterrupts, postgres.c).
#[track_caller]
fn ends_without_a_word(login: PendingLogin) -> FinishedLogin {
    let attempt = login.finish();
    assert!(matches!(attempt.outcome, LoginOutcome::Disconnected), "{attempt:?}");
    attempt
}

fn signal(process: &ProcessId, signal: Signal) {
    kill_process(Pid::from_raw(process.pid).expect("a process id"), signal).expect("a process");
}

#[test]
fn a_helper_has_until_its_deadline() {
    let place = Scene::new("run_helper_briefly");
    for (busy_with, script) in HANGING {
        place.script(script);
        let started = Instant::now();
        assert_eq!(place.outcome(), "The helper did not answer in time.", "{busy_with}");
        let took = started.elapsed();
        assert!(took > Duration::from_millis(950) && took < Duration::from_secs(3), "{took:?}: {busy_with}");
    }
    place.is_unharmed();
}

#[test]
fn an_administrator_ends_the_login() {
    let mut place = Scene::new("run_helper");
    each_hanging_helper_ends(&mut place, AT_ONCE, |place, login, backend| {
        let rows = place.cluster.sql(&format!("SELECT pg_terminate_backend({})", backend.pid)).expect("a signal");
        assert_eq!(rows, [vec![Some("t".to_owned())]]);
        ends_without_a_word(login);
    });
    place.is_unharmed();
}

#[test]
fn a_cancelled_login_is_denied() {
    let mut place = Scene::new("run_helper");
    each_hanging_helper_ends(&mut place, AT_ONCE, |place, login, backend| {
        let mark = place.cluster.log_mark();
        place.cluster.sql(&format!("SELECT pg_cancel_backend({})", backend.pid)).expect("a signal");
        assert_told_nothing(&login.finish(), "alice");
        place.cluster.wait_for_log(mark, "An error (ERRCODE_QUERY_CANCELED) at postgres.c:");
    });
    place.is_unharmed();
}

#[test]
fn the_client_leaves() {
    let mut place = Scene::new("run_helper");
    each_hanging_helper_ends(&mut place, AT_ONCE, |place, login, _| {
        let mark = place.cluster.log_mark();
        drop(login);
        place.cluster.wait_for_log(mark, "The helper was stopped because the client closed its connection.");
    });
    place.is_unharmed();
}

#[test]
fn authentication_takes_too_long() {
    let mut place = Scene::new("run_helper");
    place.cluster.append_conf("authentication_timeout = 1s");
    place.cluster.reload();
    each_hanging_helper_ends(&mut place, AT_ONCE + Duration::from_secs(1), |_, login, _| {
        let attempt = ends_without_a_word(login);
        assert!(attempt.elapsed > Duration::from_millis(950), "{attempt:?}");
    });
    place.is_unharmed();
}

#[test]
fn the_server_shuts_down() {
    let mut place = Scene::new("run_helper");
    // The rest of the time is for the next start.
    each_hanging_helper_ends(&mut place, 10 * AT_ONCE, |place, login, _| {
        let asked = Instant::now();
        place.cluster.stop();
        assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
        ends_without_a_word(login);
        place.cluster.restart();
    });
    place.is_unharmed();
}

#[test]
fn the_postmaster_dies() {
    for (_, script) in HANGING {
        let place = Scene::new("run_helper");
        place.script(script);
        let login = place.begin();
        let (backend, helper) = waiting(&place.cluster, "OAuthValidatorHelper", 1);
        let postmaster = ProcessId::of(backend.parent).expect("the postmaster");
        signal(&postmaster, Signal::KILL);
        eventually("the end of the backend", AT_ONCE, || (!backend.runs()).then_some(()));
        assert!(!helper[0].is_there(), "{script}");
        nothing_is_left(&place.cluster, script);
        drop(login);
    }
}

/// After SIGQUIT no callback runs, but the helper sees the end of its input.
#[test]
fn an_immediate_shutdown_ends_the_input_of_the_helper() {
    let place = Scene::new("run_helper");
    place.script("exec wc -c");
    let login = place.begin();
    let (backend, helper) = waiting(&place.cluster, "OAuthValidatorHelper", 1);
    signal(&ProcessId::of(backend.parent).expect("the postmaster"), Signal::QUIT);
    eventually("the end of the helper", AT_ONCE, || (!backend.runs() && !helper[0].runs()).then_some(()));
    drop(login);
}

/// The next login's helper is another process, and the end of the first login does not touch it.
#[test]
fn one_login_ends_and_the_other_goes_on() {
    let place = Scene::new("run_helper");
    let go = place.helper().with_extension("go");
    place.script(r#"for i in $(seq 1500); do [ -e "$0.go" ] && echo went && exit; sleep 0.02; done"#);
    let first = place.begin();
    let (backend, helper) = waiting(&place.cluster, "OAuthValidatorHelper", 1);
    let second = place.begin();
    let other = eventually("another backend's helper", AT_ONCE, || {
        let mut found = children(&place.cluster);
        found.retain(|process| process.parent != backend.pid);
        found.pop()
    });
    drop(first);
    eventually("the end of the first", AT_ONCE, || (!backend.is_there()).then_some(()));
    assert!(!helper[0].is_there() && other.is_there());
    let mark = place.cluster.log_mark();
    fs::write(&go, "").expect("a file");
    assert_told_nothing(&second.finish(), "alice");
    place.cluster.wait_for_log(mark, r#"The helper answered "went\n"."#);
    nothing_is_left(&place.cluster, "both");
    place.is_unharmed();
}

#[test]
fn what_wakes_a_login_up_does_not_end_it() {
    let place = Scene::new("run_helper");
    let go = place.helper().with_extension("go");
    place.script(r#"for i in $(seq 1500); do [ -e "$0.go" ] && echo went && exit; sleep 0.02; done"#);
    let login = place.begin();
    let (backend, helper) = waiting(&place.cluster, "OAuthValidatorHelper", 1);
    for _ in 0..50 {
        for each in [Signal::USR1, Signal::HUP, Signal::URG] {
            signal(&backend, each);
        }
    }
    place.cluster.append_conf("work_mem = '5MB'");
    place.cluster.reload();
    // A barrier: every backend must say that it has seen it, or DROP DATABASE waits for ever.
    let started = Instant::now();
    place.cluster.sql("CREATE DATABASE other").expect("a database");
    place.cluster.sql("DROP DATABASE other").expect("a database");
    assert!(started.elapsed() < Duration::from_secs(5), "the barrier was held up: {:?}", started.elapsed());
    // Nor does it keep the processor busy: a latch that is never reset would.
    let before = processor_ticks(&backend);
    std::thread::sleep(Duration::from_millis(500));
    assert!(processor_ticks(&backend) - before < 10, "of 50 ticks");
    let (still, same) = waiting(&place.cluster, "OAuthValidatorHelper", 1);
    assert_eq!((still.pid, same[0].pid), (backend.pid, helper[0].pid));

    let mark = place.cluster.log_mark();
    fs::write(&go, "").expect("a file");
    assert_told_nothing(&login.finish(), "alice");
    place.cluster.wait_for_log(mark, r#"The helper answered "went\n"."#);
    nothing_is_left(&place.cluster, "the answer");
    place.is_unharmed();
}

/// User and system time, in ticks of 10 ms (proc_pid_stat(5)).
fn processor_ticks(process: &ProcessId) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.pid)).expect("a process");
    let fields = stat.rsplit_once(')').expect("a name").1.split_whitespace();
    fields.skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

/// Waiting for another login's fetch is the same wait without a helper.
#[test]
fn a_pause_ends_as_a_helper_does() {
    let mut place = Scene::new("pause");
    for round in 0..3 {
        let login = place.begin();
        let (backend, _) = waiting(&place.cluster, "OAuthValidatorKeys", 0);
        signal(&backend, Signal::USR1);
        let mark = place.cluster.log_mark();
        let ended = Instant::now();
        match round {
            0 => {
                place.cluster.sql(&format!("SELECT pg_terminate_backend({})", backend.pid)).expect("a signal");
                ends_without_a_word(login);
            }
            1 => {
                drop(login);
                place.cluster.wait_for_log(mark, "The client closed its connection during the pause.");
            }
            _ => {
                place.cluster.stop();
                ends_without_a_word(login);
            }
        }
        eventually("the end of the login", AT_ONCE, || (!backend.is_there()).then_some(()));
        assert!(ended.elapsed() < AT_ONCE, "{:?}, round {round}", ended.elapsed());
    }
    place.cluster.restart();
    place.is_unharmed();
}
