//! Where the configuration writes what only a look at the machine shows to be wrong: tables of profiles, and settings in
//! them. The text is taken apart once, however many profiles it has. Must never decide what a setting means.

use crate::config_file::ConfigFile;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeTable;

/// The places of a text; none if it is no TOML.
pub(crate) struct TomlPositions<'t>(Option<Spanned<DeTable<'t>>>);

impl<'t> TomlPositions<'t> {
    /// Those of this text.
    pub(crate) fn of(text: &'t [u8]) -> Self {
        Self(std::str::from_utf8(text).ok().and_then(|text| DeTable::parse(text).ok()))
    }

    /// Those of each file of a configuration, the main one first.
    pub(crate) fn of_all(file: &'t ConfigFile) -> Vec<Self> {
        (0..=file.folder.files.len()).map(|at| Self::of(file.part(at).1)).collect()
    }

    fn profiles(&self) -> Option<&DeTable<'t>> {
        self.0.as_ref()?.get_ref().get("profiles")?.get_ref().as_table()
    }

    /// Where a profile is named.
    pub(crate) fn profile(&self, name: &str) -> Option<Range<usize>> {
        self.profiles()?.get_key_value(name).map(|(key, _)| key.span())
    }

    /// What a setting is given, in one of a profile's tables.
    pub(crate) fn setting(&self, profile: &str, table: &str, key: &str) -> Option<Range<usize>> {
        let profile = self.profiles()?.get(profile)?.get_ref().as_table()?;
        Some(profile.get(table)?.get_ref().as_table()?.get(key)?.span())
    }
}
