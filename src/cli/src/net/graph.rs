//! Asks Microsoft Graph which groups a user is in: a token by client credentials (RFC 6749 section 4.4), then one batch.
//!
//! The secret goes to the token endpoint and nowhere else, the token to Graph's batch endpoint and nowhere else, and neither
//! outlives this process. What the batch is worth is decided elsewhere. Must never put secret, token or answer into an error,
//! nor ask twice.

use super::authorization;
use super::client::HttpsClient;
use super::error::{NetError, NetErrorCode};
use super::url::SafeUrl;
use form_urlencoded::byte_serialize;
use oauth_validator_core::bounds::MAX_LOOKUP_BYTES;
use oauth_validator_core::protocol::Secret;
use oauth_validator_core::{OnlineAnswer, member_groups, strict_json_object};
use serde::Deserialize;
use serde_json::Value;
use ureq::http::{HeaderValue, StatusCode};
use zeroize::Zeroizing;

const PERMISSIONS: &str = "grant the application of lookup.client_id the application permissions User.Read.All and \
    GroupMember.Read.All of Microsoft Graph, with an administrator's consent";
const OTHER_SECRET: &str = "compare lookup.client_id and the secret in lookup.client_secret_file with the application's page \
    at Entra: secrets expire, and what is needed is the secret's value and not its ID";

/// As whom this server asks, and for what.
pub(crate) struct GraphQuestion<'a> {
    /// Where a token is had.
    pub(crate) token_endpoint: &'a SafeUrl,
    /// Where the batch goes.
    pub(crate) batch: &'a SafeUrl,
    /// The scope of that token.
    pub(crate) scope: String,
    /// The application.
    pub(crate) client_id: &'a str,
    /// Its secret.
    pub(crate) secret: &'a Secret,
    /// The user's object ID.
    pub(crate) user: &'a str,
    /// The groups.
    pub(crate) groups: &'a [String],
}

/// What Graph answers to the batch.
///
/// # Errors
/// `credentials` if this server gets no token or may not ask, and those of every request.
pub(crate) fn groups_of(client: &HttpsClient, question: &GraphQuestion<'_>) -> Result<OnlineAnswer, NetError> {
    let bearer = bearer(client, question)?;
    let batch = member_groups(question.user, question.groups).to_string();
    let body = client.post_json(question.batch, bearer, batch.as_bytes(), MAX_LOOKUP_BYTES).map_err(of_graph)?;
    let body = String::from_utf8(body).map_err(|_| NetError::not_strict_json(question.batch.as_str()))?;
    Ok(OnlineAnswer { status: 200, body })
}

/// The header `Authorization` for Graph.
fn bearer(client: &HttpsClient, question: &GraphQuestion<'_>) -> Result<HeaderValue, NetError> {
    let url = question.token_endpoint;
    let (status, untrusted_body) = client.exchange(url, None, form(question).as_bytes()).map_err(of_token)?;
    let untrusted_body = Zeroizing::new(untrusted_body);
    if status != StatusCode::OK {
        return Err(no_token(url, status, &untrusted_body));
    }
    let unusable = || NetError::new(NetErrorCode::NotJson, format!("{}: the answer has no bearer token", url.as_str()));
    let granted: Granted = serde_json::from_slice(&untrusted_body).map_err(|_| unusable())?;
    if !granted.token_type.eq_ignore_ascii_case("Bearer") || granted.access_token.expose().is_empty() {
        return Err(unusable());
    }
    authorization::bearer(&granted.access_token).map_err(|_| unusable())
}

/// What of a successful answer matters (RFC 6749 section 5.1).
#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    token_type: String,
}

/// The body of the request. Names and values are encoded, so that no character of a secret can add a field.
fn form(question: &GraphQuestion<'_>) -> Zeroizing<String> {
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", question.client_id),
        ("client_secret", question.secret.expose()),
        ("scope", &question.scope),
    ];
    // Large enough from the start: a text that grows leaves copies of itself behind.
    let bytes = fields.iter().map(|(name, value)| name.len() + 3 * value.len() + 2).sum();
    let mut form = Zeroizing::new(String::with_capacity(bytes));
    for (name, value) in fields {
        if !form.is_empty() {
            form.push('&');
        }
        form.push_str(name);
        form.push('=');
        form.extend(byte_serialize(value.as_bytes()));
    }
    form
}

