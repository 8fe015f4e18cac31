//! An endpoint that the issuer's metadata names: asked for in the same helper, at no other host, within the same time.

use crate::support::{Scene, USERINFO};
use oauth_validator_mock_provider::{MockProvider, Reply};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

const METADATA: &str = "/.well-known/openid-configuration";

/// A token of the provider's own issuer, for `kim`.
fn kim(place: &Scene) -> String {
    let token = place.jwt(&place.provider.issuer(), "kim", &json!({}));
    let mut answer = place.member();
    answer["sub"] = "kim".into();
    place.provider.set_reply_to_bearer(USERINFO, &token, Reply::json(&answer));
    token
}

fn set_endpoint(place: &Scene, endpoint: Value) {
    let mut metadata = place.provider.metadata();
    metadata["userinfo_endpoint"] = endpoint;
    place.provider.set_metadata(metadata);
}

#[test]
fn the_metadata_is_asked_where_the_endpoint_is() {
    let place = Scene::start();
    let token = kim(&place);
    place.lets_in("kim", &token);
    assert_eq!((place.provider.request_count(METADATA), place.asked()), (2, 1), "for keys, and for the endpoint");
    place.lets_in("kim", &token);
    assert_eq!((place.provider.request_count(METADATA), place.asked()), (3, 2), "the keys are kept");
    for bearer in place.provider.requests().iter().filter(|request| request.path != USERINFO) {
        assert_eq!(bearer.header("Authorization"), None, "{}", bearer.path);
    }
}

#[test]
fn no_token_goes_where_the_issuer_is_not() {
    let (place, elsewhere) = (Scene::start(), MockProvider::start());
    let token = kim(&place);
    elsewhere.set_reply_to_get(USERINFO, Reply::json(&json!({"sub": "kim", "groups": ["dba"]})));
    // The mock is called by two names.
    let other_host = format!("https://127.0.0.1:{}{USERINFO}", elsewhere.port());
    for (endpoint, words) in [
        (other_host.into(), "is at another host than the issuer's, 127.0.0.1"),
        (format!("http://localhost:{}{USERINFO}", elsewhere.port()).into(), "userinfo_endpoint is not https"),
        (json!("https://localhost@evil.example/userinfo"), "has a user name in front of the host"),
        (json!(7), "is not a string"),
        (Value::Null, "is not a string"),
    ] {
        set_endpoint(&place, endpoint);
        let log = place.refuses("kim", &token, "lookup_unavailable");
        assert!(log.contains(words), "{words}: {log}");
    }
    let mut metadata = place.provider.metadata();
    metadata.as_object_mut().expect("an object").remove("userinfo_endpoint");
    place.provider.set_metadata(metadata);
    let log = place.refuses("kim", &token, "lookup_unavailable");
    assert!(log.contains("userinfo_endpoint is missing") && log.contains("lookup.endpoint"), "{log}");
    assert_eq!((elsewhere.connection_count(), place.asked()), (0, 0));
}

/// Keys that take their time leave less of it for the claims.
#[test]
fn one_timeout_is_for_keys_and_claims_together() {
    let place = Scene::start();
    let helper = place.cluster.helper_path();
    let real = helper.with_file_name("real-helper");
    fs::copy(&helper, &real).expect("the helper");
    let slow = |seconds: &str| {
        let script = format!("#!/bin/sh\n/bin/sleep {seconds}\nexec {} \"$@\"\n", real.display());
        place.cluster.write_helper(&script);
    };
    place.set_timeout("3s");
    slow("2");
    let token = kim(&place);
    let started = Instant::now();
    let log = place.refuses("kim", &token, "lookup_unavailable");
    let took = started.elapsed();
    assert!((Duration::from_millis(2500)..Duration::from_millis(3800)).contains(&took), "{took:?}: {log}");
    // Now that there are keys, the claims have all of the time.
    place.lets_in("kim", &token);
}
