//! What each section of RFC 9535 that a claim path can use gives, and what is refused.

use super::{gives, nodes, refused, why};
use serde_json::json;

#[test]
fn root_and_names() {
    let claims =
        json!({"sub": "s", "a b": 1, "it's": 2, "q\"": 3, "\u{263a}": 4, "": 5, "a": {"b": null}, "back\\": 6});
    gives(
        &claims,
        &[
            ("$", json!([claims])),
            ("$.sub", json!(["s"])),
            ("$['sub']", json!(["s"])),
            ("$[\"sub\"]", json!(["s"])),
            ("$['a b']", json!([1])),
            ("$['it\\'s']", json!([2])),
            ("$[\"it's\"]", json!([2])),
            ("$['q\"']", json!([3])),
            ("$.\u{263a}", json!([4])),
            ("$['\\u263A']", json!([4])),
            ("$['']", json!([5])),
            ("$.a.b", json!([null])),
            ("$['a']['b']", json!([null])),
            ("$ .a ['b']", json!([null])),
            ("$['back\\\\']", json!([6])),
            ("$.Sub", json!([])),
            ("$.sub.length", json!([])),
            ("$['sub','a b','sub']", json!(["s", 1, "s"])),
        ],
    );
    refused(&[
        "",
        "sub",
        "@.sub",
        " $.sub",
        "$.sub ",
        "$.",
        "$..",
        "$[",
        "$[]",
        "$['sub",
        "$['a'",
        "$.1a",
        "$.a-b",
        "$.'a'",
        "$.a b",
        "$. a",
        "$.a. b",
        "$[a]",
        "$['\\x41']",
        "$['\\uD800']",
        "$['a\tb']",
        "$[`a`]",
        "$.a\u{a0}",
        "$.a\u{3000}",
        "$\u{a0}.a",
        "$.a\u{85}.b",
        "$a",
        "$$",
        "$.sub..",
        "$['a',]",
        "$.a#",
        "$.a,b",
    ]);
}

#[test]
fn wildcards() {
    let claims = json!({"a": [1, [2]], "o": {"x": 3, "y": {"z": 4}}, "t": "text"});
    gives(
        &claims,
        &[
            ("$.a[*]", json!([1, [2]])),
            ("$.a.*", json!([1, [2]])),
            ("$.o[*]", json!([3, {"z": 4}])),
            ("$.t[*]", json!([])),
            ("$.a[*][*]", json!([2])),
            ("$.a[*,*]", json!([1, [2], 1, [2]])),
            ("$[*].z", json!([])),
            ("$.none[*]", json!([])),
        ],
    );
    refused(&["$*", "$.**", "$[**]", "$.a*"]);
}

#[test]
fn indexes() {
    let claims = json!({"a": ["x", "y", "z"], "o": {"0": "not this"}, "t": "text"});
    gives(
        &claims,
        &[
            ("$.a[0]", json!(["x"])),
            ("$.a[-1]", json!(["z"])),
            ("$.a[-3]", json!(["x"])),
            ("$.a[-4]", json!([])),
            ("$.a[3]", json!([])),
            ("$.a[2,0]", json!(["z", "x"])),
            ("$.a[9007199254740991]", json!([])),
            ("$.o[0]", json!([])),
            ("$.o['0']", json!(["not this"])),
            ("$.t[0]", json!([])),
        ],
    );
    refused(&[
        "$.a[01]",
        "$.a[-0]",
        "$.a[1.0]",
        "$.a[1e0]",
        "$.a[+1]",
        "$.a[- 1]",
        "$.a[1 2]",
        "$.a[9007199254740992]",
    ]);
}

