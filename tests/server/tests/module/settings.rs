//! Who sees the settings of the library, and that nobody changes by them who is let in.

use crate::support::{lets_alice_in, start, token};
use oauth_validator_fixtures::keys;
use oauth_validator_server_tests::{ClientSession, Cluster, Login, module_path};

const HIDDEN: [&str; 4] = ["config_file", "config_directory", "helper", "cache_directory"];

/// A session of a role without privileges, by `trust`.
fn bob(cluster: &Cluster) -> ClientSession {
    cluster.sql("CREATE ROLE bob LOGIN").expect("a role");
    cluster.set_hba(&format!("local all bob trust\n{}", crate::support::HBA));
    cluster.reload();
    cluster.login(&Login::new("bob", "postgres")).accepted()
}

/// With the library in the session, whoever has no leave to see all settings does not see these.
#[test]
fn in_sessions_that_have_the_library_the_paths_are_hidden() {
    let cluster = start(module_path(), "shared_preload_libraries = 'oauth_validator'", None);
    let mut session = bob(&cluster);
    for name in HIDDEN {
        let error = session.query(&format!("SHOW oauth_validator.{name}")).expect_err("it is shown");
        assert!(error.to_string().contains("permission denied"), "{name}: {error}");
    }
    assert!(session.query("SHOW oauth_validator.max_helpers").is_ok());

    let cluster = start(module_path(), "", None);
    let mut session = cluster.login(&crate::support::alice(&token().sign(keys::corp()))).accepted();
    for name in HIDDEN {
        let error = session.query(&format!("SHOW oauth_validator.{name}")).expect_err("it is shown");
        assert!(error.to_string().contains("permission denied"), "{name}: {error}");
    }
}

/// Without it, what postgresql.conf says is a name like any other to the server: it is shown, and may be set, to no effect.
#[test]
fn elsewhere_they_are_shown_and_setting_them_changes_nothing() {
    let cluster = start(module_path(), "", None);
    let mut session = bob(&cluster);
    let shown = session.query("SHOW oauth_validator.config_file").expect("a path");
    assert_eq!(shown, [[Some(cluster.config_path().display().to_string())]]);
    session.query("SET oauth_validator.config_file = '/tmp/of-bob.toml'").expect("a name like any other");
    lets_alice_in(&cluster);
}
