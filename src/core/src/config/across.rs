//! How profiles of different files go together: two of one name, or two that can meet in one login with identities that can
//! be each other's, cannot stand together.
//!
//! Of two such profiles one of the main file stays, and others are denied, each of them. Which two can meet is for
//! `serving` and `identity_overlap`. A denied profile counts as well: what it would not let stand must not stand because of an error.

use super::entry::ProfileEntry;
use super::outline::{DeniedProfile, Outline};
use crate::identity_overlap::between::{Filed, meetings, takers};
use crate::serving::shared_lines;
use std::collections::BTreeMap;

/// A profile of one of the files.
pub(super) struct FileProfile<'d> {
    /// Its file; 0 is the main one.
    pub(super) file: usize,
    pub(super) entry: ProfileEntry<'d>,
    /// What counts of it, if it is denied.
    pub(super) denied: Option<DeniedProfile>,
}

impl<'d> FileProfile<'d> {
    pub(super) fn new(file: usize, entry: ProfileEntry<'d>) -> Self {
        Self { file, entry, denied: None }
    }

    /// Has it let nobody in, because of this one of the configuration's troubles.
    pub(super) fn deny(&mut self, trouble: usize, broken: bool) {
        self.denied = Some(DeniedProfile::read(self.entry.name, &self.entry.section, trouble, broken));
    }

    /// What others have to reckon with; `None` of a profile with errors that nobody has denied yet.
    pub(super) fn outline(&self) -> Option<Outline<'_>> {
        let denied = self.denied.as_ref().map(Outline::from);
        denied.or_else(|| self.entry.profile.as_ref().map(Outline::from))
    }
}

/// Why a profile cannot stand beside one of another file, by its place in the list of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) other: usize,
    pub(super) about: SharedBetween,
}

/// What two profiles have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SharedBetween {
    /// Their name.
    Name,
    /// A line that both serve, by its issuer.
    Line(String),
    /// The beginning of their identities: those of one would all be taken for the other's.
    Prefix,
}

/// For each profile that cannot stand the first reason why. None of the main file is among them.
pub(super) fn conflicts(members: &[FileProfile<'_>]) -> BTreeMap<usize, Conflict> {
    let mut found = BTreeMap::new();
    let file = |place: usize| members.get(place).map_or(0, |member| member.file);
    let mut names: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, member) in members.iter().enumerate() {
        names.entry(member.entry.name).or_default().push(place);
    }
    for places in names.values().filter(|places| places.len() > 1) {
        for place in places.iter().copied().filter(|place| file(*place) != 0) {
            if let Some(other) = places.iter().copied().find(|other| *other != place) {
                found.insert(place, Conflict { other, about: SharedBetween::Name });
            }
        }
    }
    let outlines = outlines(members);
    let listed: Vec<Outline<'_>> = outlines.iter().map(|one| one.outline).collect();
    let mut report = |pairs: Vec<(usize, usize)>, about: &dyn Fn() -> SharedBetween| {
        for (place, other) in pairs.into_iter().filter(|(place, _)| file(*place) != 0) {
            found.entry(place).or_insert_with(|| Conflict { other, about: about() });
        }
    };
    for (line, places) in shared_lines(&listed) {
        let company: Vec<Filed<'_>> = places.into_iter().filter_map(|place| outlines.get(place).copied()).collect();
        report(meetings(&company), &|| SharedBetween::Line(line.to_owned()));
    }
    report(takers(&outlines), &|| SharedBetween::Prefix);
    found
}

/// What can be reckoned with of each profile, with its place in the list.
fn outlines<'m>(members: &'m [FileProfile<'_>]) -> Vec<Filed<'m>> {
    let filed = |(place, member): (usize, &'m FileProfile<'_>)| {
        Some(Filed { place, file: member.file, outline: member.outline()? })
    };
    members.iter().enumerate().filter_map(filed).collect()
}

/// Pairs of different files that serve one line and accept tokens of one issuer: for each later one the first earlier one,
/// and that issuer.
pub(super) fn sharing_issuers(members: &[FileProfile<'_>]) -> Vec<(usize, usize, String)> {
    let outlines = outlines(members);
    let listed: Vec<Outline<'_>> = outlines.iter().map(|one| one.outline).collect();
    let file = |place: usize| members.get(place).map_or(0, |member| member.file);
    let mut found: BTreeMap<usize, (usize, String)> = BTreeMap::new();
    for (_, places) in shared_lines(&listed) {
        let mut first: BTreeMap<&str, usize> = BTreeMap::new();
        for Filed { place, outline, .. } in places.into_iter().filter_map(|place| outlines.get(place).copied()) {
            for issuer in outline.token_issuers {
                let earlier = *first.entry(issuer).or_insert(place);
                if file(earlier) != file(place) {
                    found.entry(place).or_insert_with(|| (earlier, issuer.clone()));
                }
            }
        }
    }
    found.into_iter().map(|(later, (earlier, issuer))| (later, earlier, issuer)).collect()
}

#[cfg(test)]
mod tests;
