//! The keys of one run of `oauth-validator test`: made for it, known to nobody else, and gone with it.
//!
//! A case's token is signed for real, and its profile is handed the public half as the key of its issuer: what verifies it
//! is what verifies tokens in the server. Must never take a key from anywhere, nor write one.

use super::file::{JsonMembers, TokenTemplate};
use crate::output::CommandFailure;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use oauth_validator_core::{Algorithm, KeySet, Profile};
use serde_json::{Value, json};
use std::rc::Rc;

/// The `kid` of a token whose case names none.
const KID: &str = "of-this-test";

/// A token, and the keys that its profile has.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) token: String,
    pub(crate) keys: KeySet,
}

/// The key pairs of a run, each made when it is first needed.
#[derive(Default)]
pub(crate) struct CaseSigner {
    pairs: Vec<(Family, Rc<CaseKeyPair>)>,
}

/// What one key pair can sign for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

enum CaseKeyPair {
    Rsa(rsa::KeyPair),
    Ec(&'static str, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl CaseSigner {
    /// Signs `claims` with the header of the sample, which `profile` would accept where the case says nothing else.
    /// `forged`: with another key than the profile then has.
    pub(crate) fn sign(
        &mut self,
        token: &TokenTemplate,
        claims: &JsonMembers,
        without_header: &[String],
        profile: Option<&Profile>,
        forged: bool,
    ) -> Result<Signed, CommandFailure> {
        let named = token.header.get("alg").and_then(Value::as_str).and_then(Algorithm::from_name);
        let of_profile = profile.and_then(|profile| profile.algorithms.value.first().copied());
        let algorithm = named.or(of_profile).unwrap_or(Algorithm::Rs256);
        let kid = match token.header.get("kid") {
            Some(kid) => kid.as_str(),
            None => Some(KID).filter(|_| !without_header.iter().any(|name| name == "kid")),
        };
        let header = header(token, without_header, profile, algorithm, kid);
        let pair = self.pair(algorithm)?;
        let signing = if forged { Rc::new(CaseKeyPair::new(family(algorithm))?) } else { Rc::clone(&pair) };
        let signed = format!("{}.{}", encoded(&header), encoded(claims));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signing.sign(algorithm, signed.as_bytes())?);
        let document = json!({ "keys": [pair.public(kid)?] }).to_string();
        let keys = KeySet::from_jwks(document.as_bytes()).map_err(|why| no_key(&why.to_string()))?;
        Ok(Signed { token: format!("{signed}.{signature}"), keys })
    }

    fn pair(&mut self, algorithm: Algorithm) -> Result<Rc<CaseKeyPair>, CommandFailure> {
        let family = family(algorithm);
        if let Some((_, pair)) = self.pairs.iter().find(|(known, _)| *known == family) {
            return Ok(Rc::clone(pair));
        }
        let pair = Rc::new(CaseKeyPair::new(family)?);
        self.pairs.push((family, Rc::clone(&pair)));
        Ok(pair)
    }
}

/// The header: what the case says, and `alg`, `typ` and `kid` where it says nothing of them.
fn header(
    token: &TokenTemplate,
    without: &[String],
    profile: Option<&Profile>,
    algorithm: Algorithm,
    kid: Option<&str>,
) -> JsonMembers {
    let mut header = token.header.clone();
    let kind = profile.and_then(|profile| profile.token_types.value.first()).filter(|kind| !kind.is_empty());
    for (name, value) in [("alg", Some(algorithm.name())), ("typ", kind.map(String::as_str)), ("kid", kid)] {
        if let Some(value) = value.filter(|_| !header.contains_key(name) && !without.iter().any(|left| left == name)) {
            header.insert(name.to_owned(), Value::from(value));
        }
    }
    header
}

fn encoded(members: &JsonMembers) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Value::Object(members.clone()).to_string())
}

fn family(algorithm: Algorithm) -> Family {
    match algorithm {
        Algorithm::Es256 => Family::P256,
        Algorithm::Es384 => Family::P384,
        Algorithm::Es512 => Family::P521,
        Algorithm::EdDsa => Family::Ed25519,
        _ => Family::Rsa,
    }
}

fn rsa_encoding(algorithm: Algorithm) -> &'static dyn RsaEncoding {
    match algorithm {
        Algorithm::Rs384 => &RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &RSA_PSS_SHA256,
        Algorithm::Ps384 => &RSA_PSS_SHA384,
        Algorithm::Ps512 => &RSA_PSS_SHA512,
        _ => &RSA_PKCS1_SHA256,
    }
}

impl CaseKeyPair {
    fn new(family: Family) -> Result<Self, CommandFailure> {
        let failed = |_| no_key("the library of cryptography makes none");
        let ec = |name, algorithm: &'static EcdsaSigningAlgorithm| {
            EcdsaKeyPair::generate(algorithm).map(|pair| Self::Ec(name, pair)).map_err(failed)
        };
        match family {
            Family::Rsa => rsa::KeyPair::generate(KeySize::Rsa2048).map(Self::Rsa).map_err(failed),
            Family::P256 => ec("P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
            Family::P384 => ec("P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
            Family::P521 => ec("P-521", &ECDSA_P521_SHA512_FIXED_SIGNING),
            Family::Ed25519 => Ed25519KeyPair::generate().map(Self::Ed25519).map_err(failed),
        }
    }

    /// The JWS signature (RFC 7518 section 3, RFC 8037 section 3.1).
    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, CommandFailure> {
        let failed = |_| no_key("the library of cryptography signs nothing with it");
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(rsa_encoding(algorithm), &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Self::Ec(_, pair) => pair.sign(&random, message).map(|made| made.as_ref().to_vec()).map_err(failed),
            Self::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }

    /// The public half as a JWK (RFC 7517, RFC 7518 section 6, RFC 8037 section 2).
    fn public(&self, kid: Option<&str>) -> Result<Value, CommandFailure> {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let mut key = match self {
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                let number = |bytes: &[u8]| text(bytes);
                json!({ "kty": "RSA", "n": number(n.big_endian_without_leading_zero()), "e": number(e.big_endian_without_leading_zero()) })
            }
            Self::Ec(curve, pair) => {
                // SEC 1, 2.3.3: 0x04, then both coordinates.
                let point = pair.public_key().as_ref();
                let coordinates = point.split_first().map(|(_, both)| both.split_at(both.len() / 2));
                let (x, y) = coordinates.ok_or_else(|| no_key("a point is empty"))?;
                json!({ "kty": "EC", "crv": curve, "x": text(x), "y": text(y) })
            }
            Self::Ed25519(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "x": text(pair.public_key().as_ref()) }),
        };
        if let Some(kid) = kid {
            crate::output::put(&mut key, "kid", Value::from(kid));
        }
        Ok(key)
    }
}

fn no_key(why: &str) -> CommandFailure {
    CommandFailure::new(format!("cannot make a key for the cases: {why}")).with_hint("report this")
}
