//! A denial that the server was handed to say, until it has said it: PostgreSQL 19 alone takes one.
//!
//! The server ends in silence when the client breaks off or runs out of time; then the log has it from here.

use crate::guard::{contained, guarded};
use crate::report;
use oauth_validator_core::Denial;
use pgrx::pg_sys;
use std::ffi::{CStr, CString, c_int};
use std::sync::{Mutex, OnceLock};

/// A denial that no report of the server has had yet, and the text by which it is known.
struct Unsaid {
    text: CString,
    denial: Denial,
}

static UNSAID: Mutex<Option<Unsaid>> = Mutex::new(None);

/// Whether the end of this backend is watched for.
static WATCHED: OnceLock<()> = OnceLock::new();

/// From now on, a report with this text in it, or the end of the backend, is the last word about the denial. May raise
/// FATAL: the server's list of exit callbacks may be full.
pub(crate) fn expect_report(text: CString, denial: Denial) {
    if let Ok(mut unsaid) = UNSAID.try_lock() {
        *unsaid = Some(Unsaid { text, denial });
        WATCHED.get_or_init(|| {
            // SAFETY: the function stays, since the server never unloads a library. See process.rs for why
            // before_shmem_exit.
            unsafe { pg_sys::before_shmem_exit(Some(say_at_last), pg_sys::Datum::null()) }
        });
    }
}

/// Takes back what was to be said.
pub(crate) fn forget() {
    if let Ok(mut unsaid) = UNSAID.try_lock() {
        *unsaid = None;
    }
}

/// Takes note of a report with the denial in it. It changes nothing of it, and allocates nothing.
///
/// # Safety
///
/// The report's strings must be null or end in NUL.
pub(crate) unsafe fn notice_report(report: &pg_sys::ErrorData) {
    let detail = report.detail_log.cast_const();
    // SAFETY: by the caller's word.
    let detail = (!detail.is_null()).then(|| unsafe { CStr::from_ptr(detail) });
    if let (Some(detail), Ok(mut unsaid)) = (detail, UNSAID.try_lock())
        && unsaid.as_ref().is_some_and(|unsaid| detail.to_bytes().starts_with(unsaid.text.to_bytes()))
    {
        *unsaid = None;
    }
}

/// Has the log say what the server did not: it ends in silence when the client breaks off (`auth_failed`, auth.c).
unsafe extern "C-unwind" fn say_at_last(_code: c_int, _argument: pg_sys::Datum) {
    contained(|| {
        let unsaid = UNSAID.try_lock().ok().and_then(|mut unsaid| unsaid.take());
        if let Some(unsaid) = unsaid {
            let _ = guarded(|| report::denied(&unsaid.denial));
        }
    });
}
