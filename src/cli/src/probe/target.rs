//! Which server is meant, and as whom: from the options, the environment, and libpq's defaults.
//!
//! Decides how well a connection has to be protected before a token goes over it. Must never read a password, a service
//! file, or a setting that weakens what was asked for.

use crate::args::{ProbeOptions, SslMode, port, ssl_mode};
use crate::net::Ca;
use crate::output::CommandFailure;
use oauth_validator_store::users::user_name;
use std::env;
use std::fmt;
use std::path::PathBuf;

/// Where Debian's servers listen, and where its libpq looks.
const DEFAULT_HOST: &str = "/var/run/postgresql";
const DEFAULT_PORT: u16 = 5432;

/// A login to be tried.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ProbeTarget {
    pub(super) place: ServerAddress,
    pub(super) user: String,
    pub(super) database: String,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ServerAddress {
    /// The path of a Unix socket.
    Socket(PathBuf),
    /// The name of one in the abstract namespace of Linux, without the "@" in front.
    Abstract(String),
    /// A host, by name or address, and its port.
    Network(String, u16, Security),
}

/// What a connection over the network must be before anything of the login is sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Security {
    /// No TLS; to other machines as well, or to a loopback address only.
    Plain { anywhere: bool },
    /// TLS.
    Tls(Check),
}

/// How a certificate is judged.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Check {
    /// The server's certificate is not verified.
    Nothing,
    /// The certificate's authority is verified.
    Authority(Roots),
    /// The certificate's authority and its names are verified.
    Name(Roots),
}

/// Whose certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    System,
    File(PathBuf),
}

impl Roots {
    pub(super) fn to_ca(&self) -> Ca {
        match self {
            Self::System => Ca::Environment,
            Self::File(path) => Ca::File(path.clone()),
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Abstract(name) => write!(f, "@{name}"),
            Self::Network(host, port, _) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Network(host, port, _) => write!(f, "{host}:{port}"),
        }
    }
}

impl ProbeTarget {
    /// The target of these options in this process's environment.
    pub(super) fn find(options: &ProbeOptions) -> Result<Self, CommandFailure> {
        let user = rustix::process::geteuid().as_raw();
        Self::with(options, Variables { of: &|name| env::var_os(name), user: &|| user_name(user) })
    }

    fn with(options: &ProbeOptions, variables: Variables<'_>) -> Result<Self, CommandFailure> {
        let (host_option, user_option, database_option) = (&options.host, &options.user, &options.dbname);
        let user = match variables.choose(user_option, "PGUSER")? {
            Some(user) => user,
            None => (variables.user)().ok_or_else(|| {
                CommandFailure::new("which role is to log in? this process's user has no name")
                    .with_hint("give --user ROLE")
            })?,
        };
        let database = variables.choose(database_option, "PGDATABASE")?.unwrap_or_else(|| user.clone());
        for (name, value) in [("role", &user), ("database", &database)] {
            if value.is_empty() {
                return Err(CommandFailure::new(format!("the name of the {name} is empty")));
            }
        }
        let host = variables.choose(host_option, "PGHOST")?.unwrap_or_else(|| DEFAULT_HOST.to_owned());
        let port = match options.port {
            Some(port) => port,
            None => variables.parsed("PGPORT", port)?.unwrap_or(DEFAULT_PORT),
        };
        let place = match host.strip_prefix('@') {
            _ if host.starts_with('/') => ServerAddress::Socket(PathBuf::from(host).join(socket_name(port))),
            Some(name) => ServerAddress::Abstract(format!("{name}/{}", socket_name(port))),
            None => {
                judge_host(&host)?;
                ServerAddress::Network(host, port, security(options, &variables)?)
            }
        };
        Ok(Self { place, user, database })
    }
}

/// As PostgreSQL names its sockets (`UNIXSOCK_PATH`, `src/include/libpq/pqcomm.h`).
fn socket_name(port: u16) -> String {
    format!(".s.PGSQL.{port}")
}

fn judge_host(host: &str) -> Result<(), CommandFailure> {
    if host.is_empty() {
        return Err(
            CommandFailure::new("the host is empty").with_hint("leave --host out for the server on this machine")
        );
    }
    if host.contains(',') {
        return Err(
            CommandFailure::new("--host or PGHOST names several hosts").with_hint("give one: each is tried by itself")
        );
    }
    Ok(())
}

fn security(options: &ProbeOptions, variables: &Variables<'_>) -> Result<Security, CommandFailure> {
    let mode = match options.sslmode {
        Some(mode) => mode,
        None => variables.parsed("PGSSLMODE", ssl_mode)?.unwrap_or(SslMode::VerifyFull),
    };
    if options.insecure_plaintext && mode != SslMode::Disable {
        return Err(CommandFailure::new("--insecure-plaintext is for --sslmode disable").with_hint("leave it out"));
    }
    let roots = roots(options, variables)?;
    Ok(match (mode, roots) {
        (SslMode::Disable, _) => Security::Plain { anywhere: options.insecure_plaintext },
        (SslMode::VerifyFull, roots) => Security::Tls(Check::Name(roots.unwrap_or(Roots::System))),
        (SslMode::Require, None) => Security::Tls(Check::Nothing),
        // As in libpq: an authority that is there counts for require as well.
        (SslMode::VerifyCa | SslMode::Require, Some(Roots::File(path))) => {
            Security::Tls(Check::Authority(Roots::File(path)))
        }
        (SslMode::VerifyCa | SslMode::Require, Some(Roots::System) | None) => {
            let what = "without a look at its name, a certificate of one of the system's authorities says nothing";
            return Err(
                CommandFailure::new(what).with_hint("use verify-full, or name a private authority with --sslrootcert")
            );
        }
    })
}

/// The authorities as libpq finds them; `None` if nothing is said.
fn roots(options: &ProbeOptions, variables: &Variables<'_>) -> Result<Option<Roots>, CommandFailure> {
    Ok(match variables.choose(&options.sslrootcert, "PGSSLROOTCERT")? {
        Some(roots) if roots == "system" => Some(Roots::System),
        Some(path) => Some(Roots::File(path.into())),
        None => {
            let home = (variables.of)("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
            home.map(|home| home.join(".postgresql/root.crt")).filter(|path| path.exists()).map(Roots::File)
        }
    })
}

/// The environment, and who asks.
struct Variables<'a> {
    of: &'a dyn Fn(&str) -> Option<std::ffi::OsString>,
    user: &'a dyn Fn() -> Option<String>,
}

impl Variables<'_> {
    /// The option, or else the variable if it is set and not empty.
    fn choose(&self, option: &Option<String>, name: &str) -> Result<Option<String>, CommandFailure> {
        if let Some(value) = option {
            return Ok(Some(value.clone()));
        }
        match (self.of)(name).filter(|value| !value.is_empty()).map(std::ffi::OsString::into_string) {
            Some(Err(_)) => Err(CommandFailure::new(format!("{name} in the environment is not UTF-8"))),
            Some(Ok(value)) => Ok(Some(value)),
            None => Ok(None),
        }
    }

    fn parsed<T>(&self, name: &str, parse: fn(&str) -> Result<T, String>) -> Result<Option<T>, CommandFailure> {
        let value = self.choose(&None, name)?;
        let failed = |why| CommandFailure::new(format!("{name} in the environment cannot be used: {why}"));
        value.map(|value| parse(&value).map_err(failed)).transpose()
    }
}

#[cfg(test)]
mod tests;
