//! Runs the helper process and takes its answer: one request on its stdin, one answer on its stdout, and a deadline.
//!
//! However a login ends, no process may be left: one that outlives it is an orphan, and where the postmaster is PID 1 an
//! orphan that dies by a signal restarts the cluster. Must never block on a pipe, never wait for a child that was not
//! killed, and never say anything that the child wrote.

use crate::wait::{ClientGone, ClientWatch, WaitReason, WaitResult, Waiting};
use pgrx::pg_sys;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::{Errno, read, write};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
#[cfg(target_os = "linux")]
use rustix::process::{PidfdFlags, pidfd_open};
use std::ffi::c_int;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

/// How often a helper that says nothing is looked after. The end of its output is noticed at once; this is for one that
/// is gone while somebody else has its output open.
const LOOK_AFTER: Duration = Duration::from_millis(100);

/// How long a helper may take to end after its last word. Then it is killed; its answer counts all the same.
const LINGER: Duration = Duration::from_millis(500);

/// The first look after its last word, then each time twice as long, where the system does not tell of its end.
const FIRST_LOOK: Duration = Duration::from_millis(1);

/// What is read at once, in bytes: what a pipe holds by default (pipe(7)).
const CHUNK: usize = 64 * 1024;

/// Why there is no answer. `Display` is a phrase that continues "the helper".
#[derive(Debug)]
pub(crate) enum HelperTrouble {
    /// It could not be started, for the system's reason.
    NotStarted(io::Error),
    /// It ended, or closed its output, before its answer was complete; its status, if it ended.
    NoAnswer(Option<ExitStatus>),
    /// Its answer has more than this many bytes.
    TooMuch(usize),
    /// The deadline passed.
    TooLate,
    /// The client closed its connection meanwhile.
    ClientGone,
    /// The system refused to move bytes.
    Pipe(io::Error),
}

impl fmt::Display for HelperTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted(error) => write!(f, "could not be started: {error}"),
            Self::NoAnswer(None) => f.write_str("closed its output without an answer"),
            Self::NoAnswer(Some(status)) => match (status.signal(), status.code()) {
                (Some(signal), _) => write!(f, "ended without a complete answer (signal {signal})"),
                (None, code) => write!(f, "ended without an answer (exit status {})", code.unwrap_or_default()),
            },
            Self::TooMuch(max) => write!(f, "answered with more than {max} bytes"),
            Self::TooLate => f.write_str("did not answer in time"),
            Self::ClientGone => f.write_str("was stopped because the client closed its connection"),
            Self::Pipe(error) => write!(f, "could not be talked to: {error}"),
        }
    }
}

impl From<ClientGone> for HelperTrouble {
    fn from(_: ClientGone) -> Self {
        Self::ClientGone
    }
}

/// The helper to run, and who waits for it.
pub(crate) struct HelperRun<'a> {
    /// An absolute path that was judged.
    pub(crate) program: &'a Path,
    /// Its one argument.
    pub(crate) argument: &'a str,
    /// Whether it is ended with the client.
    pub(crate) client: ClientWatch,
}

/// Runs a helper, sends it `request`, and returns all that it writes, which is never nothing.
///
/// An exit status other than 0 is no trouble if there is an answer: the answer says what failed. Death by a signal is,
/// since the answer may have been cut short.
///
/// `deadline` is for the whole of it, the helper's end included. At most `max_answer` bytes are taken. Whichever way this
/// ends (return, panic, ERROR, FATAL), the helper is dead and reaped. To be called under the guard, in a backend that
/// authenticates a client, on the main thread.
pub(crate) fn run(
    run: &HelperRun<'_>,
    request: &[u8],
    deadline: Instant,
    max_answer: usize,
) -> Result<Vec<u8>, HelperTrouble> {
    let mut helper = HelperProcess::start(run)?;
    let answer = helper.converse(request, deadline, max_answer)?;
    let status = helper.wind_down(deadline)?;
    // What came in while nothing was waited for ends the login before anything is made of the answer.
    pgrx::check_for_interrupts!();
    let cut_short = status.is_some_and(|status| status.signal().is_some());
    if answer.is_empty() || cut_short { Err(HelperTrouble::NoAnswer(status)) } else { Ok(answer) }
}

/// The helper and our ends of its pipes. Dropped in this order: it is gone before it could see the end of its input.
struct HelperProcess {
    process: ChildProcess,
    stdin: OwnedFd,
    stdout: OwnedFd,
    client: ClientWatch,
}

