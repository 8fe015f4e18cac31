//! Findings as text, in the manner of rustc, and as JSON.
//!
//! Must never print more of the file than the lines that a finding is about, nor more than the first line of a value:
//! a key set written into the file can fill a screen.

use crate::output::visible;
use annotate_snippets::renderer::{AnsiColor, Effects, Style};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use oauth_validator_core::{Finding, FindingCode, KeysUnavailable, Reason, Related, Severity};
use oauth_validator_store::Refusal;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::ops::Range;

/// The colour of PostgreSQL's own warnings (`PG_COLORS`). The renderer's is yellow, which nobody can read on white.
const WARNING: Style = AnsiColor::Magenta.on_default().effects(Effects::BOLD);

/// A finding, whoever made it.
#[derive(Debug)]
pub(crate) struct Shown {
    code: &'static str,
    severity: Severity,
    /// Bytes of the file; none if it is about the file as a whole.
    span: Option<Range<usize>>,
    message: String,
    hint: Option<String>,
    related: Vec<Related>,
}

impl From<&Finding> for Shown {
    fn from(finding: &Finding) -> Self {
        Self {
            code: finding.code.code(),
            severity: finding.code.severity(),
            span: Some(finding.span.clone()),
            message: finding.message.clone(),
            hint: finding.hint.clone(),
            related: finding.related.clone(),
        }
    }
}

impl Shown {
    /// The server would not read the file; `hint` says what to do.
    pub(crate) fn refused(refusal: &Refusal, hint: String) -> Self {
        Self::error(Reason::ConfigUnreadable, refusal.to_string(), hint)
    }

    /// A file of the folder cannot be read, so that its profiles let nobody in.
    pub(crate) fn unread(why: &str, hint: &str) -> Self {
        Self::error(Reason::ConfigUnreadable, why.trim_end_matches('.').to_owned(), hint.to_owned())
    }

    /// What the profile needs of another file cannot be had, for which the server denies its logins with `reason`; `span`
    /// is where the file is named.
    pub(crate) fn unavailable(
        reason: Reason,
        profile: &str,
        span: Option<Range<usize>>,
        why: &KeysUnavailable,
    ) -> Self {
        let what = why.detail.trim_end_matches('.');
        Self { span, ..Self::error(reason, format!("profile \"{profile}\": {what}"), why.hint.clone()) }
    }

    /// Something that only a look at the machine shows, besides the file.
    pub(crate) fn of_the_machine(code: FindingCode, span: Option<Range<usize>>, message: String, hint: String) -> Self {
        let (code, severity) = (code.code(), code.severity());
        Self { code, severity, span, message, hint: Some(hint), related: Vec::new() }
    }

    /// An error under the code with which the server would deny a login.
    fn error(reason: Reason, message: String, hint: String) -> Self {
        let (code, severity) = (reason.code(), Severity::Error);
        Self { code, severity, span: None, message, hint: Some(hint), related: Vec::new() }
    }

    /// Whether the server denies logins because of it.
    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// Where it begins; what is about the file as a whole comes first.
    pub(crate) fn begins(&self) -> Option<usize> {
        self.span.as_ref().map(|span| span.start)
    }

    const fn severity_name(&self) -> &'static str {
        match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// A file and what was found in it.
pub(crate) struct Page<'t> {
    /// How messages call the file.
    pub(crate) name: String,
    pub(crate) text: Cow<'t, [u8]>,
    pub(crate) found: Vec<Shown>,
}

impl Page<'_> {
    /// How many of the findings are errors.
    pub(crate) fn errors(&self) -> usize {
        self.found.iter().filter(|shown| shown.is_error()).count()
    }
}

/// The findings for a person, each followed by an empty line.
pub(crate) fn render(found: &[Shown], file: &str, text: &[u8], colour: bool) -> String {
    let text = FindingText::new(text);
    let renderer = if colour { Renderer::styled().warning(WARNING) } else { Renderer::plain() };
    found.iter().map(|shown| renderer.render(&[group(shown, file, &text)]) + "\n\n").collect()
}

