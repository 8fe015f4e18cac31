//! A connection that may carry a token: to a Unix socket, or over the network with the TLS that was asked for.
//!
//! One deadline holds for everything, from the resolver to the last byte. Must never send anything of a login before the
//! connection is what the target says, nor take a byte from before TLS for one behind it (CVE-2021-23222).

use super::target::{Check, Security, ServerAddress};
use super::tls;
use crate::output::CommandFailure;
use rustls::{ClientConnection, ProtocolVersion, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Asks for TLS: its own length and a number that is no version (`SSLRequest`, "Message Formats").
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// When everything must be done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    pub(super) limit: Duration,
    at: Instant,
}

impl Deadline {
    pub(super) fn after(limit: Duration) -> Self {
        Self { limit, at: Instant::now() + limit }
    }

    /// The time that is left; never zero, which would mean no limit at all to a socket.
    fn left(self) -> io::Result<Duration> {
        let left = self.at.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// A connection on which the login may begin.
pub(super) struct ServerConnection {
    stream: ProbeStream,
    /// For a person.
    pub(super) description: String,
    /// The client's address, by which the server's log may name the connection.
    pub(super) client: Option<SocketAddr>,
    /// TLS's version, if there is TLS.
    pub(super) tls: Option<&'static str>,
}

enum ProbeStream {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

impl ServerConnection {
    /// Connects, and makes the connection what it has to be.
    pub(super) fn open(place: &ServerAddress, deadline: Deadline) -> Result<Self, CommandFailure> {
        let ServerAddress::Network(host, _, security) = place else {
            let socket = reach(place, deadline)?;
            let description = format!("Unix socket {place}");
            return Ok(Self { stream: ProbeStream::Plain(socket), description, client: None, tls: None });
        };
        match security {
            Security::Tls(check) => {
                // What cannot be used is said before anybody is asked.
                let tls = tls::client(host, check)?;
                secured(place, reach(place, deadline)?, tls, check)
            }
            Security::Plain { anywhere } => {
                let socket = reach(place, deadline)?;
                if !anywhere && !socket.kind.is_loopback() {
                    let what = format!("{place} is another machine: the token would go there in clear");
                    return Err(CommandFailure::new(what).with_hint(
                        "use --sslmode verify-full; --insecure-plaintext is for a network where nobody listens",
                    ));
                }
                let (client, description) = (socket.kind.client(), format!("{place}, no TLS"));
                Ok(Self { stream: ProbeStream::Plain(socket), description, client, tls: None })
            }
        }
    }
}

/// The connection with TLS, if the server offers it and has the right certificate.
fn secured(
    place: &ServerAddress,
    mut socket: Socket,
    mut tls: ClientConnection,
    check: &Check,
) -> Result<ServerConnection, CommandFailure> {
    let (client, deadline) = (socket.kind.client(), socket.deadline);
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::TimedOut => timed_out(place, "there is no TLS", deadline),
        _ => CommandFailure::new(format!("{place}: the connection ended before there was TLS: {error}"))
            .with_hint("see the server's log; is it PostgreSQL that listens there?"),
    };
    ask_for_tls(place, &mut socket, failed)?;
    if let Err(error) = tls::shake_hands(&mut tls, &mut socket) {
        return Err(tls::fault(&place.to_string(), &error).unwrap_or_else(|| failed(error)));
    }
    let version = match tls.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "TLS",
    };
    let judged = match check {
        Check::Nothing => ", whose certificate nobody judged",
        Check::Authority(_) => ", with a certificate for any host",
        Check::Name(_) => "",
    };
    let description = format!("{place}, {version}{judged}");
    let stream = ProbeStream::Tls(Box::new(StreamOwned::new(tls, socket)));
    Ok(ServerConnection { stream, description, client, tls: Some(version) })
}

fn ask_for_tls(
    place: &ServerAddress,
    socket: &mut Socket,
    failed: impl Fn(io::Error) -> CommandFailure,
) -> Result<(), CommandFailure> {
    let mut answer = [0; 16];
    let length = socket.write_all(&TLS_REQUEST).and_then(|()| socket.read(&mut answer)).map_err(failed)?;
    match answer.get(..length).unwrap_or_default() {
        b"S" => Ok(()),
        b"N" => Err(CommandFailure::new(format!("{place} offers no TLS; the token was not sent"))
            .with_hint("set ssl = on there; if it is on, somebody on the way to it takes it out")),
        [b'E', ..] => Err(CommandFailure::new(format!("{place} answers an error to the request for TLS"))
            .with_hint("see the server's log; it may have no room for one more process")),
        [] => Err(CommandFailure::new(format!("{place} closed the connection when it was asked for TLS"))
            .with_hint("see the server's log; is it PostgreSQL that listens there?")),
        [b'S', _, ..] => {
            Err(CommandFailure::new(format!("{place} sends data before TLS begins; the token was not sent"))
                .with_hint("is it PostgreSQL that listens there? if so, somebody on the way to it meddles"))
        }
        _ => Err(CommandFailure::new(format!("what answers at {place} is not PostgreSQL"))
            .with_hint("compare host and port with the server's listen_addresses and port")),
    }
}

impl Read for ServerConnection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.stream {
            ProbeStream::Plain(socket) => socket.read(buffer),
            ProbeStream::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for ServerConnection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.stream {
            ProbeStream::Plain(socket) => socket.write(bytes),
            ProbeStream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.stream {
            ProbeStream::Plain(socket) => socket.flush(),
            ProbeStream::Tls(stream) => stream.flush(),
        }
    }
}

/// A socket on which no call takes longer than the time that is left.
struct Socket {
    kind: SocketKind,
    deadline: Deadline,
}

enum SocketKind {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl SocketKind {
    fn client(&self) -> Option<SocketAddr> {
        match self {
            Self::Unix(_) => None,
            Self::Tcp(stream) => stream.local_addr().ok(),
        }
    }

