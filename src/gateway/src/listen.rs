//! Takes connections, and lets them come to their end when the gateway is told to stop.
//!
//! On a Unix socket the kernel says who is there; anybody but the gateway's own user, and those it was told of, is sent away.

use crate::cancel::CancelKeys;
use crate::pair::keep_alive;
use crate::session;
use crate::settings::{BadSettings, GatewaySettings, Listen};
use crate::wire::{Duplex, refuse};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;

/// After an error such as too many open files, which the end of a connection mends.
const PAUSE: Duration = Duration::from_millis(100);

/// What clients connect to.
enum Door {
    Socket(UnixListener, PathBuf),
    Tcp(TcpListener),
}

/// Serves until SIGTERM or SIGINT, and then until the last session has ended; a second signal ends those as well.
///
/// # Errors
/// Settings that would let in the wrong people, and a place that cannot be listened at.
pub fn serve(settings: GatewaySettings) -> Result<(), BadSettings> {
    settings.judge()?;
    raise_limit_of_files();
    let failed = |error: io::Error| BadSettings::new(format!("cannot begin: {error}"), "see what the system says");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let mut end = ShutdownSignals::new().map_err(failed)?;
        let door = Door::open(&settings.listen).await?;
        let settings = Arc::new(settings);
        run(door, &settings, &mut end).await;
        Ok(())
    })
}

/// A session takes two, and the limit that a shell gives is 1,024 mostly: as many as this user may have.
fn raise_limit_of_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where that is not allowed, the limit is as it was, and a connection too many is said when it comes.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// The signals that mean it.
struct ShutdownSignals([Signal; 2]);

impl ShutdownSignals {
    fn new() -> io::Result<Self> {
        Ok(Self([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?]))
    }

    async fn asked_for(&mut self) {
        let [terminate, interrupt] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
}

async fn run(door: Door, settings: &Arc<GatewaySettings>, end: &mut ShutdownSignals) {
    let (keys, mut sessions) = (CancelKeys::default(), JoinSet::new());
    (settings.tell)(&format!("listening at {}", door.name()));
    loop {
        tokio::select! {
            accepted = door.accept() => match accepted {
                Ok(guest) => {
                    let (settings, keys) = (Arc::clone(settings), keys.clone());
                    sessions.spawn(async move { guest.be_served(&settings, &keys).await });
                }
                Err(error) => {
                    (settings.tell)(&format!("no connection is taken: {error}"));
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(_) = sessions.join_next(), if !sessions.is_empty() => {}
            () = end.asked_for() => break,
        }
    }
    door.close();
    (settings.tell)(&format!("ending: {} sessions are left to come to their end", sessions.len()));
    loop {
        tokio::select! {
            left = sessions.join_next() => if left.is_none() { return },
            () = end.asked_for() => return,
        }
    }
}

impl Door {
    async fn open(listen: &Listen) -> Result<Self, BadSettings> {
        match listen {
            Listen::Socket { folder, port, allowed } => {
                let path = folder.join(format!(".s.PGSQL.{port}"));
                judge_folder(folder, !allowed.is_empty())?;
                take_away(&path)?;
                let failed = |error: io::Error| cannot(&path.display().to_string(), &error);
                let listener = UnixListener::bind(&path).map_err(failed)?;
                let mode = if allowed.is_empty() { 0o600 } else { 0o666 };
                fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(failed)?;
                Ok(Self::Socket(listener, path))
            }
            Listen::Tcp { address, .. } => {
                let failed = |error: io::Error| cannot(&address.to_string(), &error);
                TcpListener::bind(address).await.map(Self::Tcp).map_err(failed)
            }
        }
    }

    /// Nobody waits in front of a door that will not be opened again, and another gateway can take the place.
    fn close(self) {
        if let Self::Socket(_, path) = &self {
            let _ = fs::remove_file(path);
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Socket(_, path) => path.display().to_string(),
            Self::Tcp(listener) => listener.local_addr().map(|address| address.to_string()).unwrap_or_default(),
        }
    }

    /// The next client.
    async fn accept(&self) -> io::Result<Guest> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // A client that has left again is found out by whoever reads of it.
                let _ = stream.set_nodelay(true).and_then(|()| keep_alive(&stream));
                Ok(Guest { stream: Box::new(stream), user: PeerUser::Anybody })
            }
            Self::Socket(listener, _) => {
                let (stream, _) = listener.accept().await?;
                let user = stream.peer_cred().map_or(PeerUser::Unknown, |found| PeerUser::Known(found.uid()));
                Ok(Guest { stream: Box::new(stream), user })
            }
        }
    }
}

/// A client that has connected, and its user as far as the system knows.
struct Guest {
    stream: Box<dyn Duplex>,
    user: PeerUser,
}

#[derive(Clone, Copy)]
enum PeerUser {
    /// The client came by TCP, which does not say whose it is.
    Anybody,
    Known(u32),
    Unknown,
}

impl Guest {
    /// Serves whoever may come, and sends all others away. Whoever has left, or is late, needs to be told nothing.
    async fn be_served(mut self, settings: &GatewaySettings, keys: &CancelKeys) {
        if is_allowed(&settings.listen, self.user) {
            let _ = session::serve(self.stream, settings, keys).await;
            return;
        }
        if let PeerUser::Known(uid) = self.user {
            (settings.tell)(&format!("refused: user {uid} may not use this gateway"));
        }
        let why = "the user of this process may not use this gateway";
        let _ = tokio::time::timeout(PAUSE, refuse(&mut *self.stream, "28000", why)).await;
    }
}

fn is_allowed(listen: &Listen, user: PeerUser) -> bool {
    match (listen, user) {
        (Listen::Tcp { .. }, PeerUser::Anybody) => true,
        (Listen::Socket { allowed, .. }, PeerUser::Known(uid)) => {
            uid == rustix::process::geteuid().as_raw() || allowed.contains(&uid)
        }
        _ => false,
    }
}

/// Makes the folder if it is missing. Whoever can write to it could put a socket of his own there, and be sent passwords.
fn judge_folder(folder: &Path, for_others: bool) -> Result<(), BadSettings> {
    let failed = |error: io::Error| cannot(&folder.display().to_string(), &error);
    match DirBuilder::new().mode(if for_others { 0o755 } else { 0o700 }).create(folder) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let found = fs::symlink_metadata(folder).map_err(failed)?;
    let forbidden = if for_others { 0o022 } else { 0o077 };
    if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() || found.mode() & forbidden != 0 {
        let what = format!("{} is not a folder of this user's alone", folder.display());
        return Err(BadSettings::new(what, "give it mode 0700, or 0755 where --allow-user lets others in"));
    }
    Ok(())
}

/// What a gateway that was killed has left; not one that is up.
fn take_away(path: &Path) -> Result<(), BadSettings> {
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(BadSettings::new(
            format!("somebody listens at {} already", path.display()),
            "stop the other gateway, or give another --port",
        )),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(_) => fs::remove_file(path).map_err(|error| cannot(&path.display().to_string(), &error)),
    }
}

fn cannot(place: &str, error: &io::Error) -> BadSettings {
    BadSettings::new(format!("cannot listen at {place}: {error}"), "is it in use, or may this user not?")
}
