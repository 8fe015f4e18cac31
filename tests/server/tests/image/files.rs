//! What is in an image: what PostgreSQL and the library look for, owned by root, and nothing that could be run but the
//! helper.

use crate::pod::image;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        assert!(!path.is_symlink(), "{}", path.display());
        if path.is_dir() { found.extend(all_files(&path)) } else { found.push(path) }
    }
    found
}

#[test]
fn an_image_has_what_is_looked_for_and_nothing_else() {
    for major in [18, 19] {
        let root = image(major);
        let mut top: Vec<_> = fs::read_dir(&root).expect("an image").flatten().map(|entry| entry.file_name()).collect();
        top.sort();
        assert_eq!(top, ["bin", "lib", "licenses", "share"]);
        for file in ["lib/oauth_validator.so", "bin/oauth-validator", "share/extension/oauth_validator.control"] {
            assert!(root.join(file).is_file(), "{file}");
        }
        let licences = fs::read_to_string(root.join("licenses/CRATES")).expect("the list of crates");
        for name in ["aws-lc-sys-0", "rustls-0", "zeroize-1"] {
            let line = licences.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}"));
            let folder = line.split(':').next().expect("a name");
            assert!(root.join("licenses").join(folder).is_dir(), "{folder} has no licence");
        }
    }
}

/// The library runs its helper only if nobody but root and the server's user could have put it there.
#[test]
fn all_of_it_is_roots_and_written_by_nobody_else() {
    for major in [18, 19] {
        for file in all_files(&image(major)) {
            let found = fs::metadata(&file).expect("a file");
            assert_eq!((found.uid(), found.gid()), (0, 0), "{}", file.display());
            assert_eq!(found.mode() & 0o7022, 0, "{}", file.display());
            let runs = file.ends_with("bin/oauth-validator") || file.ends_with("lib/oauth_validator.so");
            assert_eq!(found.mode() & 0o111 != 0, runs, "{}", file.display());
        }
    }
}

/// Each image has the library for its own release: the server refuses any other.
#[test]
fn the_libraries_are_not_the_same() {
    let [first, second] =
        [18, 19].map(|major| fs::read(image(major).join("lib/oauth_validator.so")).expect("a library"));
    assert!(first != second);
}
