//! What a path selects by RFC 9535 (`nodes`), what it and a token may cost (`bounds`), and what is known and said of it
//! (`words`).

mod bounds;
mod nodes;
mod suite;
mod words;

use super::ClaimPath;
use serde_json::Value;

fn nodes(path: &str, claims: &Value) -> Vec<Value> {
    let path = ClaimPath::parse(path).unwrap_or_else(|bad| panic!("{path}: {}", bad.why));
    path.select(claims).unwrap().into_iter().cloned().collect()
}

/// Each path selects these nodes, in this order.
fn gives(claims: &Value, cases: &[(&str, Value)]) {
    for (path, wanted) in cases {
        assert_eq!(Value::Array(nodes(path, claims)), *wanted, "{path}");
    }
}

fn refused(paths: &[&str]) {
    for path in paths {
        assert!(ClaimPath::parse(path).is_err(), "{path:?} is accepted");
    }
}

fn why(path: &str) -> String {
    ClaimPath::parse(path).unwrap_err().why
}
