//! How `oauth-validator helper` ends: by an exit, never by a signal of its own making or of others that it can catch.
//!
//! Where the postmaster inherits a child that was killed by a signal, it restarts the whole cluster.

use super::{HelperExit, RunningHelper, ask, by_way, command, fetched, request};
use crate::network::{METADATA, provider};
use assert_cmd::cargo::cargo_bin;
use oauth_validator_core::protocol::MAX_REQUEST_BYTES;
use oauth_validator_fixtures::{jwks, keys};
use oauth_validator_mock_provider::{Fault, MockProvider};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use serde_json::json;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// A provider that accepts the request for its metadata, and never answers.
fn hanging() -> MockProvider {
    let provider = provider();
    provider.set_fault(METADATA, Fault::HangAfterTls);
    provider
}

#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(10), "in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A helper in the middle of a fetch that would last 60 s.
fn fetching(provider: &MockProvider) -> RunningHelper {
    let before = provider.request_count(METADATA);
    let helper =
        RunningHelper::asked(&by_way(request(provider), |reach| reach.timeout = Duration::from_millis(60_000)));
    wait_until("a request", || provider.request_count(METADATA) > before);
    helper
}

/// The line of /proc/PID/status that begins with this word.
fn status(helper: &RunningHelper, word: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{}/status", helper.child.id())).expect("it runs");
    text.lines().find_map(|line| line.strip_prefix(word)).expect("such a line").trim().to_owned()
}

/// Waits until it is prepared for a request, which is when it catches SIGQUIT.
fn prepared(helper: &RunningHelper) {
    let quit = 1_u64 << (Signal::QUIT.as_raw() - 1);
    wait_until("its handlers", || {
        u64::from_str_radix(&status(helper, "SigCgt:"), 16).expect("hexadecimal") & quit != 0
    });
}

/// It ends within the time in which a login must end, and a bit for a slow machine.
#[track_caller]
fn ended_at_once(helper: RunningHelper) -> HelperExit {
    let start = Instant::now();
    let ended = helper.end();
    assert!(start.elapsed() < Duration::from_secs(1), "it took {:?}", start.elapsed());
    ended
}

#[test]
fn signals_end_it_with_an_exit_in_the_middle_of_a_fetch_and_before() {
    let provider = hanging();
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP] {
        let waiting = RunningHelper::start(&mut command());
        prepared(&waiting);
        for helper in [fetching(&provider), waiting] {
            kill_process(Pid::from_child(&helper.child), signal).expect("it runs");
            ended_at_once(helper).assert_gave_up();
        }
    }
}

#[test]
fn whoever_hangs_up_ends_it() {
    let provider = hanging();
    let mut helper = fetching(&provider);
    drop(helper.stdin.take());
    ended_at_once(helper).assert_gave_up();
}

#[test]
fn a_second_request_ends_it() {
    let provider = hanging();
    let mut helper = fetching(&provider);
    helper.tell(b"\n");
    ended_at_once(helper).assert_gave_up();
    let mut both = request(&provider).to_line();
    both.extend_from_slice(b"x");
    let mut helper = RunningHelper::start(&mut command());
    helper.tell(&both);
    ended_at_once(helper).assert_gave_up();
}

/// Nobody reads the answer, which is larger than a pipe: no timeout of the network would end that.
#[test]
fn the_deadline_ends_it_whatever_it_waits_for() {
    let provider = provider();
    let key = jwks(&[keys::corp()])["keys"][0].clone();
    let many: Vec<_> = (0..250)
        .map(|number| {
            let mut key = key.clone();
            key["kid"] = json!(format!("k{number}"));
            key
        })
        .collect();
    provider.set_keys(json!({ "keys": many }));
    let request = by_way(request(&provider), |reach| reach.timeout = Duration::from_millis(1500));
    assert!(serde_json::to_vec(&fetched(ask(&request))).expect("JSON").len() > 64 * 1024, "it fits into the pipe");
    let start = Instant::now();
    let mut helper = RunningHelper::start(&mut command());
    helper.tell(&request.to_line());
    helper.end().assert_gave_up();
    assert!((1..4).contains(&start.elapsed().as_secs()), "it took {:?}", start.elapsed());
}

