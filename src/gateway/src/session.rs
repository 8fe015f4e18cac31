//! One connection, from its first byte to its last.
//!
//! A client, and a server, has a time of its own for what it does before the session is ready, and whoever runs the gateway is
//! told when it was not enough. After the login bytes are only moved, and nobody looks at them.

use crate::cancel::CancelKeys;
use crate::pair::ClientSide;
use crate::secret::{self, TokenSource};
use crate::settings::{GatewaySettings, Listen};
use crate::startup::{StartupPacket, negotiate};
use crate::upstream::{LoginProgress, NoSession, UpstreamServer, login};
use crate::wire::{Duplex, MAX_PASSWORD_MESSAGE, MAX_TOKEN_MESSAGE, ask_for_password, refuse};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// For a client to say who it is and what it wants: as PostgreSQL's `authentication_timeout` is by default.
const FOR_CLIENT: Duration = Duration::from_secs(60);

/// For the server to log it in, or refuse. Longer than `authentication_timeout` mostly is, whose own error says more.
const FOR_LOGIN: Duration = Duration::from_secs(120);

/// Moved at once: an idle connection costs this twice.
const BUFFER: usize = 8 * 1024;

/// A client that has said who it is.
struct Arrived {
    client: Box<dyn Duplex>,
    startup: Vec<u8>,
    response: Zeroizing<Vec<u8>>,
}

/// A session that is ready, with both its streams.
struct ReadySession {
    client: Box<dyn Duplex>,
    server: UpstreamServer,
    key: Option<Vec<u8>>,
}

/// Serves a client, whoever it is: its user was looked at before.
///
/// # Errors
/// A client or a server that left, or speaks another protocol.
pub(crate) async fn serve(client: Box<dyn Duplex>, settings: &GatewaySettings, keys: &CancelKeys) -> io::Result<()> {
    let Ok(arrived) = timeout(FOR_CLIENT, arrive(client, settings, keys)).await else {
        (settings.tell)(&format!("a client did not log in within {} s, and was sent away", FOR_CLIENT.as_secs()));
        return Ok(());
    };
    let Some(arrived) = arrived? else { return Ok(()) };
    let Some(ready) = log_in(arrived, settings).await? else { return Ok(()) };
    let ReadySession { client, mut server, key } = ready;
    let _entry = key.as_deref().and_then(|key| keys.remember(key, server.number));
    let mut client = ClientSide::new(client);
    copy_bidirectional_with_sizes(&mut client, &mut server.stream, BUFFER, BUFFER).await.map(|_| ())
}

/// What the client wants, and the token for it; `None` if it has been dealt with.
async fn arrive(client: Box<dyn Duplex>, settings: &GatewaySettings, keys: &CancelKeys) -> io::Result<Option<Arrived>> {
    let tls = match &settings.listen {
        Listen::Socket { .. } => None,
        Listen::Tcp { tls, .. } => tls.as_ref(),
    };
    let (mut client, has_tls, wanted) = negotiate(client, tls).await?;
    let startup = match wanted {
        StartupPacket::Session(startup) => startup,
        StartupPacket::Cancel(packet) => {
            cancel(&packet, settings, keys).await?;
            return Ok(None);
        }
    };
    if tls.is_some() && !has_tls {
        refuse(&mut *client, "28000", "this gateway takes connections with TLS alone").await?;
        return Ok(None);
    }
    match response(&mut *client, settings).await? {
        Ok(response) => Ok(Some(Arrived { client, startup, response })),
        Err(why) => {
            told(&mut *client, settings, &why).await?;
            Ok(None)
        }
    }
}

/// Connects to the server, for which each has the time of the settings, and logs in there.
async fn log_in(arrived: Arrived, settings: &GatewaySettings) -> io::Result<Option<ReadySession>> {
    let Arrived { mut client, startup, response } = arrived;
    let mut server = match settings.upstream.connect().await {
        Ok(server) => server,
        Err(why) => {
            told(&mut *client, settings, &why).await?;
            return Ok(None);
        }
    };
    let outcome = timeout(FOR_LOGIN, login(&mut server.stream, &mut *client, &startup, &response)).await;
    let outcome = match outcome {
        Ok(outcome) => outcome?,
        Err(_) => Err(NoSession::late(FOR_LOGIN)),
    };
    match outcome {
        Ok(LoginProgress::Ready(key)) => return Ok(Some(ReadySession { client, server, key })),
        Ok(LoginProgress::Ended) => client.shutdown().await?,
        Err(why) => told(&mut *client, settings, &why).await?,
    }
    Ok(None)
}

/// Tells both sides why there is no session.
async fn told(client: &mut dyn Duplex, settings: &GatewaySettings, why: &NoSession) -> io::Result<()> {
    (settings.tell)(&format!("refused: {}", why.message));
    refuse(client, why.sqlstate, &why.message).await
}

/// The message with the token, from wherever it comes.
async fn response(
    client: &mut dyn Duplex,
    settings: &GatewaySettings,
) -> io::Result<Result<Zeroizing<Vec<u8>>, NoSession>> {
    let no = |sqlstate, message: String| Ok(Err(NoSession { sqlstate, message }));
    match &settings.token {
        TokenSource::Password => {
            let token = ask_for_password(client, MAX_TOKEN_MESSAGE).await?;
            match secret::response(&token) {
                Some(response) => Ok(Ok(response)),
                None => no(
                    "28P01",
                    "the password is no token: this gateway takes a bearer token as the password".to_owned(),
                ),
            }
        }
        TokenSource::File { path, password } => {
            if let Some(password) = password.as_ref().filter(|_| matches!(settings.listen, Listen::Tcp { .. }))
                && !password.is(&ask_for_password(client, MAX_PASSWORD_MESSAGE).await?)
            {
                return no("28P01", "the password is not that of this gateway".to_owned());
            }
            match secret::response_of_file(path) {
                Ok(response) => Ok(Ok(response)),
                Err(why) => no("28000", format!("the gateway has no token to show: {why}")),
            }
        }
    }
}

/// Goes to the server that gave the key, over TLS; nobody is told what became of it, as PostgreSQL does.
async fn cancel(packet: &[u8], settings: &GatewaySettings, keys: &CancelKeys) -> io::Result<()> {
    let Some(number) = packet.get(8..).and_then(|key| keys.server(key)) else { return Ok(()) };
    let Ok(mut server) = settings.upstream.connect_to(number).await else { return Ok(()) };
    server.write_all(packet).await?;
    server.flush().await?;
    // Go on reading until the request was carried out: clients rely on that.
    let mut rest = [0; 1];
    let _ = server.read(&mut rest).await;
    Ok(())
}

#[cfg(test)]
mod tests;
