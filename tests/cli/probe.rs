//! `oauth-validator probe` at servers that say what the test has them say: outcomes, and what is printed of them.
//!
//! Each run is searched for the token. `probe/transport` has what a connection must be first, `probe/hostile` servers
//! that are none. What a real server does is in `tests/server`.

mod discovery;
mod hostile;
mod server;
pub mod transport;

use crate::support::{Run, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use oauth_validator_fixtures::TokenBuilder;
use oauth_validator_fixtures::keys;
use serde_json::{Value, json};
use server::{AcceptedClient, ScriptedServer, asks, authentication, fatal, lets_in, refuses, session};

const CHALLENGE: &str = r#"{"status":"invalid_token","openid-configuration":"https://idp.example/.well-known/openid-configuration","scope":"openid db.connect"}"#;

/// A token, of which no piece may be printed.
fn token() -> String {
    TokenBuilder::from_sample("okta_custom_as").sign(keys::corp())
}

/// The command in an empty environment, with the token on standard input.
fn command(args: &[&str]) -> Command {
    let mut command = Command::new(cargo_bin!("oauth-validator"));
    command.env_clear().args(["probe", "--user", "ana"]).args(args).write_stdin(token());
    command
}

/// Runs it, and searches what it prints.
#[track_caller]
fn probe(command: &mut Command) -> Run {
    let run = run(command);
    for part in token().split('.') {
        assert!(!run.stdout.contains(part) && !run.stderr.contains(part), "{}{}", run.stdout, run.stderr);
    }
    run
}

/// Probes a server on the loopback without TLS.
#[track_caller]
fn probe_plain(server: &ScriptedServer, args: &[&str]) -> Run {
    let port = server.port.to_string();
    probe(command(&["--host", "127.0.0.1", "--sslmode", "disable", "--port", &port]).args(args))
}

#[track_caller]
fn holds_token(told: &[u8]) -> bool {
    String::from_utf8_lossy(told).contains(&token())
}

#[test]
fn a_token_that_is_accepted_opens_a_session() {
    let server = ScriptedServer::tcp(lets_in);
    let port = server.port;
    let run = probe_plain(&server, &["--dbname", "app"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    for line in [
        "accepted: the token opens a session\n\n",
        "  system_user   oauth:ana@corp.example\n  session_user  ana\n  current_user  ana\n  database      app\n",
        &format!("  connection    127.0.0.1:{port}, no TLS\n"),
        "  server        PostgreSQL 18.6 (Debian)\n  process       4242\n",
    ] {
        assert!(run.stdout.contains(line), "no {line:?} in {}", run.stdout);
    }
    let told = String::from_utf8_lossy(&server.told()).into_owned();
    assert!(told.contains("user\0ana\0database\0app\0") && !told.contains("password"), "{told:?}");
    assert_eq!(told.matches(&format!("n,,\u{1}auth=Bearer {}\u{1}\u{1}", token())).count(), 1);
}

#[test]
fn a_program_reads_the_same() {
    let server = ScriptedServer::tcp(lets_in);
    let report = probe_plain(&server, &["--json"]).json();
    assert_eq!(report["outcome"], "accepted");
    let who = json!({ "system_user": "oauth:ana@corp.example", "session_user": "ana", "current_user": "ana" });
    assert_eq!(report["session"], who);
    assert_eq!((&report["backend_pid"], &report["server_version"]), (&json!(4242), &json!("18.6 (Debian)")));
    assert_eq!((&report["database"], &report["tls"], &report["explain"]), (&json!("ana"), &Value::Null, &Value::Null));
    assert!(report["client"].as_str().is_some_and(|client| client.starts_with("127.0.0.1:")), "{report}");
}

#[test]
fn a_refusal_says_where_its_reason_is() {
    let server = ScriptedServer::tcp(refuses(CHALLENGE));
    let run = probe_plain(&server, &["--dbname", "app"]);
    assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{}", run.stdout);
    for line in [
        "token refused: the token opens no session for this role\n",
        "  role          ana\n",
        "  issuer        https://idp.example\n  scope         openid db.connect\n",
        "  server says   FATAL 28000: OAuth bearer authentication failed for user \"ana\"\n",
        "  oauth_validator: denied: CODE   what is wrong",
        "add --pgdata DIR, its data directory,\nto have its own settings, keys and maps looked at:\n",
        "  oauth-validator explain --role ana --database app \\\n    --hba-issuer https://idp.example --hba-scope 'openid db.connect'\n",
    ] {
        assert!(run.stdout.contains(line), "no {line:?} in {}", run.stdout);
    }
    assert!(run.stdout.lines().all(|line| line.len() <= 80), "{}", run.stdout);

    let server = ScriptedServer::tcp(refuses(CHALLENGE));
    let report = probe_plain(&server, &["--json"]).json();
    assert_eq!((&report["outcome"], &report["error"]["sqlstate"]), (&json!("token_refused"), &json!("28000")));
    assert_eq!(report["challenge"]["scope"], "openid db.connect");
    assert_eq!(
        report["explain"],
        "oauth-validator explain --role ana --database ana --hba-issuer https://idp.example --hba-scope 'openid db.connect'"
    );
}

/// A server that lets go on as far as `script` goes; each message of the client is followed by one of it.
fn saying(script: Vec<Vec<u8>>) -> impl FnOnce(&mut AcceptedClient<'_>) + Send + 'static {
    move |client| {
        client.startup();
        let mut first = true;
        for bytes in script {
            if !std::mem::take(&mut first) {
                client.message();
            }
            client.say(bytes);
        }
        client.hang();
    }
}

#[test]
fn everything_else_is_told_apart() {
    let scram = authentication(10, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
    for (script, outcome, words, sent) in [
        (vec![scram], "other_method", "  asked for     scram-sha-256\n", false),
        (vec![authentication(5, "salt")], "other_method", "  asked for     md5\n", false),
        (vec![authentication(3, "")], "other_method", "a password in clear (password, ldap", false),
        (vec![fatal("28000", "no entry")], "not_admitted", "  server says   FATAL 28000: no entry\n", false),
        (vec![session("peer:root")], "not_asked", "  system_user   peer:root\n", false),
        (vec![asks(), fatal("58P01", "no library")], "not_judged", "oauth_validator_libraries", true),
        (vec![asks(), [authentication(0, ""), fatal("3D000", "no d")].concat()], "session_refused", "--dbname", true),
        (
            vec![asks(), [authentication(0, ""), fatal("28000", "no r")].concat()],
            "session_refused",
            "CREATE ROLE",
            true,
        ),
        (
            vec![asks(), [authentication(0, ""), fatal("42501", "no")].concat()],
            "session_refused",
            "GRANT CONNECT",
            true,
        ),
    ] {
        let server = ScriptedServer::tcp(saying(script.clone()));
        let run = probe_plain(&server, &[]);
        assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{outcome}: {}", run.stdout);
        assert!(run.stdout.contains(words), "no {words:?} in {}", run.stdout);
        assert_eq!(holds_token(&server.told()), sent, "{outcome}");
        let server = ScriptedServer::tcp(saying(script));
        let run = probe_plain(&server, &["--json"]);
        assert_eq!((run.code, run.json()["outcome"].as_str()), (1, Some(outcome)), "{}", run.stdout);
    }
}

#[test]
fn a_server_that_takes_nobody_could_not_be_asked() {
    for (code, text, hint) in [
        ("53300", "sorry, too many clients already", "max_connections"),
        ("57P03", "the database system is starting up", "try again"),
        ("0A000", "unsupported frontend protocol", "server's log"),
    ] {
        let server = ScriptedServer::tcp(saying(vec![fatal(code, text)]));
        probe_plain(&server, &[]).assert_failed(&["takes no login now", code, text, hint]);
        assert!(!holds_token(&server.told()));
    }
}

#[test]
fn a_unix_socket_is_a_folder_or_an_abstract_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_str().expect("UTF-8");
    let server = ScriptedServer::unix(&format!("{path}/.s.PGSQL.5433"), lets_in);
    let run = probe(&mut command(&["--host", path, "--port", "5433"]));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains(&format!("  connection    Unix socket {path}/.s.PGSQL.5433\n")), "{}", run.stdout);
    assert!(holds_token(&server.told()));

    let name = format!("@oauth-validator-test-{}", std::process::id());
    let server = ScriptedServer::unix(&format!("{name}/.s.PGSQL.5432"), lets_in);
    let run = probe(command(&["--json"]).env("PGHOST", &name));
    assert_eq!((run.code, run.json()["server"].as_str()), (0, Some(format!("{name}/.s.PGSQL.5432").as_str())));
    assert!(holds_token(&server.told()));
}

#[test]
fn a_token_comes_from_a_file_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("the token.txt");
    std::fs::write(&file, format!("Bearer {}\n", token())).expect("a file");
    let server = ScriptedServer::tcp(refuses(CHALLENGE));
    let run = probe_plain(&server, &["--token-file", file.to_str().expect("UTF-8")]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    assert!(run.stdout.contains(&format!("--token-file '{}'", file.display())), "{}", run.stdout);
    assert!(holds_token(&server.told()));
}

#[test]
fn what_is_no_token_is_sent_to_nobody() {
    for text in ["", "\n", "{\"access_token\": \"a.b.c\"}", "a.b.c d", "a\u{1}host=x", "a.b.c\n\n"] {
        let run = run(command(&["--host", "/nowhere"]).write_stdin(text));
        run.assert_failed(&["this is no token", "not the provider's whole answer"]);
        assert!(!run.stderr.contains("access_token"), "{}", run.stderr);
    }
    probe(&mut command(&["--token-file", "/nowhere/t"])).assert_failed(&["cannot read the token from \"/nowhere/t\""]);
}

#[test]
fn options_are_checked_before_anything_else() {
    for (args, words) in [
        (&["--sslmode", "prefer"][..], &["'--sslmode <MODE>'", "in clear to whoever refuses TLS"][..]),
        (&["--sslmode", "on"], &["verify-full, verify-ca, require or disable"]),
        (&["--port", "0"], &["from 1 to 65535"]),
        (&["--timeout", "0s"], &["1s to 5min"]),
        (&["--token", "a.b.c"], &["unexpected argument '--token'"]),
        (&["--host", "a,b"], &["several hosts"]),
        (&["--host", "h", "--sslmode", "verify-ca"], &["says nothing", "--sslrootcert"]),
        (&["--host", "h", "--sslrootcert", "/nowhere/ca.pem"], &["cannot read \"/nowhere/ca.pem\"", "--sslrootcert"]),
    ] {
        probe(&mut command(args)).assert_failed(words);
    }
    probe(command(&["--host", "h"]).env("PGSSLMODE", "prefer")).assert_failed(&["PGSSLMODE in the environment"]);
}
