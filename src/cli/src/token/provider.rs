//! The provider as the grants see it: its endpoints, by discovery, and requests to them with the tool's own client.
//!
//! Each request has a client and a deadline of its own, as minutes may lie between two of them. Must never ask for anything
//! but https, nor send a secret to an endpoint that the issuer's own document does not name.

use super::NoToken;
use super::given::shortened;
use super::source::TokenOrigin;
use crate::net::{Ca, Endpoints, HttpsClient, Inquiry, NetError, NetErrorCode, Plain, SafeUrl, Wording};
use oauth_validator_core::Reach;
use oauth2::{HttpRequest, HttpResponse};
use ureq::http::header;

/// A provider whose endpoints are known.
pub(super) struct ProviderEndpoints {
    pub(super) endpoints: Endpoints,
    reach: Reach<Ca>,
}

impl ProviderEndpoints {
    /// Asks for the issuer's document.
    ///
    /// # Errors
    /// What keeps it from being had, or read.
    pub(super) fn find(source: &TokenOrigin) -> Result<Self, NoToken> {
        let reach = Reach {
            ca: Some(source.ca.clone()),
            proxy: source.proxy.clone(),
            insecure_http: false,
            connect_timeout: source.timeout * 2 / 5,
            timeout: source.timeout,
        };
        let inquiry = Inquiry::new(&source.issuer, None, &[], Plain::Never).map_err(said)?;
        let client = HttpsClient::new(&reach, &Ca::Environment, |_| {}).map_err(said)?;
        Ok(Self { endpoints: inquiry.endpoints(&client).map_err(said)?, reach })
    }

    /// Whether a client may prove itself in this way; where the provider says nothing, it is Basic (RFC 8414 section 2).
    pub(super) fn takes(&self, method: &str) -> bool {
        match &self.endpoints.methods {
            Some(methods) => methods.iter().any(|own| own == method),
            None => method == "client_secret_basic",
        }
    }

    /// Where the device flow begins.
    ///
    /// # Errors
    /// If the provider has none.
    pub(super) fn device_endpoint(&self) -> Result<&SafeUrl, NoToken> {
        self.endpoints.device.as_ref().ok_or_else(|| {
            NoToken::refused("the provider has no device flow: its document names no device_authorization_endpoint")
                .with_hint("use another grant, such as --client-secret-file for a service, or --command")
        })
    }

    /// A request of the oauth2 crate's, and its answer.
    ///
    /// # Errors
    /// No answer that could be one of an endpoint.
    pub(super) fn send(&self, request: HttpRequest) -> Result<HttpResponse, NetError> {
        let (head, body) = request.into_parts();
        let url = SafeUrl::parse(&head.uri.to_string(), Plain::Never)
            .map_err(|why| NetError::new(NetErrorCode::Url, format!("the endpoint {why}")))?;
        let body = zeroize::Zeroizing::new(body);
        let client = HttpsClient::new(&self.reach, &Ca::Environment, |_| {})?;
        let (status, answer) = client.exchange(&url, head.headers.get(header::AUTHORIZATION).cloned(), &body)?;
        if status == 429 || status.is_server_error() {
            // Whatever such an answer says, it is no verdict on the request, and may be another one in a moment.
            let what = format!("the provider answers with status {}", status.as_u16());
            return Err(NetError::new(NetErrorCode::HttpStatus, what).with_status(status.as_u16()));
        }
        let mut response = HttpResponse::new(answer);
        *response.status_mut() = status;
        // The client takes nothing else, and its spelling is no business of the crate's.
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

/// What became of a request, for whoever waits for the token.
pub(super) fn said(error: NetError) -> NoToken {
    let hint = error.hint(Wording::Options);
    let passing = match error.code {
        NetErrorCode::Dns
        | NetErrorCode::Connect
        | NetErrorCode::Timeout
        | NetErrorCode::Incomplete
        | NetErrorCode::Proxy => true,
        NetErrorCode::HttpStatus => error.status.is_some_and(|status| status == 429 || status >= 500),
        // A proxy's or a balancer's page, while the provider is away.
        NetErrorCode::ContentType | NetErrorCode::NotJson => true,
        _ => false,
    };
    let told = if passing { NoToken::passing(error.to_string()) } else { NoToken::here(error.to_string()) };
    told.with_hint(hint)
}

/// The error that a provider answers (RFC 6749 section 5.2), whose texts are its own.
pub(super) fn refusal(code: &str, description: Option<&str>) -> NoToken {
    let description = description.map(|text| format!(": {}", shortened(text))).unwrap_or_default();
    let what = format!("the provider gives no token: {}{description}", shortened(code));
    let hint = match code {
        "access_denied" => Some("somebody said no, or may not have such a token"),
        "expired_token" => Some("nobody confirmed the code in time: try again"),
        "invalid_client" => Some("compare the client's ID, and its secret or key, with the provider's settings"),
        "invalid_grant" => Some("the refresh token or the other token has expired, was used before, or was taken back"),
        "unauthorized_client" | "unsupported_grant_type" => Some("allow this grant for the client at the provider"),
        "invalid_scope" => Some("ask for scopes that the client may have: --scope"),
        "invalid_target" => Some("ask for an API that the provider knows: --resource, --audience"),
        _ => None,
    };
    let told = match code {
        "temporarily_unavailable" | "server_error" | "slow_down" => NoToken::passing(what),
        _ => NoToken::refused(what),
    };
    match hint {
        Some(hint) => told.with_hint(hint),
        None => told,
    }
}
