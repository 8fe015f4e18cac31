//! The one place where this library looks at the server's reports before they are written (`emit_log_hook`, elog.c).
//!
//! Two have something to do there: the end of a session gets its reason, and PostgreSQL 19 is watched for the reason of a
//! denial. Set only in a backend that needs it, and chained. It raises nothing, and allocates nothing by itself.

use crate::session;
#[cfg(feature = "pg19")]
use crate::unsaid;
use pgrx::pg_sys;
use std::sync::OnceLock;

/// The hook of another library, which was there before and is called first.
static FORMER_HOOK: OnceLock<pg_sys::emit_log_hook_type> = OnceLock::new();

/// From now on reports are looked at. A second call changes nothing.
pub(crate) fn install() {
    FORMER_HOOK.get_or_init(|| {
        // SAFETY: the hook is a plain variable of the main thread, which this is; the function stays, since the server
        // never unloads a library.
        unsafe {
            let former = pg_sys::emit_log_hook;
            pg_sys::emit_log_hook = Some(before_report);
            former
        }
    });
}

unsafe extern "C-unwind" fn before_report(report: *mut pg_sys::ErrorData) {
    // SAFETY: EmitErrorReport (elog.c) passes the report, which nobody else uses meanwhile; its strings are null or end in
    // NUL.
    unsafe {
        if let Some(report) = report.as_mut() {
            session::explain(report);
            #[cfg(feature = "pg19")]
            unsaid::notice_report(report);
        }
    }
    if let Some(former) = FORMER_HOOK.get().copied().flatten() {
        // SAFETY: whoever set it wants to be called so.
        unsafe { former(report) };
    }
}
