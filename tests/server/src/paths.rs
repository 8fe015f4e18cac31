//! Where what is to be tested lies; never builds it.

use std::env;
use std::path::PathBuf;

use crate::folders::target_dir;
use crate::install::{INSTALLED_MODULE, Postgres};
use crate::template::Template;

/// Where packages put the tool.
const INSTALLED_TOOL: &str = "/usr/bin/oauth-validator";

/// Where packages put the library for `LD_PRELOAD`.
const INSTALLED_PRELOAD: &str = "/usr/lib/oauth-validator/liboauth_token.so";

/// Whether an installed module and tool are tested, not those that `make` built: `OAUTH_VALIDATOR_INSTALLED=1`.
pub(crate) fn installed() -> bool {
    env::var_os("OAUTH_VALIDATOR_INSTALLED").is_some_and(|value| value == "1")
}

/// Whether what `make portable` built is tested: `OAUTH_VALIDATOR_PORTABLE=1`.
fn portable() -> Option<PathBuf> {
    env::var_os("OAUTH_VALIDATOR_PORTABLE").is_some_and(|value| value == "1").then(|| target_dir().join("portable"))
}

/// The module to test: `OAUTH_VALIDATOR_MODULE`, else the installed one where `OAUTH_VALIDATOR_INSTALLED=1`, else what
/// `make module` builds for the server of the tests.
///
/// # Panics
/// Where there is no such file: a test must not pass because it ran without the module.
#[track_caller]
pub fn module_path() -> PathBuf {
    if let Some(path) = env::var_os("OAUTH_VALIDATOR_MODULE") {
        return there(path.into(), "module", "see OAUTH_VALIDATOR_MODULE");
    }
    if installed() {
        let folder = server().package_lib_dir().unwrap_or_else(|error| panic!("{error}"));
        return there(folder.join(INSTALLED_MODULE), "module", "install it, or unset OAUTH_VALIDATOR_INSTALLED");
    }
    if let Some(folder) = portable() {
        return there(folder.join(format!("{}/oauth_validator.so", server().major())), "module", "run `make portable`");
    }
    there(built_modules().join("liboauth_validator.so"), "module", "run `make module`")
}

/// The module to test with faults on request, which is never installed: what `make faults` builds, or `make test-portable`.
///
/// # Panics
/// Where there is no such file.
#[track_caller]
pub fn faulty_module_path() -> PathBuf {
    if let Some(folder) = portable() {
        let file = folder.join(format!("faults/{}/oauth_validator.so", server().major()));
        return there(file, "module with faults", "run `make test-portable`");
    }
    there(built_modules().join("liboauth_validator_faults.so"), "module with faults", "run `make faults`")
}

/// The command-line tool to test, which is the module's helper: what `make tool` builds, or the installed one.
///
/// # Panics
/// Where there is no such file.
#[track_caller]
pub fn tool_path() -> PathBuf {
    if installed() {
        return there(INSTALLED_TOOL.into(), "tool", "install it, or unset OAUTH_VALIDATOR_INSTALLED");
    }
    if let Some(folder) = portable() {
        return there(folder.join("bin/oauth-validator"), "tool", "run `make portable`");
    }
    there(target_dir().join("bin/oauth-validator"), "tool", "run `make tool`")
}

/// The library for `LD_PRELOAD` to test: what `make preload` builds, or the installed one.
///
/// # Panics
/// Where there is no such file.
#[track_caller]
pub fn preload_path() -> PathBuf {
    if installed() {
        return there(INSTALLED_PRELOAD.into(), "preload library", "install it, or unset OAUTH_VALIDATOR_INSTALLED");
    }
    if let Some(folder) = portable() {
        return there(folder.join("lib/liboauth_token.so"), "preload library", "run `make portable`");
    }
    there(target_dir().join("lib/oauth-validator/liboauth_token.so"), "preload library", "run `make preload`")
}

/// What `make module` built for a major release, if it did; it serves no other.
pub fn module_for(major: u32) -> Option<PathBuf> {
    let path = modules_for(major).join("liboauth_validator.so");
    path.is_file().then_some(path)
}

#[track_caller]
fn built_modules() -> PathBuf {
    modules_for(server().major())
}

fn modules_for(major: u32) -> PathBuf {
    target_dir().join(format!("module/{major}"))
}

/// The server of the tests.
#[track_caller]
pub(crate) fn server() -> &'static Postgres {
    match Template::get() {
        Ok(template) => &template.postgres,
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn there(path: PathBuf, what: &str, hint: &str) -> PathBuf {
    assert!(path.is_file(), "there is no {what} at {}: {hint}", path.display());
    path
}
