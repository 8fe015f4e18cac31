//! What the server's log says about a login: one line for a denial, and one for a grant if somebody asked for it.
//!
//! COMMERROR never goes to the client (elog.c), and while a client authenticates neither does anything below ERROR.
//! The texts are those of the decision; no token or part of one is within reach here.

use crate::abi::{errcode, errdetail_internal, errdetail_log, errfinish, errhint_internal, errmsg_internal, errstart};
use oauth_validator_core::{Blame, Denial, Trace, Tracing};
use oauth_validator_store::CacheTrouble;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::{PgLogLevel, PgSqlErrorCode, pg_sys};
use std::ffi::{CStr, CString};
use std::ptr;

const PERCENT_S: &CStr = c"%s";

/// In front of everything that is ours in the log.
const PREFIX: &str = "oauth_validator: ";

/// Logs a denial at COMMERROR: code and profile in the primary message, so that `log_error_verbosity = terse` keeps
/// them.
pub(crate) fn denied(denial: &Denial) {
    let sqlstate = match denial.reason.blame() {
        Blame::Bug => PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
        _ => PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
    };
    emit(pg_sys::COMMERROR, sqlstate, &denial.message(), &denial.detail, &denial.hint);
}

/// Logs at COMMERROR what a rule with `report_only` would have denied.
pub(crate) fn reported(denial: &Denial) {
    let sqlstate = PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION;
    emit(pg_sys::COMMERROR, sqlstate, &denial.report(), &denial.detail, &denial.hint);
}

/// A denial as the DETAIL of the server's report: message, detail and hint in a line each.
#[cfg(feature = "pg19")]
pub(crate) fn as_detail(denial: &Denial) -> CString {
    let lines = [format!("{PREFIX}{}", denial.message()), denial.detail.clone(), format!("Hint: {}", denial.hint)];
    let lines = lines.map(|line| one_line(&line).into_bytes());
    CString::new(lines.join(&b'\n')).unwrap_or_default()
}

/// Logs at COMMERROR what is wrong but denies nobody: a sentence without its full stop, and what to do.
pub(crate) fn trouble(what: &str, hint: &str) {
    emit(pg_sys::COMMERROR, PgSqlErrorCode::ERRCODE_SYSTEM_ERROR, what, "", hint);
}

/// Logs a login that was let in, at COMMERROR; `line` is of the core, which has quoted what others wrote.
pub(crate) fn granted(line: &str) {
    emit(pg_sys::COMMERROR, PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, line, "", "");
}

/// Ends this backend, whose session was to end by itself and cannot be made to.
pub(crate) fn end_without_timer() -> ! {
    end_login(c"oauth_validator: denied: session_end_impossible: the timer could not be set.")
}

/// Ends this backend, whose login was denied after all; the log has the reason already.
pub(crate) fn end_denied() -> ! {
    end_login(c"oauth_validator denied the login after PostgreSQL had accepted its identity; the line before this one says why.")
}

#[cold]
fn end_login(detail: &'static CStr) -> ! {
    // SAFETY: all texts are static. FATAL does not jump to anyone's handler, errfinish (elog.c) calls proc_exit, and no
    // frame below is ever returned to.
    unsafe {
        if errstart(pg_sys::FATAL as _, ptr::null()) {
            errcode(PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION as _);
            errmsg_internal(c"OAuth bearer authentication failed".as_ptr());
            errdetail_log(PERCENT_S.as_ptr(), detail.as_ptr());
            errfinish(c"report.rs".as_ptr(), line!() as _, ptr::null());
        }
    }
    // Not reached: errstart agrees to every FATAL.
    std::process::exit(1)
}

/// How much of a decision the log will have: the steps at DEBUG1, and never a value of the token.
pub(crate) fn tracing() -> Tracing {
    if PgLogLevel::DEBUG1.is_interesting() { Tracing::Steps } else { Tracing::Off }
}

/// Logs the steps of a decision at DEBUG1.
pub(crate) fn trace(trace: &Trace) {
    for line in trace.log_lines() {
        emit(pg_sys::DEBUG1, PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, &line, "", "");
    }
}

/// Logs at DEBUG1 what became of an attempt to keep what was made of the configuration: nothing depends on it.
pub(crate) fn kept(outcome: Result<bool, CacheTrouble>) {
    let (what, hint) = match outcome {
        Ok(true) => ("what the configuration says is kept for later logins".to_owned(), String::new()),
        Ok(false) => return,
        Err(trouble) => (format!("what the configuration says cannot be kept: {trouble}"), trouble.hint()),
    };
    emit(pg_sys::DEBUG1, PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, &what, "", &hint);
}

/// Logs at DEBUG1 that the texts of the configuration were not read for this login.
pub(crate) fn decided_by_kept() {
    let what = "nothing of the configuration has changed: what was kept of it decides";
    emit(pg_sys::DEBUG1, PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, what, "", "");
}

/// One report below ERROR; an empty `detail` or `hint` is left out. Raises an ERROR if memory runs out.
fn emit(level: u32, sqlstate: PgSqlErrorCode, message: &str, detail: &str, hint: &str) {
    let message = one_line(&format!("{PREFIX}{message}"));
    let (detail, hint) = (one_line(detail), one_line(hint));
    let (message, detail, hint) = (message.as_ptr(), detail_ptr(&detail), detail_ptr(&hint));
    // SAFETY: the closure holds plain pointers and no destructor, as pg_guard_ffi_boundary wants; the strings they
    // point to live until after it. elog.c copies message, detail and hint, and keeps the pointer to the file's name.
    unsafe {
        pg_guard_ffi_boundary(|| {
            if errstart(level as _, ptr::null()) {
                errcode(sqlstate as _);
                errmsg_internal(PERCENT_S.as_ptr(), message);
                if !detail.is_null() {
                    errdetail_internal(PERCENT_S.as_ptr(), detail);
                }
                if !hint.is_null() {
                    errhint_internal(PERCENT_S.as_ptr(), hint);
                }
                errfinish(c"report.rs".as_ptr(), line!() as _, ptr::null());
            }
        });
    }
}

fn detail_ptr(text: &CStr) -> *const std::ffi::c_char {
    if text.is_empty() { ptr::null() } else { text.as_ptr() }
}

/// The text without anything that would end a line or write to a terminal: a file name in the configuration could
/// otherwise forge a line of the log.
fn one_line(text: &str) -> CString {
    let harmless: String = text
        .chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { '\u{fffd}' } else { c })
        .collect();
    // NUL is a control character, so this cannot fail; if it did, an empty line would lose less than a panic.
    CString::new(harmless).unwrap_or_default()
}
