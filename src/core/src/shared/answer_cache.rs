//! Answers of providers, about tokens or the users of tokens, kept for the next logins with the same token: for a minute at
//! most, in memory that all backends share.
//!
//! What is kept is an answer and never a decision: each login is decided anew. It is sealed by a key that follows from the
//! whole question, in which the token and this server's own secret are: whoever reads the memory without them sees how many
//! answers there are, how long they are, and when they end. No locks: who finds a place in somebody's hands goes on without
//! it. Must never give an answer to another question, from before an `enforce()`, or one second after the token's `exp`. All
//! zeros are valid memory in which nothing is kept.

use super::{FNV_OFFSET, fnv};
use crate::claims::expires_by_itself;
use crate::config::Profile;
use crate::introspection::{OnlineAnswer, OnlineCheck, claims};
use crate::lookup::{Lookup, LookupSubject};
use crate::protocol::HelperRequest;
use crate::time::UnixSeconds;
use crate::token::BearerToken;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;
use zeroize::Zeroizing;

/// How many answers can be kept at a time. While all places are taken, further ones are not kept.
pub const PLACES: usize = 256;

/// The longest body of an answer that is kept, in bytes.
pub const MAX_KEPT_BYTES: usize = 4096;

/// The longest that an answer is kept, whatever a place says.
const LONGEST: Duration = Duration::from_secs(60);

const WORD_BYTES: usize = size_of::<u64>();
const SECRET_WORDS: usize = 4;
const ID_WORDS: usize = 4;
const SEAL_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
/// What sealing adds (AES-256-GCM).
const TAG_BYTES: usize = 16;

/// The secret, and room for what may come.
const HEAD_WORDS: usize = 16;
/// The end since boot, the end by the wall clock, the epoch, and the length of what is sealed.
const NUMBERS: usize = 4;
const NONCE_WORDS: usize = 2;
const BODY_WORDS: usize = (MAX_KEPT_BYTES + TAG_BYTES) / WORD_BYTES;
const RECORD_WORDS: usize = ID_WORDS + NUMBERS + NONCE_WORDS + BODY_WORDS;
/// A record, and the number in front of it.
const PLACE_WORDS: usize = 1 + RECORD_WORDS;

/// Changed by whoever changes what a word means.
const VERSION: u64 = 3;

/// What the layout is made of, as one number, by which libraries know whether they may share the memory.
pub const ANSWERS_LAYOUT: u64 = {
    let mut hash = FNV_OFFSET;
    let mut left: &[u64] = &[VERSION, HEAD_WORDS as u64, PLACES as u64, PLACE_WORDS as u64];
    while let [number, rest @ ..] = left {
        hash = fnv(hash, &number.to_le_bytes());
        left = rest;
    }
    hash
};

/// When something happens, by the clocks that count and by the epoch of `enforce()`.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// How long the machine runs, which nobody can set.
    pub since_boot: Duration,
    /// The wall clock, by which tokens expire.
    pub now: UnixSeconds,
    /// That of the region.
    pub epoch: u64,
}

/// A question to a provider, as it is known by here, and the key that seals the answer.
#[derive(Debug)]
pub struct Question {
    id: [u64; ID_WORDS],
    seal: Zeroizing<[u8; SEAL_BYTES]>,
}

/// An answer that may be kept, and until when.
#[derive(Debug)]
pub struct Keepable {
    body: String,
    /// In nanoseconds since the machine was started.
    until: u64,
    /// Seconds since 1970, by which the token has expired or the answer is too old.
    expires: i64,
    epoch: u64,
}

