//! The one error of the harness: a sentence for the person who runs the tests.
//!
//! A refusal by the server is not an error of the harness; see `wire.rs` for those.

use std::fmt;

/// Something the harness needed did not work; the text says what, and what to install or do.
pub struct HarnessError(String);

/// Results of the harness.
pub type Result<T> = std::result::Result<T, HarnessError>;

impl HarnessError {
    /// An error with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for HarnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// `expect` prints Debug, and a server log in one escaped line is unreadable.
impl fmt::Debug for HarnessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HarnessError {}

/// Names what was tried when an operation of the system fails.
pub(crate) trait Context<T> {
    /// Turns the failure into a `HarnessError` that begins with `what()`.
    fn context(self, what: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| HarnessError::new(format!("{}: {error}", what())))
    }
}
