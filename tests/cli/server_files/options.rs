//! `check --pgdata`: options and maps that say something else than was meant, which the server takes in silence, and
//! expressions for which it refuses the file.

use super::check::{assert_found, words};
use super::{CONF, LINE, MAP, folder};
use crate::support::{Folder, corp};

const HBA: &str = "data/pg_hba.conf";
const IDENT: &str = "data/pg_ident.conf";

fn with(hba: &str, ident: &str) -> Folder {
    folder(&corp("", ""), CONF, hba, ident)
}

#[test]
fn a_comma_does_not_separate_scopes() {
    for (scope, named, proposed) in [
        ("openid,db.connect", "openid,db.connect", "openid db.connect"),
        ("openid db.connect,profile", "db.connect,profile", "openid db.connect profile"),
        ("openid, db.connect", "openid,", "openid db.connect"),
        (",db.connect", ",db.connect", "db.connect"),
    ] {
        let folder = with(&LINE.replace("openid db.connect", scope), MAP);
        assert_found(&folder, 0, &[("scope_comma", HBA, 1)]);
        let said = words(&folder, "scope_comma");
        assert!(said.contains(&format!("one scope, \\\"{named}\\\"")), "{said}");
        assert!(said.contains(&format!("scope=\\\"{proposed}\\\"")), "{said}");
    }
    for scope in ["openid db.connect", "openid  db.connect", "openid;db.connect", ""] {
        assert_found(&with(&LINE.replace("openid db.connect", scope), MAP), 0, &[]);
    }
}

#[test]
fn delegation_is_on_by_1_alone() {
    let line = |value: &str| LINE.replace("map=okta", &format!("map=okta delegate_ident_mapping={value}"));
    for value in ["yes", "true", "on", "2", "01", "\" 1\"", "\"\"", "TRUE"] {
        let folder = with(&line(value), MAP);
        assert_found(&folder, 0, &[("delegation_off", HBA, 1)]);
        assert!(words(&folder, "delegation_off").contains("nothing but 1 for on"));
    }
    for value in ["0", "off", "no", "False"] {
        assert_found(&with(&line(value), MAP), 0, &[]);
    }
    // The last one counts.
    let on = LINE.replace("map=okta", "delegate_ident_mapping=yes delegate_ident_mapping=1");
    assert_found(&with(&on, ""), 1, &[("option_twice", HBA, 1), ("delegation_unconfigured", HBA, 1)]);
    let off = LINE.replace("map=okta", "map=okta delegate_ident_mapping=1 delegate_ident_mapping=yes");
    assert_found(&with(&off, MAP), 0, &[("option_twice", HBA, 1), ("delegation_off", HBA, 1)]);
}

#[test]
fn an_option_that_is_there_twice_is_found() {
    for (written, name, counts) in [
        ("scope=\"a\" scope=\"openid db.connect\"", "scope", "openid db.connect"),
        ("scope=\"a\" scope=\"\"", "scope", ""),
        ("scope=\"openid db.connect\" map=other", "map", "okta"),
    ] {
        let folder = with(&LINE.replace("scope=\"openid db.connect\"", written), MAP);
        assert_found(&folder, 0, &[("option_twice", HBA, 1)]);
        let said = words(&folder, "option_twice");
        assert!(said.contains(&format!("{name} is there more than once")), "{said}");
        assert!(said.contains(&format!("the last one, \\\"{counts}\\\"")), "{said}");
    }
}

