//! Where a setting was written: a line of a file, a preset, or nowhere.
//!
//! A value must never lose it on its way to a denial, which says what to change and where.

/// Where a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nobody wrote it.
    BuiltIn,
    /// The preset of this name.
    Preset(&'static str),
    /// A line of one of the configuration's files.
    Line {
        /// Which file: 0 is the main one, and then those of its folder in their order.
        file: usize,
        /// The line, from 1.
        line: usize,
    },
}

/// A setting and where it comes from.
#[derive(Debug, Clone, PartialEq)]
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
