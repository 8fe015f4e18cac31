//! Collects what is wrong with a file, in the order of the file. Nothing here decides what is wrong.
//!
//! A finding must never hold a control character: names in it are those that somebody wrote into a file of a team, and it
//! goes to terminals and to the server's log.

use super::source::SourceText;
use crate::finding::{Finding, FindingCode, Related};
use std::ops::Range;

/// What was found so far.
pub(super) struct Findings<'t> {
    pub(super) source: SourceText<'t>,
    list: Vec<Finding>,
}

impl<'t> Findings<'t> {
    pub(super) fn new(source: SourceText<'t>) -> Self {
        Self { source, list: Vec::new() }
    }

    pub(super) fn add(&mut self, code: FindingCode, span: Range<usize>, message: impl Into<String>) -> &mut Finding {
        let position = self.source.position(span.start);
        let message = in_one_line(message.into());
        let finding = Finding { code, span, position, message, hint: None, related: Vec::new() };
        self.list.push_mut(finding)
    }

    /// Whether there is an error among them.
    pub(super) fn has_errors(&self) -> bool {
        self.list.iter().any(Finding::is_error)
    }

    /// How many errors there are.
    pub(super) fn errors(&self) -> usize {
        self.list.iter().filter(|finding| finding.is_error()).count()
    }

    /// Whether the syntax is broken somewhere, so that what seems to be missing may only be out of sight.
    pub(super) fn is_broken(&self) -> bool {
        self.list.iter().any(|finding| finding.code == FindingCode::Syntax)
    }

    /// Puts in a finding that was made before there was a text.
    pub(super) fn put(&mut self, finding: Finding) {
        self.list.push(finding);
    }

    /// The findings in the order of the file. Where the syntax is broken, what seems to be missing may only be out
    /// of sight, and what seems to be unknown behind that place may only be in a table whose head was not understood:
    /// neither is reported.
    pub(super) fn sorted(&mut self) -> &[Finding] {
        let broken = self.list.iter().filter(|finding| finding.code == FindingCode::Syntax);
        if let Some(broken) = broken.map(|finding| finding.span.start).min() {
            self.list.retain(|finding| match finding.code {
                FindingCode::MissingKey | FindingCode::KeySource => false,
                FindingCode::UnknownKey => finding.span.start < broken,
                _ => true,
            });
        }
        self.list.sort_by_key(|finding| (finding.span.start, finding.code));
        &self.list
    }

    /// The findings in the order of the file, as a list of the caller's own.
    pub(super) fn into_sorted(mut self) -> Vec<Finding> {
        self.sorted();
        self.list
    }
}

impl Finding {
    pub(super) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(in_one_line(hint.into()));
        self
    }

    pub(super) fn related(&mut self, span: Range<usize>, label: &str) -> &mut Self {
        self.related.push(Related { span, label: in_one_line(label.to_owned()) });
        self
    }
}

/// A text without control characters: TOML can write any of them into the name of a key.
fn in_one_line(text: String) -> String {
    if text.contains(char::is_control) { text.replace(char::is_control, "\u{fffd}") } else { text }
}
