//! Delegation in a real server: with `delegate_ident_mapping=1` the module alone decides who becomes which role.
//!
//! The database picks the line of pg_hba.conf, and with it the profile. Every token is
//! Ana's; she also asks for what it does not grant, and for roles whose names resemble what it grants.

use crate::support::{assert_told_nothing, refused_as, token};
use oauth_validator_fixtures::{TokenBuilder, jwks, keys};
use oauth_validator_server_tests::{
    ClientSession, Cluster, ClusterOptions, Login, faulty_module_path, module_path, now,
};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Profiles, and databases of the same names. Each profile's issuer is `https://NAME.example`.
const DELEGATING: [(&str, &str); 6] = [
    (
        "mapped",
        "roles = { claim = '$.roles[*]', map = { 'DB.Reader' = ['app_reader'], \
         'DB.Admin' = ['app_admin', 'app_reader'], 'DB.Root' = ['root_user'] } }",
    ),
    ("prefixed", "roles = { claim = '$.groups[*]', prefix = 'pg:' }"),
    ("exact", "replication = true\nroles = { claim = '$.roles[*]', exact = true }"),
    ("single", "roles = { claim = '$.role', exact = true }"),
    ("trusting", "replication = true\nroles = { claim = '$.roles[*]', exact = true, privileged = 'allow' }"),
    ("bare", ""),
];

const ROLES: &str = r#"
CREATE ROLE app_reader LOGIN; CREATE ROLE app_admin LOGIN; CREATE ROLE app_reader_2 LOGIN; CREATE ROLE x_app_reader LOGIN;
CREATE ROLE "App_Reader" LOGIN; CREATE ROLE "APP_READER" LOGIN; CREATE ROLE """app_reader""" LOGIN;
CREATE ROLE "app_reader " LOGIN; CREATE ROLE "pg:app_reader" LOGIN; CREATE ROLE "DB.Reader" LOGIN;
CREATE ROLE "odd""one" LOGIN; CREATE ROLE "it's" LOGIN; CREATE ROLE "café" LOGIN; CREATE ROLE ana LOGIN;
"#;

fn start(module: PathBuf) -> Cluster {
    let line = |place: &str, profile: &str, end: &str| {
        format!("local {place} oauth issuer=\"https://{profile}.example\" scope=\"db.connect\"{end}\n")
    };
    let delegated = |place: &str, profile| line(place, profile, " delegate_ident_mapping=1");
    let profile = |(name, settings)| {
        let source = "audience = ['api://db']\nkeys = { jwks_file = 'corp.jwks' }";
        format!("[profiles.{name}]\nissuer = 'https://{name}.example'\n{source}\n{settings}\n")
    };
    let hba = DELEGATING.map(|(name, _)| delegated(&format!("{name} all"), name)).concat()
        + &delegated("replication copier", "trusting")
        + &delegated("replication all", "exact")
        + &line("undelegated all", "mapped", "");
    let config = Some(DELEGATING.map(profile).concat());
    let options = ClusterOptions { module: Some(module), config, hba, ..ClusterOptions::default() };
    let cluster = Cluster::start(options);
    cluster.write_file("corp.jwks", jwks(&[keys::corp()]).to_string());
    cluster.sql(ROLES).expect("roles");
    for (database, _) in DELEGATING.iter().chain(&[("undelegated", "")]) {
        cluster.sql(&format!("CREATE DATABASE {database} STRATEGY file_copy")).expect("a database");
    }
    cluster
}

/// Ana's token of `profile`, without any role.
fn ana(profile: &str) -> TokenBuilder {
    token().issuer(&format!("https://{profile}.example")).subject("ana")
}

/// One that grants exactly `role`, at a profile that takes role names as they are.
fn granting(profile: &str, role: &str) -> TokenBuilder {
    ana(profile).claim("roles", json!([role]))
}

fn login<'a>(role: &'a str, database: &'a str, token: TokenBuilder) -> Login<'a> {
    Login::new(role, database).token(token.sign(keys::corp()))
}

#[track_caller]
fn lets_in(cluster: &Cluster, role: &str, database: &str, token: TokenBuilder) -> ClientSession {
    let mark = cluster.log_mark();
    let mut session = cluster.login(&login(role, database, token)).accepted();
    let rows = session.query("SELECT system_user, session_user, current_user").expect("a query");
    assert_eq!(rows, [["oauth:ana", role, role].map(|value| Some(value.to_owned()))]);
    let log = cluster.wait_for_log(mark, "connection authorized");
    assert!(log.contains("connection authenticated: identity=\"ana\" method=oauth"), "{log}");
    assert!(!log.contains("oauth_validator:"), "{log}");
    session
}

