//! The settings of the library in postgresql.conf.
//!
//! All are PGC_SIGHUP: a library that is loaded during a login may not define PGC_POSTMASTER settings, and what a
//! connecting user could set would let him choose who is trusted.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, pg_sys};
use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// `oauth_validator.config_file`; the superuser alone sees it, as with hba_file.
static CONFIG_FILE: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(Some(c"/etc/postgresql/oauth-validator.toml"));

/// `oauth_validator.test_fault`, for the server tests.
#[cfg(feature = "test-faults")]
static TEST_FAULT: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));

/// Defines the settings, and makes misspelt ones an error.
pub(crate) fn define() {
    GucRegistry::define_string_guc(
        c"oauth_validator.config_file",
        c"Configuration of the OAuth validator: which issuers are trusted, and how their claims map.",
        c"An absolute path. Each new connection reads the file as it is then. A file that is missing, has errors, or could be changed by others denies every OAuth login.",
        &CONFIG_FILE,
        GucContext::Sighup,
        GucFlags::SUPERUSER_ONLY,
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
    // SAFETY: MarkGUCPrefixReserved (guc.c) copies the name it is given.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"oauth_validator".as_ptr()) }
}

/// The configuration file as set now; empty if somebody set it to nothing.
pub(crate) fn config_file() -> PathBuf {
    let value = CONFIG_FILE.get().unwrap_or_default();
    PathBuf::from(OsString::from_vec(value.into_bytes()))
}

/// The fault to commit, if any.
#[cfg(feature = "test-faults")]
pub(crate) fn test_fault() -> String {
    TEST_FAULT.get().unwrap_or_default().to_string_lossy().into_owned()
}
