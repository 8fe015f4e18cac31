//! Reads the manual pages for the tests: mdoc (mdoc(7)), as far as the pages use it.
//!
//! It must never give back less than is there: what it does not know, such as another escape sequence, is a failure.

use std::fs;
use std::path::{Path, PathBuf};

/// The lines under one heading, `.Sh` or `.Ss`.
pub struct ManSection {
    /// The `.Sh` heading.
    pub chapter: String,
    /// The `.Ss` heading under it; empty before the first one.
    pub heading: String,
    /// As they are written.
    pub lines: Vec<String>,
}

impl ManSection {
    /// The names of its `.It Cm` entries, in their order.
    pub fn entries(&self) -> Vec<&str> {
        self.lines.iter().filter_map(|line| line.strip_prefix(".It Cm ")).collect()
    }

    /// Its literal blocks, as a reader sees them.
    pub fn literal_blocks(&self) -> Vec<String> {
        let mut blocks = Vec::new();
        let mut lines = self.lines.iter();
        while let Some(line) = lines.next() {
            if line.starts_with(".Bd -literal") {
                blocks.push(lines.by_ref().take_while(|line| *line != ".Ed").map(|line| shown(line) + "\n").collect());
            }
        }
        blocks
    }

    /// Everything in it, as a reader sees it.
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| shown(line) + "\n").collect()
    }
}

/// The top of the source.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A page of `man`, by the name of its file.
pub fn read(name: &str) -> Vec<ManSection> {
    let path = root().join("man").join(name);
    let page = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let mut sections: Vec<ManSection> = Vec::new();
    for line in page.lines().filter(|line| !line.starts_with(".\\\"")) {
        let chapter = sections.last().map_or("", |section| section.chapter.as_str()).to_owned();
        if let Some(chapter) = line.strip_prefix(".Sh ") {
            sections.push(ManSection { chapter: chapter.to_owned(), heading: String::new(), lines: Vec::new() });
        } else if let Some(heading) = line.strip_prefix(".Ss ") {
            sections.push(ManSection { chapter, heading: heading.to_owned(), lines: Vec::new() });
        } else if let Some(section) = sections.last_mut() {
            section.lines.push(line.to_owned());
        }
    }
    assert!(sections.len() > 5, "{name} has no sections");
    sections
}

/// The sections under a `.Sh` heading, without the text before its first `.Ss`.
pub fn under<'a>(page: &'a [ManSection], chapter: &str) -> Vec<&'a ManSection> {
    let found: Vec<&ManSection> =
        page.iter().filter(|section| section.chapter == chapter && !section.heading.is_empty()).collect();
    assert!(!found.is_empty(), "nothing under {chapter}");
    found
}

/// The one section with these headings.
pub fn one<'a>(page: &'a [ManSection], chapter: &str, heading: &str) -> &'a ManSection {
    let found: Vec<&ManSection> =
        page.iter().filter(|section| section.chapter == chapter && section.heading == heading).collect();
    assert_eq!(found.len(), 1, "headings \"{heading}\" under {chapter}");
    found[0]
}

/// A line of mdoc without its escape sequences. Others than these are not used in the pages.
fn shown(line: &str) -> String {
    let mut text = line.to_owned();
    let escapes =
        [("\\-", "-"), ("\\(aq", "'"), ("\\(dq", "\""), ("\\(ha", "^"), ("\\(ti", "~"), ("\\(ga", "`"), ("\\&", "")];
    for (escape, character) in escapes {
        text = text.replace(escape, character);
    }
    let rest = text.replace("\\e", "").replace("\\~", "");
    assert!(!rest.contains('\\'), "an escape sequence that is not known here: {line}");
    text.replace("\\e", "\\")
}
