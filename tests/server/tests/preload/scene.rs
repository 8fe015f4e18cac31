//! A server that takes tokens, a file with one, and programs that are started with the library.

use oauth_validator_fixtures::{TokenBuilder, jwks, keys};
use oauth_validator_server_tests::{Cluster, ClusterOptions, now, preload_path};
use serde_json::json;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub const ISSUER: &str = "https://issuer.example";
pub const WELL_KNOWN: &str = "https://issuer.example/.well-known/openid-configuration";

const CONFIG: &str = r#"
[profiles.corp]
issuer = "https://issuer.example"
audience = ["api://db"]
[profiles.corp.keys]
jwks_file = "corp.jwks"
"#;

/// A token that the server accepts for `alice`, for so many seconds from now on.
pub fn token(lifetime: i64) -> String {
    let claims = json!({"iss": ISSUER, "sub": "alice", "aud": "api://db", "scope": "db.connect"});
    let token =
        TokenBuilder::new(json!({"typ": "at+jwt"}), claims).claim("iat", now() - 600).claim("exp", now() + lifetime);
    token.sign(keys::corp())
}

/// A server that lets `alice` in by a token, and `mallory` without.
pub struct Scene {
    pub cluster: Cluster,
}

impl Scene {
    pub fn start(environment: Vec<(String, String)>) -> Self {
        let cluster = Cluster::start(ClusterOptions {
            config: Some(CONFIG.into()),
            hba: format!("local all mallory trust\nlocal all all oauth issuer=\"{ISSUER}\" scope=\"db.connect\""),
            environment,
            ..ClusterOptions::with_module()
        });
        cluster.write_file("corp.jwks", jwks(&[keys::corp()]).to_string());
        cluster.sql("CREATE ROLE alice LOGIN").expect("a role");
        cluster.sql("CREATE ROLE mallory LOGIN").expect("a role");
        Self { cluster }
    }

    /// The options for `alice` over the Unix socket.
    pub fn conninfo(&self, issuer: &str) -> String {
        let host = self.cluster.socket_dir().display();
        format!("host={host} dbname=postgres user=alice oauth_issuer={issuer} oauth_client_id=any")
    }

    /// The file with this token, for whoever runs the tests.
    pub fn token_file(&self, token: &str) -> PathBuf {
        let path = self.cluster.socket_dir().join("token");
        fs::write(&path, token).expect("a token");
        set_mode(&path, 0o600);
        path
    }

    /// A program of PostgreSQL with the library and these variables.
    pub fn program(&self, name: &str, variables: &[(&str, &OsStr)]) -> Command {
        let mut command = Command::new(self.cluster.psql_path().with_file_name(name));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/").env("LC_ALL", "C");
        command.env("LD_PRELOAD", preload_path()).envs(variables.iter().copied());
        command
    }

    /// psql with this token in its file; asks who it is.
    pub fn psql(&self, conninfo: &str, variables: &[(&str, &OsStr)]) -> ProgramOutput {
        let mut command = self.program("psql", variables);
        command.args(["-XAt", "-c", "select system_user"]).arg(conninfo);
        ProgramOutput::of(&command.output().expect("psql runs"))
    }
}

/// How a program ended, and what it printed.
#[derive(Debug)]
pub struct ProgramOutput {
    pub succeeded: bool,
    pub stdout: String,
    pub stderr: String,
}

impl ProgramOutput {
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { succeeded: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}
