//! When the provider may be asked again: each limit at its second and one beside it.

use super::{Attempt, AttemptEnd, KeysWanted, MayAsk, may_ask};
use crate::keys::record::tests::{NOW, OURS, TIMING, at, failed, failure, fetched, seconds};
use crate::keys::record::{KeyRecord, KeyStatus};
use crate::protocol::Freshness;
use std::time::Duration;

fn asked(record: Option<&KeyRecord>, began: i64, end: AttemptEnd, wanted: KeysWanted, now: i64) -> MayAsk {
    let began = Duration::from_secs(began.unsigned_abs());
    let now = Duration::from_secs(now.unsigned_abs());
    may_ask(record, OURS, &TIMING, Some(Attempt { began, end }), wanted, now)
}

#[test]
fn an_unknown_kid_asks_once_per_cooldown() {
    let record = fetched(Some(100), false);
    assert_eq!(asked(Some(&record), NOW, AttemptEnd::Saved, KeysWanted::Newer, NOW), MayAsk::Later(seconds(30)));
    assert_eq!(asked(Some(&record), NOW, AttemptEnd::Saved, KeysWanted::Newer, NOW + 29), MayAsk::Later(seconds(1)));
    assert_eq!(asked(Some(&record), NOW, AttemptEnd::Saved, KeysWanted::Newer, NOW + 30), MayAsk::Now);
    let usable = |now| asked(Some(&record), NOW, AttemptEnd::Saved, KeysWanted::Usable, now);
    assert_eq!((usable(NOW), usable(NOW + 1)), (MayAsk::Soon(seconds(1)), MayAsk::Now), "else age alone decides");
    let first = may_ask(Some(&record), OURS, &TIMING, None, KeysWanted::Newer, seconds(1));
    assert_eq!(first, MayAsk::Now, "nobody ever asked");
}

#[test]
fn failures_back_off_up_to_the_cooldown() {
    let mut record = None;
    for (attempts, apart) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30)] {
        record = Some(failed(record, NOW));
        for wanted in [KeysWanted::Usable, KeysWanted::Newer] {
            let at = |at| asked(record.as_ref(), NOW, AttemptEnd::Saved, wanted, at);
            assert_eq!(at(NOW), MayAsk::Later(seconds(apart)), "{attempts}");
            assert_eq!(at(NOW + 30), MayAsk::Now);
        }
    }
    for _ in 0..80 {
        record = Some(failed(record, NOW));
    }
    assert_eq!(asked(record.as_ref(), NOW, AttemptEnd::Saved, KeysWanted::Usable, NOW), MayAsk::Later(seconds(30)));
}

/// From the second failure on, by up to half of the time more; never beyond the cooldown, and never less than without.
#[test]
fn servers_that_failed_at_one_moment_come_again_at_different_ones() {
    for (attempts, least, most) in
        [(1, 1000, 1000), (2, 2000, 3000), (3, 4000, 6000), (5, 16_000, 24_000), (6, 30_000, 30_000)]
    {
        let record = (0..attempts).fold(None, |record, _| Some(failed(record, NOW)));
        let waits: Vec<u128> = (0..500_u32)
            .map(|server| {
                let last = Attempt { began: Duration::new(NOW.unsigned_abs(), 1000 * server), end: AttemptEnd::Saved };
                let now = last.began.max(Duration::from_secs(NOW.unsigned_abs()));
                match may_ask(record.as_ref(), OURS, &TIMING, Some(last), KeysWanted::Newer, now) {
                    MayAsk::Later(wait) => wait.as_millis(),
                    answer => panic!("{answer:?}"),
                }
            })
            .collect();
        assert!(waits.iter().all(|wait| (least..=most).contains(wait)), "{attempts}: {waits:?}");
        let slots = (most - least) / 100;
        let fullest = (0..=slots).map(|slot| waits.iter().filter(|wait| (**wait - least) / 100 == slot).count()).max();
        let even = 500 / (usize::try_from(slots).unwrap() + 1);
        assert!(fullest.unwrap() <= even + even / 2 + 5, "{attempts}: {fullest:?} of 500 within a tenth of a second");
    }
}

#[test]
fn the_back_off_begins_when_the_attempt_ended() {
    let record = failed(None, NOW + 5);
    assert_eq!(asked(Some(&record), NOW, AttemptEnd::Saved, KeysWanted::Usable, NOW + 5), MayAsk::Later(seconds(1)));
    assert_eq!(asked(Some(&record), NOW, AttemptEnd::Saved, KeysWanted::Usable, NOW + 6), MayAsk::Now);
    let future = failed(None, NOW + 500);
    assert_eq!(
        asked(Some(&future), NOW, AttemptEnd::Saved, KeysWanted::Usable, NOW),
        MayAsk::Later(seconds(1)),
        "the clock was set back"
    );
}

