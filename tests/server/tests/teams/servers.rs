//! Which folder a server reads: by its setting, by the name of its configuration, or none.

use crate::support::{FOLDER, Scene, main_file, profile};

#[test]
fn two_servers_with_folders_of_their_own() {
    let (one, other) = (Scene::start(), Scene::start());
    one.remove("partner.toml");
    other.write("a.toml", "x = 1");
    one.lets_in("team_a", "a", "ana");
    one.refuses("partner", "partner", "alice", "hba_issuer_unknown");
    other.lets_in("partner", "partner", "alice");
    other.refuses("team_a", "a", "ana", "config_invalid");

    // Two configurations in one folder have two folders of further files.
    let second = one.cluster.write_file("second.toml", main_file());
    one.cluster.append_conf(&format!("oauth_validator.config_file = '{}'", second.display()));
    one.cluster.reload();
    one.lets_in("app", "corp", "ana");
    one.refuses("team_a", "a", "ana", "hba_issuer_unknown");
    one.make_folder("second.d");
    one.cluster.write_file("second.d/a.toml", profile("a", "a:", ""));
    one.lets_in("team_a", "a", "ana");
}

#[test]
fn the_setting() {
    let scene = Scene::start();
    let elsewhere = scene.make_folder("elsewhere");
    let set = |value: &str| {
        scene.cluster.append_conf(&format!("oauth_validator.config_directory = '{value}'"));
        scene.cluster.reload();
    };
    set("");
    scene.lets_in("app", "corp", "ana");
    scene.refuses("team_a", "a", "ana", "hba_issuer_unknown");
    set(&elsewhere.to_string_lossy());
    scene.refuses("team_a", "a", "ana", "hba_issuer_unknown");
    scene.cluster.write_file("elsewhere/a.toml", profile("a", "a:", ""));
    scene.lets_in("team_a", "a", "ana");
    set(FOLDER);
    scene.lets_in("app", "corp", "ana");
    let log = scene.refuses("team_a", "a", "ana", "config_invalid");
    assert!(log.contains("which is not an absolute path"), "{log}");
    set(&scene.path(FOLDER).to_string_lossy());
    scene.all_log_in();
}
