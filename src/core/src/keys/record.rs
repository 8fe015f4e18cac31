//! The record of a provider's keys between two logins: what a key file holds, how long that may be used, and when the
//! provider may be asked again.
//!
//! All of it is judgement: nothing is read, written or fetched here. A record that was made under other settings, or
//! that claims to be from a future that no step of a clock explains, must never give a key; and no instant that lies
//! ahead may hold up a fetch.

use super::KeySet;
use super::source::KeyTiming;
use crate::protocol::{Failure, FetchedKeys, Freshness, KnownDocument};
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

/// From this part of the time that keys are fresh on, somebody is to refresh them ahead, in percent.
const REFRESH_AHEAD_PERCENT: i64 = 80;

/// How far ahead of the clock a record may be dated and still be used, in seconds: as much as `clock_skew` can be at most.
/// Clocks are set back by so much after a start or a migration, and the keys were good a moment before.
const CLOCK_STEP: i64 = 300;

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
    fetched_at: i64,
    #[serde(with = "instant")]
    fresh_until: i64,
    source: String,
    etag: Option<String>,
    jwks: KeySet,
}

/// The attempts since then, all of which failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Failing {
    #[serde(with = "instant")]
    last_at: i64,
    attempts: u32,
    last_error: Failure,
}

/// What the keys of a record are worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
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

impl Standing {
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

/// The last time that somebody began to ask the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Since 1970.
    pub began: Duration,
    /// How it ended.
    pub end: AttemptEnd,
}

/// How an attempt to ask the provider ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd {
    /// Not at all: it was cut off with the login that made it.
    CutOff,
    /// What came of it, be it a failure, could not be written down.
    Unsaved,
    /// What came of it was written into the key file.
    Saved,
}

/// What somebody wants of a provider's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Usable keys.
    Usable,
    /// Newer keys than those at hand, among which is not the one that a token names.
    Newer,
}

impl KeyRecord {
    /// The record of keys that were fetched at `now`.
    #[must_use]
    pub fn fetched(profile: &str, fingerprint: &str, timing: &KeyTiming, keys: FetchedKeys, now: i64) -> Self {
        let FetchedKeys { url, etag, freshness, keys } = keys;
        let fresh_until = fresh_until(timing, freshness, now);
        Self {
            last_success: Some(Success { fetched_at: now, fresh_until, source: url, etag, jwks: keys }),
            ..Self::empty(profile, fingerprint)
        }
    }

    /// The same record after the provider confirmed its keys at `now`.
    #[must_use]
    pub fn confirmed(mut self, timing: &KeyTiming, freshness: Freshness, now: i64) -> Self {
        if let Some(success) = &mut self.last_success {
            success.fetched_at = now;
            success.fresh_until = fresh_until(timing, freshness, now);
        }
        Self { failing: None, ..self }
    }

    /// What becomes of `known`, if there is such a record, when an attempt failed at `now`. Keys that were fetched
    /// under other settings are dropped.
    #[must_use]
    pub fn failed(known: Option<Self>, profile: &str, fingerprint: &str, failure: Failure, now: i64) -> Self {
        let known = known.filter(|record| record.settings_sha256 == fingerprint);
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
    pub fn standing(&self, fingerprint: &str, timing: &KeyTiming, now: i64) -> Standing {
        if self.settings_sha256 != fingerprint {
            return Standing::OtherSettings;
        }
        let Some(Success { fetched_at, fresh_until, .. }) = self.last_success else {
            return Standing::NeverFetched;
        };
        if fetched_at > now.saturating_add(CLOCK_STEP) {
            return Standing::FromTheFuture;
        }
        let fresh_until = obeying(fresh_until, fetched_at, timing);
        if self.usable_until(timing).is_none_or(|until| now >= until) {
            return Standing::Expired;
        }
        // Rounded up: keys that are fresh for a second are not due at once.
        let ahead = (fresh_until - fetched_at).saturating_mul(REFRESH_AHEAD_PERCENT).saturating_add(99) / 100;
        if now < fetched_at + ahead { Standing::Fresh } else { Standing::Due }
    }

    /// Until when its keys are fresh, in seconds since 1970; a record from before `max_ttl` was lowered obeys the new one.
    #[must_use]
    pub fn fresh_until(&self, timing: &KeyTiming) -> Option<i64> {
        let Success { fetched_at, fresh_until, .. } = self.last_success.as_ref()?;
        Some(obeying(*fresh_until, *fetched_at, timing))
    }

    /// Until when its keys verify tokens, in seconds since 1970, while the provider does not answer.
    #[must_use]
    pub fn usable_until(&self, timing: &KeyTiming) -> Option<i64> {
        let Success { fetched_at, fresh_until, .. } = self.last_success.as_ref()?;
        Some(obeying(*fresh_until, *fetched_at, timing).saturating_add(timing.stale_max))
    }

    /// The keys, whatever they are worth.
    #[must_use]
    pub fn keys(&self) -> Option<&KeySet> {
        self.last_success.as_ref().map(|success| &success.jwks)
    }

    /// When the keys were fetched or last confirmed, and until when they are fresh; in seconds since 1970.
    #[must_use]
    pub fn times(&self) -> Option<(i64, i64)> {
        self.last_success.as_ref().map(|success| (success.fetched_at, success.fresh_until))
    }

    /// Where the keys were fetched from.
    #[must_use]
    pub fn source(&self) -> Option<&str> {
        self.last_success.as_ref().map(|success| success.source.as_str())
    }

    /// When the last attempt failed, which one in a row it was, and why; absent if it succeeded.
    #[must_use]
    pub fn failure(&self) -> Option<(i64, u32, &Failure)> {
        self.failing.as_ref().map(|failing| (failing.last_at, failing.attempts, &failing.last_error))
    }

    /// The document whose keys it has, for asking whether that still holds. Of one that was read in another way, all is
    /// wanted again.
    #[must_use]
    pub fn known_document(&self) -> Option<KnownDocument> {
        let success = self.last_success.as_ref().filter(|success| success.jwks.is_read_as_now())?;
        Some(KnownDocument { url: success.source.clone(), etag: success.etag.clone()? })
    }

    /// Whether an attempt that began at `began` left its outcome here.
    fn has_outcome_since(&self, began: Duration) -> bool {
        let success = self.last_success.as_ref().map(|success| success.fetched_at);
        let failure = self.failing.as_ref().map(|failing| failing.last_at);
        success.max(failure).is_some_and(|at| at >= seconds(began))
    }
}

fn seconds(since_1970: Duration) -> i64 {
    i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX)
}

