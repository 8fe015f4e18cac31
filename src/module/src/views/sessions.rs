//! Which sessions are there now: slots of the shared memory whose backend lives.
//!
//! A slot is believed only if process ID and start are those of the backend that has its number now, as the server itself
//! says. So nothing that a backend left behind can be taken for a session.

use oauth_validator_core::shared::{Region, SlotRecord};
use pgrx::pg_sys;

/// A session, and the number of its backend.
pub(super) struct Live {
    pub(super) number: usize,
    pub(super) record: SlotRecord,
}

/// A backend, as the server knows it.
struct BackendStatus {
    number: usize,
    pid: i32,
    started_at: pg_sys::TimestampTz,
}

/// All sessions.
pub(super) fn all(region: Region<'_>) -> Vec<Live> {
    backends().iter().filter_map(|backend| live(region, backend)).collect()
}

/// Those that the current user may know of: all for those who may see all activity, else the one that asks. Not those of
/// the same role, which a map can give to a hundred people.
pub(super) fn visible(region: Region<'_>) -> Vec<Live> {
    // SAFETY: on the main thread, in a transaction, as all functions of SQL.
    let (may_see_all, own_pid) = unsafe {
        let role = pg_sys::Oid::from(pg_sys::ROLE_PG_READ_ALL_STATS);
        (pg_sys::has_privs_of_role(pg_sys::GetUserId(), role), pg_sys::MyProcPid)
    };
    let backends = backends().into_iter().filter(|backend| may_see_all || backend.pid == own_pid);
    backends.filter_map(|backend| live(region, &backend)).collect()
}

fn live(region: Region<'_>, backend: &BackendStatus) -> Option<Live> {
    let record = region.slot(backend.number)?.read()?;
    let is_its = record.pid == backend.pid && record.started_at == backend.started_at;
    is_its.then_some(Live { number: backend.number, record })
}

/// The backends of this moment, not of the transaction's first look: a session that is there must not be missed.
fn backends() -> Vec<BackendStatus> {
    // SAFETY: these functions (pgstat: backend_status.c) copy the state of all backends into this one's memory, and return
    // pointers into that copy, which nobody replaces meanwhile. Entries are numbered from 1.
    unsafe {
        pg_sys::pgstat_clear_backend_activity_snapshot();
        let count = pg_sys::pgstat_fetch_stat_numbackends();
        (1..=count)
            .filter_map(|at| {
                let entry = pg_sys::pgstat_get_local_beentry_by_index(at).as_ref()?;
                Some(BackendStatus {
                    number: usize::try_from(entry.proc_number).ok()?,
                    pid: entry.backendStatus.st_procpid,
                    started_at: entry.backendStatus.st_proc_start_timestamp,
                })
            })
            .collect()
    }
}