    /// Whether the other end is on this machine, whatever its name says.
    fn is_loopback(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp(stream) => stream.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback()),
        }
    }

    /// The call's result, however often it has to be made until the time is over.
    fn within(
        &mut self,
        deadline: Deadline,
        mut call: impl FnMut(&mut Self) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            let left = Some(deadline.left()?);
            match self {
                Self::Unix(stream) => stream.set_read_timeout(left).and_then(|()| stream.set_write_timeout(left))?,
                Self::Tcp(stream) => stream.set_read_timeout(left).and_then(|()| stream.set_write_timeout(left))?,
            }
            match call(self) {
                // A process that was stopped and goes on, and a time-out that was rounded.
                Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
                result => return result,
            }
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.kind.within(self.deadline, |kind| match kind {
            SocketKind::Unix(stream) => stream.read(buffer),
            SocketKind::Tcp(stream) => stream.read(buffer),
        })
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.kind.within(self.deadline, |kind| match kind {
            SocketKind::Unix(stream) => stream.write(bytes),
            SocketKind::Tcp(stream) => stream.write(bytes),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Connects in a thread: neither the resolver nor a socket whose queue is full can be told when to give up.
fn reach(place: &ServerAddress, deadline: Deadline) -> Result<Socket, CommandFailure> {
    let (sender, receiver) = mpsc::channel();
    let there = place.clone();
    thread::spawn(move || {
        let _ = sender.send(connect(&there, deadline));
    });
    let late = || timed_out(place, "there is no connection", deadline);
    let left = deadline.left().map_err(|_| late())?;
    match receiver.recv_timeout(left).map_err(|_| late())? {
        Ok(kind) => Ok(Socket { kind, deadline }),
        Err(error) if error.kind() == ErrorKind::TimedOut => Err(late()),
        Err(error) => Err(unreachable(place, &error)),
    }
}

fn connect(place: &ServerAddress, deadline: Deadline) -> io::Result<SocketKind> {
    match place {
        ServerAddress::Socket(path) => UnixStream::connect(path).map(SocketKind::Unix),
        ServerAddress::Abstract(name) => {
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            UnixStream::connect_addr(&address).map(SocketKind::Unix)
        }
        ServerAddress::Network(host, port, _) => connect_to_any(host, *port, deadline).map(SocketKind::Tcp),
    }
}

/// To the first of the host's addresses that answers, as libpq does.
fn connect_to_any(host: &str, port: u16, deadline: Deadline) -> io::Result<TcpStream> {
    let unknown = |_| io::Error::new(ErrorKind::AddrNotAvailable, "the host has no address");
    let mut last = Err(io::Error::new(ErrorKind::AddrNotAvailable, "the host has no address"));
    for address in (host, port).to_socket_addrs().map_err(unknown)? {
        last = TcpStream::connect_timeout(&address, deadline.left()?);
        if last.is_ok() {
            break;
        }
    }
    let stream = last?;
    // A token that fills several packets is not held back for an acknowledgement.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

fn unreachable(place: &ServerAddress, error: &io::Error) -> CommandFailure {
    let hint = match (place, error.kind()) {
        (ServerAddress::Socket(_) | ServerAddress::Abstract(_), ErrorKind::PermissionDenied) => {
            "this user may not use the socket; see unix_socket_permissions, or try --host localhost"
        }
        (ServerAddress::Socket(_) | ServerAddress::Abstract(_), _) => {
            "is the server up? its folder is unix_socket_directories, its number is port: give --host and --port"
        }
        (ServerAddress::Network(..), ErrorKind::AddrNotAvailable) => "correct --host, or this machine's resolver",
        (ServerAddress::Network(..), _) => {
            "is the server up? compare its listen_addresses and port; is there a firewall?"
        }
    };
    CommandFailure::new(format!("cannot connect to {place}: {error}")).with_hint(hint)
}

fn timed_out(place: &ServerAddress, what: &str, deadline: Deadline) -> CommandFailure {
    CommandFailure::new(format!("{place}: {what} within {} s", deadline.limit.as_secs_f32()))
        .with_hint("is there a firewall in between? give a longer --timeout if the server is slow")
}
