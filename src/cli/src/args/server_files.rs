//! Options that say where the server's own files are.

use clap::Args as ClapArgs;
use std::convert::Infallible;
use std::net::IpAddr;
use std::path::PathBuf;

/// The server's files, where the data directory does not lead to them.
#[derive(Debug, Default, ClapArgs)]
pub(crate) struct ServerFileOptions {
    /// The server's postgresql.conf, where it is not in the data directory.
    ///
    /// On Debian it is /etc/postgresql/18/main/postgresql.conf. It leads to the other files.
    #[arg(long, value_name = "FILE")]
    pub(crate) postgresql_conf: Option<PathBuf>,

    /// The server's pg_hba.conf, instead of what postgresql.conf says.
    #[arg(long, value_name = "FILE")]
    pub(crate) hba: Option<PathBuf>,

    /// The server's pg_ident.conf, instead of what postgresql.conf says.
    #[arg(long, value_name = "FILE")]
    pub(crate) ident: Option<PathBuf>,
}

/// A folder, or an empty text for none, which clap's own parser of paths refuses.
pub(super) fn folder_or_none(text: &str) -> Result<PathBuf, Infallible> {
    Ok(PathBuf::from(text))
}

/// From where a client connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientAddress {
    /// The connection is by a Unix socket.
    Local,
    /// The connection is by TCP.
    Ip(IpAddr),
}

/// `local`, as pg_hba.conf calls Unix sockets, or an IP address.
pub(super) fn client_address(text: &str) -> Result<ClientAddress, String> {
    if text == "local" {
        return Ok(ClientAddress::Local);
    }
    text.parse().map(ClientAddress::Ip).map_err(|_| "neither an IP address nor \"local\"".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{ClientAddress, client_address};

    #[test]
    fn a_client_is_local_or_has_an_address() {
        assert_eq!(client_address("local"), Ok(ClientAddress::Local));
        assert_eq!(client_address("::1"), Ok(ClientAddress::Ip("::1".parse().unwrap())));
        for text in ["", "localhost", "10.0.0.0/8", "10.1", "LOCAL"] {
            assert!(client_address(text).is_err_and(|why| why.contains("neither")), "{text}");
        }
    }
}
