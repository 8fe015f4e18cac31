//! What is written for a key: the types of the configuration file, with their ranges.
//!
//! Nothing here reads a file. What a type means in words is said here alone, for the manual and the schema.

use super::value::{Bytes, Span};
use std::borrow::Cow;

/// What is written for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// A table with keys of this table of settings: how it goes together with that of a preset, and its name.
    Table(Merge, &'static str),
    /// One such table for each profile's name.
    Profiles,
    /// One such table for each name of a preset of the file's own, which may lack whatever a profile needs.
    Presets,
    /// An array of such tables, `[[...]]` in the file, and their name. Those of a preset come first.
    Rules(&'static str),
    /// An array of such tables, none of which has alternatives of its own or only reports.
    Alternatives,
    /// A table of JSONPaths, with names of the user's own.
    NamedJsonPaths,
    /// A table of arrays of strings, with names of the user's own.
    NamedStrings,
    /// A table of arrays of strings, with names of the user's own; an array's place can be taken by a table of this name.
    RoleMap(&'static str),
    /// `true` or `false`.
    Boolean,
    /// Nothing but `true`.
    True,
    /// A string with a duration in whole seconds, from the first to the second.
    Duration(Span, Span),
    /// A string with a size in bytes, from the first to the second.
    Size(Bytes, Bytes),
    /// One of these strings.
    Word(&'static [&'static str]),
    /// An array of these strings.
    Words(&'static [&'static str]),
    /// The name of a preset.
    Preset,
    /// A string, which `Section::text` reads and refuses if it is empty; a row that may be empty is read by `Section::string`.
    Text,
    /// An array of strings.
    Strings,
    /// An array of strings, or the string `none`.
    StringsOrNone,
    /// A URL that is asked or compared.
    Url,
    /// An array of such URLs.
    Urls,
    /// The URL of an HTTP proxy.
    Proxy,
    /// An array of hosts, without port.
    Hosts,
    /// The path of a file, relative to the configuration's folder.
    Path,
    /// A regular expression.
    Regex,
    /// A JSONPath of RFC 9535.
    JsonPath,
    /// A JSONPath of RFC 9535, or the string `none`.
    JsonPathOrNone,
    /// An array of JSONPaths.
    JsonPaths,
    /// Any value that JSON has.
    Json,
    /// An array of them.
    Jsons,
}

/// How a profile's table goes together with the one of its preset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// The profile's takes the place of the other as a whole.
    Whole,
    /// A key is the profile's, or else the preset's.
    ByKey,
}

/// A duration from one length to another, as they are written in a file.
pub(super) const fn duration(from: &'static str, to: &'static str) -> ValueKind {
    ValueKind::Duration(Span::of(from), Span::of(to))
}

/// A size from one number of bytes to another.
pub(super) const fn size(from: &'static str, to: &'static str) -> ValueKind {
    ValueKind::Size(Bytes::of(from), Bytes::of(to))
}

impl ValueKind {
    /// What it is, for a person: `array of strings`.
    #[must_use]
    pub fn words(self) -> Cow<'static, str> {
        let words = match self {
            Self::Table(..) => "table",
            Self::Profiles | Self::Presets => "table of tables",
            Self::Rules(_) => "array of tables",
            Self::Alternatives => "array of rules",
            Self::NamedJsonPaths => "table of JSONPaths",
            Self::NamedStrings => "table of arrays of strings",
            Self::RoleMap(_) => "table of arrays of strings, or of tables",
            Self::Boolean => "boolean",
            Self::True => "true",
            Self::Duration(from, to) => return format!("duration, {} to {}", from.text, to.text).into(),
            Self::Size(from, to) => return format!("size, {} to {}", from.text, to.text).into(),
            Self::Word(words) => return one_of(words).into(),
            Self::Words(words) => return format!("array of {}", words.join(" ")).into(),
            Self::Preset => "name of a preset",
            Self::Text => "string",
            Self::Strings => "array of strings",
            Self::StringsOrNone => "array of strings, or \"none\"",
            Self::Url => "https URL",
            Self::Urls => "array of https URLs",
            Self::Proxy => "URL, http://HOST:PORT",
            Self::Hosts => "array of hosts",
            Self::Path => "path",
            Self::Regex => "regular expression",
            Self::JsonPath => "JSONPath",
            Self::JsonPathOrNone => "JSONPath, or \"none\"",
            Self::JsonPaths => "array of JSONPaths",
            Self::Json => "any value",
            Self::Jsons => "array of any values",
        };
        words.into()
    }
}

/// `"a", "b" or "c"`.
fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
