//! Key documents at their edges: what is read of a JWK or of PEM, and why a key is left out.

use super::support::{Login, says, token};
use oauth_validator_core::KeySet;
use oauth_validator_core::Reason::{KeyUnknown, KeysUnavailable};
use oauth_validator_fixtures::{keys, mint};
use serde_json::{Value, json};

/// Why the only key of a document is left out.
#[track_caller]
fn left_out(jwk: Value, words: &str) {
    let document = json!({"keys": [keys::partner().public_jwk(), jwk]}).to_string();
    let set = KeySet::from_jwks(document.as_bytes()).expect("one good key");
    assert_eq!(set.keys().len(), 1, "{words}");
    assert_eq!(set.left_out().len(), 1, "{words}");
    assert!(set.left_out()[0].to_string().starts_with("key 2: "), "{:?}", set.left_out());
    assert!(set.left_out()[0].to_string().contains(words), "{:?}", set.left_out());
}

pub fn with(mut jwk: Value, name: &str, value: impl Into<Value>) -> Value {
    jwk[name] = value.into();
    jwk
}

#[test]
fn rsa_keys_at_their_edges() {
    let rsa = |n: Vec<u8>, e: &[u8]| json!({"kty": "RSA", "n": mint::b64(n), "e": mint::b64(e)});
    let number = |first: u8, bytes: usize, last: u8| {
        let mut n = vec![0x55; bytes];
        (n[0], n[bytes - 1]) = (first, last);
        n
    };
    let f4 = [1, 0, 1];
    left_out(rsa(number(0x7f, 256, 1), &f4), "its modulus has 2047 bits, not 2048 to 8192");
    left_out(rsa(number(0x01, 256, 1), &f4), "its modulus has 2041 bits");
    left_out(rsa(number(0x01, 1025, 1), &f4), "its modulus has 8193 bits");
    left_out(rsa(number(0x80, 256, 2), &f4), "its modulus is even, or its exponent");
    left_out(rsa([&[0], number(0x7f, 256, 1).as_slice()].concat(), &f4), "its modulus has 2047 bits");
    left_out(rsa([&[0, 0], number(0x01, 1025, 1).as_slice()].concat(), &f4), "its modulus has 8193 bits");
    left_out(rsa(vec![0; 256], &f4), "its modulus is empty");
    for e in [&[1][..], &[2], &[1, 0, 0], &[0, 1], &[0, 2], &[1, 0, 0, 0, 1], &[0, 0], &[]] {
        left_out(rsa(number(0x80, 256, 1), e), "its exponent is not an odd number from 3 to 2^32");
    }
    for (n, e) in [
        (number(0x80, 256, 1), &[3][..]),
        (number(0x80, 256, 3), &f4),
        ([&[0], number(0x80, 256, 3).as_slice()].concat(), &[0, 1, 0, 1]),
        ([&[0, 0, 0], number(0xff, 1024, 1).as_slice()].concat(), &[0, 0, 0, 0, 0, 1, 0, 1]),
        (number(0xff, 1024, 0xff), &[0xff, 0xff, 0xff, 0xff]),
    ] {
        let set = KeySet::from_jwks(json!({"keys": [rsa(n, e)]}).to_string().as_bytes()).expect("a key");
        assert_eq!((set.keys().len(), set.left_out().len()), (1, 0));
    }
}

#[test]
fn coordinates_have_the_length_of_their_curve() {
    for key in [keys::p256(), keys::p384(), keys::p521()] {
        for name in ["x", "y"] {
            let whole = mint::unb64(key.public_jwk()[name].as_str().expect("a coordinate"));
            for other in [&whole[1..], &[&[0], whole.as_slice()].concat()] {
                let words = format!("its coordinates have not {} bytes", whole.len());
                left_out(with(key.public_jwk(), name, mint::b64(other)), &words);
            }
        }
    }
    let whole = mint::unb64(keys::ed25519().public_jwk()["x"].as_str().expect("a point"));
    for other in [&whole[1..], &[&[0], whole.as_slice()].concat()] {
        left_out(with(keys::ed25519().public_jwk(), "x", mint::b64(other)), "its x has not 32 bytes");
    }
}

