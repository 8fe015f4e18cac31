//! What of a profile others have to reckon with: whom it serves, and in front of which identities its prefixes stand.
//!
//! A profile that is denied because of an error goes on counting with what can be read of it, for each refusal: an error of
//! one team must open nothing that was closed. Must never lead to a grant: there is nothing here that one could be made of.

use super::profile::{KeySource, Profile};
use super::section::Section;
use serde::{Deserialize, Serialize};
use std::slice;
use toml::Spanned;
use toml::de::DeValue;

/// What of a profile others have to reckon with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outline<'p> {
    /// Its name.
    pub(crate) name: &'p str,
    /// Issuers of the lines that it serves.
    pub(crate) hba_issuers: &'p [String],
    /// The `iss` values that it accepts.
    pub(crate) token_issuers: &'p [String],
    /// Whether it takes JWTs without `iss`.
    pub(crate) takes_no_issuer: bool,
    /// Databases that it serves; all if absent.
    pub(crate) databases: Option<&'p [String]>,
    /// Whether it serves replication connections.
    pub(crate) replication: bool,
    /// What stands in front of its identities, if that can be read; an empty text where nothing does.
    pub(crate) prefix: Option<&'p str>,
    /// The prefix of its fallback, if it has one.
    pub(crate) fallback_prefix: Option<&'p str>,
    /// Whether it has its provider asked about tokens.
    pub(crate) asks: bool,
    /// Whether it lets nobody in.
    pub(crate) denied: bool,
}

impl<'p> From<&'p Profile> for Outline<'p> {
    fn from(profile: &'p Profile) -> Self {
        Self {
            name: &profile.name,
            hba_issuers: profile.hba_issuers(),
            token_issuers: profile.token_issuers(),
            takes_no_issuer: profile.takes_no_issuer(),
            databases: profile.databases.as_deref(),
            replication: profile.replication,
            prefix: Some(&profile.identity.prefix),
            fallback_prefix: profile.identity.fallback.as_ref().map(|fallback| fallback.prefix.as_str()),
            asks: matches!(profile.keys, KeySource::Online(_)),
            denied: false,
        }
    }
}

/// A profile that lets nobody in, because of an error in its file or because it does not go with one of another file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeniedProfile {
    name: String,
    issuer: Option<String>,
    hba_issuers: Option<Vec<String>>,
    token_issuers: Option<Vec<String>>,
    takes_no_issuer: bool,
    databases: Option<Vec<String>>,
    replication: bool,
    prefix: Option<String>,
    fallback_prefix: Option<String>,
    asks: bool,
    /// Which of the configuration's troubles denies it.
    pub(super) trouble: usize,
}

impl DeniedProfile {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What can be read of a profile. What is written and has no meaning counts for nothing; what is not written means what it
    /// means in any profile, unless the syntax of the file is `broken`, where it may only be out of sight.
    pub(super) fn read(name: &str, section: &Section<'_>, trouble: usize, broken: bool) -> Self {
        let identity = written(section.get("identity").map(Spanned::get_ref));
        let prefix = match identity.member("prefix") {
            OutlineValue::Nothing if broken => None,
            OutlineValue::Nothing => Some(String::new()),
            OutlineValue::Value(prefix) => prefix.as_str().map(str::to_owned),
            OutlineValue::Senseless => None,
        };
        let fallback = match identity.member("fallback").member("prefix") {
            OutlineValue::Value(prefix) => prefix.as_str().filter(|prefix| !prefix.is_empty()).map(str::to_owned),
            _ => None,
        };
        Self {
            name: name.to_owned(),
            issuer: text_of(section, "issuer"),
            hba_issuers: texts_of(section, "hba_issuers"),
            token_issuers: texts_of(section, "token_issuers"),
            takes_no_issuer: text_of(section, "token_issuers").as_deref() == Some("none"),
            databases: texts_of(section, "databases"),
            replication: section.get("replication").and_then(|value| value.get_ref().as_bool()).unwrap_or(false),
            prefix,
            fallback_prefix: fallback,
            asks: matches!(text_of(section, "mode").as_deref(), Some("introspection" | "tokeninfo")),
            trouble,
        }
    }
}

impl<'p> From<&'p DeniedProfile> for Outline<'p> {
    fn from(denied: &'p DeniedProfile) -> Self {
        let or_issuer = |written: &'p Option<Vec<String>>| match (written, &denied.issuer) {
            (Some(written), _) => written.as_slice(),
            (None, Some(issuer)) => slice::from_ref(issuer),
            (None, None) => &[],
        };
        Self {
            name: &denied.name,
            hba_issuers: or_issuer(&denied.hba_issuers),
            token_issuers: or_issuer(&denied.token_issuers),
            takes_no_issuer: denied.takes_no_issuer,
            databases: denied.databases.as_deref(),
            replication: denied.replication,
            prefix: denied.prefix.as_deref(),
            fallback_prefix: denied.fallback_prefix.as_deref(),
            asks: denied.asks,
            denied: true,
        }
    }
}

/// What stands somewhere.
#[derive(Clone, Copy)]
enum OutlineValue<'v> {
    Nothing,
    Value(&'v DeValue<'v>),
    /// It is inside of what should be a table.
    Senseless,
}

fn written<'v>(value: Option<&'v DeValue<'v>>) -> OutlineValue<'v> {
    value.map_or(OutlineValue::Nothing, OutlineValue::Value)
}

impl<'v> OutlineValue<'v> {
    fn member(self, key: &str) -> Self {
        match self {
            OutlineValue::Value(value) => match value.as_table() {
                Some(table) => written(table.get(key).map(Spanned::get_ref)),
                None => OutlineValue::Senseless,
            },
            other => other,
        }
    }
}

fn text_of(section: &Section<'_>, key: &str) -> Option<String> {
    section.get(key)?.get_ref().as_str().map(str::to_owned)
}

/// The texts of an array, without what is none; no text at all of what is no array, but "none" stands for the issuer.
fn texts_of(section: &Section<'_>, key: &str) -> Option<Vec<String>> {
    let value = section.get(key)?.get_ref();
    if value.as_str() == Some("none") {
        return None;
    }
    let array = value.as_array().map(|array| array.iter().filter_map(|element| element.get_ref().as_str()));
    Some(array.map(|texts| texts.map(str::to_owned).collect()).unwrap_or_default())
}
