//! What all tests share: a provider that is asked, a server with profiles that ask it, and the one way to be refused.
//!
//! It must never let a login pass as refused because something else broke: each refusal is checked for its code in the
//! log. When a [`Scene`] ends, its whole log is searched for the tokens that were shown, for the server's own secret,
//! and for what the provider told of people.

use oauth_validator_fixtures::{Forbidden, TokenBuilder, jwks, keys, mint, secret};
use oauth_validator_mock_provider::{MockProvider, Reply};
use oauth_validator_server_tests::{ClientSession, Cluster, ClusterOptions, Login, LoginOutcome, now, tool_path};
use serde_json::{Value, json};
use std::fs;
use std::sync::Mutex;
use std::thread;

pub const INTROSPECT: &str = "/introspect";

/// Everything the server can say, with the places it says it at.
pub const TALKATIVE: &str = "log_min_messages = debug5\nlog_error_verbosity = verbose\n";

/// Who may log in as whom: the role picks the line, and the line the profiles.
const HBA: &str = r#"
local all ana oauth issuer="https://corp.example" scope="db.connect" map=people
local all app_reader,app_admin oauth issuer="https://corp.example" scope="db.connect" delegate_ident_mapping=1
local all kim oauth issuer="https://keys.example" scope="db.connect"
local all "left:pia" oauth issuer="https://pair.example" scope="db.connect"
local all "ask:max","jwt:max" oauth issuer="https://mixed.example" scope="db.connect"
local all tim oauth issuer="https://accounts.example" scope="db.connect"
"#;

const IDENT: &str = "people ana@corp.example ana\n";

const ROLES: &str = r#"
CREATE ROLE ana LOGIN; CREATE ROLE app_reader LOGIN; CREATE ROLE app_admin LOGIN; CREATE ROLE kim LOGIN;
CREATE ROLE "left:pia" LOGIN; CREATE ROLE "ask:max" LOGIN; CREATE ROLE "jwt:max" LOGIN; CREATE ROLE tim LOGIN;
"#;

/// A provider, and a server that asks it about what `ana` and the others show.
pub struct Scene {
    pub cluster: Cluster,
    pub provider: MockProvider,
    /// What `corp` proves itself with; its characters mean something in each place where it is written.
    pub secret: String,
    forbidden: Mutex<Forbidden>,
}

impl Scene {
    /// A server that says all it can.
    pub fn start() -> Self {
        Self::with(TALKATIVE)
    }

    /// With these lines of postgresql.conf.
    pub fn with(conf: &str) -> Self {
        Self::of(MockProvider::start(), conf)
    }

    /// With these, and this provider.
    pub fn of(provider: MockProvider, conf: &str) -> Self {
        let cluster = Cluster::start(ClusterOptions {
            helper: Some(tool_path()),
            config: Some(config(&provider, "5s")),
            hba: HBA.into(),
            ident: IDENT.into(),
            conf: conf.into(),
            ..ClusterOptions::with_module()
        });
        cluster.write_file("ca.pem", fs::read(provider.ca_file()).expect("the authority"));
        cluster.write_file("keys.jwks", jwks(&[keys::corp()]).to_string());
        cluster.sql(ROLES).expect("roles");
        let secret = secret();
        let place = Self { cluster, provider, secret: format!("{secret}:+%\u{e4}"), forbidden: Mutex::default() };
        place.forbid(&place.secret, "the server");
        place.cluster.write_file("corp.secret", &place.secret);
        place.provider.demand_authorization(INTROSPECT, Some(&basic(&format!("{secret}%3A%2B%25%C3%A4"))));
        place
    }

    pub fn set_timeout(&self, timeout: &str) {
        self.cluster.write_config(&config(&self.provider, timeout));
    }

    /// Has the answers about tokens of `corp` kept for so long.
    pub fn keep_for(&self, time: &str) {
        self.cluster.write_config(&self.config_with(time, ""));
    }

    /// The configuration in which these answers are kept for so long, and the profile has a further setting.
    pub fn config_with(&self, time: &str, further: &str) -> String {
        let file = "client_secret_file = \"corp.secret\"";
        let config = config(&self.provider, "5s").replace(file, &format!("{file}, cache = \"{time}\""));
        config.replacen("mode = ", &format!("{further}\nmode = "), 1)
    }

    /// From now on this must not be seen anywhere.
    pub fn forbid(&self, text: &str, whose: &str) {
        self.forbidden.lock().expect("no panic").add_token(text, whose);
    }

    #[track_caller]
    pub fn assert_secret(&self, text: &[u8]) {
        assert_eq!(self.forbidden.lock().expect("no panic").found_in(text), None);
    }

    /// A token of which the provider knows nothing.
    pub fn unknown(&self) -> String {
        let token = secret();
        self.forbid(&token, "somebody");
        token
    }

    /// A token for which this is answered.
    pub fn token(&self, reply: Reply) -> String {
        let token = self.unknown();
        self.provider.set_reply_about(INTROSPECT, &token, reply);
        token
    }

    /// A token that is good but for this: members that are null are taken out of the answer.
    pub fn changed(&self, change: &Value) -> String {
        self.token(Reply::json(&self.answer(change)))
    }

    /// A token that lets `ana` in.
    pub fn good(&self) -> String {
        self.changed(&json!({}))
    }

