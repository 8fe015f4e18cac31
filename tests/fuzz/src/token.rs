//! A token of a stranger, to the decision.
//!
//! The first byte says how it is made: as the bytes are, or from a header and a payload with zero between them, signed by
//! the issuer's key, by another's, or with a signature of other bytes. The second one chooses the profile.

use crate::world::{FuzzResolver, FuzzedConfig, decided, fits_here};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth_validator_core::Decision;
use oauth_validator_fixtures::{TestKey, keys, mint};
use serde_json::Value;
use std::cell::OnceCell;

/// What profiles look at, each in a profile of its own.
pub const PROFILES: [&str; 11] = [
    "",
    "token_types = [\"\", \"JWT\", \"at+jwt\"]\ndeny_jti = [\"stolen\"]\n",
    "identity = { claim = \"$.email\", verified_by = \"$.email_verified\" }\n",
    "identity = { claims = { tid = \"$.tid\", oid = \"$.oid\" }, format = \"{tid}:{oid}\" }\n",
    "identity = { claim = \"$.uid\", fallback = { claim = \"$.cid\", prefix = \"app:\" } }\n",
    "identity = { pattern = '(?<id>[^@]+)@corp\\.example', case = \"lower\" }\n",
    "roles = { claim = \"$.roles[*]\", exact = true }\n",
    "clients = { claims = [\"$.azp\", \"$.appid\"], allow = [\"psql\"] }\n",
    "session = { claims = { a = \"$.sub\", b = \"$.groups[*]\" }, end = \"token\" }\n",
    "[[profiles.corp.require]]\nclaim = \"$.x\"\ncontains = \"a\"\n[[profiles.corp.require]]\nclaim = \"$.y\"\n\
     contains_none = [\"b\"]\n[[profiles.corp.require]]\nclaim = \"$.z\"\nmatches = '[a-z]+|[0-9]+'\n",
    "[[profiles.corp.require]]\nclaim = \"$..groups[?@.name == 'dba' || @.level > 3]\"\npresent = true\n",
];

/// What is made once.
struct FixedToken {
    settings: Vec<FuzzedConfig>,
    world: FuzzResolver,
    public: Vec<u8>,
    stranger: TestKey,
}

fn fixed() -> FixedToken {
    let own = "algorithms = [\"EdDSA\", \"ES256\"]\nkeys = { jwks_file = \"k\" }\n";
    let settings = PROFILES.iter().map(|further| match further.split_once("roles = ") {
        // The table that delegates is looked for at the beginning.
        Some(("", _)) => FuzzedConfig::of(&format!("{further}{own}")),
        _ => FuzzedConfig::of(&format!("{own}{further}")),
    });
    let x = keys::ed25519().public_jwk()["x"].as_str().map(mint::unb64).expect("a public key");
    FixedToken {
        settings: settings.collect(),
        world: FuzzResolver::of_the_issuer(),
        public: x,
        stranger: TestKey::ed25519("ed25519"),
    }
}

thread_local! {
    static FIXED: OnceCell<FixedToken> = const { OnceCell::new() };
}

/// Decides about the token that the bytes are or make.
pub fn check(data: &[u8]) {
    let [how, which, rest @ ..] = data else { return };
    FIXED.with(|cell| {
        let fixed = cell.get_or_init(fixed);
        let setting = &fixed.settings[usize::from(*which) % fixed.settings.len()];
        let token = token(*how, rest, &fixed.stranger);
        let genuine = is_genuine(&token, &fixed.public);
        match decided(&fixed.world, setting, &token) {
            Decision::Granted(grant) => {
                let payload = genuine.expect("it was granted without a signature of the issuer's key");
                let claims: Value = serde_json::from_slice(&payload).expect("it was granted without claims");
                assert!(fits_here(&claims, false), "granted to {:?}: {claims}", grant.authn_id());
            }
            Decision::Denied(denial) => {
                assert!(
                    genuine.is_some() || denial.authn_id.is_none(),
                    "an identity that nobody has proven: {denial:?}"
                );
            }
        }
    });
}

fn token(how: u8, rest: &[u8], stranger: &TestKey) -> Vec<u8> {
    let zero = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let (header, payload) = (&rest[..zero], rest.get(zero + 1..).unwrap_or_default());
    match how % 4 {
        0 => mint::mint_bytes(keys::ed25519(), "EdDSA", header, payload).into_bytes(),
        1 => mint::mint_bytes(stranger, "EdDSA", header, payload).into_bytes(),
        2 => mint::assemble(header, payload, &keys::ed25519().sign("EdDSA", b"e30.e30")).into_bytes(),
        _ => rest.to_vec(),
    }
}

/// The payload, if the issuer's key has signed the token: RFC 7515 section 5.2 and RFC 8037, and nothing else.
fn is_genuine(token: &[u8], public: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(token).ok()?;
    let (signed, signature) = text.rsplit_once('.')?;
    let (_, payload) = signed.split_once('.')?;
    // A panic that is caught ends the fuzzer all the same, so that the fixtures' own decoder will not do.
    let (signature, payload) = (URL_SAFE_NO_PAD.decode(signature).ok()?, URL_SAFE_NO_PAD.decode(payload).ok()?);
    UnparsedPublicKey::new(&ED25519, public).verify(signed.as_bytes(), &signature).ok()?;
    Some(payload)
}
