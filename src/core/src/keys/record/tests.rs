//! How long a record's keys are used: each limit at its second and one beside it.

use super::{KeyRecord, KeyStatus};
use crate::keys::KeySet;
use crate::keys::source::KeyTiming;
use crate::protocol::{FetchedKeys, Freshness, HelperFailure};
use crate::time::UnixSeconds;
use oauth_validator_fixtures::keys;
use std::time::Duration;

pub const NOW: i64 = 1_800_000_000;
pub const OURS: &str = "our settings";
pub const TIMING: KeyTiming =
    KeyTiming { min_ttl: seconds(60), max_ttl: seconds(1000), stale_max: seconds(500), kid_cooldown: seconds(30) };

/// The instant so many seconds after 1970.
pub const fn at(seconds: i64) -> UnixSeconds {
    UnixSeconds::new(seconds)
}

pub fn fetched(max_age: Option<u64>, no_cache: bool) -> KeyRecord {
    let keys = KeySet::from_jwks(keys::jwks(&[keys::corp()]).to_string().as_bytes()).unwrap();
    let freshness = Freshness { max_age: max_age.map(seconds), no_cache };
    let answer = FetchedKeys { url: "https://i/jwks".into(), etag: Some("\"1\"".into()), freshness, keys };
    KeyRecord::fetched("corp", OURS, &TIMING, answer, at(NOW))
}

pub fn failure() -> HelperFailure {
    HelperFailure { code: "connect".into(), message: "nobody answers".into(), hint: "wait".into() }
}

pub fn failed(known: Option<KeyRecord>, second: i64) -> KeyRecord {
    KeyRecord::failed(known, "corp", OURS, failure(), at(second))
}

pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
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
        assert_eq!(fetched(max_age, no_cache).times(), Some((at(NOW), at(NOW + fresh_for))), "{max_age:?} {no_cache}");
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
        assert_eq!((read.standing(OURS, &TIMING, at(NOW)), read.known_document()), (KeyStatus::Fresh, None));
        // Neither does a failure make it one of now.
        let failed = KeyRecord::read(&failed(Some(read), NOW + 1).to_bytes()).expect("a record");
        assert_eq!(failed.known_document(), None);
    }
}

#[test]
fn keys_age_to_the_second() {
    let record = fetched(Some(100), false);
    let standing = |seconds| record.standing(OURS, &TIMING, at(NOW + seconds));
    assert_eq!(standing(-301), KeyStatus::FromTheFuture);
    assert_eq!(standing(-300), KeyStatus::Fresh, "the clock was set back by as much as clock_skew may be");
    assert_eq!(standing(i64::MIN.saturating_add(NOW)), KeyStatus::FromTheFuture);
    assert_eq!(standing(0), KeyStatus::Fresh);
    assert_eq!(standing(79), KeyStatus::Fresh);
    assert_eq!(standing(80), KeyStatus::Due, "refreshed ahead");
    assert_eq!(standing(100), KeyStatus::Due, "and used on while the provider does not answer");
    assert_eq!(standing(599), KeyStatus::Due);
    assert_eq!(standing(600), KeyStatus::Expired);
    assert_eq!(standing(i64::MAX - NOW), KeyStatus::Expired);
    let none = KeyTiming { stale_max: Duration::ZERO, ..TIMING };
    assert_eq!(record.standing(OURS, &none, at(NOW + 99)), KeyStatus::Due);
    assert_eq!(record.standing(OURS, &none, at(NOW + 100)), KeyStatus::Expired);
}

/// Each limit of the part in which keys are refreshed ahead, and what somebody else may have written into the file.
#[test]
fn servers_that_fetched_at_one_moment_refresh_at_different_ones() {
    let first_due =
        |record: &KeyRecord| (0..=1000).find(|age| record.standing(OURS, &TIMING, at(NOW + age)) == KeyStatus::Due);
    let mut moments: Vec<i64> = Vec::new();
    for server in 0..500_u32 {
        let record = fetched(Some(1000), false).spread_by(Duration::new(1_800_000_000, 1000 * server));
        assert_eq!(record.times(), Some((at(NOW), at(NOW + 1000))), "nothing else has changed");
        moments.push(first_due(&record).unwrap());
    }
    assert!(moments.iter().all(|moment| (800..=950).contains(moment)), "{moments:?}");
    let at_once = (800..=950).map(|moment| moments.iter().filter(|other| **other == moment).count()).max().unwrap();
    assert!(at_once <= 8, "{at_once} of 500 servers whose clocks differ by microseconds ask in one second");

    let text = String::from_utf8(fetched(Some(1000), false).to_bytes()).unwrap();
    for (written, due) in [("0", 800), ("799", 800), ("801", 801), ("950", 950), ("951", 950), ("65535", 950)] {
        let other = text.replace("\"refresh_at_permille\": 800", &format!("\"refresh_at_permille\": {written}"));
        let read = KeyRecord::read(other.as_bytes()).expect("a record");
        assert_eq!(first_due(&read), Some(due), "{written}");
    }
    let of_an_earlier_version =
        text.replace("      \"refresh_at_permille\": 800,\n", "").replace("    \"refresh_at_permille\": 800,\n", "");
    assert!(!of_an_earlier_version.contains("permille"), "{of_an_earlier_version}");
    assert_eq!(KeyRecord::read(of_an_earlier_version.as_bytes()).as_ref().and_then(first_due), Some(800));
    for wrong in ["-1", "65536", "800.5", "\"800\"", "null"] {
        let other = text.replace("\"refresh_at_permille\": 800", &format!("\"refresh_at_permille\": {wrong}"));
        assert_eq!(KeyRecord::read(other.as_bytes()), None, "{wrong}");
    }
}

