//! What a session keeps of the decision that let it in, as the server and SQL read it.
//!
//! Every text in it but `jti` is one that PostgreSQL can hold. It says when the session ends and why, and never holds a token.

use crate::jws::SigningKey;
use crate::time::UnixSeconds;
use serde_json::{Map, Value};
use std::fmt::Write;

/// What a session keeps of the decision that let it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionGrant {
    pub(super) expires_at: Option<UnixSeconds>,
    pub(super) end: Option<EndSetting>,
    pub(super) issuer: String,
    pub(super) client: Option<String>,
    pub(super) token_id: Option<String>,
    pub(super) jti: Option<String>,
    pub(super) key: Option<SigningKey>,
    pub(super) claims: Map<String, Value>,
    pub(super) json: String,
}

/// When the session ends by itself, and by which setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndSetting {
    pub(super) at: UnixSeconds,
    pub(super) by: EndedBy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndedBy {
    Token,
    Max,
}

/// The value of one claim, as SQL reads it in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimText {
    /// A string, as it is.
    Plain(String),
    /// JSON of anything else.
    Json(String),
}

impl SessionGrant {
    /// When the session ends by itself; `None` if it does not.
    #[must_use]
    pub fn ends_at(&self) -> Option<UnixSeconds> {
        self.end.map(|end| end.at)
    }

    /// When the token expires; `None` where nobody said it.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixSeconds> {
        self.expires_at
    }

    /// The token's issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The client that the token was issued to, if it names one.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// The token's name, if it has one.
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// The token's `jti`, which `deny_jti` may name: as it is, of any length and with any character, so that what a login
    /// would be denied for ends a session, too. To be compared, not to be shown.
    #[must_use]
    pub fn jti(&self) -> Option<&str> {
        self.jti.as_deref()
    }

    /// The `kid` of the key that signed the token, if it has one.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.key.as_ref().and_then(|key| key.kid.as_deref())
    }

    /// The thumbprint of the key that signed the token; none where its provider was asked.
    #[must_use]
    pub fn thumbprint(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.thumbprint.as_str())
    }

    /// All claims that SQL may read, as one object of JSON.
    #[must_use]
    pub fn claims_json(&self) -> &str {
        &self.json
    }

    /// The claims that SQL may read, by their names.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The claim of this name; `None` if there is none, or if it is null.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<ClaimText> {
        match self.claims.get(name)? {
            Value::Null => None,
            Value::String(text) => Some(ClaimText::Plain(text.clone())),
            other => Some(ClaimText::Json(other.to_string())),
        }
    }

    /// What the client is told when the session ends by itself.
    #[must_use]
    pub fn end_for_client(&self) -> Option<&'static str> {
        Some(match self.end?.by {
            EndedBy::Token => "The OAuth token of this session has expired; log in with a new one.",
            EndedBy::Max => "The session has reached the longest time that the server allows; log in again.",
        })
    }

    /// What the log says when the session ends by itself.
    #[must_use]
    pub fn end_for_log(&self, profile: &str) -> Option<String> {
        let end = self.end?;
        let setting = match end.by {
            EndedBy::Token => "end",
            EndedBy::Max => "max",
        };
        let at = end.at;
        Some(format!("oauth_validator ended the session: profiles.{profile}.session.{setting} let it live until {at}."))
    }

    /// Which setting ends the session, as a phrase that follows "the session".
    pub(super) fn said(&self) -> String {
        let end = match self.end.map(|end| end.by) {
            Some(EndedBy::Token) => "ends with its token",
            Some(EndedBy::Max) => "ends by session.max",
            None => "does not end by itself",
        };
        format!("{end}; claims for SQL: {}", self.claims.len())
    }
}

/// What the log says of a grant that became a login (`oauth_validator.log_grants`): names and values in the quotes and
/// escapes of JSON, so that no value can end its own or begin another.
#[must_use]
pub fn login_line(session: &SessionGrant, authn_id: &str, profile: &str, role: &str, delegated: bool) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let mut line = format!("granted: authn_id={} profile={profile} role={}", quoted(authn_id), quoted(role));
    line.push_str(if delegated { " delegated=yes" } else { " delegated=no" });
    let _ = write!(line, " issuer={}", quoted(&session.issuer));
    for (name, value) in [("client", &session.client), ("token_id", &session.token_id)] {
        let value = value.as_ref().map_or_else(|| "-".to_owned(), |value| quoted(value));
        let _ = write!(line, " {name}={value}");
    }
    for (name, time) in [("expires_at", session.expires_at), ("ends_at", session.ends_at())] {
        let time = time.map_or_else(|| "-".to_owned(), |time| time.to_string());
        let _ = write!(line, " {name}={time}");
    }
    line
}
