//! The one server that all trials share, and what it says of a login.

use crate::profile::TrialFiles;
use oauth_validator_server_tests::{Cluster, ClusterOptions, Login, LoginOutcome, tool_path};

/// A server whose files are those of the trial that runs.
pub struct Scene {
    cluster: Cluster,
}

/// What became of a login.
pub struct TrialOutcome {
    /// `granted`, or the code of the denial.
    pub said: String,
    /// Who it was, as the session says.
    pub identity: Option<String>,
    /// What the server wrote.
    pub log: String,
}

/// Whom all identities are mapped to.
const ROLE: &str = "ana";

impl Scene {
    pub fn start() -> Self {
        let cluster = Cluster::start(ClusterOptions { helper: Some(tool_path()), ..ClusterOptions::with_module() });
        cluster.sql(&format!("CREATE ROLE {ROLE} LOGIN")).expect("a role");
        Self { cluster }
    }

    /// Has the server read these files, with everybody mapped to one role: who it was is for the caller to compare.
    pub fn read(&self, files: &TrialFiles) {
        self.set_config(&files.config.to_string());
        self.cluster.set_hba(&format!("{}\n", files.hba));
        self.cluster.set_ident(&format!("{} /^ {ROLE}\n", files.name));
        self.cluster.reload();
    }

    /// The next login reads this.
    pub fn set_config(&self, config: &str) {
        self.cluster.write_config(config);
    }

    /// What this server proves itself by.
    pub fn set_secret(&self, secret: &str) {
        self.cluster.write_file("secret", format!("{secret}\n"));
    }

    /// Shows a token, which must never be in the log.
    pub fn show(&self, token: &str) -> TrialOutcome {
        let mark = self.cluster.log_mark();
        let attempt = self.cluster.login(&Login::new(ROLE, "postgres").token(token));
        let outcome = match attempt.outcome {
            LoginOutcome::Accepted(mut session) => {
                let user = session.system_user().expect("an answer").unwrap_or_default();
                let identity = user.strip_prefix("oauth:").map(str::to_owned);
                TrialOutcome { said: "granted".to_owned(), identity, log: self.cluster.log_since(mark) }
            }
            LoginOutcome::Refused(_) => {
                let log = self.cluster.wait_for_log(mark, "FATAL:");
                let denial = log.split_once("oauth_validator: denied: ").map(|(_, rest)| rest);
                let code = denial.and_then(|rest| rest.split([' ', '\n']).next());
                TrialOutcome { said: code.unwrap_or("no denial of the validator's").to_owned(), identity: None, log }
            }
            other => panic!("{other:?}\n{}", self.cluster.log_since(mark)),
        };
        assert!(!outcome.log.contains(token), "the log has the token");
        outcome
    }
}
