//! The interface between the server and a validator, as `libpq/oauth.h` of the server built for declares it.
//!
//! What differs between major releases of PostgreSQL is in `major`. Nothing here decides anything.

use pgrx::pg_sys;
use std::ffi::{c_char, c_int};
use std::ptr;

#[allow(
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    dead_code,
    unsafe_op_in_unsafe_fn,
    unnameable_types,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::indexing_slicing,
    reason = "bindgen follows the names and the layout of the C headers"
)]
pub(crate) mod bindings {
    include!(concat!(env!("OUT_DIR"), "/oauth.rs"));
}

pub(crate) use bindings::{OAuthValidatorCallbacks, Port, ValidatorModuleResult, ValidatorModuleState};

/// The number that `load_validator_library` (auth-oauth.c) compares.
pub(crate) const MAGIC: u32 = bindings::PG_OAUTH_VALIDATOR_MAGIC;

// pgrx was generated from the same headers; major.rs asserts that they are those that this crate was written for.
const _: () = assert!(bindings::PG_VERSION_NUM == pg_sys::PG_VERSION_NUM);

// From src/backend/utils/error/elog.c. pgrx leaves them out of its bindings. Whoever calls them must be on the
// main thread, and under `pg_guard_ffi_boundary` unless the level is FATAL: they may run out of memory.
unsafe extern "C-unwind" {
    pub(crate) fn errstart(elevel: c_int, domain: *const c_char) -> bool;
    pub(crate) fn errfinish(filename: *const c_char, lineno: c_int, funcname: *const c_char);
    pub(crate) fn errcode(sqlerrcode: c_int) -> c_int;
    pub(crate) fn errmsg_internal(fmt: *const c_char, ...) -> c_int;
    pub(crate) fn errdetail_internal(fmt: *const c_char, ...) -> c_int;
    pub(crate) fn errdetail_log(fmt: *const c_char, ...) -> c_int;
    pub(crate) fn errhint_internal(fmt: *const c_char, ...) -> c_int;
}

/// A NUL-terminated string in the memory of the server, which frees it.
pub(crate) struct ServerString(*mut c_char);

impl ServerString {
    /// Copies `text` into the current memory context, as `ValidatorModuleResult` in `libpq/oauth.h` demands. `None` if
    /// it is empty or has a NUL in it: the server would see another identity than was decided.
    ///
    /// Raises an ERROR when memory runs out, so it must be called under the guard.
    pub(crate) fn new(text: &str) -> Option<Self> {
        if text.is_empty() || text.contains('\0') {
            return None;
        }
        // SAFETY: palloc (mcxt.c) returns at least the bytes asked for, not yet used by anyone, or raises an ERROR,
        // which pgrx turns into a panic before it gets here.
        unsafe {
            let start: *mut u8 = pg_sys::palloc(text.len() + 1).cast();
            ptr::copy_nonoverlapping(text.as_ptr(), start, text.len());
            start.add(text.len()).write(0);
            Some(Self(start.cast()))
        }
    }

    /// For a field of the server's, which wants no `const`.
    pub(crate) fn into_raw(self) -> *mut c_char {
        self.0
    }
}
