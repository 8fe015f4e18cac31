//! Project Wycheproof's vectors of the algorithms that exist here: forged paddings, odd encodings, extreme numbers,
//! keys built to trip a verifier.
//!
//! A set of an algorithm must be agreed with vector by vector. A set of something JOSE has no name for (another hash,
//! another salt length, another curve) is run as well: what is valid there must be refused here.

use super::read_key;
use crate::algorithm::Algorithm;
use crate::keys::KeySet;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use wycheproof::{ecdsa, eddsa, rsa_pkcs1_verify as pkcs1, rsa_pss_verify as pss};

/// How many vectors of a set were judged.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    accepted: usize,
    refused: usize,
    /// Vectors of keys that the reader leaves out by policy.
    skipped: usize,
}

/// A published file of vectors.
struct Set {
    name: String,
    groups: Vec<Value>,
}

impl Set {
    fn new(name: impl std::fmt::Debug, document: &str) -> Self {
        let document: Value = serde_json::from_str(document).expect("a document of the crate");
        let groups = document["testGroups"].as_array().expect("groups").clone();
        let vectors: usize = groups.iter().map(|group| tests(group).len()).sum();
        assert_eq!(document["numberOfTests"], vectors, "{name:?}");
        Self { name: format!("{name:?}"), groups }
    }

    /// Judges every vector as a signature of `algorithm`. `counts` says of a group whether its valid signatures are
    /// that algorithm's; those of other groups must be refused.
    fn judge(&self, algorithm: Algorithm, counts: impl Fn(&Value) -> bool) -> Tally {
        let mut tally = Tally::default();
        for group in &self.groups {
            let key = match read_key(&jwk(group)) {
                Ok(key) => key,
                Err(why) => {
                    assert!(why.contains("bits, not 2048 to 8192"), "{}: {why}", self.name);
                    tally.skipped += tests(group).len();
                    continue;
                }
            };
            for test in tests(group) {
                let wanted = counts(group) && test["result"] == "valid";
                let accepted = algorithm.verifies(&key.material, &octets(&test["msg"]), &octets(&test["sig"]));
                assert_eq!(accepted, wanted, "{} as {}: {test}", self.name, algorithm.name());
                *(if accepted { &mut tally.accepted } else { &mut tally.refused }) += 1;
            }
        }
        println!("{} as {}: {tally:?}", self.name, algorithm.name());
        tally
    }

    /// A set made for `algorithm`: some vectors must be valid, some not, and none left out.
    fn agrees(&self, algorithm: Algorithm) {
        let tally = self.judge(algorithm, |_| true);
        assert!(tally.accepted > 0 && tally.refused > 0 && tally.skipped == 0, "{}: {tally:?}", self.name);
    }

    /// A set made for something else, whose valid vectors are not `algorithm`'s.
    fn is_refused(&self, algorithm: Algorithm) {
        let mut valid = Self { name: format!("valid of {}", self.name), groups: self.groups.clone() };
        for group in &mut valid.groups {
            group["tests"].as_array_mut().expect("tests").retain(|test| test["result"] == "valid");
        }
        let tally = valid.judge(algorithm, |_| false);
        assert!(tally.accepted == 0 && tally.refused > 0 && tally.skipped == 0, "{}: {tally:?}", self.name);
    }
}

fn tests(group: &Value) -> &[Value] {
    group["tests"].as_array().expect("tests")
}

/// The JWK of a group as published, or of the same numbers where there is none.
fn jwk(group: &Value) -> Value {
    if let Some(own) = group.get("publicKeyJwk").or(group.get("keyJwk")) {
        let mut own = own.clone();
        // Some say what they are for, which is for `select` to compare; here other uses are tried on purpose.
        own.as_object_mut().expect("a JWK").remove("alg");
        return own;
    }
    let key = &group["publicKey"];
    if key["modulus"].is_string() {
        let number = |name: &str| {
            let octets = octets(&key[name]);
            let first = octets.iter().position(|octet| *octet != 0).expect("not zero");
            URL_SAFE_NO_PAD.encode(&octets[first..])
        };
        return json!({"kty": "RSA", "n": number("modulus"), "e": number("publicExponent")});
    }
    let point = octets(&key["uncompressed"]);
    let (x, y) = point[1..].split_at(point.len() / 2);
    let curve = match key["curve"].as_str() {
        Some("secp256r1") => "P-256",
        Some("secp384r1") => "P-384",
        Some("secp521r1") => "P-521",
        other => panic!("{other:?} has no name in JOSE"),
    };
    json!({"kty": "EC", "crv": curve, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y)})
}

