//! `check` and `discover` where the provider is asked about each token: the secret and the authorities are
//! looked at, and nobody is asked. `keys/online.rs` has the commands about keys.

use super::{SENTINEL, provider};
use crate::support::{CONFIG, Folder, Run, run};
use oauth_validator_mock_provider::MockProvider;
use serde_json::{Value, json};
use std::fs;

/// The profile of [`folder`]: line 5 has the authorities, line 8 the secret.
const PROFILE: &str = "[profiles.corp]\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\nmode = \"introspection\"\n\
     keys = { ca_file = \"ca.pem\" }\nscope.required = [\"db.connect\"]\n[profiles.corp.introspection]\n\
     client_secret_file = \"secret\"\nclient_id = \"pg\"\nendpoint = \"https://idp.example/introspect\"\n";

/// With everything the profile needs, and nothing to find.
fn folder() -> Folder {
    let folder = Folder::new(PROFILE);
    folder.write("secret", &format!("{SENTINEL}\n"));
    fs::copy(provider().ca_file(), folder.path("ca.pem")).expect("an authority");
    folder.chmod("ca.pem", 0o644);
    folder
}

/// The one finding, as JSON has it; the secret is in no output.
#[track_caller]
fn only_finding(folder: &Folder, code: i32) -> Value {
    let (text, json) = (folder.check(&[]), folder.check(&["--json"]));
    let found = json.json()["findings"].clone();
    assert_eq!((text.code, json.code, found.as_array().map(Vec::len)), (code, code, Some(1)), "{found:#}");
    assert!(!(text.stdout + &text.stderr + &json.stdout).contains(SENTINEL), "{found:#}");
    found[0].clone()
}

#[track_caller]
fn assert_error(folder: &Folder, line: u64, words: &str) {
    let found = only_finding(folder, 1);
    assert_eq!(
        (&found["code"], &found["severity"]),
        (&json!("introspection_unavailable"), &json!("error")),
        "{found:#}"
    );
    assert_eq!(found["line"], line, "{found:#}");
    assert!(found["message"].as_str().is_some_and(|message| message.contains(words)), "no {words:?} in {found:#}");
    assert!(found["hint"].as_str().is_some_and(|hint| hint.len() > 10), "{found:#}");
}

#[test]
fn a_good_profile_is_no_finding() {
    let run = folder().check(&[]);
    run.assert(0, "oauth-validator.toml: valid; 1 profile: corp\n");
}

#[test]
fn a_secret_must_be_there_and_nobody_elses_to_write() {
    let folder = folder();
    for (mode, words) in [(0o620, "mode 0620"), (0o602, "mode 0602"), (0o666, "mode 0666")] {
        folder.chmod("secret", mode);
        assert_error(&folder, 8, words);
    }
    fs::remove_file(folder.path("secret")).expect("it was there");
    assert_error(&folder, 8, "introspection.client_secret_file: ");
    assert_error(&folder, 8, "secret\" does not exist");
    fs::create_dir(folder.path("secret")).expect("a folder");
    folder.chmod("secret", 0o700);
    assert_error(&folder, 8, "must be a regular file");
}

#[test]
fn a_secret_is_one_line_of_text() {
    let folder = folder();
    for text in ["", "\n", "\r\n", "a\nb", "a\tb", "a\0b"] {
        folder.write("secret", text);
        assert_error(&folder, 8, "does not hold one line of text in UTF-8");
    }
    fs::write(folder.path("secret"), [SENTINEL.as_bytes(), b"\xff"].concat()).expect("a file");
    assert_error(&folder, 8, "does not hold one line of text in UTF-8");
    folder.write("secret", &"a".repeat(4097));
    assert_error(&folder, 8, "has more than the 4096 bytes allowed");
    folder.write("secret", &"\u{e4}".repeat(2048));
    assert_eq!(folder.check(&[]).code, 0);
}

#[test]
fn a_secret_that_everybody_can_read_is_a_warning() {
    let folder = folder();
    folder.chmod("secret", 0o604);
    let found = only_finding(&folder, 0);
    assert_eq!((&found["code"], &found["severity"]), (&json!("secret_readable"), &json!("warning")));
    assert_eq!((&found["line"], &found["column"]), (&json!(8), &json!(22)), "{found:#}");
    assert!(found["hint"].as_str().is_some_and(|hint| hint.starts_with("chmod o-r ")), "{found:#}");
    let text = folder.check(&[]);
    assert!(text.stdout.starts_with("warning[secret_readable]: the secret of profile \"corp\""), "{}", text.stdout);
    assert!(text.stdout.ends_with("valid, 1 warning; 1 profile: corp\n"), "{}", text.stdout);
    for mode in [0o600, 0o400, 0o640] {
        folder.chmod("secret", mode);
        assert_eq!(folder.check(&["--json"]).json()["findings"], json!([]), "{mode:o}");
    }
}

