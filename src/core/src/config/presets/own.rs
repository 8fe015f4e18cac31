//! Presets of the file's own, `[presets.NAME]` of the main file: what several profiles have in common, said once.
//!
//! One is written as a profile is, and may name a built-in preset, which lies under it then. What it says is judged in
//! `preset_check`. Must never be taken for a built-in one: which of the two a name means is decided here.

use super::super::collect::Findings;
use super::super::layer::{Layer, NamedPreset, PresetLayers};
use super::super::source::SourceText;
use super::{ALL, ParsedPresets, Preset};
use crate::finding::FindingCode;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A preset of the file's own.
#[derive(Debug)]
pub(in crate::config) struct Own<'d> {
    pub(in crate::config) name: &'d str,
    /// The bytes of its name.
    pub(in crate::config) span: Range<usize>,
    pub(in crate::config) table: &'d DeTable<'d>,
    /// The built-in one under it.
    built_in: Option<&'static Preset>,
}

/// What a profile can name as its preset.
#[derive(Clone, Copy)]
pub(in crate::config) enum PresetChoice<'a> {
    /// A built-in preset.
    BuiltIn(&'static Preset),
    /// One of the file's own.
    Own(&'a Own<'a>),
}

impl PresetChoice<'_> {
    /// The built-in preset that it is, or lies over; empty if there is none.
    pub(in crate::config) fn built_in(self) -> &'static str {
        let preset = match self {
            PresetChoice::BuiltIn(preset) => Some(preset),
            PresetChoice::Own(own) => own.built_in,
        };
        preset.map_or("", |preset| preset.name)
    }
}

/// All presets that the profiles of a configuration can name.
pub(in crate::config) struct Presets<'d> {
    built_in: ParsedPresets,
    pub(in crate::config) own: Vec<Own<'d>>,
    /// The main file, if it has presets of its own.
    source: Option<SourceText<'d>>,
    /// Whether all of the file's own are tables.
    pub(in crate::config) readable: bool,
}

impl<'d> Presets<'d> {
    /// Those of the main file with this text, as far as they can be read. What they say is judged in `preset_check`.
    pub(in crate::config) fn of(findings: &mut Findings<'_>, text: &'d str, document: &'d DeTable<'d>) -> Self {
        let built_in = ParsedPresets::default();
        let Some(named) = document.get("presets") else {
            return Self { built_in, own: Vec::new(), source: None, readable: true };
        };
        let tables = tables(findings, named);
        let readable = tables.is_some();
        let own: Vec<_> = tables
            .unwrap_or_default()
            .into_iter()
            .map(|(name, span, table)| {
                let under = table.get("preset").and_then(|value| value.get_ref().as_str());
                Own { name, span, table, built_in: under.and_then(Preset::named) }
            })
            .collect();
        Self { built_in, own, source: Some(SourceText::new(text)), readable }
    }

    /// What a profile can name, with the names.
    pub(in crate::config) fn by_name<'a>(&'a self) -> Vec<(&'a str, PresetChoice<'a>)>
    where
        'd: 'a,
    {
        let own = self.own.iter().map(|own| (own.name, PresetChoice::Own(own)));
        ALL.iter().map(|preset| (preset.name, PresetChoice::BuiltIn(preset))).chain(own).collect()
    }

    /// The tables of a preset; `None` if a built-in one is broken, by which the caller must deny.
    pub(in crate::config) fn base<'a>(&'a self, choice: PresetChoice<'a>) -> Option<PresetLayers<'a>> {
        let built_in = |preset: &'static Preset| {
            Some(Layer::new(NamedPreset::BuiltIn(preset.name), 0, self.built_in.table(preset)?))
        };
        match (choice, &self.source) {
            (PresetChoice::BuiltIn(preset), _) => built_in(preset).map(PresetLayers::of),
            (PresetChoice::Own(own), Some(source)) => {
                let upper = Layer::new(NamedPreset::Own(own.name, source), own.span.start, own.table);
                let lower = match own.built_in {
                    Some(preset) => Some(built_in(preset)?),
                    None => None,
                };
                Some(PresetLayers { upper, lower })
            }
            (PresetChoice::Own(_), None) => None,
        }
    }
}

/// The tables with their names; `None` if there is something else among them, which is reported.
fn tables<'d>(
    findings: &mut Findings<'_>,
    named: &'d Spanned<DeValue<'d>>,
) -> Option<Vec<(&'d str, Range<usize>, &'d DeTable<'d>)>> {
    let DeValue::Table(all) = named.get_ref() else {
        let message = "presets must be a table of tables, written as [presets.NAME]";
        findings.add(FindingCode::WrongType, named.span(), message);
        return None;
    };
    let mut tables = Vec::with_capacity(all.len());
    for (key, value) in all {
        let name = key.get_ref().as_ref();
        match value.get_ref() {
            DeValue::Table(table) => tables.push((name, key.span(), table)),
            _ => {
                let message = format!("presets.{name} must be a table, written as [presets.{name}]");
                findings.add(FindingCode::WrongType, value.span(), message);
            }
        }
    }
    (tables.len() == all.len()).then_some(tables)
}
