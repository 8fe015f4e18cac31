//! JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037 section 2) that may verify signatures.
//!
//! Symmetric keys, private keys, encryption keys and weak keys are left out with the reason; they never fail
//! the keys beside them.

use super::{EllipticCurve, KeySetError, Material, PublicKey};
use crate::bounds::{MAX_KEYS, MAX_KID_BYTES};
use crate::json;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Each `use` of a key that may verify tokens.
const SIGNING: [&str; 2] = ["sig", "jwt-svid"];

/// A key of a document as it was read.
pub(super) struct ReadJwk {
    /// What the document calls it, also if it is no use.
    pub(super) kid: Option<String>,
    pub(super) key: Result<PublicKey, Unfit>,
}

/// Why a key is not used.
pub(super) struct Unfit {
    pub(super) why: String,
    /// It says itself that it is there for something else.
    pub(super) other_use: bool,
}

impl From<String> for Unfit {
    fn from(why: String) -> Self {
        Self { why, other_use: false }
    }
}

/// Reads the keys of a JWKS document, or why each is left out.
pub(super) fn read_set(document: &[u8]) -> Result<Vec<ReadJwk>, KeySetError> {
    let set = json::object(document).map_err(|_| KeySetError::of("it is not a JSON object"))?;
    if is_certificate_map(&set) {
        return Err(KeySetError::of("it is a map of certificates, and no JSON Web Key Set").with_hint(
            "The same keys are a JSON Web Key Set at \
             https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com (Firebase) and \
             https://www.googleapis.com/oauth2/v3/certs (Google); without a key source, discovery finds it.",
        ));
    }
    read_keys(set.get("keys"))
}

/// Certificates by key ID, as Firebase and Google serve them beside their key sets.
fn is_certificate_map(set: &Map<String, Value>) -> bool {
    let is_certificate =
        |value: &Value| value.as_str().is_some_and(|text| text.trim_start().starts_with("-----BEGIN CERTIFICATE-----"));
    !set.is_empty() && set.values().all(is_certificate)
}

/// Reads the member `keys` of such a document.
pub(super) fn read_keys(keys: Option<&Value>) -> Result<Vec<ReadJwk>, KeySetError> {
    match keys {
        Some(Value::Array(keys)) if keys.len() > MAX_KEYS => {
            Err(KeySetError::of(format!("it has {} keys, more than {MAX_KEYS}", keys.len())))
        }
        Some(Value::Array(keys)) => Ok(keys.iter().map(read).collect()),
        _ => Err(KeySetError::of("it has no array \"keys\"")),
    }
}

fn read(key: &Value) -> ReadJwk {
    match key {
        Value::Object(jwk) => {
            let kid = member(jwk, "kid").and_then(Value::as_str).and_then(as_name);
            ReadJwk { kid, key: read_key(jwk) }
        }
        _ => ReadJwk { kid: None, key: Err(Unfit::from("it is not an object".to_owned())) },
    }
}

fn read_key(jwk: &Map<String, Value>) -> Result<PublicKey, Unfit> {
    if member(jwk, "d").is_some() || member(jwk, "k").is_some() {
        return Err("it has private members, so whoever read the document can sign".to_owned().into());
    }
    check_use(jwk)?;
    let kid = optional_text(jwk, "kid")?.filter(|kid| !kid.is_empty());
    if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
        return Err(format!("its kid is longer than {MAX_KID_BYTES} bytes").into());
    }
    // Whatever else these two may be, they do not make a good key a bad one.
    let digest = |name| member(jwk, name).and_then(Value::as_str).and_then(as_name);
    Ok(PublicKey {
        kid,
        algorithm: optional_text(jwk, "alg")?,
        issuer: optional_text(jwk, "issuer")?,
        x5t: digest("x5t"),
        x5t_s256: digest("x5t#S256"),
        material: material(jwk)?,
    })
}

/// A text that a token can name: not empty, and no longer than names of keys are.
fn as_name(text: &str) -> Option<String> {
    (!text.is_empty() && text.len() <= MAX_KID_BYTES).then(|| text.to_owned())
}

/// A key for encryption must not check signatures (RFC 7517 sections 4.2 and 4.3). Those of SPIFFE for tokens have a word of
/// their own (JWT-SVID section 6.1).
fn check_use(jwk: &Map<String, Value>) -> Result<(), Unfit> {
    let other_use = |why: &str| Err(Unfit { why: why.to_owned(), other_use: true });
    if optional_text(jwk, "use")?.is_some_and(|usage| !SIGNING.contains(&usage.as_str())) {
        return other_use("its use is not sig");
    }
    match member(jwk, "key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => Ok(()),
        Some(_) => other_use("its key_ops do not include verify"),
    }
}

fn material(jwk: &Map<String, Value>) -> Result<Material, String> {
    match (text(jwk, "kty")?, member(jwk, "crv").and_then(Value::as_str)) {
        ("RSA", _) => Material::rsa(&octets(jwk, "n")?, &octets(jwk, "e")?),
        ("EC", Some("P-256")) => point(jwk, EllipticCurve::P256),
        ("EC", Some("P-384")) => point(jwk, EllipticCurve::P384),
        ("EC", Some("P-521")) => point(jwk, EllipticCurve::P521),
        ("OKP", Some("Ed25519")) => Material::ed25519(&octets(jwk, "x")?),
        ("EC" | "OKP", _) => Err("its curve is none of P-256, P-384, P-521, Ed25519".to_owned()),
        _ => Err("its kty is none of RSA, EC, OKP".to_owned()),
    }
}

fn point(jwk: &Map<String, Value>, curve: EllipticCurve) -> Result<Material, String> {
    let (x, y) = (octets(jwk, "x")?, octets(jwk, "y")?);
    if x.len() != curve.coordinate_bytes() || y.len() != curve.coordinate_bytes() {
        return Err(format!("its coordinates have not {} bytes", curve.coordinate_bytes()));
    }
    Ok(Material::Ec { curve, point: [&[4], x.as_slice(), y.as_slice()].concat() })
}

/// The key as a JWK with the members that [`read_keys`] looks at, and no others.
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
            let (x, y) = curve.coordinates(point);
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
    let texts = [("kid", &key.kid), ("alg", &key.algorithm), ("issuer", &key.issuer)];
    for (name, value) in texts.into_iter().chain([("x5t", &key.x5t), ("x5t#S256", &key.x5t_s256)]) {
        if let Some(text) = value {
            put(name, text.as_str().into());
        }
    }
    Value::Object(jwk)
}

/// A member that says something: some providers write out those that they do not use, as null.
fn member<'a>(jwk: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    jwk.get(name).filter(|value| !value.is_null())
}

fn octets(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(text(jwk, name)?).map_err(|_| format!("its {name} is not base64url"))
}

fn text<'a>(jwk: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    member(jwk, name).and_then(Value::as_str).ok_or_else(|| format!("it has no {name}"))
}

fn optional_text(jwk: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match member(jwk, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("its {name} is not a string")),
    }
}
