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
