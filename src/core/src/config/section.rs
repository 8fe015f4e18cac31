//! Reads tables of the configuration: which there are, what messages call them, and where a value is written.
//!
//! A table may lie over the one of a preset, which is asked for what the table does not say, and a preset of the file's own
//! over a built-in one. A value with an error is reported and then treated as absent; the file as a whole is unusable by
//! then, so no default can take its place in a decision.

use super::collect::Findings;
use super::layer::{Layer, PresetLayers};
use super::origin::{At, Origin};
use super::settings::{self, Merge, Setting, ValueKind};
use super::table::MarkedTable;
use super::values::{suggest, type_name};
use crate::finding::FindingCode;
use std::fmt::{self, Display, Formatter};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What messages call a table. The name of a profile's is put together when a message needs it, and seldom does one.
pub(super) enum Path<'a> {
    /// The whole file, which has no name.
    File,
    /// The profile of this name.
    Profile(&'a str),
    /// The preset of this name, of the file's own.
    Preset(&'a str),
    /// Any other, such as `profiles.corp.scope`.
    Table(String),
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Path::File => Ok(()),
            Path::Profile(name) => write!(f, "profiles.{name}"),
            Path::Preset(name) => write!(f, "presets.{name}"),
            Path::Table(path) => f.write_str(path),
        }
    }
}

