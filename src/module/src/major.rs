//! What differs between the major releases of PostgreSQL that the library is built for, one at a time.
//!
//! From PostgreSQL 19 on, a line of pg_hba.conf can name profiles (`validator.profile`), and the server takes the reason
//! of a denial into the report of its own, as `error_detail`. Both are in `libpq/oauth.h` and auth-oauth.c of that
//! release. Nothing else in this crate asks for the release, but that `unsaid` is of 19
//! alone; and nothing here decides anything.

use crate::abi::{OAuthValidatorCallbacks, ValidatorModuleResult, ValidatorModuleState, bindings};
use std::mem::offset_of;

#[cfg(all(feature = "pg18", feature = "pg19"))]
compile_error!("the library is for one major release of PostgreSQL: choose feature pg18 or pg19");
#[cfg(not(any(feature = "pg18", feature = "pg19")))]
compile_error!("choose the major release of PostgreSQL that the library is for: feature pg18 or pg19");

#[cfg(feature = "pg18")]
pub(crate) use pg18::{cache_number, clear_detail, hba_profiles, named_segment, register_hba_options, say};
#[cfg(feature = "pg19")]
pub(crate) use pg19::{cache_number, clear_detail, hba_profiles, named_segment, register_hba_options, say};

/// One machine word, which all pointers have.
const WORD: usize = size_of::<usize>();

// bindgen asserts that the layout is the one of the headers; these assert that the headers are those that this crate was
// written for.
const _: () = {
    assert!(bindings::PG_OAUTH_VALIDATOR_MAGIC == 0x2025_0220);
    assert!(size_of::<OAuthValidatorCallbacks>() == 4 * WORD);
    assert!(offset_of!(OAuthValidatorCallbacks, magic) == 0);
    assert!(offset_of!(OAuthValidatorCallbacks, startup_cb) == WORD);
    assert!(offset_of!(OAuthValidatorCallbacks, shutdown_cb) == 2 * WORD);
    assert!(offset_of!(OAuthValidatorCallbacks, validate_cb) == 3 * WORD);
    assert!(size_of::<ValidatorModuleState>() == 2 * WORD);
    assert!(offset_of!(ValidatorModuleState, private_data) == WORD);
    assert!(offset_of!(ValidatorModuleResult, authorized) == 0);
    assert!(offset_of!(ValidatorModuleResult, authn_id) == WORD);
};

/// PostgreSQL 18: no options, and the log is ours to write.
#[cfg(feature = "pg18")]
mod pg18 {
    use super::{ValidatorModuleResult, ValidatorModuleState, WORD, bindings};
    use crate::guard::guarded;
    use crate::report;
    use oauth_validator_core::Denial;
    use pgrx::pg_sys;
    use std::ffi::{CStr, c_int, c_void};
    use std::ptr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const _: () = {
        assert!(bindings::PG_VERSION_NUM / 10_000 == 18);
        assert!(size_of::<ValidatorModuleResult>() == 2 * WORD);
    };

    /// The number of a system cache, as the functions of syscache.c take it; pgrx's type of it follows the headers.
    pub(crate) const fn cache_number(id: pg_sys::SysCacheIdentifier::Type) -> c_int {
        id.cast_signed()
    }

    /// The shared memory of this name, made of zeros if nobody has made it before. Raises an ERROR, with locks held, if it
    /// cannot be had.
    ///
    /// # Safety
    ///
    /// In a backend, on the main thread, under the guard.
    pub(crate) unsafe fn named_segment(name: &CStr, size: usize) -> *mut u8 {
        unsafe extern "C-unwind" fn zero(start: *mut c_void) {
            // SAFETY: the segment is as large as was asked for, and nobody else has it yet (dsm_registry.c).
            unsafe { ptr::write_bytes(start.cast::<u8>(), 0, SIZE.load(Ordering::Relaxed)) };
        }
        static SIZE: AtomicUsize = AtomicUsize::new(0);
        SIZE.store(size, Ordering::Relaxed);
        let mut found = false;
        // SAFETY: by the caller's word; the name is copied.
        unsafe { pg_sys::GetNamedDSMSegment(name.as_ptr(), size, Some(zero), &raw mut found).cast() }
    }

    /// There are none to register.
    ///
    /// # Safety
    ///
    /// None is needed; PostgreSQL 19 asks for it.
    pub(crate) unsafe fn register_hba_options(_state: *mut ValidatorModuleState) {}

    /// No line has any.
    ///
    /// # Safety
    ///
    /// None is needed; PostgreSQL 19 asks for it.
    pub(crate) unsafe fn hba_profiles(_state: *const ValidatorModuleState) -> Option<Vec<u8>> {
        None
    }

    /// Has the log say why the login is denied.
    pub(crate) fn say(_result: &mut ValidatorModuleResult, denial: &Denial) {
        // A log that cannot be written changes no decision.
        let _ = guarded(|| report::denied(denial));
    }

    /// Nothing is waiting to be said.
    pub(crate) fn clear_detail(_result: &mut ValidatorModuleResult) {}
}

/// PostgreSQL 19: `validator.profile`, and `error_detail`.
#[cfg(feature = "pg19")]
mod pg19 {
    use super::{ValidatorModuleResult, ValidatorModuleState, WORD, bindings};
    use crate::abi::ServerString;
    use crate::guard::guarded;
    use crate::{log_hook, report, unsaid};
    use oauth_validator_core::Denial;
    use pgrx::pg_sys;
    use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
    use std::ffi::{CStr, c_char, c_int, c_void};
    use std::mem::{offset_of, transmute};
    use std::ptr;

