//! What all tests of the module share: a server with one profile, tokens for it, and the one way to be refused.
//!
//! It must never let a login pass as refused because something else broke: each refusal is checked for its code in the
//! log, and for the little that the client may be told.

use oauth_validator_fixtures::{TokenBuilder, jwks, keys};
use oauth_validator_server_tests::{Cluster, ClusterOptions, FinishedLogin, Login, now};
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub const HBA: &str = r#"local all all oauth issuer="https://issuer.example" scope="db.connect""#;
pub const CONFIG: &str = r#"
[profiles.corp]
issuer = "https://issuer.example"
audience = ["api://db"]
[profiles.corp.keys]
jwks_file = "corp.jwks"
"#;
/// Everything the server can say, with the places it says it at.
pub const TALKATIVE: &str = "log_min_messages = debug5\nlog_error_verbosity = verbose\n";

/// A server whose one profile, `corp`, lets the role `alice` in.
pub fn start(module: PathBuf, conf: &str, ulimit_as: Option<u64>) -> Cluster {
    let options = ClusterOptions {
        module: Some(module),
        config: Some(CONFIG.into()),
        hba: HBA.into(),
        conf: conf.into(),
        ulimit_as,
        ..ClusterOptions::default()
    };
    let cluster = Cluster::start(options);
    cluster.write_file("corp.jwks", jwks(&[keys::corp(), keys::p256()]).to_string());
    cluster.sql("CREATE ROLE alice LOGIN").expect("a role");
    cluster
}

/// A token that profile `corp` accepts for `alice`, once signed.
pub fn token() -> TokenBuilder {
    let claims = json!({"iss": "https://issuer.example", "sub": "alice", "aud": "api://db", "scope": "db.connect"});
    TokenBuilder::new(json!({"typ": "at+jwt"}), claims).claim("iat", now()).claim("exp", now() + 300)
}

pub fn alice<'a>(token: &str) -> Login<'a> {
    Login::new("alice", "postgres").token(token)
}

/// Logs `alice` in with a good token.
#[track_caller]
pub fn lets_alice_in(cluster: &Cluster) {
    let mut session = cluster.login(&alice(&token().sign(keys::corp()))).accepted();
    assert_eq!(session.system_user(), Ok(Some("oauth:alice".to_owned())));
}

/// The client was told what PostgreSQL tells everybody, and nothing more.
#[track_caller]
pub fn assert_told_nothing(attempt: &FinishedLogin, role: &str) {
    let error = attempt.refused();
    let message = format!("OAuth bearer authentication failed for user \"{role}\"");
    assert_eq!((error.sqlstate.as_str(), error.severity.as_str()), ("28000", "FATAL"), "{error}");
    assert_eq!((&error.message, &error.detail, &error.hint), (&message, &None, &None), "{error}");
    // RFC 7628 section 3.2.2: these three, all of them pg_hba.conf's.
    let challenge = attempt.challenge.as_ref().and_then(serde_json::Value::as_object).expect("a challenge");
    let names: Vec<&str> = challenge.keys().map(String::as_str).collect();
    assert_eq!(
        (names, &challenge["status"]),
        (vec!["openid-configuration", "scope", "status"], &json!("invalid_token"))
    );
    let bytes = String::from_utf8_lossy(&attempt.received);
    assert!(!bytes.contains("oauth_validator") && !bytes.contains("denied"), "{attempt:?}");
}

/// Tries to log `role` in, which must be denied once, for `code` (`audience_mismatch`, or the same with ` (profile
/// "corp")`, which otherwise may be any); returns what the log says.
#[track_caller]
pub fn refused_as(cluster: &Cluster, role: &str, login: &Login<'_>, code: &str) -> String {
    let mark = cluster.log_mark();
    let attempt = cluster.login(login);
    assert_told_nothing(&attempt, role);
    let log = cluster.wait_for_log(mark, "FATAL:");
    let denials: Vec<&str> =
        log.lines().filter_map(|line| line.split_once("oauth_validator: denied: ")).map(|d| d.1).collect();
    assert_eq!(denials.len(), 1, "{log}");
    let rest = denials[0].strip_prefix(code);
    assert!(rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" (profile \"")), "not {code}: {log}");
    log
}

/// [`refused_as`] for `alice`.
#[track_caller]
pub fn refused(cluster: &Cluster, login: &Login<'_>, code: &str) -> String {
    refused_as(cluster, "alice", login, code)
}

/// [`refused`] for a good token: the configuration is at fault.
#[track_caller]
pub fn refuses_alice(cluster: &Cluster, code: &str) -> String {
    refused(cluster, &alice(&token().sign(keys::corp())), code)
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a new mode");
}

/// Resident memory of a process, in kB.
pub fn rss_kb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number of kB")
}

/// What a process has open, as the system names it.
pub fn open_files(pid: u32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).expect("a process");
    entries.filter_map(|entry| Some(fs::read_link(entry.ok()?.path()).ok()?.to_string_lossy().into_owned())).collect()
}

/// Numbers that look random and are the same in each run (SplitMix64).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number under `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("64 bits");
        usize::try_from(self.next() % limit).expect("under a usize")
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Characters of `alphabet`, which is ASCII.
    pub fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length).map(|_| char::from(*self.pick(alphabet))).collect()
    }
}
