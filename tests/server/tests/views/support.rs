//! A server with two issuers: `corp`, whose people all may be `app`, and `partner`, whose may be `bob`.

use oauth_validator_fixtures::{TokenBuilder, jwks, keys};
use oauth_validator_server_tests::{
    ClientSession, Cluster, ClusterOptions, Login, ResultRow, WireError, eventually, module_path, now,
};
use serde_json::json;
use std::time::Duration;

pub const PRELOADED: &str = "shared_preload_libraries = 'oauth_validator'\n";

pub const HBA: &str = "\
local all trusted,reader,ender,chief trust
local all bob oauth issuer=\"https://partner.example\" scope=\"db.connect\"
local all all oauth issuer=\"https://issuer.example\" scope=\"db.connect\" map=corp
";

/// Everybody of corp may be app, and the boss may be a superuser.
pub const IDENT: &str = "corp /^(.*)$ app\ncorp boss root_of_all\n";

/// With these lines in the table of `corp`, and these keys of its keys.
pub fn config(lines: &str, keys: &str) -> String {
    format!("{}{}", corp_profile(lines, keys), partner_profile(""))
}

pub fn corp_profile(lines: &str, keys: &str) -> String {
    format!(
        "[profiles.corp]\nissuer = \"https://issuer.example\"\naudience = [\"api://db\"]\n{lines}\n\
         keys = {{ jwks_file = \"corp.jwks\"{keys} }}\n"
    )
}

pub fn partner_profile(lines: &str) -> String {
    format!(
        "[profiles.partner]\nissuer = \"https://partner.example\"\naudience = [\"api://db\"]\n{lines}\n\
         keys = {{ jwks_file = \"corp.jwks\" }}\n"
    )
}

/// With these lines in postgresql.conf.
pub fn start(conf: &str) -> Cluster {
    start_with(conf, |_| ())
}

/// A server as [`start`] makes it, with other options.
pub fn start_with(conf: &str, change: impl FnOnce(&mut ClusterOptions)) -> Cluster {
    let mut options = ClusterOptions {
        config: Some(config("", "")),
        hba: HBA.into(),
        ident: IDENT.into(),
        conf: conf.into(),
        module: Some(module_path()),
        ..ClusterOptions::default()
    };
    change(&mut options);
    let cluster = Cluster::start(options);
    cluster.write_file("corp.jwks", jwks(&[keys::corp(), keys::p256()]).to_string());
    cluster
        .sql(
            "CREATE ROLE app LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE root_of_all LOGIN SUPERUSER; \
             CREATE ROLE trusted LOGIN; CREATE ROLE reader LOGIN IN ROLE pg_read_all_stats; \
             CREATE ROLE ender LOGIN IN ROLE pg_signal_backend; CREATE ROLE chief LOGIN SUPERUSER; \
             CREATE EXTENSION oauth_validator",
        )
        .expect("roles and the extension");
    cluster
}

/// A token of corp's for this person, good for an hour.
pub fn token(sub: &str) -> TokenBuilder {
    token_of("https://issuer.example", sub)
}

pub fn token_of(issuer: &str, sub: &str) -> TokenBuilder {
    let claims = json!({
        "iss": issuer, "sub": sub, "aud": "api://db", "scope": "db.connect",
        "jti": format!("jti-{sub}"), "azp": format!("client-{sub}")
    });
    TokenBuilder::new(json!({"typ": "at+jwt"}), claims).claim("iat", now() - 60).claim("exp", now() + 3600)
}

pub fn login(sub: &str) -> Login<'static> {
    login_as("app", sub)
}

pub fn login_as(role: &'static str, sub: &str) -> Login<'static> {
    Login::new(role, "postgres").token(token(sub).sign(keys::corp())).timeout(Duration::from_secs(60))
}

/// A session of this person of corp's, as app.
#[track_caller]
pub fn session(cluster: &Cluster, sub: &str) -> ClientSession {
    cluster.login(&login(sub)).accepted()
}

/// A session of bob's, of partner's.
#[track_caller]
pub fn bobs_session(cluster: &Cluster) -> ClientSession {
    let token = token_of("https://partner.example", "bob").sign(keys::corp());
    cluster.login(&Login::new("bob", "postgres").token(token)).accepted()
}

/// A session of somebody whom pg_hba.conf trusts.
#[track_caller]
pub fn trusted(cluster: &Cluster, role: &'static str) -> ClientSession {
    cluster.login(&Login::new(role, "postgres")).accepted()
}

/// Rows as texts, NULL as `-`.
#[track_caller]
pub fn rows(session: &mut ClientSession, sql: &str) -> Vec<Vec<String>> {
    texts(session.query(sql).unwrap_or_else(|error| panic!("{sql}: {error}")))
}

pub fn texts(rows: Vec<ResultRow>) -> Vec<Vec<String>> {
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect()
}

/// The identities of all sessions, sorted.
pub fn present(cluster: &Cluster) -> Vec<String> {
    let sql = "SELECT authn_id FROM oauth_validator.sessions ORDER BY authn_id COLLATE \"C\"";
    texts(cluster.sql(sql).expect("the view")).concat()
}

/// Waits until these are there and nobody else: a backend takes a moment to leave.
#[track_caller]
pub fn present_are(cluster: &Cluster, expected: &[&str]) {
    eventually(&format!("{expected:?} alone"), Duration::from_secs(10), || {
        (present(cluster) == expected).then_some(())
    });
}

#[track_caller]
pub fn refused(outcome: Result<Vec<ResultRow>, WireError>, sqlstate: &str) -> String {
    let error = outcome.expect_err("to be refused");
    assert_eq!(error.sqlstate(), Some(sqlstate), "{error}");
    error.to_string()
}

/// `FATAL 57P01`, as pg_terminate_backend ends sessions.
#[track_caller]
pub fn assert_was_ended(session: &mut ClientSession) {
    let error = session.wait_for_end(Duration::from_secs(10)).expect("an end");
    assert_eq!((error.severity.as_str(), error.sqlstate.as_str()), ("FATAL", "57P01"), "{error}");
}

#[track_caller]
pub fn assert_goes_on(session: &mut ClientSession) {
    assert_eq!(rows(session, "SELECT 1"), [["1"]]);
}
