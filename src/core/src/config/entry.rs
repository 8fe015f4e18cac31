//! A profile as it stands in its file, beside what was made of it. Nothing is decided here.

use super::profile::Profile;
use super::section::Section;
use std::ops::Range;

/// A profile of a file: its table, and what it says if there is no error in it.
pub(super) struct ProfileEntry<'d> {
    pub(super) name: &'d str,
    /// The bytes of its name.
    pub(super) span: Range<usize>,
    pub(super) section: Section<'d>,
    pub(super) profile: Option<Profile>,
}
