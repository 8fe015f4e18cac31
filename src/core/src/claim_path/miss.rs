//! Why a path selects nothing: where it leaves the claims, and what is there instead.
//!
//! This is for messages, and decides nothing but [`is_absent`]. It names members as the path does, and types, but never
//! says a value or a name of the token's own.

use super::query::{Segment, Selector};
use super::spelling;
use serde_json::{Map, Value};

/// Where a path leaves the claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Miss {
    /// A sentence without its full stop.
    pub(crate) said: String,
    /// What to do, as a whole sentence, if that is not left to the reader.
    pub(crate) hint: Option<String>,
}

/// Whether a path of names ends at a member that is not there, with objects (or null) all the way to it.
pub(super) fn is_absent(segments: &[Segment], claims: &Value) -> bool {
    let mut nodes = vec![claims];
    for segment in segments {
        let mut next = Vec::new();
        for node in nodes {
            match node {
                Value::Object(members) => {
                    for selector in &segment.selectors {
                        match selector {
                            Selector::Name(name) if !segment.deep => next.extend(members.get(name)),
                            _ => return false,
                        }
                    }
                }
                Value::Null => {}
                _ => return false,
            }
        }
        nodes = next;
    }
    nodes.is_empty()
}

/// Where the path leaves the claims; `None` if it does not, or by something else than a name or a `[*]`.
pub(super) fn of(segments: &[Segment], claims: &Value) -> Option<Miss> {
    let mut node = claims;
    for (at, segment) in segments.iter().enumerate() {
        let here = spelled(segments.get(..at).unwrap_or_default());
        let [selector] = segment.selectors.as_slice() else { return None };
        if segment.deep {
            return None;
        }
        let next = match (selector, node) {
            (Selector::Name(name), Value::Object(members)) => match members.get(name) {
                Some(member) => Some(member),
                None => return Some(no_member(segments, at, members)),
            },
            (Selector::Name(_), Value::Array(_)) => {
                let rest = spelling::segments(segments.get(at..).unwrap_or_default());
                let hint = rest.map(|rest| format!("Write {here}[*]{rest} for all elements of the array."));
                return Some(Miss { said: format!("{here} is an array in the token"), hint });
            }
            (Selector::Index(index), Value::Array(elements)) => {
                usize::try_from(*index).ok().and_then(|at| elements.get(at))
            }
            (Selector::Name(_) | Selector::Index(_) | Selector::Wildcard, other) => return wrong_type(&here, other),
            _ => None,
        };
        node = next?;
    }
    None
}

fn no_member(segments: &[Segment], at: usize, members: &Map<String, Value>) -> Miss {
    let (path, rest) = segments.split_at(at);
    let here = spelled(path);
    let missing = spelling::segments(rest.get(..1).unwrap_or_default()).unwrap_or_default();
    let said = format!("the token has no {here}{missing}");
    Miss { hint: dotted(&here, rest, members), said }
}

/// A name with dots that was written as several steps.
fn dotted(here: &str, rest: &[Segment], members: &Map<String, Value>) -> Option<String> {
    let mut joined = String::new();
    for (at, segment) in rest.iter().enumerate() {
        let [Selector::Name(name)] = segment.selectors.as_slice() else { return None };
        if segment.deep {
            return None;
        }
        joined = if at == 0 { name.clone() } else { format!("{joined}.{name}") };
        if at > 0 && members.contains_key(&joined) {
            let behind = spelling::segments(rest.get(at + 1..)?)?;
            return Some(format!(
                "A name with dots is written in brackets: {here}{}{behind}",
                spelling::bracket(&joined)
            ));
        }
    }
    None
}

/// `None` for an empty array or object, in which there is just nothing.
fn wrong_type(here: &str, node: &Value) -> Option<Miss> {
    let said = match node {
        Value::Array(_) | Value::Object(_) => return None,
        Value::String(text) if holds_json(text) => format!("{here} is a text in the token, with JSON in it"),
        Value::String(_) => format!("{here} is a text in the token, and nothing is below it"),
        other => format!("{here} is {} in the token", type_name(other)),
    };
    let hint = matches!(node, Value::String(text) if holds_json(text))
        .then(|| "No path looks into a text: have the provider write the claim as an object or an array.".to_owned());
    Some(Miss { said, hint })
}

fn holds_json(text: &str) -> bool {
    text.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// What a value is, for a person.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn spelled(path: &[Segment]) -> String {
    match spelling::segments(path) {
        Some(segments) => format!("${segments}"),
        // Filters and slices stand in front: the part of the path is not written out.
        None => "what the path leads to".to_owned(),
    }
}
