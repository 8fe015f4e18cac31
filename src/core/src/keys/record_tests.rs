//! How long a record's keys are used, and when the provider may be asked: each limit at its second and one beside it.

use super::KeySet;
use super::record::{Attempt, AttemptEnd, KeyRecord, MayAsk, Standing, Wanted, may_ask};
use super::source::{KeyTiming, Location, ProviderKeys, ProviderSettings};
use crate::protocol::{Failure, FetchedKeys, Freshness};
use oauth_validator_fixtures::keys;
use std::sync::Arc;
use std::time::Duration;

const NOW: i64 = 1_800_000_000;
const OURS: &str = "our settings";
const TIMING: KeyTiming =
    KeyTiming { min_ttl: 60, max_ttl: 1000, stale_max: 500, kid_cooldown: 30, connect_timeout: 2, timeout: 5 };

fn fetched(max_age: Option<u64>, no_cache: bool) -> KeyRecord {
    let keys = KeySet::from_jwks(keys::jwks(&[keys::corp()]).to_string().as_bytes()).unwrap();
    let freshness = Freshness { max_age, no_cache };
    let answer = FetchedKeys { url: "https://i/jwks".into(), etag: Some("\"1\"".into()), freshness, keys };
    KeyRecord::fetched("corp", OURS, &TIMING, answer, NOW)
}

fn failure() -> Failure {
    Failure { code: "connect".into(), message: "nobody answers".into(), hint: "wait".into() }
}

fn failed(known: Option<KeyRecord>, at: i64) -> KeyRecord {
    KeyRecord::failed(known, "corp", OURS, failure(), at)
}

#[test]
fn the_provider_is_heard_within_limits() {
    for (max_age, no_cache, fresh_for) in [
        (Some(600), false, 600),
        (Some(59), false, 60),
        (Some(0), false, 60),
        (None, false, 60),
        (Some(600), true, 60),
        (Some(1000), false, 1000),
        (Some(1001), false, 1000),
        (Some(u64::MAX), false, 1000),
    ] {
        assert_eq!(fetched(max_age, no_cache).times(), Some((NOW, NOW + fresh_for)), "{max_age:?} {no_cache}");
    }
}

/// What an earlier version kept is used, but a provider's "nothing has changed" would keep back what it did not read.
#[test]
fn what_was_read_in_another_way_is_fetched_whole() {
    let record = fetched(None, false);
    assert_eq!(record.known_document().map(|known| known.etag), Some("\"1\"".to_owned()));
    let text = String::from_utf8(record.to_bytes()).unwrap();
    for other in [text.replace("\"reading\": 1", "\"reading\": 2"), text.replace(",\n      \"reading\": 1", "")] {
        assert_ne!(other, text, "it was written");
        let read = KeyRecord::read(other.as_bytes()).expect("a record");
        assert_eq!((read.standing(OURS, &TIMING, NOW), read.known_document()), (Standing::Fresh, None));
        // Neither does a failure make it one of now.
        let failed = KeyRecord::read(&failed(Some(read), NOW + 1).to_bytes()).expect("a record");
        assert_eq!(failed.known_document(), None);
    }
}

#[test]
fn keys_age_to_the_second() {
    let record = fetched(Some(100), false);
    let at = |seconds| record.standing(OURS, &TIMING, NOW + seconds);
    assert_eq!(at(-301), Standing::FromTheFuture);
    assert_eq!(at(-300), Standing::Fresh, "the clock was set back by as much as clock_skew may be");
    assert_eq!(at(i64::MIN.saturating_add(NOW)), Standing::FromTheFuture);
    assert_eq!(at(0), Standing::Fresh);
    assert_eq!(at(79), Standing::Fresh);
    assert_eq!(at(80), Standing::Due, "refreshed ahead");
    assert_eq!(at(100), Standing::Due, "and used on while the provider does not answer");
    assert_eq!(at(599), Standing::Due);
    assert_eq!(at(600), Standing::Expired);
    assert_eq!(at(i64::MAX - NOW), Standing::Expired);
    let none = KeyTiming { stale_max: 0, ..TIMING };
    assert_eq!(record.standing(OURS, &none, NOW + 99), Standing::Due);
    assert_eq!(record.standing(OURS, &none, NOW + 100), Standing::Expired);
}

