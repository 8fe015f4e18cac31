//! Key material: which numbers are a key that may verify signatures, and which are one and the same key.
//!
//! Whatever form a key comes in, it passes through here. A key that is too weak to prove anything is refused with the
//! reason, and never mended.

use crate::bounds::{MAX_RSA_BITS, MIN_RSA_BITS};
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// An elliptic curve of ECDSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EllipticCurve {
    P256,
    P384,
    P521,
}

impl EllipticCurve {
    /// The JWK's `crv`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// The length of one coordinate, in bytes (RFC 7518 section 6.2.1.2).
    pub(super) const fn coordinate_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The two coordinates of an uncompressed point.
    pub(super) fn coordinates(self, point: &[u8]) -> (&[u8], &[u8]) {
        let both = point.get(1..).unwrap_or_default();
        both.split_at_checked(self.coordinate_bytes()).unwrap_or_default()
    }
}

/// A public key as the signature library takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Material {
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// An uncompressed point: 4, x, y.
    Ec { curve: EllipticCurve, point: Vec<u8> },
    /// The 32 bytes of RFC 8032.
    Ed25519 { x: Vec<u8> },
}

/// The y coordinates of the eight points of Curve25519's twisted form whose order divides 8 (RFC 8032 section 5.1 has the
/// curve), as they are encoded, without the sign of x. The last two are p and p + 1, other encodings of 0 and 1.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    with_ends([1, 0, 0, 0], [0; 32], [0, 0, 0, 0]),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    near_p(0xec),
    near_p(0xed),
    near_p(0xee),
];

#[expect(clippy::indexing_slicing, reason = "it runs while this is compiled, where an index that is none is an error")]
const fn with_ends(first: [u8; 4], mut bytes: [u8; 32], last: [u8; 4]) -> [u8; 32] {
    let mut at = 0;
    while at < 4 {
        bytes[at] = first[at];
        bytes[28 + at] = last[at];
        at += 1;
    }
    bytes
}

/// A number whose lowest byte is `first`, and whose others are those of p = 2^255 - 19.
const fn near_p(first: u8) -> [u8; 32] {
    with_ends([first, 0xff, 0xff, 0xff], [0xff; 32], [0xff, 0xff, 0xff, 0x7f])
}

impl Material {
    /// An RSA key, if it is one that may verify signatures. Zero octets in front change no number: some encoders write the
    /// sign (Java's BigInteger), or a whole machine word.
    pub(super) fn rsa(n: &[u8], e: &[u8]) -> Result<Self, String> {
        let (n, e) = (without_zeros(n), without_zeros(e));
        let Some(first) = n.first() else {
            return Err("its modulus is empty".to_owned());
        };
        let bits = n.len() * 8 - first.leading_zeros() as usize;
        if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
            return Err(format!("its modulus has {bits} bits, not {MIN_RSA_BITS} to {MAX_RSA_BITS}"));
        }
        let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
        if !odd(n) || !odd(e) || e == [1] || e.len() > 4 {
            return Err("its modulus is even, or its exponent is not an odd number from 3 to 2^32".to_owned());
        }
        Ok(Self::Rsa { n: n.to_vec(), e: e.to_vec() })
    }

    /// An Ed25519 key, if it is one that may verify signatures.
    ///
    /// With a point of small order, signatures that anybody can write down hold for many messages. The signature library
    /// does not look at that, nor whether y is below p (RFC 8032 section 5.1.3).
    pub(super) fn ed25519(x: &[u8]) -> Result<Self, String> {
        let Ok(mut y) = <[u8; 32]>::try_from(x) else {
            return Err("its x has not 32 bytes".to_owned());
        };
        y[31] &= 0x7f;
        if SMALL_ORDER.contains(&y) {
            return Err("it is a point of small order, for which anybody can make signatures".to_owned());
        }
        if y[0] >= 0xed && y[1..] == near_p(0)[1..] {
            return Err("its x is not how RFC 8032 writes a point".to_owned());
        }
        Ok(Self::Ed25519 { x: x.to_vec() })
    }

    /// The key's thumbprint: SHA-256 of its required members (RFC 7638, RFC 8037 section 2), in base64url.
    pub(super) fn thumbprint(&self) -> String {
        let encode = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
        // In the order of their names, and without white space: there is one way to write it.
        let members = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(e), encode(n)),
            Self::Ec { curve, point } => {
                let (x, y) = curve.coordinates(point);
                format!(r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#, curve.name(), encode(x), encode(y))
            }
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(x)),
        };
        encode(digest::digest(&digest::SHA256, members.as_bytes()).as_ref())
    }

    /// Whether whoever can sign with the one key can sign with the other: an RSA modulus has its factors, whatever the
    /// exponent.
    pub(super) fn has_the_secret_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Rsa { n, .. }, Self::Rsa { n: other, .. }) => n == other,
            _ => self == other,
        }
    }
}

