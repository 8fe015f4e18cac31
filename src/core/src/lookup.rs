//! Claims that are not in the token: where they are looked up, and what of the answer is taken over.
//!
//! What `[profiles.NAME.lookup]` says. An answer only adds what the profile names and the token lacks: it must never replace
//! a claim of the token, and never be about anybody but the user whom the token is about.

mod graph;
mod userinfo;

use crate::introspection::OnlineAnswer;
use crate::overage;
use crate::reach::{FilePath, Reach};
use crate::reason::Reason;
use crate::time::UnixSeconds;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::time::Duration;

pub(crate) use graph::{CLAIM as CLAIM_OF_GRAPH, is_guid};
pub use graph::{GROUPS_OF_A_REQUEST, Graph, MAX_GROUPS, batch_path, member_groups};
pub use userinfo::Userinfo;

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
    /// Who is asked, and for what.
    pub source: Source,
    /// How long what was found may be kept for other logins with the same token; zero, and each login asks.
    pub cache: Duration,
    /// How the provider is reached.
    pub reach: Reach<FilePath>,
}

/// Who is asked. A token never chooses it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// The userinfo endpoint, with the token itself.
    Userinfo(Userinfo),
    /// Microsoft Graph, with a token of this server's own: which of some groups the user is in.
    Graph(Graph),
}

/// Whom a lookup is about, as the verified token says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupSubject {
    /// The user by the name that the asked one knows: the `sub` of the token for userinfo, the `oid` for Microsoft Graph.
    pub user: String,
    /// When the token expires, if anybody says.
    pub expires: Option<UnixSeconds>,
}

/// What an answer says of claims that may be looked up.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Found {
    /// The claims.
    pub(crate) claims: Map<String, Value>,
    /// The names of those that the answer says are elsewhere, as a userinfo endpoint can (OpenID Connect Core section 5.6.2):
    /// nobody asks there, and they must not pass for claims that the user has not.
    pub(crate) left_out: Vec<String>,
}

impl Lookup {
    /// Where is asked, for a person.
    #[must_use]
    pub fn place(&self) -> &str {
        match &self.source {
            Source::Userinfo(userinfo) => userinfo.place(),
            Source::Graph(graph) => &graph.endpoint,
        }
    }

    /// Whom the token is about, if an answer could be known to be about the same user; nobody is asked about another token.
    pub(crate) fn user<'t>(&self, token: &'t Value) -> Result<&'t str, NoUse> {
        match &self.source {
            Source::Userinfo(_) => userinfo::subject(token).ok_or_else(|| {
                mismatch("The token has no sub, by which an answer could be known to be about it; nobody was asked.")
            }),
            Source::Graph(graph) => graph.user(token),
        }
    }

    /// What an answer says of `user`, of the claims that may be looked up.
    pub(crate) fn found(&self, answer: &OnlineAnswer, user: &str) -> Result<Found, NoUse> {
        let mut claims = match &self.source {
            Source::Userinfo(_) => userinfo::members(answer, user)?,
            Source::Graph(graph) => graph.found(answer)?,
        };
        let left_out = self.claims.iter().filter(|name| overage::leaves_out_claim(&claims, name)).cloned().collect();
        let mut found = Found { claims: Map::new(), left_out };
        claims.retain(|name, _| self.claims.contains(name) && !found.left_out.contains(name));
        found.claims = claims;
        Ok(found)
    }

    /// What of an answer about `user` may be kept: nothing but what was found, and nothing at all where that is nothing, since
    /// whoever is let in from now on need not wait, or not all that there is.
    pub(crate) fn keepable(&self, answer: &OnlineAnswer, user: &str) -> Option<OnlineAnswer> {
        let Found { claims: mut found, left_out } = self.found(answer, user).ok()?;
        let says = |value: &Value| value.as_array().is_none_or(|values| !values.is_empty());
        if !left_out.is_empty() || !found.values().any(says) {
            return None;
        }
        Some(match &self.source {
            Source::Userinfo(_) => {
                found.insert("sub".to_owned(), user.into());
                OnlineAnswer { status: 200, body: Value::Object(found).to_string() }
            }
            Source::Graph(graph) => {
                let groups = found.get(graph::CLAIM).and_then(Value::as_array);
                graph.answer(|group| groups.is_some_and(|all| all.iter().any(|own| own.as_str() == Some(group))))
            }
        })
    }
}

/// Why an answer adds nothing: the code, a sentence, and what to do where the code's own remedy does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoUse {
    pub(crate) reason: Reason,
    pub(crate) why: Cow<'static, str>,
    pub(crate) hint: Option<&'static str>,
}

impl NoUse {
    fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }
}

/// What the answer says about the user of `token`, of the claims that `lookup` names and the token lacks.
pub(crate) fn added(lookup: &Lookup, answer: &OnlineAnswer, token: &Value) -> Result<Found, NoUse> {
    let mut found = lookup.found(answer, lookup.user(token)?)?;
    found.claims.retain(|name, _| token.get(name).is_none());
    found.left_out.retain(|name| token.get(name).is_none());
    Ok(found)
}

fn mismatch(why: impl Into<Cow<'static, str>>) -> NoUse {
    NoUse { reason: Reason::LookupMismatch, why: why.into(), hint: None }
}

fn refused(why: impl Into<Cow<'static, str>>) -> NoUse {
    NoUse { reason: Reason::LookupRefused, why: why.into(), hint: None }
}

fn unavailable(why: impl Into<Cow<'static, str>>) -> NoUse {
    NoUse { reason: Reason::LookupUnavailable, why: why.into(), hint: None }
}

#[cfg(test)]
mod tests;
