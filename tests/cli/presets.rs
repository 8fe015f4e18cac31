//! `oauth-validator preset`: names, texts, and what becomes of others.

use crate::support::{Folder, Run, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use oauth_validator_core::config::presets;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

fn preset(args: &[&str]) -> Run {
    run(Command::new(cargo_bin!("oauth-validator")).env_clear().arg("preset").args(args))
}

#[test]
fn each_preset_is_listed_with_what_it_is_for() {
    let list = preset(&["list"]);
    assert_eq!((list.code, list.stderr.as_str()), (0, ""));
    let names: Vec<&str> = list.stdout.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, presets::ALL.iter().map(|preset| preset.name).collect::<Vec<_>>());
    let wide = names.iter().map(|name| name.len()).max().expect("presets");
    let entra = format!("{:wide$}  Microsoft Entra ID: access tokens of one tenant, version 1.0 or 2.0.\n", "entra");
    assert!(list.stdout.contains(&entra), "{}", list.stdout);
    assert!(list.stdout.lines().all(|line| line.ends_with('.') && !line.contains('#')), "{}", list.stdout);
}

#[test]
fn the_list_fits_a_terminal_that_programs_are_told_of() {
    let command = |columns| {
        let mut command = Command::new(cargo_bin!("oauth-validator"));
        run(command.env_clear().env("COLUMNS", columns).args(["preset", "list"])).stdout
    };
    let list = preset(&["list"]).stdout;
    let narrow = command("80");
    assert!(list.lines().any(|line| line.len() > 80) && narrow.lines().all(|line| line.len() <= 80), "{narrow}");
    assert!(narrow.contains("\n                 "), "no line goes on under its column: {narrow}");
    let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(joined(&narrow), joined(&list));
    assert_eq!(command("nonsense"), list);
}

#[test]
fn the_list_as_json_says_the_same() {
    let report = preset(&["list", "--json"]).json();
    let listed = report["presets"].as_array().expect("presets");
    let text = preset(&["list"]).stdout;
    assert_eq!(listed.len(), text.lines().count());
    for (preset, line) in listed.iter().zip(text.lines()) {
        let (name, summary) = (preset["name"].as_str().unwrap(), preset["summary"].as_str().unwrap());
        assert!(line.starts_with(name) && line.ends_with(&format!("  {summary}")), "{line}");
    }
}

/// A preset is prose to a good part: its comments are broken anew, and nothing else of it changes.
#[test]
fn a_preset_is_shown_in_lines_that_fit() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../core/presets");
    for entry in fs::read_dir(folder).expect("the presets") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let mut command = Command::new(cargo_bin!("oauth-validator"));
        let shown = run(command.env_clear().env("COLUMNS", "80").args(["preset", "show", &name]));
        crate::screens::assert_fits(&shown.stdout);
        let whole = run(Command::new(cargo_bin!("oauth-validator")).env_clear().args(["preset", "show", &name]));
        let text = whole.stdout;
        let words =
            |text: &str| text.split_whitespace().filter(|word| *word != "#").map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&shown.stdout), words(&text), "{name}");
        let settings =
            |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(settings(&shown.stdout), settings(&text), "{name}");
    }
}

#[test]
fn each_text_is_printed_as_it_is() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../core/presets");
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("the presets") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
        let text = fs::read_to_string(&path).expect("a text");
        let (text, _) = text.split_once("\n[preset]\n").expect("what tools are told");
        preset(&["show", name]).assert(0, text);
        assert_eq!(preset(&["show", name, "--json"]).json(), json!({ "name": name, "text": text }));
        files += 1;
    }
    assert_eq!(files, presets::ALL.len());
}

#[test]
fn an_unknown_preset_is_an_error_with_a_suggestion() {
    preset(&["show", "entar"]).assert_failed(&["'entar'", "a similar value exists: 'entra'", "kubernetes"]);
    preset(&["show", "Okta"]).assert_failed(&["'Okta'", "possible values: adfs"]);
    preset(&["show", "Okta", "--json"]).assert_failed(&["'Okta'"]);
    preset(&["show", "../presets/okta"]).assert_failed(&["'../presets/okta'"]);
    preset(&["show", ""]).assert_failed(&["possible values: adfs"]);
    preset(&["show", "okta.toml"]).assert_failed(&["'okta.toml'"]);
}

#[test]
fn names_are_given_one_at_a_time() {
    preset(&["show"]).assert_failed(&["<NAME>"]);
    preset(&["show", "okta", "entra"]).assert_failed(&["unexpected argument 'entra'"]);
    preset(&["list", "okta"]).assert_failed(&["unexpected argument 'okta'"]);
}

#[test]
fn a_profile_can_name_what_is_listed_and_nothing_else() {
    let codes = |name: &str| -> Vec<String> {
        let checked = Folder::new(&format!("[profiles.corp]\npreset = \"{name}\"\n")).check(&["--json"]).json();
        let findings = checked["findings"].as_array().cloned().unwrap_or_default();
        findings
            .iter()
            .filter(|found| found["line"] == 2)
            .filter_map(|found| found["code"].as_str().map(Into::into))
            .collect()
    };
    for listed in preset(&["list", "--json"]).json()["presets"].as_array().expect("presets") {
        let name = listed["name"].as_str().expect("a name");
        assert_eq!(codes(name), [""; 0], "{name}");
    }
    for name in ["entar", "Entra", "", "../entra"] {
        assert_eq!(codes(name).len(), 1, "{name}");
        assert!(["bad_value", "empty_value"].contains(&codes(name)[0].as_str()), "{name}: {:?}", codes(name));
    }
}

/// The text of `--help` promises that own rules are added to the preset's, and that others take its settings' place.
#[test]
fn help_says_how_a_preset_is_overridden() {
    let help = preset(&["--help"]).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in
        ["[[require]] and [[access_token]] rules are added", "the tables identity, clients and roles do so as a whole"]
    {
        assert!(help.contains(words), "{help}");
    }
    let own = "preset = \"entra\"\nissuer = \"https://a.example/v2.0\"\naudience = [\"a\"]\nidentity.claim = \"$.sub\"\n\
               keys.jwks_file = \"corp.jwks.json\"\nscope.required = [\"x\"]\n\
               [[profiles.corp.access_token]]\nclaim = \"$.ver\"\nequals = \"2.0\"\n";
    let report = Folder::new(&format!("[profiles.corp]\n{own}")).check(&["--effective", "--json"]).json();
    let settings = report["effective"]["corp"].as_array().expect("settings");
    let of = |key: &str| {
        settings.iter().find(|setting| setting["key"] == key).map_or(Value::Null, |found| found["origin"].clone())
    };
    assert_eq!((of("identity.claim"), of("scope.claim")), (json!("file"), json!("preset")));
    assert_eq!((of("access_token[0].claim"), of("access_token[1].claim")), (json!("preset"), json!("file")));
}
