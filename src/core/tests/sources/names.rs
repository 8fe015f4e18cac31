//! One name, one meaning: no type has the name of another one, in any crate.
//!
//! Where two mean the same, as what a test sets up, the name is listed here with what it means.

use super::lengths::sources;
use super::modules::top;
use std::collections::BTreeMap;
use std::fs;

/// Names that several types have, and what each of these types is.
const SHARED: [(&str, &str); 14] = [
    ("By", "how a login came to its configuration: kept, or read"),
    ("Case", "a row of a table of tests"),
    ("CaseResolver", "looks up what the decision about one case needs"),
    ("Dice", "numbers that look random, and are the same in each run"),
    ("DiskFiles", "the server's files as they are on the disk"),
    ("ErrorResponse", "PostgreSQL's message of that name"),
    ("Folder", "a temporary folder of a test"),
    ("Id", "a timer of the system, on each kind of system"),
    ("Login", "a login that a test tries"),
    ("MemoryFiles", "the server's files, held in memory"),
    ("Options", "the command line of a program that measures"),
    ("ProgramOutput", "how a program of a test ended, and what it printed"),
    ("Scene", "what a test program sets up: servers, providers, files"),
    ("Value", "a type that serde asks for"),
];

/// The name that a line defines a type by.
fn defined(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub") || word.ends_with(')'));
    let keyword = words.next()?;
    let name = words.next()?.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    let is_type = ["struct", "enum", "trait", "type", "union"].contains(&keyword);
    // `type Error = ...` in an impl is what a trait asks for, as of `FromStr`.
    (is_type && name.starts_with(char::is_uppercase) && name != "Error" && name != "Result" && name != "Err")
        .then_some(name)
}

#[test]
fn no_two_types_have_one_name() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in ["src", "tests"].iter().flat_map(|folder| sources(&top().join(folder))) {
        for line in fs::read_to_string(&path).expect("a source").lines() {
            if let Some(name) = defined(line) {
                places.entry(name.to_owned()).or_default().push(path.display().to_string());
            }
        }
    }
    assert!(places.len() > 500, "the types of this tree: {}", places.len());
    let shared = |name: &str| SHARED.iter().any(|(known, _)| *known == name);
    let odd: Vec<_> = places.iter().filter(|(name, places)| places.len() > 1 && !shared(name)).collect();
    assert!(odd.is_empty(), "one name, several types; name each for what it is: {odd:#?}");
}

#[test]
fn definitions_are_found() {
    for line in
        ["struct A;", "pub(crate) enum A<'a> {", "    pub struct A(u8);", "type A = u8;", "pub(in crate::a) enum A {"]
    {
        assert_eq!(defined(line), Some("A"), "{line}");
    }
    for line in ["// struct A;", "let a = A;", "type Error = X;", "fn a() {}", "type id = u8;"] {
        assert_eq!(defined(line), None, "{line}");
    }
}
