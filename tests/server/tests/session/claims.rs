//! What SQL reads of a token: what the profile names, as it is, in sessions of OAuth alone. Nobody can set it, and nothing
//! that happens in the session loses it.

use crate::support::{SESSION, config, corp, session, session_of, start_with_extension, token_of, value};
use oauth_validator_server_tests::{ClientSession, Cluster, Login, LoginOutcome, now};
use serde_json::json;

fn tenant(session: &mut ClientSession) -> Option<String> {
    value(session, "SELECT oauth_validator.claim('tenant')")
}

#[test]
fn claims_are_read_as_the_token_has_them() {
    let cluster = start_with_extension(SESSION, "");
    let claims = json!({"tid": "bl\u{fc}e \"1\"", "groups": ["a", "b"], "level": 7, "secret": "never", "jti": "t-1", "azp": "psql"});
    let mut alice = session(&cluster, "alice", claims);
    assert_eq!(tenant(&mut alice).as_deref(), Some("bl\u{fc}e \"1\""));
    for (name, wanted) in
        [("groups", Some("[\"a\", \"b\"]")), ("level", Some("7")), ("secret", None), ("sub", None), ("", None)]
    {
        assert_eq!(value(&mut alice, &format!("SELECT oauth_validator.claim('{name}')")).as_deref(), wanted, "{name}");
    }
    let all = "SELECT oauth_validator.claims()::text";
    let wanted = "{\"level\": 7, \"groups\": [\"a\", \"b\"], \"tenant\": \"bl\u{fc}e \\\"1\\\"\"}";
    assert_eq!(value(&mut alice, all).as_deref(), Some(wanted));
    assert_eq!(value(&mut alice, "SELECT oauth_validator.claim(NULL)"), None);
    assert_eq!(
        value(&mut alice, "SELECT oauth_validator.claims() ->> 'groups' = oauth_validator.claim('groups')").as_deref(),
        Some("t")
    );

    let row = alice
        .query(
            "SELECT authn_id, profile, issuer, client, token_id, authenticated_at <= now(), \
             expires_at - authenticated_at > '59 minutes', ends_at = expires_at FROM oauth_validator.session()",
        )
        .expect("a row");
    let wanted = ["alice", "corp", "https://issuer.example", "psql", "t-1", "t", "t", "t"];
    assert_eq!(row, [wanted.map(|value| Some(value.to_owned())).to_vec()]);
}

#[test]
fn absent_claims_are_null_and_absent_lists_empty() {
    let cluster = start_with_extension(SESSION, "");
    let mut alice = session(&cluster, "alice", json!({"tid": null}));
    assert_eq!(tenant(&mut alice), None);
    let all = value(&mut alice, "SELECT oauth_validator.claims()::text");
    assert_eq!(all.as_deref(), Some("{\"level\": null, \"groups\": [], \"tenant\": null}"));
}

#[test]
fn other_sessions_have_none() {
    let cluster = start_with_extension(SESSION, "");
    let null = |session: &mut ClientSession, what: &str| {
        assert_eq!(tenant(session), None, "{what}");
        assert_eq!(value(session, "SELECT oauth_validator.claims()"), None, "{what}");
        assert_eq!(value(session, "SELECT count(*) FROM oauth_validator.session()").as_deref(), Some("0"), "{what}");
    };
    null(&mut cluster.login(&Login::new("trusted", "postgres")).accepted(), "trust");
    cluster.sql("ALTER ROLE trusted PASSWORD 'secret'").expect("a password");
    null(&mut cluster.login(&Login::new("postgres", "postgres")).accepted(), "a superuser by trust");
    // One of OAuth whose profile names no claims has none, and a row all the same.
    let token = token_of("https://partner.example", "bob", now() + 300, json!({"tid": "blue"}));
    let mut bob = cluster.login(&Login::new("bob", "postgres").token(token)).accepted();
    assert_eq!(value(&mut bob, "SELECT oauth_validator.claims()::text").as_deref(), Some("{}"));
    assert_eq!(tenant(&mut bob), None);
    assert_eq!(value(&mut bob, "SELECT ends_at IS NULL FROM oauth_validator.session()").as_deref(), Some("t"));
}

