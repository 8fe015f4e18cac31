//! Built-in layouts of providers: TOML files in the language that users write, merged under their profiles.
//!
//! A preset is a claim about security: what it rests on is written in the file. It never names an audience that
//! would accept a token made for somebody else, and never a client. The build finds the files; what tools and manual say of
//! a preset is in the file as well, and read by `about`, never in a login. What a denial says to do at the provider is too.

mod about;
pub(super) mod own;

pub use about::{Head, PresetInfo, RuleExample, TableExample};

use crate::reason::Reason;
use std::cell::OnceCell;
use toml::Spanned;
use toml::de::DeTable;

/// A built-in layout.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// The name that profiles use.
    pub name: &'static str,
    /// The file, with comments, as people read it: without its last table, which is for tools.
    pub text: &'static str,
    /// The text without the comments at its head, which are most of it: a server parses it in its logins.
    settings: &'static str,
    /// The last table of the file, `[preset]`, without this line.
    data: &'static str,
    /// What to do about a denial in the provider's own words, by the reason's code.
    hints: &'static [(&'static str, &'static str)],
}

include!(concat!(env!("OUT_DIR"), "/presets.rs"));

impl Preset {
    /// The preset of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|preset| preset.name == name)
    }

    /// What to do at this provider about a denial for this reason, in its own words: the cure of the most likely mistake.
    #[must_use]
    pub fn hint(&self, reason: Reason) -> Option<&'static str> {
        self.hints.iter().find(|(code, _)| *code == reason.code()).map(|(_, hint)| *hint)
    }
}

/// The built-in presets that were parsed for one file, each at most once.
pub(super) struct ParsedPresets {
    tables: Vec<OnceCell<Option<Spanned<DeTable<'static>>>>>,
}

impl Default for ParsedPresets {
    fn default() -> Self {
        Self { tables: ALL.iter().map(|_| OnceCell::new()).collect() }
    }
}

impl ParsedPresets {
    /// The table of a preset of [`ALL`]; `None` if it is no TOML, by which the caller must deny. Tests parse each of them.
    pub(super) fn table(&self, preset: &Preset) -> Option<&DeTable<'static>> {
        let (known, table) = ALL.iter().zip(&self.tables).find(|(known, _)| known.name == preset.name)?;
        table.get_or_init(|| DeTable::parse(known.settings).ok()).as_ref().map(Spanned::get_ref)
    }
}

#[cfg(test)]
mod tests;
