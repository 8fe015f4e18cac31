//! The configuration file: each login sees it as it is, and a file that cannot be trusted or read lets nobody in.

use crate::support::{CONFIG, alice, lets_alice_in, refuses_alice, set_mode, start, token};
use oauth_validator_fixtures::keys;
use oauth_validator_server_tests::{Cluster, LoginOutcome, Mount, module_path, needs_root};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Somebody who is neither root nor the server.
const STRANGER: u32 = 54_321;

fn cluster() -> Cluster {
    start(module_path(), "", None)
}

/// Takes away whatever has the configuration's name, and puts the good file there.
fn mend(cluster: &Cluster) {
    let path = cluster.config_path();
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(&path).expect("an empty place"),
        Ok(_) => fs::remove_file(&path).expect("an empty place"),
        Err(_) => {}
    }
    cluster.write_config(CONFIG);
}

#[test]
fn an_edit_counts_from_the_next_login_on() {
    let mut cluster = cluster();
    lets_alice_in(&cluster);
    let mut session = cluster.login(&alice(&token().sign(keys::corp()))).accepted();

    cluster.write_config(&CONFIG.replace("api://db", "api://other"));
    let log = refuses_alice(&cluster, "audience_mismatch (profile \"corp\")");
    assert!(log.contains("oauth-validator.toml:4 accepts audience \"api://other\""), "{log}");
    cluster.write_config(&CONFIG.replace("audience", "clock_skev = 1\naudience"));
    let log = refuses_alice(&cluster, "config_invalid");
    let place = format!("{}:4:1: unknown_key: unknown key \"clock_skev\"", cluster.config_path().display());
    assert!(log.contains(&place), "{log}");
    assert_eq!(session.system_user(), Ok(Some("oauth:alice".to_owned())), "who is in stays in");

    cluster.write_config(CONFIG);
    lets_alice_in(&cluster);
    for empty in ["", "# nobody yet\n", "[profiles]\n", "[defaults]\nclock_skew = \"10s\"\n"] {
        cluster.write_config(empty);
        let log = refuses_alice(&cluster, "hba_issuer_unknown");
        assert!(log.contains("has no profile: it trusts nobody"), "{log}");
    }
    cluster.write_config(CONFIG);
    lets_alice_in(&cluster);
    assert!(!cluster.log().contains("received SIGHUP"), "nobody had to reload the server");
    cluster.restart();
    lets_alice_in(&cluster);
}

#[test]
fn no_login_sees_half_an_edit() {
    let cluster = cluster();
    let other = CONFIG.replace("api://db", "api://other") + &"# more\n".repeat(2_000);
    let good = token().sign(keys::corp());
    let done = AtomicBool::new(false);
    let (accepted, refused) = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                cluster.write_config(&other);
                cluster.write_config(CONFIG);
            }
        });
        let logins = (0..300).map(|_| matches!(cluster.login(&alice(&good)).outcome, LoginOutcome::Accepted(_)));
        let counts = logins.fold((0, 0), |(yes, no), accepted| if accepted { (yes + 1, no) } else { (yes, no + 1) });
        done.store(true, Ordering::Relaxed);
        counts
    });
    let log = cluster.log();
    let mismatches = log.matches("oauth_validator: denied: audience_mismatch (profile \"corp\")").count();
    assert_eq!(
        (mismatches, log.matches("oauth_validator: denied: ").count()),
        (refused, refused),
        "old or new, never both"
    );
    assert!(accepted > 0 && refused > 0, "{accepted} accepted, {refused} refused");
}

#[test]
fn another_file_counts_from_the_reload_on() {
    let cluster = cluster();
    let other = cluster.write_file("other.toml", CONFIG.replace("api://db", "api://other"));
    cluster.append_conf(&format!("oauth_validator.config_file = '{}'", other.display()));
    lets_alice_in(&cluster);
    cluster.reload();
    let log = refuses_alice(&cluster, "audience_mismatch");
    assert!(log.contains("other.toml:4 accepts audience"), "{log}");
    fs::remove_file(&other).expect("a file");
    let log = refuses_alice(&cluster, "config_unreadable");
    assert!(log.contains(&format!("{other:?} does not exist")), "there is no way back to the first file: {log}");
    cluster.append_conf(&format!("oauth_validator.config_file = '{}'", cluster.config_path().display()));
    cluster.reload();
    lets_alice_in(&cluster);
}

