//! Where a server keeps the keys of its providers, and whose these files are.
//!
//! The server's user alone writes there: a file of root's would keep the server out, and make backups of the data
//! directory fail. So root becomes that user before it does anything, and nobody else is let in. Must never follow a
//! symbolic link to decide whose a folder is, and never make a folder outside of a data directory.

use crate::args::FolderOptions;
use crate::config_file::ConfigFile;
use crate::output::CommandFailure;
use crate::server_files::cache_directory;
use oauth_validator_core::server_files::GucSettings;
use oauth_validator_core::{KeyRecord, KeyStatus, KeysUnavailable, ProviderKeys};
use oauth_validator_store::{KeyFolder, KeyRefresh, ServerUser, users};
use std::env;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder in a data directory, as the server's own setting has it by default.
const FOLDER: &str = "oauth_validator";

/// What a command that goes on as another user keeps of the environment: how to write to a terminal.
const KEPT: [&str; 6] = ["LC_ALL", "LC_CTYPE", "LANG", "TERM", "NO_COLOR", "COLUMNS"];

/// A server's folder of key files.
#[derive(Debug)]
pub(crate) struct KeyPlace {
    /// The folder; with a data directory it may be missing.
    pub(crate) folder: PathBuf,
    /// Whom the server runs as; never root.
    pub(crate) owner: ServerUser,
    /// The option that names it, for hints.
    option: String,
    /// Whether the folder may be made.
    create: bool,
    group: u32,
}

impl KeyPlace {
    /// The place that the options name, if they name one.
    ///
    /// # Errors
    /// If there is no such place, or if this process may neither read it nor become somebody who may.
    pub(crate) fn find(options: &FolderOptions) -> Result<Option<Self>, CommandFailure> {
        match options {
            FolderOptions { pgdata: Some(path), .. } => Self::of_data_directory(path).map(Some),
            FolderOptions { cache_dir: Some(path), .. } => Self::of_folder(path).map(Some),
            _ => Ok(None),
        }
    }

    /// The place that the options name, for a command that can do nothing without one.
    pub(crate) fn require(options: &FolderOptions) -> Result<Self, CommandFailure> {
        Self::find(options)?.ok_or_else(|| {
            CommandFailure::new("which server's keys are meant?").with_hint(
                "give its data directory with --pgdata (SHOW data_directory), or the folder that \
                 oauth_validator.cache_directory names with --cache-dir",
            )
        })
    }

    fn of_data_directory(path: &Path) -> Result<Self, CommandFailure> {
        let metadata = fs::metadata(path)
            .map_err(|error| CommandFailure::new(format!("cannot use the data directory {path:?}: {error}")))?;
        let owner = owner(path, &metadata)?;
        if !path.join("PG_VERSION").is_file() {
            return Err(CommandFailure::new(format!(
                "{path:?} is no data directory of PostgreSQL: it has no file PG_VERSION"
            ))
            .with_hint("give what the server says to: SHOW data_directory"));
        }
        let option = option_of(path);
        Ok(Self { folder: path.join(FOLDER), owner, option, create: true, group: group(owner, &metadata) })
    }

    fn of_folder(path: &Path) -> Result<Self, CommandFailure> {
        // Without a slash at the end, with which a symbolic link is followed.
        let path: PathBuf = path.components().collect();
        let metadata = fs::symlink_metadata(&path).map_err(|error| {
            let failure = CommandFailure::new(format!("cannot use the folder of key files {path:?}: {error}"));
            failure.with_hint("give the folder that the server says to: SHOW oauth_validator.cache_directory")
        })?;
        if !metadata.is_dir() {
            let user = ServerUser { uid: metadata.uid() };
            let trouble = KeyFolder::open(&path, user, false).err();
            let what = trouble.as_ref().map_or_else(|| format!("{path:?} is no folder"), ToString::to_string);
            return Err(CommandFailure::new(what).with_hint("give the folder itself"));
        }
        let owner = owner(&path, &metadata)?;
        let option = format!("--cache-dir {}", path.display());
        Ok(Self { folder: path, owner, option, create: false, group: group(owner, &metadata) })
    }

    /// The place that the server's own settings say instead: with a folder in oauth_validator.cache_directory, it does
    /// not look into its data directory.
    ///
    /// # Errors
    /// As with [`KeyPlace::find`].
    pub(crate) fn or_of_settings(
        self,
        pgdata: Option<&Path>,
        settings: Option<&GucSettings>,
    ) -> Result<Self, CommandFailure> {
        match (pgdata, settings.and_then(cache_directory)) {
            // The data directory leads to the configuration as well.
            (Some(pgdata), Some(folder)) => Ok(Self { option: option_of(pgdata), ..Self::of_folder(&folder)? }),
            _ => Ok(self),
        }
    }

