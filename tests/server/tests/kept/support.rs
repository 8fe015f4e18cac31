//! A server that tells at DEBUG1 whether what was kept decided a login.

use oauth_validator_fixtures::{TokenBuilder, jwks, keys};
use oauth_validator_server_tests::{Cluster, ClusterOptions, FinishedLogin, Login, module_path, now};
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// Longer than a file must have been as it is.
pub const SETTLED: Duration = Duration::from_millis(2_100);

const BY_KEPT: &str = "what was kept of it decides";
const KEPT_NOW: &str = "is kept for later logins";

const HBA: &str = "local all app oauth issuer=\"https://corp.example\" scope=\"db\"\n";

/// A configuration that takes tokens for this audience; those of the tests are for `pg`.
pub fn config(audience: &str) -> String {
    format!(
        "[profiles.corp]\nissuer = \"https://corp.example\"\naudience = [\"{audience}\"]\nkeys = {{ jwks_file = \"keys.jwks\" }}\n"
    )
}

/// How a login came to its configuration, as the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Kept,
    Text,
    TextAndKept,
}

pub struct Scene {
    pub cluster: Cluster,
}

impl Scene {
    pub fn start(conf: &str) -> Self {
        let cluster = Cluster::start(ClusterOptions {
            config: Some(config("pg")),
            hba: HBA.into(),
            conf: format!("log_min_messages = debug1\n{conf}"),
            module: Some(module_path()),
            ..ClusterOptions::default()
        });
        cluster.write_file("keys.jwks", jwks(&[keys::corp()]).to_string());
        cluster.sql("CREATE ROLE app LOGIN").expect("a role");
        Self { cluster }
    }

    /// One that has a form of its configuration.
    pub fn settled(conf: &str) -> Self {
        let scene = Self::start(conf);
        std::thread::sleep(SETTLED);
        assert_eq!(scene.login(None), By::TextAndKept);
        assert_eq!(scene.login(None), By::Kept);
        scene
    }

    /// A path beside the configuration.
    pub fn path(&self, name: &str) -> PathBuf {
        self.cluster.config_path().with_file_name(name)
    }

    pub fn folder(&self) -> PathBuf {
        self.cluster.data_dir().join("oauth_validator")
    }

    /// The file with the form.
    pub fn kept_file(&self) -> PathBuf {
        let entries = fs::read_dir(self.folder()).expect("a folder").map(|entry| entry.expect("an entry").path());
        let found: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "kept")).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    pub fn attempt(&self) -> FinishedLogin {
        let claims = json!({"iss": "https://corp.example", "sub": "app", "aud": "pg", "scope": "db"});
        let token =
            TokenBuilder::new(json!({"typ": "at+jwt"}), claims).claim("iat", now() - 60).claim("exp", now() + 600);
        self.cluster.login(&Login::new("app", "postgres").token(token.sign(keys::corp())))
    }

    /// A login that must be denied with this code, or let in.
    #[track_caller]
    pub fn login(&self, code: Option<&str>) -> By {
        let mark = self.cluster.log_mark();
        let attempt = self.attempt();
        let log = match code {
            None => {
                attempt.accepted();
                self.cluster.wait_for_log(mark, "connection authorized")
            }
            Some(code) => {
                attempt.refused();
                let log = self.cluster.wait_for_log(mark, "FATAL:");
                assert!(log.contains(&format!("oauth_validator: denied: {code}")), "not {code}: {log}");
                log
            }
        };
        match (log.contains(BY_KEPT), log.contains(KEPT_NOW)) {
            (true, _) => By::Kept,
            (false, true) => By::TextAndKept,
            (false, false) => By::Text,
        }
    }

    /// Nothing in the log but what belongs there.
    #[track_caller]
    pub fn assert_quiet(&self) {
        let log = self.cluster.log();
        let loud: Vec<&str> = log.lines().filter(|line| line.contains("ERROR:") || line.contains("PANIC:")).collect();
        assert!(loud.is_empty(), "{loud:?}");
        assert_eq!(self.cluster.incarnation().crashes, 0);
    }
}
