//! `config/monitoring` with a real server: the exporter of Debian reads the views, and the sample unit enforces.

use crate::support::{PRELOADED, assert_was_ended, config, login, session, start};
use oauth_validator_server_tests::{Cluster, eventually, workspace_root};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Ends with the test.
struct Exporter(Child);

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// The exporter beside this server, as its user `reader`; `None` where it is not installed.
fn exporter(cluster: &Cluster, port: u16) -> Option<Exporter> {
    let queries = workspace_root().join("config/monitoring/postgres-exporter.yml");
    let name = format!("host={} user=reader dbname=postgres sslmode=disable", cluster.socket_dir().display());
    let started = Command::new("prometheus-postgres-exporter")
        .args(["--disable-default-metrics", "--disable-settings-metrics", "--extend.query-path"])
        .arg(queries)
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .env("DATA_SOURCE_NAME", name)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Ok(child) => Some(Exporter(child)),
        Err(why) => {
            println!("skipped: the exporter is not here (Debian: apt-get install prometheus-postgres-exporter): {why}");
            None
        }
    }
}

fn metrics(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer).filter(|answer| answer.contains("oauth_validator_decisions_total"))
}

#[test]
fn the_exporter_of_debian_finds_the_metrics() {
    let cluster = start(PRELOADED);
    let (_alice, _anna) = (session(&cluster, "alice"), session(&cluster, "anna"));
    cluster.login(&login("alice").initial_response("n,,\x01auth=Bearer rubbish\x01\x01")).refused();
    let port = free_port();
    let Some(_exporter) = exporter(&cluster, port) else { return };
    let found = eventually("the exporter", Duration::from_secs(20), || metrics(port));
    let value = |name: &str, labels: &[&str]| {
        let is_it =
            |line: &&str| line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label));
        found.lines().find(is_it).and_then(|line| line.rsplit_once(' ')).map(|(_, value)| value.to_owned())
    };
    let corp = "profile=\"corp\"";
    assert_eq!(value("oauth_validator_sessions", &[corp]).as_deref(), Some("2"), "{found}");
    assert_eq!(value("oauth_validator_decisions_total", &[corp, "code=\"granted\""]).as_deref(), Some("2"), "{found}");
    let malformed = ["profile=\"\"", "code=\"token_malformed\""];
    assert_eq!(value("oauth_validator_decisions_total", &malformed).as_deref(), Some("1"), "{found}");
    assert_eq!(value("oauth_validator_keys_usable", &[corp]).as_deref(), Some("1"), "{found}");
    assert_eq!(value("oauth_validator_helper_requests_total", &[]).as_deref(), Some("0"), "{found}");
    assert!(!found.contains("alice"), "who it is, is nobody's metric: {found}");
}

/// What the sample unit runs, as it stands there.
#[test]
fn the_sample_unit_ends_whom_the_file_denies() {
    let cluster = start(PRELOADED);
    let mut leaver = session(&cluster, "leaver");
    let unit = workspace_root().join("config/monitoring/oauth-validator-enforce.service");
    let unit = fs::read_to_string(unit).expect("the unit");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command");
    let (options, statement) = line.split_once(" --command \"").expect("a statement");
    let mut words = options.split(' ');
    assert!(words.next().is_some_and(|program| program.ends_with("/psql")));
    let enforce = || {
        Command::new(cluster.psql_path())
            .args(words.clone())
            .arg(format!("--command={}", statement.trim_end_matches('"')))
            .args(["--username", "ender", "--host"])
            .arg(cluster.socket_dir())
            .output()
            .expect("psql runs")
    };
    let nobody = enforce();
    assert!(nobody.status.success() && nobody.stdout.is_empty(), "{nobody:?}");
    cluster.write_config(&config("deny_identities = [\"leaver\"]", ""));
    let ended = enforce();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success() && said.ends_with("|leaver|corp|identity_denied\n"), "{ended:?}");
    assert_was_ended(&mut leaver);
    // A file that cannot be used is a unit that fails.
    cluster.write_config("nonsense");
    assert!(!enforce().status.success());
}
