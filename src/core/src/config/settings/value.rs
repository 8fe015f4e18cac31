//! Values in the table of settings: durations and sizes with their text, and what holds where a key is absent.
//!
//! A duration or a size is written once, as in a file, and the compiler works the number out: text and number cannot
//! differ. What it does not understand becomes a number that no range holds.

use std::borrow::Cow;
use std::time::Duration;

/// A duration, as it is written and in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Such as `24h`.
    pub text: &'static str,
    /// In seconds.
    pub seconds: i64,
}

/// A size, as it is written and in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes {
    /// Such as `16kB`.
    pub text: &'static str,
    /// In bytes.
    pub bytes: usize,
}

/// The digits that a text begins with, as a number, and what follows them.
const fn number_and_unit(text: &str) -> (i64, &[u8]) {
    let mut number = 0;
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first()
        && byte.is_ascii_digit()
    {
        number = 10 * number + (*byte - b'0') as i64;
        rest = after;
    }
    (number, rest)
}

impl Span {
    /// One number and one unit. A year, which has no fixed length in a file, is 365 days here.
    pub(super) const fn of(text: &'static str) -> Self {
        let (number, unit) = number_and_unit(text);
        let factor = match unit {
            b"s" => 1,
            b"min" => 60,
            b"h" => 3600,
            b"d" => 24 * 3600,
            b" years" => 365 * 24 * 3600,
            _ => i64::MIN,
        };
        Self { text, seconds: number.saturating_mul(factor) }
    }

    /// How long it is; nothing of what is not understood.
    pub(super) const fn length(self) -> Duration {
        if self.seconds < 0 { Duration::ZERO } else { Duration::from_secs(self.seconds.unsigned_abs()) }
    }
}

impl Bytes {
    /// One number and one unit.
    pub(super) const fn of(text: &'static str) -> Self {
        let (number, unit) = number_and_unit(text);
        let factor = match unit {
            b"B" => 1,
            b"kB" => 1024,
            b"MB" => 1024 * 1024,
            _ => 0,
        };
        Self { text, bytes: (number as usize).saturating_mul(factor) }
    }
}

/// What holds where a key is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// Nothing can: the key must be there.
    Required,
    /// Nothing does.
    None,
    /// What these words say.
    Phrase(&'static str),
    /// A list of the profile's issuer alone.
    Issuer,
    /// The defaults of the table's own keys.
    Table,
    /// This value.
    Boolean(bool),
    /// A list of these values.
    Booleans(&'static [bool]),
    /// This length of time.
    Lasts(Span),
    /// This many bytes.
    Holds(Bytes),
    /// This string.
    Text(&'static str),
    /// A list of these strings.
    Texts(&'static [&'static str]),
    /// The claim of the token with this name.
    Claim(&'static str),
}

/// A length of time.
pub(super) const fn lasts(text: &'static str) -> Default {
    Default::Lasts(Span::of(text))
}

/// A number of bytes.
pub(super) const fn holds(text: &'static str) -> Default {
    Default::Holds(Bytes::of(text))
}

impl Default {
    /// For a person: the value as TOML, or words such as `required`.
    #[must_use]
    pub fn words(self) -> Cow<'static, str> {
        match self {
            Self::Required => "required".into(),
            Self::None => "none".into(),
            Self::Phrase(words) => words.into(),
            Self::Issuer => "[issuer]".into(),
            Self::Table => "{}".into(),
            other => other.toml().unwrap_or_default().into(),
        }
    }

    /// The value as TOML, which is JSON as well; nothing where it is no value.
    #[must_use]
    pub fn toml(self) -> Option<String> {
        let list = |elements: Vec<String>| format!("[{}]", elements.join(", "));
        Some(match self {
            Self::Required | Self::None | Self::Phrase(_) | Self::Issuer => return None,
            Self::Table => "{}".to_owned(),
            Self::Boolean(value) => value.to_string(),
            Self::Booleans(values) => list(values.iter().map(bool::to_string).collect()),
            Self::Lasts(span) => quoted(span.text),
            Self::Holds(size) => quoted(size.text),
            Self::Text(text) => quoted(text),
            Self::Texts(texts) => list(texts.iter().map(|text| quoted(text)).collect()),
            Self::Claim(name) => quoted(&format!("$.{name}")),
        })
    }
}

/// JSON's strings are TOML's basic strings.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::{Bytes, Default, Span};
    use crate::config::settings::{SETTINGS, ValueKind};
    use crate::config::values::{parse_duration, parse_size};

    #[test]
    fn every_duration_and_size_is_what_its_text_says_in_a_file() {
        let mut tried = 0;
        for setting in SETTINGS {
            let (mut spans, mut sizes) = (Vec::new(), Vec::new());
            match setting.kind {
                ValueKind::Duration(from, to) => spans.extend([from, to]),
                ValueKind::Size(from, to) => sizes.extend([from, to]),
                _ => {}
            }
            match setting.default {
                Default::Lasts(span) => spans.push(span),
                Default::Holds(size) => sizes.push(size),
                _ => {}
            }
            for Span { text, seconds } in spans {
                let days = text.strip_suffix(" years").map(|years| format!("{}d", 365 * years.parse::<i64>().unwrap()));
                let parsed = parse_duration(days.as_deref().unwrap_or(text));
                assert_eq!(parsed.map(|span| span.as_secs()), Some(seconds), "{text}");
                tried += 1;
            }
            for Bytes { text, bytes } in sizes {
                assert_eq!(parse_size(text), Some(bytes), "{text}");
                tried += 1;
            }
            let in_range = match setting.default {
                Default::Lasts(span) => setting.takes_duration(span.length()),
                Default::Holds(size) => setting.takes_bytes(size.bytes),
                _ => true,
            };
            assert!(in_range, "{setting:?}");
        }
        assert!(tried >= 50, "{tried}");
    }

    #[test]
    fn what_is_no_duration_or_size_is_in_no_range() {
        assert_eq!(Span::of("5 minutes").seconds, i64::MIN);
        assert_eq!(Bytes::of("16KB").bytes, 0);
    }
}
