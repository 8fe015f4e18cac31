//! Files of keys: whoever writes one signs tokens, so it is judged like the configuration, and there is no other source.

use crate::support::{CONFIG, lets_alice_in, refuses_alice, set_mode, start};
use oauth_validator_fixtures::{jwks, keys, weak};
use oauth_validator_server_tests::{module_path, needs_root};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{chown, symlink};

const CODE: &str = "keys_unavailable (profile \"corp\")";

#[test]
fn documents_without_a_usable_key_deny() {
    let cluster = start(module_path(), "", None);
    let good = jwks(&[keys::corp()]).to_string();
    let private = json!({"keys": [{"kty": "oct", "kid": "corp-rsa", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQ"}]});
    for (contents, words) in [
        (String::new(), "cannot be used"),
        ("rubbish".to_owned(), "cannot be used"),
        ("{}".to_owned(), "cannot be used"),
        ("{\"keys\": []}".to_owned(), "it has no usable key (it is empty)"),
        ("{\"keys\": {}}".to_owned(), "cannot be used"),
        (private.to_string(), "it has no usable key"),
        (json!({"keys": [weak::public_jwk()]}).to_string(), "it has no usable key"),
        (json!({"keys": [{"kty": "RSA", "kid": "corp-rsa"}]}).to_string(), "it has no usable key"),
        (good[..good.len() - 2].to_owned(), "cannot be used"),
        (keys::corp().public_pem(), "cannot be used"),
        (good.clone() + &" ".repeat(300_000), "bytes allowed"),
    ] {
        cluster.write_file("corp.jwks", &contents);
        let log = refuses_alice(&cluster, CODE);
        assert!(log.contains("DETAIL:  keys.jwks_file: ") && log.contains(words), "{words}: {log}");
        assert!(!log.contains("c2VjcmV0") && !log.contains("rubbish"), "nothing of the file is logged: {log}");
    }
    cluster.write_file("corp.jwks", &good);
    lets_alice_in(&cluster);

    // One bad key takes none of the good ones along.
    let mixed = json!({"keys": [private["keys"][0], weak::public_jwk(), 7, keys::corp().public_jwk()]});
    cluster.write_file("corp.jwks", mixed.to_string());
    lets_alice_in(&cluster);
    cluster.write_file("corp.jwks", jwks(&[keys::partner()]).to_string());
    refuses_alice(&cluster, "key_unknown (profile \"corp\")");
    cluster.write_file("corp.jwks", jwks(&[&keys::partner().with_kid(keys::corp().kid())]).to_string());
    refuses_alice(&cluster, "signature_invalid (profile \"corp\")");
}

#[test]
fn key_files_in_the_wrong_hands_deny() {
    let cluster = start(module_path(), "", None);
    let good = jwks(&[keys::corp()]).to_string();
    let path = cluster.write_file("corp.jwks", &good);
    for (words, harm) in [
        ("does not exist", (|path| fs::remove_file(path)) as fn(&std::path::Path) -> std::io::Result<()>),
        ("mode 0606; it must not be writable by group or others", |path| {
            set_mode(path, 0o606);
            Ok(())
        }),
        ("a FIFO; it must be a regular file", |path| {
            fs::remove_file(path)?;
            Ok(mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)?)
        }),
        ("a folder; it must be a regular file", |path| {
            fs::remove_file(path)?;
            fs::create_dir(path)
        }),
        ("there is no", |path| {
            fs::remove_dir(path)?;
            symlink("/nonexistent/keys", path)
        }),
        ("it must be a regular file", |path| {
            fs::remove_file(path)?;
            symlink("/dev/null", path)
        }),
    ] {
        harm(&path).expect("harm");
        let log = refuses_alice(&cluster, CODE);
        assert!(log.contains("DETAIL:  keys.jwks_file: ") && log.contains(words), "{words}: {log}");
        if !path.is_dir() {
            cluster.write_file("corp.jwks", &good);
            lets_alice_in(&cluster);
        }
    }
}

#[test]
fn key_files_of_strangers_deny() {
    if !needs_root("key_files_of_strangers_deny") {
        return;
    }
    let cluster = start(module_path(), "", None);
    let path = cluster.config_path().with_file_name("corp.jwks");
    chown(&path, Some(54_321), None).expect("a new owner");
    set_mode(&path, 0o644);
    let log = refuses_alice(&cluster, CODE);
    assert!(log.contains("owned by uid 54321, mode 0644; it must be owned by root or"), "{log}");
    chown(&path, Some(0), None).expect("a new owner");
    lets_alice_in(&cluster);
}

#[test]
fn keys_change_with_the_next_login() {
    let cluster = start(module_path(), "", None);
    cluster.write_config(&CONFIG.replace("jwks_file = \"corp.jwks\"", "pem_file = \"corp.pem\""));
    assert!(refuses_alice(&cluster, CODE).contains("DETAIL:  keys.pem_file: "));
    cluster.write_file("corp.pem", keys::corp().public_pem());
    lets_alice_in(&cluster);
    cluster.write_file("corp.pem", keys::partner().public_pem());
    refuses_alice(&cluster, "signature_invalid (profile \"corp\")");
    cluster.write_file("corp.pem", keys::p256().public_pem());
    refuses_alice(&cluster, "key_unknown (profile \"corp\")");

    let inline = format!("jwks = '{}'", jwks(&[keys::corp()]));
    cluster.write_config(&CONFIG.replace("jwks_file = \"corp.jwks\"", &inline));
    lets_alice_in(&cluster);
    cluster
        .write_config(&CONFIG.replace("jwks_file = \"corp.jwks\"", &format!("{inline}\ndeny_kids = [\"corp-rsa\"]")));
    refuses_alice(&cluster, "token_revoked (profile \"corp\")");
}
