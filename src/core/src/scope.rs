//! Step 8: every required scope is among the token's, compared whole and byte for byte.
//!
//! The fall-through is "deny": no branch lets a missing scope pass, and an empty list of required scopes denies.

use crate::claims::Accepted;
use crate::config::{Config, HbaScopes, Profile, ScopeClaim};
use crate::decision::Denial;
use crate::reason::Reason;
use crate::trace::Trace;
use serde_json::Value;
use std::collections::BTreeSet;

/// Checks the scopes; `Ok` holds how many were required.
pub(crate) fn check(
    accepted: &Accepted,
    config: &Config,
    profile: &Profile,
    hba_scope: &str,
    trace: &mut Trace,
) -> Result<usize, Denial> {
    let place = config.place(profile.scope.claim.origin);
    let ScopeClaim::Claim(path) = &profile.scope.claim.value else {
        return Ok(0);
    };
    let required = required(profile, hba_scope)?;
    if required.is_empty() {
        let detail = "Neither the pg_hba.conf line nor the profile requires a scope of the token.";
        let hint = format!(
            "Write a scope in the pg_hba.conf line or in profiles.{0}.scope.required; where tokens have no scopes, \
             set profiles.{0}.scope.claim = \"none\" and write a [[profiles.{0}.require]] rule.",
            profile.name
        );
        return Err(Denial::new(Reason::ScopeMissing, detail).with_hint(hint));
    }
    let nodes = path.select(accepted.claims());
    let granted = match nodes.as_slice() {
        [node] => {
            trace.fact(path, node);
            granted(node, &profile.scope.separator)
        }
        [] => {
            return Err(Denial::new(
                Reason::ScopeMissing,
                format!("The token has no {path}, where {place} looks for scopes."),
            ));
        }
        several => several.iter().map(|node| node.as_str()).collect(),
    };
    let Some(granted) = granted else {
        let detail = format!("The token's {path} is neither a string nor an array of strings.");
        return Err(Denial::new(Reason::ClaimType, detail));
    };
    match required.iter().find(|scope| !granted.contains(scope.as_str())) {
        None => Ok(required.len()),
        Some(missing) => {
            let detail = format!("The required scope \"{missing}\" is not in the token's {path}.");
            Err(Denial::new(Reason::ScopeMissing, detail))
        }
    }
}

/// The scopes required of the token: the profile's, and those of the pg_hba.conf line unless ignored.
fn required(profile: &Profile, hba_scope: &str) -> Result<BTreeSet<String>, Denial> {
    let mut required: BTreeSet<String> = profile.scope.required.value.iter().cloned().collect();
    if profile.scope.hba == HbaScopes::Ignore {
        return Ok(required);
    }
    for requested in hba_scope.split_ascii_whitespace() {
        if profile.scope.ignore.iter().any(|ignored| ignored == requested) {
            continue;
        }
        let name = requested.strip_prefix(profile.scope.prefix.as_str()).unwrap_or(requested);
        if name.is_empty() {
            let detail = "A scope of the pg_hba.conf line is nothing but the profile's scope.prefix.";
            return Err(Denial::new(Reason::ScopeMissing, detail));
        }
        required.insert(name.to_owned());
    }
    Ok(required)
}

/// The scopes of a claim: a string split at `separator`, or an array of strings. `None` for other types.
fn granted<'v>(node: &'v Value, separator: &str) -> Option<BTreeSet<&'v str>> {
    match node {
        Value::String(list) => Some(list.split(separator).filter(|name| !name.is_empty()).collect()),
        Value::Array(names) => names.iter().map(Value::as_str).collect(),
        _ => None,
    }
}
