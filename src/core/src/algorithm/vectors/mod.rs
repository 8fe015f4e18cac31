//! Signature checks against published vectors: what others call valid is accepted, everything else refused.
//!
//! Each key goes through the JWK reader, as an issuer's does; no vector may reach the verifier another way. None of
//! them is made here: `rfc` quotes the JOSE standards, `sets` runs project Wycheproof's.

mod rfc;
mod sets;

use crate::keys::{KeySet, PublicKey};
use serde_json::{Value, json};

/// The key of a JWK, or why the reader leaves it out.
fn read_key(jwk: &Value) -> Result<PublicKey, String> {
    match KeySet::from_jwks(json!({"keys": [jwk]}).to_string().as_bytes()) {
        Ok(set) => Ok(set.keys()[0].clone()),
        Err(why) => Err(why.to_string()),
    }
}
