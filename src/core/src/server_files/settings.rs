//! postgresql.conf, what it includes, and postgresql.auto.conf behind it (guc-file.l): the last value of a setting wins.
//!
//! What is set on the server's command line or in its environment does not stand in these files, and is not known here.
//! Values are texts: whether the server takes them is for the few that are asked for.

use super::{FilePosition, FileReader, MAX_DEPTH, Problem, UnreadableFile};
use regex::Regex;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// How `oauth_validator_libraries` names the module.
pub const LIBRARY: &str = "oauth_validator";

/// The server gives a file up behind so many errors.
const MAX_ERRORS: usize = 100;

/// A setting in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GucSetting {
    /// The name as written; the server takes upper and lower case for the same.
    pub name: String,
    /// The value without quotes and escapes.
    pub value: String,
    /// The line.
    pub place: FilePosition,
}

/// All that the files set.
#[derive(Debug, Clone, Default)]
pub struct GucSettings {
    /// In the order of the files, those that a later one overrides included.
    pub all: Vec<GucSetting>,
    /// Lines that the server does not take. With one of them it takes no line at all.
    pub problems: Vec<Problem>,
    /// The data directory.
    pub data_directory: PathBuf,
}

impl GucSettings {
    /// What holds for a setting, if the files set it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&GucSetting> {
        self.all.iter().rev().find(|setting| setting.name.eq_ignore_ascii_case(name))
    }

    /// What holds for a setting that may be empty.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.get(name).map(|setting| setting.value.as_str())
    }

    /// `oauth_validator_libraries`; `None` where the server could not take the list apart.
    #[must_use]
    pub fn libraries(&self) -> Option<Vec<String>> {
        split_names(self.value("oauth_validator_libraries").unwrap_or_default())
    }

    /// Whether the server may load this module: its list of validator libraries names it.
    #[must_use]
    pub fn names_module(&self) -> bool {
        self.libraries().is_some_and(|libraries| libraries.iter().any(|library| is_our_library(library)))
    }

    /// Whether the server has TLS on.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        let value = self.value("ssl").unwrap_or("off").to_ascii_lowercase();
        let begins = |word: &str, least: usize| value.len() >= least && word.starts_with(&value);
        value == "1" || begins("on", 2) || begins("true", 1) || begins("yes", 1)
    }
}

/// Whether a name of a library, with or without its folder, is that of this module.
pub(super) fn is_our_library(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.strip_suffix(".so").unwrap_or(file) == LIBRARY
}

/// Reads the file and postgresql.auto.conf.
pub(super) fn read(
    reader: &mut FileReader<'_>,
    path: &Path,
    data_directory: &Path,
) -> Result<GucSettings, UnreadableFile> {
    let mut settings = GucSettings::default();
    let source = reader.open(path)?;
    file(reader, source, 0, &mut settings);
    // ALTER SYSTEM cannot set it.
    settings.data_directory = match settings.value("data_directory") {
        Some(set) if !set.is_empty() => PathBuf::from(set),
        _ => data_directory.to_owned(),
    };
    if let Ok(source) = reader.open(&settings.data_directory.join("postgresql.auto.conf")) {
        file(reader, source, 0, &mut settings);
    }
    Ok(settings)
}

fn file(reader: &mut FileReader<'_>, source: usize, depth: usize, settings: &mut GucSettings) {
    let text = reader.text(source);
    let mut start = 0;
    let mut errors = 0;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches('\n');
        let trimmed = content.trim_matches([' ', '\t', '\r']);
        let begin = start + content.len() - content.trim_start_matches([' ', '\t', '\r']).len();
        let place = FilePosition { source, span: begin..begin + trimmed.len() };
        start += line.len();
        match assignment(content) {
            Ok(None) => {}
            Ok(Some((name, value))) => take(reader, name, value, place, depth, settings),
            Err(wrong) => {
                errors += 1;
                let message = match wrong {
                    Some(token) => format!("syntax error near \"{token}\""),
                    None => "syntax error near the end of the line".to_owned(),
                };
                settings.problems.push(Problem::of(place, message));
                if errors == MAX_ERRORS {
                    return;
                }
            }
        }
    }
}

fn take(
    reader: &mut FileReader<'_>,
    name: String,
    value: String,
    place: FilePosition,
    depth: usize,
    settings: &mut GucSettings,
) {
    let source = place.source;
    let included =
        match name.to_ascii_lowercase().as_str() {
            "include" => located(reader, &value, source)
                .and_then(|path| include(reader, &path, source, depth + 1, true, settings)),
            "include_if_exists" => located(reader, &value, source)
                .and_then(|path| include(reader, &path, source, depth + 1, false, settings)),
            "include_dir" => reader.conf_files(&value, source).and_then(|files| {
                files.iter().try_for_each(|path| include(reader, path, source, depth + 1, true, settings))
            }),
            _ => {
                settings.all.push(GucSetting { name, value, place });
                return;
            }
        };
    if let Err(message) = included {
        settings.problems.push(Problem::of(place, message));
    }
}

fn located(reader: &FileReader<'_>, path: &str, from: usize) -> Result<PathBuf, String> {
    if path.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
        return Err("empty configuration file name".to_owned());
    }
    Ok(reader.located(path, from))
}

