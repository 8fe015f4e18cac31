//! Whoever writes the server's files must not have the tool, which runs as root, show what the server's user may not read.

use super::{CONF, LINE, MAP, folder};
use crate::support::{CONFIG, Folder, Run, corp, run};
use std::os::unix::fs::symlink;

/// Somebody who owns nothing here, for whom the mode's last bits count.
const STRANGER: &str = "54321";

/// What stands in a file that only its owner may read.
const SECRET: &str = "root:$6$no-line-of-postgresql";

/// A data directory that everybody may read, beside a file that nobody else may.
fn scene(conf: &str, hba: &str, ident: &str) -> Folder {
    let folder = folder(&corp("", ""), conf, hba, ident);
    folder.write("shadow", &format!("{SECRET}\n"));
    for name in ["", "data"] {
        folder.chmod(name, 0o755);
    }
    for name in ["postgresql.conf", "pg_hba.conf", "pg_ident.conf", "PG_VERSION"] {
        folder.chmod(&format!("data/{name}"), 0o644);
    }
    folder
}

fn checked(folder: &Folder, args: &[&str]) -> Run {
    let mut command = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("oauth-validator"));
    command.current_dir(folder.path("")).env_clear().args(["check", "--server-user", STRANGER, "--pgdata", "data"]);
    let run = run(command.args(args));
    assert!(!run.stdout.contains("$6$") && !run.stderr.contains("$6$"), "{}{}", run.stdout, run.stderr);
    run
}

#[test]
fn files_that_lines_lead_to_are_read_as_the_servers_user_would() {
    for (conf, hba, ident) in [
        ("include '../shadow'\n", LINE, MAP),
        (CONF, "include ../shadow\n", MAP),
        (CONF, "host @../shadow all all trust\n", MAP),
        (CONF, LINE, "include ../shadow\n"),
    ] {
        let run = checked(&scene(&format!("{CONF}{conf}"), &format!("{hba}{LINE}"), ident), &[CONFIG]);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.contains("shadow"), "{conf}{hba}{ident}: {said}");
    }
}

/// The one in place of the folder of an include, or of a file that only the server reads: nobody ever writes to it.
#[test]
fn a_fifo_holds_nobody_up() {
    let folder = scene(&format!("{CONF}include_dir 'conf.d'\n"), LINE, MAP);
    std::fs::remove_file(folder.path("data/PG_VERSION")).expect("it was there");
    for name in ["conf.d", "PG_VERSION", "postmaster.opts"] {
        let made = std::process::Command::new("mkfifo").arg(folder.path(&format!("data/{name}"))).status();
        assert!(made.expect("mkfifo runs").success(), "{name}");
    }
    let run = checked(&folder, &[CONFIG]);
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(run.code != 0 && said.contains("conf.d"), "{said}");
}

#[test]
fn a_link_in_place_of_a_file_shows_nothing() {
    for name in ["postgresql.conf", "pg_hba.conf"] {
        let folder = scene(CONF, LINE, MAP);
        std::fs::remove_file(folder.path(&format!("data/{name}"))).expect("it was there");
        symlink("../shadow", folder.path(&format!("data/{name}"))).expect("a link");
        let run = checked(&folder, &[CONFIG]);
        assert!(run.code == 2 && run.stderr.contains("cannot read"), "{name}: {}{}", run.stdout, run.stderr);
    }
}

#[test]
fn a_configuration_that_the_settings_name_is_shown_to_whom_it_is_for() {
    let folder = scene(CONF, LINE, MAP);
    let conf = format!("{CONF}oauth_validator.config_file = '{}'\n", folder.path("shadow").display());
    folder.write("data/postgresql.conf", &conf);
    folder.chmod("data/postgresql.conf", 0o644);
    let run = checked(&folder, &[]);
    assert_eq!(run.code, 2, "{}{}", run.stdout, run.stderr);
}

/// A folder that is closed to the server's user closes what is in it, whatever its own mode.
#[test]
fn a_closed_folder_counts() {
    let folder = scene(CONF, &format!("include ../closed/lines\n{LINE}"), MAP);
    std::fs::create_dir(folder.path("closed")).expect("a folder");
    folder.write("closed/lines", &format!("{SECRET}\n"));
    folder.chmod("closed/lines", 0o644);
    folder.chmod("closed", 0o700);
    checked(&folder, &[CONFIG]);
    folder.chmod("closed", 0o755);
    let mut command = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("oauth-validator"));
    command.current_dir(folder.path("")).env_clear();
    let open = run(command.args(["check", "--server-user", STRANGER, "--pgdata", "data", CONFIG]));
    assert!(open.stdout.contains("$6$"), "what the user may read is shown: {}", open.stdout);
}
