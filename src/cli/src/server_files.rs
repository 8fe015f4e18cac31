//! Reads the server's own files for the core: postgresql.conf, and pg_hba.conf and pg_ident.conf, which it leads to.
//!
//! What they mean is for the core. They are read as the server's user would: whoever writes them must not have root show a
//! file that is not for that user. Must never write, never read what is no regular file, and never take a file for the
//! server's that nobody named and no named one leads to.

use crate::args::{DEFAULT_CONFIG, ServerFileOptions};
use crate::config_file::{ConfigFile, NamedBy, read_as, short_text};
use crate::output::CommandFailure;
use oauth_validator_core::folder_of;
use oauth_validator_core::server_files::{
    FileReader, FileSystem, GucSettings, HbaContext, HbaLine, IdentLine, Problem, SourceFile, UnreadableFile,
};
use oauth_validator_store::{ServerUser, list_readable};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// What the server's files say.
pub(crate) struct ServerFiles {
    /// Every file that was read.
    pub(crate) sources: Vec<SourceFile>,
    /// postgresql.conf, and which of the sources it is.
    pub(crate) settings: Option<(GucSettings, usize)>,
    /// pg_hba.conf.
    pub(crate) hba_path: PathBuf,
    /// The lines of pg_hba.conf that the server takes.
    pub(crate) hba: Vec<HbaLine>,
    /// The lines of pg_ident.conf that the server takes, if it is known where that is.
    pub(crate) ident: Option<Vec<IdentLine>>,
    /// pg_ident.conf, if it is known where that is.
    pub(crate) ident_path: Option<PathBuf>,
    /// Why pg_ident.conf cannot be read.
    pub(crate) ident_trouble: Option<String>,
    /// Lines of postgresql.conf and pg_hba.conf that the server does not take.
    pub(crate) problems: Vec<Problem>,
    /// Lines of pg_ident.conf that it does not take.
    pub(crate) ident_problems: Vec<Problem>,
}

/// What keeps the files from being read.
pub(crate) enum Missing {
    /// The data directory has no postgresql.conf, and nobody named another one.
    Conf(PathBuf),
    /// Anything else.
    Failed(CommandFailure),
}

impl From<CommandFailure> for Missing {
    fn from(failure: CommandFailure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Missing> for CommandFailure {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Failed(failure) => failure,
            Missing::Conf(folder) => Self::new(format!("there is no postgresql.conf in {folder:?}"))
                .with_hint("say where it is: --postgresql-conf FILE (SHOW config_file)"),
        }
    }
}

impl ServerFiles {
    /// Reads the files that the options name or lead to; `None` if they name none.
    pub(crate) fn read(
        pgdata: Option<&Path>,
        options: &ServerFileOptions,
        user: ServerUser,
    ) -> Result<Option<Self>, Missing> {
        if pgdata.is_none() && options.postgresql_conf.is_none() && options.hba.is_none() && options.ident.is_none() {
            return Ok(None);
        }
        let mut disk = DiskFiles { user };
        let mut reader = FileReader::new(&mut disk);
        let conf = conf_path(pgdata, options)?;
        let folder = pgdata.or(conf.as_deref().and_then(Path::parent));
        let settings = conf.as_deref().map(|conf| read_settings(&mut reader, conf, folder)).transpose()?;
        let set = settings.as_ref().map(|(settings, _)| settings);
        let Some(hba_path) = path_of(options.hba.as_deref(), "hba_file", set, folder, "pg_hba.conf", "--hba")? else {
            let failure = CommandFailure::new("which pg_hba.conf belongs to that pg_ident.conf?");
            return Err(failure.with_hint("give it with --hba, or the data directory with --pgdata").into());
        };
        let ident_path = path_of(options.ident.as_deref(), "ident_file", set, folder, "pg_ident.conf", "--ident")?;
        let mut problems = set.map(|settings| settings.problems.clone()).unwrap_or_default();
        let lines = reader.hba(&hba_path, &context(set, pgdata)).map_err(|error| cannot_read(&hba_path, &error))?;
        let hba = usable(lines, &mut problems);
        let mut ident_problems = Vec::new();
        let (ident, ident_trouble) = match ident_path.as_deref().map(|path| reader.ident(path)) {
            None => (None, None),
            Some(Ok(lines)) => (Some(usable(lines, &mut ident_problems)), None),
            // The server does without.
            Some(Err(error)) => (Some(Vec::new()), Some(error.why)),
        };
        let sources = reader.into_sources();
        Ok(Some(Self { sources, settings, hba_path, hba, ident, ident_path, ident_trouble, problems, ident_problems }))
    }

