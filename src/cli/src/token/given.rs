//! What a provider or a command gave: a token, and texts that a message may repeat.

use crate::output::visible;
use std::time::Duration;
use zeroize::Zeroizing;

/// The longest text of a provider that a message repeats, in characters.
const MAX_REPEATED: usize = 200;

/// A bearer token that was just given.
pub(crate) struct GivenToken {
    pub(crate) text: Zeroizing<String>,
    /// How long it is good for, as far as that is known.
    pub(crate) life: Option<Duration>,
    /// What gives the next one without anybody's doing.
    pub(super) refresh: Option<Zeroizing<String>>,
}

/// A text of the provider's, for a terminal.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(MAX_REPEATED).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    visible(&short, false).into_owned()
}
