//! Microsoft Graph: which of the groups that a profile names a user is in, nested ones included.
//!
//! `checkMemberGroups` takes 20 groups a request, and `$batch` takes 20 requests: one batch is all that is asked. Its answers
//! come in any order, each with a status of its own, and one that is no plain yes makes all of them worthless: must never take
//! a part of the groups for all that were asked about. A group with hidden membership is left out by Graph itself without a
//! word, so that nothing here may be read as "is not a member".

use super::{NoUse, mismatch, unavailable};
use crate::introspection::OnlineAnswer;
use crate::json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The most groups that a profile may name.
pub const MAX_GROUPS: usize = 100;

/// The most groups that one `checkMemberGroups` takes.
pub const GROUPS_OF_A_REQUEST: usize = 20;

/// The claim that Graph stands in for.
pub(crate) const CLAIM: &str = "groups";

const NO_CONSENT: &str = "Grant the application of lookup.client_id the application permissions User.Read.All and \
    GroupMember.Read.All of Microsoft Graph, with an administrator's consent; delegated permissions do not count. Member.Read.Hidden \
    as well for groups with hidden membership.";
const NO_USER: &str = "See whether the user was deleted, and whether lookup.tenant is the one that the user is in.";
const THROTTLED: &str = "Try again later. If this goes on, have Entra put the groups that are assigned to the application into \
    its tokens, so that nobody has to be asked; or keep what was found for a while (lookup.cache).";
const BAD_REQUEST: &str = "See whether each of lookup.groups is the object ID of a group that this tenant has.";

/// What is asked of Microsoft Graph, and as whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// Its root, which is that of a national cloud, without a slash at the end.
    pub endpoint: String,
    /// Where this server gets a token for it.
    pub token_endpoint: String,
    /// The tenant whose users are looked up: a GUID.
    pub tenant: String,
    /// The application that this server is there.
    pub client_id: String,
    /// A file with its secret; relative to the configuration's folder.
    pub secret_file: String,
    /// The groups, by their object IDs: GUIDs, at most [`MAX_GROUPS`].
    pub groups: Vec<String>,
}

impl Graph {
    /// Whom the token is about, where that is a user of this tenant: `oid`, which goes into a URL and so must be a GUID.
    pub(super) fn user<'t>(&self, token: &'t Value) -> Result<&'t str, NoUse> {
        let text = |name: &str| token.get(name).and_then(Value::as_str);
        if text("tid").is_none_or(|tid| !tid.eq_ignore_ascii_case(&self.tenant)) {
            return Err(mismatch("The token's tid is not the tenant whose users are looked up; nobody was asked."));
        }
        text("oid").filter(|oid| is_guid(oid)).ok_or_else(|| {
            mismatch("The token has no oid that is a GUID, by which Microsoft Graph knows the user; nobody was asked.")
        })
    }

    /// What Graph answers about a user who is in these of the groups, in the shortest form.
    #[must_use]
    pub fn answer(&self, is_in: impl Fn(&str) -> bool) -> OnlineAnswer {
        let response = |(id, groups): (String, &[String])| {
            let found: Vec<&String> = groups.iter().filter(|group| is_in(group.as_str())).collect();
            json!({"id": id, "status": 200, "body": {"value": found}})
        };
        let responses: Vec<Value> = numbered(&self.groups).map(response).collect();
        OnlineAnswer { status: 200, body: json!({ "responses": responses }).to_string() }
    }

    /// The groups that the user is in, as the claim that the token lacks.
    pub(super) fn found(&self, answer: &OnlineAnswer) -> Result<Map<String, Value>, NoUse> {
        let members = json::object(answer.body.as_bytes()).ok().filter(|_| answer.status == 200);
        let Some(Value::Array(responses)) = members.as_ref().and_then(|members| members.get("responses")) else {
            return Err(no_batch());
        };
        let mut by_id = BTreeMap::new();
        for response in responses {
            let id = response.get("id").and_then(Value::as_str).ok_or_else(no_batch)?;
            if by_id.insert(id, response).is_some() {
                return Err(no_batch());
            }
        }
        let mut found = Vec::new();
        for (id, asked) in numbered(&self.groups) {
            let response = by_id.remove(id.as_str()).ok_or_else(no_batch)?;
            found.extend(groups(response, asked)?);
        }
        if !by_id.is_empty() {
            return Err(no_batch());
        }
        Ok(Map::from_iter([(CLAIM.to_owned(), Value::Array(found))]))
    }
}

