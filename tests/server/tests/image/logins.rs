//! Logins in a pod: the library and its helper from the image, the configuration from the volume, keys over TLS.

use crate::pod::{PROJECTED, Pod, data_directory};
use oauth_validator_fixtures::{TestKey, TokenBuilder, jwks, keys};
use oauth_validator_mock_provider::MockProvider;
use oauth_validator_server_tests::{eventually, now};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// A provider, and what the volume says of it.
struct Scene {
    provider: MockProvider,
    authority: String,
}

impl Scene {
    fn new() -> Self {
        let provider = MockProvider::start();
        provider.set_keys(jwks(&[keys::corp()]));
        let authority = fs::read_to_string(provider.ca_file()).expect("the authority");
        Self { provider, authority }
    }

    fn hba(&self) -> String {
        format!("local all app oauth issuer=\"{}\" scope=\"db.connect\"\n", self.provider.issuer())
    }

    fn publish(&self, pod: &mut Pod, audience: &str, mode: u32) {
        let config = format!(
            "[profiles.corp]\nissuer = \"{}\"\naudience = [\"{audience}\"]\n\
             [profiles.corp.keys]\nca_file = \"ca.pem\"\nkid_cooldown = \"1s\"\n",
            self.provider.issuer()
        );
        pod.volume.publish(&[("oauth-validator.toml", &config), ("ca.pem", &self.authority)], mode);
    }

    fn token(&self, key: &TestKey, audience: &str) -> String {
        let claims = json!({"iss": self.provider.issuer(), "sub": "app", "aud": audience, "scope": "db.connect"});
        TokenBuilder::new(json!({"typ": "at+jwt"}), claims).claim("iat", now()).claim("exp", now() + 600).sign(key)
    }
}

/// All in one, since a pod takes seconds to start; each step stands on the one before.
fn a_pod(major: u32) {
    let scene = Scene::new();
    let mut pod = Pod::start(major, &scene.hba());
    let token = scene.token(keys::corp(), "api://db");

    // As the pod's securityContext says.
    assert_eq!(pod.status("Uid"), "26\t26\t26\t26");
    assert_eq!(pod.status("CapBnd").trim_start_matches('0'), "");
    assert_eq!(pod.status("CapEff").trim_start_matches('0'), "");
    assert_eq!(pod.status("NoNewPrivs"), "1");

    // Nothing is projected yet: nobody gets in.
    pod.superuser().query("create role app login").expect("a role");
    pod.refuses("app", &token, "config_unreadable");
    assert_eq!(scene.provider.connection_count(), 0);

    // The volume's files are root's, readable by fsGroup alone; the helper is the image's.
    scene.publish(&mut pod, "api://db", 0o440);
    let mut session = pod.lets_in("app", &token);
    assert_eq!(session.system_user(), Ok(Some("oauth:app".into())));
    assert_eq!(scene.provider.request_count("/jwks"), 1);
    let kept: Value = serde_json::from_slice(&fs::read(pod.key_file("corp")).expect("a key file")).expect("JSON");
    assert!(kept.is_object());
    pod.refuses("app", &scene.token(keys::corp(), "api://other"), "audience_mismatch");
    pod.refuses("app", "not.a.token", "token_malformed");

    the_extension(&mut pod);
    a_new_key(&scene, &pod);
    a_new_version(&scene, &mut pod, &token);
    assert!(!pod.log().contains(token.split('.').nth(1).expect("claims")), "a token was logged");
}

/// From the image's share folder, by `extension_control_path`.
fn the_extension(pod: &mut Pod) {
    pod.superuser().query("create extension oauth_validator").expect("the extension");
    let mut session = pod.superuser();
    let rows = session.query("select current_setting('data_directory')").expect("a setting");
    assert_eq!(rows[0][0].as_deref(), Some(data_directory()));
    let rows = session.query("select count(*) from oauth_validator.keys").expect("the view");
    assert_eq!(rows[0][0].as_deref(), Some("1"));
}

/// The provider signs by another key: it is fetched when a token by it comes.
fn a_new_key(scene: &Scene, pod: &Pod) {
    std::thread::sleep(Duration::from_millis(1100));
    pod.refuses("app", &scene.token(keys::p256(), "api://db"), "key_unknown");
    scene.provider.set_keys(jwks(&[keys::p256()]));
    std::thread::sleep(Duration::from_millis(1100));
    let token = scene.token(keys::p256(), "api://db");
    pod.lets_in("app", &token);
}

/// The kubelet swaps `..data`: the next login is judged by the new version, without a reload.
fn a_new_version(scene: &Scene, pod: &mut Pod, token: &str) {
    scene.publish(pod, "api://new", 0o440);
    pod.refuses("app", &scene.token(keys::p256(), "api://db"), "audience_mismatch");
    pod.lets_in("app", &scene.token(keys::p256(), "api://new"));
    pod.refuses("app", token, "key_unknown");

    // Without the group's read permission the server cannot read its configuration, and says where it lies.
    scene.publish(pod, "api://new", 0o400);
    pod.refuses("app", &scene.token(keys::p256(), "api://new"), "config_unreadable");
    eventually("the path in the log", Duration::from_secs(10), || {
        pod.log().contains(&format!("{PROJECTED}/oauth-validator.toml")).then_some(())
    });
    // What everybody could write is no configuration, read-only mount or not.
    scene.publish(pod, "api://new", 0o666);
    pod.refuses("app", &scene.token(keys::p256(), "api://new"), "config_unreadable");
}

#[test]
fn a_pod_of_18() {
    a_pod(18);
}

#[test]
fn a_pod_of_19() {
    a_pod(19);
}
