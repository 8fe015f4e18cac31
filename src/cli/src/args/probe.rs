//! The command line of `oauth-validator probe`: options named and read as libpq names and reads them.
//!
//! Must never take a token, nor a way to reach a server that shows the token to strangers without being told so.

use clap::Args as ClapArgs;
use std::path::PathBuf;
use std::time::Duration;

pub(super) const HELP: &str = "\
Example: is ana let in with this token, by the server on this machine?
  oauth-validator probe --user ana --token-file token.txt

Example: over the network, with the certificate of a private authority.
  oauth-validator probe --host db.example --user ana --dbname app \\
    --sslrootcert /etc/ssl/corp-ca.pem --token-file token.txt

Example: what does psql need to log in here, and can it?
  oauth-validator probe --host db.example --user ana --dbname app --discovery

Example: straight from whatever fetches tokens here, for a monitor.
  fetch-token | oauth-validator probe --host db.example --user ana --json

What the server logs of a refusal, and how to ask for the reason, is printed.
Exits with 0 if the token was accepted, with 1 if it was refused or not asked
for, with 2 if no server could be asked. With --discovery, 0 says that libpq's
own device flow finds what it needs.";

#[derive(Debug, ClapArgs)]
pub(crate) struct ProbeOptions {
    /// The server: its host, or the folder of its Unix socket.
    ///
    /// A folder begins with "/", a name in the abstract namespace with "@". Defaults to PGHOST, else to
    /// /var/run/postgresql.
    #[arg(long, value_name = "HOST|DIR")]
    pub(crate) host: Option<String>,

    /// The server's port, which a Unix socket has in its name. Defaults to PGPORT, else to 5432.
    #[arg(long, value_parser = port)]
    pub(crate) port: Option<u16>,

    /// The role to log in as. Defaults to PGUSER, else to the name of the user who asks.
    #[arg(long, value_name = "ROLE")]
    pub(crate) user: Option<String>,

    /// The database. Defaults to PGDATABASE, else to the name of the role.
    #[arg(long, value_name = "DATABASE")]
    pub(crate) dbname: Option<String>,

    /// A file with the token; standard input if absent or "-".
    ///
    /// "Bearer " in front of the token and a newline behind it are ignored.
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// Get the token by this profile of ~/.config/oauth-validator/client.toml, as oauth-validator token does.
    #[arg(long, value_name = "NAME", conflicts_with = "token_file")]
    pub(crate) token_from: Option<String>,

    /// Show no token: ask the server for issuer and scope, and the provider for its document, as libpq does.
    ///
    /// Prints what psql needs to log in, and says whether libpq's device flow can work.
    #[arg(long, conflicts_with_all = ["token_file", "token_from"])]
    pub(crate) discovery: bool,

    /// With --discovery: trust the certificates in this PEM file for the provider, instead of the system's.
    #[arg(long, value_name = "FILE", requires = "discovery")]
    pub(crate) ca_file: Option<PathBuf>,

    /// With --discovery: reach the provider through this proxy, http://HOST:PORT.
    #[arg(long, value_name = "URL", requires = "discovery")]
    pub(crate) proxy: Option<String>,

    /// What the connection to a host must be before the token is sent.
    ///
    /// verify-full: TLS, with a certificate that is for this host. verify-ca: a certificate for any host, by an authority
    /// of --sslrootcert. require: TLS with whoever answers. disable: no TLS, to a loopback address only. Defaults to
    /// PGSSLMODE, else to verify-full. A Unix socket needs none of it.
    #[arg(long, value_name = "MODE", value_parser = ssl_mode)]
    pub(crate) sslmode: Option<SslMode>,

    /// The authorities to trust: a PEM file, or "system".
    ///
    /// Defaults to PGSSLROOTCERT, else to ~/.postgresql/root.crt if that exists, else to the system's.
    #[arg(long, value_name = "FILE|system")]
    pub(crate) sslrootcert: Option<String>,

    /// With --sslmode disable: send the token to other machines, where everybody on the way can read and use it.
    #[arg(long)]
    pub(crate) insecure_plaintext: bool,

    /// The most time that connecting and logging in together may take, from 1s to 5min.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = super::discover::timeout)]
    pub(crate) timeout: Duration,
}

/// libpq's `sslmode`, without those that let whoever refuses TLS have the token in clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SslMode {
    Disable,
    Require,
    VerifyCa,
    VerifyFull,
}

/// `sslmode`, with the words of libpq.
pub(crate) fn ssl_mode(text: &str) -> Result<SslMode, String> {
    match text {
        "disable" => Ok(SslMode::Disable),
        "require" => Ok(SslMode::Require),
        "verify-ca" => Ok(SslMode::VerifyCa),
        "verify-full" => Ok(SslMode::VerifyFull),
        "allow" | "prefer" => {
            Err("it would send the token in clear to whoever refuses TLS; use verify-full, or unset PGSSLMODE"
                .to_owned())
        }
        _ => Err("it must be verify-full, verify-ca, require or disable".to_owned()),
    }
}

/// From 1 to 65535.
pub(crate) fn port(text: &str) -> Result<u16, String> {
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| "it must be a number from 1 to 65535".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{SslMode, port, ssl_mode};

    #[test]
    fn modes_are_libpqs() {
        assert_eq!(ssl_mode("verify-full"), Ok(SslMode::VerifyFull));
        assert_eq!(ssl_mode("disable"), Ok(SslMode::Disable));
        for text in ["allow", "prefer"] {
            assert!(ssl_mode(text).is_err_and(|why| why.contains("in clear")), "{text}");
        }
        for text in ["", "VERIFY-FULL", "verify_full", "off"] {
            assert!(ssl_mode(text).is_err_and(|why| why.contains("it must be verify-full")), "{text}");
        }
    }

    #[test]
    fn a_port_is_one_of_tcp() {
        assert_eq!((port("1"), port("65535")), (Ok(1), Ok(65535)));
        for text in ["", "0", "65536", "-1", "5432,5433", "x"] {
            assert!(port(text).is_err_and(|why| why.contains("from 1 to 65535")), "{text}");
        }
    }
}
