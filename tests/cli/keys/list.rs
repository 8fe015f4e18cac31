//! `keys list`: the keys in every standing, and what else the folder holds.

use super::{DataDirectory, give, needs_root, now, profile, provider, set_mode};
use crate::support::{CONFIG, Run, corp, run};
use oauth_validator_core::{KeyRecord, UnixSeconds};
use oauth_validator_fixtures::keys::TestKey;
use oauth_validator_fixtures::{jwks, keys};
use serde_json::{Value, json};
use std::fs;

const RSA: &str = "RS256/RS384/RS512/PS256/PS384/PS512";

/// What is said of the profile `corp`: exit code, first line, and the standing for programs.
fn standing(server: &DataDirectory) -> (i32, String, Value) {
    let run = server.keys(&["list"]);
    let first = run.stdout.lines().next().unwrap_or_default().to_owned();
    let report = server.keys(&["list", "--json"]);
    assert_eq!(report.code, run.code, "{}", report.stderr);
    let report = report.json();
    assert_eq!(report["usable"], json!(run.code == 0), "{report:#}");
    (run.code, first, report["profiles"][0]["provider"]["standing"].clone())
}

#[test]
fn good_keys_are_listed_with_all_that_is_known_of_them() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.write_record(&server.record(120));
    let run = server.keys(&["list"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let (rsa, ec) = (keys::corp().kid(), keys::p256().kid());
    for words in [
        "corp: fresh until 20".to_owned(),
        " (in 5".to_owned(),
        format!("  asked       the metadata of {}\n", provider.issuer()),
        format!("  from        {}/jwks\n", provider.issuer()),
        " (2m ".to_owned(),
        "  keys        2\n".to_owned(),
        format!("              \"{rsa}\" for RS256/RS384/RS512/PS256/PS384/PS512\n"),
        format!("              \"{ec}\" for ES256\n"),
        format!("                thumbprint {}\n", keys::p256().thumbprint()),
        "every profile has keys\n".to_owned(),
    ] {
        assert!(run.stdout.contains(&words), "no {words:?} in {}", run.stdout);
    }
    let report = server.keys(&["list", "--json"]).json();
    let provided = &report["profiles"][0]["provider"];
    assert_eq!((&report["usable"], &report["unclaimed"]), (&json!(true), &json!([])));
    assert_eq!((&provided["standing"], &provided["last_error"]), (&json!("fresh"), &Value::Null));
    assert_eq!((&provided["keys"][1]["kid"], &provided["keys"][1]["algorithms"]), (&json!(ec), &json!(["ES256"])));
    assert!(provided["age"].as_i64().is_some_and(|age| (120..180).contains(&age)), "{provided:#}");
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn keys_are_worth_less_as_they_grow_older() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    for (age, code, words, name) in [
        (0, 0, "corp: fresh until ", "fresh"),
        (3000, 0, "corp: to be refreshed; fresh until ", "due"),
        (3700, 0, "corp: stale, and to be refreshed; used until ", "due"),
        (3600 + 24 * 3600 + 60, 1, "corp: expired; used until ", "expired"),
        (-3600, 1, "corp: not used: fetched later than it is now", "from_the_future"),
    ] {
        server.write_record(&server.record(age));
        let (found, first, name_found) = standing(&server);
        assert_eq!((found, name_found), (code, json!(name)), "{first}");
        assert!(first.starts_with(words), "no {words:?} in {first}");
    }
}

#[test]
fn keys_that_are_not_there_are_no_keys() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    let absent = standing(&server);
    assert_eq!(absent, (1, "corp: absent: there is no key file".to_owned(), json!("absent")));
    assert!(!server.folder().exists(), "it only looks");
    server.make_folder();
    assert_eq!(standing(&server), absent);
    for text in [&b"{}"[..], b"", b"half a rec", b"{\"version\":99}"] {
        server.write("corp.json", text);
        let first = "corp: absent: what is there is no key file of this version".to_owned();
        assert_eq!(standing(&server), (1, first, json!("absent")));
    }
    let run = server.keys(&["list"]);
    let help = "no keys that can be used: corp\n  help: oauth-validator keys refresh corp --pgdata data\n";
    assert!(run.stdout.ends_with(help), "{}", run.stdout);
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn keys_of_other_settings_are_not_used() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.write_record(&server.record(0));
    server.configure(&profile(&provider, ", allowed_hosts = [\"keys.example\"]"));
    let (code, first, name) = standing(&server);
    assert_eq!((code, name), (1, json!("other_settings")));
    assert_eq!(first, "corp: not used: fetched under other settings than the profile has now");
    // Times are no such settings.
    server.configure(&profile(&provider, ", stale_max = \"1h\""));
    assert_eq!(standing(&server).2, json!("fresh"));
}

