//! What a connection must be before the token goes over it, and that it goes nowhere else.

use super::server::{ScriptedServer, TLS_REQUEST, lets_in};
use super::{command, holds_token, probe};
use crate::network::{deaf_port, refusing};
use crate::support::Run;
use oauth_validator_mock_provider::LocalhostCertificate;
use std::net::UdpSocket;
use tempfile::NamedTempFile;

/// The CA of a certificate, as a file.
fn ca_file(certificate: &LocalhostCertificate) -> NamedTempFile {
    let file = NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), &certificate.ca_pem).expect("it is written");
    file
}

/// Probes `host` with the CA of `trusted`.
#[track_caller]
fn probe_tls(server: &ScriptedServer, host: &str, mode: &str, trusted: Option<&LocalhostCertificate>) -> Run {
    let port = server.port.to_string();
    let mut command = command(&["--host", host, "--port", &port, "--sslmode", mode]);
    let file = trusted.map(ca_file);
    if let Some(file) = &file {
        command.arg("--sslrootcert").arg(file.path());
    }
    probe(&mut command)
}

/// Probes a server that shows a certificate, trusting what comes with that; also whether the server was told the token.
pub fn probe_trusting(certificate: &LocalhostCertificate, mode: &str, expected: bool) -> (Run, bool) {
    let server = ScriptedServer::tls("127.0.0.1:0", certificate, if expected { lets_in } else { lets_in_if });
    let run = probe_tls(&server, "localhost", mode, Some(certificate));
    (run, holds_token(&server.told()))
}

#[test]
fn with_the_right_certificate_the_token_goes_through_tls() {
    let certificate = LocalhostCertificate::new();
    for host in ["localhost", "127.0.0.1"] {
        let server = ScriptedServer::tls("127.0.0.1:0", &certificate, lets_in);
        let run = probe_tls(&server, host, "verify-full", Some(&certificate));
        assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
        let line = format!("  connection    {host}:{}, TLSv1.3\n", server.port);
        assert!(run.stdout.contains(&line), "no {line:?} in {}", run.stdout);
        assert!(holds_token(&server.told()));
    }
}

#[test]
fn verify_full_is_what_holds_without_a_word() {
    let certificate = LocalhostCertificate::new();
    let file = ca_file(&certificate);
    let server = ScriptedServer::tls("127.0.0.1:0", &certificate, lets_in);
    let port = server.port.to_string();
    let run = probe(
        command(&["--json"]).envs([("PGHOST", "localhost"), ("PGPORT", &port)]).env("PGSSLROOTCERT", file.path()),
    );
    assert_eq!((run.code, run.json()["tls"].as_str()), (0, Some("TLSv1.3")), "{}{}", run.stdout, run.stderr);
    server.told();

    let server = ScriptedServer::tls("127.0.0.2:0", &certificate, lets_in_if);
    let port = server.port.to_string();
    let run = probe(command(&["--host", "127.0.0.2", "--port", &port]).env("PGSSLROOTCERT", file.path()));
    run.assert_failed(&["the server's certificate is for another name; the token was not sent", "openssl s_client"]);
    assert!(!holds_token(&server.told()));
}

#[test]
fn a_wrong_certificate_gets_no_token() {
    let (certificate, other) = (LocalhostCertificate::new(), LocalhostCertificate::new());
    let expired = LocalhostCertificate::expired();
    for (shown, trusted, host, mode, words) in [
        (&certificate, Some(&other), "localhost", "verify-full", "an authority that is not trusted"),
        (&certificate, None, "localhost", "verify-full", "an authority that is not trusted"),
        (&certificate, Some(&other), "localhost", "verify-ca", "an authority that is not trusted"),
        (&certificate, Some(&other), "localhost", "require", "an authority that is not trusted"),
        (&expired, Some(&expired), "localhost", "verify-full", "has expired"),
        (&expired, Some(&expired), "localhost", "verify-ca", "has expired"),
        (&certificate, Some(&certificate), "127.0.0.2", "verify-full", "is for another name"),
    ] {
        let server = ScriptedServer::tls(
            &format!("{}:0", if host == "localhost" { "127.0.0.1" } else { host }),
            shown,
            lets_in_if,
        );
        let run = probe_tls(&server, host, mode, trusted);
        run.assert_failed(&["the server's certificate", words, "the token was not sent", "help: "]);
        assert!(server.told().is_empty(), "{mode}: {words}");
    }
}

/// As [`lets_in`], for a client that may go away at once.
fn lets_in_if(client: &mut super::AcceptedClient<'_>) {
    if !client.read(1).is_empty() {
        lets_in(client);
    }
}

#[test]
fn weaker_checks_are_made_as_they_are_named() {
    let certificate = LocalhostCertificate::new();
    for (mode, trusted, words) in [
        ("verify-ca", Some(&certificate), "TLSv1.3, with a certificate for any host\n"),
        ("require", Some(&certificate), "TLSv1.3, with a certificate for any host\n"),
        ("require", None, "TLSv1.3, whose certificate nobody judged\n"),
    ] {
        let server = ScriptedServer::tls("127.0.0.2:0", &certificate, lets_in);
        let run = probe_tls(&server, "127.0.0.2", mode, trusted);
        assert_eq!(run.code, 0, "{mode}: {}{}", run.stdout, run.stderr);
        assert!(run.stdout.contains(words), "{mode}: {}", run.stdout);
        assert!(holds_token(&server.told()), "{mode}");
    }
}

