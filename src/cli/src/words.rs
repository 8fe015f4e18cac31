//! Keys and times, as the commands say them.
//!
//! Must never print key material: a key is its `kid`, its thumbprint, and what it may be used for.

use jiff::{SignedDuration, Timestamp};
use oauth_validator_core::{KeySet, LeftOut, PublicKey, UnixSeconds};
use serde_json::{Value, json};
use std::time::Duration;

/// What this machine's clock says.
pub(crate) fn now() -> UnixSeconds {
    UnixSeconds::new(Timestamp::now().as_second())
}

/// How long, in whole seconds, such as `2h 3m`.
pub(crate) fn duration(span: Duration) -> String {
    format!("{:#}", SignedDuration::from_secs(i64::try_from(span.as_secs()).unwrap_or(i64::MAX)))
}

/// An instant, and how long before `now` that is.
pub(crate) fn since(then: UnixSeconds, now: UnixSeconds) -> String {
    if then > now {
        return format!("{then} (in {})", duration(then.since(now)));
    }
    format!("{then} ({} ago)", duration(now.since(then)))
}

/// The names of the algorithms that a key may be used for.
pub(crate) fn algorithms(key: &PublicKey) -> Vec<&'static str> {
    key.algorithms().map(|algorithm| algorithm.name()).collect()
}

/// These algorithms in words; a key may say another algorithm than its kind can have.
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
    use super::{Duration, UnixSeconds, duration, since};

    #[test]
    fn instants_say_how_far_away_they_are() {
        let at = |seconds: i64| UnixSeconds::new(1_800_000_000 + seconds);
        assert_eq!(since(at(0), at(7380)), "2027-01-15T08:00:00Z (2h 3m ago)");
        assert_eq!(since(at(60), at(0)), "2027-01-15T08:01:00Z (in 1m)");
        assert_eq!(duration(Duration::ZERO), "0s");
    }
}
