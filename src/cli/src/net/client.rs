//! Bounded requests for JSON documents.
//!
//! Everything a provider can drag out or blow up has a limit here: connecting, the whole exchange, headers, body. Must never
//! follow a redirect, ask the environment for a proxy, or take another status than 200 for an answer, but for a 304 asked for.

use super::authorization;
use super::error::{NetError, NetErrorCode};
use super::identity::TlsIdentity;
use super::resolver::NamedResolver;
use super::tls::Tls;
use super::trust::{Ca, Trust};
use super::url::SafeUrl;
use super::verifier::{Demand, client_config_as};
use oauth_validator_core::Reach;
use oauth_validator_core::bounds::MAX_KEY_DOCUMENT_BYTES;
use oauth_validator_core::protocol::Secret;
use std::io::{self, Read};
use std::time::{Duration, Instant};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, TcpConnector};
use ureq::{Agent, Body, Proxy, RequestBuilder};

/// The largest answer's headers, in bytes.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// Room for a request's headers without the credentials that it shows, in bytes: a login waits until all buffers are zeroed.
const OWN_HEADER_BYTES: usize = 16 * 1024;

/// Asks for documents, all of them before one deadline.
pub(crate) struct HttpsClient {
    agent: Agent,
    has_proxy: bool,
    timeout: Duration,
    connect_timeout: Duration,
    deadline: Instant,
    asking: fn(&SafeUrl),
    /// A header `Authorization`, and the only origin that it is shown to.
    shown: Option<(HeaderValue, String)>,
}

/// A JSON document as it was sent: bytes that no signature covers.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// The body, at most [`MAX_KEY_DOCUMENT_BYTES`].
    pub(crate) untrusted_body: Vec<u8>,
    /// The headers of the answer.
    pub(crate) headers: HeaderMap,
}

/// The answer to a request for what has changed.
#[derive(Debug)]
pub(crate) enum FetchAnswer {
    /// What there is now.
    Document(Fetched),
    /// Nothing has changed (status 304); the headers of that answer.
    Unchanged(HeaderMap),
}

impl HttpsClient {
    /// All requests of the client together have the time that `reach` gives, and the clock starts here. Where it names no
    /// authorities, those of `system` are trusted. `asking` is told each URL before it is asked.
    ///
    /// # Errors
    /// `ca_file` and `proxy`, if they are no use.
    pub(crate) fn new(reach: &Reach<Ca>, system: &Ca, asking: fn(&SafeUrl)) -> Result<Self, NetError> {
        Self::identified(reach, system, asking, None)
    }

