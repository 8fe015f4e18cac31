//! Servers that are none: they ask for a token, and keep what they are sent.

use oauth_validator_mock_provider::LocalhostCertificate;
use rustls::{ServerConnection, StreamOwned};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// AuthenticationSASL with the one mechanism.
const ASK: &[u8] = b"R\0\0\0\x15\0\0\0\x0aOAUTHBEARER\0\0";

/// How long a client may take for its next message.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks each client for a token.
pub struct Thief {
    received: Receiver<Vec<u8>>,
}

impl Thief {
    /// On port 5432 of this folder of sockets.
    pub fn on_socket(folder: &Path) -> Self {
        let path = folder.join(".s.PGSQL.5432");
        let listener = UnixListener::bind(&path).expect("a socket");
        // For the server's account.
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).expect("a mode");
        let (sender, received) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
                let _ = sender.send(ask(stream));
            }
        });
        Self { received }
    }

    /// On a port of 127.0.0.1, in clear.
    pub fn on_loopback() -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (sender, received) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
                let _ = sender.send(ask(stream));
            }
        });
        (Self { received }, port)
    }

    /// What the next client, which has come and gone, sent in all.
    #[track_caller]
    pub fn received(&self) -> String {
        let bytes = self.received.recv_timeout(PATIENCE * 4).expect("a client");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn ask(mut stream: impl Read + Write) -> Vec<u8> {
    let mut all = vec![0; 10_000];
    let Ok(length) = stream.read(&mut all) else { return Vec::new() };
    all.truncate(length);
    let _ = stream.write_all(ASK);
    let _ = stream.read_to_end(&mut all);
    all
}

/// What stands in front of a server that has no TLS of its own.
pub struct Front {
    pub port: u16,
    pub ca: PathBuf,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Front {
    /// In front of the Unix socket in this folder; `offers_tls` or not.
    pub fn start(sockets: &Path, offers_tls: bool) -> Self {
        let certificate = LocalhostCertificate::new();
        let ca = sockets.join(format!("ca-{offers_tls}.pem"));
        std::fs::write(&ca, &certificate.ca_pem).expect("a certificate");
        let tls = Arc::new(certificate.server_config());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let socket = sockets.join(".s.PGSQL.5432");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&seen);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0; 8];
                if stream.read_exact(&mut request).is_err() {
                    continue;
                }
                let server = UnixStream::connect(&socket).expect("the server");
                let _ = stream.write_all(if offers_tls { b"S" } else { b"N" });
                let (tls, keep) = (Arc::clone(&tls), Arc::clone(&keep));
                thread::spawn(move || match offers_tls {
                    true => {
                        let session = ServerConnection::new(tls).expect("TLS");
                        relay(Tls(StreamOwned::new(session, stream)), server, &keep);
                    }
                    false => relay(Plain(stream), server, &keep),
                });
            }
        });
        Self { port, ca, seen }
    }

    /// What all clients have sent behind TLS, or in clear.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().expect("nobody panicked")).into_owned()
    }
}

trait Side: Read + Write {
    fn socket(&self) -> &TcpStream;
}

struct Tls(StreamOwned<ServerConnection, TcpStream>);
struct Plain(TcpStream);

impl Side for Tls {
    fn socket(&self) -> &TcpStream {
        &self.0.sock
    }
}

impl Side for Plain {
    fn socket(&self) -> &TcpStream {
        &self.0
    }
}

impl Read for Tls {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Tls {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Plain {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Moves bytes in turns, until either side has had enough.
fn relay(mut client: impl Side, mut server: UnixStream, seen: &Mutex<Vec<u8>>) {
    let turn = Some(Duration::from_millis(5));
    client.socket().set_read_timeout(turn).expect("a socket");
    server.set_read_timeout(turn).expect("a socket");
    let mut buffer = vec![0; 16_384];
    loop {
        match client.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                seen.lock().expect("nobody panicked").extend_from_slice(&buffer[..length]);
                if server.write_all(&buffer[..length]).is_err() {
                    return;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
        match server.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                if client.write_all(&buffer[..length]).and_then(|()| client.flush()).is_err() {
                    return;
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}
