//! Who does not get in, and to whom no token goes.

use crate::scene::{Gateway, ProgramOutput, Scene, set_mode};
use crate::strangers::Front;
use oauth_validator_mock_provider::LocalhostCertificate;
use oauth_validator_server_tests::psycopg_wheel;
use rustls::{ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A start that is refused.
#[track_caller]
fn does_not_begin(scene: &Scene, args: &[&str], why: &str) {
    let output = Command::new("timeout")
        .arg("20")
        .args([scene.command(1, args).get_program()])
        .args(scene.command(1, args).get_args())
        .output();
    let said = ProgramOutput::of(&output.expect("the tool runs"));
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains(why), "no {why:?} in {}", said.stderr);
}

#[test]
fn what_would_let_anybody_in_does_not_begin() {
    let scene = Scene::start();
    let token = scene.folder.path().join("token").display().to_string();
    let empty = scene.file("empty", "\n").display().to_string();
    let wide = scene.file("wide", "secret").display().to_string();
    set_mode(wide.as_ref(), 0o644);
    for address in ["0.0.0.0:0", "[::]:0"] {
        does_not_begin(&scene, &["--listen", address], "there is no TLS");
    }
    does_not_begin(&scene, &["--listen", "127.0.0.1:0", "--token-file", &token], "would have the token's rights");
    for (file, why) in [(&empty, "is empty"), (&wide, "its mode is 0644")] {
        let args = ["--listen", "127.0.0.1:0", "--token-file", &token, "--password-file", file];
        does_not_begin(&scene, &args, why);
    }
    let shared = scene.folder.path().join("shared");
    std::fs::create_dir(&shared).expect("a folder");
    for mode in [0o755, 0o750, 0o777] {
        set_mode(&shared, mode);
        let args = ["--socket-dir", shared.to_str().expect("UTF-8")];
        does_not_begin(&scene, &args, "is not a folder of this user's alone");
    }
    does_not_begin(&scene, &[], "--socket-dir");
}

#[test]
fn a_user_who_is_not_named_is_sent_away() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can be somebody else");
        return;
    }
    let scene = Scene::start();
    let mut gateway = scene.by_file(&["--allow-user", "4711"]);
    let psql = |uid: &str| {
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={uid}"), "--regid=65534", "--clear-groups"]).arg(scene.cluster.psql_path());
        command.env_clear().env("PATH", "/usr/bin:/bin").args(["-XAtw", "-c", "select system_user"]);
        command.arg(format!("host={} user=alice dbname=postgres", scene.sockets().display()));
        ProgramOutput::of(&command.output().expect("psql runs"))
    };
    let said = psql("4712");
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("the user of this process may not use this gateway"), "{said:?}");
    gateway.wait_for("user 4712 may not use this gateway");
    let said = psql("4711");
    assert_eq!(said.stdout.trim(), "oauth:alice", "{said:?}");
}

#[test]
fn on_loopback_a_token_file_takes_its_password() {
    let scene = Scene::start();
    let token = scene.folder.path().join("token").display().to_string();
    let password = scene.file("password", "open sesame\n").display().to_string();
    let gateway = scene.by_password(&["--token-file", &token, "--password-file", &password]);
    let conninfo = format!("host=127.0.0.1 port={} user=alice", gateway.port());
    let said = scene.psql(&conninfo, "open sesame", "select system_user");
    assert_eq!(said.stdout.trim(), "oauth:alice", "{said:?}");
    // A session begins with the role's name; what ends the first one may still come.
    let begun = || scene.front.seen().matches("alice").count();
    let before = begun();
    for wrong in ["open", "open sesame ", "OPEN SESAME"] {
        let said = scene.psql(&conninfo, wrong, "select 1");
        assert!(said.code == Some(2) && said.stderr.contains("the password is not that of this gateway"), "{said:?}");
    }
    assert!(!scene.psql(&conninfo, "", "select 1").stderr.is_empty());
    assert_eq!(begun(), before, "nobody was connected to");
}