/// The clock was ahead while the attempt failed, or the folder comes from a machine whose clock is.
#[test]
fn a_failure_dated_ahead_holds_nobody_up() {
    for attempts in [1, 30] {
        let mut future = None;
        for _ in 0..attempts {
            future = Some(failed(future, NOW + 3 * 86_400));
        }
        for wanted in [KeysWanted::Usable, KeysWanted::Newer] {
            let at = |at| asked(future.as_ref(), NOW, AttemptEnd::Saved, wanted, NOW + at);
            assert_eq!(at(3600), MayAsk::Now, "{attempts} attempts, an hour after the last one began");
            assert_eq!(at(30), MayAsk::Now);
            assert!(matches!(at(0), MayAsk::Later(_)), "but the back-off is kept");
        }
    }
    // The second at which it was noted is no future.
    let just_now = failed(None, NOW + 5);
    assert_eq!(asked(Some(&just_now), NOW, AttemptEnd::Saved, KeysWanted::Newer, NOW + 5), MayAsk::Later(seconds(1)));
}

/// Keys from the future count for nothing, and hold nobody up either.
#[test]
fn keys_dated_ahead_are_fetched_anew() {
    let future = fetched(Some(100), false).confirmed(&TIMING, Freshness::default(), at(NOW + 86_400));
    assert_eq!(future.standing(OURS, &TIMING, at(NOW)), KeyStatus::FromTheFuture);
    assert_eq!(asked(Some(&future), NOW - 3600, AttemptEnd::Saved, KeysWanted::Usable, NOW), MayAsk::Now);
    assert_eq!(asked(Some(&future), NOW - 3600, AttemptEnd::Saved, KeysWanted::Newer, NOW), MayAsk::Now);
    assert_eq!(asked(Some(&future), NOW, AttemptEnd::Saved, KeysWanted::Usable, NOW), MayAsk::Soon(seconds(1)));
}

#[test]
fn usable_keys_make_a_refresh_wait_for_the_cooldown() {
    let record = failed(Some(fetched(Some(100), false)), NOW + 90);
    assert_eq!(
        asked(Some(&record), NOW + 90, AttemptEnd::Saved, KeysWanted::Usable, NOW + 92),
        MayAsk::Later(seconds(28))
    );
    assert_eq!(asked(Some(&record), NOW + 90, AttemptEnd::Saved, KeysWanted::Usable, NOW + 120), MayAsk::Now);
    assert_eq!(
        asked(Some(&record), NOW + 90, AttemptEnd::Saved, KeysWanted::Newer, NOW + 92),
        MayAsk::Now,
        "who needs a key asks"
    );
    assert_eq!(
        asked(Some(&record), NOW + 599, AttemptEnd::Unsaved, KeysWanted::Usable, NOW + 601),
        MayAsk::LaterUnsaved(seconds(28))
    );
}

#[test]
fn what_was_cut_off_holds_nobody_up_and_what_could_not_be_saved_does() {
    let old = fetched(Some(100), false);
    for wanted in [KeysWanted::Usable, KeysWanted::Newer] {
        let at = |record, end, at| asked(record, NOW + 50, end, wanted, NOW + at);
        assert_eq!(at(Some(&old), AttemptEnd::CutOff, 50), MayAsk::Soon(seconds(1)));
        assert_eq!(at(None, AttemptEnd::CutOff, 51), MayAsk::Now);
        assert_eq!(at(Some(&old), AttemptEnd::Unsaved, 50), MayAsk::LaterUnsaved(seconds(30)), "full disk");
        assert_eq!(at(None, AttemptEnd::Unsaved, 79), MayAsk::LaterUnsaved(seconds(1)));
        assert_eq!(at(None, AttemptEnd::Unsaved, 80), MayAsk::Now);
        assert_eq!(at(None, AttemptEnd::Unsaved, 49), MayAsk::Now, "a lock from the future says nothing");
        assert_eq!(at(None, AttemptEnd::Saved, 50), MayAsk::Soon(seconds(1)), "the key file was removed");
        assert_eq!(at(Some(&old), AttemptEnd::Saved, 51), MayAsk::Now, "or an older one was put in its place");
    }
    let theirs = KeyRecord::failed(None, "corp", "other settings", failure(), at(NOW));
    assert_eq!(
        asked(Some(&theirs), NOW, AttemptEnd::Saved, KeysWanted::Usable, NOW),
        MayAsk::Soon(seconds(1)),
        "just mended"
    );
}
