//! What was found is kept for a moment (`lookup.cache`): when nobody is asked, and when somebody is all the same.

use crate::support::{Scene, USERINFO};
use crate::tenant::Tenant;
use oauth_validator_mock_provider::Reply;
use oauth_validator_server_tests::now;
use serde_json::json;
use std::thread;
use std::time::Duration;

/// Has what was found kept for so long.
fn keep(place: &Scene, time: &str, further: &str) {
    let config = crate::support::config(&place.provider, "5s");
    let config = config
        .replace("claims = [\"groups\"], endpoint", &format!("claims = [\"groups\"], cache = \"{time}\", endpoint"));
    place.cluster.write_config(&config.replacen("clients = ", &format!("{further}\nclients = "), 1));
}

/// Lets ana in so often, and says how many questions that took.
#[track_caller]
fn asked_for(place: &Scene, token: &str, logins: usize) -> usize {
    let before = place.asked();
    (0..logins).for_each(|_| place.lets_in("ana", token));
    place.asked() - before
}

#[test]
fn a_token_that_was_looked_up_asks_nobody_and_is_decided_anew() {
    let place = Scene::start();
    let token = place.good();
    assert_eq!(asked_for(&place, &token, 2), 2, "by itself nothing is kept");
    keep(&place, "60s", "");
    assert_eq!(asked_for(&place, &token, 3), 1);
    assert_eq!(asked_for(&place, &place.good(), 2), 1, "another token asks for itself");
    // One answer lets in as one role and not as another, and the provider may be away.
    place.provider.stop();
    place.lets_in("app_reader", &token);
    place.refuses("app_admin", &token, "role_privileged");
    place.lets_in("ana", &token);
    place.refuses_ana(&place.jwt("https://corp.example", "ana", &json!({})), "lookup_unavailable");
    place.provider.restart();
}

#[test]
fn what_was_found_ends_with_its_time_and_with_its_token() {
    let place = Scene::start();
    keep(&place, "2s", "");
    let token = place.good();
    place.lets_in("ana", &token);
    place.provider.set_reply_to_bearer(USERINFO, &token, Reply::json(&json!({"sub": "ana", "groups": []})));
    thread::sleep(Duration::from_millis(2100));
    place.refuses_ana(&token, "rule_failed");
    // Nothing that denies is kept: whoever is let in from now on need not wait.
    place.provider.set_reply_to_bearer(USERINFO, &token, Reply::json(&place.member()));
    place.lets_in("ana", &token);
    keep(&place, "60s", "");
    let short = place.jwt("https://corp.example", "ana", &json!({"exp": now() + 3}));
    place.provider.set_reply_to_bearer(USERINFO, &short, Reply::json(&place.member()));
    assert_eq!(asked_for(&place, &short, 2), 1);
    thread::sleep(Duration::from_millis(3100));
    assert_eq!(asked_for(&place, &short, 2), 2, "clock_skew lets it in, by a new answer");
}

#[test]
fn whoever_changes_the_profile_asks_anew_and_so_does_enforce() {
    let place = Scene::start();
    keep(&place, "60s", "");
    place.cluster.sql("CREATE EXTENSION oauth_validator").expect("the extension");
    let token = place.good();
    assert_eq!(asked_for(&place, &token, 2), 1);
    for further in ["clock_skew = \"31s\"", "deny_jti = [\"x\"]"] {
        keep(&place, "60s", further);
        assert_eq!(asked_for(&place, &token, 2), 1, "{further}");
    }
    place.cluster.sql("SELECT * FROM oauth_validator.enforce()").expect("an enforcement");
    assert_eq!(asked_for(&place, &token, 2), 1);
    keep(&place, "60s", "deny_identities = [\"ana\"]");
    place.refuses_ana(&token, "identity_denied");
}

#[test]
fn groups_of_graph_are_kept_for_their_token_and_their_secret() {
    let tenant = Tenant::start();
    tenant.configure("5s", "cache = \"60s\"");
    let token = tenant.token(&json!({}));
    (0..3).for_each(|_| tenant.lets_in(&token));
    assert_eq!(tenant.asked(), (1, 1));
    tenant.lets_in(&tenant.token(&json!({})));
    assert_eq!(tenant.asked(), (2, 2), "another token of the same user");
    tenant.cluster.write_file("graph.secret", "another secret");
    tenant.refuses(&token, "lookup_unavailable");
    assert_eq!(tenant.asked(), (3, 2), "another secret");
}
