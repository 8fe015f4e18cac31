//! What README.md says about speed is what was measured: the table and the picture come from one published report.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

use oauth_validator_bench::picture::svg;
use oauth_validator_bench::report::table;
use serde_json::Value;
use std::path::PathBuf;

fn text(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn report() -> Value {
    serde_json::from_str(&text("docs/speed.json")).expect("a report of make bench")
}

#[test]
fn the_readme_has_the_table_of_the_report() {
    let table = table(&report());
    assert!(text("README.md").contains(&table), "README.md lacks this table:\n{table}");
}

#[test]
fn the_picture_is_that_of_the_report() {
    assert_eq!(text("docs/speed.svg"), svg(&report()));
}

/// The whole run, and none that was cut short to look better.
#[test]
fn the_report_is_of_a_whole_run() {
    let report = report();
    assert_eq!(report["requests_to_the_provider"], 0);
    assert!(report["about"]["rounds"].as_str().is_some_and(|rounds| rounds.starts_with("5, of 400 ")), "{report}");
    let memory = report["memory"].as_object().expect("memory");
    assert!(memory.keys().any(|name| name == "the postmaster, 100000 logins"), "{memory:?}");
    let names: Vec<&str> =
        report["logins"].as_array().into_iter().flatten().filter_map(|row| row["name"].as_str()).collect();
    let missing: Vec<String> = oauth_validator_bench::variant::ALL
        .iter()
        .map(oauth_validator_bench::variant::Variant::name)
        .filter(|name| !names.contains(&name.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
