//! The extension's two ways to version 0.2: made new, and updated from 0.1.

use crate::support::{rows, start, texts, trusted};
use oauth_validator_server_tests::Cluster;

/// Everything that the catalogs say of the extension's objects.
const OBJECTS: &str = "\
    SELECT p.oid::regprocedure::text, pg_get_functiondef(p.oid), p.proacl::text, obj_description(p.oid, 'pg_proc') \
    FROM pg_proc p WHERE p.pronamespace = 'oauth_validator'::regnamespace \
    UNION ALL \
    SELECT c.oid::regclass::text, pg_get_viewdef(c.oid), c.relacl::text, obj_description(c.oid, 'pg_class') \
    FROM pg_class c WHERE c.relnamespace = 'oauth_validator'::regnamespace \
    UNION ALL \
    SELECT nspname, '', nspacl::text, obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'oauth_validator' \
    ORDER BY 1";

fn objects(cluster: &Cluster) -> Vec<Vec<String>> {
    texts(cluster.sql(OBJECTS).expect("the catalogs"))
}

#[test]
fn an_update_makes_what_a_new_one_has() {
    let cluster = start("");
    let new = objects(&cluster);
    assert_eq!(new.len(), 9 + 4 + 1, "nine functions, four views and the schema: {new:?}");
    cluster.sql("DROP EXTENSION oauth_validator; CREATE EXTENSION oauth_validator VERSION '0.1'").expect("the old one");
    assert_eq!(objects(&cluster).len(), 3 + 1);
    cluster.sql("ALTER EXTENSION oauth_validator UPDATE").expect("the update");
    assert_eq!(objects(&cluster), new);
    let version = "SELECT extversion FROM pg_extension WHERE extname = 'oauth_validator'";
    assert_eq!(texts(cluster.sql(version).expect("a version")), [["0.2"]]);
    cluster.sql("DROP EXTENSION oauth_validator").expect("all of it belongs to the extension");
    assert!(cluster.sql("SELECT 'oauth_validator'::regnamespace").is_err());
}

#[test]
fn every_object_has_a_comment_and_none_is_left_to_everybody() {
    let cluster = start("");
    let silent: Vec<_> = objects(&cluster).into_iter().filter(|row| row[3] == "-").collect();
    assert!(silent.is_empty(), "{silent:?}");
    // Every further function of PUBLIC's would have to be added here on purpose.
    let mut chief = trusted(&cluster, "chief");
    let open = "SELECT proname FROM pg_proc WHERE pronamespace = 'oauth_validator'::regnamespace \
                AND has_function_privilege('trusted', oid, 'EXECUTE') ORDER BY 1";
    assert_eq!(rows(&mut chief, open), [["claim"], ["claims"], ["session"], ["session_list"]]);
    let open = "SELECT relname FROM pg_class WHERE relnamespace = 'oauth_validator'::regnamespace \
                AND has_table_privilege('trusted', oid, 'SELECT')";
    assert_eq!(rows(&mut chief, open), [["sessions"]]);
}
