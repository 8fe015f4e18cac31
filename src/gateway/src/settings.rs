//! Who may come, and where it goes: judged before anything listens.

use crate::secret::TokenSource;
use rustls::{ClientConfig, ServerConfig};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything that a gateway is told.
pub struct GatewaySettings {
    /// Where clients connect.
    pub listen: Listen,
    /// Where it goes, which no client has a say in.
    pub upstream: Upstream,
    /// Where the token comes from.
    pub token: TokenSource,
    /// Is told what happens: one line each, without anything that a client or a server sent.
    pub tell: fn(&str),
}

/// Where clients connect.
pub enum Listen {
    /// A Unix socket as PostgreSQL names it.
    Socket {
        /// Its folder, which is made if it is missing.
        folder: PathBuf,
        /// The number in its name.
        port: u16,
        /// User IDs that may connect besides the gateway's own.
        allowed: Vec<u32>,
    },
    /// A port.
    Tcp {
        /// Where it listens.
        address: SocketAddr,
        /// TLS for clients, which then is all they get.
        tls: Option<Arc<ServerConfig>>,
    },
}

/// The server.
pub struct Upstream {
    /// Host and port, in the order in which they are tried.
    pub servers: Vec<(String, u16)>,
    /// What judges its certificate: it has to be good for the host that was connected to.
    pub tls: Arc<ClientConfig>,
    /// For a connection to one of them, TLS included.
    pub timeout: Duration,
}

/// A gateway that would let in the wrong people, or could not work.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct BadSettings {
    /// A sentence without its full stop.
    pub what: String,
    /// What to do.
    pub hint: &'static str,
}

impl BadSettings {
    pub(crate) fn new(what: impl Into<String>, hint: &'static str) -> Self {
        Self { what: what.into(), hint }
    }
}

impl GatewaySettings {
    /// # Errors
    /// What would let anybody in.
    pub(crate) fn judge(&self) -> Result<(), BadSettings> {
        if self.upstream.servers.is_empty() {
            return Err(BadSettings::new("there is no server to connect to", "give --upstream HOST"));
        }
        let Listen::Tcp { address, tls } = &self.listen else { return Ok(()) };
        if tls.is_none() && !address.ip().to_canonical().is_loopback() {
            return Err(BadSettings::new(
                format!("{address} can be reached from other machines, and there is no TLS"),
                "give --tls-cert and --tls-key, or listen at 127.0.0.1 or on a Unix socket",
            ));
        }
        if matches!(self.token, TokenSource::File { password: None, .. }) {
            return Err(BadSettings::new(
                format!("everybody who can connect to {address} would have the token's rights"),
                "give --password-file, or listen on a Unix socket, which knows its users",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{GatewaySettings, Listen, Upstream};
    use crate::secret::{Password, TokenSource};
    use rustls::crypto::aws_lc_rs;
    use rustls::{ClientConfig, RootCertStore};
    use std::sync::Arc;
    use std::time::Duration;

    fn settings(listen: Listen, token: TokenSource) -> GatewaySettings {
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let servers = vec![("db.example".to_owned(), 5432)];
        let upstream = Upstream { servers, tls: Arc::new(tls), timeout: Duration::from_secs(1) };
        GatewaySettings { listen, upstream, token, tell: |_| {} }
    }

    fn tcp(address: &str) -> Listen {
        Listen::Tcp { address: address.parse().expect("an address"), tls: None }
    }

    fn by_file(password: Option<Password>) -> TokenSource {
        TokenSource::File { path: "/run/token".into(), password }
    }

    #[test]
    fn loopback_and_sockets_need_no_tls() {
        for address in ["127.0.0.1:5432", "127.8.8.8:1", "[::1]:5432"] {
            assert!(settings(tcp(address), TokenSource::Password).judge().is_ok(), "{address}");
            let password = Password::new(b"secret").expect("a password");
            assert!(settings(tcp(address), by_file(Some(password))).judge().is_ok(), "{address}");
        }
        let socket = Listen::Socket { folder: "/run/x".into(), port: 5432, allowed: Vec::new() };
        assert!(settings(socket, by_file(None)).judge().is_ok());
    }

    #[test]
    fn the_network_needs_tls_and_loopback_a_password() {
        for address in ["0.0.0.0:5432", "[::]:5432", "192.0.2.1:5432", "[::ffff:192.0.2.1]:5432", "[fe80::1]:1"] {
            let bad = settings(tcp(address), TokenSource::Password).judge().expect_err(address);
            assert!(bad.what.contains("there is no TLS"), "{bad}");
        }
        let bad = settings(tcp("127.0.0.1:5432"), by_file(None)).judge().expect_err("everybody");
        assert!(bad.what.contains("would have the token's rights"), "{bad}");
        let mut nowhere = settings(tcp("127.0.0.1:5432"), TokenSource::Password);
        nowhere.upstream.servers.clear();
        assert!(nowhere.judge().is_err());
    }
}