    /// A client as [`HttpsClient::new`] makes one, which shows a certificate of its own to whoever asks for it.
    ///
    /// # Errors
    /// Those of [`HttpsClient::new`], and `credentials`.
    pub(crate) fn identified(
        reach: &Reach<Ca>,
        system: &Ca,
        asking: fn(&SafeUrl),
        shown: Option<TlsIdentity>,
    ) -> Result<Self, NetError> {
        let &Reach { timeout, connect_timeout, .. } = reach;
        let is_identified = shown.is_some();
        let deadline = Instant::now() + timeout;
        let demand = Demand::Name(Trust::new(reach.ca.as_ref().unwrap_or(system))?);
        let tls = client_config_as(demand, shown).map_err(|_| match is_identified {
            true => TlsIdentity::mismatch(),
            false => NetError::new(NetErrorCode::Tls, "TLS cannot be prepared"),
        })?;
        let config = Agent::config_builder()
            .proxy(reach.proxy.as_deref().map(proxy).transpose()?)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .max_response_header_size(MAX_HEADER_BYTES)
            .input_buffer_size(MAX_HEADER_BYTES + 4096)
            .max_idle_connections(0)
            .user_agent(concat!("oauth-validator/", env!("CARGO_PKG_VERSION")))
            .accept("application/json, application/jwk-set+json")
            .accept_encoding("identity")
            .build();
        let connector = ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default()).chain(Tls::new(tls));
        let agent = Agent::with_parts(config, connector, NamedResolver::default());
        Ok(Self { agent, has_proxy: reach.proxy.is_some(), timeout, connect_timeout, deadline, asking, shown: None })
    }

    /// A client that asks for documents at the scheme, host and port of `place` with this bearer token, and for others as before.
    ///
    /// # Errors
    /// `url`, if no header takes it.
    pub(crate) fn showing(self, bearer: &Secret, place: &SafeUrl) -> Result<Self, NetError> {
        let header = authorization::bearer(bearer).map_err(|_| {
            NetError::new(NetErrorCode::Url, "the token in keys.bearer_token_file has characters that no header takes")
                .with_hint("put the token into the file, and nothing else")
        })?;
        Ok(Self { shown: Some((header, place.origin_with_port())), ..self })
    }

    /// The JSON document at `url`.
    ///
    /// # Errors
    /// Everything but a complete answer of status 200 that says it is JSON.
    pub(crate) fn get(&self, url: &SafeUrl) -> Result<Fetched, NetError> {
        self.document(url, self.request(url, None)?)
    }

    /// The JSON document at `url`, unless it has not changed since its entity tag was `etag` (RFC 9110 section 13.1.2).
    ///
    /// # Errors
    /// Those of [`HttpsClient::get`].
    pub(crate) fn get_if_changed(&self, url: &SafeUrl, etag: Option<&str>) -> Result<FetchAnswer, NetError> {
        let etag = etag.and_then(|etag| HeaderValue::from_str(etag).ok()).filter(|etag| !etag.is_empty());
        let was_asked = etag.is_some();
        let response = self.request(url, etag.map(|etag| (header::IF_NONE_MATCH, etag)))?;
        if was_asked && response.status() == StatusCode::NOT_MODIFIED {
            return Ok(FetchAnswer::Unchanged(response.into_parts().0.headers));
        }
        self.document(url, response).map(FetchAnswer::Document)
    }

    /// What is answered to somebody who shows this header `Authorization`: status 200 with JSON of at most `most` bytes, or 401
    /// or 403 with nothing.
    ///
    /// # Errors
    /// Those of [`HttpsClient::get`].
    pub(crate) fn get_as(
        &self,
        url: &SafeUrl,
        authorization: HeaderValue,
        most: usize,
    ) -> Result<(u16, Vec<u8>), NetError> {
        let response = self.request(url, Some((header::AUTHORIZATION, authorization)))?;
        let status = response.status();
        if let 401 | 403 = status.as_u16() {
            return Ok((status.as_u16(), Vec::new()));
        }
        judge_status(url.as_str(), status)?;
        judge_headers(url.as_str(), response.headers())?;
        Ok((status.as_u16(), self.read(url.as_str(), response.into_body(), most)?))
    }

    /// What is answered to a form: status 200, or 400 for a request that the other side does not like, and JSON.
    ///
    /// # Errors
    /// `credentials` for an answer that says that it does not believe this server, and as for [`HttpsClient::get`].
    pub(crate) fn post_form(
        &self,
        url: &SafeUrl,
        authorization: Option<HeaderValue>,
        form: &str,
    ) -> Result<(u16, Vec<u8>), NetError> {
        let response = self.send(url, authorization, form.as_bytes())?;
        let status = response.status();
        match status.as_u16() {
            401 | 403 => return Err(not_believed(url.as_str(), status)),
            400 if judge_headers(url.as_str(), response.headers()).is_ok() => {}
            _ => judge_status(url.as_str(), status)?,
        }
        judge_headers(url.as_str(), response.headers())?;
        Ok((status.as_u16(), self.read(url.as_str(), response.into_body(), MAX_KEY_DOCUMENT_BYTES)?))
    }

    /// What is answered to a client's request for a token, whatever the status: RFC 6749 section 5.2 has its errors in JSON
    /// with one of its own, and some providers have others.
    ///
    /// # Errors
    /// As for [`HttpsClient::get`]; a redirect, and an answer that is no JSON.
    pub(crate) fn exchange(
        &self,
        url: &SafeUrl,
        authorization: Option<HeaderValue>,
        form: &[u8],
    ) -> Result<(StatusCode, Vec<u8>), NetError> {
        let response = self.send(url, authorization, form)?;
        let status = response.status();
        if status.is_redirection() || judge_headers(url.as_str(), response.headers()).is_err() {
            judge_status(url.as_str(), status)?;
        }
        judge_headers(url.as_str(), response.headers())?;
        Ok((status, self.read(url.as_str(), response.into_body(), MAX_KEY_DOCUMENT_BYTES)?))
    }

    /// What is answered to a JSON document of somebody who shows this header `Authorization`: JSON of at most `most` bytes.
    ///
    /// # Errors
    /// `credentials` for an answer that says that this server may not, and as for [`HttpsClient::get`]; that of a busy provider
    /// says how long to wait, if the answer does (RFC 9110 section 10.2.3).
    pub(crate) fn post_json(
        &self,
        url: &SafeUrl,
        authorization: HeaderValue,
        document: &[u8],
        most: usize,
    ) -> Result<Vec<u8>, NetError> {
        let response = self.send_as("application/json", url, Some(authorization), document)?;
        let status = response.status();
        if let 401 | 403 = status.as_u16() {
            return Err(not_believed(url.as_str(), status));
        }
        judge_status(url.as_str(), status).map_err(|error| with_wait(error, response.headers()))?;
        judge_headers(url.as_str(), response.headers())?;
        self.read(url.as_str(), response.into_body(), most)
    }

    /// Sends a form, and has the answer whatever it is.
    fn send(&self, url: &SafeUrl, authorization: Option<HeaderValue>, form: &[u8]) -> Result<Response<Body>, NetError> {
        self.send_as("application/x-www-form-urlencoded", url, authorization, form)
    }

    fn send_as(
        &self,
        content_type: &str,
        url: &SafeUrl,
        authorization: Option<HeaderValue>,
        form: &[u8],
    ) -> Result<Response<Body>, NetError> {
        let limits = self.limits(url)?;
        let shown = authorization.as_ref().map_or(0, HeaderValue::len);
        let mut request = self.agent.post(url.as_str()).content_type(content_type);
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = within(limits, shown, request);
        request.send(form).map_err(|error| NetError::of_request(url.as_str(), self.timeout, error))
    }

    fn request(&self, url: &SafeUrl, own: Option<(HeaderName, HeaderValue)>) -> Result<Response<Body>, NetError> {
        let limits = self.limits(url)?;
        let bearer = self.shown.iter().filter(|(_, origin)| url.origin_with_port() == *origin);
        let bearer = bearer.map(|(value, _)| (header::AUTHORIZATION, value.clone()));
        let (mut request, mut shown) = (self.agent.get(url.as_str()), 0);
        for (name, value) in bearer.chain(own) {
            shown += value.len();
            request = request.header(name, value);
        }
        let request = within(limits, shown, request);
        request.call().map_err(|error| NetError::of_request(url.as_str(), self.timeout, error))
    }

    /// How long the next request may take, and its connecting. None is made without TLS through a proxy: the loopback
    /// address would be the proxy's own, and what it answers could be anybody's.
    fn limits(&self, url: &SafeUrl) -> Result<(Duration, Duration), NetError> {
        if self.has_proxy && !url.as_str().starts_with("https://") {
            let message = format!("{}: http does not go through a proxy", url.as_str());
            return Err(NetError::new(NetErrorCode::Proxy, message).with_hint("give an https URL, or no {proxy}"));
        }
        (self.asking)(url);
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let late = ureq::Error::Timeout(ureq::Timeout::Global);
            return Err(NetError::of_request(url.as_str(), self.timeout, late));
        }
        // Zero would mean no limit at all.
        Ok((left, left.min(self.connect_timeout).max(Duration::from_millis(1))))
    }

    fn document(&self, url: &SafeUrl, response: Response<Body>) -> Result<Fetched, NetError> {
        judge_status(url.as_str(), response.status()).map_err(|error| self.of_who_asks(error))?;
        judge_headers(url.as_str(), response.headers())?;
        let (head, body) = response.into_parts();
        let untrusted_body = self.read(url.as_str(), body, MAX_KEY_DOCUMENT_BYTES)?;
        Ok(Fetched { untrusted_body, headers: head.headers })
    }

    /// What to do about a document that is not for everybody.
    fn of_who_asks(&self, error: NetError) -> NetError {
        match (error.status, &self.shown) {
            (Some(401 | 403), Some(_)) => error.with_hint(
                "is the token in keys.bearer_token_file still valid, and may whoever it is for read that document? It is shown \
                 to the host of keys.jwks_url, keys.discovery_url or the issuer alone",
            ),
            _ => error,
        }
    }

    /// The body, up to `most` bytes, whatever its announced length.
    fn read(&self, url: &str, body: Body, most: usize) -> Result<Vec<u8>, NetError> {
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        if body.content_length().is_some_and(|length| length > limit) {
            return Err(too_large(url, most));
        }
        let mut bytes = Vec::new();
        body.into_reader()
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| self.broken_body(url, error))?;
        if bytes.len() > most { Err(too_large(url, most)) } else { Ok(bytes) }
    }

    /// What ends in the middle of a body is no failure to connect any more.
    fn broken_body(&self, url: &str, error: io::Error) -> NetError {
        match ureq::Error::from(error) {
            error @ ureq::Error::Timeout(_) => NetError::of_request(url, self.timeout, error),
            _ => NetError::new(NetErrorCode::Incomplete, format!("{url}: the answer ends before its announced end")),
        }
    }
}

