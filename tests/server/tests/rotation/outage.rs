//! The provider is away: logins go on for `stale_max` without waiting for it, then stop; a server that is restarted
//! meanwhile knows as much as before; and when the provider is back, nobody has to do anything.

use crate::support::{JWKS, LoggedDenial, METADATA, Scene, denials};
use oauth_validator_fixtures::keys;
use oauth_validator_mock_provider::{ALL, Fault, MockProvider};
use oauth_validator_server_tests::LoginOutcome;
use std::thread;
use std::time::{Duration, Instant};

/// Keys are fresh for a second, and used for six more. Between two attempts to refresh there are two seconds.
const TIMES: &str = "min_ttl = \"1s\"\nmax_ttl = \"1s\"\nstale_max = \"6s\"\nkid_cooldown = \"2s\"\ntimeout = \"4s\"\nconnect_timeout = \"2s\"";
const COOLDOWN: Duration = Duration::from_secs(2);

/// Logs in until that is denied; returns how long logins went on, how many of them took long, and the denial.
fn log_in_until_denied(place: &Scene) -> (Duration, usize, LoggedDenial) {
    let (started, mut long_waits, mut logins) = (Instant::now(), 0, 0);
    loop {
        let mark = place.cluster.log_mark();
        let attempt = place.cluster.login(&place.party.login(&place.party.token(keys::corp())));
        match attempt.outcome {
            LoginOutcome::Accepted(_) => {
                logins += 1;
                long_waits += usize::from(attempt.elapsed > Duration::from_secs(1));
            }
            _ => {
                let log = place.cluster.wait_for_log(mark, "FATAL:");
                let denial = denials(&log).pop().unwrap_or_else(|| panic!("{:?}: {log}", attempt.outcome));
                assert!(logins > 10, "{logins} logins before {denial:?}");
                return (started.elapsed(), long_waits, denial);
            }
        }
        assert!(started.elapsed() < Duration::from_secs(30), "logins go on for ever");
        thread::sleep(Duration::from_millis(20));
    }
}

/// From the moment that the provider went away until it is back and logins work again.
fn lasts(place: &mut Scene, go_away: impl Fn(&MockProvider), come_back: impl Fn(&MockProvider)) {
    place.lets_in(keys::corp());
    let fetched = Instant::now();
    go_away(&place.party.provider);
    let asked_before = place.party.provider.connection_count();
    place.lets_in(keys::corp());
    let mark = place.cluster.log_mark();
    place.cluster.restart();
    let (_, long_waits, denial) = log_in_until_denied(place);
    let took = fetched.elapsed();
    // One second of max_ttl and six of stale_max; both are kept in whole seconds.
    assert!(took > Duration::from_millis(5_900) && took < Duration::from_secs(15), "{took:?}");
    let attempts = usize::try_from(took.as_secs() / COOLDOWN.as_secs()).expect("few") + 2;
    assert!(long_waits <= attempts, "{long_waits} logins waited for the provider, in {took:?}");
    // It is said before it hurts, and not by every login.
    let log = place.cluster.log_since(mark);
    let warnings = log.matches("LOG:  oauth_validator: logins by profile \"").count();
    assert!((1..=attempts).contains(&warnings) && log.contains(" go on with old keys until 20"), "{warnings}: {log}");
    assert_eq!(denial.code, "keys_unavailable");
    let expired = "Those fetched before are older than keys.max_ttl and keys.stale_max allow.";
    assert!(denial.detail.contains(expired) && !denial.hint.is_empty(), "{denial:?}");

    // What the server forgets it reads again; what it has denied it goes on to deny.
    place.cluster.restart();
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    assert!(denial.detail.contains(expired), "{denial:?}");
    let asked = place.party.provider.connection_count() - asked_before;
    assert!(asked <= attempts + 4, "asked {asked} times within {:?}", fetched.elapsed());

    come_back(&place.party.provider);
    place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
    place.lets_in(keys::p256());
}

#[test]
fn a_provider_that_is_down() {
    let mut place = Scene::start(TIMES);
    lasts(&mut place, MockProvider::stop, MockProvider::restart);
}

#[test]
fn a_provider_that_takes_connections_and_says_nothing() {
    let mut place = Scene::start(TIMES);
    lasts(&mut place, |provider| provider.set_fault(ALL, Fault::HangBeforeTls), MockProvider::clear_faults);
}

#[test]
fn a_provider_that_takes_requests_and_says_nothing() {
    let mut place = Scene::start(TIMES);
    lasts(&mut place, |provider| provider.set_fault(JWKS, Fault::HangAfterTls), MockProvider::clear_faults);
}

#[test]
fn a_server_that_never_reached_the_provider_lets_nobody_in() {
    let mut place = Scene::start(TIMES);
    place.party.provider.stop();
    let issuer = place.party.provider.issuer();
    for _ in 0..2 {
        let denial = place.refuses(keys::corp(), "keys_unavailable");
        assert!(denial.detail.starts_with(&format!("The keys of {issuer} cannot be fetched")), "{denial:?}");
        assert!(denial.detail.contains("connect: ") && !denial.detail.contains("stale_max"), "{denial:?}");
        place.cluster.restart();
    }
    // Failures are counted across restarts, and the next attempt waits the longer for it, up to kid_cooldown.
    thread::sleep(COOLDOWN);
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    assert!(denial.detail.contains(" attempts in a row)"), "{denial:?}");
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    assert!(denial.detail.contains("is asked again in "), "{denial:?}");
    place.party.provider.restart();
    place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
    assert_eq!(place.party.provider.request_count(METADATA), 1);
}

/// A token with an unknown key is refused for that, even while nothing newer can be had.
#[test]
fn an_unknown_key_while_the_provider_is_down() {
    let place = Scene::start("min_ttl = \"1h\"\nmax_ttl = \"1h\"\nkid_cooldown = \"1s\"\ntimeout = \"4s\"");
    place.lets_in(keys::corp());
    place.party.provider.stop();
    thread::sleep(Duration::from_millis(1100));
    let denial = place.refuses(&keys::p256().with_kid("unpublished"), "keys_unavailable");
    assert!(denial.detail.starts_with("None of the issuer's 2 keys has the kid"), "{denial:?}");
    assert!(denial.detail.contains("cannot be fetched: connect: "), "{denial:?}");
    // Nobody else suffers.
    let started = Instant::now();
    for _ in 0..5 {
        place.lets_in(keys::corp());
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