#[test]
fn a_deadline_may_have_passed_or_be_far_away() {
    let provider = hanging();
    let ended =
        RunningHelper::asked(&by_way(request(&provider), |reach| reach.timeout = Duration::from_millis(0))).end();
    // Whether it still comes to say so is chance, up to the last byte.
    match ended.status.code() {
        Some(1) => assert_eq!(ended.stderr, ""),
        _ => assert!(format!("{:?}", ended.answer()).contains("timeout")),
    }
    let provider = self::provider();
    fetched(ask(&by_way(request(&provider), |reach| {
        reach.timeout = Duration::from_millis(u64::MAX);
        reach.connect_timeout = Duration::from_millis(u64::MAX);
    })));
}

#[test]
fn half_a_request_is_none() {
    let provider = provider();
    let line = request(&provider).to_line();
    for part in [&line[..0], &line[..20], &line[..line.len() - 1]] {
        let mut helper = RunningHelper::start(&mut command());
        helper.read_answer();
        helper.tell(part);
        drop(helper.stdin.take());
        ended_at_once(helper).assert_gave_up();
    }
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn a_request_has_a_largest_size() {
    let provider = provider();
    let padded = |bytes: usize| {
        let mut line = request(&provider).to_line();
        line.pop();
        line.resize(bytes - 1, b' ');
        line.push(b'\n');
        line
    };
    let told = |line: &[u8]| {
        let mut helper = RunningHelper::start(&mut command());
        helper.read_answer();
        helper.tell(line);
        helper.end()
    };
    fetched(told(&padded(MAX_REQUEST_BYTES)).answer());
    told(&padded(MAX_REQUEST_BYTES + 1)).assert_gave_up();
    told(&padded(2 * 1024 * 1024)).assert_gave_up();
    assert_eq!(provider.connection_count(), 2);
}

#[test]
fn an_answer_that_nobody_takes_is_a_failure() {
    let provider = provider();
    let mut helper = RunningHelper::start(&mut command());
    drop(helper.child.stdout.take());
    helper.tell(&request(&provider).to_line());
    helper.end().assert_gave_up();
}

/// Another user, so that the owner of the process's files tells whether it can be dumped (proc(5)); and a copy of the
/// tool that such a user may run.
#[test]
fn it_leaves_no_core_and_lets_nobody_look_into_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let tool = folder.path().join("oauth-validator");
    fs::copy(cargo_bin!("oauth-validator"), &tool).expect("a copy");
    for path in [folder.path(), &tool] {
        fs::set_permissions(path, Permissions::from_mode(0o755)).expect("its mode changes");
    }
    let uid = if geteuid().is_root() { 65534 } else { geteuid().as_raw() };
    let owner =
        |helper: &RunningHelper| fs::metadata(format!("/proc/{}/status", helper.child.id())).expect("it runs").uid();
    let run = |command: &mut Command| {
        if geteuid().is_root() {
            command.uid(uid);
        }
        RunningHelper::start(command.env_clear().current_dir("/"))
    };
    let other = run(Command::new("cat").env_clear());
    wait_until("its start", || owner(&other) == uid);
    let helper = run(Command::new(&tool).arg("helper"));
    prepared(&helper);
    assert_eq!((owner(&helper), status(&helper, "Uid:").split_whitespace().next()), (0, Some(&*uid.to_string())));
    let limits = fs::read_to_string(format!("/proc/{}/limits", helper.child.id())).expect("it runs");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    assert_eq!(u64::from_str_radix(&status(&helper, "SigBlk:"), 16), Ok(0));
}

#[test]
fn it_takes_no_arguments() {
    for (args, words) in [
        (&["now"][..], "unexpected argument 'now'"),
        (&["--token-file", "x"], "unexpected argument '--token-file'"),
        (&["--json"], "this command is for the server"),
    ] {
        let output = command().args(args).stdin(Stdio::null()).output().expect("it starts");
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), b"".as_slice()), "{args:?}");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(stderr.contains(words), "{stderr}");
    }
}

#[test]
fn a_person_at_a_terminal_is_told_what_it_is() {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).expect("it is granted");
    unlockpt(&terminal).expect("it is unlocked");
    let name = ptsname(&terminal, Vec::new()).expect("its name").into_string().expect("ASCII");
    let stdin = File::options().read(true).write(true).open(name).expect("its other side");
    let output = command().stdin(stdin).output().expect("it starts");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), b"".as_slice()));
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(stderr.contains("for the server") && stderr.contains("oauth-validator discover ISSUER"), "{stderr}");
}

#[test]
fn it_is_not_among_the_commands_for_people() {
    let output = Command::new(cargo_bin!("oauth-validator")).arg("--help").output().expect("it starts");
    let help = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(help.contains("  discover") && !help.contains("helper"), "{help}");
}
