//! A claim named by JSONPath (RFC 9535), compiled once and applied to a token's claims.
//!
//! A path that selects several nodes is never resolved by taking the first one: callers see all of them.

use jsonpath_rust::parser::model::{JpQuery, Segment, Selector};
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::Value;
use std::fmt;

/// A compiled JSONPath and its text.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimPath {
    text: String,
    query: JpQuery,
}

impl ClaimPath {
    /// Compiles `text`, which must begin with `$` and have no white space outside of brackets.
    ///
    /// # Errors
    /// What is wrong with it, as a phrase.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('$') {
            return Err("it must begin with $".to_owned());
        }
        // The library skips white space between segments; outside brackets it is always a slip.
        if text.trim() != text || (text.contains(char::is_whitespace) && !text.contains('[')) {
            return Err("it has white space outside of brackets".to_owned());
        }
        if let Some(name) = plain_member(text) {
            let query = JpQuery::new(vec![Segment::Selector(Selector::Name(name.to_owned()))]);
            return Ok(Self { text: text.to_owned(), query });
        }
        match parse_json_path(text) {
            Ok(query) => Ok(Self { text: text.to_owned(), query }),
            Err(_) => Err("it does not follow RFC 9535".to_owned()),
        }
    }

    /// Every node that the path selects, in the order of the document.
    ///
    /// A query that fails on this document (a filter comparing what cannot be compared) selects nothing.
    #[must_use]
    pub fn select<'v>(&self, claims: &'v Value) -> Vec<&'v Value> {
        match js_path_process(&self.query, claims) {
            Ok(nodes) => nodes.into_iter().map(|node| node.val).collect(),
            Err(_) => Vec::new(),
        }
    }

    /// Whether it selects one node at most, whatever the document: names and indexes alone (RFC 9535 section 2.3.5.1).
    #[must_use]
    pub fn is_singular(&self) -> bool {
        let single = |segment: &Segment| matches!(segment, Segment::Selector(Selector::Name(_) | Selector::Index(_)));
        self.query.segments.iter().all(single)
    }

    /// The name of the claim if the path is a plain top-level one such as `$.sub` or `$['sub']`.
    #[must_use]
    pub fn top_level_claim(&self) -> Option<&str> {
        match self.query.segments.as_slice() {
            [Segment::Selector(Selector::Name(name))] => Some(name.trim_matches(['\'', '"'])),
            _ => None,
        }
    }

    /// The names of the claims of the token that the path begins with: more than one in `$['scp', 'roles']`.
    #[must_use]
    pub fn first_claims(&self) -> Vec<&str> {
        self.query.segments.first().map_or_else(Vec::new, names)
    }

    /// The names that the path selects at its end, before any index, wildcard or filter: `email` in `$.user.email`.
    #[must_use]
    pub fn last_claims(&self) -> Vec<&str> {
        self.query.segments.iter().rev().map(names).find(|names| !names.is_empty()).unwrap_or_default()
    }
}

/// The member names among the selectors of a segment.
fn names(segment: &Segment) -> Vec<&str> {
    fn name(selector: &Selector) -> Option<&str> {
        match selector {
            Selector::Name(name) => Some(name.trim_matches(['\'', '"'])),
            _ => None,
        }
    }
    match segment {
        Segment::Descendant(inner) => names(inner),
        Segment::Selector(selector) => name(selector).into_iter().collect(),
        Segment::Selectors(several) => several.iter().filter_map(name).collect(),
    }
}

/// The name in `$.name`, if it is one of ASCII letters, digits and underscores. Nearly all paths are of this kind, every
/// login compiles those of all profiles, and the grammar takes much longer to come to the same query.
fn plain_member(text: &str) -> Option<&str> {
    let name = text.strip_prefix("$.")?;
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (begins_well && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')).then_some(name)
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::{ClaimPath, parse_json_path, plain_member};
    use serde_json::json;

    #[test]
    fn names_of_real_providers_are_found() {
        let claims = json!({
            "sub": "s",
            "https://corp.example/roles": ["a", "b"],
            "realm_access": {"roles": ["r"]},
            "kubernetes.io": {"serviceaccount": {"uid": "u"}},
            "cognito:groups": ["g"],
            "it's": 1
        });
        for (path, nodes) in [
            ("$.sub", 1),
            ("$['https://corp.example/roles'][*]", 2),
            ("$.realm_access.roles[*]", 1),
            ("$['kubernetes.io'].serviceaccount.uid", 1),
            ("$[\"cognito:groups\"][0]", 1),
            ("$['it\\'s']", 1),
            ("$.absent", 0),
            ("$.realm_access.roles[?@ == 'r']", 1),
            ("$..roles[*]", 1),
        ] {
            assert_eq!(ClaimPath::parse(path).unwrap().select(&claims).len(), nodes, "{path}");
        }
    }

    #[test]
    fn other_texts_are_no_paths() {
        for text in ["", "sub", " $.sub", "$.sub ", "$.", "$[", "$['sub", "$.a b", "$.sub..", "@.sub"] {
            assert!(ClaimPath::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_short_way_gives_the_query_of_the_grammar() {
        for text in ["$.sub", "$._x", "$.a1_B", "$.A"] {
            assert!(plain_member(text).is_some(), "{text}");
            assert_eq!(ClaimPath::parse(text).unwrap().query, parse_json_path(text).unwrap(), "{text}");
        }
        for text in ["$.", "$.1a", "$.a.b", "$.a-b", "$.*", "$..a", "$.a[0]", "$['a']", "$.\u{e4}", "$", "$a", "$.a "] {
            assert_eq!(plain_member(text), None, "{text}");
        }
    }

    #[test]
    fn plain_claims_are_recognised() {
        for text in ["$.email", "$['email']", "$[\"email\"]"] {
            assert_eq!(ClaimPath::parse(text).unwrap().top_level_claim(), Some("email"));
        }
        assert_eq!(ClaimPath::parse("$.a.email").unwrap().top_level_claim(), None);
        for (text, first, last) in [
            ("$.email", &["email"][..], &["email"][..]),
            ("$.user['email']", &["user"], &["email"]),
            ("$['emails'][0]", &["emails"], &["emails"]),
            ("$.emails[*]", &["emails"], &["emails"]),
            ("$['scp', \"roles\"]", &["scp", "roles"], &["scp", "roles"]),
            ("$..email", &["email"], &["email"]),
            ("$.a[?@.b == 'c'].d", &["a"], &["d"]),
            ("$[*].a", &[], &["a"]),
            ("$[0]", &[], &[]),
        ] {
            let path = ClaimPath::parse(text).unwrap();
            assert_eq!((path.first_claims().as_slice(), path.last_claims().as_slice()), (first, last), "{text}");
        }
    }
}
