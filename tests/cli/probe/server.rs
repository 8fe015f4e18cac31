//! Servers that say what a test has them say, and remember what they were told.
//!
//! One connection each. They judge nobody, and no test leaves this machine.

use oauth_validator_mock_provider::LocalhostCertificate;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Longer than a probe takes that is to be timed out.
const PATIENCE: Duration = Duration::from_secs(20);

/// The request for TLS, as a client sends it.
pub const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// A stream to the client.
pub trait ClientStream: Read + Write {}
impl<T: Read + Write> ClientStream for T {}

/// The server's side of a connection.
pub struct AcceptedClient<'a> {
    stream: Box<dyn ClientStream + 'a>,
    /// Everything the client said.
    pub told: Vec<u8>,
}

impl AcceptedClient<'_> {
    /// Reads so many bytes; fewer if the client ends before.
    pub fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut some = [0; 4096];
        while bytes.len() < length {
            let wanted = (length - bytes.len()).min(some.len());
            match self.stream.read(&mut some[..wanted]) {
                Ok(0) | Err(_) => break,
                Ok(read) => bytes.extend_from_slice(&some[..read]),
            }
        }
        self.told.extend_from_slice(&bytes);
        bytes
    }

    /// Reads a startup message, or a request for TLS.
    pub fn startup(&mut self) {
        let length = self.read(4);
        let length = u32::from_be_bytes(length.try_into().expect("a startup message")) as usize;
        self.read(length - 4);
    }

    /// Reads a message with a type.
    pub fn message(&mut self) {
        self.read(1);
        self.startup();
    }

    /// Says it; a client that went away hears nothing.
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).and_then(|()| self.stream.flush());
    }

    /// Waits until the client ends the connection.
    pub fn hang(&mut self) {
        self.read(usize::MAX);
    }
}

/// A server, and what it was told when its one connection is over.
pub struct ScriptedServer {
    pub port: u16,
    thread: JoinHandle<Vec<u8>>,
}

impl ScriptedServer {
    /// On a loopback address, without TLS.
    pub fn tcp(talk: impl FnOnce(&mut AcceptedClient<'_>) + Send + 'static) -> Self {
        Self::at("127.0.0.1:0", talk)
    }

    /// At this address.
    pub fn at(address: &str, talk: impl FnOnce(&mut AcceptedClient<'_>) + Send + 'static) -> Self {
        let (listener, address) = listener(address);
        let thread = thread::spawn(move || {
            let stream = accept(&listener);
            converse(stream, talk)
        });
        Self { port: address.port(), thread }
    }

    /// At this address, with TLS after the request for it; what it was told is told within TLS.
    pub fn tls(
        address: &str,
        certificate: &LocalhostCertificate,
        talk: impl FnOnce(&mut AcceptedClient<'_>) + Send + 'static,
    ) -> Self {
        let config = Arc::new(config(certificate));
        let (listener, address) = listener(address);
        let thread = thread::spawn(move || {
            let mut stream = accept(&listener);
            let mut request = [0; 8];
            stream.read_exact(&mut request).expect("a request for TLS");
            assert_eq!(request, TLS_REQUEST);
            stream.write_all(b"S").expect("the client listens");
            let connection = ServerConnection::new(config).expect("the configuration is complete");
            converse(StreamOwned::new(connection, stream), talk)
        });
        Self { port: address.port(), thread }
    }

    /// At a Unix socket: the path of one, or "@" and a name.
    pub fn unix(path: &str, talk: impl FnOnce(&mut AcceptedClient<'_>) + Send + 'static) -> Self {
        let listener = match path.strip_prefix('@') {
            Some(name) => {
                let address = std::os::unix::net::SocketAddr::from_abstract_name(name).expect("a name");
                UnixListener::bind_addr(&address)
            }
            None => UnixListener::bind(Path::new(path)),
        }
        .expect("a socket");
        let thread = thread::spawn(move || {
            let stream: UnixStream = listener.accept().expect("a connection").0;
            stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
            converse(stream, talk)
        });
        Self { port: 0, thread }
    }

    /// What it was told; waits for the end of its connection.
    #[track_caller]
    pub fn told(self) -> Vec<u8> {
        self.thread.join().expect("the server ends well")
    }
}

fn listener(address: &str) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(address).expect("a port");
    let address = listener.local_addr().expect("its address");
    (listener, address)
}

fn accept(listener: &TcpListener) -> TcpStream {
    let stream = listener.accept().expect("a connection").0;
    stream.set_read_timeout(Some(PATIENCE)).expect("a limit");
    stream
}

fn converse(stream: impl Read + Write, talk: impl FnOnce(&mut AcceptedClient<'_>)) -> Vec<u8> {
    let mut client = AcceptedClient { stream: Box::new(stream), told: Vec::new() };
    talk(&mut client);
    client.told
}

fn config(certificate: &LocalhostCertificate) -> ServerConfig {
    let mut config = certificate.server_config();
    // A client that offers another protocol than this is sent away.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    config
}

/// A message with a type.
pub fn message(kind: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = u32::try_from(body.len() + 4).expect("a short message");
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

/// A request for authentication.
pub fn authentication(number: u32, data: impl AsRef<[u8]>) -> Vec<u8> {
    message(b'R', [&number.to_be_bytes()[..], data.as_ref()].concat())
}

/// A request for a token.
pub fn asks() -> Vec<u8> {
    authentication(10, "OAUTHBEARER\0\0")
}

/// A fatal error.
pub fn fatal(code: &str, text: &str) -> Vec<u8> {
    message(b'E', format!("SFATAL\0VFATAL\0C{code}\0M{text}\0\0"))
}

/// From AuthenticationOk on: a session of ana's, and the answer to its query.
pub fn session(system_user: &str) -> Vec<u8> {
    let mut row = 3u16.to_be_bytes().to_vec();
    for value in [system_user, "ana", "ana"] {
        row.extend(u32::try_from(value.len()).expect("a short value").to_be_bytes());
        row.extend(value.as_bytes());
    }
    let messages = [
        authentication(0, ""),
        message(b'S', "server_version\x0018.6 (Debian)\0"),
        message(b'K', [0, 0, 0x10, 0x92, 0, 0, 0, 0]),
        message(b'Z', "I"),
        message(b'T', "columns"),
        message(b'D', row),
        message(b'C', "SELECT 1\0"),
        message(b'Z', "I"),
    ];
    messages.concat()
}

/// Lets ana in by her token.
pub fn lets_in(client: &mut AcceptedClient<'_>) {
    client.startup();
    client.say(asks());
    client.message();
    client.say(session("oauth:ana@corp.example"));
    client.hang();
}

/// Refuses the token, with this challenge.
pub fn refuses(challenge: &str) -> impl FnOnce(&mut AcceptedClient<'_>) + Send + 'static {
    let challenge = authentication(11, challenge);
    move |client| {
        client.startup();
        client.say(asks());
        client.message();
        client.say(challenge);
        client.message();
        client.say(fatal("28000", "OAuth bearer authentication failed for user \"ana\""));
        client.hang();
    }
}