#[test]
fn what_is_no_token_is_not_sent() {
    let scene = Scene::start();
    let gateway = scene.by_password(&[]);
    let conninfo = format!("host=127.0.0.1 port={} user=alice", gateway.port());
    for password in ["two words", "{\"access_token\":\"x\"}"] {
        let said = scene.psql(&conninfo, password, "select 1");
        assert!(said.stderr.contains("the password is no token"), "{said:?}");
    }
    assert_eq!(scene.front.seen(), "");
    // A file that is not as it must be.
    set_mode(&scene.folder.path().join("token"), 0o644);
    let _gateway = scene.by_file(&[]);
    let said = scene.psql(&format!("host={} user=alice", scene.sockets().display()), "", "select 1");
    assert!(
        said.stderr.contains("the gateway has no token to show") && said.stderr.contains("its mode is 0644"),
        "{said:?}"
    );
    assert_eq!(scene.front.seen(), "");
}

/// Where others on the network can connect, it takes them with TLS alone, and shows its own certificate.
#[test]
fn with_a_certificate_clients_have_to_use_tls() {
    let scene = Scene::start();
    let certificate = LocalhostCertificate::new();
    let path = |name: &str, text: &str| scene.file(name, text).display().to_string();
    let (cert, key) = (path("cert.pem", &certificate.certificate_pem), path("key.pem", &certificate.key_pem));
    let ca = path("gateway-ca.pem", &certificate.ca_pem);
    let gateway = scene.by_password(&["--tls-cert", &cert, "--tls-key", &key]);
    let psycopg = Psycopg::new();
    let login = |more: &str| psycopg.login(&format!("port={} user=alice {more}", gateway.port()), &scene.token);
    let said = login(&format!("host=localhost sslmode=verify-full sslrootcert={ca}"));
    assert_eq!((said.code, said.stdout.trim()), (Some(0), "oauth:alice"), "{said:?}");
    let other = scene.front.ca.display().to_string();
    let before = scene.front.seen();
    for (more, why) in [
        ("host=localhost sslmode=disable".to_owned(), "this gateway takes connections with TLS alone"),
        (format!("host=localhost sslmode=verify-full sslrootcert={other}"), "certificate verify failed"),
        (
            format!("host=db.example hostaddr=127.0.0.1 sslmode=verify-full sslrootcert={ca}"),
            "does not match host name",
        ),
    ] {
        let said = login(&more);
        assert!(said.code == Some(1) && said.stdout.contains(why), "no {why:?} in {said:?}");
    }
    assert_eq!(scene.front.seen(), before, "nobody was connected to");
    for (mode, wrong) in [(0o644, &key), (0o600, &ca)] {
        set_mode(key.as_ref(), mode);
        let args = ["--listen", "127.0.0.1:0", "--tls-cert", &cert, "--tls-key", wrong];
        does_not_begin(&scene, &args, if mode == 0o644 { "its mode is 0644" } else { "it has no private key" });
    }
}

/// A real server, whose lines for these roles ask for something else.
#[test]
fn a_server_that_does_not_ask_for_a_token_gets_none() {
    let scene = Scene::start();
    let _gateway = scene.by_file(&[]);
    for (role, why) in [("trusted", "lets in without a token"), ("scram", "asks for something else than a token")] {
        let said = scene.psql(&format!("host={} user={role}", scene.sockets().display()), "x", "select 1");
        assert!(said.code == Some(2) && said.stderr.contains(why), "{said:?}");
    }
    assert!(!scene.front.seen().contains(&scene.token));
}

/// psycopg's wheel, whose libpq has TLS; that of the server's own package may have none.
struct Psycopg(Vec<PathBuf>);

impl Psycopg {
    fn new() -> Self {
        Self(psycopg_wheel().unwrap_or_else(|error| panic!("{error}")))
    }

