//! When two JSON values are equal, and which of two comes first.
//!
//! There is one answer for rules, for `verified_values` and for filters of a JSONPath. A value never equals one of
//! another type.

use serde_json::{Number, Value};
use std::cmp::Ordering;
use std::convert::Infallible;

/// Equality of JSON values. Numbers are equal if they are the same number: 1 and 1.0 are, or a token could slip
/// through `none_of` by its spelling.
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    let free = &mut |_: &Value| Ok::<(), Infallible>(());
    equal_within(a, b, free).unwrap_or_else(|never| match never {})
}

/// [`equal`], which asks `spend` before it looks at a value, and ends with its error.
///
/// # Errors
/// That of `spend`.
pub(crate) fn equal_within<E>(
    a: &Value,
    b: &Value,
    spend: &mut impl FnMut(&Value) -> Result<(), E>,
) -> Result<bool, E> {
    spend(a)?;
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => Ok(order(x, y) == Some(Ordering::Equal)),
        (Value::Array(x), Value::Array(y)) => {
            if x.len() != y.len() {
                return Ok(false);
            }
            for (x, y) in x.iter().zip(y) {
                if !equal_within(x, y, spend)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Object(x), Value::Object(y)) => {
            if x.len() != y.len() {
                return Ok(false);
            }
            for (name, x) in x {
                let Some(y) = y.get(name) else { return Ok(false) };
                if !equal_within(x, y, spend)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(a == b),
    }
}

/// Whether `a` comes before `b`: numbers by size, texts by their characters. Other values have no order.
pub(crate) fn less(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => order(x, y) == Some(Ordering::Less),
        (Value::String(x), Value::String(y)) => x < y,
        _ => false,
    }
}

/// The order of two numbers, exactly: large integers are not rounded to floating point to be compared.
fn order(x: &Number, y: &Number) -> Option<Ordering> {
    match (x.as_i128(), y.as_i128()) {
        (Some(x), Some(y)) => Some(x.cmp(&y)),
        (Some(x), None) => order_of_mixed(x, y.as_f64()?),
        (None, Some(y)) => order_of_mixed(y, x.as_f64()?).map(Ordering::reverse),
        (None, None) => x.as_f64()?.partial_cmp(&y.as_f64()?),
    }
}

/// The order of an integer of 64 bits and a floating-point number.
fn order_of_mixed(integer: i128, float: f64) -> Option<Ordering> {
    // All integers of JSON are far below this, and what is below it converts without loss once its fraction is off.
    if float.abs() >= 1e30 {
        return 0.0.partial_cmp(&float);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked, and the fraction is compared after it")]
    let whole = float.trunc() as i128;
    match integer.cmp(&whole) {
        Ordering::Equal => 0.0.partial_cmp(&float.fract()),
        unequal => Some(unequal),
    }
}

#[cfg(test)]
mod tests {
    use super::{equal, equal_within, less};
    use serde_json::json;

    #[test]
    fn equal_values_are_of_one_type_and_size() {
        for (a, b) in [
            (json!(1), json!(1.0)),
            (json!(0), json!(-0.0)),
            (json!(-3), json!(-3.0)),
            (json!(1e3), json!(1000)),
            (json!([1, {"a": [2.0]}]), json!([1.0, {"a": [2]}])),
            (json!({"a": 1, "b": null}), json!({"b": null, "a": 1})),
            (json!(u64::MAX), json!(u64::MAX)),
        ] {
            assert!(equal(&a, &b) && equal(&b, &a), "{a} {b}");
        }
        for (a, b) in [
            (json!(1), json!("1")),
            (json!(1), json!(true)),
            (json!(0), json!(null)),
            (json!(0), json!(1e-17)),
            (json!(1.5), json!(1)),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992.0)),
            (json!(u64::MAX), json!(18_446_744_073_709_551_616.0)),
            (json!(i64::MIN), json!(1e300)),
            (json!([1]), json!([1, 1])),
            (json!([1, 2]), json!([2, 1])),
            (json!({"a": 1}), json!({"a": 1, "b": 1})),
            (json!({"a": 1}), json!({"b": 1})),
            (json!("a"), json!("A")),
            (json!("\u{e9}"), json!("e\u{301}")),
            (json!([]), json!({})),
            (json!(""), json!(null)),
        ] {
            assert!(!equal(&a, &b) && !equal(&b, &a), "{a} {b}");
        }
    }

    #[test]
    fn only_numbers_and_texts_have_an_order() {
        for (a, b) in [
            (json!(1), json!(2)),
            (json!(1), json!(1.5)),
            (json!(-1.5), json!(-1)),
            (json!(1e-17), json!(1)),
            (json!(0), json!(1e-17)),
            (json!(i64::MIN), json!(0.5)),
            (json!(u64::MAX), json!(1e300)),
            (json!(-1e300), json!(i64::MIN)),
            (json!("a"), json!("b")),
            (json!("Z"), json!("a")),
            (json!("a"), json!("aa")),
            (json!("\u{ffff}"), json!("\u{10000}")),
        ] {
            assert!(less(&a, &b) && !less(&b, &a), "{a} {b}");
        }
        for (a, b) in [
            (json!(1), json!(1)),
            (json!("a"), json!("a")),
            (json!(1), json!("2")),
            (json!(false), json!(true)),
            (json!(null), json!(1)),
            (json!([1]), json!([2])),
            (json!({"a": 1}), json!({"a": 2})),
        ] {
            assert!(!less(&a, &b), "{a} {b}");
        }
    }

    #[test]
    fn a_comparison_ends_where_nothing_is_left_to_spend() {
        let large = json!([[1, 2, 3], {"a": "text"}]);
        let mut left = 4;
        let outcome = equal_within(&large, &large, &mut |_| {
            left -= 1;
            if left == 0 { Err("spent") } else { Ok(()) }
        });
        assert_eq!(outcome, Err("spent"));
    }
}
