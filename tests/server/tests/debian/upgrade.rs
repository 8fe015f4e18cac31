//! An upgrade under open sessions and logins that go on, with the old library still mapped.

use crate::packages::{CONFFILE, PACKAGES, apt, apt_does, configure, debs, ownership, run, said, version};
use crate::scene::Scene;
use oauth_validator_server_tests::{ClientSession, LoginOutcome, eventually};
use std::fs;
use std::time::Duration;

/// What dpkg puts beside a configuration that was edited.
const NEW_SAMPLE: &str = "/etc/postgresql/oauth-validator.toml.dpkg-dist";

/// The library as a process has it mapped, by its name and whether it is still in its folder.
#[derive(Debug, PartialEq, Eq)]
enum Mapped {
    No,
    FromItsFolder,
    Replaced,
}

fn mapped(pid: i32) -> Mapped {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("a process of the server");
    let lines: Vec<&str> = maps.lines().filter(|line| line.contains("/oauth_validator.so")).collect();
    match lines.first() {
        None => Mapped::No,
        Some(_) if lines.iter().all(|line| line.ends_with("(deleted)")) => Mapped::Replaced,
        Some(_) => Mapped::FromItsFolder,
    }
}

fn new_version(package: &str) -> bool {
    version(package).ends_with("+new")
}

#[test]
fn half_an_upgrade_is_refused() {
    let library = debs("new").into_iter().filter(|deb| deb.to_string_lossy().contains("/postgresql-18-"));
    let output = apt(&["install"], &library.collect::<Vec<_>>());
    assert!(!output.status.success());
    assert!(said(&output).contains("oauth-validator-common (= "), "{}", said(&output));
    for package in PACKAGES {
        assert!(!new_version(package));
    }
}

#[test]
fn nobody_notices_an_upgrade() {
    // In 18 every process has the library from the postmaster; in 19 a login maps it.
    let mut scene = Scene::new(["shared_preload_libraries = 'oauth_validator'", ""]);
    let configuration = scene.configuration();
    configure(&configuration);
    run("chown", &["postgres:postgres", CONFFILE]);
    run("chmod", &["600", CONFFILE]);
    scene.clusters.iter().for_each(|cluster| cluster.enable());
    let (lives, token) = (scene.lives(), scene.token());
    let mut sessions: Vec<ClientSession> =
        scene.clusters.iter().map(|cluster| cluster.lets_in("app", &token)).collect();
    for session in &sessions {
        assert_eq!(mapped(session.backend_pid()), Mapped::FromItsFolder);
    }

    let count =
        scene.while_logins_go_on(|cluster| cluster.login("app", &token), || apt_does(&["install"], &debs("new")));
    println!("{count} logins during the upgrade");
    for package in PACKAGES {
        assert!(new_version(package));
    }
    for session in &mut sessions {
        assert_eq!(mapped(session.backend_pid()), Mapped::Replaced);
        assert_eq!(session.system_user(), Ok(Some("oauth:app".into())));
    }
    assert_eq!(scene.lives(), lives);

    // Edits, owner and mode are the administrator's; the new sample lies beside.
    assert_eq!(fs::read_to_string(CONFFILE).expect("the configuration"), configuration);
    assert_eq!(ownership(CONFFILE), "postgres:postgres 600");
    let sample = fs::read_to_string(NEW_SAMPLE).expect("the new sample");
    assert!(sample.contains("# As of the new build."), "{sample}");
    fs::remove_file(NEW_SAMPLE).expect("the new sample");

    // A new key needs the helper, which is the new one; the preloaded library that starts it is the old one.
    scene.rotate();
    let token = scene.token();
    for (cluster, library) in scene.clusters.iter().zip([Mapped::Replaced, Mapped::FromItsFolder]) {
        let session =
            eventually("a login by the new key", Duration::from_secs(10), || match cluster.login("app", &token) {
                LoginOutcome::Accepted(session) => Some(session),
                _ => None,
            });
        assert_eq!(mapped(session.backend_pid()), library);
    }
    assert_eq!(scene.lives(), lives);
}
