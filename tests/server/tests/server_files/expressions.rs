//! Regular expressions as the server's own operator has them.

use crate::{Numbers, start};
use oauth_validator_core::server_files::{
    Files, IdentLine, Mapping, Reader, RolesOfIdentity, Unreadable, map_identity, roles_of,
};
use std::path::Path;

/// A pg_ident.conf of one text.
struct Text(String);

impl Files for Text {
    fn read(&mut self, _: &Path) -> Result<Vec<u8>, Unreadable> {
        Ok(self.0.clone().into_bytes())
    }

    fn list(&mut self, _: &Path) -> Result<Vec<String>, Unreadable> {
        Ok(Vec::new())
    }
}

/// What a map with this expression says about an identity, for the role `all` and for `\\1`.
fn judged(pattern: &str, identity: &str) -> (Option<bool>, Option<String>) {
    let quoted = pattern.replace('"', "\"\"");
    let mut text = Text(format!("m \"/{quoted}\" all\nn \"/{quoted}\" \\1\n"));
    let lines = Reader::new(&mut text).ident(Path::new("pg_ident.conf")).expect("a text");
    let lines: Vec<IdentLine> = lines.into_iter().map(|line| line.expect("a line")).collect();
    let matches = match map_identity(&lines, "m", identity, "any") {
        Mapping::Granted(_) => Some(true),
        Mapping::Denied => Some(false),
        Mapping::Unknown(..) | Mapping::Broken(..) => None,
    };
    let captured = roles_of(&lines, "n", identity).into_iter().find_map(|(_, role)| match role {
        RolesOfIdentity::One(role) => Some(role),
        RolesOfIdentity::Some(_) => None,
    });
    (matches, captured)
}

const PIECES: &[&str] = &[
    "a",
    "b",
    "ana",
    "@",
    ".",
    "\\.",
    "corp",
    "[ab]",
    "[^@]",
    "[a-c-]",
    "[[:alpha:]]",
    "[&&a]",
    "\\d",
    "\\w",
    "\\s",
    "(a|b)",
    "(.*)",
    "(a+)",
    "(?:ab)",
    "*",
    "+",
    "?",
    "*?",
    "{2}",
    "{1,2}",
    "{1,}",
    "|",
    "^",
    "$",
    "\\@",
    "ü",
    "-",
    "(?=a)",
    "\\1",
    "\\y",
    "[[.a.]]",
    "~",
    "()",
    "(",
    ")",
    "[]a]",
    "{",
    "}",
    "\\",
    "[\\]]",
    "[a\\-c]",
    "\n",
    "#",
    " ",
];
const IDENTITIES: &[&str] = &[
    "ana",
    "ana@corp.example",
    "a",
    "b",
    "ab",
    "aab",
    "aaa",
    "",
    "ü",
    "ana corp",
    "a@b@c",
    "a-b",
    "1_x",
    "A",
    "~&",
    "a.b",
    "]",
    "{",
];

/// An expression that is judged here must be one for the server, and mean the same to it.
#[test]
fn expressions_that_are_judged_mean_to_the_server_what_they_mean_here() {
    let cluster = start();
    let mut numbers = Numbers(3);
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let (mut queries, mut expected, mut captures) = (Vec::new(), Vec::new(), 0);
    for turn in 0..6000 {
        let middle: String = (0..3).map(|_| numbers.pick(PIECES)).collect();
        let pattern = match turn % 3 {
            // One of those whose group becomes the role.
            0 => {
                let before = numbers.pick(&["", "a*", "a?", "[a-c]*"]);
                let group = numbers.pick(&["(.*)", "([^@]+)", "(a*)", "([a-c]+)", "(a?b?)"]);
                format!("^{before}{group}{}$", numbers.pick(&["", "@.*", ".*", "b?", "a*", "@corp\\.example"]))
            }
            _ => format!("{}{middle}{}", numbers.pick(&["", "^"]), numbers.pick(&["", "$"])),
        };
        if pattern.contains('\n') {
            continue;
        }
        for identity in [numbers.pick(IDENTITIES), numbers.pick(IDENTITIES)] {
            let (Some(matches), captured) = judged(&pattern, identity) else { continue };
            let (text, regex) = (literal(identity), literal(&pattern));
            let capture = captured.as_ref().map_or("''".to_owned(), |_| format!("substring({text} from {regex})"));
            captures += usize::from(captured.is_some());
            queries.push(format!("SELECT {text} COLLATE \"C\" ~ {regex}, {capture}, {regex}, {text}"));
            expected.push((matches, captured.unwrap_or_default(), pattern.clone()));
        }
    }
    assert!(queries.len() > 1000 && captures > 50, "{} judged, {captures} captures", queries.len());
    for (queries, expected) in queries.chunks(200).zip(expected.chunks(200)) {
        let sql = queries.join(" UNION ALL ");
        let rows = cluster.sql(&sql).unwrap_or_else(|error| panic!("{error}: {expected:?}"));
        assert_eq!(rows.len(), expected.len());
        for (row, (matches, captured, _)) in rows.iter().zip(expected) {
            let of_server = (row[0].as_deref() == Some("t"), row[1].clone().unwrap_or_default());
            assert_eq!((*matches, captured.clone()), of_server, "{row:?}");
        }
    }
}