/// Denied for `code` by the profile that has the database's name. The token is genuine, so the server knows Ana.
#[track_caller]
fn denies(cluster: &Cluster, role: &str, database: &str, token: TokenBuilder, code: &str) -> String {
    let log = denies_anybody(cluster, role, database, token, code);
    assert!(log.contains("connection authenticated: identity=\"ana\""), "{log}");
    log
}

/// A denial of a login that does not get as far as an identity, or to one that may be told.
#[track_caller]
fn denies_anybody(cluster: &Cluster, role: &str, database: &str, token: TokenBuilder, code: &str) -> String {
    let log = refused_as(cluster, role, &login(role, database, token), &format!("{code} (profile \"{database}\")"));
    assert!(!log.contains("connection authorized"), "{log}");
    log
}

#[test]
fn a_role_follows_from_the_token_by_map_by_prefix_or_as_it_is() {
    let cluster = start(module_path());
    let mapped = |value: &str| ana("mapped").claim("roles", json!(["Unrelated", value]));
    lets_in(&cluster, "app_reader", "mapped", mapped("DB.Reader"));
    lets_in(&cluster, "app_reader", "mapped", mapped("DB.Admin"));
    lets_in(&cluster, "app_admin", "mapped", mapped("DB.Admin"));
    lets_in(&cluster, "app_reader", "prefixed", ana("prefixed").claim("groups", json!(["pg:", "pg:app_reader"])));
    lets_in(&cluster, "pg:app_reader", "prefixed", ana("prefixed").claim("groups", json!(["pg:pg:app_reader"])));
    lets_in(&cluster, "app_reader", "single", ana("single").claim("role", "app_reader"));
    for role in ["app_reader", "App_Reader", "\"app_reader\"", "app_reader ", "odd\"one", "it's", "café", "ana"] {
        lets_in(&cluster, role, "exact", granting("exact", role));
    }
    // Marks of too many groups matter only where the groups are missing.
    let many = ana("prefixed").claim("groups", json!(["pg:app_reader"])).claim("hasgroups", true);
    lets_in(&cluster, "app_reader", "prefixed", many);
}

/// What a token may say, by profile, without granting `app_reader`; one value between each two bars.
const LOOK_ALIKES: [(&str, &str, &str); 3] = [
    ("mapped", "roles", "app_reader|db.reader|DB.READER|DB.Reader | DB.Reader|DB.Reader2|DB.Reade|DB.*|"),
    (
        "prefixed",
        "groups",
        "app_reader|PG:app_reader|xpg:app_reader| pg:app_reader|pg:|\
         pg:pg:app_reader|pg:app_reader_2|pg: app_reader|pg:APP_READER",
    ),
    (
        "exact",
        "roles",
        "\"app_reader\"|'app_reader'|app_reader\0|app_reader,app_admin|app_admin app_reader|\
         all|*|+app_reader|/app_.*|\u{430}pp_reader",
    ),
];

/// Roles that a token with `app_reader`, or with what maps to it, does not grant.
const OTHER_ROLES: &str =
    "app_admin|App_Reader|APP_READER|app_reader_2|x_app_reader|\"app_reader\"|app_reader |pg:app_reader|DB.Reader|ana";

#[test]
fn a_name_that_resembles_a_granted_one_is_refused() {
    let cluster = start(module_path());
    for (profile, claim, values) in LOOK_ALIKES {
        for value in values.split('|') {
            denies_ungranted(&cluster, "app_reader", profile, ana(profile).claim(claim, json!([value])));
        }
    }
    for role in OTHER_ROLES.split('|') {
        denies_ungranted(&cluster, role, "exact", granting("exact", "app_reader"));
        denies_ungranted(&cluster, role, "prefixed", ana("prefixed").claim("groups", json!(["pg:app_reader"])));
        denies_ungranted(&cluster, role, "mapped", granting("mapped", "DB.Reader"));
    }
    // One letter, written in two ways.
    denies_ungranted(&cluster, "café", "exact", granting("exact", "cafe\u{301}"));
}

