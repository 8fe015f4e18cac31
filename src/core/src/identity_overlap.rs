//! Whether identities of two profiles can be mistaken for each other's: by what stands in front of them.
//!
//! The one home of this rule: for the decision, for `check`, and for `check` with the server's files. A fallback's prefix
//! counts as much as the primary one. Nothing is folded or normalized: PostgreSQL compares identities byte for byte, and
//! so does this. Must never hold two profiles apart because of what the tokens of today look like.

pub(crate) mod between;

use crate::config::{Config, Outline, Profile};
use crate::serving::Served;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What makes an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdentityOrigin {
    /// `identity.claim`, or `claims` and `format`.
    Primary,
    /// `identity.fallback`.
    Fallback,
}

impl IdentityOrigin {
    /// The setting of its prefix.
    const fn setting(self) -> &'static str {
        match self {
            Self::Primary => "identity.prefix",
            Self::Fallback => "identity.fallback.prefix",
        }
    }
}

/// Every prefix that identities of the profile have, an empty one included; of a denied one, those that can be read.
pub(crate) fn prefixes<'p>(profile: impl Into<Outline<'p>>) -> impl Iterator<Item = (IdentityOrigin, &'p str)> {
    let profile = profile.into();
    let primary = profile.prefix.map(|prefix| (IdentityOrigin::Primary, prefix));
    primary.into_iter().chain(profile.fallback_prefix.map(|prefix| (IdentityOrigin::Fallback, prefix)))
}

/// What stands in front of identities of this source.
fn prefix_of(profile: &Profile, source: IdentityOrigin) -> &str {
    prefixes(profile).find(|(kind, _)| *kind == source).map_or("", |(_, prefix)| prefix)
}

/// Whether a denied profile stands in the way of one that would take the same token: not of one of the main file that it
/// does not go with, which is why it is denied.
pub(crate) fn contests<'p>(denied: impl Into<Outline<'p>>, profile: &'p Profile) -> bool {
    let denied = denied.into();
    profile.file != 0 || (denied.name != profile.name && apart(denied, profile))
}

/// Whether no identity of one profile can be one of the other: no prefix of one begins a prefix of the other, as an
/// empty one would begin each.
pub(crate) fn apart<'p>(a: impl Into<Outline<'p>>, b: impl Into<Outline<'p>>) -> bool {
    clash(a, b).is_none()
}

/// The prefixes by which two profiles are not apart.
fn clash<'p>(a: impl Into<Outline<'p>>, b: impl Into<Outline<'p>>) -> Option<[(IdentityOrigin, &'p str); 2]> {
    let b = b.into();
    prefixes(a)
        .flat_map(|own| prefixes(b).map(move |other| [own, other]))
        .find(|[(_, own), (_, other)]| own.starts_with(other) || other.starts_with(own))
}

/// Which settings do not keep two profiles apart, for a person; `None` if they are apart.
pub(crate) fn cause<'p>(a: impl Into<Outline<'p>>, b: impl Into<Outline<'p>>) -> Option<String> {
    let (a, b) = (a.into(), b.into());
    let words = |profile: Outline<'_>, (source, prefix): (IdentityOrigin, &str)| match prefix {
        "" => format!("\"{}\" has no {}", profile.name, source.setting()),
        prefix => format!("\"{}\" has {} = \"{prefix}\"", profile.name, source.setting()),
    };
    let [of_a, of_b] = clash(a, b)?;
    Some(format!("{}, and {}", words(a, of_a), words(b, of_b)))
}

/// What to do about two profiles that are not apart.
pub(crate) const CURE: &str =
    "give each its own identity.prefix and fallback.prefix, of which none begins one of the other's";

/// Which settings are to blame, and what to do.
pub(crate) fn remedy<'p>(a: impl Into<Outline<'p>>, b: impl Into<Outline<'p>>) -> String {
    cause(a, b).map_or_else(|| CURE.to_owned(), |cause| format!("{cause}; {CURE}"))
}

