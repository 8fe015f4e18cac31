//! A claim named by JSONPath (RFC 9535), compiled once and applied to a token's claims.
//!
//! The library has the grammar. What it parses is checked and compiled here (`compile`), and run here within bounds
//! (`select`), so that a path does what the RFC says or is refused when the configuration is read.
//! A path that selects several nodes is never resolved by taking the first one: callers see all of them. A search that
//! is given up is an error, and never "nothing".

mod compile;
mod iregexp;
mod list;
mod membership;
mod miss;
mod query;
mod select;
mod spelling;
#[cfg(test)]
mod tests;

use jsonpath_rust::parser::parse_json_path;
use query::{Query, Segment, Selector, Start};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spelling::MeantPath;
use std::fmt;

pub(crate) use list::{ListPath, ListShape};
pub(crate) use membership::ListUse;
pub(crate) use miss::{Miss, type_name};

/// A compiled JSONPath and its text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ClaimPath {
    text: String,
    query: Query,
}

/// Two paths are equal if their texts are.
impl PartialEq for ClaimPath {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl From<ClaimPath> for String {
    fn from(path: ClaimPath) -> Self {
        path.text
    }
}

impl TryFrom<String> for ClaimPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).map_err(|bad| bad.why)
    }
}

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPath {
    /// Why the path is refused, as a phrase.
    pub why: String,
    /// The path that is probably meant.
    pub instead: Option<String>,
}

/// The claims have so many nodes below the path that the search was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsearchable;

impl fmt::Display for Unsearchable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token has too many values for this path, and the search was given up")
    }
}

impl Unsearchable {
    /// What to do, in a denial.
    pub(crate) const HINT: &str =
        "Write a path that looks at less of the token: all steps to the claim instead of `..`, no filter in a filter.";
}

impl ClaimPath {
    /// The path of one claim of the token, whose name is of ASCII letters, digits and underscores: `$.sub` for `sub`.
    pub(crate) fn claim(name: &str) -> Self {
        let selectors = vec![Selector::Name(name.to_owned())];
        let query = Query { start: Start::Root, segments: vec![Segment { deep: false, selectors }] };
        Self { text: format!("$.{name}"), query }
    }

    /// Compiles `text`, which must begin with `$`.
    ///
    /// # Errors
    /// What is wrong with it, and what is probably meant.
    pub fn parse(text: &str) -> Result<Self, BadPath> {
        if let Some(segments) = spelling::plain(text) {
            return Ok(Self { text: text.to_owned(), query: Query { start: Start::Root, segments } });
        }
        Self::understood(text).map_err(|why| match spelling::probably_meant(text) {
            None => BadPath { why, instead: None },
            Some(MeantPath { path, bracketed: None }) => BadPath { why, instead: Some(path) },
            Some(MeantPath { path, bracketed: Some(name) }) => {
                BadPath { why: format!("the name {name} needs brackets and quotes"), instead: Some(path) }
            }
        })
    }

    fn understood(text: &str) -> Result<Self, String> {
        spelling::check(text)?;
        let tree = parse_json_path(text).map_err(|_| "it does not follow RFC 9535".to_owned())?;
        Ok(Self { text: text.to_owned(), query: compile::query(tree)? })
    }

