//! A provider's keys, and how long it says they may be kept.
//!
//! The document is read by the core, as in the server. RFC 9111 section 5.2.2 for Cache-Control; what is said there is
//! advice to be clamped, never a reason to trust a key longer.

use super::client::{FetchAnswer, Fetched, HttpsClient};
use super::error::{NetError, NetErrorCode};
use super::url::SafeUrl;
use oauth_validator_core::protocol::{Freshness, KnownDocument};
use oauth_validator_core::{KeySet, strict_json_object};
use std::time::Duration;
use ureq::http::{HeaderMap, header};

/// The longest ETag that is kept, in bytes.
const MAX_ETAG_BYTES: usize = 256;

/// A key document as it was fetched.
#[derive(Debug)]
pub(crate) struct KeyDocument {
    /// At least one usable key.
    pub(crate) keys: KeySet,
    /// For asking whether it has changed (RFC 9110 section 8.8.3), in printable ASCII.
    pub(crate) etag: Option<String>,
    /// What Cache-Control says.
    pub(crate) freshness: Freshness,
}

/// The keys at a place, for somebody who may have them already.
#[derive(Debug)]
pub(crate) enum PlaceKeys {
    /// The keys as they are now.
    Document(KeyDocument),
    /// They are those of the known document, which may be kept for this long.
    Unchanged(Freshness),
}

impl PlaceKeys {
    /// Asks for the keys at `url`: only for a change if `known` came from there.
    ///
    /// # Errors
    /// Those of the request, and of [`KeyDocument::fetch`].
    pub(crate) fn fetch(client: &HttpsClient, url: &SafeUrl, known: Option<&KnownDocument>) -> Result<Self, NetError> {
        let known = known.filter(|known| known.url == url.as_str());
        match client.get_if_changed(url, known.map(|known| known.etag.as_str()))? {
            FetchAnswer::Unchanged(headers) => Ok(Self::Unchanged(freshness(&headers))),
            FetchAnswer::Document(fetched) => KeyDocument::read(url, &fetched).map(Self::Document),
        }
    }
}

impl KeyDocument {
    /// Asks for the keys at `url`.
    ///
    /// # Errors
    /// Those of the request, `not_json`, and `no_keys` with the core's reason.
    pub(crate) fn fetch(client: &HttpsClient, url: &SafeUrl) -> Result<Self, NetError> {
        Self::read(url, &client.get(url)?)
    }

    fn read(url: &SafeUrl, fetched: &Fetched) -> Result<Self, NetError> {
        if strict_json_object(&fetched.untrusted_body).is_none() {
            return Err(NetError::not_strict_json(url.as_str()));
        }
        let keys = KeySet::from_jwks(&fetched.untrusted_body).map_err(|why| {
            let error = NetError::new(
                NetErrorCode::NoKeys,
                format!("{}: the key document cannot be used: {why}", url.as_str()),
            );
            match why.hint() {
                Some(hint) => error.with_hint(hint),
                None => error,
            }
        })?;
        let etag = fetched.headers.get(header::ETAG).and_then(|value| value.to_str().ok());
        let etag = etag.filter(|text| text.len() <= MAX_ETAG_BYTES).map(str::to_owned);
        Ok(Self { keys, etag, freshness: freshness(&fetched.headers) })
    }
}

/// The shortest of several `max-age`; directives that are not understood say nothing.
fn freshness(headers: &HeaderMap) -> Freshness {
    let mut freshness = Freshness::default();
    let values = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    for directive in values.flat_map(|value| value.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            // With field names behind it, no-cache is about these only.
            "no-cache" if value.is_empty() => freshness.no_cache = true,
            "no-store" => freshness.no_cache = true,
            "max-age" => {
                if let Some(span) = seconds(value) {
                    freshness.max_age = Some(freshness.max_age.map_or(span, |known| known.min(span)));
                }
            }
            _ => {}
        }
    }
    freshness
}

/// RFC 9111 section 1.2.2: digits, which may be quoted; what is too large counts as 2^31.
fn seconds(text: &str) -> Option<Duration> {
    let digits = text.trim().trim_matches('"');
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(digits.parse::<u64>().unwrap_or(u64::MAX).min(1 << 31)))
}

#[cfg(test)]
mod tests {
    use super::freshness;
    use ureq::http::{HeaderMap, HeaderValue, header};

    fn read(values: &[&str]) -> (Option<u64>, bool) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CACHE_CONTROL, HeaderValue::from_str(value).expect("a header"));
        }
        let freshness = freshness(&headers);
        (freshness.max_age.map(|max_age| max_age.as_secs()), freshness.no_cache)
    }

    #[test]
    fn headers_of_real_providers() {
        assert_eq!(read(&["max-age=86400, private"]), (Some(86_400), false));
        assert_eq!(read(&["public, max-age=21155, must-revalidate, no-transform"]), (Some(21_155), false));
        assert_eq!(read(&["no-cache, must-revalidate, no-transform, no-store"]), (None, true));
        assert_eq!(read(&["no-cache, max-age=0, must-revalidate"]), (Some(0), true));
        assert_eq!(read(&["public, max-age=15, stale-while-revalidate=15"]), (Some(15), false));
        assert_eq!(read(&[]), (None, false));
    }

    #[test]
    fn the_shortest_of_several_holds() {
        assert_eq!(read(&["max-age=600", "MAX-AGE=\"60\""]), (Some(60), false));
        assert_eq!(read(&["max-age=60, max-age=600, No-Store"]), (Some(60), true));
    }

    #[test]
    fn what_is_no_number_says_nothing_and_too_much_is_capped() {
        for text in ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=1h", "max-age=\u{3b1}", "s-maxage=9"]
        {
            assert_eq!(read(&[text]).0, None, "{text}");
        }
        assert_eq!(read(&["max-age=99999999999999999999999999"]), (Some(1 << 31), false));
        assert_eq!(read(&["no-cache=\"Set-Cookie\", max-age=5"]), (Some(5), false));
    }
}