fn group<'a>(shown: &'a Shown, file: &'a str, text: &'a FindingText<'_>) -> Group<'a> {
    let level = if shown.is_error() { Level::ERROR } else { Level::WARNING };
    let title = level.primary_title(visible(&shown.message, false)).id(shown.code);
    let group = match &shown.span {
        Some(span) => title.element(snippet(span, &shown.related, file, text)),
        None => title.element(Origin::path(visible(file, false))),
    };
    match &shown.hint {
        Some(hint) => group.element(Level::HELP.message(visible(hint, false))),
        None => group,
    }
}

/// The lines from the first place to the last one; the renderer leaves out those between.
fn snippet<'a>(
    span: &Range<usize>,
    related: &'a [Related],
    file: &'a str,
    text: &'a FindingText<'_>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let primary = text.on_one_line(span);
    let others: Vec<Range<usize>> = related.iter().map(|place| text.on_one_line(&place.span)).collect();
    let starts = || others.iter().chain([&primary]).map(|place| place.start);
    let first = text.line_of(starts().min().unwrap_or(primary.start));
    let last = text.line_of(starts().max().unwrap_or(primary.start));
    let base = text.line_start(first);
    let shift = |place: &Range<usize>| place.start - base..place.end - base;
    Snippet::source(text.part(base..text.line_end(last)))
        .path(visible(file, false))
        .line_start(first + 1)
        .annotation(AnnotationKind::Primary.span(shift(&primary)))
        .annotations(
            others.iter().zip(related).map(|(place, related)| {
                AnnotationKind::Context.span(shift(place)).label(visible(&related.label, false))
            }),
        )
}

/// The findings for a program. `line` and `column` count from 1, columns in characters, and are null where a finding is
/// about the file as a whole.
pub(crate) fn to_json(found: &[Shown], file: &str, text: &[u8]) -> Vec<Value> {
    let text = FindingText::new(text);
    found.iter().map(|shown| finding_to_json(shown, file, &text)).collect()
}

fn finding_to_json(shown: &Shown, file: &str, text: &FindingText<'_>) -> Value {
    let position = shown.span.as_ref().map(|span| text.position(span.start));
    let related: Vec<Value> = shown
        .related
        .iter()
        .map(|place| {
            let (line, column) = text.position(place.span.start);
            json!({ "line": line, "column": column, "label": place.label })
        })
        .collect();
    json!({
        "code": shown.code,
        "severity": shown.severity_name(),
        "file": file,
        "line": position.map(|(line, _)| line),
        "column": position.map(|(_, column)| column),
        "message": shown.message,
        "hint": shown.hint,
        "related": related,
    })
}

/// The file's text and the starts of its lines.
struct FindingText<'t> {
    text: Cow<'t, str>,
    line_starts: Vec<usize>,
}

impl<'t> FindingText<'t> {
    /// What is not UTF-8 is replaced; findings are never about anything behind the first such byte.
    fn new(bytes: &'t [u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(newlines).collect();
        Self { text, line_starts }
    }

    /// The line of a byte, from 0.
    fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset) - 1
    }

    /// Where a line begins; behind the last one, where the text ends.
    fn line_start(&self, line: usize) -> usize {
        self.line_starts.get(line).copied().unwrap_or(self.text.len())
    }

    /// Where a line ends, without its line break.
    fn line_end(&self, line: usize) -> usize {
        let start = self.line_start(line);
        start + self.part(start..self.line_start(line + 1)).trim_end_matches(['\n', '\r']).len()
    }

    /// A part of the text; nothing, where it would begin or end inside a character.
    fn part(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    /// The part of a span that lies on its first line.
    fn on_one_line(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.text.floor_char_boundary(span.start);
        let line_end = self.line_end(self.line_of(start));
        let start = start.min(line_end);
        let end = self.text.floor_char_boundary(span.end).clamp(start, line_end);
        start..end
    }

    /// Line and column of a byte, from 1.
    fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.line_of(offset);
        (line + 1, self.part(self.line_start(line)..offset).chars().count() + 1)
    }
}

#[cfg(test)]
mod tests;
