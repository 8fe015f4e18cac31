//! The record of a provider's keys between two logins: what a key file holds, and how long that may be used.
//!
//! All of it is judgement: nothing is read, written or fetched here. A record that was made under other settings, or
//! that claims to be from a future that no step of a clock explains, must never give a key.

use super::KeySet;
use super::source::KeyTiming;
use crate::protocol::{FetchedKeys, Freshness, HelperFailure, KnownDocument};
use crate::time::UnixSeconds;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The version that is written.
const VERSION: u32 = 1;

/// The versions that are read: this one and the one before, of which there is none yet.
const READABLE: RangeInclusive<u32> = VERSION..=VERSION;

/// The largest record, in bytes: a key document and what is said about it.
pub const MAX_KEY_RECORD_BYTES: usize = 512 * 1024;

/// In which part of the time that keys are fresh somebody begins to refresh them ahead, in thousandths. Where in it, is
/// drawn at each fetch ([`KeyRecord::spread_by`]): servers that fetched at one moment, as after a change of all
/// configurations, would ask the provider at one moment ever after. What is left at the end is for refreshing ahead, since
/// with `stale_max` of zero nothing comes after it.
const REFRESH_AHEAD: RangeInclusive<u16> = 800..=950;

/// How far ahead of the clock a record may be dated and still be used: as much as `clock_skew` can be at most.
/// Clocks are set back by so much after a start or a migration, and the keys were good a moment before.
const CLOCK_STEP: Duration = Duration::from_mins(5);

/// What is known about the keys of one profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRecord {
    version: u32,
    profile: String,
    /// [`super::source::ProviderKeys::fingerprint`] of the settings under which all of this was learnt.
    settings_sha256: String,
    last_success: Option<Success>,
    /// Absent once a later attempt succeeded.
    failing: Option<Failing>,
}

/// The last fetch that gave keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Success {
    #[serde(with = "instant")]
    fetched_at: UnixSeconds,
    #[serde(with = "instant")]
    fresh_until: UnixSeconds,
    /// One of [`REFRESH_AHEAD`]; an earlier version wrote none.
    #[serde(default = "earliest")]
    refresh_at_permille: u16,
    source: String,
    etag: Option<String>,
    jwks: KeySet,
}

/// The attempts since then, all of which failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Failing {
    #[serde(with = "instant")]
    last_at: UnixSeconds,
    attempts: u32,
    last_error: HelperFailure,
}

/// What the keys of a record are worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStatus {
    /// They are used.
    Fresh,
    /// They are used, and somebody should refresh them.
    Due,
    /// They are not used: there is no record that could be read.
    NoRecord,
    /// They are not used: none were ever fetched.
    NeverFetched,
    /// They are not used: they were fetched under other settings.
    OtherSettings,
    /// They are not used: they claim to be fetched more than five minutes later than now.
    FromTheFuture,
    /// They are not used: the provider did not confirm them for too long.
    Expired,
}

impl KeyStatus {
    /// One word, for programs and for SQL.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Due => "due",
            Self::NoRecord => "absent",
            Self::NeverFetched => "never_fetched",
            Self::OtherSettings => "other_settings",
            Self::FromTheFuture => "from_the_future",
            Self::Expired => "expired",
        }
    }

    /// Whether the keys may verify a token.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Fresh | Self::Due)
    }
}

impl KeyRecord {
    /// The record of keys that were fetched at `now`.
    #[must_use]
    pub fn fetched(profile: &str, fingerprint: &str, timing: &KeyTiming, keys: FetchedKeys, now: UnixSeconds) -> Self {
        let FetchedKeys { url, etag, freshness, keys } = keys;
        let fresh_until = fresh_until(timing, freshness, now);
        Self {
            last_success: Some(Success {
                fetched_at: now,
                fresh_until,
                refresh_at_permille: earliest(),
                source: url,
                etag,
                jwks: keys,
            }),
            ..Self::empty(profile, fingerprint)
        }
    }

