//! Whether a connection may get the token: by its issuer, its server, and what is between here and there.
//!
//! Decides by what it is given, and acts on nothing. Each refusal names the variable that says otherwise. Whoever chooses a
//! connection's options may be a stranger (any user of dblink is, to the server's token), so what they chose is compared
//! byte for byte, and comes into a text with its control characters escaped.

use oauth_validator_core::is_well_known_of;
use oauth_validator_token_file::shown;
use std::ffi::OsString;

/// The file with the token.
pub(crate) const FILE: &str = "OAUTH_TOKEN_FILE";
/// The issuer of that token.
pub(crate) const ISSUER: &str = "OAUTH_TOKEN_ISSUER";
/// The servers that may get it: `HOST[:PORT]`, separated by commas.
pub(crate) const HOSTS: &str = "OAUTH_TOKEN_HOSTS";

/// The folder of sockets that libpq has compiled in, wherever that has not been changed.
const DEFAULT_PORT: &str = "5432";

/// What the environment says.
#[derive(Debug, Default, Clone)]
pub(crate) struct PreloadSettings {
    pub(crate) file: Option<OsString>,
    pub(crate) issuer: Option<OsString>,
    pub(crate) hosts: Option<OsString>,
}

/// A connection that is to be given a token, as libpq knows it.
#[derive(Debug, Clone)]
pub(crate) struct LibpqConnection {
    /// The host's name, or the folder of a Unix socket.
    pub(crate) host: String,
    /// Where it goes, if the options say that themselves (`hostaddr`).
    pub(crate) address: Option<String>,
    /// Empty is libpq's default.
    pub(crate) port: String,
    /// Nobody on the way can read along.
    pub(crate) way: TransportKind,
    /// Whether this process is a PostgreSQL server, whose users choose the options of its connections.
    pub(crate) in_server: bool,
}

/// What the token would go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransportKind {
    Tls,
    UnixSocket,
    Clear,
}

/// Whose token libpq asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WantedToken<'r> {
    /// The URL of the provider's metadata.
    pub(crate) discovery_url: &'r str,
    /// The issuer by itself, which libpq 19 says too.
    pub(crate) issuer: Option<&'r str>,
}

impl PreloadSettings {
    /// Whether anybody set anything. Where not, libpq goes on as it would without this library.
    pub(crate) fn are_any(&self) -> bool {
        [&self.file, &self.issuer, &self.hosts].into_iter().any(Option::is_some)
    }

    /// The file whose token this connection may get.
    ///
    /// # Errors
    /// Why it gets none: a sentence without its full stop.
    pub(crate) fn file_for(&self, wanted: WantedToken<'_>, connection: &LibpqConnection) -> Result<&OsString, String> {
        let file = self.file.as_ref().ok_or_else(|| format!("{FILE} is not set: it names the file with the token"))?;
        self.judge_issuer(wanted)?;
        self.judge_host(connection)?;
        if connection.way == TransportKind::Clear {
            let server = connection.name();
            return Err(format!(
                "the connection to {server} is without TLS, and the token of {FILE} is never sent in clear: use sslmode=verify-full"
            ));
        }
        Ok(file)
    }

    fn judge_issuer(&self, wanted: WantedToken<'_>) -> Result<(), String> {
        let issuer = text(ISSUER, self.issuer.as_ref())?
            .ok_or_else(|| format!("{ISSUER} is not set: it says whose token {FILE} has"))?;
        let by_url = wanted.discovery_url == issuer || is_well_known_of(wanted.discovery_url, issuer);
        // libpq derives one from the other; a token for either alone would be one for whoever can confuse them.
        let by_name = wanted.issuer.is_none_or(|name| name == issuer || is_well_known_of(issuer, name));
        if by_url && by_name {
            return Ok(());
        }
        let asked = shown(wanted.issuer.unwrap_or(wanted.discovery_url));
        Err(format!("a token of {asked} is asked for, and {ISSUER} is {}", shown(issuer)))
    }

    fn judge_host(&self, connection: &LibpqConnection) -> Result<(), String> {
        let Some(hosts) = text(HOSTS, self.hosts.as_ref())? else {
            if connection.in_server {
                return Err(format!(
                    "{HOSTS} is not set: inside a server, whose users choose where it connects to, it must list who may get the token"
                ));
            }
            return Ok(());
        };
        let port = if connection.port.is_empty() { DEFAULT_PORT } else { &connection.port };
        for entry in hosts.split(',').map(str::trim) {
            let (host, listed) = entry_of(entry)
                .ok_or_else(|| format!("{HOSTS} has the entry \"{}\", which is not HOST or HOST:PORT", shown(entry)))?;
            if listed == port && connection.hosts().any(|own| own == host) {
                return Ok(());
            }
        }
        Err(format!("{} is not in {HOSTS}, so it does not get the token", connection.name()))
    }
}

impl LibpqConnection {
    /// What of it can be listed. Drivers such as psycopg look a name up themselves, and say name and address. Inside a
    /// server that may be a user's doing, who gives a listed name the address of his own host: there the address counts.
    fn hosts(&self) -> impl Iterator<Item = &str> {
        let name = Some(self.host.as_str()).filter(|_| self.address.is_none() || !self.in_server);
        name.into_iter().chain(self.address.as_deref())
    }

    /// For a message.
    fn name(&self) -> String {
        let port = if self.port.is_empty() { DEFAULT_PORT } else { &self.port };
        let host = shown(self.hosts().next().unwrap_or_default());
        if host.contains(':') { format!("[{host}]:{}", shown(port)) } else { format!("{host}:{}", shown(port)) }
    }
}

/// A variable's text; an empty one counts as not set.
fn text<'v>(name: &str, value: Option<&'v OsString>) -> Result<Option<&'v str>, String> {
    let Some(value) = value else { return Ok(None) };
    match value.to_str() {
        Some(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        None => Err(format!("{name} is not UTF-8")),
    }
}

/// Host and port of `HOST`, `HOST:PORT`, `[IPv6]`, `[IPv6]:PORT`, a bare IPv6 address, or a socket's folder in place of the
/// host.
fn entry_of(entry: &str) -> Option<(&str, &str)> {
    let (host, port) = if let Some(rest) = entry.strip_prefix('[') {
        let (host, behind) = rest.split_once(']')?;
        match behind.strip_prefix(':') {
            Some(port) => (host, port),
            None if behind.is_empty() => (host, DEFAULT_PORT),
            None => return None,
        }
    } else {
        match entry.split_once(':') {
            Some((_, rest)) if rest.contains(':') && !entry.starts_with('/') => (entry, DEFAULT_PORT),
            Some(_) => entry.rsplit_once(':')?,
            None => (entry, DEFAULT_PORT),
        }
    };
    let is_port = port.parse::<u16>().is_ok_and(|number| number != 0 && number.to_string() == port);
    (!host.is_empty() && is_port).then_some((host, port))
}

#[cfg(test)]
mod tests;
