//! [`KeyRefresh`], what a provider's keys need: whose are wanted, where they are kept, and what may be done to get them.
//!
//! What becomes of it is `answers.rs`'s business. Nothing is asked for here: that is for the `Environment`, in a
//! server a child process.

use crate::cache::{CacheTrouble, KeyFolder};
use crate::secret::read_secret;
use crate::trusted::{MAX_KEY_FILE_BYTES, read_trusted, resolve};
use crate::users::ServerUser;
use oauth_validator_core::protocol::{HelperReply, HelperRequest, Secret};
use oauth_validator_core::{FilePath, KeyRecord, KeyStatus, KeysUnavailable, Pem, ProviderKeys, Reach, UnixSeconds};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How much earlier than a login a helper gives up, so that its own explanation arrives in time.
pub(crate) const HELPER_MARGIN: Duration = Duration::from_millis(250);

/// The login is over before it was judged: nobody waits for its outcome any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientLeft;

/// What a search for keys does besides looking at files.
pub trait Environment {
    /// The time since 1970, by which keys age and providers are asked again. A simulation has another one than the machine.
    fn since_1970(&self) -> Duration {
        since_1970()
    }

    /// Waits, and lets the process be interrupted meanwhile.
    ///
    /// # Errors
    /// If there is nobody left to wait for.
    fn pause(&mut self, time: Duration) -> Result<(), ClientLeft>;

    /// Looks, without waiting, whether anybody still wants the outcome.
    ///
    /// # Errors
    /// If there is nobody left.
    fn still_wanted(&mut self) -> Result<(), ClientLeft>;

    /// Has keys fetched within `limit`, also if nobody is left to wait for them: they are for other logins as well.
    fn fetch(&mut self, request: &HelperRequest, limit: Duration) -> HelperReply;

    /// Has a provider asked about a token within `limit`.
    ///
    /// # Errors
    /// If there is nobody left to wait for: the answer would be of no use to anybody else.
    fn ask(&mut self, request: &HelperRequest, limit: Duration) -> Result<HelperReply, ClientLeft>;

    /// Says what is wrong but stands in nobody's way, in one sentence and a hint.
    fn complain(&mut self, what: &str, hint: &str);
}

/// Whose keys are wanted, and where they are kept.
#[derive(Debug, Clone, Copy)]
pub struct KeyRefresh<'a> {
    /// Name of the profile.
    pub profile: &'a str,
    /// Its key source.
    pub source: &'a ProviderKeys,
    /// The configuration's own path, to whose folder `ca_file` is relative.
    pub config_path: &'a Path,
    /// The folder of key files.
    pub folder: &'a Path,
    /// Whether that folder is the default one in a data directory, which may be made; see [`KeyFolder::open`].
    pub create_folder: bool,
    /// Whose files are trusted.
    pub user: ServerUser,
}

impl KeyRefresh<'_> {
    /// What the key file holds, and what its keys are worth now.
    ///
    /// # Errors
    /// If the folder or the file cannot be trusted or read.
    pub fn at_hand(&self) -> Result<(Option<KeyRecord>, KeyStatus), KeysUnavailable> {
        let (_, fingerprint) = self.reach()?;
        let folder = KeyFolder::open(self.folder, self.user, false).map_err(no_folder)?;
        let bytes = folder.read(self.profile).map_err(no_folder)?;
        let record = bytes.and_then(|bytes| KeyRecord::read(&bytes));
        let timing = &self.source.settings.timing;
        let standing =
            record.as_ref().map_or(KeyStatus::NoRecord, |record| record.standing(&fingerprint, timing, now()));
        Ok((record, standing))
    }

    /// How the provider is reached, and the fingerprint of the settings with what is in its files.
    ///
    /// # Errors
    /// If there is such a file, and it cannot be trusted or read.
    pub fn reach(&self) -> Result<(Reach<Pem>, String), KeysUnavailable> {
        let reach = with_files(&self.source.settings.reach, self.config_path, self.user)?;
        let fingerprint = self.source.fingerprint(&reach);
        Ok((reach, fingerprint))
    }
}

/// A way to a provider with the content of its files: of `keys.ca_file`, if there is one.
///
/// # Errors
/// If a file cannot be trusted or read, or is not text.
pub fn with_files(
    reach: &Reach<FilePath>,
    config_path: &Path,
    user: ServerUser,
) -> Result<Reach<Pem>, KeysUnavailable> {
    reach.try_map(|FilePath(path)| read_authorities(path, config_path, user))
}

fn read_authorities(path: &str, config_path: &Path, user: ServerUser) -> Result<Pem, KeysUnavailable> {
    let path = resolve(config_path, path);
    let content = read_trusted(&path, MAX_KEY_FILE_BYTES, user)
        .map_err(|refusal| KeysUnavailable::new(format!("keys.ca_file: {refusal}."), refusal.hint()))?;
    match String::from_utf8(content) {
        Ok(text) => Ok(Pem(text)),
        Err(_) => Err(KeysUnavailable::new(
            format!("keys.ca_file: {path:?} is not text."),
            "It must hold PEM blocks that begin with -----BEGIN CERTIFICATE-----.",
        )),
    }
}

/// The bearer token for asking for the keys of `source`, if it has one; as the file is now.
///
/// # Errors
/// If the file cannot be trusted or read, or is not text of one line.
pub fn bearer_of(
    source: &ProviderKeys,
    config_path: &Path,
    user: ServerUser,
) -> Result<Option<Secret>, KeysUnavailable> {
    let path = source.settings.bearer_token_file.as_deref();
    path.map(|path| read_secret("keys.bearer_token_file", path, config_path, user)).transpose()
}

pub(crate) fn no_folder(trouble: CacheTrouble) -> KeysUnavailable {
    KeysUnavailable::new(format!("{trouble}."), trouble.hint())
}

pub(crate) fn gone() -> KeysUnavailable {
    KeysUnavailable::new("The client hung up while the provider was asked.", "Nothing has to be done.")
}

/// The text with a capital at its beginning and a full stop at its end.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let stop = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

/// The time since 1970; zero on a machine whose clock is before.
pub(crate) fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The time now.
pub(crate) fn now() -> UnixSeconds {
    UnixSeconds::of(since_1970())
}
