//! The file with this server's own secret: read at each login, and believed only where nobody else can change it.

use crate::support::{INTROSPECT, Scene, basic};
use oauth_validator_fixtures::secret;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

#[test]
fn a_secret_that_cannot_be_trusted_is_not_sent() {
    let place = Scene::start();
    let token = place.good();
    let path = place.cluster.write_file("corp.secret", &place.secret);
    let mode = |mode| fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a new mode");
    for (bits, words) in [(0o602, "corp.secret"), (0o620, "corp.secret"), (0o666, "corp.secret")] {
        mode(bits);
        let log = place.refuses_ana(&token, "introspection_unavailable");
        assert!(log.contains("introspection.client_secret_file") && log.contains(words), "{bits:o}: {log}");
    }
    mode(0o600);
    place.lets_ana_in(&token);
    fs::remove_file(&path).expect("a file to remove");
    let log = place.refuses_ana(&token, "introspection_unavailable");
    assert!(log.contains("introspection.client_secret_file") && log.contains("corp.secret"), "{log}");
    symlink("/nowhere", &path).expect("a link");
    place.refuses_ana(&token, "introspection_unavailable");
    fs::remove_file(&path).expect("a link to remove");
    for content in ["", "\n", "two\nlines", "a\0b", "tab\there"] {
        place.cluster.write_file("corp.secret", content);
        let log = place.refuses_ana(&token, "introspection_unavailable");
        assert!(log.contains("does not hold one line of text"), "{content:?}: {log}");
    }
    place.cluster.write_file("corp.secret", [b'a', 0xff]);
    place.refuses_ana(&token, "introspection_unavailable");
    place.cluster.write_file("corp.secret", "x".repeat(5000));
    place.refuses_ana(&token, "introspection_unavailable");
    assert_eq!(place.asked(), 1, "nobody was asked but by the login that was let in");
    place.cluster.write_file("corp.secret", format!("{}\r\n", place.secret));
    place.lets_ana_in(&token);
}

#[test]
fn a_new_secret_counts_from_the_next_login_on() {
    let place = Scene::start();
    let token = place.good();
    place.lets_ana_in(&token);
    let new = secret();
    place.forbid(&new, "the server");
    place.provider.demand_authorization(INTROSPECT, Some(&basic(&new)));
    let log = place.refuses_ana(&token, "introspection_unavailable");
    assert!(log.contains("status 401"), "{log}");
    place.cluster.write_file("corp.secret", &new);
    place.lets_ana_in(&token);
    place.cluster.write_file("corp.secret", &place.secret);
    place.refuses_ana(&token, "introspection_unavailable");
}
