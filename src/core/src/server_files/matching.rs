//! Which line of pg_hba.conf takes a connection (`check_hba` of hba.c), as far as that can be told beforehand.
//!
//! The first line that fits is the one, and there is no second try. Must never pass over in silence a line that may come
//! first: what cannot be known, and what was assumed, is said of the line.

use super::Address;
use super::hba::{ConnectionType, HbaLine};
use super::names::{FileMatch, databases_fit, roles_fit};
use core::net::IpAddr;

/// From where a client connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientOrigin {
    /// From anywhere, and in any way.
    Any,
    /// A Unix socket.
    Local,
    /// TCP with TLS, from this address.
    Tls(IpAddr),
}

/// A connection that is asked about.
#[derive(Debug, Clone)]
pub struct LoginQuery<'l> {
    /// The role.
    pub role: &'l str,
    /// The database; `None` for physical replication.
    pub database: Option<&'l str>,
    /// From where.
    pub client: ClientOrigin,
}

/// The line that takes a connection.
#[derive(Debug)]
pub struct ChosenLine<'l> {
    /// The line; `None` if there is none, and the server rejects the connection.
    pub line: Option<&'l HbaLine>,
    /// What was assumed for the line to fit: a phrase that begins with "whether".
    pub assumed: Option<String>,
    /// Earlier lines that take the connection instead, and under which condition.
    pub earlier: Vec<(&'l HbaLine, String)>,
}

/// The line that takes the connection. With [`ClientOrigin::Any`] it is the first OAuth line for database and role, unless an
/// earlier line leaves it nothing.
#[must_use]
pub fn choose<'l>(lines: &'l [HbaLine], login: &LoginQuery<'_>) -> ChosenLine<'l> {
    let any = login.client == ClientOrigin::Any;
    let mut earlier: Vec<(&HbaLine, String)> = Vec::new();
    let mut instead = None;
    for line in lines {
        let assumed = match fits(line, login) {
            FileMatch::No => continue,
            FileMatch::Yes => None,
            FileMatch::Unknown(why) if line.is_oauth() => Some(why),
            FileMatch::Unknown(why) => {
                earlier.push((line, why));
                continue;
            }
        };
        if any && !line.is_oauth() {
            earlier.push((line, format!("for {}", words(line))));
            continue;
        }
        let leaves_nothing = |other: &HbaLine| other.covers_clients(line) && fits(other, login) == FileMatch::Yes;
        if let Some((first, _)) = earlier.iter().find(|(other, _)| any && leaves_nothing(other)) {
            instead.get_or_insert(*first);
            continue;
        }
        earlier.retain(|(other, _)| overlap(other.connection, line.connection));
        return ChosenLine { line: Some(line), assumed, earlier };
    }
    // None of them is OAuth: any of those before may be the one.
    let line = instead.or_else(|| earlier.first().filter(|_| any).map(|(line, _)| *line));
    ChosenLine { line, assumed: None, earlier: if line.is_some() { Vec::new() } else { earlier } }
}

/// Whether a line is for the connection.
fn fits(line: &HbaLine, login: &LoginQuery<'_>) -> FileMatch {
    client_fits(line, login.client)
        .and(databases_fit(&line.databases, login.database, login.role))
        .and(roles_fit(&line.roles, login.role))
}

fn client_fits(line: &HbaLine, client: ClientOrigin) -> FileMatch {
    match (client, &line.address) {
        (ClientOrigin::Any, _) | (ClientOrigin::Local, None) => FileMatch::Yes,
        (ClientOrigin::Tls(_), Some(_))
            if matches!(line.connection, ConnectionType::HostNoSsl | ConnectionType::HostGssEnc) =>
        {
            FileMatch::No
        }
        (ClientOrigin::Tls(client), Some(address)) => address.matches(client),
        _ => FileMatch::No,
    }
}

/// Whether a connection can be of both kinds.
fn overlap(a: ConnectionType, b: ConnectionType) -> bool {
    use ConnectionType::{HostGssEnc, HostNoGssEnc, HostNoSsl, HostSsl, Local};
    let apart = |a, b| matches!((a, b), (HostSsl, HostNoSsl) | (HostGssEnc, HostNoGssEnc) | (HostGssEnc, HostSsl));
    (a == Local) == (b == Local) && !apart(a, b) && !apart(b, a)
}

/// The connections of a line, for a person.
fn words(line: &HbaLine) -> String {
    let kind = match line.connection {
        ConnectionType::Local => return "Unix sockets".to_owned(),
        ConnectionType::Host => "TCP",
        ConnectionType::HostSsl => "TLS",
        ConnectionType::HostNoSsl => "TCP without TLS",
        ConnectionType::HostGssEnc => "GSSAPI encryption",
        ConnectionType::HostNoGssEnc => "TCP without GSSAPI encryption",
    };
    match &line.address {
        None | Some(Address::All) => kind.to_owned(),
        Some(Address::SameHost) => format!("{kind} from this host"),
        Some(Address::SameNet) => format!("{kind} from this host's networks"),
        Some(Address::Host(name)) => format!("{kind} from {name}"),
        Some(Address::Net { address, mask }) => {
            let ones = match mask {
                IpAddr::V4(mask) => mask.to_bits().leading_ones(),
                IpAddr::V6(mask) => mask.to_bits().leading_ones(),
            };
            format!("{kind} from {address}/{ones}")
        }
    }
}