    /// This record after the provider confirmed its keys at `now`.
    #[must_use]
    pub fn confirmed(mut self, timing: &KeyTiming, freshness: Freshness, now: UnixSeconds) -> Self {
        if let Some(success) = &mut self.last_success {
            success.fetched_at = now;
            success.fresh_until = fresh_until(timing, freshness, now);
        }
        Self { failing: None, ..self }
    }

    /// This record, to be refreshed at a time of its own; `chance` is what no two servers have in common.
    #[must_use]
    pub fn spread_by(mut self, chance: Duration) -> Self {
        let steps = REFRESH_AHEAD.end().saturating_sub(*REFRESH_AHEAD.start());
        let later = u16::try_from(part_by_chance(chance, u64::from(steps))).unwrap_or(0);
        if let Some(success) = &mut self.last_success {
            success.refresh_at_permille = earliest().saturating_add(later);
        }
        self
    }

    /// What becomes of `known`, if there is such a record, when an attempt failed at `now`. Keys that were fetched
    /// under other settings are dropped.
    #[must_use]
    pub fn failed(
        known: Option<Self>,
        profile: &str,
        fingerprint: &str,
        failure: HelperFailure,
        now: UnixSeconds,
    ) -> Self {
        let known = known.filter(|record| record.is_of(fingerprint));
        let record = known.unwrap_or_else(|| Self::empty(profile, fingerprint));
        let attempts = record.failing.as_ref().map_or(0, |failing| failing.attempts).saturating_add(1);
        Self { failing: Some(Failing { last_at: now, attempts, last_error: failure }), ..record }
    }

    fn empty(profile: &str, fingerprint: &str) -> Self {
        Self {
            version: VERSION,
            profile: profile.to_owned(),
            settings_sha256: fingerprint.to_owned(),
            last_success: None,
            failing: None,
        }
    }

    /// Reads what [`KeyRecord::to_bytes`] wrote; `None` for anything else, such as half of it or another version.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let record: Self = serde_json::from_slice(bytes).ok()?;
        READABLE.contains(&record.version).then_some(record)
    }

    /// JSON in lines, for people to look at.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Structures with names for members only: there is nothing that could fail.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// What its keys are worth at `now` under the settings of `fingerprint`.
    #[must_use]
    pub fn standing(&self, fingerprint: &str, timing: &KeyTiming, now: UnixSeconds) -> KeyStatus {
        if !self.is_of(fingerprint) {
            return KeyStatus::OtherSettings;
        }
        let Some(Success { fetched_at, fresh_until, refresh_at_permille, .. }) = self.last_success else {
            return KeyStatus::NeverFetched;
        };
        if fetched_at > now.after(CLOCK_STEP) {
            return KeyStatus::FromTheFuture;
        }
        let fresh_until = obeying(fresh_until, fetched_at, timing);
        if self.usable_until(timing).is_none_or(|until| now >= until) {
            return KeyStatus::Expired;
        }
        // Rounded up: keys that are fresh for a second are not due at once.
        let fresh_for = fresh_until.since(fetched_at).as_secs();
        let permille = u64::from(refresh_at_permille.clamp(*REFRESH_AHEAD.start(), *REFRESH_AHEAD.end()));
        let ahead = Duration::from_secs(fresh_for.saturating_mul(permille).div_ceil(1000));
        if now < fetched_at.after(ahead) { KeyStatus::Fresh } else { KeyStatus::Due }
    }

    /// Until when its keys are fresh; a record from before `max_ttl` was lowered obeys the new one.
    #[must_use]
    pub fn fresh_until(&self, timing: &KeyTiming) -> Option<UnixSeconds> {
        let Success { fetched_at, fresh_until, .. } = self.last_success.as_ref()?;
        Some(obeying(*fresh_until, *fetched_at, timing))
    }

    /// Until when its keys verify tokens, while the provider does not answer.
    #[must_use]
    pub fn usable_until(&self, timing: &KeyTiming) -> Option<UnixSeconds> {
        let Success { fetched_at, fresh_until, .. } = self.last_success.as_ref()?;
        Some(obeying(*fresh_until, *fetched_at, timing).after(timing.stale_max))
    }

    /// The keys, whatever they are worth.
    #[must_use]
    pub fn keys(&self) -> Option<&KeySet> {
        self.last_success.as_ref().map(|success| &success.jwks)
    }

    /// When the keys were fetched or last confirmed, and until when they are fresh.
    #[must_use]
    pub fn times(&self) -> Option<(UnixSeconds, UnixSeconds)> {
        self.last_success.as_ref().map(|success| (success.fetched_at, success.fresh_until))
    }

    /// Where the keys were fetched from.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.last_success.as_ref().map(|success| success.source.as_str())
    }

    /// When the last attempt failed, which one in a row it was, and why; absent if it succeeded.
    #[must_use]
    pub fn failure(&self) -> Option<(UnixSeconds, u32, &HelperFailure)> {
        self.failing.as_ref().map(|failing| (failing.last_at, failing.attempts, &failing.last_error))
    }

    /// The document whose keys it has, for asking whether that still holds. Of one that was read in another way, all is
    /// wanted again.
    #[must_use]
    pub fn known_document(&self) -> Option<KnownDocument> {
        let success = self.last_success.as_ref().filter(|success| success.jwks.is_read_as_now())?;
        Some(KnownDocument { url: success.source.clone(), etag: success.etag.clone()? })
    }

    /// Whether it was made under the settings of `fingerprint`.
    pub(super) fn is_of(&self, fingerprint: &str) -> bool {
        self.settings_sha256 == fingerprint
    }

    /// Whether an attempt that began at `began` (since 1970) left its outcome here.
    pub(super) fn has_outcome_since(&self, began: Duration) -> bool {
        let success = self.last_success.as_ref().map(|success| success.fetched_at);
        let failure = self.failing.as_ref().map(|failing| failing.last_at);
        success.max(failure).is_some_and(|at| at >= UnixSeconds::of(began))
    }
}

