//! Neither a token nor a text makes a path slow, and a search that is given up says so.

use super::why;
use crate::claim_path::{ClaimPath, Unsearchable};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Claims as large as the largest token, and as entangled as they may be.
fn hostile() -> [(&'static str, Value); 3] {
    let wide = json!({"x": vec![0; 24_000]});
    let mut deep = json!([vec![0; 900]]);
    for _ in 0..28 {
        deep = json!([deep, vec![0; 800]]);
    }
    let texts = json!({"x": vec!["a".repeat(40); 1_000], "long": "a".repeat(24_000)});
    [("wide", wide), ("deep", json!({"x": deep})), ("texts", texts)]
}

/// Either a path comes to its end or it says that it did not, and both take a moment. It never selects a part.
#[test]
fn no_token_makes_a_path_slow() {
    let began = Instant::now();
    let mut given_up = 0;
    for (name, claims) in hostile() {
        for path in [
            "$..*",
            "$..*..*",
            "$..x..*",
            "$..[?@..x]",
            "$..[?$..x]",
            "$..[?!$..x || $.x == $.long || @ == $]",
            "$..[?$.x == $.x]",
            "$..[?count($..*) > 1]",
            "$..[?length($.long) > 1]",
            "$..[?search($.long, '(a|aa)*b')]",
            "$.x[?match(@, '(a*)*b')]",
            "$.x[*,*,*,*,*,*,*,*][*,*,*,*,*,*,*,*][*,*,*,*,*,*,*,*][*,*,*,*,*,*,*,*]",
            "$.x[?@[?@[?@[?$.x[?@ == 0]]]]]",
        ] {
            let path = ClaimPath::parse(path).unwrap();
            let one = Instant::now();
            let outcome = path.select(&claims);
            assert!(one.elapsed() < Duration::from_secs(5), "{path} on {name}: {:?}", one.elapsed());
            given_up += usize::from(outcome == Err(Unsearchable));
        }
    }
    assert!(given_up >= 8, "{given_up}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

/// One descendant segment always comes to its end.
#[test]
fn large_tokens_are_searched_as_well() {
    for (name, claims) in hostile() {
        for path in ["$..x", "$.x[*]", "$..*", "$..[0]", "$..[?@ == 'b']"] {
            assert!(ClaimPath::parse(path).unwrap().select(&claims).is_ok(), "{path} on {name}");
        }
    }
}

/// The grammar tries several ways at each level, so the levels are limited.
#[test]
fn no_text_makes_the_grammar_slow() {
    let began = Instant::now();
    for (open, close) in [
        ("count(@[?", ")])"),
        ("@[?", "]"),
        ("(", ")"),
        ("!(", ")"),
        ("length(value(@[?", ")]))"),
        ("match(@[?", ", 'a')]"),
        ("count(@[?(", ")])"),
        ("@[", "]"),
    ] {
        for times in [1, 3, 6, 12, 40, 5_000] {
            for inside in ["@.a", "@.a ==", "1"] {
                let text = format!("$[?{}{inside}{}]", open.repeat(times), close.repeat(times));
                let _ = ClaimPath::parse(&text);
            }
            let _ = ClaimPath::parse(&format!("$[?{}", open.repeat(times)));
        }
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn limits_of_a_text_hold_at_their_edges() {
    let long = |length: usize| format!("$.{}", "a".repeat(length));
    assert!(ClaimPath::parse(&format!("{}.b", long(2044))).is_ok());
    assert!(why(&format!("{}.b", long(2045))).contains("longer"));
    let nested = |levels: usize| format!("$[?{}@.a{}]", "(".repeat(levels), ")".repeat(levels));
    assert!(ClaimPath::parse(&nested(11)).is_ok());
    assert!(why(&nested(12)).contains("nested"));
    // Brackets in quotes are no brackets.
    assert!(ClaimPath::parse(&format!("$['{}']", "[(".repeat(50))).is_ok());
    assert!(why("$.a\u{a0}.b").contains("invisible"));
    assert!(why("$.a b").contains("a b needs brackets"));
    assert!(why("$[?@.a b]").contains("white space"));
    assert!(why("$.a ").contains("white space"));
}

/// A text of 24,000 characters costs as much as 375 nodes, however it is looked at.
#[test]
fn a_text_costs_by_its_length() {
    let claims = |nodes: usize| json!({"x": vec![0; nodes], "long": "a".repeat(24_000)});
    let (few, many) = (claims(50), claims(1_000));
    for path in ["$.x[?length($.long) > 1]", "$.x[?search($.long, 'a')]", "$.x[?$.long == $.long]"] {
        let path = ClaimPath::parse(path).unwrap();
        assert_eq!(path.select(&few).map(|nodes| nodes.len()), Ok(50), "{path}");
        assert_eq!(path.select(&many), Err(Unsearchable), "{path}");
    }
}