/// Whoever sits in between can say that there is no TLS. It learns nothing by it, not even who wants to log in.
#[test]
fn a_server_without_tls_is_told_nothing() {
    for mode in ["verify-full", "require"] {
        let server = ScriptedServer::tcp(|client| {
            client.startup();
            client.say("N");
            client.hang();
        });
        probe_tls(&server, "127.0.0.1", mode, None)
            .assert_failed(&["offers no TLS; the token was not sent", "ssl = on"]);
        assert_eq!(server.told(), TLS_REQUEST, "{mode}");
    }
}

/// CVE-2021-23222: what stands behind the answer in the same packet is from before TLS, and must not be taken for what
/// comes through it.
#[test]
fn what_comes_before_tls_is_not_what_comes_through_it() {
    let injected = [b"S".to_vec(), super::session("oauth:ana")].concat();
    for answer in [injected, b"SSH-2.0-OpenSSH_10.0\r\n".to_vec(), b"SS".to_vec()] {
        let server = ScriptedServer::tcp(move |client| {
            client.startup();
            client.say(answer);
            client.hang();
        });
        probe_tls(&server, "127.0.0.1", "require", None)
            .assert_failed(&["sends data before TLS begins; the token was not sent", "meddles"]);
        assert_eq!(server.told(), TLS_REQUEST);
    }
}

/// Bytes that come a moment after the server's answer to the request for TLS, and so into the handshake.
#[test]
fn what_comes_into_the_handshake_ends_it() {
    let server = ScriptedServer::tcp(|client| {
        client.startup();
        client.say("S");
        client.read(5);
        client.say(super::session("oauth:ana"));
        client.hang();
    });
    probe_tls(&server, "127.0.0.1", "require", None)
        .assert_failed(&["the TLS handshake failed; the token was not sent"]);
    assert!(!holds_token(&server.told()));
}

#[test]
fn other_answers_to_the_request_for_tls_are_said() {
    for (answer, words) in [
        ("E\0\0\0\x10SFATAL\0\0", "answers an error to the request for TLS"),
        ("HTTP/1.1 400 Bad\r\n", "is not PostgreSQL"),
        ("\0", "is not PostgreSQL"),
        ("", "closed the connection when it was asked for TLS"),
    ] {
        let server = ScriptedServer::tcp(move |client| {
            client.startup();
            client.say(answer);
        });
        probe_tls(&server, "127.0.0.1", "verify-full", None).assert_failed(&[words, "help: "]);
        assert_eq!(server.told(), TLS_REQUEST);
    }
}

/// Another address of this machine, if it has one: no loopback, whoever listens there.
fn own_address() -> Option<String> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_loopback()).map(|ip| ip.to_string())
}

#[test]
fn in_clear_the_token_stays_on_this_machine() {
    let Some(address) = own_address() else {
        eprintln!("skipped: this machine has no address besides the loopback");
        return;
    };
    let probe_clear = |server: &ScriptedServer, args: &[&str]| {
        let port = server.port.to_string();
        probe(command(&["--host", &address, "--port", &port, "--sslmode", "disable"]).args(args))
    };
    let server = ScriptedServer::at(&format!("{address}:0"), |client| client.hang());
    probe_clear(&server, &[]).assert_failed(&["is another machine", "in clear", "--insecure-plaintext"]);
    assert!(server.told().is_empty());
    let server = ScriptedServer::at(&format!("{address}:0"), lets_in);
    let run = probe_clear(&server, &["--insecure-plaintext"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(holds_token(&server.told()));
}

#[test]
fn a_server_that_is_not_there_is_no_refusal() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    probe(&mut command(&["--host", path])).assert_failed(&["cannot connect to", ".s.PGSQL.5432", "is the server up?"]);
    std::fs::write(folder.path().join(".s.PGSQL.5432"), "").expect("a file");
    probe(&mut command(&["--host", path])).assert_failed(&["cannot connect to", "unix_socket_directories"]);
    let long = format!("/{}", "x".repeat(200));
    probe(&mut command(&["--host", &long])).assert_failed(&["cannot connect to", "SUN_LEN"]);
    let (address, _held) = refusing();
    let port = address.port().to_string();
    probe(&mut command(&["--host", "127.0.0.1", "--port", &port])).assert_failed(&["refused", "listen_addresses"]);
    probe(&mut command(&["--host", "nowhere.invalid"])).assert_failed(&["the host has no address", "--host"]);
}

#[test]
fn a_port_that_takes_no_connection_is_waited_for_no_longer_than_asked() {
    let (address, _listener, _waiting) = deaf_port();
    let port = address.port().to_string();
    let run = probe(&mut command(&["--host", "127.0.0.1", "--port", &port, "--timeout", "1s"]));
    run.assert_failed(&["there is no connection within 1 s", "--timeout"]);
}