/// Whether an identity of `profile` begins with a prefix that belongs to another source: to one of `rivals`, which may
/// serve the same login, whatever the texts of their own prefixes are; or, for a primary identity, to its own fallback or
/// to a profile that lines or databases keep apart, unless that has the same prefix.
pub(crate) fn belongs_elsewhere(
    identity: &str,
    source: IdentityOrigin,
    profile: &Profile,
    config: &Config,
    rivals: &[Outline<'_>],
) -> bool {
    let of_source = prefix_of(profile, source);
    // A profile that does not go with one of the main file is denied for it, and cannot take that one's own prefix away.
    let taken = |denied: bool, prefix: &str| denied && profile.file == 0 && of_source.starts_with(prefix);
    let begins =
        |denied: bool, prefix: &str| !prefix.is_empty() && identity.starts_with(prefix) && !taken(denied, prefix);
    // A denied one of the same name is another one.
    let of_rivals = rivals.iter().copied().filter(|rival| rival.denied || rival.name != profile.name);
    if of_rivals.into_iter().any(|rival| prefixes(rival).any(|(_, prefix)| begins(rival.denied, prefix))) {
        return true;
    }
    let own = profile.identity.prefix.as_str();
    let mut of_all = config.prefixes_before(own);
    source == IdentityOrigin::Primary && of_all.any(|(denied, prefix)| prefix != own && begins(denied, prefix))
}

/// Which reserved prefix an identity begins with that its source has not: those of a profile that is not here, or no
/// longer, are kept for it.
pub(crate) fn reserved<'c>(
    identity: &str,
    source: IdentityOrigin,
    profile: &Profile,
    config: &'c Config,
) -> Option<&'c str> {
    let own = prefix_of(profile, source);
    let kept = |reserved: &&str| identity.starts_with(reserved) && !own.starts_with(reserved);
    config.reserved_prefixes().value.iter().map(String::as_str).find(kept)
}

/// Two profiles, by their places in a list, that have a text in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Collision<'p> {
    /// The one behind.
    pub(crate) later: usize,
    /// The one in front of it.
    pub(crate) earlier: usize,
    /// The text of one of them, which is the other's or begins with it.
    pub(crate) text: &'p str,
}

/// A text of a member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct MemberText<'p> {
    text: &'p str,
    place: usize,
    /// Whether it meets every other member.
    everywhere: bool,
}

/// Whether the first text, which is not behind the second one in their order, has something to do with it.
type Relation = fn(&str, &str) -> bool;

/// Profiles of one line, of which two can meet in one login if both serve a database.
#[derive(Debug)]
pub(crate) struct LineProfiles<'p> {
    members: Vec<LineProfile<'p>>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct LineProfile<'p> {
    /// What it is called in a [`Collision`]: its place in some list, which grows from member to member.
    pub(crate) place: usize,
    /// The profile.
    pub(crate) profile: &'p Profile,
    /// What of the line's connections it serves.
    pub(crate) served: Served<'p>,
}

impl<'p> LineProfiles<'p> {
    /// These profiles.
    pub(crate) fn of(members: impl IntoIterator<Item = LineProfile<'p>>) -> Self {
        Self { members: members.into_iter().collect() }
    }

