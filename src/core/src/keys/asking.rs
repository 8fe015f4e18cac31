//! When a provider may be asked for its keys again: often enough for logins, and never without end.
//!
//! All of it is judgement, of what the key file and the times of its lock say. No instant that lies ahead of the clock may
//! hold up a fetch.

use super::record::{KeyRecord, part_by_chance};
use super::source::KeyTiming;
use crate::time::UnixSeconds;
use std::time::Duration;

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
    /// The attempt has no end: it was cut off with the login that made it.
    CutOff,
    /// What came of it, be it a failure, could not be written down.
    Unsaved,
    /// What came of it was written into the key file.
    Saved,
}

/// What somebody wants of a provider's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeysWanted {
    /// Usable keys.
    Usable,
    /// Newer keys than those at hand, among which is not the one that a token names.
    Newer,
}

/// The least time between any two attempts, also after one that was cut off, made under other settings, or forgotten on
/// purpose.
pub const MIN_ATTEMPT_GAP: Duration = Duration::from_secs(1);

/// When the provider may be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MayAsk {
    /// The provider may be asked at once.
    Now,
    /// In so short a time that a login can wait for it.
    Soon(Duration),
    /// After this time; a login does not wait for it.
    Later(Duration),
    /// After this time, because the last answer did not come into the key file.
    LaterUnsaved(Duration),
}

/// How the last attempt left things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// The login that asked was ended before its time, as by authentication_timeout; that its client hung up ends no fetch.
    CutOff,
    /// What came of it could not be written down.
    Unsaved,
    /// What came of it is not there any more: somebody has removed the key file, and means it.
    Forgotten,
    /// It was made under other settings.
    OtherSettings,
    /// It failed, as the last of so many in a row, and that was noted at this time.
    Failed { attempts: u32, noted_at: UnixSeconds },
    /// There are keys of it.
    Succeeded,
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
    wanted: KeysWanted,
    now: Duration,
) -> MayAsk {
    // A lock from the future tells nothing.
    let Some(last) = last.filter(|last| last.began <= now) else {
        return MayAsk::Now;
    };
    let can_do_without = || {
        let standing = record.map(|record| record.standing(fingerprint, timing, UnixSeconds::of(now)));
        wanted == KeysWanted::Usable && standing.is_some_and(|standing| standing.is_usable())
    };
    let cooldown = timing.kid_cooldown;
    // What is left of the time after `start` in which nobody asks; never more than the cooldown.
    let rest_of = |start: Duration, apart: Duration| (start + apart.min(cooldown)).saturating_sub(now);
    let answer = match left_by(last, record, fingerprint) {
        // Were this the whole cooldown after one that was cut off, whoever has one ended could keep everybody waiting.
        Left::CutOff | Left::Forgotten | Left::OtherSettings => MayAsk::Soon(rest_of(last.began, MIN_ATTEMPT_GAP)),
        // A cooldown keeps each login from asking.
        Left::Unsaved => MayAsk::LaterUnsaved(rest_of(last.began, cooldown)),
        // There is no hurry: a login that asks in vain waits in vain.
        Left::Failed { .. } if can_do_without() => MayAsk::Later(rest_of(last.began, cooldown)),
        Left::Failed { attempts, noted_at } => {
            MayAsk::Later(rest_of(end_of(last, noted_at, now), longer_with_each(attempts, last.began)))
        }
        Left::Succeeded => match wanted {
            // Age decides, but with a time to live of a second or two every login would find the keys due.
            KeysWanted::Usable => MayAsk::Soon(rest_of(last.began, MIN_ATTEMPT_GAP)),
            KeysWanted::Newer => MayAsk::Later(rest_of(last.began, cooldown)),
        },
    };
    match answer {
        MayAsk::Soon(Duration::ZERO) | MayAsk::Later(Duration::ZERO) | MayAsk::LaterUnsaved(Duration::ZERO) => {
            MayAsk::Now
        }
        answer => answer,
    }
}

/// How `last` left things, as its lock and the key file tell it.
fn left_by(last: Attempt, record: Option<&KeyRecord>, fingerprint: &str) -> Left {
    match last.end {
        AttemptEnd::CutOff => return Left::CutOff,
        AttemptEnd::Unsaved => return Left::Unsaved,
        AttemptEnd::Saved => {}
    }
    let Some(record) = record.filter(|record| record.has_outcome_since(last.began)) else {
        return Left::Forgotten;
    };
    if !record.is_of(fingerprint) {
        return Left::OtherSettings;
    }
    record.failure().map_or(Left::Succeeded, |(noted_at, attempts, _)| Left::Failed { attempts, noted_at })
}

/// When an attempt that failed was over: a provider that hangs is one that is asked all the time otherwise. An end that lies
/// ahead of the clock tells nothing: it would be "now" until the clock gets there.
fn end_of(last: Attempt, noted_at: UnixSeconds, now: Duration) -> Duration {
    let noted_at = noted_at.since_1970();
    if noted_at <= now { noted_at.max(last.began) } else { last.began }
}

/// A second after the first failure, then two, four, and so on; from two on with up to half of it more, by the moment at which
/// the attempt `began`. Servers that a provider failed at one moment would come again at one moment otherwise.
fn longer_with_each(failures: u32, began: Duration) -> Duration {
    let seconds = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
    let half = if seconds == 1 { 0 } else { (seconds / 2).saturating_mul(1000) };
    Duration::from_secs(seconds).saturating_add(Duration::from_millis(part_by_chance(began, half)))
}

#[cfg(test)]
mod tests;