fn octets(hex: &Value) -> Vec<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16).expect("a hexadecimal digit") as u8;
    hex.as_str().expect("a string").as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn pkcs1_set(name: pkcs1::TestName) -> Set {
    Set::new(name, name.json_data())
}

fn pss_set(name: pss::TestName) -> Set {
    Set::new(name, name.json_data())
}

fn ecdsa_set(name: ecdsa::TestName) -> Set {
    Set::new(name, name.json_data())
}

/// "Acceptable" ones are PKCS#1 paddings without the NULL of the hash's identifier (`MissingNull`). They are refused:
/// RFC 8017 section 9.2 lets a verifier accept them, and asks for the NULL.
#[test]
fn pkcs1_agrees() {
    use pkcs1::TestName as Name;
    for name in [Name::Rsa2048Sha256, Name::Rsa3072Sha256, Name::Rsa4096Sha256, Name::Rsa8192Sha256] {
        pkcs1_set(name).agrees(Algorithm::Rs256);
    }
    for name in [Name::Rsa2048Sha384, Name::Rsa3072Sha384, Name::Rsa4096Sha384, Name::Rsa8192Sha384] {
        pkcs1_set(name).agrees(Algorithm::Rs384);
    }
    for name in [Name::Rsa2048Sha512, Name::Rsa3072Sha512, Name::Rsa4096Sha512, Name::Rsa8192Sha512] {
        pkcs1_set(name).agrees(Algorithm::Rs512);
    }
}

#[test]
fn pkcs1_of_other_hashes_is_refused() {
    use pkcs1::TestName as Name;
    for name in [
        Name::Rsa2048Sha224,
        Name::Rsa2048Sha3_256,
        Name::Rsa2048Sha512_256,
        Name::Rsa3072Sha3_384,
        Name::Rsa3072Sha3_512,
        Name::Rsa4096Sha512_256,
    ] {
        for algorithm in [Algorithm::Rs256, Algorithm::Rs384, Algorithm::Rs512] {
            pkcs1_set(name).is_refused(algorithm);
        }
    }
    // PKCS#1 and PSS signatures of one hash are not each other's.
    pkcs1_set(Name::Rsa2048Sha256).is_refused(Algorithm::Ps256);
    pss_set(pss::TestName::RsaPss2048Sha256Mgf1SaltLen32).is_refused(Algorithm::Rs256);
}

#[test]
fn pss_agrees_where_the_salt_is_as_long_as_the_hash() {
    use pss::TestName as Name;
    for name in
        [Name::RsaPss2048Sha256Mgf1SaltLen32, Name::RsaPss3072Sha256Mgf1SaltLen32, Name::RsaPss4096Sha256Mgf1SaltLen32]
    {
        pss_set(name).agrees(Algorithm::Ps256);
    }
    for name in [Name::RsaPss2048Sha384Mgf1SaltLen48, Name::RsaPss4096Sha384Mgf1SaltLen48] {
        pss_set(name).agrees(Algorithm::Ps384);
    }
    pss_set(Name::RsaPss4096Sha512Mgf1SaltLen64).agrees(Algorithm::Ps512);
}

#[test]
fn pss_of_other_salts_and_hashes_is_refused() {
    use pss::TestName as Name;
    for name in [
        Name::RsaPss2048Sha1Mgf1SaltLen20,
        Name::RsaPss2048Sha256Mgf1SaltLen0,
        Name::RsaPss2048Sha256Mgf1Sha1_20,
        Name::RsaPss2048Sha512_224Mgf1SaltLen28,
        Name::RsaPss2048Sha512_256Mgf1SaltLen32,
        Name::RsaPss2048Sha512Mgf1Sha256SaltLen32WithParams,
        Name::RsaPss2048Shake128,
        Name::RsaPss4096Sha512Mgf1SaltLen32,
        Name::RsaPss4096Shake256,
    ] {
        for algorithm in [Algorithm::Ps256, Algorithm::Ps384, Algorithm::Ps512] {
            pss_set(name).is_refused(algorithm);
        }
    }
}

