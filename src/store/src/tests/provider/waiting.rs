//! What becomes of those who do not ask, and of those who leave.

use super::{ProviderSetup, TIMING, answer, left, never, new_keys, nobody_answers, now, old_keys, says, world};
use crate::{ClientLeft, KeyFolder, ServerUser};
use oauth_validator_core::protocol::HelperReply;
use oauth_validator_core::{KeyRecord, KeysWanted, NewerKeys, UnixSeconds};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[test]
fn who_finds_the_lock_taken_uses_what_is_there() {
    let setup = ProviderSetup::new().with_keys_aged(90);
    let folder = KeyFolder::open(&setup.folder, ServerUser::current(), false).unwrap();
    let _taken = folder.try_lock("corp").unwrap().unwrap();
    assert_eq!(setup.usable(&mut never()), Ok(old_keys()));
}

#[test]
fn who_finds_the_lock_taken_and_no_keys_waits_for_the_one_who_asks() {
    let setup = ProviderSetup::new();
    let folder = KeyFolder::open(&setup.folder, ServerUser::current(), false).unwrap();
    let mut taken = folder.try_lock("corp").unwrap();
    let mut waits = 0;
    let mut waiting = never();
    waiting.meanwhile = Box::new(|| {
        waits += 1;
        if waits == 3 {
            let HelperReply::Keys(fetched) = answer(old_keys()) else { unreachable!() };
            let record = KeyRecord::fetched("corp", &setup.fingerprint(), &TIMING, fetched, UnixSeconds::of(now()));
            taken.take().unwrap().write(&record.to_bytes()).unwrap();
        }
        Ok(())
    });
    assert_eq!(setup.usable(&mut waiting), Ok(old_keys()));
    drop(waiting);
    assert_eq!(waits, 3);
}

#[test]
fn waiting_has_an_end() {
    let setup = ProviderSetup::new();
    let folder = KeyFolder::open(&setup.folder, ServerUser::current(), false).unwrap();
    let _taken = folder.try_lock("corp").unwrap().unwrap();
    says(setup.usable(&mut never()), &["Another login", "keys.timeout, 2 s"]);
    let mut gone = never();
    gone.meanwhile = Box::new(|| Err(ClientLeft));
    says(setup.usable(&mut gone), &["hung up"]);
}

/// A stranger's token with a made-up `kid`, whose client is gone before the provider has answered.
#[test]
fn what_one_who_hangs_up_began_counts_for_everybody() {
    let setup = ProviderSetup::new().with_keys_aged(0);
    let mut stranger = left(|_| answer(new_keys()));
    let NewerKeys::Unavailable(why) = setup.newer(&mut stranger) else { panic!("let in") };
    assert!(why.detail.contains("hung up") && stranger.fetches == 1, "{why:?}");
    for _ in 0..3 {
        let NewerKeys::NotYet { newest, why } = setup.newer(&mut left(|_| panic!("asked"))) else { panic!("keys") };
        assert!(newest == new_keys() && why.contains("asked again in 60 s"), "{why}");
    }
    assert_eq!(setup.usable(&mut never()), Ok(new_keys()));
}

#[test]
fn a_failure_that_nobody_waited_for_backs_off_as_any_other() {
    for (age, wanted) in [(0, KeysWanted::Newer), (90, KeysWanted::Usable), (600, KeysWanted::Usable)] {
        let setup = ProviderSetup::new().with_keys_aged(age);
        let mut stranger = left(|_| nobody_answers());
        for _ in 0..5 {
            match wanted {
                KeysWanted::Newer => assert!(matches!(setup.newer(&mut stranger), NewerKeys::Unavailable(_))),
                KeysWanted::Usable => drop(setup.usable(&mut stranger)),
            }
        }
        assert_eq!(stranger.fetches, 1, "{wanted:?}, keys of {age} s");
    }
}

