//! `oauth-validator helper`: the server's hand to the network, one request in and one answer out.
//!
//! A backend starts it, and PostgreSQL is sensitive about its children: one that the postmaster inherits and that dies
//! by a signal restarts the cluster. So it ends by an exit whatever happens: told to by a signal, left alone (the end of
//! standard input), late, or wrong. It must never write a file, leave a core with what it was told, look at the
//! environment, or say anything but its answer: what goes to standard error is nobody's business to read.

use crate::fetch;
use crate::net::{NetError, NetErrorCode};
use crate::output::CommandFailure;
use oauth_validator_core::protocol::{
    self, HelperAnswer, HelperReply, HelperRequest, MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, PROTOCOL_VERSION,
    ProtocolError,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::{flag, low_level};
use std::convert::Infallible;
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The exit code of everything but an answer.
const GIVEN_UP: i32 = 1;

/// The longest that a request can make it last.
const MAX_DEADLINE: Duration = Duration::from_secs(600);

/// What is read into at first: nearly all requests are shorter, and the rest of a larger piece would be wiped in vain.
const USUAL_REQUEST_BYTES: usize = 16 * 1024;

/// What is kept of the deadline for telling that it was too short, at most.
const MAX_RESERVE: Duration = Duration::from_millis(200);

/// Runs the command. It returns only if it was called wrongly; otherwise it leaves the process itself.
pub(crate) fn run(as_json: bool) -> Result<Infallible, CommandFailure> {
    if as_json || io::stdin().is_terminal() {
        return Err(CommandFailure::new("this command is for the server, which starts it by itself")
            .with_hint("to ask a provider, use: oauth-validator discover ISSUER"));
    }
    panic::set_hook(Box::new(|_| low_level::exit(GIVEN_UP)));
    let answered = protect().and_then(|()| read_request()).and_then(|line| serve(&line));
    low_level::exit(if answered.is_ok() { 0 } else { GIVEN_UP })
}

/// Nothing of the memory can be had by others, and no signal that means "end" is a crash.
fn protect() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let always = Arc::new(AtomicBool::new(true));
    for signal in [SIGTERM, SIGINT, SIGQUIT, SIGHUP] {
        flag::register_conditional_shutdown(signal, GIVEN_UP, Arc::clone(&always))?;
    }
    Ok(())
}

/// One line, wiped when it is dropped, read without a buffer that would keep a copy of it.
///
/// # Errors
/// A request with members that the protocol does not have is refused as well: nobody may say more than was agreed.
fn read_request() -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(vec![0; USUAL_REQUEST_BYTES]);
    let mut length = 0;
    loop {
        if length == line.len() {
            line = larger(&line)?;
        }
        let room = line.get_mut(length..).unwrap_or_default();
        match rustix::io::read(io::stdin(), &mut *room) {
            Ok(0) => return Err(io::ErrorKind::InvalidData.into()),
            Ok(count) => {
                let newline = room.iter().take(count).position(|byte| *byte == b'\n');
                length += count;
                match newline {
                    None => {}
                    Some(at) if at + 1 == count => break,
                    Some(_) => return Err(io::ErrorKind::InvalidData.into()),
                }
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    line.truncate(length);
    Ok(line)
}

/// The line in a buffer with room behind it. What it was in is wiped by its owner, which a vector that grows by itself would not do.
fn larger(line: &[u8]) -> io::Result<Zeroizing<Vec<u8>>> {
    if line.len() >= MAX_REQUEST_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut larger = Zeroizing::new(vec![0; (2 * line.len()).min(MAX_REQUEST_BYTES)]);
    larger.iter_mut().zip(line).for_each(|(to, from)| *to = *from);
    Ok(larger)
}

/// Writes the answer to `line`.
fn serve(line: &[u8]) -> io::Result<()> {
    let (asked, outcome) = match HelperRequest::from_line(line) {
        Ok(request) => {
            let deadline = request.reach.timeout.min(MAX_DEADLINE);
            exit_when_left_or_after(deadline)?;
            let outcome = fetch::carry_out(&request, deadline - MAX_RESERVE.min(deadline / 10), |_| {});
            (request.version, outcome)
        }
        Err(error @ ProtocolError::Version(theirs)) => (theirs, misunderstood(error)),
        // Every library reads the oldest version.
        Err(error @ ProtocolError::Malformed) => (0, misunderstood(error)),
    };
    let mut answer = HelperAnswer::new(asked, outcome).to_line();
    if answer.len() > MAX_ANSWER_BYTES {
        let error = NetError::new(NetErrorCode::TooLarge, format!("the keys exceed {MAX_ANSWER_BYTES} bytes"));
        answer = HelperAnswer::new(asked, fetch::failed(&error)).to_line();
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(&answer)?;
    stdout.flush()
}

/// Ends the process as soon as nobody holds standard input any more or somebody says more than was agreed, and if it lasts
/// longer than this: not everything that waits can be told until when. One thread for both, since each costs a login time.
fn exit_when_left_or_after(deadline: Duration) -> io::Result<()> {
    let until = Instant::now() + deadline;
    let watch = move || {
        let stdin = io::stdin();
        loop {
            let left = Timespec::try_from(until.saturating_duration_since(Instant::now()));
            let mut input = [PollFd::new(&stdin, PollFlags::IN)];
            if poll(&mut input, left.ok().as_ref()) != Err(Errno::INTR) {
                low_level::exit(GIVEN_UP)
            }
        }
    };
    thread::Builder::new().spawn(watch).map(drop)
}

/// The answer to what is no request of this version.
fn misunderstood(error: ProtocolError) -> HelperReply {
    let (code, message) = match error {
        ProtocolError::Version(theirs) => {
            ("version", format!("the helper speaks version {PROTOCOL_VERSION} of the protocol, the server {theirs}"))
        }
        ProtocolError::Malformed => ("request", "the helper does not understand the server's request".to_owned()),
    };
    let hint = "install the tool and the library from one release of the package, then start new sessions";
    HelperReply::Failed(protocol::HelperFailure { code: code.to_owned(), message, hint: hint.to_owned() })
}
