//! The page that the demo prints: headings, files, rows with a mark, and the count at the end.
//!
//! At most 80 columns; colour only where somebody looks at it. Never decides whether an outcome is right.

use std::io::{IsTerminal, Write, stdout};

const WIDTH: usize = 80;

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "1;31";
const GREEN: &str = "32";

/// Where the demo prints, and how many outcomes it has printed.
pub struct Screen {
    colour: bool,
    right: usize,
    total: usize,
}

impl Screen {
    pub fn new() -> Self {
        let colour = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { colour, right: 0, total: 0 }
    }

    /// The title of a part of the page.
    pub fn heading(&self, title: &str) {
        put("");
        for line in wrapped(title, WIDTH, 2) {
            put(&self.painted(BOLD, &line));
        }
    }

    /// A paragraph.
    pub fn text(&self, text: &str) {
        for line in wrapped(text, WIDTH, 0) {
            put(&line);
        }
    }

    /// Text as the server or the tool has it, indented.
    pub fn quote(&self, text: &str) {
        for line in text.lines().flat_map(|line| wrapped(line, WIDTH - 4, 4)) {
            put(format!("    {line}").trim_end());
        }
    }

    /// A file with the numbers of its lines.
    pub fn numbered(&self, text: &str) {
        for (index, line) in text.lines().enumerate() {
            for (part, line) in wrapped(line, WIDTH - 6, 4).iter().enumerate() {
                let number = if part == 0 { (index + 1).to_string() } else { String::new() };
                put(format!("{}  {line}", self.painted(DIM, &format!("{number:>4}"))).trim_end());
            }
        }
    }

    /// The names of columns.
    pub fn columns(&self, line: &str) {
        for line in wrapped(line, WIDTH - 4, 4) {
            put(&self.painted(DIM, &format!("    {line}")));
        }
    }

    /// One outcome; `mismatch` says what is wrong with it.
    pub fn outcome(&mut self, row: &str, mismatch: Option<&str>) {
        self.total += 1;
        let rows = wrapped(row, WIDTH - 4, 4);
        let (first, more) = rows.split_first().map_or((row, &[][..]), |(first, more)| (first.as_str(), more));
        let Some(mismatch) = mismatch else {
            self.right += 1;
            put(&format!("  {} {first}", self.painted(GREEN, "✓")));
            return more.iter().for_each(|line| put(&format!("    {line}")));
        };
        put(&format!("  {} {}", self.painted(RED, "✗"), self.painted(RED, first)));
        more.iter().for_each(|line| put(&format!("    {}", self.painted(RED, line))));
        for line in mismatch.lines().flat_map(|line| wrapped(line, WIDTH - 6, 4)) {
            put(&format!("      {line}"));
        }
    }

    /// The count; whether every outcome was the expected one.
    pub fn summary(&self) -> bool {
        let fine = self.total > 0 && self.right == self.total;
        let line = format!("{} of {} outcomes as expected.", self.right, self.total);
        put(&format!("\n{}", self.painted(if fine { BOLD } else { RED }, &line)));
        fine
    }

    fn painted(&self, style: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{style}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A reader who has seen enough (`make demo | head`) changes no outcome.
fn put(line: &str) {
    let _ = writeln!(stdout(), "{line}");
}

/// The line in pieces of at most `width` columns, broken at spaces; all but the first are indented by `hang` more
/// than the line itself. A word that is longer stays whole.
fn wrapped(line: &str, width: usize, hang: usize) -> Vec<String> {
    let own = line.len() - line.trim_start().len();
    let indent = " ".repeat(own + hang);
    let mut pieces = Vec::new();
    let mut rest = line.to_owned();
    while let Some((end, _)) = rest.char_indices().nth(width) {
        let begin = rest.len() - rest.trim_start().len();
        let fits = if rest[end..].starts_with(' ') { Some(end) } else { rest[..end].rfind(' ') };
        let Some(space) = fits.filter(|space| *space > begin) else { break };
        let next = format!("{indent}{}", rest[space..].trim_start());
        rest.truncate(space);
        pieces.push(std::mem::replace(&mut rest, next));
    }
    pieces.push(rest);
    pieces
}
