//! Prints what a shell must export to build the module: `eval "$(cargo run -q --bin prepare)"`.
//!
//! Only exports go to stdout; progress and errors go to stderr. Exits 1 without a line on stdout if
//! anything is missing, so that `eval` never sets half of it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;

use oauth_validator_server_tests::{HarnessError, Libclang, Postgres, Result};

fn main() -> ExitCode {
    match exports() {
        Ok(lines) => {
            print!("{lines}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("prepare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn exports() -> Result<String> {
    let postgres = Postgres::find_or_install()?;
    let libclang = Libclang::find_or_install()?;
    let pg_config = text(postgres.pg_config())?;
    let mut lines = export("PG_CONFIG", pg_config);
    lines += &export("PGRX_PG_CONFIG_PATH", pg_config);
    lines += &export("PG_MAJOR", &postgres.major().to_string());
    if let Some(folder) = &libclang.folder {
        lines += &export("LIBCLANG_PATH", text(folder)?);
    }
    if let Some(arguments) = &libclang.arguments {
        lines += &export("BINDGEN_EXTRA_CLANG_ARGS", arguments);
    }
    Ok(lines)
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| HarnessError::new(format!("{} is not UTF-8", path.display())))
}

fn export(name: &str, value: &str) -> String {
    format!("export {name}='{}'\n", value.replace('\'', r"'\''"))
}
