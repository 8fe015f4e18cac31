//! The sentinel test: tokens, answers and the server's own secret are seen by nobody but the provider.
//!
//! Every log of this program is searched as well, at debug5 but for the flood: see `Scene`.

use crate::support::{INTROSPECT, Scene};
use oauth_validator_fixtures::Forbidden;
use oauth_validator_mock_provider::Fault;
use oauth_validator_server_tests::{Login, SOON, eventually, is_in_memory, needs_root, nothing_is_left, waiting};
use std::fs;
use std::path::Path;

#[test]
fn nobody_on_the_machine_sees_the_token_or_the_secret_meanwhile() {
    let place = Scene::start();
    place.set_timeout("20s");
    let token = place.good();
    place.provider.set_fault(INTROSPECT, Fault::HangAfterTls);
    let login = place.cluster.begin_login(&Login::new("ana", "postgres").token(&token));
    let (backend, helper) = waiting(&place.cluster);
    eventually("the question", SOON, || (place.asked() == 1).then_some(()));

    for pid in [backend.pid, helper.pid] {
        for name in ["cmdline", "environ", "comm", "status"] {
            place.assert_secret(&fs::read(format!("/proc/{pid}/{name}")).expect("a process"));
        }
    }
    assert!(fs::read(format!("/proc/{}/environ", helper.pid)).expect("a process").is_empty());
    let arguments = fs::read(format!("/proc/{}/cmdline", helper.pid)).expect("a process");
    assert_eq!(String::from_utf8_lossy(&arguments), format!("{}\0helper\0", place.cluster.helper_path().display()));
    for view in ["pg_stat_activity", "pg_settings", "pg_hba_file_rules", "pg_file_settings"] {
        let rows = place.cluster.sql(&format!("SELECT v::text FROM {view} AS v")).expect("rows");
        assert!(!rows.is_empty());
        place.assert_secret(format!("{rows:?}").as_bytes());
    }
    place.provider.clear_faults();
    drop(login);
    nothing_is_left(&place.cluster);

    // Nothing is kept, not even for a moment: neither token nor answer is in a file.
    place.lets_ana_in(&token);
    let folder = place.cluster.data_dir().join("oauth_validator");
    let names: Vec<String> = files_in(&folder).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [".helper-0.lock"]);
    assert!(files_in(&folder).iter().all(|(_, bytes)| bytes.is_empty()));
}

/// What the helper was told, the token and the server's secret in one line, is not kept by the session that it let in.
#[test]
fn the_request_is_wiped_when_it_was_answered() {
    if !needs_root("the_request_is_wiped_when_it_was_answered") {
        return;
    }
    let place = Scene::start();
    let token = place.good();
    let mut session = place.lets_in("ana", &token, "ana@corp.example");
    let pid = session.backend_pid();
    assert!(!is_in_memory(pid, format!("\"token\":\"{token}\"").as_bytes()), "the request");
    assert!(!is_in_memory(pid, place.secret.as_bytes()), "the secret");
    // The search finds what is there. Last, since a query takes memory, and writes over what may have been left.
    session.query("SELECT 'something to be found'").expect("rows");
    assert!(is_in_memory(pid, b"something to be found"), "the search finds nothing");
}

fn files_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let read = |path| fs::read(path).expect("a file");
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), read(entry.path()))).collect()
}

#[test]
fn a_request_or_an_answer_that_fails_is_not_told_of() {
    let place = Scene::start();
    let token = place.good();
    for body in [format!("not JSON, but {token}"), format!("{{\"active\":false,\"error\":\"{token}\"}}")] {
        place.provider.set_fault(INTROSPECT, Fault::Body(body.into_bytes()));
        let started = place.cluster.log_mark();
        let attempt = place.cluster.login(&Login::new("ana", "postgres").token(&token));
        place.assert_secret(&attempt.received);
        attempt.refused();
        place.assert_secret(place.cluster.wait_for_log(started, "FATAL:").as_bytes());
    }
    // A search that finds nothing must be able to find something.
    let mut forbidden = Forbidden::default();
    forbidden.add_token(&place.secret, "the server");
    let header = place.provider.requests()[0].header("Authorization").expect("Basic").to_owned();
    assert!(forbidden.found_in(header.as_bytes()).is_some());
}
