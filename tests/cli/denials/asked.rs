//! Logins for which a provider is asked: about the token, or for claims that it lacks.

use super::Case;
use crate::support::{CONFIG, Folder, corp, okta};
use oauth_validator_fixtures::keys;
use oauth_validator_mock_provider::{Fault, MockProvider, Reply};
use serde_json::json;

/// Opaque tokens, which only their provider can judge.
pub(super) fn of_the_provider() -> Vec<Case> {
    let asked_about = |token: String, code, answer: &str| {
        let provider = MockProvider::start();
        let json = Reply::new(200, answer).with_header("Content-Type", "application/json");
        provider.set_reply("/introspect", json);
        let (base, ca_file) = (provider.base_url(), provider.ca_file().display());
        let lines = format!(
            "mode = \"introspection\"\nkeys = {{ ca_file = \"{ca_file}\" }}\ntoken_types = []\n\
             introspection = {{ endpoint = \"{base}/introspect\", auth = \"none\" }}"
        );
        // What only a JWT has means nothing here.
        let config = corp(&lines, "").replace("token_types = []\n", "");
        Case { code, token, args: Vec::new(), folder: Folder::new(&config), provider: Some(provider) }
    };
    let asked = |code, answer| asked_about("sl.opaque-token-of-some-length".to_owned(), code, answer);
    let jwt = |claim, value: serde_json::Value| okta().claim(claim, value).sign(keys::corp());
    let good = "{\"active\":true,\"aud\":\"api://postgres\",\"uid\":\"ana\",\"scp\":[\"db.connect\"]}";
    // As openssl rand -base64 makes it, at a provider that does not decode what RFC 6749 has clients encode.
    let encoded = asked("introspection_unavailable", "{\"active\":true}");
    if let Some(provider) = &encoded.provider {
        provider.demand_authorization("/introspect", Some("Basic cHNxbDpBYitjL2RFRmdoPT0="));
        let config = std::fs::read_to_string(encoded.folder.path(CONFIG)).expect("the configuration");
        let basic = "client_id = \"psql\", client_secret_file = \"secret\"";
        encoded.folder.write(CONFIG, &config.replace("auth = \"none\"", basic));
        encoded.folder.write("secret", "Ab+c/dEFgh==\n");
    }
    let endless = asked("session_end_unknown", good);
    let config = std::fs::read_to_string(endless.folder.path(CONFIG)).expect("the configuration");
    endless.folder.write(CONFIG, &config.replacen("mode =", "session = { end = \"token\" }\nmode =", 1));
    let down = asked("introspection_unavailable", "");
    if let Some(provider) = &down.provider {
        provider.stop();
    }
    vec![
        asked("introspection_inactive", "{\"active\":false}"),
        asked("introspection_inactive", "{\"active\":\"true\"}"),
        asked("introspection_unavailable", "no JSON"),
        asked("audience_mismatch", "{\"active\":true,\"aud\":\"other\"}"),
        asked("audience_mismatch", "{\"active\":true,\"scp\":[\"db.connect\"],\"client_id\":\"psql\"}"),
        asked("identity_missing", "{\"active\":true,\"aud\":\"api://postgres\",\"scp\":[\"db.connect\"]}"),
        asked(
            "lifetime_too_long",
            "{\"active\":true,\"aud\":\"api://postgres\",\"iat\":1800000000,\"exp\":1802592000}",
        ),
        asked_about(jwt("token_use", json!("refresh")), "id_token", good),
        asked_about(jwt("exp", json!(1_802_592_000)), "lifetime_too_long", good),
        asked_about(jwt("aud", json!("api://reports")), "audience_mismatch", good),
        endless,
        down,
        encoded,
    ]
}

/// Tokens without groups, which only the userinfo endpoint can tell.
pub(super) fn of_the_lookup() -> Vec<Case> {
    let asked = |code, reply: Reply| {
        let provider = MockProvider::start();
        provider.set_reply_to_get("/userinfo", reply);
        let (base, ca_file) = (provider.base_url(), provider.ca_file().display());
        let lines = format!(
            "keys = {{ jwks_file = \"corp.jwks.json\", ca_file = \"{ca_file}\" }}\n\
             require = [{{ claim = \"$.groups\", contains = \"dba\" }}]\n\
             lookup = {{ kind = \"userinfo\", claims = [\"groups\"], endpoint = \"{base}/userinfo\" }}"
        );
        let folder = Folder::new(&corp(&lines, ""));
        Case { code, token: okta().sign(keys::corp()), args: Vec::new(), folder, provider: Some(provider) }
    };
    let says = |code, body: serde_json::Value| asked(code, Reply::json(&body));
    let redirect = asked("lookup_unavailable", Reply::json(&json!({})));
    if let Some(provider) = &redirect.provider {
        provider.set_fault("/userinfo", Fault::Redirect(302, "https://elsewhere.example/".to_owned()));
    }
    let down = asked("lookup_unavailable", Reply::json(&json!({})));
    if let Some(provider) = &down.provider {
        provider.stop();
    }
    let signed = Reply::new(200, "eyJhbGciOiJSUzI1NiJ9.e30.c2ln").with_header("Content-Type", "application/jwt");
    vec![
        down,
        redirect,
        asked("lookup_unavailable", signed),
        asked("lookup_refused", Reply::new(401, "")),
        says("lookup_mismatch", json!({"sub": "somebody else", "groups": ["dba"]})),
        says("rule_failed", json!({"sub": "ana@corp.example", "groups": ["staff"]})),
    ]
}
