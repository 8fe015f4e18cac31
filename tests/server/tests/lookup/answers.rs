//! What an answer of the userinfo endpoint lets in, what it does not, and for whom nobody is asked.

use crate::support::{Scene, USERINFO};
use oauth_validator_fixtures::{TokenBuilder, keys};
use oauth_validator_mock_provider::Reply;
use oauth_validator_server_tests::now;
use serde_json::json;

#[test]
fn the_right_person_gets_in_by_one_request_that_shows_the_token_as_bearer() {
    let place = Scene::start();
    let token = place.good();
    place.lets_in("ana", &token);
    let requests = place.provider.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let request = &requests[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", USERINFO));
    assert_eq!(request.header("Authorization"), Some(format!("Bearer {token}").as_str()));
    assert_eq!((request.query.as_deref(), request.body.len()), (None, 0), "it is nowhere else");
    place.lets_in("ana", &token);
    assert_eq!(place.asked(), 2, "nothing is kept");
}

#[test]
fn lookups_are_counted_with_what_else_helpers_are_asked() {
    let place = Scene::start();
    let counted = |requests: u32, failures: u32| vec![vec![Some(requests.to_string()), Some(failures.to_string())]];
    assert_eq!(place.helped(), counted(0, 0));
    place.lets_in("ana", &place.good());
    place.refuses_ana(&place.ana(Reply::json(&json!({"sub": "eve", "groups": ["dba"]}))), "lookup_mismatch");
    assert_eq!(place.helped(), counted(2, 0), "an answer that is of no use is one");
    place.provider.stop();
    place.refuses_ana(&place.good(), "lookup_unavailable");
    assert_eq!(place.helped(), counted(3, 1));
    place.lets_in("ana", &place.jwt("https://corp.example", "ana", &json!({"groups": ["dba"]})));
    assert_eq!(place.helped(), counted(3, 1), "nobody was asked");
}

#[test]
fn roles_are_looked_up_and_privileged_ones_ask_nobody() {
    let place = Scene::start();
    place.lets_in("app_reader", &place.good());
    assert_eq!(place.asked(), 1);
    place.refuses("app_admin", &place.good(), "role_privileged");
    assert_eq!(place.asked(), 1);
}

#[test]
fn an_answer_that_does_not_do_lets_nobody_in() {
    let place = Scene::start();
    for (body, code) in [
        (json!({"sub": "eve", "groups": ["dba"]}), "lookup_mismatch"),
        (json!({"sub": "Ana", "groups": ["dba"]}), "lookup_mismatch"),
        (json!({"sub": ["ana"], "groups": ["dba"]}), "lookup_mismatch"),
        (json!({"groups": ["dba"]}), "lookup_mismatch"),
        (json!({"sub": "ana"}), "rule_failed"),
        (json!({"sub": "ana", "groups": ["staff"]}), "rule_failed"),
        (json!({"sub": "ana", "groups": {"dba": true}}), "rule_failed"),
        (json!({"sub": "ana", "groups": null}), "rule_failed"),
        (json!({"sub": "ana", "Groups": ["dba"]}), "rule_failed"),
        (json!(["ana", "dba"]), "lookup_unavailable"),
    ] {
        let (asked, token) = (place.asked(), place.ana(Reply::json(&body)));
        let log = place.refuses_ana(&token, code);
        assert_eq!(place.asked(), asked + 1, "{body}");
        assert!(log.contains("looked up at") || log.contains("The token lacks groups."), "{log}");
    }
    place.lets_in("ana", &place.good());
}

#[test]
fn a_token_that_the_endpoint_does_not_take_is_told_from_an_outage() {
    let place = Scene::start();
    for status in [401, 403] {
        let log = place.refuses_ana(&place.ana(Reply::new(status, "")), "lookup_refused");
        assert!(log.contains("scope openid"), "{log}");
    }
    // One that the provider does not know.
    place.refuses_ana(&place.jwt("https://corp.example", "ana", &json!({"jti": "unknown"})), "lookup_refused");
}

#[test]
fn nobody_is_asked_about_a_token_that_fails_by_itself() {
    let place = Scene::start();
    for (change, code) in [
        (json!({"client_id": "stolen"}), "client_not_allowed"),
        (json!({"client_id": null}), "client_not_allowed"),
        (json!({"aud": "api://other"}), "audience_mismatch"),
        (json!({"exp": now() - 100}), "expired"),
        (json!({"scope": "openid"}), "scope_missing"),
        (json!({"sub": null}), "identity_missing"),
        (json!({"groups": ["staff"]}), "rule_failed"),
        (json!({"groups": null, "cnf": {"jkt": "x"}}), "sender_constrained"),
    ] {
        let token = place.jwt("https://corp.example", "ana", &change);
        place.provider.set_reply_to_bearer(USERINFO, &token, Reply::json(&place.member()));
        place.refuses_ana(&token, code);
    }
    let claims = json!({"iss": "https://corp.example", "sub": "ana", "aud": "api://db", "scope": "db.connect",
        "client_id": "psql", "iat": now(), "exp": now() + 600});
    let forged = TokenBuilder::new(json!({"typ": "at+jwt"}), claims).sign(&keys::partner().with_kid("corp-rsa"));
    place.provider.set_reply_to_get(USERINFO, Reply::json(&place.member()));
    place.refuses_ana(&forged, "signature_invalid");
    place.lets_in("ana", &place.jwt("https://corp.example", "ana", &json!({"groups": ["dba"]})));
    assert_eq!(place.provider.connection_count(), 0, "not one of them had the provider asked");
}

#[test]
fn an_answer_has_64_kilobytes_at_most() {
    let place = Scene::start();
    let sized = |bytes: usize| {
        let mut body = place.member().to_string();
        body.push_str(&" ".repeat(bytes - body.len()));
        place.ana(Reply::new(200, body).with_header("Content-Type", "application/json"))
    };
    place.lets_in("ana", &sized(64 * 1024));
    let log = place.refuses_ana(&sized(64 * 1024 + 1), "lookup_unavailable");
    assert!(log.contains("exceeds 65536 bytes"), "{log}");
}
