//! Runs a query on claims, within bounds: how much is looked at does not depend on what a token's bearer put into it.
//!
//! A search that would go on for longer ends with an error, which is never "selects nothing".

use super::Unsearchable;
use super::query::{LogicalExpr, Operand, Operator, Query, Segment, Selector, Start};
use crate::compare::{equal_within, less};
use serde_json::Value;
use std::borrow::Cow;

/// How many nodes are looked at for one path: some milliseconds of work. The largest token has some 25,000 nodes, so
/// that any path with one descendant segment comes to its end.
pub(super) const MAX_STEPS: usize = 250_000;

/// A text costs a step more for each of these, since comparing and matching it takes longer.
const BYTES_OF_A_STEP: usize = 64;

/// Every node that the query selects in `claims`, in the order of RFC 9535.
pub(super) fn nodes<'v>(query: &Query, claims: &'v Value) -> Result<Vec<&'v Value>, Unsearchable> {
    below(claims, &query.segments)
}

/// Every node that segments select below `root`.
pub(super) fn below<'v>(root: &'v Value, segments: &[Segment]) -> Result<Vec<&'v Value>, Unsearchable> {
    NodeSearch { root, left: MAX_STEPS }.segments(segments, root)
}

struct NodeSearch<'v> {
    root: &'v Value,
    left: usize,
}

impl<'v> NodeSearch<'v> {
    fn spend(&mut self, steps: usize) -> Result<(), Unsearchable> {
        self.left = self.left.checked_sub(steps).ok_or(Unsearchable)?;
        Ok(())
    }

