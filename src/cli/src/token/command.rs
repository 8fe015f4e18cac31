//! A token by a command of the user's: `az account get-access-token ...`, `gcloud auth print-identity-token`, `oidc-token NAME`.
//!
//! Takes what such commands print: the token alone, or a JSON object with it. Must never repeat the output, whatever it is.

use super::NoToken;
use super::assertion::life_of;
use super::given::GivenToken;
use super::source::TokenOrigin;
use oauth_validator_core::bounds::MAX_TOKEN_BYTES;
use oauth_validator_core::{BearerToken, strict_json_object};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Map, Value};
use std::io::{IsTerminal, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The members that have the token: of RFC 6749, of `az`, and of `gcloud` and Kubernetes.
const MEMBERS: [&str; 3] = ["access_token", "accessToken", "token"];

/// Room for a document around the longest token.
const MAX_OUTPUT: usize = MAX_TOKEN_BYTES * 2;

/// For a command to print its token: by itself, so that a file that is kept fresh does not wait for one that hangs; and where
/// it can ask a person.
const ALONE: Duration = Duration::from_secs(60);
const WITH_A_PERSON: Duration = Duration::from_secs(300);

/// How often a command is looked at that has closed its output and goes on.
const POLL: Duration = Duration::from_millis(10);

/// Runs it by the shell, with this process's terminal, so that it can ask somebody. What comes by a pipe or a file is for the
/// program that `run` starts, and not for this one.
pub(super) fn run(command: &str, source: &TokenOrigin) -> Result<GivenToken, NoToken> {
    let asks = std::io::stdin().is_terminal();
    let output = output_of(command, asks, if asks { WITH_A_PERSON } else { ALONE })?;
    read(&output, source.takes_id_token)
}

/// What it prints, if it ends well within this time; else it is ended.
fn output_of(command: &str, asks: bool, limit: Duration) -> Result<Zeroizing<Vec<u8>>, NoToken> {
    let failed = |error: std::io::Error| NoToken::here(format!("the command for the token: {error}"));
    let end = Instant::now() + limit;
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", command]).stdin(if asks { Stdio::inherit() } else { Stdio::null() }).stdout(Stdio::piped());
    if !asks {
        // What it starts can be ended with it. At a terminal, another group could not read what is typed.
        shell.process_group(0);
    }
    let mut child = shell.spawn().map_err(failed)?;
    let Some(stdout) = child.stdout.take() else {
        return Err(NoToken::here("the command for the token has no output"));
    };
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut output = Zeroizing::new(Vec::with_capacity(MAX_OUTPUT + 1));
        let limit = u64::try_from(MAX_OUTPUT + 1).unwrap_or(u64::MAX);
        let read = stdout.take(limit).read_to_end(&mut output);
        // Nobody waits any more for one that is late.
        let _ = sender.send(read.map(|_| output));
    });
    let Ok(output) = receiver.recv_timeout(limit) else { return Err(ended(&mut child, asks, limit)) };
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if Instant::now() >= end => return Err(ended(&mut child, asks, limit)),
            None => thread::sleep(POLL),
        }
    };
    if !status.success() {
        return Err(NoToken::passing(format!("the command for the token ended with {status}")));
    }
    output.map_err(failed)
}

/// Ends a command that is late.
fn ended(child: &mut Child, asks: bool, limit: Duration) -> NoToken {
    if !asks {
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    }
    let _ = child.kill().and_then(|()| child.wait());
    NoToken::passing(format!("the command for the token was not done within {} s, and was ended", limit.as_secs()))
        .with_hint("run it by hand, to see what it waits for")
}

