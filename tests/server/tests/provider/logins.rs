//! Tokens by both of the provider's grants log in, wherever the keys come from, and cost the provider nothing more.

use crate::browser::Client;
use crate::oidc::{OidcProvider, make_key};
use crate::support::{DISCOVERY, config, lets_in, lets_in_soon, start};

#[test]
fn a_service_and_a_person_log_in() {
    for alg in ["RS256", "ES256"] {
        let provider = OidcProvider::start(&[&make_key(alg, "first")]);
        let cluster = start(&provider, config(&provider, DISCOVERY));
        let client = Client::of(&provider);
        lets_in(&cluster, "app", &client.client_credentials(&[("scope", "db.connect")]));
        lets_in(&cluster, "alice", &client.device_flow("alice", "db.connect").access);
    }
}

#[test]
fn the_identity_is_the_claim_that_the_profile_names() {
    let provider = OidcProvider::start(&[&make_key("ES256", "first")]);
    let by_client = config(&provider, &format!("{DISCOVERY}\n[profiles.corp.identity]\nclaim = \"$.client_id\""));
    let cluster = start(&provider, by_client);
    cluster.sql("CREATE ROLE psql LOGIN").expect("a role");
    let person = Client::of(&provider).device_flow("alice", "db.connect").access;
    lets_in(&cluster, "psql", &person);

    // The token is as good as before, and the identity is another: the server's own comparison refuses.
    let mark = cluster.log_mark();
    let attempt = cluster.login(&oauth_validator_server_tests::Login::new("alice", "postgres").token(&person));
    assert_eq!(attempt.refused().sqlstate, "28000");
    let log = cluster.wait_for_log(mark, "FATAL:");
    assert!(log.contains("identity=\"psql\"") && !log.contains("oauth_validator: denied"), "{log}");
}

#[test]
fn keys_come_from_a_file_or_an_address_just_as_well() {
    let provider = OidcProvider::start(&[&make_key("RS256", "first"), &make_key("ES256", "second")]);
    let client = Client::of(&provider);
    let token = client.client_credentials(&[("scope", "db.connect")]);
    let cluster = start(&provider, config(&provider, "jwks_file = \"corp.jwks\""));
    cluster.write_file("corp.jwks", client.jwks().to_string());
    lets_in(&cluster, "app", &token);

    // Keys from another place are none of this profile's, and are asked for again after a pause.
    for key in ["jwks_url = \"ISSUER/jwks\"", "discovery_url = \"ISSUER/.well-known/openid-configuration\""] {
        let place = key.replace("ISSUER", &provider.issuer());
        cluster.write_config(&config(&provider, &format!("{DISCOVERY}\n{place}")));
        lets_in_soon(&cluster, "app", &token, "keys_unavailable");
    }
}

#[test]
fn a_provider_is_asked_once_for_many_logins() {
    let provider = OidcProvider::start(&[&make_key("ES256", "first")]);
    let token = Client::of(&provider).client_credentials(&[("scope", "db.connect")]);
    let cluster = start(&provider, config(&provider, DISCOVERY));
    let before = provider.requests("GET /jwks");
    for _ in 0..10 {
        lets_in(&cluster, "app", &token);
    }
    assert_eq!(provider.requests("GET /jwks") - before, 1);
}