    fn query(&mut self, query: &Query, current: &'v Value) -> Result<Vec<&'v Value>, Unsearchable> {
        let start = match query.start {
            Start::Root => self.root,
            Start::Current => current,
        };
        self.segments(&query.segments, start)
    }

    fn segments(&mut self, segments: &[Segment], start: &'v Value) -> Result<Vec<&'v Value>, Unsearchable> {
        let mut nodes = vec![start];
        for segment in segments {
            let mut next = Vec::new();
            for node in nodes {
                self.segment(segment, node, &mut next)?;
            }
            nodes = next;
        }
        Ok(nodes)
    }

    /// The nesting of claims is bounded by whoever parsed them, so this may call itself.
    fn segment(
        &mut self,
        segment: &Segment,
        node: &'v Value,
        selected: &mut Vec<&'v Value>,
    ) -> Result<(), Unsearchable> {
        for selector in &segment.selectors {
            self.selector(selector, node, selected)?;
        }
        if segment.deep {
            for child in children(node) {
                self.segment(segment, child, selected)?;
            }
        }
        Ok(())
    }

    fn selector(
        &mut self,
        selector: &Selector,
        node: &'v Value,
        selected: &mut Vec<&'v Value>,
    ) -> Result<(), Unsearchable> {
        self.spend(1)?;
        match selector {
            Selector::Name(name) => selected.extend(node.as_object().and_then(|members| members.get(name))),
            Selector::Index(index) => selected.extend(node.as_array().and_then(|elements| at(elements, *index))),
            Selector::Wildcard => {
                for child in children(node) {
                    self.spend(1)?;
                    selected.push(child);
                }
            }
            Selector::Slice { start, end, step } => {
                for element in node.as_array().into_iter().flat_map(|elements| slice(elements, *start, *end, *step)) {
                    self.spend(1)?;
                    selected.push(element);
                }
            }
            Selector::Filter(condition) => {
                for child in children(node) {
                    if self.holds(condition, child)? {
                        selected.push(child);
                    }
                }
            }
        }
        Ok(())
    }

    fn holds(&mut self, condition: &LogicalExpr, node: &'v Value) -> Result<bool, Unsearchable> {
        self.spend(1)?;
        match condition {
            LogicalExpr::Or(parts) => {
                for part in parts {
                    if self.holds(part, node)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            LogicalExpr::And(parts) => {
                for part in parts {
                    if !self.holds(part, node)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            LogicalExpr::Not(part) => Ok(!self.holds(part, node)?),
            LogicalExpr::Exists(query) => Ok(!self.query(query, node)?.is_empty()),
            LogicalExpr::Compare(operator, left, right) => {
                let (left, right) = (self.operand(left, node)?, self.operand(right, node)?);
                self.compare(*operator, left.as_deref(), right.as_deref())
            }
            LogicalExpr::Fits(text, pattern) => match self.operand(text, node)?.as_deref() {
                Some(Value::String(text)) => {
                    self.spend(text.len() / BYTES_OF_A_STEP)?;
                    Ok(pattern.is_match(text))
                }
                _ => Ok(false),
            },
        }
    }

    /// A value, or nothing.
    fn operand<'o>(&mut self, operand: &'o Operand, node: &'v Value) -> Result<Option<Cow<'o, Value>>, Unsearchable>
    where
        'v: 'o,
    {
        match operand {
            Operand::Literal(value) => Ok(Some(Cow::Borrowed(value))),
            Operand::Node(query) => match self.query(query, node)?.as_slice() {
                [one] => Ok(Some(Cow::Borrowed(*one))),
                _ => Ok(None),
            },
            Operand::Count(query) => Ok(Some(Cow::Owned(self.query(query, node)?.len().into()))),
            Operand::Length(value) => match self.operand(value, node)?.as_deref() {
                Some(Value::String(text)) => {
                    self.spend(text.len() / BYTES_OF_A_STEP)?;
                    Ok(Some(Cow::Owned(text.chars().count().into())))
                }
                Some(Value::Array(elements)) => Ok(Some(Cow::Owned(elements.len().into()))),
                Some(Value::Object(members)) => Ok(Some(Cow::Owned(members.len().into()))),
                _ => Ok(None),
            },
        }
    }

    /// RFC 9535 section 2.3.5.2.2: nothing equals nothing, and only numbers and texts have an order.
    fn compare(
        &mut self,
        operator: Operator,
        left: Option<&Value>,
        right: Option<&Value>,
    ) -> Result<bool, Unsearchable> {
        let below = |left: Option<&Value>, right: Option<&Value>| {
            left.zip(right).is_some_and(|(left, right)| less(left, right))
        };
        match operator {
            Operator::Equal => self.same(left, right),
            Operator::NotEqual => Ok(!self.same(left, right)?),
            Operator::Less => Ok(below(left, right)),
            Operator::Greater => Ok(below(right, left)),
            Operator::LessOrEqual => Ok(below(left, right) || self.same(left, right)?),
            Operator::GreaterOrEqual => Ok(below(right, left) || self.same(left, right)?),
        }
    }

    fn same(&mut self, left: Option<&Value>, right: Option<&Value>) -> Result<bool, Unsearchable> {
        match (left, right) {
            (None, None) => Ok(true),
            (Some(left), Some(right)) => equal_within(left, right, &mut |value| {
                let text = value.as_str().map_or(0, str::len);
                self.spend(1 + text / BYTES_OF_A_STEP)
            }),
            _ => Ok(false),
        }
    }
}

/// The elements of an array, or the values of an object.
fn children(node: &Value) -> impl Iterator<Item = &Value> {
    let elements = node.as_array().into_iter().flatten();
    elements.chain(node.as_object().into_iter().flat_map(|members| members.values()))
}

/// The element at an index, which counts from the end if it is negative.
fn at(elements: &[Value], index: i64) -> Option<&Value> {
    let distance = usize::try_from(index.unsigned_abs()).ok()?;
    match index < 0 {
        true => elements.get(elements.len().checked_sub(distance)?),
        false => elements.get(distance),
    }
}

/// RFC 9535 section 2.3.4.2.2. A step of 0 selects nothing.
fn slice(elements: &[Value], start: Option<i64>, end: Option<i64>, step: i64) -> impl Iterator<Item = &Value> {
    // An array of a document that is in memory is shorter than this type reaches.
    let length = i64::try_from(elements.len()).unwrap_or(i64::MAX);
    let normal = |place: i64| if place < 0 { length.saturating_add(place) } else { place };
    let (first, behind) = match step > 0 {
        true => {
            let first = normal(start.unwrap_or(0)).clamp(0, length);
            (first, normal(end.unwrap_or(length)).clamp(0, length))
        }
        false => {
            let first = normal(start.unwrap_or(length - 1)).clamp(-1, length - 1);
            (first, end.map_or(-1, |end| normal(end).clamp(-1, length - 1)))
        }
    };
    let mut place = first;
    std::iter::from_fn(move || {
        let more = if step > 0 { place < behind } else { step < 0 && place > behind };
        let element = elements.get(usize::try_from(place).ok()?).filter(|_| more)?;
        place = place.saturating_add(step);
        Some(element)
    })
}
