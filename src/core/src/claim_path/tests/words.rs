//! What is known of a path without claims, and what messages say of it.

use crate::claim_path::{ClaimPath, compile, parse_json_path, spelling::plain};
use serde_json::json;

/// The longest text that is looked at, in bytes, and how deep its brackets may nest.
const MAX_BYTES: usize = 2048;
const MAX_NESTING: usize = 12;

#[test]
fn what_is_probably_meant_is_proposed() {
    for (text, instead) in [
        ("$.resource_access.pg-prod.roles[*]", "$.resource_access['pg-prod'].roles[*]"),
        ("$.cognito:groups", "$['cognito:groups']"),
        ("$.https://corp.example/roles[*]", "$['https://corp.example/roles'][*]"),
        ("$..pg-prod", "$..['pg-prod']"),
        ("$[sub]", "$['sub']"),
        ("$.a[pg-prod].b", "$.a['pg-prod'].b"),
        ("$.a b", "$['a b']"),
        ("$.1a", "$['1a']"),
        ("$.it's", "$['it\\'s']"),
        ("$.['a']", "$['a']"),
        ("sub", "$.sub"),
        (".sub", "$.sub"),
        ("['a b']", "$['a b']"),
        (" $.sub", "$.sub"),
        ("a[0].b-c", "$.a[0]['b-c']"),
        ("a[1:].b-c", "$.a[1:]['b-c']"),
        ("a..['b'].c-d", "$.a..['b']['c-d']"),
        ("a['b]c'].d-e", "$.a['b]c']['d-e']"),
        ("a['b[c'].d-e", "$.a['b[c']['d-e']"),
        ("realm_access.roles[*]", "$.realm_access.roles[*]"),
    ] {
        let bad = ClaimPath::parse(text).unwrap_err();
        assert_eq!(bad.instead.as_deref(), Some(instead), "{text}: {}", bad.why);
    }
    for text in
        ["", "$", "$.", "$.a..", "$[", "$['a", "$.a[?@ = 1]", "$.a[?length(@)]", "@.a[?", "$..a..b..c", "a[?@ = 1]"]
    {
        if let Err(bad) = ClaimPath::parse(text) {
            assert_eq!(bad.instead, None, "{text}");
        }
    }
}

#[test]
fn what_a_path_does_besides_naming_members_is_known() {
    for (path, what) in [
        ("$.a", None),
        ("$.a['b.c'].d", None),
        ("$['a', 'b']", None),
        ("$.a[*]", Some("`*`")),
        ("$.a[0].b", Some("an index")),
        ("$.a[1:]", Some("a slice")),
        ("$.a[?@ == 'x']", Some("a filter")),
        ("$['a', ?@.b]", Some("a filter")),
        ("$..a", Some("`..`")),
        ("$.a..b[*]", Some("`..`")),
    ] {
        let path = ClaimPath::parse(path).unwrap();
        assert_eq!(path.more_than_names(), what, "{path}");
        assert_eq!(path.is_deep(), what == Some("`..`"), "{path}");
    }
}

#[test]
fn the_list_behind_a_step_to_elements_is_the_path_without_it() {
    for (path, list) in [
        ("$.groups[*]", Some("$.groups")),
        ("$.groups[0]", Some("$.groups")),
        ("$.realm.roles[?@ == 'x']", Some("$.realm.roles")),
        ("$['a b'][*]", Some("$['a b']")),
        ("$.a[0][*]", Some("$.a[0]")),
        ("$..a[*]", None),
        ("$[*]", None),
        ("$.groups", None),
    ] {
        assert_eq!(ClaimPath::parse(path).unwrap().without_elements().as_deref(), list, "{path}");
    }
}

#[test]
fn a_member_is_absent_only_from_an_object() {
    for (path, claims, absent) in [
        ("$.a", json!({}), true),
        ("$.a", json!({"b": 1}), true),
        ("$.a", json!({"a": null}), false),
        ("$.a", json!({"a": {}}), false),
        ("$.a.b", json!({}), true),
        ("$.a.b", json!({"a": {}}), true),
        ("$.a.b", json!({"a": {"c": 1}}), true),
        ("$.a.b", json!({"a": null}), true),
        ("$.a.b", json!({"a": {"b": false}}), false),
        ("$.a.b", json!({"a": ["b"]}), false),
        ("$.a.b", json!({"a": [{"b": 1}]}), false),
        ("$.a.b", json!({"a": "b"}), false),
        ("$.a.b", json!({"a": "{\"b\": 1}"}), false),
        ("$.a.b", json!({"a": 1}), false),
        ("$['a', 'b']", json!({"c": 1}), true),
        ("$['a', 'b']", json!({"b": 1}), false),
        // Nothing but names can be absent; check refuses these.
        ("$.a[*]", json!({"a": []}), false),
        ("$..a", json!({}), false),
    ] {
        assert_eq!(ClaimPath::parse(path).unwrap().is_absent(&claims), absent, "{path} in {claims}");
    }
}