    /// What postgresql.conf says, if it was read.
    pub(crate) fn settings(&self) -> Option<&GucSettings> {
        self.settings.as_ref().map(|(settings, _)| settings)
    }

    /// Whether postgresql.conf was read, and does not let the server load the module.
    pub(crate) fn lacks_library(&self) -> bool {
        self.settings().is_some_and(|settings| !settings.names_module())
    }
}

/// The settings of a data directory with a postgresql.conf of its own, for what needs no line of pg_hba.conf.
pub(crate) fn settings_in(pgdata: &Path, user: ServerUser) -> Result<Option<GucSettings>, CommandFailure> {
    let options = ServerFileOptions::default();
    match conf_path(Some(pgdata), &options) {
        Ok(conf) => {
            let mut disk = DiskFiles { user };
            let mut reader = FileReader::new(&mut disk);
            conf.map(|conf| read_settings(&mut reader, &conf, Some(pgdata)).map(|(settings, _)| settings)).transpose()
        }
        Err(Missing::Conf(_)) => Ok(None),
        Err(Missing::Failed(failure)) => Err(failure),
    }
}

/// The configuration that is meant: the one that the option names, else that of the server's settings, else the one
/// that servers read by default.
///
/// # Errors
/// If the settings have a path that the server does not take.
pub(crate) fn config_path(option: Option<&Path>, settings: Option<&GucSettings>) -> Result<PathBuf, CommandFailure> {
    if let Some(option) = option {
        return Ok(option.to_owned());
    }
    match settings.and_then(|settings| own_setting(settings, "config_file")) {
        Some(path) if !path.starts_with('/') => {
            let what = format!("oauth_validator.config_file = '{path}' is not an absolute path");
            Err(CommandFailure::new(what)
                .with_hint("the server denies every OAuth login for that: write the whole path"))
        }
        path => Ok(PathBuf::from(path.unwrap_or(DEFAULT_CONFIG))),
    }
}

/// Opens the configuration at `path`, which the option names, or the settings, or nobody.
pub(crate) fn open_config(
    path: &Path,
    folder: Option<&Path>,
    option: Option<&Path>,
    settings: Option<&GucSettings>,
    user: ServerUser,
) -> Result<ConfigFile, CommandFailure> {
    let of_settings = settings.is_some_and(|settings| own_setting(settings, "config_file").is_some());
    let named_by = if of_settings { NamedBy::option(option) } else { NamedBy::Asker };
    ConfigFile::open(path, folder, user, named_by)
}

/// The folder of further files that goes with the configuration `main`: the one that the option names, else that of the
/// server's settings, else the one of the file's own name; none where one of them is empty.
///
/// # Errors
/// If the settings have a path that the server does not take.
pub(crate) fn config_directory(
    option: Option<&Path>,
    main: &Path,
    settings: Option<&GucSettings>,
) -> Result<Option<PathBuf>, CommandFailure> {
    let of_settings = || settings.and_then(|settings| settings.value("oauth_validator.config_directory"));
    match option.map(|option| (option.to_owned(), true)).or_else(|| Some((PathBuf::from(of_settings()?), false))) {
        None if main.as_os_str() == "-" => Ok(None),
        None => Ok(Some(folder_of(main))),
        Some((folder, _)) if folder.as_os_str().is_empty() => Ok(None),
        Some((folder, false)) if !folder.is_absolute() => {
            let what = format!("oauth_validator.config_directory = {folder:?} is not an absolute path");
            Err(CommandFailure::new(what).with_hint("the server reads no file of it for that: write the whole path"))
        }
        Some((folder, _)) => Ok(Some(folder)),
    }
}

/// The folder of key files, if it is not the one in the data directory.
pub(crate) fn cache_directory(settings: &GucSettings) -> Option<PathBuf> {
    Some(settings.data_directory.join(own_setting(settings, "cache_directory")?))
}

/// A setting of the module that is not empty.
fn own_setting<'s>(settings: &'s GucSettings, name: &str) -> Option<&'s str> {
    settings.value(&format!("oauth_validator.{name}")).filter(|value| !value.is_empty())
}

