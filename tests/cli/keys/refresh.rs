//! `keys refresh`: what it writes, as whom, and that the server reads it.

use super::{DataDirectory, SERVER, contents, give, needs_root, profile, provider};
use crate::network::{METADATA, connecting_proxy, proxy_variables, with_keys, with_keys_elsewhere};
use crate::support::{CONFIG, corp, run, seen};
use assert_cmd::cargo::cargo_bin;
use oauth_validator_core::KeySet;
use oauth_validator_core::protocol::{HelperReply, HelperRequest};
use oauth_validator_fixtures::{jwks, keys};
use oauth_validator_mock_provider::{Fault, MockProvider};
use oauth_validator_store::{ClientLeft, Environment, KeyRefresh, ServerUser};
use serde_json::json;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A login that must neither wait nor ask.
struct AtOnce;

impl Environment for AtOnce {
    fn pause(&mut self, _: Duration) -> Result<(), ClientLeft> {
        panic!("it waits")
    }

    fn still_wanted(&mut self) -> Result<(), ClientLeft> {
        panic!("it has asked")
    }

    fn fetch(&mut self, _: &HelperRequest, _: Duration) -> HelperReply {
        panic!("it asks")
    }

    fn ask(&mut self, _: &HelperRequest, _: Duration) -> Result<HelperReply, ClientLeft> {
        panic!("it asks")
    }

    fn complain(&mut self, what: &str, _: &str) {
        panic!("{what}")
    }
}

/// The keys that a login takes from the key file of profile `corp`.
fn keys_of_a_login(server: &DataDirectory) -> KeySet {
    let (source, _) = server.source();
    let (config, folder) = (server.path(CONFIG), server.folder());
    let order = KeyRefresh {
        profile: "corp",
        source: &source,
        config_path: &config,
        folder: &folder,
        create_folder: false,
        user: ServerUser { uid: server.uid },
    };
    order.usable(&mut AtOnce).expect("keys")
}

#[test]
fn what_it_writes_is_what_the_next_login_reads() {
    let provider = provider();
    provider.set_header("/jwks", "Cache-Control", "max-age=3600");
    let server = DataDirectory::of(&provider);
    let run = server.keys(&["refresh", "corp"]);
    let base = provider.base_url();
    assert_eq!(run.stderr, format!("asking {base}{METADATA}\nasking {base}/jwks\n"));
    let said = format!("corp: 2 keys from {base}/jwks, fresh until 20");
    assert!(run.code == 0 && run.stdout.starts_with(&said), "{}", run.stdout);
    let published = jwks(&[keys::corp(), keys::p256()]).to_string();
    assert_eq!(keys_of_a_login(&server), KeySet::from_jwks(published.as_bytes()).unwrap());
    let listed = server.keys(&["list"]);
    assert!(listed.code == 0 && listed.stdout.starts_with("corp: fresh until "), "{}", listed.stdout);
}

/// Nothing in the data directory may be root's: a backup of it, and the server, would fail.
#[test]
fn everything_belongs_to_the_server() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    assert_eq!(server.keys(&["refresh", "--all"]).code, 0);
    let uid = server.uid;
    let own = |name: &str, mode| (name.to_owned(), uid, mode);
    assert_eq!(contents(&server.data())[1], own("oauth_validator", 0o700));
    assert_eq!(contents(&server.folder()), [own("corp.json", 0o600), own("corp.lock", 0o600)]);
}

#[test]
fn keys_are_fetched_however_good_those_at_hand_are() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.write_record(&server.record(0));
    provider.set_keys(jwks(&[keys::partner()]));
    let report = server.keys(&["refresh", "corp", "--json"]);
    assert_eq!(report.code, 0, "{}", report.stdout);
    let refreshed = &report.json()["profiles"][0];
    assert_eq!((&refreshed["profile"], &refreshed["refreshed"]), (&json!("corp"), &json!(true)));
    assert_eq!(refreshed["keys"][0]["kid"], keys::partner().kid());
    assert_eq!(keys_of_a_login(&server).keys()[0].kid(), Some(keys::partner().kid()));
    // And once more at once: no cooldown holds a person back.
    assert_eq!(server.keys(&["refresh", "corp"]).code, 0);
    assert_eq!(provider.request_count("/jwks"), 2);
}

#[test]
fn what_has_not_changed_is_confirmed() {
    let provider = provider();
    provider.set_header("/jwks", "ETag", "\"v1\"");
    let server = DataDirectory::of(&provider);
    assert_eq!(server.keys(&["refresh", "corp"]).code, 0);
    let first = keys_of_a_login(&server);
    assert_eq!(server.keys(&["refresh", "corp"]).code, 0);
    assert_eq!(provider.requests().last().and_then(|request| request.header("If-None-Match")), Some("\"v1\""));
    assert_eq!(keys_of_a_login(&server), first);
}

