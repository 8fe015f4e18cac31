//! The provider changes its keys: new ones are found by the login that brings one, old ones are believed for as long as
//! the profile says and no longer, and the administrator's word counts at once.

use crate::support::{LONG, Scene};
use oauth_validator_fixtures::{TestKey, jwks, keys};
use oauth_validator_server_tests::eventually;
use std::thread;
use std::time::{Duration, Instant};

/// Keys are known for two seconds, and not a moment longer.
const SHORT: &str = "min_ttl = \"2s\"\nmax_ttl = \"2s\"\nstale_max = \"0s\"\nkid_cooldown = \"1s\"\ntimeout = \"20s\"";

fn new_key() -> TestKey {
    TestKey::p256("new")
}

/// Until the provider may be asked again, with `kid_cooldown` in [`LONG`].
fn cool_down() {
    thread::sleep(Duration::from_millis(1100));
}

#[test]
fn the_login_that_brings_a_new_key_is_the_one_that_finds_it() {
    let place = Scene::start(&LONG.replace("kid_cooldown = \"1s\"", "kid_cooldown = \"1h\""));
    let new = new_key();
    place.lets_in(keys::corp());
    place.party.provider.set_keys(jwks(&[keys::corp(), &new]));
    let denial = place.refuses(&new, "key_unknown");
    assert!(denial.detail.contains("The provider was asked ") && denial.detail.contains(" s ago"), "{denial:?}");
    assert_eq!(place.party.requests(), (1, 1));

    place.set_keys(LONG);
    cool_down();
    place.lets_in(&new);
    place.lets_in(keys::corp());
    assert_eq!(place.party.requests(), (2, 2));

    // One that the provider does not publish any more is asked for, too.
    cool_down();
    let denial = place.refuses(keys::p256(), "key_unknown");
    assert_eq!(denial.detail, "None of the issuer's 2 keys has the kid of the token's header.");
    assert_eq!(place.party.requests(), (3, 3));
    place.lets_in(&new);
    assert_eq!(place.party.requests(), (3, 3));
}

#[test]
fn a_removed_key_is_believed_until_max_ttl() {
    let place = Scene::start(SHORT);
    let (old, new) = (keys::corp(), new_key());
    place.lets_in(old);
    place.party.provider.set_keys(jwks(&[&new, old]));
    place.lets_in_soon(&new, &["key_unknown"]);
    place.lets_in(old);

    place.party.provider.set_keys(jwks(&[&new]));
    let removed = Instant::now();
    // Once refused it stays so: nothing brings it back.
    eventually("the refusal of a removed key", Duration::from_secs(10), || {
        let mark = place.cluster.log_mark();
        let attempt = place.cluster.login(&place.party.login(&place.party.token(old)));
        thread::sleep(Duration::from_millis(50));
        matches!(attempt.outcome, oauth_validator_server_tests::LoginOutcome::Refused(_)).then(|| {
            let log = place.cluster.wait_for_log(mark, "FATAL:");
            assert!(log.contains("oauth_validator: denied: key_unknown (profile \"corp\")"), "{log}");
        })
    });
    // Two seconds, and one for times that are kept in whole seconds.
    assert!(removed.elapsed() < Duration::from_secs(5), "{:?}", removed.elapsed());
    place.refuses(old, "key_unknown");
    place.lets_in(&new);
}

/// A key of the same name is another key.
#[test]
fn a_key_that_takes_over_a_kid_does_not_take_over_its_tokens() {
    let place = Scene::start(SHORT);
    let old = keys::p256();
    let new = new_key().with_kid(old.kid());
    place.lets_in(old);
    place.party.provider.set_keys(jwks(&[&new]));
    // The signature of a key that the server has not seen yet does not fit.
    place.lets_in_soon(&new, &["signature_invalid"]);
    place.refuses(old, "signature_invalid");
}

#[test]
fn a_denied_kid_is_refused_at_once_although_its_key_is_known() {
    let place = Scene::start(LONG);
    place.lets_in(keys::corp());
    place.set_keys(&format!("{LONG}\ndeny_kids = [\"corp-rsa\"]"));
    place.refuses(keys::corp(), "token_revoked");
    place.lets_in(keys::p256());
    assert_eq!(place.party.requests(), (1, 1), "nobody has to be asked for that");
    place.set_keys(LONG);
    place.lets_in(keys::corp());
    assert_eq!(place.party.requests(), (1, 1));
}

/// Whoever has a key that leaked writes the header of his tokens.
#[test]
fn a_denied_key_is_refused_whatever_its_token_calls_it() {
    let place = Scene::start(LONG);
    place.lets_in(keys::corp());
    place.set_keys(&format!("{LONG}\ndeny_kids = [\"{}\"]", keys::corp().thumbprint()));
    for kid in ["corp-rsa", "made-up", ""] {
        place.refuses(&keys::corp().with_kid(kid), "token_revoked");
    }
    place.lets_in(keys::p256());
    assert_eq!(place.party.requests(), (1, 1), "nobody has to be asked for that");

    let second = keys::corp().with_kid("second");
    place.party.provider.set_keys(jwks(&[&second, keys::p256(), keys::partner()]));
    cool_down();
    place.lets_in(keys::partner());
    assert_eq!(place.party.requests(), (2, 2));
    for kid in ["second", "corp-rsa", ""] {
        place.refuses(&keys::corp().with_kid(kid), "token_revoked");
    }
    assert_eq!(place.party.requests(), (2, 2));
}

#[test]
fn a_token_without_kid_is_checked_with_the_keys_there_are() {
    let place = Scene::start(LONG);
    let nameless = |key: &TestKey| key.with_kid("");
    place.lets_in(&nameless(keys::p256()));
    let new = new_key();
    place.party.provider.set_keys(jwks(&[keys::corp(), keys::p256(), &new]));
    cool_down();
    // The one that is known did not sign it, so another may have.
    place.lets_in(&nameless(&new));
    assert_eq!(place.party.requests(), (2, 2));
    for key in [keys::p256(), &new, keys::corp()] {
        place.lets_in(&nameless(key));
    }
    assert_eq!(place.party.requests(), (2, 2));
    place.set_keys(&LONG.replace("kid_cooldown = \"1s\"", "kid_cooldown = \"1h\""));
    for _ in 0..3 {
        place.refuses(&nameless(&TestKey::p256("nobody's")), "signature_invalid");
    }
    assert_eq!(place.party.requests(), (2, 2), "strangers make nobody ask more often than that");
}

/// Each refresh asks whether the document changed, and most do not send it again.
#[test]
fn a_document_that_has_not_changed_is_confirmed() {
    let place = Scene::start("min_ttl = \"1s\"\nmax_ttl = \"1s\"\nstale_max = \"1h\"\nkid_cooldown = \"1s\"");
    place.party.provider.set_header("/jwks", "ETag", "W/\"one\"");
    place.lets_in(keys::corp());
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(1100));
        place.lets_in(keys::corp());
    }
    let requests = place.party.provider.requests();
    let asked: Vec<Option<&str>> =
        requests.iter().filter(|one| one.path == "/jwks").map(|one| one.header("If-None-Match")).collect();
    assert_eq!(asked, [None, Some("W/\"one\""), Some("W/\"one\"")]);
    // The keys of a new document count although the old ones are known.
    place.party.provider.set_header("/jwks", "ETag", "W/\"two\"");
    place.party.provider.set_keys(jwks(&[keys::p256()]));
    thread::sleep(Duration::from_millis(1100));
    place.lets_in(keys::p256());
    place.refuses(keys::corp(), "key_unknown");
}
