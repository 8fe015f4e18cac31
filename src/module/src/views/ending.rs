//! Ends sessions: those of one identity, and those that the configuration denies now.
//!
//! A configuration that cannot be used ends nobody. Who may end whose session is PostgreSQL's rule, that of
//! pg_terminate_backend: a superuser's is ended by a superuser alone, and one that is left is said.

use super::sessions::{self, Live};
use crate::login;
use crate::sql::{self, SqlRows, SqlValue};
use crate::wait;
use oauth_validator_core::Reason;
use oauth_validator_core::shared::{Region, denied_now};
use pgrx::{PgSqlErrorCode, pg_sys};
use std::time::{Duration, Instant};

/// How long a login that is just being finished may take to have its role.
const LOGIN: Duration = Duration::from_secs(2);

/// Ends every session of this identity.
pub(super) fn end_sessions(region: Region<'_>, authn_id: &str, rows: &SqlRows) {
    end_all(region, rows, |session| session.record.authn_id.is(authn_id).then_some(None));
}

/// Ends every session that the configuration denies now; with `gone`, those of profiles that are no more as well.
pub(super) fn enforce(region: Region<'_>, gone: bool, rows: &SqlRows) {
    let config = match login::load_whole() {
        Ok((config, _)) => config,
        Err(denial) => sql::fail(
            PgSqlErrorCode::ERRCODE_CONFIG_FILE_ERROR,
            format!("{}: no session was ended", denial.reason),
            denial.detail,
            denial.hint,
        ),
    };
    // A login that was judged by an older text is in its slot by now, or finds the epoch changed.
    region.raise_epoch();
    end_all(region, rows, |session| denied_now(&config, &session.record, gone).map(Some));
}

/// Ends every session for which `why` says something, one's own last.
fn end_all(region: Region<'_>, rows: &SqlRows, why: impl Fn(&Live) -> Option<Option<Reason>>) {
    // SAFETY: a plain number.
    let own_pid = unsafe { pg_sys::MyProcPid };
    let mut chosen: Vec<(Live, Option<Reason>)> =
        sessions::all(region).into_iter().filter_map(|session| why(&session).map(|code| (session, code))).collect();
    chosen.sort_by_key(|(session, _)| session.record.pid == own_pid);
    // All of them before the first row: a name that the database's encoding cannot hold makes its row an ERROR, which must
    // leave nobody in.
    chosen.retain(|(session, _)| {
        pgrx::check_for_interrupts!();
        end(region, session)
    });
    for (Live { record, .. }, code) in chosen {
        rows.put(&[
            SqlValue::Integer(record.pid),
            SqlValue::Text(record.authn_id.to_string()),
            SqlValue::Text(record.profile.to_string()),
            SqlValue::text(code),
        ]);
    }
}

/// Ends a session as pg_terminate_backend does; `false` if it is gone, or is not the caller's to end.
fn end(region: Region<'_>, session: &Live) -> bool {
    let pid = session.record.pid;
    match standing(pid) {
        BackendOwner::Gone => return false,
        BackendOwner::Yours => {}
        BackendOwner::Superusers => {
            sql::warn(
                format!("the session of process {pid} was left: it is a superuser's"),
                "Only a superuser can end it.",
            );
            return false;
        }
        BackendOwner::Unfinished => {
            sql::warn(format!("process {pid} was left: its login is not finished"), "Try again.");
            return false;
        }
    }
    // Process IDs are used again: once more, whether it is still this session's.
    if region.slot(session.number).and_then(|slot| slot.read()).as_ref() != Some(&session.record) {
        return false;
    }
    // SAFETY: pg_terminate_backend (signalfuncs.c) takes a process ID and a time to wait, here none; it raises an ERROR where
    // its rules say no.
    let ended = unsafe {
        let arguments = [Some(pg_sys::Datum::from(pid)), Some(pg_sys::Datum::from(0_i64))];
        pgrx::fcinfo::direct_function_call_as_datum(pg_sys::pg_terminate_backend, &arguments)
    };
    ended.is_some_and(|ended| ended.value() & 0xff != 0)
}

/// Whose session it is, as far as pg_terminate_backend asks.
enum BackendOwner {
    Gone,
    Yours,
    Superusers,
    /// It has no role yet, which pg_terminate_backend takes for a superuser's.
    Unfinished,
}

fn standing(pid: i32) -> BackendOwner {
    let until = Instant::now() + LOGIN;
    loop {
        // SAFETY: BackendPidGetProc (procarray.c) returns null or an entry of an array that stays; its role is one word.
        // superuser and superuser_arg (superuser.c) look into the catalogs, in a transaction as here.
        unsafe {
            let Some(backend) = pg_sys::BackendPidGetProc(pid).as_ref() else { return BackendOwner::Gone };
            let role = std::ptr::read_volatile(&raw const backend.roleId);
            if pg_sys::superuser() {
                return BackendOwner::Yours;
            }
            if role != pg_sys::InvalidOid {
                return if pg_sys::superuser_arg(role) { BackendOwner::Superusers } else { BackendOwner::Yours };
            }
        }
        if until <= Instant::now() || wait::pause(wait::WaitReason::Login, Duration::from_millis(10)).is_err() {
            return BackendOwner::Unfinished;
        }
    }
}
