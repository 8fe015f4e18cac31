//! `oauth-validator probe` at a real server: each outcome, what the server logs of it, and what the printed command says.
//!
//! Over the Unix socket: this server is built without TLS. Must never let a token into a log or an output.

use crate::support::{CONFIG, token};
use oauth_validator_fixtures::{TokenBuilder, jwks, keys};
use oauth_validator_server_tests::{
    Cluster, ClusterOptions, Login, LoginOutcome, SOON, eventually, module_path, tool_path,
};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

const OAUTH: &str = r#"oauth issuer="https://issuer.example" scope="db.connect""#;

fn hba() -> String {
    format!(
        "local all scram scram-sha-256\nlocal all md5 md5\nlocal all pam password\nlocal all shut reject\n\
         local all mapped {OAUTH} map=corp\nlocal all alice,ghost,locked,barred,full {OAUTH}\n"
    )
}

const ROLES: &str = "CREATE ROLE alice LOGIN; CREATE ROLE mapped LOGIN; CREATE ROLE locked NOLOGIN;
CREATE ROLE scram LOGIN PASSWORD 'x'; CREATE ROLE barred LOGIN; CREATE ROLE full LOGIN CONNECTION LIMIT 0";

struct ProbedServer {
    cluster: Cluster,
}

impl ProbedServer {
    fn start(module: Option<PathBuf>, conf: &str) -> Self {
        let options = ClusterOptions {
            module,
            config: Some(CONFIG.into()),
            hba: hba(),
            ident: "corp alice somebody\n".into(),
            conf: conf.into(),
            ..ClusterOptions::default()
        };
        let cluster = Cluster::start(options);
        cluster.write_file("corp.jwks", jwks(&[keys::corp()]).to_string());
        cluster.sql(ROLES).expect("roles");
        cluster.sql("CREATE DATABASE closed").expect("a database");
        cluster.sql("REVOKE CONNECT ON DATABASE closed FROM PUBLIC").expect("a right less");
        Self { cluster }
    }

    /// The token as a file, which whoever runs the tool reads.
    fn token_file(&self, token: &str) -> PathBuf {
        let path = self.cluster.socket_dir().join("token");
        fs::write(&path, token).expect("a file");
        path
    }

    /// Exit code, standard output and standard error. No piece of the token is in them, nor in the log.
    #[track_caller]
    fn run(&self, role: &str, database: &str, token: &str, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(tool_path());
        command.env_clear().arg("probe").arg("--host").arg(self.cluster.socket_dir());
        command.args(["--user", role, "--dbname", database]);
        command.arg("--token-file").arg(self.token_file(token)).args(args);
        let output = printed(&command.output().expect("the tool starts"));
        let said = format!("{}{}{}", output.1, output.2, self.cluster.log());
        assert!(!token.split('.').any(|part| part.len() > 11 && said.contains(part)), "{said}");
        output
    }

    /// The report of an outcome that is not `accepted`, and what the log says of it.
    #[track_caller]
    fn refused(&self, role: &str, database: &str, token: &TokenBuilder, outcome: &str) -> (Value, String) {
        let mark = self.cluster.log_mark();
        let (code, stdout, stderr) = self.run(role, database, &token.clone().sign(keys::corp()), &["--json"]);
        assert_eq!((code, stderr.as_str()), (1, ""), "{stdout}");
        let report: Value = serde_json::from_str(&stdout).expect("JSON");
        assert_eq!(report["outcome"], outcome, "{stdout}");
        (report, self.cluster.wait_for_log(mark, "FATAL:"))
    }

    /// Runs the printed command as a shell does, and returns the code of its decision.
    #[track_caller]
    fn explained(&self, report: &Value) -> Value {
        let command = report["explain"].as_str().expect("a command");
        let script = format!(
            "oauth-validator() {{ '{}' \"$@\" --config '{}' --server-user {} --json; }}; {command}",
            tool_path().display(),
            self.cluster.config_path().display(),
            self.cluster.server_user().0,
        );
        let output = Command::new("bash").args(["-c", &script]).output().expect("a shell");
        let (_, stdout, stderr) = printed(&output);
        let explanation: Value = serde_json::from_str(&stdout).unwrap_or_else(|why| panic!("{why}: {stdout}{stderr}"));
        explanation["reason"].clone()
    }
}

