//! Reads the file as a whole: its syntax, and the profiles in it. What a profile says is read in `build`; how its settings
//! go together is decided in `check`, how profiles do in `together`.
//!
//! Must never go on after what is not TOML as if nothing had been there: that is an error, and nobody gets in.

use super::collect::Findings;
use super::layout::Layouts;
use super::profile::{At, Profile};
use super::section::{Path, Section};
use super::settings::root as rows;
use super::{build, check, defaults, presets, together};
use crate::finding::FindingCode;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What a file says.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) profiles: Vec<Profile>,
    pub(super) reserved_prefixes: At<Vec<String>>,
}

/// Reads the whole file. Profiles with errors are left out; the errors are among the findings.
pub(super) fn content(findings: &mut Findings<'_>) -> Content {
    let document = document(findings);
    let root = Section::open(findings, Path::File, 0..0, document.get_ref(), "");
    let reserved = root.strings(findings, &rows::RESERVED_PREFIXES);
    let reserved_prefixes = reserved.unwrap_or_else(|| At::built_in(Vec::new()));
    Content { profiles: profiles(findings, &root), reserved_prefixes }
}

fn profiles(findings: &mut Findings<'_>, root: &Section<'_>) -> Vec<Profile> {
    let defaults = defaults::defaults(findings, root);
    let presets = presets::Parsed::default();
    let Some(named) = root.get("profiles") else {
        return Vec::new();
    };
    let DeValue::Table(table) = named.get_ref() else {
        let message = "profiles must be a table of tables, written as [profiles.NAME]";
        findings.add(FindingCode::WrongType, named.span(), message);
        return Vec::new();
    };
    let preset_names = presets::by_name();
    let mut layouts = Layouts::new(&presets, &defaults);
    let (mut profiles, mut sections) = (Vec::with_capacity(table.len()), Vec::with_capacity(table.len()));
    // Of two profiles that do not go together, the later one by name has the finding, wherever they are written.
    let mut in_order: Vec<_> = table.iter().collect();
    in_order.sort_unstable_by(|(one, _), (other, _)| one.get_ref().cmp(other.get_ref()));
    for (key, value) in in_order {
        let name = key.get_ref().as_ref();
        check_name(findings, name, key.span());
        let DeValue::Table(table) = value.get_ref() else {
            let message = format!("profiles.{name} must be a table, written as [profiles.{name}]");
            findings.add(FindingCode::WrongType, value.span(), message);
            continue;
        };
        let section = Section::open(findings, Path::Profile(name), key.span(), table, "profiles.*");
        let preset = section.word(findings, "preset", &preset_names);
        let layout = layouts.of(findings, &section, preset);
        let section = section.over(layout.base());
        if let Some(profile) = build::profile(findings, name, &section, &layout, &defaults) {
            check::profile(findings, &section, &profile);
            profiles.push(profile);
            sections.push(section);
        }
    }
    together::together(findings, &profiles, &sections);
    profiles
}

/// The tables of the text, as far as they can be read.
fn document<'t>(findings: &mut Findings<'t>) -> Spanned<DeTable<'t>> {
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

fn check_name(findings: &mut Findings<'_>, name: &str, span: Range<usize>) {
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !begins_well || !name.chars().all(valid) || name.len() > 63 {
        findings
            .add(FindingCode::BadName, span, format!("\"{}\" is not a profile name", crate::trace::printable(name)))
            .hint("up to 63 of a-z, 0-9, _ and -, beginning with a letter or digit");
    }
}
