//! The command line of `oauth-validator gateway`.
//!
//! Where it listens and where it goes are options of whoever runs it: no client has a say in either.

use super::discover::timeout;
use clap::Args as ClapArgs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const GATEWAY_HELP: &str = "\
Example: a service on asyncpg logs in with a token that is kept fresh.
  oauth-validator token --profile batch --output /run/batch/token --keep &
  oauth-validator gateway --upstream db.example --token-file /run/batch/token \\
    --socket-dir /run/batch/pg &
  python3 batch.py       # connects to host=/run/batch/pg

Example: DBeaver sends a token of one's own as the password.
  oauth-validator gateway --upstream db.example --listen 127.0.0.1:5433

It speaks TLS to the server, whose certificate must be for its name, and shows the token to nobody who asks for \
something else. Ends by SIGTERM when the last session has ended; at once by a second one.";

#[derive(Debug, ClapArgs)]
pub(crate) struct GatewayOptions {
    /// The server: HOST or HOST:PORT, or several, separated by commas, of which the first that answers is taken.
    #[arg(long, value_name = "HOST")]
    pub(crate) upstream: String,

    /// Listen on a Unix socket in this folder, which is made with mode 0700 if it is missing.
    #[arg(long, value_name = "DIR", required_unless_present = "listen")]
    pub(crate) socket_dir: Option<PathBuf>,

    /// The number in the socket's name.
    #[arg(long, value_name = "PORT", default_value_t = 5432, requires = "socket_dir")]
    pub(crate) port: u16,

    /// Let this user connect to the socket as well, besides the one who runs this. Can be repeated.
    #[arg(long, value_name = "NAME|UID", requires = "socket_dir")]
    pub(crate) allow_user: Vec<String>,

    /// Listen on this address and port instead.
    ///
    /// Anything but a loopback address needs --tls-cert.
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "socket_dir")]
    pub(crate) listen: Option<SocketAddr>,

    /// The token, read anew for each connection; without it, a client's password is its token.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// With --listen and --token-file: the password that clients have to give.
    #[arg(long, value_name = "FILE", requires_all = ["listen", "token_file"])]
    pub(crate) password_file: Option<PathBuf>,

    /// The authorities that may sign the server's certificate: a PEM file, or "system".
    #[arg(long, value_name = "FILE|system", default_value = "system")]
    pub(crate) sslrootcert: PathBuf,

    /// With --listen: this certificate for clients, who then have to use TLS.
    #[arg(long, value_name = "FILE", requires_all = ["listen", "tls_key"])]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Its private key.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,

    /// The most time that connecting to the server may take, from 1s to 5min.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = timeout)]
    pub(crate) timeout: Duration,
}
