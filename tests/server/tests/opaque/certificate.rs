//! A certificate of this server's own (RFC 8705): shown to an endpoint that talks to nobody without one, read at each login,
//! and believed only where nobody else can change it.

use crate::support::{Scene, TALKATIVE};
use oauth_validator_mock_provider::{ClientCredentials, MockProvider};
use oauth_validator_server_tests::tool_path;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

/// A provider that demands a certificate, and a server that shows `own`.
fn place(own: &ClientCredentials) -> Scene {
    let place = Scene::of(MockProvider::demanding(own), TALKATIVE);
    let secret = "client_id = \"postgres\", client_secret_file = \"corp.secret\"";
    let config = place.config_with("0s", "").replace(", cache = \"0s\"", "");
    assert!(config.contains(secret), "{config}");
    let config = config.replace(secret, "auth = \"none\", client_id = \"postgres\"").replacen(
        "keys = { ca_file",
        "keys = { client_cert_file = \"postgres.crt\", client_key_file = \"postgres.key\", ca_file",
        1,
    );
    place.cluster.write_config(&config);
    place.provider.demand_authorization(crate::support::INTROSPECT, None);
    show(&place, &own.certificate_pem, &own.key_pem);
    place
}

/// Puts these into the files, for the server's user alone; the path of the key.
fn show(place: &Scene, certificate: &str, key: &str) -> PathBuf {
    place.cluster.write_file("postgres.crt", certificate);
    let path = place.cluster.write_file("postgres.key", key);
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a mode");
    place.forbid(key.lines().nth(1).expect("a line of base64"), "the server's key");
    path
}

#[test]
fn the_right_certificate_opens_the_endpoint_and_no_other_does() {
    let (own, stranger) = (ClientCredentials::new(), ClientCredentials::new());
    let place = place(&own);
    let token = place.good();
    place.lets_ana_in(&token);
    assert_eq!(place.asked(), 1);
    let request = place.provider.requests().remove(0);
    assert_eq!(request.header("Authorization"), None);
    assert!(request.form().contains(&("client_id".to_owned(), "postgres".to_owned())), "RFC 8705 section 2.1.1");

    show(&place, &stranger.certificate_pem, &stranger.key_pem);
    place.refuses_ana(&token, "introspection_unavailable");
    show(&place, &own.certificate_pem, &stranger.key_pem);
    let log = place.refuses_ana(&token, "introspection_unavailable");
    assert!(log.contains("do not belong together"), "{log}");
    assert_eq!(place.asked(), 1, "the token was shown to nobody");
    show(&place, &own.certificate_pem, &own.key_pem);
    place.lets_ana_in(&token);
}

#[test]
fn a_profile_without_a_certificate_is_not_talked_to() {
    let own = ClientCredentials::new();
    let place = place(&own);
    let token = place.good();
    let config = place.config_with("0s", "").replace(", cache = \"0s\"", "");
    place.cluster.write_config(&config);
    place.refuses_ana(&token, "introspection_unavailable");
    assert_eq!(place.asked(), 0, "the token was shown to nobody");
}

#[test]
fn files_that_are_gone_or_that_others_can_write_are_not_shown() {
    let own = ClientCredentials::new();
    let place = place(&own);
    let token = place.good();
    let key = show(&place, &own.certificate_pem, &own.key_pem);
    let mode = |bits| fs::set_permissions(&key, Permissions::from_mode(bits)).expect("a mode");
    for bits in [0o602, 0o620, 0o666] {
        mode(bits);
        let log = place.refuses_ana(&token, "introspection_unavailable");
        assert!(log.contains("keys.client_key_file") && log.contains("postgres.key"), "{bits:o}: {log}");
    }
    fs::remove_file(&key).expect("a file to remove");
    let log = place.refuses_ana(&token, "introspection_unavailable");
    assert!(log.contains("keys.client_key_file"), "{log}");
    for (certificate, key, words) in [
        ("", own.key_pem.as_str(), "keys.client_cert_file has no certificate"),
        (own.certificate_pem.as_str(), own.certificate_pem.as_str(), "keys.client_key_file has no private key"),
    ] {
        show(&place, certificate, key);
        let log = place.refuses_ana(&token, "introspection_unavailable");
        assert!(log.contains(words), "{log}");
    }
    assert_eq!(place.asked(), 0, "nobody was asked");
}

/// Whoever reads the key is this server at the provider, but he could not choose it: that is for `check` to say.
#[test]
fn a_key_that_others_can_read_lets_in_and_check_warns_of_it() {
    let own = ClientCredentials::new();
    let place = place(&own);
    let key = show(&place, &own.certificate_pem, &own.key_pem);
    let checked = || {
        let mut check = Command::new(tool_path());
        check.env_clear().args(["check", "--server-user"]).arg(owner(&key)).arg(place.cluster.config_path());
        let output = check.output().expect("the tool runs");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let said = checked();
    assert!(!said.contains("secret_readable"), "{said}");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("a mode");
    let said = checked();
    assert!(said.contains("secret_readable") && said.contains("postgres.key"), "{said}");
    place.lets_ana_in(&place.good());
}

/// The user whose file it is, by number.
fn owner(path: &PathBuf) -> String {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).expect("the file").uid().to_string()
}