    /// Every node that the path selects, in the order of RFC 9535.
    ///
    /// # Errors
    /// [`Unsearchable`], by which the caller must deny: what the path selects is not known.
    pub fn select<'v>(&self, claims: &'v Value) -> Result<Vec<&'v Value>, Unsearchable> {
        select::nodes(&self.query, claims)
    }

    /// The lists that the path leads to, whether or not it ends in `[*]`: see [`ListPath`].
    ///
    /// # Errors
    /// [`Unsearchable`], by which the caller must deny.
    pub(crate) fn lists<'v>(&self, claims: &'v Value) -> Result<Vec<ListPath<'v>>, Unsearchable> {
        list::lists(&self.query.segments, claims)
    }

    /// Whether the members that the path names are not there, and nothing on the way to them has another type: a list
    /// where an object is expected may hold what the path would name.
    pub(crate) fn is_absent(&self, claims: &Value) -> bool {
        miss::is_absent(&self.query.segments, claims)
    }

    /// Where the path leaves the claims, if it selects nothing in them and that can be said.
    pub(crate) fn miss(&self, claims: &Value) -> Option<Miss> {
        miss::of(&self.query.segments, claims)
    }

    /// Whether it selects one node at most, whatever the document: names and indexes alone (RFC 9535 section 2.3.5.1).
    #[must_use]
    pub fn is_singular(&self) -> bool {
        self.query.segments.iter().all(Segment::is_singular)
    }

    /// The name of the claim if the path is a plain top-level one such as `$.sub` or `$['sub']`.
    #[must_use]
    pub fn top_level_claim(&self) -> Option<&str> {
        match self.query.segments.as_slice() {
            [Segment { deep: false, selectors }] => match selectors.as_slice() {
                [Selector::Name(name)] => Some(name),
                _ => None,
            },
            _ => None,
        }
    }

    /// The names of the claims of the token that the path begins with: more than one in `$['scp', 'roles']`.
    #[must_use]
    pub fn first_claims(&self) -> Vec<&str> {
        self.query.segments.first().map_or_else(Vec::new, names)
    }

    /// Whether what the path selects could depend on the claim of the token with this name. It says so too often rather than
    /// too rarely: of `$`, `$..a` and `$[*]`, and of every filter, which can look at all of the token.
    pub(crate) fn may_look_at(&self, name: &str) -> bool {
        let filters = |segment: &Segment| segment.selectors.iter().any(|one| matches!(one, Selector::Filter(_)));
        let Some(first) = self.query.segments.first() else { return true };
        let is_it = |selector: &Selector| match selector {
            Selector::Name(own) => own == name,
            Selector::Wildcard | Selector::Filter(_) => true,
            // Claims are members of an object.
            Selector::Index(_) | Selector::Slice { .. } => false,
        };
        first.deep || first.selectors.iter().any(is_it) || self.query.segments.iter().any(filters)
    }

    /// The names that the path selects at its end, before any index, wildcard or filter: `email` in `$.user.email`.
    #[must_use]
    pub fn last_claims(&self) -> Vec<&str> {
        self.query.segments.iter().rev().map(names).find(|names| !names.is_empty()).unwrap_or_default()
    }

    /// What in the path does more than to name members: without any such thing, it selects nothing only if a member is
    /// not there.
    #[must_use]
    pub fn more_than_names(&self) -> Option<&'static str> {
        self.query.segments.iter().find_map(|segment| match segment.deep {
            true => Some("`..`"),
            false => segment.selectors.iter().find_map(|selector| match selector {
                Selector::Name(_) => None,
                Selector::Wildcard => Some("`*`"),
                Selector::Index(_) => Some("an index"),
                Selector::Slice { .. } => Some("a slice"),
                Selector::Filter(_) => Some("a filter"),
            }),
        })
    }

    /// The path of the list whose elements the last step selects, as it is written for people.
    #[must_use]
    pub fn without_elements(&self) -> Option<String> {
        let (_, list) = self.query.segments.split_last()?;
        spelling::segments(list).filter(|list| !list.is_empty()).map(|list| format!("${list}"))
    }

    /// Whether it looks at any depth (`..`).
    #[must_use]
    pub fn is_deep(&self) -> bool {
        self.query.segments.iter().any(|segment| segment.deep)
    }
}

/// The member names among the selectors of a segment.
fn names(segment: &Segment) -> Vec<&str> {
    let mut names = Vec::new();
    for selector in &segment.selectors {
        if let Selector::Name(name) = selector {
            names.push(name.as_str());
        }
    }
    names
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
