//! A provider's keys, and how long it says they may be kept.
//!
//! The document is read by the core, as in the server. RFC 9111 section 5.2.2 for Cache-Control; what is said there is
//! advice to be clamped, never a reason to trust a key longer.

use super::client::Fetched;
use super::error::{Code, NetError};
use super::url::SafeUrl;
use oauth_validator_core::{KeySet, strict_json_object};
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

/// What Cache-Control says about the time that an answer may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Freshness {
    /// `max-age`, in seconds.
    pub(crate) max_age: Option<u64>,
    /// `no-cache` or `no-store`: ask again each time.
    pub(crate) no_cache: bool,
}

impl KeyDocument {
    /// Reads the document that came from `url`.
    ///
    /// # Errors
    /// `not_json`, and `no_keys` with the core's reason.
    pub(crate) fn read(url: &SafeUrl, fetched: &Fetched) -> Result<Self, NetError> {
        if strict_json_object(&fetched.untrusted_body).is_none() {
            return Err(NetError::not_strict_json(url.as_str()));
        }
        let keys = KeySet::from_jwks(&fetched.untrusted_body).map_err(|why| {
            NetError::new(Code::NoKeys, format!("{}: the key document cannot be used: {why}", url.as_str()))
        })?;
        let etag = fetched.headers.get(header::ETAG).and_then(|value| value.to_str().ok());
        let etag = etag.filter(|text| text.len() <= MAX_ETAG_BYTES).map(str::to_owned);
        Ok(Self { keys, etag, freshness: Freshness::read(&fetched.headers) })
    }
}

impl Freshness {
    /// The shortest of several `max-age`; directives that are not understood say nothing.
    fn read(headers: &HeaderMap) -> Self {
        let mut freshness = Self::default();
        let values = headers.get_all(header::CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
        for directive in values.flat_map(|value| value.split(',')) {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                // With field names behind it, no-cache is about these only.
                "no-cache" if value.is_empty() => freshness.no_cache = true,
                "no-store" => freshness.no_cache = true,
                "max-age" => {
                    if let Some(seconds) = seconds(value) {
                        freshness.max_age = Some(freshness.max_age.map_or(seconds, |known| known.min(seconds)));
                    }
                }
                _ => {}
            }
        }
        freshness
    }
}

/// RFC 9111 section 1.2.2: digits, which may be quoted; what is too large counts as 2^31.
fn seconds(text: &str) -> Option<u64> {
    let digits = text.trim().trim_matches('"');
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse::<u64>().unwrap_or(u64::MAX).min(1 << 31))
}

#[cfg(test)]
mod tests {
    use super::Freshness;
    use ureq::http::{HeaderMap, HeaderValue, header};

    fn read(values: &[&str]) -> (Option<u64>, bool) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CACHE_CONTROL, HeaderValue::from_str(value).expect("a header"));
        }
        let freshness = Freshness::read(&headers);
        (freshness.max_age, freshness.no_cache)
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
