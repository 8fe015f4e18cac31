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

/// The longest tests at the end of a file, in lines.
const MOST_TEST_LINES: usize = 120;

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

/// The lines of a file's own `mod tests { ... }`, and whether it is the end of the file.
fn tests_within(text: &str) -> Option<(usize, bool)> {
    let lines: Vec<&str> = text.lines().collect();
    let begin = lines.iter().position(|line| *line == "mod tests {")?;
    let end = lines.iter().skip(begin).position(|line| *line == "}")?;
    Some((end + 1, begin + end + 1 == lines.len()))
}

#[test]
fn tests_within_a_file_are_short_and_end_it() {
    let judged = |path: PathBuf| {
        let (lines, is_end) = tests_within(&fs::read_to_string(&path).expect("a source"))?;
        (lines > MOST_TEST_LINES || !is_end).then(|| format!("{}: {lines} lines of tests", path.display()))
    };
    let odd: Vec<String> = all().into_iter().filter_map(judged).collect();
    assert!(odd.is_empty(), "put these into NAME/tests.rs, or at the end of the file:\n{}", odd.join("\n"));
    assert_eq!(tests_within("fn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n"), Some((2, true)));
    assert_eq!(tests_within("mod tests {\n}\nfn a() {}\n"), Some((2, false)));
    assert_eq!(tests_within("mod tests;\n"), None);
}
