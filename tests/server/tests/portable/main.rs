//! What `make portable` builds, by what the dynamic linker is told of it: it loads with glibc 2.28, and needs nothing else.
//!
//! To run it on this machine would prove nothing, since a newer glibc has the symbols of all older ones. So the file is
//! read: each symbol of another library has the version that it was linked against, and the loader refuses a version
//! that its library does not have.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod needs;

use needs::{LibraryNeeds, too_new};
use oauth_validator_server_tests::target_dir;
use std::fs;
use std::path::{Path, PathBuf};

/// The release of RHEL 8 and of Debian 10.
const OLDEST: u32 = 28;

/// What glibc consists of; what was once a library of its own still has its name.
const GLIBC: [&str; 5] = ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"];

/// The tool, `liboauth_token.so`, and the library of each major release.
///
/// # Panics
/// Where one is missing: a test must not pass because nothing was built.
fn built() -> Vec<PathBuf> {
    let folder = target_dir().join("portable");
    let files = ["bin/oauth-validator", "lib/liboauth_token.so", "18/oauth_validator.so", "19/oauth_validator.so"];
    let files: Vec<PathBuf> = files.iter().map(|file| folder.join(file)).collect();
    for file in &files {
        assert!(file.is_file(), "there is no {}: run `make portable`", file.display());
    }
    files
}

fn needs_of(file: &Path) -> LibraryNeeds {
    LibraryNeeds::read(&fs::read(file).expect("a file")).unwrap_or_else(|why| panic!("{}: {why}", file.display()))
}

#[test]
fn every_symbol_is_one_of_glibc_2_28() {
    for file in built() {
        let needs = needs_of(&file);
        assert!(needs.versions.iter().any(|version| version.starts_with("GLIBC_2.")), "{needs:?}");
        assert_eq!(too_new(&needs.versions, OLDEST), Vec::<&str>::new(), "{}", file.display());
    }
}

#[test]
fn glibc_is_all_that_is_needed() {
    for file in built() {
        let others: Vec<_> = needs_of(&file)
            .libraries
            .into_iter()
            .filter(|name| !GLIBC.contains(&name.as_str()) && !name.starts_with("ld-linux-"))
            .collect();
        assert_eq!(others, Vec::<String>::new(), "{}", file.display());
    }
}

/// Found by the same reading: a program of this machine, which was not built to be portable, is newer than glibc 2.0.
#[test]
fn a_newer_symbol_is_found() {
    let needs = needs_of(&std::env::current_exe().expect("this program"));
    assert!(!too_new(&needs.versions, 0).is_empty(), "{needs:?}");
    assert!(needs.libraries.iter().any(|name| name == "libc.so.6"), "{needs:?}");
}

#[test]
fn the_version_itself_is_old_enough_and_the_next_is_not() {
    let versions = ["GLIBC_2.2.5", "GLIBC_2.3.4", "GLIBC_2.9", "GLIBC_2.28", "GLIBC_2.29", "GLIBC_2.100", "GLIBC_3.0"];
    let versions = versions.map(String::from);
    assert_eq!(too_new(&versions, 28), ["GLIBC_2.29", "GLIBC_2.100", "GLIBC_3.0"]);
    assert_eq!(too_new(&versions, 9), ["GLIBC_2.28", "GLIBC_2.29", "GLIBC_2.100", "GLIBC_3.0"]);
}

/// Relocations of glibc 2.36, symbols that glibc keeps for itself, the unwinder of gcc, and what nobody knows.
#[test]
fn versions_that_are_no_numbers_of_glibc_are_too_new() {
    let versions = ["GLIBC_ABI_DT_RELR", "GLIBC_PRIVATE", "GCC_3.0", "GLIBC_", "GLIBC_2", "GLIBC_2.x", "glibc_2.2", ""];
    let versions = versions.map(String::from);
    assert_eq!(too_new(&versions, 28), versions.each_ref());
}

#[test]
fn what_is_no_library_is_an_error() {
    let exe = fs::read(std::env::current_exe().expect("this program")).expect("a file");
    for (what, bytes) in [
        ("nothing", &[][..]),
        ("a text", b"#!/bin/sh\n"),
        ("a head alone", &exe[..64]),
        ("half a program", &exe[..exe.len() / 2]),
    ] {
        assert!(LibraryNeeds::read(bytes).is_err(), "{what} was read");
    }
}