/// Every way by which a session changes what it says of itself.
#[test]
fn nobody_can_set_or_lose_them() {
    let cluster = start_with_extension(SESSION, "");
    cluster
        .sql(
            "CREATE ROLE readers; GRANT readers TO app; GRANT CREATE ON SCHEMA public TO app; \
             CREATE FUNCTION definer() RETURNS text LANGUAGE sql SECURITY DEFINER AS \
             $$ SELECT oauth_validator.claim('tenant') $$; \
             CREATE FUNCTION definer_of_trusted() RETURNS text LANGUAGE sql SECURITY DEFINER AS \
             $$ SELECT oauth_validator.claim('tenant') $$; ALTER FUNCTION definer_of_trusted() OWNER TO trusted; \
             ALTER ROLE app SET application_name = 'tenant'",
        )
        .expect("what the test needs");
    // The prefix is reserved where the library is loaded, as it is in every session of OAuth.
    for sql in
        ["ALTER ROLE app SET oauth_validator.claims = 'red'", "ALTER ROLE app SET \"oauth_validator.claim\" = 'red'"]
    {
        let _ = cluster.sql(sql);
    }
    let token = corp("blue", now() + 3600, json!({"tid": "blue", "jti": "t-1"}));
    let login = Login::new("app", "postgres").token(token).parameter("options", "-c application_name=red");
    let mut app = cluster.login(&login).accepted();
    app.query("PREPARE mine AS SELECT oauth_validator.claim('tenant')").expect("a prepared statement");
    for (sql, may_fail) in [
        ("SET oauth_validator.claims = '{\"tenant\": \"red\"}'", true),
        ("SET oauth_validator.tenant = 'red'", true),
        ("SELECT set_config('oauth_validator.claims', '{\"tenant\": \"red\"}', false)", true),
        ("SET ROLE readers", false),
        ("RESET ROLE", false),
        ("SET SESSION AUTHORIZATION app", false),
        ("CREATE FUNCTION public.claim(text) RETURNS text LANGUAGE sql AS $$ SELECT 'red' $$", false),
        ("SET search_path = public, oauth_validator", false),
        ("CREATE FUNCTION oauth_validator.claim(name varchar) RETURNS text LANGUAGE sql AS $$ SELECT 'red' $$", true),
        (
            "CREATE OR REPLACE FUNCTION oauth_validator.claim(name text) RETURNS text LANGUAGE sql AS $$ SELECT 'red' $$",
            true,
        ),
        ("ALTER FUNCTION oauth_validator.claim(text) RENAME TO other", true),
        ("DROP EXTENSION oauth_validator", true),
        ("BEGIN; SELECT 1/0", true),
        ("ROLLBACK", false),
        ("DISCARD ALL", false),
        ("RESET ALL", false),
        ("CREATE TABLE t AS SELECT 1", false),
    ] {
        let outcome = app.query(sql);
        assert_eq!(outcome.is_err(), may_fail, "{sql}: {outcome:?}");
        if sql != "BEGIN; SELECT 1/0" {
            assert_eq!(tenant(&mut app).as_deref(), Some("blue"), "{sql}");
        }
    }
    assert!(app.query("EXECUTE mine").is_err(), "DISCARD ALL forgets it");
    app.query("PREPARE mine AS SELECT oauth_validator.claim('tenant')").expect("once more");
    for sql in ["EXECUTE mine", "SELECT definer()", "SELECT definer_of_trusted()"] {
        assert_eq!(value(&mut app, sql).as_deref(), Some("blue"), "{sql}");
    }
    assert_eq!(value(&mut app, "SELECT token_id FROM oauth_validator.session()").as_deref(), Some("t-1"));
}

