//! What a command hands back, and how it leaves the process: standard output, standard error, exit code.
//!
//! Must never panic because nobody reads, and never let a name or a claim write control sequences to a terminal.

use crate::{comments, line_wrap};
use serde_json::Value;
use std::borrow::Cow;
use std::env;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

/// What a command found, ready to be printed.
pub(crate) struct CommandReport {
    /// For standard output, with its last newline.
    pub(crate) text: String,
    /// Whether the exit code is 0 and not 1.
    pub(crate) fine: bool,
}

/// Why a command could not run: exit code 2.
#[derive(Debug)]
pub(crate) struct CommandFailure {
    what: String,
    hint: Option<String>,
}

impl CommandFailure {
    /// `what` went wrong: a sentence without its full stop.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    /// What went wrong.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// Adds what to do about it.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl CommandFailure {
    /// What went wrong, and what to do; for commands whose subject it is.
    pub(crate) fn into_words(self) -> (String, String) {
        (self.what, self.hint.unwrap_or_default())
    }
}

/// Prints what became of a command.
pub(crate) fn finish(result: Result<CommandReport, CommandFailure>) -> ExitCode {
    match result.and_then(|report| print(&report.text).map(|()| report.fine)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(failure) => {
            complain(&prose_on_stderr(&format!("error: {}", visible(&failure.what, false))));
            if let Some(hint) = &failure.hint {
                complain(&prose_on_stderr(&format!("\n  help: {}", visible(hint, false))));
            }
            ExitCode::from(2)
        }
    }
}

/// Prints what clap says of a command line that is none; what it was asked for, such as help, goes to standard output.
pub(crate) fn misused(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.exit();
    }
    let text = error.render();
    let coloured = io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none();
    let text = if coloured { text.ansi().to_string() } else { text.to_string() };
    complain(prose_on_stderr(&text).trim_end_matches('\n'));
    ExitCode::from(2)
}

/// What people read, in lines that fit the terminal.
pub(crate) fn prose(text: &str) -> String {
    line_wrap::for_stream(text, &io::stdout())
}

/// A file whose comments people read, in lines that fit the terminal; all else of it stays as it is.
pub(crate) fn with_comments(text: &str) -> String {
    width().map_or_else(|| text.to_owned(), |width| comments::fitted(text, width))
}

/// How wide its lines may be, where somebody reads them.
pub(crate) fn width() -> Option<usize> {
    line_wrap::width(&io::stdout())
}

fn prose_on_stderr(text: &str) -> String {
    line_wrap::for_stream(text, &io::stderr())
}

/// A line on standard error; if nobody can read it, there is nobody left to tell.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Everything at once. A reader that went away, as `head` does, has read enough.
fn print(text: &str) -> Result<(), CommandFailure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(CommandFailure::new(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Whether standard output may be coloured: on a terminal that can, unless <https://no-color.org> forbids it.
pub(crate) fn colour() -> bool {
    let forbidden = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
    io::stdout().is_terminal() && !forbidden && !dumb
}

/// Whether the locale's character set is UTF-8 (POSIX: the first of these that is set and not empty decides).
pub(crate) fn utf8_locale() -> bool {
    let set = |name| env::var(name).ok().filter(|value: &String| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// The text with everything escaped that would not show as itself: control characters, and those that reorder or hide
/// others (two identities that look alike are not the same). With `ascii`, everything else that is not ASCII as well.
pub(crate) fn visible(text: &str, ascii: bool) -> Cow<'_, str> {
    let hidden = |c: char| is_hidden(c) || (ascii && !c.is_ascii());
    if !text.contains(hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '…' if ascii => shown.push_str("..."),
            c if hidden(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// A value in TOML with its hidden characters escaped: basic strings alone can have such, and the value stays what it is.
pub(crate) fn visible_toml(value: &str) -> Cow<'_, str> {
    if !value.contains(is_hidden) {
        return Cow::Borrowed(value);
    }
    let mut shown = String::with_capacity(value.len() + 16);
    for c in value.chars() {
        if is_hidden(c) {
            shown.push_str(&format!("\\u{:04X}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Characters that do not show as themselves; none of them is beyond U+FFFF.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Puts a member into a JSON object; what is no object stays as it is.
pub(crate) fn put(document: &mut Value, key: &str, value: Value) {
    if let Some(members) = document.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::{visible, visible_toml};

    #[test]
    fn plain_text_stays() {
        assert_eq!(visible("Jürgen \"…\" ✓", false), "Jürgen \"…\" ✓");
    }

    #[test]
    fn nothing_moves_the_cursor_or_hides() {
        assert_eq!(visible("a\u{1b}[2Jb\nc\u{85}", false), "a\\u{1b}[2Jb\\u{a}c\\u{85}");
        assert_eq!(visible("ana\u{202e}toor\u{200b}", false), "ana\\u{202e}toor\\u{200b}");
        assert_eq!(visible("Jürgen…", true), "J\\u{fc}rgen...");
    }

    #[test]
    fn escapes_of_toml_are_those_of_toml() {
        assert_eq!(visible_toml("\"ü\u{7f}\u{202e}\u{feff}\""), "\"ü\\u007F\\u202E\\uFEFF\"");
        let document = toml::de::DeTable::parse("a = \"\\u202E\"").expect("TOML");
        assert_eq!(document.get_ref().get("a").and_then(|value| value.get_ref().as_str()), Some("\u{202e}"));
    }
}
