//! PEM files, which the pipeline's tests do not go through.

use super::{KeyName, KeySet, Material};
use crate::algorithm::Algorithm;
use oauth_validator_fixtures::keys;

#[test]
fn pem_and_jwk_give_the_same_key() {
    for key in [keys::corp(), keys::p256(), keys::p384(), keys::p521(), keys::ed25519()] {
        let jwks = KeySet::from_jwks(keys::jwks(&[key]).to_string().as_bytes()).unwrap();
        let pem = KeySet::from_pem(key.public_pem().as_bytes()).unwrap();
        assert_eq!(jwks.keys()[0].material, pem.keys()[0].material, "{}", key.kid());
        assert_eq!(pem.keys()[0].kid(), None);
    }
}

#[test]
fn several_blocks_are_several_keys() {
    let file = format!("# two keys\n{}\n{}", keys::corp().public_pem(), keys::p256().public_pem());
    let set = KeySet::from_pem(file.as_bytes()).unwrap();
    assert_eq!(set.keys().len(), 2);
    let name = KeyName { kid: Some("any".to_owned()), ..KeyName::default() };
    let choice = set.choose(&name, Algorithm::Es256, &[], &[]).unwrap();
    assert!(matches!(choice.keys.as_slice(), [key] if matches!(key.material, Material::Ec { .. })));
    let twice = format!("{}{}", keys::corp().public_pem(), keys::partner().public_pem());
    let twice = KeySet::from_pem(twice.as_bytes()).unwrap();
    assert!(twice.choose(&name, Algorithm::Rs256, &[], &[]).is_err());
    assert_eq!(twice.choose(&KeyName::default(), Algorithm::Rs256, &[], &[]).unwrap().keys.len(), 2);
}

#[test]
fn other_blocks_are_refused_with_the_reason() {
    let relabelled = |label: &str| keys::p256().public_pem().replace("PUBLIC KEY", label);
    for (file, why) in [
        (relabelled("CERTIFICATE"), "openssl x509"),
        (relabelled("PRIVATE KEY"), "must never leave"),
        (relabelled("EC PRIVATE KEY"), "must never leave"),
        (relabelled("RSA PUBLIC KEY"), "label is not PUBLIC KEY"),
        (String::new(), "it is empty"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".into(), "not a subject public key info"),
    ] {
        let error = KeySet::from_pem(file.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(!error.contains("MFkw"), "no key material: {error}");
    }
    assert!(KeySet::from_pem("-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n".as_bytes()).is_err());
}

#[test]
fn documents_have_a_size() {
    let padding = " ".repeat(crate::bounds::MAX_KEY_DOCUMENT_BYTES);
    let good = keys::jwks(&[keys::corp()]).to_string();
    let filled = format!("{good}{}", &padding[good.len()..]);
    assert!(KeySet::from_jwks(filled.as_bytes()).is_ok());
    let error = KeySet::from_jwks(format!("{filled} ").as_bytes()).unwrap_err().to_string();
    assert!(error.contains("262145 bytes"), "{error}");
}

#[test]
fn what_is_left_out_is_said() {
    let document = r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"},{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}]}"#;
    let error = KeySet::from_jwks(document.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        error,
        "it has no usable key (key 1: it has private members, so whoever read the document can sign; \
         key 2: its curve is none of P-256, P-384, P-521, Ed25519)"
    );
}