#[test]
fn an_expression_that_can_give_the_superusers_name_is_found() {
    for (identity, role) in [
        (r"/^(.*)@corp\.example$", r"\1"),
        (r"/^([a-z]+)@corp\.example$", r"\1"),
        (r"/^([^@]+)@", r"\1"),
        (r"/^(?:x|(.+))@corp$", r"\1"),
        (r"/^\(([a-z]{8})\)$", r"\1"),
        (r"/^[(]([p(\]][a-z]+)$", r"\1"),
        (r"/^(post(gre|man)s)@corp$", r"\1"),
        (r"/^(.*)@corp$", r"p\1s"),
        (r"/^(.*)@corp$", r"postgres\1"),
        (r"/@corp\.example$", "all"),
        (r"/@corp\.example$", "/^p"),
        ("/.", "/gres$"),
    ] {
        let folder = with(LINE, &format!("okta {identity} {role}\n"));
        assert_found(&folder, 0, &[("superuser_by_map", IDENT, 1)]);
        assert!(words(&folder, "superuser_by_map").contains("hostssl all postgres all reject"), "{identity}");
    }
    for (identity, role) in [
        (r"/^([a-z]+\.[a-z]+)@corp\.example$", r"\1"),
        (r"/^(u[0-9]+)$", r"\1"),
        (r"/^([A-Z]+)@corp$", r"\1"),
        (r"/^(.*)@corp$", r"corp_\1"),
        (r"/^(.*)@corp$", r"\1@x"),
        (r"/^[(](a)(.*)$", r"\1"),
        (r"/^(.*)@corp$", "ana"),
        // The administrator's own words.
        (r"/^(.*)@corp$", "postgres"),
        ("ana@corp.example", "all"),
        (r"/^(.*)@corp$", "/^app_"),
        (r"/^(.*)@corp$", "+dba"),
        (r"/^(.*)@corp$", "\"all\""),
    ] {
        assert_found(&with(LINE, &format!("okta {identity} {role}\n")), 0, &[]);
    }
}

#[test]
fn a_line_that_keeps_the_superuser_out_makes_it_harmless() {
    let ident = "okta /^(.*)@corp\\.example$ \\1\n";
    let roles = |roles: &str| LINE.replace("all all all", &format!("all {roles} all"));
    for harmless in [
        format!("hostssl all postgres all reject\n{LINE}"),
        format!("host all postgres,admin 0.0.0.0/0 reject\n{}", LINE.replace("all all all", "all all 10.0.0.0/8")),
        format!("hostssl all /^postgres$ all scram-sha-256\n{LINE}"),
        roles("ana,bo"),
        roles("+people"),
        roles("/^[a-o]"),
        LINE.replace("map=okta", "map=other"),
    ] {
        let found = with(&harmless, &format!("{ident}other 00u ana\n")).check(&["--pgdata", "data"]);
        assert!(!found.stdout.contains("superuser_by_map"), "{harmless}{}", found.stdout);
    }
    for harmful in [
        format!("{LINE}hostssl all postgres all reject\n"),
        format!("hostssl app postgres all reject\n{LINE}"),
        format!("hostssl all postgres 10.0.0.0/8 reject\n{LINE}"),
        format!("local all postgres peer\n{LINE}"),
        format!("hostssl all +dba all reject\n{LINE}"),
        roles("ana,postgres"),
        roles("/^p"),
    ] {
        let found = with(&harmful, ident).check(&["--pgdata", "data"]);
        assert!(found.stdout.contains("superuser_by_map"), "{harmful}{}", found.stdout);
    }
    // By a Unix socket the administrator has to get in as well.
    let local = with(&LINE.replace("hostssl all all all", "local all all"), ident);
    assert!(words(&local, "superuser_by_map").contains("local all postgres peer"));
}

#[test]
fn expressions_for_which_the_server_refuses_the_file_are_errors() {
    for (expression, why) in [
        (r"/^(a)\2$", "invalid backreference number"),
        (r"/^(?:a)\1$", "invalid backreference number"),
        ("/a)", "parentheses () not balanced"),
        ("/[a", "brackets [] not balanced"),
        ("/*", "quantifier operand invalid"),
    ] {
        for ident in [format!("okta {expression} ana\n"), format!("okta ana {expression}\n")] {
            let folder = with(LINE, &ident);
            assert_found(&folder, 1, &[("server_line", IDENT, 1)]);
            let said = words(&folder, "server_line");
            let expression = expression[1..].replace('\\', r"\\");
            assert!(said.contains(&format!("invalid regular expression \\\"{expression}\\\": {why}")), "{said}");
        }
        for hba in [
            format!("hostssl {expression} all all trust\n{LINE}"),
            format!("hostssl all {expression} all trust\n{LINE}"),
        ] {
            assert_found(&with(&hba, MAP), 1, &[("server_line", HBA, 1)]);
        }
    }
    // A reference to a group that is there is taken, and not judged.
    assert_found(&with(LINE, &format!("{MAP}okta /^(a)\\1$ ana\n")), 0, &[("not_judged", IDENT, 2)]);
}
