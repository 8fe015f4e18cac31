//! One connection, from its first byte to its last.
//!
//! What comes before the login has one deadline; after it, bytes are only moved, and nobody looks at them.

use crate::cancel::Keys;
use crate::secret::{self, TokenSource};
use crate::settings::{Listen, Settings};
use crate::startup::{Wanted, negotiate};
use crate::upstream::{Login, NoSession, Server, login};
use crate::wire::{Duplex, MAX_PASSWORD_MESSAGE, MAX_TOKEN_MESSAGE, ask_for_password, refuse};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional_with_sizes};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// As PostgreSQL's `authentication_timeout` is by default.
const BEFORE_LOGIN: Duration = Duration::from_secs(60);

/// Moved at once: an idle connection costs this twice.
const BUFFER: usize = 8 * 1024;

/// A session that is ready, with both its streams.
struct Ready {
    client: Box<dyn Duplex>,
    server: Server,
    key: Option<Vec<u8>>,
}

/// Serves a client, whoever it is: its user was looked at before.
///
/// # Errors
/// A client or a server that left, or speaks another protocol.
pub(crate) async fn serve(client: Box<dyn Duplex>, settings: &Settings, keys: &Keys) -> io::Result<()> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    let Some(mut ready) = timeout(BEFORE_LOGIN, begin(client, settings, keys)).await.map_err(late)?? else {
        return Ok(());
    };
    let number = ready.server.number;
    let _entry = ready.key.as_deref().and_then(|key| keys.remember(key, number));
    copy_bidirectional_with_sizes(&mut ready.client, &mut ready.server.stream, BUFFER, BUFFER).await.map(|_| ())
}

async fn begin(client: Box<dyn Duplex>, settings: &Settings, keys: &Keys) -> io::Result<Option<Ready>> {
    let tls = match &settings.listen {
        Listen::Socket { .. } => None,
        Listen::Tcp { tls, .. } => tls.as_ref(),
    };
    let (mut client, has_tls, wanted) = negotiate(client, tls).await?;
    let startup = match wanted {
        Wanted::Session(startup) => startup,
        Wanted::Cancel(packet) => {
            cancel(&packet, settings, keys).await?;
            return Ok(None);
        }
    };
    if tls.is_some() && !has_tls {
        refuse(&mut *client, "28000", "this gateway takes connections with TLS alone").await?;
        return Ok(None);
    }
    let response = match response(&mut *client, settings).await? {
        Ok(response) => response,
        Err(why) => return told(&mut *client, settings, &why).await,
    };
    let mut server = match settings.upstream.connect().await {
        Ok(server) => server,
        Err(why) => return told(&mut *client, settings, &why).await,
    };
    match login(&mut server.stream, &mut *client, &startup, &response).await? {
        Ok(Login::Ready(key)) => Ok(Some(Ready { client, server, key })),
        Ok(Login::Ended) => {
            client.shutdown().await?;
            Ok(None)
        }
        Err(why) => told(&mut *client, settings, &why).await,
    }
}

async fn told(client: &mut dyn Duplex, settings: &Settings, why: &NoSession) -> io::Result<Option<Ready>> {
    (settings.tell)(&format!("refused: {}", why.message));
    refuse(client, why.sqlstate, &why.message).await?;
    Ok(None)
}

/// The message with the token, from wherever it comes.
async fn response(client: &mut dyn Duplex, settings: &Settings) -> io::Result<Result<Zeroizing<Vec<u8>>, NoSession>> {
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
async fn cancel(packet: &[u8], settings: &Settings, keys: &Keys) -> io::Result<()> {
    let Some(number) = packet.get(8..).and_then(|key| keys.server(key)) else { return Ok(()) };
    let Ok(mut server) = settings.upstream.connect_to(number).await else { return Ok(()) };
    server.write_all(packet).await?;
    server.flush().await?;
    // Until it has been carried out: clients rely on that.
    let mut rest = [0; 1];
    let _ = server.read(&mut rest).await;
    Ok(())
}
