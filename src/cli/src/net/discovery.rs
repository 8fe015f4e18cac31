//! A provider's metadata: where it is, whose it is, and where it may point to.
//!
//! OpenID Connect Discovery 1.0 section 4 and RFC 8414 section 3. The document must name the issuer it was asked for,
//! byte for byte, and must never lead to a host that is neither the issuer's nor allowed by name.

use super::client::Fetched;
use super::error::{NetError, NetErrorCode};
use super::url::{Plain, SafeUrl};
use oauth_validator_core::strict_json_object;
use serde_json::{Map, Value};

/// The longest value of the document that a message repeats, in bytes.
const MAX_REPEATED_BYTES: usize = 200;

/// The longest value of `token_issuers`, in bytes.
const MAX_ISSUER_BYTES: usize = 2048;

/// What of a provider's metadata matters here.
#[derive(Debug)]
pub(crate) struct Metadata {
    /// Where the keys are: at the issuer's host, or at one that was allowed. RFC 8414 section 2 lets it be missing.
    jwks_uri: Option<SafeUrl>,
    /// Where tokens can be asked about, if that is a URL.
    pub(crate) introspection: Option<Introspection>,
    /// The userinfo endpoint, if it is one that a server asks: at the issuer's host or at one that was allowed.
    pub(crate) userinfo: Option<String>,
    /// What AD FS writes as `iss` into access tokens, where that is not the issuer. It is only compared.
    pub(crate) access_token_issuer: Option<String>,
    /// Where a device asks for its code (RFC 8628), and for its token, as they are written.
    device_flow: [Option<String>; 2],
}

/// Where tokens can be asked about (RFC 7662).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Introspection {
    /// The URL.
    pub(crate) endpoint: String,
    /// How a client may prove itself there (RFC 8414 section 2), if the document says so.
    pub(crate) methods: Option<Vec<String>>,
}

/// Where an issuer's metadata can be, in the order in which to ask: the OpenID form, then that of RFC 8414 section 3.1.
///
/// # Errors
/// A phrase, if one of them would be too long.
pub(crate) fn metadata_urls(issuer: &SafeUrl, plain: Plain) -> Result<[SafeUrl; 2], &'static str> {
    let bare = issuer.as_str().strip_suffix('/').unwrap_or(issuer.as_str());
    let path = issuer.path().strip_suffix('/').unwrap_or(issuer.path());
    let openid = format!("{bare}/.well-known/openid-configuration");
    let oauth = format!("{}/.well-known/oauth-authorization-server{path}", issuer.origin());
    Ok([SafeUrl::parse(&openid, plain)?, SafeUrl::parse(&oauth, plain)?])
}

impl Metadata {
    /// Reads the document that came from `url`; its keys may be at the issuer's host or at one of `allowed_hosts`.
    ///
    /// # Errors
    /// `not_json`, `issuer_mismatch` and `jwks_uri`.
    pub(crate) fn read(
        url: &SafeUrl,
        fetched: &Fetched,
        issuer: &SafeUrl,
        allowed_hosts: &[String],
        plain: Plain,
    ) -> Result<Self, NetError> {
        let document = strict_json_object(&fetched.untrusted_body);
        let document = document.ok_or_else(|| NetError::not_strict_json(url.as_str()))?;
        same_issuer(url, &document, issuer)?;
        let jwks_uri = jwks_uri(url, &document, plain)?;
        if let Some(jwks_uri) = &jwks_uri {
            let allowed = |host: &str| host.eq_ignore_ascii_case(jwks_uri.host());
            if !allowed(issuer.host()) && !allowed_hosts.iter().any(|host| allowed(host)) {
                return Err(other_host(url, jwks_uri));
            }
        }
        let userinfo = userinfo_in(&document, url, issuer, allowed_hosts, plain).ok();
        let text = |name| document.get(name).and_then(Value::as_str).map(str::to_owned);
        let own_issuer = text("access_token_issuer").filter(|own| own != issuer.as_str() && is_issuer(own));
        Ok(Self {
            jwks_uri,
            introspection: introspection(&document, plain),
            userinfo: userinfo.map(|endpoint| endpoint.as_str().to_owned()),
            access_token_issuer: own_issuer,
            device_flow: [text("device_authorization_endpoint"), text("token_endpoint")],
        })
    }

    /// Where the keys are.
    ///
    /// # Errors
    /// `jwks_uri`, if the document from `url` does not say.
    pub(crate) fn keys(&self, url: &SafeUrl) -> Result<&SafeUrl, NetError> {
        self.jwks_uri.as_ref().ok_or_else(|| {
            let message = format!("{}: the document's jwks_uri is missing", url.as_str());
            let hint = if self.introspection.is_some() {
                "the provider publishes no keys, but an introspection endpoint: have it asked about each token, as \
                 oauth-validator discover ISSUER proposes"
            } else {
                "tokens of this provider cannot be verified by what it publishes, neither keys nor an introspection \
                 endpoint; if its documentation names one, configure keys.jwks_url or introspection.endpoint by hand"
            };
            NetError::new(NetErrorCode::JwksUri, message).with_hint(hint)
        })
    }

