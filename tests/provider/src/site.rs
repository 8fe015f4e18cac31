//! What the provider publishes and answers, and what it has been asked: the state that a test changes while it runs.
//!
//! It decides which response belongs to a request, and which fault to a path. It does no input or output.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::directory::Directory;
use crate::fault::Fault;
use crate::http::{HttpRequest, HttpResponse};
use crate::reply::{Replies, Reply};

/// In place of a path: every path that has no fault of its own.
pub const ALL: &str = "*";

/// Where the keys are.
pub(crate) const JWKS: &str = "/jwks";

/// Where questions about tokens are answered.
const INTROSPECTION: &str = "/introspect";

/// Documents, headers and faults by path, and what has happened so far.
pub(crate) struct Site {
    base_url: String,
    pub(crate) directory: Option<Directory>,
    discovery: [String; 2],
    documents: BTreeMap<String, Value>,
    replies: BTreeMap<String, Replies>,
    gets: BTreeMap<String, Replies>,
    headers: BTreeMap<String, Vec<(String, String)>>,
    pub(crate) faults: BTreeMap<String, Fault>,
    pub(crate) requests: Vec<HttpRequest>,
    pub(crate) connections: usize,
}

impl Site {
    /// The provider of the issuer `base_url` + `issuer_path`, without keys.
    pub(crate) fn new(base_url: &str, issuer_path: &str) -> Self {
        // OpenID Connect Discovery 4 and RFC 8414, section 3.1: a trailing slash is taken off first.
        let path = issuer_path.strip_suffix('/').unwrap_or(issuer_path);
        let discovery = [
            format!("{path}/.well-known/openid-configuration"),
            format!("/.well-known/oauth-authorization-server{path}"),
        ];
        let mut site = Self {
            base_url: base_url.to_owned(),
            directory: None,
            discovery,
            documents: BTreeMap::from([(JWKS.to_owned(), json!({ "keys": [] }))]),
            replies: BTreeMap::from([(INTROSPECTION.to_owned(), Replies::default())]),
            gets: BTreeMap::new(),
            headers: BTreeMap::new(),
            faults: BTreeMap::new(),
            requests: Vec::new(),
            connections: 0,
        };
        site.set_metadata(&default_metadata(base_url, issuer_path));
        site
    }

    /// The metadata that is published now.
    pub(crate) fn metadata(&self) -> Value {
        self.documents[&self.discovery[0]].clone()
    }

    /// Publishes metadata at both discovery paths.
    pub(crate) fn set_metadata(&mut self, metadata: &Value) {
        for path in self.discovery.clone() {
            self.documents.insert(path, metadata.clone());
        }
    }

    /// Publishes a document at a path.
    pub(crate) fn set_document(&mut self, path: &str, document: Value) {
        self.documents.insert(path.to_owned(), document);
    }

    /// Answers the POSTs of a path, all of them or those about one token.
    pub(crate) fn set_reply(&mut self, path: &str, token: Option<&str>, reply: Reply) {
        let replies = self.replies.entry(path.to_owned()).or_default();
        match token {
            None => replies.to_others = Some(reply),
            Some(token) => {
                replies.about.retain(|(known, _)| known != token);
                replies.about.push((token.to_owned(), reply));
            }
        }
    }

    /// Answers the GETs of a path, all of them or those that show one token as `Bearer`, in place of a document.
    pub(crate) fn set_reply_to_get(&mut self, path: &str, token: Option<&str>, reply: Reply) {
        let replies = self.gets.entry(path.to_owned()).or_insert_with(Replies::unauthorized);
        match token {
            None => replies.to_others = Some(reply),
            Some(token) => {
                replies.about.retain(|(known, _)| known != token);
                replies.about.push((token.to_owned(), reply));
            }
        }
    }

    /// Answers POSTs of a path with 401 unless they have this header `Authorization`.
    pub(crate) fn demand_authorization(&mut self, path: &str, value: Option<&str>) {
        self.replies.entry(path.to_owned()).or_default().authorization = value.map(str::to_owned);
    }

    /// Adds a header to the responses of a path, in place of one of the same name.
    pub(crate) fn set_header(&mut self, path: &str, name: &str, value: &str) {
        let headers = self.headers.entry(path.to_owned()).or_default();
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push((name.to_owned(), value.to_owned()));
    }

    /// The fault of a path: its own if it ever had one, else that of all paths.
    pub(crate) fn fault(&self, path: &str) -> Fault {
        self.faults.get(path).or_else(|| self.faults.get(ALL)).cloned().unwrap_or(Fault::None)
    }

    /// The response to a request if nothing goes wrong.
    pub(crate) fn response(&self, request: &HttpRequest) -> HttpResponse {
        if let Some(replies) = self.gets.get(&request.path).filter(|_| request.method == "GET") {
            return replies.to_bearer(request);
        }
        if let Some(response) = self.directory.as_ref().and_then(|own| own.response(&self.base_url, request)) {
            return response;
        }
        let mut response = match (self.documents.get(&request.path), self.replies.get(&request.path)) {
            (None, None) => return HttpResponse::empty(404),
            (Some(document), _) if request.method == "GET" => HttpResponse::json(document),
            (_, Some(replies)) if request.method == "POST" => replies.to(request),
            (document, replies) => {
                let allowed = [document.map(|_| "GET"), replies.map(|_| "POST")];
                let mut response = HttpResponse::empty(405);
                response.set("Allow", &allowed.into_iter().flatten().collect::<Vec<_>>().join(", "));
                return response;
            }
        };
        for (name, value) in self.headers.get(&request.path).into_iter().flatten() {
            response.set(name, value);
        }
        response
    }
}

/// Whether the client already has this response (RFC 9110, section 13.1.2: `ETag` values compared weakly).
pub(crate) fn not_modified(request: &HttpRequest, response: &HttpResponse) -> bool {
    let strip = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let etag = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("etag")).map(|(_, tag)| strip(tag));
    let (Some(asked), Some(etag)) = (request.header("If-None-Match"), etag) else {
        return false;
    };
    asked.trim() == "*" || asked.split(',').any(|tag| strip(tag) == etag)
}

fn default_metadata(base_url: &str, issuer_path: &str) -> Value {
    json!({
        "issuer": format!("{base_url}{issuer_path}"),
        "jwks_uri": format!("{base_url}{JWKS}"),
        "authorization_endpoint": format!("{base_url}/authorize"),
        "token_endpoint": format!("{base_url}/token"),
        "device_authorization_endpoint": format!("{base_url}/device"),
        "introspection_endpoint": format!("{base_url}/introspect"),
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "scopes_supported": ["openid", "db.connect"],
    })
}
