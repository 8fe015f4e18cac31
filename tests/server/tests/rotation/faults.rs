//! A provider that is wrong in one way: each denies the login within the profile's `timeout`, in the log's words and
//! with none of the provider's, and the next login works once the provider is right again.
//!
//! Many profiles on one server, a provider and a role each, so that what takes time takes it at once.

use crate::network::{
    RefusedFetch, SENTINEL, bad_answers, bad_certificates, bad_issuers, bad_keys, bad_places, bad_statuses,
    connecting_proxy, deaf_port, redirects, slow_faults,
};
use crate::support::{JWKS, LONG, METADATA, Party, Scene, assert_kept_secret};
use oauth_validator_fixtures::{jwks, keys, mint};
use oauth_validator_mock_provider::{ALL, Fault};
use oauth_validator_server_tests::{Cluster, ClusterOptions, SOON, nothing_is_left, tool_path};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// What is wrong with a provider, and how the log tells of it.
struct Case {
    what: String,
    spoil: Box<dyn Fn(&Party) + Send + Sync>,
    code: &'static str,
    words: String,
}

impl Case {
    fn fault(path: &'static str, (fault, code, words): RefusedFetch) -> Self {
        let what = format!("{fault:.100?} at {path}");
        Self { what, spoil: Box::new(move |party| party.provider.set_fault(path, fault.clone())), code, words }
    }

    fn metadata(member: &'static str, code: &'static str, (value, words): (Value, &str)) -> Self {
        let what = format!("{member} is {value:.100}");
        let spoil = move |party: &Party| {
            let mut metadata = party.provider.metadata();
            metadata[member] = value.clone();
            if value.is_null() {
                metadata.as_object_mut().expect("an object").remove(member);
            }
            party.provider.set_metadata(metadata);
        };
        Self { what, spoil: Box::new(spoil), code, words: words.to_owned() }
    }

    fn keys((keys, words): (Value, &str)) -> Self {
        let what = format!("keys {keys:.100}");
        Self {
            what,
            spoil: Box::new(move |party| party.provider.set_keys(keys.clone())),
            code: "no_keys",
            words: words.to_owned(),
        }
    }

    fn slow((path, fault): (&'static str, Fault)) -> Self {
        Self::fault(path, (fault, "timeout", "in time, within".to_owned()))
    }
}

/// Has all cases tried, `at_once` at a time.
fn try_all(cases: Vec<Case>, timeout: &str, at_once: usize) {
    let members: Vec<(Party, Case)> =
        cases.into_iter().enumerate().map(|(number, case)| (Party::new(&format!("party{number}")), case)).collect();
    let keys = format!("kid_cooldown = \"1s\"\ntimeout = \"{timeout}\"\nconnect_timeout = \"{timeout}\"");
    let cluster = Cluster::start(ClusterOptions {
        helper: Some(tool_path()),
        config: Some(members.iter().map(|(party, _)| party.config(&keys)).collect()),
        hba: members.iter().map(|(party, _)| party.hba()).collect(),
        ..ClusterOptions::with_module()
    });
    for (party, _) in &members {
        party.move_in(&cluster);
    }
    let incarnation = cluster.incarnation();
    let left = Mutex::new(members.iter());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let Some((party, case)) = left.lock().expect("no panic").next() else { break };
                    denies_and_recovers(&cluster, party, case);
                }
            });
        }
    });
    assert_eq!(cluster.incarnation(), incarnation);
    let log = cluster.log();
    assert!(!log.contains(SENTINEL), "nothing of an answer is logged");
    assert!(!log.contains('\u{1b}'), "nor anything that a terminal would obey");
    nothing_is_left(&cluster);
    assert_kept_secret(&cluster, members.iter().map(|(party, _)| party));
}

#[track_caller]
fn denies_and_recovers(cluster: &Cluster, party: &Party, case: &Case) {
    let good = party.provider.metadata();
    (case.spoil)(party);
    let started = Instant::now();
    let denial = party.refuses(cluster, keys::corp(), "keys_unavailable");
    let took = started.elapsed();
    assert!(took < SOON, "{}: {took:?}", case.what);
    let issuer = party.provider.issuer();
    let expected = format!("The keys of {issuer} cannot be fetched: {}: ", case.code);
    assert!(denial.detail.starts_with(&expected), "{}: {denial:?}", case.what);
    assert!(denial.detail.contains(&case.words), "{}: no {:?} in {denial:?}", case.what, case.words);
    assert!(denial.hint.len() > 10 && !denial.hint.contains("--"), "{}: {denial:?}", case.what);

    party.provider.clear_faults();
    party.provider.set_metadata(good);
    party.provider.set_keys(jwks(&[keys::corp(), keys::p256()]));
    party.lets_in_soon(cluster, keys::corp(), &["keys_unavailable"]);
    party.lets_in(cluster, keys::p256());
}

