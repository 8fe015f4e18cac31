//! Whether a session that was let in would be denied now.
//!
//! A session is judged by what its slot keeps, and nothing else: by the deny lists and the list of clients. Scopes,
//! rules and roles cannot be judged again, because the token is gone.

use super::SlotRecord;
use crate::bounds::MAX_SESSION_NAME_BYTES;
use crate::config::{Config, Profile};
use crate::reason::Reason;

/// The reason by which the session is denied now. `gone`: sessions of a profile that no longer exists are, too.
#[must_use]
pub fn denied_now(config: &Config, session: &SlotRecord, gone: bool) -> Option<Reason> {
    let Some(profile) = config.profiles().iter().find(|profile| session.profile.is(&profile.name)) else {
        return gone.then_some(Reason::ProfileUnknown);
    };
    let is_in =
        |text: &Option<super::KeptText>, list: &[String]| text.as_ref().is_some_and(|text| text.is_one_of(list));
    if session.authn_id.is_one_of(&profile.deny_identities) {
        return Some(Reason::IdentityDenied);
    }
    if is_in(&session.jti, &profile.deny_jti)
        || is_in(&session.kid, &profile.deny_kids)
        || is_in(&session.thumbprint, &profile.deny_kids)
    {
        return Some(Reason::TokenRevoked);
    }
    (!client_is_allowed(profile, session)).then_some(Reason::ClientNotAllowed)
}

/// A client that a session could not keep, since it is too long or has control characters, may be any of the list that is
/// like that; one that the token did not name is none.
fn client_is_allowed(profile: &Profile, session: &SlotRecord) -> bool {
    let Some(clients) = &profile.clients else { return true };
    let allow = &clients.value.allow;
    match &session.client {
        Some(client) => client.is_one_of(allow),
        None => allow.iter().any(|entry| entry.len() > MAX_SESSION_NAME_BYTES || entry.chars().any(char::is_control)),
    }
}
