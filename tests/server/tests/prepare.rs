//! The `prepare` program: what a shell gets to evaluate, and that it gets nothing when something is wrong.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A `pg_config` that prints this version, with or without server headers beside it.
fn fake(version: &str, headers: bool) -> (TempDir, PathBuf) {
    let folder = tempfile::Builder::new().prefix("it's ").tempdir().expect("a folder");
    let root = folder.path();
    if headers {
        fs::create_dir_all(root.join("include/libpq")).expect("a folder");
        fs::write(root.join("include/libpq/oauth.h"), "").expect("a header");
    }
    let script = format!(
        "#!/bin/sh\nhere=$(dirname \"$0\")\ncase $1 in\n--version) echo '{version}';;\n\
         --includedir-server) echo \"$here/include\";;\n--bindir) echo \"$here\";;\n\
         *) exit 9;;\nesac\n"
    );
    fs::write(root.join("script"), script).expect("a script");
    let program = root.join("pg_config");
    // Another process writes it: an open file of this one could make it "busy" for execution.
    let status = Command::new("install").args(["-m", "755"]).arg(root.join("script")).arg(&program).status();
    assert!(status.expect("install").success());
    (folder, program)
}

fn prepare(pg_config: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_prepare"))
        .env("PG_CONFIG", pg_config)
        .env("LIBCLANG_PATH", "/some/where")
        .env("BINDGEN_EXTRA_CLANG_ARGS", "-I/a -I/b")
        .output()
        .expect("prepare runs")
}

#[test]
fn prints_what_a_shell_can_evaluate() {
    for (version, major) in [("PostgreSQL 18.6", 18), ("PostgreSQL 19rc1 (Debian 19~rc1-1)", 19)] {
        let (_folder, pg_config) = fake(version, true);
        let output = prepare(&pg_config);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let lines = String::from_utf8(output.stdout).expect("UTF-8");
        let script = format!(
            "{lines}\nprintf '%s\\n' \"$PG_CONFIG\" \"$PGRX_PG_CONFIG_PATH\" \"$PG_MAJOR\" \"$LIBCLANG_PATH\" \
             \"$BINDGEN_EXTRA_CLANG_ARGS\""
        );
        let shell = Command::new("sh").env_clear().args(["-c", &script]).output().expect("sh");
        let path = pg_config.to_str().expect("UTF-8");
        assert_eq!(
            String::from_utf8_lossy(&shell.stdout),
            format!("{path}\n{path}\n{major}\n/some/where\n-I/a -I/b\n")
        );
    }
}

#[test]
fn refuses_a_pg_config_that_does_not_serve() {
    for (version, headers, expected) in [
        ("PostgreSQL 17.5", true, "it is PostgreSQL 17.5, and OAuth needs PostgreSQL 18 or newer"),
        ("PostgreSQL 18.6", false, "install the server headers (postgresql-server-dev-18)"),
        ("something else", true, "`something else` is no version of PostgreSQL"),
    ] {
        let (_folder, pg_config) = fake(version, headers);
        let output = prepare(&pg_config);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty(), "nothing to evaluate");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn refuses_a_pg_config_that_is_not_there() {
    let output = prepare(Path::new("/nonexistent/pg_config"));
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot run /nonexistent/pg_config"), "{said}");
}
