//! How a client proves itself: a JWT signed with its key (RFC 7523), or its secret in Basic; and when a token says it ends.
//!
//! Must never put the key or the secret into an error.

use crate::words::now;
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use form_urlencoded::byte_serialize;
use oauth_validator_core::UnixSeconds;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use std::time::Duration;

/// How long an assertion is good for: it is used at once.
const ASSERTION_LIFE: Duration = Duration::from_secs(60);

/// The client's key, with what signs by it.
enum AssertionKey {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl AssertionKey {
    fn read(pem: &str) -> Result<Self, &'static str> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| {
            "it has no key as PKCS #8 in PEM (BEGIN PRIVATE KEY); openssl pkcs8 -topk8 -nocrypt makes one of others"
        })?;
        let der = der.secret_pkcs8_der();
        if let Ok(key) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der) {
            return Ok(Self::Es256(key));
        }
        if let Ok(key) = RsaKeyPair::from_pkcs8(der) {
            return Ok(Self::Rs256(key));
        }
        Ed25519KeyPair::from_pkcs8(der).map(Self::EdDsa).map_err(|_| "it is for none of ES256, RS256 and EdDSA")
    }

    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Es256(_) => "ES256",
            Self::Rs256(_) => "RS256",
            Self::EdDsa(_) => "EdDSA",
        }
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, &'static str> {
        let random = SystemRandom::new();
        let failed = |_| "it cannot sign";
        match self {
            Self::Es256(key) => key.sign(&random, text).map(|made| made.as_ref().to_vec()).map_err(failed),
            Self::Rs256(key) => {
                let mut made = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text, &mut made).map_err(failed)?;
                Ok(made)
            }
            Self::EdDsa(key) => Ok(key.sign(text).as_ref().to_vec()),
        }
    }
}

/// Who gives the client's word that it is the client, to one audience.
pub(super) struct AssertionSigner {
    key: AssertionKey,
    kid: Option<String>,
    client_id: String,
    audience: String,
}

impl AssertionSigner {
    /// A signer with this key, PKCS #8 in PEM.
    ///
    /// # Errors
    /// What is wrong with the key: half a sentence.
    pub(super) fn new(pem: &str, kid: Option<&str>, client_id: &str, audience: &str) -> Result<Self, &'static str> {
        let (client_id, audience) = (client_id.to_owned(), audience.to_owned());
        Ok(Self { key: AssertionKey::read(pem)?, kid: kid.map(str::to_owned), client_id, audience })
    }

    /// A new one, as providers take each but once (RFC 7523 section 3, `jti`).
    ///
    /// # Errors
    /// Why there is none: half a sentence.
    pub(super) fn sign(&self) -> Result<String, &'static str> {
        let mut id = [0; 16];
        rand::fill(&mut id).map_err(|_| "there are no random numbers")?;
        let now = now();
        let mut header = json!({ "alg": self.key.algorithm(), "typ": "JWT" });
        if let Some(kid) = &self.kid {
            crate::output::put(&mut header, "kid", Value::from(kid.as_str()));
        }
        let claims = json!({
            "iss": self.client_id, "sub": self.client_id, "aud": self.audience, "jti": URL_SAFE_NO_PAD.encode(id),
            "iat": now.get(), "nbf": now.get(), "exp": now.after(ASSERTION_LIFE).get(),
        });
        let encoded = |document: Value| URL_SAFE_NO_PAD.encode(document.to_string());
        let text = format!("{}.{}", encoded(header), encoded(claims));
        let signature = self.key.sign(text.as_bytes())?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The value of Authorization, as RFC 6749 section 2.3.1 has it.
pub(super) fn basic(client_id: &str, secret: &str) -> String {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(secret))))
}

/// How long a JWT says that it is still good for; `None` where the token does not say.
pub(super) fn life_of(token: &str) -> Option<Duration> {
    oauth_validator_token_file::expiry(token.as_bytes()).map(|end| UnixSeconds::new(end).since(now()))
}

#[cfg(test)]
mod tests {
    use super::{AssertionSigner, basic, life_of, now};
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    #[test]
    fn basic_has_both_encoded() {
        // a:b and c d, each by itself.
        assert_eq!(basic("a:b", "c d"), "Basic YSUzQWI6Yytk");
    }

    #[test]
    fn a_life_is_what_the_token_says() {
        let jwt = |claims: String| format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        let life = life_of(&jwt(format!("{{\"exp\":{}}}", now().get() + 100))).expect("a life");
        assert!((98..=100).contains(&life.as_secs()), "{life:?}");
        assert_eq!(life_of(&jwt(format!("{{\"exp\":{}}}", now().get() - 1))).map(|life| life.as_secs()), Some(0));
        for token in ["opaque", "a.b.c", "a.b", &jwt("{}".into()), &jwt("{\"exp\":\"1\"}".into())] {
            assert_eq!(life_of(token), None, "{token}");
        }
    }

    #[test]
    fn what_is_no_key_is_said_without_showing_it() {
        for pem in ["", "sentinel", "-----BEGIN PRIVATE KEY-----\nc2VudGluZWw=\n-----END PRIVATE KEY-----\n"] {
            let signer = AssertionSigner::new(pem, None, "app", "https://idp.example/token");
            let why = signer.map(|_| ()).expect_err("no key");
            assert!(!why.contains("sentinel") && !why.contains("c2Vud"), "{why}");
        }
    }
}
