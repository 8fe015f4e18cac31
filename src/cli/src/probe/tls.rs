//! TLS with a server of PostgreSQL: how its certificate is judged, and what is said of one that is not acceptable.
//!
//! Every check that libpq's `sslmode` names is one of the network layer's verifier, in full. Must never accept less than was
//! asked for, nor go on without TLS.

use super::target::{Check, Roots};
use crate::net::{Demand, Trust, client_config, tls_fault};
use crate::output::CommandFailure;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Error};
use std::io::{self, Read, Write};
use std::sync::Arc;

/// The protocol's name in TLS, as IANA has it.
const ALPN: &[u8] = b"postgresql";

const AUTHORITY_HINT: &str =
    "give --sslrootcert a PEM file with the certificate of the authority that signs the server's";

/// The client's side of a handshake with `host`, not begun.
///
/// # Errors
/// Authorities that cannot be read, and hosts that no certificate can name.
pub(super) fn client(host: &str, check: &Check) -> Result<ClientConnection, CommandFailure> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| CommandFailure::new(format!("{host:?} is neither a host's name nor an address")))?;
    ClientConnection::new(Arc::new(config(check)?), name)
        .map_err(|error| CommandFailure::new(format!("TLS cannot be prepared: {error}")))
}

/// The whole handshake.
///
/// # Errors
/// Those of rustls inside of `InvalidData`, and of the stream.
pub(super) fn shake_hands(client: &mut ClientConnection, stream: &mut (impl Read + Write)) -> io::Result<()> {
    while client.is_handshaking() {
        client.complete_io(stream)?;
    }
    Ok(())
}

/// What there is to say of a handshake that failed because of TLS itself.
pub(super) fn fault(place: &str, error: &io::Error) -> Option<CommandFailure> {
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    let (what, hint) = tls_fault("the server", error);
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    let hint = match hint {
        Some(hint) => hint.replace("{ca_file}", "--sslrootcert"),
        None => format!("see its certificate: openssl s_client -starttls postgres -connect {place} -servername {host}"),
    };
    Some(CommandFailure::new(format!("{place}: {what}; the token was not sent")).with_hint(hint))
}

fn config(check: &Check) -> Result<ClientConfig, CommandFailure> {
    let demand = match check {
        Check::Name(roots) => Demand::Name(trust(roots)?),
        Check::Authority(roots) => Demand::Trust(trust(roots)?),
        Check::Nothing => Demand::Key,
    };
    let mut config =
        client_config(demand).map_err(|error| CommandFailure::new(format!("TLS cannot be prepared: {error}")))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

fn trust(roots: &Roots) -> Result<Trust, CommandFailure> {
    Trust::new(&roots.to_ca()).map_err(|error| CommandFailure::new(error.to_string()).with_hint(AUTHORITY_HINT))
}
