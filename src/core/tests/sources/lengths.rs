//! Each file has one job, and can be read in one go: at most 400 lines, tests as well. That a function fits a screen is for
//! clippy to say (`too_many_lines`, clippy.toml).
//!
//! Where a test stands is one rule as well: short ones end the file that they test, longer ones are `NAME/tests.rs`, and
//! what needs nothing but the public part of a crate is in the `tests` of its package.

use super::modules::top;
use std::fs;
use std::path::{Path, PathBuf};

/// The longest file, in lines.
const MOST_LINES: usize = 400;

/// All sources below a folder.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())).flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|name| name == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn all() -> Vec<PathBuf> {
    let top = top();
    let all: Vec<PathBuf> = ["src", "tests"].iter().flat_map(|folder| sources(&top.join(folder))).collect();
    assert!(all.len() > 300, "the sources of this tree: {}", all.len());
    all
}

#[test]
fn no_file_is_too_long() {
    let lines = |path: &PathBuf| fs::read_to_string(path).expect("a source").lines().count();
    let long: Vec<String> = all()
        .iter()
        .map(|path| (path, lines(path)))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "part these by what they are about:\n{}", long.join("\n"));
}

#[test]
fn tests_stand_where_the_rule_says() {
    let named = |path: &PathBuf| path.file_stem().is_some_and(|name| name.to_string_lossy().ends_with("_tests"));
    let odd: Vec<PathBuf> = all().into_iter().filter(named).collect();
    assert!(odd.is_empty(), "NAME_tests.rs is NAME/tests.rs here: {odd:?}");
}