    /// Why libpq's device flow cannot work with what the document says, if it cannot. libpq takes https alone.
    pub(crate) fn no_device_flow(&self) -> Option<&'static str> {
        let is_https = |endpoint: &str| endpoint.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("https://"));
        match &self.device_flow {
            [None, _] => Some("the metadata name no device_authorization_endpoint"),
            [_, None] => Some("the metadata name no token_endpoint"),
            [Some(device), Some(token)] if is_https(device) && is_https(token) => None,
            _ => Some("libpq asks nobody without https"),
        }
    }
}

/// Where a client gets its tokens, as the issuer's own document says.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    /// RFC 6749 section 3.2.
    pub(crate) token: SafeUrl,
    /// RFC 8628 section 3.1, if there is one.
    pub(crate) device: Option<SafeUrl>,
    /// How a client may prove itself there, if the document says so.
    pub(crate) methods: Option<Vec<String>>,
}

impl Endpoints {
    /// Reads the document that came from `url`. Whoever has its certificate speaks for the issuer, so the endpoints may be
    /// at other hosts, as Google's are.
    ///
    /// # Errors
    /// `not_json`, `issuer_mismatch`, and `url` for endpoints that are missing or not acceptable.
    pub(crate) fn read(url: &SafeUrl, fetched: &Fetched, issuer: &SafeUrl, plain: Plain) -> Result<Self, NetError> {
        let document = strict_json_object(&fetched.untrusted_body);
        let document = document.ok_or_else(|| NetError::not_strict_json(url.as_str()))?;
        same_issuer(url, &document, issuer)?;
        let endpoint = |name: &str| match document.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_str().map(|text| SafeUrl::parse(text, plain)) {
                Some(Ok(endpoint)) => Ok(Some(endpoint)),
                _ => Err(NetError::new(NetErrorCode::Url, format!("{}: its {name} is no https URL", url.as_str()))),
            },
        };
        let token = endpoint("token_endpoint")?.ok_or_else(|| {
            NetError::new(NetErrorCode::Url, format!("{}: it names no token_endpoint", url.as_str()))
                .with_hint("no client can get a token there; is that the issuer that the tokens name?")
        })?;
        let methods = document.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
        let methods = methods.map(|methods| methods.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        Ok(Self { token, device: endpoint("device_authorization_endpoint")?, methods })
    }
}

/// The userinfo endpoint (OpenID Connect Discovery section 3) that the document from `url` names: at the issuer's host or at
/// one of `allowed_hosts`, since tokens of people go there.
///
/// # Errors
/// `not_json`, `issuer_mismatch`, and `url` for an endpoint that is missing or not acceptable.
pub(super) fn userinfo_of(
    url: &SafeUrl,
    fetched: &Fetched,
    issuer: &SafeUrl,
    allowed_hosts: &[String],
    plain: Plain,
) -> Result<SafeUrl, NetError> {
    let document = strict_json_object(&fetched.untrusted_body);
    let document = document.ok_or_else(|| NetError::not_strict_json(url.as_str()))?;
    same_issuer(url, &document, issuer)?;
    userinfo_in(&document, url, issuer, allowed_hosts, plain)
}

/// The userinfo endpoint of a document that is about the issuer.
fn userinfo_in(
    document: &Map<String, Value>,
    url: &SafeUrl,
    issuer: &SafeUrl,
    allowed_hosts: &[String],
    plain: Plain,
) -> Result<SafeUrl, NetError> {
    let refused =
        |why: &str| NetError::new(NetErrorCode::Url, format!("{}: its userinfo_endpoint {why}", url.as_str()));
    let endpoint = match document.get("userinfo_endpoint") {
        Some(Value::String(text)) => SafeUrl::parse(text, plain).map_err(refused)?,
        Some(_) => return Err(refused("is not a string")),
        None => {
            return Err(refused("is missing").with_hint(
                "if the provider documents a userinfo endpoint, write it as lookup.endpoint; else there is none to ask",
            ));
        }
    };
    let allowed = |host: &str| host.eq_ignore_ascii_case(endpoint.host());
    if allowed(issuer.host()) || allowed_hosts.iter().any(|host| allowed(host)) {
        return Ok(endpoint);
    }
    let host: String = endpoint.host().chars().take(MAX_REPEATED_BYTES).collect();
    Err(refused(&format!("is at another host than the issuer's, {host}")).with_hint(format!(
        "if the provider documents that host, allow it: {{allow}} {host}; or write lookup.endpoint"
    )))
}

