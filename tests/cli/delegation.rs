//! `explain --delegated`: what is said of a role that the token grants, and what the administrator tells about it.

use crate::support::{Folder, Run, corp, okta, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use oauth_validator_fixtures::keys;
use serde_json::{Value, json};

/// The sample's `pg_groups` are `readers`.
fn folder(more: &str) -> Folder {
    Folder::new(&corp(&format!("roles = {{ claim = \"$.pg_groups[*]\", exact = true{more} }}"), ""))
}

fn as_readers(folder: &Folder, args: &[&str]) -> Run {
    let line = ["--hba-issuer", "https://acme.okta.example/oauth2/aus000001", "--hba-scope", "db.connect"];
    let asked = ["--delegated", "--role", "readers"];
    folder.explain(&okta().sign(keys::corp()), &[&line[..], &asked[..], args].concat())
}

const ASSUMED: &str = "no --role-attribute given: as if \"readers\" were an ordinary role. The server looks up the \
                       attributes and memberships of the role, and refuses a privileged one unless roles.privileged = \
                       \"allow\"";

#[test]
fn a_granted_role_is_the_login() {
    let granted = as_readers(&folder(""), &[]);
    assert_eq!(granted.code, 0, "{}", granted.stdout);
    assert!(granted.stdout.starts_with(&format!("note: {ASSUMED}\n\n")), "{}", granted.stdout);
    let end = "\
✓ delegation the token grants the role asked for
             $.pg_groups[*] = \"readers\"

granted: authn_id \"00u000user0000000h7\" (profile \"corp\")
  next:    The token grants the role as well, so the login succeeds: with delegate_ident_mapping=1 the server compares nothing more.
";
    assert!(granted.stdout.ends_with(end), "{}", granted.stdout);
}

#[test]
fn what_was_assumed_is_in_the_json_as_well() {
    let report = as_readers(&folder(""), &["--json"]).json();
    assert_eq!((&report["outcome"], &report["notes"]), (&json!("granted"), &json!([ASSUMED])));
    assert!(report["hint"].as_str().is_some_and(|hint| hint.contains("compares nothing more")), "{report:#}");
}

#[test]
fn each_attribute_is_refused_in_its_own_words() {
    let folder = folder("");
    for (attribute, words) in [
        ("superuser", "is superuser"),
        ("createrole", "may create roles"),
        ("replication", "may replicate"),
        ("bypassrls", "bypasses row-level security"),
        ("BYPASSRLS", "bypasses row-level security"),
        ("pg_read_all_data", "can become \"pg_read_all_data\", which is a predefined role"),
    ] {
        let denied = as_readers(&folder, &["--role-attribute", attribute, "--json"]);
        let report = denied.json();
        assert_eq!((denied.code, &report["reason"]), (1, &json!("role_privileged")), "{attribute}: {report:#}");
        let detail = format!("The role asked for {words}, and the profile says privileged = \"deny\".");
        assert_eq!(report["detail"], detail);
        assert_eq!(report["notes"], json!([]), "nothing was assumed");
        assert_eq!(report["steps"][10]["held"], false);
        assert_eq!(report["authn_id"], "00u000user0000000h7", "the token is genuine");
    }
}

#[test]
fn one_privilege_among_several_is_enough_to_refuse() {
    let args = ["--role-attribute", "staff", "--role-attribute", "pg_monitor", "--json"];
    let report = as_readers(&folder(""), &args).json();
    assert_eq!(report["reason"], "role_privileged");
    assert!(report["detail"].as_str().is_some_and(|detail| detail.contains("\"pg_monitor\"")), "{report:#}");
}

#[test]
fn privileged_roles_pass_where_the_profile_allows_them() {
    let allowed = as_readers(&folder(", privileged = \"allow\""), &["--role-attribute", "superuser", "--json"]);
    let report = allowed.json();
    assert_eq!((allowed.code, &report["outcome"]), (0, &json!("granted")), "{report:#}");
}

/// A misspelt attribute would otherwise look like an answer.
#[test]
fn a_name_that_is_no_attribute_is_said_to_be_taken_for_a_role() {
    let granted = as_readers(&folder(""), &["--role-attribute", "superusr", "--json"]);
    let note = "\"superusr\" is taken for a role without attributes, which \"readers\" is a member of";
    assert_eq!((granted.code, &granted.json()["notes"]), (0, &json!([note])));
}

#[test]
fn without_a_role_nothing_is_granted_and_the_reason_is_said() {
    let folder = folder("");
    let denied = folder.explain(&okta().sign(keys::corp()), &["--delegated", "--json"]);
    let report = denied.json();
    assert_eq!((denied.code, &report["reason"]), (1, &json!("role_not_granted")), "{report:#}");
    let said = |words: &str| {
        let mut notes = report["notes"].as_array().into_iter().flatten().filter_map(Value::as_str);
        notes.any(|note| note.contains(words))
    };
    assert!(said("no --role given"), "{report:#}");
    assert!(!said("--role-attribute"), "the role was not looked at: {report:#}");
}

/// Attributes of a role say nothing where the server compares the identity itself.
#[test]
fn attributes_need_a_role_and_delegation() {
    let tool = |args: &[&str]| run(Command::new(cargo_bin!("oauth-validator")).env_clear().arg("explain").args(args));
    tool(&["--role", "ana", "--role-attribute", "superuser"]).assert_failed(&["--delegated"]);
    tool(&["--delegated", "--role-attribute", "superuser"]).assert_failed(&["--role <ROLE>"]);
    tool(&["--delegated", "--role", "ana", "--role-attribute", ""])
        .assert_failed(&["--role-attribute <ATTR>", "empty"]);
}

#[test]
fn without_delegation_the_mapping_is_not_asked() {
    let granted = folder("").explain(&okta().sign(keys::corp()), &["--role", "readers", "--json"]);
    let report = granted.json();
    assert_eq!((granted.code, &report["steps"][10]["held"]), (0, &Value::Null));
    assert!(report["hint"].as_str().is_some_and(|hint| hint.contains("needs map=NAME")), "{report:#}");
}

#[test]
fn help_names_every_attribute_that_is_one() {
    let help = run(Command::new(cargo_bin!("oauth-validator")).env_clear().args(["explain", "--help"])).stdout;
    let line = help.lines().find(|line| line.contains("What the role is: ")).expect("the option's help");
    let (_, named) = line.split_once(": ").expect("a colon");
    let attributes: Vec<&str> = named.split(", ").filter(|word| !word.contains(' ')).collect();
    assert_eq!(attributes, ["superuser", "createrole", "replication", "bypassrls"]);
    for attribute in attributes {
        let report = as_readers(&folder(""), &["--role-attribute", attribute, "--json"]).json();
        assert_eq!(report["reason"], "role_privileged", "{attribute}");
    }
}
