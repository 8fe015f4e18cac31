//! A provider that shows its keys to nobody without a token of this server's own, as a Kubernetes API server does.

use crate::support::{JWKS, LONG, METADATA, Scene};
use oauth_validator_fixtures::{jwks, keys, secret};
use oauth_validator_mock_provider::Reply;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

/// From now on the provider answers who shows this token, with these keys.
fn guard(place: &Scene, token: &str, keys: &[&oauth_validator_fixtures::TestKey]) {
    let provider = &place.party.provider;
    provider.set_reply_to_bearer(METADATA, token, Reply::json(&provider.metadata()));
    provider.set_reply_to_bearer(JWKS, token, Reply::json(&jwks(keys)));
}

#[test]
fn keys_are_fetched_with_the_token_that_the_file_has_then() {
    let place = Scene::start(&format!("{LONG}\nbearer_token_file = \"cluster.token\""));
    let (first, second) = (secret(), secret());
    guard(&place, &first, &[keys::corp()]);
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    assert!(denial.detail.contains("keys.bearer_token_file") && denial.detail.contains("does not exist"), "{denial:?}");
    assert_eq!(place.party.provider.connection_count(), 0, "nobody is asked without it");

    place.cluster.write_file("cluster.token", "another");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    assert!(denial.detail.contains("status 401") && denial.hint.contains("keys.bearer_token_file"), "{denial:?}");

    place.cluster.write_file("cluster.token", format!("{first}\n"));
    place.party.lets_in_soon(&place.cluster, keys::corp(), &["keys_unavailable"]);

    // A new key, which a new token alone shows: as the kubelet replaces it.
    guard(&place, &second, &[keys::corp(), keys::p256()]);
    place.cluster.write_file("cluster.token", &second);
    place.party.lets_in_soon(&place.cluster, keys::p256(), &["key_unknown"]);
    let log = place.cluster.log();
    assert!(!log.contains(&first) && !log.contains(&second), "neither is in the log");

    // Somebody else could have written it.
    let path = place.cluster.config_path().with_file_name("cluster.token");
    fs::set_permissions(&path, Permissions::from_mode(0o666)).expect("a mode");
    place.lets_in(keys::corp());
    place.lets_in(keys::p256());
}