fn include(
    reader: &mut FileReader<'_>,
    path: &Path,
    from: usize,
    depth: usize,
    strict: bool,
    settings: &mut GucSettings,
) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err("nesting depth exceeded".to_owned());
    }
    if reader.sources.get(from).is_some_and(|source| source.path == path) {
        return Err("configuration file recursion".to_owned());
    }
    match reader.open(path) {
        Ok(source) => {
            file(reader, source, depth, settings);
            Ok(())
        }
        // The server skips a file that it may not read, too.
        Err(_) if !strict => Ok(()),
        Err(_) => Err(format!("could not open file \"{}\"", path.display())),
    }
}

/// Name and value of a line, `None` if it has none; the error is the token that does not belong there, if there is one.
fn assignment(line: &str) -> Result<Option<(String, String)>, Option<String>> {
    let mut tokens = tokens(line).into_iter().peekable();
    let Some((kind, name)) = tokens.next() else { return Ok(None) };
    if !matches!(kind, GucKind::Id | GucKind::QualifiedId) {
        return Err(Some(name.to_owned()));
    }
    tokens.next_if(|(kind, _)| *kind == GucKind::Equals);
    let value = match tokens.next() {
        Some((GucKind::String, value)) => unquoted(value),
        Some((GucKind::Id | GucKind::Number | GucKind::UnquotedString, value)) => value.to_owned(),
        Some((_, wrong)) => return Err(Some(wrong.to_owned())),
        None => return Err(None),
    };
    match tokens.next() {
        None => Ok(Some((name.to_owned(), value))),
        Some((_, wrong)) => Err(Some(wrong.to_owned())),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GucKind {
    Id,
    QualifiedId,
    String,
    UnquotedString,
    Number,
    Equals,
    Other,
}

/// What a token can be, as the scanner has it: the longest wins, and the first of those.
static RULES: LazyLock<Vec<(GucKind, Regex)>> = LazyLock::new(|| {
    const LETTER: &str = r"[A-Za-z_[^\x00-\x7F]]";
    const REST: &str = r"[A-Za-z_0-9[^\x00-\x7F]]";
    let rules = [
        (GucKind::Id, format!("{LETTER}{REST}*")),
        (GucKind::QualifiedId, format!(r"{LETTER}{REST}*\.{LETTER}{REST}*")),
        (GucKind::String, r"'(?:[^'\\\n]|\\.|'')*'".to_owned()),
        (GucKind::UnquotedString, format!("{LETTER}(?:{REST}|[-._:/])*")),
        (GucKind::Number, "[-+]?(?:0x[0-9a-fA-F]+|[0-9]+)[a-zA-Z]*".to_owned()),
        (GucKind::Number, r"[-+]?[0-9]*\.[0-9]*(?:[Ee][-+]?[0-9]+)?".to_owned()),
        (GucKind::Equals, "=".to_owned()),
    ];
    // The expressions are constants: a test compiles them.
    rules.into_iter().filter_map(|(kind, rule)| Some((kind, Regex::new(&format!("^(?:{rule})")).ok()?))).collect()
});

fn tokens(line: &str) -> Vec<(GucKind, &str)> {
    let mut tokens = Vec::new();
    let mut rest = line.trim_start_matches([' ', '\t', '\r']);
    while let Some(first) = rest.chars().next().filter(|c| *c != '#') {
        let mut longest = (GucKind::Other, first.len_utf8());
        for (kind, rule) in RULES.iter() {
            let length = rule.find(rest).map_or(0, |found| found.len());
            if length > longest.1 || (length == longest.1 && longest.0 == GucKind::Other) {
                longest = (*kind, length);
            }
        }
        let (token, behind) = rest.split_at(longest.1);
        tokens.push((longest.0, token));
        rest = behind.trim_start_matches([' ', '\t', '\r']);
    }
    tokens
}

/// A string without its quotes (`DeescapeQuotedString`).
fn unquoted(string: &str) -> String {
    let inner = string.get(1..string.len().saturating_sub(1)).unwrap_or_default();
    let mut bytes = inner.bytes().peekable();
    let mut value = Vec::with_capacity(inner.len());
    while let Some(byte) = bytes.next() {
        if byte == b'\'' {
            bytes.next();
        }
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        let escaped = match bytes.next() {
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(digit @ b'0'..=b'7') => {
                let mut octal = digit - b'0';
                for _ in 0..2 {
                    let Some(next) = bytes.next_if(|byte| matches!(byte, b'0'..=b'7')) else { break };
                    octal = octal.wrapping_shl(3) | (next - b'0');
                }
                octal
            }
            Some(other) => other,
            None => break,
        };
        value.push(escaped);
    }
    String::from_utf8_lossy(&value).into_owned()
}

/// A list of names, of which some may be in double quotes (`SplitDirectoriesString` of varlena.c).
fn split_names(list: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = list.trim_start();
    if rest.is_empty() {
        return Some(names);
    }
    loop {
        let (name, behind) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (name, behind) = to_closing_quote(quoted)?;
                (name.replace("\"\"", "\""), behind)
            }
            None => {
                let (name, behind) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
                let name = name.trim_end();
                if name.is_empty() {
                    return None;
                }
                (name.to_owned(), behind)
            }
        };
        names.push(name);
        rest = behind.trim_start();
        if rest.is_empty() {
            return Some(names);
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

/// What stands before the quote that is not one of two, and behind it.
fn to_closing_quote(text: &str) -> Option<(&str, &str)> {
    let mut quotes = text.match_indices('"').map(|(at, _)| at).peekable();
    while let Some(at) = quotes.next() {
        if quotes.next_if_eq(&(at + 1)).is_none() {
            let (before, behind) = text.split_at_checked(at)?;
            return Some((before, behind.strip_prefix('"')?));
        }
    }
    None
}