/// How long the provider says to wait, where that is a number: nothing else that it sends is repeated.
fn with_wait(mut error: NetError, headers: &HeaderMap) -> NetError {
    let value = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    if let Some(seconds) = value.and_then(|value| value.parse::<u32>().ok()) {
        error.message.push_str(&format!(", and says to wait {seconds} seconds"));
    }
    error
}

/// The request with its limits: how long it and its connecting may take, and room for the credentials that it shows, in bytes.
fn within<Kind>(
    (left, connect): (Duration, Duration),
    shown: usize,
    request: RequestBuilder<Kind>,
) -> RequestBuilder<Kind> {
    let config = request.config().output_buffer_size(OWN_HEADER_BYTES + shown);
    config.timeout_global(Some(left)).timeout_connect(Some(connect)).build()
}

fn not_believed(url: &str, status: StatusCode) -> NetError {
    let number = status.as_u16();
    let message = format!("{url}: the provider does not accept this server's own credentials, status {number}");
    NetError::new(NetErrorCode::Credentials, message).with_status(number)
}

fn too_large(url: &str, most: usize) -> NetError {
    NetError::new(NetErrorCode::TooLarge, format!("{url}: the answer exceeds {most} bytes"))
}

/// A proxy that is asked to connect; the provider's certificate is checked all the same.
fn proxy(text: &str) -> Result<Proxy, NetError> {
    let refused = |why: &str| {
        NetError::new(NetErrorCode::Proxy, format!("the proxy's URL {why}")).with_hint("give it as http://HOST:PORT")
    };
    if text.contains('@') {
        return Err(refused("has a user name or a password, which every user of this machine could read"));
    }
    if !text.starts_with("http://") {
        return Err(refused("does not begin with http://"));
    }
    Proxy::new(text).map_err(|_| refused("is no URL"))
}

