//! `sessions`: everybody who is there, nobody who is not, never a mixture; and who may see whom.

use crate::support::{
    PRELOADED, bobs_session, login, present, present_are, rows, session, start, start_with, texts, token, trusted,
};
use oauth_validator_fixtures::keys;
use oauth_validator_server_tests::{Cluster, Login, eventually};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn two_hundred_sessions_are_there_and_none_is_after_a_crash() {
    for conf in [PRELOADED, ""] {
        let cluster = start(&format!("{conf}max_connections = 230\n"));
        let names: Vec<String> = (0..200).map(|n| format!("person-{n:03}")).collect();
        let sessions: Vec<_> = names.iter().map(|name| session(&cluster, name)).collect();
        assert_eq!(present(&cluster), names);
        let pids: BTreeSet<String> = sessions.iter().map(|session| session.backend_pid().to_string()).collect();
        let seen = texts(cluster.sql("SELECT pid FROM oauth_validator.sessions").expect("rows")).concat();
        assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), pids);
        let left = sessions.len() / 2;
        drop(sessions.into_iter().skip(left).collect::<Vec<_>>());
        eventually("half of them to leave", Duration::from_secs(20), || {
            (present(&cluster).len() <= left).then_some(())
        });

        // kill -9 of one backend: the server starts all anew, and nobody is left in its memory.
        let before = cluster.incarnation();
        let mut victim = session(&cluster, "victim");
        kill_process(Pid::from_raw(victim.backend_pid()).expect("a pid"), Signal::KILL).expect("killed");
        assert!(victim.query("SELECT 1").is_err());
        eventually("the restart", Duration::from_secs(30), || {
            (cluster.sql("SELECT 1").is_ok() && cluster.incarnation() != before).then_some(())
        });
        assert_eq!(present(&cluster), [""; 0], "{conf}");
        let survivor = session(&cluster, "survivor");
        assert_eq!(present(&cluster), ["survivor"]);
        drop(survivor);
    }
}

