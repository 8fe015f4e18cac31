//! What a refusal says to do, where several causes share a code: each hint belongs to its own cause.

use super::key_documents::with;
use super::support::{Login, header_with, says, token};
use oauth_validator_core::Reason::{
    ClaimType, GroupsOverage, IdentityInvalid, IdentityMissing, RoleNotGranted, RuleFailed, TokenMalformed,
    TokenTooLarge,
};
use oauth_validator_core::{KeySet, OnlineAnswer, strict_json_object};
use oauth_validator_fixtures::{keys, mint};
use serde_json::{Value, json};

/// A login to role `reader` by a profile with these `roles`, on a line that delegates.
fn delegated(roles: &str) -> Login {
    Login::with_profile(&format!("roles = {{ {roles} }}\n")).request(|request| {
        request.delegate_ident_mapping = true;
        request.role = "reader".into();
    })
}

#[test]
fn a_malformed_token_is_explained_by_its_shape() {
    let hint = |token: &str| Login::new().denies(token, TokenMalformed).hint;
    for as_given in ["", "a.b.c+", "e30.e30.AB", "W10.e30.AA", "e30.W10.AA"] {
        assert!(hint(as_given).contains("as the provider gave it"), "{as_given}: {}", hint(as_given));
    }
    assert!(hint("e30.e30.").contains("Have the provider sign"));
    assert!(hint("e30.e30.AA==").contains("load balancer"));
    let twice =
        mint::mint_bytes(keys::corp(), "RS256", header_with(json!({})).to_string().as_bytes(), b"{\"a\":1,\"a\":1}");
    assert!(hint(&twice).contains("Have the provider write it once"));
    for remedy in ["opaque", "a.b.c.d.e"] {
        assert_eq!(hint(remedy), TokenMalformed.remedy(), "{remedy}");
    }
    let long = Login::new().denies("a".repeat(65_536), TokenTooLarge);
    assert!(long.hint.contains("fewer claims"), "{}", long.hint);
}

#[test]
fn an_integer_is_told_from_other_values_that_are_no_strings() {
    let hint = |kind: &str, id: Value| {
        let login = Login::with_profile(&format!("identity = {{ claim = \"$.id\", type = \"{kind}\" }}\n"));
        login.denies(token(json!({"id": id})), IdentityInvalid).hint
    };
    for integer in [json!(7), json!(-7), json!(u64::MAX)] {
        assert!(hint("string", integer.clone()).contains("identity.type = \"integer\""), "{integer}");
    }
    for other in [json!(7.5), json!(true), json!({})] {
        assert_eq!(hint("string", other.clone()), IdentityInvalid.remedy(), "{other}");
    }
    assert_eq!(hint("integer", json!("7")), IdentityInvalid.remedy());
    assert!(hint("integer", json!([7])).contains("write $.id[0]"));
}

#[test]
fn a_missing_identity_says_where_its_path_leaves_the_token() {
    let denial = |claim: &str, claims: Value| {
        Login::with_profile(&format!("identity = {{ claim = \"{claim}\" }}\n")).denies(token(claims), IdentityMissing)
    };
    let plain = denial("$.uid", json!({}));
    assert!(plain.detail.ends_with("takes as identity."), "nothing is said twice: {}", plain.detail);
    says(&denial("$.user.name", json!({"user": "x"})), ": $.user is a text in the token, and nothing is below it.");
    assert!(denial("$.user.name", json!({"user.name": "x"})).hint.contains("written in brackets: $['user.name']"));
}

#[test]
fn what_no_roles_come_of_is_explained_by_its_type() {
    let denial = |roles: &str, value: Value, reason| delegated(roles).denies(token(json!({"x": value})), reason);
    let claim = "claim = \"$.x\", exact = true";
    assert!(denial("claim = \"$['x','y']\", exact = true", json!({"reader": 1}), ClaimType).hint.contains("names_of"));
    assert_eq!(denial(claim, json!(7), ClaimType).hint, ClaimType.remedy());
    let nested = denial("claim = \"$.x[?@]\", exact = true", json!([["reader"]]), ClaimType);
    assert!(nested.hint.contains("for the elements of the array"), "{nested:?}");
    let names = "names_of = \"$.x\", exact = true";
    for list in [json!(["reader"]), json!("reader")] {
        assert!(denial(names, list, ClaimType).hint.contains("claim = \"$.x\" instead of names_of"));
    }
    assert_eq!(denial(names, json!(7), ClaimType).hint, ClaimType.remedy());
}

#[test]
fn a_text_that_may_hold_several_roles_is_pointed_out() {
    let denial = |roles: &str, value: Value| delegated(roles).denies(token(json!({"x": value})), RoleNotGranted);
    let claim = "claim = \"$.x\", exact = true";
    for text in ["a reader", "a,reader", "a;reader"] {
        assert!(denial(claim, json!(text)).hint.contains("roles.separator"), "{text}");
    }
    let elements = "claim = \"$.x[*]\", exact = true";
    for whole in [json!("readers"), json!(["a reader"]), json!(["a", "b"])] {
        let denial = denial(elements, whole);
        assert_eq!(denial.hint, RoleNotGranted.remedy());
        says(&denial, "No value of the token's $.x[*] grants the role asked for");
    }
    let taken_apart = denial(&format!("{claim}, separator = \",\""), json!("a b,c"));
    assert_eq!(taken_apart.hint, RoleNotGranted.remedy(), "it is taken apart already");
    let names = denial("names_of = \"$.x\", exact = true", json!({"a reader": 1}));
    assert_eq!(names.hint, RoleNotGranted.remedy());
    says(&denial(elements, json!([])), "finds no value in the token");
    says(&delegated(claim).denies(token(json!({})), RoleNotGranted), "finds no value: the token has no $.x");
}