    /// The answer about such a token.
    pub fn answer(&self, change: &Value) -> Value {
        let name = secret();
        self.forbid(&name, "the provider's answer");
        let mut answer = json!({
            "active": true, "iss": "https://corp.example", "sub": "ana@corp.example", "aud": "api://db",
            "client_id": "psql", "scope": "db.connect", "token_type": "Bearer", "name": name,
            "iat": now(), "exp": now() + 600
        });
        for (member, value) in change.as_object().expect("an object") {
            answer[member] = value.clone();
        }
        answer.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
        answer
    }

    /// Questions about tokens.
    pub fn asked(&self) -> usize {
        self.provider.request_count(INTROSPECT)
    }

    #[track_caller]
    pub fn lets_in(&self, role: &str, token: &str, identity: &str) -> ClientSession {
        let mark = self.cluster.log_mark();
        let attempt = self.cluster.login(&Login::new(role, "postgres").token(token));
        self.assert_secret(&attempt.received);
        let mut session = match attempt.outcome {
            LoginOutcome::Accepted(session) => session,
            other => panic!("{role} was not let in: {other:?}\n{}", denials(&self.cluster.log_since(mark))),
        };
        assert_eq!(session.system_user(), Ok(Some(format!("oauth:{identity}"))));
        session
    }

    /// Lets `ana` in with this token.
    #[track_caller]
    pub fn lets_ana_in(&self, token: &str) {
        self.lets_in("ana", token, "ana@corp.example");
    }

    /// One refusal, of which the client learns nothing, for `CODE (profile "NAME")`, or for a code that no profile has;
    /// returns what the log says of it.
    #[track_caller]
    pub fn refuses(&self, role: &str, token: &str, code: &str) -> String {
        let mark = self.cluster.log_mark();
        let attempt = self.cluster.login(&Login::new(role, "postgres").token(token));
        let error = attempt.refused();
        let message = format!("OAuth bearer authentication failed for user \"{role}\"");
        assert_eq!(
            (error.sqlstate.as_str(), &error.message, &error.detail, &error.hint),
            ("28000", &message, &None, &None),
            "{error}"
        );
        self.assert_secret(&attempt.received);
        let denial = denials(&self.cluster.wait_for_log(mark, "FATAL:"));
        let said: Vec<&str> = denial.split("denied: ").skip(1).filter_map(|rest| rest.lines().next()).collect();
        assert_eq!(said, [code], "{denial}");
        denial
    }

    #[track_caller]
    pub fn refuses_ana(&self, token: &str, code: &str) -> String {
        self.refuses("ana", token, &format!("{code} (profile \"corp\")"))
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

/// The header of `postgres` with this secret, both encoded as in a form already.
pub fn basic(encoded_secret: &str) -> String {
    let mut base64 = mint::b64(format!("postgres:{encoded_secret}")).replace('-', "+").replace('_', "/");
    base64 += &"==="[..(4 - base64.len() % 4) % 4];
    format!("Basic {base64}")
}

fn config(provider: &MockProvider, timeout: &str) -> String {
    let base = provider.base_url();
    let asking = |name: &str, issuer: &str, prefix: &str| {
        format!(
            r#"
[profiles.{name}]
issuer = "https://{name}.example"
hba_issuers = ["https://{issuer}.example"]
audience = ["api://db"]
clients = {{ claims = ["$.client_id"], allow = ["psql"] }}
mode = "introspection"
identity = {{ claim = "$.sub", prefix = "{prefix}" }}
roles = {{ claim = "$.roles[*]", map = {{ "DB.Reader" = ["app_reader"] }} }}
keys = {{ ca_file = "ca.pem", timeout = "{timeout}" }}
"#
        )
    };
    let with_keys = |name: &str, issuer: &str, prefix: &str| {
        format!(
            r#"
[profiles.{name}]
issuer = "https://{name}.example"
hba_issuers = ["https://{issuer}.example"]
audience = ["api://db"]
identity = {{ claim = "$.sub", prefix = "{prefix}" }}
keys = {{ jwks_file = "keys.jwks" }}
"#
        )
    };
    let endpoint = |name: &str| format!("introspection = {{ endpoint = \"{base}/{name}\", auth = \"none\" }}\n");
    [
        asking("corp", "corp", ""),
        format!("introspection = {{ endpoint = \"{base}{INTROSPECT}\", client_id = \"postgres\", client_secret_file = \"corp.secret\" }}\n"),
        asking("left", "pair", "left:") + &endpoint("left"),
        asking("right", "pair", "right:") + &endpoint("right"),
        asking("ask", "mixed", "ask:") + &endpoint("ask"),
        with_keys("jwt", "mixed", "jwt:"),
        with_keys("keys", "keys", ""),
        asking("accounts", "accounts", "").replace("\"introspection\"", "\"tokeninfo\"").replace("client_id", "azp") + &endpoint("tokeninfo"),
    ]
    .concat()
}

/// A JWT of this issuer, good for the profiles with keys. It holds secrets.
pub fn jwt(issuer: &str, subject: &str) -> String {
    let claims = json!({
        "iss": issuer, "sub": subject, "aud": "api://db", "scope": "db.connect", "client_id": "psql",
        "iat": now(), "exp": now() + 600
    });
    TokenBuilder::new(json!({"typ": "at+jwt"}), claims).sign(keys::corp())
}

/// All denials in a piece of the log, each with the lines that belong to it.
pub fn denials(log: &str) -> String {
    let mut said = String::new();
    let mut belongs = false;
    for line in log.lines() {
        belongs = line.contains("oauth_validator: denied: ")
            || belongs && (line.contains("DETAIL:  ") || line.contains("HINT:  "));
        if belongs {
            said += line;
            said += "\n";
        }
    }
    said
}
