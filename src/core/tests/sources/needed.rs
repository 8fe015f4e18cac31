//! What a package asks for, it uses, and what the workspace names, some package asks for: whatever is not needed is still
//! fetched, built, and trusted.

use super::lengths::sources;
use super::modules::top;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// Sources of a package that are not in its folder.
const ELSEWHERE: [(&str, &str); 1] = [("src/cli", "tests/cli")];

fn packages(top: &Path) -> Vec<PathBuf> {
    let folders = ["src", "tests"].map(|folder| fs::read_dir(top.join(folder)).expect("a folder").flatten());
    let found = folders.into_iter().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = found.filter(|folder| folder.join("Cargo.toml").is_file()).collect();
    found.sort();
    found
}

/// The names in tables of these names, wherever they are.
fn names(text: &str, tables: &[&str]) -> BTreeSet<String> {
    let document = DeTable::parse(text).expect("TOML");
    let mut found = BTreeSet::new();
    let mut next = vec![document.get_ref()];
    while let Some(table) = next.pop() {
        for (name, value) in table {
            let Some(inner) = value.get_ref().as_table() else { continue };
            if tables.contains(&name.get_ref().as_ref()) {
                found.extend(inner.keys().map(|name| name.get_ref().to_string()));
            } else {
                next.push(inner);
            }
        }
    }
    found
}

/// Whether a text has a word.
fn has(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let (before, behind) = text.split_at(at);
        !before.ends_with(is_part) && !behind[word.len()..].starts_with(is_part)
    })
}

/// Of the names of dependencies, those that no source has.
fn unused(manifest: &str, code: &str) -> Vec<String> {
    let asked = names(manifest, &["dependencies", "dev-dependencies", "build-dependencies"]);
    asked.into_iter().filter(|name| !has(code, &name.replace('-', "_"))).collect()
}

#[test]
fn every_dependency_is_used() {
    let top = top();
    let mut asked = BTreeSet::new();
    for package in packages(&top) {
        let manifest = fs::read_to_string(package.join("Cargo.toml")).expect("a manifest");
        let elsewhere = ELSEWHERE.iter().filter(|(own, _)| top.join(own) == package).map(|(_, other)| top.join(other));
        let files = elsewhere.chain([package.clone()]).flat_map(|folder| sources(&folder));
        let code: String = files.map(|file| fs::read_to_string(file).expect("a source")).collect();
        assert_eq!(unused(&manifest, &code), [""; 0], "{} asks for what it does not use", package.display());
        asked.extend(names(&manifest, &["dependencies", "dev-dependencies", "build-dependencies"]));
    }
    let workspace = fs::read_to_string(top.join("Cargo.toml")).expect("a manifest");
    let named = names(&workspace, &["dependencies"]);
    assert!(named.len() > 20, "{named:?}");
    let left: Vec<&String> = named.difference(&asked).collect();
    assert!(left.is_empty(), "no package asks for {left:?}");
}

#[test]
fn a_dependency_that_is_not_used_is_found() {
    let manifest = "[dependencies]\na-b = \"1\"\nc = \"1\"\n[target.'cfg(unix)'.dev-dependencies]\nd = \"1\"\n";
    assert_eq!(unused(manifest, "use a_b::X; fn cd() { abc() }"), ["c", "d"]);
    assert_eq!(unused(manifest, "a_b!(); c::x(); use d as e;"), [""; 0]);
    assert_eq!(unused(manifest, "a_bc; ad; c_"), ["a-b", "c", "d"]);
}
