//! What goes wrong between here and a provider: stable codes, a sentence, and what to do.
//!
//! Texts name URLs that were asked for and what was expected. They never hold a body, nor a header of an answer.

use super::untrusted::Untrusted;
use rustls::{AlertDescription, CertificateError, Error as TlsError};
use std::io::{self, ErrorKind};
use std::time::Duration;
use thiserror::Error;

/// Why a document could not be had, or cannot be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub(crate) struct NetError {
    /// For programs and for grep.
    pub(crate) code: NetErrorCode,
    /// One sentence without its full stop.
    pub(crate) message: String,
    /// The answer's, with `http_status` and `redirect`.
    pub(crate) status: Option<u16>,
    /// What to do, where it does not follow from the code alone; with the places of [`Wording`].
    own_hint: Option<String>,
}

/// In whose words a hint names what can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wording {
    /// Options of the command line.
    Options,
    /// Keys of the configuration.
    Configuration,
}

impl Wording {
    /// A hint's places, and what stands there. No host can hold a brace, so a stranger has no place to fill.
    const fn places(self) -> [(&'static str, &'static str); 5] {
        match self {
            Self::Options => [
                ("{proxy}", "--proxy"),
                ("{timeout}", "--timeout"),
                ("{ca_file}", "--ca-file"),
                ("{discovery_url}", "--discovery-url"),
                ("{allow}", "--allow-host"),
            ],
            Self::Configuration => [
                ("{proxy}", "keys.proxy"),
                ("{timeout}", "keys.timeout"),
                ("{ca_file}", "keys.ca_file"),
                ("{discovery_url}", "keys.discovery_url"),
                ("{allow}", "add to keys.allowed_hosts"),
            ],
        }
    }
}

/// The kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NetErrorCode {
    /// A URL that is not asked for: not https, with a user name, too long.
    Url,
    /// The file of trusted certificates, or the system's, gives none.
    CaFile,
    /// The proxy does not connect to the provider.
    Proxy,
    /// The host has no address.
    Dns,
    /// Nobody answers there, or the connection ends before an answer.
    Connect,
    /// The certificate or the handshake is not acceptable.
    Tls,
    /// The deadline came first.
    Timeout,
    /// What is answered is not HTTP/1.1, or ends before its end.
    Incomplete,
    /// Another status than 200.
    HttpStatus,
    /// A status from 300 to 399.
    Redirect,
    /// More than a document may have.
    TooLarge,
    /// A compressed body, although none was asked for.
    ContentEncoding,
    /// The body does not claim to be JSON.
    ContentType,
    /// The body is no JSON object, or an ambiguous one.
    NotJson,
    /// The document is about another issuer.
    IssuerMismatch,
    /// The document points to keys at an unacceptable place.
    JwksUri,
    /// The key document has no key that may verify tokens.
    NoKeys,
    /// An endpoint does not believe that this server is who it says.
    Credentials,
}

impl NetErrorCode {
    /// In snake_case, as it is printed.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::CaFile => "ca_file",
            Self::Proxy => "proxy",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Incomplete => "incomplete",
            Self::HttpStatus => "http_status",
            Self::Redirect => "redirect",
            Self::TooLarge => "too_large",
            Self::ContentEncoding => "content_encoding",
            Self::ContentType => "content_type",
            Self::NotJson => "not_json",
            Self::IssuerMismatch => "issuer_mismatch",
            Self::JwksUri => "jwks_uri",
            Self::NoKeys => "no_keys",
            Self::Credentials => "credentials",
        }
    }

    const fn template(self) -> &'static str {
        match self {
            Self::Url => "give the issuer as the provider's discovery document spells it",
            Self::CaFile => "give a readable PEM file with the certificate of the authority that signs the provider's",
            Self::Proxy => "ask whoever runs the proxy whether it lets this machine connect to the provider",
            Self::Dns => "correct the host's name, or this machine's resolver; behind a proxy, give {proxy}",
            Self::Connect => {
                "see whether the provider is up and a firewall lets this machine reach it; is {proxy} needed?"
            }
            Self::Tls => {
                "see which certificate the provider shows: openssl s_client -connect HOST:PORT -servername HOST; it must be for this host"
            }
            Self::Timeout => "try again with a longer {timeout}; is {proxy} needed to reach the provider?",
            Self::Incomplete => "try again; what answers there may be no web server, or a proxy may cut the answer off",
            Self::HttpStatus => "correct the issuer; if the provider has its document elsewhere, give {discovery_url}",
            Self::Redirect => "redirects are never followed: give the final address, if you trust it",
            Self::TooLarge => "no provider's document is that large: does the URL lead to one?",
            Self::ContentEncoding => "no compression was asked for: does a proxy alter the provider's answers?",
            Self::ContentType | Self::NotJson => {
                "does the URL lead to the provider's document, or to a page for people?"
            }
            Self::IssuerMismatch => "give the issuer exactly as the document spells it, if that is the one you mean",
            Self::JwksUri => "this document cannot be used: ask the provider's administrator",
            Self::NoKeys => "this provider's tokens cannot be verified with these keys; look at its signing settings",
            Self::Credentials => {
                "compare introspection.auth, client_id and the secret in client_secret_file with the provider's settings"
            }
        }
    }
}

