//! Reads `[profiles.NAME.session]`: when a session ends by itself, and which claims SQL may read in it.
//!
//! Nothing here can let anybody in: whatever is wrong with it is an error of the file, which lets nobody in.

use super::collect::Findings;
use super::section::Section;
use super::settings::profile;
use super::settings::session::{GRACE, MAX, TOKEN_ID};
use crate::claim_path::ClaimPath;
use crate::finding::FindingCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// When the token ends the session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionEnd {
    /// It does not.
    #[default]
    Never,
    /// When it expires.
    Token,
}

/// What a session keeps of its token, and when it ends by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionSettings {
    /// Whether the token's expiry ends the session.
    pub end: SessionEnd,
    /// How much later than that.
    pub grace: Duration,
    /// The longest that a session lives, whatever the token says.
    pub max: Option<Duration>,
    /// What SQL may read, by the names it reads it under: `[a-z0-9][a-z0-9_]{0,62}`.
    pub claims: BTreeMap<String, ClaimPath>,
    /// The claim that names the token.
    pub token_id: ClaimPath,
}

impl SessionSettings {
    /// Whether anything is different from a session of a profile that says nothing about it.
    pub(crate) fn says_anything(&self) -> bool {
        self.end != SessionEnd::Never || self.max.is_some() || !self.claims.is_empty()
    }
}

/// When sessions end, for profiles that do not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SessionTimes {
    end: SessionEnd,
    grace: Duration,
    max: Option<Duration>,
}

impl SessionTimes {
    /// What holds where nobody wrote anything.
    pub(super) const BUILT_IN: Self = Self { end: SessionEnd::Never, grace: GRACE.default_duration(), max: None };
}

/// The times of a table, `[defaults.session]` or a profile's, with those of `fallback` where it sets none.
pub(super) fn times(findings: &mut Findings<'_>, section: &Section<'_>, fallback: SessionTimes) -> SessionTimes {
    let end = section.word(findings, "end", &[("never", SessionEnd::Never), ("token", SessionEnd::Token)]);
    let grace = section.duration(findings, &GRACE);
    let max = section.duration(findings, &MAX);
    SessionTimes {
        end: end.unwrap_or(fallback.end),
        grace: grace.map_or(fallback.grace, |grace| grace.value),
        max: max.map(|max| max.value).or(fallback.max),
    }
}

/// What a profile says of its sessions, over its preset and the file's defaults.
pub(super) fn session(findings: &mut Findings<'_>, of: &Section<'_>, defaults: SessionTimes) -> SessionSettings {
    let Some(section) = of.table(findings, &profile::SESSION) else {
        return of_times(defaults);
    };
    let times = times(findings, &section, defaults);
    if section.is_own("grace") && !times.grace.is_zero() && times.end == SessionEnd::Never {
        let message = format!("{} means nothing without end = \"token\"", section.name("grace"));
        findings
            .add(FindingCode::UnusedSetting, section.span_of("grace"), message)
            .hint("write end = \"token\" for sessions that end with their token, or remove it");
    }
    let token_id = section.path(findings, "token_id").map_or_else(|| TOKEN_ID.default_claim(), |path| path.value);
    SessionSettings { claims: claims(findings, &section).unwrap_or_default(), token_id, ..of_times(times) }
}

fn of_times(SessionTimes { end, grace, max }: SessionTimes) -> SessionSettings {
    SessionSettings { end, grace, max, claims: BTreeMap::new(), token_id: TOKEN_ID.default_claim() }
}

/// The claims that SQL may read, by the names it reads them under.
fn claims(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<BTreeMap<String, ClaimPath>> {
    let claims = section.free_keys(findings, "claims")?;
    let mut named = BTreeMap::new();
    for name in claims.keys() {
        let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !begins_well || !name.chars().all(valid) || name.len() > 63 {
            let message =
                format!("{} cannot name a claim \"{}\"", section.name("claims"), crate::trace::printable(name));
            findings
                .add(FindingCode::BadName, claims.span_of(name), message)
                .hint("up to 63 of a-z, 0-9 and _, beginning with a letter or digit");
            continue;
        }
        if let Some(path) = claims.path(findings, name) {
            named.insert(name.to_owned(), path.value);
        }
    }
    Some(named)
}

#[cfg(test)]
mod tests;
