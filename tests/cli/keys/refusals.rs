//! What `keys refresh` refuses to do, and what it says when a provider gives no keys.

use super::{DataDirectory, STRANGER, contents, give, needs_root, profile, provider, set_mode};
use crate::network::METADATA;
use crate::support::{CONFIG, Run, corp, run};
use oauth_validator_mock_provider::{ALL, Fault, MockProvider};
use rustix::fs::{FlockOperation, fcntl_lock, flock};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;

/// That no keys of profile `corp` were fetched, for a reason with these words.
#[track_caller]
fn assert_not_fetched(run: &Run, words: &[&str]) {
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.starts_with("corp: failed: ") && run.stdout.contains("\n  help: "), "{}", run.stdout);
    for word in words {
        assert!(run.stdout.contains(word), "no {word:?} in {}", run.stdout);
    }
}

#[test]
fn a_provider_that_is_down_leaves_what_there_is() {
    let provider = provider();
    provider.stop();
    let server = DataDirectory::of(&provider);
    assert_not_fetched(&server.keys(&["refresh", "corp"]), &["cannot be fetched: connect: "]);
    assert_eq!(server.keys(&["list", "--json"]).json()["profiles"][0]["provider"]["standing"], "never_fetched");
    server.write_record(&server.record(0));
    assert_not_fetched(&server.keys(&["refresh", "corp"]), &["connect: "]);
    let listed = server.keys(&["list"]);
    assert!(listed.code == 0 && listed.stdout.contains("  last error  connect: "), "{}", listed.stdout);
    provider.restart();
    assert_eq!(server.keys(&["refresh", "corp"]).code, 0);
    assert!(!server.keys(&["list"]).stdout.contains("last error"));
}

#[test]
fn documents_and_certificates_that_are_not_as_they_should_be_give_no_keys() {
    let wrong_issuer = provider();
    let mut metadata = wrong_issuer.metadata();
    metadata["issuer"] = json!("https://evil.example");
    wrong_issuer.set_metadata(metadata);
    let with_fault = |path: &str, fault: Fault| {
        let provider = provider();
        provider.set_fault(path, fault);
        provider
    };
    for (provider, code) in [
        (wrong_issuer, "issuer_mismatch: "),
        (with_fault("/jwks", Fault::Status(503)), "http_status: "),
        (with_fault(METADATA, Fault::Redirect(302, "/jwks".to_owned())), "redirect: "),
        (with_fault("/jwks", Fault::Body(b"{\"keys\":[]}".to_vec())), "no_keys: "),
        (with_fault(ALL, Fault::ExpiredCertificate), "tls: "),
    ] {
        let server = DataDirectory::of(&provider);
        assert_not_fetched(&server.keys(&["refresh", "corp"]), &["cannot be fetched: ", code]);
        let listed = server.keys(&["list", "--json"]);
        assert_eq!((listed.code, listed.json()["usable"].clone()), (1, json!(false)), "{code}");
    }
}

#[test]
fn the_authority_is_that_of_the_profile_and_no_other() {
    let (provider, other) = (provider(), MockProvider::start());
    let config =
        profile(&provider, "").replace(provider.ca_file().to_str().unwrap(), other.ca_file().to_str().unwrap());
    let server = DataDirectory::new(&config);
    // Nor may the environment add one.
    let mut command = server.command(&["keys", "refresh", "corp", "--config", CONFIG, "--pgdata", "data"]);
    let refused = run(command.env("SSL_CERT_FILE", provider.ca_file()));
    assert_not_fetched(&refused, &["tls: ", "authority that is not trusted", "keys.ca_file"]);
    assert_eq!(provider.requests(), []);
}

#[test]
fn an_unusable_file_of_authorities_is_no_reason_to_ask() {
    let plain = MockProvider::start_without_tls();
    let server = DataDirectory::new(&profile(&plain, "").replace("http:", "https:"));
    assert_not_fetched(&server.keys(&["refresh", "corp"]), &["ca_file: keys.ca_file has no certificate in PEM"]);
    let file = server.path("ca.pem");
    let missing = profile(&plain, "").replace("http:", "https:").replace(plain.ca_file().to_str().unwrap(), "ca.pem");
    server.configure(&missing);
    assert_not_fetched(&server.keys(&["refresh", "corp"]), &["keys.ca_file: ", "ca.pem\" does not exist"]);
    fs::write(&file, "").expect("a file");
    set_mode(&file, 0o666);
    assert_not_fetched(&server.keys(&["refresh", "corp"]), &["keys.ca_file: ", "mode 0666"]);
    assert_eq!(plain.connection_count(), 0);
}

