//! From the library's syntax tree to a query that can be run: RFC 9535's rules about types (section 2.4.3), which the
//! grammar cannot express, and limits on what a path may cost.
//!
//! Whatever is not understood here is refused with its reason; it never becomes a path that selects something else.

use super::iregexp;
use super::query::{LogicalExpr, Operand, Operator, Query, Segment, Selector, Start};
use jsonpath_rust::parser::model::{
    Comparable, Comparison, Filter, FilterAtom, FnArg, JpQuery, Literal, Segment as Parsed, Selector as Choice,
    SingularQuery, SingularQuerySegment, Test, TestFunction,
};
use serde_json::{Number, Value};

/// More descendant segments than this multiply each other's work, and no claim needs them.
const MAX_DEEP_SEGMENTS: usize = 2;

const UNKNOWN_FUNCTION: &str = "it calls a function that RFC 9535 does not have";

/// Why a tree is no query, as a phrase.
type NotAQuery = String;

/// The query of a whole path.
pub(super) fn query(tree: JpQuery) -> Result<Query, NotAQuery> {
    let mut compiler = Compiler { deep: 0 };
    compiler.query(Start::Root, tree.segments)
}

struct Compiler {
    deep: usize,
}

impl Compiler {
    fn query(&mut self, start: Start, tree: Vec<Parsed>) -> Result<Query, NotAQuery> {
        let segments = tree.into_iter().map(|segment| self.segment(segment)).collect::<Result<_, _>>()?;
        Ok(Query { start, segments })
    }

    fn segment(&mut self, tree: Parsed) -> Result<Segment, NotAQuery> {
        let choices = match tree {
            Parsed::Descendant(below) => {
                self.deep += 1;
                if self.deep > MAX_DEEP_SEGMENTS {
                    return Err(format!("it has more than {MAX_DEEP_SEGMENTS} descendant segments (..)"));
                }
                let below = self.segment(*below)?;
                return Ok(Segment { deep: true, ..below });
            }
            Parsed::Selector(choice) => vec![choice],
            Parsed::Selectors(choices) => choices,
        };
        let selectors = choices.into_iter().map(|choice| self.selector(choice)).collect::<Result<_, _>>()?;
        Ok(Segment { deep: false, selectors })
    }

    fn selector(&mut self, tree: Choice) -> Result<Selector, NotAQuery> {
        Ok(match tree {
            Choice::Name(name) => Selector::Name(name),
            Choice::Wildcard => Selector::Wildcard,
            Choice::Index(index) => Selector::Index(index),
            Choice::Slice(start, end, step) => Selector::Slice { start, end, step: step.unwrap_or(1) },
            Choice::Filter(filter) => Selector::Filter(self.logical(filter)?),
        })
    }

    fn logical(&mut self, tree: Filter) -> Result<LogicalExpr, NotAQuery> {
        match tree {
            Filter::Or(parts) => Ok(LogicalExpr::Or(self.logicals(parts)?)),
            Filter::And(parts) => Ok(LogicalExpr::And(self.logicals(parts)?)),
            Filter::Atom(FilterAtom::Filter { expr, not }) => Ok(negated(not, self.logical(*expr)?)),
            Filter::Atom(FilterAtom::Test { expr, not }) => Ok(negated(not, self.test(*expr)?)),
            Filter::Atom(FilterAtom::Comparison(comparison)) => self.comparison(*comparison),
        }
    }

    fn logicals(&mut self, parts: Vec<Filter>) -> Result<Vec<LogicalExpr>, NotAQuery> {
        parts.into_iter().map(|part| self.logical(part)).collect()
    }

    fn test(&mut self, tree: Test) -> Result<LogicalExpr, NotAQuery> {
        let function = match tree {
            Test::RelQuery(segments) => return Ok(LogicalExpr::Exists(self.query(Start::Current, segments)?)),
            Test::AbsQuery(query) => return Ok(LogicalExpr::Exists(self.query(Start::Root, query.segments)?)),
            Test::Function(function) => *function,
        };
        match function {
            TestFunction::Match(text, pattern) => self.fits("match()", text, pattern, iregexp::matching),
            TestFunction::Search(text, pattern) => self.fits("search()", text, pattern, iregexp::searching),
            TestFunction::Custom(..) => Err(UNKNOWN_FUNCTION.to_owned()),
            TestFunction::Length(_) => Err(not_logical("length()")),
            TestFunction::Count(_) => Err(not_logical("count()")),
            TestFunction::Value(_) => Err(not_logical("value()")),
        }
    }

