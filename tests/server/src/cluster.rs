//! A PostgreSQL cluster in a folder of its own, which disappears with the value.
//!
//! Settings, files and logs of one running server; logins go through `login.rs`. What goes wrong with
//! the cluster itself panics with the server's log: no test has a use for half a cluster. What the
//! server answers is returned.
//!
//! Do not keep a `Cluster` in a `static`: statics are never dropped, and the server would stay.

mod logs;
mod options;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::conf;
use crate::error::{Context, HarnessError, Result};
use crate::folder::Folder;
use crate::folders;
use crate::login::{FinishedLogin, Login, LoginOutcome, PendingLogin};
use crate::paths;
use crate::server::{Launch, Postmaster, processes_in};
use crate::template::Template;
use crate::wire::{ResultRow, WireError};

pub use options::ClusterOptions;

/// How long a line may take to appear in the log, or a reload to be seen.
const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// One life of the server. PostgreSQL restarts itself after a crash within the same postmaster, whose
/// start time stays the same; only the auxiliary processes are new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incarnation {
    /// Process id of the postmaster.
    pub postmaster: u32,
    /// Process id of the checkpointer: another one means a crash or a restart.
    pub checkpointer: String,
    /// Lines in the log that say that all processes are started anew.
    pub crashes: usize,
}

/// A running cluster. Dropping it stops the server and removes the folder, unless the environment says
/// `OAUTH_VALIDATOR_KEEP=1`.
pub struct Cluster {
    // Dropped in this order: the server first.
    server: Option<Postmaster>,
    template: &'static Template,
    launch: Launch,
    folder: Folder,
}

impl Cluster {
    /// Starts a cluster.
    ///
    /// # Panics
    /// If it cannot be started; see [`Cluster::try_start`].
    #[track_caller]
    pub fn start(options: ClusterOptions) -> Self {
        ok(Self::try_start(options))
    }

    /// Starts a cluster; the error has the server's log.
    pub fn try_start(options: ClusterOptions) -> Result<Self> {
        let template = Template::get()?;
        let launch = Launch {
            environment: options.environment.clone(),
            ulimit_as: options.ulimit_as,
            as_process_1: options.as_process_1,
            no_timers: options.no_timers,
            dev_shm: options.dev_shm,
            mounts: options.mounts.clone(),
        };
        let mut cluster = Self { server: None, template, launch, folder: Folder::create(template.account)? };
        cluster.fill(&options)?;
        cluster.try_start_server()?;
        Ok(cluster)
    }

    fn fill(&self, options: &ClusterOptions) -> Result<()> {
        let folder = &self.folder;
        for name in ["lib", "bin", "etc"] {
            folder.create_dir(name)?;
        }
        match &options.module {
            // The server finds it where it is.
            Some(module) if self.template.postgres.has_installed(module)? => {}
            Some(module) => {
                folder.install(module, "lib/oauth_validator.so")?;
                self.fill_extension()?;
            }
            None => {}
        }
        if let Some(helper) = &options.helper {
            folder.install(helper, "bin/oauth-validator")?;
        }
        self.template.copy_data(&self.data_dir())?;
        let conf = conf::server_conf(folder.root(), options.module.is_some(), paths::installed(), &options.conf);
        folder.append("data/postgresql.conf", &conf)?;
        folder.replace("data/pg_hba.conf", conf::hba(&options.hba).as_bytes())?;
        folder.replace("data/pg_ident.conf", options.ident.as_bytes())?;
        if let Some(config) = &options.config {
            folder.replace("etc/oauth-validator.toml", config.as_bytes())?;
        }
        Ok(())
    }

