//! The module inside a server: it loads, it lets in and refuses, and no fault of its own costs more than one login.

use oauth_validator_fixtures::{Token, jwks, keys};
use oauth_validator_server_tests::{Cluster, ClusterOptions, Login, module_path};
use serde_json::json;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

const HBA: &str = r#"local all all oauth issuer="https://issuer.example" scope="db.connect""#;
const CONFIG: &str = r#"
[profiles.corp]
issuer = "https://issuer.example"
audience = ["api://db"]
[profiles.corp.keys]
jwks_file = "corp.jwks"
"#;
/// Everything the server can say, with the places it says it at.
const TALKATIVE: &str = "log_min_messages = debug5\nlog_error_verbosity = verbose\n";

fn start(module: PathBuf, conf: &str, ulimit_as: Option<u64>) -> Cluster {
    let options = ClusterOptions {
        module: Some(module),
        config: Some(CONFIG.into()),
        hba: HBA.into(),
        conf: conf.into(),
        ulimit_as,
        ..ClusterOptions::default()
    };
    let cluster = Cluster::start(options);
    cluster.write_file("corp.jwks", jwks(&[keys::corp()]).to_string());
    cluster.sql("CREATE ROLE alice LOGIN").expect("a role");
    cluster
}

/// The same library, built with the feature `test-faults`.
fn faulty_module() -> PathBuf {
    let path = module_path().with_file_name("liboauth_validator_faults.so");
    assert!(path.is_file(), "there is no module at {}: run `make module`", path.display());
    path
}

fn token() -> Token {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock past 1970");
    let now = i64::try_from(since.as_secs()).expect("a small number");
    let claims = json!({"iss": "https://issuer.example", "sub": "alice", "aud": "api://db", "scope": "db.connect"});
    Token::new(json!({"typ": "at+jwt"}), claims).claim("iat", now).claim("exp", now + 300)
}

/// Tries `token`, which must be refused; returns what the log says of it. The client must learn nothing.
#[track_caller]
fn refused(cluster: &Cluster, login: &Login<'_>, code: &str) -> String {
    let mark = cluster.log_mark();
    let attempt = cluster.login(login);
    let error = attempt.refused();
    assert_eq!((error.sqlstate.as_str(), &error.detail, &error.hint), ("28000", &None, &None), "{error}");
    assert!(!attempt.received.windows(15).any(|bytes| bytes == b"oauth_validator"), "{attempt:?}");
    let log = cluster.wait_for_log(mark, "FATAL:");
    assert_eq!(log.matches("oauth_validator: denied: ").count(), 1, "{log}");
    assert!(log.contains(&format!("oauth_validator: denied: {code}")), "{log}");
    log
}

fn alice<'a>(token: &str) -> Login<'a> {
    Login::new("alice", "postgres").token(token)
}

#[test]
fn lets_in_whom_the_token_names_and_nobody_else() {
    let cluster = start(module_path(), "", None);
    let good = token().sign(keys::corp());
    let mut session = cluster.login(&alice(&good)).accepted();
    assert_eq!(session.system_user().expect("a query").as_deref(), Some("oauth:alice"));

    let mark = cluster.log_mark();
    cluster.discovery("alice", "postgres");
    let log = cluster.wait_for_log(mark, "FATAL:");
    assert!(!log.contains("oauth_validator: "), "a round trip without token is nothing to report: {log}");

    let log = refused(&cluster, &alice("rubbish"), "token_malformed");
    assert!(!log.contains("rubbish") && log.contains("HINT:"), "{log}");
    let log =
        refused(&cluster, &alice(&token().audience("x").sign(keys::corp())), "audience_mismatch (profile \"corp\")");
    assert!(log.contains("oauth-validator.toml:4"), "{log}");
    refused(&cluster, &alice(&token().sign(&keys::partner().with_kid(keys::corp().kid()))), "signature_invalid");

    // No client chooses the file; and for the server, each kind of unusable file is a denial with its reason.
    let other = alice(&good).parameter("options", "-c oauth_validator.config_file=/tmp/other.toml");
    assert_eq!(cluster.login(&other).refused().sqlstate, "55P02");
    for (setting, code, detail) in [
        ("", "config_unreadable", "which is not an absolute path"),
        (r"relative\nLOG:  forged", "config_unreadable", "relative\u{fffd}LOG:  forged"),
        ("/nowhere/a.toml", "config_unreadable", "/nowhere"),
    ] {
        cluster.append_conf(&format!("oauth_validator.config_file = '{setting}'"));
        cluster.reload();
        let log = refused(&cluster, &alice(&good), code);
        assert!(log.contains(detail), "{log}");
    }
}

#[test]
fn traces_logins_at_debug1_without_the_token() {
    let cluster = start(module_path(), "log_min_messages = debug5\nshared_preload_libraries = 'oauth_validator'", None);
    let good = token().sign(keys::corp());
    let mark = cluster.log_mark();
    cluster.login(&alice(&good)).accepted();
    let log = cluster.wait_for_log(mark, "oauth_validator: identity: ok");
    assert!(log.contains("DEBUG:  oauth_validator: signature: ok"), "{log}");
    assert!(good.split('.').all(|part| !log.contains(part)), "{log}");
}

#[test]
fn a_panic_or_an_error_denies_one_login_and_says_nothing_but_where() {
    for (fault, detail) in [
        ("panic", "A panic at src/module/src/faults.rs:"),
        ("error", "An error (ERRCODE_INTERNAL_ERROR) at mcxt.c:"),
        ("startup_panic", "A panic at src/module/src/faults.rs:"),
        ("startup_error", "An error (ERRCODE_INTERNAL_ERROR) at mcxt.c:"),
    ] {
        for preload in ["", "shared_preload_libraries = 'oauth_validator'\n"] {
            let conf = format!("{TALKATIVE}{preload}oauth_validator.test_fault = '{fault}'");
            let cluster = start(faulty_module(), &conf, None);
            let before = cluster.incarnation();
            let log = refused(&cluster, &alice(&token().sign(keys::corp())), "internal");
            assert!(log.contains(detail), "{fault}: {log}");
            assert_eq!(cluster.incarnation(), before, "{fault}");
            assert!(!cluster.log().contains("PANIC-PAYLOAD-SENTINEL"), "{fault}");

            cluster.append_conf("oauth_validator.test_fault = ''");
            cluster.reload();
            cluster.login(&alice(&token().sign(keys::corp()))).accepted();
        }
    }
}

#[test]
fn memory_that_runs_out_ends_one_login() {
    for fault in ["memory", "memory_small", "memory_zeroed", "memory_grown", "startup_memory"] {
        let conf = format!("{TALKATIVE}oauth_validator.test_fault = '{fault}'");
        let cluster = start(faulty_module(), &conf, Some(700 << 20));
        let before = cluster.incarnation();
        let attempt = cluster.login(&alice(&token().sign(keys::corp())));
        let error = attempt.refused();
        assert_eq!((error.severity.as_str(), error.sqlstate.as_str()), ("FATAL", "53200"), "{fault}: {error}");
        assert_eq!(cluster.incarnation(), before, "{fault}");
    }
}
