//! A JSONPath of a configuration on the claims of a token: the path, a zero, and the JSON.

use oauth_validator_core::ClaimPath;
use serde_json::Value;
use std::collections::HashSet;

/// Compiles the path, and has it select in the claims.
pub fn check(data: &[u8]) {
    let zero = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let Ok(text) = std::str::from_utf8(&data[..zero]) else { return };
    let path = match ClaimPath::parse(text) {
        Ok(path) => path,
        Err(bad) => {
            assert!(!bad.why.is_empty());
            // What is proposed instead is one.
            if let Some(instead) = bad.instead {
                assert!(ClaimPath::parse(&instead).is_ok(), "{text:?}: {instead:?} is no path either");
            }
            return;
        }
    };
    assert_eq!(path.to_string(), text, "a path is shown as it was written");
    if let Some(list) = path.without_elements() {
        assert!(ClaimPath::parse(&list).is_ok(), "{text:?}: {list:?} is no path");
    }
    let Ok(claims) = serde_json::from_slice::<Value>(data.get(zero + 1..).unwrap_or_default()) else { return };
    let Ok(nodes) = path.select(&claims) else { return };
    assert_eq!(path.select(&claims).as_ref(), Ok(&nodes), "one path, two selections");
    let mut inside = HashSet::new();
    collect(&claims, &mut inside);
    assert!(nodes.iter().all(|node| inside.contains(&std::ptr::from_ref(*node))), "{text:?} selects what is not there");
    assert!(!path.is_singular() || nodes.len() <= 1, "{text:?} is singular");
    if let Some(name) = path.top_level_claim() {
        assert_eq!(nodes.first().copied(), claims.get(name), "{text:?}");
    }
}

fn collect(value: &Value, inside: &mut HashSet<*const Value>) {
    inside.insert(std::ptr::from_ref(value));
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, inside)),
        Value::Object(members) => members.values().for_each(|member| collect(member, inside)),
        _ => {}
    }
}