    const _: () = {
        assert!(bindings::PG_VERSION_NUM / 10_000 == 19);
        assert!(size_of::<ValidatorModuleResult>() == 3 * WORD);
        assert!(offset_of!(ValidatorModuleResult, error_detail) == 2 * WORD);
    };

    /// The number of a system cache, as the functions of syscache.c take it; pgrx's type of it follows the headers.
    pub(crate) const fn cache_number(id: pg_sys::SysCacheIdentifier::Type) -> c_int {
        id
    }

    /// The shared memory of this name, made of zeros if nobody has made it before. Raises an ERROR, with locks held, if it
    /// cannot be had.
    ///
    /// # Safety
    ///
    /// In a backend, on the main thread, under the guard.
    pub(crate) unsafe fn named_segment(name: &CStr, mut size: usize) -> *mut u8 {
        unsafe extern "C-unwind" fn zero(start: *mut c_void, size: *mut c_void) {
            // SAFETY: the segment is as large as was asked for, which `size` points to, and nobody else has it yet
            // (dsm_registry.c).
            unsafe { ptr::write_bytes(start.cast::<u8>(), 0, *size.cast::<usize>()) };
        }
        let mut found = false;
        let argument: *mut usize = &raw mut size;
        // SAFETY: by the caller's word; the name is copied, and the argument used in this call alone.
        unsafe { pg_sys::GetNamedDSMSegment(name.as_ptr(), size, Some(zero), &raw mut found, argument.cast()).cast() }
    }

    /// `validator.profile`; the server takes `validator.` off.
    const PROFILE: &CStr = c"profile";

    type Register = unsafe extern "C-unwind" fn(*mut ValidatorModuleState, c_int, *mut *const c_char);
    type Get = unsafe extern "C-unwind" fn(*const ValidatorModuleState, *const c_char) -> *const c_char;

    // These are the types that the headers declare. Nothing else may refer to the two functions: the loader looks for
    // them before a server looks at the library's release, and PostgreSQL 18 would have nothing better to say than that a
    // symbol is undefined.
    const _: (Register, Get) = (bindings::RegisterOAuthHBAOptions, bindings::GetOAuthHBAOption);

    /// Where the server has a function of this name.
    ///
    /// # Panics
    /// If it has none, as no PostgreSQL 19: then the login is denied.
    fn server_function(name: &CStr) -> *mut c_void {
        // SAFETY: dlsym(3) takes any name; RTLD_DEFAULT looks in the server before it looks in libraries.
        let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
        assert!(!address.is_null(), "the server lacks a function of libpq/oauth.h");
        address
    }

    /// Makes the options of ours known to the server, which denies logins by lines that have others. May raise an ERROR.
    ///
    /// # Safety
    ///
    /// To be called in `startup_cb`, under the guard, with the state that the server passes.
    pub(crate) unsafe fn register_hba_options(state: *mut ValidatorModuleState) {
        let function = server_function(c"RegisterOAuthHBAOptions");
        let mut names: [*const c_char; 1] = [PROFILE.as_ptr()];
        // SAFETY: the type is checked above. RegisterOAuthHBAOptions (auth-oauth.c) copies the names, changes none, and
        // puts up with a null state. The closure has no destructor.
        unsafe {
            let register = transmute::<*mut c_void, Register>(function);
            pg_guard_ffi_boundary(|| register(state, 1, names.as_mut_ptr()));
        }
    }

    /// The value of `validator.profile` on the line that matched, as it stands there; `None` if the line has no such
    /// option. Of several on one line the last counts, as with all options of pg_hba.conf.
    ///
    /// # Safety
    ///
    /// To be called in `validate_cb`, under the guard, with the state that the server passes.
    pub(crate) unsafe fn hba_profiles(state: *const ValidatorModuleState) -> Option<Vec<u8>> {
        let function = server_function(c"GetOAuthHBAOption");
        // SAFETY: the type is checked above. GetOAuthHBAOption (auth-oauth.c) looks through lists of the line and raises
        // nothing. What it returns is null or a string that belongs to the line, which lives as long as the backend.
        unsafe {
            let get = transmute::<*mut c_void, Get>(function);
            let value = pg_guard_ffi_boundary(|| get(state, PROFILE.as_ptr()));
            (!value.is_null()).then(|| CStr::from_ptr(value).to_bytes().to_vec())
        }
    }

    /// Has the server say why the login is denied, in the report that it makes of it once the client has heard of it.
    ///
    /// Where it would not be read, it goes to the log at once, as on PostgreSQL 18: `log_error_verbosity = terse` drops
    /// all details. Where the server makes no report, because the client breaks off or runs out of time, the log has it
    /// when the backend ends.
    pub(crate) fn say(result: &mut ValidatorModuleResult, denial: &Denial) {
        let handed_over = guarded(|| {
            if is_terse() {
                return None;
            }
            let text = report::as_detail(denial);
            let detail = ServerString::new(text.to_str().ok()?)?;
            log_hook::install();
            unsaid::expect_report(text, denial.clone());
            Some(detail)
        });
        match handed_over {
            Ok(Some(detail)) => result.error_detail = detail.into_raw(),
            // A log that cannot be written changes no decision.
            _ => drop(guarded(|| report::denied(denial))),
        }
    }

    /// Takes back what was to be said.
    pub(crate) fn clear_detail(result: &mut ValidatorModuleResult) {
        result.error_detail = ptr::null_mut();
        unsaid::forget();
    }

    fn is_terse() -> bool {
        // SAFETY: a plain number that only the main thread changes, which this is.
        unsafe { pg_sys::Log_error_verbosity == pg_sys::PGErrorVerbosity::PGERROR_TERSE as c_int }
    }
}