#[test]
fn a_value_that_grants_under_a_rule_says_so() {
    let require = "require = [{ claim = \"$.acr\", equals = \"gold\" }]";
    let roles = delegated(&format!("claim = \"$.x[*]\", map = {{ a = {{ roles = [\"reader\"], {require} }} }}"));
    roles.grants(&token(json!({"x": ["a"], "acr": "gold"})), "ana");
    let denial = roles.denies(token(json!({"x": ["a"], "acr": "tin"})), RuleFailed);
    says(&denial, "A value of the token's $.x[*] grants the role asked for only where rules hold. The rule of ");
}

#[test]
fn groups_that_were_left_out_are_said_to_be() {
    let roles = delegated("claim = \"$.groups\", exact = true");
    says(
        &roles.denies(token(json!({"hasgroups": true})), GroupsOverage),
        "says that it leaves out the groups of a user",
    );
}

#[test]
fn keys_that_cannot_be_used_are_named_with_what_to_do() {
    let read = |keys: Value| KeySet::from_jwks(json!({"keys": keys}).to_string().as_bytes());
    let broken = with(keys::corp().public_jwk(), "e", "AQ");
    let error = read(json!([broken])).expect_err("no usable key");
    assert!(error.hint().is_some_and(|hint| hint.contains("Have the provider mend these keys")));
    assert_eq!(read(json!([])).expect_err("no key at all").hint(), None);
    assert_eq!(KeySet::from_jwks(b"{}").expect_err("no document").hint(), None);
    assert_eq!(KeySet::from_pem(b"").expect_err("no document").hint(), None);

    let encrypts = with(keys::p384().public_jwk(), "use", "enc");
    let nameless = json!({"kty": "OKP"});
    let set = read(json!([keys::partner().public_jwk(), encrypts, broken, nameless])).expect("one good key");
    let said = set.malformed_keys().expect("two are malformed");
    assert!(said.starts_with("a key is left out: key 3: ") && said.contains("(kid \"corp-rsa\"); key 4: "), "{said}");
    assert!(!said.contains("key 2") && !said.ends_with(')'), "{said}");
    assert_eq!(read(json!([keys::partner().public_jwk(), encrypts])).expect("a key").malformed_keys(), None);
}

#[test]
fn json_of_others_is_one_object_without_duplicates() {
    let members = strict_json_object(b" {\"a\": [1]} ").expect("an object");
    assert_eq!(Value::Object(members), json!({"a": [1]}));
    let deep = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    assert!(strict_json_object(deep(32).as_bytes()).is_some());
    for other in ["", "[]", "1", "{\"a\":1,\"a\":1}", "{} {}", "{\"a\":}", "{\"a\":\"\\ud800\"}", &deep(33)] {
        assert_eq!(strict_json_object(other.as_bytes()), None, "{other}");
    }
    assert_eq!(strict_json_object(b"{\"a\":\"\xff\"}"), None);
}

#[test]
fn a_rule_that_fails_says_what_the_claim_is_instead() {
    let denial = |rule: &str, value: Value| {
        let login = Login::with_profile(&format!("[[profiles.corp.require]]\n{rule}\n"));
        login.denies(token(json!({"x": value})), RuleFailed)
    };
    let one = |test: &str, value: Value| denial(&format!("claim = \"$.x\"\n{test}"), value);
    let all = "claim = \"$.x[*]\"\nall = true\nequals = \"a\"";
    says(&denial(all, json!(["a", "b"])), "the claim selects 2 values in the token, and it does not hold of each.");
    says(&denial(all, json!(["b"])), "the claim selects one value in the token.");

    for test in ["equals = \"a\"", "one_of = [\"a\"]", "none_of = [\"b\"]", "matches = 'a'"] {
        let denial = one(test, json!(["a"]));
        says(&denial, "the claim is an array in the token.");
        assert!(denial.hint.contains("write contains or contains_none"), "{denial:?}");
    }
    for test in ["equals = [\"b\"]", "one_of = [[\"b\"]]", "none_of = [[\"a\"]]", "absent = true"] {
        let denial = one(test, json!(["a"]));
        says(&denial, "the claim selects one value in the token.");
        assert_eq!(denial.hint, RuleFailed.remedy(), "{test}");
    }

    says(&one("contains = \"a\"", json!({"a": 1})), "the claim is an object in the token, and no list.");
    says(&one("contains = \"a\"", json!(["b"])), "the list in the token does not hold it.");
    says(
        &one("contains_none = [\"a\"]", json!(["a"])),
        "the list in the token holds one of these, or what is no string.",
    );

    let other = "equals_claim = \"$.y\"";
    says(&one(other, json!("a")), "the token has no $.y.");
    let login = Login::with_profile(&format!("[[profiles.corp.require]]\nclaim = \"$.x\"\n{other}\n"));
    says(&login.denies(token(json!({"x": "a", "y": null})), RuleFailed), "the token has no $.y.");
    says(&login.denies(token(json!({"x": "a", "y": "b"})), RuleFailed), "the two claims differ in the token.");
}

#[test]
fn an_answer_is_not_printed_by_accident() {
    let answer = OnlineAnswer { status: 200, body: "{\"sub\":\"ana\"}".to_owned() };
    let printed = format!("{answer:?}");
    assert!(printed.contains("200") && !printed.contains("ana"), "{printed}");
}