#[test]
fn a_provider_that_never_answered_and_one_that_stopped_are_told_apart() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    let (_, fingerprint) = server.source();
    let failed = |known: Option<KeyRecord>| {
        KeyRecord::failed(known, "corp", &fingerprint, DataDirectory::failure(), UnixSeconds::new(now()))
    };
    server.write_record(&failed(None));
    assert_eq!(standing(&server), (1, "corp: never fetched".to_owned(), json!("never_fetched")));
    server.write_record(&failed(Some(failed(Some(server.record(60))))));
    assert_eq!((standing(&server).0, standing(&server).2), (0, json!("fresh")));
    let text = server.keys(&["list"]).stdout;
    for words in
        ["  last error  connect: nobody answers\n", ", attempt 2 in a row\n", "  help        see whether it is up\n"]
    {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    let error = server.keys(&["list", "--json"]).json()["profiles"][0]["provider"]["last_error"].clone();
    assert_eq!((&error["code"], &error["attempts"]), (&json!("connect"), &json!(2)));
}

#[test]
fn profiles_with_keys_of_their_own_are_listed_as_such() {
    let inline = corp(&format!("keys = {{ jwks = '{}' }}", jwks(&[keys::corp()])), "").replace("corp]", "inline]");
    let inline = inline.replace("aus000001", "aus000002");
    let server = DataDirectory::new(&(corp("", "") + &inline));
    let run = server.keys(&["list"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let of = |key: &TestKey, algorithms: &str| {
        let (kid, print) = (key.kid(), key.thumbprint());
        format!("              \"{kid}\" for {algorithms}\n                thumbprint {print}\n")
    };
    let (corp, ec) = (of(keys::corp(), RSA), of(keys::p256(), "ES256"));
    assert_eq!(
        run.stdout,
        format!(
            "corp: from the file \"corp.jwks.json\"\n  keys        2\n{corp}{ec}\
             inline: from the configuration itself\n  keys        1\n{corp}every profile has keys\n"
        )
    );
    let report = server.keys(&["list", "--json"]).json();
    let of = |at: usize| (report["profiles"][at]["from"].clone(), report["profiles"][at]["file"].clone());
    assert_eq!((of(0), of(1)), ((json!("file"), json!("corp.jwks.json")), (json!("inline"), Value::Null)));
    let print = |at: usize, key: usize| report["profiles"][at]["keys"][key]["thumbprint"].clone();
    assert_eq!((print(0, 1), print(1, 0)), (json!(keys::p256().thumbprint()), json!(keys::corp().thumbprint())));
}

/// What is written into `deny_kids` is copied from here.
#[test]
fn keys_in_pem_have_nothing_but_their_thumbprint() {
    let server = DataDirectory::new(&corp("keys = { pem_file = \"corp.pem\" }", ""));
    server.write_beside("corp.pem", &keys::corp().public_pem());
    let run = server.keys(&["list"]);
    let print = keys::corp().thumbprint();
    let words = format!("              without kid for {RSA}\n                thumbprint {print}\n");
    assert!(run.code == 0 && run.stdout.contains(&words), "{}{}", run.stdout, run.stderr);
}

#[test]
fn a_file_that_gives_no_keys_is_said_to_be_why() {
    let server = DataDirectory::new(&corp("", ""));
    server.write_beside("corp.jwks.json", "{\"keys\": []}");
    let run = server.keys(&["list"]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    let first = run.stdout.lines().next().unwrap_or_default();
    assert!(
        first.starts_with("corp: keys.jwks_file: ") && first.ends_with("it has no usable key (it is empty)"),
        "{first}"
    );
    assert!(run.stdout.ends_with("no keys that can be used: corp\n"), "no provider is to be asked: {}", run.stdout);
    let report = server.keys(&["list", "--json"]).json();
    assert_eq!((&report["usable"], &report["profiles"][0]["from"]), (&json!(false), &json!("file")));
    assert!(report["profiles"][0]["detail"].as_str().is_some_and(|detail| detail.contains("it is empty")), "{report}");
    assert!(report["profiles"][0]["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{report}");
}

#[test]
fn files_that_nobody_uses_are_named() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.write_record(&server.record(0));
    for name in ["gone.json", "gone.lock", "notes.txt", "corp.json.new", "Not-A-Profile.json"] {
        server.write(name, b"{}");
    }
    let run = server.keys(&["list"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    let said = "\"data/oauth_validator/gone.json\": no profile has its keys from this file\n";
    assert!(run.stdout.contains(said), "{}", run.stdout);
    assert_eq!(server.keys(&["list", "--json"]).json()["unclaimed"], json!(["gone"]));
    // A profile that has its keys from elsewhere now left one behind.
    server.configure(&corp("", ""));
    assert_eq!(server.keys(&["list", "--json"]).json()["unclaimed"], json!(["corp", "gone"]));
}

#[test]
fn keys_that_were_left_out_are_listed_with_the_reason() {
    let provider = provider();
    let mut document = jwks(&[keys::corp()]);
    let listed = document["keys"].as_array_mut().expect("keys");
    listed.push(json!({ "kty": "oct", "k": "c2VjcmV0" }));
    listed.push(json!({ "kty": "EC", "crv": "P-256", "kid": "short", "x": "AA", "y": "AA" }));
    provider.set_keys(document);
    let server = DataDirectory::of(&provider);
    assert_eq!(server.keys(&["refresh", "corp"]).code, 0);
    let run = server.keys(&["list"]);
    assert!(run.stdout.contains("  left out    key 2: it has private members"), "{}", run.stdout);
    let short = "key 3: its coordinates have not 32 bytes (kid \"short\")";
    assert!(run.stdout.contains(&format!("  left out    {short}\n")), "{}", run.stdout);
    let report = server.keys(&["list", "--json"]).json();
    assert_eq!(report["profiles"][0]["provider"]["left_out"][1], json!(short));
    assert!(!run.stdout.contains("c2VjcmV0"));
}

#[test]
fn a_file_in_other_hands_gives_no_keys() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.write_record(&server.record(0));
    set_mode(&server.key_file(), 0o666);
    let refused = |words: &str| {
        let run = server.keys(&["list"]);
        assert_eq!(run.code, 1, "{}", run.stdout);
        assert!(run.stdout.contains(words) && run.stdout.contains("  help        "), "{}", run.stdout);
        let report = server.keys(&["list", "--json"]).json();
        assert_eq!(report["profiles"][0]["provider"]["standing"], Value::Null);
        assert!(report["profiles"][0]["provider"]["detail"].as_str().is_some_and(|why| why.contains(words)));
    };
    refused("mode 0666; it must not be writable by group or others");
    set_mode(&server.key_file(), 0o600);
    set_mode(&server.folder(), 0o770);
    refused("mode 0770; it must not be writable by group or others");
    set_mode(&server.folder(), 0o700);
    if needs_root("a_file_in_other_hands_gives_no_keys, for other owners,") {
        give(&server.key_file(), 0);
        refused("corp.json\" is a file owned by root (uid 0), mode 0600; it must be owned by uid 12345");
        give(&server.folder(), 0);
        refused("oauth_validator\" is a folder owned by root (uid 0), mode 0700; it must be owned by uid 12345");
    }
}

#[test]
fn a_symbolic_link_is_not_followed() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.write_record(&server.record(0));
    fs::rename(server.folder(), server.path("elsewhere")).expect("it moves");
    std::os::unix::fs::symlink(server.path("elsewhere"), server.folder()).expect("a link");
    let run = server.keys(&["list"]);
    assert!(run.code == 1 && run.stdout.contains("is a symbolic link"), "{}", run.stdout);
    for path in ["data/oauth_validator", "data/oauth_validator/"] {
        let linked = self::run(&mut server.command(&["keys", "list", "--config", CONFIG, "--cache-dir", path]));
        linked.assert_failed(&["data/oauth_validator\" is a symbolic link", "give the folder itself"]);
    }
    let itself = run_with(&server, &["--cache-dir", "elsewhere"]);
    assert_eq!(itself.code, 0, "{}", itself.stderr);
}

fn run_with(server: &DataDirectory, args: &[&str]) -> Run {
    run(server.command(&["keys", "list", "--config", CONFIG]).args(args))
}

#[test]
fn nobody_else_may_look() {
    if !needs_root("nobody_else_may_look") {
        return;
    }
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.write_record(&server.record(0));
    let refused = server.keys_as(super::STRANGER, &["list"]);
    refused.assert_failed(&["belongs to uid 12345, but this process runs as uid 12346", "sudo -u '#12345'"]);
    assert_eq!(server.keys_as(super::SERVER, &["list"]).code, 0);
}

#[test]
fn what_the_server_would_not_use_is_no_configuration() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.configure("[profiles.corp]\naudiance = 1\n");
    server.keys(&["list"]).assert_failed(&["oauth-validator.toml:2:1: unknown_key", "help: "]);
    server.configure(&profile(&provider, ""));
    set_mode(&server.path(CONFIG), 0o666);
    server.keys(&["list"]).assert_failed(&["mode 0666", "help: "]);
    fs::remove_file(server.path(CONFIG)).expect("it was there");
    server.keys(&["list"]).assert_failed(&["oauth-validator.toml"]);
}

#[test]
fn an_empty_configuration_lacks_nothing() {
    let run = DataDirectory::new("").keys(&["list"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "no profile is configured\n"));
}
