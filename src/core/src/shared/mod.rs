//! What the backends of one server tell each other: who is in, and how logins were decided.
//!
//! The layout of a region of 64-bit atomics that all of them have mapped, and what may be read and written there: one
//! slot for each backend, counters by profile and code, and the epoch of `enforce()`. Whose memory it is, and who may
//! read it, is said elsewhere. No locks: a backend can be killed at any moment, and nobody may ever wait for it. All
//! zeros is a valid region in which nothing has happened yet.

mod answer_cache;
mod counters;
mod enforce;
mod slot;
#[cfg(test)]
mod tests;
mod text;

pub use answer_cache::{ANSWERS_LAYOUT, Answers, Keepable, MAX_KEPT_BYTES, Moment, PLACES, Question};
pub use counters::{CounterValue, DecisionCode, HelperCounts, OTHERS};
pub use enforce::denied_now;
pub use slot::{BackendSlot, SlotEntry, SlotRecord};
pub use text::KeptText;

use crate::reason::Reason;
use counters::{CELL_WORDS, CELLS, Counters, HELPER_WORDS};
use slot::SLOT_WORDS;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// The epoch, and room for what may come.
const HEAD_WORDS: usize = 16;

const _: () = assert!(HELPER_WORDS < HEAD_WORDS && SLOT_WORDS * size_of::<u64>() == 1024);

/// Changed by whoever changes what a word means.
const VERSION: u64 = 1;

/// What the layout is made of, as one number: libraries whose layouts or reason codes differ have different ones, and must
/// not share a region.
pub const LAYOUT: u64 = layout();

const fn layout() -> u64 {
    let numbers = [VERSION, HEAD_WORDS as u64, CELLS as u64, CELL_WORDS as u64, SLOT_WORDS as u64];
    let mut hash = FNV_OFFSET;
    let mut left: &[u64] = &numbers;
    while let [number, rest @ ..] = left {
        hash = fnv(hash, &number.to_le_bytes());
        left = rest;
    }
    let mut reasons: &[Reason] = Reason::ALL;
    while let [reason, rest @ ..] = reasons {
        hash = fnv(fnv(hash, reason.code().as_bytes()), b",");
        reasons = rest;
    }
    hash
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a of further bytes. Equal names must have equal numbers in every library, which std's hashers do not promise.
const fn fnv(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut left = bytes;
    while let [byte, rest @ ..] = left {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
        left = rest;
    }
    hash
}

/// The region, as this process sees it.
#[derive(Debug, Clone, Copy)]
pub struct Region<'r> {
    epoch: &'r AtomicU64,
    helper: &'r [AtomicU64],
    counters: Counters<'r>,
    slots: &'r [AtomicU64],
}

impl<'r> Region<'r> {
    /// How many words a region for this many backends has.
    #[must_use]
    pub const fn words(backends: usize) -> usize {
        HEAD_WORDS.saturating_add(Counters::WORDS).saturating_add(backends.saturating_mul(SLOT_WORDS))
    }

    /// The region that these words are; `None` if they are too few for a region without any backend.
    #[must_use]
    pub fn new(words: &'r [AtomicU64]) -> Option<Self> {
        let (head, rest) = words.split_at_checked(HEAD_WORDS)?;
        let (counters, slots) = rest.split_at_checked(Counters::WORDS)?;
        let (epoch, head) = head.split_first()?;
        let helper = head.get(..HELPER_WORDS)?;
        Some(Self { epoch, helper, counters: Counters::new(counters)?, slots })
    }

    /// The slot of a backend, by its number; `None` if there are fewer.
    #[must_use]
    pub fn slot(&self, backend: usize) -> Option<BackendSlot<'r>> {
        let start = backend.checked_mul(SLOT_WORDS)?;
        BackendSlot::new(self.slots.get(start..start.checked_add(SLOT_WORDS)?)?)
    }

    /// Counts a decision, at a time in whatever unit the caller keeps to. A decision before any profile was chosen has none.
    pub fn count(&self, profile: Option<&str>, code: DecisionCode, at: i64) {
        self.counters.count(profile.unwrap_or_default(), code, at);
    }

    /// All counters that are not zero, in no order.
    #[must_use]
    pub fn counts(&self) -> Vec<CounterValue> {
        self.counters.all()
    }

    /// Counts one run of the helper.
    pub fn count_helper(&self, failed: bool, milliseconds: u64) {
        counters::count_helper(self.helper, failed, milliseconds);
    }

    /// What the helper was asked so far.
    #[must_use]
    pub fn helper_counts(&self) -> HelperCounts {
        counters::helper_counts(self.helper)
    }

    /// How often `enforce()` has begun. A login reads it before it reads the configuration, and again once its slot is
    /// published: if it is another one by then, the login must judge itself by the configuration as it is now. So each
    /// login is either seen by the one that enforces, or knows of it.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        // The slot that was written before must be there for whoever raises the epoch after this.
        fence(Ordering::SeqCst);
        self.epoch.load(Ordering::SeqCst)
    }

    /// Begins an enforcement: to be called before the slots are looked at.
    pub fn raise_epoch(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }
}
