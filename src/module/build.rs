//! Generates the part of PostgreSQL's interface that pgrx leaves out: `libpq/oauth.h`, `Port`, `HbaLine`, and the type of
//! the hook in `libpq/auth.h`.
//!
//! The headers must be those of the server that will load the library: `Port` changes between major releases.
//! Global variables are never generated here, and of functions those alone that pgrx lacks: the others it has, guarded.
//!
//! It also has the library linked so that a backend, which loads it in the middle of a login, loads it fast.

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
    link_for_a_fast_start();
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

/// The oldest glibc that the library has to load with, such as 2.28, where that is not this machine's: `make portable`
/// says so to the linker as well.
const OLDEST_GLIBC: &str = "OAUTH_VALIDATOR_GLIBC";

/// Two things that a backend would do in each login, and need not. Where the machine's tools cannot spare it that, the
/// library is slower to load and otherwise the same.
fn link_for_a_fast_start() {
    println!("cargo:rerun-if-env-changed={OLDEST_GLIBC}");
    // That linker brings an unwinder of its own, and neither loader understands the relocations below.
    if env::var_os(OLDEST_GLIBC).is_some_and(|version| !version.is_empty()) {
        return;
    }
    // libgcc_s is one more library to find, map and relocate, and asks the processor for its features, which traps in
    // virtual machines. What is needed of it, unwinding, is in this archive as well.
    let archive = said("cc", &["-print-file-name=libgcc_eh.a"]).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(folder) = archive.as_deref().and_then(Path::parent) {
        println!("cargo:rustc-link-search=native={}", folder.display());
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
    // 13,000 relocations in 2 kB instead of 300. The loader of glibc understands that since 2.36; a linker that does not
    // says so and goes on.
    if said("getconf", &["GNU_LIBC_VERSION"]).is_some_and(|version| glibc_minor(&version) >= Some(36)) {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,pack-relative-relocs");
    }
}

/// The second number of `glibc 2.36`.
fn glibc_minor(version: &str) -> Option<u32> {
    version.trim().strip_prefix("glibc 2.")?.split('.').next()?.parse().ok()
}

/// What a program prints, if it is there and succeeds.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
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