    /// The members whose identities can be mistaken for those of somebody whom they meet.
    pub(crate) fn mistakable(&self) -> Vec<Collision<'p>> {
        one_each(self.collisions(all_prefixes, begins))
    }

    /// The members that have a text of somebody whom they meet.
    pub(crate) fn sharing(&self, texts: impl Fn(&'p Profile) -> Vec<&'p str>) -> Vec<Collision<'p>> {
        self.collisions(texts, |first, second| first == second)
    }

    /// For each text of a member, the first other one whom that meets, and whose text comes before it and is related. Not
    /// every two of them, of which there can be millions; but nobody who has such a company is passed over.
    fn collisions(&self, texts: impl Fn(&'p Profile) -> Vec<&'p str>, related: Relation) -> Vec<Collision<'p>> {
        let mut all = Vec::with_capacity(self.members.len());
        let mut by_database: HashMap<&str, Vec<MemberText<'p>>> = HashMap::new();
        for LineProfile { place, profile, served } in &self.members {
            let everywhere = served.databases.is_none();
            let entries = texts(profile).into_iter().map(|text| MemberText { text, place: *place, everywhere });
            for entry in entries {
                all.push(entry);
                for database in served.databases.iter().flatten() {
                    by_database.entry(database).or_default().push(entry);
                }
            }
        }
        let mut found = Vec::new();
        scan(all, related, |entry| entry.everywhere, &mut found);
        for entries in by_database.into_values().filter(|entries| entries.len() > 1) {
            scan(entries, related, |_| true, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Profiles that use one map of pg_ident.conf without serving one line and database: what of their identities can be
/// equal although the decision refuses a primary one that begins with the prefix of another source.
pub(crate) fn mistakable_in_a_map<'p>(profiles: &[&'p Profile]) -> Vec<Collision<'p>> {
    let anywhere = || Served { databases: None };
    let member = |(place, profile): (usize, &&'p Profile)| LineProfile { place, profile, served: anywhere() };
    let company = LineProfiles::of(profiles.iter().enumerate().map(member));
    let fallback = |(source, prefix)| (source == IdentityOrigin::Fallback).then_some(prefix);
    let mut found = company.sharing(all_prefixes);
    found.extend(company.collisions(|profile| prefixes(profile).filter_map(fallback).collect(), begins));
    let of = |at: usize| profiles.get(at);
    // Two profiles of one provider that make identities in one way let the same people in.
    found.retain(|pair| of(pair.later).zip(of(pair.earlier)).is_some_and(|(a, b)| !have_the_same_people(a, b)));
    found.sort_unstable();
    one_each(found)
}

/// Whether an identity that both profiles can give is the same person's: the tokens come from the same issuers, and the
/// identity is made of them in the same way.
fn have_the_same_people<'p>(a: &'p Profile, b: &'p Profile) -> bool {
    let issuers = |profile: &'p Profile| profile.token_issuers().iter().collect::<BTreeSet<_>>();
    issuers(a) == issuers(b) && a.identity.is_made_as(&b.identity)
}

fn all_prefixes(profile: &Profile) -> Vec<&str> {
    prefixes(profile).map(|(_, prefix)| prefix).collect()
}

fn begins(first: &str, second: &str) -> bool {
    second.starts_with(first)
}

/// For each entry, the first one of somebody else that is related to it, if one of the two is `everywhere`. All that come
/// before an entry and are related to it lie one upon the other when the entries are in order.
fn scan<'p>(
    mut entries: Vec<MemberText<'p>>,
    related: Relation,
    everywhere: impl Fn(&MemberText<'p>) -> bool,
    found: &mut Vec<Collision<'p>>,
) {
    entries.sort_unstable();
    let (mut before, mut before_everywhere): (Vec<MemberText<'p>>, Vec<MemberText<'p>>) = (Vec::new(), Vec::new());
    for entry in entries {
        for pile in [&mut before, &mut before_everywhere] {
            while pile.last().is_some_and(|earlier| !related(earlier.text, entry.text)) {
                pile.pop();
            }
        }
        let met = if everywhere(&entry) { &before } else { &before_everywhere };
        // A profile has two prefixes at the most, so that the search is short.
        if let Some(other) = met.iter().map(|other| other.place).find(|other| *other != entry.place) {
            let (later, earlier) = (entry.place.max(other), entry.place.min(other));
            found.push(Collision { later, earlier, text: entry.text });
        }
        before.push(entry);
        if everywhere(&entry) {
            before_everywhere.push(entry);
        }
    }
}

/// One collision for each later profile, in their order: that with the earliest one.
fn one_each(collisions: Vec<Collision<'_>>) -> Vec<Collision<'_>> {
    let mut of: BTreeMap<usize, Collision<'_>> = BTreeMap::new();
    for collision in collisions {
        of.entry(collision.later).or_insert(collision);
    }
    of.into_values().collect()
}

#[cfg(test)]
mod tests;
