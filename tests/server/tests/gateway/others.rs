//! Drivers of other languages, which `make test-clients` installs or finds: node pg, npm postgres, pgjdbc.

use crate::clients::each_way_by;
use crate::scene::ProgramOutput;
use oauth_validator_server_tests::{target_dir, workspace_root};
use std::path::Path;
use std::process::Command;

/// Where Debian's libpostgresql-jdbc-java has it.
const PGJDBC: &str = "/usr/share/java/postgresql.jar";

fn node(script: &str, args: [&str; 3]) -> ProgramOutput {
    let script = target_dir().join("tools/clients").join(script);
    assert!(script.is_file(), "there is no {}: `make test-clients` installs it", script.display());
    ProgramOutput::of(
        &Command::new("node").arg(script).args(args).env_remove("NODE_OPTIONS").output().expect("node runs"),
    )
}

#[test]
fn node_pg() {
    each_way_by(&|args| node("pg.mjs", args), "SASL: Only mechanism(s) SCRAM-SHA-256 are supported", true);
}

#[test]
fn npm_postgres() {
    each_way_by(&|args| node("postgres.mjs", args), "client selected an invalid SASL authentication mechanism", true);
}

/// It has no Unix sockets by itself.
#[test]
fn pgjdbc() {
    if !Path::new(PGJDBC).is_file() {
        println!("skipped: there is no {PGJDBC}: Debian's package libpostgresql-jdbc-java has it");
        return;
    }
    let java = |args: [&str; 3]| {
        let mut command = Command::new("java");
        command.args(["-cp", PGJDBC]).arg(workspace_root().join("tests/clients/Login.java")).args(args);
        ProgramOutput::of(&command.output().expect("java runs"))
    };
    each_way_by(&java, "", false);
}
