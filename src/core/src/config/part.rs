//! What a decision has to know of the profiles that are not at hand, where it has a part of a configuration: whether
//! anybody's provider is asked, and the prefixes of identities that belong to others.
//!
//! Of many prefixes that begin alike, their common beginning stands for all. So a part may refuse an identity that the whole
//! would not, and says so (`is_coarse`); it must never let one pass that the whole refuses.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// So many texts stand for the prefixes of all others, or somewhat more where these begin with many different characters.
const MANY: usize = 64;

/// What has to be known of the profiles that are not at hand.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    /// Whether the configuration has no profile at all.
    pub(super) has_no_profile: bool,
    /// Whether any profile has its provider asked.
    pub(super) somebody_asks: bool,
    /// For each profile at hand, by its own prefix.
    pub(super) before: Vec<Before>,
}

/// The prefixes, of any profile, with which an identity can begin that has some prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    /// That prefix.
    own: String,
    /// Texts, and whether they are those of denied profiles.
    texts: Vec<(bool, String)>,
    /// Whether one of them stands for several.
    coarse: bool,
}

impl Before {
    /// Whether it is about identities with this prefix.
    pub(super) fn is_of(&self, own: &str) -> bool {
        self.own == own
    }
}

impl Rest {
    /// See [`super::Config::prefixes_before`].
    pub(super) fn prefixes_before(&self, own: &str) -> impl Iterator<Item = (bool, &str)> {
        let of_own = self.before.iter().find(|before| before.is_of(own));
        of_own.into_iter().flat_map(|before| before.texts.iter().map(|(denied, text)| (*denied, text.as_str())))
    }

    /// See [`super::Config::is_coarse`].
    pub(super) fn is_coarse(&self) -> bool {
        self.before.iter().any(|before| before.coarse)
    }
}

/// All prefixes of a configuration, but for empty ones.
pub(super) struct Prefixes<'c> {
    /// Those of profiles that let people in, and those of denied ones.
    of: [BTreeSet<&'c str>; 2],
}

impl<'c> Prefixes<'c> {
    /// These, each with whether its profile is denied.
    pub(super) fn of(all: impl Iterator<Item = (bool, &'c str)>) -> Self {
        let mut of = [BTreeSet::new(), BTreeSet::new()];
        let [sound, denied] = &mut of;
        for (is_denied, text) in all.filter(|(_, text)| !text.is_empty()) {
            if is_denied {
                denied.insert(text)
            } else {
                sound.insert(text)
            };
        }
        Self { of }
    }

    /// Those with which an identity can begin that has the prefix `own`, but for that one.
    pub(super) fn before(&self, own: &str) -> Before {
        let (mut texts, mut coarse) = (Vec::new(), false);
        for (is_denied, all) in [false, true].into_iter().zip(&self.of) {
            let shorter = own.char_indices().skip(1).filter_map(|(end, _)| all.get(own.get(..end)?));
            texts.extend(shorter.map(|text| (is_denied, (*text).to_owned())));
            let longer = all.range::<str, _>((std::ops::Bound::Excluded(own), std::ops::Bound::Unbounded));
            let longer: Vec<&str> = longer.copied().take_while(|text| text.starts_with(own)).collect();
            let (stems, all_exact) = stems(&longer, own.len());
            coarse |= !all_exact;
            texts.extend(stems.into_iter().map(|stem| (is_denied, stem.to_owned())));
        }
        Before { own: own.to_owned(), texts, coarse }
    }
}

/// Texts that begin alike.
struct PrefixGroup<'s, 't> {
    texts: &'s [&'t str],
    /// The text with which all of them begin.
    stem: &'t str,
}

impl<'s, 't> PrefixGroup<'s, 't> {
    fn of(texts: &'s [&'t str]) -> Option<Self> {
        let (first, last) = (*texts.first()?, *texts.last()?);
        // They are in order: what the first and the last have in common, all have.
        let alike = first.char_indices().zip(last.chars()).find(|((_, one), other)| one != other);
        let end = alike.map_or(first.len().min(last.len()), |((at, _), _)| at);
        Some(Self { texts, stem: first.get(..end)? })
    }

    /// Whether the stem is one of the texts: whatever begins with another of them begins with it.
    fn is_exact(&self) -> bool {
        self.texts.first() == Some(&self.stem)
    }
}

/// The groups of texts, which are in order, by the character behind their first `length` bytes; all are longer.
fn grouped<'s, 't>(texts: &'s [&'t str], length: usize) -> impl Iterator<Item = PrefixGroup<'s, 't>> {
    let next = move |text: &str| text.get(length..).and_then(|rest| rest.chars().next());
    texts.chunk_by(move |one, other| next(one) == next(other)).filter_map(PrefixGroup::of)
}

/// Texts, each longer than `length` bytes, of which one begins whatever begins with one of `texts`; and whether nothing else
/// does. `texts` are in order, and alike in their first `length` bytes.
fn stems<'t>(texts: &[&'t str], length: usize) -> (Vec<&'t str>, bool) {
    let mut groups: Vec<PrefixGroup<'_, 't>> = grouped(texts, length).collect();
    while groups.len() < MANY {
        let coarse = groups.iter().enumerate().filter(|(_, group)| !group.is_exact());
        let Some((largest, _)) = coarse.max_by_key(|(_, group)| group.texts.len()) else { break };
        let group = groups.swap_remove(largest);
        groups.extend(grouped(group.texts, group.stem.len()));
    }
    (groups.iter().map(|group| group.stem).collect(), groups.iter().all(PrefixGroup::is_exact))
}

#[cfg(test)]
mod tests;
