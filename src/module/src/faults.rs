//! Faults on request, for the server tests: `oauth_validator.test_fault` names one. Never part of a release.

use crate::{guc, helper, major, process, wait};
use oauth_validator_core::{Denial, Reason};
use pgrx::pg_sys;
use std::ffi::CString;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What no log may ever show.
const SENTINEL: &str = "PANIC-PAYLOAD-SENTINEL";

/// More than any test's limit on memory, less than a machine without one minds: nothing is written to it.
const PLENTY: usize = 8 << 30;

/// Commits the fault that is set if its name is `prefix` and one of those below.
#[expect(clippy::panic, reason = "it is the fault that was asked for")]
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

/// The shared memory as a library of another version would have it: of another layout; or of another size, which a name that
/// says too little would lead to.
pub(crate) fn older(layout: u64, bytes: usize) -> (u64, usize) {
    match guc::test_fault().as_str() {
        "older_layout" => (!layout, bytes),
        "older_size" => (layout, bytes * 2),
        _ => (layout, bytes),
    }
}

/// Makes segments of shared memory until the server has no place for another, which is an ERROR.
pub(crate) fn use_up_segments() {
    if guc::test_fault() != "no_segments" {
        return;
    }
    for number in 0.. {
        let name = CString::new(format!("a segment of a test {number}")).unwrap_or_default();
        // SAFETY: in a backend, on the main thread, and under the guard of the caller.
        unsafe { major::named_segment(&name, 64) };
    }
}

/// Lets a login linger at this point, so that others can do something meanwhile.
pub(crate) fn linger(point: &str) {
    if guc::test_fault() == point {
        let _ = crate::guard::guarded(|| wait::pause(wait::WaitReason::Login, Duration::from_millis(700)));
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

/// What the helper is sent: more than a pipe holds, and a line.
const REQUEST_BYTES: usize = 64 * 1024 + 1;

/// The most that it may answer.
const MAX_ANSWER: usize = 1 << 20;

/// Longer than any test waits for an end that it brings about itself.
const LONG: Duration = Duration::from_secs(30);

/// Waits as a login without keys does, alone, if the fault that is set says so; then denies with what came of it.
pub(crate) fn wait() -> Option<Denial> {
    let outcome = match guc::test_fault().as_str() {
        "run_helper" => run_helper(LONG),
        "run_helper_briefly" => run_helper(Duration::from_secs(1)),
        "pause" => match wait::pause(wait::WaitReason::Keys, LONG) {
            Ok(()) => "The pause is over.".into(),
            Err(wait::ClientGone) => "The client closed its connection during the pause.".into(),
        },
        _ => return None,
    };
    Some(Denial::new(Reason::Internal, outcome))
}

fn run_helper(limit: Duration) -> String {
    let program = match helper::find() {
        Ok(program) => program,
        Err(helper::Unusable { detail, hint }) => return format!("The helper: {detail}. {hint}"),
    };
    let mut request = vec![b'x'; REQUEST_BYTES - 1];
    request.push(b'\n');
    let run = process::HelperRun { program: &program, argument: "helper", client: wait::ClientWatch::Watched };
    match process::run(&run, &request, Instant::now() + limit, MAX_ANSWER) {
        Ok(answer) => format!("The helper answered {:?}.", String::from_utf8_lossy(&answer)),
        Err(trouble) => format!("The helper {trouble}."),
    }
}
