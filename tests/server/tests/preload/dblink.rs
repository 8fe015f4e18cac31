//! A server that is started with the library has a token of its own, and users who choose where it connects to.
//!
//! Whoever may use dblink must not get that token, whatever host he names.

use crate::scene::{Scene, WELL_KNOWN, set_mode, token};
use crate::strangers::Thief;
use oauth_validator_server_tests::{Account, Login, WireError, preload_path};
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What the server's account needs of the test's files.
struct DblinkFiles {
    folder: TempDir,
    token: String,
}

impl DblinkFiles {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        set_mode(folder.path(), 0o755);
        let library = folder.path().join("liboauth_token.so");
        fs::copy(preload_path(), &library).expect("a library");
        set_mode(&library, 0o755);
        let token = token(300);
        let file = folder.path().join("token");
        fs::write(&file, &token).expect("a token");
        set_mode(&file, 0o600);
        chown(&file, Some(Account::for_server().uid), None).expect("a file of the server's");
        Self { folder, token }
    }

    fn sockets(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir(&path).expect("a folder");
        set_mode(&path, 0o755);
        path
    }

    fn server(&self, hosts: Option<&str>) -> Scene {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let mut environment = vec![
            ("LD_PRELOAD".to_owned(), path("liboauth_token.so")),
            ("OAUTH_TOKEN_FILE".to_owned(), path("token")),
            ("OAUTH_TOKEN_ISSUER".to_owned(), "https://issuer.example".to_owned()),
        ];
        environment.extend(hosts.map(|hosts| ("OAUTH_TOKEN_HOSTS".to_owned(), hosts.to_owned())));
        let scene = Scene::start(environment);
        scene.cluster.sql("CREATE EXTENSION dblink").expect("an extension");
        scene
    }
}

/// Has the server connect to `to` as mallory, who is told no more than that it failed.
#[track_caller]
fn mallory(scene: &Scene, to: &str) -> String {
    let mut session = scene.cluster.login(&Login::new("mallory", "postgres")).accepted();
    let conninfo = format!("{to} user=alice dbname=postgres password=x oauth_client_id=any oauth_issuer={WELL_KNOWN}");
    match session.query(&format!("SELECT dblink_connect('{conninfo}')")) {
        Err(WireError::Server(error)) => format!("{}: {}", error.message, error.detail.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

fn host(folder: &Path) -> String {
    format!("host={}", folder.display())
}

#[test]
fn without_a_list_the_servers_token_goes_nowhere() {
    let place = DblinkFiles::new();
    let sockets = place.sockets("evil");
    let (thief, scene) = (Thief::on_socket(&sockets), place.server(None));
    let (by_tcp, port) = Thief::on_loopback();
    for to in [host(&sockets), format!("host=127.0.0.1 port={port}"), format!("host=x hostaddr=127.0.0.1 port={port}")]
    {
        let mark = scene.cluster.log_mark();
        let told = mallory(&scene, &to);
        let received = if to.contains("port=") { by_tcp.received() } else { thief.received() };
        assert!(!received.contains(&place.token) && !received.contains("auth=Bearer e"), "{to}: {received}");
        assert!(told.contains("user-defined OAuth flow failed"), "{told}");
        let log = scene.cluster.wait_for_log(mark, "OAUTH_TOKEN_HOSTS is not set: inside a server");
        assert!(!log.contains(&place.token), "{log}");
    }
}

#[test]
fn with_a_list_it_goes_to_no_other_and_never_in_clear() {
    let place = DblinkFiles::new();
    let (listed, other) = (place.sockets("listed"), place.sockets("other"));
    let (friend, thief) = (Thief::on_socket(&listed), Thief::on_socket(&other));
    let ((by_tcp, port), (by_name, named)) = (Thief::on_loopback(), Thief::on_loopback());
    let hosts = format!("db.example:{named},{},127.0.0.1:{port}", listed.display());
    let scene = place.server(Some(&hosts));
    let refused = |thief: &Thief, to: &str, why: &str| {
        let mark = scene.cluster.log_mark();
        mallory(&scene, to);
        let received = thief.received();
        assert!(!received.contains(&place.token), "{to}: {received}");
        scene.cluster.wait_for_log(mark, why);
    };
    refused(&thief, &host(&other), "other:5432 is not in OAUTH_TOKEN_HOSTS");
    // The name is listed; the address, to which it goes, is not.
    let by_address = format!("host=db.example hostaddr=127.0.0.1 port={named}");
    refused(&by_name, &by_address, &format!("127.0.0.1:{named} is not in OAUTH_TOKEN_HOSTS"));
    refused(&by_tcp, &format!("host=127.0.0.1 port={port}"), "is without TLS");
    refused(&by_tcp, &format!("host=db.example hostaddr=127.0.0.1 port={port}"), "is without TLS");

    // And whoever is listed does get it: the others would have seen it.
    mallory(&scene, &host(&listed));
    let received = friend.received();
    assert!(received.contains(&format!("auth=Bearer {}", place.token)), "{received}");
}