    /// Goes on as the owner if this process is root's; everything begins anew then.
    ///
    /// # Errors
    /// If the system does not let it.
    pub(crate) fn become_owner(&self) -> Result<(), CommandFailure> {
        if ServerUser::current().uid != 0 {
            return Ok(());
        }
        // The program that runs, whoever replaced its file since. With a user but no groups given, the standard library
        // drops root's groups.
        let mut command = Command::new("/proc/self/exe");
        command.arg0("oauth-validator").args(env::args_os().skip(1)).env_clear();
        command.envs(KEPT.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        let error = command.gid(self.group).uid(self.owner.uid).exec();
        Err(CommandFailure::new(format!("root cannot go on as {}: {error}", name(self.owner)))
            .with_hint(format!("put this in front of the command: {}", as_user(self.owner))))
    }

    /// The keys of a profile, as they are kept here.
    pub(crate) fn order<'a>(
        &'a self,
        profile: &'a str,
        source: &'a ProviderKeys,
        file: &'a ConfigFile,
    ) -> KeyRefresh<'a> {
        let (config_path, user) = (file.path.as_path(), self.owner);
        KeyRefresh { profile, source, config_path, folder: &self.folder, create_folder: self.create, user }
    }

    /// What [`KeyRefresh::at_hand`] says; a folder that the server has not made yet has no keys.
    pub(crate) fn at_hand(&self, order: &KeyRefresh<'_>) -> Result<(Option<KeyRecord>, KeyStatus), KeysUnavailable> {
        if self.create && self.is_missing() {
            return order.reach().map(|_| (None, KeyStatus::NoRecord));
        }
        order.at_hand()
    }

    /// The profiles that have a key file; none if the folder cannot be used.
    pub(crate) fn profiles(&self) -> Vec<String> {
        let folder = KeyFolder::open(&self.folder, self.owner, false);
        folder.and_then(|folder| folder.profiles()).unwrap_or_default()
    }

    /// The profile's key file, for messages.
    pub(crate) fn file_of(&self, profile: &str) -> PathBuf {
        self.folder.join(format!("{profile}.json"))
    }

    /// A command that fetches the keys of a profile to this place.
    pub(crate) fn refresh_command(&self, profile: &str) -> String {
        format!("oauth-validator keys refresh {profile} {}", self.option)
    }

    fn is_missing(&self) -> bool {
        fs::symlink_metadata(&self.folder).is_err_and(|error| error.kind() == ErrorKind::NotFound)
    }
}

fn option_of(pgdata: &Path) -> String {
    format!("--pgdata {}", pgdata.display())
}

/// The user whose files these are, if this process is that user's or root's.
fn owner(path: &Path, metadata: &Metadata) -> Result<ServerUser, CommandFailure> {
    let (owner, process) = (ServerUser { uid: metadata.uid() }, ServerUser::current());
    if owner.uid == 0 {
        return Err(CommandFailure::new(format!("{path:?} belongs to root, and no server runs as root"))
            .with_hint("give the place of the server's own user; if it is the right one, chown it to that user"));
    }
    if process.uid != 0 && process != owner {
        let (owner_name, process_name) = (name(owner), name(process));
        return Err(CommandFailure::new(format!(
            "{path:?} belongs to {owner_name}, but this process runs as {process_name}"
        ))
        .with_hint(format!("put this in front of the command: {}", as_user(owner))));
    }
    Ok(owner)
}

/// The owner's own group; one that nobody else is in where /etc/passwd does not know the owner.
fn group(owner: ServerUser, metadata: &Metadata) -> u32 {
    let of_place = Some(metadata.gid()).filter(|gid| *gid != 0);
    users::primary_group(owner.uid).or(of_place).unwrap_or(owner.uid)
}

fn name(user: ServerUser) -> String {
    let known = users::user_name(user.uid);
    known.map_or_else(|| format!("uid {}", user.uid), |name| format!("{name} (uid {})", user.uid))
}

/// What starts a command as another user.
fn as_user(user: ServerUser) -> String {
    let plain = |name: &String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let known = users::user_name(user.uid).filter(plain);
    known.map_or_else(|| format!("sudo -u '#{}'", user.uid), |name| format!("sudo -u {name}"))
}