fn judge_status(url: &str, status: StatusCode) -> Result<(), NetError> {
    let number = status.as_u16();
    let error = match number {
        200 => return Ok(()),
        300..=303 | 305..=399 => {
            NetError::new(NetErrorCode::Redirect, format!("{url}: the answer is a redirect, status {number}"))
        }
        _ => NetError::new(NetErrorCode::HttpStatus, format!("{url}: the answer has status {number}, not 200")),
    };
    let error = error.with_status(number);
    Err(match number {
        401 | 403 | 407 => error.with_hint("the document must be public, for this machine or its {proxy}"),
        429 | 500.. => error.with_hint("the provider is busy or broken: try again later"),
        _ => error,
    })
}

fn judge_headers(url: &str, headers: &HeaderMap) -> Result<(), NetError> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(NetError::new(NetErrorCode::ContentEncoding, format!("{url}: the answer is compressed")));
    }
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    match (types.next().map(|value| is_json(value.as_bytes())), types.next()) {
        (Some(true), None) => Ok(()),
        _ => Err(NetError::new(NetErrorCode::ContentType, format!("{url}: the answer does not say that it is JSON"))),
    }
}

/// `application/json`, or a type that ends in `+json` (RFC 6839 section 3.1), with parameters or without.
fn is_json(content_type: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(content_type) else {
        return false;
    };
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests;
