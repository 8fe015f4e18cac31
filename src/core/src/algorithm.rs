//! The signature algorithms that exist here: asymmetric ones only.
//!
//! HMAC cannot be expressed, so that no configuration and no header can make a public key a shared secret
//! (RFC 8725 section 2.1). Names are those of RFC 7518 section 3.1, RFC 8037 section 3.1 and RFC 9864 section 2.2.

use crate::keys::{EllipticCurve, Material};
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::{Deserialize, Serialize};

/// A signature algorithm of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519 under its JOSE names, of which RFC 9864 has added one.
    EdDsa,
}

/// How an algorithm checks a signature, and so which keys fit it.
enum SignatureVerifier {
    Rsa(&'static RsaParameters),
    Ec(EllipticCurve, &'static dyn VerificationAlgorithm),
    Ed25519(&'static dyn VerificationAlgorithm),
}

impl Algorithm {
    /// All of them, in the order of the documentation.
    pub const ALL: &[Self] = &[
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::EdDsa,
    ];

    /// The `alg` value; the older one of two.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The other name of [`Algorithm::EdDsa`], since the only curve for it here is Ed25519.
    pub const ED25519: &str = "Ed25519";

    /// The algorithm with exactly this name; `alg` values are case-sensitive.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        if name == Self::ED25519 {
            return Some(Self::EdDsa);
        }
        Self::ALL.iter().copied().find(|algorithm| algorithm.name() == name)
    }

    fn verifier(self) -> SignatureVerifier {
        match self {
            Self::Rs256 => SignatureVerifier::Rsa(&RSA_PKCS1_2048_8192_SHA256),
            Self::Rs384 => SignatureVerifier::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            Self::Rs512 => SignatureVerifier::Rsa(&RSA_PKCS1_2048_8192_SHA512),
            Self::Ps256 => SignatureVerifier::Rsa(&RSA_PSS_2048_8192_SHA256),
            Self::Ps384 => SignatureVerifier::Rsa(&RSA_PSS_2048_8192_SHA384),
            Self::Ps512 => SignatureVerifier::Rsa(&RSA_PSS_2048_8192_SHA512),
            Self::Es256 => SignatureVerifier::Ec(EllipticCurve::P256, &ECDSA_P256_SHA256_FIXED),
            Self::Es384 => SignatureVerifier::Ec(EllipticCurve::P384, &ECDSA_P384_SHA384_FIXED),
            Self::Es512 => SignatureVerifier::Ec(EllipticCurve::P521, &ECDSA_P521_SHA512_FIXED),
            Self::EdDsa => SignatureVerifier::Ed25519(&ED25519),
        }
    }

    /// Whether a key of this kind can check such a signature.
    #[must_use]
    pub(crate) fn fits(self, material: &Material) -> bool {
        match (self.verifier(), material) {
            (SignatureVerifier::Rsa(_), Material::Rsa { .. })
            | (SignatureVerifier::Ed25519(_), Material::Ed25519 { .. }) => true,
            (SignatureVerifier::Ec(wanted, _), Material::Ec { curve, .. }) => wanted == *curve,
            _ => false,
        }
    }

    /// Whether `signature` is this algorithm's signature of `message` under the key. A key that does not fit
    /// the algorithm has signed nothing.
    #[must_use]
    pub(crate) fn verifies(self, material: &Material, message: &[u8], signature: &[u8]) -> bool {
        match (self.verifier(), material) {
            (SignatureVerifier::Rsa(parameters), Material::Rsa { n, e }) => {
                PublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
            (SignatureVerifier::Ec(wanted, verifier), Material::Ec { curve, point }) if wanted == *curve => {
                UnparsedPublicKey::new(verifier, point).verify(message, signature).is_ok()
            }
            (SignatureVerifier::Ed25519(verifier), Material::Ed25519 { x }) => {
                UnparsedPublicKey::new(verifier, x).verify(message, signature).is_ok()
            }
            _ => false,
        }
    }
}

/// The base point of P-256, uncompressed (SEC 2, section 2.4.2): some point of the curve.
const P256_POINT: [u8; 65] = *b"\x04\
    \x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0\xf4\xa1\x39\x45\xd8\x98\xc2\x96\
    \x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5";

/// Has the signature library set up what it sets up once in a process: whoever forks afterwards has passed that on.
///
/// Checks a signature that cannot hold with each of the algorithms that profiles accept by default, and decides nothing.
pub fn warm_up() {
    let rsa = Material::Rsa { n: vec![0xff; 256], e: vec![1, 0, 1] };
    let ec = Material::Ec { curve: EllipticCurve::P256, point: P256_POINT.to_vec() };
    for (algorithm, material, signature) in
        [(Algorithm::Rs256, rsa, [0x55; 256].as_slice()), (Algorithm::Es256, ec, &[0x55; 64])]
    {
        let _ = algorithm.verifies(&material, b"", signature);
    }
}

#[cfg(test)]
mod vectors;

#[cfg(test)]
mod tests {
    use super::{Algorithm, P256_POINT, warm_up};
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};

    /// The key must be a real one: without, nothing would be warmed up.
    #[test]
    fn the_point_that_warms_up_is_one_of_the_curve() {
        assert!(ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, P256_POINT).is_ok());
        let mut beside = P256_POINT;
        beside[64] ^= 1;
        assert!(ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, beside).is_err());
        warm_up();
    }

    #[test]
    fn only_asymmetric_algorithms_have_names() {
        for name in ["HS256", "HS384", "HS512", "none", "None", "nOnE", "", "rs256", "RS1", "ES256K", "RSA-OAEP"] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
        for name in ["Ed448", "ed25519", "ED25519", "Ed25519ph", "X25519"] {
            assert_eq!(Algorithm::from_name(name), None, "{name}");
        }
        assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDsa));
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::from_name(algorithm.name()), Some(*algorithm));
        }
    }
}