#[test]
fn slices() {
    let claims = json!({"a": [0, 1, 2, 3, 4], "o": {"x": 1}, "e": [], "t": "text"});
    gives(
        &claims,
        &[
            ("$.a[1:3]", json!([1, 2])),
            ("$.a[3:]", json!([3, 4])),
            ("$.a[:-3]", json!([0, 1])),
            ("$.a[:]", json!([0, 1, 2, 3, 4])),
            ("$.a[::2]", json!([0, 2, 4])),
            ("$.a[::-1]", json!([4, 3, 2, 1, 0])),
            ("$.a[3:0:-2]", json!([3, 1])),
            ("$.a[-1:-3:-1]", json!([4, 3])),
            ("$.a[::0]", json!([])),
            ("$.a[7:]", json!([])),
            ("$.a[-9:9]", json!([0, 1, 2, 3, 4])),
            ("$.a[9:-9:-1]", json!([4, 3, 2, 1, 0])),
            ("$.a[0:5:9007199254740991]", json!([0])),
            ("$.e[:]", json!([])),
            ("$.e[::-1]", json!([])),
            ("$.o[:]", json!([])),
            ("$.t[:]", json!([])),
        ],
    );
    refused(&["$.a[1:2:3:4]", "$.a[01:2]", "$.a[1:a]", "$.a[:9007199254740992]", "$.a[1.5:2]"]);
}

#[test]
fn descendants() {
    let claims = json!({"a": {"g": [1, {"g": 2}]}, "g": 3});
    gives(
        &claims,
        &[
            ("$..g", json!([3, [1, {"g": 2}], 2])),
            ("$..[0]", json!([1])),
            ("$..['g', 'a']", json!([3, {"g": [1, {"g": 2}]}, [1, {"g": 2}], 2])),
            ("$.a..g", json!([[1, {"g": 2}], 2])),
            ("$..g..g", json!([2])),
            ("$..none", json!([])),
        ],
    );
    assert_eq!(nodes("$..*", &claims).len(), 6);
    refused(&["$...g", "$.. g", "$..", "$..g..g..g", "$..*..*..*", "$..a[?@..b == 1]..c", "$[?@..a[?$..b]]..c"]);
    assert!(why("$..a..b..c").contains("descendant"));
}

#[test]
fn filters_on_existence_and_logic() {
    let claims = json!({"g": [{"a": 1}, {"a": null}, {"b": false}, "a", ["x"], []], "o": {"x": {"a": 0}, "y": {}}});
    gives(
        &claims,
        &[
            ("$.g[?@.a]", json!([{"a": 1}, {"a": null}])),
            ("$.g[?!@.a]", json!([{"b": false}, "a", ["x"], []])),
            ("$.g[?@.b]", json!([{"b": false}])),
            ("$.o[?@.a]", json!([{"a": 0}])),
            ("$.g[?@.a && @.a == 1]", json!([{"a": 1}])),
            ("$.g[?@.a || @.b]", json!([{"a": 1}, {"a": null}, {"b": false}])),
            ("$.g[?!(@.a || @.b) && @[0]]", json!([["x"]])),
            ("$.g[?$.o.x]", json!([{"a": 1}, {"a": null}, {"b": false}, "a", ["x"], []])),
            ("$.g[?$.none]", json!([])),
            ("$.g[?@.*]", json!([{"a": 1}, {"a": null}, {"b": false}, ["x"]])),
            ("$.g[?@..a]", json!([{"a": 1}, {"a": null}])),
        ],
    );
}

/// A filter directly behind `@`: its library finds nothing there, ever.
#[test]
fn filters_in_filters() {
    let claims = json!({
        "orgs": {"acme": ["member", "contractor"], "beta": ["member"], "none": [], "text": "contractor"},
        "g": [["a", "b"], ["c"], [["b"]]]
    });
    gives(
        &claims,
        &[
            ("$.orgs[?@[?@ == 'contractor']]", json!([["member", "contractor"]])),
            ("$.orgs[?@[?@ == 'nobody']]", json!([])),
            ("$.orgs[?!@[?@ == 'contractor']]", json!([["member"], [], "contractor"])),
            ("$.g[?@[?@ == 'b']]", json!([["a", "b"]])),
            ("$.g[?@[?@[?@ == 'b']]]", json!([[["b"]]])),
            ("$.g[?count(@[?@ == 'b']) == 1]", json!([["a", "b"]])),
            ("$.g[?value(@[?@ == 'c']) == 'c']", json!([["c"]])),
            ("$.g[?@[*][?@ == 'b']]", json!([[["b"]]])),
            ("$[?@[?@[?@ == 'member']]].acme", json!([["member", "contractor"]])),
        ],
    );
}

