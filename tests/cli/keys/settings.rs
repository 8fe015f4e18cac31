//! `keys` without `--config`: the server's own settings say where its configuration and its key files are.

use super::{DataDirectory, give, provider, set_mode};
use crate::support::{CONFIG, Run, run};
use std::fs;

/// postgresql.conf, as it is in a data directory that was made by initdb.
fn set(server: &DataDirectory, settings: &str) {
    fs::write(server.data().join("postgresql.conf"), settings).expect("postgresql.conf");
}

fn with_server_settings(server: &DataDirectory, command: &str) -> Run {
    run(server.command(&["keys", command]).args(["--pgdata", "data"]).args((command == "refresh").then_some("--all")))
}

#[test]
fn the_servers_settings_lead_to_configuration_and_folder() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    server.write_record(&server.record(60));
    let config = server.path(CONFIG);
    set(&server, &format!("oauth_validator.config_file = '{}'\n", config.display()));
    let listed = with_server_settings(&server, "list");
    assert!(
        listed.code == 0 && listed.stdout.contains("every profile has keys"),
        "{}\n{}",
        listed.stdout,
        listed.stderr
    );

    let other = server.path("elsewhere");
    fs::create_dir(&other).expect("a folder");
    give(&other, server.uid);
    set_mode(&other, 0o700);
    set(
        &server,
        &format!(
            "oauth_validator.config_file = '{}'\noauth_validator.cache_directory = '{}'\n",
            config.display(),
            other.display()
        ),
    );
    let listed = with_server_settings(&server, "list");
    let help = "no keys that can be used: corp\n  help: oauth-validator keys refresh corp --pgdata data\n";
    assert!(listed.code == 1 && listed.stdout.contains(help), "{}\n{}", listed.stdout, listed.stderr);
    let refreshed = with_server_settings(&server, "refresh");
    assert!(refreshed.code == 0 && other.join("corp.json").is_file(), "{}\n{}", refreshed.stdout, refreshed.stderr);
}

#[test]
fn settings_that_the_server_cannot_use_are_refused() {
    let provider = provider();
    let server = DataDirectory::of(&provider);
    for command in ["list", "refresh"] {
        set(&server, "oauth_validator.config_file = 'relative.toml'\n");
        with_server_settings(&server, command).assert_failed(&["'relative.toml' is not an absolute path"]);
        set(&server, "oauth_validator.config_file = '/nowhere/at/all.toml'\n");
        with_server_settings(&server, command).assert_failed(&["\"/nowhere/at/all.toml\" does not exist"]);
        set(&server, "oauth_validator.cache_directory = '/nowhere/at/all'\n");
        with_server_settings(&server, command).assert_failed(&["cannot use the folder of key files"]);
    }
}
