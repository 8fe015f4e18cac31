//! The userinfo endpoint: where it is, and what its answer says of the token's subject (OpenID Connect Core section 5.3).
//!
//! Must never take an answer whose `sub` is not exactly that of the token.

use super::{NoUse, mismatch, refused, unavailable};
use crate::introspection::OnlineAnswer;
use crate::json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where a userinfo endpoint is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Userinfo {
    /// At this https URL.
    Endpoint(String),
    /// Where the issuer's metadata says, which is asked for first.
    Metadata {
        /// As the metadata must spell it.
        issuer: String,
        /// Where the metadata is, if not at the well-known URLs.
        discovery_url: Option<String>,
        /// Hosts besides the issuer's that it may point to.
        allowed_hosts: Vec<String>,
    },
}

impl Userinfo {
    /// Where is asked, for a person.
    pub(super) fn place(&self) -> &str {
        match self {
            Self::Endpoint(url) => url,
            Self::Metadata { issuer, .. } => issuer,
        }
    }
}

/// Whose the token is, if an answer can be compared with it.
pub(super) fn subject(token: &Value) -> Option<&str> {
    token.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty())
}

/// What the answer says about `subject`.
///
/// OpenID Connect Core section 5.3.2: the `sub` of the answer must be that of the token, and if it is another, nothing of the
/// answer may be used. 5.3.3: a token that is not meant for the endpoint is answered with 401, or with 403 where `openid` is
/// missing (RFC 6750 section 3.1).
pub(super) fn members(answer: &OnlineAnswer, subject: &str) -> Result<Map<String, Value>, NoUse> {
    match answer.status {
        200 => {}
        401 | 403 => return Err(refused("The userinfo endpoint does not take the token.")),
        _ => return Err(unavailable("The userinfo endpoint gave no answer that says anything about the token.")),
    }
    let members = json::object(answer.body.as_bytes())
        .map_err(|_| unavailable("The userinfo endpoint's answer is not one JSON object without duplicate members."))?;
    match members.get("sub") {
        Some(Value::String(own)) if own == subject => Ok(members),
        Some(Value::String(_)) => Err(mismatch("The userinfo endpoint's answer is about another sub.")),
        Some(_) => Err(mismatch("The sub of the userinfo endpoint's answer is not a string.")),
        None => Err(mismatch("The userinfo endpoint's answer has no sub.")),
    }
}
