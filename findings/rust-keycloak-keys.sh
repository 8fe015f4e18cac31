#!/usr/bin/env bash
# The crate jose-jwk cannot read a key set with Keycloak's encryption key in it, and openidconnect loses keys in silence.
#
# Guess: a typed Rust library knows the registered algorithms, of which RSA-OAEP is one of the oldest, and says so when it
#   leaves a key out.
# What happens: Keycloak publishes an RSA key with alg RSA-OAEP and use enc beside its signing key. jose-jwk does
#   not know that algorithm, so the whole document fails. biscuit fails as a whole on alg Ed25519 (RFC 9864). openidconnect
#   reads both and leaves out those keys: a set of one Ed25519 key is an empty set, and no error.
# Who cares: whoever writes a service in Rust against the provider that the database trusts, and asks the DBA why "the keys
#   are broken"; an empty set shows as "no key with that kid".
# What to do: filter the set by use and alg as JSON before it goes into such a type, or read keys one by one.
. "$(dirname "$(readlink -f "$0")")/common.sh"

needs cargo
mkdir src
cat > Cargo.toml <<'END'
[package]
name = "trial"
version = "0.1.0"
edition = "2021"
[dependencies]
jose-jwk = "=0.1.2"
biscuit = "=0.8.0"
openidconnect = { version = "=4.1.0", default-features = false }
serde_json = "1"
[profile.dev]
debug = false
END
cat > src/main.rs <<'END'
fn main() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let sign = serde_json::json!({"kty": "RSA", "n": n, "e": "AQAB", "kid": "s", "use": "sig", "alg": "RS256"});
    let encrypt = serde_json::json!({"kty": "RSA", "n": n, "e": "AQAB", "kid": "e", "use": "enc", "alg": "RSA-OAEP"});
    let edwards = serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "d", "use": "sig", "alg": "Ed25519"});
    for (name, keys) in [("RS256", vec![&sign]), ("RS256, RSA-OAEP", vec![&sign, &encrypt]), ("Ed25519", vec![&edwards])] {
        let document = serde_json::json!({"keys": keys}).to_string();
        let show = |library: &str, read: Result<usize, serde_json::Error>| match read {
            Ok(found) => println!("{name}: {library} has {found} of {} keys", keys.len()),
            Err(error) => println!("{name}: {library}: {}", error.to_string().split(" at line").next().unwrap()),
        };
        show("jose-jwk", serde_json::from_str::<jose_jwk::JwkSet>(&document).map(|set| set.keys.len()));
        show("biscuit", serde_json::from_str::<biscuit::jwk::JWKSet<biscuit::Empty>>(&document).map(|set| set.keys.len()));
        show("openidconnect", serde_json::from_str::<openidconnect::core::CoreJsonWebKeySet>(&document).map(|set| set.keys().len()));
    }
}
END
cargo build --quiet --target-dir target > build.log 2>&1 || { cat build.log >&2; exit 2; }
printf '%s\n' jose-jwk=0.1.2 biscuit=0.8.0 openidconnect=4.1.0
expect target/debug/trial <<'END'
RS256: jose-jwk has 1 of 1 keys
RS256: biscuit has 1 of 1 keys
RS256: openidconnect has 1 of 1 keys
RS256, RSA-OAEP: jose-jwk: data did not match any variant of untagged enum Algorithm
RS256, RSA-OAEP: biscuit has 2 of 2 keys
RS256, RSA-OAEP: openidconnect has 1 of 2 keys
Ed25519: jose-jwk: data did not match any variant of untagged enum Algorithm
Ed25519: biscuit: data did not match any variant of untagged enum Algorithm
Ed25519: openidconnect has 0 of 1 keys
END