#[test]
fn a_spread_is_drawn_anew_with_each_answer_and_makes_no_keys() {
    let of = |nanos| fetched(Some(1000), false).spread_by(Duration::new(0, nanos));
    assert_ne!(of(1), of(2), "a nanosecond");
    assert_eq!(of(0), fetched(Some(1000), false), "where clocks have no fraction, as before");
    assert_eq!(failed(None, NOW).spread_by(Duration::new(0, 7)).keys(), None);
    for chance in [Duration::ZERO, Duration::MAX, Duration::new(u64::MAX, 0)] {
        assert!(super::part_by_chance(chance, 150) <= 150);
        assert_eq!(super::part_by_chance(chance, 0), 0);
        let _ = super::part_by_chance(chance, u64::MAX);
    }
}

#[test]
fn keys_that_live_for_a_second_are_not_due_at_once() {
    let short = KeyTiming { min_ttl: seconds(1), max_ttl: seconds(1), stale_max: seconds(1), ..TIMING };
    let record = fetched(None, false).confirmed(&short, Freshness::default(), at(NOW));
    let standing = |seconds| record.standing(OURS, &short, at(NOW + seconds));
    assert_eq!((standing(0), standing(1), standing(2)), (KeyStatus::Fresh, KeyStatus::Due, KeyStatus::Expired));
}

#[test]
fn lowering_max_ttl_holds_for_keys_at_hand() {
    let record = fetched(Some(1000), false);
    let lowered = KeyTiming { min_ttl: seconds(5), max_ttl: seconds(10), stale_max: seconds(5), ..TIMING };
    assert_eq!(record.standing(OURS, &lowered, at(NOW + 14)), KeyStatus::Due);
    assert_eq!(record.standing(OURS, &lowered, at(NOW + 15)), KeyStatus::Expired);
}

#[test]
fn keys_of_other_settings_are_none() {
    assert_eq!(fetched(None, false).standing("other settings", &TIMING, at(NOW)), KeyStatus::OtherSettings);
    let after = KeyRecord::failed(Some(fetched(None, false)), "corp", "other settings", failure(), at(NOW));
    assert_eq!(after.keys(), None, "a failure under new settings keeps no old key");
    assert_eq!(after.standing(OURS, &TIMING, at(NOW)), KeyStatus::OtherSettings);
    assert_eq!(failed(None, NOW).standing(OURS, &TIMING, at(NOW)), KeyStatus::NeverFetched);
}

#[test]
fn a_failure_keeps_the_keys_and_counts_and_a_success_forgets_it() {
    let record = failed(Some(failed(Some(fetched(Some(100), false)), NOW + 90)), NOW + 95);
    assert_eq!(
        record.failure().map(|(at, attempts, why)| (at, attempts, why.code.as_str())),
        Some((at(NOW + 95), 2, "connect"))
    );
    assert_eq!(record.times(), Some((at(NOW), at(NOW + 100))), "not a second more");
    assert_eq!(record.standing(OURS, &TIMING, at(NOW + 599)), KeyStatus::Due);
    assert_eq!(record.standing(OURS, &TIMING, at(NOW + 600)), KeyStatus::Expired);
    let confirmed = record.confirmed(&TIMING, Freshness { max_age: Some(seconds(200)), no_cache: false }, at(NOW + 96));
    assert_eq!((confirmed.failure(), confirmed.times()), (None, Some((at(NOW + 96), at(NOW + 296)))));
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

#[test]
fn a_record_has_room_for_the_largest_document_and_as_much_again() {
    assert_eq!(super::MAX_KEY_RECORD_BYTES, 524_288);
    assert_eq!(crate::bounds::MAX_KEY_DOCUMENT_BYTES, 262_144);
}

#[test]
fn a_record_says_where_its_keys_came_from_and_until_when_they_are_fresh() {
    let record = fetched(Some(100), false);
    assert_eq!(record.fresh_until(&TIMING), Some(at(NOW + 100)));
    assert_eq!(record.keys().map(|set| set.keys().len()), Some(1));
    let none = failed(None, NOW);
    assert_eq!((none.fresh_until(&TIMING), none.keys()), (None, None));
    assert_eq!(fetched(None, false).source(), Some("https://i/jwks"));
    assert_eq!(failed(Some(fetched(None, false)), NOW + 1).source(), Some("https://i/jwks"));
    assert_eq!(failed(None, NOW).source(), None);
}

#[test]
fn every_standing_has_a_code_and_words() {
    for (standing, code, words) in [
        (KeyStatus::Fresh, "fresh", "fresh"),
        (KeyStatus::Due, "due", "to be refreshed"),
        (KeyStatus::NoRecord, "absent", "absent"),
        (KeyStatus::NeverFetched, "never_fetched", "never fetched"),
        (KeyStatus::OtherSettings, "other_settings", "fetched under other settings"),
        (KeyStatus::FromTheFuture, "from_the_future", "from the future"),
        (KeyStatus::Expired, "expired", "expired"),
    ] {
        assert_eq!((standing.code(), standing.to_string().as_str()), (code, words));
    }
}
