//! Judges the presets of the file's own, each by itself, whether a profile names it or not.
//!
//! Must never let one hold what a profile's own list would take the place of, unseen: the keys, tokens and people that are
//! refused from now on; nor what makes a rule deny nobody.

use super::build;
use super::collect::Findings;
use super::document::{Ground, check_name};
use super::presets::own::{Own, PresetChoice, Presets};
use super::presets::{ALL, Preset};
use super::section::{Path, Section};
use super::settings::{self, PROFILE, ValueKind};
use super::source::SourceText;
use crate::finding::FindingCode;
use toml::de::{DeTable, DeValue};

/// Judges each of them by itself, and says whether profiles can be built on them: whether there is no error.
///
/// What only a whole profile has may be missing. How its keys go together with others' is judged in each profile.
pub(super) fn judge(findings: &mut Findings<'_>, presets: &Presets<'_>, ground: &mut Ground<'_>) -> bool {
    let before = findings.errors();
    for own in &presets.own {
        check_name(findings, "preset", own.name, own.span.clone());
        if Preset::named(own.name).is_some() {
            let message = format!("presets.{} has the name of a built-in preset", own.name);
            findings
                .add(FindingCode::BadName, own.span.clone(), message)
                .hint("choose another name; preset = \"NAME\" in it puts it over the built-in one");
        }
        refused(findings, own.table, PROFILE);
        built(findings, own, ground);
    }
    presets.readable && findings.errors() == before
}

/// Reads a preset as the profile that it is the beginning of.
fn built(findings: &mut Findings<'_>, own: &Own<'_>, ground: &mut Ground<'_>) {
    let mut found = Findings::new(SourceText::new(findings.source.text));
    let section = Section::open(&mut found, Path::Preset(own.name), own.span.clone(), own.table, PROFILE);
    let names: Vec<_> = ALL.iter().map(|preset| (preset.name, PresetChoice::BuiltIn(preset))).collect();
    let under = section.word(&mut found, "preset", &names);
    let layout = ground.layouts.of(&mut found, &section, under);
    let section = section.over(layout.base());
    let _ = build::profile(&mut found, own.name, &section, &layout, ground.defaults);
    for finding in found.into_sorted() {
        let left_to_profiles = finding.code == FindingCode::MissingKey && finding.span == own.span;
        // Of a rule that only reports there is an error already.
        if !left_to_profiles && finding.code != FindingCode::ReportOnly {
            findings.put(finding);
        }
    }
}

/// Reports each key that no preset can have, in a table of the settings' table `schema`.
fn refused(findings: &mut Findings<'_>, table: &DeTable<'_>, schema: &str) {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        let Some(setting) = settings::of_table(schema).find(|setting| setting.key == name) else { continue };
        if !setting.may_be_own_preset {
            findings.add(FindingCode::UnknownKey, key.span(), format!("{name} cannot stand in a preset")).hint(
                "write it into each profile: whoever reads a profile must see whom it refuses, and what denies nobody",
            );
        }
        match (setting.kind, value.get_ref()) {
            (ValueKind::Table(_, below), DeValue::Table(table)) => refused(findings, table, below),
            (ValueKind::Rules(below), DeValue::Array(array)) => {
                for table in array.iter().filter_map(|element| element.get_ref().as_table()) {
                    refused(findings, table, below);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
