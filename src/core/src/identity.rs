//! Step 10: the identity that the server is told as `authn_id`.
//!
//! Exactly one string, taken as it is: nothing is folded, trimmed or cut, since two tokens of two people must
//! never give the same identity.

use crate::bounds::MAX_IDENTITY_BYTES;
use crate::claims::Accepted;
use crate::config::{Config, Profile};
use crate::decision::Denial;
use crate::reason::Reason;
use crate::trace::Trace;
use serde_json::Value;

/// The identity of accepted claims.
pub(crate) fn of(accepted: &Accepted, config: &Config, profile: &Profile, trace: &mut Trace) -> Result<String, Denial> {
    let path = &profile.identity.claim.value;
    let place = config.place(&profile.identity.claim);
    let identity = match path.select(accepted.claims()).as_slice() {
        [] => {
            let detail = format!("The token has no {path}, which {place} takes as identity.");
            return Err(Denial::new(Reason::IdentityMissing, detail));
        }
        [node] => {
            trace.fact(&path.to_string(), node);
            match node {
                Value::String(identity) => identity,
                _ => return Err(invalid(format!("The token's {path} is not a string."))),
            }
        }
        several => {
            let detail = format!("{path} of {place} selects {} values in the token.", several.len());
            return Err(Denial::new(Reason::IdentityAmbiguous, detail));
        }
    };
    verified(accepted, config, profile, trace)?;
    if let Some(why) = unusable(identity) {
        return Err(invalid(format!("The token's {path} {why}.")));
    }
    if profile.deny_identities.contains(identity) {
        return Err(Denial::new(
            Reason::IdentityDenied,
            format!("The identity is in profiles.{}.deny_identities.", profile.name),
        ));
    }
    Ok(identity.clone())
}

fn invalid(detail: String) -> Denial {
    Denial::new(Reason::IdentityInvalid, detail)
}

/// Whether the provider vouches for the identity, if the profile asks for that.
fn verified(accepted: &Accepted, config: &Config, profile: &Profile, trace: &mut Trace) -> Result<(), Denial> {
    let Some(path) = &profile.identity.verified_by else {
        return Ok(());
    };
    let place = config.place(path);
    match path.value.select(accepted.claims()).as_slice() {
        [node] => {
            trace.fact(&path.value.to_string(), node);
            if profile.identity.verified_values.contains(node) {
                return Ok(());
            }
            let detail = format!("The token's {} is none of the values that {place} accepts.", path.value);
            Err(Denial::new(Reason::IdentityUnverified, detail))
        }
        nodes => {
            let detail = format!("{} of {place} selects {} values in the token, not one.", path.value, nodes.len());
            Err(Denial::new(Reason::IdentityUnverified, detail))
        }
    }
}

/// Why a string must not become an identity.
fn unusable(identity: &str) -> Option<&'static str> {
    if identity.is_empty() {
        Some("is empty")
    } else if identity.len() > MAX_IDENTITY_BYTES {
        Some("is longer than 1024 bytes")
    } else if identity.chars().any(char::is_control) {
        Some("has control characters")
    } else if identity.trim() != identity {
        Some("begins or ends with white space")
    } else {
        None
    }
}