#[test]
fn one_failure_does_not_keep_the_others_from_being_fetched() {
    let (down, up) = (provider(), provider());
    down.stop();
    let server = DataDirectory::new(&(profile(&down, "") + &profile(&up, "").replace("corp]", "second]")));
    let run = server.keys(&["refresh", "--all", "--json"]);
    assert_eq!(run.code, 1);
    let profiles = &run.json()["profiles"];
    assert_eq!((&profiles[0]["refreshed"], &profiles[1]["refreshed"]), (&json!(false), &json!(true)));
    assert!(profiles[0]["detail"].as_str().is_some_and(|why| why.contains("connect: ")), "{profiles:#}");
    assert_eq!((&profiles[0]["code"], &profiles[1]["code"]), (&serde_json::json!("connect"), &Value::Null));
    assert_eq!(profiles[1]["detail"], Value::Null);
}

#[test]
fn profiles_have_to_be_named_and_to_have_something_to_fetch() {
    let provider = provider();
    let of_a_file = corp("", "").replace("corp]", "local]");
    let server = DataDirectory::new(&(profile(&provider, "") + &of_a_file));
    for (args, words) in [
        (&["refresh"][..], &["whose keys are to be fetched?", "name one or several of corp, or give --all"][..]),
        (&["refresh", "crop"], &["oauth-validator.toml has no profile \"crop\"", "did you mean \"corp\"?"]),
        (&["refresh", "xyz"], &["no profile \"xyz\"", "valid here: corp, local"]),
        (&["refresh", "corp", "../corp"], &["no profile \"../corp\""]),
        (
            &["refresh", "corp", "local"],
            &["\"local\" has its keys from the file \"corp.jwks.json\"", "nothing to fetch"],
        ),
        (&["refresh", "corp", "--all"], &["cannot be used with"]),
    ] {
        server.keys(args).assert_failed(words);
    }
    assert_eq!(provider.connection_count(), 0);
    assert!(!server.folder().exists());
    DataDirectory::new("").keys(&["refresh", "corp"]).assert_failed(&["the file has no profile at all"]);
    let inline = corp(
        &format!("keys = {{ jwks = '{}' }}", oauth_validator_fixtures::jwks(&[oauth_validator_fixtures::keys::corp()])),
        "",
    );
    DataDirectory::new(&inline)
        .keys(&["refresh", "corp"])
        .assert_failed(&["from oauth-validator.toml: there is nothing to fetch"]);
}

#[test]
fn a_place_has_to_be_named_and_to_be_a_servers() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    let refresh = |args: &[&str]| run(server.command(&["keys", "refresh", "corp", "--config", CONFIG]).args(args));
    refresh(&[]).assert_failed(&["which server's keys are meant?", "--pgdata", "--cache-dir"]);
    run(&mut server.command(&["keys", "list"])).assert_failed(&["which server's keys are meant?"]);
    refresh(&["--pgdata", "nowhere"]).assert_failed(&["cannot use the data directory \"nowhere\""]);
    refresh(&["--cache-dir", "nowhere"]).assert_failed(&["\"nowhere\"", "SHOW oauth_validator.cache_directory"]);
    refresh(&["--cache-dir", CONFIG]).assert_failed(&["oauth-validator.toml\" is a file"]);
    refresh(&["--pgdata", "data", "--cache-dir", "data"]).assert_failed(&["cannot be used with"]);
    fs::remove_file(server.data().join("PG_VERSION")).expect("it was there");
    refresh(&["--pgdata", "data"]).assert_failed(&["\"data\" is no data directory of PostgreSQL", "PG_VERSION"]);
    assert!(!server.path("nowhere").exists() && !server.folder().exists());
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn a_place_of_roots_is_nobodys() {
    if !needs_root("a_place_of_roots_is_nobodys") {
        return;
    }
    let provider = provider();
    let server = DataDirectory::of(&provider);
    give(&server.data(), 0);
    server.keys(&["refresh", "corp"]).assert_failed(&["\"data\" belongs to root, and no server runs as root"]);
    fs::create_dir(server.path("keys")).expect("a folder");
    let refused = run(&mut server.command(&["keys", "refresh", "corp", "--config", CONFIG, "--cache-dir", "keys"]));
    refused.assert_failed(&["\"keys\" belongs to root"]);
    // A folder of root's in a data directory that is not.
    give(&server.data(), server.uid);
    server.make_folder();
    give(&server.folder(), 0);
    assert_not_fetched(&server.keys(&["refresh", "corp"]), &["owned by root (uid 0)", "it must be owned by uid 12345"]);
    assert_eq!((contents(&server.folder()), provider.connection_count()), (vec![], 0));
}

