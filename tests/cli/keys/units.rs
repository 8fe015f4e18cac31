//! The sample units of config/systemd, as systemd itself judges them. That their command is one of this tool's is tested
//! beside the command line (`src/cli/src/args/keys.rs`).

use assert_cmd::cargo::cargo_bin;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const UNITS: [&str; 2] = ["oauth-validator-keys.service", "oauth-validator-keys.timer"];

fn unit(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config/systemd");
    fs::read_to_string(folder.join(name)).expect("the unit")
}

/// What systemd says of the service with `more` lines, and of its timer; nothing where there is no systemd.
fn verified(more: &str) -> Option<(bool, String)> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // It wants to see the program.
    let tool = cargo_bin!("oauth-validator").to_str().expect("UTF-8").to_owned();
    for name in UNITS {
        let text =
            unit(name).replace("/usr/bin/oauth-validator", &tool).replace("[Service]\n", &format!("[Service]\n{more}"));
        fs::write(folder.path().join(name), text).expect("a copy");
    }
    let paths = UNITS.map(|name| folder.path().join(name));
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).args(paths).output().ok()?;
    Some((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[test]
fn systemd_takes_them_as_they_are() {
    let Some((fine, said)) = verified("") else {
        println!("skipped: systemd_takes_them_as_they_are needs systemd-analyze");
        return;
    };
    let about_them: Vec<&str> = said.lines().filter(|line| line.contains("oauth-validator-keys")).collect();
    assert!(fine && about_them.is_empty(), "{said}");
    let (_, said) = verified("ProtectSystm=strict\n").expect("it was there");
    assert!(said.contains("ProtectSystm"), "it would see a misspelt key: {said}");
}

#[test]
fn the_timer_starts_the_service_and_the_service_is_not_root() {
    let service = unit(UNITS[0]);
    let lines: Vec<&str> = service.lines().collect();
    for line in ["User=postgres", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="] {
        assert!(lines.contains(&line), "{line}");
    }
    assert!(!lines.iter().any(|line| line.starts_with("[Install]")), "the timer alone is enabled");
    let timer = unit(UNITS[1]);
    assert!(!timer.contains("Unit=") && timer.contains("\nWantedBy=timers.target\n"), "the names belong together");
}