/// Why there is no token. Of what Entra says only its number is repeated, by which its documentation can be searched.
fn no_token(url: &SafeUrl, status: StatusCode, untrusted_body: &[u8]) -> NetError {
    let number = status.as_u16();
    let body = strict_json_object(untrusted_body).unwrap_or_default();
    let aadsts = body.get("error_codes").and_then(|codes| codes.get(0)).and_then(Value::as_u64);
    let aadsts = aadsts.and_then(|code| u32::try_from(code).ok()).map(|code| format!(", AADSTS{code}"));
    let aadsts = aadsts.unwrap_or_default();
    let url = url.as_str();
    if number == 429 || status.is_server_error() {
        let message = format!("{url}: the answer has status {number}, not 200{aadsts}");
        return NetError::new(NetErrorCode::HttpStatus, message)
            .with_status(number)
            .with_hint("the provider is busy: try again later");
    }
    let message = format!("{url}: the provider gives this server no token, status {number}{aadsts}");
    NetError::new(NetErrorCode::Credentials, message).with_status(number).with_hint(OTHER_SECRET)
}

/// Hints in terms of the token endpoint.
fn of_token(error: NetError) -> NetError {
    match error.code {
        NetErrorCode::Redirect => {
            error.with_hint("redirects are never followed: give the final address as lookup.token_endpoint")
        }
        NetErrorCode::ContentType | NetErrorCode::NotJson | NetErrorCode::HttpStatus => {
            error.with_hint("is lookup.token_endpoint the one of the tenant, https://HOST/TENANT/oauth2/v2.0/token?")
        }
        _ => error,
    }
}

/// Hints in terms of Graph.
fn of_graph(error: NetError) -> NetError {
    match (error.code, error.status) {
        (NetErrorCode::Credentials, _) => error.with_hint(PERMISSIONS),
        (NetErrorCode::HttpStatus, Some(..429)) | (NetErrorCode::ContentType | NetErrorCode::Redirect, _) => {
            error.with_hint("is lookup.endpoint the root of Microsoft Graph, such as https://graph.microsoft.com?")
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::{GraphQuestion, NetErrorCode, SafeUrl, Secret, StatusCode, form, no_token};
    use crate::net::Plain;

    fn url() -> SafeUrl {
        SafeUrl::parse("https://login.example/t/oauth2/v2.0/token", Plain::Never).expect("a URL")
    }

    #[test]
    fn no_character_of_a_secret_adds_a_field() {
        let (url, secret) = (url(), Secret::new("a&scope=x y~+%".to_owned()));
        let scope = "https://graph.example/.default".to_owned();
        let question = GraphQuestion {
            token_endpoint: &url,
            batch: &url,
            scope,
            client_id: "me&x=1",
            secret: &secret,
            user: "",
            groups: &[],
        };
        assert_eq!(
            form(&question).as_str(),
            "grant_type=client_credentials&client_id=me%26x%3D1&client_secret=a%26scope%3Dx+y%7E%2B%25\
             &scope=https%3A%2F%2Fgraph.example%2F.default"
        );
    }

    #[test]
    fn of_a_refusal_only_numbers_are_repeated() {
        let said = |status: u16, body: &str| {
            let error = no_token(&url(), StatusCode::from_u16(status).unwrap(), body.as_bytes());
            (error.code, error.message.split_once(": ").unwrap().1.to_owned())
        };
        let body = "{\"error\":\"invalid_client\",\"error_description\":\"sentinel\",\"error_codes\":[7000215]}";
        let none = "the provider gives this server no token, status";
        assert_eq!(said(401, body), (NetErrorCode::Credentials, format!("{none} 401, AADSTS7000215")));
        for body in ["", "[]", "{\"error_codes\":[\"sentinel\"]}", "{\"error_codes\":[-1]}", "{\"error_codes\":[1e99]}"]
        {
            assert_eq!(said(400, body), (NetErrorCode::Credentials, format!("{none} 400")), "{body}");
        }
        assert_eq!(said(503, "").0, NetErrorCode::HttpStatus);
        assert_eq!(said(429, "").0, NetErrorCode::HttpStatus);
    }
}
