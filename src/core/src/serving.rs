//! Which profiles may serve a login, and which two of them can meet in one: by the issuer of the pg_hba.conf line, by
//! database, and by replication.
//!
//! The one home of these rules: the decision, `check`, `check` with the server's files and `explain` all ask here. The
//! token has no say in it. Nothing is derived from the line, so that no spelling of a line can reach another profile.

use crate::config::{Outline, Profile};
use crate::decision::Request;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// Whether lines of pg_hba.conf with this issuer are for the profile: it is one of its `hba_issuers`, or the well-known
/// URL of one.
pub(crate) fn serves_issuer<'p>(profile: impl Into<Outline<'p>>, hba_issuer: &str) -> bool {
    let is_meant = |own: &String| own == hba_issuer || is_well_known_of(hba_issuer, own);
    profile.into().hba_issuers.iter().any(is_meant)
}

/// Whether `url` is a well-known URL of an issuer: OpenID Connect Discovery section 4 puts the suffix behind the issuer,
/// and RFC 8414 section 3.1 puts it between host and path. PostgreSQL keeps an issuer's trailing slash, and so makes a
/// double one (`generate_error_response` in auth-oauth.c).
#[must_use]
pub fn is_well_known_of(url: &str, issuer: &str) -> bool {
    let bare = without_slashes(issuer);
    let (origin, path) = origin_and_path(issuer);
    let Some(rest) = url.strip_prefix(origin).filter(|rest| rest.contains("/.well-known/")) else {
        return false;
    };
    let between = |name| rest.strip_prefix(name).is_some_and(|rest| rest == path || rest == without_slashes(path));
    url.strip_suffix(OPENID).is_some_and(|before| before == issuer || before == bare)
        || between(OPENID)
        || between(OAUTH)
}

/// Scheme and host of an issuer, and what is behind.
fn origin_and_path(issuer: &str) -> (&str, &str) {
    let host = issuer.find("://").map_or(0, |scheme| scheme + 3);
    let slash = issuer.get(host..).and_then(|rest| rest.find('/'));
    slash.and_then(|slash| issuer.split_at_checked(host + slash)).unwrap_or((issuer, ""))
}

/// What the issuers of one line have in common: slashes at the end make no difference to well-known URLs.
fn without_slashes(issuer: &str) -> &str {
    issuer.trim_end_matches('/')
}

/// The profiles by the issuers of their lines, where more than one line is asked about.
pub(crate) struct ByIssuer<'p>(HashMap<&'p str, Vec<&'p Profile>>);

impl<'p> ByIssuer<'p> {
    /// These profiles.
    pub(crate) fn of(profiles: &'p [Profile]) -> Self {
        let mut all: HashMap<&str, Vec<&Profile>> = HashMap::with_capacity(profiles.len());
        for profile in profiles {
            for issuer in profile.hba_issuers() {
                all.entry(listed_under(issuer)).or_default().push(profile);
            }
        }
        Self(all)
    }

    /// Those that serve lines with this issuer, as [`serves_issuer`] says, in the order of their names.
    pub(crate) fn serving(&self, hba_issuer: &str) -> Vec<&'p Profile> {
        let near = looked_up_under(hba_issuer).filter_map(|issuer| self.0.get(issuer.as_str())).flatten().copied();
        let mut found: Vec<&Profile> = near.filter(|profile| serves_issuer(*profile, hba_issuer)).collect();
        found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        found.dedup_by(|one, other| one.name == other.name);
        found
    }
}

/// Under what a list of profiles by their issuers has one of the `hba_issuers`.
pub(crate) fn listed_under(own: &str) -> &str {
    without_slashes(own)
}

/// Under what such a list has every profile that serves lines with this issuer; others may be there as well, and
/// [`serves_issuer`] decides.
pub(crate) fn looked_up_under(hba_issuer: &str) -> impl Iterator<Item = String> {
    let without = move |name: &str| hba_issuer.split_once(name).map(|(before, behind)| format!("{before}{behind}"));
    let issuers = [OPENID, OAUTH].into_iter().filter_map(without).chain([hba_issuer.to_owned()]);
    issuers.map(|issuer| listed_under(&issuer).to_owned())
}

/// Why a profile does not serve a login by a line that is for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unserved {
    /// A connection for replication.
    Replication,
    /// One for physical replication, which has no database, by a profile that is limited to databases.
    PhysicalReplication,
    /// One to another database.
    Database,
}

/// Why the profile does not serve the login; `None` if it does.
pub(crate) fn unserved<'p>(profile: impl Into<Outline<'p>>, request: &Request) -> Option<Unserved> {
    let profile = profile.into();
    if request.replication && !profile.replication {
        return Some(Unserved::Replication);
    }
    let databases = profile.databases?;
    if request.database.is_empty() {
        return Some(Unserved::PhysicalReplication);
    }
    (!databases.contains(&request.database)).then_some(Unserved::Database)
}

/// In which databases a profile serves connections by its lines; in any where it names none. Physical replication has no
/// database, and so by a profile that names none alone: two that serve it meet in every database as well.
#[derive(Debug, Clone)]
pub(crate) struct Served<'p> {
    /// The databases, if they are limited.
    pub(crate) databases: Option<Vec<&'p str>>,
}

impl<'p> Served<'p> {
    /// What the profile serves.
    pub(crate) fn by(profile: &'p Profile) -> Self {
        let databases = profile.databases.as_ref();
        Self { databases: databases.map(|databases| databases.iter().map(String::as_str).collect()) }
    }
}

/// Lines that several profiles serve: the issuer as one of them writes it, and the profiles by their places in
/// `profiles`. In which databases these meet is for [`Served`].
pub(crate) fn shared_lines<'p>(profiles: &[Outline<'p>]) -> Vec<(&'p str, Vec<usize>)> {
    /// What serves a line: one profile, or a group of several.
    enum Servants {
        One(usize),
        Group(usize),
    }
    let mut lines: HashMap<&str, Servants> = HashMap::with_capacity(profiles.len());
    let mut groups: Vec<(&str, Vec<usize>)> = Vec::new();
    for (at, profile) in profiles.iter().enumerate() {
        for issuer in profile.hba_issuers {
            match lines.entry(without_slashes(issuer)) {
                Entry::Vacant(vacant) => {
                    vacant.insert(Servants::One(at));
                }
                Entry::Occupied(mut occupied) => match *occupied.get() {
                    // Itself, in another spelling.
                    Servants::One(first) if first == at => {}
                    Servants::One(first) => {
                        occupied.insert(Servants::Group(groups.len()));
                        groups.push((issuer, vec![first, at]));
                    }
                    Servants::Group(group) => {
                        if let Some((_, members)) = groups.get_mut(group).filter(|(_, all)| all.last() != Some(&at)) {
                            members.push(at);
                        }
                    }
                },
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests;
