//! Watches a login that waits for its helper, ends it before its time, and sees that nothing is left.
//!
//! Asks the server and procfs, never the module's log: what becomes of processes must not rest on what the module says.

use crate::paths::server;
use crate::{Cluster, LoginOutcome, PendingLogin, ProcessId};
use std::fs;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Far above what it takes to end a wait, and far below any time that a login is given to wait.
pub const AT_ONCE: Duration = Duration::from_secs(2);

/// Long enough for whatever happens by itself, on whichever machine.
pub const SOON: Duration = Duration::from_secs(10);

/// What there is to see within `limit`, as soon as it is to be seen.
///
/// # Panics
/// If it is not, saying `what`.
#[track_caller]
pub fn eventually<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < give_up, "not within {limit:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock past 1970");
    i64::try_from(since.as_secs()).expect("a small number")
}

/// Whether the test may go on; says which one does not.
pub fn needs_root(test: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        println!("skipped: {test} needs root");
    }
    is_root
}

/// Whether the test, which is for this major release of PostgreSQL and later ones, may go on; says which one does not.
///
/// # Panics
/// Where there is no server for the tests.
#[track_caller]
pub fn needs_release(major: u32, test: &str) -> bool {
    let found = server().major();
    if found < major {
        println!("skipped: {test} needs PostgreSQL {major}, and this is {found}");
    }
    found >= major
}

/// The backend that waits for its helper, as pg_stat_activity tells, and the helper.
#[track_caller]
pub fn waiting(cluster: &Cluster) -> (ProcessId, ProcessId) {
    const SQL: &str = "SELECT pid FROM pg_stat_activity WHERE state = 'starting' AND wait_event_type = 'Extension' AND wait_event = 'OAuthValidatorHelper'";
    eventually("a login that waits for its helper", SOON, || {
        let rows = cluster.sql(SQL).expect("pg_stat_activity");
        let called: i32 = rows.first()?.first()?.as_ref()?.parse().ok()?;
        // In a PID namespace of its own the server calls it otherwise.
        let mut own = cluster.processes().into_iter().filter_map(|pid| ProcessId::of(pid.cast_signed()));
        let backend = own.find(|process| process.inner_pid() == Some(called))?;
        let helper = helpers_of(&backend).into_iter().next()?;
        Some((backend, helper))
    })
}

/// The helpers of a backend. Between fork and exec a child is still called after the server.
pub fn helpers_of(backend: &ProcessId) -> Vec<ProcessId> {
    let is_helper = |process: &ProcessId| process.parent == backend.pid && process.name.starts_with("oauth-validator");
    ProcessId::all().into_iter().filter(is_helper).collect()
}

/// No process of this cluster but PostgreSQL's own.
#[track_caller]
pub fn nothing_is_left(cluster: &Cluster) {
    let program = cluster.helper_path();
    eventually("the end of every helper", SOON, || {
        let own: Vec<i32> = cluster.processes().into_iter().map(u32::cast_signed).collect();
        let is_left = |process: &ProcessId| {
            fs::read_link(format!("/proc/{}/exe", process.pid)).is_ok_and(|path| path == program)
                || own.contains(&process.parent) && process.name != "postgres"
        };
        (!ProcessId::all().iter().any(is_left)).then_some(())
    });
}

/// How a login that waits is ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By `pg_terminate_backend`.
    Administrator,
    /// By the client, who hangs up.
    Client,
    /// By `authentication_timeout = 1s`, which the cluster has to have.
    Timeout,
    /// By a fast shutdown; the server is started again.
    Shutdown,
}

impl Ending {
    /// Ends the login of `backend`, whose helper is `helper`, and sees that both are gone at once.
    ///
    /// # Panics
    /// If they are not, or if the client is told anything. `what` says which wait it was.
    #[track_caller]
    pub fn ends(
        self,
        cluster: &mut Cluster,
        login: PendingLogin,
        (backend, helper): (&ProcessId, &ProcessId),
        what: &str,
    ) {
        let asked_to = self.bring_about(cluster, login, backend);
        eventually(&format!("the end of both, {what}"), AT_ONCE, || {
            (!backend.is_there() && !helper.is_there()).then_some(())
        });
        assert!(asked_to.elapsed() < AT_ONCE, "{what}: {:?}", asked_to.elapsed());
    }

    /// The moment from which on both should be gone.
    fn bring_about(self, cluster: &mut Cluster, login: PendingLogin, backend: &ProcessId) -> Instant {
        let asked_to = Instant::now();
        match self {
            Self::Administrator => {
                cluster.sql(&format!("SELECT pg_terminate_backend({})", backend.pid)).expect("a signal");
                assert!(matches!(login.finish().outcome, LoginOutcome::Disconnected));
                asked_to
            }
            Self::Client => {
                drop(login);
                Instant::now()
            }
            Self::Timeout => {
                let attempt = login.finish();
                assert!(matches!(attempt.outcome, LoginOutcome::Disconnected), "{attempt:?}");
                assert!(attempt.elapsed > Duration::from_millis(900) && attempt.elapsed < AT_ONCE, "{attempt:?}");
                Instant::now()
            }
            Self::Shutdown => {
                cluster.stop();
                assert!(asked_to.elapsed() < AT_ONCE, "{:?}", asked_to.elapsed());
                assert!(matches!(login.finish().outcome, LoginOutcome::Disconnected));
                cluster.restart();
                Instant::now()
            }
        }
    }
}
