//! One clause of a rule: a claim, and what must hold of the nodes that it selects.
//!
//! Must never hold where nothing was compared, and never say a value of the token.

use crate::claim_path::{ClaimPath, ListPath, ListShape, Miss, Unsearchable, type_name};
use crate::compare::equal;
use crate::config::{Clause, Test};
use crate::overage;
use crate::trace::Trace;
use serde_json::Value;

/// Why a clause does not hold.
pub(super) struct ClauseFailure {
    /// A sentence without its full stop.
    pub(super) said: String,
    /// A whole sentence, where the reason's own remedy does not say it.
    pub(super) hint: Option<String>,
    /// Whether the provider left out of the token what the clause looks at.
    pub(super) left_out: bool,
}

impl From<Miss> for ClauseFailure {
    fn from(miss: Miss) -> Self {
        Self { said: miss.said, hint: miss.hint, left_out: false }
    }
}

impl From<Unsearchable> for ClauseFailure {
    fn from(why: Unsearchable) -> Self {
        Self { said: why.to_string(), hint: Some(Unsearchable::HINT.to_owned()), left_out: false }
    }
}

/// Whether a clause holds.
pub(super) fn judge(clause: &Clause, claims: &Value, trace: &mut Trace) -> Result<(), ClauseFailure> {
    let found = found(clause, claims)?;
    found.facts(clause, trace);
    if found.holds(clause) { Ok(()) } else { Err(failure(clause, &found, claims)) }
}

/// What the claim of a clause selects, as its test looks at it.
enum SelectedClaim<'v> {
    Nodes(Vec<&'v Value>),
    Lists(Vec<ListPath<'v>>),
    /// For `absent`: whether it is so, and what is selected if it is not.
    Absent(bool, Vec<&'v Value>),
    /// For `equals_claim`: what both paths select.
    Both(Vec<&'v Value>, Vec<&'v Value>),
}

fn found<'v>(clause: &Clause, claims: &'v Value) -> Result<SelectedClaim<'v>, Unsearchable> {
    match &clause.test {
        // What was left out of the token may be the very element that is forbidden.
        Test::ContainsNone(_) if overage::leaves_out(claims, &clause.claim) => Ok(SelectedClaim::Lists(Vec::new())),
        Test::Contains(_) | Test::ContainsNone(_) => clause.claim.lists(claims).map(SelectedClaim::Lists),
        Test::Absent => {
            let absent = clause.claim.is_absent(claims) && !overage::leaves_out(claims, &clause.claim);
            Ok(SelectedClaim::Absent(absent, clause.claim.select(claims)?))
        }
        Test::EqualsClaim(other) => Ok(SelectedClaim::Both(clause.claim.select(claims)?, other.select(claims)?)),
        // A list that was left out is not known in full.
        _ if clause.all && overage::leaves_out(claims, &clause.claim) => Ok(SelectedClaim::Nodes(Vec::new())),
        _ => clause.claim.select(claims).map(SelectedClaim::Nodes),
    }
}

impl SelectedClaim<'_> {
    fn holds(&self, clause: &Clause) -> bool {
        let test = &clause.test;
        match self {
            Self::Nodes(nodes) if clause.all => !nodes.is_empty() && nodes.iter().all(|node| holds(test, &[node])),
            Self::Nodes(nodes) => holds(test, nodes),
            Self::Lists(lists) => matches!(lists.as_slice(), [list] if list_holds(test, list)),
            Self::Absent(absent, _) => *absent,
            Self::Both(own, other) => match (own.as_slice(), other.as_slice()) {
                ([own], [other]) => !own.is_null() && equal(own, other),
                _ => false,
            },
        }
    }

    fn facts(&self, clause: &Clause, trace: &mut Trace) {
        match self {
            Self::Nodes(nodes) if clause.all => nodes.iter().for_each(|node| trace.fact(&clause.claim, node)),
            Self::Nodes(nodes) | Self::Absent(_, nodes) => one_fact(&clause.claim, nodes, trace),
            Self::Lists(lists) => {
                for value in lists.iter().flat_map(ListPath::facts) {
                    trace.fact(&clause.claim, value);
                }
            }
            Self::Both(own, other) => {
                one_fact(&clause.claim, own, trace);
                if let Test::EqualsClaim(path) = &clause.test {
                    one_fact(path, other, trace);
                }
            }
        }
    }
}