    fn login(&self, conninfo: &str, password: &str) -> ProgramOutput {
        let script = "
import psycopg, sys
try:
    with psycopg.connect(sys.argv[1], dbname='postgres', connect_timeout=20) as connection:
        print(connection.execute('select system_user').fetchone()[0])
except Exception as error:
    print(error); sys.exit(1)
";
        let mut command = Command::new("python3");
        command.args(["-c", script, conninfo]).env("PYTHONPATH", std::env::join_paths(&self.0).expect("paths"));
        ProgramOutput::of(&command.env("PGPASSWORD", password).env("LC_ALL", "C.UTF-8").output().expect("python3 runs"))
    }
}

/// Somebody with the right certificate who asks for a password in clear, for md5, for SCRAM, or speaks nonsense.
#[test]
fn a_server_that_asks_for_a_password_gets_nothing() {
    let scene = Scene::start();
    let certificate = LocalhostCertificate::new();
    std::fs::write(&scene.front.ca, &certificate.ca_pem).expect("a certificate");
    for answer in [
        &b"R\0\0\0\x08\0\0\0\x03"[..],
        b"R\0\0\0\x0c\0\0\0\x05salt",
        b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0",
        b"R\0\0\0\x08\0\0\0\x0b",
        b"Z\0\0\0\x05I",
        b"R\xff\xff\xff\xff",
    ] {
        let (port, seen) = impostor(&certificate, answer);
        let gateway = Gateway::start(&scene, port, &["--listen", "127.0.0.1:0"]);
        let conninfo = format!("host=127.0.0.1 port={} user=alice", gateway.port());
        let said = scene.psql(&conninfo, &scene.token, "select 1");
        assert_eq!(said.code, Some(2), "{said:?}");
        thread::sleep(Duration::from_millis(100));
        let seen = String::from_utf8_lossy(&seen.lock().expect("nobody panicked")).into_owned();
        assert!(seen.contains("alice") && !seen.contains(&scene.token) && !seen.contains("Bearer"), "{seen}");
    }
}

/// Shows this certificate, answers the startup message with this, and keeps what it receives.
fn impostor(certificate: &LocalhostCertificate, answer: &'static [u8]) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (tls, seen) = (Arc::new(certificate.server_config()), Arc::new(Mutex::new(Vec::new())));
    let keep = Arc::clone(&seen);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a socket");
            let mut request = [0; 8];
            if stream.read_exact(&mut request).and_then(|()| stream.write_all(b"S")).is_err() {
                continue;
            }
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&tls)).expect("TLS"), stream);
            let mut buffer = [0; 4096];
            let mut answered = false;
            while let Ok(length) = stream.read(&mut buffer) {
                if length == 0 {
                    break;
                }
                keep.lock().expect("nobody panicked").extend_from_slice(&buffer[..length]);
                if !answered && stream.write_all(answer).and_then(|()| stream.flush()).is_err() {
                    break;
                }
                answered = true;
            }
        }
    });
    (port, seen)
}

#[test]
fn without_tls_or_with_another_certificate_nothing_is_sent() {
    let scene = Scene::start();
    let plain = Front::start(scene.cluster.socket_dir(), false);
    let gateway = Gateway::start(&scene, plain.port, &["--listen", "127.0.0.1:0"]);
    let conninfo = format!("host=127.0.0.1 port={} user=alice", gateway.port());
    let said = scene.psql(&conninfo, &scene.token, "select 1");
    assert!(said.stderr.contains("it offers no TLS, and no token was sent"), "{said:?}");
    assert_eq!(plain.seen(), "");
    drop(gateway);

    std::fs::write(&scene.front.ca, LocalhostCertificate::new().ca_pem).expect("another authority");
    let gateway = scene.by_password(&[]);
    let conninfo = format!("host=127.0.0.1 port={} user=alice", gateway.port());
    let said = scene.psql(&conninfo, &scene.token, "select 1");
    assert!(said.stderr.contains("its certificate is not acceptable"), "{said:?}");
    assert_eq!(scene.front.seen(), "");
}
