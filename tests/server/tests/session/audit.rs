//! The lines of the log that an audit rests on: one for each login, if it was asked for, and none that a value can forge.

use crate::security::example;
use crate::support::{SESSION, corp, start};
use oauth_validator_server_tests::{Login, eventually, now};
use serde_json::json;
use std::fs;
use std::time::Duration;

#[test]
fn each_login_has_one_line_if_asked_for() {
    let cluster = start(SESSION, "oauth_validator.log_grants = on");
    let mark = cluster.log_mark();
    let claims =
        json!({"tid": "blue", "jti": "t-1", "azp": "a\" role=\"postgres\nLOG:  forged", "client_id": "psql\" x=\"y"});
    let token = corp("blue", now() + 300, claims);
    let session = cluster.login(&Login::new("app", "postgres").token(&token)).accepted();
    let log = cluster.wait_for_log(mark, "connection authorized");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("oauth_validator: granted: ")).collect();
    let [line] = lines.as_slice() else { panic!("{log}") };
    let said = line.split_once("LOG:  oauth_validator: granted: ").expect("a LOG line").1;
    let wanted = "authn_id=\"blue\" profile=corp role=\"app\" delegated=no issuer=\"https://issuer.example\" \
                  client=\"psql\\\" x=\\\"y\" token_id=\"t-1\" expires_at=";
    assert!(said.starts_with(wanted), "{said}");
    assert!(said.contains(" ends_at=20"), "{said}");
    assert!(line.contains(&format!("[{}]", session.backend_pid())), "{line}");
    assert!(!log.contains("forged") && !log.contains(&token), "{log}");
    assert!(!session.parameter("oauth_validator.log_grants").is_some_and(|_| true), "clients are told nothing");

    // Whoever is refused has no such line.
    let mark = cluster.log_mark();
    cluster.login(&Login::new("alice", "postgres").token(corp("blue", now() + 300, json!({})))).refused();
    let log = cluster.wait_for_log(mark, "FATAL:");
    assert!(!log.contains("granted") && log.contains("denied: not_mapped (profile \"corp\")"), "{log}");
}

#[test]
fn nothing_is_logged_unless_asked_for() {
    let cluster = start(SESSION, "");
    let mark = cluster.log_mark();
    let token = corp("blue", now() + 300, json!({"tid": "blue"}));
    cluster.login(&Login::new("app", "postgres").token(&token)).accepted();
    let log = cluster.wait_for_log(mark, "connection authorized");
    assert!(!log.contains("oauth_validator"), "{log}");
    let mark = cluster.log_mark();
    cluster.login(&Login::new("alice", "postgres").token(&token)).refused();
    let log = cluster.wait_for_log(mark, "FATAL:");
    assert!(log.contains("no match in usermap") && !log.contains("oauth_validator:"), "{log}");
    cluster.append_conf("oauth_validator.log_grants = on");
    cluster.reload();
    let mark = cluster.log_mark();
    cluster.login(&Login::new("app", "postgres").token(&token)).accepted();
    cluster.wait_for_log(mark, "oauth_validator: granted: ");
}

/// The table of PostgreSQL's manual (Using CSV-Format Log Output).
const POSTGRES_LOG: &str = "CREATE TABLE postgres_log (log_time timestamptz(3), user_name text, database_name text, \
    process_id integer, connection_from text, session_id text, session_line_num bigint, command_tag text, \
    session_start_time timestamptz, virtual_transaction_id text, transaction_id bigint, error_severity text, \
    sql_state_code text, message text, detail text, hint text, internal_query text, internal_query_pos integer, \
    context text, query text, query_pos integer, location text, application_name text, backend_type text, \
    leader_pid integer, query_id bigint)";

#[test]
fn the_denials_of_a_week_are_counted_as_the_manual_says() {
    let conf =
        "logging_collector = on\nlog_destination = 'csvlog,jsonlog'\nlog_directory = 'audit'\nlog_filename = 'log'\n";
    let cluster = start(SESSION, conf);
    for (claims, count) in [(json!({"aud": "another"}), 2), (json!({"tid": ["a"]}), 1)] {
        for _ in 0..count {
            let token = corp("alice", now() + 300, claims.clone());
            cluster.login(&Login::new("alice", "postgres").token(token)).refused();
        }
    }
    let folder = cluster.data_dir().join("audit");
    let holds = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
        (text.matches("denied: audience_mismatch").count() >= 2 && text.contains("denied: session_claim_invalid"))
            .then_some(())
    };
    for name in ["log.csv", "log.json"] {
        eventually("the lines of the log", Duration::from_secs(10), || holds(name));
    }
    let wanted = [["audience_mismatch", "corp", "2"], ["session_claim_invalid", "corp", "1"]];
    let wanted = wanted.map(|row| row.map(|value| Some(value.to_owned())).to_vec());
    let load = format!("{POSTGRES_LOG}; COPY postgres_log FROM '{}' CSV", folder.join("log.csv").display());
    cluster.sql(&load).expect("the log in a table");
    let mut counted = cluster.sql(&example("AUDIT", "SELECT said[1]")).expect("the example");
    counted.iter_mut().for_each(|row| row.truncate(3));
    assert_eq!(counted, wanted);
    let json = example("AUDIT", "CREATE TABLE log_lines")
        .replace("/var/log/postgresql/postgresql.json", &folder.join("log.json").display().to_string());
    assert_eq!(cluster.sql(&json).expect("the example"), wanted);
}
