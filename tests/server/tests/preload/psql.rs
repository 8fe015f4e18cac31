//! psql, pg_dump and pgbench of the server's own release, over its Unix socket.

use crate::scene::{ISSUER, ProgramOutput, Scene, WELL_KNOWN, set_mode, token};
use oauth_validator_fixtures::keys;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

/// libpq 18 has nothing else to say; 19 has the text behind it.
const FAILED: &str = "user-defined OAuth flow failed";

fn with<'a>(file: &'a Path, issuer: &'a str) -> [(&'a str, &'a OsStr); 2] {
    [("OAUTH_TOKEN_FILE", file.as_os_str()), ("OAUTH_TOKEN_ISSUER", issuer.as_ref())]
}

/// Refused by the library, for this reason, before the server saw anything of the token.
#[track_caller]
fn refused(scene: &Scene, said: &ProgramOutput, mark: usize, token: &str, why: &str) {
    assert!(!said.succeeded, "{said:?}");
    assert!(said.stderr.contains(&format!("liboauth_token: {why}")) && said.stderr.contains(FAILED), "{said:?}");
    let log = scene.cluster.log_since(mark);
    assert!(!log.contains("denied") && !log.contains("connection authenticated"), "{log}");
    let printed = format!("{}{}{log}", said.stdout, said.stderr);
    assert!(!token.split('.').any(|part| part.len() > 11 && printed.contains(part)), "{printed}");
}

#[test]
fn the_token_of_the_file_logs_in_without_a_prompt() {
    let scene = Scene::start(Vec::new());
    let file = scene.token_file(&format!("{}\n", token(300)));
    for issuer in [ISSUER, WELL_KNOWN] {
        let said = scene.psql(&scene.conninfo(issuer), &with(&file, ISSUER));
        assert_eq!((said.stdout.trim(), said.stderr.as_str()), ("oauth:alice", ""), "{issuer}: {said:?}");
    }
    // As root's file, with the group's right to read.
    set_mode(&file, 0o640);
    let hosts = format!("db.example,{}", scene.cluster.socket_dir().display());
    let listed = [&with(&file, ISSUER)[..], &[("OAUTH_TOKEN_HOSTS", hosts.as_ref())]].concat();
    let said = scene.psql(&scene.conninfo(ISSUER), &listed);
    assert_eq!(said.stdout.trim(), "oauth:alice", "{said:?}");
}

#[test]
fn each_connection_reads_the_file_anew() {
    let scene = Scene::start(Vec::new());
    let file = scene.token_file(&token(300));
    // The file that psql is started with is renewed by the session itself, by rename; the next connection has the new one.
    let next = scene.cluster.socket_dir().join("next");
    fs::write(&next, token(-60)).expect("a file");
    set_mode(&next, 0o600);
    let mut command = scene.program("psql", &with(&file, ISSUER));
    let rename = format!("\\! mv '{}' '{}'", next.display(), file.display());
    command.args(["-XAt", "-v", "ON_ERROR_STOP=1", "-c", "select system_user", "-c", &rename, "-c", "\\c"]);
    let said = ProgramOutput::of(&command.arg(scene.conninfo(ISSUER)).output().expect("psql runs"));
    assert_eq!((said.succeeded, said.stdout.trim()), (false, "oauth:alice"), "{said:?}");
    assert!(said.stderr.contains("its token expired"), "{said:?}");
}

#[test]
fn programs_with_many_connections_need_no_prompt_either() {
    let scene = Scene::start(Vec::new());
    let file = scene.token_file(&token(300));
    let dump = scene.cluster.socket_dir().join("dump");
    let mut command = scene.program("pg_dump", &with(&file, ISSUER));
    command.args(["--schema-only", "--format=directory", "--jobs=3", "--file"]).arg(&dump);
    let said = ProgramOutput::of(&command.arg(scene.conninfo(ISSUER)).output().expect("pg_dump runs"));
    assert!(said.succeeded, "{said:?}");

    let script = scene.cluster.socket_dir().join("script");
    fs::write(&script, "select 1;\n").expect("a script");
    let mut command = scene.program("pgbench", &with(&file, ISSUER));
    command.args(["--no-vacuum", "--connect", "--client=2", "--transactions=20", "--file"]).arg(&script);
    let said = ProgramOutput::of(&command.arg(scene.conninfo(WELL_KNOWN)).output().expect("pgbench runs"));
    assert!(said.succeeded && said.stdout.contains("40/40"), "{said:?}");
}