#[test]
fn a_miss_says_where_the_path_leaves_the_claims() {
    let claims = json!({
        "groups": ["a"], "text": "x", "json": "{\"a\": [1]}", "n": 1, "null": null, "empty": [],
        "digits": "7", "brace": "{x", "list": [{}],
        "resource_access": {"db.corp.example": {"roles": ["reader"]}, "pg": {"roles": []}}
    });
    for (path, said, hint) in [
        ("$.none", "the token has no $.none", None),
        ("$.resource_access.other.roles[*]", "the token has no $.resource_access.other", None),
        (
            "$.resource_access.db.corp.example.roles[*]",
            "the token has no $.resource_access.db",
            Some("A name with dots is written in brackets: $.resource_access['db.corp.example'].roles[*]"),
        ),
        (
            "$.groups.name",
            "$.groups is an array in the token",
            Some("Write $.groups[*].name for all elements of the array."),
        ),
        ("$.text.a", "$.text is a text in the token, and nothing is below it", None),
        ("$.text[0]", "$.text is a text in the token, and nothing is below it", None),
        (
            "$.json.a[*]",
            "$.json is a text in the token, with JSON in it",
            Some("No path looks into a text: have the provider write the claim as an object or an array."),
        ),
        ("$.digits.a", "$.digits is a text in the token, and nothing is below it", None),
        ("$.brace.a", "$.brace is a text in the token, and nothing is below it", None),
        ("$.list[0].a", "the token has no $.list[0].a", None),
        ("$.n.a", "$.n is a number in the token", None),
        ("$.null.a", "$.null is null in the token", None),
    ] {
        let miss = ClaimPath::parse(path).unwrap().miss(&claims).unwrap_or_else(|| panic!("{path}"));
        assert_eq!((miss.said.as_str(), miss.hint.as_deref()), (said, hint), "{path}");
    }
    for path in [
        "$.groups",
        "$.groups[*]",
        "$.groups[7]",
        "$.empty[*]",
        "$..none",
        "$.groups[?@ == 'b']",
        "$.resource_access.pg.roles[*]",
    ] {
        assert_eq!(ClaimPath::parse(path).unwrap().miss(&claims), None, "{path}");
    }
}

#[test]
fn the_first_and_last_names_of_a_path_are_known() {
    for (text, first, last) in [
        ("$.email", &["email"][..], &["email"][..]),
        ("$.user['email']", &["user"], &["email"]),
        ("$['emails'][0]", &["emails"], &["emails"]),
        ("$.emails[*]", &["emails"], &["emails"]),
        ("$['scp', \"roles\"]", &["scp", "roles"], &["scp", "roles"]),
        ("$..email", &["email"], &["email"]),
        ("$.a[?@.b == 'c'].d", &["a"], &["d"]),
        ("$[*].a", &[], &["a"]),
        ("$[0]", &[], &[]),
    ] {
        let path = ClaimPath::parse(text).unwrap();
        assert_eq!((path.first_claims().as_slice(), path.last_claims().as_slice()), (first, last), "{text}");
    }
}

#[test]
fn plain_claims_are_recognised() {
    for text in ["$.email", "$['email']", "$[\"email\"]", "$['\\u0065mail']"] {
        assert_eq!(ClaimPath::parse(text).unwrap().top_level_claim(), Some("email"));
    }
    for text in ["$.a.email", "$..email", "$['email', 'a']", "$", "$[0]", "$['email'][*]"] {
        assert_eq!(ClaimPath::parse(text).unwrap().top_level_claim(), None, "{text}");
    }
}

/// Every path of up to four of these pieces.
#[test]
fn the_short_way_gives_the_query_of_the_grammar() {
    let pieces = [
        ".a", "._x", ".a1_B", ".true", "[*]", ".*", "[0]", "['a']", "..", ".", ".1a", ".a-b", ".\u{e4}", " ", "[", "*]",
    ];
    let mut paths = vec![String::from("$")];
    let (mut short, mut grammar) = (0, 0);
    for _ in 0..4 {
        let longer = paths.iter().flat_map(|path| pieces.map(|piece| format!("{path}{piece}")));
        paths = longer.collect();
        for text in &paths {
            let Some(segments) = plain(text) else {
                grammar += 1;
                continue;
            };
            let tree = parse_json_path(text).unwrap_or_else(|error| panic!("{text} is no path: {error}"));
            let query = compile::query(tree).unwrap();
            assert_eq!(format!("{segments:?}"), format!("{:?}", query.segments), "{text}");
            short += 1;
        }
    }
    // Five of the pieces, and `[*]` made of `[` and `*]`.
    assert!(short > 5 + 25 + 125 + 625 && grammar > 60_000, "{short} {grammar}");
    for text in ["", "$", "$.", "a", ".a", "$a", "$.a ", " $.a", "@.a", &format!("$.{}", "a".repeat(2047))] {
        assert!(plain(text).is_none(), "{text}");
    }
}

#[test]
fn a_text_is_looked_at_up_to_its_longest_and_as_deep_as_it_nests() {
    let named = |bytes: usize| format!("$['{}']", "a".repeat(bytes - "$['']".len()));
    assert!(ClaimPath::parse(&named(MAX_BYTES)).is_ok());
    let why = ClaimPath::parse(&named(MAX_BYTES + 1)).unwrap_err().why;
    assert_eq!(why, format!("it is longer than {MAX_BYTES} bytes"));
    let odd = |bytes: usize| format!("$.['{}']", "a".repeat(bytes - "$.['']".len()));
    assert_eq!(ClaimPath::parse(&odd(MAX_BYTES)).unwrap_err().instead, Some(named(MAX_BYTES - 1)));
    assert_eq!(ClaimPath::parse(&odd(MAX_BYTES + 2)).unwrap_err().instead, None);
    // One behind the other they nest no deeper, and in quotes they are none.
    assert!(ClaimPath::parse(&format!("${}", "['a']".repeat(MAX_NESTING + 1))).is_ok());
    assert!(ClaimPath::parse(&format!("$['it\\'s {}']", "(".repeat(MAX_NESTING + 1))).is_ok());
    let why = ClaimPath::parse(&format!("$.a{}", "[?(".repeat(MAX_NESTING))).unwrap_err().why;
    assert!(why.contains("nested more than"), "{why}");
}