impl Keepable {
    /// The answer to a question that was asked at `asked`, if it is a clear yes that the profile lets be kept, and is
    /// short enough.
    #[must_use]
    pub fn of(check: &OnlineCheck, answer: &OnlineAnswer, asked: Moment) -> Option<Self> {
        let (body, status) = (&answer.body, answer.status);
        if check.cache.is_zero() || body.len() > MAX_KEPT_BYTES || status != 200 {
            return None;
        }
        let members = claims(check.kind, answer).ok()?;
        // A date that cannot be read is a denial, and never "for ever".
        let expires = expires_by_itself(&members, check.kind, asked.now).ok()?;
        if expires.is_some_and(|expires| expires <= asked.now) {
            return None;
        }
        Some(Self::until(body.clone(), check.cache, expires, asked))
    }

    /// What was found for a token that lacks it, by a question that was asked at `asked`, if the profile lets it be kept, it
    /// says anything, and it is short enough. Of the answer only what the profile names is kept.
    #[must_use]
    pub fn of_lookup(lookup: &Lookup, about: &LookupSubject, answer: &OnlineAnswer, asked: Moment) -> Option<Self> {
        if lookup.cache.is_zero() || about.expires.is_some_and(|expires| expires <= asked.now) {
            return None;
        }
        let OnlineAnswer { body, .. } = lookup.keepable(answer, &about.user)?;
        (body.len() <= MAX_KEPT_BYTES).then(|| Self::until(body, lookup.cache, about.expires, asked))
    }

    fn until(body: String, cache: Duration, expires: Option<UnixSeconds>, asked: Moment) -> Self {
        let cache = cache.min(LONGEST);
        // A machine that was stopped from outside, as a guest that is resumed from a snapshot, has not counted that time. Its
        // wall clock is right again sooner or later, and has whole seconds, of which the first one had begun.
        let by_wall = asked.now.after(cache).after(Duration::from_secs(1));
        Self {
            body,
            until: nanoseconds(asked.since_boot.saturating_add(cache)),
            expires: expires.map_or(by_wall, |expires| expires.min(by_wall)).get(),
            epoch: asked.epoch,
        }
    }
}

/// The memory, as this process sees it.
#[derive(Debug, Clone, Copy)]
pub struct Answers<'r> {
    secret: &'r [AtomicU64],
    /// The first word of each place's question, so that one page is looked at and not each place.
    tags: &'r [AtomicU64],
    /// The time until which each place is taken.
    untils: &'r [AtomicU64],
    places: &'r [AtomicU64],
}

impl<'r> Answers<'r> {
    /// How many words the memory has.
    pub const WORDS: usize = HEAD_WORDS + PLACES * (2 + PLACE_WORDS);

    /// The memory that these words are; `None` if they are too few.
    #[must_use]
    pub fn new(words: &'r [AtomicU64]) -> Option<Self> {
        let (head, rest) = words.split_at_checked(HEAD_WORDS)?;
        let (tags, rest) = rest.split_at_checked(PLACES)?;
        let (untils, rest) = rest.split_at_checked(PLACES)?;
        let places = rest.get(..PLACES * PLACE_WORDS)?;
        Some(Self { secret: head.get(..SECRET_WORDS)?, tags, untils, places })
    }

