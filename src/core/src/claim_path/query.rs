//! A JSONPath as it is once it has been understood: nothing in it is ill-typed, and nothing depends on the token but
//! what its nodes are.

use regex::Regex;
use serde_json::Value;

/// Where a query begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// `$`, the claims.
    Root,
    /// `@`, the node that a filter looks at.
    Current,
}

/// A query: where it begins, and its segments.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) start: Start,
    pub(super) segments: Vec<Segment>,
}

/// A child segment, or a descendant segment (`..`).
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) deep: bool,
    pub(super) selectors: Vec<Selector>,
}

/// What a segment selects below a node.
#[derive(Debug, Clone)]
pub(super) enum Selector {
    /// The member of this name.
    Name(String),
    /// All members or elements.
    Wildcard,
    /// The element at this place; from the end if negative.
    Index(i64),
    /// Some elements.
    Slice {
        /// The first one, if it is said.
        start: Option<i64>,
        /// The one behind the last one, if it is said.
        end: Option<i64>,
        /// How far to the next one.
        step: i64,
    },
    /// Members or elements for which this holds.
    Filter(LogicalExpr),
}

/// What holds of a node, or does not.
#[derive(Debug, Clone)]
pub(super) enum LogicalExpr {
    /// One of these.
    Or(Vec<LogicalExpr>),
    /// All of these.
    And(Vec<LogicalExpr>),
    /// This expression must not hold.
    Not(Box<LogicalExpr>),
    /// The query selects something.
    Exists(Query),
    /// A comparison.
    Compare(Operator, Operand, Operand),
    /// `match` and `search`: the text fits the expression, which is anchored for `match`.
    Fits(Operand, Regex),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A value in a comparison, or nothing.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    /// This value.
    Literal(Value),
    /// The one node of a singular query, or of `value()`.
    Node(Query),
    /// `length()`.
    Length(Box<Operand>),
    /// `count()`.
    Count(Query),
}

impl Segment {
    /// Whether it selects one node at most.
    pub(super) fn is_singular(&self) -> bool {
        !self.deep && matches!(self.selectors.as_slice(), [Selector::Name(_) | Selector::Index(_)])
    }

    /// Whether it is `[*]` or `.*`, which selects the elements of an array.
    pub(super) fn is_elements(&self) -> bool {
        !self.deep && matches!(self.selectors.as_slice(), [Selector::Wildcard])
    }
}
