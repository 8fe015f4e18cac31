//! Waits as a backend must: for what was asked, and all the while for the client, the postmaster and interrupts.
//!
//! A wait that looks at its own pipe alone outlasts `authentication_timeout`, a shutdown, and a client that has left. Only
//! the last may be wanted, where the outcome is for other logins as well; the others always end a wait. So all waiting goes through here, and nothing else in this crate may sleep or block. The rules are those of
//! waiteventset.c and latch.c: reset the latch, check for interrupts, and go on if that returns, since barriers and
//! reloads raise the same flags as an end.

use crate::abi::Port;
use pgrx::pg_sys;
use std::ffi::{CStr, c_int, c_long};
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The client closed its connection: nobody is left to answer.
#[derive(Debug)]
pub(crate) struct ClientGone;

/// Whether a wait is for the client alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientWatch {
    /// The wait ends when the client has closed its connection.
    Watched,
    /// The wait goes on without the client: what comes of it is of use to other logins.
    Ignored,
}

/// What `pg_stat_activity.wait_event` says of a backend that waits here; the type is `Extension`.
#[derive(Clone, Copy)]
pub(crate) enum WaitReason {
    /// The helper works: `OAuthValidatorHelper`.
    Helper,
    /// Another login's helper works: `OAuthValidatorKeys`.
    Keys,
    /// `enforce()` or `end_sessions()` waits for a login that is nearly finished: `OAuthValidatorLogin`.
    Login,
}

impl WaitReason {
    /// The event's number, the same in all backends. Registered on first use: that takes a lock in shared memory, which
    /// a login without a wait should not. Raises an ERROR if the server has no room for another name.
    fn event(self) -> u32 {
        static HELPER: AtomicU32 = AtomicU32::new(0);
        static KEYS: AtomicU32 = AtomicU32::new(0);
        static LOGIN: AtomicU32 = AtomicU32::new(0);
        let (known, name): (&AtomicU32, &CStr) = match self {
            Self::Helper => (&HELPER, c"OAuthValidatorHelper"),
            Self::Keys => (&KEYS, c"OAuthValidatorKeys"),
            Self::Login => (&LOGIN, c"OAuthValidatorLogin"),
        };
        match known.load(Ordering::Relaxed) {
            0 => {
                // SAFETY: WaitEventExtensionNew (wait_event.c) copies the name; a name that is known gets its number.
                let event = unsafe { pg_sys::WaitEventExtensionNew(name.as_ptr()) };
                known.store(event, Ordering::Relaxed);
                event
            }
            event => event,
        }
    }
}

/// What may go on without blocking. Neither: the time is over.
#[derive(Clone, Copy, Default)]
pub(crate) struct WaitResult {
    /// There is something to read, or the end of it.
    pub(crate) read: bool,
    /// There is room to write, or nobody reads any more.
    pub(crate) write: bool,
}

/// The most that is waited for: latch, postmaster, client, and a pipe in each direction.
const MAX_EVENTS: usize = 5;

/// A set of things to wait for, freed with the value, also on unwinding.
pub(crate) struct Waiting<'fd> {
    set: NonNull<pg_sys::WaitEventSet>,
    event: u32,
    /// The kernel's set forgets a descriptor that is closed, and would take up another that gets its number.
    descriptors: PhantomData<BorrowedFd<'fd>>,
}

impl<'fd> Waiting<'fd> {
    /// Prepares to wait for latch, postmaster and a `client` that is watched, and until `readable` can be read or
    /// `writable` written.
    ///
    /// Raises an ERROR if the kernel has no room for the set, so it must be called under the guard, as all here; and in
    /// a backend that authenticates a client, on the main thread.
    pub(crate) fn new(
        reason: WaitReason,
        client: ClientWatch,
        readable: Option<BorrowedFd<'fd>>,
        writable: Option<BorrowedFd<'fd>>,
    ) -> Self {
        let event = reason.event();
        let most = c_int::try_from(MAX_EVENTS).unwrap_or(c_int::MAX);
        // SAFETY: CreateWaitEventSet (waiteventset.c) returns a set with room for that many events or raises an ERROR.
        // A set without a resource owner is ours to free, which `drop` does; after FATAL the process ends.
        let set = unsafe { pg_sys::CreateWaitEventSet(ptr::null_mut(), most) };
        #[expect(clippy::panic, reason = "the guard makes a denial of it, and nothing can be waited for")]
        let Some(set) = NonNull::new(set) else { panic!("CreateWaitEventSet returned nothing") };
        let waiting = Self { set, event, descriptors: PhantomData };
        // SAFETY: MyLatch is this process's own latch for all its life (miscinit.c).
        waiting.add(pg_sys::WL_LATCH_SET, pg_sys::PGINVALID_SOCKET, unsafe { pg_sys::MyLatch });
        waiting.add(pg_sys::WL_EXIT_ON_PM_DEATH, pg_sys::PGINVALID_SOCKET, ptr::null_mut());
        if let Some(socket) = client_socket().filter(|_| client == ClientWatch::Watched) {
            waiting.add(pg_sys::WL_SOCKET_CLOSED, socket, ptr::null_mut());
        }
        for (events, descriptor) in [(pg_sys::WL_SOCKET_READABLE, readable), (pg_sys::WL_SOCKET_WRITEABLE, writable)] {
            if let Some(descriptor) = descriptor {
                waiting.add(events, descriptor.as_raw_fd(), ptr::null_mut());
            }
        }
        waiting
    }

