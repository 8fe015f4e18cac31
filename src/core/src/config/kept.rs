//! The kept form of a configuration: what was made of its texts, so that a login reads the profiles of its line alone, however
//! many there are.
//!
//! A form is a row of pieces, each with a checksum behind it: a record for each profile, buckets that say by a line's issuer
//! or a profile's name which records are meant, and a summary at the beginning. Which texts a form was made of, and by which
//! build, is for whoever keeps it, and who says it by a number: nothing else here can tell an old form from a new one. A piece
//! that is not as it was written makes the form worth nothing. What a part cannot say for certain is for the whole to say.

mod pieces;

pub use pieces::{FormInMemory, Pieces};

use super::origin::At;
use super::outline::{DeniedProfile, Outline};
use super::part::{Before, Prefixes, Rest};
use super::profile::Profile;
use super::valid::{Config, FolderTrouble, Names};
use crate::decision::Request;
use crate::line::profile_names;
use crate::serving::{listed_under, looked_up_under};
use pieces::{PLACE_BYTES, PiecePosition, PiecesWriter, key_of, read};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// So many keys are in one bucket, about.
const BUCKET_KEYS: usize = 16;

/// What a form says of a login.
#[derive(Debug)]
pub enum KeptChoice {
    /// The part of the configuration by which the login is decided as by the whole.
    Part(Box<Config>),
    /// Nothing: only the whole can say it.
    Unsaid,
    /// Nothing: it is damaged.
    Damaged,
}

/// What is said once.
#[derive(Serialize, Deserialize)]
struct Summary {
    names: Names,
    has_no_profile: bool,
    somebody_asks: bool,
    reserved_prefixes: At<Vec<String>>,
    first_trouble: Option<FolderTrouble>,
    /// Where the list of the buckets' places begins.
    buckets: u64,
    bucket_count: u64,
}

/// The index: the numbers of records and where they are, by key.
type Bucket = Vec<(u64, Vec<(u32, PiecePosition)>)>;

/// A profile, as it is kept.
#[derive(Serialize, Deserialize)]
enum KeptProfile {
    /// It lets people in; and where its [`Before`] is.
    Sound(Box<Profile>, PiecePosition),
    Denied(Box<DeniedProfile>, Option<FolderTrouble>),
}

/// Over what a key is made, besides the text.
#[derive(Clone, Copy)]
enum HashDomain {
    Issuer,
    Name,
}

fn key(of: HashDomain, text: &str) -> u64 {
    key_of(&[
        match of {
            HashDomain::Issuer => b"i",
            HashDomain::Name => b"n",
        },
        text.as_bytes(),
    ])
}

fn bucket_of(key: u64, count: u64) -> u64 {
    key.checked_rem(count).unwrap_or(0)
}

/// Writes the form of a configuration; `None` of one that has no form. `made_of` is a number for its texts: forms of others have
/// another one, and no piece of them passes for one of this.
#[must_use]
pub fn kept_form(config: &Config, made_of: u64) -> Option<Vec<u8>> {
    let all = config
        .outlines()
        .flat_map(|one| one.prefix.into_iter().chain(one.fallback_prefix).map(move |prefix| (one.denied, prefix)));
    let prefixes = Prefixes::of(all);
    let (mut writer, mut befores) = (PiecesWriter::new(made_of), HashMap::new());
    let mut found: BTreeMap<u64, Vec<(u32, PiecePosition)>> = BTreeMap::new();
    let mut listed = |outline: Outline<'_>, number: usize, place: PiecePosition| {
        let issuers = outline.hba_issuers.iter().map(|issuer| key(HashDomain::Issuer, listed_under(issuer)));
        for key in issuers.chain([key(HashDomain::Name, outline.name)]) {
            let records = found.entry(key).or_default();
            let number = u32::try_from(number).ok()?;
            if records.last().is_none_or(|(last, _)| *last != number) {
                records.push((number, place));
            }
        }
        Some(())
    };
    let sound = config.profiles().len();
    for (number, profile) in config.profiles().iter().enumerate() {
        let own = profile.identity.prefix.as_str();
        let before = match befores.get(own) {
            Some(known) => *known,
            None => *befores.entry(own).or_insert(writer.write(&prefixes.before(own))?),
        };
        let place = writer.write(&KeptProfile::Sound(Box::new(profile.clone()), before))?;
        listed(Outline::from(profile), number, place)?;
    }
    for (number, denied) in config.denied().iter().enumerate() {
        let trouble = config.troubles().get(denied.trouble).cloned();
        let place = writer.write(&KeptProfile::Denied(Box::new(denied.clone()), trouble))?;
        listed(Outline::from(denied), sound + number, place)?;
    }
    let (buckets, bucket_count) = write_buckets(&mut writer, found)?;
    writer.finish(&Summary {
        names: config.names().clone(),
        has_no_profile: config.profiles().is_empty(),
        somebody_asks: config.somebody_asks(),
        reserved_prefixes: config.reserved_prefixes().clone(),
        first_trouble: config.troubles().first().cloned(),
        buckets,
        bucket_count,
    })
}