impl NetError {
    /// `message` is a sentence without its full stop, without anything that a stranger sent.
    pub(crate) fn new(code: NetErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: None, own_hint: None }
    }

    /// Adds what to do about it, in which `{proxy}` and the like name what can be changed.
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.own_hint = Some(hint.into());
        self
    }

    /// Adds the status of the answer that it is about.
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// What to do about it.
    pub(crate) fn hint(&self, wording: Wording) -> String {
        let template = self.own_hint.as_deref().unwrap_or(self.code.template()).to_owned();
        wording.places().iter().fold(template, |text, (place, name)| text.replace(place, name))
    }

    /// The answer of `url` is nothing that two readers would read alike.
    pub(crate) fn not_strict_json(url: &str) -> Self {
        let what = "the answer is not one JSON object in UTF-8, or has a member twice";
        Self::new(NetErrorCode::NotJson, format!("{url}: {what}"))
    }

    /// A failure of a request to `url` that had to end within `limit`.
    pub(crate) fn of_request(url: &str, limit: Duration, error: ureq::Error) -> Self {
        use ureq::Error as E;
        match error {
            E::Timeout(at) => {
                let doing = match at {
                    ureq::Timeout::Resolve => "the host's name was not resolved",
                    ureq::Timeout::Connect => "no connection was made",
                    _ => "the answer was not complete",
                };
                Self::new(
                    NetErrorCode::Timeout,
                    format!("{url}: {doing} in time, within {} s in all", limit.as_secs_f32()),
                )
            }
            E::HostNotFound => Self::new(NetErrorCode::Dns, format!("{url}: the host has no address")),
            E::TlsRequired => Self::new(NetErrorCode::Tls, format!("{url}: there is no TLS connection")),
            E::ConnectProxyFailed(_) | E::InvalidProxyUrl => {
                Self::new(NetErrorCode::Proxy, format!("{url}: the proxy does not connect to it"))
            }
            E::LargeResponseHeader(_, limit) => {
                Self::new(NetErrorCode::TooLarge, format!("{url}: the headers of the answer exceed {limit} bytes"))
            }
            E::Io(error) => Self::io(url, &error),
            E::ConnectionFailed => Self::new(NetErrorCode::Connect, format!("{url}: no connection was made")),
            _ => Self::new(NetErrorCode::Incomplete, format!("{url}: the answer is not HTTP/1.1 as it should be")),
        }
    }

    fn io(url: &str, error: &io::Error) -> Self {
        if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
            return Self::tls(url, tls);
        }
        match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                Self::new(NetErrorCode::Connect, format!("{url}: the connection was closed before an answer"))
            }
            _ => Self::new(NetErrorCode::Connect, format!("{url}: {}", oauth_validator_token_file::words(error))),
        }
    }

    fn tls(url: &str, error: &TlsError) -> Self {
        let (what, hint) = tls_fault("the provider", error);
        let error = Self::new(NetErrorCode::Tls, format!("{url}: {what}"));
        match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// Why there is no TLS with `peer`, such as "the provider": a sentence without its full stop; and what to do where that
/// is more than looking at the certificate, with the place `{ca_file}`.
pub(crate) fn tls_fault(peer: &str, error: &TlsError) -> (String, Option<&'static str>) {
    let what = match error {
        TlsError::InvalidCertificate(why) => {
            let (what, hint) = certificate_fault(why);
            return (format!("{peer}'s certificate {what}"), hint);
        }
        TlsError::AlertReceived(AlertDescription::CertificateRequired) => {
            let hint =
                "it wants a certificate of this server's own: keys.client_cert_file and keys.client_key_file have one";
            return (format!("{peer} ended the TLS handshake, for want of a certificate"), Some(hint));
        }
        TlsError::AlertReceived(_) => format!("{peer} ended the TLS handshake"),
        TlsError::PeerIncompatible(_) => format!("{peer} offers no TLS 1.2 or 1.3 that is acceptable"),
        _ => "the TLS handshake failed".to_owned(),
    };
    (what, None)
}

fn certificate_fault(why: &CertificateError) -> (String, Option<&'static str>) {
    use CertificateError as E;
    if let E::Other(other) = why
        && let Some(untrusted) = other.0.downcast_ref::<Untrusted>()
    {
        let hint = match untrusted {
            Untrusted::Authority => {
                "if it is that server's, give this very certificate with {ca_file}, or make it anew for servers alone, with -addext basicConstraints=critical,CA:FALSE"
            }
            Untrusted::Key => {
                "its certificate and its private key do not belong together, or somebody stands in between"
            }
            Untrusted::NotGiven => {
                "was it made anew? Give the one that the server has now with {ca_file}, or that of the authority that signed it"
            }
        };
        return (untrusted.to_string(), Some(hint));
    }
    let (what, hint) = match why {
        E::Expired | E::ExpiredContext { .. } => {
            ("has expired", Some("it must be renewed there; is this machine's clock right?"))
        }
        E::NotValidYet | E::NotValidYetContext { .. } => ("is not valid yet", Some("is this machine's clock right?")),
        E::NotValidForName | E::NotValidForNameContext { .. } => ("is for another name", None),
        // Bad signature: an authority of the trusted one's name, with another key.
        E::UnknownIssuer | E::BadSignature => (
            "is signed by an authority that is not trusted",
            Some("for a private authority, give its certificate with {ca_file}"),
        ),
        E::Revoked => ("is revoked", None),
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            ("is not for servers", Some("it needs the extended key usage serverAuth, or none at all"))
        }
        _ => ("is not acceptable", None),
    };
    (what.to_owned(), hint)
}