#[test]
fn what_is_wrong_with_the_file_is_said() {
    let scene = Scene::start(Vec::new());
    let good = token(300);
    for (text, mode, why) in [
        (token(-60), 0o600, "its token expired 6"),
        (good.clone(), 0o644, "its mode is 0644"),
        (good.clone(), 0o660, "its mode is 0660"),
        (String::new(), 0o600, "it is empty"),
        (format!("Bearer {good}"), 0o600, "it begins with \"Bearer \""),
        (format!("{{\"access_token\":\"{good}\"}}"), 0o600, "it has characters that no bearer token has"),
    ] {
        let file = scene.token_file(&text);
        set_mode(&file, mode);
        let mark = scene.cluster.log_mark();
        let said = scene.psql(&scene.conninfo(WELL_KNOWN), &with(&file, ISSUER));
        refused(&scene, &said, mark, &good, &format!("OAUTH_TOKEN_FILE {}: {why}", file.display()));
    }
    let mark = scene.cluster.log_mark();
    let nowhere = scene.cluster.socket_dir().join("nowhere");
    let said = scene.psql(&scene.conninfo(ISSUER), &with(&nowhere, ISSUER));
    refused(&scene, &said, mark, &good, &format!("OAUTH_TOKEN_FILE {}: No such file", nowhere.display()));

    // Another user's file, which this one can read all the same.
    let file = scene.token_file(&good);
    if chown(&file, Some(4711), None).is_ok() {
        let said = scene.psql(&scene.conninfo(ISSUER), &with(&file, ISSUER));
        refused(
            &scene,
            &said,
            mark,
            &good,
            &format!("OAUTH_TOKEN_FILE {}: it belongs to the user 4711", file.display()),
        );
    } else {
        println!("skipped: only root can give a file to another user");
    }
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn another_issuer_and_another_host_get_nothing() {
    let scene = Scene::start(Vec::new());
    let good = token(300);
    let file = scene.token_file(&good);
    let mark = scene.cluster.log_mark();
    for (asked, issuer) in [
        (ISSUER, "https://partner.example"),
        (WELL_KNOWN, "https://issuer.example/realms/corp"),
        ("https://partner.example/.well-known/openid-configuration", ISSUER),
    ] {
        let said = scene.psql(&scene.conninfo(asked), &with(&file, issuer));
        refused(&scene, &said, mark, &good, "a token of ");
        assert!(said.stderr.contains(&format!("and OAUTH_TOKEN_ISSUER is {issuer}")), "{said:?}");
    }
    let socket = scene.cluster.socket_dir().display().to_string();
    for hosts in ["db.example", &format!("{socket}:5433"), &format!("{socket}/")] {
        let listed = [&with(&file, ISSUER)[..], &[("OAUTH_TOKEN_HOSTS", hosts.as_ref())]].concat();
        let said = scene.psql(&scene.conninfo(ISSUER), &listed);
        refused(&scene, &said, mark, &good, &format!("{socket}:5432 is not in OAUTH_TOKEN_HOSTS"));
    }
}

#[test]
fn half_a_setting_is_none_and_nothing_set_is_libpqs_own_way() {
    let scene = Scene::start(Vec::new());
    let good = token(300);
    let file = scene.token_file(&good);
    let mark = scene.cluster.log_mark();
    for (variables, why) in [
        (&[("OAUTH_TOKEN_FILE", file.as_os_str())][..], "OAUTH_TOKEN_ISSUER is not set"),
        (&[("OAUTH_TOKEN_ISSUER", OsStr::new(ISSUER))], "OAUTH_TOKEN_FILE is not set"),
        (&[("OAUTH_TOKEN_HOSTS", OsStr::new("db.example"))], "OAUTH_TOKEN_FILE is not set"),
    ] {
        let said = scene.psql(&scene.conninfo(ISSUER), variables);
        refused(&scene, &said, mark, &good, why);
    }
    let said = scene.psql(&scene.conninfo(ISSUER), &[]);
    assert!(!said.succeeded && !said.stderr.contains("liboauth_token"), "{said:?}");
    // With the distribution's device flow, libpq looks for the issuer's document; without it there is no flow.
    let own = ["no OAuth flows are available", "could not fetch OpenID discovery document"];
    assert!(own.iter().any(|words| said.stderr.contains(words)), "{said:?}");
}

/// The server judges what the library lets through, and the library does not try twice.
#[test]
fn a_token_that_the_server_refuses_is_shown_once() {
    let scene = Scene::start(Vec::new());
    let by_another_key = {
        let good = token(300);
        let (body, _) = good.rsplit_once('.').expect("a signature");
        let stranger = oauth_validator_fixtures::TokenBuilder::new(serde_json::json!({}), serde_json::json!({}));
        let other = stranger.sign(keys::partner());
        format!("{body}.{}", other.rsplit_once('.').expect("a signature").1)
    };
    let file = scene.token_file(&by_another_key);
    let mark = scene.cluster.log_mark();
    let said = scene.psql(&scene.conninfo(WELL_KNOWN), &with(&file, ISSUER));
    assert!(
        !said.succeeded && said.stderr.contains("OAuth bearer authentication failed for user \"alice\""),
        "{said:?}"
    );
    let log = scene.cluster.wait_for_log(mark, "denied: signature_invalid");
    assert_eq!(log.matches("denied: ").count(), 1, "{log}");
}