#[test]
fn a_token_that_grants_nothing_is_refused() {
    let cluster = start(module_path());
    for value in [json!([]), json!({}), Value::Null, json!("app_admin app_reader")] {
        denies_ungranted(&cluster, "app_reader", "exact", ana("exact").claim("roles", value));
    }
    for (role, database, token) in [
        ("app_reader", "exact", ana("exact")),
        // Not what the profile looks at.
        ("app_reader", "exact", ana("exact").claim("role", "app_reader").claim("groups", json!(["app_reader"]))),
        ("app_reader", "single", ana("single").claim("roles", json!(["app_reader"]))),
        ("app_reader", "single", ana("single").claim("role", "app_admin app_reader")),
        // A role of one's own name is no more one's own than another.
        ("ana", "exact", ana("exact")),
        ("ana", "prefixed", ana("prefixed").claim("groups", json!(["ana"]))),
        // As if it existed: nobody learns which roles there are.
        ("ghost", "exact", granting("exact", "app_reader")),
    ] {
        denies_ungranted(&cluster, role, database, token);
    }
}

#[track_caller]
fn denies_ungranted(cluster: &Cluster, role: &str, database: &str, token: TokenBuilder) {
    let log = denies(cluster, role, database, token, "role_not_granted");
    let said = ["grants the role asked for, as ", "finds no value"].iter().any(|words| log.contains(words));
    assert!(said && log.contains("oauth-validator.toml:"), "{log}");
}

#[test]
fn claims_of_the_wrong_type_and_groups_that_did_not_fit_are_refused() {
    let cluster = start(module_path());
    for value in [
        json!([7]),
        json!(["app_reader", 7]),
        json!([null]),
        json!([["app_reader"]]),
        json!([{"app_reader": 1}]),
        json!([true]),
        json!(7),
    ] {
        denies(&cluster, "app_reader", "exact", ana("exact").claim("roles", value), "claim_type");
    }
    for value in [json!(["app_reader"]), json!({"app_reader": true}), Value::Null] {
        denies(&cluster, "app_reader", "single", ana("single").claim("role", value), "claim_type");
    }
    let names = json!({"groups": "src1"});
    for token in [
        ana("prefixed").claim("hasgroups", true),
        ana("prefixed").claim("_claim_names", names.clone()),
        ana("prefixed").claim("_claim_names", names).claim("groups", json!([])),
    ] {
        denies(&cluster, "app_reader", "prefixed", token, "groups_overage");
    }
}

#[test]
fn delegation_excuses_from_nothing_else() {
    let cluster = start(module_path());
    let good = || granting("exact", "app_reader");
    denies(&cluster, "app_reader", "bare", granting("bare", "app_reader"), "delegation_not_configured");
    denies(&cluster, "ana", "bare", ana("bare"), "delegation_not_configured");
    denies(&cluster, "app_reader", "exact", good().without("scope"), "scope_missing");
    denies(&cluster, "app_reader", "exact", good().claim("scope", "db.connect.all"), "scope_missing");
    for (token, code) in [
        (good().without("sub"), "identity_missing"),
        (good().claim("sub", Value::Null), "identity_invalid"),
        (good().subject(""), "identity_invalid"),
        (good().audience("api://other"), "audience_mismatch"),
        (good().claim("exp", now() - 60), "expired"),
    ] {
        let log = denies_anybody(&cluster, "app_reader", "exact", token, code);
        assert!(!log.contains("connection authenticated"), "{log}");
    }
    let forged = Login::new("app_reader", "exact").token(good().sign(&keys::partner().with_kid(keys::corp().kid())));
    refused_as(&cluster, "app_reader", &forged, "signature_invalid (profile \"exact\")");

    // A line without delegation: [roles] grants nothing, and the server compares names as ever.
    let mark = cluster.log_mark();
    let reader = || ana("mapped").claim("roles", json!(["DB.Reader"]));
    let attempt = cluster.login(&login("app_reader", "undelegated", reader()));
    assert_told_nothing(&attempt, "app_reader");
    let log = cluster.wait_for_log(mark, "FATAL:");
    assert!(log.contains("(app_reader) and authenticated user name (ana) do not match"), "{log}");
    lets_in(&cluster, "ana", "undelegated", ana("mapped"));
}

