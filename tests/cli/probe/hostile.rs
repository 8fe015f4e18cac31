//! Servers that are none, that never answer, or that say more than anybody can hear.

use super::server::{AcceptedClient, ScriptedServer, asks, authentication, fatal, message, refuses, session};
use super::{command, holds_token, probe, probe_plain, token};
use crate::support::run;
use oauth_validator_mock_provider::LocalhostCertificate;
use std::thread;
use std::time::Duration;

/// How a server talks.
type Talk = fn(&mut AcceptedClient<'_>);

#[test]
fn what_speaks_another_protocol_is_no_server() {
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_10.0\r\n",
        b"Ecould not fork new process for connection: no memory\n\0",
        b"\0\0\0\0\0\0\0\0",
        b"R\0\0\0\0",
    ] {
        let server = ScriptedServer::tcp(move |client| {
            client.startup();
            client.say(bytes);
            client.hang();
        });
        probe_plain(&server, &[]).assert_failed(&["does not speak PostgreSQL's protocol", "compare host and port"]);
        assert!(!holds_token(&server.told()));
    }
}

#[test]
fn a_server_that_never_answers_is_waited_for_no_longer_than_asked() {
    let (before, after) = ("before it asked for anything; the token was not sent", "after the token was sent");
    let late = "did not answer in time";
    let plain: [(Talk, [&str; 2]); 4] = [
        (|client| client.hang(), [late, before]),
        (drips, [late, before]),
        (holds_the_token, [late, after]),
        (drips_notices, [late, after]),
    ];
    for (talk, words) in plain {
        let server = ScriptedServer::tcp(talk);
        probe_plain(&server, &["--timeout", "1s"]).assert_failed(&words);
        server.told();
    }
    let tls: [Talk; 2] = [
        |client| client.hang(),
        |client| {
            client.startup();
            client.say("S");
            client.hang();
        },
    ];
    for talk in tls {
        let server = ScriptedServer::tcp(talk);
        let port = server.port.to_string();
        let run = probe(&mut command(&["--host", "127.0.0.1", "--port", &port, "--timeout", "1s"]));
        run.assert_failed(&["there is no TLS within 1 s"]);
        assert!(!holds_token(&server.told()));
    }
}

/// A byte from time to time: each is an answer, and none is a message.
fn drips(client: &mut AcceptedClient<'_>) {
    client.startup();
    for byte in message(b'N', [b'x'; 40]) {
        client.say([byte]);
        thread::sleep(Duration::from_millis(50));
    }
    client.hang();
}

fn holds_the_token(client: &mut AcceptedClient<'_>) {
    client.startup();
    client.say(asks());
    client.hang();
}

fn drips_notices(client: &mut AcceptedClient<'_>) {
    client.startup();
    client.say(asks());
    client.message();
    for _ in 0..40 {
        client.say(message(b'N', "SNOTICE\0Mplease wait\0\0"));
        thread::sleep(Duration::from_millis(50));
    }
    client.hang();
}

#[test]
fn nothing_is_too_long_for_the_memory() {
    let huge = |client: &mut AcceptedClient<'_>| {
        client.startup();
        client.say(b"E\x7f\xff\xff\xff");
        for _ in 0..100 {
            client.say([b'x'; 4096]);
        }
        client.hang();
    };
    let server = ScriptedServer::tcp(huge);
    probe_plain(&server, &[]).assert_failed(&["does not speak PostgreSQL's protocol"]);
    server.told();

    let endless = |client: &mut AcceptedClient<'_>| {
        client.startup();
        for _ in 0..200 {
            client.say(message(b'N', vec![b'x'; 10_000]));
        }
        client.hang();
    };
    let server = ScriptedServer::tcp(endless);
    probe_plain(&server, &[]).assert_failed(&["more than 1048576 bytes for one login"]);
    server.told();

    let server = ScriptedServer::tcp(|client: &mut AcceptedClient<'_>| {
        client.startup();
        client.say(fatal("28000", &"x".repeat(60_000)));
        client.hang();
    });
    let run = probe_plain(&server, &[]);
    assert!(run.code == 1 && run.stdout.len() < 3_000, "{} bytes", run.stdout.len());
    server.told();
}