const fn earliest() -> u16 {
    *REFRESH_AHEAD.start()
}

/// A part of `whole`, from nothing to all of it, by the fraction of a second in `chance`: not in its order, or servers whose
/// timers start at the same second would get the same part.
pub(super) fn part_by_chance(chance: Duration, whole: u64) -> u64 {
    // Fibonacci hashing: the odd number nearest to 2^32 divided by the golden ratio moves neighbours far apart.
    let scattered = u64::from(chance.subsec_nanos().wrapping_mul(0x9E37_79B1));
    scattered.saturating_mul(whole.saturating_add(1)) >> 32
}

/// A record from before `max_ttl` was lowered obeys the new one.
fn obeying(fresh_until: UnixSeconds, fetched_at: UnixSeconds, timing: &KeyTiming) -> UnixSeconds {
    fresh_until.min(fetched_at.after(timing.max_ttl))
}

/// What the provider says, within the limits of the configuration. One that says nothing is asked again soon.
fn fresh_until(timing: &KeyTiming, freshness: Freshness, now: UnixSeconds) -> UnixSeconds {
    let max_age = freshness.max_age.filter(|_| !freshness.no_cache).unwrap_or_default();
    now.after(max_age.max(timing.min_ttl).min(timing.max_ttl))
}

impl fmt::Display for KeyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "fresh",
            Self::Due => "to be refreshed",
            Self::NoRecord => "absent",
            Self::NeverFetched => "never fetched",
            Self::OtherSettings => "fetched under other settings",
            Self::FromTheFuture => "from the future",
            Self::Expired => "expired",
        })
    }
}

/// Instants as people read them (RFC 3339), in whole seconds.
mod instant {
    use super::UnixSeconds;
    use jiff::Timestamp;
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(instant: &UnixSeconds, serializer: S) -> Result<S::Ok, S::Error> {
        let instant = Timestamp::from_second(instant.get()).map_err(S::Error::custom)?;
        serializer.collect_str(&instant)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixSeconds, D::Error> {
        let text = String::deserialize(deserializer)?;
        let instant = text.parse::<Timestamp>().map_err(D::Error::custom)?;
        Ok(UnixSeconds::new(instant.as_second()))
    }
}

#[cfg(test)]
pub(super) mod tests;