fn one_fact(path: &ClaimPath, nodes: &[&Value], trace: &mut Trace) {
    if let [node] = nodes {
        trace.fact(path, node);
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
fn list_holds(test: &Test, list: &ListPath<'_>) -> bool {
    let (ListShape::Array | ListShape::Text, Some(elements)) = (list.shape, list.elements()) else { return false };
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

fn failure(clause: &Clause, found: &SelectedClaim<'_>, claims: &Value) -> ClauseFailure {
    if let Some(path) = paths(clause).find(|path| overage::leaves_out(claims, path)) {
        let said = overage::detail(path).trim_end_matches('.').to_owned();
        return ClauseFailure { said, hint: None, left_out: true };
    }
    match found {
        SelectedClaim::Nodes(nodes) if clause.all && nodes.len() > 1 => without_hint(&format!(
            "the claim selects {} values in the token, and it does not hold of each",
            nodes.len()
        )),
        SelectedClaim::Nodes(nodes) | SelectedClaim::Absent(_, nodes) => of_nodes(clause, nodes, claims),
        SelectedClaim::Lists(lists) => of_lists(clause, lists, claims),
        SelectedClaim::Both(own, other) => of_both(clause, own, other, claims),
    }
}

/// What a clause looks at.
fn paths(clause: &Clause) -> impl Iterator<Item = &ClaimPath> {
    let other = match &clause.test {
        Test::EqualsClaim(other) => Some(other),
        _ => None,
    };
    std::iter::once(&clause.claim).chain(other)
}

fn of_nodes(clause: &Clause, nodes: &[&Value], claims: &Value) -> ClauseFailure {
    match nodes {
        [] => nothing(&clause.claim, claims),
        [Value::Array(_)] if !compares_array(&clause.test) => ClauseFailure {
            said: "the claim is an array in the token".to_owned(),
            hint: Some("To look at the elements of an array, write contains or contains_none.".to_owned()),
            left_out: false,
        },
        [_] => without_hint("the claim selects one value in the token"),
        several => without_hint(&format!("the claim selects {} values in the token", several.len())),
    }
}

fn of_lists(clause: &Clause, lists: &[ListPath<'_>], claims: &Value) -> ClauseFailure {
    match lists {
        [] => nothing(&clause.claim, claims),
        [list] if !matches!(list.shape, ListShape::Array | ListShape::Text) => {
            without_hint(&format!("the claim is {} in the token, and no list", type_name(list.node)))
        }
        [_] => without_hint(match &clause.test {
            Test::ContainsNone(_) => "the list in the token holds one of these, or what is no string",
            _ => "the list in the token does not hold it",
        }),
        several => without_hint(&format!("the claim selects {} lists in the token", several.len())),
    }
}

fn of_both(clause: &Clause, own: &[&Value], other: &[&Value], claims: &Value) -> ClauseFailure {
    for (path, nodes) in paths(clause).zip([own, other]) {
        match nodes {
            [] => return nothing(path, claims),
            [Value::Null] => return without_hint(&format!("{path} is null in the token")),
            [_] => {}
            several => return without_hint(&format!("{path} selects {} values in the token", several.len())),
        }
    }
    without_hint("the two claims differ in the token")
}

fn nothing(path: &ClaimPath, claims: &Value) -> ClauseFailure {
    path.miss(claims).map_or_else(|| without_hint("the claim selects nothing in the token"), ClauseFailure::from)
}

fn without_hint(said: &str) -> ClauseFailure {
    ClauseFailure { said: said.to_owned(), hint: None, left_out: false }
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