/// The path of all of this below the root.
#[must_use]
pub const fn batch_path() -> &'static str {
    "/v1.0/$batch"
}

/// The batch that asks which of `groups` the user is in; `user` must be a GUID, since it becomes part of a URL.
#[must_use]
pub fn member_groups(user: &str, groups: &[String]) -> Value {
    let request = |(id, groups): (String, &[String])| {
        json!({
            "id": id,
            "method": "POST",
            "url": format!("/users/{user}/checkMemberGroups"),
            "headers": {"Content-Type": "application/json"},
            "body": {"groupIds": groups},
        })
    };
    json!({ "requests": numbered(groups).map(request).collect::<Vec<_>>() })
}

/// The requests of a batch: their numbers as text, from 1, and the groups of each.
fn numbered(groups: &[String]) -> impl Iterator<Item = (String, &[String])> {
    (1..).zip(groups.chunks(GROUPS_OF_A_REQUEST)).map(|(number, chunk): (u32, _)| (number.to_string(), chunk))
}

/// Those of the groups that were asked about in one request that the user is in, as the configuration spells them.
fn groups(response: &Value, asked: &[String]) -> Result<Vec<Value>, NoUse> {
    match response.get("status").and_then(Value::as_u64) {
        Some(200) => {}
        Some(status) => return Err(failed(status, response)),
        None => return Err(no_batch()),
    }
    let Some(Value::Array(values)) = response.get("body").and_then(|body| body.get("value")) else {
        return Err(no_batch());
    };
    let mut found = Vec::new();
    for value in values {
        let id = value.as_str().ok_or_else(no_batch)?;
        let own = asked.iter().find(|own| own.eq_ignore_ascii_case(id)).ok_or_else(|| {
            unavailable("Microsoft Graph's answer has a group that it was not asked about, so nothing of it is used.")
        })?;
        found.push(Value::from(own.as_str()));
    }
    Ok(found)
}

/// Why one request of the batch has no answer.
fn failed(status: u64, response: &Value) -> NoUse {
    let plain = || format!("Microsoft Graph answers one of the requests of its batch with status {status}.");
    match status {
        400 => {
            unavailable("Microsoft Graph takes one of lookup.groups for malformed (status 400).").with_hint(BAD_REQUEST)
        }
        401 | 403 => unavailable(format!(
            "Microsoft Graph does not let the application of lookup.client_id look at the user's groups (status {status})."
        ))
        .with_hint(NO_CONSENT),
        404 => {
            mismatch("Microsoft Graph knows no user with the token's oid in this tenant (status 404).").with_hint(NO_USER)
        }
        429 => {
            let wait = retry_after(response).map(|seconds| format!(", and says to wait {seconds} seconds"));
            let wait = wait.unwrap_or_default();
            unavailable(format!("Microsoft Graph has had too many requests (status 429){wait}.")).with_hint(THROTTLED)
        }
        _ => unavailable(plain()),
    }
}

/// `Retry-After` of an answer in a batch (RFC 9110 section 10.2.3), where that is a number of seconds.
fn retry_after(response: &Value) -> Option<u32> {
    let headers = response.get("headers")?.as_object()?;
    let value = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))?.1;
    value.as_u64().and_then(|seconds| seconds.try_into().ok()).or_else(|| value.as_str()?.parse().ok())
}

fn no_batch() -> NoUse {
    unavailable("Microsoft Graph's answer is not that of a batch with one answer to each of its requests.")
}

/// Whether a text is a GUID as Entra writes them: 8, 4, 4, 4 and 12 hexadecimal digits.
pub(crate) fn is_guid(text: &str) -> bool {
    let mut parts = text.split('-');
    let are = [8, 4, 4, 4, 12].into_iter().all(|length| {
        parts.next().is_some_and(|part| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    });
    are && parts.next().is_none()
}

#[cfg(test)]
mod tests;
