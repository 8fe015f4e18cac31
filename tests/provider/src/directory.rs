//! A directory of users and groups, as Microsoft Graph shows it: a token by client credentials, and `checkMemberGroups` in a
//! batch.
//!
//! Written after Microsoft's reference (`directoryobject-checkmembergroups`, `json-batching`, `throttling`): 20 groups a
//! request, 20 requests a batch, each with a status of its own and in whatever order; nested groups count; one malformed ID
//! spoils its request; a group with hidden membership is left out without a word. It must never be more lenient than that.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::http::{HttpRequest, HttpResponse};
use crate::reply::Reply;

/// Where batches go.
pub const BATCH: &str = "/v1.0/$batch";

const MOST: usize = 20;

/// What goes wrong in the directory, beside the faults of connections and documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mishap {
    /// Nothing.
    #[default]
    None,
    /// The answers of a batch come last first.
    OutOfOrder,
    /// The batch as a whole is one too many, with this `Retry-After`.
    Throttled(String),
    /// The last request of a batch is one too many, with this `Retry-After`.
    ThrottledInBatch(String),
    /// No administrator has consented to the permissions.
    NoConsent,
}

/// A tenant's directory, and the one application that may look at it.
#[derive(Clone, Debug)]
pub struct Directory {
    tenant: String,
    client_id: String,
    secret: String,
    token: String,
    /// The groups that a user or a group is directly in.
    memberships: BTreeMap<String, BTreeSet<String>>,
    users: BTreeSet<String>,
    hidden: BTreeSet<String>,
    mishap: Mishap,
}

