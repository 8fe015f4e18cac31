//! One backend's slot: who is logged in there, written by that backend alone and read by all.
//!
//! A sequence lock: the number in front is odd while the slot is being written, and another one afterwards. A reader that
//! sees an odd number, or two that differ, has read a mixture and throws it away. Writers never wait.

use super::text::{self, KeptText};
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Words of a slot: 1 kB.
pub(super) const SLOT_WORDS: usize = 128;

/// The number in front.
const SEQUENCE_WORDS: usize = 1;

/// How often a reader tries before it takes the slot for one that is being written all the time.
const READ_TRIES: usize = 100;

// Words of each text, without the one for its length. Names of roles and profiles have 63 bytes at most, a thumbprint 43.
const ROLE: usize = 8;
const PROFILE: usize = 8;
const THUMBPRINT: usize = 6;
const AUTHN_ID: usize = 40;
const CLIENT: usize = 16;
const TOKEN_ID: usize = 12;
const JTI: usize = 12;
const KID: usize = 12;

/// Process ID, three times, and when the process started.
const NUMBERS: usize = 5;

const TEXTS: [usize; 8] = [ROLE, PROFILE, THUMBPRINT, AUTHN_ID, CLIENT, TOKEN_ID, JTI, KID];

const _: () = {
    let mut words = SEQUENCE_WORDS + NUMBERS;
    let mut texts: &[usize] = &TEXTS;
    while let [capacity, rest @ ..] = texts {
        words += 1 + *capacity;
        texts = rest;
    }
    assert!(words == SLOT_WORDS);
};

/// No time: as far away as can be.
const NEVER: i64 = i64::MIN;

/// What a backend writes of its session. Times are the caller's own, all in one unit.
#[derive(Debug, Clone, Copy)]
pub struct SlotEntry<'t> {
    /// Process ID; not 0.
    pub pid: i32,
    /// When the process was started, by which it is told from a later one of the same ID.
    pub started_at: i64,
    /// When it was let in.
    pub authenticated_at: i64,
    /// When the token expires, if that is known.
    pub expires_at: Option<i64>,
    /// When the session ends by itself, if it does.
    pub ends_at: Option<i64>,
    /// The role it was let in as.
    pub role: &'t str,
    /// The profile that let it in.
    pub profile: &'t str,
    /// The identity that was reported.
    pub authn_id: &'t str,
    /// The client that the token was issued to, if it names one.
    pub client: Option<&'t str>,
    /// The token's name, if it has one.
    pub token_id: Option<&'t str>,
    /// The token's `jti`, by which `deny_jti` names it.
    pub jti: Option<&'t str>,
    /// The `kid` of the key that signed it.
    pub kid: Option<&'t str>,
    /// The thumbprint of that key.
    pub thumbprint: Option<&'t str>,
}

/// What a slot said at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotRecord {
    /// See [`SlotEntry`].
    pub pid: i32,
    /// See [`SlotEntry`].
    pub started_at: i64,
    /// See [`SlotEntry`].
    pub authenticated_at: i64,
    /// See [`SlotEntry`].
    pub expires_at: Option<i64>,
    /// See [`SlotEntry`].
    pub ends_at: Option<i64>,
    /// See [`SlotEntry`].
    pub role: KeptText,
    /// See [`SlotEntry`].
    pub profile: KeptText,
    /// See [`SlotEntry`].
    pub authn_id: KeptText,
    /// See [`SlotEntry`].
    pub client: Option<KeptText>,
    /// See [`SlotEntry`].
    pub token_id: Option<KeptText>,
    /// See [`SlotEntry`].
    pub jti: Option<KeptText>,
    /// See [`SlotEntry`].
    pub kid: Option<KeptText>,
    /// See [`SlotEntry`].
    pub thumbprint: Option<KeptText>,
}

