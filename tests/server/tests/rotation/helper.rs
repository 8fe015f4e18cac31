//! The program that talks to the provider is missing, somebody else's, of another version, killed, or writes rubbish:
//! nobody gets in by that, the log says what to do, and the next login after that was done works.

use crate::support::{LONG, LoggedDenial, Scene, set_mode};
use crate::waiting::{begin, signal};
use oauth_validator_fixtures::keys;
use oauth_validator_mock_provider::{ALL, Fault};
use oauth_validator_server_tests::{SOON, eventually, needs_root, nothing_is_left, tool_path, waiting};
use rustix::process::Signal;
use std::fs;
use std::os::unix::fs::{chown, symlink};

/// What no log may show of a helper's output.
const SENTINEL: &str = "UNSAID-BY-ANYBODY";

/// Denies with these words, and lets in when the helper is as it should be.
#[track_caller]
fn denies_until_mended(place: &mut Scene, what: &str, words: &[&str]) {
    place.take_new_profile(LONG);
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    mended(place, what, &denial, words);
}

#[track_caller]
fn mended(place: &Scene, what: &str, denial: &LoggedDenial, words: &[&str]) {
    let issuer = place.party.provider.issuer();
    let begins = format!("The keys of {issuer} cannot be fetched: ");
    assert!(denial.detail.starts_with(&begins) && denial.detail.ends_with('.'), "{what}: {denial:?}");
    for words in words {
        assert!(denial.detail.contains(words), "{what}: no {words:?} in {denial:?}");
    }
    assert!(denial.hint.len() > 20, "{what}: {denial:?}");
    assert!(!place.cluster.log().contains(SENTINEL), "{what}");
    nothing_is_left(&place.cluster);

    place.cluster.write_helper(fs::read(tool_path()).expect("a tool"));
    place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
    place.lets_in(keys::p256());
}

#[test]
fn helpers_that_are_not_run() {
    let mut place = Scene::start(LONG);
    let path = place.cluster.helper_path();
    let quoted = format!("{path:?}");
    fs::remove_file(&path).expect("a helper");
    denies_until_mended(&mut place, "missing", &[&quoted, "does not exist"]);
    for (mode, words) in [
        (0o644, "must be executable by"),
        (0o757, "must not be writable by group or others"),
        (0o775, "must not be writable by group or others"),
    ] {
        set_mode(&path, mode);
        denies_until_mended(&mut place, "a mode", &[&quoted, &format!("mode {mode:04o}"), words]);
    }
    if needs_root("helpers_that_are_not_run: a stranger's") {
        chown(&path, Some(12_345), None).expect("a new owner");
        denies_until_mended(&mut place, "a stranger's", &[&quoted, "owned by uid 12345"]);
    }
    // Where everybody may write, anybody may put another one.
    let folder = path.parent().expect("a folder").to_owned();
    set_mode(&folder, 0o777);
    place.take_new_profile(LONG);
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    set_mode(&folder, 0o755);
    mended(&place, "in a folder of everybody's", &denial, &["must not be writable by group or others"]);

    place.cluster.append_conf("oauth_validator.helper = 'bin/oauth-validator'");
    place.cluster.reload();
    place.take_new_profile(LONG);
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    assert!(denial.hint.contains("oauth_validator.helper"), "{denial:?}");
    place.cluster.append_conf(&format!("oauth_validator.helper = '{}'", path.display()));
    place.cluster.reload();
    mended(&place, "relative", &denial, &["is not an absolute path"]);
}

