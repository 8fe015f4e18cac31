//! The memory in which answers about tokens and their users are kept for other logins, where a profile has that
//! (`introspection.cache`, `lookup.cache`).
//!
//! A named segment of its own, whether or not the library is preloaded: a megabyte that no server has which keeps nothing.
//! The core says what is in it and what may be taken from it. Without the memory each login asks the provider, as it does
//! by itself; it is never a reason to deny anybody.

use crate::{clock, shared};
use oauth_validator_core::protocol::HelperRequest;
use oauth_validator_core::shared::{ANSWERS_LAYOUT, Answers, Keepable, LAYOUT, Moment, Question};
use oauth_validator_core::{BearerToken, OnlineAnswer, Profile};
use pgrx::pg_sys;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

/// The place of one question in the memory.
pub(crate) struct Kept {
    answers: Answers<'static>,
    question: Question,
    /// Before the provider was asked, from when on the answer counts.
    asked: Moment,
}

impl Kept {
    /// The place for the answer to this question, if answers are kept at all.
    pub(crate) fn place_for(
        cache: Duration,
        profile: Option<&Profile>,
        token: &BearerToken,
        request: &HelperRequest,
    ) -> Option<Self> {
        let profile = profile.filter(|_| !cache.is_zero())?;
        // A backend that cannot see whether `enforce()` has run must not take what was kept before.
        let asked = moment(shared::known_epoch()?);
        let answers = answers()?;
        let fresh = [random::<8>()?, random()?, random()?, random()?].map(u64::from_le_bytes);
        let question = answers.question(fresh, profile, token, request);
        Some(Self { answers, question, asked })
    }

    /// What the provider said before.
    pub(crate) fn find(&self) -> Option<OnlineAnswer> {
        self.answers.find(&self.question, self.asked)
    }

    /// Keeps what it says now, as far as `keepable` says that it may be, if there is room.
    pub(crate) fn keep(&self, keepable: impl FnOnce(Moment) -> Option<Keepable>) {
        if let (Some(answer), Some(nonce)) = (keepable(self.asked), random::<12>()) {
            self.answers.keep(&self.question, answer, nonce, moment(shared::epoch()));
        }
    }
}

/// The memory, which the first login that looks for it makes. For the main thread of a backend.
fn answers() -> Option<Answers<'static>> {
    // Epochs are those of the other memory: libraries with another layout of that have others.
    let name = format!("oauth_validator answers {ANSWERS_LAYOUT:016x} {LAYOUT:016x}");
    let memory = shared::segment(&name, Answers::WORDS * size_of::<AtomicU64>()).ok()?;
    // SAFETY: the segment has that many words, is aligned to a page, was zeros before anybody could see it, and stays mapped
    // as long as the process lives, but for on_shmem_exit, after which nothing of this library runs. All write to it as
    // atomics.
    Answers::new(unsafe { std::slice::from_raw_parts(memory.cast::<AtomicU64>().cast_const(), Answers::WORDS) })
}

fn moment(epoch: u64) -> Moment {
    Moment { since_boot: clock::since_boot(), now: clock::now(), epoch }
}

/// Random bytes; `None` where the system has none to give.
fn random<const COUNT: usize>() -> Option<[u8; COUNT]> {
    let mut bytes = [0; COUNT];
    // SAFETY: pg_strong_random (pg_strong_random.c) writes that many bytes, or says that it could not.
    unsafe { pg_sys::pg_strong_random(bytes.as_mut_ptr().cast(), COUNT) }.then_some(bytes)
}
