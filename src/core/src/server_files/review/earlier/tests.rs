//! The short way to an earlier line finds what the long one finds, whatever the lines are.

use super::EarlierLines;
use crate::server_files::hba::HbaLine;
use crate::server_files::names::{self, FileMatch};
use crate::server_files::{FileReader, FileSystem, HbaContext, UnreadableFile};
use proptest::collection::vec;
use proptest::prelude::*;
use std::path::Path;

/// One file, and nothing else.
struct One(String);

impl FileSystem for One {
    fn read(&mut self, _: &Path) -> Result<Vec<u8>, UnreadableFile> {
        Ok(self.0.clone().into_bytes())
    }

    fn list(&mut self, _: &Path) -> Result<Vec<String>, UnreadableFile> {
        Ok(Vec::new())
    }
}

fn lines(text: &str) -> Vec<HbaLine> {
    let mut file = One(text.to_owned());
    let lines =
        FileReader::new(&mut file).hba(Path::new("/d/pg_hba.conf"), &HbaContext::default()).expect("it is there");
    lines.into_iter().map(|line| line.unwrap_or_else(|problem| panic!("{text}: {}", problem.message))).collect()
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "all",
        "\"all\"",
        "a",
        "\"a\"",
        "b",
        "c",
        "a,b",
        "b,a",
        "all,a",
        "a,a",
        "replication",
        "replication,a",
        "sameuser",
        "+a",
        "/^a$",
        "\"b\",c",
    ])
}

fn line() -> impl Strategy<Value = String> {
    let client = prop::sample::select(vec![
        "local",
        "host all",
        "hostssl all",
        "host 10.0.0.0/8",
        "hostssl 10.1.0.0/16",
        "hostssl 10.1.2.3/32",
        "hostssl samehost",
    ]);
    (client, name(), name()).prop_map(|(client, database, role)| {
        let (connection, address) = client.split_once(' ').unwrap_or((client, ""));
        format!("{connection} {database} {role} {address} trust")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_short_way_is_the_long_one(texts in vec(line(), 1..24)) {
        let all = lines(&texts.join("\n"));
        let index = EarlierLines::of(&all);
        for line in &all {
            let earlier = || all.iter().take_while(|other| other.place != line.place);
            let long = earlier().find(|other| other.covers(line)).map(|other| &other.place);
            prop_assert_eq!(index.covering(line).map(|other| &other.place), long);
            for role in ["a", "postgres"] {
                let wanted = |other: &HbaLine| names::roles_fit(&other.roles, role) == FileMatch::Yes;
                let long = earlier().any(|other| other.covers_but_for_roles(line) && wanted(other));
                prop_assert_eq!(index.is_covered_but_for_roles(line, wanted), long);
            }
        }
    }
}
