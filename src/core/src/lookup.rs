//! Claims that are not in the token: where they are looked up, and what of the answer is taken over.
//!
//! What `[profiles.NAME.lookup]` says, and OpenID Connect Core section 5.3 of the userinfo endpoint. An answer only adds
//! what the profile names and the token lacks: it must never replace a claim of the token, and never be about anybody but
//! the token's own subject.

use crate::introspection::OnlineAnswer;
use crate::json;
use crate::reach::{FilePath, Reach};
use crate::reason::Reason;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Claims that say whose a token is, for whom it was made, and what it is good for. They are judged before anybody is asked,
/// so that nobody but the token can say them.
pub(crate) const OF_THE_TOKEN: [&str; 23] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "azp",
    "client_id",
    "cid",
    "appid",
    "scope",
    "scp",
    "cnf",
    "act",
    "may_act",
    "typ",
    "token_type",
    "token_use",
    "active",
    "nonce",
    "at_hash",
    "c_hash",
];

/// Where claims are looked up that the token does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    /// The names of claims that may be looked up.
    pub claims: Vec<String>,
    /// Where.
    pub userinfo: Userinfo,
    /// How the provider is reached.
    pub reach: Reach<FilePath>,
}

/// Where a userinfo endpoint is. A token never chooses it.
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

impl Lookup {
    /// Where is asked, for a person.
    #[must_use]
    pub fn place(&self) -> &str {
        match &self.userinfo {
            Userinfo::Endpoint(url) => url,
            Userinfo::Metadata { issuer, .. } => issuer,
        }
    }
}

/// Why an answer adds nothing: the code, a sentence, and what to do where the code's own remedy does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoUse {
    pub(crate) reason: Reason,
    pub(crate) why: &'static str,
}

/// What the answer says about the subject of `token`, of the claims that `lookup` names and the token lacks.
///
/// OpenID Connect Core section 5.3.2: the `sub` of the answer must be that of the token, and if it is another, nothing of the
/// answer may be used. 5.3.3: a token that is not meant for the endpoint is answered with 401, or with 403 where `openid` is
/// missing (RFC 6750 section 3.1).
pub(crate) fn added(lookup: &Lookup, answer: &OnlineAnswer, token: &Value) -> Result<Map<String, Value>, NoUse> {
    match answer.status {
        200 => {}
        401 | 403 => return Err(refused("The userinfo endpoint does not take the token.")),
        _ => return Err(unavailable("The userinfo endpoint gave no answer that says anything about the token.")),
    }
    let members = json::object(answer.body.as_bytes())
        .map_err(|_| unavailable("The userinfo endpoint's answer is not one JSON object without duplicate members."))?;
    let Some(subject) = subject(token) else {
        return Err(mismatch("The token has no sub, by which an answer could be known to be about it."));
    };
    match members.get("sub") {
        Some(Value::String(own)) if own == subject => {}
        Some(Value::String(_)) => return Err(mismatch("The userinfo endpoint's answer is about another sub.")),
        Some(_) => return Err(mismatch("The sub of the userinfo endpoint's answer is not a string.")),
        None => return Err(mismatch("The userinfo endpoint's answer has no sub.")),
    }
    let wanted = |name: &String| lookup.claims.contains(name) && token.get(name).is_none();
    Ok(members.into_iter().filter(|(name, _)| wanted(name)).collect())
}

/// Whose the token is, if an answer can be compared with it.
pub(crate) fn subject(token: &Value) -> Option<&str> {
    token.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty())
}

/// What is said of a token whose answer could not be known to be about it: nobody is asked.
pub(crate) const NO_SUBJECT: NoUse =
    mismatch("The token has no sub, by which an answer could be known to be about it; nobody was asked.");

const fn mismatch(why: &'static str) -> NoUse {
    NoUse { reason: Reason::LookupMismatch, why }
}

const fn refused(why: &'static str) -> NoUse {
    NoUse { reason: Reason::LookupRefused, why }
}

const fn unavailable(why: &'static str) -> NoUse {
    NoUse { reason: Reason::LookupUnavailable, why }
}

#[cfg(test)]
mod tests;
