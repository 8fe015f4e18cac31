//! Keys and times, as the commands say them.
//!
//! Must never print key material: a key is its `kid`, its thumbprint, and what it may be used for.

use jiff::{SignedDuration, Timestamp};
use oauth_validator_core::{KeySet, LeftOut, PublicKey};
use serde_json::{Value, json};

/// An instant of seconds since 1970, as in RFC 3339.
pub(crate) fn instant(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(|_| format!("{seconds} s after 1970"), |time| time.to_string())
}

/// How long, such as `2h 3m`.
pub(crate) fn duration(seconds: i64) -> String {
    format!("{:#}", SignedDuration::from_secs(seconds))
}

/// An instant, and how long before `now` that is.
pub(crate) fn since(then: i64, now: i64) -> String {
    if then > now {
        return format!("{} (in {})", instant(then), duration(then - now));
    }
    format!("{} ({} ago)", instant(then), duration(now - then))
}

/// The names of the algorithms that a key may be used for.
pub(crate) fn algorithms(key: &PublicKey) -> Vec<&'static str> {
    key.algorithms().map(|algorithm| algorithm.name()).collect()
}

/// The same in words; a key may say another algorithm than its kind can have.
pub(crate) fn usable_for(key: &PublicKey) -> String {
    let names = algorithms(key);
    if names.is_empty() { "no algorithm of its kind".to_owned() } else { names.join("/") }
}

/// The keys of a document that are not used, and why.
pub(crate) fn all_left_out(keys: &KeySet) -> Vec<String> {
    keys.left_out().iter().map(LeftOut::with_kid).collect()
}

/// The keys for a program.
pub(crate) fn keys_to_json(keys: &KeySet) -> Vec<Value> {
    keys.keys()
        .iter()
        .map(|key| json!({ "kid": key.kid(), "algorithms": algorithms(key), "thumbprint": key.thumbprint() }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{duration, instant, since};

    #[test]
    fn instants_say_how_far_away_they_are() {
        assert_eq!(since(1_800_000_000, 1_800_007_380), "2027-01-15T08:00:00Z (2h 3m ago)");
        assert_eq!(since(1_800_000_060, 1_800_000_000), "2027-01-15T08:01:00Z (in 1m)");
        assert_eq!(duration(0), "0s");
    }

    #[test]
    fn an_instant_that_no_calendar_has_is_a_number() {
        assert_eq!(instant(i64::MAX), format!("{} s after 1970", i64::MAX));
    }
}
