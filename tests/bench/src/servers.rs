//! Two servers that differ in their validator alone, and the provider whose keys one of them knows.

use crate::client::{Credential, RepeatedLogin};
use crate::variant::{CA_FILE, INTROSPECT, ProviderUse, Variant, every};
use oauth_validator_mock_provider::{MockProvider, Reply};
use oauth_validator_server_tests::{Cluster, ClusterOptions, module_path, now, tool_path};
use std::collections::BTreeSet;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The role that logs in with a password, and the password.
pub const BY_PASSWORD: &str = "password";
/// The role that is let in without a proof.
const BY_TRUST: &str = "trusted";

/// Of a file that changed less than two seconds ago each login reads the text.
pub const SETTLED: Duration = Duration::from_millis(2_100);

/// What a server has besides.
#[derive(Default)]
pub struct More {
    /// Lines of pg_hba.conf, each with the role that it is for.
    pub lines: Vec<(String, String)>,
    /// Lines of postgresql.conf.
    pub conf: String,
    /// Files and folders that it alone sees.
    pub mounts: Vec<(PathBuf, PathBuf)>,
}

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
        Self::start_with(noop, preloaded, &[More::default(), More::default()])
    }

    /// Both servers, with more for each.
    ///
    /// # Errors
    /// When a server does not start, or has no such role.
    pub fn start_with(noop: &Path, preloaded: bool, [for_noop, for_ours]: &[More; 2]) -> Result<Self> {
        Ok(Self {
            noop: server(noop, preloaded, for_noop)?,
            ours: server(&module_path(), preloaded, for_ours)?,
            preloaded,
        })
    }

    /// Has our server use the configuration of a variant, and know its keys. Both servers' clients for it.
    ///
    /// # Errors
    /// When either of them cannot log in.
    pub fn clients(&self, variant: &Variant, providers: &BenchIssuers) -> Result<[RepeatedLogin; 2]> {
        self.configure(variant, providers)?;
        std::thread::sleep(SETTLED);
        self.tried_clients(variant)
    }

    /// As [`Self::clients`], for a configuration that has not settled: each login reads its text.
    ///
    /// # Errors
    /// When either of them cannot log in.
    pub fn clients_at_once(&self, variant: &Variant, providers: &BenchIssuers) -> Result<[RepeatedLogin; 2]> {
        self.configure(variant, providers)?;
        self.tried_clients(variant)
    }

    /// Has our server use the configuration of a variant.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn configure(&self, variant: &Variant, providers: &BenchIssuers) -> Result<()> {
        self.ours.write_file(CA_FILE, std::fs::read(providers.asked.ca_file())?);
        self.ours.write_config(&variant.config(&providers.keys.base_url(), &providers.asked.base_url()));
        Ok(())
    }

    /// Both servers' clients, each of which has logged in once. Where the configuration has [`SETTLED`], the first login keeps
    /// what came of it.
    ///
    /// # Errors
    /// When either of them cannot log in.
    pub fn tried_clients(&self, variant: &Variant) -> Result<[RepeatedLogin; 2]> {
        let clients = [&self.noop, &self.ours].map(|cluster| by_token(cluster, variant));
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
    pub fn clients_without_a_token(&self) -> [(&'static str, RepeatedLogin); 2] {
        let client = |role, proof| RepeatedLogin::new(self.noop.socket_dir(), role, proof);
        [
            ("trust", client(BY_TRUST, Credential::Nothing)),
            ("scram-sha-256", client(BY_PASSWORD, Credential::Password(BY_PASSWORD.into()))),
        ]
    }
}

/// A server with this module, and roles for all that `hba` and `more` have lines for.
///
/// # Errors
/// When it does not start.
pub fn server(module: &Path, preloaded: bool, more: &More) -> Result<Cluster> {
    let preload = if preloaded { "shared_preload_libraries = 'oauth_validator'\n" } else { "" };
    let cluster = Cluster::try_start(ClusterOptions {
        module: Some(module.to_owned()),
        helper: Some(tool_path()),
        hba: hba() + &more.lines.iter().map(|(_, line)| format!("{line}\n")).collect::<String>(),
        // The harness' own lines of the log for each login are no part of what is measured.
        // Sixteen clients at once are no flood here.
        conf: format!(
            "log_connections = ''\nmax_connections = 100\noauth_validator.max_helpers = 32\n{preload}{}",
            more.conf
        ),
        mounts: more.mounts.clone(),
        ..ClusterOptions::default()
    });
    let cluster = cluster.map_err(|error| Error::other(error.to_string()))?;
    let further: BTreeSet<String> = more.lines.iter().map(|(role, _)| role.clone()).collect();
    let roles = roles();
    let create = |role: &String| format!("CREATE ROLE \"{role}\" LOGIN PASSWORD '{BY_PASSWORD}';");
    run(&cluster, &roles.union(&further).map(create).collect::<String>())?;
    Ok(cluster)
}

/// A client that logs in with a token of this variant.
pub fn by_token(cluster: &Cluster, variant: &Variant) -> RepeatedLogin {
    RepeatedLogin::new(cluster.socket_dir(), &variant.profile(), Credential::Token(variant.token(now())))
}

/// Who issues tokens.
pub struct BenchIssuers {
    /// Publishes the keys of all variants, and is to be asked for them alone.
    pub keys: MockProvider,
    /// Is asked about tokens, over TLS.
    pub asked: MockProvider,
}

impl BenchIssuers {
    /// Starts both.
    pub fn start() -> Self {
        let (keys, asked) = (MockProvider::start_without_tls(), MockProvider::start());
        for variant in every() {
            keys.set_document(&variant.jwks_path(), variant.jwks());
        }
        for variant in every().filter(|variant| variant.asked != ProviderUse::No) {
            let now = now();
            asked.set_reply_about(INTROSPECT, &variant.token(now), Reply::json(&variant.answer(now)));
        }
        Self { keys, asked }
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