#[test]
fn comparisons() {
    let claims = json!({"v": [1, 1.0, "1", true, null, [1], {"a": 1}, 2, "b"], "one": 1, "none": {}});
    gives(
        &claims,
        &[
            ("$.v[?@ == 1]", json!([1, 1.0])),
            ("$.v[?@ == 1e0]", json!([1, 1.0])),
            ("$.v[?@ == '1']", json!(["1"])),
            ("$.v[?@ == true]", json!([true])),
            ("$.v[?@ == null]", json!([null])),
            ("$.v[?@ == $.one]", json!([1, 1.0])),
            ("$.v[?@ != 1]", json!(["1", true, null, [1], {"a": 1}, 2, "b"])),
            ("$.v[?@ > 1]", json!([2])),
            ("$.v[?@ >= 1]", json!([1, 1.0, 2])),
            ("$.v[?@ < 2]", json!([1, 1.0])),
            ("$.v[?@ > 'a']", json!(["b"])),
            ("$.v[?@ <= '1']", json!(["1"])),
            ("$.v[?@ <= true]", json!([true])),
            ("$.v[?@.a == 1]", json!([{"a": 1}])),
            ("$.v[?@[0] == 1]", json!([[1]])),
            // Nothing equals nothing, and has no order.
            ("$.v[?$.none.a == $.none.b]", claims["v"].clone()),
            ("$.v[?$.none.a < 1]", json!([])),
            ("$.v[?$.none.a == null]", json!([])),
            ("$.v[?1 == 1]", claims["v"].clone()),
            ("$[?@ == @]", json!(["none", "one", "v"].map(|name| claims[name].clone()))),
        ],
    );
}

#[test]
fn numbers_are_compared_exactly() {
    let large = json!({"v": [9_007_199_254_740_993_i64, 9_007_199_254_740_992_i64, 1e-20]});
    gives(
        &large,
        &[
            ("$.v[?@ == 0]", json!([])),
            ("$.v[?@ > 9007199254740991]", json!([9_007_199_254_740_993_i64, 9_007_199_254_740_992_i64])),
        ],
    );
}

#[test]
fn what_is_no_comparison_is_refused() {
    refused(&[
        "$.v[?@ = 1]",
        "$.v[?@ === 1]",
        "$.v[?@ <> 1]",
        "$.v[?@.* == 1]",
        "$.v[?@..a == 1]",
        "$.v[?@[0, 1] == 1]",
        "$.v[?@[0:1] == 1]",
        "$.v[?@[?@.a] == 1]",
        "$.v[?@ == [1]]",
        "$.v[?@ == {}]",
        "$.v[?1]",
        "$.v[?'a']",
        "$.v[?true]",
        "$.v[?@ == 01]",
        "$.v[?@ == .5]",
        "$.v[?@ == 1.]",
        "$.v[?@ == +1]",
        "$.v[?@ == True]",
        "$.v[?@ == 'a]",
        "$.v[?]",
        "$.v[?@ == 1e999]",
        "$.v[?(@ == 1]",
        "$.v[?@ == 1)]",
        "$.v[?@ =~ 'a']",
        "$.v[?@ == 1 and @ == 2]",
        "$.v[?@.a b == 1]",
        "$.v[?!@ == 1]",
        "$.v[?@ & @]",
        "$.v[?@ == a]",
    ]);
}

