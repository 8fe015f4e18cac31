//! `status`: what it says of each state of a server, to people, programs and Prometheus, and how it exits.

use super::{DataDirectory, profile, provider};
use crate::support::{CONFIG, Run, corp, run};
use oauth_validator_core::{KeyRecord, UnixSeconds};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

/// The only profile, as `--json` has it.
fn only(run: &Run) -> Value {
    let report = run.json();
    assert_eq!(report["fine"], json!(run.code == 0), "{report:#}");
    report["profiles"][0].clone()
}

#[test]
fn fresh_keys_are_fine_and_say_until_when() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.write_record(&server.record(120));
    let text = server.status(&[]);
    assert_eq!((text.code, text.stderr.as_str()), (0, ""), "{}", text.stdout);
    for words in
        ["oauth-validator.toml: valid\n", "corp: fresh keys\n", "  keys         2\n", "  its outcome  ok\n", " (2m "]
    {
        assert!(text.stdout.contains(words), "no {words:?} in {}", text.stdout);
    }
    let corp = only(&server.status(&["--json"]));
    assert_eq!((&corp["standing"], &corp["usable"], &corp["fine"]), (&json!("fresh"), &json!(true), &json!(true)));
    let left = corp["seconds_left"].as_i64().expect("a number");
    // An hour by the provider, and a day of stale_max.
    assert!((25 * 3600 - 180..=25 * 3600 - 120).contains(&left), "{left}");
    let listed = server.keys(&["list", "--json"]).json()["profiles"][0]["provider"].clone();
    for name in ["fetched_at", "fresh_until", "usable_until"] {
        assert_eq!(corp[name], listed[name], "{name}");
    }
    assert_eq!(provider.connection_count(), 0);
}

/// The outage that nobody saw: logins go on, and end together tonight.
#[test]
fn keys_that_end_soon_are_a_warning_for_whoever_asks() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    let failing = KeyRecord::failed(
        Some(server.record(20 * 3600)),
        "corp",
        &server.source().1,
        DataDirectory::failure(),
        UnixSeconds::new(super::now()),
    );
    server.write_record(&failing);
    // Five hours are left.
    for (within, code) in
        [(&[][..], 0), (&["--warn-within", "4h"], 0), (&["--warn-within", "0s"], 0), (&["--warn-within", "6h"], 1)]
    {
        let text = server.status(within);
        assert_eq!(text.code, code, "{within:?}: {}", text.stdout);
        let words = "corp: keys that are to be refreshed: keys that can be used for a short time only\n";
        assert_eq!(text.stdout.contains(words), code == 1, "{}", text.stdout);
        let corp = only(&server.status(&[&["--json"], within].concat()));
        assert_eq!((&corp["last_outcome"], &corp["standing"]), (&json!("connect"), &json!("due")));
    }
    server.write_record(&server.record(26 * 3600));
    let corp = only(&server.status(&["--json"]));
    assert_eq!((&corp["standing"], &corp["usable"]), (&json!("expired"), &json!(false)));
    assert!(corp["seconds_left"].as_i64().is_some_and(|left| left < 0), "{corp:#}");
}

#[test]
fn keys_that_are_not_there_are_not_fine() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    let text = server.status(&[]);
    assert!(
        text.code == 1 && text.stdout.contains("corp: never fetched: no keys that can be used\n"),
        "{}",
        text.stdout
    );
    assert!(!server.folder().exists(), "it only looks");
    server.configure(&corp("", ""));
    assert_eq!(only(&server.status(&["--json"]))["standing"], json!("local"));
    server.write_beside("corp.jwks.json", "{}");
    let run = server.status(&["--json"]);
    assert_eq!((run.code, &only(&run)["standing"]), (1, &json!("unreadable")));
}

#[test]
fn a_configuration_that_lets_nobody_in_is_said_with_its_code() {
    let server = DataDirectory::new(&corp("nonsense = 1", ""));
    let run = server.status(&["--json"]);
    let report = run.json();
    assert_eq!((run.code, &report["config"]["code"]), (1, &json!("config_invalid")), "{report:#}");
    assert!(report["config"]["detail"].as_str().is_some_and(|why| why.contains("nonsense")), "{report:#}");
    assert!(server.status(&[]).stdout.contains("config_invalid: nobody is let in\n"));
    super::set_mode(&server.path(CONFIG), 0o666);
    assert_eq!(server.status(&["--json"]).json()["config"]["code"], json!("config_unreadable"));
    fs::remove_file(server.path(CONFIG)).expect("it is removed");
    let run = server.status(&["--json"]);
    assert_eq!((run.code, &run.json()["config"]["sha256"]), (1, &Value::Null));
    // One that trusts nobody is valid.
    server.configure("");
    assert_eq!(server.status(&["--json"]).code, 0);
}

