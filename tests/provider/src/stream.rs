//! A connection with TLS or without, and its orderly end.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long the end of a connection waits for the client to close its side.
const LINGER: Duration = Duration::from_secs(1);

/// The server's side of a connection.
pub(crate) enum ServerStream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl ServerStream {
    /// Prepares a connection; the TLS handshake happens with the first read.
    pub(crate) fn new(socket: TcpStream, tls: Option<Arc<ServerConfig>>) -> Self {
        let Some(config) = tls else {
            return Self::Plain(socket);
        };
        let connection = ServerConnection::new(config).expect("the configuration is complete");
        Self::Tls(Box::new(StreamOwned::new(connection, socket)))
    }

    /// Ends the connection so that the client gets every byte sent so far: closing a socket that still has
    /// unread bytes would reset the connection, and take the response with it.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if let Self::Tls(stream) = &mut self {
            stream.conn.send_close_notify();
            stream.flush()?;
        }
        let socket = match &mut self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &mut stream.sock,
        };
        socket.shutdown(Shutdown::Write)?;
        socket.set_read_timeout(Some(LINGER))?;
        while socket.read(&mut [0; 4096])? > 0 {}
        Ok(())
    }
}

impl Read for ServerStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for ServerStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
