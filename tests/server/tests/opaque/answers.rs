//! What the provider answers: who gets in by it, and each way in which an answer is no yes.

use crate::support::Scene;
use oauth_validator_mock_provider::Reply;
use oauth_validator_server_tests::now;
use serde_json::{Value, json};

#[test]
fn an_active_token_lets_in_by_the_map_and_each_login_asks() {
    let place = Scene::start();
    let token = place.good();
    for logins in 1..=3 {
        place.lets_ana_in(&token);
        assert_eq!(place.asked(), logins, "nothing is kept");
    }
    let log = place.cluster.log();
    assert_eq!(log.matches("connection authenticated: identity=\"ana@corp.example\" method=oauth").count(), 3, "{log}");
    assert!(log.contains("oauth_validator: "), "the trace is in the log that is searched for secrets");

    // What RFC 7662 leaves to the provider may be missing.
    let least = json!({"iss": null, "exp": null, "iat": null, "token_type": null});
    place.lets_ana_in(&place.changed(&least));
    // The token is good, and its owner is somebody else to the map.
    let mark = place.cluster.log_mark();
    let stranger = place.changed(&json!({"sub": "eve@corp.example"}));
    let login = oauth_validator_server_tests::Login::new("ana", "postgres").token(&stranger);
    assert_eq!(place.cluster.login(&login).refused().sqlstate, "28000");
    let log = place.cluster.wait_for_log(mark, "FATAL:");
    assert!(log.contains("identity=\"eve@corp.example\"") && !log.contains("oauth_validator: denied"), "{log}");
}

#[test]
fn the_question_is_a_form_with_the_token_in_its_body_alone() {
    let place = Scene::start();
    let token = format!("{}~+/=", place.unknown());
    place.provider.set_reply_about("/introspect", &token, Reply::json(&place.answer(&json!({}))));
    place.lets_ana_in(&token);
    let requests = place.provider.requests();
    let [request] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    assert_eq!((request.method.as_str(), request.query.as_deref()), ("POST", None));
    assert_eq!(request.form(), [("token".to_owned(), token.clone())]);
    assert_eq!(request.header("Content-Type"), Some("application/x-www-form-urlencoded"));
    assert!(request.headers.iter().all(|(_, value)| !value.contains(&token[..16])), "the token is in a header");
}

#[test]
fn what_is_no_yes_is_a_no() {
    let place = Scene::start();
    for (change, code) in [
        (json!({"active": false}), "introspection_inactive"),
        (json!({"active": null}), "introspection_inactive"),
        (json!({"active": "true"}), "introspection_inactive"),
        (json!({"active": 1}), "introspection_inactive"),
        (json!({"aud": "api://reports"}), "audience_mismatch"),
        (json!({"aud": null}), "audience_mismatch"),
        (json!({"aud": {"api://db": true}}), "claim_type"),
        (json!({"scope": "db.read"}), "scope_missing"),
        (json!({"scope": null}), "scope_missing"),
        (json!({"scope": "db.connect.all xdb.connect"}), "scope_missing"),
        (json!({"iat": now() - 900, "exp": now() - 300}), "expired"),
        (json!({"exp": (now() + 600).to_string()}), "claim_type"),
        (json!({"nbf": now() + 300}), "not_yet_valid"),
        (json!({"exp": now() + 90_000}), "lifetime_too_long"),
        (json!({"client_id": "reports"}), "client_not_allowed"),
        (json!({"client_id": null}), "client_not_allowed"),
        (json!({"iss": "https://evil.example"}), "issuer_mismatch"),
        (json!({"iss": ["https://corp.example"]}), "issuer_mismatch"),
        (json!({"token_type": "refresh_token"}), "id_token"),
        (json!({"token_use": "refresh_token"}), "id_token"),
        (json!({"token_type": "DPoP"}), "sender_constrained"),
        (json!({"cnf": {"jkt": "x"}}), "sender_constrained"),
        (json!({"act": {"sub": "bot"}}), "actor_not_allowed"),
        (json!({"sub": null}), "identity_missing"),
        (json!({"sub": "ana@corp.example\n"}), "identity_invalid"),
    ] {
        let asked = place.asked();
        let log = place.refuses_ana(&place.changed(&change), code);
        assert_eq!(place.asked(), asked + 1, "{change}: {log}");
    }
    place.lets_ana_in(&place.good());
    // One that the provider has never seen.
    place.refuses_ana(&place.unknown(), "introspection_inactive");
}

#[test]
fn a_role_follows_from_the_answer_or_is_denied() {
    let place = Scene::start();
    let with = |roles: Value| place.changed(&json!({"roles": roles}));
    for roles in [json!(["DB.Other", "DB.Reader"]), json!("DB.Reader")] {
        place.lets_in("app_reader", &with(roles), "ana@corp.example");
    }
    for (role, roles, code) in [
        ("app_admin", json!(["DB.Reader"]), "role_not_granted"),
        ("app_reader", json!([]), "role_not_granted"),
        ("app_reader", json!(null), "role_not_granted"),
        ("app_reader", json!("DB.Other DB.Reader"), "role_not_granted"),
        ("app_reader", json!(["db.reader", "app_reader"]), "role_not_granted"),
        ("app_reader", json!(["DB.Reader", 1]), "claim_type"),
    ] {
        place.refuses(role, &with(roles), &format!("{code} (profile \"corp\")"));
    }
    // The provider's word comes first.
    let inactive = place.changed(&json!({"active": false, "roles": ["DB.Reader"]}));
    place.refuses("app_reader", &inactive, "introspection_inactive (profile \"corp\")");
}

#[test]
fn tokeninfo_says_yes_by_its_status_and_numbers_in_strings() {
    let place = Scene::start();
    let reply = |change: Value, status: u16| {
        let mut answer = json!({
            "azp": "psql", "aud": "api://db", "sub": "tim", "scope": "openid db.connect", "access_type": "online",
            "exp": (now() + 600).to_string(), "expires_in": "600", "email_verified": "true"
        });
        for (member, value) in change.as_object().expect("an object") {
            answer[member] = value.clone();
        }
        answer.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        let token = place.unknown();
        let reply = Reply::new(status, answer.to_string()).with_header("Content-Type", "application/json");
        place.provider.set_reply_about("/tokeninfo", &token, reply);
        token
    };
    place.lets_in("tim", &reply(json!({}), 200), "tim");
    let requests = place.provider.requests();
    let last = requests.last().expect("a request");
    assert_eq!(
        (last.method.as_str(), last.form()[0].0.as_str(), last.query.as_deref()),
        ("POST", "access_token", None)
    );
    for (change, status, code) in [
        (json!({"azp": "another"}), 200, "client_not_allowed"),
        (json!({"aud": "another"}), 200, "audience_mismatch"),
        (json!({"scope": "openid"}), 200, "scope_missing"),
        (json!({"expires_in": "0"}), 200, "expired"),
        (json!({"exp": null}), 200, "expired"),
        (json!({"exp": "soon"}), 200, "claim_type"),
        (json!({"error": "invalid_token"}), 200, "introspection_inactive"),
        (json!({"error": "invalid_token"}), 400, "introspection_inactive"),
    ] {
        place.refuses("tim", &reply(change, status), &format!("{code} (profile \"accounts\")"));
    }
}
