//! What README.md says about speed is what was measured, and docs/fleet.md what was simulated: table and picture come from one
//! published report each.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

use oauth_validator_bench::fleet;
use oauth_validator_bench::instead::Kind;
use oauth_validator_bench::picture::svg;
use oauth_validator_bench::report::table;
use oauth_validator_bench::variant::every;
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
    let missing: Vec<String> =
        every().map(|variant| variant.name()).filter(|name| !names.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The few figures that most readers look for.
#[test]
fn the_readme_has_figures_of_the_report() {
    let report = report();
    let ratio = |name: &str| {
        let row = report["logins"].as_array().into_iter().flatten().find(|row| row["name"] == name);
        let ratio = row.and_then(|row| row["median"]["ratio"]["median"].as_f64());
        format!("{:.2}", ratio.unwrap_or_else(|| panic!("no row {name}")))
    };
    let readme = text("README.md");
    for (what, name, tls) in [
        ("with a signed token", "RS256, 3 profiles", ""),
        ("the same over TLS", "RS256, 3 profiles", ", TLS"),
        ("the same with 10,000 profiles, a key file each", "RS256, 10000 profiles spelled out", ""),
        ("whose provider is asked about the token", "introspection, 3 profiles", ""),
        (
            "whose provider was asked less than a minute ago (`introspection.cache`)",
            "introspection, kept, 3 profiles",
            "",
        ),
    ] {
        let (without, with) = (ratio(&format!("{name}{tls}")), ratio(&format!("{name}, preloaded{tls}")));
        let line = format!("| {what} | {without} | {with} |\n");
        assert!(readme.contains(&line), "README.md lacks: {line}");
    }
    let one_line = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    let said = format!(
        "`scram-sha-256` takes {} times as long ({} over TLS), LDAP with the directory on the same machine {} (simple bind) and {} \
         (search and bind), and PAM with a good hash {}.",
        ratio("scram-sha-256"),
        ratio("scram-sha-256, TLS"),
        ratio("LDAP (slapd), simple bind"),
        ratio("LDAP (slapd), search and bind"),
        ratio("PAM (pam_unix)"),
    );
    assert!(one_line.contains(&said), "README.md lacks: {said}");
}

/// And of the code as it is: no herd, nobody denied but in an outage without keys or by a key that nobody was told of.
#[test]
fn the_fleet_is_that_of_its_report() {
    let report: Value = serde_json::from_str(&text("docs/fleet.json")).expect("a report of make fleet");
    let table = fleet::report::table(&report);
    assert!(text("docs/fleet.md").contains(&table), "docs/fleet.md lacks this table:\n{table}");
    assert_eq!(text("docs/fleet.svg"), fleet::report::svg(&report));
    assert!(report["about"]["servers"].as_str().is_some_and(|servers| servers.starts_with("500, ")), "{report}");
    let names: Vec<&str> =
        fleet::scenes::every().iter().flat_map(|scene| scene.looks.clone()).map(|look| look.0).collect();
    let looks: Vec<&str> =
        report["looks"].as_array().into_iter().flatten().filter_map(|look| look["name"].as_str()).collect();
    assert_eq!(looks, names);
}

/// The manual has the figures that an administrator plans by.
#[test]
fn the_manual_has_figures_of_the_report() {
    let report: Value = serde_json::from_str(&text("docs/fleet.json")).expect("a report of make fleet");
    let manual = text("man/oauth_validator.7");
    for (number, name) in
        [(0, "as usual"), (1, "all begin at one moment without keys"), (2, "the second hour after that")]
            .into_iter()
            .chain([(3, "the fifth hour after that"), (6, "an outage of two hours"), (7, "the ten minutes after it")])
            .chain([(10, "a new key, published an hour before"), (11, "a new key, used at once")])
    {
        let figures = &report["looks"][number]["as_it_is"];
        let a_minute = figures["a_minute"].as_f64().expect("a number");
        let row = format!(".It {name} Ta {a_minute:.0} Ta {}\n", figures["busiest_minute"]);
        assert!(manual.contains(&row), "the manual lacks: {row}");
    }
    let without = |number: usize| &report["looks"][number]["without"]["busiest_minute"];
    let said = format!(
        "the busiest minute of the second hour would have {}, and that of the fifth {}.",
        without(2),
        without(3)
    );
    assert!(manual.contains(&said), "the manual lacks: {said}");
}

/// What people use instead is in the table, or the report says why not.
#[test]
fn what_people_use_instead_was_measured_or_has_a_reason() {
    let report = report();
    let reasons = report["not_measured"].as_object().expect("what was not measured");
    let names: Vec<&str> =
        report["logins"].as_array().into_iter().flatten().filter_map(|row| row["name"].as_str()).collect();
    for kind in Kind::ALL {
        let there = kind.rows().iter().filter(|name| names.contains(name)).count();
        let expected = if reasons.contains_key(kind.name()) { 0 } else { kind.rows().len() };
        assert_eq!(there, expected, "{}", kind.name());
    }
}