/// Writes the buckets, and then a list of their places: where that is, and how many there are.
fn write_buckets(writer: &mut PiecesWriter, found: BTreeMap<u64, Vec<(u32, PiecePosition)>>) -> Option<(u64, u64)> {
    let count = found.len().div_ceil(BUCKET_KEYS).max(1);
    let mut buckets: Vec<Bucket> = std::iter::repeat_with(Bucket::new).take(count).collect();
    let count = u64::try_from(count).ok()?;
    for (key, records) in found {
        buckets.get_mut(usize::try_from(bucket_of(key, count)).ok()?)?.push((key, records));
    }
    let places = buckets.iter().map(|bucket| writer.write(bucket)).collect::<Option<Vec<PiecePosition>>>()?;
    Some((writer.write_places(&places), count))
}

/// Reads of a form what decides a login.
#[must_use]
pub fn choose(form: &mut dyn Pieces, request: &Request) -> KeptChoice {
    let Some(summary) = pieces::summary::<Summary>(form) else { return KeptChoice::Damaged };
    let mut records = Vec::new();
    let keys: Vec<(u64, bool)> = match &request.hba_profiles {
        Some(names) => profile_names(names).map(|name| (key(HashDomain::Name, name), true)).collect(),
        None => looked_up_under(&request.hba_issuer).map(|issuer| (key(HashDomain::Issuer, &issuer), false)).collect(),
    };
    for (key, is_name) in keys {
        match look_up(form, &summary, key) {
            None => return KeptChoice::Damaged,
            // What the names are that somebody may have meant is for the whole to say.
            Some(found) if found.is_empty() && is_name => return KeptChoice::Unsaid,
            Some(found) => records.extend(found),
        }
    }
    // In the order of the whole, where the first one of several counts.
    records.sort_unstable_by_key(|(number, _)| *number);
    records.dedup_by_key(|(number, _)| *number);
    match part(form, summary, &records) {
        Some(config) => KeptChoice::Part(Box::new(config)),
        None => KeptChoice::Damaged,
    }
}

/// The records that are listed under this key; `None` of a form that is damaged.
fn look_up(form: &mut dyn Pieces, summary: &Summary, key: u64) -> Option<Vec<(u32, PiecePosition)>> {
    let at = bucket_of(key, summary.bucket_count).checked_mul(PLACE_BYTES)?.checked_add(summary.buckets)?;
    let place = pieces::place_at(form, at)?;
    let bucket: Bucket = read(form, place)?;
    Some(bucket.into_iter().find(|(known, _)| *known == key).map(|(_, records)| records).unwrap_or_default())
}

/// The part that has these records; `None` of a form that is damaged.
fn part(form: &mut dyn Pieces, summary: Summary, records: &[(u32, PiecePosition)]) -> Option<Config> {
    let (mut profiles, mut denied, mut before) = (Vec::new(), Vec::new(), Vec::<Before>::new());
    let mut troubles: Vec<FolderTrouble> = summary.first_trouble.into_iter().collect();
    for (_, place) in records {
        match read(form, *place)? {
            KeptProfile::Sound(profile, of_own) => {
                let own = profile.identity.prefix.as_str();
                if !before.iter().any(|known| known.is_of(own)) {
                    before.push(Some(read::<Before>(form, of_own)?).filter(|read| read.is_of(own))?);
                }
                profiles.push(*profile);
            }
            KeptProfile::Denied(mut one, trouble) => {
                one.trouble = troubles.len();
                troubles.extend(trouble);
                denied.push(*one);
            }
        }
    }
    let rest = Rest { has_no_profile: summary.has_no_profile, somebody_asks: summary.somebody_asks, before };
    let config = Config::new(summary.names, profiles, denied, troubles, summary.reserved_prefixes);
    Some(config.part(rest))
}

#[cfg(test)]
mod tests;
