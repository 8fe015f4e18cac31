//! The first login asks the provider, and no other does: how the keys come into their file, and what they are used for
//! from then on.

use crate::support::{JWKS, LONG, METADATA, Scene, denials, mode};
use oauth_validator_fixtures::{keys, secret};
use oauth_validator_mock_provider::{ALL, Fault};
use oauth_validator_server_tests::{ClientSession, ClusterOptions, tool_path};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Barrier;
use std::thread;

#[test]
fn the_first_login_asks_and_the_next_ones_do_not() {
    let mut place = Scene::start(LONG);
    assert!(!place.folder().exists(), "nothing is made before it is needed");
    place.lets_in(keys::corp());
    assert_eq!(place.party.requests(), (1, 1));
    let mark = place.cluster.log_mark();
    for key in [keys::corp(), keys::p256()] {
        for _ in 0..5 {
            place.lets_in(key);
        }
    }
    assert_eq!(place.party.provider.connection_count(), 2, "one for the metadata, one for the keys");
    assert_only_the_servers_own_lines(&place.cluster.log_since(mark), 10);
    assert!(!place.cluster.log().contains("oauth_validator: "), "nor had the first login anything to say");

    // A server without a memory and without a provider.
    place.party.provider.stop();
    place.cluster.restart();
    place.lets_in(keys::corp());
    place.lets_in(keys::p256());
    assert_eq!(place.party.requests(), (1, 1));
}

/// Of each login: received, authenticated, authorized. Nothing of the validator's.
#[track_caller]
fn assert_only_the_servers_own_lines(log: &str, logins: usize) {
    for line in ["connection received: ", "connection authenticated: ", "connection authorized: "] {
        assert_eq!(log.matches(line).count(), logins, "{log}");
    }
    let of_clients = log.lines().filter(|line| line.contains("client backend: ") || line.contains("not initialized: "));
    assert_eq!(of_clients.count(), 3 * logins, "{log}");
}

#[test]
fn the_key_file_is_the_servers_own_and_readable_by_a_person() {
    let place = Scene::start(LONG);
    place.party.provider.set_header(JWKS, "ETag", "\"first\"");
    place.lets_in(keys::corp());
    let (owner, _) = place.cluster.server_user();
    let names = |path| {
        let entries = fs::read_dir(path).expect("a folder").flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        // What was made of the configuration is beside them, once that has been as it is for two seconds.
        let mut names: Vec<String> = names.filter(|name| !name.starts_with("configuration.")).collect();
        names.sort();
        names
    };
    assert_eq!(names(place.folder()), ["corp.json", "corp.lock"]);
    for (path, expected) in
        [(place.folder(), 0o700), (place.key_file(), 0o600), (place.key_file().with_extension("lock"), 0o600)]
    {
        assert_eq!((mode(&path), fs::metadata(&path).expect("a file").uid()), (expected, owner), "{path:?}");
    }

    let text = fs::read_to_string(place.key_file()).expect("UTF-8");
    let record: Value = serde_json::from_str(&text).expect("JSON");
    assert!(text.lines().count() > 10 && text.ends_with("}\n"), "in lines: {text}");
    assert_eq!((&record["version"], &record["profile"], &record["failing"]), (&1.into(), &"corp".into(), &Value::Null));
    let success = &record["last_success"];
    assert_eq!(success["source"], format!("{}{JWKS}", place.party.provider.base_url()));
    assert_eq!(success["etag"], "\"first\"");
    let is_instant =
        |name: &str| success[name].as_str().is_some_and(|time| time.starts_with("20") && time.ends_with('Z'));
    assert!(is_instant("fetched_at") && is_instant("fresh_until"), "{text}");
    let kids: Vec<&Value> = success["jwks"]["keys"].as_array().expect("keys").iter().map(|key| &key["kid"]).collect();
    assert_eq!(kids, ["corp-rsa", "p256"]);
}

