//! The login exchange against servers that say what a test tells them, right or wrong.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use oauth_validator_server_tests::{FinishedLogin, Login, LoginOutcome};
use tempfile::TempDir;

/// AuthenticationSASL with OAUTHBEARER, among others.
const SASL: &[u8] = b"\0\0\0\x0aSCRAM-SHA-256\0OAUTHBEARER\0\0";
const OK: &[u8] = b"\0\0\0\0";
const CHALLENGE: &[u8] = b"\0\0\0\x0b{\"status\":\"invalid_token\"}";
const REFUSED: &[u8] = b"SFATAL\0VFATAL\0C28000\0Mno\0\0";

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

/// A server that answers each message of the client with the next step, then closes. Returns what the
/// client sent, message by message and without lengths.
struct Scripted {
    folder: TempDir,
    server: JoinHandle<Vec<Vec<u8>>>,
}

impl Scripted {
    fn new(steps: Vec<Vec<u8>>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("a socket");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut heard = Vec::new();
            for (number, step) in steps.iter().enumerate() {
                match read_message(&mut stream, number > 0) {
                    Some(message) => heard.push(message),
                    None => break,
                }
                if stream.write_all(step).is_err() {
                    break;
                }
            }
            heard
        });
        Self { folder, server }
    }

    fn login(self, login: &Login<'_>) -> (FinishedLogin, Vec<Vec<u8>>) {
        let attempt = login.attempt(self.folder.path());
        (attempt, self.server.join().expect("the server"))
    }
}

fn read_message(stream: &mut UnixStream, typed: bool) -> Option<Vec<u8>> {
    let mut kind = vec![0; usize::from(typed)];
    let mut length = [0; 4];
    stream.read_exact(&mut kind).ok()?;
    stream.read_exact(&mut length).ok()?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut body).ok()?;
    Some([kind, body].concat())
}

fn welcome() -> Vec<u8> {
    let key = [4711_i32.to_be_bytes(), [1; 4]].concat();
    [
        message(b'R', OK),
        message(b'S', b"server_version\x0018.6\0"),
        message(b'N', b"SNOTICE\0VNOTICE\0Mhello\0\0"),
        message(b'K', &key),
        message(b'Z', b"I"),
    ]
    .concat()
}

fn login() -> Login<'static> {
    Login::new("alice", "app").token("TOKEN").timeout(Duration::from_millis(500))
}

#[test]
fn sends_the_token_once_and_takes_the_session() {
    let steps = vec![message(b'R', SASL), welcome()];
    let expected = steps.concat();
    let login = login().replication("database").parameter("options", "-c x=y");
    let (attempt, heard) = Scripted::new(steps).login(&login);

    let startup = b"\0\x03\0\0user\0alice\0database\0app\0replication\0database\0options\0-c x=y\0\0";
    let response = b"n,,\x01auth=Bearer TOKEN\x01\x01";
    let length = u32::try_from(response.len()).expect("short").to_be_bytes();
    let initial = [&b"pOAUTHBEARER\0"[..], &length, response].concat();
    assert_eq!(heard, [startup.to_vec(), initial]);
    assert_eq!(attempt.received, expected);
    let session = attempt.accepted();
    assert_eq!(session.backend_pid(), 4711);
    assert_eq!(session.parameter("server_version"), Some("18.6"));
}

#[test]
fn tokens_may_be_large_and_any_bytes() {
    let mut token: Vec<u8> = (0..=255).cycle().take(65_535).collect();
    token.extend(b"end");
    let steps = vec![message(b'R', SASL), message(b'E', REFUSED)];
    let (attempt, heard) = Scripted::new(steps).login(&login().token(&token));
    assert_eq!(attempt.refused().sqlstate, "28000");
    let tail = [&token[..], b"\x01\x01"].concat();
    assert!(heard[1].ends_with(&tail));
}

#[test]
fn without_a_token_asks_for_the_parameters() {
    let steps = vec![message(b'R', SASL), message(b'R', CHALLENGE), message(b'E', REFUSED)];
    let (attempt, heard) = Scripted::new(steps).login(&Login::new("alice", "app"));
    assert!(heard[1].ends_with(b"\0\0\0\x0bn,,\x01auth=\x01\x01"), "{heard:?}");
    assert_eq!(attempt.challenge.expect("a challenge")["status"], "invalid_token");
}

#[test]
fn answers_the_challenge_and_is_refused() {
    let steps = vec![message(b'R', SASL), message(b'R', CHALLENGE), message(b'E', REFUSED)];
    let expected = steps.concat();
    let (attempt, heard) = Scripted::new(steps).login(&login());
    assert_eq!(heard[2], b"p\x01");
    assert_eq!(attempt.refused().message, "no");
    assert_eq!(attempt.challenge.as_ref().expect("a challenge")["status"], "invalid_token");
    assert_eq!(attempt.received, expected);
}

#[test]
fn a_server_that_only_closes_is_told_apart() {
    for steps in [
        vec![message(b'R', SASL), message(b'R', CHALLENGE), Vec::new()],
        vec![message(b'R', SASL), b"E\0\0\x01\0Mhalf an err".to_vec()],
        vec![Vec::new()],
    ] {
        let expected = steps.concat();
        let (attempt, _) = Scripted::new(steps).login(&login());
        assert!(matches!(attempt.outcome, LoginOutcome::Disconnected), "{attempt:?}");
        assert_eq!(attempt.received, expected, "half a message counts as received");
    }
}

#[test]
fn answers_out_of_place_are_failures() {
    for (answer, expected) in [
        (message(b'R', b"\0\0\0\x03"), "authentication message 3"),
        (message(b'R', b"\0\0\0\x0bnot json"), "not JSON"),
        (message(b'R', b"\0"), "message 'R'"),
        (message(b'Z', b"I"), "message 'Z'"),
        ([message(b'R', OK), message(b'D', b"")].concat(), "message 'D'"),
        ([message(b'R', OK), message(b'K', b"")].concat(), "short BackendKeyData"),
        ([message(b'R', CHALLENGE), message(b'R', CHALLENGE)].concat(), "a second challenge"),
        (b"R\xff\xff\xff\xff".to_vec(), "out of step"),
        (b"R\0\0\0\x03".to_vec(), "out of step"),
    ] {
        let (attempt, _) = Scripted::new(vec![message(b'R', SASL), answer]).login(&login());
        match &attempt.outcome {
            LoginOutcome::Failed(text) => assert!(text.contains(expected), "{text}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn a_silent_server_costs_only_the_time_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let _listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("a socket");
    let attempt = login().attempt(folder.path());
    match &attempt.outcome {
        LoginOutcome::Failed(text) => assert!(text.contains("time-out"), "{text}"),
        other => panic!("{other:?}"),
    }
    assert!(attempt.elapsed >= Duration::from_millis(500));
    assert!(attempt.elapsed < Duration::from_secs(10));
}

#[test]
fn dropping_a_pending_login_closes_the_socket() {
    let folder = tempfile::tempdir().expect("a folder");
    let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("a socket");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        read_message(&mut stream, false).expect("a startup packet");
        stream.write_all(&message(b'R', SASL)).expect("a client that listens");
        read_message(&mut stream, true).expect("a token");
        stream.read(&mut [0; 1]).expect("the end")
    });
    drop(login().begin(folder.path()));
    assert_eq!(server.join().expect("the server"), 0);
}
