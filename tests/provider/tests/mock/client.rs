//! A client with rustls that checks the certificate and reports the bytes as they came.
//!
//! It must never wait longer than its patience, and must not repair anything: a fault that it hid would look
//! like a mock that works.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oauth_validator_mock_provider::MockProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

/// More than any answer needs that is read to its end here.
const LIMIT: usize = 16 * 1024 * 1024;

/// How an exchange ended.
#[derive(Debug, PartialEq)]
pub enum ExchangeEnd {
    /// The server closed after the bytes, with TLS's own goodbye.
    Closed,
    /// The server went away without it.
    Dropped,
    /// The client's patience, or its limit of bytes, was at its end.
    Patience,
    /// TLS failed, for this reason.
    Tls(rustls::Error),
    /// No connection.
    Refused,
}

/// What a client saw.
#[derive(Debug)]
pub struct SeenReply {
    pub bytes: Vec<u8>,
    pub end: ExchangeEnd,
}

impl SeenReply {
    fn head_end(&self) -> usize {
        self.bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a whole response head")
    }

    /// The status; panics if there is no whole head.
    pub fn status(&self) -> u16 {
        let head = &self.bytes[..self.head_end()];
        std::str::from_utf8(&head[9..12]).expect("a status").parse().expect("a status of three digits")
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let head = std::str::from_utf8(&self.bytes[..self.head_end()]).expect("a head in ASCII");
        let mut lines = head.split("\r\n").skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    }

    pub fn body(&self) -> &[u8] {
        &self.bytes[self.head_end() + 4..]
    }

    /// The body of a response that came whole: its length is the promised one, and the end was orderly.
    pub fn json(&self) -> Value {
        assert_eq!(self.end, ExchangeEnd::Closed);
        assert_eq!(self.header("Content-Length"), Some(self.body().len().to_string()));
        serde_json::from_slice(self.body()).expect("JSON")
    }
}

/// A request with everything about the client that a test may want to change.
pub struct TestClient<'a> {
    pub provider: &'a MockProvider,
    pub trusts_ca: bool,
    pub name: &'static str,
    pub method: &'static str,
    pub headers: &'a str,
    pub body: &'a str,
    pub patience: Duration,
    pub limit: usize,
}

impl<'a> TestClient<'a> {
    pub fn of(provider: &'a MockProvider) -> Self {
        let patience = Duration::from_secs(10);
        let (method, headers, body) = ("GET", "", "");
        Self { provider, trusts_ca: true, name: "localhost", method, headers, body, patience, limit: LIMIT }
    }

    /// One that sends a form.
    pub fn posting(provider: &'a MockProvider, body: &'a str) -> Self {
        Self { method: "POST", body, ..Self::of(provider) }
    }

    /// One that gives up soon, for a server that never begins a handshake.
    pub fn impatient(provider: &'a MockProvider) -> Self {
        Self { patience: Duration::from_millis(400), ..Self::of(provider) }
    }

    /// Sends one request and reads until the end.
    pub fn get(&self, target: &str) -> SeenReply {
        let Ok(socket) = TcpStream::connect(("127.0.0.1", self.provider.port())) else {
            return SeenReply { bytes: Vec::new(), end: ExchangeEnd::Refused };
        };
        let name = ServerName::try_from(self.name).expect("a name");
        let connection = ClientConnection::new(Arc::new(self.config()), name).expect("a client");
        self.exchange(&mut StreamOwned::new(connection, SocketWithPatience::new(socket, self.patience)), target)
    }

    /// Asks for `target` without TLS.
    pub fn get_plain(&self, target: &str) -> SeenReply {
        let socket = TcpStream::connect(("127.0.0.1", self.provider.port())).expect("the provider is up");
        self.exchange(&mut SocketWithPatience::new(socket, self.patience), target)
    }

    fn exchange(&self, stream: &mut (impl Read + Write), target: &str) -> SeenReply {
        let (length, Self { method, name, headers, body, .. }) = (self.body.len(), self);
        let length = if length > 0 { format!("Content-Length: {length}\r\n") } else { String::new() };
        let request = format!("{method} {target} HTTP/1.1\r\nHost: {name}\r\n{headers}{length}\r\n{body}");
        let mut bytes = Vec::new();
        let mut buffer = [0; 16 * 1024];
        let sent = stream.write_all(request.as_bytes()).and_then(|()| stream.flush());
        let end = sent.map_or_else(end_of, |()| {
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => break ExchangeEnd::Closed,
                    Ok(count) => bytes.extend_from_slice(&buffer[..count]),
                    Err(error) => break end_of(error),
                }
                if bytes.len() > self.limit {
                    break ExchangeEnd::Patience;
                }
            }
        });
        SeenReply { bytes, end }
    }

    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        if self.trusts_ca {
            for certificate in CertificateDer::pem_file_iter(self.provider.ca_file()).expect("a CA file") {
                roots.add(certificate.expect("a certificate")).expect("a CA");
            }
            assert_eq!(roots.len(), 1);
        }
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth()
    }
}

fn end_of(error: io::Error) -> ExchangeEnd {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ExchangeEnd::Patience,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            ExchangeEnd::Dropped
        }
        _ => match error.downcast::<rustls::Error>() {
            Ok(error) => ExchangeEnd::Tls(error),
            Err(error) => panic!("an error that no test expects: {error}"),
        },
    }
}

/// A socket whose reads end at one deadline, however many of them there are.
struct SocketWithPatience {
    socket: TcpStream,
    deadline: Instant,
}

impl SocketWithPatience {
    fn new(socket: TcpStream, patience: Duration) -> Self {
        Self { socket, deadline: Instant::now() + patience }
    }
}

impl Read for SocketWithPatience {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.socket.set_read_timeout(Some(left))?;
        self.socket.read(buffer)
    }
}

impl Write for SocketWithPatience {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}