#[test]
fn keys_that_live_for_a_second_are_not_due_at_once() {
    let short = KeyTiming { min_ttl: 1, max_ttl: 1, stale_max: 1, ..TIMING };
    let record = fetched(None, false).confirmed(&short, Freshness::default(), NOW);
    let at = |seconds| record.standing(OURS, &short, NOW + seconds);
    assert_eq!((at(0), at(1), at(2)), (Standing::Fresh, Standing::Due, Standing::Expired));
}

#[test]
fn lowering_max_ttl_holds_for_keys_at_hand() {
    let record = fetched(Some(1000), false);
    let lowered = KeyTiming { min_ttl: 5, max_ttl: 10, stale_max: 5, ..TIMING };
    assert_eq!(record.standing(OURS, &lowered, NOW + 14), Standing::Due);
    assert_eq!(record.standing(OURS, &lowered, NOW + 15), Standing::Expired);
}

#[test]
fn keys_of_other_settings_are_none() {
    assert_eq!(fetched(None, false).standing("other settings", &TIMING, NOW), Standing::OtherSettings);
    let after = KeyRecord::failed(Some(fetched(None, false)), "corp", "other settings", failure(), NOW);
    assert_eq!(after.keys(), None, "a failure under new settings keeps no old key");
    assert_eq!(after.standing(OURS, &TIMING, NOW), Standing::OtherSettings);
    assert_eq!(failed(None, NOW).standing(OURS, &TIMING, NOW), Standing::NeverFetched);
}

#[test]
fn a_failure_keeps_the_keys_and_counts_and_a_success_forgets_it() {
    let record = failed(Some(failed(Some(fetched(Some(100), false)), NOW + 90)), NOW + 95);
    assert_eq!(
        record.failure().map(|(at, attempts, why)| (at, attempts, why.code.as_str())),
        Some((NOW + 95, 2, "connect"))
    );
    assert_eq!(record.times(), Some((NOW, NOW + 100)), "not a second more");
    assert_eq!(record.standing(OURS, &TIMING, NOW + 599), Standing::Due);
    assert_eq!(record.standing(OURS, &TIMING, NOW + 600), Standing::Expired);
    let confirmed = record.confirmed(&TIMING, Freshness { max_age: Some(200), no_cache: false }, NOW + 96);
    assert_eq!((confirmed.failure(), confirmed.times()), (None, Some((NOW + 96, NOW + 296))));
}

