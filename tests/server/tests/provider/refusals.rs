//! What the provider issued for something else, and what somebody made of its tokens, lets nobody in.

use crate::browser::Client;
use crate::oidc::{OidcProvider, make_key};
use crate::support::{DISCOVERY, config, lets_in, refuses, start};
use oauth_validator_fixtures::{b64, unb64};
use serde_json::{Value, json};

#[test]
fn tokens_for_something_else_are_refused() {
    let provider = OidcProvider::start(&[&make_key("ES256", "first")]);
    let client = Client::of(&provider);
    let cluster = start(&provider, config(&provider, DISCOVERY));

    let for_reports = client.client_credentials(&[("resource", "urn:reports"), ("scope", "db.connect")]);
    let log = refuses(&cluster, "app", &for_reports, "audience_mismatch");
    assert!(log.contains("accepts audience \"postgres\"; the token is for another."), "{log}");
    let scopeless = client.client_credentials(&[]);
    refuses(&cluster, "app", &scopeless, "scope_missing");
    let to_read = client.client_credentials(&[("scope", "db.read")]);
    refuses(&cluster, "app", &to_read, "scope_missing");

    // The person is asked for as much, and gets as little.
    let to_read = client.device_flow("alice", "db.read").access;
    refuses(&cluster, "alice", &to_read, "scope_missing");

    let right = client.client_credentials(&[("scope", "db.read db.connect"), ("resource", "urn:postgres")]);
    lets_in(&cluster, "app", &right);
}

#[test]
fn an_id_token_is_no_access_token() {
    let provider = OidcProvider::start(&[&make_key("RS256", "first")]);
    let cluster = start(&provider, config(&provider, DISCOVERY));
    let tokens = Client::of(&provider).device_flow("alice", "openid db.connect");
    let id_token = tokens.id.expect("an ID token");

    refuses(&cluster, "alice", &id_token, "token_type");
    lets_in(&cluster, "alice", &tokens.access);

    // An administrator who takes the client's name for an audience, and any type, has still not let it in.
    let careless = config(&provider, DISCOVERY).replace(
        r#"audience = ["postgres"]"#,
        "audience = [\"postgres\", \"psql\"]\ntoken_types = [\"at+jwt\", \"JWT\", \"\"]",
    );
    cluster.write_config(&careless);
    refuses(&cluster, "alice", &id_token, "id_token");
    lets_in(&cluster, "alice", &tokens.access);
}

#[test]
fn tokens_that_somebody_changed_are_refused() {
    let provider = OidcProvider::start(&[&make_key("RS256", "first"), &make_key("ES256", "second")]);
    let cluster = start(&provider, config(&provider, DISCOVERY));
    let token = Client::of(&provider).client_credentials(&[("scope", "db.connect")]);
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("three parts") };

    let as_alice = edited(claims, "sub", json!("alice"));
    refuses(&cluster, "alice", &format!("{header}.{as_alice}.{signature}"), "signature_invalid");
    let for_longer = edited(claims, "exp", json!(4_000_000_000_u64));
    refuses(&cluster, "app", &format!("{header}.{for_longer}.{signature}"), "signature_invalid");
    let mut bytes = unb64(signature);
    bytes[100] ^= 1;
    refuses(&cluster, "app", &format!("{header}.{claims}.{}", b64(&bytes)), "signature_invalid");
    let by_another_key = edited(&edited(header, "kid", json!("second")), "alg", json!("ES256"));
    refuses(&cluster, "app", &format!("{by_another_key}.{claims}.{}", b64([7; 64])), "signature_invalid");

    for (alg, code) in [("none", "algorithm"), ("HS256", "algorithm"), ("ES256", "key_unknown")] {
        let renamed = edited(header, "alg", json!(alg));
        refuses(&cluster, "app", &format!("{renamed}.{claims}.{signature}"), code);
    }
    lets_in(&cluster, "app", &token);
}

#[test]
fn tokens_of_another_provider_are_refused() {
    let (provider, other) =
        (OidcProvider::start(&[&make_key("ES256", "first")]), OidcProvider::start(&[&make_key("ES256", "first")]));
    let cluster = start(&provider, config(&provider, DISCOVERY));
    let scope = [("scope", "db.connect")];
    let foreign = Client::of(&other).client_credentials(&scope);
    refuses(&cluster, "app", &foreign, "issuer_mismatch");

    let [header, claims, signature] = foreign.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let renamed = edited(claims, "iss", json!(provider.issuer()));
    refuses(&cluster, "app", &format!("{header}.{renamed}.{signature}"), "signature_invalid");
    lets_in(&cluster, "app", &Client::of(&provider).client_credentials(&scope));
}

/// A part of a token with one member set.
fn edited(part: &str, name: &str, value: Value) -> String {
    let mut document: Value = serde_json::from_slice(&unb64(part)).expect("a part is JSON");
    document[name] = value;
    b64(document.to_string())
}
