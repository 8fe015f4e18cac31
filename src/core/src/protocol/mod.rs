//! What a server and the helper that it starts say to each other: one line of JSON each way.
//!
//! The two may be of different versions, since a server keeps the library it has mapped while packages are upgraded. So
//! each side accepts its own version and the one before, and says so when it sees another. Members that are not known
//! are refused: what one side means and the other does not understand must never be dropped.

mod helper_reply;
mod line;
mod request;
mod secret;
#[cfg(test)]
mod tests;

pub use helper_reply::{FetchedKeys, Freshness, HelperAnswer, HelperFailure, HelperReply};
pub use line::{MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, PROTOCOL_VERSION, ProtocolError};
pub use request::{Authorization, HelperRequest, KnownDocument, Task, TlsClient, UserinfoLocation};
pub use secret::Secret;

/// What the helper is told to be, as its only argument.
pub const HELPER_COMMAND: &str = "helper";
