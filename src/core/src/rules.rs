//! Step 9: the `[[require]]` rules of a profile. Every rule must hold.
//!
//! A rule never holds because something is missing or has another type: `none_of` on an absent claim fails.

use crate::claims::Accepted;
use crate::config::{Config, Profile, Rule, Test};
use crate::decision::Denial;
use crate::reason::Reason;
use crate::trace::Trace;
use serde_json::Value;

/// Checks the rules; `Ok` holds how many there were.
pub(crate) fn check(
    accepted: &Accepted,
    config: &Config,
    profile: &Profile,
    trace: &mut Trace,
) -> Result<usize, Denial> {
    for rule in &profile.require {
        let nodes = rule.claim.select(accepted.claims());
        if let [node] = nodes.as_slice() {
            trace.fact(&rule.claim.to_string(), node);
        }
        if !holds(&rule.test, &nodes) {
            return Err(Denial::new(Reason::RuleFailed, detail(config, rule, nodes.len())));
        }
    }
    Ok(profile.require.len())
}

fn holds(test: &Test, nodes: &[&Value]) -> bool {
    match test {
        Test::Present => return nodes.iter().any(|node| !node.is_null()),
        Test::Absent => return nodes.is_empty(),
        _ => {}
    }
    let [node] = nodes else {
        return false;
    };
    match test {
        Test::Equals(wanted) => *node == wanted,
        Test::OneOf(wanted) => wanted.contains(node),
        Test::NoneOf(refused) => refused.iter().any(|value| same_type(value, node)) && !refused.contains(node),
        Test::Matches(pattern) => node.as_str().is_some_and(|text| pattern.is_match(text)),
        Test::Contains(wanted) => node.as_array().is_some_and(|array| array.contains(wanted)),
        Test::Present | Test::Absent => false,
    }
}

fn same_type(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

fn detail(config: &Config, rule: &Rule, selected: usize) -> String {
    let place = config.place(&crate::config::At { value: (), line: rule.line });
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
        0 => "selects nothing in the token".to_owned(),
        1 => "selects one value in the token".to_owned(),
        several => format!("selects {several} values in the token"),
    };
    format!("The rule of {place} ({} {wanted}) does not hold; the claim {found}.", rule.claim)
}
