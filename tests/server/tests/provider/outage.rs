//! The provider is away, or somebody else is in its place.

use crate::browser::Client;
use crate::oidc::{OidcProvider, make_key};
use crate::support::{DISCOVERY, config, lets_in, lets_in_soon, refuses, start};
use oauth_validator_mock_provider::LocalhostCertificate;
use std::thread;
use std::time::Duration;

const SCOPE: (&str, &str) = ("scope", "db.connect");

/// Keys that are to be refreshed with each login after a second.
fn short(provider: &OidcProvider, stale_max: &str) -> String {
    let times = "min_ttl = \"1s\"\nmax_ttl = \"1s\"\nkid_cooldown = \"1s\"\ntimeout = \"2s\"";
    config(provider, &format!("{DISCOVERY}\n{times}\nstale_max = \"{stale_max}\""))
}

#[test]
fn logins_go_on_without_the_provider_until_stale_max() {
    let mut provider = OidcProvider::start(&[&make_key("ES256", "first")]);
    let token = Client::of(&provider).client_credentials(&[SCOPE]);
    let key = make_key("ES256", "second");
    let mut cluster = start(&provider, short(&provider, "1h"));
    lets_in(&cluster, "app", &token);
    provider.stop();

    // Past max_ttl, and with a server that has forgotten all but what is in its files.
    thread::sleep(Duration::from_millis(1200));
    lets_in(&cluster, "app", &token);
    cluster.restart();
    lets_in(&cluster, "app", &token);

    // The keys were fetched more than 1 + 1 seconds ago.
    thread::sleep(Duration::from_millis(1000));
    cluster.write_config(&short(&provider, "1s"));
    let log = refuses(&cluster, "app", &token, "keys_unavailable");
    assert!(log.contains(&provider.issuer()), "{log}");
    refuses(&cluster, "app", &token, "keys_unavailable");

    provider.restart(&[&key]);
    let by_second = Client::of(&provider).client_credentials(&[SCOPE]);
    lets_in_soon(&cluster, "app", &by_second, "keys_unavailable");
    refuses(&cluster, "app", &token, "key_unknown");
}

#[test]
fn a_server_that_never_reached_the_provider_lets_nobody_in() {
    let key = make_key("RS256", "first");
    let mut provider = OidcProvider::start(&[&key]);
    let token = Client::of(&provider).client_credentials(&[SCOPE]);
    provider.stop();
    let cluster = start(&provider, short(&provider, "1h"));
    refuses(&cluster, "app", &token, "keys_unavailable");
    provider.restart(&[&key]);
    lets_in_soon(&cluster, "app", &token, "keys_unavailable");
}

#[test]
fn a_provider_with_another_authority_is_not_believed() {
    let provider = OidcProvider::start(&[&make_key("ES256", "first")]);
    let token = Client::of(&provider).client_credentials(&[SCOPE]);
    let cluster = start(&provider, short(&provider, "1h"));
    let ca_file = cluster.write_file("ca.pem", LocalhostCertificate::new().ca_pem);
    let before = provider.requests("GET /.well-known/openid-configuration");
    let log = refuses(&cluster, "app", &token, "keys_unavailable");
    assert!(log.contains("certificate"), "{log}");

    // The system's authorities do not know this one either.
    cluster.write_config(&short(&provider, "1h").replace(DISCOVERY, ""));
    thread::sleep(Duration::from_millis(1100));
    let log = refuses(&cluster, "app", &token, "keys_unavailable");
    assert!(log.contains("certificate"), "{log}");
    assert_eq!(provider.requests("GET /.well-known/openid-configuration"), before);

    // Keys that were fetched under one authority are none under another, however fresh they are.
    let long = config(&provider, DISCOVERY);
    cluster.write_config(&long);
    cluster.write_file("ca.pem", provider.ca_pem());
    lets_in_soon(&cluster, "app", &token, "keys_unavailable");
    cluster.write_file("ca.pem", LocalhostCertificate::new().ca_pem);
    refuses(&cluster, "app", &token, "keys_unavailable");

    std::fs::remove_file(&ca_file).expect("a file to remove");
    let log = refuses(&cluster, "app", &token, "keys_unavailable");
    assert!(log.contains("ca_file") && log.contains("ca.pem"), "{log}");
    cluster.write_file("ca.pem", provider.ca_pem());
    lets_in_soon(&cluster, "app", &token, "keys_unavailable");
}
