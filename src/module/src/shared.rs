//! The memory that all backends of a server share: who is in, and how logins were decided. The core says what is in it.
//!
//! Asked for when the server starts, if the library is preloaded; otherwise a named segment, which the first login makes.
//! Logins go on without it: a segment that cannot be had is no reason to deny anybody. What a backend wrote about its
//! session is cleared in before_shmem_exit: in on_shmem_exit the segment is unmapped already, and touching it would restart
//! the cluster.

use crate::{guard, major};
use oauth_validator_core::shared::{DecisionCode, LAYOUT, Region, SlotEntry};
use pgrx::{PgTryBuilder, pg_sys};
use std::ffi::{CString, c_int};
use std::panic::AssertUnwindSafe;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

/// The memory, once this process or the postmaster has it.
static MEMORY: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());

/// Why this process could not have it when it tried last.
pub(crate) struct Unavailable(pub(crate) String);

/// To be called in the postmaster while it loads the libraries of `shared_preload_libraries`.
pub(crate) fn ask_for_memory() {
    FORMER_HOOKS.get_or_init(|| {
        // SAFETY: the hooks are plain variables of the main thread, which this is; the functions stay, since the server
        // never unloads a library.
        unsafe {
            let former = (pg_sys::shmem_request_hook, pg_sys::shmem_startup_hook);
            pg_sys::shmem_request_hook = Some(request);
            pg_sys::shmem_startup_hook = Some(start);
            former
        }
    });
}

/// The hook of another library that asks for memory, which was there before.
static FORMER_HOOKS: OnceLock<(pg_sys::shmem_request_hook_type, pg_sys::shmem_startup_hook_type)> = OnceLock::new();

/// `shmem_request_hook` (miscinit.c): MaxBackends is known by now.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn request() {
    // SAFETY: whoever set the hook wants to be called so; RequestAddinShmemSpace (ipci.c) is for this moment.
    unsafe {
        if let Some((Some(former), _)) = FORMER_HOOKS.get() {
            former();
        }
        pg_sys::RequestAddinShmemSpace(bytes());
    }
}

/// `shmem_startup_hook` (ipci.c): at the start, and once more after each crash, with new memory.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn start() {
    // SAFETY: as above. ShmemInitStruct (shmem.c) returns that many bytes, aligned to a cache line, or raises an ERROR. No
    // lock is needed: the postmaster is the only process.
    unsafe {
        if let Some((_, Some(former))) = FORMER_HOOKS.get() {
            former();
        }
        let mut found = false;
        let memory = pg_sys::ShmemInitStruct(c"oauth_validator".as_ptr(), bytes(), &raw mut found);
        if !found {
            ptr::write_bytes(memory.cast::<u8>(), 0, bytes());
        }
        MEMORY.store(memory.cast(), Ordering::Relaxed);
    }
}

fn backends() -> usize {
    // SAFETY: a plain number, which is set before shared memory is and never changes then (InitializeMaxBackends).
    usize::try_from(unsafe { pg_sys::MaxBackends }).unwrap_or_default()
}

fn words() -> usize {
    Region::words(backends())
}

fn bytes() -> usize {
    words().saturating_mul(size_of::<AtomicU64>())
}

/// The memory. Where nobody asked for it at the start, this process attaches the segment, or makes it, on its first call;
/// one that failed tries again on the next.
///
/// For the main thread of a backend.
pub(crate) fn region() -> Result<Region<'static>, Unavailable> {
    let mut memory = MEMORY.load(Ordering::Relaxed);
    if memory.is_null() {
        memory = attach()?.cast();
        MEMORY.store(memory, Ordering::Relaxed);
    }
    // SAFETY: the memory has that many words (`start`, `attach`), is aligned for them, was zeros before anybody could see
    // it, and stays until on_shmem_exit, after which nothing of this library runs. All write to it as atomics.
    let words = unsafe { std::slice::from_raw_parts(memory, words()) };
    Region::new(words).ok_or_else(|| Unavailable("it is too small".to_owned()))
}

