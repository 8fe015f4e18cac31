//! Two servers that differ in their validator alone, and the provider whose keys one of them knows.

use crate::client::{Client, Proof};
use crate::variant::{ALL, Asked, CA_FILE, INTROSPECT, Variant, every};
use oauth_validator_mock_provider::{Provider, Reply};
use oauth_validator_server_tests::{Cluster, ClusterOptions, module_path, now, tool_path};
use std::collections::BTreeSet;
use std::io::{Error, Result};
use std::path::Path;
use std::time::Duration;

/// The role that logs in with a password, and the password.
const BY_PASSWORD: &str = "password";
/// The role that is let in without a proof.
const BY_TRUST: &str = "trusted";

/// The server with the validator that does nothing, and the one with ours.
pub struct Servers {
    /// The floor.
    pub noop: Cluster,
    /// oauth_validator.
    pub ours: Cluster,
    /// Whether their validators are preloaded.
    pub preloaded: bool,
}

impl Servers {
    /// Starts both. Settings are the same, down to a log of denials alone.
    pub fn start(noop: &Path, preloaded: bool) -> Result<Self> {
        let server = |module: &Path| {
            let preload = if preloaded { "shared_preload_libraries = 'oauth_validator'\n" } else { "" };
            let cluster = Cluster::start(ClusterOptions {
                module: Some(module.to_owned()),
                helper: Some(tool_path()),
                hba: hba(),
                // The harness' own lines of the log for each login are no part of what is measured.
                // Sixteen clients at once are no flood here.
                conf: format!(
                    "log_connections = ''\nmax_connections = 100\noauth_validator.max_helpers = 32\n{preload}"
                ),
                ..ClusterOptions::default()
            });
            for role in roles() {
                run(&cluster, &format!("CREATE ROLE \"{role}\" LOGIN PASSWORD '{BY_PASSWORD}'"))?;
            }
            Ok::<_, Error>(cluster)
        };
        Ok(Self { noop: server(noop)?, ours: server(&module_path())?, preloaded })
    }

    /// Has our server use the configuration of a variant, and know its keys. Both servers' clients for it.
    ///
    /// # Errors
    /// When either of them cannot log in.
    pub fn clients(&self, variant: &Variant, providers: &Providers) -> Result<[Client; 2]> {
        self.ours.write_file(CA_FILE, std::fs::read(providers.asked.ca_file())?);
        self.ours.write_config(&variant.config(&providers.of(variant).base_url()));
        // Of a file that changed less than two seconds ago each login reads the text. The login below keeps what came of it.
        std::thread::sleep(Duration::from_millis(2_100));
        let token = variant.token(now());
        let clients = [&self.noop, &self.ours]
            .map(|cluster| Client::new(cluster.socket_dir(), &variant.profile(), Proof::Token(token.clone())));
        for (client, server) in clients.iter().zip([&self.noop, &self.ours]) {
            client.login().map_err(|error| {
                let log = server.log();
                let denied =
                    log.lines().rev().find(|line| line.contains("oauth_validator: denied")).unwrap_or_default();
                Error::other(format!("{}: {error}: {denied}", variant.name()))
            })?;
        }
        Ok(clients)
    }

    /// Clients that log in at the floor's server in PostgreSQL's own ways, each with its name.
    pub fn clients_without_a_token(&self) -> [(&'static str, Client); 2] {
        let client = |role, proof| Client::new(self.noop.socket_dir(), role, proof);
        [
            ("trust", client(BY_TRUST, Proof::Nothing)),
            ("scram-sha-256", client(BY_PASSWORD, Proof::Password(BY_PASSWORD.into()))),
        ]
    }
}

/// Who issues tokens.
pub struct Providers {
    /// Publishes the keys of all variants, and is to be asked for them alone.
    pub keys: Provider,
    /// Is asked about tokens, over TLS.
    pub asked: Provider,
}

impl Providers {
    /// Starts both.
    pub fn start() -> Self {
        let (keys, asked) = (Provider::start_without_tls(), Provider::start());
        for variant in ALL {
            keys.set_document(&variant.jwks_path(), variant.jwks());
        }
        for variant in every().filter(|variant| variant.asked != Asked::No) {
            let now = now();
            asked.set_reply_about(INTROSPECT, &variant.token(now), Reply::json(&variant.answer(now)));
        }
        Self { keys, asked }
    }

    /// The one that is asked for this variant.
    pub fn of(&self, variant: &Variant) -> &Provider {
        if variant.asked == Asked::No { &self.keys } else { &self.asked }
    }
}

/// Lines of pg_hba.conf: one for each way in.
fn hba() -> String {
    let mut lines =
        BTreeSet::from([format!("local all {BY_TRUST} trust\n"), format!("local all {BY_PASSWORD} scram-sha-256\n")]);
    for variant in every() {
        let (role, issuer) = (variant.profile(), variant.issuer());
        lines.insert(format!("local all {role} oauth issuer=\"{issuer}\" scope=\"openid db.connect\"\n"));
    }
    lines.into_iter().collect()
}

fn roles() -> BTreeSet<String> {
    let own = [BY_PASSWORD, BY_TRUST].map(str::to_owned);
    own.into_iter().chain(every().map(|variant| variant.profile())).collect()
}

fn run(cluster: &Cluster, sql: &str) -> Result<()> {
    cluster.sql(sql).map(drop).map_err(|error| Error::other(format!("{sql}: {error}")))
}
