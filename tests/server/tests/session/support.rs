//! A server with two issuers: `corp`, whose sessions end with their token to the second, and `partner`, whose do not.

use oauth_validator_fixtures::{TokenBuilder, jwks, keys};
use oauth_validator_server_tests::{ClientSession, Cluster, ClusterOptions, Login, module_path, now};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How late a session may end.
pub const LATE: f64 = 1.0;

/// How long sessions of the tests live, in seconds: enough to log all of them in.
pub const LIFE: i64 = 4;

pub const HBA: &str = "\
local replication all oauth issuer=\"https://issuer.example\" scope=\"db.connect\"
local all trusted trust
local all bob oauth issuer=\"https://partner.example\" scope=\"db.connect\"
local all all oauth issuer=\"https://issuer.example\" scope=\"db.connect\" map=corp
";

/// Whoever alice is, she is alice and the owner of what she may be; app is for several people.
pub const IDENT: &str = "corp alice alice\ncorp alice app\ncorp blue app\ncorp red app\ncorp green app\n";

pub const SESSION: &str =
    "end = \"token\"\nclaims = { tenant = \"$.tid\", groups = \"$.groups[*]\", level = \"$.level\" }\n";

pub fn config(session: &str) -> String {
    format!(
        "[profiles.corp]\nissuer = \"https://issuer.example\"\naudience = [\"api://db\"]\nclock_skew = \"0s\"\n\
         replication = true\nkeys = {{ jwks_file = \"corp.jwks\" }}\n[profiles.corp.session]\n{session}\n\
         [profiles.partner]\nissuer = \"https://partner.example\"\naudience = [\"api://db\"]\n\
         keys = {{ jwks_file = \"corp.jwks\" }}\n"
    )
}

/// With these lines under `[profiles.corp.session]`, and these in postgresql.conf.
pub fn start(session: &str, conf: &str) -> Cluster {
    start_with(session, conf, |_| ())
}

/// A server as [`start`] makes it, with other options.
pub fn start_with(session: &str, conf: &str, change: impl FnOnce(&mut ClusterOptions)) -> Cluster {
    let mut options = ClusterOptions {
        config: Some(config(session)),
        hba: HBA.into(),
        ident: IDENT.into(),
        conf: conf.into(),
        module: Some(module_path()),
        ..ClusterOptions::default()
    };
    change(&mut options);
    let cluster = Cluster::start(options);
    cluster.write_file("corp.jwks", jwks(&[keys::corp()]).to_string());
    cluster
        .sql("CREATE ROLE alice LOGIN REPLICATION; CREATE ROLE bob LOGIN; CREATE ROLE app LOGIN; CREATE ROLE trusted LOGIN")
        .expect("roles");
    cluster
}

/// A server as [`start`] makes it, with the extension.
pub fn start_with_extension(session: &str, conf: &str) -> Cluster {
    let cluster = start(session, conf);
    cluster.sql("CREATE EXTENSION oauth_validator").expect("the extension");
    cluster
}

/// A token of `sub` from `issuer` that expires at `expires_at`, with further claims.
pub fn token_of(issuer: &str, sub: &str, expires_at: i64, claims: Value) -> String {
    let base = json!({"iss": issuer, "sub": sub, "aud": "api://db", "scope": "db.connect"});
    let mut token = TokenBuilder::new(json!({"typ": "at+jwt"}), base).claim("iat", now() - 60).claim("exp", expires_at);
    for (name, value) in claims.as_object().expect("an object") {
        token = token.claim(name, value.clone());
    }
    token.sign(keys::corp())
}

pub fn corp(sub: &str, expires_at: i64, claims: Value) -> String {
    token_of("https://issuer.example", sub, expires_at, claims)
}

/// A session of alice's, as `role`, that lives for an hour.
#[track_caller]
pub fn session(cluster: &Cluster, role: &str, claims: Value) -> ClientSession {
    session_of(cluster, "alice", role, claims)
}

#[track_caller]
pub fn session_of(cluster: &Cluster, sub: &str, role: &str, claims: Value) -> ClientSession {
    cluster.login(&Login::new(role, "postgres").token(corp(sub, now() + 3600, claims))).accepted()
}

/// The wall clock, in seconds with fractions.
pub fn clock() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock past 1970").as_secs_f64()
}

/// Waits for the end of a session, which must come within a second of `ends_at`, and say why.
#[track_caller]
pub fn assert_ends(what: &str, session: &mut ClientSession, ends_at: i64) {
    let error = session.wait_for_end(Duration::from_secs(20)).unwrap_or_else(|error| panic!("{what}: {error}"));
    let late = clock() - seconds(ends_at);
    assert!((0.0..=LATE).contains(&late), "{what}: ended {late} s after its time");
    assert_eq!((error.severity.as_str(), error.sqlstate.as_str()), ("FATAL", "57P01"), "{what}: {error}");
    let detail = error.detail.as_deref().unwrap_or_default();
    assert_eq!(detail, "The OAuth token of this session has expired; log in with a new one.", "{what}: {error}");
}

pub fn seconds(time: i64) -> f64 {
    f64::from(u32::try_from(time).expect("a time before 2106"))
}

/// The one value of a query.
#[track_caller]
pub fn value(session: &mut ClientSession, sql: &str) -> Option<String> {
    let mut rows = session.query(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!((rows.len(), rows.first().map(Vec::len)), (1, Some(1)), "{sql}: {rows:?}");
    rows.remove(0).remove(0)
}

/// Lines of the log about one backend.
pub fn lines_of(log: &str, pid: i32) -> Vec<&str> {
    log.lines().filter(|line| line.contains(&format!("[{pid}]"))).collect()
}
