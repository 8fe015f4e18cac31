//! Drivers that cannot show a token: the error of each by itself, and a login through the gateway.

use crate::scene::{ProgramOutput, Scene};
use oauth_validator_server_tests::{asyncpg_wheel, pg8000_wheels};
use std::env;
use std::path::PathBuf;
use std::process::Command;

const ASYNCPG: &str = "
import asyncio, asyncpg, sys
async def main():
    host, port, password = sys.argv[1:]
    connection = await asyncpg.connect(host=host, port=int(port), user='alice', database='postgres', password=password or None, ssl=False)
    print(await connection.fetchval('select system_user'))
    await connection.close()
try:
    asyncio.run(main())
except Exception as error:
    print(error); sys.exit(1)
";

const PG8000: &str = "
import pg8000.native, sys
host, port, password = sys.argv[1:]
where = {'unix_sock': f'{host}/.s.PGSQL.{port}'} if host.startswith('/') else {'host': host, 'port': int(port)}
try:
    connection = pg8000.native.Connection('alice', database='postgres', password=password or None, **where)
    print(connection.run('select system_user')[0][0])
    connection.close()
except Exception as error:
    print(error); sys.exit(1)
";

fn python(folders: Vec<PathBuf>, script: &str, args: [&str; 3]) -> ProgramOutput {
    let mut command = Command::new("python3");
    command.args(["-c", script]).args(args).env("PYTHONPATH", env::join_paths(folders).expect("paths"));
    ProgramOutput::of(&command.output().expect("python3 runs"))
}

/// A driver by itself, through a socket with the token of a file if it has sockets, and with the token as the password: good, and
/// such as the server refuses. `run` takes host or folder, port, and password.
pub fn each_way_by(run: &dyn Fn([&str; 3]) -> ProgramOutput, own_error: &str, has_sockets: bool) {
    let scene = Scene::start();
    if has_sockets {
        let direct = scene.cluster.socket_dir().display().to_string();
        let said = run([&direct, "5432", &scene.token]);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.stdout.contains(own_error), "{said:?}");
        let _gateway = scene.by_file(&[]);
        let said = run([scene.sockets().to_str().expect("UTF-8"), "5432", ""]);
        assert_eq!((said.code, said.stdout.trim()), (Some(0), "oauth:alice"), "{said:?}");
    }
    let gateway = scene.by_password(&[]);
    let port = gateway.port().to_string();
    let said = run(["127.0.0.1", &port, &scene.token]);
    assert_eq!((said.code, said.stdout.trim()), (Some(0), "oauth:alice"), "{said:?}");
    let said = run(["127.0.0.1", &port, "eyJ.e30.AA"]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stdout.contains("OAuth bearer authentication failed for user"), "{said:?}");
}

fn each_way(folders: &dyn Fn() -> Vec<PathBuf>, script: &str, own_error: &str) {
    each_way_by(&|args| python(folders(), script, args), own_error, true);
}

#[test]
fn asyncpg_from_pypi() {
    let folders = || vec![asyncpg_wheel().unwrap_or_else(|error| panic!("{error}"))];
    each_way(&folders, ASYNCPG, "unsupported SASL Authentication methods requested by the server: 'OAUTHBEARER'");
}

#[test]
fn pg8000_from_pypi() {
    let folders = || pg8000_wheels().unwrap_or_else(|error| panic!("{error}"));
    each_way(&folders, PG8000, "The mechanism name is not supported.");
}
