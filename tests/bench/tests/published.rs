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

fn rows(report: &Value) -> impl Iterator<Item = &Value> {
    report["logins"].as_array().into_iter().flatten()
}

/// The median over the rounds of what `path` names of a row.
fn median(report: &Value, name: &str, path: &[&str]) -> f64 {
    let row = rows(report).find(|row| row["name"] == name).unwrap_or_else(|| panic!("no row {name}"));
    path.iter().fold(row, |value, part| &value[*part])["median"].as_f64().expect("a median")
}

/// How many times as long as the floor's a login takes.
fn ratio(report: &Value, name: &str) -> f64 {
    median(report, name, &["median", "ratio"])
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
    let names = rows(&report).filter_map(|row| row["name"].as_str()).collect::<Vec<_>>();
    let missing: Vec<String> =
        every().map(|variant| variant.name()).filter(|name| !names.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The few figures that most readers look for.
#[test]
fn the_readme_has_figures_of_the_report() {
    let report = report();
    let ratio = |name: &str| format!("{:.2}", ratio(&report, name));
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

/// And what is aimed at stands beside what was measured.
#[test]
fn the_architecture_has_figures_of_the_report() {
    let report = report();
    let ratio = |name: &str| ratio(&report, name);
    let many = ["", " spelled out"].iter().flat_map(|how| ["", ", preloaded"].map(|loaded| format!("{how}{loaded}")));
    let mut many: Vec<f64> = many
        .map(|rest| ratio(&format!("RS256, 10000 profiles{rest}")) / ratio(&format!("RS256, 1000 profiles{rest}")))
        .collect();
    many.sort_by(f64::total_cmp);
    let faults = |name| median(&report, name, &["page_faults"]);
    let clients = |how: &str| {
        let of = |name: &str| median(&report, &format!("{name}{how}"), &["per_second_4_clients"]);
        of("RS256, 3 profiles") / of("no-op")
    };
    let asked = |name: &str| report["introspection"][name]["median"].as_f64().expect("a ratio");
    let text = text("ARCHITECTURE.md");
    for line in [
        format!(
            "| a signed token, preloaded; with 1,000 profiles | 1.08; 1.12 | {:.2}; {:.2} |",
            ratio("RS256, 3 profiles, preloaded"),
            ratio("RS256, 1000 profiles spelled out, preloaded")
        ),
        format!(
            "| the same, not preloaded; with 1,000 profiles | 1.22; 1.28 | {:.2}; {:.2} |",
            ratio("RS256, 3 profiles"),
            ratio("RS256, 1000 profiles spelled out")
        ),
        format!("| 10,000 profiles against 1,000 | 1.05 | {:.2} to {:.2} |", many[0], many[3]),
        format!(
            "| page faults more, preloaded | 20 | {:.0} |",
            faults("RS256, 3 profiles, preloaded") - faults("no-op, preloaded")
        ),
        format!(
            "| memory of its own that a backend has more, preloaded | 120 kB | {} |",
            report["memory"]["a backend's memory, more than with no-op, preloaded"].as_str().expect("memory")
        ),
        format!(
            "| logins per second with 4 clients | 0.92 | {:.2} preloaded, {:.2} not |",
            clients(", preloaded"),
            clients("")
        ),
        format!(
            "| the provider is asked, against a signed token | 2.2 | {:.1}; {:.1} preloaded |",
            asked("introspection, 3 profiles"),
            asked("introspection, 3 profiles, preloaded")
        ),
        format!(
            "| its answer is kept, against a signed token | 1.1 | {:.2}; {:.2} preloaded |",
            asked("introspection, kept, 3 profiles"),
            asked("introspection, kept, 3 profiles, preloaded")
        ),
    ] {
        assert!(text.contains(&line), "ARCHITECTURE.md lacks: {line}");
    }
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
    let names = rows(&report).filter_map(|row| row["name"].as_str()).collect::<Vec<_>>();
    for kind in Kind::ALL {
        let there = kind.rows().iter().filter(|name| names.contains(name)).count();
        let expected = if reasons.contains_key(kind.name()) { 0 } else { kind.rows().len() };
        assert_eq!(there, expected, "{}", kind.name());
    }
}
