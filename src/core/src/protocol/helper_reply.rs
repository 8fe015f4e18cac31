//! What comes of a request, and what of that is taken over.

use super::line::{ProtocolError, UNDERSTOOD, from_line, to_line};
use crate::introspection::OnlineAnswer;
use crate::keys::KeySet;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest text of a failure that is taken over from a helper, in characters.
const MAX_TEXT_CHARS: usize = 600;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelperAnswer {
    /// The version of the request: whoever asked understands that.
    pub version: u32,
    /// The outcome.
    pub outcome: HelperReply,
}

/// The outcome of a helper's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum HelperReply {
    /// The keys.
    Keys(FetchedKeys),
    /// The known document still holds.
    Unchanged(Freshness),
    /// What an endpoint says about a token.
    Answer(OnlineAnswer),
    /// There is nothing to be had.
    Failed(HelperFailure),
}

/// Keys as they were fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FetchedKeys {
    /// Where the key document is.
    pub url: String,
    /// Its entity tag.
    pub etag: Option<String>,
    /// What the provider says about keeping it.
    pub freshness: Freshness,
    /// Its usable keys; at least one.
    pub keys: KeySet,
}

/// What Cache-Control says about the time that an answer may be kept (RFC 9111 section 5.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freshness {
    /// `max-age`; whole seconds travel.
    #[serde(with = "seconds")]
    pub max_age: Option<Duration>,
    /// `no-cache` or `no-store`: ask again each time.
    pub no_cache: bool,
}

/// Why there is nothing to be had, in the words of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelperFailure {
    /// A stable code, such as `connect`.
    pub code: String,
    /// One sentence without its full stop.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl HelperAnswer {
    /// An answer to a request of version `asked`, or in the version next to it that is understood here.
    #[must_use]
    pub fn new(asked: u32, outcome: HelperReply) -> Self {
        Self { version: asked.clamp(*UNDERSTOOD.start(), *UNDERSTOOD.end()), outcome }
    }

    /// The answer as it is sent: one line.
    #[must_use]
    pub fn to_line(&self) -> Vec<u8> {
        to_line(self)
    }

    /// Reads a line. Texts of a failure are cut to what a line of a log can take.
    ///
    /// # Errors
    /// Whatever is not an answer of a version that is understood.
    pub fn from_line(line: &[u8]) -> Result<Self, ProtocolError> {
        let mut answer: Self = from_line(line)?;
        if let HelperReply::Failed(failure) = &mut answer.outcome {
            for text in [&mut failure.code, &mut failure.message, &mut failure.hint] {
                if let Some((end, _)) = text.char_indices().nth(MAX_TEXT_CHARS) {
                    text.truncate(end);
                }
            }
        }
        Ok(answer)
    }
}

/// A span as the number of its seconds.
mod seconds {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        span.map(|span| span.as_secs()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_secs))
    }
}
