//! Faults on request, for the server tests: `oauth_validator.test_fault` names one. Never part of a release.

use crate::guc;
use pgrx::pg_sys;
use std::hint::black_box;

/// What no log may ever show.
const SENTINEL: &str = "PANIC-PAYLOAD-SENTINEL";

/// More than any test's limit on memory, less than a machine without one minds: nothing is written to it.
const PLENTY: usize = 8 << 30;

/// Commits the fault that is set if its name is `prefix` and one of those below.
pub(crate) fn commit(prefix: &str) {
    match guc::test_fault().strip_prefix(prefix) {
        Some("panic") => panic!("{}", black_box(SENTINEL)),
        Some("error") => raise_error(),
        Some("memory") => exhaust(64 << 10, Vec::with_capacity),
        Some("memory_small") => exhaust(512, Vec::with_capacity),
        Some("memory_zeroed") => exhaust(1 << 20, |size| vec![0; size]),
        Some("memory_grown") => grow(),
        _ => {}
    }
}

fn raise_error() {
    // SAFETY: palloc (mcxt.c) answers an impossible size with an ERROR, which pgrx turns into a panic of its own.
    unsafe { pg_sys::palloc(usize::MAX) };
}

/// Allocates pieces until there is no more.
fn exhaust(piece: usize, allocate: impl Fn(usize) -> Vec<u8>) {
    for _ in 0..PLENTY / piece {
        std::mem::forget(black_box(allocate(piece)));
    }
}

/// Makes one piece larger until it cannot grow.
fn grow() {
    let mut piece: Vec<u8> = Vec::with_capacity(1 << 20);
    while piece.capacity() < PLENTY {
        piece.reserve_exact(piece.capacity() * 2);
        black_box(&piece);
    }
}