impl Directory {
    /// An empty one, whose application is `client_id` with `secret`, and gets `token` for it.
    pub fn new(tenant: &str, client_id: &str, secret: &str, token: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
            client_id: client_id.to_owned(),
            secret: secret.to_owned(),
            token: token.to_owned(),
            memberships: BTreeMap::new(),
            users: BTreeSet::new(),
            hidden: BTreeSet::new(),
            mishap: Mishap::None,
        }
    }

    /// Where the application gets its token.
    pub fn token_path(&self) -> String {
        format!("/{}/oauth2/v2.0/token", self.tenant)
    }

    /// This directory, with a user who is directly in these groups.
    #[must_use]
    pub fn with_user(mut self, user: &str, groups: &[&str]) -> Self {
        self.users.insert(user.to_owned());
        self.put_in(user, groups);
        self
    }

    /// This directory, with a group that is in others.
    #[must_use]
    pub fn with_nested(mut self, group: &str, groups: &[&str]) -> Self {
        self.put_in(group, groups);
        self
    }

    /// This directory, with a group whose members the application may not see.
    #[must_use]
    pub fn with_hidden(mut self, group: &str) -> Self {
        self.hidden.insert(group.to_owned());
        self
    }

    /// This directory, where this goes wrong.
    #[must_use]
    pub fn with(mut self, mishap: Mishap) -> Self {
        self.mishap = mishap;
        self
    }

    fn put_in(&mut self, member: &str, groups: &[&str]) {
        let all = self.memberships.entry(member.to_owned()).or_default();
        all.extend(groups.iter().map(|group| (*group).to_owned()));
    }

    /// The response to a request that is for the directory.
    pub(crate) fn response(&self, base_url: &str, request: &HttpRequest) -> Option<HttpResponse> {
        if request.method != "POST" {
            return None;
        }
        if request.path == BATCH {
            return Some(self.batch(request));
        }
        (request.path == self.token_path()).then(|| self.granted(base_url, request))
    }

    /// RFC 6749 section 4.4, with Entra's errors.
    fn granted(&self, base_url: &str, request: &HttpRequest) -> HttpResponse {
        let form = request.form();
        let is = |name: &str, wanted: &str| form.iter().any(|(own, value)| own == name && value == wanted);
        let refused = |status: u16, error: &str, code: u32| {
            let body = json!({
                "error": error,
                "error_description": format!("AADSTS{code}: told in many words. Trace ID: 0"),
                "error_codes": [code],
            });
            (&Reply::new(status, body.to_string()).with_header("Content-Type", "application/json; charset=utf-8"))
                .into()
        };
        if !is("client_id", &self.client_id) {
            return refused(400, "unauthorized_client", 700_016);
        }
        if !is("client_secret", &self.secret) {
            return refused(401, "invalid_client", 7_000_215);
        }
        if !is("grant_type", "client_credentials") || !is("scope", &format!("{base_url}/.default")) {
            return refused(400, "invalid_scope", 70_011);
        }
        HttpResponse::json(&json!({"token_type": "Bearer", "expires_in": 3599, "access_token": self.token}))
    }

    fn batch(&self, request: &HttpRequest) -> HttpResponse {
        if let Mishap::Throttled(wait) = &self.mishap {
            return (&error(429, "TooManyRequests").with_header("Retry-After", wait)).into();
        }
        if request.header("Authorization") != Some(format!("Bearer {}", self.token).as_str()) {
            return (&error(401, "InvalidAuthenticationToken")).into();
        }
        let document: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let requests = document["requests"].as_array().filter(|all| (1..=MOST).contains(&all.len()));
        let ids: BTreeSet<String> = requests.into_iter().flatten().map(|one| one["id"].to_string()).collect();
        let Some(requests) = requests.filter(|all| ids.len() == all.len()) else {
            return (&error(400, "BadRequest")).into();
        };
        let mut responses: Vec<Value> = requests.iter().map(|one| self.one(one)).collect();
        if let (Mishap::ThrottledInBatch(wait), Some(last)) = (&self.mishap, responses.last_mut()) {
            *last = failed(&last["id"], 429, "TooManyRequests");
            last["headers"]["Retry-After"] = wait.as_str().into();
        }
        if self.mishap == Mishap::OutOfOrder {
            responses.reverse();
        }
        HttpResponse::json(&json!({ "responses": responses }))
    }

    /// `POST /users/{id}/checkMemberGroups`.
    fn one(&self, request: &Value) -> Value {
        let id = &request["id"];
        let user =
            request["url"].as_str().and_then(|url| url.strip_prefix("/users/")?.strip_suffix("/checkMemberGroups"));
        let is_json = request["headers"]["Content-Type"] == "application/json";
        let (Some(user), true, true) = (user, is_json, request["method"] == "POST") else {
            return failed(id, 400, "BadRequest");
        };
        if self.mishap == Mishap::NoConsent {
            return failed(id, 403, "Authorization_RequestDenied");
        }
        let asked = request["body"]["groupIds"].as_array().filter(|asked| (1..=MOST).contains(&asked.len()));
        let is_guid = |group: &Value| group.as_str().is_some_and(|text| text.len() == 36);
        let Some(asked) = asked.filter(|asked| asked.iter().all(is_guid)) else {
            return failed(id, 400, "Request_BadRequest");
        };
        if !self.users.contains(user) {
            return failed(id, 404, "Request_ResourceNotFound");
        }
        let all = self.all_groups(user);
        let shown =
            |group: &&Value| group.as_str().is_some_and(|group| all.contains(group) && !self.hidden.contains(group));
        let found: Vec<&Value> = asked.iter().filter(shown).collect();
        let context = "https://graph.microsoft.com/v1.0/$metadata#Collection(Edm.String)";
        json!({
            "id": id,
            "status": 200,
            "headers": {"Cache-Control": "no-cache", "Content-Type": "application/json;odata.metadata=minimal"},
            "body": {"@odata.context": context, "value": found},
        })
    }

    /// Those that somebody is in, directly or by way of others.
    fn all_groups(&self, member: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        let mut next = vec![member.to_owned()];
        while let Some(member) = next.pop() {
            let groups = self.memberships.get(&member).into_iter().flatten();
            next.extend(groups.filter(|group| all.insert((*group).clone())).cloned());
        }
        all
    }
}

fn error(status: u16, code: &str) -> Reply {
    let body = json!({"error": {"code": code, "message": "told in many words", "innerError": {"request-id": "0"}}});
    Reply::new(status, body.to_string()).with_header("Content-Type", "application/json")
}

fn failed(id: &Value, status: u16, code: &str) -> Value {
    let body = json!({"error": {"code": code, "message": "told in many words", "innerError": {"request-id": "0"}}});
    json!({"id": id, "status": status, "headers": {"Content-Type": "application/json"}, "body": body})
}