/// One set has every combination of hash, mask hash and salt length, one signature each: RFC 7518 section 3.5 allows
/// one of them per algorithm.
#[test]
fn pss_allows_one_combination_of_parameters_each() {
    let set = pss_set(pss::TestName::RsaPssmisc);
    for (algorithm, hash, salt) in
        [(Algorithm::Ps256, "SHA-256", 32), (Algorithm::Ps384, "SHA-384", 48), (Algorithm::Ps512, "SHA-512", 64)]
    {
        let tally =
            set.judge(algorithm, |group| group["sha"] == hash && group["mgfSha"] == hash && group["sLen"] == salt);
        assert_eq!(tally, Tally { accepted: 1, refused: 149, skipped: 0 }, "{hash}");
    }
}

#[test]
fn ecdsa_agrees() {
    use ecdsa::TestName as Name;
    ecdsa_set(Name::EcdsaSecp256r1Sha256P1363).agrees(Algorithm::Es256);
    ecdsa_set(Name::EcdsaSecp384r1Sha384P1363).agrees(Algorithm::Es384);
    ecdsa_set(Name::EcdsaSecp521r1Sha512P1363).agrees(Algorithm::Es512);
}

#[test]
fn ecdsa_of_other_hashes_or_in_der_is_refused() {
    use ecdsa::TestName as Name;
    for name in [Name::EcdsaSecp256r1Sha512P1363, Name::EcdsaSecp256r1Shake128P1363, Name::EcdsaSecp256r1Sha256] {
        ecdsa_set(name).is_refused(Algorithm::Es256);
    }
    for name in [Name::EcdsaSecp384r1Sha512P1363, Name::EcdsaSecp384r1Shake256P1363, Name::EcdsaSecp384r1Sha384] {
        ecdsa_set(name).is_refused(Algorithm::Es384);
    }
    for name in [Name::EcdsaSecp521r1Shake256P1363, Name::EcdsaSecp521r1Sha512] {
        ecdsa_set(name).is_refused(Algorithm::Es512);
    }
}

/// A point of another curve under the name of one of ours: signatures made there must not count here.
#[test]
fn keys_of_other_curves_are_refused_under_any_name() {
    use ecdsa::TestName as Name;
    for (name, curve, algorithm) in [
        (Name::EcdsaSecp256k1Sha256P1363, "secp256r1", Algorithm::Es256),
        (Name::EcdsaBrainpool256r1Sha256P1363, "secp256r1", Algorithm::Es256),
        (Name::EcdsaBrainpool384r1Sha384P1363, "secp384r1", Algorithm::Es384),
    ] {
        let mut set = ecdsa_set(name);
        for own in set.groups.iter().filter_map(|group| group.get("publicKeyJwk")) {
            assert!(read_key(own).unwrap_err().contains("its curve is none of P-256"), "{own}");
        }
        for group in &mut set.groups {
            group.as_object_mut().expect("a group").remove("publicKeyJwk");
            group["publicKey"]["curve"] = curve.into();
        }
        set.is_refused(algorithm);
    }
}

#[test]
fn ed25519_agrees() {
    Set::new("Ed25519", eddsa::TestName::Ed25519.json_data()).agrees(Algorithm::EdDsa);
}

#[test]
fn ed448_is_refused() {
    let set = Set::new("Ed448", eddsa::TestName::Ed448.json_data());
    for group in &set.groups {
        assert!(read_key(&jwk(group)).unwrap_err().contains("its curve is none of"), "{}", jwk(group));
    }
}

/// The PEM reader makes the same key of the same numbers, so the vectors hold for `keys.pem_file` as well.
#[test]
fn keys_in_pem_are_the_same() {
    let (mut same, sets) = (
        0,
        [
            pkcs1_set(pkcs1::TestName::Rsa2048Sha256),
            pss_set(pss::TestName::RsaPss4096Sha512Mgf1SaltLen64),
            ecdsa_set(ecdsa::TestName::EcdsaSecp256r1Sha256P1363),
            ecdsa_set(ecdsa::TestName::EcdsaSecp384r1Sha384P1363),
            ecdsa_set(ecdsa::TestName::EcdsaSecp521r1Sha512P1363),
            Set::new("Ed25519", eddsa::TestName::Ed25519.json_data()),
        ],
    );
    for group in sets.iter().flat_map(|set| &set.groups) {
        let pem = KeySet::from_pem(group["publicKeyPem"].as_str().expect("PEM").as_bytes()).expect("a key");
        assert_eq!(pem.keys()[0].material, read_key(&jwk(group)).expect("a key").material);
        same += 1;
    }
    println!("{same} keys in PEM");
    assert!(same > 100, "{same}");
}
