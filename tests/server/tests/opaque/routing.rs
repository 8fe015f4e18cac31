//! Where a token goes: to the one endpoint that may see it, or nowhere.

use crate::support::{Scene, jwt};
use oauth_validator_mock_provider::Reply;
use serde_json::json;

#[test]
fn a_jwt_goes_to_its_own_issuers_endpoint_alone() {
    let place = Scene::start();
    let own = jwt("https://corp.example", "ana@corp.example");
    place.forbid(&own, "ana");
    place.provider.set_reply_about("/introspect", &own, Reply::json(&place.answer(&json!({}))));
    place.lets_ana_in(&own);
    assert_eq!(place.asked(), 1);

    for issuer in ["https://keys.example", "https://CORP.example", "https://corp.example/", "https://evil.example"] {
        let foreign = jwt(issuer, "ana@corp.example");
        place.forbid(&foreign, issuer);
        place.provider.set_reply_about("/introspect", &foreign, Reply::json(&place.answer(&json!({}))));
        place.refuses_ana(&foreign, "issuer_mismatch");
    }
    assert_eq!(place.provider.connection_count(), 1, "nobody was asked");

    // An answer about another token than the one that was shown.
    let mallory = jwt("https://corp.example", "mallory");
    place.forbid(&mallory, "mallory");
    place.provider.set_reply_about("/introspect", &mallory, Reply::json(&place.answer(&json!({}))));
    place.refuses_ana(&mallory, "introspection_inactive");
    // A signature is worth nothing here: the provider's word is.
    let revoked = jwt("https://corp.example", "ana@corp.example");
    place.forbid(&revoked, "ana");
    let inactive = place.answer(&json!({"active": false}));
    place.provider.set_reply_about("/introspect", &revoked, Reply::json(&inactive));
    place.refuses_ana(&revoked, "introspection_inactive");
}

#[test]
fn an_opaque_token_says_not_which_of_two_profiles_it_is_for() {
    let place = Scene::start();
    let token = place.unknown();
    for path in ["/left", "/right"] {
        place.provider.set_reply_about(path, &token, Reply::json(&place.answer(&json!({"iss": null, "sub": "pia"}))));
    }
    let log = place.refuses("left:pia", &token, "profile_ambiguous");
    assert!(log.contains("Profiles \"left\" and \"right\" may both serve this line"), "{log}");
    assert_eq!(place.provider.connection_count(), 0, "nobody was asked");

    // A JWT says it.
    let own = jwt("https://left.example", "pia");
    place.forbid(&own, "pia");
    let answer = place.answer(&json!({"iss": "https://left.example", "sub": "pia"}));
    place.provider.set_reply_about("/left", &own, Reply::json(&answer));
    place.lets_in("left:pia", &own, "left:pia");
    assert_eq!((place.provider.request_count("/left"), place.provider.request_count("/right")), (1, 0));
}

#[test]
fn an_opaque_token_is_none_where_nobody_is_asked() {
    let place = Scene::start();
    place.refuses("kim", &place.good(), "token_malformed (profile \"keys\")");
    place.refuses("kim", "x", "token_malformed (profile \"keys\")");
    let own = jwt("https://keys.example", "kim");
    place.forbid(&own, "kim");
    place.lets_in("kim", &own, "kim");
    assert_eq!(place.provider.connection_count(), 0, "nobody was asked");
}

#[test]
fn beside_a_profile_with_keys_the_one_that_asks_gets_the_opaque_ones() {
    let place = Scene::start();
    let opaque = place.unknown();
    place.provider.set_reply_about("/ask", &opaque, Reply::json(&place.answer(&json!({"iss": null, "sub": "max"}))));
    place.lets_in("ask:max", &opaque, "ask:max");
    assert_eq!(place.provider.request_count("/ask"), 1);
    let signed = jwt("https://jwt.example", "max");
    place.forbid(&signed, "max");
    place.lets_in("jwt:max", &signed, "jwt:max");
    // Not even one that those keys did not sign is a reason to ask somebody.
    let (head, signature) = signed.rsplit_once('.').expect("three parts");
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let spoiled = format!("{head}.{first}{}", &signature[1..]);
    place.forbid(&spoiled, "max");
    place.refuses("jwt:max", &spoiled, "signature_invalid (profile \"jwt\")");
    assert_eq!(place.provider.connection_count(), 1);
}
