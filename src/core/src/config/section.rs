//! Reads typed values out of TOML tables, and reports what is wrong with them.
//!
//! A value with an error is reported and then treated as absent; the file as a whole is unusable by then, so no
//! default can take its place in a decision. A table may lie over the one of a preset, which is asked for what the
//! file does not say.

use super::collect::Findings;
use super::profile::{At, Origin};
use super::settings;
use super::table::Table;
use super::values::{json, parse_seconds, parse_size, suggest, type_name};
use crate::claim_path::ClaimPath;
use crate::finding::FindingCode;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::ops::{Range, RangeInclusive};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What messages call a table. The name of a profile's is put together when a message needs it, and seldom does one.
pub(super) enum Path<'a> {
    /// The whole file, which has no name.
    File,
    /// The profile of this name.
    Profile(&'a str),
    /// Any other, such as `profiles.corp.scope`.
    Table(String),
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Path::File => Ok(()),
            Path::Profile(name) => write!(f, "profiles.{name}"),
            Path::Table(path) => f.write_str(path),
        }
    }
}

/// One table of the file, and the preset's table under it.
pub(super) struct Section<'a> {
    pub(super) path: Path<'a>,
    /// The bytes of the table's head in the file; of what named the preset if the file has no such table.
    pub(super) span: Range<usize>,
    /// The file's table, if it has one.
    table: Option<Table<'a>>,
    base: Option<Base<'a>>,
}

/// A table of a preset. Presets are tested to have no unknown keys and no errors.
#[derive(Clone, Copy)]
pub(super) struct Base<'a> {
    preset: &'static str,
    table: Table<'a>,
}

impl<'a> Base<'a> {
    pub(super) fn new(preset: &'static str, table: &'a DeTable<'a>) -> Self {
        Self { preset, table: Table::new(table) }
    }
}