/// A client's own options, and settings of its role and database: either the server refuses the name, or it means nothing.
#[test]
fn nobody_brings_them_along() {
    for conf in ["", "shared_preload_libraries = 'oauth_validator'"] {
        let cluster = start_with_extension(SESSION, conf);
        for sql in [
            "ALTER ROLE app SET oauth_validator.claims = '{\"tenant\": \"red\"}'",
            "ALTER DATABASE postgres SET oauth_validator.tenant = 'red'",
        ] {
            // Refused where the library is loaded.
            let _ = cluster.sql(sql);
        }
        let token = corp("blue", now() + 3600, json!({"tid": "blue"}));
        for options in
            ["", "-c oauth_validator.claims=red", "-c oauth_validator.claim=red -c oauth_validator.tenant=red"]
        {
            let login = Login::new("app", "postgres").token(&token).parameter("options", options);
            match cluster.login(&login).outcome {
                LoginOutcome::Accepted(mut app) => assert_eq!(tenant(&mut app).as_deref(), Some("blue"), "{options}"),
                LoginOutcome::Refused(error) => {
                    assert_eq!((error.sqlstate.as_str(), options.is_empty()), ("42602", false), "{error}")
                }
                other => panic!("{options}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_superuser_who_becomes_somebody_else_is_still_who_logged_in() {
    let cluster = start_with_extension(SESSION, "");
    cluster.sql("ALTER ROLE alice SUPERUSER").expect("it");
    let mut alice = session(&cluster, "alice", json!({"tid": "blue"}));
    alice.query("SET SESSION AUTHORIZATION bob").expect("she may");
    assert_eq!(tenant(&mut alice).as_deref(), Some("blue"));
    assert_eq!(value(&mut alice, "SELECT authn_id FROM oauth_validator.session()").as_deref(), Some("alice"));
}

#[test]
fn a_parallel_query_reads_them_in_its_leader() {
    let cluster = start_with_extension(SESSION, "");
    cluster
        .sql("CREATE TABLE many AS SELECT 'blue'::text AS tenant FROM generate_series(1, 50000); GRANT SELECT ON many TO alice; ANALYZE many")
        .expect("a table");
    let mut alice = session(&cluster, "alice", json!({"tid": "blue"}));
    for sql in [
        "parallel_setup_cost = 0",
        "parallel_tuple_cost = 0",
        "min_parallel_table_scan_size = 0",
        "debug_parallel_query = on",
    ] {
        alice.query(&format!("SET {sql}")).expect("it");
    }
    for sql in [
        "SELECT count(*) FROM many WHERE tenant = (SELECT oauth_validator.claim('tenant'))",
        "SELECT count(*) FROM many WHERE tenant = oauth_validator.claim('tenant')",
    ] {
        assert_eq!(value(&mut alice, sql).as_deref(), Some("50000"), "{sql}");
    }
    let plan = alice
        .query("EXPLAIN SELECT count(*) FROM many WHERE tenant = (SELECT oauth_validator.claim('tenant'))")
        .expect("a plan");
    assert!(format!("{plan:?}").contains("Workers Planned"), "{plan:?}");
}

/// A database that cannot hold a claim says so, and gives no part of it.
#[test]
fn a_database_of_another_encoding_gets_them_converted_or_an_error() {
    let cluster = start_with_extension(SESSION, "");
    cluster.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0").expect("a database");
    let superuser = |database: &'static str, sql: &str| {
        cluster.login(&Login::new("postgres", database)).accepted().query(sql).expect("it");
    };
    superuser("latin", "CREATE EXTENSION oauth_validator");
    let in_latin = |tid: &str| {
        let token = corp("alice", now() + 300, json!({"tid": tid}));
        cluster.login(&Login::new("alice", "latin").token(token).parameter("client_encoding", "UTF8")).accepted()
    };
    assert_eq!(tenant(&mut in_latin("bl\u{fc}e")).as_deref(), Some("bl\u{fc}e"));
    let error = in_latin("\u{4e2d}").query("SELECT oauth_validator.claim('tenant')").expect_err("no such character");
    assert_eq!(error.sqlstate(), Some("22P05"), "{error}");
}

#[test]
fn each_login_has_its_own_and_a_changed_file_is_for_the_next() {
    let cluster = start_with_extension(SESSION, "");
    let (mut blue, mut red) = (
        session_of(&cluster, "blue", "app", json!({"tid": "blue"})),
        session_of(&cluster, "red", "app", json!({"tid": "red"})),
    );
    cluster.write_config(&config("claims = { other = \"$.tid\" }"));
    assert_eq!((tenant(&mut blue).as_deref(), tenant(&mut red).as_deref()), (Some("blue"), Some("red")));
    let mut next = session_of(&cluster, "blue", "app", json!({"tid": "blue"}));
    assert_eq!(tenant(&mut next), None);
    assert_eq!(value(&mut next, "SELECT oauth_validator.claim('other')").as_deref(), Some("blue"));
}

/// Preloaded or not, the library that the server loaded is the one whose functions SQL calls.
#[test]
fn preloaded_or_not_it_is_one_library() {
    for conf in ["", "shared_preload_libraries = 'oauth_validator'"] {
        let cluster: Cluster = start_with_extension(SESSION, conf);
        assert_eq!(tenant(&mut session(&cluster, "alice", json!({"tid": "blue"}))).as_deref(), Some("blue"), "{conf}");
    }
}
