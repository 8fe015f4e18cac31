//! Says why a session ended, to its client and to the log: the report itself is the server's.
//!
//! PostgreSQL 19 would say which process sent the signal, which for a timer is none. Runs inside a report, where nothing
//! may fail: it allocates in the report's own memory alone, and leaves the report as it is if that cannot be had.

use super::{LastWords, current};
use oauth_validator_core::UnixSeconds;
use pgrx::{PgSqlErrorCode, pg_sys};
use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;
use std::ptr;

/// Gives the report a DETAIL if it is the end of a session whose time has come.
pub(crate) fn explain(report: &mut pg_sys::ErrorData) {
    let is_end = report.elevel == pg_sys::FATAL.cast_signed()
        && report.sqlerrcode == PgSqlErrorCode::ERRCODE_ADMIN_SHUTDOWN as c_int;
    let words = current().and_then(|(session, _)| session.last_words.as_ref());
    let Some(LastWords { for_client, for_log, ends_at }) = words.filter(|_| is_end) else { return };
    if now().is_none_or(|now| now < *ends_at) {
        // Somebody ended it before its time.
        return;
    }
    for (field, words) in [(&mut report.detail, for_client), (&mut report.detail_log, for_log)] {
        let copy = copy(report.assoc_context, words);
        if !copy.is_null() {
            *field = copy;
        }
    }
}

/// The wall clock. Not time(2), which may lag behind by a tick and be too early for the timer.
fn now() -> Option<UnixSeconds> {
    let mut now = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: clock_gettime(2) fills the structure in if it returns 0.
    unsafe {
        match libc::clock_gettime(libc::CLOCK_REALTIME, now.as_mut_ptr()) {
            #[allow(clippy::useless_conversion, reason = "seconds have 32 bits on some systems")]
            0 => Some(UnixSeconds::new(i64::from(now.assume_init().tv_sec))),
            _ => None,
        }
    }
}

/// A copy in the memory of the report; null if there is no room.
fn copy(context: pg_sys::MemoryContext, words: &CStr) -> *mut c_char {
    let bytes = words.to_bytes_with_nul();
    if context.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: MemoryContextAllocExtended (mcxt.c) returns null or at least the bytes asked for; with MCXT_ALLOC_NO_OOM it
    // raises nothing.
    unsafe {
        let flags = pg_sys::MCXT_ALLOC_NO_OOM.cast_signed();
        let start: *mut u8 = pg_sys::MemoryContextAllocExtended(context, bytes.len(), flags).cast();
        if !start.is_null() {
            ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len());
        }
        start.cast()
    }
}
