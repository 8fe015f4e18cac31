//! Shared memory that cannot be had: logins go on and can be ended, and nobody is told that nobody is there.

use crate::support::{PRELOADED, assert_was_ended, login, present, refused, rows, session, start, start_with, trusted};
use oauth_validator_server_tests::{Cluster, ResultRow, WireError, eventually, faulty_module_path, may_mount};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

/// Where the harness' servers have their dynamic shared memory: nothing can be made in the folder, until something can.
fn set_mode(cluster: &Cluster, mode: u32) {
    let folder = cluster.data_dir().join("pg_dynshmem");
    fs::set_permissions(&folder, Permissions::from_mode(mode)).expect("the mode");
}

/// Nothing that needs the memory gives an answer.
#[track_caller]
fn nothing_is_said(cluster: &Cluster) {
    let mut chief = trusted(cluster, "chief");
    for sql in [
        "SELECT * FROM oauth_validator.sessions",
        "SELECT * FROM oauth_validator.decisions",
        "SELECT * FROM oauth_validator.helper",
        "SELECT * FROM oauth_validator.enforce()",
        "SELECT * FROM oauth_validator.end_sessions('alice')",
    ] {
        let error = refused(chief.query(sql), "55000");
        assert!(error.contains("oauth_validator: there is no shared memory"), "{error}");
        assert!(error.contains("shared_preload_libraries") && error.contains("DETAIL: PostgreSQL says: "), "{error}");
    }
    // Locks that were held when it failed are free again: in this session, and for others.
    assert_eq!(rows(&mut chief, "SELECT profile FROM oauth_validator.keys").len(), 2);
    assert_eq!(rows(&mut chief, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'LWLock'"), [["0"]]);
}

/// This login and the next hundred, eight at a time; each can be ended.
fn a_hundred_logins_go_through(cluster: &Cluster) {
    let mut sessions: Vec<_> = thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|client| {
                scope.spawn(move || (0..13).map(|n| session(cluster, &format!("{client}-{n}"))).collect::<Vec<_>>())
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().expect("all logged in")).collect()
    });
    let pids: Vec<String> = sessions.iter().map(|session| session.backend_pid().to_string()).collect();
    for pid in &pids {
        cluster.sql(&format!("SELECT pg_terminate_backend({pid})")).expect("ended");
    }
    sessions.iter_mut().for_each(assert_was_ended);
    let left = format!("SELECT 1 FROM pg_stat_activity WHERE pid IN ({})", pids.join(", "));
    eventually("the end of all", Duration::from_secs(10), || cluster.sql(&left).ok()?.is_empty().then_some(()));
}

#[test]
fn logins_go_on_without_it_and_views_say_so() {
    let cluster = start("max_connections = 130\n");
    set_mode(&cluster, 0o500);
    nothing_is_said(&cluster);
    a_hundred_logins_go_through(&cluster);
    // A denial is one as before.
    let mark = cluster.log_mark();
    cluster.login(&login("alice").initial_response("n,,\x01auth=Bearer rubbish\x01\x01")).refused();
    cluster.wait_for_log(mark, "oauth_validator: denied: token_malformed");
    nothing_is_said(&cluster);
    assert_eq!(cluster.incarnation().crashes, 0);
    // Once there is room, whoever logs in is seen; the others are not there in the view, as the manual says.
    set_mode(&cluster, 0o700);
    let _alice = session(&cluster, "alice");
    assert_eq!(present(&cluster), ["alice"]);
}

/// A /dev/shm that has no room for the server's list of named segments, and one that has room for that alone. The server
/// itself takes 1 MB there to start, and the list another one.
#[test]
fn logins_go_on_when_dev_shm_is_full() {
    if let Err(why) = may_mount() {
        eprintln!("skipped: {why}");
        return;
    }
    for bytes in [1200 << 10, 2300 << 10] {
        let cluster = start_with("max_connections = 130\ndynamic_shared_memory_type = posix\n", |options| {
            options.dev_shm = Some(bytes);
        });
        let error = refused(all_sessions(&cluster), "55000");
        assert!(error.contains("No space left on device"), "{bytes}: {error}");
        nothing_is_said(&cluster);
        a_hundred_logins_go_through(&cluster);
        assert_eq!(cluster.incarnation().crashes, 0);
    }
}

/// The server has room for a number of segments, and others took all of them.
#[test]
fn logins_go_on_when_all_places_for_segments_are_taken() {
    let conf = "oauth_validator.test_fault = 'no_segments'\nmax_connections = 130\n";
    let cluster = start_with(conf, |options| options.module = Some(faulty_module_path()));
    let mut taker = session(&cluster, "taker");
    cluster.append_conf("oauth_validator.test_fault = ''");
    cluster.reload();
    let error = refused(all_sessions(&cluster), "55000");
    assert!(error.contains("too many dynamic shared memory segments"), "{error}");
    nothing_is_said(&cluster);
    a_hundred_logins_go_through(&cluster);
    crate::support::assert_goes_on(&mut taker);
    assert_eq!(cluster.incarnation().crashes, 0);
}

fn all_sessions(cluster: &Cluster) -> Result<Vec<ResultRow>, WireError> {
    trusted(cluster, "chief").query("SELECT * FROM oauth_validator.sessions")
}

#[test]
fn a_preloaded_library_has_it_from_the_start() {
    let cluster = start(PRELOADED);
    set_mode(&cluster, 0o500);
    let _alice = session(&cluster, "alice");
    assert_eq!(present(&cluster), ["alice"]);
}

/// A login that is waiting for its token may be ended, whatever became of the memory.
#[test]
fn a_login_without_it_that_waits_can_be_ended() {
    let cluster = start("authentication_timeout = 60s\n");
    set_mode(&cluster, 0o500);
    let provider = "[profiles.corp]\nissuer = \"https://issuer.example\"\naudience = [\"api://db\"]\n[profiles.corp.keys]\ntimeout = \"30s\"\n";
    cluster.write_config(provider);
    cluster.write_helper("#!/bin/sh\nexec sleep 30\n");
    let pending = cluster.begin_login(&login("alice"));
    let pid = eventually("the login to wait", Duration::from_secs(10), || {
        let sql = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'OAuthValidatorHelper'";
        cluster.sql(sql).ok()?.into_iter().flatten().next().flatten()
    });
    cluster.sql(&format!("SELECT pg_terminate_backend({pid})")).expect("ended");
    let attempt = pending.finish();
    assert!(attempt.elapsed < Duration::from_secs(20), "{attempt:?}");
}

/// An upgrade without a restart: sessions of the old library have another segment, or one of the same name that is as
/// large as the new one is not.
#[test]
fn a_segment_of_an_older_layout_is_in_nobodys_way() {
    for (fault, has_memory) in [("older_layout", true), ("older_size", false)] {
        let cluster =
            start_with(&format!("oauth_validator.test_fault = '{fault}'\nmax_connections = 130\n"), |options| {
                options.module = Some(faulty_module_path());
            });
        let mut old = session(&cluster, "old");
        cluster.append_conf("oauth_validator.test_fault = ''");
        cluster.reload();
        if has_memory {
            let _new = session(&cluster, "new");
            assert_eq!(present(&cluster), ["new"], "{fault}");
        } else {
            nothing_is_said(&cluster);
        }
        a_hundred_logins_go_through(&cluster);
        crate::support::assert_goes_on(&mut old);
        cluster.sql(&format!("SELECT pg_terminate_backend({})", old.backend_pid())).expect("ended");
        assert_was_ended(&mut old);
        assert_eq!(cluster.incarnation().crashes, 0);
    }
}
