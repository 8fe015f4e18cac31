//! What lies under a profile's table: the table of a preset, and where that is one of the file's own that names a built-in
//! one, the built-in one's below it.
//!
//! A value must never lose where it was written: one of a built-in preset has that preset's name, one of the file's own has
//! its line.

use super::origin::Origin;
use super::settings::Merge;
use super::source::SourceText;
use super::table::MarkedTable;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The preset that a table belongs to.
#[derive(Clone, Copy)]
pub(super) enum NamedPreset<'a> {
    BuiltIn(&'static str),
    /// One of the file's own, and the main file, where it is written.
    Own(&'a str, &'a SourceText<'a>),
}

/// A table of one preset. Before a profile is built on it, its keys and values have been found to be without errors.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) preset: NamedPreset<'a>,
    pub(super) table: MarkedTable<'a>,
    /// The byte at which the table begins in the main file, of a preset of the file's own.
    start: usize,
}

impl<'a> Layer<'a> {
    pub(super) fn new(preset: NamedPreset<'a>, start: usize, table: &'a DeTable<'a>) -> Self {
        Self { preset, table: MarkedTable::new(table), start }
    }

    /// The name that profiles use.
    pub(super) fn name(&self) -> &'a str {
        match self.preset {
            NamedPreset::BuiltIn(name) | NamedPreset::Own(name, _) => name,
        }
    }

    /// Where a person reads it.
    pub(super) fn look(&self) -> String {
        match self.preset {
            NamedPreset::BuiltIn(name) => format!("see \"oauth-validator preset show {name}\""),
            NamedPreset::Own(name, _) => format!("see [presets.{name}] in the main file"),
        }
    }

    /// Where byte `start` of the preset's text is; of a built-in one just its name.
    pub(super) fn origin(&self, start: usize) -> Origin {
        match self.preset {
            NamedPreset::BuiltIn(name) => Origin::Preset(name),
            NamedPreset::Own(_, source) => source.origin(start),
        }
    }

    /// Where the table is.
    pub(super) fn own_origin(&self) -> Origin {
        self.origin(self.start)
    }

    /// The table under `key`, if it has one.
    fn below(&self, key: &str) -> Option<Self> {
        let value = self.table.get(key)?;
        Some(Self::new(self.preset, value.span().start, value.get_ref().as_table()?))
    }

    /// The strings of a list in the table under `table`.
    pub(super) fn strings_below(&self, table: &str, key: &str) -> Vec<&'a str> {
        let list =
            self.below(table).and_then(|below| below.table.get(key)).and_then(|value| value.get_ref().as_array());
        list.into_iter().flat_map(|list| list.iter()).filter_map(|value| value.get_ref().as_str()).collect()
    }

    /// The tables of the array of tables under `key`.
    fn elements(&self, key: &str) -> impl Iterator<Item = Self> {
        let preset = self.preset;
        let array = self.table.get(key).and_then(|value| value.get_ref().as_array());
        let tables = |value: &'a Spanned<DeValue<'a>>| Some((value.span().start, value.get_ref().as_table()?));
        let all = array.into_iter().flat_map(|array| array.iter()).filter_map(tables);
        all.map(move |(start, table)| Self::new(preset, start, table))
    }
}

/// The table of a preset, and the one below it.
#[derive(Clone, Copy)]
pub(super) struct PresetLayers<'a> {
    pub(super) upper: Layer<'a>,
    pub(super) lower: Option<Layer<'a>>,
}

impl<'a> PresetLayers<'a> {
    pub(super) fn of(upper: Layer<'a>) -> Self {
        Self { upper, lower: None }
    }

    /// Both, the upper one first.
    pub(super) fn layers(self) -> impl Iterator<Item = Layer<'a>> {
        std::iter::once(self.upper).chain(self.lower)
    }

    /// The first of the two that has the key.
    pub(super) fn layer(self, key: &str) -> Option<Layer<'a>> {
        self.layers().find(|layer| layer.table.has(key))
    }

    /// The name of the built-in preset.
    pub(super) fn built_in(self) -> Option<&'static str> {
        self.layers().find_map(|layer| match layer.preset {
            NamedPreset::BuiltIn(name) => Some(name),
            NamedPreset::Own(..) => None,
        })
    }

    /// What is under `key`: of the upper one that has it, and of both where tables go together key by key.
    pub(super) fn below(self, key: &str, merge: Merge) -> Option<Self> {
        match merge {
            Merge::Whole => self.layer(key)?.below(key).map(Self::of),
            Merge::ByKey => {
                let mut found = self.layers().filter_map(|layer| layer.below(key));
                Some(Self { upper: found.next()?, lower: found.next() })
            }
        }
    }

    /// The tables of the arrays of tables under `key`, those of the lower one first.
    pub(super) fn elements(self, key: &str) -> impl Iterator<Item = Self> {
        let from_below = self.lower.into_iter().chain([self.upper]);
        from_below.flat_map(move |layer| layer.elements(key).collect::<Vec<_>>()).map(Self::of)
    }
}
