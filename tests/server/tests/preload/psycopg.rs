//! psycopg's wheel, which brings a libpq of its own, over TLS.

use crate::scene::{ISSUER, ProgramOutput, Scene, token};
use crate::strangers::Front;
use oauth_validator_server_tests::{preload_path, psycopg_wheel};
use std::env;
use std::path::Path;
use std::process::Command;

const SCRIPT: &str = "
import psycopg, sys
print(psycopg.pq.__impl__, psycopg.pq.version() // 10000)
with psycopg.connect(sys.argv[1], connect_timeout=20) as connection:
    print(connection.execute('select system_user').fetchone()[0])
";

fn psycopg(file: &Path, conninfo: &str, hosts: &str) -> ProgramOutput {
    let folders = psycopg_wheel().unwrap_or_else(|error| panic!("{error}"));
    let mut command = Command::new("python3");
    command.args(["-c", SCRIPT, conninfo]).env("PYTHONPATH", env::join_paths(folders).expect("paths"));
    command.env("LD_PRELOAD", preload_path()).env("OAUTH_TOKEN_FILE", file).env("OAUTH_TOKEN_ISSUER", ISSUER);
    command.env("OAUTH_TOKEN_HOSTS", hosts).env("LC_ALL", "C.UTF-8");
    ProgramOutput::of(&command.output().expect("python3 runs"))
}

fn conninfo(front: &Front, host: &str, mode: &str) -> String {
    format!(
        "host={host} port={} dbname=postgres user=alice sslmode={mode} sslrootcert={} oauth_issuer={ISSUER} oauth_client_id=any",
        front.port,
        front.ca.display()
    )
}

#[test]
fn the_wheels_own_libpq_shows_the_token_over_tls() {
    let scene = Scene::start(Vec::new());
    let (file, front) = (scene.token_file(&token(300)), Front::start(scene.cluster.socket_dir(), true));
    let hosts = format!("localhost:{}", front.port);
    let said = psycopg(&file, &conninfo(&front, "localhost", "verify-full"), &hosts);
    assert!(said.succeeded && said.stdout.starts_with("binary 18\n"), "{said:?}");
    assert_eq!(said.stdout.lines().last(), Some("oauth:alice"), "{said:?}");

    // That server where it is not listed; psycopg looks the name up itself, so either could be.
    let before = front.seen().matches("auth=Bearer ey").count();
    let said = psycopg(&file, &conninfo(&front, "localhost", "verify-full"), "db.example,localhost");
    assert!(!said.succeeded && said.stderr.contains("is not in OAUTH_TOKEN_HOSTS"), "{said:?}");
    assert!(said.stderr.contains("user-defined OAuth flow failed"), "{said:?}");
    assert_eq!(front.seen().matches("auth=Bearer ey").count(), before);
}

/// Somebody on the way takes TLS out; `prefer`, libpq's default, goes on without.
#[test]
fn the_token_is_not_sent_where_tls_was_taken_out() {
    let scene = Scene::start(Vec::new());
    let token = token(300);
    let (file, front) = (scene.token_file(&token), Front::start(scene.cluster.socket_dir(), false));
    let hosts = format!("localhost:{}", front.port);
    let said = psycopg(&file, &conninfo(&front, "localhost", "prefer"), &hosts);
    assert!(!said.succeeded && said.stderr.contains("is without TLS"), "{said:?}");
    assert!(!front.seen().contains(&token), "the token went out in clear");
    assert!(front.seen().contains("alice"), "the client did come");
}
