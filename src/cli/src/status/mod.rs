//! `status`: whether a server's OAuth logins work now, and how long they will go on if the provider is away.
//!
//! For people, for programs and for Prometheus, by the server's own code. Reads only: nobody is asked, and no file is
//! touched. It never says that something is fine that was not looked at.

mod prometheus;
mod report;

use crate::args::{ServerOptions, StatusOptions};
use crate::config_file::{ConfigFile, NamedBy, server_user};
use crate::key_place::KeyPlace;
use crate::keys::place_of;
use crate::library::{self, Library};
use crate::output::{self, CommandFailure, CommandReport};
use crate::{server_files, words};
use oauth_validator_core::{Denial, FolderTrouble, Profile, Reason, UnixSeconds};
use oauth_validator_store::KeyState;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Runs the command.
pub(crate) fn run(options: &StatusOptions, as_json: bool) -> Result<CommandReport, CommandFailure> {
    let status = Status::gather(options)?;
    let text = match (as_json, options.prometheus) {
        (true, _) => format!("{:#}\n", status.to_json()),
        (false, true) => prometheus::text(&status),
        (false, false) => output::prose(&status.to_text()),
    };
    Ok(CommandReport { text, fine: status.is_fine() })
}

/// All that is known of one server.
struct Status {
    now: UnixSeconds,
    /// Keys that are usable for less than this are not fine.
    warn_within: Option<Duration>,
    /// Where key files are, if somebody said it.
    folder: Option<PathBuf>,
    library: Option<Library>,
    config: ConfigState,
    profiles: Vec<ProfileState>,
}

/// The configuration, as the server would find it.
struct ConfigState {
    path: PathBuf,
    sha256: Option<String>,
    /// Why nobody is let in by it, or not by the profiles of one of its files.
    trouble: Option<ConfigTrouble>,
}

struct ConfigTrouble {
    reason: Reason,
    detail: String,
    hint: String,
}

struct ProfileState {
    name: String,
    keys: KeyState,
}

/// Keys of a provider, where nobody said whose.
const NOT_LOOKED_AT: &str = "not_looked_at";

impl Status {
    fn gather(options: &StatusOptions) -> Result<Self, CommandFailure> {
        let given = options.folder.pgdata.is_some() || options.folder.cache_dir.is_some();
        let (place, path, directory) = if given {
            let (place, path, directory) = place_of(&options.folder, options.config.as_deref())?;
            (Some(place), path, directory)
        } else {
            let path = server_files::config_path(options.config.as_deref(), None)?;
            let directory = server_files::config_directory(None, &path, None)?;
            (None, path, directory)
        };
        let user = match &place {
            Some(place) => place.owner,
            None => server_user(&ServerOptions { server_user: None })?,
        };
        let file = ConfigFile::open(&path, directory.as_deref(), user, NamedBy::option(options.config.as_deref()));
        let (config, profiles) = look(file, &path, place.as_ref());
        Ok(Self {
            now: words::now(),
            warn_within: options.warn_within,
            folder: place.map(|place| place.folder),
            library: options.folder.pgdata.as_deref().and_then(library::of_server),
            config,
            profiles,
        })
    }

    /// Whether logins work, and go on for as long as is wanted.
    fn is_fine(&self) -> bool {
        self.config.trouble.is_none() && self.profiles.iter().all(|profile| self.concern(profile).is_none())
    }

    /// What is wrong with a profile's keys, as a phrase.
    fn concern(&self, profile: &ProfileState) -> Option<&'static str> {
        let KeyState { standing, usable, usable_until, .. } = profile.keys;
        if standing == NOT_LOOKED_AT {
            return None;
        }
        if !usable {
            return Some("no keys that can be used");
        }
        let left = usable_until.map(|until| until.since(self.now));
        let is_short = left.zip(self.warn_within).is_some_and(|(left, within)| left < within);
        is_short.then_some("keys that can be used for a short time only")
    }
}

/// Judges the configuration, and looks at the keys of its profiles.
fn look(
    file: Result<ConfigFile, CommandFailure>,
    path: &Path,
    place: Option<&KeyPlace>,
) -> (ConfigState, Vec<ProfileState>) {
    let state = |sha256, trouble| ConfigState { path: path.to_owned(), sha256, trouble };
    let file = match file {
        Ok(file) => file,
        Err(failure) => {
            let (detail, hint) = failure.into_words();
            return (state(None, Some(ConfigTrouble { reason: Reason::ConfigUnreadable, detail, hint })), Vec::new());
        }
    };
    // Of a file that is not the server's own nothing is told, not even whether it has a certain text.
    let sha256 = file.refusal.is_none().then(|| file.sha256());
    if let Some(refusal) = &file.refusal {
        let (detail, hint) = (refusal.to_string(), refusal.hint());
        return (state(sha256, Some(ConfigTrouble { reason: Reason::ConfigUnreadable, detail, hint })), Vec::new());
    }
    let parsed = file.parsed();
    let Some(config) = parsed.config else {
        let Denial { reason, detail, hint, .. } = Denial::config_invalid(&file.name, &parsed.findings);
        return (state(sha256, Some(ConfigTrouble { reason, detail, hint })), Vec::new());
    };
    let profiles = config.profiles().iter().map(|profile| profile_state(profile, &file, place)).collect();
    let trouble = config.troubles().first().map(|FolderTrouble { detail, hint, .. }| ConfigTrouble {
        reason: Reason::ConfigInvalid,
        detail: detail.trim_end_matches('.').to_owned(),
        hint: hint.clone(),
    });
    (state(sha256, trouble), profiles)
}

fn profile_state(profile: &Profile, file: &ConfigFile, place: Option<&KeyPlace>) -> ProfileState {
    let mut looked_at = true;
    let mut keys = KeyState::of(profile, &file.path, file.user, |source| match place {
        Some(place) => place.at_hand(&place.order(&profile.name, source, file)),
        None => {
            looked_at = false;
            Ok((None, oauth_validator_core::KeyStatus::NoRecord))
        }
    });
    if !looked_at {
        keys.standing = NOT_LOOKED_AT;
    }
    ProfileState { name: profile.name.clone(), keys }
}
