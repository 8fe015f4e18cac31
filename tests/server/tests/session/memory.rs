//! After the login, the backend's memory holds no plain value of a claim that the profile does not name.

use crate::support::{SESSION, session, start};
use oauth_validator_server_tests::needs_root;
use serde_json::json;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

/// Whether the writable memory of a process holds these bytes.
fn holds(pid: i32, wanted: &str) -> bool {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("the maps of a process");
    let memory = File::open(format!("/proc/{pid}/mem")).expect("the memory of a process");
    let range = |line: &str| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let writable = rest.starts_with("rw") && !line.contains("/dev/shm") && !line.contains("(deleted)");
        writable.then_some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?))
    };
    maps.lines().filter_map(range).any(|(from, to)| {
        let mut bytes = vec![0; usize::try_from(to - from).expect("a size")];
        // Some of it cannot be read, such as what the kernel maps.
        memory
            .read_at(&mut bytes, from)
            .is_ok_and(|count| bytes[..count].windows(wanted.len()).any(|window| window == wanted.as_bytes()))
    })
}

#[test]
fn what_is_not_named_is_not_kept() {
    if !needs_root("what_is_not_named_is_not_kept") {
        return;
    }
    for conf in ["", "shared_preload_libraries = 'oauth_validator'"] {
        let cluster = start(SESSION, conf);
        let claims = json!({
            "tid": "sentinel-that-is-named-4711",
            "plain": "sentinel-that-is-not-named-1",
            "escaped": "sentinel-that-is-\u{e9}\"-not-named-2",
            "nested": {"deep": ["sentinel-that-is-not-named-3"]},
            "sentinel-that-is-a-name-4": true,
        });
        let session = session(&cluster, "alice", claims);
        let pid = session.backend_pid();
        assert!(holds(pid, "sentinel-that-is-named-4711"), "the search itself must find something");
        for sentinel in
            ["sentinel-that-is-not-named-1", "not-named-2", "sentinel-that-is-not-named-3", "sentinel-that-is-a-name-4"]
        {
            assert!(!holds(pid, sentinel), "{conf}: {sentinel} is still in memory");
        }
    }
}
