//! Makes one configuration of several files: the main one, and those of its folder, which have profiles alone.
//!
//! An error of the main file denies everybody, one of another file the profiles of that file. Which profiles of different
//! files cannot stand together is for `across`. Must never let an error open anything: a denied profile goes on counting
//! with what can be read of it, for every refusal.

use super::across::{self, FileProfile};
use super::collect::Findings;
use super::document::{self, Ground};
use super::folder::{ConfigFolder, FolderFile};
use super::layout::Layouts;
use super::origin::At;
use super::presets::own::Presets;
use super::section::{Path, Section};
use super::settings::root as rows;
use super::source::{self, SourceText};
use super::valid::{Config, FolderTrouble, Names};
use super::{defaults, preset_check, reports};
use crate::finding::{Finding, first_error};
use std::collections::BTreeMap;

/// What became of the files' texts.
#[derive(Debug)]
pub struct ParsedFiles {
    /// The configuration, unless there is an error in the main file.
    pub config: Option<Config>,
    /// Errors and warnings of the main file, in its order.
    pub findings: Vec<Finding>,
    /// Those of each file of the folder, in the order of the files; none of one that was not read.
    pub folder: Vec<Vec<Finding>>,
}

/// Reads all files. Those of the folder are judged by what can be read of the main one, if that has errors.
pub(super) fn parse(main: &[u8], name: &str, folder: ConfigFolder<'_>) -> ParsedFiles {
    let text = match std::str::from_utf8(main) {
        Ok(text) => text,
        Err(error) => {
            let findings = vec![source::not_utf8(main, error.valid_up_to())];
            return ParsedFiles { config: None, findings, folder: folder.files.iter().map(|_| Vec::new()).collect() };
        }
    };
    let names = Names::of(name, folder);
    let mut findings = Findings::new(SourceText::new(text));
    let document = document::document(&mut findings);
    let root = Section::open(&mut findings, Path::File, 0..0, document.get_ref(), "");
    let reserved = root.strings(&mut findings, &rows::RESERVED_PREFIXES);
    let reserved = reserved.unwrap_or_else(|| At::built_in(Vec::new()));
    let defaults = defaults::defaults(&mut findings, &root);
    let presets = Presets::of(&mut findings, text, document.get_ref());
    let layouts = Layouts::new(&presets, &defaults);
    let mut ground = Ground { layouts, defaults: &defaults, presets: &presets, presets_usable: true };
    ground.presets_usable = preset_check::judge(&mut findings, &presets, &mut ground);
    let of_main = document::profiles(&mut findings, document.get_ref(), &mut ground);

    let mut all = vec![findings];
    let texts = folder.files.iter().map(|file| readable(file).unwrap_or_default()).enumerate();
    all.extend(texts.map(|(at, text)| Findings::new(SourceText::of_file(text, at + 1))));
    let documents: Vec<_> = all.iter_mut().skip(1).map(document::document).collect();
    let mut members: Vec<FileProfile<'_>> = of_main.into_iter().map(|entry| FileProfile::new(0, entry)).collect();
    for ((file, findings), document) in all.iter_mut().enumerate().skip(1).zip(&documents) {
        document::profiles_alone(findings, document.get_ref());
        let entries = document::profiles(findings, document.get_ref(), &mut ground);
        members.extend(entries.into_iter().map(|entry| FileProfile::new(file, entry)));
    }
    if all.len() > 1 {
        reports::doubts(&mut all, &members, &names, &reserved.value);
    }
    let troubles = Troubles::of_files(&mut all, &mut members, &names, folder);
    let troubles = troubles.with_conflicts(&mut all, &mut members, &names);
    let mut found = all.into_iter().map(Findings::into_sorted);
    let findings = found.next().unwrap_or_default();
    let usable = !findings.iter().any(Finding::is_error);
    let config = usable.then(|| of_members(names, members, troubles, reserved));
    ParsedFiles { config, findings, folder: found.collect() }
}

fn of_members(
    names: Names,
    members: Vec<FileProfile<'_>>,
    troubles: Vec<FolderTrouble>,
    reserved: At<Vec<String>>,
) -> Config {
    let (mut profiles, mut denied) = (Vec::with_capacity(members.len()), Vec::new());
    for member in members {
        match member.denied {
            Some(one) => denied.push(one),
            None => profiles.extend(member.entry.profile),
        }
    }
    Config::new(names, profiles, denied, troubles, reserved)
}

/// The text of a file of the folder; nothing of one that was not read or is no text.
fn readable<'t>(file: &FolderFile<'t>) -> Option<&'t str> {
    std::str::from_utf8(file.text.ok()?).ok()
}

/// What is wrong with files and profiles, and which profiles are denied for it.
struct Troubles {
    list: Vec<FolderTrouble>,
    /// The trouble that denies all profiles of a file, by the number of the file.
    of_file: Vec<Option<usize>>,
    check: String,
}

impl Troubles {
    /// Denies the profiles of files with errors.
    fn of_files(
        all: &mut [Findings<'_>],
        members: &mut [FileProfile<'_>],
        names: &Names,
        folder: ConfigFolder<'_>,
    ) -> Self {
        let mut troubles = Self { list: Vec::new(), of_file: vec![None], check: names.check_command() };
        for (findings, file) in all.iter_mut().skip(1).zip(folder.files) {
            let trouble = match file.text {
                Err(unread) => Some(FolderTrouble {
                    file: file.name.to_owned(),
                    detail: unread.why.to_owned(),
                    hint: unread.hint.to_owned(),
                }),
                Ok(bytes) => {
                    if let Err(error) = std::str::from_utf8(bytes) {
                        findings.put(source::not_utf8(bytes, error.valid_up_to()));
                    }
                    findings.has_errors().then(|| troubles.trouble(file.name, findings.sorted()))
                }
            };
            let at = trouble.map(|trouble| troubles.add(trouble));
            troubles.of_file.push(at);
        }
        for member in members {
            let trouble = troubles.of_file.get(member.file).copied().flatten();
            if trouble.is_some() || member.entry.profile.is_none() {
                let broken = all.get(member.file).is_some_and(Findings::is_broken);
                member.deny(trouble.unwrap_or_default(), broken);
            }
        }
        troubles
    }

    fn trouble(&self, file: &str, findings: &[Finding]) -> FolderTrouble {
        let hint = format!("Run \"{}\" and mend what it reports; the next login sees the change.", self.check);
        FolderTrouble { file: file.to_owned(), detail: first_error(file, findings), hint }
    }

    fn add(&mut self, trouble: FolderTrouble) -> usize {
        self.list.push(trouble);
        self.list.len() - 1
    }

    /// Denies the profiles that cannot stand beside one of another file, and reports it where they are written.
    fn with_conflicts(
        mut self,
        all: &mut [Findings<'_>],
        members: &mut [FileProfile<'_>],
        names: &Names,
    ) -> Vec<FolderTrouble> {
        // A file that stands alone, as most do, has been judged.
        let conflicts = if all.len() > 1 { across::conflicts(members) } else { BTreeMap::new() };
        for (place, conflict) in conflicts {
            let Some(finding) = reports::conflict(all, members, names, place, &conflict) else { continue };
            let Some(member) = members.get_mut(place).filter(|member| member.denied.is_none()) else { continue };
            let trouble = self.trouble(names.file(member.file), &[finding]);
            member.deny(self.add(trouble), false);
        }
        self.list
    }
}

#[cfg(test)]
mod tests;
