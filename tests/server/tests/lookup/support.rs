//! What all tests share: a provider with a userinfo endpoint, a server whose profiles look groups up there, and the one way
//! to be refused.
//!
//! It must never let a login pass as refused because something else broke: each refusal is checked for its code in the log.
//! When a [`Scene`] ends, its whole log is searched for the tokens that were shown and for what the provider told of people.

use oauth_validator_fixtures::{Forbidden, TokenBuilder, jwks, keys, secret};
use oauth_validator_mock_provider::{MockProvider, Reply};
use oauth_validator_server_tests::{Cluster, ClusterOptions, Login, LoginOutcome, now, tool_path};
use serde_json::{Value, json};
use std::fs;
use std::sync::Mutex;
use std::thread;

pub const USERINFO: &str = "/userinfo";

/// Everything the server can say, with the places it says it at.
pub const TALKATIVE: &str = "log_min_messages = debug5\nlog_error_verbosity = verbose\n";

/// A provider, and a server that asks it for the groups of `ana`.
pub struct Scene {
    pub cluster: Cluster,
    pub provider: MockProvider,
    forbidden: Mutex<Forbidden>,
}

impl Scene {
    /// A server that says all it can.
    pub fn start() -> Self {
        Self::with(TALKATIVE)
    }

    /// With these lines of postgresql.conf.
    pub fn with(conf: &str) -> Self {
        let provider = MockProvider::start();
        let issuer = provider.issuer();
        let hba = format!(
            "local all ana oauth issuer=\"https://corp.example\" scope=\"db.connect\"\n\
             local all app_reader,app_admin oauth issuer=\"https://corp.example\" scope=\"db.connect\" delegate_ident_mapping=1\n\
             local all kim oauth issuer=\"{issuer}\" scope=\"db.connect\"\n"
        );
        let cluster = Cluster::start(ClusterOptions {
            helper: Some(tool_path()),
            config: Some(config(&provider, "5s")),
            hba,
            conf: conf.into(),
            ..ClusterOptions::with_module()
        });
        cluster.write_file("ca.pem", fs::read(provider.ca_file()).expect("the authority"));
        cluster.write_file("keys.jwks", jwks(&[keys::corp()]).to_string());
        cluster.sql("CREATE ROLE ana LOGIN; CREATE ROLE kim LOGIN; CREATE ROLE app_reader LOGIN; CREATE ROLE app_admin LOGIN SUPERUSER").expect("roles");
        provider.set_keys(jwks(&[keys::corp()]));
        let mut metadata = provider.metadata();
        metadata["userinfo_endpoint"] = format!("{}{USERINFO}", provider.base_url()).into();
        provider.set_metadata(metadata);
        Self { cluster, provider, forbidden: Mutex::default() }
    }

    pub fn set_timeout(&self, timeout: &str) {
        self.cluster.write_config(&config(&self.provider, timeout));
    }

    /// From now on this must not be seen anywhere.
    pub fn forbid(&self, text: &str, whose: &str) {
        self.forbidden.lock().expect("no panic").add_token(text, whose);
    }

    #[track_caller]
    pub fn assert_secret(&self, text: &[u8]) {
        assert_eq!(self.forbidden.lock().expect("no panic").found_in(text), None);
    }

    /// A JWT of this issuer for `subject`, with these claims besides, or without those that are null.
    pub fn jwt(&self, issuer: &str, subject: &str, change: &Value) -> String {
        let mut claims = json!({
            "iss": issuer, "sub": subject, "aud": "api://db", "scope": "db.connect", "client_id": "psql",
            "jti": secret(), "iat": now(), "exp": now() + 600
        });
        for (name, value) in change.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        claims.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        let token = TokenBuilder::new(json!({"typ": "at+jwt"}), claims).sign(keys::corp());
        self.forbid(&token, subject);
        token
    }

