//! Opens the configuration as the server would, and as the one who asks if the server would not; or takes its text from
//! somewhere else, where there is no server.
//!
//! A refused file is still read, so that its contents can be reported; but what comes of it must always say that the
//! server refuses it. Must never read what is no regular file, nor more than the server would.

use crate::args::ServerOptions;
use crate::output::CommandFailure;
use oauth_validator_core::{Config, Denial, ParsedFiles, sha256_hex};
use oauth_validator_store::{
    FolderText, FolderTexts, MAX_CONFIG_BYTES, MAX_FOLDER_FILE_BYTES, Refusal, ServerUser, UnreadableConfig,
    folder_texts, is_folder_file, open_readable, read_trusted, users,
};
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A configuration that could be read.
pub(crate) struct ConfigFile {
    pub(crate) path: PathBuf,
    /// The path as given, for messages.
    pub(crate) name: String,
    pub(crate) text: Vec<u8>,
    /// Further files with profiles.
    pub(crate) folder: FolderTexts,
    /// Why the server would not read it.
    pub(crate) refusal: Option<Refusal>,
    /// For whom it was judged.
    pub(crate) user: ServerUser,
}

/// Who has named a configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) enum NamedBy {
    /// Whoever asks, or nobody: it is read as what this process may read.
    Asker,
    /// postgresql.conf: it may lead to a file that is not for the server's user, and is read as that user would.
    Settings,
}

impl NamedBy {
    /// Of a path that is an option's, or else the settings'.
    pub(crate) fn option(option: Option<&Path>) -> Self {
        if option.is_some() { Self::Asker } else { Self::Settings }
    }
}

impl ConfigFile {
    /// Opens `path`, and what is in `folder`, for the server that runs as `user`.
    pub(crate) fn open(
        path: &Path,
        folder: Option<&Path>,
        user: ServerUser,
        named_by: NamedBy,
    ) -> Result<Self, CommandFailure> {
        let reader = match named_by {
            NamedBy::Asker => ServerUser::current(),
            NamedBy::Settings => user,
        };
        let (text, refusal) = match read_trusted(path, MAX_CONFIG_BYTES, user) {
            Ok(text) => (text, None),
            Err(refusal) => match read_as(path, reader) {
                Ok(text) => (text, Some(refusal)),
                Err(error) => return Err(unreadable(path, &refusal, &error)),
            },
        };
        let folder = folder.map(|folder| folder_texts(folder, user)).unwrap_or_default();
        Ok(Self { path: path.to_owned(), name: path.to_string_lossy().into_owned(), text, folder, refusal, user })
    }

    /// The text of `path`, and those in `folder`, whoever may write them.
    pub(crate) fn text_of(path: &Path, folder: Option<&Path>, user: ServerUser) -> Result<Self, CommandFailure> {
        let text = read_untrusted(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                CommandFailure::new(format!("{path:?} does not exist")).with_hint("correct the path")
            }
            ErrorKind::InvalidInput => {
                CommandFailure::new(format!("{path:?} is no regular file")).with_hint(STDIN_HINT)
            }
            ErrorKind::FileTooLarge => too_large(&format!("{path:?}")),
            _ => CommandFailure::new(format!("cannot read {path:?}: {error}")),
        })?;
        let folder = folder.map(untrusted_folder).unwrap_or_default();
        Ok(Self { path: path.to_owned(), name: path.to_string_lossy().into_owned(), text, folder, refusal: None, user })
    }

    /// The text on standard input, whose owner and mode nobody knows. What it names is looked for from the working
    /// directory.
    pub(crate) fn on_stdin(folder: Option<&Path>, user: ServerUser) -> Result<Self, CommandFailure> {
        let text = read_capped(io::stdin().lock()).map_err(|error| match error.kind() {
            ErrorKind::FileTooLarge => too_large("standard input"),
            _ => CommandFailure::new(format!("cannot read standard input: {error}")),
        })?;
        let folder = folder.map(untrusted_folder).unwrap_or_default();
        Ok(Self { path: PathBuf::from("-"), name: "<stdin>".to_owned(), text, folder, refusal: None, user })
    }

    /// What all its files say.
    pub(crate) fn parsed(&self) -> ParsedFiles {
        self.folder.judged(|folder| Config::parse_all(&self.text, &self.name, folder))
    }

    /// The name and the text of one of its files; 0 is the main one. No text of one that was not read.
    pub(crate) fn part(&self, file: usize) -> (String, &[u8]) {
        match file.checked_sub(1).and_then(|at| self.folder.files.get(at)) {
            Some(part) => (part.path.to_string_lossy().into_owned(), part.text.as_deref().unwrap_or_default()),
            None => (self.name.clone(), &self.text),
        }
    }

    /// The SHA-256 of its contents, in hexadecimal: whether two servers have the same. With files in the folder, that of the
    /// list of all sums and names, as sha256sum prints it.
    pub(crate) fn sha256(&self) -> String {
        if self.folder.files.is_empty() {
            return sha256_hex(&self.text);
        }
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut list = format!("{}  {}\n", sha256_hex(&self.text), name(&self.path));
        for part in &self.folder.files {
            let sum = part.text.as_ref().map(|text| sha256_hex(text)).unwrap_or_default();
            list.push_str(&format!("{sum}  {}\n", name(&part.path)));
        }
        sha256_hex(list.as_bytes())
    }

    /// What the server makes of it, for commands that can do nothing without.
    pub(crate) fn usable(&self) -> Result<Config, CommandFailure> {
        if let Some(refusal) = &self.refusal {
            return Err(CommandFailure::new(refusal.to_string()).with_hint(refusal.hint()));
        }
        let parsed = self.parsed();
        parsed.config.ok_or_else(|| {
            let denial = Denial::config_invalid(&self.name, &parsed.findings);
            CommandFailure::new(denial.detail.trim_end_matches('.')).with_hint(denial.hint)
        })
    }
}

