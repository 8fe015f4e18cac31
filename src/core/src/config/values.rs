//! What single values of the file mean: JSON, durations, sizes; and the nearest valid word for a misspelt one.

use jiff::{SignedDuration, Span, SpanRelativeTo};
use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

/// How alike a misspelt key must be to a valid one to be suggested (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.75;

/// The JSON value that a TOML value means; dates and infinite floats mean none.
#[must_use]
pub fn json(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::from(text.as_ref())),
        DeValue::Boolean(boolean) => Some(Value::from(*boolean)),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok().map(Value::from),
        DeValue::Float(float) => float.as_str().parse().ok().and_then(serde_json::Number::from_f64).map(Value::Number),
        DeValue::Datetime(_) => None,
        DeValue::Array(array) => array.iter().map(|element| json(element.get_ref())).collect(),
        DeValue::Table(table) => {
            let member = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
                json(value.get_ref()).map(|value| (key.get_ref().to_string(), value))
            };
            table.iter().map(member).collect::<Option<serde_json::Map<String, Value>>>().map(Value::Object)
        }
    }
}

pub(super) fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// The nearest valid word, or all of them: a phrase for a hint.
#[must_use]
pub fn suggest(word: &str, valid: &[&str]) -> String {
    let nearest = valid
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, candidate)) => format!("did you mean \"{candidate}\"?"),
        None => format!("valid here: {}", valid.join(", ")),
    }
}

/// A duration of whole seconds, which can be negative.
pub(super) fn parse_duration(text: &str) -> Option<SignedDuration> {
    plain_duration(text).or_else(|| any_duration(text))
}

/// One number and one unit, as nearly all durations are written. Every login reads them, and the grammar of all others
/// takes much longer to come to the same.
fn plain_duration(text: &str) -> Option<SignedDuration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return None,
    };
    // More digits than this are left to the grammar and its limits.
    let number: i64 = number.parse().ok().filter(|_| digits <= 6)?;
    number.checked_mul(factor).map(SignedDuration::from_secs)
}

fn any_duration(text: &str) -> Option<SignedDuration> {
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    (duration.subsec_nanos() == 0).then_some(duration)
}

pub(super) fn parse_size(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim_start() {
        "B" => 1,
        "kB" => 1024,
        "MB" => 1024 * 1024,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::{SignedDuration, any_duration, parse_duration, parse_size, plain_duration, suggest};

    #[test]
    fn the_short_way_gives_the_seconds_of_the_grammar() {
        for unit in ["s", "min", "h", "d"] {
            for number in ["0", "1", "007", "60", "999999"] {
                let text = format!("{number}{unit}");
                assert!(plain_duration(&text).is_some(), "{text}");
                assert_eq!(plain_duration(&text), any_duration(&text), "{text}");
            }
        }
        for text in ["", "s", "-1s", "+1s", "1", "1000000s", "1 s", "1.5h", "1h30min", "1m", "1S", "1w", "\u{661}s"] {
            assert_eq!(plain_duration(text), None, "{text:?}");
        }
    }

    #[test]
    fn durations_and_sizes() {
        for (text, seconds) in
            [("30s", 30), ("5min", 300), ("24h", 86_400), ("1h 30m", 5400), ("7d", 604_800), ("0s", 0)]
        {
            assert_eq!(parse_duration(text), Some(SignedDuration::from_secs(seconds)), "{text}");
        }
        for text in ["", "30", "s", "1.5s", "1 month", "forever"] {
            assert_eq!(parse_duration(text), None, "{text:?}");
        }
        for (text, bytes) in [("16kB", 16_384), ("16 kB", 16_384), ("1B", 1), ("1MB", 1_048_576)] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in ["", "16", "kB", "16KB", "-1B", "1.5kB", "99999999999999999999B"] {
            assert_eq!(parse_size(text), None, "{text:?}");
        }
    }

    #[test]
    fn near_names_are_suggested_and_far_ones_are_not() {
        let valid = ["issuer", "audience", "scope"];
        assert_eq!(suggest("audiance", &valid), "did you mean \"audience\"?");
        assert_eq!(suggest("Issuer", &valid), "did you mean \"issuer\"?");
        assert_eq!(suggest("zzz", &valid), "valid here: issuer, audience, scope");
    }
}
