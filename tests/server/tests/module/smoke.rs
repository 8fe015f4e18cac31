//! The module at its simplest: it loads, it lets in and refuses, and no fault of its own costs more than one login.

use crate::support::{TALKATIVE, alice, lets_alice_in, refused, start, token};
use oauth_validator_fixtures::keys;
use oauth_validator_server_tests::{ClientSession, Cluster, Login, faulty_module_path, module_path};

/// Somebody who is logged in already, whom no fault of another login may touch.
fn neighbour(cluster: &Cluster) -> ClientSession {
    cluster.login(&Login::new("postgres", "postgres")).accepted()
}

fn is_unharmed(mut neighbour: ClientSession, fault: &str) {
    let rows = neighbour.query("SELECT 1").unwrap_or_else(|error| panic!("{fault}: {error}"));
    assert_eq!(rows, [[Some("1".to_owned())]], "{fault}");
}

#[test]
fn lets_in_whom_the_token_names_and_nobody_else() {
    let cluster = start(module_path(), "", None);
    let good = token().sign(keys::corp());
    let mut session = cluster.login(&alice(&good)).accepted();
    assert_eq!(session.system_user().expect("a query").as_deref(), Some("oauth:alice"));

    let mark = cluster.log_mark();
    cluster.discovery("alice", "postgres");
    let log = refused(&cluster, &alice("rubbish"), "token_malformed");
    assert!(!log.contains("rubbish") && log.contains("HINT:"), "{log}");
    let said = cluster.log_since(mark).matches("oauth_validator: ").count();
    assert_eq!(said, 1, "a round trip without token is nothing to report, and PostgreSQL 19 does not do it either");
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
            let cluster = start(faulty_module_path(), &conf, None);
            let (before, neighbour) = (cluster.incarnation(), neighbour(&cluster));
            let log = refused(&cluster, &alice(&token().sign(keys::corp())), "internal");
            assert!(log.contains(detail), "{fault}: {log}");
            is_unharmed(neighbour, fault);
            assert_eq!(cluster.incarnation(), before, "{fault}");
            assert!(!cluster.log().contains("PANIC-PAYLOAD-SENTINEL"), "{fault}");

            cluster.append_conf("oauth_validator.test_fault = ''");
            cluster.reload();
            lets_alice_in(&cluster);
        }
    }
}

#[test]
fn memory_that_runs_out_ends_one_login() {
    for fault in ["memory", "memory_small", "memory_zeroed", "memory_grown", "startup_memory"] {
        let conf = format!("{TALKATIVE}oauth_validator.test_fault = '{fault}'");
        let cluster = start(faulty_module_path(), &conf, Some(700 << 20));
        let (before, neighbour) = (cluster.incarnation(), neighbour(&cluster));
        let attempt = cluster.login(&alice(&token().sign(keys::corp())));
        let error = attempt.refused();
        assert_eq!((error.severity.as_str(), error.sqlstate.as_str()), ("FATAL", "53200"), "{fault}: {error}");
        is_unharmed(neighbour, fault);
        assert_eq!(cluster.incarnation(), before, "{fault}");

        cluster.append_conf("oauth_validator.test_fault = ''");
        cluster.reload();
        lets_alice_in(&cluster);
    }
}
