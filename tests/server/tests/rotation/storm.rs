//! Tokens that nobody issued, by the thousand: what they cost the provider is bounded by the profile, and they keep no
//! legitimate login waiting for longer than the cooldown.

use crate::support::Scene;
use oauth_validator_fixtures::{TestKey, jwks, keys, mint, secret, secrets};
use oauth_validator_server_tests::{ClusterOptions, LoginOutcome, SOON, eventually};
use serde_json::json;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const TOKENS: usize = 10_000;
const LIMIT: Duration = Duration::from_secs(60);
const COOLDOWN: Duration = Duration::from_secs(2);
const TIMES: &str = "min_ttl = \"1h\"\nmax_ttl = \"1h\"\nkid_cooldown = \"2s\"\ntimeout = \"5s\"";

/// A token whose key nobody has, with a `kid` that is never used again. Its signature is that of another.
pub fn stray(place: &Scene, signature: &[u8]) -> String {
    let claims = place.party.unsigned().claims();
    let header = json!({"typ": "at+jwt", "alg": "ES256", "kid": secret()});
    mint::assemble(header.to_string().as_bytes(), claims.to_string().as_bytes(), signature)
}

pub fn signature() -> Vec<u8> {
    keys::p256().sign("ES256", b"something else")
}

/// At most one request for each cooldown of this time, and one at either end of it.
#[track_caller]
fn assert_bounded(place: &Scene, before: usize, started: Instant) {
    let asked = place.party.requests().1 - before;
    let most = usize::try_from(started.elapsed().as_secs() / COOLDOWN.as_secs()).expect("few") + 2;
    assert!((1..=most).contains(&asked), "{asked} requests in {:?}", started.elapsed());
}

/// How long it takes until the key's token lets in, and how many logins; others are refused meanwhile.
#[track_caller]
fn until_let_in(place: &Scene, key: &TestKey) -> (Duration, usize) {
    let (started, token) = (Instant::now(), place.party.token(key));
    for logins in 1.. {
        if matches!(place.cluster.login(&place.party.login(&token)).outcome, LoginOutcome::Accepted(_)) {
            return (started.elapsed(), logins);
        }
        assert!(started.elapsed() < SOON, "not let in within {SOON:?}, {logins} logins");
    }
    unreachable!("logins are counted up to their end");
}

#[test]
fn ten_thousand_unknown_keys_cost_one_request_a_cooldown() {
    let conf = "max_connections = 60\n".to_owned();
    let place = Scene::with(TIMES, ClusterOptions { conf, ..ClusterOptions::default() });
    place.lets_in(keys::corp());
    let incarnation = place.cluster.incarnation();
    let (signature, shown) = (signature(), AtomicUsize::new(0));
    let (before, started) = (place.party.requests().1, Instant::now());
    let new = TestKey::p256("new");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while shown.fetch_add(1, Ordering::Relaxed) < TOKENS && started.elapsed() < LIMIT {
                    let attempt = place.cluster.login(&place.party.login(&stray(&place, &signature)));
                    assert_eq!(attempt.refused().sqlstate, "28000");
                }
            });
        }
        eventually("the middle of the storm", LIMIT, || (shown.load(Ordering::Relaxed) > TOKENS / 4).then_some(()));
        place.lets_in(keys::corp());
        place.party.provider.set_keys(jwks(&[keys::corp(), &new]));
        let took = until_let_in(&place, &new).0;
        assert!(took < COOLDOWN + Duration::from_secs(3), "a new key was found after {took:?}");
    });
    println!("{} tokens in {:?}", shown.load(Ordering::Relaxed).min(TOKENS), started.elapsed());
    assert_bounded(&place, before, started);
    assert_eq!(place.cluster.incarnation(), incarnation);
    place.lets_in(&new);

    let log = place.cluster.log();
    assert!(log.matches("oauth_validator: denied: key_unknown (profile \"corp\")").count() > TOKENS / 4);
    assert!(!log.contains(secrets::SECRET_MARK) && !log.contains("eyJ"), "nothing of a token is logged");
    assert!(!log.contains(&mint::b64(&signature)), "nor its signature");
}

/// A client that hangs up leaves a fetch behind that goes on. It must count as anybody's: nobody's new key is found later,
/// and the provider is asked no more often.
fn hangs_up(times: &str, patience: Duration, apart: Duration) {
    let place = Scene::start(times);
    place.lets_in(keys::corp());
    let (signature, over) = (signature(), AtomicBool::new(false));
    let (before, started) = (place.party.requests().1, Instant::now());
    let new = TestKey::p256("new");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) && started.elapsed() < LIMIT {
                    let login = place.cluster.begin_login(&place.party.login(&stray(&place, &signature)));
                    thread::sleep(patience);
                    drop(login);
                }
            });
        }
        thread::sleep(COOLDOWN);
        place.party.provider.set_keys(jwks(&[keys::corp(), &new]));
        let found = catch_unwind(AssertUnwindSafe(|| until_let_in(&place, &new)));
        over.store(true, Ordering::Relaxed);
        let (took, _) = found.unwrap_or_else(|_| panic!("not found, hanging up after {patience:?}"));
        assert!(took < COOLDOWN + Duration::from_secs(3), "found after {took:?}, hanging up after {patience:?}");
    });
    let (asked, seconds) = (place.party.requests().1 - before, started.elapsed().as_secs());
    let most = usize::try_from(seconds / apart.as_secs()).expect("few") + 2;
    assert!(asked <= most, "{asked} requests in {seconds} s, hanging up after {patience:?}");
}

#[test]
fn one_who_hangs_up_keeps_no_rotation_away() {
    for patience in [0, 5, 20, 1020] {
        hangs_up(TIMES, Duration::from_millis(patience), COOLDOWN);
    }
}

/// Then each of his logins would be a reason to refresh the keys as well.
#[test]
fn nor_does_he_where_keys_are_due() {
    for patience in [0, 5, 20, 1020] {
        hangs_up(&TIMES.replace("\"1h\"", "\"1s\""), Duration::from_millis(patience), Duration::from_secs(1));
    }
}