impl<'a> Section<'a> {
    /// Takes a table, and reports every key that `schema` (a table of [`settings::SETTINGS`]) does not have.
    pub(super) fn open(
        findings: &mut Findings<'_>,
        path: Path<'a>,
        span: Range<usize>,
        table: &'a DeTable<'a>,
        schema: &str,
    ) -> Self {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !settings::has(schema, name) {
                let valid: Vec<&str> = settings::keys_of(schema).collect();
                let place = match path {
                    Path::File => "at the top level".to_owned(),
                    _ => format!("in [{path}]"),
                };
                findings
                    .add(FindingCode::UnknownKey, key.span(), format!("unknown key \"{name}\" {place}"))
                    .hint(suggest(name, &valid));
            }
        }
        Self { path, span, table: Some(Table::new(table)), base: None }
    }

    /// A table that the file does not have, over one of a preset.
    pub(super) fn of_preset(base: Option<Base<'a>>) -> Self {
        Self { path: Path::File, span: 0..0, table: None, base }
    }

    /// The same table over one of a preset.
    pub(super) fn over(self, base: Option<Base<'a>>) -> Self {
        Self { base, ..self }
    }

    /// The name of the preset under the table.
    pub(super) fn preset_name(&self) -> Option<&'static str> {
        self.base.map(|base| base.preset)
    }

    /// The preset whose value of `key` the file's own takes the place of.
    pub(super) fn replaced(&self, key: &str) -> Option<&'static str> {
        self.own(key)?;
        self.base.filter(|base| base.table.has(key)).map(|base| base.preset)
    }

    /// The dotted name of a key, as messages and documentation write it.
    pub(super) fn name(&self, key: &str) -> String {
        match &self.path {
            Path::File => key.to_owned(),
            path => format!("{path}.{key}"),
        }
    }

    fn path_of(&self, key: &str) -> Path<'a> {
        Path::Table(self.name(key))
    }

    fn own(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.and_then(|table| table.get(key))
    }

    /// Whether the file itself has the key.
    pub(super) fn is_own(&self, key: &str) -> bool {
        self.own(key).is_some()
    }

    /// The value of a key, of the file or else of the preset.
    pub(super) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.written(key).map(|written| written.value)
    }

    fn written(&self, key: &str) -> Option<Written<'a>> {
        let own = self.own(key).map(|value| Written { value, preset: None });
        own.or_else(|| {
            let Base { preset, table } = self.base?;
            Some(Written { value: table.get(key)?, preset: Some(preset) })
        })
    }

    /// The bytes of a key's value in the file; of the name of the preset that sets it; or else of the table's head.
    pub(super) fn span_of(&self, key: &str) -> Range<usize> {
        let named_by = |base: Base<'a>| self.own("preset").filter(|_| base.table.has(key));
        self.own(key).or_else(|| self.base.and_then(named_by)).map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Where a key's value comes from.
    pub(super) fn origin(&self, findings: &Findings<'_>, key: &str) -> Origin {
        self.written(key).map_or(Origin::BuiltIn, |written| written.origin(findings))
    }

    /// Where the table itself comes from.
    pub(super) fn own_origin(&self, findings: &Findings<'_>) -> Origin {
        match (self.table, self.base) {
            (None, Some(base)) => Origin::Preset(base.preset),
            _ => Origin::Line(findings.source.line(self.span.start)),
        }
    }

    pub(super) fn missing(&self, findings: &mut Findings<'_>, key: &str, hint: &str) {
        let message = format!("{} is missing", self.name(key));
        findings.add(FindingCode::MissingKey, self.span.clone(), message).hint(hint);
    }

    fn wrong_type(&self, findings: &mut Findings<'_>, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let message = format!("{} must be {wanted}, not {}", self.name(key), type_name(value.get_ref()));
        findings.add(FindingCode::WrongType, value.span(), message);
    }

    fn out_of_range(&self, findings: &mut Findings<'_>, key: &str, range: &str) {
        let message = format!("{} must be {range}", self.name(key));
        findings.add(FindingCode::OutOfRange, self.span_of(key), message);
    }

    /// A table under `key`, of the file or else, as a whole, of the preset.
    pub(super) fn section(&self, findings: &mut Findings<'_>, key: &str, schema: &str) -> Option<Section<'a>> {
        if let Some(value) = self.own(key) {
            return self.open_own(findings, key, value, schema);
        }
        self.base_section(key)
    }

    /// A table under `key` in which each key is of the file or else of the preset.
    pub(super) fn merged_section(&self, findings: &mut Findings<'_>, key: &str, schema: &str) -> Option<Section<'a>> {
        let base = self.base_section(key);
        match self.own(key) {
            Some(value) => {
                let own = self.open_own(findings, key, value, schema)?;
                Some(own.over(base.and_then(|section| section.base)))
            }
            None => base,
        }
    }

    fn open_own(
        &self,
        findings: &mut Findings<'_>,
        key: &str,
        value: &'a Spanned<DeValue<'a>>,
        schema: &str,
    ) -> Option<Section<'a>> {
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::open(findings, self.path_of(key), value.span(), table, schema)),
            _ => {
                self.wrong_type(findings, key, value, "a table");
                None
            }
        }
    }

    fn base_section(&self, key: &str) -> Option<Section<'a>> {
        let base = self.base?;
        let table = base.table.get(key)?.get_ref().as_table()?;
        let base = Some(Base::new(base.preset, table));
        Some(Section { path: self.path_of(key), span: self.span.clone(), table: None, base })
    }

    /// The tables of arrays of tables under `key`: the preset's, and then the file's.
    pub(super) fn sections(&self, findings: &mut Findings<'_>, key: &str, schema: &str) -> Vec<Section<'a>> {
        let mut sections = Vec::new();
        if let Some(base) = self.base {
            let array = base.table.get(key).and_then(|value| value.get_ref().as_array());
            for table in array.into_iter().flat_map(|array| array.iter()).filter_map(|value| value.get_ref().as_table())
            {
                let base = Some(Base::new(base.preset, table));
                sections.push(Section { path: self.path_of(key), span: self.span.clone(), table: None, base });
            }
        }
        let Some(value) = self.own(key) else {
            return sections;
        };
        let DeValue::Array(array) = value.get_ref() else {
            self.wrong_type(findings, key, value, "an array of tables");
            return sections;
        };
        for element in array.iter() {
            match element.get_ref() {
                DeValue::Table(table) => {
                    sections.push(Section::open(findings, self.path_of(key), element.span(), table, schema));
                }
                _ => self.wrong_type(findings, key, element, "an array of tables"),
            }
        }
        sections
    }

    /// The keys of a table whose keys are names of the user's own, such as `identity.claims`.
    pub(super) fn free_keys(&self, findings: &mut Findings<'_>, key: &str) -> Option<Section<'a>> {
        let value = self.get(key)?;
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(findings, key, value, "a table");
            return None;
        };
        if table.is_empty() {
            let message = format!("{} is empty", self.name(key));
            findings.add(FindingCode::EmptyValue, self.span_of(key), message);
            return None;
        }
        let (own, base) = match self.own(key) {
            Some(_) => (Some(Table::new(table)), None),
            None => (None, self.base.map(|base| Base::new(base.preset, table))),
        };
        Some(Section { path: self.path_of(key), span: self.span_of(key), table: own, base })
    }

    /// The names of all keys.
    pub(super) fn keys(&self) -> Vec<&'a str> {
        self.table.into_iter().chain(self.base.map(|base| base.table)).flat_map(Table::names).collect()
    }

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

    /// An array of strings without duplicates, none of them empty; `None` also if the array is empty and must not be.
    pub(super) fn strings(&self, findings: &mut Findings<'_>, key: &str, empty: Empty) -> Option<At<Vec<String>>> {
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

    /// The same, where an empty string means something.
    pub(super) fn any_strings(&self, findings: &mut Findings<'_>, key: &str, empty: Empty) -> Option<At<Vec<String>>> {
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
    pub(super) fn seconds(
        &self,
        findings: &mut Findings<'_>,
        key: &str,
        range: RangeInclusive<i64>,
        range_words: &str,
    ) -> Option<At<i64>> {
        let written = self.written(key)?;
        let value = written.value;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(findings, key, value, "a duration in quotes, such as \"30s\", \"5min\" or \"24h\"");
            return None;
        };
        let Some(seconds) = parse_seconds(text) else {
            let message = format!("{} is not a duration in whole seconds", self.name(key));
            findings
                .add(FindingCode::BadValue, value.span(), message)
                .hint("write it as \"30s\", \"5min\", \"24h\" or \"7d\"");
            return None;
        };
        if !range.contains(&seconds) {
            self.out_of_range(findings, key, range_words);
            return None;
        }
        Some(written.at(findings, seconds))
    }

    /// A size in bytes, with the units that PostgreSQL uses.
    pub(super) fn bytes(
        &self,
        findings: &mut Findings<'_>,
        key: &str,
        range: RangeInclusive<usize>,
    ) -> Option<At<usize>> {
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
            Some(size) if range.contains(&size) => Some(written.at(findings, size)),
            Some(_) => {
                let range = format!("{}B to {}B, which is all that PostgreSQL reads", range.start(), range.end());
                self.out_of_range(findings, key, &range);
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
    pub(super) fn paths(&self, findings: &mut Findings<'_>, key: &str) -> Option<Vec<ClaimPath>> {
        let texts = self.strings(findings, key, Empty::Refused)?;
        texts.value.iter().map(|text| self.compile(findings, key, self.span_of(key), text)).collect()
    }

    fn compile(&self, findings: &mut Findings<'_>, key: &str, span: Range<usize>, text: &str) -> Option<ClaimPath> {
        match ClaimPath::parse(text) {
            Ok(path) => Some(path),
            Err(why) => {
                let message = format!("{} is not a JSONPath: {why}", self.name(key));
                findings.add(FindingCode::BadJsonPath, span, message).hint(
                    "a claim is written as '$.sub'; one with dots or slashes as \"$['https://corp.example/role']\"",
                );
                None
            }
        }
    }

    /// A regular expression that must match in full.
    pub(super) fn pattern(&self, findings: &mut Findings<'_>, key: &str) -> Option<At<Regex>> {
        let text = self.text(findings, key)?;
        match Regex::new(&format!(r"\A(?:{})\z", text.value)) {
            Ok(regex) => Some(At { value: regex, origin: text.origin }),
            Err(_) => {
                let message = format!("{} is not a regular expression", self.name(key));
                findings
                    .add(FindingCode::BadPattern, self.span_of(key), message)
                    .hint("look-around and back-references do not exist here, so that every match takes linear time");
                None
            }
        }
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

/// A value that is there.
#[derive(Clone, Copy)]
struct Written<'a> {
    value: &'a Spanned<DeValue<'a>>,
    /// The preset that has it; none if it is the file's own.
    preset: Option<&'static str>,
}

impl Written<'_> {
    fn origin(&self, findings: &Findings<'_>) -> Origin {
        match self.preset {
            Some(preset) => Origin::Preset(preset),
            None => Origin::Line(findings.source.line(self.value.span().start)),
        }
    }

    /// What the value means, and where it is written.
    fn at<T>(&self, findings: &Findings<'_>, meaning: T) -> At<T> {
        At { value: meaning, origin: self.origin(findings) }
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
