//! The clocks of a login. Nothing else in this crate may compare times of two processes by another one.

use oauth_validator_core::UnixSeconds;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The wall clock; the beginning of 1970 where it shows a time before.
pub(crate) fn now() -> UnixSeconds {
    UnixSeconds::of(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// How long the machine runs, which nobody can set; with the time that it slept, where the system counts that.
pub(crate) fn since_boot() -> Duration {
    #[cfg(target_os = "linux")]
    let clock = ClockId::Boottime;
    #[cfg(not(target_os = "linux"))]
    let clock = ClockId::Monotonic;
    Duration::try_from(clock_gettime(clock)).unwrap_or(Duration::MAX)
}
