//! Where the build's own folders are; never creates one.

use std::env;
use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn workspace_root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).expect("the package lies two folders below the root").to_path_buf()
}

/// Cargo's target folder: `CARGO_TARGET_DIR`, else `target` in the root of the workspace.
pub fn target_dir() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => workspace_root().join(dir),
        None => workspace_root().join("target"),
    }
}

/// Where downloaded servers and libraries are unpacked.
pub(crate) fn tools_dir() -> PathBuf {
    target_dir().join("tools")
}

/// The module to test: `OAUTH_VALIDATOR_MODULE`, else what `make module` builds.
///
/// # Panics
/// Where there is no such file: a test must not pass because it ran without the module.
#[track_caller]
pub fn module_path() -> PathBuf {
    let (path, hint) = match env::var_os("OAUTH_VALIDATOR_MODULE") {
        Some(path) => (PathBuf::from(path), "see OAUTH_VALIDATOR_MODULE"),
        None => (target_dir().join("module/liboauth_validator.so"), "run `make module`"),
    };
    assert!(path.is_file(), "there is no module at {}: {hint}", path.display());
    path
}

/// The command-line tool to test, which is the module's helper: what `make tool` builds.
///
/// # Panics
/// Where there is no such file.
#[track_caller]
pub fn tool_path() -> PathBuf {
    let path = target_dir().join("bin/oauth-validator");
    assert!(path.is_file(), "there is no tool at {}: run `make tool`", path.display());
    path
}
