//! Asks a userinfo endpoint about the subject of a token: OpenID Connect Core section 5.3.1, by GET with the token as bearer.
//!
//! The token goes into a header and nowhere else, to this one URL. What the answer is worth is decided elsewhere; here only
//! what says nothing about the token becomes an error. Must never put token or answer into an error, nor ask twice.

use super::authorization;
use super::client::HttpsClient;
use super::error::{NetError, NetErrorCode};
use super::url::SafeUrl;
use oauth_validator_core::OnlineAnswer;
use oauth_validator_core::bounds::MAX_LOOKUP_BYTES;
use oauth_validator_core::protocol::Secret;

/// What the endpoint says: status 200 with a JSON document; or 401 or 403, by which it refuses the token, with nothing.
///
/// # Errors
/// Those of every request; `content_type` for a signed or encrypted answer, too.
pub(crate) fn userinfo(client: &HttpsClient, endpoint: &SafeUrl, token: &Secret) -> Result<OnlineAnswer, NetError> {
    let refused = |_| NetError::new(NetErrorCode::Url, "the token has characters that no header takes");
    let header = authorization::bearer(token).map_err(refused)?;
    let answer = client.get_as(endpoint, header, MAX_LOOKUP_BYTES).map_err(in_place)?;
    let (status, untrusted_body) = answer;
    let body = String::from_utf8(untrusted_body).map_err(|_| NetError::not_strict_json(endpoint.as_str()))?;
    Ok(OnlineAnswer { status, body })
}

/// Hints in terms of this endpoint.
fn in_place(error: NetError) -> NetError {
    match (error.code, error.status) {
        (NetErrorCode::HttpStatus, Some(..429)) => {
            error.with_hint("compare lookup.endpoint with the userinfo_endpoint of the provider's metadata")
        }
        (NetErrorCode::ContentType, _) => error.with_hint(
            "the endpoint must answer in plain JSON: a client that is registered for signed answers \
             (userinfo_signed_response_alg) gets a JWT instead; is lookup.endpoint the provider's userinfo_endpoint?",
        ),
        (NetErrorCode::TooLarge, _) => {
            error.with_hint("have the provider say less about its users there; groups are the usual cause")
        }
        (NetErrorCode::Redirect, _) => error.with_hint(
            "redirects are never followed, since the token would go along: give the final address as lookup.endpoint",
        ),
        _ => error,
    }
}
