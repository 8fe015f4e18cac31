//! Step 11: delegation. With `delegate_ident_mapping=1` the server compares nothing more: what is granted here is
//! the login.
//!
//! The role asked for must follow from the token, whole and byte for byte; what the mapping does not cover grants
//! nothing. A privileged role needs the administrator's word besides.

use crate::claims::Accepted;
use crate::config::{Config, Profile, RoleMapping, Roles};
use crate::decision::{Denial, Privileges};
use crate::reason::Reason;
use crate::trace::Trace;
use serde_json::Value;

/// Whether the token grants `role`.
pub(crate) fn check(
    accepted: &Accepted,
    config: &Config,
    profile: &Profile,
    role: &str,
    trace: &mut Trace,
) -> Result<(), Denial> {
    let Some(roles) = &profile.roles else {
        let detail = "The pg_hba.conf line says delegate_ident_mapping=1, but the profile has no [roles] table.";
        return Err(Denial::new(Reason::DelegationNotConfigured, detail));
    };
    let place = config.place(roles.origin);
    let nodes = roles.claim.select(accepted.claims());
    if nodes.is_empty() && overage(accepted.claims()) {
        let detail = format!("The token leaves out {}, because the user has too many groups for a token.", roles.claim);
        return Err(Denial::new(Reason::GroupsOverage, detail));
    }
    let mut granted = false;
    for node in nodes {
        trace.fact(&roles.claim, node);
        let Value::String(value) = node else {
            let detail = format!("A value that {} of {place} selects in the token is not a string.", roles.claim);
            return Err(Denial::new(Reason::ClaimType, detail));
        };
        granted |= grants(roles, value, role);
    }
    if granted {
        return Ok(());
    }
    let detail = format!("No value of the token's {} grants the role asked for, as {place} maps them.", roles.claim);
    Err(Denial::new(Reason::RoleNotGranted, detail))
}

fn grants(roles: &Roles, value: &str, role: &str) -> bool {
    match &roles.mapping {
        RoleMapping::Map(map) => map.get(value).is_some_and(|granted| granted.iter().any(|name| name == role)),
        RoleMapping::Prefix(prefix) => value.strip_prefix(prefix.as_str()).is_some_and(|name| name == role),
        RoleMapping::Exact => value == role,
    }
}

/// Entra's marks of a token whose groups did not fit.
fn overage(claims: &Value) -> bool {
    claims.get("hasgroups").is_some() || claims.get("_claim_names").is_some()
}

/// Whether a role that can become all this is an ordinary one.
pub(crate) fn check_privileges(privileges: &Privileges) -> Result<(), Denial> {
    match privileges.of() {
        None => Ok(()),
        Some(what) => {
            let detail = format!("The role asked for {what}, and the profile says privileged = \"deny\".");
            Err(Denial::new(Reason::RolePrivileged, detail))
        }
    }
}