#[test]
fn members_of_a_jwk_at_their_edges() {
    let document = json!({"keys": [with(keys::corp().public_jwk(), "kid", "k".repeat(1024))]}).to_string();
    assert_eq!(KeySet::from_jwks(document.as_bytes()).expect("a key").keys()[0].kid().map(str::len), Some(1024));
    left_out(with(keys::corp().public_jwk(), "kid", "k".repeat(1025)), "its kid is longer than 1024 bytes");
    left_out(with(keys::p256().public_jwk(), "k", "AA"), "it has private members");
    left_out(with(keys::p256().public_jwk(), "x", "AA="), "its x is not base64url");
    left_out(with(keys::p256().public_jwk(), "x", 7), "it has no x");
    left_out(with(keys::p256().public_jwk(), "kty", "LMS"), "its kty is none of RSA, EC, OKP");
    left_out(with(keys::p256().public_jwk(), "crv", "Ed25519"), "its curve is none of");
    left_out(with(keys::ed25519().public_jwk(), "crv", "X25519"), "its curve is none of");
    left_out(json!("key"), "it is not an object");
}

/// Why the only key of a document is left out, what it is called, and whether it says itself that it is for another use.
#[track_caller]
fn left_out_as(jwk: Value, kid: Option<&str>, other_use: bool) {
    let document = json!({"keys": [keys::partner().public_jwk(), jwk]}).to_string();
    let set = KeySet::from_jwks(document.as_bytes()).expect("one good key");
    let [left_out] = set.left_out() else { panic!("{:?}", set.left_out()) };
    assert_eq!((left_out.kid(), left_out.is_for_other_use()), (kid, other_use), "{left_out}");
    // As a key file keeps it.
    let kept: KeySet = serde_json::from_str(&serde_json::to_string(&set).expect("a text")).expect("a key set");
    assert_eq!(kept, set);
}

#[test]
fn a_key_that_is_not_used_keeps_its_name() {
    let jwk = || keys::corp().public_jwk();
    left_out_as(with(jwk(), "use", "enc"), Some("corp-rsa"), true);
    left_out_as(with(jwk(), "key_ops", json!(["encrypt"])), Some("corp-rsa"), true);
    left_out_as(with(jwk(), "use", 1), Some("corp-rsa"), false);
    left_out_as(with(jwk(), "e", "AQ"), Some("corp-rsa"), false);
    left_out_as(with(jwk(), "kty", "AKP"), Some("corp-rsa"), false);
    left_out_as(with(with(jwk(), "kid", ""), "e", "AQ"), None, false);
    left_out_as(with(jwk(), "kid", 7), None, false);
    left_out_as(with(jwk(), "kid", "k".repeat(1025)), None, false);
    left_out_as(with(with(jwk(), "kid", "k".repeat(1024)), "e", "AQ"), Some(&"k".repeat(1024)), false);
    left_out_as(json!(null), None, false);
}

#[test]
fn what_the_first_version_kept_is_still_good() {
    let old = json!({"keys": [keys::corp().public_jwk()], "left_out": ["key 2: its use is not sig", 7]}).to_string();
    let set: KeySet = serde_json::from_str(&old).expect("a key set");
    assert_eq!((set.keys().len(), set.left_out().len()), (1, 1));
    assert_eq!((set.left_out()[0].to_string().as_str(), set.left_out()[0].kid()), ("key 2: its use is not sig", None));
}

#[test]
fn documents_have_at_most_256_keys() {
    let jwks = |count: usize| json!({"keys": vec![keys::p256().public_jwk(); count]}).to_string();
    assert_eq!(KeySet::from_jwks(jwks(256).as_bytes()).expect("256 keys").keys().len(), 256);
    let why = KeySet::from_jwks(jwks(257).as_bytes()).expect_err("257 keys").to_string();
    assert_eq!(why, "it has 257 keys, more than 256");
    let pem = |count: usize| keys::ed25519().public_pem().repeat(count);
    assert_eq!(KeySet::from_pem(pem(256).as_bytes()).expect("256 keys").keys().len(), 256);
    let why = KeySet::from_pem(pem(257).as_bytes()).expect_err("257 keys").to_string();
    assert_eq!(why, "it has 257 keys, more than 256");
}

