//! The provider changes its keys: new ones are found, and old ones are not believed for longer than the profile says.

use crate::browser::Client;
use crate::oidc::{OidcProvider, make_key};
use crate::support::{DISCOVERY, config, lets_in, lets_in_soon, refuses, start};
use std::thread;
use std::time::Duration;

/// Keys that nothing but an unknown `kid` brings up to date.
const LONG: &str = "ca_file = \"ca.pem\"\nmin_ttl = \"1h\"\nmax_ttl = \"1h\"\nkid_cooldown";
const SCOPE: (&str, &str) = ("scope", "db.connect");

fn long(provider: &OidcProvider, kid_cooldown: &str) -> String {
    config(provider, &format!("{LONG} = \"{kid_cooldown}\""))
}

/// A token by the key that the provider signs with now.
fn token(provider: &OidcProvider) -> String {
    Client::of(provider).client_credentials(&[SCOPE])
}

#[test]
fn a_new_key_is_found_and_an_old_one_forgotten() {
    // The algorithm changes along, as it does when a provider modernises.
    let (old, new) = (make_key("RS256", "old"), make_key("ES256", "new"));
    let mut provider = OidcProvider::start(&[&old]);
    let cluster = start(&provider, long(&provider, "1h"));
    let by_old = token(&provider);
    lets_in(&cluster, "app", &by_old);

    // Nobody has told the server, and it asks as seldom as it was told to.
    provider.restart(&[&new, &old]);
    let by_new = token(&provider);
    let before = provider.requests("GET /jwks");
    refuses(&cluster, "app", &by_new, "key_unknown");
    lets_in(&cluster, "app", &by_old);
    assert_eq!(provider.requests("GET /jwks"), before);
    cluster.write_config(&long(&provider, "1s"));
    lets_in_soon(&cluster, "app", &by_new, "key_unknown");
    lets_in(&cluster, "app", &by_old);
    assert_eq!(provider.requests("GET /jwks"), before + 1);

    // What was fetched holds for as long as the profile says, and no longer.
    provider.restart(&[&new]);
    lets_in(&cluster, "app", &by_old);
    let short = format!("{DISCOVERY}\nmin_ttl = \"1s\"\nmax_ttl = \"1s\"\nstale_max = \"1s\"\nkid_cooldown = \"1s\"");
    cluster.write_config(&config(&provider, &short));
    thread::sleep(Duration::from_millis(2100));
    refuses(&cluster, "app", &by_old, "key_unknown");
    lets_in(&cluster, "app", &by_new);
}

#[test]
fn a_key_with_the_kid_of_another_is_not_that_one() {
    let [old, mut new] = ["old", "new"].map(|kid| make_key("ES256", kid));
    new["kid"] = old["kid"].clone();
    let mut provider = OidcProvider::start(&[&old]);
    let cluster = start(&provider, config(&provider, DISCOVERY));
    let by_old = token(&provider);
    lets_in(&cluster, "app", &by_old);
    provider.restart(&[&new]);
    refuses(&cluster, "app", &token(&provider), "signature_invalid");
    lets_in(&cluster, "app", &by_old);
}

#[test]
fn a_key_that_the_administrator_refuses_is_refused_while_it_is_published() {
    let [old, new] = ["old", "new"].map(|kid| make_key("ES256", kid));
    let mut provider = OidcProvider::start(&[&old]);
    let by_old = token(&provider);
    provider.restart(&[&new, &old]);
    let cluster = start(&provider, config(&provider, &format!("{DISCOVERY}\ndeny_kids = [\"old\"]")));
    lets_in(&cluster, "app", &token(&provider));
    refuses(&cluster, "app", &by_old, "token_revoked");
}