impl SlotEntry<'_> {
    /// This entry as a reader of the slot gets it.
    #[must_use]
    pub fn as_kept(&self) -> Option<SlotRecord> {
        SlotRecord::decode(&self.encode())
    }

    fn encode(&self) -> Vec<u64> {
        let mut words = Vec::with_capacity(SLOT_WORDS);
        let times = [self.authenticated_at, self.expires_at.unwrap_or(NEVER), self.ends_at.unwrap_or(NEVER)];
        words.push(u64::from(self.pid.cast_unsigned()));
        words.push(self.started_at.cast_unsigned());
        words.extend(times.map(i64::cast_unsigned));
        let required = [self.role, self.profile].map(Some);
        let texts = [self.thumbprint, Some(self.authn_id), self.client, self.token_id, self.jti, self.kid];
        for (text, capacity) in required.into_iter().chain(texts).zip(TEXTS) {
            text::encode(&mut words, text, capacity);
        }
        words
    }
}

impl SlotRecord {
    /// `None` for a slot that is free.
    fn decode(words: &[u64]) -> Option<Self> {
        let mut words = words.iter().copied();
        let pid = u32::try_from(words.next()?).ok()?.cast_signed();
        let mut number = || words.next().map(u64::cast_signed);
        let (started_at, authenticated_at) = (number()?, number()?);
        let (expires_at, ends_at) = (number()?, number()?);
        let mut text = |capacity| text::decode(&mut words, capacity);
        let [role, profile, thumbprint, authn_id, client, token_id, jti, kid] = TEXTS.map(&mut text);
        let time = |time: i64| Some(time).filter(|time| *time != NEVER);
        if pid == 0 {
            return None;
        }
        Some(Self {
            pid,
            started_at,
            authenticated_at,
            expires_at: time(expires_at),
            ends_at: time(ends_at),
            role: role?,
            profile: profile?,
            authn_id: authn_id?,
            client,
            token_id,
            jti,
            kid,
            thumbprint,
        })
    }
}

/// The slot of one backend.
#[derive(Debug, Clone, Copy)]
pub struct BackendSlot<'r> {
    sequence: &'r AtomicU64,
    words: &'r [AtomicU64],
}

impl<'r> BackendSlot<'r> {
    pub(super) fn new(words: &'r [AtomicU64]) -> Option<Self> {
        let (sequence, words) = words.split_first()?;
        Some(Self { sequence, words })
    }

    /// Says who is here. For the slot's own backend alone.
    pub fn publish(&self, entry: &SlotEntry<'_>) {
        self.write(&entry.encode());
    }

    /// Says that nobody is here any more, and leaves nothing behind. For the slot's own backend alone.
    pub fn clear(&self) {
        self.write(&[]);
    }

    /// Writes these words, and zeros behind them. Nothing in here may fail or be interrupted half-way.
    fn write(&self, words: &[u64]) {
        let before = self.sequence.load(Ordering::Relaxed);
        // Should a writer have gone missing half-way, which no backend can, this one makes it odd all the same.
        let writing = before | 1;
        self.sequence.store(writing, Ordering::Relaxed);
        // No reader may see a word of what follows with the old number.
        fence(Ordering::Release);
        let padded = words.iter().copied().chain(std::iter::repeat(0));
        for (to, from) in self.words.iter().zip(padded) {
            to.store(from, Ordering::Relaxed);
        }
        self.sequence.store(writing.wrapping_add(1), Ordering::Release);
    }

    /// Who is here; `None` if nobody is, or if it is being written again and again.
    #[must_use]
    pub fn read(&self) -> Option<SlotRecord> {
        let words = (0..READ_TRIES).find_map(|_| self.try_read())?;
        SlotRecord::decode(&words)
    }

    fn try_read(&self) -> Option<[u64; SLOT_WORDS - SEQUENCE_WORDS]> {
        let before = self.sequence.load(Ordering::Acquire);
        if before & 1 == 1 {
            std::hint::spin_loop();
            return None;
        }
        let mut copy = [0; SLOT_WORDS - SEQUENCE_WORDS];
        for (to, from) in copy.iter_mut().zip(self.words) {
            *to = from.load(Ordering::Relaxed);
        }
        // All words must have been read before the number is looked at again.
        fence(Ordering::Acquire);
        (self.sequence.load(Ordering::Relaxed) == before).then_some(copy)
    }
}
