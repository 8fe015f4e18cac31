//! Values of the header `Authorization`, which nobody may print.
//!
//! Must never leave a copy of a token in memory that is not wiped, but for the value itself, which the request takes along.

use oauth_validator_core::protocol::Secret;
use ureq::http::HeaderValue;
use ureq::http::header::InvalidHeaderValue;
use zeroize::Zeroizing;

/// This text as a value, marked so that it is not printed with others.
///
/// # Errors
/// If it has characters that no header takes.
pub(super) fn sensitive(text: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A bearer token (RFC 6750 section 2.1).
///
/// # Errors
/// Those of [`sensitive`].
pub(super) fn bearer(token: &Secret) -> Result<HeaderValue, InvalidHeaderValue> {
    sensitive(&Zeroizing::new(format!("Bearer {}", token.expose())))
}