/// One table of the file, and what a preset has under it.
pub(super) struct Section<'a> {
    pub(super) path: Path<'a>,
    /// The bytes of the table's head in the file; of what named the preset if the file has no such table.
    pub(super) span: Range<usize>,
    /// The file's table, if it has one.
    table: Option<MarkedTable<'a>>,
    base: Option<PresetLayers<'a>>,
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
        Self { path, span, table: Some(MarkedTable::new(table)), base: None }
    }

    /// A table that the file does not have, over one of a preset.
    pub(super) fn of_preset(base: Option<PresetLayers<'a>>) -> Self {
        Self { path: Path::File, span: 0..0, table: None, base }
    }

    /// What stands where a table of this name is wanted and none is.
    pub(super) fn of_no_table(path: Path<'a>, span: Range<usize>) -> Self {
        Self { path, span, table: None, base: None }
    }

    /// This table, laid over the one of a preset.
    pub(super) fn over(self, base: Option<PresetLayers<'a>>) -> Self {
        Self { base, ..self }
    }

    /// The name of the built-in preset under the table.
    pub(super) fn preset_name(&self) -> Option<&'static str> {
        self.base.and_then(PresetLayers::built_in)
    }

    /// The preset whose value of `key` the table's own takes the place of.
    pub(super) fn replaced(&self, key: &str) -> Option<Layer<'a>> {
        self.own(key)?;
        self.base?.layer(key)
    }

    /// The preset that the table is of; none if it is the profile's own.
    pub(super) fn layer(&self) -> Option<&'a str> {
        self.base.filter(|_| self.table.is_none()).map(|base| base.upper.name())
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

    pub(super) fn written(&self, key: &str) -> Option<Written<'a>> {
        let own = self.own(key).map(|value| Written { value, preset: None });
        own.or_else(|| {
            let layer = self.base?.layer(key)?;
            Some(Written { value: layer.table.get(key)?, preset: Some(layer) })
        })
    }

    /// The bytes of a key's value in the file; of the name of the preset that sets it; or else of the table's head.
    pub(super) fn span_of(&self, key: &str) -> Range<usize> {
        let named_by = |base: PresetLayers<'a>| self.own("preset").filter(|_| base.layer(key).is_some());
        self.own(key).or_else(|| self.base.and_then(named_by)).map_or_else(|| self.span.clone(), Spanned::span)
    }

    /// Where a key's value comes from.
    pub(super) fn origin(&self, findings: &Findings<'_>, key: &str) -> Origin {
        self.written(key).map_or(Origin::BuiltIn, |written| written.origin(findings))
    }

    /// Where the table itself comes from.
    pub(super) fn own_origin(&self, findings: &Findings<'_>) -> Origin {
        match (self.table, self.base) {
            (None, Some(base)) => base.upper.own_origin(),
            _ => findings.source.origin(self.span.start),
        }
    }

    pub(super) fn missing(&self, findings: &mut Findings<'_>, key: &str, hint: &str) {
        let message = format!("{} is missing", self.name(key));
        findings.add(FindingCode::MissingKey, self.span.clone(), message).hint(hint);
    }

    pub(super) fn wrong_type(
        &self,
        findings: &mut Findings<'_>,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        wanted: &str,
    ) {
        let message = format!("{} must be {wanted}, not {}", self.name(key), type_name(value.get_ref()));
        findings.add(FindingCode::WrongType, value.span(), message);
    }

    pub(super) fn out_of_range(&self, findings: &mut Findings<'_>, key: &str, range: &str) {
        let message = format!("{} must be {range}", self.name(key));
        findings.add(FindingCode::OutOfRange, self.span_of(key), message);
    }

    /// The table of a setting: of the file and of the preset, together as its row says. Nothing of what is no table.
    pub(super) fn table(&self, findings: &mut Findings<'_>, setting: &Setting) -> Option<Section<'a>> {
        match setting.kind {
            ValueKind::Table(Merge::Whole, schema) => self.section(findings, setting.key, schema),
            ValueKind::Table(Merge::ByKey, schema) => self.merged_section(findings, setting.key, schema),
            _ => None,
        }
    }

    /// A table under `key`, of the file or else, as a whole, of the preset.
    pub(super) fn section(&self, findings: &mut Findings<'_>, key: &str, schema: &str) -> Option<Section<'a>> {
        if let Some(value) = self.own(key) {
            return self.open_own(findings, key, value, schema);
        }
        self.base_section(key, Merge::Whole)
    }

    /// A table under `key` in which each key is of the file or else of the preset.
    fn merged_section(&self, findings: &mut Findings<'_>, key: &str, schema: &str) -> Option<Section<'a>> {
        let base = self.base_section(key, Merge::ByKey);
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

    fn base_section(&self, key: &str, merge: Merge) -> Option<Section<'a>> {
        let base = Some(self.base?.below(key, merge)?);
        Some(Section { path: self.path_of(key), span: self.span.clone(), table: None, base })
    }

    /// The tables of arrays of tables under `key`: the preset's, and then the file's.
    pub(super) fn sections(&self, findings: &mut Findings<'_>, key: &str, schema: &str) -> Vec<Section<'a>> {
        let mut sections = Vec::new();
        for base in self.base.into_iter().flat_map(|base| base.elements(key)) {
            sections.push(Section { path: self.path_of(key), span: self.span.clone(), table: None, base: Some(base) });
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
            Some(_) => (Some(MarkedTable::new(table)), None),
            None => (None, self.base.and_then(|base| base.below(key, Merge::Whole))),
        };
        Some(Section { path: self.path_of(key), span: self.span_of(key), table: own, base })
    }

    /// The names of all keys.
    pub(super) fn keys(&self) -> Vec<&'a str> {
        let layers = self.base.into_iter().flat_map(PresetLayers::layers).map(|layer| layer.table);
        self.table.into_iter().chain(layers).flat_map(MarkedTable::names).collect()
    }
}

/// A value that is there.
#[derive(Clone, Copy)]
pub(super) struct Written<'a> {
    pub(super) value: &'a Spanned<DeValue<'a>>,
    preset: Option<Layer<'a>>,
}

impl<'a> Written<'a> {
    /// The preset that has it; none if it is the profile's own.
    pub(super) fn layer(&self) -> Option<&'a str> {
        self.preset.map(|preset| preset.name())
    }

    fn origin(&self, findings: &Findings<'_>) -> Origin {
        let start = self.value.span().start;
        self.preset.map_or_else(|| findings.source.origin(start), |preset| preset.origin(start))
    }

    /// What the value means, and where it is written.
    pub(super) fn at<T>(&self, findings: &Findings<'_>, meaning: T) -> At<T> {
        At { value: meaning, origin: self.origin(findings) }
    }
}