#[test]
fn a_record_is_read_as_it_was_written_and_by_people() {
    let record = failed(Some(fetched(Some(100), false)), NOW + 5);
    let text = String::from_utf8(record.to_bytes()).unwrap();
    assert_eq!(KeyRecord::read(text.as_bytes()), Some(record));
    for line in ["  \"profile\": \"corp\",", "\"2027-01-15T08:00:00Z\"", "\"message\": \"nobody answers\","] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[test]
fn whatever_is_not_a_whole_record_is_none() {
    let text = String::from_utf8(failed(Some(fetched(Some(100), false)), NOW).to_bytes()).unwrap();
    for end in 0..text.trim_end().len() {
        assert_eq!(KeyRecord::read(&text.as_bytes()[..end]), None, "{end} bytes of it");
    }
    for bad in [
        text.replace("\"version\": 1", "\"version\": 2"),
        text.replace("\"version\": 1", "\"version\": 0"),
        text.replace("\"profile\"", "\"profil\""),
        text.replace("\"failing\"", "\"surprise\": 1, \"failing\""),
        text.replace("2027-01-15T08:00:00Z", "1800000000"),
        text.replace("\"RSA\"", "\"oct\""),
        format!("{text}{text}"),
    ] {
        assert_eq!(KeyRecord::read(bad.as_bytes()), None, "{bad}");
    }
}

fn asked(record: Option<&KeyRecord>, began: i64, end: AttemptEnd, wanted: Wanted, now: i64) -> MayAsk {
    let began = Duration::from_secs(began.unsigned_abs());
    let now = Duration::from_secs(now.unsigned_abs());
    may_ask(record, OURS, &TIMING, Some(Attempt { began, end }), wanted, now)
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_unknown_kid_asks_once_per_cooldown() {
    let record = fetched(Some(100), false);
    assert_eq!(asked(Some(&record), NOW, AttemptEnd::Saved, Wanted::Newer, NOW), MayAsk::Later(seconds(30)));
    assert_eq!(asked(Some(&record), NOW, AttemptEnd::Saved, Wanted::Newer, NOW + 29), MayAsk::Later(seconds(1)));
    assert_eq!(asked(Some(&record), NOW, AttemptEnd::Saved, Wanted::Newer, NOW + 30), MayAsk::Now);
    let usable = |now| asked(Some(&record), NOW, AttemptEnd::Saved, Wanted::Usable, now);
    assert_eq!((usable(NOW), usable(NOW + 1)), (MayAsk::Soon(seconds(1)), MayAsk::Now), "else age alone decides");
    let first = may_ask(Some(&record), OURS, &TIMING, None, Wanted::Newer, seconds(1));
    assert_eq!(first, MayAsk::Now, "nobody ever asked");
}

#[test]
fn failures_back_off_up_to_the_cooldown() {
    let mut record = None;
    for (attempts, apart) in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30)] {
        record = Some(failed(record, NOW));
        for wanted in [Wanted::Usable, Wanted::Newer] {
            let at = |at| asked(record.as_ref(), NOW, AttemptEnd::Saved, wanted, at);
            assert_eq!(at(NOW), MayAsk::Later(seconds(apart)), "{attempts}");
            assert_eq!(at(NOW + 30), MayAsk::Now);
        }
    }
    for _ in 0..80 {
        record = Some(failed(record, NOW));
    }
    assert_eq!(asked(record.as_ref(), NOW, AttemptEnd::Saved, Wanted::Usable, NOW), MayAsk::Later(seconds(30)));
}

#[test]
fn the_back_off_begins_when_the_attempt_ended() {
    let record = failed(None, NOW + 5);
    assert_eq!(asked(Some(&record), NOW, AttemptEnd::Saved, Wanted::Usable, NOW + 5), MayAsk::Later(seconds(1)));
    assert_eq!(asked(Some(&record), NOW, AttemptEnd::Saved, Wanted::Usable, NOW + 6), MayAsk::Now);
    let future = failed(None, NOW + 500);
    assert_eq!(
        asked(Some(&future), NOW, AttemptEnd::Saved, Wanted::Usable, NOW),
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
        for wanted in [Wanted::Usable, Wanted::Newer] {
            let at = |at| asked(future.as_ref(), NOW, AttemptEnd::Saved, wanted, NOW + at);
            assert_eq!(at(3600), MayAsk::Now, "{attempts} attempts, an hour after the last one began");
            assert_eq!(at(30), MayAsk::Now);
            assert!(matches!(at(0), MayAsk::Later(_)), "but the back-off is kept");
        }
    }
    // The second at which it was noted is no future.
    let just_now = failed(None, NOW + 5);
    assert_eq!(asked(Some(&just_now), NOW, AttemptEnd::Saved, Wanted::Newer, NOW + 5), MayAsk::Later(seconds(1)));
}