    /// A question, by the token that it is asked for, by all that it is asked with (the endpoint, the secret, the authorities)
    /// and by the profile as it is configured: whoever changes any of it asks anew. `fresh` are random numbers, which are the
    /// memory's secret from now on if it has none yet.
    #[must_use]
    pub fn question(
        &self,
        fresh: [u64; SECRET_WORDS],
        profile: &Profile,
        token: &BearerToken,
        request: &HelperRequest,
    ) -> Question {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret(fresh).as_ref());
        // Derived, so that no setting can be forgotten here.
        let settings = format!("{profile:?}");
        let mut all = hmac::Context::with_key(&key);
        for part in [settings.as_bytes(), token.untrusted_bytes()] {
            all.update(&part.len().to_le_bytes());
            all.update(part);
        }
        all.update(&request.to_line());
        let of_all = hmac::Key::new(hmac::HMAC_SHA256, all.sign().as_ref());
        let id = hmac::sign(&of_all, b"id");
        let mut question = Question { id: [0; ID_WORDS], seal: Zeroizing::new([0; SEAL_BYTES]) };
        question.id.iter_mut().zip(words(id.as_ref())).for_each(|(to, from)| *to = from);
        let seal = hmac::sign(&of_all, b"seal");
        question.seal.iter_mut().zip(seal.as_ref()).for_each(|(to, from)| *to = *from);
        question
    }

    /// Each word is set once, by whoever comes first, so that all read the same ones.
    fn secret(&self, fresh: [u64; SECRET_WORDS]) -> Zeroizing<Vec<u8>> {
        let set = |(word, fresh): (&AtomicU64, u64)| {
            // Zero is what nobody has set.
            match word.compare_exchange(0, fresh.max(1), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => fresh.max(1),
                Err(earlier) => earlier,
            }
        };
        Zeroizing::new(self.secret.iter().zip(fresh).map(set).flat_map(u64::to_le_bytes).collect())
    }

    /// The answer to this question, if it is kept and holds now.
    #[must_use]
    pub fn find(&self, question: &Question, at: Moment) -> Option<OnlineAnswer> {
        let mut records = self.with_tag(question.tag()).filter_map(|number| self.place(number)?.read());
        records.find_map(|record| record.open(question, at))
    }

    /// Keeps an answer. `nonce` are random numbers that were never used. Whether there was a place for it.
    pub fn keep(&self, question: &Question, answer: Keepable, nonce: [u8; NONCE_BYTES], at: Moment) -> bool {
        let now = nanoseconds(at.since_boot);
        let is_free =
            |number: &usize| self.untils.get(*number).is_some_and(|until| until.load(Ordering::Relaxed) <= now);
        let free = || (0..PLACES).filter(is_free);
        let Some(record) = SealedRecord::sealed(question, answer, nonce) else { return false };
        // The one that had the same question before, so that it has one place.
        self.with_tag(question.tag()).chain(free()).any(|number| {
            let Some(place) = self.place(number) else { return false };
            let Some(writing) = place.begin() else { return false };
            // Somebody may have taken it since it was looked at.
            let mine = is_free(&number) || self.tag(number) == Some(question.tag());
            if mine {
                place.write(&record);
                self.tags.iter().skip(number).take(1).for_each(|tag| tag.store(question.tag(), Ordering::Relaxed));
                self.untils
                    .iter()
                    .skip(number)
                    .take(1)
                    .for_each(|until| until.store(record.until(), Ordering::Relaxed));
            }
            place.end(writing);
            mine
        })
    }

    fn tag(&self, number: usize) -> Option<u64> {
        Some(self.tags.get(number)?.load(Ordering::Relaxed))
    }

    fn with_tag(&self, tag: u64) -> impl Iterator<Item = usize> {
        (0..PLACES).filter(move |number| self.tag(*number) == Some(tag))
    }

    fn place(&self, number: usize) -> Option<CacheCell<'r>> {
        let start = number.checked_mul(PLACE_WORDS)?;
        let (sequence, words) = self.places.get(start..start.checked_add(PLACE_WORDS)?)?.split_first()?;
        Some(CacheCell { sequence, words })
    }
}

impl Question {
    /// Never 0, which is the tag of a place that nobody ever had.
    fn tag(&self) -> u64 {
        self.id.first().copied().unwrap_or_default().max(1)
    }

    fn key(&self) -> Option<LessSafeKey> {
        Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, self.seal.as_ref()).ok()?))
    }
}

/// What a place holds, word by word.
struct SealedRecord([u64; RECORD_WORDS]);