    /// The files of the extension, for a server that has none installed.
    fn fill_extension(&self) -> Result<()> {
        self.folder.create_dir("share")?;
        self.folder.create_dir("share/extension")?;
        let files = folders::workspace_root().join("src/module/sql");
        for entry in fs::read_dir(&files).context(|| format!("cannot read {}", files.display()))? {
            let path = entry.context(|| format!("cannot read {}", files.display()))?.path();
            if let Some(name) = path.file_name() {
                self.folder.install(&path, &format!("share/extension/{}", name.display()))?;
            }
        }
        Ok(())
    }

    /// The folder of the Unix socket, which holds everything else as well.
    pub fn socket_dir(&self) -> &Path {
        self.folder.root()
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path("data")
    }

    /// Where the module looks for its configuration.
    pub fn config_path(&self) -> PathBuf {
        self.folder.path("etc/oauth-validator.toml")
    }

    /// Where `psql` of this installation is.
    pub fn psql_path(&self) -> PathBuf {
        self.template.postgres.bin_dir().join("psql")
    }

    /// The major release of the server, 18 or more.
    pub fn major(&self) -> u32 {
        self.template.postgres.major()
    }

    /// The user and group ids of the server.
    pub fn server_user(&self) -> (u32, u32) {
        (self.template.account.uid, self.template.account.gid)
    }

    /// Replaces the module's configuration: written beside and renamed, mode 0600, the server's own.
    #[track_caller]
    pub fn write_config(&self, toml: &str) {
        ok(self.folder.replace("etc/oauth-validator.toml", toml.as_bytes()));
    }