/// The named segment of this layout.
fn attach() -> Result<*mut u8, Unavailable> {
    let (layout, bytes) = (LAYOUT, bytes());
    #[cfg(feature = "test-faults")]
    let (layout, bytes) = crate::faults::older(layout, bytes);
    segment(&format!("oauth_validator {layout:016x}"), bytes)
}

/// The segment of this name, which whoever asks for it first makes: as many bytes, all zeros then.
pub(crate) fn segment(name: &str, bytes: usize) -> Result<*mut u8, Unavailable> {
    let name = CString::new(name).unwrap_or_default();
    // SAFETY: a plain variable of the main thread.
    let context = unsafe { pg_sys::CurrentMemoryContext };
    let attached = PgTryBuilder::new(AssertUnwindSafe(|| {
        #[cfg(feature = "test-faults")]
        crate::faults::use_up_segments();
        // SAFETY: GetNamedDSMSegment (dsm_registry.c) returns as many bytes as it was asked for, aligned to a page at least
        // (dsm.c), that stay mapped as long as the process lives, or raises an ERROR.
        Ok(unsafe { major::named_segment(&name, bytes) })
    }))
    .catch_others(|error| Err(Unavailable(guard::words_of(&error))))
    .execute();
    if attached.is_err() {
        // SAFETY: it was raised with locks of the registry held, which every later login would wait for: for ever, since
        // such a wait cannot be interrupted. This process holds no others: it is between two steps of its own code.
        unsafe {
            pg_sys::LWLockReleaseAll();
            pg_sys::CurrentMemoryContext = context;
        }
    }
    attached
}

/// The memory for a login, which tries once to have it and goes on without.
fn region_of_login() -> Option<Region<'static>> {
    static TRIED_IN_VAIN: AtomicBool = AtomicBool::new(false);
    if TRIED_IN_VAIN.load(Ordering::Relaxed) {
        return None;
    }
    let region = region().ok();
    TRIED_IN_VAIN.store(region.is_none(), Ordering::Relaxed);
    region
}

/// Which epoch of `enforce()` this is; always the same one without the memory.
pub(crate) fn epoch() -> u64 {
    known_epoch().unwrap_or_default()
}

/// Which epoch of `enforce()` this is, if that can be known here.
pub(crate) fn known_epoch() -> Option<u64> {
    region_of_login().map(|region| region.epoch())
}

/// Counts a decision, if there is a place to.
pub(crate) fn count(profile: Option<&str>, code: DecisionCode) {
    if let Some(region) = region_of_login() {
        region.count(profile, code, now());
    }
}

/// Counts one run of the helper, if there is a place to.
pub(crate) fn count_helper(failed: bool, milliseconds: u64) {
    if let Some(region) = region_of_login() {
        region.count_helper(failed, milliseconds);
    }
}

/// Tells the others who is logged in here, until this backend ends. May raise FATAL: the server's list of exit callbacks
/// may be full.
pub(crate) fn publish(entry: &SlotEntry<'_>) {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    let Some(slot) = region_of_login().and_then(|region| region.slot(own_number()?)) else { return };
    if !WATCHED.swap(true, Ordering::Relaxed) {
        // SAFETY: the function stays, since the server never unloads a library. Before anything is written: whoever cannot
        // clear must not write.
        unsafe { pg_sys::before_shmem_exit(Some(clear), pg_sys::Datum::null()) };
    }
    slot.publish(entry);
}

unsafe extern "C-unwind" fn clear(_code: c_int, _argument: pg_sys::Datum) {
    guard::contained(|| {
        // It was there when `publish` asked for this.
        if let Some(slot) = region_of_login().and_then(|region| region.slot(own_number()?)) {
            slot.clear();
        }
    });
}

/// The number of this backend among those that there can be.
fn own_number() -> Option<usize> {
    // SAFETY: a plain number of the main thread, negative in a process that is no backend.
    usize::try_from(unsafe { pg_sys::MyProcNumber }).ok()
}

/// In the server's own time.
fn now() -> pg_sys::TimestampTz {
    // SAFETY: GetCurrentTimestamp (timestamp.c) reads the clock.
    unsafe { pg_sys::GetCurrentTimestamp() }
}
