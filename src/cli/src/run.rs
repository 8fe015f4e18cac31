//! `oauth-validator run`: gets a token, keeps it fresh, and runs a command whose libpq shows it.
//!
//! The command gets the way to a file in a folder of its own, by the variables of liboauth_token(7). Must never end the
//! command because a token could not be renewed: connections that are open need none.

use crate::args::RunOptions;
use crate::output::{CommandFailure, complain, visible};
use crate::token::{OwnFolder, StopRequest, TokenFilePlace, TokenKeeper, TokenOrigin};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;
use std::env;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::thread;

/// The library, as seen from the folder that the tool's own folder is in.
const LIBRARY: &str = "lib/oauth-validator/liboauth_token.so";

/// What a shell says of a command that is not there, or cannot be started.
const NOT_FOUND: u8 = 127;
const NOT_STARTED: u8 = 126;

/// Runs the command, and exits as it does.
pub(crate) fn run(options: &RunOptions, as_json: bool) -> ExitCode {
    match begin(options, as_json) {
        Ok(code) => code,
        Err(failure) => crate::output::finish(Err(failure)),
    }
}

fn begin(options: &RunOptions, as_json: bool) -> Result<ExitCode, CommandFailure> {
    if as_json {
        return Err(CommandFailure::new("--json has no meaning here: the output is the command's"));
    }
    let source = TokenOrigin::of(&options.source)?;
    if source.issuer.is_empty() {
        return Err(CommandFailure::new(
            "whose token does the command give? Say --issuer, which connections must name too",
        ));
    }
    let hosts = options.hosts.clone().or_else(|| source.hosts.clone());
    if hosts.as_ref().is_some_and(|hosts| hosts.trim().is_empty()) {
        // The library takes an empty list for none, which is any host.
        return Err(
            CommandFailure::new("the list of hosts is empty").with_hint("name the servers, or leave the list out")
        );
    }
    let library = library()?;
    let issuer = source.issuer.clone();
    let mut keeper = TokenKeeper::new(source);
    let token = match keeper.first() {
        Ok(token) => token,
        Err(error) => return error.into_outcome().map(|_| ExitCode::from(1)),
    };
    let folder = OwnFolder::create()?;
    let place = TokenFilePlace::at(&folder.path().join("token"))?;
    place.write(&token.text)?;

    let [program, arguments @ ..] = options.program.as_slice() else {
        return Err(CommandFailure::new("there is no command to run"));
    };
    let mut command = Command::new(program);
    command.args(arguments).env("LD_PRELOAD", preloaded(&library));
    command.env("OAUTH_TOKEN_FILE", place.path()).env("OAUTH_TOKEN_ISSUER", issuer);
    // A list that the environment has already stays: nothing here may widen it.
    if let Some(hosts) = hosts {
        command.env("OAUTH_TOKEN_HOSTS", hosts);
    }
    // Before the command is there, so that no signal is lost in between.
    let signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGQUIT]);
    let signals = signals.map_err(|error| CommandFailure::new(format!("cannot wait for signals: {error}")))?;
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            complain(&format!("error: cannot run {}: {error}", visible(&program.to_string_lossy(), false)));
            return Ok(ExitCode::from(if error.kind() == ErrorKind::NotFound { NOT_FOUND } else { NOT_STARTED }));
        }
    };
    pass_on(signals, &child);
    let life = token.life;
    drop(token);
    let end = StopRequest::new();
    let stop = end.clone();
    thread::spawn(move || {
        if let Err(error) = keeper.keep(&place, life, &stop) {
            let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            complain(&format!("warning: the token is not renewed any more: {}{hint}", visible(&error.what, false)));
        }
    });
    let status = child.wait();
    // Before the folder goes, so that no token is written into it in the same moment, and stays.
    end.set();
    status.map(code_of).map_err(|error| CommandFailure::new(format!("cannot wait for the command: {error}")))
}

/// The exit code as shells count it: 128 and the number of the signal that ended the program.
fn code_of(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}

/// The terminal tells the command itself of Ctrl\-C; what this process alone is told goes on to it.
fn pass_on(mut signals: Signals, child: &Child) {
    let pid = Pid::from_child(child);
    thread::spawn(move || {
        for signal in signals.forever() {
            let signal = match signal {
                SIGTERM => Signal::TERM,
                SIGHUP => Signal::HUP,
                _ => continue,
            };
            let _ = kill_process(pid, signal);
        }
    });
}

/// The library in front of those that are preloaded anyway.
fn preloaded(library: &std::path::Path) -> OsString {
    let mut all = library.as_os_str().to_owned();
    if let Some(others) = env::var_os("LD_PRELOAD").filter(|others| !others.is_empty()) {
        all.push(":");
        all.push(others);
    }
    all
}

fn library() -> Result<PathBuf, CommandFailure> {
    let tool = env::current_exe().map_err(|error| CommandFailure::new(format!("where is this program? {error}")))?;
    let prefix = tool.parent().and_then(std::path::Path::parent).unwrap_or(std::path::Path::new("/"));
    let library = prefix.join(LIBRARY);
    if !library.is_file() {
        return Err(CommandFailure::new(format!("there is no {}", library.display()))
            .with_hint("install the whole package, or build it: make preload"));
    }
    // ld.so takes spaces and colons as the end of a name.
    if library.to_string_lossy().contains([' ', ':']) {
        return Err(CommandFailure::new(format!(
            "{} cannot be preloaded: a space or a colon is in its name",
            library.display()
        )));
    }
    Ok(library)
}
