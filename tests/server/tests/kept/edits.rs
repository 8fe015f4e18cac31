//! Edits of every kind between real logins: each login is decided by the texts of its moment.

use crate::edited::EditedCluster;
use crate::support::{By, SETTLED, Scene, config, count};
use std::collections::BTreeMap;
use std::{fs, thread};

/// How many edits there are; more with `OAUTH_VALIDATOR_EDITS`.
const EDITS: usize = 500;

/// Servers that are edited side by side, so that one pause is for all of them.
const SERVERS: u32 = 10;

/// So many edits come at most to one of them before all settles and what is kept is used again.
const BURST: usize = 16;

/// Logins, and those that were decided by a kept form.
#[derive(Default)]
struct Counts {
    logins: usize,
    kept: usize,
}

impl Counts {
    /// A login of each role, each of which must be decided by the texts as they are.
    fn log_in(&mut self, server: &EditedCluster, edit: &str) {
        for (role, fate) in server.fates() {
            self.logins += 1;
            self.kept += usize::from(server.scene.login_as(role, &fate, edit) == By::Kept);
        }
    }
}

#[test]
fn each_login_is_decided_by_the_text_of_its_moment() {
    let wanted = count("OAUTH_VALIDATOR_EDITS", EDITS);
    let mut servers: Vec<EditedCluster> = (0..SERVERS).map(EditedCluster::new).collect();
    let (mut at_once, mut settled) = (Counts::default(), Counts::default());
    let mut kinds = BTreeMap::new();
    let mut edits = 0;
    while edits < wanted {
        for server in &mut servers {
            for number in 0..=server.below(BURST) {
                let edit = if number == 0 { server.edit_in_turn(SERVERS) } else { server.edit() };
                *kinds.entry(edit).or_insert(0) += 1;
                edits += 1;
                at_once.log_in(server, edit);
            }
            server.repair();
        }
        thread::sleep(SETTLED);
        for server in &servers {
            for _ in 0..2 {
                settled.log_in(server, "all has settled");
            }
        }
    }
    println!("{edits} edits: {kinds:?}");
    println!("{} logins at once, {} of them by a kept form", at_once.logins, at_once.kept);
    println!("{} logins when all had settled, {} of them by a kept form", settled.logins, settled.kept);
    // The first of four logins makes it.
    assert!(settled.kept * 10 > settled.logins * 7, "the form is hardly used");
    for server in &servers {
        server.scene.assert_quiet();
    }
}

/// A client may name its mechanism and keep its token to itself until `authentication_timeout`. Whoever is denied by a newer
/// text could hold such connections for the day on which that happens.
#[test]
fn a_client_that_waits_with_its_token_gets_no_older_text() {
    for conf in ["", "oauth_validator.keep_configuration = off\n"] {
        let scene = Scene::start(conf);
        thread::sleep(SETTLED);
        scene.login(None);
        let (denied, unreadable, let_in) = (scene.begun(), scene.begun(), scene.begun());
        scene.cluster.write_config(&config("gp"));
        scene.finish(denied, Some("audience_mismatch"));
        fs::remove_file(scene.cluster.config_path()).expect("removed");
        scene.finish(unreadable, Some("config_unreadable"));
        let early = scene.begun();
        scene.cluster.write_config(&config("pg"));
        scene.finish(let_in, None);
        scene.finish(early, None);
        scene.assert_quiet();
    }
}
