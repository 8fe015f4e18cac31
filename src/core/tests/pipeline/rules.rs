//! Step 9: rules never hold because something is missing.

use super::support::{Login, token};
use oauth_validator_core::Reason::{
    ClaimType, ClientNotAllowed, GroupsOverage, IdToken, IdentityInvalid, IdentityUnverified, RuleFailed,
    SessionClaimInvalid,
};
use serde_json::{Value, json};

fn rule(test: &str) -> Login {
    Login::with_profile(&format!("[[profiles.corp.require]]\nclaim = \"$.x\"\n{test}\n"))
}

fn holds(test: &str, values: &[Value]) {
    for value in values {
        rule(test).grants(&token(json!({"x": value})), "ana");
    }
}

fn fails(test: &str, values: &[Value]) {
    for value in values {
        rule(test).denies(token(json!({"x": value})), RuleFailed);
    }
    let absent = rule(test).decide(token(json!({})).as_bytes());
    assert!(matches!(absent, oauth_validator_core::Decision::Denied(_)), "{test} on nothing");
}

#[test]
fn equals() {
    holds("equals = \"a\"", &[json!("a")]);
    fails("equals = \"a\"", &[json!("b"), json!("A"), json!(["a"]), json!("a "), json!({"a": "a"}), json!("")]);
    holds("equals = true", &[json!(true)]);
    fails("equals = true", &[json!(false), json!("true"), json!(1)]);
    holds("equals = 1", &[json!(1)]);
    holds("equals = 1", &[json!(1.0)]);
    fails("equals = 1", &[json!("1"), json!(true), json!(2), json!(1.5)]);
    holds("equals = [\"a\", 1]", &[json!(["a", 1])]);
    fails("equals = [\"a\", 1]", &[json!(["a"]), json!([1, "a"]), json!("a"), json!(["a", 1, 2])]);
    holds("equals = { a = 1 }", &[json!({"a": 1})]);
    fails("equals = { a = 1 }", &[json!({"a": 1, "b": 2}), json!({}), json!({"a": 2}), json!([1])]);
    holds("equals = 1.5", &[json!(1.5)]);
}

#[test]
fn one_of_and_none_of() {
    holds("one_of = [\"a\", 1]", &[json!("a"), json!(1)]);
    fails("one_of = [\"a\", 1]", &[json!("1"), json!("b"), json!(["a"]), json!(true)]);
    holds("none_of = [\"a\"]", &[json!("b"), json!("")]);
    fails("none_of = [\"a\"]", &[json!("a"), json!(7), json!(["b"]), json!({})]);
    // A number is not another one because it is spelled otherwise.
    fails("none_of = [1]", &[json!(1), json!(1.0), json!("2")]);
    holds("none_of = [1]", &[json!(2), json!(1.5)]);
}

#[test]
fn matches_in_full() {
    holds("matches = '[a-z]+|[0-9]+'", &[json!("abc"), json!("123")]);
    fails(
        "matches = '[a-z]+|[0-9]+'",
        &[json!("abc1"), json!("abc\n"), json!("\nabc"), json!(123), json!(""), json!(["abc"])],
    );
    holds("matches = 'repo:octo/.*'", &[json!("repo:octo/x")]);
    fails("matches = 'repo:octo/.*'", &[json!("repo:octo2/x"), json!("xrepo:octo/x"), json!("repo:octo/x\nevil")]);
}

#[test]
fn contains_an_element() {
    holds("contains = \"a\"", &[json!(["a"]), json!(["b", "a"])]);
    holds("contains = \"a\"", &[json!("a")]);
    fails("contains = \"a\"", &[json!("xax"), json!("b a"), json!(["A"]), json!([]), json!([["a"]]), json!({"a": 1})]);
    fails("contains = \"a\"", &[json!({"x": "a"}), Value::Null, json!(1), json!("")]);
    holds("contains = 1", &[json!([1.0])]);
    fails("contains = 1", &[json!(1), json!("1"), json!(["1"])]);
}

