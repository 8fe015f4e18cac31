//! Logins that are denied because a path does not lead to what was meant: what `explain` says, and that it leads to the
//! cure.

use crate::support::{Folder, corp, okta};
use oauth_validator_fixtures::{TokenBuilder, keys};
use serde_json::json;

/// A denied login, and a phrase that its screen must have.
pub struct Case {
    pub name: &'static str,
    pub says: &'static str,
    pub token: String,
    pub args: &'static [&'static str],
    pub folder: Folder,
}

const PLAIN: &[&str] = &[];
const DELEGATED: &[&str] = &["--delegated", "--role", "reader"];

fn case(
    name: &'static str,
    says: &'static str,
    lines: &str,
    token: TokenBuilder,
    args: &'static [&'static str],
) -> Case {
    Case { name, says, token: token.sign(keys::corp()), args, folder: Folder::new(&corp(lines, "")) }
}

/// Every case; each makes a folder of its own.
pub fn cases() -> Vec<Case> {
    of_roles().into_iter().chain(of_rules()).chain(of_others()).collect()
}

fn of_roles() -> Vec<Case> {
    let roles = |name, says, path: &str, claims: TokenBuilder| {
        let lines = format!("roles = {{ {path}, map = {{ reader = [\"reader\"] }} }}");
        case(name, says, &lines, claims, DELEGATED)
    };
    let client = json!({"db.corp.example": {"roles": ["reader"]}});
    let text = "{\"x-hasura-allowed-roles\": [\"user\", \"reader\"]}";
    let hasura = "claim = \"$['https://hasura.io/jwt/claims']['x-hasura-allowed-roles'][*]\"";
    let member = json!({"reader": {"69234237810720000": "corp.example"}});
    let separated = "claim = \"$.pg_groups\", separator = \", \"";
    vec![
        roles("path-no_member", "finds no value: the token has no $.role", "claim = \"$.role[*]\"", okta()),
        roles(
            "path-name_with_dots",
            "$.resource_access['db.corp.example'].roles[*]",
            "claim = \"$.resource_access.db.corp.example.roles[*]\"",
            okta().claim("resource_access", client),
        ),
        roles(
            "path-array",
            "\"$.pg_groups[*]\"",
            "claim = \"$.pg_groups\"",
            okta().claim("pg_groups", json!(["reader"])),
        ),
        roles(
            "path-empty_array",
            "finds no value in the token",
            "claim = \"$.pg_groups[*]\"",
            okta().claim("pg_groups", json!([])),
        ),
        roles("path-json_text", "is a text", hasura, okta().claim("https://hasura.io/jwt/claims", text)),
        roles("path-names", "names_of = \"$.pg_groups\"", "claim = \"$.pg_groups\"", okta().claim("pg_groups", member)),
        roles(
            "path-no_names",
            "claim = \"$.pg_groups\"",
            "names_of = \"$.pg_groups\"",
            okta().claim("pg_groups", json!(["reader"])),
        ),
        roles(
            "path-one_text",
            "roles.separator",
            "claim = \"$.pg_groups\"",
            okta().claim("pg_groups", "[writer, reader]"),
        ),
        roles("path-empty_element", "is empty", separated, okta().claim("pg_groups", "reader, , writer")),
    ]
}

fn of_rules() -> Vec<Case> {
    let rule = |name, says, rule: &str, claims: TokenBuilder| {
        case(name, says, &format!("require = [{{ {rule} }}]"), claims, PLAIN)
    };
    let groups = || okta().claim("groups", json!(["staff", "contractor"]));
    let left_out = json!({"groups": "src1"});
    vec![
        rule("rule-equals_array", "contains", "claim = \"$.groups\", equals = \"staff\"", groups()),
        rule("rule-contains_none", "contains_none", "claim = \"$.groups\", contains_none = [\"contractor\"]", groups()),
        rule(
            "rule-contains_none-absent",
            "the token has no $.groups",
            "claim = \"$.groups\", contains_none = [\"contractor\"]",
            okta(),
        ),
        rule(
            "rule-contains_object",
            "an object",
            "claim = \"$.groups\", contains = \"staff\"",
            okta().claim("groups", json!({"staff": true})),
        ),
        rule("rule-below_array", "$.groups[*].name", "claim = \"$.groups.name\", equals = \"staff\"", groups()),
        rule(
            "rule-overage",
            "groups_overage",
            "claim = \"$.groups\", contains = \"staff\"",
            okta().claim("_claim_names", left_out),
        ),
        rule(
            "rule-unsearchable",
            "given up",
            "claim = \"$..[?$..[?@ == 'x']].a\", equals = \"staff\"",
            okta().claim("groups", json!(vec![0; 4_000])),
        ),
    ]
}

fn of_others() -> Vec<Case> {
    vec![
        case(
            "scope-json_text",
            "is a text",
            "scope = { claim = \"$.access.scopes\", required = [\"db.connect\"] }",
            okta().claim("access", "{\"scopes\": [\"db.connect\"]}"),
            PLAIN,
        ),
        case(
            "identity-array",
            "$.emails[0]",
            "identity = { claim = \"$.emails\" }",
            okta().claim("emails", json!(["a@b"])),
            PLAIN,
        ),
        case(
            "identity-no_member",
            "The token has no $.user.id",
            "identity = { claim = \"$.user.id\" }",
            okta().claim("user", json!({"ID": "ana"})),
            PLAIN,
        ),
    ]
}
