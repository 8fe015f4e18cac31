//! `oauth-validator keys`: the keys that a server has from its providers.
//!
//! What is read and written here is the server's own, by the server's own code. `list` looks, `refresh` fetches.

mod list;
mod refresh;

use crate::args::{FolderOptions, KeysCommand};
use crate::config_file::{ConfigFile, NamedBy};
use crate::key_place::KeyPlace;
use crate::output::{CommandFailure, CommandReport, visible};
use crate::server_files;
use oauth_validator_core::{Config, FolderTrouble};
use std::path::{Path, PathBuf};

/// Runs the command.
pub(crate) fn run(command: &KeysCommand, as_json: bool) -> Result<CommandReport, CommandFailure> {
    match command {
        KeysCommand::List(options) => list::run(options, as_json),
        KeysCommand::Refresh(options) => refresh::run(options, as_json),
    }
}

/// Where the server's keys are, as its own settings have it if its data directory has them.
///
/// A process that is to `write` there becomes the folder's owner first.
fn server_of(
    folder: &FolderOptions,
    config: Option<&Path>,
    write: bool,
) -> Result<(KeyPlace, ConfigFile), CommandFailure> {
    let named_by = NamedBy::option(config);
    let (place, config, directory) = place_of(folder, config)?;
    if write {
        place.become_owner()?;
    }
    let file = ConfigFile::open(&config, directory.as_deref(), place.owner, named_by)?;
    Ok((place, file))
}

/// Where the server's keys are, and where its configuration is: the file, and the folder of further ones.
pub(crate) fn place_of(
    folder: &FolderOptions,
    config: Option<&Path>,
) -> Result<(KeyPlace, PathBuf, Option<PathBuf>), CommandFailure> {
    let found = KeyPlace::require(folder)?;
    let pgdata = folder.pgdata.as_deref();
    let read = |pgdata| server_files::settings_in(pgdata, found.owner);
    let settings = pgdata.map(read).transpose()?.flatten();
    let place = found.or_of_settings(pgdata, settings.as_ref())?;
    let config = server_files::config_path(config, settings.as_ref())?;
    let directory = server_files::config_directory(None, &config, settings.as_ref())?;
    Ok((place, config, directory))
}

/// What is said of files whose profiles are not there because of an error; nothing where there is none.
fn denied(config: &Config) -> String {
    let said = |trouble: &FolderTrouble| {
        let text = format!("denied: {}", trouble.detail.trim_end_matches('.'));
        format!("{}\n  help: {}\n", visible(&text, false), visible(&trouble.hint, false))
    };
    config.troubles().iter().map(said).collect()
}