#[test]
fn the_authorities_are_looked_at_as_well() {
    let folder = folder();
    folder.chmod("ca.pem", 0o666);
    assert_error(&folder, 5, "keys.ca_file: ");
    folder.write("ca.pem", "no PEM\n");
    assert_error(&folder, 5, "no certificate in PEM");
    fs::remove_file(folder.path("ca.pem")).expect("it was there");
    assert_error(&folder, 5, "does not exist");
    fs::remove_file(folder.path("secret")).expect("it was there");
    let both = folder.check(&["--json"]).json()["findings"].clone();
    let lines: Vec<u64> =
        both.as_array().expect("findings").iter().filter_map(|found| found["line"].as_u64()).collect();
    assert_eq!(lines, [5, 8], "{both:#}");
}

#[test]
fn what_means_nothing_is_a_warning_and_what_is_missing_an_error() {
    let codes = |from: &str, to: &str| -> Vec<String> {
        let folder = folder();
        folder.write(CONFIG, &PROFILE.replace(from, to));
        let findings = folder.check(&["--json"]).json()["findings"].clone();
        findings.as_array().expect("findings").iter().map(|found| found["code"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(codes("mode = \"introspection\"\n", ""), ["unused_setting"]);
    assert_eq!(codes("client_id = \"pg\"", "client_id = \"pg\"\nauth = \"bearer\""), ["unused_setting"]);
    assert_eq!(codes("ca_file = \"ca.pem\"", "jwks_file = \"k\", max_ttl = \"1h\""), ["unused_setting"; 2]);
    assert_eq!(codes("client_id = \"pg\"\n", ""), ["missing_key"]);
    assert_eq!(codes("https://idp.example/introspect", "http://idp.example/introspect"), ["bad_url"]);
    assert_eq!(codes("\"introspection\"\n", "\"tokeninfo\"\n"), ["conflict", "unused_setting"]);
    assert_eq!(codes("client_secret_file", "client_secret"), ["missing_key", "unknown_key"]);
}

#[test]
fn the_effective_settings_name_the_file_and_never_its_content() {
    let run = folder().check(&["--effective"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    let has = |setting: &str| run.stdout.lines().any(|line| line.starts_with(setting));
    for setting in ["mode ", "introspection.endpoint ", "introspection.client_secret_file ", "introspection.auth "] {
        assert!(has(setting), "{setting}\n{}", run.stdout);
    }
    assert!(!has("keys.max_ttl") && !has("algorithms") && has("keys.timeout"), "{}", run.stdout);
    assert!(!run.stdout.contains(SENTINEL), "{}", run.stdout);
}

fn discovered(introspection_endpoint: Value, args: &[&str]) -> (MockProvider, Run) {
    let provider = crate::network::with_member("introspection_endpoint", introspection_endpoint);
    let run = discover(&provider, args);
    (provider, run)
}

fn discover(provider: &MockProvider, args: &[&str]) -> Run {
    let mut command = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("oauth-validator"));
    run(command.env_clear().args(["discover", &provider.issuer(), "--ca-file"]).arg(provider.ca_file()).args(args))
}

/// What is proposed can be pasted into the profile.
#[test]
fn discover_says_how_its_endpoint_is_used() {
    let endpoint = "https://idp.example/oauth2/introspect";
    let (provider, run) = discovered(json!(endpoint), &[]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    let (_, note) = run.stdout.split_once("\n# Or this instead, to have the provider judge each token:\n").expect("it");
    let (note, _) = note.split_once("# If its answers").expect("its end");
    assert!(note.contains("mode = \"introspection\"") && note.contains(endpoint), "{note}");
    let lines: Vec<&str> =
        note.lines().map(|line| line.strip_prefix("#   ").unwrap_or(line.trim_start_matches('#'))).collect();
    let folder = Folder::new(&(lines.join("\n") + "\n"));
    folder.write("oauth-validator.secret", "s\n");
    let config = fs::read_to_string(folder.path(CONFIG)).expect("it was written");
    folder.write(CONFIG, &config.replace("/etc/postgresql/", ""));
    let checked = folder.check(&["--json"]);
    assert_eq!((checked.code, &checked.json()["findings"]), (0, &json!([])), "{config}\n{}", checked.stdout);
    let report = discover(&provider, &["--json"]).json();
    let proposed = report["proposal"]["introspection"].as_str().expect("what is said in JSON too").to_owned();
    assert_eq!(proposed.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn discover_proposes_no_endpoint_that_is_none() {
    for endpoint in [Value::Null, json!(1), json!("http://idp.example/introspect"), json!("/introspect")] {
        let (_, run) = discovered(endpoint.clone(), &[]);
        assert!(run.code == 0 && !run.stdout.contains("mode = \"introspection\""), "{endpoint}: {}", run.stdout);
        assert_eq!(discovered(endpoint, &["--json"]).1.json()["proposal"]["introspection"], Value::Null);
    }
}
