//! Answers that are kept for a moment (`introspection.cache`): when the provider is not asked, and when it is all the same.

use crate::support::{INTROSPECT, Scene, TALKATIVE};
use oauth_validator_mock_provider::Reply;
use oauth_validator_server_tests::now;
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};

/// A server on which answers are kept for so long.
fn place(time: &str) -> Scene {
    let place = Scene::start();
    place.keep_for(time);
    place
}

/// Lets ana in so often, and says how many questions that took.
#[track_caller]
fn asked_for(place: &Scene, token: &str, logins: usize) -> usize {
    let before = place.asked();
    (0..logins).for_each(|_| place.lets_ana_in(token));
    place.asked() - before
}

#[test]
fn a_token_that_was_seen_asks_nobody_and_is_decided_anew() {
    for conf in ["", "shared_preload_libraries = 'oauth_validator'\n"] {
        let place = Scene::with(&format!("{TALKATIVE}{conf}"));
        place.keep_for("60s");
        let token = place.changed(&json!({"roles": ["DB.Reader"]}));
        assert_eq!(asked_for(&place, &token, 3), 1);
        // Others with another token ask for themselves.
        assert_eq!(asked_for(&place, &place.good(), 2), 1);
        // What was kept is no decision: the same answer lets in as one role and not as another.
        let before = place.asked();
        place.lets_in("app_reader", &token, "ana@corp.example");
        place.refuses("app_admin", &token, "role_not_granted (profile \"corp\")");
        // The provider may be away.
        place.provider.stop();
        place.lets_ana_in(&token);
        place.refuses_ana(&place.unknown(), "introspection_unavailable");
        place.provider.restart();
        assert_eq!(place.asked(), before);
    }
}

#[test]
fn by_itself_nothing_is_kept() {
    let place = Scene::start();
    assert_eq!(asked_for(&place, &place.good(), 3), 3);
    place.keep_for("0s");
    assert_eq!(asked_for(&place, &place.good(), 3), 3);
}

#[test]
fn a_token_that_was_revoked_logs_in_until_its_answer_ends() {
    let place = place("2s");
    let token = place.good();
    let began = Instant::now();
    place.lets_ana_in(&token);
    place.provider.set_reply_about(INTROSPECT, &token, Reply::json(&json!({"active": false})));
    place.lets_ana_in(&token);
    assert!(began.elapsed() < Duration::from_secs(2), "this machine is too slow for this test");
    assert_eq!(place.asked(), 1);
    thread::sleep(Duration::from_millis(2050).saturating_sub(began.elapsed()));
    place.refuses_ana(&token, "introspection_inactive");
    assert_eq!(place.asked(), 2);
}

/// clock_skew would let it in for half a minute more, and does: by a new answer.
#[test]
fn an_answer_is_never_kept_longer_than_its_token() {
    let place = place("60s");
    let token = place.changed(&json!({"exp": now() + 3}));
    assert_eq!(asked_for(&place, &token, 2), 1);
    thread::sleep(Duration::from_millis(3100));
    assert_eq!(asked_for(&place, &token, 2), 2, "one that has expired is not kept");
}

#[test]
fn whoever_changes_the_profile_or_the_secret_asks_anew() {
    let place = place("60s");
    let token = place.good();
    assert_eq!(asked_for(&place, &token, 2), 1);
    for further in ["clock_skew = \"31s\"", "deny_jti = [\"x\"]", "scope = { required = [\"db.connect\"] }"] {
        place.cluster.write_config(&place.config_with("60s", further));
        assert_eq!(asked_for(&place, &token, 2), 1, "{further}");
    }
    place.provider.demand_authorization(INTROSPECT, None);
    let secret = place.cluster.write_file("corp.secret", "another");
    assert_eq!(asked_for(&place, &token, 2), 1, "another secret");
    // A secret that is gone, or that somebody else could have written, denies whatever is kept.
    fs::set_permissions(&secret, Permissions::from_mode(0o666)).expect("a mode");
    place.refuses_ana(&token, "introspection_unavailable");
    fs::remove_file(&secret).expect("a file to remove");
    place.refuses_ana(&token, "introspection_unavailable");
    place.cluster.write_file("corp.secret", "another");
    assert_eq!(asked_for(&place, &token, 1), 0, "all is as it was");
}

#[test]
fn what_is_denied_from_now_on_is_denied() {
    let place = place("60s");
    let token = place.changed(&json!({"jti": "t-1"}));
    place.lets_ana_in(&token);
    for (further, code) in
        [("deny_identities = [\"ana@corp.example\"]", "identity_denied"), ("deny_jti = [\"t-1\"]", "token_revoked")]
    {
        place.cluster.write_config(&place.config_with("60s", further));
        place.refuses_ana(&token, code);
        place.refuses_ana(&token, code);
    }
}

#[test]
fn enforce_has_each_token_asked_about_anew() {
    let place = place("60s");
    place.cluster.sql("CREATE EXTENSION oauth_validator").expect("the extension");
    let token = place.good();
    assert_eq!(asked_for(&place, &token, 2), 1);
    place.cluster.sql("SELECT * FROM oauth_validator.enforce()").expect("an enforcement");
    assert_eq!(asked_for(&place, &token, 2), 1);
}

#[test]
fn no_other_token_has_the_answer() {
    let place = place("60s");
    let token = place.good();
    place.lets_ana_in(&token);
    for other in [format!("{token}x"), token[..token.len() - 1].to_owned(), token.to_uppercase()] {
        place.forbid(&other, "somebody");
        let before = place.asked();
        place.refuses_ana(&other, "introspection_inactive");
        place.refuses_ana(&other, "introspection_inactive");
        assert_eq!(place.asked(), before + 2, "a no is never kept");
    }
}

#[test]
fn what_is_too_long_or_no_yes_is_asked_about_each_time() {
    let place = place("60s");
    let short = place.answer(&json!({})).to_string().len();
    let filled = |length: usize| place.changed(&json!({"x": "x".repeat(length - short - ",\"x\":\"\"".len())}));
    assert_eq!(asked_for(&place, &filled(4096), 3), 1);
    assert_eq!(asked_for(&place, &filled(4097), 3), 3);
    let before = place.asked();
    for change in [json!({"active": false}), json!({"active": "true"}), json!({"exp": "soon"})] {
        let token = place.changed(&change);
        let code = if change["exp"].is_null() { "introspection_inactive" } else { "claim_type" };
        (0..2).for_each(|_| drop(place.refuses_ana(&token, code)));
    }
    assert_eq!(place.asked(), before + 6);
}

#[test]
fn while_all_places_are_taken_the_next_token_is_asked_about() {
    let place = place("60s");
    let began = Instant::now();
    for _ in 0..256 {
        assert_eq!(asked_for(&place, &place.good(), 1), 1);
    }
    let one_more = place.good();
    let asked = asked_for(&place, &one_more, 2);
    assert!(began.elapsed() < Duration::from_secs(58), "this machine is too slow for this test");
    assert_eq!(asked, 2);
}

#[test]
fn without_the_memory_each_login_asks() {
    let place = place("60s");
    let folder = place.cluster.data_dir().join("pg_dynshmem");
    fs::set_permissions(&folder, Permissions::from_mode(0o500)).expect("a mode");
    let token = place.good();
    assert_eq!(asked_for(&place, &token, 3), 3);
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("a mode");
    assert_eq!(asked_for(&place, &token, 3), 1, "once there is room");
    assert_eq!(place.cluster.incarnation().crashes, 0);
}
