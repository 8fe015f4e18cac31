//! A provider's answer about an opaque token, to the decision: introspection (RFC 7662) and Google's tokeninfo.
//!
//! The first byte chooses the endpoint, the token and the status; the rest is the body.

use crate::world::{AUDIENCE, FuzzResolver, FuzzedConfig, ISSUER, decided, fits_here};
use oauth_validator_core::{Config, Decision, OnlineAnswer};
use oauth_validator_fixtures::{keys, mint};
use serde_json::{Value, json};
use std::cell::OnceCell;

/// Google's tokens are for one of its clients.
const CLIENT: &str = "1234567890-abc.apps.googleusercontent.com";

const TOKENINFO: &str = "[profiles.google]\npreset = \"google\"\n\
     audience = [\"1234567890-abc.apps.googleusercontent.com\"]\nhba_issuers = [\"https://idp.example/corp\"]\n\
     clients = { claims = [\"$.azp\"], allow = [\"1234567890-abc.apps.googleusercontent.com\"] }\n";

struct FixedAnswer {
    introspection: FuzzedConfig,
    tokeninfo: FuzzedConfig,
    world: FuzzResolver,
    jwt: String,
}

fn fixed() -> FixedAnswer {
    let asks = "mode = \"introspection\"\nintrospection = { endpoint = \"https://idp.example/i\", auth = \"none\" }\n";
    let parsed = Config::parse(TOKENINFO.as_bytes(), "oauth-validator.toml");
    let config = parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.findings));
    let mut request = crate::world::request(false);
    request.hba_scope = "openid".to_owned();
    let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "ana"});
    FixedAnswer {
        introspection: FuzzedConfig::of(asks),
        tokeninfo: FuzzedConfig { config, request },
        world: FuzzResolver::of_the_issuer(),
        jwt: mint::mint(keys::ed25519(), &json!({"alg": "EdDSA", "typ": "at+jwt"}), &claims),
    }
}

thread_local! {
    static FIXED: OnceCell<FixedAnswer> = const { OnceCell::new() };
}

/// Decides about a token of which the provider says these bytes.
pub fn check(data: &[u8]) {
    let Some((how, body)) = data.split_first() else { return };
    let Ok(body) = std::str::from_utf8(body) else { return };
    FIXED.with(|cell| {
        let fixed = cell.get_or_init(fixed);
        let by_google = how & 1 != 0;
        let setting = if by_google { &fixed.tokeninfo } else { &fixed.introspection };
        let token = if how & 2 != 0 { fixed.jwt.as_bytes() } else { b"opaque-token_0123456789" };
        let status = if how & 4 != 0 { 400 } else { 200 };
        let answer = OnlineAnswer { status, body: body.to_owned() };
        let world = FuzzResolver { answer: Some(answer), ..fixed.world.clone() };
        let Decision::Granted(grant) = decided(&world, setting, token) else { return };
        assert_eq!(status, 200, "granted by a refusal: {body}");
        let said: Value = serde_json::from_str(body).expect("granted by what is no JSON");
        if by_google {
            assert_eq!((&said["aud"], &said["azp"]), (&json!(CLIENT), &json!(CLIENT)), "{said}");
            assert!(said.get("error").is_none(), "{said}");
        } else {
            assert_eq!(said["active"], Value::Bool(true), "granted to {:?}: {said}", grant.authn_id());
            assert!(fits_here(&said, true), "granted to {:?}: {said}", grant.authn_id());
        }
    });
}