#[test]
fn all_means_those_that_come_from_providers() {
    let (first, second) = (provider(), with_keys(MockProvider::start()));
    let of_second = profile(&second, "").replace("corp]", "second]");
    let of_a_file = corp("", "").replace("corp]", "third]");
    let server = DataDirectory::new(&(profile(&first, "") + &of_second + &of_a_file));
    let run = server.keys(&["refresh", "--all"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let begins: Vec<&str> = run.stdout.lines().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(begins, ["corp", "second"], "{}", run.stdout);
    assert_eq!((first.request_count("/jwks"), second.request_count("/jwks")), (1, 1));
    let twice = server.keys(&["refresh", "second", "second"]);
    assert_eq!((twice.code, second.request_count("/jwks"), first.request_count("/jwks")), (0, 2, 1));
}

#[test]
fn nothing_to_fetch_is_no_failure_for_all() {
    let run = DataDirectory::new(&corp("", "")).keys(&["refresh", "--all"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.contains("no profile has its keys from a provider"), "{}", run.stdout);
}

/// The settings that `discover` proposes are those with which it found the keys.
#[test]
fn the_profile_that_discover_proposes_finds_the_keys() {
    let (provider, elsewhere) = with_keys_elsewhere();
    let server = DataDirectory::new("");
    let mut discover = server.command(&["discover", &provider.issuer(), "--allow-host", "127.0.0.1"]);
    let found = run(discover.arg("--ca-file").arg(provider.ca_file()));
    assert_eq!(found.code, 0, "{}{}", found.stdout, found.stderr);
    server.configure(found.stdout.split_once("\n\n").expect("rows, then the rest").1);
    let fetched = server.keys(&["refresh", "--all"]);
    assert_eq!(fetched.code, 0, "{}{}", fetched.stdout, fetched.stderr);
    assert!(fetched.stdout.contains(&format!(" from {elsewhere}, fresh until ")), "{}", fetched.stdout);
}

#[test]
fn a_folder_that_the_server_was_told_to_use_may_be_anywhere() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    let folder = server.path("keys");
    fs::create_dir(&folder).expect("a folder");
    give(&folder, server.uid);
    super::set_mode(&folder, 0o700);
    let run = run(&mut server.command(&["keys", "refresh", "corp", "--config", CONFIG, "--cache-dir", "keys/"]));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(contents(&folder)[0], ("corp.json".to_owned(), server.uid, 0o600));
    assert!(!server.folder().exists());
}

#[test]
fn the_environment_has_no_say() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    let mut command = server.command(&["keys", "refresh", "corp", "--config", CONFIG, "--pgdata", "data"]);
    let run = run(command.envs(proxy_variables()));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_proxy_of_the_profile_is_used() {
    let provider = provider();
    let (url, proxy) = connecting_proxy(2);
    let server = DataDirectory::new(&profile(&provider, &format!(", proxy = \"{url}\"")));
    let run = server.keys(&["refresh", "corp"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(proxy.join().expect("the proxy ends").len(), 2);
}

#[test]
fn the_owner_needs_nobody_else() {
    if !needs_root("the_owner_needs_nobody_else") {
        return;
    }
    let provider = provider();
    let server = DataDirectory::of(&provider);
    let run = server.keys_as(SERVER, &["refresh", "corp"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    assert_eq!(contents(&server.folder()).len(), 2);
}

/// While it asks, nothing of root is left: neither a user, nor a group, nor a variable.
#[test]
fn root_is_given_up_before_anything_is_done() {
    if !needs_root("root_is_given_up_before_anything_is_done") {
        return;
    }
    let provider = provider();
    provider.set_fault(METADATA, Fault::HangAfterTls);
    let server = DataDirectory::of(&provider);
    let mut child = Command::new(cargo_bin!("oauth-validator"))
        .current_dir(server.dir.path())
        .env_clear()
        .envs([("LANG", "C.UTF-8"), ("PGPASSWORD", "sentinel-5f1c")])
        .args(["keys", "refresh", "corp", "--config", CONFIG, "--pgdata", "data"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let start = Instant::now();
    while provider.request_count(METADATA) == 0 {
        assert!(start.elapsed() < Duration::from_secs(10), "nobody asks");
        std::thread::sleep(Duration::from_millis(5));
    }
    let of = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", child.id())).expect("it runs");
    let (status, environment) = (of("status"), of("environ"));
    let line = |word: &str| -> Vec<String> {
        let line = status.lines().find_map(|line| line.strip_prefix(word)).expect("such a line");
        line.split_whitespace().map(str::to_owned).collect()
    };
    let number = SERVER.to_string();
    assert_eq!(line("Uid:"), vec![number.clone(); 4]);
    assert_eq!(line("Gid:"), vec![number; 4]);
    assert_eq!((line("Groups:"), line("CapEff:")), (vec![], vec!["0000000000000000".to_owned()]));
    assert_eq!(environment, "LANG=C.UTF-8\0");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert!(contents(&server.folder()).iter().all(|(_, uid, _)| *uid == SERVER));
}

/// Those of a refresh that went well, one that did not, and of the list after each.
#[test]
fn screens_fit_a_terminal() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    let refresh = || seen(&mut server.command(&["keys", "refresh", "corp", "--config", CONFIG, "--pgdata", "data"]));
    assert_eq!(server.keys(&["list"]).code, 1, "there are no keys yet");
    assert_eq!(refresh().code, 0);
    assert_eq!(server.keys(&["list"]).code, 0);
    provider.set_fault("/jwks", Fault::Status(503));
    assert_eq!(refresh().code, 1);
    let listed = server.keys(&["list"]).stdout;
    assert!(listed.contains("  last error "), "{listed}");
}