impl SealedRecord {
    fn sealed(question: &Question, answer: Keepable, nonce: [u8; NONCE_BYTES]) -> Option<Self> {
        let mut body = answer.body.into_bytes();
        let length = u64::try_from(body.len() + TAG_BYTES).ok()?;
        let numbers = [answer.until, answer.expires.cast_unsigned(), answer.epoch, length];
        let context = Aad::from(bytes(question.id.into_iter().chain(numbers)));
        question.key()?.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), context, &mut body).ok()?;
        let content = question.id.into_iter().chain(numbers).chain(padded(&nonce, NONCE_WORDS)).chain(words(&body));
        let mut record = [0; RECORD_WORDS];
        record.iter_mut().zip(content).for_each(|(to, from)| *to = from);
        Some(Self(record))
    }

    fn until(&self) -> u64 {
        self.0.get(ID_WORDS).copied().unwrap_or_default()
    }

    /// What is sealed, if it is the answer to this question and holds now.
    fn open(&self, question: &Question, at: Moment) -> Option<OnlineAnswer> {
        let (id, rest) = self.0.split_first_chunk::<ID_WORDS>()?;
        let (numbers, rest) = rest.split_first_chunk::<NUMBERS>()?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_WORDS>()?;
        let [until, expires, epoch, length] = *numbers;
        let now = nanoseconds(at.since_boot);
        let holds = now < until
            && until - now <= nanoseconds(LONGEST)
            && at.now < UnixSeconds::new(expires.cast_signed())
            && at.epoch == epoch;
        if *id != question.id || !holds {
            return None;
        }
        let context = Aad::from(bytes(id.iter().chain(numbers).copied()));
        let nonce = bytes(nonce.iter().copied());
        let nonce = Nonce::assume_unique_for_key(*nonce.first_chunk::<NONCE_BYTES>()?);
        let mut body = bytes(body.iter().copied());
        body.truncate(usize::try_from(length).ok()?);
        let opened = question.key()?.open_in_place(nonce, context, &mut body).ok()?;
        Some(OnlineAnswer { status: 200, body: String::from_utf8(opened.to_vec()).ok()? })
    }
}

/// One place: the number in front is odd while somebody writes, as in a slot, but here anybody may.
struct CacheCell<'r> {
    sequence: &'r AtomicU64,
    words: &'r [AtomicU64],
}

impl CacheCell<'_> {
    /// Takes the place for writing, unless somebody else has it.
    fn begin(&self) -> Option<u64> {
        let before = self.sequence.load(Ordering::Acquire);
        let writing = before.wrapping_add(1);
        let is_free = before & 1 == 0;
        let taken =
            is_free.then(|| self.sequence.compare_exchange(before, writing, Ordering::AcqRel, Ordering::Relaxed));
        taken?.ok()?;
        // No reader may see a word of what follows with the old number.
        fence(Ordering::Release);
        Some(writing)
    }

    fn write(&self, record: &SealedRecord) {
        self.words.iter().zip(record.0).for_each(|(to, from)| to.store(from, Ordering::Relaxed));
    }

    fn end(&self, writing: u64) {
        self.sequence.store(writing.wrapping_add(1), Ordering::Release);
    }

    /// `None` while it is written: then the provider is asked, which is no worse than before.
    fn read(&self) -> Option<SealedRecord> {
        let before = self.sequence.load(Ordering::Acquire);
        let mut record = SealedRecord([0; RECORD_WORDS]);
        for (to, from) in record.0.iter_mut().zip(self.words) {
            *to = from.load(Ordering::Relaxed);
        }
        // All words must have been read before the number is looked at again.
        fence(Ordering::Acquire);
        (before & 1 == 0 && self.sequence.load(Ordering::Relaxed) == before).then_some(record)
    }
}

fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

fn bytes(words: impl IntoIterator<Item = u64>) -> Vec<u8> {
    words.into_iter().flat_map(u64::to_le_bytes).collect()
}

/// Words of these bytes, with zeros behind the last of them.
fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.chunks(WORD_BYTES).map(|chunk| chunk.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte)))
}

/// So many of them, whatever there are.
fn padded(bytes: &[u8], count: usize) -> impl Iterator<Item = u64> {
    words(bytes).chain(std::iter::repeat(0)).take(count)
}