#[test]
fn errors_deny_with_place_and_words() {
    let cluster = cluster();
    let with =
        |line: &str| CONFIG.replace("audience = [\"api://db\"]\n", &format!("audience = [\"api://db\"]\n{line}\n"));
    for (toml, place, words) in [
        (with("algorithms = [\"RS257\"]"), "5:14", "RS257"),
        (with("algorithms = [\"HS256\"]"), "5:14", "HS256"),
        (with("algorithms = [\"none\"]"), "5:14", "none"),
        (with("algorithms = []"), "5:14", "empty_value"),
        (with("identity = { claim = \"$.sub[\" }"), "5:22", "bad_jsonpath"),
        (with("identity = { claim = \"sub\" }"), "5:22", "bad_jsonpath"),
        (with("audience = [\"api://other\"]"), "5:1", "duplicate"),
        (with("max_lifetime = \"11y\""), "5:16", "max_lifetime"),
        (with("clock_skew = \"6min\""), "5:14", "out_of_range"),
        (with("mode = \"trust\""), "5:8", "bad_value"),
        (with("issuer_url = \"x\""), "5:1", "unknown_key"),
        (CONFIG.replace("https:", "http:"), "3:10", "bad_url"),
        (CONFIG.replace("[\"api://db\"]", "\"none\""), "4:12", "conflict"),
        (CONFIG.replace("jwks_file = \"corp.jwks\"\n", "jwks_file = \"a\"\npem_file = \"b\"\n"), "7:12", "key_source"),
        (CONFIG.to_owned() + CONFIG, "8:11", "duplicate key"),
        ("[profiles.corp".to_owned(), "1:15", "syntax"),
    ] {
        cluster.write_config(&toml);
        let log = refuses_alice(&cluster, "config_invalid");
        let detail = log.lines().find(|line| line.contains("DETAIL:")).expect("a detail");
        assert!(detail.contains(&format!("oauth-validator.toml:{place}")), "{place}: {detail}");
        assert!(detail.contains(words), "{words}: {detail}");
        assert!(log.contains("HINT:  Run \"oauth-validator check"), "{log}");
    }
    cluster.write_file("oauth-validator.toml", b"[profiles.corp]\nissuer = \"https://issuer.ex\xe4mple\"\n");
    assert!(refuses_alice(&cluster, "config_invalid").contains("oauth-validator.toml:2:28: not_utf8"));
    mend(&cluster);
    lets_alice_in(&cluster);
}

#[test]
fn files_in_the_wrong_hands_deny() {
    let cluster = cluster();
    let path = cluster.config_path();
    let elsewhere = path.with_file_name("elsewhere");
    type Harm = fn(&Path, &Path);
    let harms: [(Harm, &str); 9] = [
        (|path, _| fs::remove_file(path).expect("removed"), "does not exist"),
        (|path, _| set_mode(path, 0o666), "mode 0666; it must not be writable by group or others"),
        (|path, _| set_mode(path, 0o620), "mode 0620; it must not be writable by group or others"),
        (
            |path, elsewhere| {
                fs::rename(path, elsewhere).expect("renamed");
                set_mode(elsewhere, 0o602);
                symlink(elsewhere, path).expect("a link");
            },
            "elsewhere\", which is owned by",
        ),
        (|path, _| symlink_to(path, Path::new("nowhere")), "there is no"),
        (|path, _| symlink_to(path, path), "symbolic links lead to it"),
        (
            |path, _| {
                fs::remove_file(path).expect("removed");
                mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a FIFO");
            },
            "a FIFO; it must be a regular file",
        ),
        (
            |path, _| {
                fs::remove_file(path).expect("removed");
                fs::create_dir(path).expect("a folder");
            },
            "a folder; it must be a regular file",
        ),
        (|path, _| fs::write(path, vec![b'#'; 10 << 20]).expect("written"), "more than the 4194304 bytes allowed"),
    ];
    for (harm, words) in harms {
        harm(&path, &elsewhere);
        let started = std::time::Instant::now();
        let log = refuses_alice(&cluster, "config_unreadable");
        assert!(started.elapsed() < Duration::from_secs(5), "{words}: nothing waits");
        assert!(log.contains(words), "{words}: {log}");
        assert!(log.contains(&format!("DETAIL:  {path:?}")) && log.contains("HINT:  "), "{log}");
        mend(&cluster);
        lets_alice_in(&cluster);
    }
}

