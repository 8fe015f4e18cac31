//! Which URLs are asked for at all.
//!
//! https, or http to this very machine where that was allowed; a host and perhaps a port, nothing else in front of the
//! path. The parser that judges is the one that connects, so that there are no two readings of one URL. Must never
//! take a user name (`https://good@evil`), a fragment, or characters that a shell, a terminal or a file could misread.

use oauth_validator_core::Reach;
use std::net::{Ipv4Addr, Ipv6Addr};
use ureq::http::Uri;

/// The longest URL, in bytes.
const MAX_URL_BYTES: usize = 2048;

/// Whether http is accepted where it cannot leave this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plain {
    /// https only.
    Never,
    /// http to a loopback address as well.
    Loopback,
}

impl Plain {
    /// Whether plain http is allowed is what the way to a provider says.
    pub(crate) fn of<F>(reach: &Reach<F>) -> Self {
        if reach.insecure_http { Self::Loopback } else { Self::Never }
    }
}

/// A URL that may be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SafeUrl {
    text: String,
    uri: Uri,
}

impl SafeUrl {
    /// Judges `text`.
    ///
    /// # Errors
    /// A phrase that follows "it"; it never quotes the text.
    pub(crate) fn parse(text: &str, plain: Plain) -> Result<Self, &'static str> {
        if text.len() > MAX_URL_BYTES {
            return Err("is longer than 2048 bytes");
        }
        if !text.bytes().all(acceptable) {
            return Err("has characters that a URL has only percent-encoded");
        }
        if text.contains('#') {
            return Err("has a fragment");
        }
        let uri: Uri = text.parse().map_err(|_| "is no URL")?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err("is no absolute URL, https://HOST/...");
        };
        if authority.as_str().contains('@') {
            return Err("has a user name in front of the host");
        }
        let host = authority.host();
        let whole = match authority.port_u16() {
            Some(0) => return Err("has an impossible port"),
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        if whole != authority.as_str() {
            return Err("has an impossible port");
        }
        if !is_host(host) {
            return Err("has no host that is a name or an address");
        }
        match scheme {
            "https" => {}
            "http" if plain == Plain::Loopback && is_loopback(host) => {}
            "http" => return Err("is not https"),
            _ => return Err("is neither https nor another scheme that is asked for"),
        }
        Ok(Self { text: text.to_owned(), uri })
    }

    /// The URL as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Name or address, an IPv6 one in brackets, in the case it was given.
    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    /// From the first slash behind the host, without the query.
    pub(crate) fn path(&self) -> &str {
        self.uri.path()
    }

    /// Whether it has a question mark.
    pub(crate) fn has_query(&self) -> bool {
        self.uri.query().is_some()
    }

    /// Scheme, host and port, without a slash behind them.
    pub(crate) fn origin(&self) -> String {
        let authority = self.uri.authority().map(ToString::to_string).unwrap_or_default();
        format!("{}://{authority}", self.uri.scheme_str().unwrap_or_default())
    }

    /// Scheme, host and port in small letters, with the port whether or not it is written: two URLs have the same origin
    /// (RFC 6454 section 5) if these are equal.
    pub(crate) fn origin_with_port(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let port = self.uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
        format!("{scheme}://{}:{port}", self.host().to_ascii_lowercase())
    }
}

/// RFC 3986 section 2, without the apostrophe and with no byte that needs an encoding.
fn acceptable(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&()*+,;=%".contains(&byte)
}

/// Whether it is a name or an address, without a port.
pub(crate) fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && !host.starts_with(['.', '-'])
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::{Plain, SafeUrl};

    fn why(text: &str) -> &'static str {
        SafeUrl::parse(text, Plain::Loopback).expect_err(text)
    }

    #[test]
    fn ordinary_urls_are_taken_apart() {
        let url = SafeUrl::parse("https://idp.example:8443/realms/corp?v=2", Plain::Never).unwrap();
        assert_eq!((url.host(), url.path(), url.has_query()), ("idp.example", "/realms/corp", true));
        assert_eq!(url.origin(), "https://idp.example:8443");
        let address = SafeUrl::parse("https://[2001:db8::1]/", Plain::Never).unwrap();
        assert_eq!((address.host(), address.origin().as_str()), ("[2001:db8::1]", "https://[2001:db8::1]"));
    }

    #[test]
    fn http_stays_on_this_machine_and_has_to_be_allowed() {
        for local in ["http://localhost:80/", "http://127.0.0.1/", "http://127.9.9.9:8080", "http://[::1]:1/x"] {
            assert!(SafeUrl::parse(local, Plain::Loopback).is_ok(), "{local}");
            assert_eq!(SafeUrl::parse(local, Plain::Never), Err("is not https"), "{local}");
        }
        for far in ["http://idp.example/", "http://localhost.evil.example/", "http://10.0.0.1/", "http://0.0.0.0/"] {
            assert_eq!(why(far), "is not https", "{far}");
        }
    }

    #[test]
    fn whatever_could_be_read_in_two_ways_is_refused() {
        assert_eq!(why("https://good.example@evil.example/"), "has a user name in front of the host");
        assert_eq!(why("https://user:secret@idp.example/"), "has a user name in front of the host");
        assert_eq!(why("https://idp.example/#keys"), "has a fragment");
        for port in ["https://idp.example:/", "https://idp.example:99999/", "https://idp.example:0/"] {
            assert_eq!(why(port), "has an impossible port", "{port}");
        }
        for host in ["https://-idp.example/", "https://.example/", "https://a,b/"] {
            assert_eq!(why(host), "has no host that is a name or an address", "{host}");
        }
        for text in ["https://idp.example/a b", "https://idp.example/\r\nHost: x", "https://ïdp.example/", "a\\b", "'"]
        {
            assert_eq!(why(text), "has characters that a URL has only percent-encoded", "{text:?}");
        }
    }

    #[test]
    fn other_schemes_and_relative_ones_are_refused() {
        for text in [
            "/jwks",
            "https://id%70.example/",
            "jwks.json",
            "//idp.example/jwks",
            "idp.example",
            "",
            "https://",
            "https:///jwks",
        ] {
            assert!(
                ["is no URL", "is no absolute URL, https://HOST/..."].contains(&why(text)),
                "{text}: {}",
                why(text)
            );
        }
        for text in ["ftp://idp.example/", "gopher://idp.example/", "file://localhost/etc/passwd"] {
            assert_eq!(why(text), "is neither https nor another scheme that is asked for", "{text}");
        }
    }

    #[test]
    fn the_length_limit_holds_at_its_edge() {
        let long = |bytes: usize| format!("https://idp.example/{}", "a".repeat(bytes - 20));
        assert!(SafeUrl::parse(&long(2048), Plain::Never).is_ok());
        assert_eq!(why(&long(2049)), "is longer than 2048 bytes");
    }
}
