//! Step 8: every required scope is among the token's, compared whole and byte for byte.
//!
//! The fall-through is "deny": no branch lets a missing scope pass, and an empty list of required scopes denies.

use crate::claim_path::{ClaimPath, ListPath, Miss, Unsearchable};
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
    let lists = path.lists(accepted.claims()).map_err(|why| {
        let detail = format!("{path} of {place} is not looked at: {why}.");
        Denial::new(Reason::ClaimType, detail).with_hint(Unsearchable::HINT)
    })?;
    if lists.is_empty() {
        return Err(nothing(path, &place, accepted.claims()));
    }
    let mut granted = BTreeSet::new();
    for list in &lists {
        for value in list.facts() {
            trace.fact(path, value);
        }
        let Some(scopes) = scopes(list, &profile.scope.separator) else {
            let detail = format!("The token's {path} is neither a string nor an array of strings.");
            return Err(Denial::new(Reason::ClaimType, detail));
        };
        granted.extend(scopes);
    }
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

/// The scopes of a claim, each node by its own shape: a string is split at `separator`, the strings of an array are
/// scopes as they are. `None` for other types.
fn scopes<'v>(list: &ListPath<'v>, separator: &str) -> Option<Vec<&'v str>> {
    match list.node {
        Value::String(text) => Some(text.split(separator).filter(|name| !name.is_empty()).collect()),
        _ => list.elements()?.into_iter().map(Value::as_str).collect(),
    }
}

fn nothing(path: &ClaimPath, place: &str, claims: &Value) -> Denial {
    let Miss { said, hint } =
        path.miss(claims).unwrap_or_else(|| Miss { said: format!("the token has no {path}"), hint: None });
    let mut detail = format!("{said}, where {place} looks for scopes.");
    if let Some(first) = detail.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let denial = Denial::new(Reason::ScopeMissing, detail);
    match hint {
        Some(hint) => denial.with_hint(hint),
        None => denial,
    }
}
