//! Step 4: the JOSE header (RFC 7515 section 4, RFC 8725 section 3).
//!
//! The header is chosen by whoever made the token: it may pick among what the profile allows, and nothing in it
//! is ever followed (`jku`, `x5u`, `jwk`, `x5c`). Extensions that change what a signature means are refused.

use crate::algorithm::Algorithm;
use crate::bounds::MAX_KID_BYTES;
use crate::claims;
use crate::config::{Config, Profile};
use crate::decision::Denial;
use crate::keys::KeyName;
use crate::media_type::normal_type;
use crate::reason::Reason;
use serde_json::{Map, Value};

/// What the header says, as far as the profile allows it.
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: KeyName,
}

/// Reads the header of a token for `profile`.
pub(crate) fn check(untrusted: &Map<String, Value>, config: &Config, profile: &Profile) -> Result<Header, Denial> {
    refuse_extensions(untrusted)?;
    check_type(untrusted, config, profile)?;
    Ok(Header { algorithm: algorithm(untrusted, config, profile)?, key: key_name(untrusted)? })
}

fn malformed(detail: &str) -> Denial {
    Denial::new(Reason::TokenMalformed, detail)
}

/// `crit` and `b64` (RFC 7797), compression and encryption change what was signed; we know none of them. `cty` does not: it is
/// for whoever reads the payload (RFC 7515 section 4.1.10), which is an object by now.
fn refuse_extensions(untrusted: &Map<String, Value>) -> Result<(), Denial> {
    for name in ["crit", "b64", "zip", "enc"] {
        if untrusted.contains_key(name) {
            let detail = format!("The token's header has {name}, which is not understood here.");
            return Err(malformed(&detail)
                .with_hint("Have the provider sign plain JWTs, without extensions of JWS (RFC 7515)."));
        }
    }
    Ok(())
}

fn check_type(untrusted: &Map<String, Value>, config: &Config, profile: &Profile) -> Result<(), Denial> {
    let said = match untrusted.get("typ") {
        None => String::new(),
        Some(Value::String(name)) => normal_type(name),
        Some(_) => return Err(malformed("The typ of the token's header is not a string.")),
    };
    if profile.token_types.value.contains(&said) {
        return claims::check_type(&said, profile.token_kind);
    }
    let accepted: Vec<String> = profile
        .token_types
        .value
        .iter()
        .map(|name| if name.is_empty() { "no typ at all".to_owned() } else { format!("\"{name}\"") })
        .collect();
    let what =
        if said.is_empty() { "The token's header has no typ" } else { "The typ of the token's header is another" };
    let detail = format!("{what}; {} accepts {}.", config.place(profile.token_types.origin), accepted.join(" or "));
    Err(Denial::new(Reason::TokenType, detail))
}

fn algorithm(untrusted: &Map<String, Value>, config: &Config, profile: &Profile) -> Result<Algorithm, Denial> {
    let Some(Value::String(name)) = untrusted.get("alg") else {
        return Err(malformed("The token's header has no alg, or one that is not a string."));
    };
    match Algorithm::from_name(name).filter(|algorithm| profile.algorithms.value.contains(algorithm)) {
        Some(algorithm) => Ok(algorithm),
        None => {
            let accepted: Vec<&str> = profile.algorithms.value.iter().map(|algorithm| algorithm.name()).collect();
            let detail = format!(
                "The alg of the token's header is another than {} accepts: {}.",
                config.place(profile.algorithms.origin),
                accepted.join(", ")
            );
            Err(Denial::new(Reason::Algorithm, detail))
        }
    }
}

/// What it says of its key: `kid`, or else the digests of a certificate, which no other use is made of.
fn key_name(untrusted: &Map<String, Value>) -> Result<KeyName, Denial> {
    let kid = kid(untrusted)?;
    if kid.is_some() {
        return Ok(KeyName { kid, ..KeyName::default() });
    }
    let digest = |name: &str| match untrusted.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= MAX_KID_BYTES => Ok((!text.is_empty()).then(|| text.clone())),
        Some(_) => Err(malformed(&format!("The {name} of the token's header is too long, or not a string."))),
    };
    Ok(KeyName { kid, digests: [digest("x5t")?, digest("x5t#S256")?] })
}

fn kid(untrusted: &Map<String, Value>) -> Result<Option<String>, Denial> {
    match untrusted.get("kid") {
        None => Ok(None),
        // An empty name is taken as none, in a key as well: it names nothing.
        Some(Value::String(kid)) if kid.is_empty() => Ok(None),
        Some(Value::String(kid)) if kid.len() <= MAX_KID_BYTES => Ok(Some(kid.clone())),
        Some(_) => Err(malformed("The kid of the token's header is too long, or not a string.")),
    }
}
