//! What a backend is after an OAuth login: one thread, one socket (the client's), and no library but ours and its runtime.

use crate::support::{alice, open_files, start, token};
use oauth_validator_fixtures::keys;
use oauth_validator_server_tests::{ClientSession, Login, module_path};
use std::collections::BTreeSet;
use std::fs;

fn pid(session: &ClientSession) -> u32 {
    u32::try_from(session.backend_pid()).expect("a process id")
}

fn sockets(pid: u32) -> Vec<String> {
    open_files(pid)
        .into_iter()
        .filter_map(|name| Some(name.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect()
}

/// Inodes of all sockets of one kind, from /proc/net.
fn inodes(kind: &str, column: usize) -> BTreeSet<String> {
    let table = fs::read_to_string(format!("/proc/net/{kind}")).unwrap_or_default();
    table.lines().skip(1).filter_map(|line| Some(line.split_whitespace().nth(column)?.to_owned())).collect()
}

fn libraries(pid: u32) -> BTreeSet<String> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("a process");
    let names = maps.lines().filter_map(|line| line.rsplit_once('/').map(|found| found.1));
    names.filter(|name| name.contains(".so")).map(|name| name.split(".so").next().unwrap_or(name).to_owned()).collect()
}

#[test]
fn a_backend_has_one_thread_and_no_socket_but_the_clients() {
    let cluster = start(module_path(), "", None);
    let mut session = cluster.login(&alice(&token().sign(keys::corp()))).accepted();
    assert_eq!(session.system_user(), Ok(Some("oauth:alice".to_owned())));
    let trusted = cluster.login(&Login::new("postgres", "postgres")).accepted();

    let threads = fs::read_dir(format!("/proc/{}/task", pid(&session))).expect("a process").count();
    assert_eq!(threads, 1);
    let own = sockets(pid(&session));
    assert_eq!((own.len(), sockets(pid(&trusted)).len()), (1, 1), "{own:?}");
    assert!(inodes("unix", 6).contains(&own[0]), "it is the Unix socket of the client");
    for kind in ["tcp", "tcp6", "udp", "udp6", "raw"] {
        assert!(!inodes(kind, 9).contains(&own[0]), "{kind}");
    }

    let added: BTreeSet<String> = libraries(pid(&session)).difference(&libraries(pid(&trusted))).cloned().collect();
    assert!(added.contains("oauth_validator"), "{added:?}");
    let runtime: BTreeSet<String> = ["oauth_validator", "libgcc_s"].map(str::to_owned).into();
    assert!(added.is_subset(&runtime), "no library for networks, TLS or threads comes along: {added:?}");
}

#[test]
fn a_session_keeps_no_file_of_the_login_open() {
    let cluster = start(module_path(), "", None);
    let session = cluster.login(&alice(&token().sign(keys::corp()))).accepted();
    let open = open_files(pid(&session));
    let kept: Vec<&String> = open.iter().filter(|name| name.contains("/etc/") || name.contains("jwks")).collect();
    assert!(kept.is_empty(), "{kept:?}");
    assert!(open.iter().any(|name| name.starts_with("socket:")), "the list is not empty for another reason: {open:?}");
}
