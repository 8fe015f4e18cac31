//! Where a setting was written: a line of a file, a preset, or nowhere.
//!
//! A value must never lose it on its way to a denial, which says what to change and where.

use super::written::{self, PresetName};
use serde::{Deserialize, Serialize};

/// Where a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Nobody wrote it.
    BuiltIn,
    /// The preset of this name.
    Preset(#[serde(with = "written::preset")] PresetName),
    /// A line of one of the configuration's files.
    Line {
        /// Which file: 0 is the main one, and then those of its folder in their order.
        file: usize,
        /// The line, from 1.
        line: usize,
    },
}

/// A setting and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct At<T> {
    /// The setting.
    pub value: T,
    /// Where it was written.
    pub origin: Origin,
}

impl<T> At<T> {
    /// A built-in default.
    pub(super) const fn built_in(value: T) -> Self {
        Self { value, origin: Origin::BuiltIn }
    }
}

/// A regular expression that need not be there, in a kept form.
pub(super) mod pattern_if_any {
    use super::{At, Origin};
    use regex::Regex;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(pattern: &Option<At<Regex>>, to: S) -> Result<S::Ok, S::Error> {
        pattern.as_ref().map(|at| (at.value.as_str(), at.origin)).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<At<Regex>>, D::Error> {
        let written = Option::<(&str, Origin)>::deserialize(from)?;
        let read = |(text, origin)| Regex::new(text).map(|value| At { value, origin });
        written.map(read).transpose().map_err(D::Error::custom)
    }
}