impl HelperProcess {
    fn start(run: &HelperRun<'_>) -> Result<Self, HelperTrouble> {
        let mut command = Command::new(run.program);
        // No pre_exec, so that it is posix_spawn: a copy of a backend with all its memory could fail or take long. A
        // group of its own, because the server signals whole groups. stderr would be the server's log.
        command.arg(run.argument).env_clear().current_dir("/").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = ChildProcess::spawn(&mut command).map_err(HelperTrouble::NotStarted)?;
        let (Some(stdin), Some(stdout)) = (process.child.stdin.take(), process.child.stdout.take()) else {
            return Err(HelperTrouble::Pipe(io::ErrorKind::BrokenPipe.into()));
        };
        let helper = Self { process, stdin: stdin.into(), stdout: stdout.into(), client: run.client };
        for pipe in [&helper.stdin, &helper.stdout] {
            let flags = fcntl_getfl(pipe).map_err(pipe_trouble)?;
            // Of our end alone: the two ends of a pipe have flags of their own.
            fcntl_setfl(pipe, flags | OFlags::NONBLOCK).map_err(pipe_trouble)?;
        }
        Ok(helper)
    }

    /// Sends the request and takes the answer, until the helper closes its output or has ended. Its input stays open:
    /// the end of it would tell the helper to go.
    fn converse(&mut self, request: &[u8], deadline: Instant, max_answer: usize) -> Result<Vec<u8>, HelperTrouble> {
        let mut answer = Vec::new();
        // Mostly all of it goes at once, and there is never anything to wait for in this direction.
        let mut unsent = self.send(request)?;
        loop {
            let readable = Some(self.stdout.as_fd());
            let writable = (!unsent.is_empty()).then_some(self.stdin.as_fd());
            let waiting = Waiting::new(WaitReason::Helper, self.client, readable, writable);
            // A set cannot wait for less than it began with, so there is another when all is sent.
            let sending = !unsent.is_empty();
            while sending != unsent.is_empty() {
                let WaitResult { read, write } = wait_within(&waiting, LOOK_AFTER, deadline)?;
                if write {
                    unsent = self.send(unsent)?;
                }
                if read && self.receive(&mut answer, max_answer)? == Received::End {
                    return Ok(answer);
                }
                if !read && !write && self.process.has_ended() {
                    // Whatever it wrote is in the pipe by now.
                    while self.receive(&mut answer, max_answer)? == Received::Some {}
                    return Ok(answer);
                }
            }
        }
    }

    /// Writes what the pipe takes now; returns the rest, which is empty if the helper reads no more: it may have read
    /// enough to answer.
    fn send<'a>(&self, request: &'a [u8]) -> Result<&'a [u8], HelperTrouble> {
        let mut unsent = request;
        while !unsent.is_empty() {
            // The server ignores SIGPIPE (PostgresMain).
            match write(&self.stdin, unsent) {
                Ok(count) => unsent = unsent.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(Errno::PIPE) => return Ok(&[]),
                Err(errno) => return Err(pipe_trouble(errno)),
            }
        }
        Ok(unsent)
    }

    /// Takes one piece of what is there now.
    fn receive(&self, answer: &mut Vec<u8>, max_answer: usize) -> Result<Received, HelperTrouble> {
        let mut chunk = [0; CHUNK];
        match read(&self.stdout, &mut chunk[..]) {
            Ok(0) => Ok(Received::End),
            Ok(count) if answer.len() + count > max_answer => Err(HelperTrouble::TooMuch(max_answer)),
            Ok(count) => {
                answer.extend_from_slice(chunk.get(..count).unwrap_or_default());
                Ok(Received::Some)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(Received::Nothing),
            Err(errno) => Err(pipe_trouble(errno)),
        }
    }

    /// Waits until the helper has ended, which it does within a moment after it closed its output. `None`: it did not,
    /// and is left to be killed.
    fn wind_down(&mut self, deadline: Instant) -> Result<Option<ExitStatus>, HelperTrouble> {
        let give_up = deadline.min(Instant::now() + LINGER);
        if self.process.has_ended() {
            return Ok(self.process.status);
        }
        let end = self.process.end();
        let waiting = Waiting::new(WaitReason::Helper, self.client, end.as_ref().map(OwnedFd::as_fd), None);
        let mut next_look = FIRST_LOOK;
        while !self.process.has_ended() && Instant::now() < give_up {
            waiting.wait(give_up.min(Instant::now() + next_look))?;
            next_look *= 2;
        }
        Ok(self.process.status)
    }
}