fn symlink_to(path: &Path, target: &Path) {
    fs::remove_file(path).expect("removed");
    symlink(target, path).expect("a link");
}

#[test]
fn files_of_other_owners_deny_and_roots_do_not() {
    if !needs_root("files_of_other_owners_deny_and_roots_do_not") {
        return;
    }
    let cluster = cluster();
    let (path, group) = (cluster.config_path(), cluster.server_user().1);
    chown(&path, Some(STRANGER), None).expect("a new owner");
    set_mode(&path, 0o644);
    let log = refuses_alice(&cluster, "config_unreadable");
    assert!(log.contains(&format!("owned by uid {STRANGER}, mode 0644; it must be owned by root or")), "{log}");

    chown(&path, Some(0), Some(0)).expect("a new owner");
    set_mode(&path, 0o600);
    let log = refuses_alice(&cluster, "config_unreadable");
    assert!(log.contains("mode 0600; it must be readable by"), "{log}");
    // As packages install it: root's, for the server to read.
    chown(&path, Some(0), Some(group)).expect("a new group");
    set_mode(&path, 0o640);
    lets_alice_in(&cluster);

    let folder = path.parent().expect("a folder");
    chown(folder, Some(STRANGER), None).expect("a new owner");
    let log = refuses_alice(&cluster, "config_unreadable");
    assert!(log.contains(&format!("the folder {folder:?} is owned by uid {STRANGER}")), "{log}");
    chown(folder, Some(0), None).expect("a new owner");
    lets_alice_in(&cluster);
}

#[test]
fn folders_that_others_may_write_to_deny() {
    let cluster = cluster();
    let folder = cluster.config_path().parent().expect("a folder").to_path_buf();
    for mode in [0o777, 0o775, 0o757] {
        set_mode(&folder, mode);
        let log = refuses_alice(&cluster, "config_unreadable");
        assert!(log.contains(&format!("the folder {folder:?} is owned by")), "{log}");
        assert!(
            log.contains(&format!("mode {mode:04o}; it must not be writable by group or others, unless it is sticky")),
            "{log}"
        );
    }
    for mode in [0o1777, 0o755, 0o700] {
        set_mode(&folder, mode);
        lets_alice_in(&cluster);
    }
}

#[test]
fn a_file_from_another_system_is_fine() {
    let cluster = cluster();
    cluster.write_config(&CONFIG.replace('\n', "\r\n"));
    lets_alice_in(&cluster);
    cluster.write_config(&CONFIG.replace('\n', "\r\n").replace("audience", "clock_skev = 1\r\naudience"));
    assert!(refuses_alice(&cluster, "config_invalid").contains("oauth-validator.toml:4:1"));
}

/// As Kubernetes mounts a ConfigMap: folders of mode 0777, files behind `..data`, all of it read-only.
#[test]
fn a_config_map_of_kubernetes_is_fine_while_it_is_read_only() {
    if !needs_root("a_config_map_of_kubernetes_is_fine_while_it_is_read_only") {
        return;
    }
    let cluster = cluster();
    let folder = cluster.socket_dir().join("map");
    let Some(mount) = Mount::tmpfs(&folder, "mode=0777") else { return };
    let version = folder.join("..2026_11_21");
    fs::create_dir(&version).expect("a folder");
    set_mode(&version, 0o777);
    symlink("..2026_11_21", folder.join("..data")).expect("a link");
    let keys = fs::read(cluster.config_path().with_file_name("corp.jwks")).expect("keys");
    for (name, contents) in [("oauth-validator.toml", CONFIG.as_bytes()), ("corp.jwks", &keys)] {
        fs::write(version.join(name), contents).expect("written");
        set_mode(&version.join(name), 0o644);
        symlink(format!("..data/{name}"), folder.join(name)).expect("a link");
    }
    cluster.append_conf(&format!("oauth_validator.config_file = '{}/oauth-validator.toml'", folder.display()));
    cluster.reload();

    let log = refuses_alice(&cluster, "config_unreadable");
    assert!(log.contains("mode 0777; it must not be writable by group or others"), "{log}");
    mount.remount("ro");
    lets_alice_in(&cluster);
}
