//! What all tests share: a server whose one profile trusts the provider, and the one way to be refused.

use crate::oidc::OidcProvider;
use oauth_validator_server_tests::{Cluster, ClusterOptions, Login, LoginOutcome, tool_path};
use std::thread;
use std::time::{Duration, Instant};

/// Keys from wherever the provider's metadata says they are.
pub const DISCOVERY: &str = "ca_file = \"ca.pem\"";

/// A profile for the provider's tokens, as `keys` (lines of TOML) says where the keys are.
pub fn config(provider: &OidcProvider, keys: &str) -> String {
    format!(
        r#"
[profiles.corp]
preset = "rfc9068"
issuer = "{}"
audience = ["postgres"]
[profiles.corp.keys]
{keys}
"#,
        provider.issuer()
    )
}

/// A server with the roles `app` and `alice`, and this configuration.
pub fn start(provider: &OidcProvider, config: String) -> Cluster {
    let cluster = Cluster::start(ClusterOptions {
        config: Some(config),
        hba: format!("local all all oauth issuer=\"{}\" scope=\"db.connect\"", provider.issuer()),
        helper: Some(tool_path()),
        ..ClusterOptions::with_module()
    });
    cluster.write_file("ca.pem", provider.ca_pem());
    for role in ["app", "alice"] {
        cluster.sql(&format!("CREATE ROLE {role} LOGIN")).expect("a role");
    }
    cluster
}

/// Logs `role` in, as the identity of the same name.
#[track_caller]
pub fn lets_in(cluster: &Cluster, role: &str, token: &str) {
    let mark = cluster.log_mark();
    let attempt = cluster.login(&Login::new(role, "postgres").token(token));
    let mut session = match attempt.outcome {
        LoginOutcome::Accepted(session) => session,
        other => panic!("{role} was not let in: {other:?}\n{}", cluster.log_since(mark)),
    };
    assert_eq!(session.system_user(), Ok(Some(format!("oauth:{role}"))));
}

/// Shows a token as `role`, which must be denied once, for this code and profile `corp`; returns what the log says.
#[track_caller]
pub fn refuses(cluster: &Cluster, role: &str, token: &str, code: &str) -> String {
    let mark = cluster.log_mark();
    let attempt = cluster.login(&Login::new(role, "postgres").token(token));
    let error = attempt.refused();
    let message = format!("OAuth bearer authentication failed for user \"{role}\"");
    assert_eq!((error.sqlstate.as_str(), &error.message, &error.detail), ("28000", &message, &None), "{error}");
    let log = cluster.wait_for_log(mark, "FATAL:");
    let denials: Vec<&str> =
        log.lines().filter_map(|line| line.split_once("oauth_validator: denied: ")).map(|d| d.1).collect();
    assert_eq!(denials, [format!("{code} (profile \"corp\")")], "{log}");
    assert!(!log.contains(token), "the log has the token");
    log
}

/// Tries until the token lets `role` in, which must be soon; each refusal before that must have this code.
#[track_caller]
pub fn lets_in_soon(cluster: &Cluster, role: &str, token: &str, code: &str) {
    let give_up = Instant::now() + Duration::from_secs(10);
    loop {
        let mark = cluster.log_mark();
        let attempt = cluster.login(&Login::new(role, "postgres").token(token));
        if matches!(attempt.outcome, LoginOutcome::Accepted(_)) {
            return;
        }
        let log = cluster.wait_for_log(mark, "FATAL:");
        assert!(log.contains(&format!("oauth_validator: denied: {code} (profile \"corp\")")), "not {code}: {log}");
        assert!(Instant::now() < give_up, "{role} is not let in: {log}");
        thread::sleep(Duration::from_millis(100));
    }
}