#[test]
fn functions() {
    let claims = json!({"v": ["ab", "\u{1f600}", ["x", "y"], {"a": 1}, 7, null], "n": 2});
    gives(
        &claims,
        &[
            ("$.v[?length(@) == 2]", json!(["ab", ["x", "y"]])),
            ("$.v[?length(@) == 1]", json!(["\u{1f600}", {"a": 1}])),
            ("$.v[?length(@) == $.n]", json!(["ab", ["x", "y"]])),
            ("$.v[?length(@) == length(@.none)]", json!([7, null])),
            ("$.v[?count(@.*) == 2]", json!([["x", "y"]])),
            ("$.v[?count(@.*) > 0]", json!([["x", "y"], {"a": 1}])),
            ("$.v[?value(@.*) == 1]", json!([{"a": 1}])),
            ("$.v[?length(value(@.*)) == 1]", json!([])),
            ("$.v[?match(@, 'a.')]", json!(["ab"])),
            ("$.v[?match(@, 'a')]", json!([])),
            ("$.v[?search(@, 'a')]", json!(["ab"])),
            ("$.v[?!search(@, 'a')]", json!(["\u{1f600}", ["x", "y"], {"a": 1}, 7, null])),
            ("$.v[?match(@[0], \"x|z\")]", json!([["x", "y"]])),
            ("$.v[?match('ab', 'ab')]", claims["v"].clone()),
            ("$.v[?match(1, 'a')]", json!([])),
        ],
    );
}

#[test]
fn functions_that_are_misused_are_refused_with_the_reason() {
    for (path, says) in [
        ("$.v[?length(@)]", "compared"),
        ("$.v[?count(@.*)]", "compared"),
        ("$.v[?value(@.a)]", "compared"),
        ("$.v[?length(@.*) < 3]", "select one"),
        ("$.v[?length(@..a) == 1]", "select one"),
        ("$.v[?length(@[0, 1]) == 1]", "select one"),
        ("$.v[?length(@[?@.a]) == 1]", "select one"),
        ("$.v[?length(match(@, 'a')) == 1]", "cannot be compared"),
        ("$.v[?match(@.*, 'a')]", "select one"),
        ("$.v[?match(@, @.a)]", "text in quotes"),
        ("$.v[?match(@, $.n)]", "text in quotes"),
        ("$.v[?search(@, 1)]", "text in quotes"),
        ("$.v[?match(@, value($.n))]", "text in quotes"),
        ("$.v[?match(@, 'a)|(b')]", "pattern"),
        ("$.v[?match(@, '\\\\d')]", "pattern"),
        ("$.v[?search(@, '(?i)a')]", "pattern"),
        ("$.v[?in(@, $.v)]", "function"),
        ("$.v[?nin(@, $.v) || none_of(@, $.v)]", "function"),
        ("$.v[?any_of(@, $.v)]", "function"),
        ("$.v[?subset_of(@, $.v)]", "function"),
    ] {
        assert!(why(path).contains(says), "{path}: {}", why(path));
    }
    refused(&[
        "$.v[?length(1, 2) == 1]",
        "$.v[?length() == 1]",
        "$.v[?length (@) == 1]",
        "$.v[?count(1) == 1]",
        "$.v[?count('a') == 1]",
        "$.v[?value(1) == 1]",
        "$.v[?match(@) == 1]",
        "$.v[?match(@, 'a') == true]",
        "$.v[?match(@, 'a', 'b')]",
        "$.v[?Length(@) == 1]",
        "$.v[?unknown(@)]",
        "$.v[?length(@ == 1) == 1]",
        "$.v[?count(length(@)) == 1]",
        "$.v[?count(@ == 1) == 1]",
        "length($.v)",
    ]);
}

#[test]
fn names_of_real_providers_are_found() {
    let claims = json!({
        "https://corp.example/roles": ["a", "b"],
        "realm_access": {"roles": ["r"]},
        "kubernetes.io": {"serviceaccount": {"uid": "u"}},
        "cognito:groups": ["g"],
    });
    gives(
        &claims,
        &[
            ("$['https://corp.example/roles'][*]", json!(["a", "b"])),
            ("$.realm_access.roles[*]", json!(["r"])),
            ("$['kubernetes.io'].serviceaccount.uid", json!(["u"])),
            ("$[\"cognito:groups\"][0]", json!(["g"])),
            ("$.realm_access.roles[?@ == 'r']", json!(["r"])),
        ],
    );
}