#[derive(PartialEq, Eq)]
enum Received {
    Some,
    Nothing,
    End,
}

fn pipe_trouble(errno: Errno) -> HelperTrouble {
    HelperTrouble::Pipe(errno.into())
}

fn wait_within(waiting: &Waiting<'_>, slice: Duration, deadline: Instant) -> Result<WaitResult, HelperTrouble> {
    let now = Instant::now();
    if now >= deadline {
        return Err(HelperTrouble::TooLate);
    }
    Ok(waiting.wait(deadline.min(now + slice))?)
}

/// The one child of this backend that is alive or not yet reaped; 0 if there is none. For [`end_at_exit`] alone.
static LIVING: AtomicI32 = AtomicI32::new(0);

/// A child that does not outlive the value.
struct ChildProcess {
    child: Child,
    /// Set once it is reaped and its number may belong to another process.
    status: Option<ExitStatus>,
    reaped: bool,
}

impl ChildProcess {
    fn spawn(command: &mut Command) -> io::Result<Self> {
        expect_fatal();
        let child = command.spawn()?;
        // From here on FATAL finds it. In between there was none: it is raised where interrupts are checked.
        LIVING.store(child.id().cast_signed(), Ordering::Relaxed);
        Ok(Self { child, status: None, reaped: false })
    }

    /// Whether it has ended; if so, it is reaped here and now.
    fn has_ended(&mut self) -> bool {
        if !self.reaped {
            match self.child.try_wait() {
                Ok(None) => return false,
                // Somebody else has reaped it, so the number is no longer ours either.
                Err(_) => self.forget(None),
                Ok(status) => self.forget(status),
            }
        }
        true
    }

    /// What can be read once it has ended, where the system has such a thing: else a millisecond passes before the next
    /// look, which is longer than most helpers take to end.
    fn end(&self) -> Option<OwnedFd> {
        #[cfg(target_os = "linux")]
        return pidfd_open(Pid::from_raw(self.child.id().cast_signed())?, PidfdFlags::empty()).ok();
        #[cfg(not(target_os = "linux"))]
        None
    }

    fn forget(&mut self, status: Option<ExitStatus>) {
        LIVING.store(0, Ordering::Relaxed);
        self.reaped = true;
        self.status = status;
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        let killed = self.child.kill().is_ok();
        // Only who was killed is waited for: a helper under another user's ID could not be.
        let _ = if killed { self.child.wait().map(Some) } else { self.child.try_wait() };
        self.forget(None);
    }
}

/// Has a FATAL kill the helper, for which Rust's destructors never run. Once for each process; raises FATAL itself if the
/// server's list is full, which must therefore come before the helper.
///
/// before_shmem_exit and not on_proc_exit: these run first, the latest first (ipc.c), so that the helper is gone before
/// the backend aborts its transaction and takes leave of shared memory, where anything may go wrong or take long. Both
/// lists run on FATAL and on the postmaster's death, during authentication as later; neither does after SIGQUIT, when
/// the helper sees the end of its input. The one condition, that nobody expects his own callback to be the latest
/// (PG_ENSURE_ERROR_CLEANUP), holds in the middle of an authentication.
fn expect_fatal() {
    static EXPECTED: AtomicBool = AtomicBool::new(false);
    if !EXPECTED.swap(true, Ordering::Relaxed) {
        // SAFETY: before_shmem_exit keeps the pointer for the life of the process; the server never unloads a library.
        unsafe { pg_sys::before_shmem_exit(Some(end_at_exit), pg_sys::Datum::null()) };
    }
}

/// Neither allocates nor raises anything.
unsafe extern "C-unwind" fn end_at_exit(_code: c_int, _argument: pg_sys::Datum) {
    let Some(pid) = Pid::from_raw(LIVING.swap(0, Ordering::Relaxed)) else { return };
    let options = match kill_process(pid, Signal::KILL) {
        Ok(()) => WaitOptions::empty(),
        Err(_) => WaitOptions::NOHANG,
    };
    while matches!(waitpid(Some(pid), options), Err(Errno::INTR)) {}
}
