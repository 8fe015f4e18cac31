//! When the two streams of a session belong to the past: a peer that is gone without a word, and a server that has ended.
//!
//! Decides nothing about what goes through them. Without this, sessions whose other end has vanished would stay for ever, each
//! with a connection to the server, and keep the gateway from ending.

use crate::wire::Duplex;
use rustix::net::sockopt::{set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl};
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A peer that says nothing for this long is asked whether it is there, so many times, and is gone without an answer: after
/// two minutes in all. The system's own default is two hours, longer than the patience of most firewalls.
const IDLE: Duration = Duration::from_secs(60);
const BETWEEN: Duration = Duration::from_secs(15);
const TIMES: u32 = 4;

/// Has the system ask a silent peer of this TCP connection whether it is there.
///
/// # Errors
/// A socket that is none of TCP's.
pub(crate) fn keep_alive(socket: &impl AsFd) -> io::Result<()> {
    set_socket_keepalive(socket, true)?;
    set_tcp_keepidle(socket, IDLE)?;
    set_tcp_keepintvl(socket, BETWEEN)?;
    Ok(set_tcp_keepcnt(socket, TIMES)?)
}

/// The client of a session. Once the server's end has been passed on to it, nothing more is read of it: nobody is there any
/// more to whom it could go, and a client that keeps its socket, as idle pools do, must not keep the session.
pub(crate) struct ClientSide {
    stream: Box<dyn Duplex>,
    is_over: bool,
}

impl ClientSide {
    pub(crate) fn new(stream: Box<dyn Duplex>) -> Self {
        Self { stream, is_over: false }
    }
}

impl AsyncRead for ClientSide {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut *self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ClientSide {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut *self.stream).poll_shutdown(context);
        if done.is_ready() {
            self.is_over = true;
            // Whoever waits for bytes of it shall look again.
            context.waker().wake_by_ref();
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::{BETWEEN, ClientSide, IDLE, TIMES, keep_alive};
    use rustix::net::sockopt::{socket_keepalive, tcp_keepcnt, tcp_keepidle, tcp_keepintvl};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional, duplex};

    #[test]
    fn a_silent_peer_is_asked_for_two_minutes() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let stream = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        assert_eq!(socket_keepalive(&stream), Ok(false));
        keep_alive(&stream).expect("options");
        assert_eq!(socket_keepalive(&stream), Ok(true));
        assert_eq!(
            (tcp_keepidle(&stream), tcp_keepintvl(&stream), tcp_keepcnt(&stream)),
            (Ok(IDLE), Ok(BETWEEN), Ok(TIMES))
        );
        assert_eq!(IDLE + BETWEEN * TIMES, Duration::from_secs(120));
        assert!(keep_alive(&UnixStream::pair().expect("sockets").0).is_err());
    }

    /// `copy_bidirectional` alone would wait for the client for ever.
    #[test]
    fn a_session_ends_with_its_server_and_not_with_half_a_client() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.block_on(async {
            let ((mut client, inner), (mut server, outer)) = (duplex(64), duplex(64));
            let session = tokio::spawn(async move {
                let (mut inner, mut outer) = (ClientSide::new(Box::new(inner)), outer);
                copy_bidirectional(&mut inner, &mut outer).await
            });
            // A client that has said all and still listens, as `psql < file` through a relay, has its answer.
            client.write_all(b"question").await.expect("a pipe");
            client.shutdown().await.expect("a pipe");
            let mut asked = String::new();
            server.read_to_string(&mut asked).await.expect("a pipe");
            server.write_all(b"answer").await.expect("a pipe");
            drop(server);
            let mut answered = String::new();
            client.read_to_string(&mut answered).await.expect("a pipe");
            assert_eq!((asked.as_str(), answered.as_str()), ("question", "answer"));
            session.await.expect("no panic").expect("an end");

            let ((mut client, inner), (server, outer)) = (duplex(64), duplex(64));
            let session = tokio::spawn(async move {
                let (mut inner, mut outer) = (ClientSide::new(Box::new(inner)), outer);
                copy_bidirectional(&mut inner, &mut outer).await
            });
            client.write_all(b"idle").await.expect("a pipe");
            tokio::time::sleep(Duration::from_millis(20)).await;
            drop(server);
            let ended = tokio::time::timeout(Duration::from_secs(10), session).await;
            assert!(ended.is_ok(), "the client has not closed its socket, and the session is there");
            drop(client);
        });
    }
}
