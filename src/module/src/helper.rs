//! Finds the helper, the program that talks to the providers, and has it judged before it is run.
//!
//! It decides which keys are trusted, so it must belong to those who may decide that. Never looked for in PATH, nor in
//! anything else that a client or a session could set.

use crate::guc;
use oauth_validator_store::{ServerUser, judge_executable};
use std::ffi::{CStr, OsStr, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where the build says that it is installed, if it does.
const BUILT_IN: Option<&str> = option_env!("OAUTH_VALIDATOR_HELPER");

/// From the folder above the library's own.
const BESIDE: &str = "bin/oauth-validator";

/// Why there is no helper to run: a sentence without its full stop that does not begin one, and what to do.
pub(crate) struct Unusable {
    pub(crate) detail: String,
    pub(crate) hint: String,
}

/// The helper, judged: nobody but root and the server's user can change or replace it.
pub(crate) fn find() -> Result<PathBuf, Unusable> {
    let Some(path) = helper_path() else {
        return Err(Unusable {
            detail: "the system does not say where the library lies, beside which it should be".into(),
            hint: "Set oauth_validator.helper to the absolute path of oauth-validator.".into(),
        });
    };
    if !path.is_absolute() {
        return Err(Unusable {
            detail: format!("{path:?} is not an absolute path"),
            hint: "Set oauth_validator.helper to the absolute path of oauth-validator.".into(),
        });
    }
    match judge_executable(&path, ServerUser::current()) {
        Ok(()) => Ok(path),
        Err(refusal) => Err(Unusable { detail: refusal.to_string(), hint: refusal.hint() }),
    }
}

/// `oauth_validator.helper`, else what the build says, else `../bin` beside the library. Not judged.
fn helper_path() -> Option<PathBuf> {
    let set = guc::helper();
    if !set.as_os_str().is_empty() {
        return Some(set);
    }
    if let Some(built_in) = BUILT_IN.filter(|path| !path.is_empty()) {
        return Some(built_in.into());
    }
    Some(own_path()?.parent()?.parent()?.join(BESIDE))
}

/// Where this library was loaded from. Not pkglib_path: an absolute path or dynamic_library_path may lead elsewhere.
fn own_path() -> Option<&'static Path> {
    let inside: *const c_void = (own_path as fn() -> Option<&'static Path> as *const ()).cast();
    let mut info = libc::Dl_info {
        dli_fname: std::ptr::null(),
        dli_fbase: std::ptr::null_mut(),
        dli_sname: std::ptr::null(),
        dli_saddr: std::ptr::null_mut(),
    };
    // SAFETY: dladdr(3) takes any address and fills the structure if it lies in a loaded library. The name belongs to
    // the loader and lives as long as the library, which the server never unloads.
    unsafe {
        if libc::dladdr(inside, &raw mut info) == 0 || info.dli_fname.is_null() {
            return None;
        }
        Some(Path::new(OsStr::from_bytes(CStr::from_ptr(info.dli_fname).to_bytes())))
    }
}
