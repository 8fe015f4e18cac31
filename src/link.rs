//! How the library and the tool are linked, for their build scripts: so that what a login waits for, loading the one and
//! starting the other as a helper, is fast.
//!
//! Where the machine's tools cannot spare them something, they are slower to start and otherwise the same.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest glibc that they have to load with, such as 2.28, where that is not this machine's: `make portable` says so to
/// the linker as well.
const OLDEST_GLIBC: &str = "OAUTH_VALIDATOR_GLIBC";

/// Prints what cargo has to tell the linker; `argument` is the key of its arguments for what is built, and `order`, beside
/// the package's manifest, a linker script that says which functions stand together.
pub(crate) fn for_a_fast_start(argument: &str, order: &str) {
    println!("cargo:rerun-if-env-changed={OLDEST_GLIBC}");
    // Elsewhere linkers understand none of it.
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system != "linux") {
        return;
    }
    order_functions(argument, order);
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
    // Ten thousand relocations in 2 kB instead of 300. The loader of glibc understands that since 2.36; a linker that does
    // not says so and goes on.
    if said("getconf", &["GNU_LIBC_VERSION"]).is_some_and(|version| glibc_minor(&version) >= Some(36)) {
        println!("cargo:{argument}=-Wl,-z,pack-relative-relocs");
    }
}

/// Pages of functions that a login does not run are not touched if they stand elsewhere.
fn order_functions(argument: &str, order: &str) {
    println!("cargo:rerun-if-changed={order}");
    // LLVM's and GNU's linkers, of which one is there by default, understand that; others refuse to link.
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let other = ["fuse-ld=mold", "fuse-ld=gold", "fuse-ld=wild"].iter().any(|linker| flags.contains(linker));
    if !other && let Ok(folder) = env::var("CARGO_MANIFEST_DIR") {
        println!("cargo:{argument}=-Wl,-T,{folder}/{order}");
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
