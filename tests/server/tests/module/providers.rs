//! The server that most refusals are tried on: the four shipped examples, with keys in files, and a few profiles for
//! what they do not show.
//!
//! A role picks the line of pg_hba.conf, and the line picks the profiles. Each token that is made here carries secrets:
//! strings that appear nowhere else, in its header and in its claims, so that a log can be searched for them.

use oauth_validator_fixtures::{TestKey, TokenBuilder, examples, jwks, keys, secret};
use oauth_validator_server_tests::{Cluster, ClusterOptions, Login, now};
use serde_json::{Value, json};

const ENTRA_TOML: &str = include_str!("../../../../config/examples/entra.toml");
const OKTA_TOML: &str = include_str!("../../../../config/examples/okta.toml");
const GOOGLE_TOML: &str = include_str!("../../../../config/examples/google.toml");
const KEYCLOAK_TOML: &str = include_str!("../../../../config/examples/keycloak.toml");
const LAB_TOML: &str = r#"
[profiles.lab]
issuer = "https://lab.example/realms/db"
audience = ["api://db"]
deny_jti = ["a-stolen-token"]
deny_identities = ["mallory"]
scope = { ignore = ["openid"] }
keys = { jwks_file = "lab.jwks.json", deny_kids = ["a-stolen-key"] }

[profiles.several]
issuer = "https://several.example"
audience = ["api://several"]
identity = { claim = "$.emails[*]" }
keys = { jwks_file = "lab.jwks.json" }

[profiles.twin-a]
issuer = "https://twin.example"
audience = ["api://twin-a"]
identity = { claim = "$.sub", prefix = "a:" }
keys = { jwks_file = "lab.jwks.json" }

[profiles.twin-b]
issuer = "https://twin.example"
audience = ["api://twin-b"]
identity = { claim = "$.sub", prefix = "b:" }
keys = { jwks_file = "lab.jwks.json" }

[profiles.keyless]
issuer = "https://keyless.example"
audience = ["api://keyless"]
keys = { jwks_file = "nowhere.jwks.json" }

[profiles.reports]
issuer = "https://reports.example"
audience = ["api://reports"]
databases = ["reports"]
replication = true
keys = { jwks_file = "lab.jwks.json" }
"#;

/// By role: the examples' own lines, then the rest. Physical replication has a line of its own kind.
const HBA: &str = r#"
local replication ana_reports oauth issuer="https://reports.example" scope="db.connect"
local replication ana_lab oauth issuer="https://lab.example/realms/db" scope="db.connect"
local all ana_entra oauth issuer="https://login.microsoftonline.com/9a8b7c6d-2222-4eee-9fff-000000000001/v2.0" scope="openid api://0f1e2d3c-0000-4a5b-8c6d-111111111111/db.connect" map=entra
local all ana_okta oauth issuer="https://acme.okta.example/oauth2/aus000001" scope="db.connect" map=okta
local all ana_google oauth issuer="https://accounts.google.com" scope="openid email" map=google
local all ana_keycloak oauth issuer="https://kc.example/realms/corp" scope="connect:postgres" map=keycloak
local all ana_lab oauth issuer="https://lab.example/realms/db" scope="db.connect"
local all ana_url oauth issuer="https://lab.example/realms/db/.well-known/openid-configuration" scope="db.connect"
local all ana_rfc oauth issuer="https://lab.example/.well-known/oauth-authorization-server/realms/db" scope="db.connect"
local all ana_tabs oauth issuer="https://lab.example/realms/db" scope="	db.connect	 	openid  db.connect "
local all ana_bare oauth issuer="https://lab.example/realms/db" scope="openid"
local all ana_delegated oauth issuer="https://lab.example/realms/db" scope="db.connect" delegate_ident_mapping=1
local all ana_several oauth issuer="https://several.example" scope="db.connect"
local all ana_twin oauth issuer="https://twin.example" scope="db.connect"
local all ana_keyless oauth issuer="https://keyless.example" scope="db.connect"
local all ana_reports oauth issuer="https://reports.example" scope="db.connect"
local all ana_stranger oauth issuer="https://stranger.example" scope="db.connect"
local all ana_slash oauth issuer="https://lab.example/realms/db/" scope="db.connect"
"#;

/// As the comments of the examples write it.
const IDENT: &str = r"
entra     5d5d5d5d-3333-4444-8555-666666666666   ana_entra
okta      00u000user0000000h7                    ana_okta
google    /^(.*)@corp\.example$                  \1_google
keycloak  6f0c1d2e-3f40-4152-8637-485960718293   ana_keycloak
";

