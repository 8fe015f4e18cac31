//! The server's side: TLS with the right certificate, and a login by OAUTHBEARER and nothing else.
//!
//! A server that asks for a password gets nothing: it could be anybody's, or be told to by somebody, and a token is no
//! password. Its errors go to the client as they are.

use crate::pair::keep_alive;
use crate::settings::Upstream;
use crate::wire::{Duplex, MAX_SERVER_MESSAGE, TypedMessage, send};
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const MECHANISM: &[u8] = b"OAUTHBEARER";

/// Authentication requests ("AuthenticationOk" and those after it).
const OK: u32 = 0;
const SASL: u32 = 10;
const SASL_CONTINUE: u32 = 11;

/// A connection with TLS, to one of the servers.
pub(crate) struct UpstreamServer {
    pub(crate) stream: TlsStream<TcpStream>,
    /// Which one.
    pub(crate) number: usize,
}

/// Why there is no session, for the client: SQLSTATE and a sentence.
pub(crate) struct NoSession {
    pub(crate) sqlstate: &'static str,
    pub(crate) message: String,
}

impl NoSession {
    fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into() }
    }

    /// The server takes more than `time`, and may be no server at all.
    pub(crate) fn late(time: Duration) -> Self {
        Self::new("08006", format!("the gateway's server did not log this client in within {} s", time.as_secs()))
    }

    /// What was read of the server is no message, or it hung up.
    fn unreadable(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData => other("does not speak PostgreSQL's protocol"),
            _ => Self::new("08006", "the gateway's server ended the connection in the middle of the login"),
        }
    }
}

/// How a login went on.
pub(crate) enum LoginProgress {
    /// A session is ready; the key by which it is cancelled, if it has one.
    Ready(Option<Vec<u8>>),
    /// The server said why not, which the client has been told.
    Ended,
}

impl Upstream {
    /// The first of the servers that answers, with the right certificate.
    ///
    /// # Errors
    /// What the last one lacked.
    pub(crate) async fn connect(&self) -> Result<UpstreamServer, NoSession> {
        let mut last = NoSession::new("08001", "there is no server to connect to");
        for number in 0..self.servers.len() {
            match self.connect_to(number).await {
                Ok(stream) => return Ok(UpstreamServer { stream, number }),
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    /// One of them.
    ///
    /// # Errors
    /// What it lacks.
    pub(crate) async fn connect_to(&self, number: usize) -> Result<TlsStream<TcpStream>, NoSession> {
        let Some((host, port)) = self.servers.get(number) else {
            return Err(NoSession::new("08001", "there is no such server"));
        };
        let failed = |what: String| NoSession::new("08001", format!("the gateway's server {host}:{port}: {what}"));
        match timeout(self.timeout, self.secured(host, *port)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(failed(words(&error))),
            Err(_) => Err(failed("no answer in time".to_owned())),
        }
    }

    async fn secured(&self, host: &str, port: u16) -> io::Result<TlsStream<TcpStream>> {
        let mut socket = TcpStream::connect((host, port)).await?;
        socket.set_nodelay(true)?;
        keep_alive(&socket)?;
        socket.write_all(&TLS_REQUEST).await?;
        if socket.read_u8().await? != b'S' {
            return Err(io::Error::other("it offers no TLS, and no token was sent"));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| io::Error::other("its name is no host's"))?;
        TlsConnector::from(Arc::clone(&self.tls)).connect(name, socket).await
    }
}

/// An error without the number of the system's error, and without what a certificate has in it.
fn words(error: &io::Error) -> String {
    if error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) {
        return "its certificate is not acceptable, or there is no TLS; no token was sent".to_owned();
    }
    oauth_validator_token_file::words(error)
}

/// Logs in with `response`, the message that shows the token, and tells the client what it is to know.
///
/// # Errors
/// A server that asks for something else, or hangs up. The outer error is the client's, or that of a write.
pub(crate) async fn login(
    server: &mut dyn Duplex,
    client: &mut dyn Duplex,
    startup: &[u8],
    response: &[u8],
) -> io::Result<Result<LoginProgress, NoSession>> {
    server.write_all(startup).await?;
    server.flush().await?;
    let mut shown = false;
    loop {
        let message = match TypedMessage::read(server, MAX_SERVER_MESSAGE).await {
            Ok(message) => message,
            Err(error) => return Ok(Err(NoSession::unreadable(&error))),
        };
        match (message.kind, message.request()) {
            (b'R', Some(SASL)) if !shown && message.offers(MECHANISM) => {
                show(server, response).await?;
                shown = true;
            }
            // The server's word on a token that it refuses; its error follows (RFC 7628 section 3.2.3).
            (b'R', Some(SASL_CONTINUE)) if shown => send(server, b'p', &[b"\x01"]).await?,
            (b'R', Some(OK)) if shown => {
                message.write(client).await?;
                return until_ready(server, client).await;
            }
            (b'R', Some(OK)) => return Ok(Err(other("lets in without a token"))),
            (b'R', _) => return Ok(Err(other("asks for something else than a token, which it did not get"))),
            (b'E', _) => {
                message.write(client).await?;
                return Ok(Ok(LoginProgress::Ended));
            }
            (b'v' | b'N', _) => message.write(client).await?,
            _ => return Ok(Err(other("does not speak PostgreSQL's protocol"))),
        }
    }
}

fn other(what: &str) -> NoSession {
    NoSession::new(
        "28000",
        format!("the gateway's server {what}: this connection needs a line with the method oauth there"),
    )
}

/// SASLInitialResponse.
async fn show(server: &mut dyn Duplex, response: &[u8]) -> io::Result<()> {
    let length = u32::try_from(response.len()).map_err(|_| io::Error::other("a token without end"))?;
    send(server, b'p', &[MECHANISM, b"\0", &length.to_be_bytes(), response]).await
}

/// Passes on what comes before the session takes statements.
async fn until_ready(server: &mut dyn Duplex, client: &mut dyn Duplex) -> io::Result<Result<LoginProgress, NoSession>> {
    let mut key = None;
    loop {
        let message = match TypedMessage::read(server, MAX_SERVER_MESSAGE).await {
            Ok(message) => message,
            Err(error) => return Ok(Err(NoSession::unreadable(&error))),
        };
        message.write(client).await?;
        match message.kind {
            b'K' => key = Some(message.body.to_vec()),
            b'E' => return Ok(Ok(LoginProgress::Ended)),
            b'Z' => return Ok(Ok(LoginProgress::Ready(key))),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