fn usable<T>(lines: Vec<Result<T, Problem>>, problems: &mut Vec<Problem>) -> Vec<T> {
    lines.into_iter().filter_map(|line| line.map_err(|problem| problems.push(problem)).ok()).collect()
}

/// Where postgresql.conf is; `None` if nothing but pg_hba.conf is to be read.
fn conf_path(pgdata: Option<&Path>, options: &ServerFileOptions) -> Result<Option<PathBuf>, Missing> {
    if let Some(named) = &options.postgresql_conf {
        return Ok(Some(named.clone()));
    }
    let Some(pgdata) = pgdata else { return Ok(None) };
    let path = pgdata.join("postgresql.conf");
    match fs::metadata(&path) {
        Ok(_) => Ok(Some(path)),
        Err(error) if error.kind() == ErrorKind::NotFound && options.hba.is_some() => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Missing::Conf(pgdata.to_owned())),
        Err(error) => Err(cannot_read(&path, &unreadable(&error)).into()),
    }
}

fn read_settings(
    reader: &mut FileReader<'_>,
    conf: &Path,
    folder: Option<&Path>,
) -> Result<(GucSettings, usize), CommandFailure> {
    let at = reader.sources().len();
    let folder = folder.unwrap_or(Path::new(""));
    let settings = reader.settings(conf, folder).map_err(|error| cannot_read(conf, &error))?;
    Ok((settings, at))
}

/// Where a file is: as an option says, else a setting, else the folder.
fn path_of(
    option: Option<&Path>,
    name: &str,
    settings: Option<&GucSettings>,
    folder: Option<&Path>,
    file: &str,
    flag: &str,
) -> Result<Option<PathBuf>, CommandFailure> {
    if let Some(option) = option {
        return Ok(Some(option.to_owned()));
    }
    match settings.and_then(|settings| settings.value(name)).filter(|path| !path.is_empty()) {
        Some(path) if path.starts_with('/') => Ok(Some(PathBuf::from(path))),
        Some(path) => {
            let what =
                format!("{name} = '{path}' is relative to where the server was started, which is not known here");
            Err(CommandFailure::new(what).with_hint(format!("say where it is: {flag} FILE (SHOW {name})")))
        }
        None => Ok(folder.filter(|_| settings.is_some()).map(|folder| folder.join(file))),
    }
}

/// A list of libraries without this one is a finding of its own, and not one of each line.
fn context(settings: Option<&GucSettings>, pgdata: Option<&Path>) -> HbaContext {
    let libraries = settings.filter(|settings| settings.names_module()).and_then(GucSettings::libraries);
    let data = settings.map(|settings| settings.data_directory.as_path()).or(pgdata);
    let version = data.and_then(|data| short_text(&data.join("PG_VERSION")));
    HbaContext { libraries, major: version.and_then(|version| version.trim().parse().ok()) }
}

fn cannot_read(path: &Path, error: &UnreadableFile) -> CommandFailure {
    let failure = CommandFailure::new(format!("cannot read {path:?}: {}", error.why));
    match (error.missing, ServerUser::current().uid) {
        (true, _) => failure.with_hint("correct the path"),
        (false, 0) => failure.with_hint("have the server's user read it; a draft of root's own: --server-user root"),
        (false, _) => failure.with_hint("run this as root"),
    }
}

/// The files of this machine, as this user reads them.
struct DiskFiles {
    user: ServerUser,
}

impl FileSystem for DiskFiles {
    fn read(&mut self, path: &Path) -> Result<Vec<u8>, UnreadableFile> {
        read_as(path, self.user).map_err(|error| unreadable(&error))
    }

    fn list(&mut self, folder: &Path) -> Result<Vec<String>, UnreadableFile> {
        let names = list_readable(folder, self.user).map_err(|error| unreadable(&error))?;
        Ok(names.iter().map(|name| name.to_string_lossy().into_owned()).collect())
    }
}

fn unreadable(error: &io::Error) -> UnreadableFile {
    let why = match error.kind() {
        ErrorKind::InvalidInput => "it is no regular file".to_owned(),
        ErrorKind::FileTooLarge => "it is too large".to_owned(),
        _ => oauth_validator_token_file::words(error),
    };
    UnreadableFile { missing: error.kind() == ErrorKind::NotFound, why }
}
