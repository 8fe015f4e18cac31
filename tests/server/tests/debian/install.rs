//! A first installation, beside servers that run.

use crate::packages::{CONFFILE, PACKAGES, apt_does, configure, debs, ownership, run, state};
use crate::scene::Scene;
use oauth_validator_server_tests::LoginOutcome;
use std::path::Path;

#[test]
fn servers_that_run_take_it_up_without_a_restart() {
    for package in PACKAGES {
        assert_eq!(state(package), "not-installed");
    }
    assert!(!Path::new(CONFFILE).exists());
    let scene = Scene::new(["", ""]);
    let (lives, mut sessions, token) = (scene.lives(), scene.superusers(), scene.token());

    let count = scene.while_logins_go_on(
        |cluster| LoginOutcome::Accepted(cluster.superuser()),
        || apt_does(&["install"], &debs("old")),
    );
    assert!(count > 0);
    for session in &mut sessions {
        session.query("select 1").expect("the session goes on");
    }
    assert_eq!(scene.lives(), lives);

    // What only the servers may read, and not even they may write; it trusts nobody.
    assert_eq!(ownership(CONFFILE), "root:postgres 640");
    run("oauth-validator", &["check"]);
    for cluster in &scene.clusters {
        assert!(!matches!(cluster.login("app", &token), LoginOutcome::Accepted(_)), "it enabled itself");
        cluster.enable();
        let refused = cluster.login("app", &token);
        assert!(matches!(refused, LoginOutcome::Refused(_)), "{refused:?}");
        cluster.has_logged("hba_issuer_unknown");
    }

    // The helper is found at its place, and the provider by the system's trust store.
    configure(&scene.configuration());
    for cluster in &scene.clusters {
        assert_eq!(cluster.lets_in("app", &token).system_user(), Ok(Some("oauth:app".into())));
    }
    assert_eq!(scene.lives(), lives);
}
