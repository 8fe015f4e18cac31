//! Keeps failures inside a callback, and what they say out of the log.
//!
//! A panic may quote the token it choked on, and the server's standard error *is* its log. So the payload of a panic
//! is neither printed nor kept; only where it happened is.

use oauth_validator_core::{Denial, Reason};
use pgrx::PgTryBuilder;
use pgrx::pg_sys::panic::CaughtError;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Mutex;

/// Where the last panic began: `file:line:column`.
static PANIC_ORIGIN: Mutex<Option<String>> = Mutex::new(None);

/// Replaces the panic hook, which belongs to this library's copy of Rust's runtime alone. pgrx's own hook captures a
/// backtrace where RUST_BACKTRACE is set, and Rust's prints the payload.
pub(crate) fn install_panic_hook() {
    std::panic::set_hook(Box::new(remember_origin));
}

/// A panic in here would print the payload of the one it is called for, so everything may fail silently.
fn remember_origin(panic: &PanicHookInfo<'_>) {
    if let (Some(location), Ok(mut origin)) = (panic.location(), PANIC_ORIGIN.try_lock()) {
        *origin = Some(location.to_string());
    }
}

/// What an ERROR said; of a panic, where it happened alone.
pub(crate) fn words_of(error: &CaughtError) -> String {
    match error {
        CaughtError::RustPanic { .. } => CaughtFailure::of(error).what,
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => report.message().to_owned(),
    }
}

/// A panic or an ERROR that ended a piece of work.
pub(crate) struct CaughtFailure {
    what: String,
}

impl CaughtFailure {
    fn of(error: &CaughtError) -> Self {
        let what = match error {
            CaughtError::RustPanic { .. } => {
                let origin = PANIC_ORIGIN.try_lock().ok().and_then(|mut origin| origin.take());
                format!("A panic at {}", origin.as_deref().unwrap_or("an unknown place"))
            }
            CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => {
                format!("An error ({:?}) at {}:{}", report.sql_error_code(), report.file(), report.line_number())
            }
        };
        Self { what }
    }

    /// The denial that it becomes.
    pub(crate) fn denial(&self) -> Denial {
        Denial::new(Reason::Internal, format!("{} ended the check of this login.", self.what))
    }
}

/// Runs `work`; an ERROR of PostgreSQL or a panic in it becomes a [`CaughtFailure`]. FATAL is not held up: PostgreSQL leaves
/// through proc_exit without coming back here.
///
/// After an ERROR PostgreSQL's error state is flushed, but its transaction is not rolled back: the only thing left to
/// do is to deny, after which the server ends the connection.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, CaughtFailure> {
    PgTryBuilder::new(AssertUnwindSafe(|| Ok(work()))).catch_others(|error| Err(CaughtFailure::of(&error))).execute()
}

/// The last net at the edge of a callback, for a failure while a failure is dealt with. What is caught is forgotten,
/// since dropping it could fail once more.
pub(crate) fn contained(work: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(work)) {
        std::mem::forget(payload);
    }
}