/// Logins and departures without a pause while ten readers read: all that a row says is of one person.
#[test]
fn readers_never_see_a_mixture_of_two_sessions() {
    for conf in [PRELOADED, ""] {
        let cluster = start(&format!("{conf}max_connections = 60\n"));
        let (stop, read, logins) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for churner in 0..4 {
                let (cluster, stop, logins) = (&cluster, &stop, &logins);
                scope.spawn(move || {
                    for round in 0.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let name = format!("{churner}-{round}-{}", "x".repeat((round * 7) % 250));
                        drop(session(cluster, &name));
                        logins.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            for _ in 0..10 {
                let (cluster, stop, read) = (&cluster, &stop, &read);
                scope.spawn(move || read_all(cluster, stop, read));
            }
            thread::sleep(Duration::from_secs(4));
            stop.store(true, Ordering::Relaxed);
        });
        let (read, logins) = (read.into_inner(), logins.into_inner());
        println!("{logins} logins, {read} rows read");
        assert!(read > 0 && logins > 20, "{logins} logins, {read} rows read");
        present_are(&cluster, &[]);
    }
}

fn read_all(cluster: &Cluster, stop: &AtomicBool, read: &AtomicUsize) {
    let mut reader = trusted(cluster, "reader");
    while !stop.load(Ordering::Relaxed) {
        for row in rows(&mut reader, "SELECT authn_id, client, token_id, role, profile FROM oauth_validator.sessions") {
            let [authn_id, client, token_id, role, profile] = row.try_into().expect("five columns");
            // What is too long for its place is shown as its beginning.
            let of = |text: &str, prefix: &str| {
                let text = text.strip_prefix(prefix).expect("the prefix");
                authn_id.starts_with(text.split("... (SHA-256").next().expect("a beginning"))
            };
            assert!(of(&client, "client-") && of(&token_id, "jti-"), "{authn_id} {client} {token_id}");
            assert_eq!((role.as_str(), profile.as_str()), ("app", "corp"));
            read.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_session_is_seen_with_all_that_is_known_of_it() {
    for conf in [PRELOADED, ""] {
        let cluster = start(conf);
        let mut alice = session(&cluster, "alice");
        let sql = "SELECT pid = pg_backend_pid(), s.role, s.profile, s.authn_id, s.client, s.token_id, s.key, \
                   s.authenticated_at = i.authenticated_at, s.expires_at = i.expires_at, s.ends_at IS NOT DISTINCT FROM i.ends_at \
                   FROM oauth_validator.sessions s, oauth_validator.session() i";
        let thumbprint = keys::corp().thumbprint();
        let expected = ["t", "app", "corp", "alice", "client-alice", "jti-alice", &thumbprint, "t", "t", "t"];
        assert_eq!(rows(&mut alice, sql), [expected]);
        // Becoming somebody else changes nothing of who logged in.
        alice.query("SET application_name = 'x'").expect("it");
        alice.query("DISCARD ALL").expect("it");
        assert_eq!(rows(&mut alice, sql), [expected]);
    }
}

#[test]
fn the_longest_identity_is_cut_and_still_itself() {
    let cluster = start("");
    let long = "l".repeat(1024);
    let mut session = session(&cluster, &long);
    let shown = rows(&mut session, "SELECT authn_id FROM oauth_validator.sessions").concat().concat();
    assert!(shown.starts_with(&"l".repeat(288)) && shown.contains("... (SHA-256 "), "{shown}");
    let mut chief = trusted(&cluster, "chief");
    assert!(
        rows(&mut chief, &format!("SELECT * FROM oauth_validator.end_sessions('{}')", "l".repeat(1023))).is_empty()
    );
    let ended = rows(&mut chief, &format!("SELECT pid FROM oauth_validator.end_sessions('{long}')"));
    assert_eq!(ended, [[session.backend_pid().to_string()]]);
    crate::support::assert_was_ended(&mut session);
}

/// A map makes many people one role, so the role is no reason to be shown somebody.
#[test]
fn everybody_sees_himself_and_who_may_read_all_activity_sees_all() {
    let cluster = start("");
    let (mut alice, mut anna, mut bob) =
        (session(&cluster, "alice"), session(&cluster, "anna"), bobs_session(&cluster));
    let seen = "SELECT authn_id FROM oauth_validator.sessions ORDER BY 1";
    assert_eq!(rows(&mut alice, seen), [["alice"]]);
    assert_eq!(rows(&mut anna, seen), [["anna"]]);
    assert_eq!(rows(&mut bob, seen), [["bob"]]);
    assert_eq!(rows(&mut trusted(&cluster, "trusted"), seen), [[""; 0]; 0]);
    assert_eq!(rows(&mut trusted(&cluster, "ender"), seen), [[""; 0]; 0], "to signal is not to read");
    for may in ["reader", "chief"] {
        assert_eq!(rows(&mut trusted(&cluster, may), seen), [["alice"], ["anna"], ["bob"]], "{may}");
    }
    // The function that is behind it says no more.
    let function = "SELECT authn_id FROM oauth_validator.session_list()";
    assert_eq!(rows(&mut alice, function), [["alice"]]);
    cluster.sql("GRANT pg_read_all_stats TO app").expect("it");
    assert_eq!(rows(&mut alice, seen).len(), 3);
}

/// 5 MB of memory, of which a login touches its own kilobyte.
#[test]
fn five_thousand_connections_may_be_allowed() {
    for conf in [PRELOADED, ""] {
        let cluster = start(&format!("{conf}max_connections = 5000\n"));
        let (_alice, _anna) = (session(&cluster, "alice"), session(&cluster, "anna"));
        assert_eq!(present(&cluster), ["alice", "anna"]);
        let mut chief = trusted(&cluster, "chief");
        assert_eq!(rows(&mut chief, "SELECT authn_id FROM oauth_validator.end_sessions('anna')"), [["anna"]]);
        present_are(&cluster, &["alice"]);
    }
}

/// In one transaction, and beside the server's own view, which keeps what it saw.
#[test]
fn who_comes_during_a_transaction_is_seen_in_it() {
    let cluster = start("");
    let mut reader = trusted(&cluster, "reader");
    reader.query("BEGIN; SELECT count(*) FROM pg_stat_activity").expect("it");
    let alice = session(&cluster, "alice");
    let joined = "SELECT s.authn_id FROM oauth_validator.sessions s JOIN pg_stat_activity a USING (pid)";
    assert_eq!(rows(&mut reader, joined), [["alice"]]);
    drop(alice);
    eventually("her leaving", Duration::from_secs(10), || {
        rows(&mut reader, "SELECT 1 FROM oauth_validator.sessions").is_empty().then_some(())
    });
}

#[test]
fn a_login_that_did_not_succeed_is_nobody_there() {
    let cluster = start(PRELOADED);
    let not_mapped = Login::new("bob", "postgres").token(token("alice").sign(keys::corp()));
    cluster.login(&not_mapped).refused();
    cluster.login(&Login::new("app", "postgres").token(token("alice").audience("x").sign(keys::corp()))).refused();
    assert_eq!(present(&cluster), [""; 0]);
}

/// Whoever hangs up in the middle, or is ended there, leaves nothing behind.
#[test]
fn logins_that_are_cut_off_at_any_point_leave_nothing() {
    let cluster = start_with(&format!("{PRELOADED}max_connections = 100\n"), |_| ());
    let started = Instant::now();
    let mut round = 0;
    while started.elapsed() < Duration::from_secs(3) {
        let pending: Vec<_> = (0..8).map(|n| cluster.begin_login(&login(&format!("cut-{round}-{n}")))).collect();
        thread::sleep(Duration::from_micros(300 * (round % 10)));
        cluster
            .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
            .expect("they are ended");
        drop(pending);
        round += 1;
    }
    assert!(round > 3, "{round} rounds");
    eventually("the end of all", Duration::from_secs(10), || present(&cluster).is_empty().then_some(()));
    drop(session(&cluster, "alice"));
    assert_eq!(cluster.incarnation().crashes, 0);
}
