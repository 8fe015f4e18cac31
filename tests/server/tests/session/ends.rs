//! A session ends within a second of its time, whatever it is doing, and says why; and no other session is touched.

use crate::support::{LATE, LIFE, SESSION, assert_ends, clock, corp, lines_of, seconds, start, token_of, value};
use oauth_validator_server_tests::{ClientSession, Cluster, Login, eventually, now};
use serde_json::json;
use std::thread;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

/// What a session is doing when its time comes: statements to finish first, and one that goes on.
struct Doing {
    what: &'static str,
    before: &'static [&'static str],
    then: &'static str,
}

const fn doing(what: &'static str, before: &'static [&'static str], then: &'static str) -> Doing {
    Doing { what, before, then }
}

const PARALLEL: &[&str] = &[
    "SET max_parallel_workers_per_gather = 2",
    "SET parallel_setup_cost = 0",
    "SET parallel_tuple_cost = 0",
    "SET min_parallel_table_scan_size = 0",
];

/// Everything that goes on in a database.
const DOINGS: &[Doing] = &[
    doing("idle", &[], ""),
    doing("in a transaction", &["BEGIN", "SELECT 1"], ""),
    doing("in an aborted transaction", &["BEGIN", "SAVEPOINT a", "?SELECT 1/0"], ""),
    doing("in pg_sleep", &[], "SELECT pg_sleep(60)"),
    doing(
        "in a loop that swallows exceptions",
        &[],
        "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(0.01); RAISE EXCEPTION 'x'; \
         EXCEPTION WHEN OTHERS OR query_canceled THEN NULL; END; END LOOP; END $$",
    ),
    doing("in a loop that does nothing else", &[], "DO $$ BEGIN LOOP NULL; END LOOP; END $$"),
    doing("in COPY TO", &[], "COPY (SELECT pg_sleep(0.01) FROM generate_series(1, 100000)) TO STDOUT"),
    doing("in COPY FROM", &["CREATE TEMPORARY TABLE t (a int)"], "COPY t FROM STDIN"),
    doing("in a parallel query", PARALLEL, "SELECT count(pg_sleep(0.01)) FROM many"),
    doing("after DISCARD ALL", &["DISCARD ALL"], ""),
    doing("after an error", &["?SELECT 1/0", "?SELECT 1/0"], ""),
    doing("after a statement timeout", &["SET statement_timeout = 50", "?SELECT pg_sleep(60)"], ""),
    doing("waiting for a lock", &[], "LOCK TABLE locked"),
    doing("as another role", &["SET ROLE readers"], ""),
];

fn begin(cluster: &Cluster, doing: &Doing, ends_at: i64) -> ClientSession {
    let login = Login::new("alice", "postgres").token(corp("alice", ends_at, json!({})));
    let mut session = cluster.login(&login).accepted();
    for sql in doing.before {
        let failed = session.query(sql.trim_start_matches('?')).is_err();
        assert_eq!(failed, sql.starts_with('?'), "{}: {sql}", doing.what);
    }
    if !doing.then.is_empty() {
        session.start(doing.then).expect("the statement is sent");
    }
    session
}

fn prepare(cluster: &Cluster) -> ClientSession {
    cluster
        .sql(
            "CREATE ROLE readers; GRANT readers TO alice; GRANT CREATE, TEMPORARY ON DATABASE postgres TO alice; \
             CREATE TABLE many AS SELECT generate_series(1, 100000) AS a; GRANT SELECT ON many TO alice; \
             CREATE TABLE locked (a int); GRANT ALL ON locked TO alice; ANALYZE many",
        )
        .expect("what the sessions need");
    let mut holder = cluster.login(&Login::new("postgres", "postgres")).accepted();
    holder.query("BEGIN; LOCK TABLE locked").expect("the lock");
    holder
}

fn whatever_it_does_a_session_ends(conf: &str) {
    let cluster = start(SESSION, conf);
    let _holder = prepare(&cluster);
    let mark = cluster.log_mark();
    let ends_at = now() + LIFE + 2;
    let mut sessions: Vec<(&Doing, ClientSession)> =
        DOINGS.iter().map(|doing| (doing, begin(&cluster, doing, ends_at))).collect();
    assert!(clock() < seconds(ends_at) - 1.0, "the machine is too slow for this test");
    let untouched = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename = 'alice'";
    assert_eq!(cluster.sql(untouched).expect("a count")[0][0].as_deref(), Some(DOINGS.len().to_string().as_str()));
    let workers = "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'parallel worker'";
    assert_eq!(cluster.sql(workers).expect("workers")[0][0].as_deref(), Some("t"), "no query is parallel");

    thread::scope(|scope| {
        for (doing, session) in &mut sessions {
            scope.spawn(move || assert_ends(doing.what, session, ends_at));
        }
    });
    let log = cluster.log_since(mark);
    for (doing, session) in &sessions {
        let said = lines_of(&log, session.backend_pid()).join("\n");
        assert!(said.contains("FATAL:  terminating connection due to administrator command"), "{}: {said}", doing.what);
        assert!(
            said.contains("DETAIL:  oauth_validator ended the session: profiles.corp.session.end let it live until "),
            "{}: {said}",
            doing.what
        );
        assert!(!said.contains("Signal sent by PID"), "{}: {said}", doing.what);
    }
    // The workers of the parallel query go with their leader, and nobody else.
    eventually("the end of all", SOON, || (cluster.sql(workers).ok()?[0][0].as_deref() == Some("f")).then_some(()));
    let again = Login::new("alice", "postgres").token(corp("alice", now() + 60, json!({})));
    cluster.login(&again).accepted().query("SELECT 1").expect("a new token is a new session");
    assert!(!cluster.log().contains("all server processes terminated"));
}

#[test]
fn whatever_it_does_a_session_ends_with_its_token() {
    whatever_it_does_a_session_ends("");
}

#[test]
fn whatever_it_does_a_session_ends_with_its_token_preloaded() {
    whatever_it_does_a_session_ends("shared_preload_libraries = 'oauth_validator'");
}

/// A client that does not read keeps the server from telling it; the log has it all the same.
#[test]
fn a_client_that_does_not_read_keeps_no_session() {
    let cluster = start(SESSION, "");
    let mark = cluster.log_mark();
    let ends_at = now() + LIFE;
    let login = Login::new("alice", "postgres").token(corp("alice", ends_at, json!({})));
    let mut session = cluster.login(&login).accepted();
    session.start("SELECT repeat('x', 1000000) FROM generate_series(1, 100000)").expect("it is sent");
    let pid = session.backend_pid();
    let waits = format!("SELECT wait_event = 'ClientWrite' FROM pg_stat_activity WHERE pid = {pid}");
    eventually("a backend that cannot write", SOON, || {
        (cluster.sql(&waits).ok()?.first()?[0].as_deref() == Some("t")).then_some(())
    });
    let there = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
    eventually("its end", SOON, || (cluster.sql(&there).ok()?[0][0].as_deref() == Some("0")).then_some(()));
    let late = clock() - seconds(ends_at);
    assert!((0.0..=LATE).contains(&late), "ended {late} s after its time");
    let log = cluster.wait_for_log(mark, "oauth_validator ended the session");
    assert!(!lines_of(&log, pid).is_empty(), "{log}");
}

#[test]
fn a_walsender_ends_as_well() {
    let cluster = start(SESSION, "");
    let ends_at = now() + LIFE;
    let token = corp("alice", ends_at, json!({}));
    let of = |kind: &'static str, database: &'static str| {
        cluster.login(&Login::new("alice", database).token(&token).replication(kind)).accepted()
    };
    let (mut idle, mut logical, mut physical) = (of("true", ""), of("database", "postgres"), of("true", ""));
    logical.query("IDENTIFY_SYSTEM").expect("a command of a walsender");
    let at = value_of_column(&mut physical, "IDENTIFY_SYSTEM", 2);
    physical.start(&format!("START_REPLICATION PHYSICAL {at}")).expect("it is sent");
    thread::scope(|scope| {
        for (what, session) in
            [("an idle walsender", &mut idle), ("a logical one", &mut logical), ("one that streams", &mut physical)]
        {
            scope.spawn(move || assert_ends(what, session, ends_at));
        }
    });
}

fn value_of_column(session: &mut ClientSession, sql: &str, column: usize) -> String {
    session.query(sql).expect("rows")[0][column].clone().expect("a value")
}

#[test]
fn a_session_without_an_end_is_never_touched() {
    let cluster = start(SESSION, "");
    let expires_at = now() + 2;
    let token = token_of("https://partner.example", "bob", expires_at, json!({}));
    let mut session = cluster.login(&Login::new("bob", "postgres").token(token)).accepted();
    thread::sleep(Duration::from_secs(4));
    assert_eq!(value(&mut session, "SELECT system_user").as_deref(), Some("oauth:bob"));
    assert_eq!(timers(session.backend_pid()), 0);
}

/// How many timers of the kernel a process has (timers in proc(5)); only for processes of one's own, or root.
pub fn timers(pid: i32) -> usize {
    let text = std::fs::read_to_string(format!("/proc/{pid}/timers")).unwrap_or_default();
    text.lines().filter(|line| line.starts_with("ID:")).count()
}

#[test]
fn an_administrator_who_ends_it_before_has_the_servers_own_words() {
    let cluster = start(SESSION, "");
    let login = Login::new("alice", "postgres").token(corp("alice", now() + 300, json!({})));
    let mut session = cluster.login(&login).accepted();
    let mark = cluster.log_mark();
    cluster.sql(&format!("SELECT pg_terminate_backend({})", session.backend_pid())).expect("a signal");
    let error = session.wait_for_end(SOON).expect("its end");
    assert_eq!(error.sqlstate, "57P01");
    assert!(!error.detail.unwrap_or_default().contains("OAuth"));
    let log = cluster.wait_for_log(mark, "terminating connection due to administrator command");
    assert!(!log.contains("oauth_validator ended the session"), "{log}");
}

/// The signal is for the backend alone: a program that it runs goes on.
#[test]
fn programs_of_copy_are_not_hit() {
    let cluster = start(SESSION, "");
    cluster.sql("GRANT pg_execute_server_program TO alice; GRANT TEMPORARY ON DATABASE postgres TO alice").expect("it");
    let ends_at = now() + LIFE;
    let login = Login::new("alice", "postgres").token(corp("alice", ends_at, json!({})));
    let mut session = cluster.login(&login).accepted();
    session.query("CREATE TEMPORARY TABLE t (a text)").expect("a table");
    let folder = cluster.data_dir().display().to_string();
    let program = format!(
        "(trap \"touch {folder}/hit\" TERM; for n in 1 2 3 4 5 6; do sleep 1; done; touch {folder}/done) > /dev/null 2>&1 &"
    );
    session.query(&format!("COPY t TO PROGRAM '{program}'")).expect("it goes on in the background");
    assert_ends("beside its program", &mut session, ends_at);
    eventually("the end of the program", SOON, || cluster.data_dir().join("done").exists().then_some(()));
    assert!(!cluster.data_dir().join("hit").exists(), "the program had the backend's signal");
}
