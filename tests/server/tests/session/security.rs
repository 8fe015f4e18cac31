//! The examples of oauth_validator(7), as they stand there: row level security, with the extension and without; and roles
//! that follow a claim.

use crate::support::{SESSION, corp, session_of, start, start_with_extension, value};
use oauth_validator_server_tests::{ClientSession, Cluster, Login, now, workspace_root};
use serde_json::json;
use std::fs;

/// The displays of one chapter of the manual that begin with this.
pub fn example(chapter: &str, begins: &str) -> String {
    let path = workspace_root().join("man/oauth_validator.7");
    let page = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    let (_, rest) = page.split_once(&format!("\n.Sh {chapter}\n")).unwrap_or_else(|| panic!("no chapter {chapter}"));
    let text = rest.split_once("\n.Sh ").map_or(rest, |(text, _)| text);
    let displays = text.split("\n.Bd -literal").skip(1).filter_map(|part| part.split_once('\n')?.1.split_once("\n.Ed"));
    let found = displays
        .map(|(display, _)| display.replace("\\(aq", "'").replace("\\-", "-").replace("\\e", "\\"))
        .find(|display| display.starts_with(begins));
    found.unwrap_or_else(|| panic!("{chapter} has no example that begins with {begins:?}"))
}

fn rows(session: &mut ClientSession) -> Vec<String> {
    let rows = session.query("SELECT item FROM orders ORDER BY item").expect("rows");
    rows.into_iter().filter_map(|mut row| row.remove(0)).collect()
}

#[test]
fn two_tenants_see_a_row_each_and_a_third_none() {
    let cluster = start_with_extension(SESSION, "");
    cluster.sql(&example("ROW LEVEL SECURITY", "CREATE TABLE orders")).expect("the example");
    let tenant = |sub: &str, tid: &str| session_of(&cluster, sub, "app", json!({"tid": tid}));
    let (mut blue, mut red, mut green) = (tenant("blue", "blue"), tenant("red", "red"), tenant("green", "green"));
    for (session, item) in [(&mut blue, "a"), (&mut red, "b")] {
        session.query(&format!("INSERT INTO orders (item) VALUES ('{item}')")).expect("a row of one's own");
    }
    assert_eq!(rows(&mut blue), ["a"]);
    assert_eq!(rows(&mut red), ["b"]);
    assert_eq!(rows(&mut green), [""; 0]);
    let stolen = blue.query("INSERT INTO orders (tenant, item) VALUES ('red', 'c')").expect_err("not his");
    assert_eq!(stolen.sqlstate(), Some("42501"));
    blue.query("UPDATE orders SET item = 'x'; DELETE FROM orders WHERE tenant = 'red'").expect("his own alone");
    assert_eq!((rows(&mut blue), rows(&mut red)), (vec!["x".to_owned()], vec!["b".to_owned()]));
    // Without a claim there is no row: not in a session of a token without it, and in no other.
    let mut without = session_of(&cluster, "green", "app", json!({}));
    assert_eq!(rows(&mut without), [""; 0]);
    assert!(without.query("INSERT INTO orders (item) VALUES ('c')").is_err());
    cluster.sql("GRANT app TO trusted; GRANT SELECT ON orders TO trusted").expect("it");
    let mut trusted = cluster.login(&Login::new("trusted", "postgres")).accepted();
    assert_eq!(rows(&mut trusted), [""; 0]);
    // The sub-select is looked up once, and an index serves it.
    let plan = blue.query("EXPLAIN SELECT * FROM orders").expect("a plan");
    assert!(format!("{plan:?}").contains("InitPlan"), "{plan:?}");
}