/// `boss` is what most of these reach. Grants in the order that PostgreSQL needs.
const PRIVILEGED: &str = r#"
CREATE ROLE boss SUPERUSER; CREATE ROLE harmless; CREATE ROLE harmless_too; GRANT harmless TO harmless_too;
CREATE ROLE root_user LOGIN SUPERUSER; CREATE ROLE maker LOGIN CREATEROLE;
CREATE ROLE copier LOGIN REPLICATION; CREATE ROLE passer LOGIN BYPASSRLS;
CREATE ROLE plain LOGIN; GRANT boss TO plain;
CREATE ROLE noinherit LOGIN NOINHERIT; GRANT boss TO noinherit;
CREATE ROLE set_only LOGIN; GRANT boss TO set_only WITH INHERIT FALSE, SET TRUE;
CREATE ROLE inherit_only LOGIN; GRANT boss TO inherit_only WITH INHERIT TRUE, SET FALSE;
CREATE ROLE admin_only LOGIN; GRANT boss TO admin_only WITH INHERIT FALSE, SET FALSE, ADMIN TRUE;
CREATE ROLE chain_1; GRANT pg_execute_server_program TO chain_1; CREATE ROLE chain_2; GRANT chain_1 TO chain_2;
CREATE ROLE chained LOGIN; GRANT chain_2 TO chained; GRANT harmless, harmless_too TO chained;
CREATE ROLE mixed_1; GRANT maker TO mixed_1 WITH INHERIT FALSE, SET FALSE, ADMIN TRUE;
CREATE ROLE mixed_2; GRANT mixed_1 TO mixed_2 WITH INHERIT FALSE, SET TRUE;
CREATE ROLE mixed LOGIN; GRANT mixed_2 TO mixed WITH INHERIT TRUE, SET FALSE;
CREATE ROLE reader LOGIN; GRANT pg_read_all_data TO reader;
CREATE ROLE lender; GRANT boss TO lender WITH ADMIN TRUE; CREATE ROLE twice LOGIN;
GRANT boss TO twice WITH INHERIT FALSE, SET FALSE; GRANT boss TO twice WITH INHERIT FALSE, SET TRUE GRANTED BY lender;
CREATE ROLE nothing LOGIN; GRANT boss TO nothing WITH INHERIT FALSE, SET FALSE, ADMIN FALSE;
CREATE ROLE nothing_further LOGIN; GRANT nothing, harmless, harmless_too TO nothing_further;
CREATE ROLE creator LOGIN CREATEDB; CREATE ROLE owner LOGIN; ALTER DATABASE exact OWNER TO owner;
CREATE ROLE lent LOGIN; GRANT lent TO boss;
"#;

/// Who must be denied, and why.
const REACHING: [(&str, &str); 13] = [
    ("root_user", "The role asked for is superuser,"),
    ("maker", "The role asked for may create roles,"),
    ("copier", "The role asked for may replicate,"),
    ("passer", "The role asked for bypasses row-level security,"),
    ("plain", "can become \"boss\", which is superuser,"),
    ("noinherit", "can become \"boss\", which is superuser,"),
    ("set_only", "can become \"boss\", which is superuser,"),
    ("inherit_only", "can become \"boss\", which is superuser,"),
    ("admin_only", "can become \"boss\", which is superuser,"),
    ("twice", "can become \"boss\", which is superuser,"),
    ("chained", "can become \"pg_execute_server_program\", which is a predefined role,"),
    ("reader", "can become \"pg_read_all_data\", which is a predefined role,"),
    ("mixed", "can become \"maker\", which may create roles,"),
];

#[test]
fn what_reaches_a_privileged_role_is_refused_unless_allowed() {
    let cluster = start(module_path());
    cluster.sql(PRIVILEGED).expect("roles");
    let before = cluster.incarnation();
    let denies_reaching = |role| denies(&cluster, role, "exact", granting("exact", role), "role_privileged");
    for (role, why) in REACHING {
        let log = denies_reaching(role);
        assert!(log.contains(why) && log.contains("privileged = \"deny\""), "{role}: {log}");
        lets_in(&cluster, role, "trusting", granting("trusting", role));
    }
    denies(&cluster, "root_user", "mapped", ana("mapped").claim("roles", json!(["DB.Root"])), "role_privileged");
    denies(&cluster, "maker", "prefixed", ana("prefixed").claim("groups", json!(["pg:maker"])), "role_privileged");
    // Privileged and not granted: the token comes first, and "allow" grants nothing.
    denies(&cluster, "root_user", "exact", granting("exact", "maker"), "role_not_granted");
    denies(&cluster, "root_user", "trusting", granting("trusting", "maker"), "role_not_granted");

    for role in ["nothing", "nothing_further", "creator", "owner", "lent"] {
        let mut session = lets_in(&cluster, role, "exact", granting("exact", role));
        let error = session.query("SET ROLE boss").expect_err("no way to become boss");
        assert!(error.to_string().contains("permission denied to set role \"boss\""), "{role}: {error}");
    }
    // The next login sees what changed, and a session that stays is not asked again.
    let mut session = lets_in(&cluster, "app_reader", "exact", granting("exact", "app_reader"));
    cluster.sql("GRANT boss TO app_reader").expect("a grant");
    denies_reaching("app_reader");
    assert_eq!(session.query("SELECT 1").expect("a query"), [[Some("1".to_owned())]]);
    cluster.sql("REVOKE boss FROM app_reader").expect("a revoke");
    lets_in(&cluster, "app_reader", "exact", granting("exact", "app_reader"));
    assert_eq!(cluster.incarnation(), before);
}

