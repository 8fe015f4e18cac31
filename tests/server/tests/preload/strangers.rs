//! Servers that are none: they ask for a token, and keep what they are sent.

use oauth_validator_mock_provider::LocalhostCertificate;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;

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

/// What is kept of what a client sends: a login, and not all of the data behind it.
const KEPT: usize = 256 * 1024;

/// What stands in front of a server that has no TLS of its own.
pub struct Front {
    pub port: u16,
    pub ca: PathBuf,
    seen: Arc<Mutex<Vec<u8>>>,
    // Ends with the value, and with it all that goes through.
    _runtime: Runtime,
}

impl Front {
    /// In front of the Unix socket in this folder; `offers_tls` or not.
    pub fn start(sockets: &Path, offers_tls: bool) -> Self {
        let certificate = LocalhostCertificate::new();
        let ca = sockets.join(format!("ca-{offers_tls}.pem"));
        std::fs::write(&ca, &certificate.ca_pem).expect("a certificate");
        let tls = offers_tls.then(|| TlsAcceptor::from(Arc::new(certificate.server_config())));
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let socket = sockets.join(".s.PGSQL.5432");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&seen);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, socket, keep) = (tls.clone(), socket.clone(), Arc::clone(&keep));
                // A client or a server that leaves ends its own connection and nothing else.
                tokio::spawn(async move {
                    let _ = pass(stream, &socket, tls, &keep).await;
                });
            }
        });
        Self { port, ca, seen, _runtime: runtime }
    }

    /// What all clients have sent behind TLS, or in clear, as far as it is kept.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().expect("nobody panicked")).into_owned()
    }
}

async fn pass(
    mut client: tokio::net::TcpStream,
    socket: &Path,
    tls: Option<TlsAcceptor>,
    seen: &Mutex<Vec<u8>>,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    client.read_exact(&mut [0; 8]).await?;
    let server = tokio::net::UnixStream::connect(socket).await?;
    match tls {
        Some(tls) => {
            client.write_all(b"S").await?;
            relay(tls.accept(client).await?, server, seen).await
        }
        None => {
            client.write_all(b"N").await?;
            relay(client, server, seen).await
        }
    }
}

/// Moves bytes until the server has had enough; a client that has said all still gets its answer.
async fn relay<S: AsyncRead + AsyncWrite>(
    client: S,
    server: tokio::net::UnixStream,
    seen: &Mutex<Vec<u8>>,
) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let (mut buffer, mut kept) = (vec![0; 16_384], 0);
        loop {
            let length = from_client.read(&mut buffer).await?;
            if length == 0 {
                return to_server.shutdown().await;
            }
            if kept < KEPT {
                seen.lock().expect("nobody panicked").extend_from_slice(&buffer[..length]);
                kept += length;
            }
            to_server.write_all(&buffer[..length]).await?;
        }
    };
    let down = async {
        tokio::io::copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::pin!(down);
    tokio::select! {
        ended = &mut down => return ended,
        up = up => up?,
    }
    down.await
}
