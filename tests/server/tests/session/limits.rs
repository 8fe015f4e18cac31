//! Ends that cannot be had, or are not needed: each login that is denied for it, and nothing that is left of the others.

use crate::ends::timers;
use crate::support::{SESSION, clock, config, corp, seconds, start, start_with};
use oauth_validator_server_tests::{Cluster, Login, LoginOutcome, eventually, now};
use serde_json::json;
use std::time::Duration;

fn good() -> Login<'static> {
    Login::new("alice", "postgres").token(corp("alice", now() + 300, json!({})))
}

/// Refused, once, with this code in the log.
#[track_caller]
fn refused(cluster: &Cluster, login: &Login<'_>, code: &str) -> String {
    let mark = cluster.log_mark();
    let attempt = cluster.login(login);
    let error = attempt.refused();
    assert_eq!((error.sqlstate.as_str(), &error.detail, &error.hint), ("28000", &None, &None), "{error}");
    let log = cluster.wait_for_log(mark, "FATAL:");
    assert_eq!(log.matches("oauth_validator: denied: ").count(), 1, "{log}");
    assert!(log.contains(&format!("oauth_validator: denied: {code} (profile \"corp\")")), "{log}");
    log
}

#[test]
fn a_session_that_cannot_be_ended_does_not_begin() {
    let cluster = start_with(SESSION, "", |options| options.no_timers = true);
    let log = refused(&cluster, &good(), "session_end_impossible");
    assert!(log.contains("timer_create(2) says: "), "{log}");
    // Whoever needs no end gets in.
    cluster.write_config(&config("claims = { tenant = \"$.tid\" }"));
    cluster.login(&good()).accepted();
    cluster.write_config(&config("max = \"1h\""));
    refused(&cluster, &good(), "session_end_impossible");
}

#[test]
fn a_login_that_the_map_refuses_leaves_no_timer() {
    let cluster = start(SESSION, "oauth_validator.log_grants = on");
    let as_another = Login::new("trusted2", "postgres").token(corp("alice", now() + 300, json!({})));
    cluster.sql("CREATE ROLE trusted2 LOGIN").expect("a role");
    let log = refused(&cluster, &as_another, "not_mapped");
    assert!(log.contains("connection authenticated: identity=\"alice\""), "{log}");
    eventually("the end of its backend", Duration::from_secs(5), || {
        let rows = cluster.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'trusted2'").ok()?;
        (rows[0][0].as_deref() == Some("0")).then_some(())
    });
    // One that is let in has exactly one timer.
    let session = cluster.login(&good()).accepted();
    if std::path::Path::new(&format!("/proc/{}/timers", session.backend_pid())).exists() {
        assert_eq!(timers(session.backend_pid()), 1);
    }
}

#[test]
fn a_denied_login_has_no_words_about_maps() {
    let cluster = start(SESSION, "");
    let other = corp("alice", now() + 300, json!({"aud": "another"}));
    refused(&cluster, &Login::new("alice", "postgres").token(other), "audience_mismatch");
    refused(
        &cluster,
        &Login::new("alice", "postgres").token(corp("alice", now() + 300, json!({"tid": ["a"]}))),
        "session_claim_invalid",
    );
    let large = "x".repeat(16_400);
    cluster.write_config(&config(SESSION).replace("replication", "max_token_size = \"65535B\"\nreplication"));
    let token = corp("alice", now() + 300, json!({"tid": large}));
    refused(&cluster, &Login::new("alice", "postgres").token(token), "session_claims_too_large");
}

#[test]
fn a_token_within_the_skew_gives_a_session_that_ends_with_it() {
    let cluster = start(SESSION, "");
    cluster.write_config(&config(SESSION).replace("clock_skew = \"0s\"", "clock_skew = \"5s\""));
    let expired_at = now() - 1;
    let login = Login::new("alice", "postgres").token(corp("alice", expired_at, json!({})));
    let mut session = cluster.login(&login).accepted();
    session.query("SELECT 1").expect("it goes on for a while");
    session.wait_for_end(Duration::from_secs(20)).expect("its end");
    let late = clock() - seconds(expired_at + 5);
    assert!((0.0..=1.0).contains(&late), "{late}");
}

/// A thousand sessions, most of which are gone before their time: nothing of them stays, and the server is as it was.
#[test]
fn a_thousand_short_sessions_leave_nothing() {
    let cluster = start("max = \"1s\"", "max_connections = 200");
    let before = cluster.incarnation();
    let token = corp("alice", now() + 300, json!({}));
    let mut kept = Vec::new();
    let mut ended = 0;
    for number in 0..1000 {
        match cluster.login(&Login::new("alice", "postgres").token(&token)).outcome {
            LoginOutcome::Accepted(session) if number % 20 == 0 => kept.push(session),
            LoginOutcome::Accepted(_) => {}
            // Its second was over before it was ready.
            LoginOutcome::Refused(error) if error.sqlstate == "57P01" => ended += 1,
            // It was over even before PostgreSQL had noted the login, until when it tells a client nothing of its end
            // (ProcessInterrupts). A crash would show as another incarnation.
            LoginOutcome::Disconnected => ended += 1,
            other => panic!("login {number}: {other:?}"),
        }
    }
    for session in &mut kept {
        let error = session.wait_for_end(Duration::from_secs(10)).expect("its end");
        let detail = error.detail.as_deref().unwrap_or_default();
        assert_eq!(detail, "The session has reached the longest time that the server allows; log in again.", "{error}");
    }
    assert!(ended < 100, "{ended} of 1000 were over before they were ready");
    eventually("the end of every backend", Duration::from_secs(10), || {
        let rows = cluster.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'alice'").ok()?;
        (rows[0][0].as_deref() == Some("0")).then_some(())
    });
    for pid in cluster.processes() {
        assert_eq!(timers(pid.cast_signed()), 0, "process {pid}");
    }
    assert_eq!(cluster.incarnation(), before);
}