#[test]
fn a_role_that_does_not_exist_is_the_servers_to_refuse() {
    let cluster = start(module_path());
    let before = cluster.incarnation();
    cluster.sql("CREATE ROLE no_login").expect("a role");
    for profile in ["exact", "trusting"] {
        for (role, message) in [
            ("ghost", "role \"ghost\" does not exist"),
            ("gh'o\"st", "role \"gh'o\"st\" does not exist"),
            ("no_login", "role \"no_login\" is not permitted to log in"),
        ] {
            let attempt = cluster.login(&login(role, profile, granting(profile, role)));
            let error = attempt.refused();
            assert_eq!((error.severity.as_str(), error.sqlstate.as_str()), ("FATAL", "28000"), "{error}");
            assert_eq!(error.message, message);
        }
    }
    // The server cuts names to 63 bytes before anybody sees them: what counts is the role that the session would have.
    let (longest, longer) = ("s".repeat(63), "s".repeat(2000));
    cluster.sql(&format!("CREATE ROLE {longest} LOGIN SUPERUSER")).expect("a role");
    for (granted, code) in [(&longest, "role_privileged"), (&longer, "role_not_granted")] {
        refused_as(&cluster, &longest, &login(&longer, "exact", granting("exact", granted)), code);
    }
    assert_eq!(cluster.incarnation(), before);
}

#[test]
fn a_walsender_looks_roles_up_without_a_database() {
    let cluster = start(module_path());
    cluster.sql(PRIVILEGED).expect("roles");
    let physical = |role, profile| login(role, "", granting(profile, role)).replication("true");
    cluster.login(&physical("copier", "trusting")).accepted();
    let log = refused_as(&cluster, "plain", &physical("plain", "exact"), "role_privileged (profile \"exact\")");
    assert!(log.contains("can become \"boss\""), "{log}");
    let ungranted = login("nothing", "", ana("exact")).replication("true");
    refused_as(&cluster, "nothing", &ungranted, "role_not_granted (profile \"exact\")");
}

/// Makes `name` a role that can become `count` roles, itself included, whose names are `prefix` and a number.
fn far_reaching(cluster: &Cluster, name: &str, prefix: &str, count: usize) {
    let grants = format!(
        "DO $$ BEGIN EXECUTE 'CREATE ROLE {name} LOGIN';
         FOR i IN 2..{count} LOOP EXECUTE format('CREATE ROLE {prefix}%s ROLE {name}', i);
         IF i % 1000 = 0 THEN COMMIT; END IF; END LOOP; END $$"
    );
    cluster.sql(&grants).expect("roles");
}

#[test]
fn a_role_that_reaches_too_many_is_refused() {
    let cluster = start(module_path());
    far_reaching(&cluster, "administrator", "tenant_", 10_000);
    lets_in(&cluster, "administrator", "exact", granting("exact", "administrator"));
    cluster.sql("CREATE ROLE one_too_many ROLE tenant_10000").expect("a role");
    let token = login("administrator", "exact", granting("exact", "administrator"));
    let log = refused_as(&cluster, "administrator", &token, "internal");
    assert!(log.contains("can become more than 10000 roles"), "{log}");
}

#[test]
fn a_lookup_that_fails_denies_one_login() {
    for (fault, detail) in [
        ("catalog_panic", "A panic at src/module/src/faults.rs:"),
        ("catalog_error", "An error (ERRCODE_INTERNAL_ERROR) at mcxt.c:"),
    ] {
        let cluster = start(faulty_module_path());
        let before = cluster.incarnation();
        cluster.append_conf(&format!("oauth_validator.test_fault = '{fault}'"));
        cluster.reload();
        let good = || granting("exact", "app_reader");
        let log = refused_as(&cluster, "app_reader", &login("app_reader", "exact", good()), "internal");
        assert!(log.contains(detail) && !log.contains("connection authenticated"), "{fault}: {log}");
        // What is refused for another reason needs no lookup.
        denies(&cluster, "app_admin", "exact", good(), "role_not_granted");

        cluster.append_conf("oauth_validator.test_fault = ''");
        cluster.reload();
        lets_in(&cluster, "app_reader", "exact", good());
        assert_eq!(cluster.incarnation(), before, "{fault}");
    }
}
