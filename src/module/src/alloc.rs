//! The allocator of the library: where memory runs out, the login ends, and not the cluster; and what is freed is wiped.
//!
//! A backend lives on after the login. What the token said, and its decoded text, passed through many small allocations of
//! parsers; none of it may be found in the backend's memory later, but what the session keeps on purpose.
//!
//! Rust aborts the process when an allocation fails, and a backend that aborts makes the postmaster restart
//! everything. FATAL ends just this backend. Nothing on the way there may allocate through Rust. `try_reserve` and
//! its like never see a failure here.

use crate::abi::{errcode, errdetail_log, errfinish, errmsg_internal, errstart};
use pgrx::{PgSqlErrorCode, pg_sys};
use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;

/// The system's allocator, with FATAL in the place of a null pointer.
pub(crate) struct BackendAllocator;

// SAFETY: every call is handed on to `System`, which keeps the promises of `GlobalAlloc`; a null pointer never
// returns, and neither does it unwind: FATAL leaves through proc_exit.
unsafe impl GlobalAlloc for BackendAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller of `alloc` promises what `System.alloc` wants.
        or_fatal(unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller of `alloc_zeroed` promises what `System.alloc_zeroed` wants.
        or_fatal(unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller of `realloc` promises that `start` has this layout and came from `System`, and that the new
        // size makes a layout. The system's own realloc would leave the old bytes behind where it moves them.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            ptr::copy_nonoverlapping(start, moved, layout.size().min(new_size));
            self.dealloc(start, layout);
            moved
        }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: the caller of `dealloc` promises that `start` has this layout, that it came from this allocator, which
        // means from `System`, and that nobody uses it any more.
        unsafe {
            wipe(start, layout.size());
            System.dealloc(start, layout);
        }
    }
}

/// Overwrites memory that is about to be freed.
///
/// # Safety
///
/// `start` must have this size, and be nobody's.
#[inline]
unsafe fn wipe(start: *mut u8, size: usize) {
    // SAFETY: by the caller's word. The empty assembly may read the memory as far as the compiler knows, so that it cannot
    // leave out what is written before a free.
    unsafe {
        ptr::write_bytes(start, 0, size);
        std::arch::asm!("/* {0} */", in(reg) start, options(nostack, preserves_flags));
    }
}

#[inline]
fn or_fatal(start: *mut u8) -> *mut u8 {
    if start.is_null() {
        out_of_memory();
    }
    start
}

/// Ends the backend as PostgreSQL itself does when memory runs out during a login (`MemoryContextAllocationFailure`,
/// mcxt.c). All texts are static, and elog.c keeps a reserve in ErrorContext for this very message.
#[cold]
#[inline(never)]
fn out_of_memory() -> ! {
    // SAFETY: a backend has one thread; FATAL does not jump to anyone's handler, errfinish (elog.c) calls proc_exit.
    // No frame below is ever returned to, so none needs its destructors.
    unsafe {
        if errstart(pg_sys::FATAL as _, ptr::null()) {
            errcode(PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY as _);
            errmsg_internal(c"out of memory".as_ptr());
            errdetail_log(c"oauth_validator could not allocate memory for this login.".as_ptr());
            errfinish(c"alloc.rs".as_ptr(), line!() as _, ptr::null());
        }
    }
    // Not reached: errstart agrees to every FATAL. exit() is an orderly end for the postmaster too, abort() is not.
    std::process::exit(1)
}
