//! `oauth-validator check`: findings, permissions, key files, and the last line.

use crate::support::{CONFIG, Folder, corp, run, two_of_one_issuer};
use serde_json::{Value, json};

/// Codes of the findings with their lines and columns.
fn places(report: &Value) -> Vec<(String, u64, u64)> {
    let findings = report["findings"].as_array().expect("findings");
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    findings
        .iter()
        .map(|f| (f["code"].as_str().unwrap_or_default().to_owned(), number(&f["line"]), number(&f["column"])))
        .collect()
}

#[test]
fn a_good_file_is_valid() {
    let folder = Folder::new(&corp("", ""));
    folder.check(&[]).assert(0, "oauth-validator.toml: valid; 1 profile: corp\n");
    let expected = json!({ "file": CONFIG, "valid": true, "profiles": ["corp"], "findings": [] });
    assert_eq!(folder.check(&["--json"]).json(), expected);
}

#[test]
fn an_empty_file_trusts_nobody() {
    for text in ["", "# nothing yet\n", "[defaults]\nclock_skew = \"10s\"\r\n"] {
        Folder::new(text).check(&[]).assert(0, "oauth-validator.toml: valid, but trusts nobody\n");
    }
}

#[test]
fn a_misspelt_key_is_shown_with_the_nearest_name() {
    let folder = Folder::new(&corp("audiance = [\"api://postgres\"]", ""));
    let expected = "\
error[unknown_key]: unknown key \"audiance\" in [profiles.corp]
 --> oauth-validator.toml:2:1
  |
2 | audiance = [\"api://postgres\"]
  | ^^^^^^^^
  |
  = help: did you mean \"audience\"?

oauth-validator.toml: 1 error
";
    folder.check(&[]).assert(1, expected);
}

#[test]
fn both_places_of_a_conflict_are_shown() {
    let config = corp("", "\n[profiles.corp.keys]\njwks_file = \"corp.jwks.json\"\n# or\npem_file = \"corp.pem\"\n");
    let expected = "\
error[key_source]: profiles.corp.keys has more than one key source
  --> oauth-validator.toml:12:12
   |
10 | jwks_file = \"corp.jwks.json\"
   |             ---------------- first here
11 | # or
12 | pem_file = \"corp.pem\"
   |            ^^^^^^^^^^
   |
   = help: keep one of discovery_url, jwks_url, jwks_file, jwks, pem_file; without any, the issuer's discovery document is asked

oauth-validator.toml: 1 error
";
    Folder::new(&config).check(&[]).assert(1, expected);
}

#[test]
fn all_findings_of_a_file_come_at_once() {
    let config = corp(
        "issuer = \"http://acme.okta.example\"\naudience = []\nclock_skew = \"6min\"\ntoken_kind = \"any\"",
        "[[profiles.corp.require]]\nclaim = \"$.[\"\n[profiles.corp.clients]\nalow = [\"x\"]\n",
    );
    let run = Folder::new(&config).check(&["--json"]);
    let report = run.json();
    let found = places(&report);
    for expected in [
        ("empty_value", 3, 12),
        ("out_of_range", 4, 14),
        ("bad_jsonpath", 11, 9),
        ("unknown_key", 13, 1),
        ("missing_key", 12, 1),
        ("conflict", 10, 1),
    ] {
        let expected = (expected.0.to_owned(), expected.1, expected.2);
        assert!(found.contains(&expected), "{expected:?} is not in {found:?}");
    }
    assert_eq!((run.code, &report["valid"], &report["profiles"]), (1, &json!(false), &json!([])));
    let text = Folder::new(&config).check(&[]).stdout;
    for (code, line, column) in found {
        assert!(text.contains(&format!("[{code}]: ")), "{code}\n{text}");
        assert!(text.contains(&format!("oauth-validator.toml:{line}:{column}\n")), "{line}:{column}\n{text}");
    }
}

#[test]
fn a_finding_as_json_has_all_its_fields() {
    let config = two_of_one_issuer();
    let run = Folder::new(&config).check(&["--json"]);
    assert_eq!(run.code, 0);
    let report = run.json();
    assert_eq!((&report["valid"], &report["profiles"]), (&json!(true), &json!(["corp", "second"])));
    let shared = report["findings"].as_array().unwrap().iter().find(|f| f["code"] == "shared_issuer").unwrap();
    let expected = json!({
        "code": "shared_issuer",
        "severity": "warning",
        "file": CONFIG,
        "line": 10,
        "column": 10,
        "message": "profiles \"corp\" and \"second\" both accept tokens of https://acme.okta.example/oauth2/aus000001",
        "hint": "a login that both could serve is denied with profile_ambiguous; separate them by hba_issuers or databases",
        "related": [{ "line": 3, "column": 10, "label": "also here" }],
    });
    assert_eq!(shared, &expected);
}

#[test]
fn warnings_alone_exit_with_0_and_are_counted() {
    let run = Folder::new(&corp("token_kind = \"any\"", "")).check(&[]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(run.stdout.starts_with("warning[any_token_kind]: "), "{}", run.stdout);
    assert!(run.stdout.ends_with("oauth-validator.toml: valid, 1 warning; 1 profile: corp\n"), "{}", run.stdout);
}

#[test]
fn text_that_is_no_toml_or_no_utf8_is_an_error_with_its_place() {
    let folder = Folder::new("[profiles.corp\nissuer = 1\n");
    let run = folder.check(&["--json"]);
    assert_eq!((run.code, run.json()["findings"][0]["code"].clone()), (1, json!("syntax")));
    std::fs::write(folder.path(CONFIG), b"# gr\xfc\xdfe\n").unwrap();
    let run = folder.check(&["--json"]);
    assert_eq!((run.code, places(&run.json())), (1, vec![("not_utf8".to_owned(), 1, 5)]));
    assert!(folder.check(&[]).stdout.contains("error[not_utf8]: "));
}

#[test]
fn a_writable_file_is_an_error_beside_what_it_says() {
    let folder = Folder::new(&corp("audiance = 1", ""));
    folder.chmod(CONFIG, 0o666);
    let run = folder.check(&[]);
    assert_eq!(run.code, 1);
    for words in ["error[config_unreadable]: \"oauth-validator.toml\"", "mode 0666", "chmod go-w", "error[unknown_key]"]
    {
        assert!(run.stdout.contains(words), "{words}\n{}", run.stdout);
    }
    assert!(run.stdout.ends_with("oauth-validator.toml: 2 errors\n"), "{}", run.stdout);
    let report = folder.check(&["--json"]).json();
    let first = &report["findings"][0];
    assert_eq!(
        (&first["code"], &first["line"], &first["column"], &first["severity"]),
        (&json!("config_unreadable"), &Value::Null, &Value::Null, &json!("error"))
    );
    assert!(first["hint"].as_str().is_some_and(|hint| hint.contains("chmod go-w")), "{first}");
}

#[test]
fn a_folder_that_others_may_write_to_is_an_error() {
    let folder = Folder::new(&corp("", ""));
    folder.chmod("", 0o777);
    let run = folder.check(&[]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("error[config_unreadable]") && run.stdout.contains("mode 0777"), "{}", run.stdout);
}

#[test]
fn it_is_judged_for_the_servers_user() {
    let folder = Folder::new(&corp("", ""));
    let mut command = folder.command("check");
    let args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let mine = args[2].to_str().expect("a number").to_owned();
    assert_ne!(mine, "54321");
    command = assert_cmd::Command::new(command.get_program());
    let other = run(command.current_dir(folder.path("")).args(["check", CONFIG, "--server-user", "54321"]));
    assert_eq!(other.code, 1);
    assert!(
        other.stdout.contains("error[config_unreadable]") && other.stdout.contains("uid 54321"),
        "{}",
        other.stdout
    );
}

#[test]
fn key_files_are_looked_at_too() {
    let folder = Folder::new(&corp("", ""));
    std::fs::remove_file(folder.path("corp.jwks.json")).unwrap();
    let missing = folder.check(&[]);
    assert_eq!(missing.code, 1);
    assert!(
        missing.stdout.contains("error[keys_unavailable]: profile \"corp\": keys.jwks_file: "),
        "{}",
        missing.stdout
    );
    assert!(missing.stdout.contains("does not exist"), "{}", missing.stdout);
    assert!(missing.stdout.contains("--> oauth-validator.toml:8:22\n"), "{}", missing.stdout);

    for (contents, words) in
        [("{}", "cannot be used"), ("{\"keys\":[]}", "no usable key"), ("not JSON", "cannot be used")]
    {
        folder.write("corp.jwks.json", contents);
        let report = folder.check(&["--json"]).json();
        let finding = &report["findings"][0];
        assert_eq!((&finding["code"], &finding["line"]), (&json!("keys_unavailable"), &json!(8)));
        assert!(finding["message"].as_str().is_some_and(|message| message.contains(words)), "{finding}");
    }
    folder.write(
        "corp.jwks.json",
        &oauth_validator_fixtures::jwks(&[oauth_validator_fixtures::keys::corp()]).to_string(),
    );
    folder.chmod("corp.jwks.json", 0o622);
    assert!(folder.check(&[]).stdout.contains("mode 0622"));
}

#[test]
fn what_cannot_be_read_is_no_finding_but_exit_code_2() {
    let folder = Folder::new("");
    let check = |name: &str| run(folder.command("check").arg(name));
    check("nowhere.toml").assert_failed(&["nowhere.toml\" does not exist"]);
    check("nofolder/x.toml").assert_failed(&["does not exist"]);
    check(".").assert_failed(&["a folder; it must be a regular file"]);
    check("/dev/zero").assert_failed(&["must be a regular file"]);
    folder.write("large.toml", &"#\n".repeat(2 * 1024 * 1024 + 1));
    check("large.toml").assert_failed(&["has more than the 4194304 bytes allowed"]);
    let made = std::process::Command::new("mkfifo").arg(folder.path("fifo")).status().expect("mkfifo runs");
    assert!(made.success());
    check("fifo").assert_failed(&["must be a regular file"]);
}

#[test]
fn keys_written_into_the_file_are_not_printed() {
    let jwks = "{\n\"keys\": [{\"kty\": \"oct\", \"k\": \"c2VjcmV0LXNlY3JldA\"}]\n}";
    let run = Folder::new(&corp(&format!("keys = {{ jwks = '''{jwks}''' }}"), "")).check(&[]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("error[bad_keys]: "), "{}", run.stdout);
    assert!(!run.stdout.contains("c2VjcmV0"), "{}", run.stdout);
}
