//! Opaque tokens: the provider is asked about each at each login, and what it says holds from then on.

use crate::browser::{Client, Tokens};
use crate::oidc::{OidcProvider, make_key};
use crate::support::{config, lets_in, refuses, start};
use oauth_validator_server_tests::Cluster;

const ASKED: &str = "POST /token/introspection";
const OPAQUE: (&str, &str) = ("resource", "urn:postgres:opaque");
const SCOPE: (&str, &str) = ("scope", "db.connect");

/// What provider.mjs knows of `server:basic` and `server:post`.
const SECRET: &str = "a:b+c%d%2B e&f=g";
const SECRET_BEYOND_ASCII: &str = "a:b+c%d%2B e&f=g-\u{e9}\u{4e2d}\u{1f511}";

/// A provider, a server that asks it, and a client of both.
struct Scene {
    provider: OidcProvider,
    client: Client,
    cluster: Cluster,
}

impl Scene {
    /// A server that proves itself as `server:AUTH` with this secret.
    fn start(auth: &str, secret: &str) -> Self {
        let provider = OidcProvider::start(&[&make_key("ES256", "first")]);
        let client = Client::of(&provider);
        let cluster = start(&provider, asking(&provider, &client, auth));
        let place = Self { provider, client, cluster };
        place.set_secret(secret);
        place
    }

    fn set_secret(&self, secret: &str) {
        self.cluster.write_file("corp.secret", format!("{secret}\n"));
    }

    /// An opaque token for the database, of a person with this name.
    fn tokens_of(&self, name: &str) -> Tokens {
        self.client.device_flow_with(name, &[OPAQUE, SCOPE])
    }

    fn asked(&self) -> usize {
        self.provider.requests(ASKED)
    }
}

fn asking(provider: &OidcProvider, client: &Client, auth: &str) -> String {
    let profile = config(provider, "ca_file = \"ca.pem\"\ntimeout = \"5s\"");
    let profile = profile.replace("preset = \"rfc9068\"", "mode = \"introspection\"");
    let endpoint = client.introspection_endpoint();
    format!(
        "{profile}\n[profiles.corp.introspection]\nendpoint = \"{endpoint}\"\nauth = \"{auth}\"\nclient_id = \"server:{auth}\"\nclient_secret_file = \"corp.secret\"\n"
    )
}

#[test]
fn each_login_asks_whatever_is_in_the_secret() {
    for (auth, secret) in [("basic", SECRET), ("post", SECRET_BEYOND_ASCII)] {
        let place = Scene::start(auth, secret);
        let token = place.tokens_of("alice").access;
        assert!(!token.contains('.'), "it is opaque");
        for logins in 1..=3 {
            lets_in(&place.cluster, "alice", &token);
            assert_eq!(place.asked(), logins, "{auth}");
        }
    }
}

#[test]
fn a_revoked_token_is_refused_at_the_next_login() {
    let place = Scene::start("basic", SECRET);
    let (token, other) = (place.tokens_of("alice").access, place.tokens_of("alice").access);
    lets_in(&place.cluster, "alice", &token);
    place.client.revoke(&token);
    let log = refuses(&place.cluster, "alice", &token, "introspection_inactive");
    assert!(log.contains("The provider says that the token is not active."), "{log}");
    lets_in(&place.cluster, "alice", &other);
    refuses(&place.cluster, "alice", &token, "introspection_inactive");
}

#[test]
fn an_active_token_for_something_else_is_refused() {
    let place = Scene::start("basic", SECRET);
    let Scene { client, cluster, .. } = &place;
    let for_reports = [("resource", "urn:reports:opaque"), SCOPE];
    refuses(cluster, "alice", &client.device_flow_with("alice", &for_reports).access, "audience_mismatch");
    let to_read = [OPAQUE, ("scope", "db.read")];
    refuses(cluster, "alice", &client.device_flow_with("alice", &to_read).access, "scope_missing");
    // A service that acts for itself is nobody: the answer has no `sub`.
    refuses(cluster, "app", &client.client_credentials(&[OPAQUE, SCOPE]), "identity_missing");
    // The provider calls it active, and does not say what it is.
    let tokens = place.tokens_of("alice");
    refuses(cluster, "alice", &tokens.refresh, "audience_mismatch");
    lets_in(cluster, "alice", &tokens.access);
}

#[test]
fn a_token_that_nobody_issued_is_not_active() {
    let place = Scene::start("post", SECRET_BEYOND_ASCII);
    let token = place.tokens_of("alice").access;
    let upside_down: String = token.chars().rev().collect();
    for stranger in [upside_down.as_str(), &token[1..], &format!("{token}A"), "not-one-of-yours"] {
        refuses(&place.cluster, "alice", stranger, "introspection_inactive");
    }
    assert_eq!(place.asked(), 4);
    lets_in(&place.cluster, "alice", &token);

    // Of its own JWTs it knows no more than anybody can verify, so this one refuses to be asked.
    let jwt = place.client.device_flow("alice", "db.connect").access;
    let log = refuses(&place.cluster, "alice", &jwt, "introspection_unavailable");
    assert!(log.contains("status 400"), "{log}");
    // Those of another provider are nothing to ask it about.
    let other = OidcProvider::start(&[&make_key("ES256", "first")]);
    let asked = place.asked();
    refuses(&place.cluster, "app", &Client::of(&other).client_credentials(&[SCOPE]), "issuer_mismatch");
    assert_eq!(place.asked(), asked);
}

#[test]
fn a_wrong_secret_and_a_stopped_provider_are_told_apart() {
    let mut place = Scene::start("basic", SECRET);
    let token = place.tokens_of("alice").access;
    for wrong in ["wrong", "a:b+c%d+ e&f=g", "a%3Ab%2Bc%25d%252B+e%26f%3Dg"] {
        place.set_secret(wrong);
        let log = refuses(&place.cluster, "alice", &token, "introspection_unavailable");
        assert!(log.contains("does not accept this server's own credentials, status 401"), "{log}");
    }
    // RFC 6749, appendix A.2: no secret of RFC 6749 has such characters, so this is a request that is none.
    place.set_secret(SECRET_BEYOND_ASCII);
    let log = refuses(&place.cluster, "alice", &token, "introspection_unavailable");
    assert!(log.contains("refused the request itself, with status 400"), "{log}");

    place.set_secret(SECRET);
    lets_in(&place.cluster, "alice", &token);
    place.provider.stop();
    let log = refuses(&place.cluster, "alice", &token, "introspection_unavailable");
    assert!(log.contains("connection refused") || log.contains("Connection refused"), "{log}");
    assert!(!log.contains("credentials"), "{log}");

    // It forgets its tokens when it ends.
    place.provider.restart(&[&make_key("ES256", "first")]);
    refuses(&place.cluster, "alice", &token, "introspection_inactive");
    lets_in(&place.cluster, "alice", &place.tokens_of("alice").access);
}
