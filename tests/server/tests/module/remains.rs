//! What is left of a token in the memory of the session that it let in: nothing that the module made of it.
//!
//! PostgreSQL's own buffers are not looked for: it keeps the message in which the token came until that memory is used
//! for something else.

use crate::support::{alice, start, token};
use oauth_validator_fixtures::{keys, mint, secret, secrets};
use oauth_validator_server_tests::{Cluster, is_in_memory, module_path, needs_root};

#[test]
fn what_was_decoded_of_a_token_is_wiped() {
    if !needs_root("what_was_decoded_of_a_token_is_wiped") {
        return;
    }
    for conf in ["", "shared_preload_libraries = 'oauth_validator'"] {
        let cluster = start(module_path(), conf, None);
        // Of several sizes: some memory is used again at once.
        for count in [1, 12, 100] {
            let values: Vec<(String, String)> = (0..count).map(|number| (format!("name{number}"), secret())).collect();
            let signed = values.iter().fold(token(), |token, (name, value)| token.claim(name, value.clone()));
            let token = values.iter().take(30).fold(signed, |token, (name, value)| token.header(name, value.clone()));
            nothing_decoded_is_left(&cluster, &token.sign(keys::corp()), &format!("{count} claims, {conf:?}"));
        }
    }
}

#[track_caller]
fn nothing_decoded_is_left(cluster: &Cluster, token: &str, what: &str) {
    let mut session = cluster.login(&alice(token)).accepted();
    let pid = session.backend_pid();
    // As it stands in header and payload; values alone may be left.
    let decoded = format!("\":\"{}", secrets::SECRET_MARK);
    assert!(!is_in_memory(pid, decoded.as_bytes()), "the decoded header or payload, {what}");
    let (input, encoded) = token.rsplit_once('.').expect("a signature");
    let signature = keys::corp().sign("RS256", input.as_bytes());
    assert_eq!(mint::b64(&signature), encoded, "RSA with PKCS #1 signs alike each time");
    assert!(!is_in_memory(pid, &signature), "the decoded signature, {what}");

    // The search finds what is there. Last, since a query takes memory, and writes over what may have been left.
    let marker = secret();
    session.query(&format!("SELECT '{marker}' AS \"name\"")).expect("rows");
    assert!(is_in_memory(pid, marker.as_bytes()), "the search finds nothing");
}
