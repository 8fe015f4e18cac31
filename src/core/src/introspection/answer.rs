//! What an endpoint answered about a token; what it is worth is judged elsewhere.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An endpoint's answer as it came, over TLS and from the very endpoint that was asked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnlineAnswer {
    /// The status: 200 or 400; of a userinfo endpoint 200, 401 or 403.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Shows no body, which says who somebody is.
impl fmt::Debug for OnlineAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OnlineAnswer({}, {} bytes)", self.status, self.body.len())
    }
}