/// Keys from the future count for nothing, and hold nobody up either.
#[test]
fn keys_dated_ahead_are_fetched_anew() {
    let future = fetched(Some(100), false).confirmed(&TIMING, Freshness::default(), NOW + 86_400);
    assert_eq!(future.standing(OURS, &TIMING, NOW), Standing::FromTheFuture);
    assert_eq!(asked(Some(&future), NOW - 3600, AttemptEnd::Saved, Wanted::Usable, NOW), MayAsk::Now);
    assert_eq!(asked(Some(&future), NOW - 3600, AttemptEnd::Saved, Wanted::Newer, NOW), MayAsk::Now);
    assert_eq!(asked(Some(&future), NOW, AttemptEnd::Saved, Wanted::Usable, NOW), MayAsk::Soon(seconds(1)));
}

#[test]
fn usable_keys_make_a_refresh_wait_for_the_cooldown() {
    let record = failed(Some(fetched(Some(100), false)), NOW + 90);
    assert_eq!(asked(Some(&record), NOW + 90, AttemptEnd::Saved, Wanted::Usable, NOW + 92), MayAsk::Later(seconds(28)));
    assert_eq!(asked(Some(&record), NOW + 90, AttemptEnd::Saved, Wanted::Usable, NOW + 120), MayAsk::Now);
    assert_eq!(
        asked(Some(&record), NOW + 90, AttemptEnd::Saved, Wanted::Newer, NOW + 92),
        MayAsk::Now,
        "who needs a key asks"
    );
    assert_eq!(
        asked(Some(&record), NOW + 599, AttemptEnd::Unsaved, Wanted::Usable, NOW + 601),
        MayAsk::LaterUnsaved(seconds(28))
    );
}

#[test]
fn what_was_cut_off_holds_nobody_up_and_what_could_not_be_saved_does() {
    let old = fetched(Some(100), false);
    for wanted in [Wanted::Usable, Wanted::Newer] {
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
    let theirs = KeyRecord::failed(None, "corp", "other settings", failure(), NOW);
    assert_eq!(
        asked(Some(&theirs), NOW, AttemptEnd::Saved, Wanted::Usable, NOW),
        MayAsk::Soon(seconds(1)),
        "just mended"
    );
}

#[test]
fn the_fingerprint_covers_whatever_decides_whose_keys_these_are() {
    let settings = ProviderSettings {
        location: Location::Issuer,
        allowed_hosts: vec![],
        ca_file: None,
        proxy: None,
        insecure_http: false,
        timing: TIMING,
    };
    let source = ProviderKeys { issuer: "https://i".into(), settings: settings.into() };
    let own = source.fingerprint(None);
    assert_eq!(
        own, "b87850445d63a8d9b4e105e56bf420b925306937f17a91227dcccb27e0b17f6a",
        "an upgrade must not make key files useless"
    );
    let changed = |change: fn(&mut ProviderSettings)| {
        let mut source = source.clone();
        change(Arc::make_mut(&mut source.settings));
        source.fingerprint(None)
    };
    let others = [
        ProviderKeys { issuer: "https://i/".into(), ..source.clone() }.fingerprint(None),
        changed(|settings| settings.location = Location::Metadata("https://i".into())),
        changed(|settings| settings.location = Location::Jwks("https://i".into())),
        changed(|settings| settings.allowed_hosts.push("h".into())),
        changed(|settings| settings.proxy = Some("http://p".into())),
        changed(|settings| settings.insecure_http = true),
        source.fingerprint(Some(b"")),
        source.fingerprint(Some(b"PEM")),
    ];
    for (at, other) in others.iter().enumerate() {
        assert_ne!(*other, own, "{at}");
        assert!(!others[..at].contains(other), "{at}");
    }
    assert_eq!(changed(|settings| settings.timing.max_ttl = 1), own, "times change nothing about a key");
    assert_eq!(changed(|settings| settings.ca_file = Some("ca.pem".into())), own, "its content counts, not its name");
}