/// Whether a text is written as a thumbprint is: 32 bytes in base64url.
pub(crate) fn is_thumbprint(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{EllipticCurve, Material, URL_SAFE_NO_PAD, is_thumbprint, near_p};
    use base64::Engine;

    #[test]
    fn every_encoding_of_a_point_of_small_order_is_refused() {
        let order_8 = [
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        ];
        let bytes = |hex: &str| -> [u8; 32] {
            core::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
        };
        let mut one = [0; 32];
        one[0] = 1;
        let others = [[0; 32], one, near_p(0xec), near_p(0xed), near_p(0xee)];
        for mut encoding in order_8.map(bytes).into_iter().chain(others) {
            for sign in [0, 0x80] {
                encoding[31] = encoding[31] & 0x7f | sign;
                let why = Material::ed25519(&encoding).unwrap_err();
                assert!(why.contains("small order"), "{encoding:x?}: {why}");
            }
        }
    }

    #[test]
    fn thumbprints_are_those_of_the_standards() {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        // RFC 7638 section 3.1.
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi\
                 FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb\
                 9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls\
                 1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let rsa = Material::rsa(&decode(n), &[1, 0, 1]).unwrap();
        assert_eq!(rsa.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        // RFC 8037 appendix A.3.
        let x = decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(Material::ed25519(&x).unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_thumbprint_is_32_bytes_in_their_one_form() {
        assert!(is_thumbprint("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
        for text in [
            "",
            "corp-rsa",
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9X",
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xt",
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs=",
            "NzbLsXh8uDCcd+6MNwXF4W/7noWXFZAfHkxZsRGC9Xs",
            " NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9XsA",
        ] {
            assert!(!is_thumbprint(text), "{text}");
        }
    }

    #[test]
    fn one_modulus_is_one_secret() {
        let rsa = |last: u8, e: u8| Material::Rsa { n: vec![0xff, last], e: vec![e] };
        assert!(rsa(1, 3).has_the_secret_of(&rsa(1, 5)) && !rsa(1, 3).has_the_secret_of(&rsa(3, 3)));
        let ec = |curve, y: u8| Material::Ec { curve, point: vec![4, 1, y] };
        assert!(ec(EllipticCurve::P256, 2).has_the_secret_of(&ec(EllipticCurve::P256, 2)));
        assert!(!ec(EllipticCurve::P256, 2).has_the_secret_of(&ec(EllipticCurve::P256, 3)));
        assert!(!ec(EllipticCurve::P256, 2).has_the_secret_of(&ec(EllipticCurve::P384, 2)));
        let ed = |x: u8| Material::Ed25519 { x: vec![x] };
        assert!(ed(9).has_the_secret_of(&ed(9)) && !ed(9).has_the_secret_of(&ed(8)));
    }

    #[test]
    fn a_point_has_one_encoding() {
        for first in 0xef..=0xff {
            for last in [0x7f, 0xff] {
                let mut encoding = near_p(first);
                encoding[31] = last;
                assert!(Material::ed25519(&encoding).unwrap_err().contains("RFC 8032"), "{first:x}");
            }
        }
        // The largest number below p of which that is not a neighbour, and others that end as p does.
        let mut below = near_p(0xeb);
        assert!(Material::ed25519(&below).is_ok());
        below[0] = 0xff;
        for at in [1, 15, 30] {
            let mut other = below;
            other[at] = 0xfe;
            assert!(Material::ed25519(&other).is_ok(), "{at}");
        }
        below[31] = 0x7e;
        assert!(Material::ed25519(&below).is_ok());
        let mut two = [0; 32];
        two[0] = 2;
        assert!(Material::ed25519(&two).is_ok());
    }
}
