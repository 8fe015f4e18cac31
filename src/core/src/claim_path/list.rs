//! The list that a claim is. Providers write a list of one as a plain string (AD FS, Duende, WSO2), so that one path
//! must serve both spellings, with `[*]` at its end or without.
//!
//! A text is never split here, and its parts are never compared.

use super::query::Segment;
use super::{Unsearchable, select};
use serde_json::Value;

/// What a path leads to where a list is expected. A `[*]` at its end is left off for that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ListPath<'v> {
    /// What is there.
    pub(crate) node: &'v Value,
    /// What kind of list it is.
    pub(crate) shape: ListShape,
    /// Whether the path ends in `[*]`.
    elements: bool,
}

/// What kind of list a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListShape {
    /// An array.
    Array,
    /// A string, which is the list that has it as its one element.
    Text,
    /// An object under `[*]`, which selects the values of its members.
    Members,
    /// `null` under `[*]`, which finds nothing in it.
    Nothing,
    /// Anything else is no list.
    Other,
}

impl<'v> ListPath<'v> {
    /// The elements of a list; `None` of what is no list.
    pub(crate) fn elements(&self) -> Option<Vec<&'v Value>> {
        match (self.shape, self.node) {
            (ListShape::Other, _) => None,
            (_, Value::Array(elements)) => Some(elements.iter().collect()),
            (_, Value::Object(members)) => Some(members.values().collect()),
            (_, Value::Null) => Some(Vec::new()),
            (_, text) => Some(vec![text]),
        }
    }

    /// Whether it is an array that a path without `[*]` selects as one value.
    pub(crate) fn is_whole_array(&self) -> bool {
        self.shape == ListShape::Array && !self.elements
    }

    /// What a trace shows: what the path selects, and the one string where it is that.
    pub(crate) fn facts(&self) -> Vec<&'v Value> {
        match self.elements() {
            Some(elements) if self.elements => elements,
            _ => vec![self.node],
        }
    }
}

/// The lists of every node that the path leads to.
pub(super) fn lists<'v>(segments: &[Segment], claims: &'v Value) -> Result<Vec<ListPath<'v>>, Unsearchable> {
    let (elements, path) = match segments.split_last() {
        Some((last, path)) if last.is_elements() => (true, path),
        _ => (false, segments),
    };
    let nodes = select::below(claims, path)?;
    Ok(nodes.into_iter().map(|node| ListPath { node, shape: shape(node, elements), elements }).collect())
}

fn shape(node: &Value, elements: bool) -> ListShape {
    match node {
        Value::Array(_) => ListShape::Array,
        Value::String(_) => ListShape::Text,
        Value::Object(_) if elements => ListShape::Members,
        Value::Null if elements => ListShape::Nothing,
        _ => ListShape::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::ListShape;
    use crate::claim_path::ClaimPath;
    use serde_json::{Value, json};

    fn lists(path: &str, claims: &Value) -> Vec<(ListShape, Option<Vec<Value>>)> {
        let path = ClaimPath::parse(path).unwrap();
        let lists = path.lists(claims).unwrap();
        lists
            .iter()
            .map(|list| (list.shape, list.elements().map(|elements| elements.into_iter().cloned().collect())))
            .collect()
    }

    #[test]
    fn both_spellings_of_a_path_and_of_a_list_are_one_list() {
        for path in ["$.g", "$.g[*]", "$['g'].*"] {
            let array = json!({"g": ["a", ["b"], 1]});
            assert_eq!(lists(path, &array), [(ListShape::Array, Some(vec![json!("a"), json!(["b"]), json!(1)]))]);
            assert_eq!(lists(path, &json!({"g": "a b,c"})), [(ListShape::Text, Some(vec![json!("a b,c")]))], "{path}");
            assert_eq!(lists(path, &json!({"g": []})), [(ListShape::Array, Some(vec![]))], "{path}");
            assert_eq!(lists(path, &json!({"x": "a"})), [], "{path}");
            for other in [json!(1), json!(true)] {
                assert_eq!(lists(path, &json!({"g": other})), [(ListShape::Other, None)], "{path}");
            }
        }
    }

    #[test]
    fn objects_and_null_are_lists_only_to_a_path_that_goes_into_them() {
        let object = json!({"g": {"x": "a", "y": "b"}});
        assert_eq!(lists("$.g", &object), [(ListShape::Other, None)]);
        assert_eq!(lists("$.g[*]", &object), [(ListShape::Members, Some(vec![json!("a"), json!("b")]))]);
        assert_eq!(lists("$.g", &json!({"g": null})), [(ListShape::Other, None)]);
        assert_eq!(lists("$.g[*]", &json!({"g": null})), [(ListShape::Nothing, Some(vec![]))]);
    }

    #[test]
    fn every_node_that_the_path_leads_to_is_a_list_of_its_own() {
        let claims = json!({"scp": "a b", "roles": ["c d"], "r": {"x": {"roles": ["e"]}, "y": {"roles": "f"}}});
        let two = [(ListShape::Text, Some(vec![json!("a b")])), (ListShape::Array, Some(vec![json!("c d")]))];
        assert_eq!(lists("$['scp', 'roles']", &claims), two);
        let nested = [(ListShape::Array, Some(vec![json!("e")])), (ListShape::Text, Some(vec![json!("f")]))];
        assert_eq!(lists("$.r[*].roles", &claims), nested);
        assert_eq!(lists("$.r[*].roles[*]", &claims), nested);
        // Only a step of its own is left off: a descendant segment selects more than elements.
        assert_eq!(lists("$..*", &json!({"g": ["a"]})).len(), 2);
        assert_eq!(lists("$[?@ == 'a b']", &claims), [(ListShape::Text, Some(vec![json!("a b")]))]);
    }
    #[test]
    fn a_trace_shows_what_the_path_selects() {
        for (path, claims, shown) in [
            ("$.g[*]", json!({"g": ["a", 1]}), json!(["a", 1])),
            ("$.g", json!({"g": ["a", 1]}), json!([["a", 1]])),
            ("$.g[*]", json!({"g": "a"}), json!(["a"])),
            ("$.g", json!({"g": "a"}), json!(["a"])),
            ("$.g[*]", json!({"g": 7}), json!([7])),
            ("$.g[*]", json!({"g": []}), json!([])),
        ] {
            let lists = ClaimPath::parse(path).unwrap().lists(&claims).unwrap();
            let facts: Vec<&Value> = lists.iter().flat_map(super::ListPath::facts).collect();
            assert_eq!(json!(facts), shown, "{path} {claims}");
        }
    }
}
