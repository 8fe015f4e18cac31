//! Messages of PostgreSQL's protocol, as far as a login needs them ("Message Formats").
//!
//! Reads exactly one message at a time, so that what comes behind it is still there for whoever goes on. Must never take a
//! length for granted.

use std::io::{self, ErrorKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

/// The longest message of a server before the session is ready: parameters and errors are far shorter.
pub(crate) const MAX_SERVER_MESSAGE: usize = 64 * 1024;
/// The longest message of a client with a token as its password.
pub(crate) const MAX_TOKEN_MESSAGE: usize = 70_000;
/// The longest one with a password of the gateway's own.
pub(crate) const MAX_PASSWORD_MESSAGE: usize = 10_000;

/// A stream of either side.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Duplex for S {}

/// A message with a type.
pub(crate) struct TypedMessage {
    pub(crate) kind: u8,
    /// Behind the length.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl TypedMessage {
    /// The next message, whose body has at most `limit` bytes.
    pub(crate) async fn read(stream: &mut dyn Duplex, limit: usize) -> io::Result<Self> {
        let kind = stream.read_u8().await?;
        let length = usize::try_from(stream.read_u32().await?).map_err(|_| too_long())?;
        let length = length.checked_sub(4).filter(|length| *length <= limit).ok_or_else(too_long)?;
        let mut body = Zeroizing::new(vec![0; length]);
        stream.read_exact(&mut body).await?;
        Ok(Self { kind, body })
    }

    /// The message as it was read.
    pub(crate) async fn write(&self, stream: &mut dyn Duplex) -> io::Result<()> {
        send(stream, self.kind, &[&self.body]).await
    }

    /// The number with which an authentication request begins.
    pub(crate) fn request(&self) -> Option<u32> {
        let code = self.body.first_chunk::<4>()?;
        Some(u32::from_be_bytes(*code))
    }

    /// Whether the mechanisms of AuthenticationSASL have this one.
    pub(crate) fn offers(&self, mechanism: &[u8]) -> bool {
        self.body.get(4..).unwrap_or_default().split(|byte| *byte == 0).any(|name| name == mechanism)
    }
}

fn too_long() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "a message of an impossible length")
}

/// A message of these parts, in one write.
pub(crate) async fn send(stream: &mut dyn Duplex, kind: u8, parts: &[&[u8]]) -> io::Result<()> {
    let length = 4 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut message = Zeroizing::new(Vec::with_capacity(length + 1));
    message.push(kind);
    message.extend_from_slice(&u32::try_from(length).map_err(|_| too_long())?.to_be_bytes());
    for part in parts {
        message.extend_from_slice(part);
    }
    stream.write_all(&message).await?;
    stream.flush().await
}

/// An error that ends the connection, as a server says it.
pub(crate) async fn refuse(stream: &mut dyn Duplex, sqlstate: &str, message: &str) -> io::Result<()> {
    let fields = [("S", "FATAL"), ("V", "FATAL"), ("C", sqlstate), ("M", message)];
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(value.as_bytes());
        body.push(0);
    }
    body.push(0);
    send(stream, b'E', &[&body]).await?;
    stream.shutdown().await
}

/// AuthenticationCleartextPassword, and the answer of at most `limit` bytes without the NUL that ends it.
pub(crate) async fn ask_for_password(stream: &mut dyn Duplex, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    send(stream, b'R', &[&3_u32.to_be_bytes()]).await?;
    let answer = TypedMessage::read(stream, limit).await?;
    match answer.body.split_last() {
        Some((0, password)) if answer.kind == b'p' && !password.contains(&0) => Ok(Zeroizing::new(password.to_vec())),
        _ => Err(io::Error::new(ErrorKind::InvalidData, "no password")),
    }
}
