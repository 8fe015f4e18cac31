//! Key files and locks that a clock has dated ahead: what was good a moment before stays good, nothing from further ahead
//! is believed, and neither keeps anybody from asking.
//!
//! The clock of the machine is not touched: the files are dated instead.

use crate::support::{LONG, Scene};
use oauth_validator_fixtures::keys;
use serde_json::{Value, json};
use std::fs::{self, FileTimes};
use std::time::{Duration, SystemTime};

/// Dates all instants of the key file by so many seconds from now; what is there keeps its form.
fn date(place: &Scene, change: impl FnOnce(&mut Value)) {
    let text = fs::read_to_string(place.key_file()).expect("a key file");
    let mut record: Value = serde_json::from_str(&text).expect("JSON");
    change(&mut record);
    // In place: owner and mode stay.
    fs::write(place.key_file(), record.to_string()).expect("a key file");
}

fn in_seconds(seconds: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds)).to_string()
}

/// Keys that were fetched so many seconds from now.
fn fetched_in(place: &Scene, seconds: i64) {
    date(place, |record| {
        record["last_success"]["fetched_at"] = in_seconds(seconds).into();
        record["last_success"]["fresh_until"] = in_seconds(seconds + 3600).into();
    });
}

/// The last attempt began and ended so long ago.
fn attempt_was(place: &Scene, ago: Duration) {
    let lock = fs::File::options().write(true).open(place.key_file().with_extension("lock")).expect("a lock");
    let then = SystemTime::now() - ago;
    lock.set_times(FileTimes::new().set_modified(then).set_accessed(then)).expect("times");
}

#[test]
fn a_clock_that_was_set_back_leaves_good_keys_good() {
    let place = Scene::start(LONG);
    place.lets_in(keys::corp());
    place.party.provider.stop();
    for ahead in [5, 60, 290] {
        fetched_in(&place, ahead);
        place.lets_in(keys::corp());
        place.lets_in(keys::p256());
    }
    assert_eq!(place.party.requests(), (1, 1));
}

#[test]
fn keys_from_a_real_future_let_nobody_in() {
    let place = Scene::start(LONG);
    place.lets_in(keys::corp());
    place.party.provider.stop();
    for ahead in [320, 86_400] {
        fetched_in(&place, ahead);
        attempt_was(&place, Duration::from_secs(3600));
        place.refuses(keys::corp(), "keys_unavailable");
    }
    // And once it answers they are replaced, although their time is still to come.
    place.party.provider.restart();
    fetched_in(&place, 86_400);
    attempt_was(&place, Duration::from_secs(3600));
    // The failure of a moment ago counts for its second.
    place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
    let text = fs::read_to_string(place.key_file()).expect("a key file");
    let record: Value = serde_json::from_str(&text).expect("JSON");
    let fetched_at: jiff::Timestamp =
        record["last_success"]["fetched_at"].as_str().and_then(|at| at.parse().ok()).expect("a time");
    assert!(fetched_at <= jiff::Timestamp::now(), "{text}");
}

/// Noted while the clock was three days ahead. It must not keep everybody out for three days.
#[test]
fn a_failure_from_the_future_keeps_nobody_from_asking() {
    let place = Scene::start(LONG);
    place.lets_in(keys::corp());
    let asked = place.party.requests();
    for attempts in [1, 12] {
        date(&place, |record| {
            record["last_success"] = Value::Null;
            record["failing"] = json!({
                "last_at": in_seconds(3 * 86_400), "attempts": attempts,
                "last_error": { "code": "connect", "message": "nobody answers", "hint": "" }
            });
        });
        attempt_was(&place, Duration::from_secs(3600));
        place.lets_in(keys::corp());
    }
    assert_eq!(place.party.requests(), (asked.0 + 2, asked.1 + 2));
}
