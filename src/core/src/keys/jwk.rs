//! JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037 section 2) that may verify signatures.
//!
//! Symmetric keys, private keys, encryption keys and weak keys are left out with the reason; they never fail
//! the keys beside them.

use super::{Curve, KeySetError, Material, PublicKey};
use crate::bounds::{MAX_KEYS, MAX_KID_BYTES};
use crate::json;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Reads the keys of a JWKS document, or why each is left out.
pub(super) fn read_set(document: &[u8]) -> Result<Vec<Result<PublicKey, String>>, KeySetError> {
    let set = json::object(document).map_err(|_| KeySetError("it is not a JSON object".to_owned()))?;
    read_keys(set.get("keys"))
}

/// Reads the member `keys` of such a document.
pub(super) fn read_keys(keys: Option<&Value>) -> Result<Vec<Result<PublicKey, String>>, KeySetError> {
    match keys {
        Some(Value::Array(keys)) if keys.len() > MAX_KEYS => {
            Err(KeySetError(format!("it has {} keys, more than {MAX_KEYS}", keys.len())))
        }
        Some(Value::Array(keys)) => Ok(keys.iter().map(read_key).collect()),
        _ => Err(KeySetError("it has no array \"keys\"".to_owned())),
    }
}

fn read_key(key: &Value) -> Result<PublicKey, String> {
    let Value::Object(jwk) = key else {
        return Err("it is not an object".to_owned());
    };
    if jwk.contains_key("d") || jwk.contains_key("k") {
        return Err("it has private members, so whoever read the document can sign".to_owned());
    }
    check_use(jwk)?;
    let kid = optional_text(jwk, "kid")?;
    if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
        return Err(format!("its kid is longer than {MAX_KID_BYTES} bytes"));
    }
    Ok(PublicKey {
        kid,
        algorithm: optional_text(jwk, "alg")?,
        issuer: optional_text(jwk, "issuer")?,
        material: material(jwk)?,
    })
}

/// A key for encryption must not check signatures (RFC 7517 sections 4.2 and 4.3).
fn check_use(jwk: &Map<String, Value>) -> Result<(), String> {
    if optional_text(jwk, "use")?.is_some_and(|usage| usage != "sig") {
        return Err("its use is not sig".to_owned());
    }
    match jwk.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => Ok(()),
        Some(_) => Err("its key_ops do not include verify".to_owned()),
    }
}

fn material(jwk: &Map<String, Value>) -> Result<Material, String> {
    match (text(jwk, "kty")?, jwk.get("crv").and_then(Value::as_str)) {
        ("RSA", _) => Material::rsa(octets(jwk, "n")?, octets(jwk, "e")?),
        ("EC", Some("P-256")) => point(jwk, Curve::P256),
        ("EC", Some("P-384")) => point(jwk, Curve::P384),
        ("EC", Some("P-521")) => point(jwk, Curve::P521),
        ("OKP", Some("Ed25519")) => Material::ed25519(&octets(jwk, "x")?),
        ("EC" | "OKP", _) => Err("its curve is none of P-256, P-384, P-521, Ed25519".to_owned()),
        _ => Err("its kty is none of RSA, EC, OKP".to_owned()),
    }
}

fn point(jwk: &Map<String, Value>, curve: Curve) -> Result<Material, String> {
    let (x, y) = (octets(jwk, "x")?, octets(jwk, "y")?);
    if x.len() != curve.coordinate_bytes() || y.len() != curve.coordinate_bytes() {
        return Err(format!("its coordinates have not {} bytes", curve.coordinate_bytes()));
    }
    Ok(Material::Ec { curve, point: [&[4], x.as_slice(), y.as_slice()].concat() })
}

/// The key as a JWK with the members that [`read_set`] looks at, and no others.
pub(super) fn write_key(key: &PublicKey) -> Value {
    let encode = |octets: &[u8]| Value::from(URL_SAFE_NO_PAD.encode(octets));
    let mut jwk = Map::new();
    let mut put = |name: &str, value: Value| jwk.insert(name.to_owned(), value);
    match &key.material {
        Material::Rsa { n, e } => {
            put("kty", "RSA".into());
            put("n", encode(n));
            put("e", encode(e));
        }
        Material::Ec { curve, point } => {
            let (x, y) = point[1..].split_at(curve.coordinate_bytes());
            put("kty", "EC".into());
            put("crv", curve.name().into());
            put("x", encode(x));
            put("y", encode(y));
        }
        Material::Ed25519 { x } => {
            put("kty", "OKP".into());
            put("crv", "Ed25519".into());
            put("x", encode(x));
        }
    }
    for (name, value) in [("kid", &key.kid), ("alg", &key.algorithm), ("issuer", &key.issuer)] {
        if let Some(text) = value {
            put(name, text.as_str().into());
        }
    }
    Value::Object(jwk)
}

fn octets(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(text(jwk, name)?).map_err(|_| format!("its {name} is not base64url"))
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    jwk.get(name).and_then(Value::as_str).ok_or_else(|| format!("it has no {name}"))
}

fn optional_text(jwk: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("its {name} is not a string")),
    }
}
