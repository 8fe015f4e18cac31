//! `config/monitoring`: alerts and dashboard are about metrics that there are, the manual explains each alert, and
//! promtool, where it is installed, finds that each speaks when it should.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config/monitoring")
}

fn read(name: &str) -> String {
    let path = folder().join(name);
    fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// All names of metrics in a text.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    text.split(|c| !is_part(c)).filter(|word| word.starts_with("oauth_validator_")).map(str::to_owned).collect()
}

/// The metrics that the exporter makes of its queries: the query's name, and the column's.
fn exported() -> BTreeSet<String> {
    let (mut query, mut column) = (String::new(), String::new());
    let mut found = BTreeSet::new();
    for line in read("postgres-exporter.yml").lines().filter(|line| !line.trim_start().starts_with('#')) {
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with(' ')) {
            query = name.to_owned();
        } else if let Some(name) = line.strip_prefix("    - ").and_then(|rest| rest.strip_suffix(':')) {
            column = name.to_owned();
        } else if line.trim_start().starts_with("usage:") && !line.contains("LABEL") {
            found.insert(format!("{query}_{column}"));
        }
    }
    assert!(found.len() > 8, "{found:?}");
    found
}

/// What `status --prometheus` says of an empty configuration, which has the help of all its metrics.
fn of_status() -> BTreeSet<String> {
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("empty.toml");
    fs::write(&file, "").expect("a file");
    let output = Command::new(assert_cmd::cargo::cargo_bin!("oauth-validator"))
        .args(["status", "--prometheus", "--config"])
        .arg(&file)
        .output()
        .expect("it runs");
    metrics_in(&String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_there_are() {
    let known: BTreeSet<String> = exported().union(&of_status()).cloned().collect();
    for name in ["alerts.yml", "alerts.test.yml", "grafana-dashboard.json"] {
        let wanted = metrics_in(&read(name));
        assert!(!wanted.is_empty(), "{name}");
        let missing: Vec<_> = wanted.difference(&known).collect();
        assert!(missing.is_empty(), "{name}: {missing:?} of {known:?}");
    }
}

/// Prometheus' conventions: counters end in _total, times in _seconds, and a gauge in neither.
#[test]
fn names_follow_the_conventions() {
    let text = read("postgres-exporter.yml");
    for (name, usage) in text.split("    - ").skip(1).filter_map(|part| {
        let (name, rest) = part.split_once(":\n")?;
        Some((name, rest.split('"').nth(1)?))
    }) {
        assert_eq!(name.ends_with("total"), usage == "COUNTER", "{name}: {usage}");
    }
    let shared: Vec<String> = exported().into_iter().filter(|name| name.starts_with("oauth_validator_keys_")).collect();
    assert!(shared.iter().all(|name| of_status().contains(name)), "one name for one thing: {shared:?}");
}

#[test]
fn codes_in_alerts_are_codes() {
    let known: BTreeSet<&str> = oauth_validator_core::Reason::ALL.iter().map(|reason| reason.code()).collect();
    for name in ["alerts.yml", "alerts.test.yml"] {
        for part in read(name).split("code=").skip(1) {
            let codes = part.split('"').nth(1).expect("a value in quotes");
            let unknown: Vec<&str> =
                codes.split('|').filter(|code| *code != "granted" && !known.contains(code)).collect();
            assert!(unknown.is_empty(), "{name}: {unknown:?}");
        }
    }
}

#[test]
fn the_dashboard_is_json_and_every_panel_says_what_it_shows() {
    let dashboard: Value = serde_json::from_str(&read("grafana-dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    assert!(panels.len() > 5);
    for panel in panels {
        assert!(panel["description"].as_str().is_some_and(|words| !words.is_empty()), "{panel:#}");
        assert!(panel["targets"][0]["expr"].is_string(), "{panel:#}");
    }
}

/// As the units that fetch keys: systemd takes them, and the service is not root.
#[test]
fn systemd_takes_the_units_that_enforce() {
    let names = ["oauth-validator-enforce.service", "oauth-validator-enforce.timer"];
    let service = read(names[0]);
    for line in ["User=oauth_enforce", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="] {
        assert!(service.lines().any(|found| found == line), "{line}");
    }
    assert!(!service.contains("[Install]") && read(names[1]).contains("\nWantedBy=timers.target\n"));
    let copies = tempfile::TempDir::new().expect("a folder");
    // It wants to see the program.
    let program = assert_cmd::cargo::cargo_bin!("oauth-validator").to_str().expect("UTF-8").to_owned();
    let paths = names.map(|name| copies.path().join(name));
    for (name, path) in names.iter().zip(&paths) {
        fs::write(path, read(name).replace("/usr/bin/psql", &program)).expect("a copy");
    }
    match Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&paths).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let about_them: Vec<&str> = said.lines().filter(|line| line.contains("oauth-validator")).collect();
            assert!(output.status.success() && about_them.is_empty(), "{said}");
        }
        Err(why) => println!("skipped: systemd_takes_the_units_that_enforce needs systemd-analyze: {why}"),
    }
}

#[test]
fn promtool_has_nothing_against_the_alerts() {
    for args in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts.test.yml"]] {
        match Command::new("promtool").args(args).current_dir(folder()).output() {
            Ok(output) => {
                let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
                assert!(output.status.success(), "{said:?}");
            }
            Err(why) => println!("skipped: {args:?} needs promtool (Debian: apt-get install prometheus): {why}"),
        }
    }
}