/// The files of a folder, whoever may write them.
fn untrusted_folder(path: &Path) -> FolderTexts {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return FolderTexts::default(),
        Err(error) => {
            let why = format!("{path:?} cannot be read: {}.", oauth_validator_token_file::words(&error));
            return FolderTexts::unreadable(
                path,
                UnreadableConfig { why, hint: "Name a folder that you can read.".to_owned() },
            );
        }
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(is_folder_file))
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = read_untrusted(&path).and_then(|text| match text.len() {
            0..=MAX_FOLDER_FILE_BYTES => Ok(text),
            _ => Err(ErrorKind::FileTooLarge.into()),
        });
        let unreadable = |error: io::Error| UnreadableConfig {
            why: format!("{path:?} cannot be read: {}.", oauth_validator_token_file::words(&error)),
            hint: "Make it a regular file of up to 1 MiB that you can read.".to_owned(),
        };
        let text = text.map_err(unreadable);
        FolderText { path, text }
    };
    FolderTexts { path: Some(path.to_owned()), files: paths.into_iter().map(read).collect() }
}

/// The contents of a regular file that is small enough, whoever may write it.
pub(crate) fn read_untrusted(path: &Path) -> io::Result<Vec<u8>> {
    read_as(path, ServerUser::current())
}

/// The contents of such a file, if the server's user may read it: a file that is not named by whoever asks.
pub(crate) fn read_as(path: &Path, user: ServerUser) -> io::Result<Vec<u8>> {
    read_capped(open_readable(path, user)?)
}

/// A text of a line or two that a server keeps in its data directory; none if it is no regular file, or longer.
pub(crate) fn short_text(path: &Path) -> Option<String> {
    const MOST: u64 = 64 << 10;
    let file = open_readable(path, ServerUser::current()).ok()?;
    let mut text = String::new();
    let length = file.take(MOST + 1).read_to_string(&mut text).ok()?;
    u64::try_from(length).is_ok_and(|length| length <= MOST).then_some(text)
}

fn read_capped(source: impl Read) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let limit = u64::try_from(MAX_CONFIG_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    source.take(limit).read_to_end(&mut text)?;
    if text.len() > MAX_CONFIG_BYTES { Err(ErrorKind::FileTooLarge.into()) } else { Ok(text) }
}

/// What is for pipes.
const STDIN_HINT: &str = "for what comes from another program write \"-\", and its output to standard input";

fn too_large(what: &str) -> CommandFailure {
    CommandFailure::new(format!("{what} has more than the {MAX_CONFIG_BYTES} bytes allowed"))
        .with_hint("check that this is the right file")
}

/// What keeps the one who asks from reading comes before what would keep the server from it.
fn unreadable(path: &Path, refusal: &Refusal, error: &io::Error) -> CommandFailure {
    match (error.kind(), refusal) {
        (ErrorKind::NotFound, refusal) if !matches!(refusal, Refusal::NotFound { .. }) => {
            CommandFailure::new(format!("{path:?} does not exist")).with_hint("correct the path")
        }
        (ErrorKind::PermissionDenied, _) if ServerUser::current().uid != 0 => {
            CommandFailure::new(format!("cannot read {path:?}: {error}")).with_hint("run this as root")
        }
        _ => CommandFailure::new(refusal.to_string()).with_hint(refusal.hint()),
    }
}

/// Whom the server runs as: whoever the options name, else the owner of its data directory.
pub(crate) fn server_user_of(options: &ServerOptions, pgdata: Option<&Path>) -> Result<ServerUser, CommandFailure> {
    match pgdata.filter(|_| options.server_user.is_none()).map(fs::metadata) {
        Some(Ok(folder)) if folder.uid() != 0 => Ok(ServerUser { uid: folder.uid() }),
        _ => server_user(options),
    }
}

/// Whom the server runs as. Files that suit root alone would be refused by a server that must not run as root.
pub(crate) fn server_user(options: &ServerOptions) -> Result<ServerUser, CommandFailure> {
    let Some(chosen) = options.server_user.as_deref() else {
        let current = ServerUser::current();
        let guess = if current.uid == 0 { users::user_id("postgres") } else { None };
        return Ok(guess.map_or(current, |uid| ServerUser { uid }));
    };
    let number = chosen.parse().ok().or_else(|| users::user_id(chosen));
    number.map(|uid| ServerUser { uid }).ok_or_else(|| {
        CommandFailure::new(format!("there is no user \"{chosen}\" in /etc/passwd"))
            .with_hint("give a user of a directory service by its number: --server-user \"$(id -u NAME)\"")
    })
}

#[cfg(test)]
mod tests {
    use crate::args::ServerOptions;
    use crate::output::CommandFailure;
    use oauth_validator_store::ServerUser;

    fn server_user(name: &str) -> Result<ServerUser, CommandFailure> {
        super::server_user(&ServerOptions { server_user: Some(name.to_owned()) })
    }

    #[test]
    fn users_are_found_by_number_and_by_name() {
        assert_eq!(server_user("4711").unwrap().uid, 4711);
        assert_eq!(server_user("root").unwrap().uid, 0);
    }

    #[test]
    fn unknown_users_are_refused() {
        for name in ["no such:user", "", "-1", "4294967296"] {
            assert!(server_user(name).is_err(), "{name}");
        }
    }
}
