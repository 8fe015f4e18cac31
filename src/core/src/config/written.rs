//! How the parts of a profile are written into a kept form and read back that serde cannot write by itself: expressions,
//! values, names of presets.
//!
//! Must give back what was written, to the last bit: a number that differs by the least bit is another one, so values do not
//! go through JSON.

use super::presets::Preset;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The name of a preset. Serde takes a plain reference in a field for one into what it reads.
pub(super) type PresetName = &'static str;

/// A regular expression, by its text, which has its anchors.
pub(super) mod pattern {
    use super::{Deserialize, Deserializer, Serializer};
    use regex::Regex;
    use serde::de::Error as _;

    pub(crate) fn serialize<S: Serializer>(pattern: &Regex, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(pattern.as_str())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Regex, D::Error> {
        Regex::new(<&str>::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// A JSON value.
pub(super) mod value {
    use super::{Deserialize, Deserializer, Serialize, Serializer, WrittenJson};
    use serde_json::Value;

    pub(crate) fn serialize<S: Serializer>(value: &Value, to: S) -> Result<S::Ok, S::Error> {
        WrittenJson::of(value).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        WrittenJson::deserialize(from)?.read()
    }
}

/// JSON values.
pub(super) mod values {
    use super::{Deserialize, Deserializer, Serializer, WrittenJson};
    use serde_json::Value;

    pub(crate) fn serialize<S: Serializer>(values: &[Value], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(WrittenJson::of))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Value>, D::Error> {
        Vec::<WrittenJson>::deserialize(from)?.into_iter().map(WrittenJson::read).collect()
    }
}

/// Keys that are written in the configuration itself, as a key file has them: texts alone.
pub(super) mod keys {
    use super::{Deserialize, Deserializer, Serializer};
    use crate::keys::KeySet;
    use serde::de::Error as _;
    use serde::ser::Error as _;

    pub(crate) fn serialize<S: Serializer>(keys: &KeySet, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&serde_json::to_string(keys).map_err(S::Error::custom)?)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<KeySet, D::Error> {
        serde_json::from_str(<&str>::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// The name of a preset.
pub(super) mod preset {
    use super::{Deserialize, Deserializer, PresetName, Serializer, known};

    pub(crate) fn serialize<S: Serializer>(name: &PresetName, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(name)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PresetName, D::Error> {
        known(<&str>::deserialize(from)?)
    }
}

/// The name of a preset, if there is one.
pub(super) mod preset_if_any {
    use super::{Deserialize, Deserializer, PresetName, Serialize, Serializer, known};

    pub(crate) fn serialize<S: Serializer>(name: &Option<PresetName>, to: S) -> Result<S::Ok, S::Error> {
        name.serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PresetName>, D::Error> {
        Option::<&str>::deserialize(from)?.map(known).transpose()
    }
}

fn known<E: serde::de::Error>(name: &str) -> Result<PresetName, E> {
    Preset::named(name).map(|preset| preset.name).ok_or_else(|| E::custom("no preset"))
}

/// A JSON value as it is written: a format without self-description cannot say what comes next.
#[derive(Serialize, Deserialize)]
enum WrittenJson {
    Null,
    Bool(bool),
    Natural(u64),
    Integer(i64),
    Float(f64),
    String(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl WrittenJson {
    fn of(value: &serde_json::Value) -> Self {
        use serde_json::Value;
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(natural), _) => Self::Natural(natural),
                (None, Some(integer)) => Self::Integer(integer),
                (None, None) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Self::String(text.clone()),
            Value::Array(values) => Self::Array(values.iter().map(Self::of).collect()),
            Value::Object(members) => {
                Self::Object(members.iter().map(|(name, value)| (name.clone(), Self::of(value))).collect())
            }
        }
    }

    fn read<E: serde::de::Error>(self) -> Result<serde_json::Value, E> {
        use serde_json::{Number, Value};
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(truth),
            Self::Natural(natural) => Value::from(natural),
            Self::Integer(integer) => Value::from(integer),
            Self::Float(float) => Value::Number(Number::from_f64(float).ok_or_else(|| E::custom("no number"))?),
            Self::String(text) => Value::String(text),
            Self::Array(values) => Value::Array(values.into_iter().map(Self::read).collect::<Result<_, E>>()?),
            Self::Object(members) => Value::Object(
                members.into_iter().map(|(name, value)| Ok((name, value.read()?))).collect::<Result<_, E>>()?,
            ),
        })
    }
}