#[test]
fn contains_none_of_these() {
    let test = "contains_none = [\"a\", \"b\"]";
    holds(test, &[json!(["c"]), json!([]), json!("c"), json!(["aa", "A", "a b"]), json!("a,b"), json!("a b")]);
    fails(test, &[json!("a"), json!(["c", "b"]), json!(["a"]), json!({"c": 1}), Value::Null, json!(true), json!(7)]);
    fails(test, &[json!(["c", 1]), json!(["c", null]), json!(["c", ["a"]]), json!([["c"]]), json!({})]);
}

#[test]
fn a_path_to_the_elements_is_a_path_to_their_list() {
    for claim in ["$.x", "$.x[*]", "$['x'].*"] {
        let login =
            |test: &str| Login::with_profile(&format!("[[profiles.corp.require]]\nclaim = \"{claim}\"\n{test}\n"));
        let (some, none) = (login("contains = \"a\""), login("contains_none = [\"a\"]"));
        for list in [json!("a"), json!(["a"]), json!(["b", "a", "a"])] {
            some.grants(&token(json!({"x": list})), "ana");
            none.denies(token(json!({"x": list})), RuleFailed);
        }
        for list in [json!("b"), json!(["b"]), json!([])] {
            some.denies(token(json!({"x": list})), RuleFailed);
            none.grants(&token(json!({"x": list})), "ana");
        }
        for other in [json!({"b": "b"}), Value::Null, json!(1), json!({})] {
            some.denies(token(json!({"x": other})), RuleFailed);
            none.denies(token(json!({"x": other})), RuleFailed);
        }
        some.denies(token(json!({})), RuleFailed);
        none.denies(token(json!({})), RuleFailed);
    }
    // Of two lists, neither is the one.
    for test in ["contains = \"a\"", "contains_none = [\"z\"]"] {
        let rule = format!("[[profiles.corp.require]]\nclaim = \"$['x', 'y'][*]\"\n{test}\n");
        Login::with_profile(&rule).denies(token(json!({"x": ["a"], "y": ["a"]})), RuleFailed);
    }
}

#[test]
fn present_and_absent() {
    holds("present = true", &[json!("a"), json!(0), json!(false), json!([]), json!("")]);
    fails("present = true", &[]);
    rule("absent = true").grants(&token(json!({})), "ana");
    for value in [json!("a"), json!(false), json!([])] {
        rule("absent = true").denies(token(json!({"x": value})), RuleFailed);
    }
}

#[test]
fn several_nodes_are_never_one() {
    for test in ["equals = \"a\"", "one_of = [\"a\"]", "none_of = [\"b\"]", "matches = 'a'"] {
        let login = Login::with_profile(&format!("[[profiles.corp.require]]\nclaim = \"$.x[*]\"\n{test}\n"));
        login.denies(token(json!({"x": ["a", "a"]})), RuleFailed);
    }
}

/// A search that is given up is not "nothing", which `absent` rules and fallbacks would take for a pass.
#[test]
fn what_is_not_searched_to_its_end_denies() {
    let hostile = json!({"x": vec![0; 3000]});
    for test in ["equals = 1", "none_of = [1]", "present = true", "contains = 1", "contains_none = [\"a\"]"] {
        let rule = format!("[[profiles.corp.require]]\nclaim = \"$..[?$..[?@ == 1]]\"\n{test}\n");
        let denial = Login::with_profile(&rule).denies(token(hostile.clone()), RuleFailed);
        assert!(denial.detail.contains("given up"), "{}", denial.detail);
    }
}

