//! For whom the token was made: `aud` must name this server (RFC 7519 section 4.1.3, RFC 9068 section 4).
//!
//! A hint never proposes to accept an audience that other services of the issuer have in their tokens as well.

use super::members::ClaimMembers;
use super::wrong_type;
use crate::config::{Audience, Config, Profile, common_audience, is_microsoft_graph};
use crate::decision::Denial;
use crate::jws::TokenProof;
use crate::reason::Reason;
use serde_json::Value;

/// What to do about a token that Entra made for Microsoft.
pub(crate) const FOR_GRAPH: &str = "The token is one for Microsoft Graph, which nobody but Microsoft can check. Have the client request a scope of your own \
     API, such as api://API-CLIENT-ID/db.connect, and none of Graph, such as User.Read.";

/// A string, or an array of strings, one of which the profile accepts.
pub(super) fn check(
    claims: ClaimMembers<'_>,
    config: &Config,
    profile: &Profile,
    proof: TokenProof,
) -> Result<(), Denial> {
    let named: Vec<&str> = match claims.get("aud") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several
            .iter()
            .map(Value::as_str)
            .collect::<Option<_>>()
            .ok_or_else(|| wrong_type("aud", "a string or an array of strings"))?,
        Some(_) => return Err(wrong_type("aud", "a string or an array of strings")),
    };
    let Audience::OneOf(accepted) = &profile.audience.value else {
        return Ok(());
    };
    if accepted.iter().any(|audience| named.contains(&audience.as_str())) {
        return Ok(());
    }
    let accepted: Vec<String> = accepted.iter().map(|audience| format!("\"{audience}\"")).collect();
    let what = match (named.is_empty(), proof) {
        (true, TokenProof::Signature) => "the token names none",
        (true, TokenProof::Answer(_)) => "the provider's answer names none",
        (false, _) => "the token is for another",
    };
    let detail =
        format!("{} accepts audience {}; {what}.", config.place(profile.audience.origin), accepted.join(" or "));
    Err(Denial::new(Reason::AudienceMismatch, detail).with_hint(hint(&named, profile, proof)))
}

fn hint(named: &[&str], profile: &Profile, proof: TokenProof) -> String {
    let name = &profile.name;
    if named.iter().any(|audience| is_microsoft_graph(audience)) {
        return format!("{FOR_GRAPH} Its audience is that of many services: do not accept it.");
    }
    if !named.is_empty() && named.iter().all(|audience| common_audience(audience, profile).is_some()) {
        return "Have the provider name this server in the token (Keycloak: an audience mapper; others: a resource or \
                audience that the client requests). What it names now is in the tokens of other services as well: do \
                not accept it."
            .to_owned();
    }
    let when = match (named.is_empty(), proof) {
        (false, _) => "If the token's audience",
        (true, TokenProof::Signature) => "Have the provider name it in the token. If the audience it then names",
        (true, TokenProof::Answer(_)) => {
            return format!(
                "Have the provider name one in its answers; if it never does, let the client stand in for it: \
                 profiles.{name}.audience = \"none\", and clients. See audience_mismatch in oauth_validator(7)."
            );
        }
    };
    format!("{when} is this server, add it to profiles.{name}.audience; see audience_mismatch in oauth_validator(7).")
}
