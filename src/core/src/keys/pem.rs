//! Public keys in PEM: subject public key info (RFC 5280 section 4.1) under the label `PUBLIC KEY`.
//!
//! Certificates are not accepted: their validity and issuer would promise checks that nobody makes here.

use super::jwk::{ReadJwk, Unfit};
use super::{EllipticCurve, KeySetError, Material, PublicKey};
use aws_lc_rs::rsa;
use spki::der::Decode;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const CURVES: [(ObjectIdentifier, EllipticCurve); 3] = [
    (ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"), EllipticCurve::P256),
    (ObjectIdentifier::new_unwrap("1.3.132.0.34"), EllipticCurve::P384),
    (ObjectIdentifier::new_unwrap("1.3.132.0.35"), EllipticCurve::P521),
];

/// Reads every block, or why it is left out.
pub(super) fn read(document: &[u8]) -> Result<Vec<ReadJwk>, KeySetError> {
    let blocks = pem::parse_many(document).map_err(|_| KeySetError::of("it is not PEM"))?;
    Ok(blocks.iter().map(|block| ReadJwk { kid: None, key: read_block(block).map_err(Unfit::from) }).collect())
}

fn read_block(block: &pem::Pem) -> Result<PublicKey, String> {
    match block.tag() {
        "PUBLIC KEY" => {}
        "CERTIFICATE" => {
            return Err("it is a certificate; take its key out with \"openssl x509 -pubkey -noout\"".to_owned());
        }
        label if label.ends_with("PRIVATE KEY") => {
            return Err("it is a private key, which must never leave the issuer".to_owned());
        }
        _ => return Err("its label is not PUBLIC KEY".to_owned()),
    }
    let info = SubjectPublicKeyInfoRef::from_der(block.contents())
        .map_err(|_| "it is not a subject public key info".to_owned())?;
    material(block.contents(), &info).map(PublicKey::without_name)
}

fn material(der: &[u8], info: &SubjectPublicKeyInfoRef<'_>) -> Result<Material, String> {
    let bits = || info.subject_public_key.as_bytes().ok_or_else(|| "its key is not whole bytes".to_owned());
    match info.algorithm.oid {
        RSA_ENCRYPTION => {
            let key = rsa::PublicKey::from_der(der).map_err(|_| "its RSA key is malformed or too weak".to_owned())?;
            Material::rsa(
                key.modulus().big_endian_without_leading_zero(),
                key.exponent().big_endian_without_leading_zero(),
            )
        }
        EC_PUBLIC_KEY => {
            let oid: Option<ObjectIdentifier> =
                info.algorithm.parameters.and_then(|parameters| parameters.decode_as().ok());
            let Some((_, curve)) = CURVES.into_iter().find(|(known, _)| Some(*known) == oid) else {
                return Err("its curve is none of P-256, P-384, P-521".to_owned());
            };
            let point = bits()?.to_vec();
            if point.first() != Some(&4) || point.len() != 1 + 2 * curve.coordinate_bytes() {
                return Err("its point is not uncompressed, or of the wrong length".to_owned());
            }
            Ok(Material::Ec { curve, point })
        }
        ED25519 => Material::ed25519(bits()?),
        _ => Err("its algorithm is none of RSA, ECDSA, Ed25519".to_owned()),
    }
}
