//! Reads `[defaults]`, and the limits of a profile, which are the same settings: what holds for profiles that say nothing.
//!
//! Nothing here grants anything: there are limits, times of key sources, and when sessions end.

use super::collect::Findings;
use super::keys;
use super::profile::At;
use super::section::Section;
use super::session::{self, SessionTimes};
use super::settings::profile::{CLOCK_SKEW, MAX_LIFETIME, MAX_TOKEN_SIZE};
use super::settings::{defaults as rows, root};
use std::time::Duration;

/// What profiles have that do not say it themselves.
pub(super) struct Defaults {
    pub(super) limits: Limits,
    pub(super) keys: keys::Times,
    pub(super) session: SessionTimes,
}

/// How far a token may go.
#[derive(Clone)]
pub(super) struct Limits {
    pub(super) clock_skew: At<Duration>,
    pub(super) max_lifetime: At<Duration>,
    /// In bytes.
    pub(super) max_token_size: At<usize>,
}

/// Those of the file, over what is built in.
pub(super) fn defaults(findings: &mut Findings<'_>, file: &Section<'_>) -> Defaults {
    let built_in = Defaults {
        limits: Limits {
            clock_skew: At::built_in(CLOCK_SKEW.default_duration()),
            max_lifetime: At::built_in(MAX_LIFETIME.default_duration()),
            max_token_size: At::built_in(MAX_TOKEN_SIZE.default_bytes()),
        },
        keys: keys::Times::BUILT_IN,
        session: SessionTimes::BUILT_IN,
    };
    let Some(section) = file.table(findings, &root::DEFAULTS) else {
        return built_in;
    };
    let keys = match section.table(findings, &rows::KEYS) {
        Some(keys) => keys::times(findings, &keys, built_in.keys),
        None => built_in.keys,
    };
    let session = match section.table(findings, &rows::SESSION) {
        Some(table) => session::times(findings, &table, built_in.session),
        None => built_in.session,
    };
    Defaults { limits: limits(findings, &section, &built_in.limits), keys, session }
}

/// The limits of a table, with those of `fallback` where it sets none.
pub(super) fn limits(findings: &mut Findings<'_>, section: &Section<'_>, fallback: &Limits) -> Limits {
    let skew = section.duration(findings, &CLOCK_SKEW);
    let lifetime = section.duration(findings, &MAX_LIFETIME);
    let size = section.bytes(findings, &MAX_TOKEN_SIZE);
    Limits {
        clock_skew: skew.unwrap_or_else(|| fallback.clock_skew.clone()),
        max_lifetime: lifetime.unwrap_or_else(|| fallback.max_lifetime.clone()),
        max_token_size: size.unwrap_or_else(|| fallback.max_token_size.clone()),
    }
}
