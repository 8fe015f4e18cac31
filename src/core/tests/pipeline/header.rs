//! Step 4: the header picks among what the profile allows.

use super::support::{Login, claims, header, token_with_header};
use oauth_validator_core::Reason::{Algorithm, KeyUnknown, SignatureInvalid, TokenMalformed, TokenRevoked, TokenType};
use oauth_validator_fixtures::{keys, mint};
use serde_json::json;

#[test]
fn algorithms_outside_the_list_are_refused() {
    for alg in
        ["RS384", "RS512", "PS256", "ES384", "EdDSA", "HS256", "HS512", "rs256", "RS1", "RSA-OAEP", "none", "", "dir"]
    {
        Login::new().denies(token_with_header(json!({"alg": alg})), Algorithm);
    }
    for alg in [json!(null), json!(256), json!(["RS256"]), json!({"alg": "RS256"}), json!(true)] {
        Login::new().denies(token_with_header(json!({"alg": alg})), TokenMalformed);
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let key = keys::corp();
    let jwk = key.public_jwk();
    let modulus = mint::unb64(jwk["n"].as_str().unwrap());
    let head = json!({"alg": "HS256", "typ": "at+jwt", "kid": "corp-rsa"});
    for secret in [key.public_pem().into_bytes(), key.public_der(), modulus, jwk.to_string().into_bytes(), Vec::new()] {
        let input = mint::signing_input(head.to_string().as_bytes(), claims().to_string().as_bytes());
        let forged = format!("{input}.{}", mint::b64(mint::hmac_sha256(&secret, input.as_bytes())));
        Login::new().denies(&forged, Algorithm);
        // An HMAC under the header of an honest token.
        let input = mint::signing_input(header().to_string().as_bytes(), claims().to_string().as_bytes());
        let forged = format!("{input}.{}", mint::b64(mint::hmac_sha256(&secret, input.as_bytes())));
        Login::new().denies(&forged, SignatureInvalid);
    }
}

#[test]
fn types_are_compared_as_media_types() {
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"] {
        Login::new().grants(&token_with_header(json!({"typ": typ})), "ana");
    }
    for typ in ["JWT", "jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "at+jwt ", "at", "", "application/x/at+jwt"] {
        Login::new().denies(token_with_header(json!({"typ": typ})), TokenType);
    }
    Login::new().denies(token_with_header(json!({"typ": null})), TokenType);
    Login::new().denies(token_with_header(json!({"typ": ["at+jwt"]})), TokenMalformed);
    Login::new().denies(token_with_header(json!({"typ": 1})), TokenMalformed);
}

#[test]
fn an_empty_type_stands_for_none() {
    let login = Login::with_profile("token_types = [\"\", \"JWT\"]\n");
    login.grants(&token_with_header(json!({"typ": null})), "ana");
    login.grants(&token_with_header(json!({"typ": "jwt"})), "ana");
    login.denies(token_with_header(json!({"typ": "at+jwt"})), TokenType);
}

#[test]
fn extensions_are_refused() {
    for changes in [
        json!({"crit": ["exp"]}),
        json!({"crit": []}),
        json!({"crit": "b64"}),
        json!({"crit": ["b64"], "b64": false}),
        json!({"b64": false}),
        json!({"b64": true}),
        json!({"zip": "DEF"}),
        json!({"enc": "A256GCM"}),
    ] {
        Login::new().denies(token_with_header(changes), TokenMalformed);
    }
}

#[test]
fn keys_in_the_header_are_never_used() {
    let attacker = keys::partner();
    let mut jwk = attacker.public_jwk();
    jwk["kid"] = json!("corp-rsa");
    for changes in [
        json!({"jwk": jwk}),
        json!({"jku": "https://evil.example/jwks.json"}),
        json!({"x5u": "https://evil.example/cert.pem"}),
        json!({"x5c": ["MIIB"]}),
    ] {
        let head = super::support::header_with(changes.clone());
        Login::new().denies(mint::mint_as(attacker, "RS256", &head, &claims()), SignatureInvalid);
        // Signed by the issuer they are just ignored, as Entra's x5t is.
        Login::new().grants(&token_with_header(changes), "ana");
    }
    Login::new().grants(&token_with_header(json!({"x5t": "dGh1bWI", "x5t#S256": "dGh1bWI"})), "ana");
}

#[test]
fn a_kid_is_only_ever_compared() {
    for kid in [
        "../../etc/passwd",
        "'; drop table users --",
        "https://evil.example",
        "corp-rsa\n",
        "CORP-RSA",
        "corp-rs",
        "corp-rsa ",
    ] {
        Login::new().denies(token_with_header(json!({"kid": kid})), KeyUnknown);
    }
    Login::new().grants(&token_with_header(json!({"kid": ""})), "ana");
    for kid in [json!("k".repeat(1025)), json!(1), json!(["corp-rsa"]), json!({"kid": 1}), json!(true)] {
        Login::new().denies(token_with_header(json!({"kid": kid})), TokenMalformed);
    }
    Login::new().denies(token_with_header(json!({"kid": "k".repeat(1024)})), KeyUnknown);
}

#[test]
fn the_emergency_brake_for_keys() {
    let file = |brake: &str| {
        Login::with_file(&format!(
            "[profiles.corp]\nissuer = \"{}\"\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"k\", deny_kids = [{brake}] }}\n",
            super::support::ISSUER
        ))
    };
    file("\"other\"").grants(&token_with_header(json!({})), "ana");
    file("\"corp-rsa\"").denies(token_with_header(json!({})), TokenRevoked);
    // A token that does not name its key does not get around it.
    file("\"corp-rsa\"").denies(token_with_header(json!({"kid": null})), TokenRevoked);
}
