//! JSON of strangers, read strictly: RFC 8259 without its ambiguities.
//!
//! Duplicate members (whichever way they are escaped), nesting over 32 levels, trailing data, a byte order mark,
//! and numbers that no double can hold are refused: two readers must never see two different documents.
//! Errors never quote the document.

use crate::bounds::MAX_JSON_DEPTH;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::RefCell;
use std::fmt;

/// The document is not JSON as this project accepts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotStrictJson {
    /// The name of the member that an object has twice, if that is why. It is a stranger's text.
    pub(crate) duplicate: Option<String>,
}

/// Reads one JSON object that fills `bytes`.
///
/// # Errors
/// [`NotStrictJson`] for anything else.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, NotStrictJson> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let duplicate = RefCell::new(None);
    let strict = Strict { depth: MAX_JSON_DEPTH, duplicate: &duplicate };
    let value = strict.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    match value {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(NotStrictJson { duplicate: duplicate.take() }),
    }
}

/// Reads one JSON object that fills `bytes`, as the core reads tokens: RFC 8259 in UTF-8, no member twice, at most 32
/// levels deep. `None` for anything else.
#[must_use]
pub fn strict_json_object(bytes: &[u8]) -> Option<Map<String, Value>> {
    object(bytes).ok()
}

/// Reads a value with at most `depth` levels of objects and arrays.
#[derive(Clone, Copy)]
struct Strict<'d> {
    depth: usize,
    /// Where the name of a member is left that is there twice: an error of serde has a text alone.
    duplicate: &'d RefCell<Option<String>>,
}

impl Strict<'_> {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| E::custom("nested too deeply"))?;
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(inner)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                self.duplicate.replace(Some(name));
                return Err(A::Error::custom("duplicate member"));
            }
            object.insert(name, members.next_value_seed(inner)?);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_JSON_DEPTH, object};

    fn nested(levels: usize) -> String {
        format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn ordinary_objects_are_read() {
        let members = object(br#"{"a":"\u00e4","n":1.5,"u":18446744073709551615,"l":[null,true,{}]}"#).unwrap();
        assert_eq!(members["a"], "\u{e4}");
        assert_eq!(members["l"][1], true);
    }

    #[test]
    fn the_nesting_limit_holds_at_its_edge() {
        assert!(object(nested(MAX_JSON_DEPTH - 1).as_bytes()).is_ok());
        assert!(object(nested(MAX_JSON_DEPTH).as_bytes()).is_err());
        assert!(object(nested(10_000).as_bytes()).is_err());
    }

    #[test]
    fn ambiguous_documents_are_refused() {
        for document in [
            r#"{"sub":"a","sub":"b"}"#,
            r#"{"sub":"a","su\u0062":"b"}"#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"{"a":1} x"#,
            r#"{"a":1}{}"#,
            "\u{feff}{\"a\":1}",
            r#"{"a":1e999}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":NaN}"#,
            r#"{"a":01}"#,
            r#"{"a":1,}"#,
            "{'a':1}",
            "[1]",
            "\"text\"",
            "null",
            "",
        ] {
            assert!(object(document.as_bytes()).is_err(), "{document}");
        }
        let duplicate = |document: &[u8]| object(document).unwrap_err().duplicate;
        assert_eq!(duplicate(br#"{"sub":"a","su\u0062":"b"}"#).as_deref(), Some("sub"));
        assert_eq!(duplicate(br#"{"a":{"b":1,"b":1}}"#).as_deref(), Some("b"));
        assert_eq!((duplicate(br#"{"a":1} x"#), duplicate(br#"{"a":1e999}"#)), (None, None));
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
        assert!(object(b"{\"a\":\"\0\"}").is_err());
    }
}