/// Each waits for the one that asks.
#[test]
fn two_hundred_first_logins_are_one_fetch() {
    const LOGINS: usize = 200;
    let conf = format!("max_connections = {}\n", LOGINS + 20);
    let place = Scene::with(LONG, ClusterOptions { conf, ..ClusterOptions::default() });
    // The helper that is shipped, after it was counted.
    let real = place.cluster.write_file("real-helper", fs::read(tool_path()).expect("a tool"));
    crate::support::set_mode(&real, 0o755);
    let runs = place.cluster.write_file("runs", "");
    let (real, counted) = (real.display(), runs.display());
    place.cluster.write_helper(format!("#!/bin/sh\necho run >> {counted}\nexec {real} \"$@\"\n"));

    let tokens: Vec<String> = (0..LOGINS)
        .map(|number| {
            let key = if number % 2 == 0 { keys::corp() } else { keys::p256() };
            place.party.token(key)
        })
        .collect();
    let start = Barrier::new(LOGINS);
    let sessions: Vec<ClientSession> = thread::scope(|scope| {
        let login = |token| {
            let (start, place) = (&start, &place);
            move || {
                start.wait();
                place.cluster.login(&place.party.login(token)).accepted()
            }
        };
        let threads: Vec<_> = tokens.iter().map(|token| scope.spawn(login(token))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a session")).collect()
    });
    assert_eq!(sessions.len(), LOGINS);
    assert_eq!(place.party.requests(), (1, 1));
    assert_eq!(place.party.provider.connection_count(), 2);
    assert_eq!(fs::read_to_string(runs).expect("a count"), "run\n");
    assert!(!place.cluster.log().contains("oauth_validator: "), "{}", place.cluster.log());
    drop(sessions);
    place.lets_in(keys::corp());
    assert_eq!((place.party.provider.request_count(METADATA), place.party.provider.connection_count()), (1, 2));
}

/// A stranger cannot make the server ask anybody by what is refused before it comes to a key.
#[test]
fn tokens_that_need_no_key_ask_nobody() {
    let place = Scene::start(LONG);
    let good = place.party.unsigned();
    let key = keys::corp();
    let other_issuer = good.clone().issuer("https://evil.example").sign(key);
    for (token, code) in [
        (other_issuer, "issuer_mismatch"),
        (good.clone().header("alg", "none").unsigned(), "token_malformed"),
        (good.clone().sign_hmac(b"secret"), "algorithm"),
        (good.clone().header("crit", json!(["exp"])).sign(key), "token_malformed"),
        (good.clone().header("typ", "JWT").without_header("kid").header("b64", false).sign(key), "token_malformed"),
        ("rubbish".to_owned(), "token_malformed"),
        ("a.b.c".to_owned(), "token_malformed"),
    ] {
        let mark = place.cluster.log_mark();
        place.cluster.login(&place.party.login(&token)).refused();
        let denial = denials(&place.cluster.wait_for_log(mark, "FATAL:")).pop().expect("a denial");
        assert_eq!(denial.code, code, "{denial:?}");
    }
    assert_eq!(place.party.provider.connection_count(), 0);
    assert!(!place.folder().exists());
    place.lets_in(key);
}

/// [`Scene`] searches the log when it ends.
#[test]
fn nothing_of_a_token_is_logged_however_talkative_the_server_is() {
    let conf = "log_min_messages = debug5\nlog_error_verbosity = verbose\n".to_owned();
    let mut place = Scene::with(LONG, ClusterOptions { conf, ..ClusterOptions::default() });
    let unknown = keys::p256().with_kid(&secret());
    place.lets_in(keys::corp());
    place.refuses(&unknown, "key_unknown");
    for fault in [Fault::Status(503), Fault::Body(b"{}".to_vec()), Fault::Refuse] {
        place.take_new_profile(LONG);
        place.party.provider.set_fault(ALL, fault);
        place.refuses(keys::corp(), "keys_unavailable");
        place.party.provider.clear_faults();
        place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
    }
    place.cluster.write_helper("#!/bin/sh\nexec cat\n");
    place.take_new_profile(LONG);
    place.refuses(keys::corp(), "keys_unavailable");
    assert!(place.cluster.log().contains("DEBUG:  00000: oauth_validator: "), "the trace is there as well");
}