/// Be the keys new, or usable all the while.
#[test]
fn nobody_is_let_in_who_has_left() {
    for (setup, age) in [(ProviderSetup::new(), None), (ProviderSetup::new().with_keys_aged(90), Some(90))] {
        says(setup.usable(&mut left(|_| answer(new_keys()))), &["hung up"]);
        assert_eq!(setup.usable(&mut never()), Ok(new_keys()), "but what was fetched is kept, {age:?}");
    }
    let setup = ProviderSetup::new().with_keys_aged(90);
    says(setup.usable(&mut left(|_| nobody_answers())), &["hung up"]);
    assert_eq!(setup.usable(&mut never()), Ok(old_keys()));
}

/// As by a shutdown or `authentication_timeout` in the midst of a fetch: the attempt began, and has no end.
fn cut_off(setup: &ProviderSetup) {
    let folder = KeyFolder::open(&setup.folder, ServerUser::current(), false).unwrap();
    folder.try_lock("corp").unwrap().unwrap().begin_attempt(now()).unwrap();
}

#[test]
fn an_attempt_that_was_cut_off_holds_nobody_up() {
    let setup = ProviderSetup::new().with_keys_aged(0);
    cut_off(&setup);
    assert_eq!(setup.newer(&mut world(|_| answer(new_keys()))), NewerKeys::Found(new_keys()));
}

#[test]
fn who_comes_along_is_not_the_next_while_somebody_waits() {
    let setup = ProviderSetup::new().with_keys_aged(0);
    cut_off(&setup);
    let comes_along = || {
        let mut hurried = never();
        hurried.meanwhile = Box::new(|| Err(ClientLeft));
        let NewerKeys::Unavailable(why) = setup.newer(&mut hurried) else { panic!("keys") };
        assert!(why.detail.contains("hung up"), "{why:?}");
    };
    // Each time that the other one waits, and first at the lock.
    let mut waits = 0;
    let mut patient = world(|_| answer(new_keys()));
    patient.meanwhile = Box::new(|| {
        waits += 1;
        comes_along();
        Ok(())
    });
    assert_eq!(setup.newer(&mut patient), NewerKeys::Found(new_keys()));
    drop(patient);
    assert!(waits > 0, "the other one asked at once, as if he had waited himself");
}

#[test]
fn who_can_do_without_lets_those_who_wait_go_first() {
    let setup = ProviderSetup::new().with_keys_aged(90);
    cut_off(&setup);
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(setup.usable(&mut never()), Ok(old_keys()));
    std::thread::sleep(Duration::from_millis(1000));
    assert_eq!(setup.usable(&mut world(|_| answer(new_keys()))), Ok(new_keys()));
}

#[test]
fn a_hundred_logins_at_once_make_one_request() {
    for wanted in [KeysWanted::Usable, KeysWanted::Newer] {
        let setup = match wanted {
            KeysWanted::Usable => ProviderSetup::new(),
            KeysWanted::Newer => ProviderSetup::new().with_keys_aged(0),
        };
        let (setup, fetches) = (Arc::new(setup), Arc::new(AtomicUsize::new(0)));
        let start = Instant::now();
        let logins: Vec<_> = (0..100)
            .map(|_| {
                let (setup, fetches) = (Arc::clone(&setup), Arc::clone(&fetches));
                std::thread::spawn(move || {
                    let mut world = world(|_| {
                        fetches.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_millis(400));
                        answer(new_keys())
                    });
                    match wanted {
                        KeysWanted::Usable => setup.usable(&mut world).ok(),
                        KeysWanted::Newer => match setup.newer(&mut world) {
                            NewerKeys::Found(keys) => Some(keys),
                            _ => None,
                        },
                    }
                })
            })
            .collect();
        for login in logins {
            assert_eq!(login.join().unwrap(), Some(new_keys()), "{wanted:?} after {:?}", start.elapsed());
        }
        assert_eq!(fetches.load(Ordering::Relaxed), 1, "{wanted:?}");
    }
}
