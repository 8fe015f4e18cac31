//! The settings of the library in postgresql.conf.
//!
//! All are PGC_SIGHUP: a library that is loaded during a login may not define PGC_POSTMASTER settings, and what a
//! connecting user could set would let him choose who is trusted.

use oauth_validator_core::folder_of;
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, pg_sys};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// `oauth_validator.config_file`; the superuser alone sees it, as with hba_file.
static CONFIG_FILE: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(Some(c"/etc/postgresql/oauth-validator.toml"));

/// `oauth_validator.config_directory`; nobody's word: the folder that goes with the configuration file; empty: none.
static CONFIG_DIRECTORY: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);

/// `oauth_validator.helper`; empty: the one that was installed with the library.
static HELPER: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));

/// `oauth_validator.cache_directory`; empty: [`DEFAULT_CACHE`] in the data directory.
static CACHE_DIRECTORY: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));

/// `oauth_validator.max_helpers`.
static MAX_HELPERS: GucSetting<i32> = GucSetting::<i32>::new(8);

/// `oauth_validator.keep_configuration`.
static KEEP_CONFIGURATION: GucSetting<bool> = GucSetting::<bool>::new(true);

/// `oauth_validator.log_grants`.
static LOG_GRANTS: GucSetting<bool> = GucSetting::<bool>::new(false);

const DEFAULT_CACHE: &str = "oauth_validator";

/// `oauth_validator.test_fault`, for the server tests.
#[cfg(feature = "test-faults")]
static TEST_FAULT: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));

/// Defines the settings, and makes misspelt ones an error.
pub(crate) fn define() {
    define_paths();
    define_behaviour();
    // SAFETY: MarkGUCPrefixReserved (guc.c) copies the name it is given.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"oauth_validator".as_ptr()) }
}

/// Where things are; the superuser alone sees it.
fn define_paths() {
    GucRegistry::define_string_guc(
        c"oauth_validator.config_file",
        c"Configuration of the OAuth validator: which issuers are trusted, and how their claims map.",
        c"An absolute path. Each new connection reads the file as it is then. A file that is missing, has errors, or could be changed by others denies every OAuth login.",
        &CONFIG_FILE,
        GucContext::Sighup,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_string_guc(
        c"oauth_validator.config_directory",
        c"Folder with further profiles of the OAuth validator, in files *.toml.",
        c"An absolute path. Where it is not set, that of oauth_validator.config_file with .d in place of .toml. Set to an empty string, there is none. A folder that is missing is an empty one.",
        &CONFIG_DIRECTORY,
        GucContext::Sighup,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_string_guc(
        c"oauth_validator.helper",
        c"Program that talks to the providers for the OAuth validator.",
        c"An absolute path. Empty means oauth-validator as it was installed with the library. A program that others could change is not run.",
        &HELPER,
        GucContext::Sighup,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_string_guc(
        c"oauth_validator.cache_directory",
        c"Folder of the keys that the OAuth validator got from the providers.",
        c"Empty means oauth_validator in the data directory, to which a relative path is relative. It must belong to the server's user, and nobody else may write to it.",
        &CACHE_DIRECTORY,
        GucContext::Sighup,
        GucFlags::SUPERUSER_ONLY,
    );
}

/// What is done.
fn define_behaviour() {
    GucRegistry::define_int_guc(
        c"oauth_validator.max_helpers",
        c"Number of logins that may ask their providers about tokens at one time.",
        c"Of profiles with mode \"introspection\" or \"tokeninfo\", or with a lookup. Further ones are denied at once.",
        &MAX_HELPERS,
        1,
        1000,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"oauth_validator.keep_configuration",
        c"Keeps what the OAuth validator made of its configuration, for later logins.",
        c"In a file beside those of the keys, which is used while no file of the configuration has changed. Off, each login reads all of the configuration: for file systems whose times of changes cannot be relied on.",
        &KEEP_CONFIGURATION,
        GucContext::Sighup,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"oauth_validator.log_grants",
        c"Logs each login that the OAuth validator let in.",
        c"One line: identity, profile, role, issuer, client, name of the token, when it expires and when the session ends.",
        &LOG_GRANTS,
        GucContext::Sighup,
        GucFlags::default(),
    );
    #[cfg(feature = "test-faults")]
    GucRegistry::define_string_guc(
        c"oauth_validator.test_fault",
        c"Makes a login fail in the way it names.",
        c"Only for tests.",
        &TEST_FAULT,
        GucContext::Sighup,
        GucFlags::NO_SHOW_ALL,
    );
}

/// The configuration file as set now; empty if somebody set it to nothing.
pub(crate) fn config_file() -> PathBuf {
    path(&CONFIG_FILE)
}

/// The folder of further files as set now, if there is to be one.
pub(crate) fn config_directory() -> Option<PathBuf> {
    match CONFIG_DIRECTORY.get() {
        None => Some(folder_of(&config_file())),
        Some(set) if set.is_empty() => None,
        Some(set) => Some(PathBuf::from(OsString::from_vec(set.into_bytes()))),
    }
}

/// The helper as set now; empty where the installed one is meant.
pub(crate) fn helper() -> PathBuf {
    path(&HELPER)
}

/// The folder of the key files, absolute.
pub(crate) fn cache_directory() -> PathBuf {
    let set = path(&CACHE_DIRECTORY);
    data_directory().join(if set.as_os_str().is_empty() { Path::new(DEFAULT_CACHE) } else { &set })
}

/// Whether nobody named a folder, so that it may be made where it is missing.
pub(crate) fn cache_directory_is_default() -> bool {
    path(&CACHE_DIRECTORY).as_os_str().is_empty()
}

/// How many logins may ask their providers about tokens at one time; at least 1.
pub(crate) fn max_helpers() -> u32 {
    MAX_HELPERS.get().unsigned_abs().max(1)
}

/// Whether what was made of the configuration is kept.
pub(crate) fn keep_configuration() -> bool {
    KEEP_CONFIGURATION.get()
}

/// Whether each login is logged.
pub(crate) fn log_grants() -> bool {
    LOG_GRANTS.get()
}

fn path(setting: &GucSetting<Option<CString>>) -> PathBuf {
    PathBuf::from(OsString::from_vec(setting.get().unwrap_or_default().into_bytes()))
}

fn data_directory() -> &'static Path {
    // SAFETY: the postmaster sets DataDir to an absolute path before it reads postgresql.conf (SetDataDir, miscinit.c),
    // and nobody changes it after that.
    let bytes = unsafe { CStr::from_ptr(pg_sys::DataDir) }.to_bytes();
    Path::new(OsStr::from_bytes(bytes))
}

/// The fault to commit, if any.
#[cfg(feature = "test-faults")]
pub(crate) fn test_fault() -> String {
    TEST_FAULT.get().unwrap_or_default().to_string_lossy().into_owned()
}
