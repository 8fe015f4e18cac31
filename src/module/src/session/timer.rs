//! The timer that ends a session: SIGTERM to this very process at a time of the wall clock.
//!
//! Not one of PostgreSQL's own timeouts, which any ERROR disables. The kernel's survives that, DISCARD ALL and aborted
//! transactions, interrupts whatever pg_terminate_backend interrupts, and is inherited by neither fork nor exec.

use oauth_validator_core::UnixSeconds;
use std::io;

/// A timer of this process; dropped before it was armed, it is deleted.
pub(super) struct Timer(platform::Id);

impl Timer {
    /// A timer that does nothing yet. It takes one of the pending signals that RLIMIT_SIGPENDING allows the user.
    pub(super) fn disarmed() -> io::Result<Self> {
        platform::create().map(Self)
    }

    /// Has SIGTERM sent to this process at `at`, or at once if that is past.
    pub(super) fn arm(self, at: UnixSeconds) -> io::Result<()> {
        platform::arm(self.0, at)?;
        // It lives as long as the process.
        std::mem::forget(self);
        Ok(())
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        platform::delete(self.0);
    }
}

#[cfg(not(target_vendor = "apple"))]
mod platform {
    use super::UnixSeconds;
    use std::{io, mem, ptr};

    #[derive(Clone, Copy)]
    pub(super) struct Id(libc::timer_t);

    // SAFETY: it names a timer of the process, whichever thread asks; and a backend has one thread.
    unsafe impl Send for Id {}

    pub(super) fn create() -> io::Result<Id> {
        // SAFETY: sigevent is plain data, for which zeros are valid; timer_create(2) reads it and writes the name.
        unsafe {
            let mut event: libc::sigevent = mem::zeroed();
            event.sigev_notify = libc::SIGEV_SIGNAL;
            event.sigev_signo = libc::SIGTERM;
            let mut id: libc::timer_t = mem::zeroed();
            match libc::timer_create(libc::CLOCK_REALTIME, &raw mut event, &raw mut id) {
                0 => Ok(Id(id)),
                _ => Err(io::Error::last_os_error()),
            }
        }
    }

    pub(super) fn arm(id: Id, at: UnixSeconds) -> io::Result<()> {
        let seconds = libc::time_t::try_from(at.get()).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: itimerspec is plain data, for which zeros are valid, and the timer is one of this process.
        unsafe {
            let mut when: libc::itimerspec = mem::zeroed();
            // A time of zero would disarm it; there is none in 1970.
            when.it_value.tv_sec = seconds.max(1);
            match libc::timer_settime(id.0, libc::TIMER_ABSTIME, &raw const when, ptr::null_mut()) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        }
    }

    pub(super) fn delete(id: Id) {
        // SAFETY: the timer is one of this process, and nobody names it after this.
        unsafe { libc::timer_delete(id.0) };
    }
}

/// macOS has no such timers: a session that is to end by itself cannot begin there.
#[cfg(target_vendor = "apple")]
mod platform {
    use super::UnixSeconds;
    use std::io;

    #[derive(Clone, Copy)]
    pub(super) struct Id;

    pub(super) fn create() -> io::Result<Id> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn arm(_id: Id, _at: UnixSeconds) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn delete(_id: Id) {}
}
