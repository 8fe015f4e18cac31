//! What the tests of Microsoft Graph share: a directory with users and nested groups, and a server whose profile looks
//! groups up in it.
//!
//! It must never let a login pass as refused because something else broke: each refusal is checked for its code in the log.
//! When a [`Tenant`] ends, its whole log is searched for tokens, for the application's secret and for its token.

use crate::support::TALKATIVE;
use oauth_validator_fixtures::{Forbidden, TokenBuilder, jwks, keys, secret};
use oauth_validator_mock_provider::{BATCH, Directory, Mishap, MockProvider};
use oauth_validator_server_tests::{Cluster, ClusterOptions, Login, LoginOutcome, now, tool_path};
use serde_json::{Value, json};
use std::fs;
use std::sync::Mutex;
use std::thread;

pub const TENANT: &str = "9a8b7c6d-2222-4eee-9fff-000000000001";
pub const ANA: &str = "5d5d5d5d-3333-4444-8555-666666666666";
/// The group that is let in.
pub const DBA: &str = "6f1d2c3b-0000-4a5b-8c6d-222222222222";
/// A group in that group.
pub const TEAM: &str = "6f1d2c3b-0000-4a5b-8c6d-333333333333";
/// A group that is asked about in another request of the batch.
pub const FAR: &str = "6f1d2c3b-0000-4a5b-8c6d-444444444444";

pub struct Tenant {
    pub cluster: Cluster,
    pub provider: MockProvider,
    /// The application's secret, and its token for Graph.
    secrets: [String; 2],
    forbidden: Mutex<Forbidden>,
}

impl Tenant {
    /// A server that says all it can.
    pub fn start() -> Self {
        Self::with(TALKATIVE)
    }

    /// With these lines of postgresql.conf.
    pub fn with(conf: &str) -> Self {
        let (provider, secrets) = (MockProvider::start(), [secret(), secret()]);
        let cluster = Cluster::start(ClusterOptions {
            helper: Some(tool_path()),
            config: Some(config(&provider, "5s", "")),
            hba: "local all all oauth issuer=\"https://login.example/corp\" scope=\"db.connect\" map=entra\n"
                .to_owned(),
            ident: format!("entra {ANA} ana\nentra 5d5d5d5d-3333-4444-8555-777777777777 ana\n"),
            conf: conf.into(),
            ..ClusterOptions::with_module()
        });
        cluster.write_file("ca.pem", fs::read(provider.ca_file()).expect("the authority"));
        cluster.write_file("keys.jwks", jwks(&[keys::corp()]).to_string());
        cluster.write_file("graph.secret", &secrets[0]);
        cluster.sql("CREATE ROLE ana LOGIN").expect("a role");
        let mut forbidden = Forbidden::default();
        secrets.iter().for_each(|secret| forbidden.add_token(secret, "the application's"));
        let tenant = Self { cluster, provider, secrets, forbidden: Mutex::new(forbidden) };
        tenant.publish(Mishap::None, &[TEAM]);
        tenant
    }

    /// From now on `ana` is directly in these groups, and this goes wrong. Whoever is in [`TEAM`] is in [`DBA`].
    pub fn publish(&self, mishap: Mishap, groups: &[&str]) {
        self.provider.set_directory(self.directory().with_user(ANA, groups).with(mishap));
    }

    /// One without users, in which [`TEAM`] is in [`DBA`].
    pub fn directory(&self) -> Directory {
        let [secret, token] = &self.secrets;
        Directory::new(TENANT, "postgres", secret, token).with_nested(TEAM, &[DBA])
    }

    /// The configuration with this timeout, and with further text at its end: keys of the lookup.
    pub fn configure(&self, timeout: &str, further: &str) {
        self.cluster.write_config(&config(&self.provider, timeout, further));
    }

    /// A token of `ana` without groups, with these claims besides, or without those that are null.
    pub fn token(&self, change: &Value) -> String {
        let mut claims = json!({
            "iss": "https://login.example/corp", "sub": "pairwise", "oid": ANA, "tid": TENANT, "aud": "api://db",
            "scope": "db.connect", "azp": "psql", "uti": secret(), "iat": now(), "exp": now() + 600
        });
        for (name, value) in change.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        let token = TokenBuilder::new(json!({"typ": "at+jwt"}), claims).sign(keys::corp());
        self.forbidden.lock().expect("no panic").add_token(&token, "the client's");
        token
    }

    /// Requests for the application's token, and batches.
    pub fn asked(&self) -> (usize, usize) {
        (self.provider.request_count(&self.directory().token_path()), self.provider.request_count(BATCH))
    }

    #[track_caller]
    pub fn lets_in(&self, token: &str) {
        let mark = self.cluster.log_mark();
        let attempt = self.cluster.login(&Login::new("ana", "postgres").token(token));
        match attempt.outcome {
            LoginOutcome::Accepted(_) => {}
            other => panic!("not let in: {other:?}\n{}", self.cluster.log_since(mark)),
        }
    }

    /// One refusal, of which the client learns nothing; returns what the log says of it.
    #[track_caller]
    pub fn refuses(&self, token: &str, code: &str) -> String {
        let mark = self.cluster.log_mark();
        let attempt = self.cluster.login(&Login::new("ana", "postgres").token(token));
        let error = attempt.refused();
        assert_eq!((error.sqlstate.as_str(), &error.detail, &error.hint), ("28000", &None, &None), "{error}");
        let log = self.cluster.wait_for_log(mark, "FATAL:");
        let said = log.split("denied: ").nth(1).unwrap_or_default();
        assert!(said.starts_with(&format!("{code} (profile ")), "{log}");
        log
    }
}

impl Drop for Tenant {
    fn drop(&mut self) {
        // A second panic would hide the first.
        if !thread::panicking() {
            let found = self.forbidden.lock().expect("no panic").found_in(self.cluster.log().as_bytes());
            assert_eq!(found, None);
        }
    }
}

/// `DBA` is the first of 21 groups, and `FAR` the last.
fn config(provider: &MockProvider, timeout: &str, further: &str) -> String {
    let base = provider.base_url();
    let others: Vec<String> = (0..19).map(|at| format!("\"6f1d2c3b-9999-4a5b-8c6d-{at:012}\"")).collect();
    let groups = format!("\"{DBA}\", {}, \"{FAR}\"", others.join(", "));
    let token_path = Directory::new(TENANT, "", "", "").token_path();
    format!(
        r#"
[profiles.entra]
issuer = "https://login.example/corp"
audience = ["api://db"]
clients = {{ claims = ["$.azp"], allow = ["psql"] }}
identity = {{ claim = "$.oid" }}
require = [{{ any = [{{ claim = "$.groups", contains = "{DBA}" }}, {{ claim = "$.groups", contains = "{FAR}" }}] }}]
keys = {{ jwks_file = "keys.jwks", ca_file = "ca.pem", timeout = "{timeout}" }}

[profiles.entra.lookup]
kind = "graph"
tenant = "{TENANT}"
groups = [{groups}]
client_id = "postgres"
client_secret_file = "graph.secret"
endpoint = "{base}"
token_endpoint = "{base}{token_path}"
{further}
"#
    )
}