    /// Writes a file beside the configuration, in the same way.
    #[track_caller]
    pub fn write_file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let name = format!("etc/{name}");
        ok(self.folder.replace(&name, contents.as_ref()));
        self.folder.path(&name)
    }

    /// Where the module looks for its helper by default.
    pub fn helper_path(&self) -> PathBuf {
        self.folder.path("bin/oauth-validator")
    }

    /// Replaces that program by this one: beside it and renamed, mode 0755, the server's own.
    #[track_caller]
    pub fn write_helper(&self, program: impl AsRef<[u8]>) {
        ok(self.folder.replace_program("bin/oauth-validator", program.as_ref()));
    }

    /// Replaces the library that the next load finds, as an upgrade does: beside it and renamed, mode 0755, the server's own.
    #[track_caller]
    pub fn write_library(&self, library: impl AsRef<[u8]>) {
        ok(self.folder.replace_program("lib/oauth_validator.so", library.as_ref()));
    }

    /// Replaces the test's lines of pg_hba.conf; takes effect with [`Cluster::reload`].
    #[track_caller]
    pub fn set_hba(&self, lines: &str) {
        ok(self.folder.replace("data/pg_hba.conf", conf::hba(lines).as_bytes()));
    }

    /// Replaces pg_ident.conf; takes effect with [`Cluster::reload`].
    #[track_caller]
    pub fn set_ident(&self, lines: &str) {
        ok(self.folder.replace("data/pg_ident.conf", lines.as_bytes()));
    }

    /// Adds lines to postgresql.conf; takes effect with [`Cluster::reload`] or [`Cluster::restart`].
    #[track_caller]
    pub fn append_conf(&self, lines: &str) {
        ok(self.folder.append("data/postgresql.conf", &format!("{lines}\n")));
    }

    /// Makes the server read its files again, and returns when new sessions see them.
    ///
    /// # Panics
    /// If the server rejects a file.
    #[track_caller]
    pub fn reload(&self) {
        ok(self.try_reload());
    }

    /// As [`Cluster::reload`]; an error has what the server said of the rejected file.
    pub fn try_reload(&self) -> Result<()> {
        let mark = self.log_mark();
        let before = self.load_time()?;
        self.running()?.hang_up()?;
        let give_up = Instant::now() + PATIENCE;
        // The postmaster reads all files before it takes the next connection.
        while self.load_time()? == before {
            let said = self.log_since(mark);
            if said.contains("contains errors") || Instant::now() > give_up {
                return Err(HarnessError::new(format!("the reload failed:\n{said}")));
            }
            thread::sleep(POLL);
        }
        let said = self.log_since(mark);
        if said.contains("was not reloaded") || said.contains("contains errors") {
            return Err(HarnessError::new(format!("the reload failed:\n{said}")));
        }
        Ok(())
    }

    /// Stops the server cleanly and starts it again, on the same data and log.
    #[track_caller]
    pub fn restart(&mut self) {
        self.stop();
        ok(self.try_start_server());
    }

    /// Stops the server by a fast shutdown; [`Cluster::restart`] starts it again.
    #[track_caller]
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            ok(server.stop());
        }
    }

    fn try_start_server(&mut self) -> Result<()> {
        let mark = self.log_mark();
        let server = Postmaster::start(self.template, self.folder.root(), &self.launch)
            .map_err(|error| HarnessError::new(format!("{error}\n{}", self.log_since(mark))))?;
        self.server = Some(server);
        Ok(())
    }

    /// Logs in and waits for the outcome.
    pub fn login(&self, login: &Login<'_>) -> FinishedLogin {
        login.attempt(self.socket_dir())
    }

    /// Sends a login without waiting for its outcome.
    pub fn begin_login(&self, login: &Login<'_>) -> PendingLogin {
        login.begin(self.socket_dir())
    }

    /// The parameters that the server gives to a client without a token (RFC 7628 section 3.2.2).
    ///
    /// # Panics
    /// If it gives none.
    #[track_caller]
    pub fn discovery(&self, role: &str, database: &str) -> Value {
        let attempt = self.login(&Login::new(role, database));
        match attempt.challenge {
            Some(challenge) => challenge,
            None => panic!("no challenge: {:?}", attempt.outcome),
        }
    }

    /// Runs statements as superuser in database `postgres`, in a session of their own.
    pub fn sql(&self, sql: &str) -> std::result::Result<Vec<ResultRow>, WireError> {
        match self.login(&Login::new("postgres", "postgres")).outcome {
            LoginOutcome::Accepted(mut session) => session.query(sql),
            LoginOutcome::Refused(error) => Err(WireError::Server(error)),
            LoginOutcome::Disconnected => Err(WireError::Disconnected),
            LoginOutcome::Failed(text) => Err(WireError::Protocol(text)),
        }
    }

    /// Process id of the postmaster.
    ///
    /// # Panics
    /// If the server is stopped.
    #[track_caller]
    pub fn postmaster_pid(&self) -> u32 {
        ok(self.running()).pid()
    }

    /// When the postmaster was started. A crash of a backend does not change it: see
    /// [`Cluster::incarnation`].
    #[track_caller]
    pub fn postmaster_start_time(&self) -> String {
        ok(self.value("SELECT pg_postmaster_start_time()"))
    }

    /// Equal before and after, if and only if the server neither crashed nor was restarted.
    #[track_caller]
    pub fn incarnation(&self) -> Incarnation {
        const CHECKPOINTER: &str = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'";
        Incarnation {
            postmaster: self.postmaster_pid(),
            checkpointer: ok(self.value(CHECKPOINTER)),
            crashes: self.log().matches("all server processes terminated").count(),
        }
    }

    /// Process ids of the server and its children.
    pub fn processes(&self) -> Vec<u32> {
        processes_in(self.folder.root())
    }

    fn running(&self) -> Result<&Postmaster> {
        let server = self.server.as_ref();
        server.ok_or_else(|| HarnessError::new("the server is stopped"))
    }

    fn load_time(&self) -> Result<String> {
        self.value("SELECT pg_conf_load_time()")
    }

    fn value(&self, sql: &str) -> Result<String> {
        let rows = self.sql(sql).context(|| sql.to_owned())?;
        let value = rows.into_iter().flatten().next().flatten();
        value.ok_or_else(|| HarnessError::new(format!("{sql}: no value")))
    }
}

#[track_caller]
fn ok<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}
