//! Many connections, long ones, those that break off, and a server that goes and comes back.

use crate::scene::{Gateway, Scene, token_with};
use oauth_validator_server_tests::{ClientSession, Login};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The issue's own bound.
const MOST_MEMORY_KB: u64 = 60 * 1024;

/// Longer than anything here takes on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// PostgreSQL's messages, as far as a client by hand needs them.
const STARTUP: &[u8] = b"\0\0\0\x26\0\x03\0\0user\0alice\0database\0postgres\0\0";
fn query(sql: &str) -> Vec<u8> {
    let length = u32::try_from(sql.len() + 5).expect("short");
    [b"Q", &length.to_be_bytes()[..], sql.as_bytes(), b"\0"].concat()
}

fn open(sockets: &Path) -> UnixStream {
    let stream = UnixStream::connect(sockets.join(".s.PGSQL.5432")).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

/// Reads until the session takes statements.
fn until_ready(stream: &mut UnixStream) {
    let mut all = Vec::new();
    let mut byte = [0; 1];
    while !all.ends_with(b"Z\0\0\0\x05I") {
        stream.read_exact(&mut byte).expect("more of the login");
        all.push(byte[0]);
    }
}

/// Sessions of `alice` that the server has.
fn sessions(scene: &Scene) -> String {
    let rows = scene.cluster.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'alice'").expect("a number");
    rows[0][0].clone().expect("a number")
}

#[track_caller]
fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < give_up, "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn memory_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Under the limit of files that a shell gives, of which each session takes two: the gateway raises it for itself.
#[test]
fn a_thousand_idle_connections_take_little_memory() {
    // This process is their clients, and the front of the server.
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("a limit");
    if limit.maximum.is_some_and(|most| most < 8192) {
        println!("skipped: this user may have {:?} open files, and 8,192 are needed", limit.maximum);
        return;
    }
    let scene = Scene::with_conf("max_connections = 1100\nlog_connections = ''");
    let (sockets, token) = (scene.sockets(), scene.folder.path().join("token"));
    let args = ["--socket-dir", sockets.to_str().expect("UTF-8"), "--token-file", token.to_str().expect("UTF-8")];
    let inner = scene.command(scene.front.port, &args);
    let mut command = Command::new("prlimit");
    command.env_clear().env("PATH", "/usr/bin:/bin").arg("--nofile=1024:8192").arg(inner.get_program());
    let gateway = Gateway::of(&scene, {
        command.args(inner.get_args());
        command
    });
    let before = memory_kb(gateway.pid());
    let begun = Instant::now();
    let mut all: Vec<ClientSession> =
        (0..1000).map(|_| Login::new("alice", "postgres").timeout(PATIENCE).attempt(&sockets).accepted()).collect();
    let took = begun.elapsed();
    assert_eq!(sessions(&scene), "1000");
    let with = memory_kb(gateway.pid());
    println!("1,000 sessions: {with} kB, {before} kB before; {took:?} for their logins");
    assert!(with <= MOST_MEMORY_KB, "{with} kB");
    for session in all.iter_mut().step_by(97) {
        assert_eq!(session.system_user(), Ok(Some("oauth:alice".into())));
    }
    drop(all);
    eventually("sessions are left", || sessions(&scene) == "0");
}

#[test]
fn a_session_that_breaks_off_at_any_step_leaves_nothing() {
    let scene = Scene::start();
    let gateway = scene.by_file(&[]);
    let sockets = scene.sockets();
    scene.cluster.sql("CREATE UNLOGGED TABLE lines (line text); GRANT ALL ON lines TO alice").expect("a table");
    let copying = [query("copy lines from stdin"), b"d\0\0\0\x0aline\n\n".to_vec()].concat();
    for sent in [
        Vec::new(),
        query("select pg_sleep(0.2)"),
        query("select 1")[..4].to_vec(),
        query("begin; insert into lines values ('never')"),
        query("select repeat('x', 1000) from generate_series(1, 100000)"),
        copying.clone(),
        copying[..copying.len() - 3].to_vec(),
    ] {
        for half in [false, true] {
            let mut stream = open(&sockets);
            stream.write_all(STARTUP).expect("a socket");
            until_ready(&mut stream);
            stream.write_all(&sent).expect("a socket");
            if half {
                stream.shutdown(Shutdown::Write).expect("a socket");
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
    eventually("the server has sessions of clients that are gone", || sessions(&scene) == "0");
    assert_eq!(scene.cluster.sql("SELECT count(*) FROM lines").expect("a number")[0][0].as_deref(), Some("0"));
    // Before the login, where the gateway has a password to ask for.
    let by_password = scene.by_password(&[]);
    for sent in [STARTUP.to_vec(), [STARTUP, b"p"].concat(), [STARTUP, b"p\0\0\0\x20eyJ"].concat()] {
        let mut stream = TcpStream::connect(("127.0.0.1", by_password.port())).expect("a connection");
        stream.write_all(&sent).expect("a socket");
    }
    let mut session = Login::new("alice", "postgres").attempt(&sockets).accepted();
    assert_eq!(session.system_user(), Ok(Some("oauth:alice".into())));
    drop(session);
    // Nothing keeps it from ending.
    let mut gateway = gateway;
    gateway.signal();
    eventually("the gateway has sessions of clients that are gone", || gateway.has_ended());
}

#[test]
fn half_a_client_has_its_answer() {
    let scene = Scene::start();
    let _gateway = scene.by_file(&[]);
    let mut stream = open(&scene.sockets());
    stream.write_all(STARTUP).expect("a socket");
    until_ready(&mut stream);
    stream.write_all(&query("select 'the answer' from pg_sleep(0.5)")).expect("a socket");
    stream.shutdown(Shutdown::Write).expect("a socket");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("its end");
    assert!(String::from_utf8_lossy(&rest).contains("the answer"), "{rest:?}");
}

#[test]
fn a_server_that_is_restarted_ends_its_sessions_and_takes_new_ones() {
    let mut scene = Scene::start();
    let mut gateway = scene.by_file(&[]);
    let conninfo = format!("host={} user=alice", scene.sockets().display());
    let mut session = Login::new("alice", "postgres").attempt(&scene.sockets()).accepted();
    // A pool's connection, which nobody reads of, and whose socket stays.
    let mut idle = open(&scene.sockets());
    idle.write_all(STARTUP).expect("a socket");
    until_ready(&mut idle);

    scene.cluster.stop();
    assert!(session.query("select 1").is_err(), "its server is gone");
    let mut said = Vec::new();
    idle.read_to_end(&mut said).expect("its end");
    assert!(String::from_utf8_lossy(&said).contains("57P01"), "the server's own word: {said:?}");
    let away = scene.psql(&conninfo, "", "select 1");
    assert!(away.code == Some(2) && away.stderr.contains("the gateway's server localhost:"), "{away:?}");
    scene.cluster.restart();
    let back = scene.psql(&conninfo, "", "select system_user");
    assert_eq!(back.stdout.trim(), "oauth:alice", "{back:?}");
    // Both sockets are still open on this side, and no session is.
    gateway.signal();
    eventually("a session is left", || gateway.has_ended());
    drop((session, idle));
}

#[test]
fn a_token_may_be_as_long_as_postgresql_takes() {
    let scene = Scene::start();
    let gateway = scene.by_password(&[]);
    let conninfo = format!("host=127.0.0.1 port={} user=alice", gateway.port());
    let long = token_with(47_000);
    assert!((60_000..65_000).contains(&long.len()), "{}", long.len());
    let said = scene.psql(&conninfo, &long, "select system_user");
    assert_eq!(said.stdout.trim(), "oauth:alice", "{:?} {} {}", said.code, said.stderr, scene.cluster.log());
    let before = scene.front.seen().len();
    for more in [49_500, 80_000] {
        let said = scene.psql(&conninfo, &token_with(more), "select 1");
        assert!(said.code == Some(2) && said.stdout.is_empty(), "{} bytes: {said:?}", token_with(more).len());
    }
    assert!(!scene.front.seen()[before..].contains("Bearer"), "a token that is too long went on");
    // By a file as well.
    fs::write(scene.folder.path().join("token"), &long).expect("a token");
    let _by_file = scene.by_file(&[]);
    let said = scene.psql(&format!("host={} user=alice", scene.sockets().display()), "", "select system_user");
    assert_eq!(said.stdout.trim(), "oauth:alice", "{:?} {}", said.code, said.stderr);
}

/// Megabytes each way: 100, or what OAUTH_VALIDATOR_COPY_MB says.
#[test]
fn much_is_copied_both_ways() {
    let scene = Scene::start();
    let _gateway = scene.by_file(&[]);
    let megabytes: usize = std::env::var("OAUTH_VALIDATOR_COPY_MB").map_or(100, |text| text.parse().expect("a number"));
    scene.cluster.sql("CREATE UNLOGGED TABLE lines (line text); GRANT ALL ON lines TO alice").expect("a table");
    let psql = |sql: &str| {
        let mut command = Command::new(scene.cluster.psql_path());
        command.env_clear().args(["-XAtq", "-c", sql]).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.arg(format!("host={} user=alice dbname=postgres", scene.sockets().display()));
        command.spawn().expect("psql runs")
    };
    let line = [vec![b'x'; 999], vec![b'\n']].concat();
    let begun = Instant::now();
    let mut child = psql("copy lines from stdin");
    let mut stdin = child.stdin.take().expect("a pipe");
    for _ in 0..megabytes {
        stdin.write_all(&line.repeat(1000)).expect("psql reads");
    }
    drop(stdin);
    assert!(child.wait().expect("its end").success());
    let (up, begun) = (begun.elapsed(), Instant::now());
    let mut child = psql("copy lines to stdout");
    let (mut stdout, mut bytes, mut buffer) = (child.stdout.take().expect("a pipe"), 0, vec![0; 1 << 16]);
    loop {
        let length = stdout.read(&mut buffer).expect("psql writes");
        if length == 0 {
            break;
        }
        let wrong = buffer[..length].iter().enumerate().find(|(at, byte)| **byte != line[(bytes + at) % 1000]);
        assert_eq!(wrong, None, "behind {bytes} bytes");
        bytes += length;
    }
    assert!(child.wait().expect("its end").success());
    assert_eq!(bytes, megabytes * 1_000_000);
    println!("{megabytes} MB: {up:?} to the server, {:?} back", begun.elapsed());
}
