//! What each command prints with `--json` has the shape that `config/json` says: looked at whenever a test runs one, so that
//! each of their refusals, states and oddities is a case.

use assert_cmd::Command;
use jsonschema::Validator;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

/// Commands that are two words.
const GROUPS: [&str; 2] = ["keys", "preset"];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config/json")
}

/// By the names of the files, without their ends.
fn schemas() -> &'static BTreeMap<String, Validator> {
    static SCHEMAS: OnceLock<BTreeMap<String, Validator>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let entries =
            fs::read_dir(folder()).expect("the schemas are shipped").map(|entry| entry.expect("a file").path());
        let read = |path: PathBuf| {
            let name = path.file_name()?.to_str()?.strip_suffix(".schema.json")?.to_owned();
            let schema: Value = serde_json::from_slice(&fs::read(&path).ok()?).expect("JSON");
            jsonschema::draft7::meta::validate(&schema).unwrap_or_else(|why| panic!("{name}: {why}"));
            Some((name, jsonschema::validator_for(&schema).expect("a usable schema")))
        };
        entries.filter_map(read).collect()
    })
}

/// What is run, such as `keys-list`.
fn name_of(words: &[String]) -> Option<String> {
    let mut commands = words.iter().filter(|word| !word.starts_with('-'));
    let first = commands.next()?;
    if GROUPS.contains(&first.as_str()) { Some(format!("{first}-{}", commands.next()?)) } else { Some(first.clone()) }
}

/// A command that ended with `code` and printed a document printed one of its shape.
#[track_caller]
pub fn check(command: &Command, code: i32, stdout: &str) {
    let words: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let is_json = words.iter().any(|word| word == "--json");
    // A command that could not run prints nothing, and what `schema` prints is no report.
    let help = words.iter().any(|word| word == "--help" || word == "-h");
    if !is_json || help || code == 2 || stdout.is_empty() || words.first().is_some_and(|word| word == "schema") {
        return;
    }
    let Some(name) = name_of(&words) else { return };
    let Some(schema) = schemas().get(&name) else { panic!("config/json has no schema for {name}") };
    let document: Value = serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"));
    let wrong: Vec<String> =
        schema.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{name}: {wrong:#?} in {document:#}");
}

/// Those that print documents of the tool's own: not `schema`, which is one for editors, `run`, whose output is that of
/// another program, nor `gateway`, which prints nothing.
#[test]
fn every_command_has_a_schema_and_every_schema_a_command() {
    let help = |words: &[&str]| {
        let output = std::process::Command::new(assert_cmd::cargo::cargo_bin!("oauth-validator")).args(words).output();
        String::from_utf8(output.expect("it runs").stdout).expect("UTF-8")
    };
    let commands = |text: String| -> Vec<String> {
        let lines = text.lines().skip_while(|line| *line != "Commands:").skip(1).map(str::to_owned);
        let names = lines.take_while(|line| line.starts_with("  ")).filter_map(|line| {
            line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()).map(str::to_owned)
        });
        names.filter(|name| name != "help").collect()
    };
    let mut expected = BTreeSet::new();
    for command in commands(help(&["--help"])) {
        match command.as_str() {
            "schema" | "run" | "gateway" => {}
            group if GROUPS.contains(&group) => {
                expected.extend(commands(help(&[group, "--help"])).into_iter().map(|name| format!("{group}-{name}")));
            }
            _ => drop(expected.insert(command)),
        }
    }
    let shipped: BTreeSet<String> = schemas().keys().cloned().collect();
    assert_eq!(shipped, expected);
}

#[test]
fn a_document_of_another_shape_is_found() {
    let schema = &schemas()["status"];
    assert!(!schema.is_valid(&serde_json::json!({})) && !schema.is_valid(&serde_json::json!([])));
    assert!(
        !schemas()["keys-list"]
            .is_valid(&serde_json::json!({"folder": "", "usable": 1, "profiles": [], "unclaimed": []}))
    );
}
