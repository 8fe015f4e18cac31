//! Profiles of different files whose prefixes begin one another: for each, one of the others.
//!
//! Not every two of them, of which there can be millions, and a login looks for them: each profile is asked for by its own
//! texts. Must never pass over a profile that has such another.

use super::prefixes;
use crate::config::Outline;
use std::collections::HashMap;

/// A profile of one of the files, by its place in some list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filed<'p> {
    pub(crate) place: usize,
    pub(crate) file: usize,
    pub(crate) outline: Outline<'p>,
}

/// How one text goes on from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes {
    /// The longer text is the shorter one, or goes on behind it.
    On,
    /// The longer text goes on behind the shorter one.
    Further,
}

impl Goes {
    fn from(self, beginning: &str, text: &str) -> bool {
        text.starts_with(beginning) && (self == Self::On || text.len() > beginning.len())
    }
}

/// Texts of profiles, in order: those that begin alike stand together.
#[derive(Debug, Default)]
struct Texts<'p> {
    sorted: Vec<(&'p str, usize, usize)>,
    /// For each the next one that is of another file.
    next_file: Vec<usize>,
}

impl<'p> Texts<'p> {
    /// These texts, with the places and files of their profiles.
    fn of(mut sorted: Vec<(&'p str, usize, usize)>) -> Self {
        sorted.sort_unstable();
        let mut next_file = vec![sorted.len(); sorted.len()];
        let (mut next, mut behind) = (sorted.len(), None);
        for (at, (slot, (_, _, file))) in next_file.iter_mut().zip(&sorted).enumerate().rev() {
            if behind.is_some_and(|behind| behind != file) {
                next = at + 1;
            }
            *slot = next;
            behind = Some(file);
        }
        Self { sorted, next_file }
    }

    /// The first from `at` on that is of another file.
    fn elsewhere(&self, at: usize, file: usize) -> Option<(&'p str, usize)> {
        let (text, place, its_file) = *self.sorted.get(at)?;
        if its_file != file {
            return Some((text, place));
        }
        let (text, place, _) = *self.sorted.get(*self.next_file.get(at)?)?;
        Some((text, place))
    }

    /// Where texts begin that are not before this one.
    fn position(&self, text: &str) -> usize {
        self.sorted.partition_point(|(other, ..)| *other < text)
    }

    /// The place of one of another file whose text `beginning` begins.
    fn begun_by(&self, beginning: &str, file: usize, goes: Goes) -> Option<usize> {
        let mut at = self.position(beginning);
        if goes == Goes::Further {
            at += self.sorted.get(at..)?.partition_point(|(other, ..)| *other == beginning);
        }
        self.elsewhere(at, file).filter(|(other, _)| goes.from(beginning, other)).map(|(_, place)| place)
    }

    /// The place of one of another file whose text begins `text`. No empty one does that by less than `text` itself.
    fn beginning_of(&self, text: &str, file: usize, goes: Goes) -> Option<usize> {
        let ends = text.char_indices().map(|(end, _)| end).chain([text.len()]);
        ends.filter_map(|end| text.get(..end)).filter(|beginning| goes.from(beginning, text)).find_map(|beginning| {
            let (other, place) = self.elsewhere(self.position(beginning), file)?;
            (other == beginning).then_some(place)
        })
    }
}

/// For each profile of one line that can meet one of another file there, and whose identities can be that one's or the other
/// way round, its place and that of one such.
pub(crate) fn meetings(line: &[Filed<'_>]) -> Vec<(usize, usize)> {
    let (mut all, mut everywhere, mut by_database) = (Vec::new(), Vec::new(), HashMap::<&str, Vec<_>>::new());
    for one in line {
        for (_, text) in prefixes(one.outline) {
            let entry = (text, one.place, one.file);
            match one.outline.databases {
                None => everywhere.push(entry),
                // It serves nothing, and meets nobody.
                Some([]) => continue,
                Some(databases) => {
                    for database in databases {
                        by_database.entry(database.as_str()).or_default().push(entry);
                    }
                }
            }
            all.push(entry);
        }
    }
    let (all, everywhere) = (Texts::of(all), Texts::of(everywhere));
    let by_database: HashMap<&str, Texts<'_>> =
        by_database.into_iter().map(|(database, texts)| (database, Texts::of(texts))).collect();
    let met = |one: &Filed<'_>, text: &str| {
        let related = |texts: &Texts<'_>| {
            let earlier = texts.beginning_of(text, one.file, Goes::On);
            earlier.or_else(|| texts.begun_by(text, one.file, Goes::On))
        };
        match one.outline.databases {
            None => related(&all),
            Some([]) => None,
            Some(databases) => {
                let mut here = databases.iter().filter_map(|database| by_database.get(database.as_str()));
                related(&everywhere).or_else(|| here.find_map(related))
            }
        }
    };
    let found = |one: &Filed<'_>| {
        let other = prefixes(one.outline).find_map(|(_, text)| met(one, text))?;
        Some((one.place, other))
    };
    line.iter().filter_map(found).collect()
}

/// For each profile that has a prefix by which the primary one of another file's goes on, or the other way round, its place
/// and that of one such: by the rule that a primary identity must not begin with the prefix of another source, all of one
/// would be refused. Equal ones and empty ones are for lines to tell apart.
pub(crate) fn takers(profiles: &[Filed<'_>]) -> Vec<(usize, usize)> {
    let (mut all, mut primaries) = (Vec::new(), Vec::new());
    for one in profiles {
        all.extend(filled_prefixes(one).map(|text| (text, one.place, one.file)));
        primaries.extend(one.outline.prefix.map(|text| (text, one.place, one.file)));
    }
    let (all, primaries) = (Texts::of(all), Texts::of(primaries));
    let found = |one: &Filed<'_>| {
        let earlier = one.outline.prefix.and_then(|own| all.beginning_of(own, one.file, Goes::Further));
        let other = earlier
            .or_else(|| filled_prefixes(one).find_map(|text| primaries.begun_by(text, one.file, Goes::Further)))?;
        Some((one.place, other))
    };
    profiles.iter().filter_map(found).collect()
}

/// Its prefixes that are not empty.
fn filled_prefixes<'p>(one: &Filed<'p>) -> impl Iterator<Item = &'p str> {
    prefixes(one.outline).map(|(_, text)| text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
