//! From the text of pg_hba.conf and pg_ident.conf to lines, fields and tokens (`tokenize_auth_file` of hba.c).
//!
//! Continuation comes first, then quotes, comma lists and comments, then files named by `@` and by include lines. Knows
//! nothing of what the fields mean. A missing quote at the end of a line is no error, because it is none to the server.

use super::{FilePosition, FileReader, MAX_DEPTH, UnreadableFile};
use std::path::Path;

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HbaToken {
    pub(super) text: String,
    /// It begins with a quote, so that it is no keyword.
    pub(super) quoted: bool,
    pub(super) place: FilePosition,
}

/// A line that is neither empty nor an include; continued ones are one line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) place: FilePosition,
    /// None of them is empty.
    pub(super) fields: Vec<Vec<HbaToken>>,
    /// Why it cannot be used.
    pub(super) error: Option<String>,
}

/// The lines of a file and of those that it includes.
pub(super) fn read(reader: &mut FileReader<'_>, path: &Path) -> Result<Vec<Line>, UnreadableFile> {
    let source = reader.open(path)?;
    let mut lines = Vec::new();
    tokenize(reader, source, 0, &mut lines);
    Ok(lines)
}

fn tokenize(reader: &mut FileReader<'_>, source: usize, depth: usize, lines: &mut Vec<Line>) {
    for logical in logical_lines(&reader.text(source)) {
        let place = FilePosition { source, span: logical.span() };
        let mut fields = Vec::new();
        let mut error = None;
        let mut cursor = Cursor { line: &logical, at: 0 };
        while error.is_none() && cursor.at < logical.text.len() {
            let (field, trouble) = field(reader, source, &mut cursor, depth);
            error = trouble;
            if !field.is_empty() {
                fields.push(field);
            }
        }
        if error.is_none() {
            match include(reader, source, &fields, depth, lines) {
                None => {}
                Some(Ok(())) => continue,
                Some(Err(why)) => error = Some(why),
            }
        }
        if error.is_some() || !fields.is_empty() {
            lines.push(Line { place, fields, error });
        }
    }
}

/// Does what an include line says; `None` if it is none.
fn include(
    reader: &mut FileReader<'_>,
    source: usize,
    fields: &[Vec<HbaToken>],
    depth: usize,
    lines: &mut Vec<Line>,
) -> Option<Result<(), String>> {
    let [first, second] = fields else { return None };
    let (keyword, path) = (first.first()?.text.as_str(), second.first()?.text.as_str());
    let included = match keyword {
        "include" => include_file(reader, &reader.located(path, source), depth, false, lines),
        "include_if_exists" => include_file(reader, &reader.located(path, source), depth, true, lines),
        "include_dir" => reader.conf_files(path, source).and_then(|files| {
            let troubles: Vec<String> =
                files.iter().filter_map(|file| include_file(reader, file, depth, false, lines).err()).collect();
            if troubles.is_empty() { Ok(()) } else { Err(troubles.join("\n")) }
        }),
        _ => return None,
    };
    Some(included)
}

fn include_file(
    reader: &mut FileReader<'_>,
    path: &Path,
    depth: usize,
    missing_ok: bool,
    lines: &mut Vec<Line>,
) -> Result<(), String> {
    match open(reader, path, depth + 1) {
        Ok(source) => {
            tokenize(reader, source, depth + 1, lines);
            Ok(())
        }
        Err(error) if error.missing && missing_ok => Ok(()),
        Err(error) => Err(error.why),
    }
}

fn open(reader: &mut FileReader<'_>, path: &Path, depth: usize) -> Result<usize, UnreadableFile> {
    let could_not = |missing, why: &str| UnreadableFile {
        missing,
        why: format!("could not open file \"{}\": {why}", path.display()),
    };
    if depth > MAX_DEPTH {
        return Err(could_not(false, "maximum nesting depth exceeded"));
    }
    reader.open(path).map_err(|error| could_not(error.missing, &error.why))
}

/// A comma list of tokens, empty at the end of the line; and what is wrong with a file that it names.
fn field(
    reader: &mut FileReader<'_>,
    source: usize,
    cursor: &mut Cursor<'_>,
    depth: usize,
) -> (Vec<HbaToken>, Option<String>) {
    let mut tokens = Vec::new();
    while let Some((token, comma)) = cursor.token(source) {
        match token.text.strip_prefix('@') {
            Some(path) if !token.quoted && !path.is_empty() => {
                let file = reader.located(path, source);
                if let Err(why) = expand(reader, &file, depth + 1, &mut tokens) {
                    return (tokens, Some(why));
                }
            }
            _ => tokens.push(token),
        }
        if !comma {
            break;
        }
    }
    (tokens, None)
}