#[test]
fn wrong_certificates_redirects_and_statuses() {
    let everywhere = bad_certificates().into_iter().map(|refused| Case::fault(ALL, refused));
    let both = |refused: RefusedFetch| [METADATA, JWKS].map(|path| Case::fault(path, refused.clone()));
    let mut cases: Vec<Case> = everywhere.collect();
    cases.extend(redirects().into_iter().chain(bad_statuses()).flat_map(both));
    cases.push(Case::fault(ALL, (Fault::Refuse, "connect", "closed before an answer".to_owned())));
    try_all(cases, "10s", 8);
}

#[test]
fn wrong_answers_and_documents() {
    let both = |refused: RefusedFetch| [METADATA, JWKS].map(|path| Case::fault(path, refused.clone()));
    let mut cases: Vec<Case> = bad_answers().into_iter().flat_map(both).collect();
    cases.extend(bad_places().into_iter().map(|value| Case::metadata("jwks_uri", "jwks_uri", value)));
    cases.extend(bad_issuers().into_iter().map(|value| Case::metadata("issuer", "issuer_mismatch", value)));
    cases.extend(bad_keys().into_iter().map(Case::keys));
    try_all(cases, "10s", 8);
}

#[test]
fn what_drags_on_ends_in_time() {
    let mut cases: Vec<Case> = slow_faults().into_iter().map(Case::slow).collect();
    cases.push(Case::slow((JWKS, Fault::HangAfterTls)));
    cases.push(Case::slow((JWKS, Fault::SlowHeaders)));
    let count = cases.len();
    let started = Instant::now();
    try_all(cases, "2s", count);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

/// Connections that are never made: a port with a full queue. `connect_timeout` ends that, and the login with it.
#[test]
fn a_provider_that_cannot_be_connected_to() {
    let place = Scene::start(LONG);
    let (address, _listener, _waiting) = deaf_port();
    let keys_at = |address: SocketAddr, timeout| {
        format!("{LONG}\njwks_url = \"https://{address}/jwks\"\nconnect_timeout = \"{timeout}\"")
    };
    place.set_keys(&keys_at(address, "1s"));
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    assert!(denial.detail.contains("cannot be fetched: timeout: "), "{denial:?}");
    let good = SocketAddr::from(([127, 0, 0, 1], place.party.provider.port()));
    place.set_keys(&keys_at(good, "1s"));
    place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
    assert_eq!(place.party.requests(), (0, 1), "no metadata is asked for");
}

/// A proxy is asked only where the profile names one; the server's environment has no say, since the helper has none.
#[test]
fn a_proxy_is_the_profiles_alone() {
    let mut place = Scene::start(LONG);
    let (proxy, asked) = connecting_proxy(2);
    place.take_new_profile(&format!("{LONG}\nproxy = \"{proxy}\""));
    place.lets_in(keys::corp());
    let line = format!("CONNECT localhost:{} HTTP/1.1", place.party.provider.port());
    assert_eq!(asked.join().expect("the proxy ends"), [line.clone(), line]);
    place.take_new_profile(&format!("{LONG}\nproxy = \"{proxy}\""));
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    assert!(denial.detail.contains("cannot be fetched: "), "it is gone: {denial:?}");
    assert_eq!(place.party.requests(), (1, 1), "and nobody goes without it");
}

/// Keys that may not verify tokens, beside one that may.
#[test]
fn a_poisoned_key_document_gives_its_good_keys_and_no_others() {
    let place = Scene::start(LONG);
    let with = |member: &str, value: Value| {
        let mut key = keys::p256().public_jwk();
        (key["kid"], key[member]) = (json!(format!("{member} {value}")), value);
        key
    };
    let poison = [
        json!(7),
        json!({"kty": "oct", "kid": "oct", "k": SENTINEL}),
        json!({"kty": "RSA", "kid": "large", "e": "AQAB", "n": mint::b64([0xff; 65_536])}),
        json!({"kty": "RSA", "kid": "small exponent", "e": "AQ", "n": keys::corp().public_jwk()["n"]}),
        json!({"kty": "EC", "kid": "infinity", "crv": "P-256", "x": mint::b64([0; 32]), "y": mint::b64([0; 32])}),
        with("use", json!("enc")),
        with("key_ops", json!(["encrypt"])),
        json!({"kty": "EC", "kid": "private", "crv": "P-256", "x": "AA", "y": "AA", "d": SENTINEL}),
    ];
    let all: Vec<Value> = poison.into_iter().chain([keys::corp().public_jwk()]).collect();
    place.party.provider.set_keys(json!({ "keys": all }));
    place.lets_in(keys::corp());
    for kid in ["use \"enc\"", "key_ops [\"encrypt\"]", "private"] {
        place.refuses(&keys::p256().with_kid(kid), "key_unknown");
    }
    for kid in ["small exponent", "oct", "large"] {
        place.refuses(&keys::p256().with_kid(kid), "key_unknown");
    }
    // What is no point verifies nothing, whoever signed.
    place.refuses(&keys::p256().with_kid("infinity"), "signature_invalid");
    place.lets_in(keys::corp());
    assert!(!place.cluster.log().contains(SENTINEL));
    let file = std::fs::read_to_string(place.key_file()).expect("a key file");
    assert!(!file.contains(SENTINEL), "private members are not kept: {file}");
}
