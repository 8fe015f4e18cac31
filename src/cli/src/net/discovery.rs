//! A provider's metadata: where it is, whose it is, and where it may point to.
//!
//! OpenID Connect Discovery 1.0 section 4 and RFC 8414 section 3. The document must name the issuer it was asked for,
//! byte for byte, and must never lead to a host that is neither the issuer's nor allowed by name.

use super::client::Fetched;
use super::error::{Code, NetError};
use super::url::{Plain, SafeUrl};
use oauth_validator_core::strict_json_object;
use serde_json::{Map, Value};

/// The longest value of the document that a message repeats, in bytes.
const MAX_REPEATED_BYTES: usize = 200;

/// What of a provider's metadata matters here.
#[derive(Debug)]
pub(crate) struct Metadata {
    /// Where the keys are: at the issuer's host, or at one that was allowed.
    pub(crate) jwks_uri: SafeUrl,
    /// Where opaque tokens can be asked about (RFC 7662), if that is a URL.
    pub(crate) introspection_endpoint: Option<String>,
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
        let allowed = |host: &str| host.eq_ignore_ascii_case(jwks_uri.host());
        if !allowed(issuer.host()) && !allowed_hosts.iter().any(|host| allowed(host)) {
            return Err(other_host(url, &jwks_uri));
        }
        let endpoint = document.get("introspection_endpoint").and_then(Value::as_str);
        let introspection_endpoint = endpoint.filter(|text| SafeUrl::parse(text, plain).is_ok()).map(str::to_owned);
        Ok(Self { jwks_uri, introspection_endpoint })
    }
}

/// OpenID Connect Discovery 1.0 section 4.3: exactly the issuer that was asked for.
fn same_issuer(url: &SafeUrl, document: &Map<String, Value>, issuer: &SafeUrl) -> Result<(), NetError> {
    let mismatch = |what: &str| NetError::new(Code::IssuerMismatch, format!("{}: the document {what}", url.as_str()));
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

fn jwks_uri(url: &SafeUrl, document: &Map<String, Value>, plain: Plain) -> Result<SafeUrl, NetError> {
    let refused = |why: &str| NetError::new(Code::JwksUri, format!("{}: the document's jwks_uri {why}", url.as_str()));
    match document.get("jwks_uri") {
        Some(Value::String(text)) => SafeUrl::parse(text, plain).map_err(refused),
        Some(_) => Err(refused("is not a string")),
        None => Err(refused("is missing")),
    }
}

fn other_host(url: &SafeUrl, jwks_uri: &SafeUrl) -> NetError {
    let host: String = jwks_uri.host().chars().take(MAX_REPEATED_BYTES).collect();
    let message = format!("{}: the keys are at another host than the issuer's, {host}", url.as_str());
    NetError::new(Code::JwksUri, message)
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