/// All tokens of a file, whatever its lines and fields.
fn expand(reader: &mut FileReader<'_>, path: &Path, depth: usize, tokens: &mut Vec<HbaToken>) -> Result<(), String> {
    let source = open(reader, path, depth).map_err(|error| error.why)?;
    let mut lines = Vec::new();
    tokenize(reader, source, depth, &mut lines);
    for line in lines {
        if let Some(why) = line.error {
            return Err(why);
        }
        tokens.extend(line.fields.into_iter().flatten());
    }
    Ok(())
}

/// A line after continuation.
struct LogicalLine {
    text: String,
    /// For each byte of the text, which byte of the file it is.
    offsets: Vec<usize>,
    start: usize,
}

impl LogicalLine {
    /// From its first byte to its last one in the file; both may be on different lines. The server calls it by the
    /// number of the line that it begins on, even where that holds nothing but a backslash.
    fn span(&self) -> std::ops::Range<usize> {
        let blank = |byte: &u8| byte.is_ascii_whitespace();
        let first = self.text.bytes().position(|byte| !blank(&byte)).unwrap_or(0);
        let last = self.text.bytes().rposition(|byte| !blank(&byte)).unwrap_or(0);
        let at = |index: usize| self.offsets.get(index).copied().unwrap_or(self.start);
        let begin = if at(first) == self.start + first { at(first) } else { self.start };
        begin..at(last) + usize::from(!self.text.is_empty())
    }
}

fn logical_lines(text: &str) -> Vec<LogicalLine> {
    let mut lines = Vec::new();
    let mut at = 0;
    let mut pieces = text.split_inclusive('\n').peekable();
    while pieces.peek().is_some() {
        let mut line = LogicalLine { text: String::new(), offsets: Vec::new(), start: at };
        // A backslash continues a line only behind the place of the last one.
        let mut last_backslash = 0;
        for piece in pieces.by_ref() {
            line.text.push_str(piece);
            line.offsets.extend(at..at + piece.len());
            at += piece.len();
            let kept = line.text.trim_end_matches(['\n', '\r']).len();
            line.text.truncate(kept);
            let continued = kept > last_backslash && line.text.ends_with('\\');
            if continued {
                line.text.pop();
                last_backslash = line.text.len();
            }
            line.offsets.truncate(line.text.len());
            if !continued {
                break;
            }
        }
        lines.push(line);
    }
    lines
}

/// Where in a line the next token begins.
struct Cursor<'l> {
    line: &'l LogicalLine,
    at: usize,
}

impl Cursor<'_> {
    /// The next token, and whether a comma ends it (`next_token` of hba.c).
    fn token(&mut self, source: usize) -> Option<(HbaToken, bool)> {
        let text = self.line.text.as_str();
        let rest = text.get(self.at..).unwrap_or_default().trim_start_matches([' ', '\t', '\r', ',']);
        let begin = text.len() - rest.len();
        let mut word = String::new();
        let (mut quoted, mut saw_quote, mut in_quote, mut was_quote, mut comma) = (false, false, false, false, false);
        self.at = text.len();
        let mut end = text.len();
        for (index, c) in rest.char_indices() {
            let stop = !in_quote && matches!(c, ' ' | '\t' | '\r' | ',' | '#');
            if stop {
                end = begin + index;
                comma = c == ',';
                // A comment takes the rest of the line; other ends are read again.
                self.at = if c == '#' { text.len() } else { end };
                break;
            }
            if c != '"' || was_quote {
                word.push(c);
            }
            was_quote = in_quote && c == '"' && !was_quote;
            if c == '"' {
                in_quote = !in_quote;
                saw_quote = true;
                quoted |= word.is_empty();
            }
        }
        if !saw_quote && word.is_empty() {
            return None;
        }
        let offset = |index: usize| self.line.offsets.get(index).copied();
        let start = offset(begin).unwrap_or(self.line.start);
        let span = start..offset(end.saturating_sub(1)).map_or(start, |last| last + 1);
        Some((HbaToken { text: word, quoted, place: FilePosition { source, span } }, comma))
    }
}