/// Where another document of the same issuer says that tokens can be asked about; `None` if that is not what it is.
pub(super) fn introspection_of(fetched: &Fetched, issuer: &SafeUrl, plain: Plain) -> Option<Introspection> {
    let document = strict_json_object(&fetched.untrusted_body)?;
    let same = document.get("issuer").and_then(Value::as_str) == Some(issuer.as_str());
    introspection(&document, plain).filter(|_| same)
}

fn introspection(document: &Map<String, Value>, plain: Plain) -> Option<Introspection> {
    let endpoint =
        document.get("introspection_endpoint")?.as_str().filter(|text| SafeUrl::parse(text, plain).is_ok())?;
    let methods = document.get("introspection_endpoint_auth_methods_supported").and_then(Value::as_array);
    let methods = methods.map(|methods| methods.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    Some(Introspection { endpoint: endpoint.to_owned(), methods })
}

/// Whether it can stand in `token_issuers`.
fn is_issuer(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ISSUER_BYTES && !text.chars().any(char::is_control)
}

/// OpenID Connect Discovery 1.0 section 4.3: exactly the issuer that was asked for.
fn same_issuer(url: &SafeUrl, document: &Map<String, Value>, issuer: &SafeUrl) -> Result<(), NetError> {
    let mismatch =
        |what: &str| NetError::new(NetErrorCode::IssuerMismatch, format!("{}: the document {what}", url.as_str()));
    match document.get("issuer") {
        Some(Value::String(own)) if own == issuer.as_str() => Ok(()),
        Some(Value::String(own)) if own.contains("{tenantid}") => Err(mismatch("is that of all tenants")
            .with_hint("give the issuer of your tenant, with its ID in place of common or organizations")),
        Some(Value::String(own)) if own.len() <= MAX_REPEATED_BYTES && SafeUrl::parse(own, Plain::Loopback).is_ok() => {
            Err(mismatch(&format!("is about another issuer than {:?}: {own:?}", issuer.as_str())))
        }
        Some(Value::String(_)) => Err(mismatch(&format!("is about another issuer than {:?}", issuer.as_str()))),
        _ => Err(mismatch("names no issuer")),
    }
}

fn jwks_uri(url: &SafeUrl, document: &Map<String, Value>, plain: Plain) -> Result<Option<SafeUrl>, NetError> {
    let refused =
        |why: &str| NetError::new(NetErrorCode::JwksUri, format!("{}: the document's jwks_uri {why}", url.as_str()));
    match document.get("jwks_uri") {
        Some(Value::String(text)) => SafeUrl::parse(text, plain).map(Some).map_err(refused),
        Some(_) => Err(refused("is not a string")),
        None => Ok(None),
    }
}

fn other_host(url: &SafeUrl, jwks_uri: &SafeUrl) -> NetError {
    let host: String = jwks_uri.host().chars().take(MAX_REPEATED_BYTES).collect();
    let message = format!("{}: the keys are at another host than the issuer's, {host}", url.as_str());
    NetError::new(NetErrorCode::JwksUri, message)
        .with_hint(format!("if the provider documents that host, allow it: {{allow}} {host}"))
}

#[cfg(test)]
mod tests {
    use super::{Plain, SafeUrl, metadata_urls};

    fn urls(issuer: &str) -> [String; 2] {
        let issuer = SafeUrl::parse(issuer, Plain::Never).expect("a URL");
        metadata_urls(&issuer, Plain::Never).expect("URLs").map(|url| url.as_str().to_owned())
    }

    #[test]
    fn both_forms_follow_their_specifications() {
        assert_eq!(
            urls("https://idp.example/realms/corp"),
            [
                "https://idp.example/realms/corp/.well-known/openid-configuration",
                "https://idp.example/.well-known/oauth-authorization-server/realms/corp"
            ]
        );
        assert_eq!(
            urls("https://idp.example:8443"),
            [
                "https://idp.example:8443/.well-known/openid-configuration",
                "https://idp.example:8443/.well-known/oauth-authorization-server"
            ]
        );
    }

    #[test]
    fn a_slash_at_the_end_is_not_doubled() {
        assert_eq!(urls("https://acme.auth0.example/"), urls("https://acme.auth0.example"));
        assert_eq!(urls("https://idp.example/a/"), urls("https://idp.example/a"));
    }

    #[test]
    fn what_gets_too_long_is_refused() {
        let issuer = format!("https://idp.example/{}", "a".repeat(2020));
        let issuer = SafeUrl::parse(&issuer, Plain::Never).expect("a URL");
        assert_eq!(metadata_urls(&issuer, Plain::Never), Err("is longer than 2048 bytes"));
    }
}
