//! Generates the part of PostgreSQL's interface that pgrx leaves out: `libpq/oauth.h`, `Port` and `HbaLine`.
//!
//! The headers must be those of the server that will load the library: `Port` changes between major releases.
//! Global variables are never generated here, and of functions those alone that pgrx lacks: the others it has, guarded.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, process};

fn main() {
    if let Err(message) = generate() {
        eprintln!("error: {message}");
        process::exit(1);
    }
}

fn generate() -> Result<(), String> {
    println!("cargo:rerun-if-changed=build.rs");
    let include = server_headers(&pg_config()?)?;
    if !include.join("libpq/oauth.h").is_file() {
        return Err(format!(
            "PostgreSQL 18 or newer with server headers is needed: {} has no libpq/oauth.h",
            include.display()
        ));
    }
    let bindings = bindgen::Builder::default()
        .header_contents("oauth_validator.h", "#include \"postgres.h\"\n#include \"libpq/oauth.h\"\n")
        .clang_arg(format!("-I{}", include.display()))
        .clang_arg("-D_GNU_SOURCE")
        .allowlist_type("OAuthValidatorCallbacks|ValidatorModuleState|ValidatorModuleResult|Port|HbaLine")
        // PostgreSQL 18 has neither.
        .allowlist_function("RegisterOAuthHBAOptions|GetOAuthHBAOption")
        .allowlist_var("PG_OAUTH_VALIDATOR_MAGIC|PG_VERSION_NUM")
        .override_abi(bindgen::Abi::CUnwind, ".*")
        .layout_tests(true)
        .derive_debug(false)
        .generate_comments(false)
        .parse_callbacks(Box::new(bindgen::CargoCallbacks::new()))
        .generate()
        .map_err(|error| format!("the bindings of {}/libpq/oauth.h could not be made: {error}", include.display()))?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?).join("oauth.rs");
    bindings.write_to_file(&out).map_err(|error| format!("{}: {error}", out.display()))
}

/// The same choice that pgrx makes, so that both describe one server.
fn pg_config() -> Result<PathBuf, String> {
    let names = ["PGRX_PG_CONFIG_PATH", "PG_CONFIG"];
    for name in names {
        println!("cargo:rerun-if-env-changed={name}");
    }
    names.iter().find_map(|name| env::var_os(name).filter(|value| !value.is_empty())).map(PathBuf::from).ok_or_else(
        || "set PGRX_PG_CONFIG_PATH to the pg_config of a PostgreSQL 18 or newer; `make` does it".to_owned(),
    )
}

fn server_headers(pg_config: &Path) -> Result<PathBuf, String> {
    let output = Command::new(pg_config)
        .arg("--includedir-server")
        .output()
        .map_err(|error| format!("{} could not be run: {error}", pg_config.display()))?;
    let text = String::from_utf8(output.stdout).map_err(|_| format!("{} does not print UTF-8", pg_config.display()))?;
    if !output.status.success() || text.trim().is_empty() {
        return Err(format!("{} --includedir-server failed", pg_config.display()));
    }
    Ok(PathBuf::from(text.trim()))
}
