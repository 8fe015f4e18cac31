//! A table of a TOML document that is asked for many more keys than it has.
//!
//! Each login asks every profile for some thirty keys, of which a profile has four or five. Nothing is decided here:
//! the answers are those of the map.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table, and a mark for each of its names: that a key is not there is mostly seen without a look into the map.
#[derive(Clone, Copy)]
pub(super) struct MarkedTable<'a> {
    map: &'a DeTable<'a>,
    marks: u64,
}

impl<'a> MarkedTable<'a> {
    pub(super) fn new(map: &'a DeTable<'a>) -> Self {
        Self { map, marks: map.keys().fold(0, |marks, name| marks | mark(name.get_ref())) }
    }

    /// The value of a key, if the table has it.
    pub(super) fn get(self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        if self.marks & mark(key) == 0 { None } else { self.map.get(key) }
    }

    pub(super) fn has(self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The names of all its keys.
    pub(super) fn names(self) -> impl Iterator<Item = &'a str> {
        self.map.keys().map(|name| name.get_ref().as_ref())
    }
}

/// One of 64 bits, by the length and the ends of a name.
fn mark(name: &str) -> u64 {
    let end = |byte: Option<&u8>| byte.map_or(0, |byte| usize::from(*byte));
    let (first, last) = (end(name.as_bytes().first()), end(name.as_bytes().last()));
    1 << ((name.len() + 5 * first + 11 * last) % 64)
}

#[cfg(test)]
mod tests {
    use super::MarkedTable;
    use crate::config::settings::SETTINGS;
    use toml::Spanned;
    use toml::de::DeTable;

    #[test]
    fn every_answer_is_that_of_the_map() {
        let names = || SETTINGS.iter().map(|setting| setting.key).chain(["", "a", "\u{e4}\u{e4}"]);
        for text in [
            "",
            "issuer = 1\naudience = 2\npreset = 3",
            "\"\" = 1\n\"\u{e4}\u{e4}\" = 2",
            "[keys]\n[scope]\n[identity]",
        ] {
            let document = DeTable::parse(text).unwrap();
            let table = MarkedTable::new(document.get_ref());
            for name in names() {
                let (found, wanted) = (table.get(name), document.get_ref().get(name));
                assert_eq!(found.map(Spanned::span), wanted.map(Spanned::span), "{name:?} of {text:?}");
                assert_eq!(table.has(name), document.get_ref().contains_key(name), "{name:?} of {text:?}");
            }
            assert_eq!(table.names().count(), document.get_ref().len());
        }
    }
}
