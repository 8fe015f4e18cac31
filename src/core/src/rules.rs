//! Step 9: the `[[require]]` rules of a profile; and the `[[access_token]]` rules, which tell access tokens from
//! others in step 7. Every rule must hold.
//!
//! A rule never holds because something is missing or has another type: `none_of` on an absent claim fails.

use crate::config::{Config, Rule, Test};
use crate::trace::Trace;
use serde_json::Value;

/// Whether all rules hold; otherwise what is said of the first one that does not.
pub(crate) fn check(rules: &[Rule], claims: &Value, config: &Config, trace: &mut Trace) -> Result<(), String> {
    for rule in rules {
        let nodes = rule.claim.select(claims);
        if let [node] = nodes.as_slice() {
            trace.fact(&rule.claim, node);
        }
        if !holds(&rule.test, &nodes) {
            return Err(failure(config, rule, nodes.len()));
        }
    }
    Ok(())
}

fn holds(test: &Test, nodes: &[&Value]) -> bool {
    match (test, nodes) {
        (Test::Present, nodes) => nodes.iter().any(|node| !node.is_null()),
        (Test::Absent, nodes) => nodes.is_empty(),
        (Test::Equals(wanted), [node]) => equal(wanted, node),
        (Test::OneOf(wanted), [node]) => wanted.iter().any(|value| equal(value, node)),
        (Test::NoneOf(refused), [node]) => {
            refused.iter().any(|value| same_type(value, node)) && !refused.iter().any(|value| equal(value, node))
        }
        (Test::Matches(pattern), [node]) => node.as_str().is_some_and(|text| pattern.is_match(text)),
        (Test::Contains(wanted), [node]) => {
            node.as_array().is_some_and(|array| array.iter().any(|value| equal(wanted, value)))
        }
        _ => false,
    }
}

/// Equality of JSON values. Numbers are equal if they are the same number: 1 and 1.0 are, or a token could slip
/// through `none_of` by its spelling.
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || (x.is_f64() || y.is_f64()) && x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| equal(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(name, x)| y.get(name).is_some_and(|y| equal(x, y)))
        }
        _ => a == b,
    }
}

fn same_type(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

fn failure(config: &Config, rule: &Rule, selected: usize) -> String {
    let wanted = match &rule.test {
        Test::Equals(_) => "equals",
        Test::OneOf(_) => "one_of",
        Test::NoneOf(_) => "none_of",
        Test::Matches(_) => "matches",
        Test::Contains(_) => "contains",
        Test::Present => "present",
        Test::Absent => "absent",
    };
    let found = match selected {
        0 => "nothing".to_owned(),
        1 => "one value".to_owned(),
        several => format!("{several} values"),
    };
    format!(
        "The rule of {} ({} {wanted}) does not hold; the claim selects {found} in the token.",
        config.place(rule.origin),
        rule.claim
    )
}
