//! What a test wants answered to a POST, such as the question about a token (RFC 7662, section 2.1).

use serde_json::{Value, json};

use crate::http::{HttpRequest, HttpResponse};

/// An answer to a POST: status, headers and body as they are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Reply {
    /// Status 200 with a JSON document.
    pub fn json(document: &Value) -> Self {
        Self::new(200, document.to_string()).with_header("Content-Type", "application/json")
    }

    /// This status with this body, and no header that says what it is.
    ///
    /// # Panics
    /// If HTTP has no such final status.
    #[track_caller]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        assert!((200..600).contains(&status), "{status} is no final status");
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// This reply with a header, in place of one of this name.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl From<&Reply> for HttpResponse {
    fn from(reply: &Reply) -> Self {
        Self { status: reply.status, headers: reply.headers.clone(), body: reply.body.clone() }
    }
}

/// What is answered to the POSTs of one path.
#[derive(Default)]
pub(crate) struct Replies {
    /// To a request with no token of those below.
    pub(crate) to_others: Option<Reply>,
    /// To requests with this value in any field of their form.
    pub(crate) about: Vec<(String, Reply)>,
    /// The header that a request must have, if any.
    pub(crate) authorization: Option<String>,
}

impl Replies {
    /// Those of an endpoint that knows no token yet (RFC 6750, section 3.1).
    pub(crate) fn unauthorized() -> Self {
        let refusal = Reply::new(401, "").with_header("WWW-Authenticate", "Bearer error=\"invalid_token\"");
        Self { to_others: Some(refusal), ..Self::default() }
    }

    /// The answer to a request that shows a token as `Bearer`, or none.
    pub(crate) fn to_bearer(&self, request: &HttpRequest) -> HttpResponse {
        let token = request.header("Authorization").and_then(|value| value.strip_prefix("Bearer "));
        let about = self.about.iter().find(|(known, _)| Some(known.as_str()) == token);
        match about.map(|(_, reply)| reply).or(self.to_others.as_ref()) {
            Some(reply) => reply.into(),
            None => HttpResponse::empty(401),
        }
    }

    /// The answer to a request.
    pub(crate) fn to(&self, request: &HttpRequest) -> HttpResponse {
        if self.authorization.is_some() && request.header("Authorization") != self.authorization.as_deref() {
            let refusal = Reply { status: 401, ..Reply::json(&json!({ "error": "invalid_client" })) };
            return (&refusal.with_header("WWW-Authenticate", "Basic realm=\"mock\"")).into();
        }
        let form = request.form();
        let about = self.about.iter().find(|(token, _)| form.iter().any(|(_, value)| value == token));
        match about.map(|(_, reply)| reply).or(self.to_others.as_ref()) {
            Some(reply) => reply.into(),
            None => HttpResponse::json(&json!({ "active": false })),
        }
    }
}