/// The server. Its log has everything from level `conf` on.
pub fn start(conf: &str) -> Cluster {
    let examples = [("entra", ENTRA_TOML), ("okta", OKTA_TOML), ("google", GOOGLE_TOML), ("keycloak", KEYCLOAK_TOML)]
        .map(|(profile, example)| examples::with_key_file(example, profile));
    let cluster = Cluster::start(ClusterOptions {
        config: Some(examples.concat() + LAB_TOML),
        hba: HBA.into(),
        ident: IDENT.into(),
        conf: conf.into(),
        ..ClusterOptions::with_module()
    });
    for (file, key) in [
        ("entra.jwks.json", ENTRA.key()),
        ("okta.jwks.json", OKTA.key()),
        ("google.jwks.json", GOOGLE.key()),
        ("keycloak.jwks.json", KEYCLOAK.key()),
        ("lab.jwks.json", LAB.key()),
    ] {
        cluster.write_file(file, jwks(&[key, &keys::p256().with_kid("a-stolen-key")]).to_string());
    }
    for role in ["entra", "okta", "google", "keycloak", "lab", "url", "rfc", "tabs", "reports", "delegated"] {
        cluster.sql(&format!("CREATE ROLE ana_{role} LOGIN REPLICATION")).expect("a role");
    }
    cluster.sql("CREATE DATABASE reports").expect("a database");
    cluster
}

/// A provider and the role that its line of pg_hba.conf is for.
#[derive(Clone, Copy)]
pub struct LineProvider {
    pub role: &'static str,
    pub profile: &'static str,
    key: fn() -> &'static TestKey,
    sample: fn() -> TokenBuilder,
    identity_claim: &'static str,
}

pub const ENTRA: LineProvider = LineProvider {
    role: "ana_entra",
    profile: "entra",
    key: keys::corp,
    sample: || TokenBuilder::from_sample("entra_v2_delegated"),
    identity_claim: "oid",
};
pub const OKTA: LineProvider = LineProvider {
    role: "ana_okta",
    profile: "okta",
    key: keys::partner,
    sample: || TokenBuilder::from_sample("okta_custom_as"),
    identity_claim: "uid",
};
pub const GOOGLE: LineProvider = LineProvider {
    role: "ana_google",
    profile: "google",
    key: keys::rsa3072,
    sample: || TokenBuilder::from_sample("google_id_token"),
    identity_claim: "email",
};
pub const KEYCLOAK: LineProvider = LineProvider {
    role: "ana_keycloak",
    profile: "keycloak",
    key: keys::partner,
    sample: || TokenBuilder::from_sample("keycloak_access"),
    identity_claim: "sub",
};
pub const LAB: LineProvider = LineProvider {
    role: "ana_lab",
    profile: "lab",
    key: keys::corp,
    sample: || rfc9068("https://lab.example/realms/db", "api://db"),
    identity_claim: "sub",
};
pub const SEVERAL: LineProvider = LineProvider {
    role: "ana_several",
    profile: "several",
    sample: || rfc9068("https://several.example", "api://several"),
    ..LAB
};
pub const TWIN: LineProvider =
    LineProvider { role: "ana_twin", profile: "", sample: || rfc9068("https://twin.example", "api://twin-a"), ..LAB };
pub const KEYLESS: LineProvider = LineProvider {
    role: "ana_keyless",
    profile: "keyless",
    sample: || rfc9068("https://keyless.example", "api://keyless"),
    ..LAB
};
pub const REPORTS: LineProvider = LineProvider {
    role: "ana_reports",
    profile: "reports",
    sample: || rfc9068("https://reports.example", "api://reports"),
    ..LAB
};

fn rfc9068(issuer: &str, audience: &str) -> TokenBuilder {
    let iat = oauth_validator_fixtures::samples::ISSUED_AT;
    let claims = json!({
        "iss": issuer, "aud": audience, "sub": "ana", "client_id": "psql", "scope": "db.connect",
        "iat": iat, "exp": iat + 600, "jti": "x"
    });
    TokenBuilder::new(json!({"typ": "at+jwt"}), claims)
}

impl LineProvider {
    pub fn key(&self) -> &'static TestKey {
        (self.key)()
    }

    /// The provider's token for Ana, fresh, as its documentation shows it.
    pub fn user(&self) -> TokenBuilder {
        (self.sample)().at(now())
    }

    /// A token that the profile accepts as well, for somebody whose identity is a secret, and full of others.
    pub fn secret_user(&self) -> TokenBuilder {
        self.user()
            .header("jku", secret())
            .header("x5u", secret())
            .header("x5t", secret())
            .claim("sub", secret())
            .claim("jti", secret())
            .claim("name", secret())
            .claim("preferred_username", secret())
            .claim("https://corp.example/custom", json!([{"deep": secret()}]))
            .claim(self.identity_claim, secret())
    }

    /// The identity that a token of this provider asserts.
    pub fn identity_of(&self, token: &TokenBuilder) -> String {
        match &token.claims()[self.identity_claim] {
            Value::String(identity) => identity.clone(),
            other => panic!("{other} is no identity"),
        }
    }

    pub fn login<'a>(&self, token: &str) -> Login<'a> {
        Login::new(self.role, "postgres").token(token)
    }
}