/// A PEM block of a DER document whose only long part is the key at its end, after `change`; lengths are mended.
fn pem_of(key: &keys::TestKey, change: impl Fn(&mut Vec<u8>)) -> String {
    let mut der = key.public_der();
    // SEQUENCE, SEQUENCE with the algorithm, BIT STRING: each length is one byte in these keys.
    let bits = 2 + 2 + usize::from(der[3]);
    let mut point = der.split_off(bits + 3);
    change(&mut point);
    der[bits + 1] = u8::try_from(point.len() + 1).expect("a short key");
    der.append(&mut point);
    der[1] = u8::try_from(der.len() - 2).expect("a short key");
    let body = base64_of(&der);
    format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
}

/// Standard base64, which PEM uses; without line breaks, which its readers do without.
fn base64_of(bytes: &[u8]) -> String {
    let text = mint::b64(bytes).replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    text + &padding
}

#[test]
fn points_in_pem_are_uncompressed_and_whole() {
    let why = |pem: &str| KeySet::from_pem(pem.as_bytes()).expect_err("no key").to_string();
    for key in [keys::p256(), keys::p384()] {
        assert!(KeySet::from_pem(pem_of(key, |_| {}).as_bytes()).is_ok(), "unchanged");
        for pem in [
            pem_of(key, |point| point[0] = 6),
            pem_of(key, |point| point[0] = 2),
            pem_of(key, |point| point.truncate(1 + (point.len() - 1) / 2)),
            pem_of(key, |point| point.truncate(point.len() - 1)),
            pem_of(key, |point| point.push(0)),
            pem_of(key, Vec::clear),
        ] {
            assert!(why(&pem).contains("its point is not uncompressed, or of the wrong length"), "{}", why(&pem));
        }
    }
    assert!(KeySet::from_pem(pem_of(keys::ed25519(), |_| {}).as_bytes()).is_ok(), "unchanged");
    for pem in [pem_of(keys::ed25519(), |x| x.truncate(31)), pem_of(keys::ed25519(), |x| x.push(0))] {
        assert!(why(&pem).contains("its x has not 32 bytes"), "{}", why(&pem));
    }
}

#[test]
fn the_tenant_of_an_entra_key_is_one() {
    let login = |issuer: &str| {
        let key = with(keys::corp().public_jwk(), "issuer", "https://login.microsoftonline.com/{tenantid}/v2.0");
        let line = issuer.to_owned();
        let login = Login::with_file(&format!(
            "[profiles.entra]\nissuer = \"{issuer}\"\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"k\" }}\n"
        ));
        login.keys(json!({"keys": [key]})).request(move |request| request.hba_issuer = line)
    };
    let good = "https://login.microsoftonline.com/9a8b7c6d-2222-4eee-9fff-000000000001/v2.0";
    login(good).grants(&token(json!({"iss": good})), "ana");
    for other in [
        "https://login.microsoftonline.com//v2.0",
        "https://login.microsoftonline.com/9a8b7c6d/v2.0/evil/v2.0",
        "https://login.microsoftonline.com/common/v2.0",
        "https://login.microsoftonline.com/9a8b7c6d.example/v2.0",
    ] {
        login(other).denies(token(json!({"iss": other})), KeyUnknown);
    }
}

#[test]
fn a_document_of_left_out_keys_says_why() {
    let denial =
        Login::new().keys(json!({"keys": [{"kty": "oct", "k": "AA"}]})).denies(token(json!({})), KeysUnavailable);
    says(&denial, "it has no usable key (key 1: it has private members");
}

#[test]
fn a_key_lists_the_algorithms_that_it_may_verify() {
    let listed = |jwk: Value| -> Vec<String> {
        let set = KeySet::from_jwks(json!({"keys": [jwk]}).to_string().as_bytes()).expect("a key");
        set.keys()[0].algorithms().map(|algorithm| algorithm.name().to_owned()).collect()
    };
    assert_eq!(listed(keys::corp().public_jwk()), ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]);
    assert_eq!(listed(with(keys::corp().public_jwk(), "alg", "PS384")), ["PS384"]);
    assert_eq!(listed(keys::p384().public_jwk()), ["ES384"]);
    assert_eq!(listed(keys::ed25519().public_jwk()), ["EdDSA"]);
    assert_eq!(listed(with(keys::corp().public_jwk(), "alg", "RSA-OAEP")), [""; 0]);
}
