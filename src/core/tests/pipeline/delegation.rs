//! Step 11: the server compares nothing more, so the role must follow from the token.

use super::support::{Login, token};
use oauth_validator_core::Reason::{
    ClaimType, DelegationNotConfigured, GroupsOverage, IdentityMissing, RoleNotGranted, RolePrivileged, ScopeMissing,
};
use oauth_validator_core::{Privileges, RoleAttributes};
use serde_json::json;

fn login(roles: &str, role: &str) -> Login {
    let roles =
        if roles.is_empty() { String::new() } else { format!("roles = {{ claim = \"$.roles[*]\", {roles} }}\n") };
    Login::with_profile(&roles).request(|request| {
        request.delegate_ident_mapping = true;
        request.role = role.into();
    })
}

fn reaching(roles: Vec<RoleAttributes>, privileged: &str) -> Login {
    let mut login = login(&format!("exact = true, privileged = \"{privileged}\""), "reader");
    login.privileges = Privileges { reached: roles };
    login
}

fn plain(name: &str) -> RoleAttributes {
    RoleAttributes { name: name.into(), ..RoleAttributes::default() }
}

#[test]
fn without_roles_nobody_is_delegated() {
    let denial = login("", "ana").denies(token(json!({"roles": ["ana"]})), DelegationNotConfigured);
    assert_eq!(denial.authn_id.as_deref(), Some("ana"));
    // Not even a token without identity, which the server itself would let in.
    login("exact = true", "reader").denies(token(json!({"sub": null, "roles": ["reader"]})), IdentityMissing);
    login("exact = true", "reader").denies(token(json!({"scope": "openid", "roles": ["reader"]})), ScopeMissing);
}

#[test]
fn without_delegation_roles_mean_nothing() {
    let undelegated = login("exact = true", "anybody").request(|request| request.delegate_ident_mapping = false);
    undelegated.grants(&token(json!({"roles": []})), "ana");
}

#[test]
fn exact_names() {
    for role in ["reader", "app \"quoted\"", "App", "pgx"] {
        login("exact = true", role).grants(&token(json!({"roles": ["other", role]})), "ana");
    }
    for roles in [
        json!([]),
        json!(["reade"]),
        json!(["readers"]),
        json!(["Reader"]),
        json!(["reader "]),
        json!([""]),
        json!(["writer"]),
    ] {
        login("exact = true", "reader").denies(token(json!({"roles": roles})), RoleNotGranted);
    }
    login("exact = true", "reader").denies(token(json!({})), RoleNotGranted);
    login("exact = true", "ana").denies(token(json!({"roles": ["reader"]})), RoleNotGranted);
}

#[test]
fn prefixed_names() {
    let role = |role: &str| login("prefix = \"pg:\"", role);
    role("reader").grants(&token(json!({"roles": ["pg:reader"]})), "ana");
    role("pg:reader").denies(token(json!({"roles": ["pg:reader"]})), RoleNotGranted);
    role("reader")
        .denies(token(json!({"roles": ["reader", "PG:reader", "xpg:reader", "pg:pg:reader", "pg:"]})), RoleNotGranted);
    role("").denies(token(json!({"roles": ["reader"]})), RoleNotGranted);
}

#[test]
fn mapped_names() {
    let map = "map = { \"DB.Reader\" = [\"app_reader\"], \"DB.Admin\" = [\"app_admin\", \"app_reader\"] }";
    let role = |role: &str| login(map, role);
    role("app_reader").grants(&token(json!({"roles": ["DB.Reader"]})), "ana");
    role("app_reader").grants(&token(json!({"roles": ["x", "DB.Admin"]})), "ana");
    role("app_admin").grants(&token(json!({"roles": ["DB.Admin"]})), "ana");
    role("app_admin").denies(token(json!({"roles": ["DB.Reader"]})), RoleNotGranted);
    role("DB.Reader").denies(token(json!({"roles": ["DB.Reader"]})), RoleNotGranted);
    role("app_reader").denies(token(json!({"roles": ["db.reader", "DB.Reader2", "app_reader"]})), RoleNotGranted);
}

#[test]
fn every_value_must_be_a_string() {
    for roles in [
        json!(["reader", 7]),
        json!([["reader"]]),
        json!([{"name": "reader"}]),
        json!([null, "reader"]),
        json!({"reader": true}),
    ] {
        login("exact = true", "reader").denies(token(json!({"roles": roles})), ClaimType);
    }
    // A string is the list of it alone, and nothing is looked for inside of it.
    login("exact = true", "reader").grants(&token(json!({"roles": "reader"})), "ana");
    login("exact = true", "reader").denies(token(json!({"roles": "a reader"})), RoleNotGranted);
}

#[test]
fn left_out_groups_are_not_no_groups() {
    for mark in [json!({"_claim_names": {"groups": "src1"}}), json!({"hasgroups": true})] {
        login("exact = true", "reader").denies(token(mark), GroupsOverage);
    }
    let marked_but_there = json!({"hasgroups": true, "roles": ["reader"]});
    login("exact = true", "reader").grants(&token(marked_but_there), "ana");
}

#[test]
fn privileged_roles_need_the_administrators_word() {
    let granted = token(json!({"roles": ["reader"]}));
    reaching(vec![], "deny").grants(&granted, "ana");
    reaching(vec![plain("reader"), plain("app"), plain("pgadmin")], "deny").grants(&granted, "ana");
    let privileged = [
        RoleAttributes { superuser: true, ..plain("x") },
        RoleAttributes { create_role: true, ..plain("x") },
        RoleAttributes { replication: true, ..plain("x") },
        RoleAttributes { bypass_rls: true, ..plain("x") },
        plain("pg_execute_server_program"),
        plain("pg_monitor"),
    ];
    for role in privileged {
        reaching(vec![role.clone()], "deny").denies(&granted, RolePrivileged);
        let denial =
            reaching(vec![plain("reader"), plain("app"), role.clone()], "deny").denies(&granted, RolePrivileged);
        assert!(denial.detail.contains(&format!("can become \"{}\"", role.name)), "{}", denial.detail);
        reaching(vec![plain("reader"), role], "allow").grants(&granted, "ana");
    }
}