#[test]
fn helpers_that_give_no_answer() {
    let mut place = Scene::start(LONG);
    let rubbish = |text: &str| format!("#!/bin/sh\nread -r line\n{text}\n");
    let keys_of_nobody = r#"echo '{"version":1,"outcome":{"keys":{"url":"https://evil.example/","etag":null,"freshness":{"max_age":null,"no_cache":false},"keys":{"keys":[]}}}}'"#;
    for (what, script, words) in [
        (
            "another version",
            rubbish("echo '{\"version\":7,\"outcome\":1}'"),
            "speaks version 7 of the protocol, the library 2",
        ),
        ("rubbish", rubbish(&format!("echo {SENTINEL}")), "gave an answer that is none"),
        ("half an answer", rubbish("printf '{\"version\":1,\"outcome\":{\"ke'"), "gave an answer that is none"),
        (
            "an unknown member",
            rubbish("echo '{\"version\":1,\"outcome\":{\"keys\":{}},\"x\":1}'"),
            "gave an answer that is none",
        ),
        ("no key", rubbish(keys_of_nobody), "gave an answer that is none"),
        ("two answers", rubbish(&format!("{keys_of_nobody}; {keys_of_nobody}")), "gave an answer that is none"),
        ("nothing", rubbish("exit 3"), "exit status 3"),
        ("a signal", rubbish(&format!("echo {SENTINEL}; kill -9 $$")), "signal 9"),
        ("too much", rubbish(&format!("exec yes {SENTINEL}")), "answered with more than"),
        ("no interpreter", "#!/no/such/interpreter\n".to_owned(), "could not be started: No such file"),
        ("no program", SENTINEL.to_owned(), "could not be started: Exec format error"),
        (
            "unchanged",
            rubbish("echo '{\"version\":1,\"outcome\":{\"unchanged\":{\"max_age\":60,\"no_cache\":false}}}'"),
            "there are none",
        ),
    ] {
        place.cluster.write_helper(script);
        denies_until_mended(&mut place, what, &[words]);
    }
}

/// A newer library's request is one that the helper says it does not understand.
#[test]
fn a_helper_that_says_why_is_believed() {
    let mut place = Scene::start(LONG);
    let failed = r#"{"version":1,"outcome":{"failed":{"code":"version","message":"the helper is old\n\u001b[2J","hint":"install another one of these"}}}"#;
    place.cluster.write_helper(format!("#!/bin/sh\nread -r line\ncat <<'END'\n{failed}\nEND\n"));
    denies_until_mended(&mut place, "told", &["version: the helper is old\u{fffd}\u{fffd}[2J"]);
}

#[test]
fn a_helper_that_never_answers_is_given_the_time_of_the_profile() {
    let mut place = Scene::start(LONG);
    place.cluster.write_helper("#!/bin/sh\nexec sleep 1000\n");
    let keys = LONG.replace("20s", "1s");
    place.take_new_profile(&keys);
    let denial = place.refuses(keys::corp(), "keys_unavailable");
    mended(&place, "silence", &denial, &["did not answer in time"]);
}

#[test]
fn a_helper_killed_in_the_middle() {
    let mut place = Scene::start(LONG);
    let incarnation = place.cluster.incarnation();
    for fault in [Fault::HangBeforeTls, Fault::HangAfterTls] {
        place.take_new_profile(LONG);
        place.party.provider.set_fault(ALL, fault);
        let mark = place.cluster.log_mark();
        let login = begin(&place);
        let (_, helper) = waiting(&place.cluster);
        signal(&helper, Signal::KILL);
        assert_eq!(login.finish().refused().sqlstate, "28000");
        let log = place.cluster.wait_for_log(mark, "FATAL:");
        let denial = crate::support::denials(&log).pop().expect("a denial");
        assert_eq!(denial.code, "keys_unavailable");
        eventually("its end", SOON, || (!helper.is_there()).then_some(()));
        place.party.provider.clear_faults();
        mended(&place, "killed", &denial, &["signal 9"]);
    }
    // One that is told to end does so by itself, which is no answer either.
    for each in [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP] {
        place.take_new_profile(LONG);
        place.party.provider.set_fault(ALL, Fault::HangAfterTls);
        let mark = place.cluster.log_mark();
        let asked = place.party.requests().0;
        let login = begin(&place);
        let (_, helper) = waiting(&place.cluster);
        // By then it listens to signals.
        eventually("its request", SOON, || (place.party.requests().0 > asked).then_some(()));
        signal(&helper, each);
        login.finish().refused();
        let log = place.cluster.wait_for_log(mark, "exit status 1");
        assert!(log.contains("keys_unavailable"), "{log}");
        place.party.provider.clear_faults();
    }
    assert_eq!(place.cluster.incarnation(), incarnation);
    place.lets_in_soon(keys::corp(), &["keys_unavailable"]);
}

/// A link is judged by what it leads to, and by whoever could lead it elsewhere.
#[test]
fn a_link_to_the_helper_is_followed_where_nobody_else_can_change_it() {
    let place = Scene::start(LONG);
    let path = place.cluster.helper_path();
    let real = path.with_file_name("real");
    fs::rename(&path, &real).expect("another name");
    symlink(&real, &path).expect("a link");
    place.lets_in(keys::corp());
    assert_eq!(place.party.requests(), (1, 1));
}
