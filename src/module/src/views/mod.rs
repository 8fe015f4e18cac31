//! What SQL may see of all sessions and decisions, and the functions that end sessions. `src/module/sql` declares them.
//!
//! The extension's script says by grants who may call what; which rows of `sessions` somebody sees is decided here. An
//! answer is whole, or it is an ERROR: where there is no shared memory, nobody is told that nobody is there.

mod ending;
mod keys;
mod sessions;

use crate::shared;
use crate::sql::{self, SqlRows, SqlValue};
use oauth_validator_core::shared::Region;
use pgrx::{PgSqlErrorCode, pg_sys};

sql::version_1!(
    pg_finfo_oauth_validator_decisions,
    pg_finfo_oauth_validator_end_sessions,
    pg_finfo_oauth_validator_enforce,
    pg_finfo_oauth_validator_helper,
    pg_finfo_oauth_validator_keys,
    pg_finfo_oauth_validator_sessions
);

/// The shared memory, or an ERROR.
fn region() -> Region<'static> {
    match shared::region() {
        Ok(region) => region,
        Err(shared::Unavailable(why)) => sql::fail(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "there is no shared memory, so nobody knows who is logged in".to_owned(),
            format!("PostgreSQL says: {why}. Logins go on without it."),
            "Add oauth_validator to shared_preload_libraries and restart the server; or make room in /dev/shm."
                .to_owned(),
        ),
    }
}

/// `oauth_validator.session_list()`: one row for each session that OAuth let in and the caller may know of.
///
/// # Safety
///
/// For fmgr.c, as the extension's script declares it: a set of rows with these ten columns.
#[pgrx::pg_guard]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn oauth_validator_sessions(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by the declaration.
    let rows = unsafe { SqlRows::of(fcinfo) };
    for session in sessions::visible(region()) {
        let record = session.record;
        rows.put(&[
            SqlValue::Integer(record.pid),
            SqlValue::Text(record.role.to_string()),
            SqlValue::Text(record.profile.to_string()),
            SqlValue::Text(record.authn_id.to_string()),
            SqlValue::text(record.client),
            SqlValue::text(record.token_id),
            SqlValue::text(record.thumbprint),
            SqlValue::Time(record.authenticated_at),
            SqlValue::time(record.expires_at),
            SqlValue::time(record.ends_at),
        ]);
    }
    // SAFETY: this call.
    unsafe { sql::null(fcinfo) }
}

/// `oauth_validator.decision_counts()`: one row for each profile and code.
///
/// # Safety
///
/// For fmgr.c, as the extension's script declares it: a set of rows with these four columns.
#[pgrx::pg_guard]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn oauth_validator_decisions(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by the declaration.
    let rows = unsafe { SqlRows::of(fcinfo) };
    for count in region().counts() {
        rows.put(&[
            SqlValue::text(count.profile),
            SqlValue::Text(count.code.to_owned()),
            SqlValue::count(count.count),
            SqlValue::Time(count.last_at),
        ]);
    }
    // SAFETY: this call.
    unsafe { sql::null(fcinfo) }
}

/// `oauth_validator.helper_counts()`: one row.
///
/// # Safety
///
/// For fmgr.c, as the extension's script declares it: a set of rows with these three columns.
#[pgrx::pg_guard]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn oauth_validator_helper(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by the declaration.
    let rows = unsafe { SqlRows::of(fcinfo) };
    let counts = region().helper_counts();
    rows.put(&[counts.requests, counts.failures, counts.milliseconds].map(SqlValue::count));
    // SAFETY: this call.
    unsafe { sql::null(fcinfo) }
}

/// `oauth_validator.key_states()`: one row for each profile of the configuration as it is now.
///
/// # Safety
///
/// For fmgr.c, as the extension's script declares it: a set of rows with these nine columns.
#[pgrx::pg_guard]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn oauth_validator_keys(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by the declaration.
    let rows = unsafe { SqlRows::of(fcinfo) };
    keys::put(&rows);
    // SAFETY: this call.
    unsafe { sql::null(fcinfo) }
}

/// `oauth_validator.end_sessions(text)`: ends every session of an identity; one row for each.
///
/// # Safety
///
/// For fmgr.c, as the extension's script declares it: STRICT, with an argument of type text, a set of rows with four columns.
#[pgrx::pg_guard]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn oauth_validator_end_sessions(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by the declaration.
    let (rows, authn_id) = unsafe { (SqlRows::of(fcinfo), sql::text_argument(fcinfo, 0)) };
    if let Some(authn_id) = authn_id {
        ending::end_sessions(region(), &authn_id, &rows);
    }
    // SAFETY: this call.
    unsafe { sql::null(fcinfo) }
}

/// `oauth_validator.enforce(boolean)`: ends every session that would be denied now; one row for each.
///
/// # Safety
///
/// For fmgr.c, as the extension's script declares it: STRICT, with an argument of type boolean, a set of rows with four
/// columns.
#[pgrx::pg_guard]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn oauth_validator_enforce(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: by the declaration; there is one argument, a boolean, and it is not NULL.
    let (rows, gone) = unsafe {
        let argument = (*fcinfo).args.as_slice(1).first();
        (SqlRows::of(fcinfo), argument.is_some_and(|argument| argument.value.value() & 0xff != 0))
    };
    ending::enforce(region(), gone, &rows);
    // SAFETY: this call.
    unsafe { sql::null(fcinfo) }
}