#[cfg(test)]
mod tests {
    use super::{NetError, NetErrorCode, Wording};
    use std::collections::BTreeSet;
    use std::time::Duration;

    const ALL: &[NetErrorCode] = &[
        NetErrorCode::Url,
        NetErrorCode::CaFile,
        NetErrorCode::Proxy,
        NetErrorCode::Dns,
        NetErrorCode::Connect,
        NetErrorCode::Tls,
        NetErrorCode::Timeout,
        NetErrorCode::Incomplete,
        NetErrorCode::HttpStatus,
        NetErrorCode::Redirect,
        NetErrorCode::TooLarge,
        NetErrorCode::ContentEncoding,
        NetErrorCode::ContentType,
        NetErrorCode::NotJson,
        NetErrorCode::IssuerMismatch,
        NetErrorCode::JwksUri,
        NetErrorCode::NoKeys,
        NetErrorCode::Credentials,
    ];

    #[test]
    fn the_manual_page_lists_the_codes_and_no_others() {
        let page = include_str!("../../../../man/oauth-validator.1");
        let (_, section) = page.split_once("with one of these codes:").expect("the list");
        let (section, _) = section.split_once("\n.El").expect("its end");
        let listed: BTreeSet<&str> = section.lines().filter_map(|line| line.strip_prefix(".It Cm ")).collect();
        assert_eq!(listed, ALL.iter().map(|code| code.name()).collect());
    }

    #[test]
    fn hints_are_sentences_without_their_full_stop() {
        for code in ALL {
            let hint = NetError::new(*code, "it failed").hint(Wording::Options);
            assert!(hint.len() > 20 && !hint.ends_with('.'), "{code:?}");
        }
    }

    #[test]
    fn hints_name_what_their_reader_can_change() {
        let error = NetError::new(NetErrorCode::JwksUri, "m")
            .with_hint("{proxy} {timeout} {ca_file} {discovery_url} {allow} h");
        assert_eq!(error.hint(Wording::Options), "--proxy --timeout --ca-file --discovery-url --allow-host h");
        assert_eq!(
            error.hint(Wording::Configuration),
            "keys.proxy keys.timeout keys.ca_file keys.discovery_url add to keys.allowed_hosts h"
        );
        for code in ALL {
            let hint = NetError::new(*code, "it failed").hint(Wording::Configuration);
            assert!(!hint.contains("--") && !hint.contains(['{', '}']), "{hint}");
        }
    }

    /// What a proxy or a server wrote is in some of ureq's errors.
    #[test]
    fn texts_of_strangers_are_left_out() {
        let error = ureq::Error::ConnectProxyFailed("407 sentinel".to_owned());
        let error = NetError::of_request("https://idp.example", Duration::from_secs(1), error);
        assert_eq!((error.code, error.to_string().contains("sentinel")), (NetErrorCode::Proxy, false));
        let error = ureq::Error::BadUri("sentinel".to_owned());
        let error = NetError::of_request("https://idp.example", Duration::from_secs(1), error);
        assert_eq!((error.code, error.to_string().contains("sentinel")), (NetErrorCode::Incomplete, false));
    }
}
