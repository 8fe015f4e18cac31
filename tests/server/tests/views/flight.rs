//! Logins that are under way while the line is written and `enforce()` runs: none of the denied is left afterwards.

use crate::support::{PRELOADED, config, login, present, rows, start, start_with, trusted};
use oauth_validator_server_tests::{ClientSession, Cluster, LoginOutcome, eventually, faulty_module_path};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Logins under way at one time.
const CLIENTS: usize = 25;

/// Logins of each client: 200 in all.
const LOGINS: usize = 8;

/// Half of them are the leaver's.
fn who(client: usize) -> &'static str {
    if client.is_multiple_of(2) { "leaver" } else { "stayer" }
}

/// How somebody ends sessions: the role, and after how long.
fn none_is_left(conf: &str, role: &'static str, after: Duration) {
    let cluster = start(&format!("{conf}max_connections = 300\n"));
    let sessions: Mutex<Vec<ClientSession>> = Mutex::default();
    let begun = AtomicBool::new(false);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (cluster, sessions, begun) = (&cluster, &sessions, &begun);
            scope.spawn(move || {
                for _ in 0..LOGINS {
                    let outcome = cluster.login(&login(who(client))).outcome;
                    begun.store(true, Ordering::Relaxed);
                    match outcome {
                        // Whoever was let in stays, as far as the client is concerned.
                        LoginOutcome::Accepted(session) => sessions.lock().expect("no panic").push(session),
                        outcome if who(client) == "stayer" => panic!("the stayer was refused: {outcome:?}"),
                        _ => {}
                    }
                }
            });
        }
        let mut ender = trusted(&cluster, role);
        while !begun.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        thread::sleep(after);
        cluster.write_config(&config("deny_identities = [\"leaver\"]", ""));
        let ended = rows(&mut ender, "SELECT authn_id FROM oauth_validator.enforce()");
        assert!(ended.iter().all(|row| row == &["leaver"]), "{ended:?}");
    });
    only_the_stayer_is_there(&cluster, conf, role);
    drop(sessions);
}

fn only_the_stayer_is_there(cluster: &Cluster, conf: &str, role: &str) {
    let stayers = LOGINS * (CLIENTS / 2);
    eventually("the denied to leave", Duration::from_secs(15), || {
        (!present(cluster).iter().any(|who| who == "leaver")).then_some(())
    });
    assert_eq!(present(cluster).len(), stayers, "{conf} {role}: no stayer was ended");
    // What the view does not know is in the server all the same.
    let backends = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'";
    assert_eq!(crate::support::texts(cluster.sql(backends).expect("a count")), [[stayers.to_string()]]);
    assert_eq!(cluster.incarnation().crashes, 0);
}

/// At the two points where it matters: judged by the old text and not yet to be seen, and seen before it has a role.
#[test]
fn none_slips_through_however_long_a_login_lingers() {
    for (point, role) in [
        ("before_publishing", "ender"),
        ("before_publishing", "chief"),
        ("after_publishing", "ender"),
        ("after_publishing", "chief"),
    ] {
        let conf = format!("{PRELOADED}max_connections = 100\noauth_validator.test_fault = '{point}'\n");
        let cluster = start_with(&conf, |options| options.module = Some(faulty_module_path()));
        let mut ender = trusted(&cluster, role);
        let mark = cluster.log_mark();
        let pending: Vec<_> = (0..8).map(|client| cluster.begin_login(&login(who(client)))).collect();
        // Long enough to be judged, and not so long that it is over.
        thread::sleep(Duration::from_millis(350));
        cluster.write_config(&config("deny_identities = [\"leaver\"]", ""));
        let ended = rows(&mut ender, "SELECT authn_id FROM oauth_validator.enforce()");
        assert!(ended.iter().all(|row| row == &["leaver"]), "{point} {role}: {ended:?}");
        let outcomes: Vec<_> = pending.into_iter().map(|login| login.finish().outcome).collect();
        let stayers = outcomes.iter().enumerate().filter(|(client, _)| who(*client) == "stayer");
        assert!(stayers.clone().all(|(_, outcome)| matches!(outcome, LoginOutcome::Accepted(_))), "{point} {role}");
        eventually("the denied to leave", Duration::from_secs(15), || {
            (!present(&cluster).iter().any(|who| who == "leaver")).then_some(())
        });
        let backends = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'";
        assert_eq!(crate::support::texts(cluster.sql(backends).expect("a count")), [["4"]], "{point} {role}");
        if point == "before_publishing" {
            // Nobody could end them, so they ended themselves, and were never counted as granted.
            assert!(ended.is_empty(), "{role}: {ended:?}");
            let log = cluster.log_since(mark);
            assert_eq!(log.matches("oauth_validator: denied: identity_denied (profile \"corp\")").count(), 4, "{log}");
            let counts = "SELECT code, count FROM oauth_validator.decisions ORDER BY code";
            let counts = crate::support::texts(cluster.sql(counts).expect("counts"));
            assert_eq!(counts, [["granted", "4"], ["identity_denied", "4"]]);
        } else {
            assert_eq!(ended.len(), 4, "{role}");
        }
    }
}

#[test]
fn none_of_the_denied_is_left_preloaded() {
    none_is_left(PRELOADED, "chief", Duration::from_millis(100));
    none_is_left(PRELOADED, "ender", Duration::from_millis(10));
}

#[test]
fn none_of_the_denied_is_left_without_preloading() {
    none_is_left("", "ender", Duration::from_millis(100));
    none_is_left("", "chief", Duration::from_millis(10));
}
