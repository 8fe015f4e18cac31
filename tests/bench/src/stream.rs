//! How a client reaches a server: the Unix socket, or TCP at the loopback with TLS 1.3 in it, as libpq has it with
//! `sslmode=verify-full`.
//!
//! The server's certificate is verified each time, and no session is resumed: PostgreSQL does not offer it. What depends on
//! no server, such as reading the authority's certificate, is done beforehand. It never goes on without TLS.

use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{Error, Read, Result, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A server that says nothing for longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The harness has its servers at this port.
pub const PORT: u16 = 5432;

/// SSLRequest: its length, and its number ("Message Formats" in the PostgreSQL manual).
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// The name in the server's certificate, which is verified whatever the address is.
const NAME: &str = "localhost";

/// How a client reaches a server.
#[derive(Clone)]
pub enum Way {
    /// The Unix socket with this path.
    Socket(PathBuf),
    /// This address of the loopback, and TLS.
    Tls(Ipv4Addr, Arc<ClientConfig>),
}

impl Way {
    /// A connection that takes the startup packet.
    ///
    /// # Errors
    /// When there is no server, it has no TLS, or its certificate is not the one to expect.
    pub fn connect(&self) -> Result<Stream> {
        match self {
            Self::Socket(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                Ok(Stream::Socket(stream))
            }
            Self::Tls(address, config) => {
                let mut stream = TcpStream::connect((*address, PORT))?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream.set_nodelay(true)?;
                stream.write_all(&SSL_REQUEST)?;
                let mut answer = [0];
                stream.read_exact(&mut answer)?;
                if answer != *b"S" {
                    return Err(Error::other("the server does without TLS"));
                }
                let name = NAME.try_into().map_err(Error::other)?;
                let connection = ClientConnection::new(Arc::clone(config), name).map_err(Error::other)?;
                Ok(Stream::Tls(Box::new(StreamOwned::new(connection, stream))))
            }
        }
    }
}

/// A connection.
pub enum Stream {
    /// Within the machine.
    Socket(UnixStream),
    /// As over a network.
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match self {
            Self::Socket(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Self::Socket(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self {
            Self::Socket(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

#[cfg(test)]
mod tests;
