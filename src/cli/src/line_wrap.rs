//! Breaks lines of prose where a terminal would break words.
//!
//! For reports and errors that people read. Lines of the configuration, shown with their carets, stay as they are, and so
//! does everything where there is no terminal: programs search for whole lines.

use rustix::fd::AsFd;
use rustix::termios::tcgetwinsize;
use std::env;
use std::io::IsTerminal;

/// Narrower terminals break lines as they like; on wider ones, longer lines are hard to read.
const COLUMNS: std::ops::RangeInclusive<usize> = 40..=100;

/// The longest name in front of a column, as in a row of a report or a list of presets.
const WIDEST_NAME: usize = 16;

/// What stands in front of a step, and how far its text is indented.
const STEPS: [(&str, usize); 6] =
    [("✓ ", 13), ("✗ ", 13), ("- ", 13), ("ok     ", 18), ("FAILED ", 18), ("-      ", 18)];

/// The text as `stream` should show it.
pub(crate) fn for_stream(text: &str, stream: &(impl AsFd + IsTerminal)) -> String {
    width(stream).map_or_else(|| text.to_owned(), |width| fitted(text, width))
}

/// How wide lines may be: as the terminal, else as COLUMNS says, if that is exported.
pub(crate) fn width(stream: &(impl AsFd + IsTerminal)) -> Option<usize> {
    let width = if stream.is_terminal() {
        tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col))
    } else {
        env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok())
    };
    width.filter(|width| width >= COLUMNS.start()).map(|width| width.min(*COLUMNS.end()))
}

/// The text with no line of prose wider than `width`, as far as its words allow.
fn fitted(text: &str, width: usize) -> String {
    let mut fitted = String::with_capacity(text.len() + 64);
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        if shown_width(line) <= width || is_excerpt(line) {
            fitted.push_str(line);
        } else {
            break_line(line, width, &mut fitted);
        }
        fitted.push_str(end);
    }
    fitted
}

/// A line of a file, with its number or a caret under it.
fn is_excerpt(line: &str) -> bool {
    let rest = plain(line);
    let rest = rest.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit());
    rest.starts_with('|') || rest.starts_with("-->")
}

fn break_line(line: &str, width: usize, out: &mut String) {
    let indent = hanging(&plain(line));
    let mut column = 0;
    for word in words(line) {
        let shown = shown_width(word.trim_end_matches(' '));
        if column > indent && column + shown > width {
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            column = indent;
        }
        out.push_str(word);
        column += shown_width(word);
    }
}

/// The words of a line, each with the space behind it. More than one space breaks none: such are fields of a line that is
/// to be copied, as in `MAP   IDENTITY   ROLE`.
fn words(line: &str) -> Vec<&str> {
    let is_space = |at: usize| line.as_bytes().get(at) == Some(&b' ');
    let is_single = |at: usize| is_space(at) && !is_space(at + 1) && !at.checked_sub(1).is_some_and(is_space);
    let mut words = Vec::new();
    let (mut rest, mut start) = (line, 0);
    for at in (0..line.len()).filter(|at| is_single(*at)) {
        let (word, behind) = rest.split_at_checked(at + 1 - start).unwrap_or((rest, ""));
        words.push(word);
        (rest, start) = (behind, at + 1);
    }
    words.push(rest);
    words
}

/// How far the lines after the first are indented: as its text behind a label, such as `note: `, or behind a name that
/// is set apart from it, whichever comes first.
fn hanging(line: &str) -> usize {
    let step = STEPS.iter().find(|(mark, _)| line.starts_with(mark)).map(|(_, indent)| *indent);
    if let Some(indent) = step {
        return indent;
    }
    let content = line.trim_start_matches(' ');
    let label = content.find(": ").filter(|at| *at <= 8).map(|at| at + 2);
    let name = content.find("  ").filter(|at| *at <= WIDEST_NAME);
    match [label, name].into_iter().flatten().min() {
        Some(at) => line.len() - content.get(at..).unwrap_or_default().trim_start_matches(' ').len(),
        None => line.len() - content.len() + 2,
    }
}

/// The text without colours (ECMA-48 SGR).
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = escape.split_once('m').map_or("", |(_, after)| after);
    }
    plain + rest
}

fn shown_width(text: &str) -> usize {
    plain(text).chars().count()
}

#[cfg(test)]
mod tests {
    use super::{fitted, plain};

    #[test]
    fn what_fits_stays() {
        for text in ["", "\n", "a b\n\nc", "  two  spaces  \n"] {
            assert_eq!(fitted(text, 40), text);
        }
    }

    #[test]
    fn prose_is_broken_between_words_under_its_label() {
        let text = "  detail:  one two three four five six seven eight\n  hint:    x\n";
        assert_eq!(
            fitted(text, 30),
            "  detail:  one two three four\n           five six seven\n           eight\n  hint:    x\n"
        );
        assert_eq!(
            fitted("✓ rule       aaaa bbbb cccc", 20),
            "✓ rule       aaaa\n             bbbb\n             cccc"
        );
        assert_eq!(fitted("okta    aaaa bbbb cccc", 18), "okta    aaaa bbbb\n        cccc");
        assert_eq!(fitted("error[bad_value]: aaaa bbbb", 24), "error[bad_value]: aaaa\n  bbbb");
        assert_eq!(fitted("   = help: aaaa bbbb cccc", 20), "   = help: aaaa bbbb\n           cccc");
    }

    #[test]
    fn a_word_that_is_too_long_stays_whole() {
        let url = format!("https://idp.example/{}", "a".repeat(50));
        assert_eq!(fitted(&format!("note: see {url} there"), 40), format!("note: see\n      {url}\n      there"));
        assert_eq!(fitted(&format!("note: {url}"), 40), format!("note: {url}"));
    }

    #[test]
    fn rows_of_a_report_go_on_under_what_they_say() {
        assert_eq!(fitted("left out       key 2: aaaa bbbb", 26), "left out       key 2: aaaa\n               bbbb");
        assert_eq!(fitted("metadata       https://idp.example/a", 20), "metadata       https://idp.example/a");
    }

    #[test]
    fn fields_stay_together() {
        let text = "  next:    write into the file: corp   ana@corp   ana";
        assert_eq!(fitted(text, 46), "  next:    write into the file:\n           corp   ana@corp   ana");
        assert_eq!(fitted(text, 60), text);
    }

    #[test]
    fn lines_of_a_file_stay() {
        for line in ["12 | audience = [\"aaaa bbbb\"]", "   |            ^^^^ aaaa bbbb", "  --> /a b/c d/e f:12:1"] {
            assert_eq!(fitted(line, 10), line);
            assert_eq!(fitted(&format!("\u{1b}[1;34m{line}\u{1b}[0m"), 10), format!("\u{1b}[1;34m{line}\u{1b}[0m"));
        }
    }

    #[test]
    fn colours_take_no_room() {
        let text = "\u{1b}[1;31mdenied\u{1b}[0m: aaaa bbbb cccc";
        assert_eq!(fitted(text, 22), text);
        assert_eq!(plain(&fitted(text, 17)), "denied: aaaa bbbb\n        cccc");
    }
}
