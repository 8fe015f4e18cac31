//! Generates the part of PostgreSQL's interface that pgrx leaves out: `libpq/oauth.h`, `Port`, `HbaLine`, and the type of
//! the hook in `libpq/auth.h`.
//!
//! The headers must be those of the server that will load the library: `Port` changes between major releases.
//! Global variables are never generated here, and of functions those alone that pgrx lacks: the others it has, guarded.

#[path = "../link.rs"]
mod link;

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
    println!("cargo:rerun-if-changed=../link.rs");
    link::for_a_fast_start("rustc-cdylib-link-arg", "login.ld");
    let pg_config = pg_config()?;
    let include = PathBuf::from(answer(&pg_config, "--includedir-server")?);
    if !include.join("libpq/oauth.h").is_file() {
        return Err(format!(
            "PostgreSQL 18 or newer with server headers is needed: {} has no libpq/oauth.h",
            include.display()
        ));
    }
    let bindings = bindgen::Builder::default()
        .header_contents("oauth_validator.h", "#include \"postgres.h\"\n#include \"libpq/auth.h\"\n#include \"libpq/oauth.h\"\n")
        .clang_arg(format!("-I{}", include.display()))
        .clang_arg("-D_GNU_SOURCE")
        // Where the server's headers find those of others, such as OpenSSL's.
        .clang_args(answer(&pg_config, "--cppflags")?.split_whitespace())
        .allowlist_type("OAuthValidatorCallbacks|ValidatorModuleState|ValidatorModuleResult|Port|HbaLine|ClientAuthentication_hook_type")
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

/// The `pg_config` that pgrx chooses as well, so that both describe one server.
fn pg_config() -> Result<PathBuf, String> {
    let names = ["PGRX_PG_CONFIG_PATH", "PG_CONFIG"];
    for name in names {
        println!("cargo:rerun-if-env-changed={name}");
    }
    names.iter().find_map(|name| env::var_os(name).filter(|value| !value.is_empty())).map(PathBuf::from).ok_or_else(
        || "set PGRX_PG_CONFIG_PATH to the pg_config of a PostgreSQL 18 or newer; `make` does it".to_owned(),
    )
}

fn answer(pg_config: &Path, option: &str) -> Result<String, String> {
    let output = Command::new(pg_config)
        .arg(option)
        .output()
        .map_err(|error| format!("{} could not be run: {error}", pg_config.display()))?;
    let text = String::from_utf8(output.stdout).map_err(|_| format!("{} does not print UTF-8", pg_config.display()))?;
    if !output.status.success() {
        return Err(format!("{} {option} failed", pg_config.display()));
    }
    Ok(text.trim().to_owned())
}
