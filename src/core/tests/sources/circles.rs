//! No two files need each other, be it by way of others: each can be read, moved and tested after those it names.
//!
//! A file may use what the one above it has, as `claims/times.rs` does with `claims.rs`: that one is about the same thing,
//! and says it first.

use super::modules::{Crate, ModuleId, top};
use super::paths::needs;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Which file needs which, and by which path.
type FileGraph = BTreeMap<PathBuf, BTreeMap<PathBuf, String>>;

/// The first files of all crates and test programs.
fn roots(top: &Path) -> Vec<PathBuf> {
    let list = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let mut roots = Vec::new();
    for package in ["src", "tests"].iter().flat_map(|folder| list(&top.join(folder))) {
        let programs =
            ["src/bin", "tests", "benches", "examples"].iter().flat_map(|folder| list(&package.join(folder)));
        roots.extend(programs.filter(|path| path.extension().is_some_and(|name| name == "rs")));
        let mains = ["tests", "examples"].iter().flat_map(|folder| list(&package.join(folder)));
        roots.extend(mains.map(|folder| folder.join("main.rs")));
        roots.extend(["src/lib.rs", "src/main.rs", "main.rs"].map(|file| package.join(file)));
    }
    roots.retain(|root| root.is_file());
    roots.sort();
    roots.dedup();
    roots
}

fn graph(of: &Crate) -> FileGraph {
    let mut graph = FileGraph::new();
    for (from, module) in of.modules.iter().enumerate() {
        let needed = graph.entry(module.file.clone()).or_default();
        for (to, path) in needs(of, from) {
            let file = &of.modules[to].file;
            if *file != module.file && !is_above(of, to, from) {
                needed.entry(file.clone()).or_insert(path);
            }
        }
    }
    graph
}

/// Whether the file of `above` is one that `below` is in.
fn is_above(of: &Crate, above: ModuleId, below: ModuleId) -> bool {
    let file = &of.modules[above].file;
    (0..of.modules.len()).any(|id| of.modules[id].file == *file && of.is_above(id, below))
}

/// All that `from` leads to.
fn reached<'g>(graph: &'g FileGraph, from: &'g PathBuf) -> BTreeSet<&'g PathBuf> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(file) = next.pop() {
        for needed in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(needed) {
                next.push(needed);
            }
        }
    }
    reached
}

/// The circles of a graph: files that all lead to each other.
fn circles(graph: &FileGraph) -> BTreeSet<BTreeSet<&PathBuf>> {
    let reached: BTreeMap<&PathBuf, BTreeSet<&PathBuf>> =
        graph.keys().map(|file| (file, reached(graph, file))).collect();
    let mut circles = BTreeSet::new();
    for (file, leads_to) in &reached {
        let back = |other: &&&PathBuf| reached.get(**other).is_some_and(|leads_to| leads_to.contains(*file));
        let circle: BTreeSet<&PathBuf> = leads_to.iter().filter(back).copied().collect();
        if leads_to.contains(*file) {
            circles.insert(circle);
        }
    }
    circles
}

/// For somebody who has to break it.
fn said(graph: &FileGraph, circle: &BTreeSet<&PathBuf>, top: &Path) -> String {
    let short = |file: &Path| file.strip_prefix(top).unwrap_or(file).display().to_string();
    let mut said = String::new();
    for file in circle {
        for (needed, path) in graph[*file].iter().filter(|(needed, _)| circle.contains(needed)) {
            said.push_str(&format!("  {} names {path}, which is in {}\n", short(file), short(needed)));
        }
    }
    said
}

#[test]
fn no_files_need_each_other() {
    let top = top();
    let roots = roots(&top);
    assert!(roots.len() > 20, "the crates of this tree: {roots:?}");
    let mut found = Vec::new();
    for root in roots {
        let graph = graph(&Crate::read(&root));
        found.extend(circles(&graph).iter().map(|circle| said(&graph, circle, &top)));
    }
    let count = found.len();
    assert_eq!(count, 0, "circles; move what both need into a file that needs neither:\n{}", found.join("\n"));
}

/// A crate of files that are written for it.
fn crate_of(files: &[(&str, &str)]) -> (tempfile::TempDir, Crate) {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    let read = Crate::read(&folder.path().join("lib.rs"));
    (folder, read)
}

#[track_caller]
fn assert_circles(files: &[(&str, &str)], expected: usize) {
    let (folder, read) = crate_of(files);
    let graph = graph(&read);
    let found: Vec<String> = circles(&graph).iter().map(|circle| said(&graph, circle, folder.path())).collect();
    assert_eq!(found.len(), expected, "{found:#?}");
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let root = ("lib.rs", "mod a; mod b; mod c; pub use b::Two;");
    let a = ("a.rs", "pub struct One;");
    for (b, c) in [
        ("use crate::c::Three; pub struct Two;", "use crate::b::Two; pub struct Three;"),
        ("use super::c::{self, Three as Four}; pub struct Two;", "pub struct Three; fn f() { crate::Two }"),
        ("use crate::c; pub struct Two; fn f() { c::three() }", "pub fn three() {} fn f(two: super::b::Two) {}"),
        ("pub struct Two; fn f() { assert!(crate::c::three()) }", "pub fn three() {} use crate::b::*;"),
        ("pub struct Two; mod tests { use crate::c::three; }", "pub fn three() {} impl From<crate::Two> for u8 {}"),
    ] {
        assert_circles(&[root, a, ("b.rs", b), ("c.rs", c)], 1);
    }
    let by_another = [
        root,
        ("a.rs", "use crate::b::Two; pub struct One;"),
        ("b.rs", "use crate::c::Three; pub struct Two;"),
        ("c.rs", "use crate::a::One; pub struct Three;"),
    ];
    assert_circles(&by_another, 1);
}

#[test]
fn what_is_above_and_what_is_for_tests_makes_none() {
    let root = ("lib.rs", "mod a; mod b;");
    for (a, inner, b) in [
        ("mod inner; pub struct One; fn f() { inner::two() }", "use super::One; pub fn two() {}", ""),
        ("mod inner; pub use inner::two; pub struct One;", "pub fn two() {}", "use crate::a::{One, two};"),
        (
            "mod inner; pub struct One; #[cfg(test)] mod tests { use crate::b::Two; }",
            "",
            "use crate::a::One; pub struct Two;",
        ),
        ("mod inner; use crate::b; pub struct One;", "", "use crate::a::One; pub struct Two;"),
        ("mod inner; pub struct One; // crate::b::Two", "", "use crate::a::One; pub struct Two;"),
    ] {
        assert_circles(&[root, ("a.rs", a), ("a/inner.rs", inner), ("b.rs", b)], 0);
    }
    // It is what defines something that counts, and not through whom it is had.
    let leaf = [
        ("lib.rs", "mod a; mod b; mod leaf;"),
        ("a.rs", "pub use crate::leaf::Leaf; use crate::b::Two;"),
        ("b.rs", "use crate::a::Leaf; pub struct Two;"),
        ("leaf.rs", "pub struct Leaf;"),
    ];
    assert_circles(&leaf, 0);
}
