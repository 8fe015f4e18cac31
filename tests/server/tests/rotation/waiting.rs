//! A login that waits for a provider which says nothing: what others can see of it, what it has open, and that nothing
//! is left when it ends before its time. That its client hangs up does not end it; see `hang_up`.

use crate::support::{LONG, Scene};
use oauth_validator_fixtures::keys;
use oauth_validator_mock_provider::{ALL, Fault};
use oauth_validator_server_tests::{
    ClusterOptions, Ending, PendingLogin, ProcessId, SOON, eventually, needs_root, nothing_is_left, waiting,
};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub fn signal(process: &ProcessId, signal: Signal) {
    kill_process(Pid::from_raw(process.pid).expect("a process id"), signal).expect("a process");
}

pub fn begin(place: &Scene) -> PendingLogin {
    place.cluster.begin_login(&place.party.login(&place.party.token(keys::corp())))
}

/// Inodes of the sockets that a process has open.
fn sockets(pid: i32) -> BTreeSet<String> {
    let names = open_files(pid).into_iter().filter_map(|path| path.to_str().map(str::to_owned));
    names.filter_map(|name| Some(name.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect()
}

fn open_files(pid: i32) -> Vec<PathBuf> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).expect("a process").flatten();
    entries.filter_map(|entry| fs::read_link(entry.path()).ok()).collect()
}

/// Of all sockets of the internet on this machine.
fn network_inodes() -> BTreeSet<String> {
    let tables =
        ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"].map(|kind| fs::read_to_string(format!("/proc/net/{kind}")));
    let rows = tables.into_iter().flatten().flat_map(|table| {
        table.lines().skip(1).filter_map(|line| Some(line.split_whitespace().nth(9)?.to_owned())).collect::<Vec<_>>()
    });
    rows.collect()
}

/// Ends a login that waits, and its fetch.
#[track_caller]
pub fn terminate(place: &Scene, login: PendingLogin, backend: &ProcessId) {
    place.cluster.sql(&format!("SELECT pg_terminate_backend({})", backend.pid)).expect("a signal");
    drop(login);
}

/// A login that waits for a provider that has its request and says nothing, its backend and its helper.
fn wait_for_ever(place: &Scene) -> (PendingLogin, ProcessId, ProcessId) {
    place.party.provider.set_fault(ALL, Fault::HangAfterTls);
    let login = begin(place);
    let (backend, helper) = waiting(&place.cluster);
    eventually("the helper's request", SOON, || (place.party.requests().0 == 1).then_some(()));
    (login, backend, helper)
}

#[test]
fn the_network_is_the_helpers_business() {
    let place = Scene::start(LONG);
    let (login, backend, helper) = wait_for_ever(&place);
    let network = network_inodes();
    assert_eq!(fs::read_dir(format!("/proc/{}/task", backend.pid)).expect("a process").count(), 1, "one thread");
    assert!(sockets(backend.pid).is_disjoint(&network), "the backend has a socket of the network");
    assert_eq!(sockets(backend.pid).len(), 1, "the client's");
    // It is not dumpable: for its own user as well, these belong to root.
    if needs_root("the_network_is_the_helpers_business: the helper's side") {
        assert_eq!(sockets(helper.pid).intersection(&network).count(), 1, "the helper is the one that has");
        assert!(sockets(helper.pid).is_disjoint(&sockets(backend.pid)), "the client's is not the helper's");
        for path in open_files(helper.pid) {
            let name = path.to_string_lossy();
            let is_its_own =
                ["pipe:[", "socket:[", "anon_inode:", "/dev/null"].iter().any(|kind| name.starts_with(kind));
            assert!(is_its_own || inherited().contains(&path), "it has {name} open");
        }
    }
    place.party.provider.clear_faults();
    terminate(&place, login, &backend);
    place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
    nothing_is_left(&place.cluster);
}

/// What everybody on a machine may see of a process.
#[test]
fn the_token_is_not_among_the_helpers_arguments() {
    if !needs_root("the_token_is_not_among_the_helpers_arguments") {
        return;
    }
    let place = Scene::start(LONG);
    let (login, backend, helper) = wait_for_ever(&place);
    let read = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", helper.pid)).expect("a process");
    assert_eq!(read("environ"), "");
    assert_eq!(read("cmdline"), format!("{}\0helper\0", place.cluster.helper_path().display()));
    let limits = read("limits");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    assert_eq!(fs::metadata(format!("/proc/{}/environ", helper.pid)).expect("a process").uid(), 0, "not dumpable");
    terminate(&place, login, &backend);
    nothing_is_left(&place.cluster);
}

/// What this process has open was passed on to the server, and to whatever that starts.
fn inherited() -> Vec<PathBuf> {
    open_files(std::process::id().cast_signed())
}

/// A provider that hangs in each of the ways there are.
pub const HANGING: [Fault; 4] = [Fault::HangBeforeTls, Fault::HangAfterTls, Fault::SlowHeaders, Fault::SlowBody];

/// Has a login wait for each of these providers, ends it, and sees that nothing is left and the next login works.
fn each_wait_ends(place: &mut Scene, ending: Ending) {
    for fault in HANGING {
        place.take_new_profile(LONG);
        place.party.provider.set_fault(ALL, fault.clone());
        let login = begin(place);
        let (backend, helper) = waiting(&place.cluster);
        ending.ends(&mut place.cluster, login, (&backend, &helper), &format!("{fault:?}"));
        place.party.provider.clear_faults();
    }
    nothing_is_left(&place.cluster);
    // The attempt that was cut off holds it up for a second at most.
    let started = Instant::now();
    place.lets_in(keys::corp());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn an_administrator_ends_the_wait() {
    let mut place = Scene::start(LONG);
    let incarnation = place.cluster.incarnation();
    each_wait_ends(&mut place, Ending::Administrator);
    assert_eq!(place.cluster.incarnation(), incarnation);
}

#[test]
fn authentication_timeout_ends_the_wait() {
    let conf = "authentication_timeout = 1s\n".to_owned();
    let mut place = Scene::with(LONG, ClusterOptions { conf, ..ClusterOptions::default() });
    each_wait_ends(&mut place, Ending::Timeout);
}

#[test]
fn a_shutdown_ends_the_wait() {
    each_wait_ends(&mut Scene::start(LONG), Ending::Shutdown);
}

/// Whoever waits for somebody else's helper takes over when that is cut off.
#[test]
fn those_who_wait_for_the_one_that_asks_go_on_without_it() {
    let place = Scene::start(LONG);
    place.party.provider.set_fault(ALL, Fault::HangBeforeTls);
    let first = begin(&place);
    let (backend, _) = waiting(&place.cluster);
    let others: Vec<PendingLogin> = (0..5).map(|_| begin(&place)).collect();
    let sql = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'OAuthValidatorKeys'";
    eventually("five that wait", SOON, || {
        let rows = place.cluster.sql(sql).expect("pg_stat_activity");
        (!rows.is_empty()).then_some(())
    });
    place.party.provider.clear_faults();
    terminate(&place, first, &backend);
    for login in others {
        login.finish().accepted();
    }
    assert_eq!(place.party.requests(), (1, 1), "one of them asked");
    nothing_is_left(&place.cluster);
}