fn printed(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code().expect("it exits by itself"), text(&output.stdout), text(&output.stderr))
}

fn server() -> ProbedServer {
    ProbedServer::start(Some(module_path()), "")
}

#[test]
fn a_token_that_is_accepted_says_who_it_is() {
    let server = server();
    let mark = server.cluster.log_mark();
    let good = token().sign(keys::corp());
    let (code, stdout, stderr) = server.run("alice", "postgres", &good, &["--json"]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    let report: Value = serde_json::from_str(&stdout).expect("JSON");
    let who = json!({ "system_user": "oauth:alice", "session_user": "alice", "current_user": "alice" });
    assert_eq!((&report["outcome"], &report["session"]), (&json!("accepted"), &who));
    let log = server.cluster.wait_for_log(mark, "connection authorized");
    let pid = report["backend_pid"].as_u64().expect("a process");
    assert!(log.contains(&format!("[{pid}]")) && log.contains("application_name=oauth-validator"), "{log}");
    let (code, stdout, _) = server.run("alice", "postgres", &good, &[]);
    assert_eq!(code, 0);
    assert!(
        stdout.contains("  system_user   oauth:alice\n") && stdout.contains("  server        PostgreSQL 1"),
        "{stdout}"
    );
}

#[test]
fn a_token_that_is_denied_leads_to_its_reason() {
    let server = server();
    for (token, code) in [
        (token().audience("x"), "audience_mismatch"),
        (token().claim("exp", 1_700_000_000).claim("iat", 1_699_999_000), "expired"),
        (token().without("scope"), "scope_missing"),
    ] {
        let (report, log) = server.refused("alice", "postgres", &token, "token_refused");
        assert!(log.contains(&format!("oauth_validator: denied: {code}")), "{log}");
        assert_eq!(server.explained(&report), code);
        assert_eq!(report["challenge"]["scope"], "db.connect");
        assert_eq!(
            report["challenge"]["openid_configuration"],
            "https://issuer.example/.well-known/openid-configuration"
        );
    }
}

/// The client is told the same; the log says that the token is good.
#[test]
fn an_identity_that_is_another_role_leads_to_the_map() {
    let server = server();
    for (role, words) in [("mapped", "no match in usermap \"corp\""), ("barred", "do not match")] {
        let (report, log) = server.refused(role, "postgres", &token(), "token_refused");
        assert!(log.contains(words) && !log.contains("oauth_validator: denied"), "{log}");
        assert_eq!(server.explained(&report), Value::Null, "explain grants it");
        let (_, stdout, _) = server.run(role, "postgres", &token().sign(keys::corp()), &[]);
        let word = words.trim_end_matches(" \"corp\"");
        assert!(stdout.contains(word), "no {word:?} in {stdout}");
    }
}

#[test]
fn lines_for_another_method_are_told_from_lines_that_refuse() {
    let server = server();
    for (role, method) in [("scram", "scram-sha-256"), ("md5", "scram-sha-256"), ("pam", "a password in clear")] {
        let (code, stdout, _) = server.run(role, "postgres", &token().sign(keys::corp()), &["--json"]);
        let report: Value = serde_json::from_str(&stdout).expect("JSON");
        assert_eq!((code, &report["outcome"]), (1, &json!("other_method")), "{role}: {stdout}");
        let asked = report["method"].as_str().expect("a method");
        assert!(asked.starts_with(method) || role == "md5" && asked == "md5", "{role}: {asked}");
    }
    for (role, words) in [("shut", "pg_hba.conf rejects connection"), ("stranger", "no pg_hba.conf entry")] {
        let (report, _) = server.refused(role, "postgres", &token(), "not_admitted");
        assert!(report["error"]["message"].as_str().is_some_and(|message| message.contains(words)), "{report}");
    }
    let (code, stdout, _) = server.run("postgres", "postgres", &token().sign(keys::corp()), &["--json"]);
    let report: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!((code, &report["outcome"]), (1, &json!("not_asked")), "{stdout}");
    assert_eq!(
        (&report["session"]["system_user"], &report["session"]["session_user"]),
        (&Value::Null, &json!("postgres"))
    );
}

#[test]
fn sessions_are_refused_to_those_who_are_known() {
    let server = server();
    for (role, database, code, help) in [
        ("alice", "nowhere", "3D000", "--dbname"),
        ("alice", "closed", "42501", "GRANT CONNECT"),
        ("ghost", "postgres", "28000", "CREATE ROLE"),
        ("locked", "postgres", "28000", "CREATE ROLE"),
        ("full", "postgres", "53300", "raise the limit"),
    ] {
        let token = token().subject(role);
        let (report, _) = server.refused(role, database, &token, "session_refused");
        assert_eq!(report["error"]["sqlstate"], code, "{report}");
        let (_, stdout, _) = server.run(role, database, &token.sign(keys::corp()), &[]);
        assert!(stdout.contains(help), "no {help:?} in {stdout}");
    }
}

#[test]
fn a_server_without_the_module_cannot_judge() {
    let server = ProbedServer::start(None, "");
    let (report, log) = server.refused("alice", "postgres", &token(), "not_judged");
    assert_eq!(report["challenge"], Value::Null);
    assert!(log.contains("could not access file \"oauth_validator\""), "{log}");
}

/// A server reads no longer SASL message than 65,535 bytes, its length included (`CheckSASLAuth` in auth-sasl.c); all but
/// 65,497 of them stand around the token.
#[test]
fn a_token_beyond_the_servers_limit_is_not_judged() {
    let server = server();
    for (length, outcome) in [(65_497, "token_refused"), (65_498, "not_judged"), (66_500, "not_judged")] {
        let mark = server.cluster.log_mark();
        let (code, stdout, stderr) = server.run("alice", "postgres", &"a".repeat(length), &["--json"]);
        assert_eq!((code, stderr.as_str()), (1, ""), "{stdout}");
        let report: Value = serde_json::from_str(&stdout).expect("JSON");
        assert_eq!((&report["outcome"], &report["error"]["sqlstate"]), (&json!(outcome), &json!("28000")), "{length}");
        let log = server.cluster.wait_for_log(mark, "FATAL:");
        assert_eq!(log.contains("oauth_validator: denied: token_malformed"), outcome == "token_refused", "{log}");
    }
    let (_, stdout, _) = server.run("alice", "postgres", &"a".repeat(66_500), &[]);
    assert!(stdout.contains("under 64 kB"), "{stdout}");
}

#[test]
fn a_server_that_is_full_or_down_could_not_be_asked() {
    let conf =
        "max_connections = 4\nsuperuser_reserved_connections = 0\nautovacuum_worker_slots = 1\nmax_wal_senders = 0\n";
    let mut server = ProbedServer::start(Some(module_path()), conf);
    let good = token().sign(keys::corp());
    // Whoever has just left keeps his place until his process is gone.
    let place = || match server.cluster.login(&Login::new("postgres", "postgres")).outcome {
        LoginOutcome::Refused(error) if error.sqlstate == "53300" => None,
        LoginOutcome::Accepted(session) => Some(session),
        other => panic!("{other:?}"),
    };
    let sessions = [(); 4].map(|()| eventually("a place for a session", SOON, place));
    let (code, stdout, stderr) = server.run("alice", "postgres", &good, &[]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("takes no login now: FATAL 53300") && stderr.contains("max_connections"), "{stderr}");
    drop(sessions);
    server.cluster.stop();
    let (code, stdout, stderr) = server.run("alice", "postgres", &good, &[]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("cannot connect to") && stderr.contains("is the server up?"), "{stderr}");
}