    fn add(&self, events: u32, descriptor: c_int, latch: *mut pg_sys::Latch) {
        // SAFETY: the set is ours and has room (MAX_EVENTS); descriptor and latch outlive it. An ERROR of
        // AddWaitEventToSet becomes a panic, which frees the set.
        unsafe { pg_sys::AddWaitEventToSet(self.set.as_ptr(), events, descriptor, latch, ptr::null_mut()) };
    }

    /// Waits until something is ready, or `until`. A moment that has passed gives one look without waiting.
    ///
    /// Interrupts end the login from in here: FATAL does not come back, an ERROR (a cancelled query) unwinds. A
    /// wake-up for any other reason goes unnoticed.
    pub(crate) fn wait(&self, until: Instant) -> Result<WaitResult, ClientGone> {
        loop {
            // Before the first wait, too: what was raised earlier may have had its wake-up already.
            pgrx::check_for_interrupts!();
            let left = until.saturating_duration_since(Instant::now());
            let happened = self.wait_once(milliseconds(left));
            if happened & pg_sys::WL_LATCH_SET != 0 {
                // SAFETY: ResetLatch (latch.c) wants the latch's owner, which is this process.
                unsafe { pg_sys::ResetLatch(pg_sys::MyLatch) };
            }
            pgrx::check_for_interrupts!();
            if happened & pg_sys::WL_SOCKET_CLOSED != 0 {
                return Err(ClientGone);
            }
            let ready = WaitResult {
                read: happened & pg_sys::WL_SOCKET_READABLE != 0,
                write: happened & pg_sys::WL_SOCKET_WRITEABLE != 0,
            };
            if ready.read || ready.write || until <= Instant::now() {
                return Ok(ready);
            }
        }
    }

    /// All that happened, as one set of bits: each kind of event is waited for on one descriptor only.
    fn wait_once(&self, milliseconds: c_long) -> u32 {
        let mut occurred = [pg_sys::WaitEvent::default(); MAX_EVENTS];
        let most = c_int::try_from(MAX_EVENTS).unwrap_or(c_int::MAX);
        // SAFETY: WaitEventSetWait (waiteventset.c) writes at most that many events and returns how many. It wants 0 or
        // more milliseconds, and does not return after the postmaster's death: proc_exit(1).
        let count = unsafe {
            pg_sys::WaitEventSetWait(self.set.as_ptr(), milliseconds, occurred.as_mut_ptr(), most, self.event)
        };
        let count = usize::try_from(count).unwrap_or_default();
        occurred.iter().take(count).fold(0, |bits, event| bits | event.events)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // SAFETY: the set came from CreateWaitEventSet, without a resource owner that could have freed it, and is not
        // used again. FreeWaitEventSet closes and frees; it raises nothing.
        unsafe { pg_sys::FreeWaitEventSet(self.set.as_ptr()) };
    }
}

/// Waits for `duration`, with nothing to wait for but what ends a login. A duration of zero is one look at that.
pub(crate) fn pause(reason: WaitReason, duration: Duration) -> Result<(), ClientGone> {
    Waiting::new(reason, ClientWatch::Watched, None, None).wait(Instant::now() + duration).map(|_| ())
}

/// The client's socket, where the server can tell that the other side has closed it (not everywhere: Windows, Solaris).
fn client_socket() -> Option<c_int> {
    // SAFETY: WaitEventSetCanReportClosed (waiteventset.c) returns a constant. MyProcPort is null or, for the life of a
    // backend, a `Port` of the headers that abi.rs was generated from; its socket stays open until proc_exit.
    unsafe {
        let port = pg_sys::MyProcPort.cast::<Port>().as_ref()?;
        (port.sock != pg_sys::PGINVALID_SOCKET && pg_sys::WaitEventSetCanReportClosed()).then_some(port.sock)
    }
}

/// Rounded up, so that the last millisecond is no busy loop; at most what waiteventset.c takes.
fn milliseconds(duration: Duration) -> c_long {
    let rounded = duration.as_nanos().div_ceil(1_000_000);
    c_long::from(i32::try_from(rounded).unwrap_or(i32::MAX))
}
