//! Claims that a provider left out of a token because they did not fit: Entra does so with the groups of a user who has
//! more than 200 of them.
//!
//! Such a claim is there, only elsewhere: it is never "absent".

use crate::claim_path::ClaimPath;
use serde_json::{Map, Value, json};

/// Whether the token says that the claim which the path begins with was left out of it: as a distributed claim (OpenID
/// Connect Core section 5.6.2), or by Entra's mark of the implicit flow, which has no room even for that. Entra can send
/// groups as `roles` too (`emit_as_roles`), and marks them as groups then.
pub(crate) fn leaves_out(claims: &Value, path: &ClaimPath) -> bool {
    let Some(claims) = claims.as_object() else { return false };
    path.first_claims().into_iter().any(|name| leaves_out_claim(claims, name))
}

/// Whether claims leave out this one, by its name, as [`leaves_out`] says it of a path.
pub(crate) fn leaves_out_claim(claims: &Map<String, Value>, name: &str) -> bool {
    let is_marked = || marks(claims, name) || ["groups", "roles"].contains(&name) && marks(claims, "groups");
    lacks(claims, name) && is_marked()
}

/// Whether the token says of the claim that it is elsewhere.
fn marks(claims: &Map<String, Value>, name: &str) -> bool {
    let named = claims.get("_claim_names").and_then(Value::as_object).is_some_and(|names| names.contains_key(name));
    let unmarked = matches!(claims.get("hasgroups"), None | Some(Value::Null | Value::Bool(false)));
    named || name == "groups" && !unmarked
}

/// An empty list beside the mark is the list that did not fit, too.
fn lacks(claims: &Map<String, Value>, name: &str) -> bool {
    claims.get(name).is_none_or(|claim| claim.as_array().is_some_and(Vec::is_empty))
}

/// Takes the marks away by which a token says that it leaves out this claim, which was found elsewhere. Where the marks of
/// groups are about `roles` as well, and nobody has found these, one of `roles` stays.
pub(crate) fn is_there(claims: &mut Map<String, Value>, name: &str) {
    let roles_too = name == "groups" && marks(claims, "groups") && lacks(claims, "roles");
    if let Some(Value::Object(names)) = claims.get_mut("_claim_names") {
        names.remove(name);
    }
    if name == "groups" {
        claims.remove("hasgroups");
    }
    if roles_too {
        is_elsewhere(claims, "roles");
    }
}

/// The names of all claims that these say are elsewhere.
pub(crate) fn left_out(claims: &Map<String, Value>) -> Vec<String> {
    let named = claims.get("_claim_names").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    let all = named.map(String::as_str).chain(["groups"]);
    all.filter(|name| marks(claims, name) && lacks(claims, name)).map(str::to_owned).collect()
}

/// Marks those of the claims that are not here either.
pub(crate) fn are_elsewhere(claims: &mut Map<String, Value>, names: &[String]) {
    for name in names {
        if lacks(claims, name) {
            is_elsewhere(claims, name);
        }
    }
}

/// Marks this claim as one that was left out.
pub(crate) fn is_elsewhere(claims: &mut Map<String, Value>, name: &str) {
    let names = claims.entry("_claim_names").or_insert(Value::Null);
    match names.as_object_mut() {
        Some(names) => drop(names.insert(name.to_owned(), Value::Null)),
        None => *names = json!({ name: null }),
    }
}

/// What is said of it.
pub(crate) fn detail(path: &ClaimPath) -> String {
    format!("The token has no {path}, and says that it leaves out the groups of a user who has too many of them.")
}

#[cfg(test)]
mod tests {
    use super::{is_there, leaves_out};
    use crate::claim_path::ClaimPath;
    use serde_json::json;

    #[test]
    fn what_was_found_elsewhere_is_marked_no_longer() {
        let groups = ClaimPath::parse("$.groups").unwrap();
        for mut claims in [
            json!({"_claim_names": {"groups": "src1", "address": "src2"}, "groups": []}),
            json!({"hasgroups": true, "groups": []}),
            json!({"_claim_names": "groups", "groups": []}),
        ] {
            let marked = leaves_out(&claims, &groups);
            is_there(claims.as_object_mut().unwrap(), "groups");
            assert!(!leaves_out(&claims, &groups), "{claims}");
            // They may have been sent as roles, of which nobody has found any.
            assert_eq!(leaves_out(&claims, &ClaimPath::parse("$.roles").unwrap()), marked, "{claims}");
        }
        let mut with_roles = json!({"hasgroups": true, "roles": ["r"]});
        is_there(with_roles.as_object_mut().unwrap(), "groups");
        assert_eq!(with_roles, json!({"roles": ["r"]}));
        let mut others = json!({"_claim_names": {"groups": "src1"}, "hasgroups": true});
        let before = others.clone();
        is_there(others.as_object_mut().unwrap(), "address");
        assert_eq!(others, before);
    }

    #[test]
    fn only_what_is_marked_was_left_out() {
        let source = json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {}}});
        let mark = json!({"hasgroups": true});
        for (path, by_source, by_mark) in [
            ("$.groups", true, true),
            ("$.groups[*]", true, true),
            ("$['groups'][0]", true, true),
            ("$..groups[*]", true, true),
            ("$['roles', 'groups']", true, true),
            ("$.roles[*]", true, true),
            ("$.scp", false, false),
            ("$.corp.groups", false, false),
            ("$.Groups", false, false),
            ("$[*]", false, false),
        ] {
            let path = ClaimPath::parse(path).unwrap();
            assert_eq!(leaves_out(&source, &path), by_source, "{path}");
            assert_eq!(leaves_out(&mark, &path), by_mark, "{path}");
        }
        let groups = ClaimPath::parse("$.groups").unwrap();
        for claims in [
            json!({}),
            json!({"hasgroups": false}),
            json!({"hasgroups": null}),
            json!({"_claim_names": "groups"}),
            json!({"_claim_names": {"address": "src1"}}),
            json!({"groups": ["a"], "hasgroups": true}),
            json!({"groups": "", "hasgroups": true}),
        ] {
            assert!(!leaves_out(&claims, &groups), "{claims}");
        }
        for claims in [json!({"groups": [], "hasgroups": true}), json!({"groups": [], "_claim_names": {"groups": "a"}})]
        {
            assert!(leaves_out(&claims, &groups), "{claims}");
        }
    }
}