    /// A pattern is compiled here and now: one out of the token would be its bearer's, and be compiled at each node.
    fn fits(
        &mut self,
        function: &str,
        text: FnArg,
        pattern: FnArg,
        compile: fn(&str) -> Result<regex::Regex, String>,
    ) -> Result<LogicalExpr, NotAQuery> {
        let text = self.value(function, text)?;
        match pattern {
            FnArg::Literal(Literal::String(pattern)) => {
                let regex = compile(&pattern).map_err(|why| format!("the pattern of {function} {why}"))?;
                Ok(LogicalExpr::Fits(text, regex))
            }
            _ => Err(format!("the second argument of {function} must be a text in quotes")),
        }
    }

    fn comparison(&mut self, tree: Comparison) -> Result<LogicalExpr, NotAQuery> {
        let (operator, left, right) = match tree {
            Comparison::Eq(left, right) => (Operator::Equal, left, right),
            Comparison::Ne(left, right) => (Operator::NotEqual, left, right),
            Comparison::Gt(left, right) => (Operator::Greater, left, right),
            Comparison::Gte(left, right) => (Operator::GreaterOrEqual, left, right),
            Comparison::Lt(left, right) => (Operator::Less, left, right),
            Comparison::Lte(left, right) => (Operator::LessOrEqual, left, right),
        };
        Ok(LogicalExpr::Compare(operator, self.comparable(left)?, self.comparable(right)?))
    }

    fn comparable(&mut self, tree: Comparable) -> Result<Operand, NotAQuery> {
        match tree {
            Comparable::Literal(literal) => Ok(Operand::Literal(value(literal)?)),
            Comparable::SingularQuery(query) => Ok(Operand::Node(singular(query))),
            Comparable::Function(function) => self.function(function),
        }
    }

    /// A function whose result is a value.
    fn function(&mut self, tree: TestFunction) -> Result<Operand, NotAQuery> {
        match tree {
            TestFunction::Length(argument) => Ok(Operand::Length(Box::new(self.value("length()", *argument)?))),
            TestFunction::Count(argument) => Ok(Operand::Count(self.nodes("count()", argument)?)),
            TestFunction::Value(argument) => Ok(Operand::Node(self.nodes("value()", argument)?)),
            TestFunction::Match(..) => Err(not_a_value("match()")),
            TestFunction::Search(..) => Err(not_a_value("search()")),
            TestFunction::Custom(..) => Err(UNKNOWN_FUNCTION.to_owned()),
        }
    }

    /// An argument that must be a value: a literal, a path to one node, or a function that gives a value.
    fn value(&mut self, function: &str, argument: FnArg) -> Result<Operand, NotAQuery> {
        let query = match argument {
            FnArg::Literal(literal) => return Ok(Operand::Literal(value(literal)?)),
            FnArg::Filter(_) => return Err(format!("the argument of {function} must be a value, not a condition")),
            FnArg::Test(test) => match *test {
                Test::Function(function) => return self.function(*function),
                Test::RelQuery(segments) => self.query(Start::Current, segments)?,
                Test::AbsQuery(query) => self.query(Start::Root, query.segments)?,
            },
        };
        match query.segments.iter().all(Segment::is_singular) {
            true => Ok(Operand::Node(query)),
            false => Err(format!("the path in {function} may select several values, and must select one")),
        }
    }

    /// An argument that must be nodes.
    fn nodes(&mut self, function: &str, argument: FnArg) -> Result<Query, NotAQuery> {
        if let FnArg::Test(test) = argument {
            match *test {
                Test::RelQuery(segments) => return self.query(Start::Current, segments),
                Test::AbsQuery(query) => return self.query(Start::Root, query.segments),
                Test::Function(_) => {}
            }
        }
        Err(format!("the argument of {function} must be a path"))
    }
}

fn negated(not: bool, logical: LogicalExpr) -> LogicalExpr {
    if not { LogicalExpr::Not(Box::new(logical)) } else { logical }
}

fn not_logical(function: &str) -> NotAQuery {
    format!("{function} is a value, and must be compared with one")
}

fn not_a_value(function: &str) -> NotAQuery {
    format!("{function} holds or does not, and cannot be compared")
}

fn singular(tree: SingularQuery) -> Query {
    let (start, tree) = match tree {
        SingularQuery::Current(tree) => (Start::Current, tree),
        SingularQuery::Root(tree) => (Start::Root, tree),
    };
    let segment = |step| {
        let selector = match step {
            SingularQuerySegment::Index(index) => Selector::Index(index),
            SingularQuerySegment::Name(name) => Selector::Name(name),
        };
        Segment { deep: false, selectors: vec![selector] }
    };
    Query { start, segments: tree.into_iter().map(segment).collect() }
}

fn value(literal: Literal) -> Result<Value, NotAQuery> {
    Ok(match literal {
        Literal::Int(number) => Value::from(number),
        Literal::Float(number) => match Number::from_f64(number) {
            Some(number) => Value::Number(number),
            None => return Err("it has a number that is too large".to_owned()),
        },
        Literal::String(text) => Value::String(text),
        Literal::Bool(truth) => Value::Bool(truth),
        Literal::Null => Value::Null,
    })
}