fn read(output: &[u8], takes_id_token: bool) -> Result<GivenToken, NoToken> {
    let none = |why: &str| NoToken::passing(format!("the command printed {why}"));
    if output.len() > MAX_OUTPUT {
        return Err(none("more than a token"));
    }
    let text = std::str::from_utf8(output.trim_ascii()).map_err(|_| none("something that is no token"))?;
    let (text, told) = match text.starts_with('{') {
        false => (Zeroizing::new(text.to_owned()), None),
        true => {
            let document =
                strict_json_object(text.as_bytes()).ok_or_else(|| none("something that is no JSON object"))?;
            let found = member(&document, takes_id_token).ok_or_else(|| none("JSON without a token"))?;
            (Zeroizing::new(found.to_owned()), document.get("expires_in").and_then(Value::as_u64))
        }
    };
    if BearerToken::new(text.as_bytes()).to_client_response().is_none() {
        return Err(none("something that is no bearer token: it must print the token alone, or JSON with it"));
    }
    let life = life_of(&text).or(told.map(Duration::from_secs));
    Ok(GivenToken { text, life, refresh: None })
}

fn member(document: &Map<String, Value>, takes_id_token: bool) -> Option<&str> {
    let names: &[&str] = if takes_id_token { &["id_token"] } else { &MEMBERS };
    let text = |name: &&str| document.get(*name).and_then(Value::as_str);
    // A TokenRequest of Kubernetes has it in its status.
    let status = || document.get("status")?.get("token")?.as_str();
    names.iter().find_map(text).or_else(|| if takes_id_token { None } else { status() })
}

#[cfg(test)]
mod tests {
    use super::{output_of, read};
    use std::time::{Duration, Instant};

    #[test]
    fn a_command_that_hangs_is_ended_with_what_it_started() {
        let limit = Duration::from_secs(1);
        let folder = tempfile::tempdir().expect("a folder");
        let marker = folder.path().join("late");
        let late = format!("sleep 3; touch '{}'", marker.display());
        for command in [format!("({late}) & wait"), format!("exec >&-; {late}"), late] {
            let begun = Instant::now();
            let error = output_of(&command, false, limit).map(|_| ()).expect_err("it hangs");
            assert!(error.passing && error.what.contains("was not done within 1 s"), "{}", error.what);
            assert!(begun.elapsed() < Duration::from_millis(2500), "{command}: {:?}", begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(3500));
        assert!(!marker.exists(), "something of it went on");
        // In time, however slowly, and only what it prints.
        let output = output_of("sleep 0.3; echo abc.def; echo said >&2", false, Duration::from_secs(30));
        assert_eq!(output.ok().as_deref().map(Vec::as_slice), Some(&b"abc.def\n"[..]));
        let error = output_of("echo abc.def; exit 3", false, limit).map(|_| ()).expect_err("it failed");
        assert!(error.passing && error.what.contains("exit status: 3"), "{}", error.what);
    }

    #[test]
    fn what_such_commands_print_is_taken() {
        for output in [
            "abc.def",
            " abc.def\r\n",
            "{\"access_token\":\"abc.def\",\"expires_in\":10}",
            "{\"accessToken\":\"abc.def\",\"expiresOn\":\"x\"}\n",
            "{\"token\":\"abc.def\"}",
            "{\"status\":{\"token\":\"abc.def\"}}",
        ] {
            let token = read(output.as_bytes(), false).unwrap_or_else(|error| panic!("{output}: {}", error.what));
            assert_eq!(*token.text, "abc.def", "{output}");
        }
        assert_eq!(
            read(b"{\"token\":\"a\",\"id_token\":\"b\"}", true).map(|token| token.text.to_string()).ok(),
            Some("b".into())
        );
    }

    #[test]
    fn anything_else_is_refused_and_not_shown() {
        for output in [
            "",
            "\n",
            "sentinel sentinel",
            "ERROR: sentinel",
            "{\"access_token\":5}",
            "{\"access_token\":\"\"}",
            "{\"access_token\":\"sentinel\",\"access_token\":\"sentinel\"}",
            "{\"id_token\":\"sentinel\"}",
            "{\"sentinel\"",
        ] {
            let error = read(output.as_bytes(), false).map(|_| ()).expect_err(output);
            assert!(error.passing && !error.what.contains("sentinel"), "{}", error.what);
        }
        assert!(read(&vec![b'x'; 200_000], false).is_err());
        assert!(read(b"abc\xff", false).is_err());
        assert!(read(b"{\"token\":\"a\"}", true).is_err());
    }
}
