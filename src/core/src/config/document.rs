//! Reads one file as a whole: its syntax, and the profiles in it. What a profile says is read in `build`; how its settings
//! go together is decided in `check`, how the profiles of a file do in `together`, those of several in `files`.
//!
//! Must never go on after what is not TOML as if nothing had been there: that is an error, and nobody gets in.

use super::collect::Findings;
use super::defaults::Defaults;
use super::entry::ProfileEntry;
use super::layout::Layouts;
use super::presets::own::{PresetChoice, Presets};
use super::section::{Path, Section};
use super::values::suggest;
use super::{build, check, settings, together};
use crate::finding::FindingCode;
use crate::trace::printable;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What all profiles are built upon: what the main file says of them, and the presets.
pub(super) struct Ground<'d> {
    pub(super) defaults: &'d Defaults,
    pub(super) layouts: Layouts<'d>,
    pub(super) presets: &'d Presets<'d>,
    /// Whether there is no error in the file's own presets.
    pub(super) presets_usable: bool,
}

/// The profiles of a file, in the order of their names.
pub(super) fn profiles<'d>(
    findings: &mut Findings<'_>,
    document: &'d DeTable<'d>,
    ground: &mut Ground<'d>,
) -> Vec<ProfileEntry<'d>> {
    let Some(named) = document.get("profiles") else {
        return Vec::new();
    };
    let DeValue::Table(table) = named.get_ref() else {
        let message = "profiles must be a table of tables, written as [profiles.NAME]";
        findings.add(FindingCode::WrongType, named.span(), message);
        return Vec::new();
    };
    let presets = ground.presets.by_name();
    let mut entries = Vec::with_capacity(table.len());
    // Of two profiles that do not go together, the later one by name has the finding, wherever they are written.
    let mut in_order: Vec<_> = table.iter().collect();
    in_order.sort_unstable_by(|(one, _), (other, _)| one.get_ref().cmp(other.get_ref()));
    for (key, value) in in_order {
        let (name, span) = (key.get_ref().as_ref(), key.span());
        check_name(findings, "profile", name, span.clone());
        let DeValue::Table(table) = value.get_ref() else {
            let message = format!("profiles.{name} must be a table, written as [profiles.{name}]");
            findings.add(FindingCode::WrongType, value.span(), message);
            let section = Section::of_no_table(Path::Profile(name), span.clone());
            entries.push(ProfileEntry { name, span, section, profile: None });
            continue;
        };
        let section = Section::open(findings, Path::Profile(name), span.clone(), table, "profiles.*");
        let preset = section.word(findings, "preset", &presets);
        if matches!(preset, Some(PresetChoice::Own(_))) && !ground.presets_usable {
            // The main file has an error then, and lets nobody in.
            entries.push(ProfileEntry { name, span, section, profile: None });
            continue;
        }
        let layout = ground.layouts.of(findings, &section, preset);
        let section = section.over(layout.base());
        let profile = build::profile(findings, name, &section, &layout, ground.defaults);
        if let Some(profile) = &profile {
            check::profile(findings, &section, profile);
        }
        entries.push(ProfileEntry { name, span, section, profile });
    }
    together::together(findings, &entries);
    entries
}

/// Reports what a file of the folder cannot have: all but profiles is for the main file to say.
pub(super) fn profiles_alone(findings: &mut Findings<'_>, document: &DeTable<'_>) {
    for key in document.keys().filter(|key| key.get_ref() != "profiles") {
        let name = key.get_ref().as_ref();
        let (message, hint) = match settings::has("", name) {
            true => (
                format!("{name} cannot stand in a file of the folder"),
                "it holds for the profiles of all files: write it into the main file".to_owned(),
            ),
            false => (format!("unknown key \"{}\" at the top level", printable(name)), suggest(name, &["profiles"])),
        };
        findings.add(FindingCode::UnknownKey, key.span(), message).hint(hint);
    }
}

/// The tables of the text, as far as they can be read.
pub(super) fn document<'t>(findings: &mut Findings<'t>) -> Spanned<DeTable<'t>> {
    let (document, errors) = DeTable::parse_recoverable(findings.source.text);
    for error in errors {
        let span = error.span().unwrap_or_default();
        let hint = match error.message() {
            "duplicate key" => "a key or a table is written once: keep one of the two, or merge them",
            _ => {
                "a table is written as [profiles.NAME], text in quotes, and a list in brackets, such as [\"a\", \"b\"]"
            }
        };
        findings.add(FindingCode::Syntax, span, format!("not valid TOML: {}", error.message())).hint(hint);
    }
    document
}

/// Reports a name that no profile and no preset, whichever it is `of`, can have.
pub(super) fn check_name(findings: &mut Findings<'_>, of: &str, name: &str, span: Range<usize>) {
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !begins_well || !name.chars().all(valid) || name.len() > 63 {
        findings
            .add(FindingCode::BadName, span, format!("\"{}\" is not a {of} name", printable(name)))
            .hint("up to 63 of a-z, 0-9, _ and -, beginning with a letter or digit");
    }
}