/// Every step that looks for a claim denies if the search was given up, each with its own code.
#[test]
fn no_step_takes_a_search_that_was_given_up_for_nothing() {
    let path = "$..[?$..[?@ == 'x']].a";
    let fallback = "fallback = { claim = \"$.sub\", prefix = \"app:\" }";
    for (profile, reason) in [
        (format!("identity = {{ claim = \"{path}\", {fallback} }}\n"), IdentityInvalid),
        (
            format!("identity = {{ claim = \"$.none\", fallback = {{ claim = \"{path}\", prefix = \"app:\" }} }}\n"),
            IdentityInvalid,
        ),
        (
            format!("identity = {{ claims = {{ a = \"$.sub\", b = \"{path}\" }}, format = \"{{a}}:{{b}}\" }}\n"),
            IdentityInvalid,
        ),
        (format!("identity = {{ claim = \"$.sub\", verified_by = \"{path}\" }}\n"), IdentityUnverified),
        (format!("clients = {{ claims = [\"{path}\", \"$.client_id\"], allow = [\"psql\"] }}\n"), ClientNotAllowed),
        (format!("scope = {{ claim = \"{path}\", required = [\"db.connect\"] }}\n"), ClaimType),
        (format!("roles = {{ claim = \"{path}\", exact = true }}\n"), ClaimType),
        (format!("roles = {{ names_of = \"{path}\", exact = true }}\n"), ClaimType),
        (format!("session = {{ claims = {{ a = \"{path}\" }} }}\n"), SessionClaimInvalid),
        (format!("access_token = [{{ claim = \"{path}\", present = true }}]\n"), IdToken),
    ] {
        let login = Login::with_profile(&profile)
            .request(|request| request.delegate_ident_mapping = profile.starts_with("roles"));
        login.denies(token(json!({"client_id": "psql", "x": vec![0; 3000]})), reason);
    }
}

#[test]
fn absence_is_no_other_shape() {
    let login = Login::with_profile("[[profiles.corp.require]]\nclaim = \"$.x.contractor\"\nabsent = true\n");
    for x in [json!({}), json!({"member": 1}), Value::Null] {
        login.grants(&token(json!({"x": x})), "ana");
    }
    login.grants(&token(json!({})), "ana");
    for x in
        [json!({"contractor": 1}), json!({"contractor": null}), json!(["contractor"]), json!("contractor"), json!(1)]
    {
        login.denies(token(json!({"x": x})), RuleFailed);
    }
    // What was left out is there.
    let login = Login::with_profile("[[profiles.corp.require]]\nclaim = \"$.groups\"\nabsent = true\n");
    login.grants(&token(json!({})), "ana");
    login.denies(token(json!({"_claim_names": {"groups": "src1"}})), GroupsOverage);
    login.denies(token(json!({"hasgroups": true})), GroupsOverage);
}

#[test]
fn every_rule_must_hold() {
    let login = Login::with_profile(
        "[[profiles.corp.require]]\nclaim = \"$.x\"\nequals = 1\n[[profiles.corp.require]]\nclaim = \"$.y\"\nequals = 2\n",
    );
    login.grants(&token(json!({"x": 1, "y": 2})), "ana");
    login.denies(token(json!({"x": 1})), RuleFailed);
    login.denies(token(json!({"y": 2})), RuleFailed);
    let denial = login.denies(token(json!({"x": 1, "y": 3})), RuleFailed);
    assert!(denial.detail.contains("oauth-validator.toml:8"), "{}", denial.detail);
    assert_eq!(denial.authn_id.as_deref(), Some("ana"));
}

#[test]
fn rules_stand_in_for_scopes() {
    let login = Login::with_profile(
        "[profiles.corp.scope]\nclaim = \"none\"\n[[profiles.corp.require]]\nclaim = \"$.x\"\nequals = 1\n",
    );
    login.grants(&token(json!({"scope": null, "x": 1})), "ana");
    login.denies(token(json!({"scope": null, "x": 2})), RuleFailed);
    login.denies(token(json!({"scope": null})), RuleFailed);
}

/// Of a list that was left out of the token, nobody knows all, whatever the rest of what the path selects.
#[test]
fn all_is_nothing_where_a_part_was_left_out() {
    let rule = "[[profiles.corp.require]]\nclaim = \"$['roles', 'groups'][*]\"\nall = true\none_of = [\"a\"]\n";
    let login = Login::with_profile(rule);
    login.grants(&token(json!({"roles": ["a"], "groups": ["a"]})), "ana");
    login.grants(&token(json!({"roles": ["a"]})), "ana");
    login.denies(token(json!({"roles": ["a"], "groups": ["b"]})), RuleFailed);
    login.denies(token(json!({"roles": ["a"], "hasgroups": true})), GroupsOverage);
    login.denies(token(json!({"roles": ["a"], "_claim_names": {"groups": "src1"}})), GroupsOverage);
}
