//! How what a path selects depends on one list of the token, of which somebody may know a part only.
//!
//! Decides it on the query and not on its text. Must never call a use of the list harmless that could select something because
//! an element is missing: an index, a comparison of the whole list, a negation.

use super::ClaimPath;
use super::query::{LogicalExpr, Operand, Operator, Query, Segment, Selector, Start};

/// How a path uses a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListUse {
    /// It cannot look at it.
    None,
    /// It selects the list itself.
    Whole,
    /// It selects those elements that equal a value or fit an expression, each judged by itself.
    Elements,
    /// In some other way, or it may.
    Other,
}

impl ClaimPath {
    /// How the path uses the claim of the token with this name.
    pub(crate) fn use_of(&self, name: &str) -> ListUse {
        let segments = self.query.segments.as_slice();
        let is_it = |segment: &Segment| {
            !segment.deep && matches!(segment.selectors.as_slice(), [Selector::Name(own)] if own == name)
        };
        match segments {
            [list] if is_it(list) => ListUse::Whole,
            [list, Segment { deep: false, selectors }] if is_it(list) => match selectors.as_slice() {
                [Selector::Filter(filter)] if judges_elements(filter) => ListUse::Elements,
                _ => ListUse::Other,
            },
            [first, ..] if names_others(first, name) && !segments.iter().any(looks_at_root) => ListUse::None,
            _ => ListUse::Other,
        }
    }
}

/// Whether the first step leads to members of other names alone.
fn names_others(first: &Segment, name: &str) -> bool {
    let is_other = |selector: &Selector| matches!(selector, Selector::Name(own) if own != name);
    !first.deep && first.selectors.iter().all(is_other)
}

/// Whether what holds of an element depends on that element alone, and on what it is.
fn judges_elements(filter: &LogicalExpr) -> bool {
    let is_element = |operand: &Operand| matches!(operand, Operand::Node(Query { start: Start::Current, segments }) if segments.is_empty());
    match filter {
        LogicalExpr::Or(all) | LogicalExpr::And(all) => all.iter().all(judges_elements),
        LogicalExpr::Compare(Operator::Equal, one, Operand::Literal(_)) => is_element(one),
        LogicalExpr::Compare(Operator::Equal, Operand::Literal(_), other) => is_element(other),
        LogicalExpr::Fits(operand, _) => is_element(operand),
        LogicalExpr::Compare(..) | LogicalExpr::Not(_) | LogicalExpr::Exists(_) => false,
    }
}

/// Whether a filter in this step looks at the token as a whole.
fn looks_at_root(segment: &Segment) -> bool {
    segment.selectors.iter().any(|selector| matches!(selector, Selector::Filter(filter) if expression_does(filter)))
}

fn expression_does(filter: &LogicalExpr) -> bool {
    match filter {
        LogicalExpr::Or(all) | LogicalExpr::And(all) => all.iter().any(expression_does),
        LogicalExpr::Not(inner) => expression_does(inner),
        LogicalExpr::Exists(query) => query_does(query),
        LogicalExpr::Compare(_, one, other) => operand_does(one) || operand_does(other),
        LogicalExpr::Fits(operand, _) => operand_does(operand),
    }
}

fn operand_does(operand: &Operand) -> bool {
    match operand {
        Operand::Literal(_) => false,
        Operand::Node(query) | Operand::Count(query) => query_does(query),
        Operand::Length(inner) => operand_does(inner),
    }
}

fn query_does(query: &Query) -> bool {
    query.start == Start::Root || query.segments.iter().any(looks_at_root)
}

#[cfg(test)]
mod tests {
    use super::{ClaimPath, ListUse};

    #[test]
    fn only_elements_by_themselves_are_harmless() {
        for (path, expected) in [
            ("$.groups", ListUse::Whole),
            ("$['groups']", ListUse::Whole),
            ("$.groups[?@ == 'G']", ListUse::Elements),
            ("$.groups[?'G' == @ || match(@, '6f.*') && search(@, 'a')]", ListUse::Elements),
            ("$.tid", ListUse::None),
            ("$['tid', 'oid']", ListUse::None),
            ("$.roles[?@ != 'x']", ListUse::None),
            ("$.corp.groups[0]", ListUse::None),
            ("$.a[?@.groups[?@ == 'x']]", ListUse::None),
            ("$.groups[*]", ListUse::Other),
            ("$.groups[0]", ListUse::Other),
            ("$.groups[-1]", ListUse::Other),
            ("$.groups[0:1]", ListUse::Other),
            ("$.groups[0, 1]", ListUse::Other),
            ("$.groups[?@ != 'G']", ListUse::Other),
            ("$.groups[?!(@ == 'G')]", ListUse::Other),
            ("$.groups[?@ < 'G']", ListUse::Other),
            ("$.groups[?@]", ListUse::Other),
            ("$.groups[?@ == 'G'].x", ListUse::Other),
            ("$.groups[?@ == $.oid]", ListUse::Other),
            ("$.groups[?length(@) == 36]", ListUse::Other),
            ("$['tid', 'groups']", ListUse::Other),
            ("$..groups", ListUse::Other),
            ("$[*]", ListUse::Other),
            ("$", ListUse::Other),
            ("$[?value(@[*]) == 'A']", ListUse::Other),
            ("$.tid[?$.groups]", ListUse::Other),
            ("$.a[?count($.groups[*]) < 2]", ListUse::Other),
            ("$.a[?!@.b || length(value($.groups)) == 0]", ListUse::Other),
            ("$.a[?@.b[?$.groups]]", ListUse::Other),
        ] {
            let parsed = ClaimPath::parse(path).unwrap_or_else(|bad| panic!("{path}: {}", bad.why));
            assert_eq!(parsed.use_of("groups"), expected, "{path}");
        }
    }
}
