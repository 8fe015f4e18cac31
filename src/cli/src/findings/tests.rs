//! Places and their rendering, where files are odd: ends, empty lines, CRLF, other characters than ASCII, bytes that are
//! no UTF-8, values of several lines.

use super::{FindingText, Shown, render, to_json};
use oauth_validator_core::{Config, Related, Severity};
use std::ops::Range;

fn at(span: Range<usize>, related: Vec<Related>) -> Shown {
    Shown {
        code: "bad_value",
        severity: Severity::Error,
        span: Some(span),
        message: "wrong".to_owned(),
        hint: None,
        related,
    }
}

fn rendered(span: Range<usize>, text: &str) -> String {
    render(&[at(span, Vec::new())], "f.toml", text.as_bytes(), false)
}

#[test]
fn a_value_of_several_lines_is_shown_by_its_first() {
    let text = "a = 1\nb = '''{\nsecret\n}'''\nc = 2\n";
    let expected = "error[bad_value]: wrong\n --> f.toml:2:5\n  |\n2 | b = '''{\n  |     ^^^^\n\n";
    assert_eq!(rendered(10..28, text), expected);
}

#[test]
fn the_end_of_a_file_and_an_empty_one_have_places() {
    assert!(rendered(4..4, "a = ").contains("f.toml:1:5"), "{}", rendered(4..4, "a = "));
    assert!(rendered(0..0, "").contains("f.toml:1:1"), "{}", rendered(0..0, ""));
    assert!(rendered(6..7, "a = 1\n\nb = 2\n").contains("f.toml:2:1"));
    assert!(rendered(90..95, "a = 1\n").contains("f.toml:2:1"));
}

#[test]
fn crlf_and_wide_characters_are_counted_as_characters() {
    let text = "# x\r\nname = \"äö漢\" # y\r\nb = 1\r\n";
    let at_comment = text.find("# y").unwrap();
    assert_eq!(FindingText::new(text.as_bytes()).position(at_comment), (2, 14));
    assert!(rendered(at_comment..at_comment + 3, text).contains("f.toml:2:14"));
}

#[test]
fn distant_places_are_shown_without_what_is_between() {
    let between = "x = 1\n".repeat(40);
    let text = format!("a = 1\n{between}b = 2\n");
    let place = text.find("b = 2").unwrap();
    let related = vec![Related { span: 0..5, label: "also here".to_owned() }];
    let out = render(&[at(place..place + 5, related)], "f.toml", text.as_bytes(), false);
    assert!(out.contains("f.toml:42:1") && out.contains("also here"), "{out}");
    assert!(out.lines().count() < 12, "{out}");
}

/// Whatever the file is: a place on each line, the position of the core, and no panic.
#[test]
fn broken_files_are_rendered_with_the_positions_of_the_core() {
    let files: [&[u8]; 12] = [
        b"",
        b"[",
        b"a",
        b"a = ",
        b"a = \"\n",
        b"[profiles.x]\r\nissuer = \"http://a\"\r\n",
        b"\xff",
        b"[profiles.x]\nname = \"\xc3\xa4\xff\"\n",
        b"\xef\xbb\xbfa = 1\n\t\tb = {",
        b"[profiles]\nx = 1\n[profiles]\ny = '''\n\n",
        b"[profiles.\"a\\u001b[2J\"]\nissuer = 1\n\"\\u202e\" = 2",
        "[profiles.x]\n\t漢 = 'ä'\n[profiles.x.keys]\njwks = '''\n{}\n'''\n".as_bytes(),
    ];
    for file in files {
        let findings = Config::parse(file, "f.toml").findings;
        let shown: Vec<Shown> = findings.iter().map(Shown::from).collect();
        let text = render(&shown, "f.toml", file, false);
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
        for (finding, json) in findings.iter().zip(to_json(&shown, "f.toml", file)) {
            assert_eq!(
                (&json["line"], &json["column"]),
                (&finding.position.line.into(), &finding.position.column.into())
            );
            assert!(text.contains(&format!("f.toml:{}:", finding.position.line)), "{finding:?}\n{text}");
        }
    }
}
