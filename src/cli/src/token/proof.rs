//! How a client with a key proves itself to the provider, at each request anew (RFC 7521 section 4.2).
//!
//! An assertion is good for a minute and for one request, while the device flow asks again and again until a person is done:
//! whatever is sent gets one of its own here, and nowhere else. Must never put the key or an assertion into an error.

use super::NoToken;
use super::assertion::AssertionSigner;
use super::provider::ProviderEndpoints;
use super::source::{ClientProof, TokenOrigin, read_text, unreadable};
use crate::net::{NetError, NetErrorCode};
use form_urlencoded::Serializer;
use oauth2::{HttpRequest, HttpResponse};
use zeroize::Zeroizing;

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Sends a client's requests.
pub(super) struct Prover<'p> {
    provider: &'p ProviderEndpoints,
    signer: Option<AssertionSigner>,
}

impl<'p> Prover<'p> {
    /// For the client of this source.
    ///
    /// # Errors
    /// A key that cannot be read, or is none.
    pub(super) fn of(source: &TokenOrigin, provider: &'p ProviderEndpoints) -> Result<Self, NoToken> {
        let ClientProof::Key(file, id) = &source.proof else { return Ok(Self { provider, signer: None }) };
        let key = read_text(file, "the client's key").map(Zeroizing::new).map_err(unreadable)?;
        let audience = provider.endpoints.token.as_str();
        let signer = AssertionSigner::new(&key, id.as_deref(), &source.client_id, audience)
            .map_err(|why| NoToken::here(format!("the client's key {}: {why}", file.display())))?;
        Ok(Self { provider, signer: Some(signer) })
    }

    /// Sends a request with a form as its body, and a new assertion in it if the client has a key.
    ///
    /// # Errors
    /// As [`ProviderEndpoints::send`].
    pub(super) fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, NetError> {
        if let Some(signer) = &self.signer {
            let failed = |why| NetError::new(NetErrorCode::Credentials, format!("the client's key: {why}"));
            let assertion = signer.sign().map_err(failed)?;
            let mut form = Serializer::new(String::new());
            form.append_pair("client_assertion_type", TYPE).append_pair("client_assertion", &assertion);
            let body = request.body_mut();
            if !body.is_empty() {
                body.push(b'&');
            }
            body.extend_from_slice(form.finish().as_bytes());
        }
        self.provider.send(request)
    }
}
