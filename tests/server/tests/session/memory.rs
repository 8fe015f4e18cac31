//! After the login, the backend's memory holds no plain value of a claim that the profile does not name.

use crate::support::{SESSION, session, start};
use oauth_validator_server_tests::{is_in_memory, needs_root};
use serde_json::json;

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
        assert!(is_in_memory(pid, b"sentinel-that-is-named-4711"), "the search itself must find something");
        for sentinel in
            ["sentinel-that-is-not-named-1", "not-named-2", "sentinel-that-is-not-named-3", "sentinel-that-is-a-name-4"]
        {
            assert!(!is_in_memory(pid, sentinel.as_bytes()), "{conf}: {sentinel} is still in memory");
        }
    }
}
