//! CREATE EXTENSION: who may, what it makes, what everybody may do with it, and that nobody can lie in wait for it.

use crate::support::{SESSION, session, start, start_with_extension, value};
use oauth_validator_server_tests::Login;
use serde_json::json;

#[test]
fn a_schema_that_somebody_made_before_is_refused() {
    let cluster = start(SESSION, "");
    cluster
        .sql(
            "GRANT CREATE ON DATABASE postgres TO trusted; SET ROLE trusted; CREATE SCHEMA oauth_validator; \
             CREATE FUNCTION oauth_validator.claim(name varchar) RETURNS text LANGUAGE sql AS $$ SELECT 'red' $$",
        )
        .expect("a trap");
    for sql in ["CREATE EXTENSION oauth_validator", "CREATE EXTENSION oauth_validator SCHEMA pg_catalog"] {
        let error = cluster.sql(sql).expect_err("the schema is there already");
        assert_eq!(error.sqlstate(), Some("42P06"), "{error}");
    }
    assert!(cluster.sql("CREATE EXTENSION oauth_validator SCHEMA public").is_err());
    cluster.sql("DROP SCHEMA oauth_validator CASCADE; CREATE EXTENSION oauth_validator").expect("now it is new");
}

#[test]
fn only_a_superuser_makes_it_and_nobody_moves_it() {
    let cluster = start(SESSION, "");
    cluster.sql("GRANT CREATE ON DATABASE postgres TO trusted").expect("it");
    let mut trusted = cluster.login(&Login::new("trusted", "postgres")).accepted();
    assert_eq!(trusted.query("CREATE EXTENSION oauth_validator").expect_err("not trusted").sqlstate(), Some("42501"));
    cluster.sql("CREATE EXTENSION oauth_validator").expect("a superuser may");
    assert!(cluster.sql("ALTER EXTENSION oauth_validator SET SCHEMA public").is_err(), "not relocatable");
    for sql in [
        "CREATE FUNCTION oauth_validator.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION oauth_validator.claims()",
        "ALTER EXTENSION oauth_validator UPDATE",
    ] {
        assert_eq!(trusted.query(sql).expect_err("not his").sqlstate(), Some("42501"), "{sql}");
    }
    cluster.sql("ALTER EXTENSION oauth_validator UPDATE").expect("it is the newest");
}

#[test]
fn every_object_has_a_comment_and_the_properties_that_policies_need() {
    let cluster = start_with_extension(SESSION, "");
    let mut admin = cluster.login(&Login::new("postgres", "postgres")).accepted();
    let objects = "SELECT count(*) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.deptype = 'e' \
                   WHERE extname = 'oauth_validator' AND d.classid <> 'pg_type'::regclass";
    assert_eq!(value(&mut admin, objects).as_deref(), Some("14"), "a schema, nine functions and four views");
    let silent = "SELECT count(*) FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.deptype = 'e' \
                  WHERE extname = 'oauth_validator' AND d.classid <> 'pg_type'::regclass AND obj_description(d.objid, d.classid::regclass::name) IS NULL";
    assert_eq!(value(&mut admin, silent).as_deref(), Some("0"));
    let functions = "SELECT string_agg(concat(proname, ' ', provolatile, proparallel, prosecdef, proleakproof), ', ' ORDER BY proname) \
                     FROM pg_proc WHERE pronamespace = 'oauth_validator'::regnamespace AND provolatile = 's'";
    assert_eq!(value(&mut admin, functions).as_deref(), Some("claim srff, claims srff, session srff"));
    let owner = "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'oauth_validator'";
    assert_eq!(value(&mut admin, owner).as_deref(), Some("postgres"));
}

#[test]
fn every_role_may_call_and_none_may_create() {
    let cluster = start_with_extension(SESSION, "");
    cluster.sql("CREATE ROLE nobody; GRANT nobody TO alice").expect("a role");
    let mut alice = session(&cluster, "alice", json!({"tid": "blue"}));
    alice.query("SET ROLE nobody").expect("she may");
    assert_eq!(value(&mut alice, "SELECT oauth_validator.claim('tenant')").as_deref(), Some("blue"));
    assert!(alice.query("CREATE FUNCTION oauth_validator.f() RETURNS int LANGUAGE sql AS 'SELECT 1'").is_err());
    let calls = "SELECT count(*) FROM oauth_validator.session() s CROSS JOIN LATERAL oauth_validator.session() t WHERE s.authn_id = t.authn_id";
    assert_eq!(value(&mut alice, calls).as_deref(), Some("1"));
}

/// Whoever restores a dump gets the extension from the new server, and no copy of its functions.
#[test]
fn a_dump_has_the_extension_and_nothing_of_it() {
    let cluster = start_with_extension(SESSION, "");
    let pg_dump = cluster.psql_path().with_file_name("pg_dump");
    if !pg_dump.exists() {
        println!(
            "skipped: a_dump_has_the_extension_and_nothing_of_it needs pg_dump beside {}",
            cluster.psql_path().display()
        );
        return;
    }
    let output = std::process::Command::new(pg_dump)
        .args(["--schema-only", "--username=trusted", "postgres"])
        .env("PGHOST", cluster.socket_dir())
        .output()
        .expect("pg_dump runs");
    let dump = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(dump.contains("CREATE EXTENSION IF NOT EXISTS oauth_validator WITH SCHEMA pg_catalog;"), "{dump}");
    assert!(!dump.contains("oauth_validator_claims") && !dump.contains("CREATE SCHEMA oauth_validator"), "{dump}");
}