/// Two servers with one configuration say the same of it.
#[test]
fn the_hash_is_that_of_the_file() {
    let server = DataDirectory::new("");
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(server.status(&["--json"]).json()["config"]["sha256"], json!(empty));
    server.configure("# another\n");
    assert_ne!(server.status(&["--json"]).json()["config"]["sha256"], json!(empty));
}

#[test]
fn without_a_data_directory_nothing_is_said_of_what_is_in_it() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    let run = run(&mut server.command(&["status", "--json", "--config", CONFIG]));
    let report = run.json();
    assert_eq!((run.code, &report["folder"], &report["library"]), (0, &Value::Null, &Value::Null));
    assert_eq!(
        (&report["profiles"][0]["standing"], &report["profiles"][0]["usable"]),
        (&json!("not_looked_at"), &json!(false))
    );
}

#[test]
fn the_library_is_the_one_beside_the_servers_program() {
    let server = DataDirectory::new("");
    let program = server.path("pg/bin/postgres");
    fs::write(server.data().join("postmaster.opts"), format!("{} \"-D\" \"data\"\n", program.display()))
        .expect("a file");
    assert_eq!(server.status(&["--json"]).json()["library"], Value::Null);
    fs::create_dir_all(server.path("pg/lib")).expect("folders");
    server.write_beside("pg/lib/oauth_validator.so", "\u{7f}ELF @(#)oauth_validator 9.8.7\0more");
    assert_eq!(server.status(&["--json"]).json()["library"]["version"], json!("9.8.7"));
    assert_eq!(server.status(&["--json"]).json()["library"]["commit"], Value::Null);
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let words = format!("@(#)oauth_validator 9.8.7 commit={commit} rustc=1.95.0 postgresql=18.6\0");
    server.write_beside("pg/lib/oauth_validator.so", &words);
    let library = &server.status(&["--json"]).json()["library"];
    assert_eq!((&library["commit"], &library["postgresql"]), (&json!(commit), &json!("18.6")));
    assert!(server.status(&[]).stdout.contains("library 9.8.7 (0123456789ab): "));
    server.write_beside("pg/lib/oauth_validator.so", "of somebody else");
    assert_eq!(server.status(&["--json"]).json()["library"]["version"], Value::Null);
}

/// Every line is a comment or a metric, each metric has its help, and no name is there twice with one label.
#[test]
fn prometheus_reads_it() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.write_record(&server.record(120));
    let text = server.status(&["--prometheus"]);
    assert_eq!((text.code, text.stderr.as_str()), (0, ""));
    let mut values = BTreeMap::new();
    for line in text.stdout.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        let bare = name.split('{').next().expect("a name");
        assert!(
            text.stdout.contains(&format!("# HELP {bare} ")) && text.stdout.contains(&format!("# TYPE {bare} gauge\n"))
        );
        assert!(values.insert(name.to_owned(), value.parse::<f64>().expect("a number")).is_none(), "{name} twice");
    }
    let of_corp = |name: &str| values.get(&format!("{name}{{profile=\"corp\"}}")).copied();
    assert_eq!(values.get("oauth_validator_config_valid"), Some(&1.0));
    assert_eq!((of_corp("oauth_validator_keys"), of_corp("oauth_validator_keys_usable")), (Some(2.0), Some(1.0)));
    assert_eq!(of_corp("oauth_validator_keys_last_attempt_success"), Some(1.0));
    let [now, fetched, until] = ["status", "keys_fetched", "keys_usable_until"].map(|what| {
        let name = format!("oauth_validator_{what}_timestamp_seconds");
        of_corp(&name).or(values.get(&name).copied()).expect("a time")
    });
    assert!((120.0..180.0).contains(&(now - fetched)) && until - fetched > 24.0 * 3600.0, "{}", text.stdout);
    // A configuration that is not valid has no profiles, and says that it is not.
    server.configure("x = 1");
    let text = server.status(&["--prometheus"]);
    assert!(text.code == 1 && text.stdout.contains("oauth_validator_config_valid 0\n"), "{}", text.stdout);
    assert!(!text.stdout.contains("profile="), "{}", text.stdout);
    server.configure(&profile(&provider, ""));
    server.status(&["--prometheus", "--json"]).assert_failed(&["cannot be used with"]);
}
