//! What comes before a login: requests for encryption, to cancel, and the first message of a session.
//!
//! What was read is passed on byte for byte. Must never take more of a stranger than PostgreSQL does, 10,000 bytes, nor read on
//! behind a request for TLS before there is TLS (CVE-2021-23222).

use crate::wire::Duplex;
use rustls::ServerConfig;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

/// PostgreSQL's own limit (`MAX_STARTUP_PACKET_LENGTH`).
const MAX_PACKET: usize = 10_000;

const TLS_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;

/// A client asks for each kind of encryption once.
const MAX_REQUESTS: usize = 2;

/// What a client wants, as it sent it: the whole packet, with its length.
pub(crate) enum StartupPacket {
    /// A session.
    Session(Vec<u8>),
    /// That a statement be cancelled; the key of its session.
    Cancel(Vec<u8>),
}

/// The client's stream, with TLS if that is what there is, and what it wants.
///
/// # Errors
/// A client that leaves, is late, or speaks another protocol.
pub(crate) async fn negotiate(
    mut client: Box<dyn Duplex>,
    tls: Option<&Arc<ServerConfig>>,
) -> io::Result<(Box<dyn Duplex>, bool, StartupPacket)> {
    let mut has_tls = false;
    for _ in 0..=MAX_REQUESTS {
        let packet = read_packet(&mut *client).await?;
        match code_of(&packet) {
            Some(TLS_REQUEST) if packet.len() == 8 && !has_tls => match tls {
                Some(config) => {
                    client.write_all(b"S").await?;
                    client.flush().await?;
                    client = Box::new(TlsAcceptor::from(Arc::clone(config)).accept(client).await?);
                    has_tls = true;
                }
                None => answer_no(&mut *client).await?,
            },
            Some(GSS_REQUEST) if packet.len() == 8 => answer_no(&mut *client).await?,
            Some(CANCEL_REQUEST) if packet.len() > 12 => return Ok((client, has_tls, StartupPacket::Cancel(packet))),
            // Version 3, whichever minor one: the server answers what it has.
            Some(code) if code >> 16 == 3 => return Ok((client, has_tls, StartupPacket::Session(packet))),
            _ => break,
        }
    }
    Err(io::Error::new(ErrorKind::InvalidData, "no startup message of PostgreSQL's protocol 3"))
}

async fn answer_no(client: &mut dyn Duplex) -> io::Result<()> {
    client.write_all(b"N").await?;
    client.flush().await
}

async fn read_packet(client: &mut dyn Duplex) -> io::Result<Vec<u8>> {
    let length = client.read_u32().await?;
    let size = usize::try_from(length).ok().filter(|size| (8..=MAX_PACKET).contains(size));
    let size =
        size.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "a startup message of an impossible length"))?;
    let mut packet = vec![0; size];
    let (head, rest) = packet.split_at_mut(4);
    head.copy_from_slice(&length.to_be_bytes());
    client.read_exact(rest).await?;
    Ok(packet)
}

fn code_of(packet: &[u8]) -> Option<u32> {
    let code = packet.get(4..)?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*code))
}

#[cfg(test)]
mod tests {
    use super::{StartupPacket, negotiate};
    use crate::wire::Duplex;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    fn wanted(sent: &[u8]) -> (std::io::Result<StartupPacket>, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let (mut client, server) = duplex(64 * 1024);
            client.write_all(sent).await.expect("a pipe");
            client.shutdown().await.expect("a pipe");
            let server: Box<dyn Duplex> = Box::new(server);
            let result = negotiate(server, None).await.map(|(_, _, wanted)| wanted);
            let mut answered = Vec::new();
            client.read_to_end(&mut answered).await.expect("a pipe");
            (result, answered)
        })
    }

    fn packet(code: u32, rest: &[u8]) -> Vec<u8> {
        let length = u32::try_from(8 + rest.len()).expect("short");
        [&length.to_be_bytes()[..], &code.to_be_bytes(), rest].concat()
    }

    #[test]
    fn encryption_is_answered_by_what_there_is() {
        let startup = packet(3 << 16, b"user\0ana\0\0");
        for before in [vec![], packet(80_877_103, b""), [packet(80_877_104, b""), packet(80_877_103, b"")].concat()] {
            let (wanted, answered) = wanted(&[before.clone(), startup.clone()].concat());
            assert!(matches!(wanted, Ok(StartupPacket::Session(ref packet)) if *packet == startup));
            assert_eq!(answered, vec![b'N'; before.len() / 8]);
        }
        let newer = packet((3 << 16) | 2, b"user\0ana\0\0");
        assert!(matches!(wanted(&newer).0, Ok(StartupPacket::Session(_))));
        let cancel = packet(80_877_102, &[0; 8]);
        assert!(matches!(wanted(&cancel).0, Ok(StartupPacket::Cancel(ref packet)) if *packet == cancel));
    }

    #[test]
    fn strangers_are_not_listened_to_for_long() {
        let requests = packet(80_877_104, b"").repeat(4);
        let long = [&10_001_u32.to_be_bytes()[..], &[0; 10_000]].concat();
        for sent in [
            &b""[..],
            b"\0\0\0",
            b"\0\0\0\x07\0\0\0",
            b"\0\0\0\x08\0\x03\0",
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc",
            &packet(2 << 16, b""),
            &packet(80_877_102, &[0; 4]),
            &packet(80_877_103, b"x"),
            &long,
            &requests,
        ] {
            assert!(wanted(sent).0.is_err(), "{sent:?}");
        }
    }
}