#[test]
fn a_connection_that_ends_is_no_refusal() {
    let talks: [(Talk, &str); 4] = [
        (|client| client.startup(), "closed the connection before it asked for anything; the token was not sent"),
        (
            |client| {
                client.startup();
                client.say(b"R\0\0\0\x20");
            },
            "closed the connection before it asked",
        ),
        (
            |client| {
                client.startup();
                client.say(asks());
                client.message();
            },
            "closed the connection after the token was sent",
        ),
        (
            |client| {
                client.startup();
                client.say(asks());
                client.message();
                client.say(authentication(0, ""));
            },
            "closed the connection after it let the client in",
        ),
    ];
    for (talk, words) in talks {
        let server = ScriptedServer::tcp(talk);
        probe_plain(&server, &[]).assert_failed(&[words, "server's log at this time"]);
        server.told();
    }
}

#[test]
fn a_connection_that_ends_within_tls_is_no_refusal() {
    let certificate = LocalhostCertificate::new();
    let server = ScriptedServer::tls("127.0.0.1:0", &certificate, |client| client.startup());
    let port = server.port.to_string();
    let run = probe(&mut command(&["--host", "127.0.0.1", "--port", &port, "--sslmode", "require"]));
    run.assert_failed(&["closed the connection before it asked for anything"]);
    server.told();
}

#[test]
fn no_text_of_a_server_moves_the_cursor_or_hides() {
    let text = "a\u{1b}[2J\u{7}b\ntoken accepted\r\u{202e}c";
    let server = ScriptedServer::tcp(move |client| {
        client.startup();
        client.say(fatal("28\u{1b}", text));
        client.hang();
    });
    let run = probe_plain(&server, &[]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains(r"a\u{1b}[2J\u{7}b\u{a}token accepted\u{d}\u{202e}c"), "{}", run.stdout);
    assert!(!run.stdout.chars().any(|c| c.is_control() && c != '\n'), "{:?}", run.stdout);

    let server = ScriptedServer::tcp(|client| {
        client.startup();
        client.say(session("oauth:\u{1b}]0;x\u{7}"));
        client.hang();
    });
    let run = probe_plain(&server, &[]);
    assert!(run.stdout.contains(r"oauth:\u{1b}]0;x\u{7}"), "{}", run.stdout);

    let server = ScriptedServer::tcp(|client| {
        client.startup();
        client.say(fatal("53300", "\u{1b}[2J"));
        client.hang();
    });
    probe_plain(&server, &[]).assert_failed(&[r"\u{1b}[2J"]);
}

/// The command that is printed is there to be pasted.
#[test]
fn no_word_of_a_server_runs_in_a_shell() {
    let challenge = r#"{"openid-configuration":"https://i.example/$(touch x)'; reboot #","scope":"a`b`"}"#;
    let server = ScriptedServer::tcp(refuses(challenge));
    let run = probe_plain(&server, &[]);
    assert!(run.stdout.contains(r"--hba-issuer 'https://i.example/$(touch x)'\''; reboot #'"), "{}", run.stdout);
    assert!(run.stdout.contains("--hba-scope 'a`b`'\n"), "{}", run.stdout);
    let server = ScriptedServer::tcp(refuses(r#"{"openid-configuration":"https://i.example/\n reboot","scope":7}"#));
    let run = probe_plain(&server, &[]);
    assert!(run.stdout.contains("--hba-issuer ISSUER \\\n    --hba-scope SCOPE\n"), "{}", run.stdout);
}

#[test]
fn challenges_that_are_none_are_refused() {
    for challenge in ["", "{", "[]", "\"x\"", "{}{}", &"[".repeat(10_000)] {
        let server = ScriptedServer::tcp(refuses(challenge));
        probe_plain(&server, &[]).assert_failed(&["challenge that is not a JSON object"]);
    }
}

/// A server that repeats what it was shown would put the token into a terminal, a log, a ticket.
#[test]
fn a_token_that_is_repeated_is_not_printed() {
    for (prefix, suffix) in [("", ""), ("bad token: ", " is bad")] {
        let signature = token().rsplit('.').next().expect("a signature").to_owned();
        let text = format!("{prefix}{signature}{suffix}");
        let error = fatal("28000", &text);
        let in_error = ScriptedServer::tcp(move |client| {
            client.startup();
            client.say(asks());
            client.message();
            client.say(error);
            client.hang();
        });
        let in_challenge = ScriptedServer::tcp(refuses(&format!("{{\"scope\":\"{text}\"}}")));
        for server in [in_error, in_challenge] {
            let port = server.port.to_string();
            let run = run(&mut command(&["--host", "127.0.0.1", "--port", &port, "--sslmode", "disable"]));
            run.assert_failed(&["repeats the token", "withdraw the token"]);
            assert!(!run.stderr.contains(&signature), "{}", run.stderr);
        }
    }
}
