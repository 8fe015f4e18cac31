//! Lines and columns of a text of the configuration.

use super::origin::Origin;
use crate::finding::{Finding, FindingCode, Position};

/// A text and the starts of its lines, so that each position is a binary search.
pub(super) struct SourceText<'t> {
    pub(super) text: &'t str,
    /// Which of the configuration's files it is, as in [`Origin::Line`].
    pub(super) file: usize,
    line_starts: Vec<usize>,
}

impl<'t> SourceText<'t> {
    /// The text of the main file.
    pub(super) fn new(text: &'t str) -> Self {
        Self::of_file(text, 0)
    }

    /// The text of any file.
    pub(super) fn of_file(text: &'t str, file: usize) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, file, line_starts: std::iter::once(0).chain(newlines).collect() }
    }

    /// The line of byte `offset`, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// What is written at byte `offset` comes from there.
    pub(super) fn origin(&self, offset: usize) -> Origin {
        Origin::Line { file: self.file, line: self.line(offset) }
    }

    pub(super) fn position(&self, offset: usize) -> Position {
        let line = self.line(offset);
        let start = line.checked_sub(1).and_then(|line| self.line_starts.get(line)).copied().unwrap_or_default();
        let before = self.text.as_bytes().get(start..offset.clamp(start, self.text.len())).unwrap_or_default();
        Position { line, column: String::from_utf8_lossy(before).chars().count() + 1 }
    }
}

/// The finding for a text that is not UTF-8 from byte `valid_up_to` on.
pub(super) fn not_utf8(text: &[u8], valid_up_to: usize) -> Finding {
    let valid = text.get(..valid_up_to).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default();
    Finding {
        code: FindingCode::NotUtf8,
        span: valid_up_to..valid_up_to,
        position: SourceText::new(valid).position(valid_up_to),
        message: "the file is not UTF-8 text from here on".to_owned(),
        hint: Some(
            "save the file as UTF-8; other characters than ASCII are only needed in comments and names".to_owned(),
        ),
        related: Vec::new(),
    }
}
