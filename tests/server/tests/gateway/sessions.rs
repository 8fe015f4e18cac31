//! What goes through a gateway as if it were not there.

use crate::scene::Scene;
use oauth_validator_server_tests::Login;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_client_without_a_token_logs_in_by_the_gateways() {
    let scene = Scene::start();
    let gateway = scene.by_file(&[]);
    let conninfo = format!("host={} user=alice", scene.sockets().display());
    let said = scene.psql(&conninfo, "", "select system_user, current_user");
    assert_eq!((said.code, said.stdout.trim()), (Some(0), "oauth:alice|alice"), "{said:?}");
    // Startup parameters go on as they are.
    let said = scene.psql(&format!("{conninfo} application_name=batch"), "", "show application_name");
    assert_eq!(said.stdout.trim(), "batch", "{said:?}");
    assert!(gateway.place.ends_with("/.s.PGSQL.5432"), "{}", gateway.place);
}

#[test]
fn a_password_is_the_token_and_each_client_has_its_own() {
    let scene = Scene::start();
    let gateway = scene.by_password(&[]);
    let conninfo = format!("host=127.0.0.1 port={} user=alice", gateway.port());
    let said = scene.psql(&conninfo, &scene.token, "select system_user");
    assert_eq!((said.code, said.stdout.trim()), (Some(0), "oauth:alice"), "{said:?}");
    // The client reads the server's own error of a token that the server refuses.
    let (body, _) = scene.token.rsplit_once('.').expect("a signature");
    let said = scene.psql(&conninfo, &format!("{body}.AAAA"), "select 1");
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("FATAL:  OAuth bearer authentication failed for user \"alice\""), "{said:?}");
    scene.cluster.wait_for_log(0, "denied: signature_invalid");
}

#[test]
fn much_goes_both_ways() {
    let scene = Scene::start();
    let _gateway = scene.by_file(&[]);
    let psql = |sql: &str, input: Option<Vec<u8>>| {
        let mut command = Command::new(scene.cluster.psql_path());
        command.env_clear().args(["-XAtq", "-c", sql]);
        command.arg(format!("host={} user=alice dbname=postgres", scene.sockets().display()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("psql runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        let writer = thread::spawn(move || stdin.write_all(&input.unwrap_or_default()));
        let output = child.wait_with_output().expect("its end");
        let _ = writer.join();
        assert!(output.status.success(), "{sql}");
        output.stdout
    };
    let rows: Vec<u8> = (0..400_000).flat_map(|number| format!("{number}\tx{number}\n").into_bytes()).collect();
    scene.cluster.sql("CREATE TABLE rows (number int, text text)").expect("a table");
    scene.cluster.sql("GRANT ALL ON rows TO alice").expect("a grant");
    psql("copy rows from stdin", Some(rows.clone()));
    let back = psql("copy (select * from rows order by number) to stdout", None);
    assert!(back == rows, "{} bytes of {}", back.len(), rows.len());
}

#[test]
fn a_statement_is_cancelled() {
    let scene = Scene::start();
    let _gateway = scene.by_file(&[]);
    let mut command = Command::new(scene.cluster.psql_path());
    command.env_clear().args(["-XAt", "-c", "select pg_sleep(60)"]).stderr(Stdio::piped()).stdout(Stdio::null());
    command.arg(format!("host={} user=alice dbname=postgres", scene.sockets().display()));
    let begun = Instant::now();
    let child = command.spawn().expect("psql runs");
    let running = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'select pg_sleep%' AND state = 'active'";
    while scene.cluster.sql(running).expect("rows").is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(20));
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT)
        .expect("a signal");
    let output = child.wait_with_output().expect("its end");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("canceling statement due to user request"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(40));
}

#[test]
fn it_ends_when_the_last_session_has() {
    let scene = Scene::start();
    let mut gateway = scene.by_file(&[]);
    let mut session = Login::new("alice", "postgres").attempt(&scene.sockets()).accepted();
    gateway.signal();
    gateway.wait_for("1 sessions are left");
    assert!(UnixStream::connect(scene.sockets().join(".s.PGSQL.5432")).is_err() || !gateway.has_ended());
    assert_eq!(session.system_user().expect("a query").as_deref(), Some("oauth:alice"), "the session goes on");
    assert!(!gateway.has_ended());
    drop(session);
    assert!(gateway.end().success());
    assert!(!scene.sockets().join(".s.PGSQL.5432").exists());
}

#[test]
fn a_second_signal_ends_the_sessions_too() {
    let scene = Scene::start();
    let mut gateway = scene.by_file(&[]);
    let _session = Login::new("alice", "postgres").attempt(&scene.sockets()).accepted();
    gateway.signal();
    gateway.wait_for("1 sessions are left");
    gateway.signal();
    assert!(gateway.end().success());
}

#[test]
fn whoever_hangs_up_at_any_step_harms_nobody() {
    let scene = Scene::start();
    let _gateway = scene.by_file(&[]);
    let startup = [&[0, 0, 0, 33, 0, 3, 0, 0][..], b"user\0alice\0database\0db\0\0\0"].concat();
    for length in 0..=startup.len() {
        let mut stream = UnixStream::connect(scene.sockets().join(".s.PGSQL.5432")).expect("a connection");
        stream.write_all(&startup[..length]).expect("a socket");
    }
    for rubbish in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 64], &[0; 64]] {
        let mut stream = UnixStream::connect(scene.sockets().join(".s.PGSQL.5432")).expect("a connection");
        stream.write_all(rubbish).expect("a socket");
    }
    let mut session = Login::new("alice", "postgres").attempt(&scene.sockets()).accepted();
    assert_eq!(session.system_user().expect("a query").as_deref(), Some("oauth:alice"));
}
