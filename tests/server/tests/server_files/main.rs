//! The tool's reading of pg_hba.conf, pg_ident.conf and postgresql.conf against the server's own: its views
//! pg_hba_file_rules, pg_ident_file_mappings and pg_file_settings, line by line, the errors included; and which line takes
//! a login, as its log says.
//!
//! The server reads the files for each view, so that nothing has to be loaded for these. Generated lines come from a fixed
//! seed. Must never compare what the build of a server decides, such as whether it has TLS.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod expressions;
mod hba;
mod ident;
mod logins;
mod settings;

use oauth_validator_core::server_files::{FilePosition, FileSystem, Problem, SourceFile, UnreadableFile, line_of};
use oauth_validator_server_tests::{Cluster, ClusterOptions};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::Path;

/// The files as they are.
struct DiskFiles;

fn unreadable(error: &io::Error) -> UnreadableFile {
    let why = error.to_string();
    let why = why.split(" (os error").next().unwrap_or_default().to_owned();
    UnreadableFile { missing: error.kind() == io::ErrorKind::NotFound, why }
}

impl FileSystem for DiskFiles {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, UnreadableFile> {
        fs::read(path).map_err(|error| unreadable(&error))
    }

    fn list(&mut self, folder: &Path) -> Result<Vec<String>, UnreadableFile> {
        let entries = fs::read_dir(folder).map_err(|error| unreadable(&error))?;
        let files = entries.map(|entry| entry.expect("an entry")).filter(|entry| !entry.path().is_dir());
        Ok(files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
    }
}

/// One row, of the server's view or of the reader; absent values are empty.
#[derive(Debug, PartialEq, Eq, Clone, Default)]
struct ViewRow {
    file: String,
    line: usize,
    values: Vec<String>,
    error: String,
}

fn start() -> Cluster {
    let cluster = Cluster::start(ClusterOptions::default());
    assert!(!cluster.sql("SELECT 1 FROM pg_hba_file_rules WHERE error IS NULL").expect("a view").is_empty());
    cluster
}

/// The rows of a query whose first columns are file and line, and whose last one is the error.
fn rows(cluster: &Cluster, sql: &str) -> Vec<ViewRow> {
    let text = |value: Option<String>| value.unwrap_or_default();
    let row = |row: Vec<Option<String>>| {
        let mut values: Vec<String> = row.into_iter().map(text).collect();
        let error = values.pop().expect("an error");
        let rest = values.split_off(2);
        ViewRow { file: values[0].clone(), line: values[1].parse().unwrap_or(0), values: rest, error }
    };
    cluster.sql(sql).unwrap_or_else(|error| panic!("{sql}: {error}")).into_iter().map(row).collect()
}

fn read_rows<T>(
    sources: &[SourceFile],
    lines: &[Result<T, Problem>],
    values: impl Fn(&T) -> (&FilePosition, Vec<String>),
) -> Vec<ViewRow> {
    let row = |line: &Result<T, Problem>| {
        let (place, values, error) = match line {
            Ok(line) => {
                let (place, values) = values(line);
                (place, values, String::new())
            }
            Err(problem) => (&problem.line, Vec::new(), problem.message.clone()),
        };
        let source = &sources[place.source];
        ViewRow {
            file: source.path.display().to_string(),
            line: line_of(&source.text, place.span.start),
            values,
            error,
        }
    };
    lines.iter().map(row).collect()
}

fn compact(json: &str) -> String {
    serde_json::from_str::<Value>(json).map_or_else(|_| json.to_owned(), |value| value.to_string())
}

/// What depends on the server's build, and where the reader does not claim to know: a regular expression that the server
/// refuses must be one that is not judged.
fn reconcile(server: &mut ViewRow, own: &mut ViewRow, not_judged: bool) {
    for value in &mut server.values {
        *value = compact(value);
    }
    if server.error.starts_with("hostssl record cannot match") || server.error.starts_with("hostgssenc record") {
        server.error.clear();
    }
    if server.error.starts_with("invalid regular expression") {
        // The server says only the first thing that is wrong.
        assert!(not_judged || !own.error.is_empty(), "{server:?}\n{own:?}");
        own.clone_from(server);
    }
    if server.error.ends_with("not supported by this build") {
        own.clone_from(server);
    }
    if !server.error.is_empty() {
        server.values.clear();
        own.values.clear();
    }
    // PostgreSQL 19 puts names of settings in quotes.
    server.error = server.error.replace("\"oauth_validator_libraries\"", "oauth_validator_libraries");
    // getaddrinfo(3) has its own words for that.
    for row in [server, own] {
        if let Some((head, _)) = row.error.split_once("invalid IP mask") {
            row.error = format!("{head}invalid IP mask");
        }
    }
}

/// Numbers that look as if they were none of anybody's choice, and are the same each time (Knuth's MMIX).
struct Numbers(u64);

impl Numbers {
    fn pick<'w>(&mut self, words: &[&'w str]) -> &'w str {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let count = u64::try_from(words.len()).expect("some words");
        words[usize::try_from((self.0 >> 33) % count).expect("small")]
    }
}

const NAMES: &[&str] = &[
    "all",
    "\"all\"",
    "ana",
    "a,b",
    "a, b ,c",
    "sameuser",
    "+dba",
    "\"+dba\"",
    "/^a.*$",
    "\"/^(a|b)$\"",
    "\"a b\"",
    "a\"b c\"d",
    "\"a\"\"b\"",
    ",",
    "\"unclosed",
    "replication",
    "@nowhere",
    "@\"no where\"",
    "\"@x\"",
    "#",
    "\"#\"",
    "a#b",
    "\\",
    "\"\"",
    "/(",
    "ü",
    "\ta\t",
    "a\\\nb",
    "@",
    "'a b'",
];
