//! Which earlier line of pg_hba.conf takes all connections of a line: found by the names that both have, since a file of
//! ten thousand lines has fifty million pairs.
//!
//! What covers what is for `HbaLine` to say. Must never pass over a line that covers: only those are left out whose names
//! cannot.

use crate::server_files::FilePosition;
use crate::server_files::hba::HbaLine;
use crate::server_files::names::HbaName;
use std::collections::HashMap;

/// A name by which lines are found: `all`, or else its text. Quotes are left to those who compare.
type HbaNameKey<'h> = Option<&'h str>;

/// The lines of pg_hba.conf, in their order.
pub(super) struct EarlierLines<'h> {
    all: &'h [HbaLine],
    /// Where the first line with this place is: files can be included twice.
    places: HashMap<(usize, usize, usize), usize>,
    /// The lines by each of their databases, and by each of their roles.
    by_both: HashMap<(HbaNameKey<'h>, HbaNameKey<'h>), Vec<usize>>,
    by_database: HashMap<HbaNameKey<'h>, Vec<usize>>,
}

impl<'h> EarlierLines<'h> {
    pub(super) fn of(all: &'h [HbaLine]) -> Self {
        let (mut places, mut by_both, mut by_database) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (number, line) in all.iter().enumerate() {
            places.entry(place_of(&line.place)).or_insert(number);
            for database in keys(&line.databases) {
                add(by_database.entry(database).or_default(), number);
                for role in keys(&line.roles) {
                    add(by_both.entry((database, role)).or_default(), number);
                }
            }
        }
        Self { all, places, by_both, by_database }
    }

    /// The first line before this one that takes all its connections.
    pub(super) fn covering(&self, line: &HbaLine) -> Option<&'h HbaLine> {
        let (database, role) = (line.databases.first()?.text.as_str(), line.roles.first()?.text.as_str());
        let keys = [(Some(database), Some(role)), (Some(database), None), (None, Some(role)), (None, None)];
        let found = keys.iter().filter_map(|key| self.first(line, self.by_both.get(key)?, |other| other.covers(line)));
        self.all.get(found.min()?)
    }

    /// Whether one before this one takes all its connections but for their roles, and is one of those that are wanted.
    pub(super) fn is_covered_but_for_roles(&self, line: &HbaLine, wanted: impl Fn(&HbaLine) -> bool) -> bool {
        let Some(database) = line.databases.first() else { return false };
        let taken = |other: &HbaLine| other.covers_but_for_roles(line) && wanted(other);
        let near = [Some(database.text.as_str()), None].into_iter().filter_map(|key| self.by_database.get(&key));
        near.into_iter().any(|numbers| self.first(line, numbers, taken).is_some())
    }

    fn first(&self, line: &HbaLine, numbers: &[usize], wanted: impl Fn(&HbaLine) -> bool) -> Option<usize> {
        let own = self.places.get(&place_of(&line.place)).copied().unwrap_or(self.all.len());
        let earlier = numbers.iter().copied().take_while(|number| *number < own);
        earlier.into_iter().find(|number| self.all.get(*number).is_some_and(&wanted))
    }
}

fn place_of(place: &FilePosition) -> (usize, usize, usize) {
    (place.source, place.span.start, place.span.end)
}

fn keys(names: &[HbaName]) -> impl Iterator<Item = HbaNameKey<'_>> {
    names.iter().map(|name| Some(name.text.as_str()).filter(|_| !name.is_keyword("all")))
}

/// A line that has a name twice is there once.
fn add(numbers: &mut Vec<usize>, number: usize) {
    if numbers.last() != Some(&number) {
        numbers.push(number);
    }
}

#[cfg(test)]
mod tests;
