//! Reads typed values out of tables, and reports what is wrong with them. Which values go together is not decided here.

use super::collect::Findings;
use super::origin::At;
use super::section::{Section, Written};
use super::settings::Setting;
use super::values::{json, parse_duration, parse_size, suggest};
use crate::claim_path::{BadPath, ClaimPath};
use crate::finding::FindingCode;
use crate::pattern;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeValue;

impl<'a> Section<'a> {
    pub(super) fn boolean(&self, findings: &mut Findings<'_>, key: &str) -> Option<bool> {
        let value = self.get(key)?;
        let boolean = value.get_ref().as_bool();
        if boolean.is_none() {
            self.wrong_type(findings, key, value, "true or false");
        }
        boolean
    }

    /// A string, empty or not.
    pub(super) fn string(&self, findings: &mut Findings<'_>, key: &str) -> Option<At<String>> {
        self.borrowed(findings, key).map(|text| At { value: text.value.to_owned(), origin: text.origin })
    }

    fn borrowed(&self, findings: &mut Findings<'_>, key: &str) -> Option<At<&'a str>> {
        let written = self.written(key)?;
        match written.value.get_ref().as_str() {
            Some(text) => Some(written.at(findings, text)),
            None => {
                self.wrong_type(findings, key, written.value, "a string");
                None
            }
        }
    }

    /// A string that is not empty.
    pub(super) fn text(&self, findings: &mut Findings<'_>, key: &str) -> Option<At<String>> {
        let text = self.string(findings, key)?;
        if text.value.is_empty() {
            let message = format!("{} is empty", self.name(key));
            findings.add(FindingCode::EmptyValue, self.span_of(key), message);
            return None;
        }
        Some(text)
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, findings: &mut Findings<'_>, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.borrowed(findings, key)?.value;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let valid: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("{} cannot be \"{text}\"", self.name(key));
            findings.add(FindingCode::BadValue, self.span_of(key), message).hint(suggest(text, &valid));
        }
        found
    }

    /// One of a few words; where none is written, the one that the row of the key has as its default.
    pub(super) fn choice<T: Copy>(
        &self,
        findings: &mut Findings<'_>,
        setting: &Setting,
        first: (&str, T),
        others: &[(&str, T)],
    ) -> T {
        let is_default = |(word, _): &&(&str, T)| *word == setting.default_text();
        let default = || others.iter().find(is_default).unwrap_or(&first).1;
        if self.get(setting.key).is_none() {
            return default();
        }
        let words: Vec<(&str, T)> = std::iter::once(first).chain(others.iter().copied()).collect();
        self.word(findings, setting.key, &words).unwrap_or_else(default)
    }

    /// An array of strings without duplicates, empty or with empty ones only where the row of the key lets it be.
    pub(super) fn strings(&self, findings: &mut Findings<'_>, setting: &Setting) -> Option<At<Vec<String>>> {
        let empty = if setting.may_be_empty() { Empty::Allowed } else { Empty::Refused };
        match setting.may_hold_empty_string {
            true => self.any_strings(findings, setting.key, empty),
            false => self.strings_of(findings, setting.key, empty),
        }
    }

    /// The array of strings under a key that the user named; `None` also if the array is empty and must not be.
    pub(super) fn strings_of(&self, findings: &mut Findings<'_>, key: &str, empty: Empty) -> Option<At<Vec<String>>> {
        let strings = self.any_strings(findings, key, empty)?;
        if let Some(at) = strings.value.iter().position(String::is_empty) {
            let elements = self.get(key).and_then(|value| value.get_ref().as_array());
            let span = elements.filter(|_| self.is_own(key)).and_then(|elements| elements.get(at)).map(Spanned::span);
            let message = format!("{} holds an empty string", self.name(key));
            findings
                .add(FindingCode::EmptyValue, span.unwrap_or_else(|| self.span_of(key)), message)
                .hint("write the value that is meant, or remove the empty one");
            return None;
        }
        Some(strings)
    }

    /// An array of strings that may hold an empty one, because it means something there.
    fn any_strings(&self, findings: &mut Findings<'_>, key: &str, empty: Empty) -> Option<At<Vec<String>>> {
        let Array { written, values } = self.array(findings, key, "an array of strings", empty)?;
        let mut strings = Vec::with_capacity(values.len());
        for value in values {
            match value.get_ref().as_str() {
                Some(text) => strings.push(text.to_owned()),
                None => self.wrong_type(findings, key, value, "an array of strings"),
            }
        }
        if has_duplicates(&strings) {
            let message = format!("{} names the same value twice", self.name(key));
            findings.add(FindingCode::BadValue, self.span_of(key), message);
        }
        (strings.len() == values.len()).then(|| written.at(findings, strings))
    }

    /// An array.
    fn array(&self, findings: &mut Findings<'_>, key: &str, wanted: &str, empty: Empty) -> Option<Array<'a>> {
        let written = self.written(key)?;
        let Some(values) = written.value.get_ref().as_array() else {
            self.wrong_type(findings, key, written.value, wanted);
            return None;
        };
        if values.is_empty() && empty == Empty::Refused {
            let message = format!("{} is empty, so nothing would ever match it", self.name(key));
            findings
                .add(FindingCode::EmptyValue, written.value.span(), message)
                .hint("name at least one value, or remove the key");
            return None;
        }
        Some(Array { written, values })
    }

    /// A duration in whole seconds.
    pub(super) fn duration(&self, findings: &mut Findings<'_>, setting: &Setting) -> Option<At<Duration>> {
        let key = setting.key;
        let written = self.written(key)?;
        let value = written.value;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(findings, key, value, "a duration in quotes, such as \"30s\", \"5min\" or \"24h\"");
            return None;
        };
        let Some(duration) = parse_duration(text) else {
            let message = format!("{} is not a duration in whole seconds", self.name(key));
            findings
                .add(FindingCode::BadValue, value.span(), message)
                .hint("write it as \"30s\", \"5min\", \"24h\" or \"7d\"");
            return None;
        };
        let Some(duration) = Duration::try_from(duration).ok().filter(|duration| setting.takes_duration(*duration))
        else {
            self.out_of_range(findings, key, &setting.ends());
            return None;
        };
        Some(written.at(findings, duration))
    }

