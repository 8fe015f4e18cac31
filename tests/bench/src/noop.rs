//! Builds the validator that does nothing, with the headers of the server that will load it.

use oauth_validator_server_tests::target_dir;
use std::env;
use std::ffi::OsString;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles `noop.c` for the server of `PG_CONFIG`. The library is small enough to be built each time.
///
/// # Errors
/// When there is no `PG_CONFIG`, no C compiler (`CC`, or `cc`), or it fails; with what it said.
pub fn build() -> Result<PathBuf> {
    let pg_config = env::var_os("PG_CONFIG").ok_or_else(|| Error::other("set PG_CONFIG; `make bench` does it"))?;
    let headers = said(Command::new(pg_config).arg("--includedir-server"))?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("noop.c");
    let library = target_dir().join("bench/noop_validator.so");
    std::fs::create_dir_all(target_dir().join("bench"))?;
    let compiler = env::var_os("CC").unwrap_or_else(|| OsString::from("cc"));
    said(
        Command::new(compiler)
            .args(["-O2", "-shared", "-fPIC", "-D_GNU_SOURCE"])
            .arg(format!("-I{}", headers.trim()))
            .arg("-o")
            .arg(&library)
            .arg(source),
    )?;
    Ok(library)
}

fn said(command: &mut Command) -> Result<String> {
    let output =
        command.output().map_err(|error| Error::new(error.kind(), format!("cannot run {command:?}: {error}")))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(Error::other(format!("{command:?} failed:\n{errors}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