#[test]
fn the_way_without_the_extension_serves_as_well() {
    let cluster = start("claims = { none = \"$.none\" }", "");
    let config = fs::read_to_string(cluster.config_path()).expect("the configuration");
    let identity = example("ROW LEVEL SECURITY", "[profiles.corp.identity]");
    cluster.write_config(&config.replacen(
        "[profiles.corp.session]",
        &format!("{identity}\n[profiles.corp.session]"),
        1,
    ));
    cluster.set_ident("corp /^blue:.*$ app\ncorp /^red:.*$ app\n");
    cluster.reload();
    cluster.sql(&example("ROW LEVEL SECURITY", "CREATE TABLE documents")).expect("the example");
    cluster.sql("INSERT INTO documents VALUES ('blue', 'a'), ('red', 'b')").expect("rows");
    let of = |sub: &str, tid: &str| {
        let token = corp(sub, now() + 300, json!({"tid": tid, "oid": sub}));
        cluster.login(&Login::new("app", "postgres").token(token)).accepted()
    };
    let read = |session: &mut ClientSession| value(session, "SELECT string_agg(item, ',') FROM documents");
    assert_eq!(read(&mut of("ana", "blue")).as_deref(), Some("a"));
    assert_eq!(read(&mut of("bo", "red")).as_deref(), Some("b"));
    cluster.sql("GRANT SELECT ON documents TO trusted").expect("it");
    assert_eq!(read(&mut cluster.login(&Login::new("trusted", "postgres")).accepted()), None);
}

fn roles_of(cluster: &Cluster, role: &str) -> Vec<String> {
    let sql = format!("SELECT roleid::regrole::text FROM pg_auth_members WHERE member = '{role}'::regrole ORDER BY 1");
    cluster.sql(&sql).expect("roles").into_iter().filter_map(|mut row| row.remove(0)).collect()
}

#[test]
fn roles_follow_a_claim_and_nobody_is_locked_out() {
    let cluster = start_with_extension(SESSION, "");
    cluster
        .sql("CREATE ROLE app_reader; CREATE ROLE app_writer; CREATE ROLE untouched; GRANT untouched TO alice")
        .expect("roles");
    cluster.sql(&example("ROLE SYNC", "CREATE TABLE role_sync")).expect("the example");
    let login = |groups: serde_json::Value| {
        let token = corp("alice", now() + 300, json!({"groups": groups}));
        cluster.login(&Login::new("alice", "postgres").token(token)).accepted()
    };
    cluster.sql("INSERT INTO role_sync VALUES ('readers', 'app_reader'), ('writers', 'app_writer')").expect("the map");
    drop(login(json!(["readers", "other"])));
    assert_eq!(roles_of(&cluster, "alice"), ["app_reader", "untouched"]);
    drop(login(json!(["writers"])));
    assert_eq!(roles_of(&cluster, "alice"), ["app_writer", "untouched"]);
    drop(login(json!([])));
    assert_eq!(roles_of(&cluster, "alice"), ["untouched"]);
    // Nothing is written where nothing differs.
    drop(login(json!(["readers"])));
    let before =
        cluster.sql("SELECT xmin::text FROM pg_auth_members WHERE member = 'alice'::regrole ORDER BY 1").expect("rows");
    drop(login(json!(["readers"])));
    let after =
        cluster.sql("SELECT xmin::text FROM pg_auth_members WHERE member = 'alice'::regrole ORDER BY 1").expect("rows");
    assert_eq!(before, after);
    // Sessions of other kinds are left alone, and an error keeps nobody out.
    cluster.sql("GRANT app_reader TO trusted").expect("it");
    drop(cluster.login(&Login::new("trusted", "postgres")).accepted());
    assert_eq!(roles_of(&cluster, "trusted"), ["app_reader"]);
    cluster.sql("DROP ROLE app_writer").expect("it is gone");
    let mark = cluster.log_mark();
    drop(login(json!(["writers", "readers"])));
    assert_eq!(roles_of(&cluster, "alice"), ["app_reader", "untouched"]);
    let log = cluster.wait_for_log(mark, "role sync failed");
    assert!(!log.contains("FATAL"), "{log}");
}