    /// A token of `ana` that lacks her groups, of which the endpoint answers this.
    pub fn ana(&self, reply: Reply) -> String {
        let token = self.jwt("https://corp.example", "ana", &json!({}));
        self.provider.set_reply_to_bearer(USERINFO, &token, reply);
        token
    }

    /// One that lets her in.
    pub fn good(&self) -> String {
        self.ana(Reply::json(&self.member()))
    }

    /// What lets her in. It holds a secret.
    pub fn member(&self) -> Value {
        let name = secret();
        self.forbid(&name, "the provider's answer");
        json!({"sub": "ana", "groups": ["staff", "dba"], "name": name})
    }

    /// How often the endpoint was asked.
    pub fn asked(&self) -> usize {
        self.provider.request_count(USERINFO)
    }

    /// How often helpers were asked, and in vain, as the view says.
    pub fn helped(&self) -> Vec<Vec<Option<String>>> {
        helped(&self.cluster)
    }

    #[track_caller]
    pub fn lets_in(&self, role: &str, token: &str) {
        let mark = self.cluster.log_mark();
        let attempt = self.cluster.login(&Login::new(role, "postgres").token(token));
        self.assert_secret(&attempt.received);
        match attempt.outcome {
            LoginOutcome::Accepted(_) => {}
            other => panic!("{role} was not let in: {other:?}\n{}", self.cluster.log_since(mark)),
        }
    }

    /// One refusal, of which the client learns nothing, for `code` of `corp`; returns what the log says of it.
    #[track_caller]
    pub fn refuses(&self, role: &str, token: &str, code: &str) -> String {
        let mark = self.cluster.log_mark();
        let attempt = self.cluster.login(&Login::new(role, "postgres").token(token));
        let error = attempt.refused();
        assert_eq!((error.sqlstate.as_str(), &error.detail, &error.hint), ("28000", &None, &None), "{error}");
        self.assert_secret(&attempt.received);
        let log = self.cluster.wait_for_log(mark, "FATAL:");
        let said: Vec<&str> = log.split("denied: ").skip(1).filter_map(|rest| rest.lines().next()).collect();
        let said = said.first().copied().unwrap_or_default();
        assert!(said.starts_with(&format!("{code} (profile ")), "{log}");
        log
    }

    #[track_caller]
    pub fn refuses_ana(&self, token: &str, code: &str) -> String {
        self.refuses("ana", token, code)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // A second panic would hide the first.
        if !thread::panicking() {
            self.assert_secret(self.cluster.log().as_bytes());
        }
    }
}

/// How often helpers were asked, and in vain, as the view says.
pub fn helped(cluster: &Cluster) -> Vec<Vec<Option<String>>> {
    cluster.sql("CREATE EXTENSION IF NOT EXISTS oauth_validator").expect("the extension");
    cluster.sql("SELECT requests, failures FROM oauth_validator.helper").expect("the view")
}

/// `corp` has its keys in a file and the endpoint written down; `meta` has the provider asked for both.
pub fn config(provider: &MockProvider, timeout: &str) -> String {
    let (base, issuer) = (provider.base_url(), provider.issuer());
    format!(
        r#"
[profiles.corp]
issuer = "https://corp.example"
audience = ["api://db"]
clients = {{ claims = ["$.client_id"], allow = ["psql"] }}
require = [{{ claim = "$.groups", contains = "dba" }}]
roles = {{ claim = "$.groups[*]", map = {{ "dba" = ["app_reader", "app_admin"] }} }}
keys = {{ jwks_file = "keys.jwks", ca_file = "ca.pem", timeout = "{timeout}" }}
lookup = {{ kind = "userinfo", claims = ["groups"], endpoint = "{base}{USERINFO}" }}

[profiles.meta]
issuer = "{issuer}"
audience = ["api://db"]
require = [{{ claim = "$.groups", contains = "dba" }}]
keys = {{ ca_file = "ca.pem", timeout = "{timeout}" }}
lookup = {{ kind = "userinfo", claims = ["groups"] }}
"#
    )
}
