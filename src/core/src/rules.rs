//! Step 9: the `[[require]]` rules of a profile; and the `[[access_token]]` rules, which tell access tokens from
//! others in step 7. Every rule must hold.
//!
//! A rule never holds because something is missing, was left out, or has another type: `none_of` and `contains_none` on
//! an absent claim fail.

use crate::claim_path::{Listed, Miss, Shape, Unsearchable, type_name};
use crate::compare::equal;
use crate::config::{Config, Rule, Test};
use crate::decision::Denial;
use crate::overage;
use crate::reason::Reason;
use crate::trace::Trace;
use serde_json::Value;

/// Whether all rules of a table hold; otherwise a denial, for `reason` unless a better one is known, that tells of the
/// first one that does not.
pub(crate) fn check(
    (table, rules): (&'static str, &[Rule]),
    claims: &Value,
    config: &Config,
    reason: Reason,
    trace: &mut Trace,
) -> Result<(), Denial> {
    for (number, rule) in rules.iter().enumerate() {
        let found = match found(rule, claims) {
            Ok(found) => found,
            Err(unsearchable) => {
                trace.rule(table, number, false);
                let detail = format!("{}; {unsearchable}.", fails(config, rule));
                return Err(Denial::new(reason, detail).with_hint(Unsearchable::HINT));
            }
        };
        found.facts(rule, trace);
        let holds = found.holds(&rule.test);
        trace.rule(table, number, holds);
        if !holds {
            return Err(failure(config, rule, &found, claims, reason));
        }
    }
    Ok(())
}

/// What the claim of a rule selects, as its test looks at it.
enum Found<'v> {
    Nodes(Vec<&'v Value>),
    Lists(Vec<Listed<'v>>),
    /// For `absent`: whether it is so, and what is selected if it is not.
    Absent(bool, Vec<&'v Value>),
}

fn found<'v>(rule: &Rule, claims: &'v Value) -> Result<Found<'v>, Unsearchable> {
    match &rule.test {
        // What was left out of the token may be the very element that is forbidden.
        Test::ContainsNone(_) if overage::leaves_out(claims, &rule.claim) => Ok(Found::Lists(Vec::new())),
        Test::Contains(_) | Test::ContainsNone(_) => rule.claim.lists(claims).map(Found::Lists),
        Test::Absent => {
            let absent = rule.claim.is_absent(claims) && !overage::leaves_out(claims, &rule.claim);
            Ok(Found::Absent(absent, rule.claim.select(claims)?))
        }
        _ => rule.claim.select(claims).map(Found::Nodes),
    }
}

impl Found<'_> {
    fn holds(&self, test: &Test) -> bool {
        match self {
            Self::Nodes(nodes) => holds(test, nodes),
            Self::Lists(lists) => matches!(lists.as_slice(), [list] if list_holds(test, list)),
            Self::Absent(absent, _) => *absent,
        }
    }

    fn facts(&self, rule: &Rule, trace: &mut Trace) {
        match self {
            Self::Nodes(nodes) | Self::Absent(_, nodes) => {
                if let [node] = nodes.as_slice() {
                    trace.fact(&rule.claim, node);
                }
            }
            Self::Lists(lists) => {
                for value in lists.iter().flat_map(Listed::facts) {
                    trace.fact(&rule.claim, value);
                }
            }
        }
    }
}

fn holds(test: &Test, nodes: &[&Value]) -> bool {
    match (test, nodes) {
        (Test::Present, nodes) => nodes.iter().any(|node| !node.is_null()),
        (Test::Equals(wanted), [node]) => equal(wanted, node),
        (Test::OneOf(wanted), [node]) => wanted.iter().any(|value| equal(value, node)),
        (Test::NoneOf(refused), [node]) => {
            refused.iter().any(|value| same_type(value, node)) && !refused.iter().any(|value| equal(value, node))
        }
        (Test::Matches(pattern), [node]) => node.as_str().is_some_and(|text| pattern.is_match(text)),
        _ => false,
    }
}

/// Of an object under `[*]`, nobody can say whether its values are a list.
fn list_holds(test: &Test, list: &Listed<'_>) -> bool {
    let (Shape::Array | Shape::Text, Some(elements)) = (list.shape, list.elements()) else { return false };
    match test {
        Test::Contains(wanted) => elements.iter().any(|element| equal(wanted, element)),
        Test::ContainsNone(refused) => elements.iter().all(|element| match element {
            Value::String(text) => !refused.contains(text),
            _ => false,
        }),
        _ => false,
    }
}

fn same_type(a: &Value, b: &Value) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b)
}

/// The beginning of a sentence.
fn fails(config: &Config, rule: &Rule) -> String {
    format!("The rule of {} ({}) does not hold", config.place(rule.origin), rule.words())
}

fn failure(config: &Config, rule: &Rule, found: &Found<'_>, claims: &Value, reason: Reason) -> Denial {
    let fails = fails(config, rule);
    if overage::leaves_out(claims, &rule.claim) {
        return Denial::new(Reason::GroupsOverage, format!("{fails}. {}", overage::detail(&rule.claim)));
    }
    let Miss { said, hint } = match found {
        Found::Nodes(nodes) | Found::Absent(_, nodes) => match nodes.as_slice() {
            [] => nothing(rule, claims),
            [Value::Array(_)] if !compares_array(&rule.test) => Miss {
                said: "the claim is an array in the token".to_owned(),
                hint: Some("To look at the elements of an array, write contains or contains_none.".to_owned()),
            },
            [_] => without_hint("the claim selects one value in the token"),
            several => without_hint(&format!("the claim selects {} values in the token", several.len())),
        },
        Found::Lists(lists) => match lists.as_slice() {
            [] => nothing(rule, claims),
            [list] if !matches!(list.shape, Shape::Array | Shape::Text) => {
                without_hint(&format!("the claim is {} in the token, and no list", type_name(list.node)))
            }
            [_] => without_hint(match &rule.test {
                Test::ContainsNone(_) => "the list in the token holds one of these, or what is no string",
                _ => "the list in the token does not hold it",
            }),
            several => without_hint(&format!("the claim selects {} lists in the token", several.len())),
        },
    };
    let denial = Denial::new(reason, format!("{fails}; {said}."));
    match hint {
        Some(hint) => denial.with_hint(hint),
        None => denial,
    }
}

fn nothing(rule: &Rule, claims: &Value) -> Miss {
    rule.claim.miss(claims).unwrap_or_else(|| without_hint("the claim selects nothing in the token"))
}

fn without_hint(said: &str) -> Miss {
    Miss { said: said.to_owned(), hint: None }
}

/// Whether an array may be what the test looks for.
fn compares_array(test: &Test) -> bool {
    match test {
        Test::Equals(wanted) => wanted.is_array(),
        Test::OneOf(values) | Test::NoneOf(values) => values.iter().any(Value::is_array),
        Test::Absent => true,
        _ => false,
    }
}
