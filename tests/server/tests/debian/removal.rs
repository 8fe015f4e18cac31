//! Removing leaves the configuration, purging leaves nothing, and neither stops a server.

use crate::packages::{CONFFILE, PACKAGES, apt_does, configure, debs, files, ownership, run, state};
use crate::scene::Scene;
use oauth_validator_server_tests::LoginOutcome;
use std::fs;
use std::path::{Path, PathBuf};

fn apt_does_to_all(action: &str) {
    apt_does(&[&[action], &PACKAGES[..]].concat(), &[]);
}

fn states() -> Vec<String> {
    PACKAGES.into_iter().map(state).collect()
}

#[test]
fn what_is_left_is_the_configuration_until_it_is_purged() {
    let scene = Scene::new(["", ""]);
    let configuration = scene.configuration();
    configure(&configuration);
    run("chown", &["root:postgres", CONFFILE]);
    run("chmod", &["440", CONFFILE]);
    scene.clusters.iter().for_each(|cluster| cluster.enable());
    let (lives, token) = (scene.lives(), scene.token());
    let mut sessions: Vec<_> = scene.clusters.iter().map(|cluster| cluster.lets_in("app", &token)).collect();
    let installed = files();
    assert!(installed.contains(&PathBuf::from("/usr/lib/postgresql/19/lib/oauth_validator.so")), "{installed:?}");
    let control = "/usr/share/postgresql/19/extension/oauth_validator.control";
    assert!(installed.contains(&PathBuf::from(control)), "{installed:?}");

    apt_does_to_all("remove");
    let left: Vec<&PathBuf> = installed.iter().filter(|file| file.exists()).collect();
    assert_eq!(left, [Path::new(CONFFILE)]);
    assert_eq!(states(), ["config-files", "not-installed", "not-installed", "not-installed"]);
    for (cluster, session) in scene.clusters.iter().zip(&mut sessions) {
        assert_eq!(session.system_user(), Ok(Some("oauth:app".into())));
        let refused = cluster.login("app", &token);
        assert!(matches!(refused, LoginOutcome::Refused(_)), "{refused:?}");
        cluster.has_logged("could not load library \"oauth_validator\": ");
    }

    apt_does(&["install"], &debs("new"));
    assert_eq!(fs::read_to_string(CONFFILE).expect("the configuration"), configuration);
    assert_eq!(ownership(CONFFILE), "root:postgres 440");
    for cluster in &scene.clusters {
        cluster.lets_in("app", &token);
    }

    apt_does_to_all("purge");
    assert_eq!(states(), ["not-installed"; 4]);
    assert!(installed.iter().all(|file| !file.exists()));
    let beside = fs::read_dir("/etc/postgresql").expect("PostgreSQL's own folder");
    let names: Vec<String> =
        beside.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    assert!(names.iter().all(|name| !name.contains("oauth")), "{names:?}");

    // Key files are the cluster's, and go with it.
    for cluster in &scene.clusters {
        let keys = cluster.value("select count(*) from pg_ls_dir('oauth_validator')");
        assert_ne!(keys, "0");
    }
    assert_eq!(scene.lives(), lives);
}