/// When the provider may be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayAsk {
    /// At once.
    Now,
    /// In so short a time that a login can wait for it.
    Soon(Duration),
    /// After this time; a login does not wait for it.
    Later(Duration),
    /// After this time, because the last answer did not come into the key file.
    LaterUnsaved(Duration),
}

/// When the provider may be asked again, at `now` (since 1970).
///
/// `record` is what the key file holds, made under whichever settings. Whoever asks holds the lock, so no attempt is
/// under way.
#[must_use]
pub fn may_ask(
    record: Option<&KeyRecord>,
    fingerprint: &str,
    timing: &KeyTiming,
    last: Option<Attempt>,
    wanted: Wanted,
    now: Duration,
) -> MayAsk {
    // A lock from the future tells nothing.
    let Some(last) = last.filter(|last| last.began <= now) else {
        return MayAsk::Now;
    };
    let cooldown = Duration::from_secs(timing.kid_cooldown.unsigned_abs());
    let after = |start: Duration, apart: Duration| (start + apart.min(cooldown)).saturating_sub(now);
    let left = |apart| after(last.began, apart);
    let answer = match record.filter(|record| record.has_outcome_since(last.began)) {
        // The login that asked was ended before its time, as by authentication_timeout; that its client hung up ends no
        // fetch. Were this the whole cooldown, whoever has one ended could keep everybody waiting.
        _ if last.end == AttemptEnd::CutOff => MayAsk::Soon(left(APART)),
        // Without the cooldown, each login would ask.
        _ if last.end == AttemptEnd::Unsaved => MayAsk::LaterUnsaved(left(cooldown)),
        // Somebody has removed the key file, and means it.
        None => MayAsk::Soon(left(APART)),
        Some(record) if record.settings_sha256 != fingerprint => MayAsk::Soon(left(APART)),
        // There is no hurry: a login that asks in vain waits in vain.
        Some(record @ KeyRecord { failing: Some(_), .. })
            if wanted == Wanted::Usable && record.standing(fingerprint, timing, seconds(now)).is_usable() =>
        {
            MayAsk::Later(left(cooldown))
        }
        Some(KeyRecord { failing: Some(failing), .. }) => {
            let doubled = 1_u64.checked_shl(failing.attempts.saturating_sub(1)).unwrap_or(u64::MAX);
            // From its end on: a provider that hangs is one that is asked all the time otherwise.
            // An end that lies ahead of the clock tells nothing: it would be "now" until the clock gets there.
            let noted = Duration::from_secs(failing.last_at.unsigned_abs());
            let ended = if noted <= now { noted.max(last.began) } else { last.began };
            MayAsk::Later(after(ended, Duration::from_secs(doubled)))
        }
        // Age decides, but with a time to live of a second or two every login would find the keys due.
        Some(_) if wanted == Wanted::Usable => MayAsk::Soon(left(APART)),
        Some(_) => MayAsk::Later(left(cooldown)),
    };
    match answer {
        MayAsk::Soon(Duration::ZERO) | MayAsk::Later(Duration::ZERO) | MayAsk::LaterUnsaved(Duration::ZERO) => {
            MayAsk::Now
        }
        answer => answer,
    }
}

/// The least time between any two attempts, also after one that was cut off, made under other settings, or forgotten on
/// purpose.
pub const APART: Duration = Duration::from_secs(1);

/// A record from before `max_ttl` was lowered obeys the new one.
fn obeying(fresh_until: i64, fetched_at: i64, timing: &KeyTiming) -> i64 {
    fresh_until.min(fetched_at.saturating_add(timing.max_ttl))
}

/// What the provider says, within the limits of the configuration. One that says nothing is asked again soon.
fn fresh_until(timing: &KeyTiming, freshness: Freshness, now: i64) -> i64 {
    let max_age = if freshness.no_cache { 0 } else { freshness.max_age.unwrap_or(0) };
    let max_age = i64::try_from(max_age).unwrap_or(i64::MAX);
    now.saturating_add(max_age.max(timing.min_ttl).min(timing.max_ttl))
}

impl fmt::Display for Standing {
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
    use jiff::Timestamp;
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(seconds: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        let instant = Timestamp::from_second(*seconds).map_err(S::Error::custom)?;
        serializer.collect_str(&instant)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse::<Timestamp>().map(Timestamp::as_second).map_err(D::Error::custom)
    }
}
