//! The cases of config/cases: for every preset and every example, they hold, reach every rule, and notice when a rule of
//! a configuration is gone.

use crate::support::{Run, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use oauth_validator_core::Config;
use oauth_validator_core::config::presets;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn config() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

/// The names of the files in `folder` that end so, without the ending.
fn names(folder: &str, ending: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(config().join(folder)).expect("the folder exists");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
}

/// The command with the cases of this name, and these arguments.
fn test(name: &str, args: &[&str]) -> Run {
    let cases = config().join("cases").join(format!("{name}.cases.toml"));
    run(Command::new(cargo_bin!("oauth-validator")).env_clear().arg("test").arg(cases).args(args))
}

/// The text of the configuration that the cases of this name are about.
fn tested(name: &str) -> String {
    let path = match name.strip_prefix("example-") {
        Some(example) => config().join("examples").join(format!("{example}.toml")),
        None => config().join("cases").join(format!("{name}.toml")),
    };
    fs::read_to_string(path).expect("the configuration exists")
}

#[test]
fn every_preset_and_every_example_has_cases() {
    let cases = names("cases", ".cases.toml");
    let presets = presets::ALL.iter().map(|preset| preset.name.to_owned());
    let examples = names("examples", ".toml").into_iter().map(|name| format!("example-{name}"));
    assert_eq!(cases, presets.chain(examples).collect());
    for preset in presets::ALL {
        let parsed = Config::parse(tested(preset.name).as_bytes(), "f").config.expect("a valid configuration");
        assert_eq!(parsed.profiles()[0].preset, Some(preset.name));
    }
}

#[test]
fn they_hold_and_leave_no_rule_and_no_profile_out() {
    let (mut all, mut refused) = (0, 0);
    for name in names("cases", ".cases.toml") {
        let run = test(&name, &["--json"]);
        assert_eq!(run.code, 0, "{name}: {}{}", test(&name, &[]).stdout, run.stderr);
        let report = run.json();
        let file = &report["files"][0];
        for gap in ["profiles", "rules"] {
            assert_eq!(file["not_reached"][gap], Value::Array(Vec::new()), "{name}: {gap}");
        }
        let cases = file["cases"].as_array().expect("cases");
        all += cases.len();
        refused +=
            cases.iter().filter(|case| !case["got"].as_str().is_some_and(|got| got.starts_with("granted"))).count();
    }
    println!("{all} cases of config/cases hold, {refused} of them refused");
    assert!(all >= 150 && refused * 2 >= all, "{refused} of {all}");
}

/// The configuration with one of its restrictions gone, each in turn: what is gone, and the text. What is no longer
/// valid without it, such as a preset without its rule, needs no case.
fn mutants(text: &str) -> Vec<(String, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let without = |gone: &dyn Fn(usize) -> bool| -> String {
        let kept = lines.iter().enumerate().filter(|(at, _)| !gone(*at)).map(|(_, line)| *line);
        kept.collect::<Vec<_>>().join("\n")
    };
    let mut mutants = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let of_rule = line.starts_with("[[");
        let clients = line.starts_with("clients = ");
        let verified = line.starts_with("verified_by = ");
        if !(of_rule || clients || verified) {
            continue;
        }
        let end = lines
            .iter()
            .enumerate()
            .skip(at + 1)
            .find(|(_, next)| next.starts_with('['))
            .map_or(lines.len(), |(end, _)| end);
        let text = without(&|here| here == at || (of_rule && here > at && here < end));
        mutants.push((format!("line {}: {line}", at + 1), text));
    }
    mutants
}

#[test]
fn a_rule_that_is_gone_is_noticed() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let mutant = folder.path().join("mutant.toml");
    let (mut caught, mut refused_by_check) = (0, 0);
    for name in names("cases", ".cases.toml") {
        for (gone, text) in mutants(&tested(&name)) {
            if Config::parse(text.as_bytes(), "f").config.is_none() {
                refused_by_check += 1;
                continue;
            }
            fs::write(&mutant, &text).expect("a file");
            let run = test(&name, &["--config", path(&mutant)]);
            assert_eq!(run.code, 1, "{name} does not notice that this is gone: {gone}\n{}", run.stdout);
            assert!(run.stdout.contains("test result: FAILED"), "{name}: {gone}\n{}", run.stdout);
            caught += 1;
        }
    }
    println!("{caught} mutants caught by a case, {refused_by_check} more refused as a configuration");
    assert!(caught >= 8, "{caught}");
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