    /// A size in bytes, with the units that PostgreSQL uses.
    pub(super) fn bytes(&self, findings: &mut Findings<'_>, setting: &Setting) -> Option<At<usize>> {
        let key = setting.key;
        let written = self.written(key)?;
        let value = written.value;
        let size = match value.get_ref() {
            DeValue::String(text) => parse_size(text),
            _ => {
                self.wrong_type(findings, key, value, "a size in quotes, such as \"16kB\"");
                return None;
            }
        };
        match size {
            Some(size) if setting.takes_bytes(size) => Some(written.at(findings, size)),
            Some(_) => {
                self.out_of_range(findings, key, &setting.ends());
                None
            }
            None => {
                let message = format!("{} is not a size", self.name(key));
                findings
                    .add(FindingCode::BadValue, value.span(), message)
                    .hint("write it as \"4096B\" or \"16kB\" (1kB is 1024 bytes)");
                None
            }
        }
    }

    /// A JSONPath.
    pub(super) fn path(&self, findings: &mut Findings<'_>, key: &str) -> Option<At<ClaimPath>> {
        let text = self.borrowed(findings, key)?;
        let path = self.compile(findings, key, self.span_of(key), text.value)?;
        Some(At { value: path, origin: text.origin })
    }

    /// An array of JSONPaths.
    pub(super) fn paths(&self, findings: &mut Findings<'_>, setting: &Setting) -> Option<Vec<ClaimPath>> {
        let (texts, key) = (self.strings(findings, setting)?, setting.key);
        texts.value.iter().map(|text| self.compile(findings, key, self.span_of(key), text)).collect()
    }

    fn compile(&self, findings: &mut Findings<'_>, key: &str, span: Range<usize>, text: &str) -> Option<ClaimPath> {
        match ClaimPath::parse(text) {
            Ok(path) => Some(path),
            Err(BadPath { why, instead }) => {
                let message = format!("{} is not a JSONPath: {why}", self.name(key));
                let hint = match instead {
                    Some(path) => format!("write \"{}\"", path.replace('\\', "\\\\").replace('"', "\\\"")),
                    None => "a claim is written as \"$.sub\" or \"$['https://corp.example/role']\"; the section JSONPath of \
                             oauth-validator.toml(5) says what else there is"
                        .to_owned(),
                };
                findings.add(FindingCode::BadJsonPath, span, message).hint(hint);
                None
            }
        }
    }

    /// A regular expression that must match in full.
    pub(super) fn pattern(&self, findings: &mut Findings<'_>, key: &str) -> Option<At<Regex>> {
        let text = self.text(findings, key)?;
        match pattern::whole(&text.value) {
            Ok(regex) => Some(At { value: regex, origin: text.origin }),
            Err(why) => {
                let message = format!("{} is not a regular expression: {why}", self.name(key));
                let hint = match why.as_str() {
                    "unopened group" | "unclosed group" => {
                        "a parenthesis has no partner in the pattern; one that is meant as text is written as \\( or \\)"
                    }
                    _ => "look-around and back-references do not exist here, so that every match takes linear time",
                };
                findings.add(FindingCode::BadPattern, self.span_of(key), message).hint(hint);
                None
            }
        }
    }

    /// A regular expression that must match in full, and whose named group, if it has one, `becomes` something.
    pub(super) fn pattern_with_group(
        &self,
        findings: &mut Findings<'_>,
        key: &str,
        becomes: &str,
    ) -> Option<At<Regex>> {
        let pattern = self.pattern(findings, key)?;
        if pattern.value.capture_names().flatten().count() > 1 {
            let message = format!("{} has more than one named group", self.name(key));
            findings
                .add(FindingCode::BadPattern, self.span_of(key), message)
                .hint(format!("the one named group becomes {becomes}; write other groups as (?:...)"));
        }
        Some(pattern)
    }

    /// Any value, as JSON.
    pub(super) fn json(&self, findings: &mut Findings<'_>, key: &str) -> Option<Value> {
        let value = self.get(key)?;
        let json = json(value.get_ref());
        if json.is_none() {
            self.wrong_type(findings, key, value, "a value that JSON has");
        }
        json
    }

    /// An array of any values, as JSON.
    pub(super) fn jsons(&self, findings: &mut Findings<'_>, key: &str) -> Option<Vec<Value>> {
        let wanted = "an array of values that JSON has";
        let Array { written, values } = self.array(findings, key, wanted, Empty::Refused)?;
        let jsons = values.iter().map(|value| json(value.get_ref())).collect::<Option<Vec<Value>>>();
        if jsons.is_none() {
            self.wrong_type(findings, key, written.value, wanted);
        }
        jsons
    }
}

/// An array that is there, and its elements.
struct Array<'a> {
    written: Written<'a>,
    values: &'a [Spanned<DeValue<'a>>],
}

fn has_duplicates(strings: &[String]) -> bool {
    strings.len() > 1 && strings.iter().collect::<BTreeSet<_>>().len() < strings.len()
}

/// Whether an array may be empty.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Empty {
    Allowed,
    Refused,
}