#[test]
fn another_user_is_told_whose_it_is() {
    if !needs_root("another_user_is_told_whose_it_is") {
        return;
    }
    let provider = provider();
    let server = DataDirectory::of(&provider);
    let refused = server.keys_as(STRANGER, &["refresh", "corp"]);
    refused.assert_failed(&[
        "\"data\" belongs to uid 12345, but this process runs as uid 12346",
        "put this in front of the command: sudo -u '#12345'",
    ]);
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn a_symbolic_link_is_not_followed() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    fs::create_dir(server.path("elsewhere")).expect("a folder");
    give(&server.path("elsewhere"), server.uid);
    std::os::unix::fs::symlink(server.path("elsewhere"), server.folder()).expect("a link");
    assert_not_fetched(&server.keys(&["refresh", "corp"]), &["oauth_validator\" is a symbolic link"]);
    // Nor is one of a file: what has the name is replaced, and the lock is refused.
    fs::remove_file(server.folder()).expect("the link");
    server.make_folder();
    std::os::unix::fs::symlink("../PG_VERSION", server.folder().join("corp.lock")).expect("a link");
    assert_not_fetched(&server.keys(&["refresh", "corp"]), &["corp.lock\" is a symbolic link"]);
    assert_eq!(fs::read_to_string(server.data().join("PG_VERSION")).unwrap(), "18\n");
    assert_eq!((contents(&server.path("elsewhere")), provider.connection_count()), (vec![], 0));
}

#[test]
fn a_folder_that_cannot_be_written_to_is_no_reason_to_ask() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.make_folder();
    set_mode(&server.folder(), 0o500);
    assert_not_fetched(&server.keys(&["refresh", "corp"]), &["cannot write to the folder", "Permission denied"]);
    set_mode(&server.folder(), 0o770);
    assert_not_fetched(&server.keys(&["refresh", "corp"]), &["mode 0770; it must not be writable"]);
    assert_eq!((contents(&server.folder()), provider.connection_count()), (vec![], 0));
}

#[test]
fn whoever_is_asking_already_is_waited_for_but_not_for_ever() {
    let provider = provider();
    let server = DataDirectory::new(&profile(&provider, ", timeout = \"1s\", connect_timeout = \"1s\""));
    server.write("corp.lock", b"");
    let lock = File::options().write(true).open(server.folder().join("corp.lock")).expect("the lock");
    fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive).expect("it is free");
    let run = server.keys(&["refresh", "corp"]);
    assert_not_fetched(&run, &["longer than keys.timeout, 1 s"]);
    assert_eq!(run.stderr, "waiting for another process that asks the provider\n");
    assert_eq!(provider.connection_count(), 0);
}

/// He may hold what he likes: it keeps nobody from fetching.
#[test]
fn who_can_merely_read_the_lock_is_not_waited_for() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.write("corp.lock", b"");
    let path = server.folder().join("corp.lock");
    set_mode(&path, 0o644);
    let lock = File::open(&path).expect("the lock");
    flock(&lock, FlockOperation::NonBlockingLockExclusive).expect("it is free");
    fcntl_lock(&lock, FlockOperation::NonBlockingLockShared).expect("it is free");
    let run = server.keys(&["refresh", "corp"]);
    assert!(run.code == 0 && !run.stderr.contains("waiting"), "{}{}", run.stdout, run.stderr);
    assert_eq!(fs::metadata(path).expect("a lock").permissions().mode() & 0o7777, 0o600);
}

#[test]
fn a_provider_that_drags_on_is_not_waited_for_longer_than_a_login_would() {
    let provider = provider();
    provider.set_fault("/jwks", Fault::SlowBody);
    let server = DataDirectory::new(&profile(&provider, ", timeout = \"2s\", connect_timeout = \"1s\""));
    let start = std::time::Instant::now();
    assert_not_fetched(&server.keys(&["refresh", "corp"]), &["timeout: "]);
    assert!(start.elapsed().as_secs() < 6, "{:?}", start.elapsed());
}
