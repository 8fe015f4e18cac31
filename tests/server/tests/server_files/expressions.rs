//! Regular expressions as the server's own operator has them.

use crate::{Numbers, start};
use oauth_validator_core::server_files::{
    FileReader, FileSystem, IdentLine, Mapping, RolesOfIdentity, UnreadableFile, map_identity, roles_of,
};
use std::path::Path;

/// A pg_ident.conf of one text.
struct IdentText(String);

impl FileSystem for IdentText {
    fn read(&mut self, _: &Path) -> Result<Vec<u8>, UnreadableFile> {
        Ok(self.0.clone().into_bytes())
    }

    fn list(&mut self, _: &Path) -> Result<Vec<String>, UnreadableFile> {
        Ok(Vec::new())
    }
}

/// A map `m` with this expression for the role `all`, and a map `n` for `\\1`; what the server says if it takes none.
fn maps(pattern: &str) -> Result<Vec<IdentLine>, String> {
    let quoted = pattern.replace('"', "\"\"");
    let mut text = IdentText(format!("m \"/{quoted}\" all\nn \"/{quoted}\" \\1\n"));
    let lines = FileReader::new(&mut text).ident(Path::new("pg_ident.conf")).expect("a text");
    lines.into_iter().map(|line| line.map_err(|problem| problem.message)).collect()
}

/// What a map says about an identity, for the role `all` and for `\\1`.
fn judged(lines: &[IdentLine], identity: &str) -> (Option<bool>, Option<String>) {
    let matches = match map_identity(lines, "m", identity, "any") {
        Mapping::Granted(_) => Some(true),
        Mapping::Denied => Some(false),
        Mapping::Unknown(..) | Mapping::Broken(..) => None,
    };
    let captured = roles_of(lines, "n", identity).into_iter().find_map(|(_, role)| match role {
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
        let Ok(lines) = maps(&pattern) else { continue };
        for identity in [numbers.pick(IDENTITIES), numbers.pick(IDENTITIES)] {
            let (Some(matches), captured) = judged(&lines, identity) else { continue };
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

const REFUSABLE: &[&str] = &[
    "a",
    "b",
    "(",
    ")",
    "(?:",
    "(?=",
    "(?!",
    "(?<=",
    "(?<!",
    "(?<",
    "(?#",
    "(?i)",
    "(?q)",
    "(?x)",
    "***=",
    "***:",
    "[",
    "]",
    "[^",
    "[[:alpha:]]",
    "[[.a.]]",
    "[[=a=]]",
    "\\1",
    "\\2",
    "\\3",
    "\\10",
    "\\12",
    "\\9",
    "\\0",
    "\\",
    "\\d",
    "\\y",
    "\\m",
    "*",
    "+",
    "?",
    "*?",
    "{1}",
    "{1,2}",
    "{",
    "}",
    "{1",
    "^",
    "$",
    "|",
    ".",
    "-",
    "()",
];

/// Mistakes that are not looked for.
const UNKNOWN: &[&str] = &["invalid character range", "invalid escape \\ sequence", "invalid embedded option"];

/// An expression that is refused here must be one that the server refuses.
#[test]
fn expressions_that_are_refused_here_are_refused_by_the_server() {
    let cluster = start();
    let mut numbers = Numbers(7);
    let (mut refused, mut taken) = (Vec::new(), 0);
    for _ in 0..8000 {
        let pattern: String = (0..5).map(|_| numbers.pick(REFUSABLE)).collect();
        match maps(&pattern) {
            Ok(_) => taken += 1,
            Err(why) => refused.push((pattern, why)),
        }
    }
    assert!(refused.len() > 2000 && taken > 500, "{} refused, {taken} taken", refused.len());
    let text: String = refused.iter().map(|(pattern, _)| format!("m \"/{pattern}\" ana\n")).collect();
    cluster.set_ident(&text);
    let rows = cluster.sql("SELECT error FROM pg_ident_file_mappings ORDER BY line_number").expect("the view");
    assert_eq!(rows.len(), refused.len());
    let mut alike = 0;
    for (row, (pattern, why)) in rows.iter().zip(&refused) {
        let of_server = row[0].as_deref().unwrap_or_else(|| panic!("{pattern} is taken"));
        // What is wrong in front of it may be what is not looked for.
        assert!(of_server == why || UNKNOWN.iter().any(|words| of_server.ends_with(words)), "{of_server} / {why}");
        alike += usize::from(of_server == why);
    }
    assert!(alike * 10 > refused.len() * 9, "{alike} of {} in the same words", refused.len());
}
