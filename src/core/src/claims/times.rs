//! `exp`, `nbf` and `iat` (RFC 7519 section 4.1): is the token valid now, and not for too long?
//!
//! A date of the wrong type is a denial, never "absent".

use super::members::ClaimMembers;
use super::wrong_type;
use crate::bounds::MAX_NUMERIC_DATE;
use crate::config::{Config, Profile};
use crate::decision::Denial;
use crate::introspection::OnlineKind;
use crate::jws::TokenProof;
use crate::reason::Reason;
use crate::time::UnixSeconds;
use serde_json::{Map, Value};
use std::time::Duration;

/// What is said of a token that its provider was asked about. A longer `max_lifetime` would let refresh tokens in.
const LONG_LIVED_ANSWER: &str = "This may be a refresh token: where a provider answers alike about both, only its long \
    life tells it from an access token. Send the access token; if it is one, shorten its lifetime at the provider.";

/// The dates of claims that `proof` stands behind, and when the token expires, as far as it says so.
pub(super) fn check(
    claims: ClaimMembers<'_>,
    config: &Config,
    profile: &Profile,
    proof: TokenProof,
    now: UnixSeconds,
) -> Result<Option<UnixSeconds>, Denial> {
    // An answer says that the token is active at this very moment, which is all that it must say.
    if !claims.has("exp") && proof != TokenProof::Answer(OnlineKind::Introspection) {
        let hint = "Have the provider issue tokens that expire.";
        let detail = "The token has no exp, so it would be valid for ever.";
        return Err(Denial::new(Reason::Expired, detail).with_hint(hint));
    }
    check_those_there(claims, config, profile, proof, now)
}

/// The dates that are there, where something else says that the token is active now.
pub(super) fn check_those_there(
    claims: ClaimMembers<'_>,
    config: &Config,
    profile: &Profile,
    proof: TokenProof,
    now: UnixSeconds,
) -> Result<Option<UnixSeconds>, Denial> {
    let skew = profile.clock_skew;
    let (expires, issued) = (numeric_date(claims, "exp")?, numeric_date(claims, "iat")?);
    let not_before = numeric_date(claims, "nbf")?;
    if let Some(expires) = expires.filter(|expires| now >= expires.after(skew)) {
        let (ago, skew) = (now.since(expires).as_secs(), skew.as_secs());
        let detail = format!("The token expired {ago} seconds ago; clock_skew allows for {skew}.");
        return Err(Denial::new(Reason::Expired, detail));
    }
    for (name, time) in [("nbf", not_before), ("iat", issued)] {
        if let Some(time) = time.filter(|time| *time > now.after(skew)) {
            let (ahead, skew) = (time.since(now).as_secs(), skew.as_secs());
            let detail = format!("The token's {name} is {ahead} seconds ahead; clock_skew allows for {skew}.");
            return Err(Denial::new(Reason::NotYetValid, detail));
        }
    }
    // A token without an end has lived until now at least.
    let lifetime = expires.unwrap_or(now).since(issued.unwrap_or(now));
    if lifetime > profile.max_lifetime.value {
        return Err(too_long(lifetime, config, profile, proof));
    }
    match (expires, issued) {
        (Some(expires), Some(issued)) if expires <= issued => {
            Err(Denial::new(Reason::ClaimType, "The token's exp is not after its iat."))
        }
        _ => Ok(expires),
    }
}

fn too_long(lifetime: Duration, config: &Config, profile: &Profile, proof: TokenProof) -> Denial {
    let detail = format!(
        "The token is valid for {} seconds; {} allows max_lifetime {}.",
        lifetime.as_secs(),
        config.place(profile.max_lifetime.origin),
        profile.max_lifetime.value.as_secs()
    );
    let denial = Denial::new(Reason::LifetimeTooLong, detail);
    match proof {
        TokenProof::Signature => denial,
        TokenProof::Answer(_) => denial.with_hint(LONG_LIVED_ANSWER),
    }
}

/// When a provider's answer says that the token expires, by whichever member of it.
pub(crate) fn expires_by_itself(
    members: &Map<String, Value>,
    kind: OnlineKind,
    now: UnixSeconds,
) -> Result<Option<UnixSeconds>, Denial> {
    let expires = numeric_date(ClaimMembers::of_answer(members), "exp")?;
    // Google's, which counts from the answer.
    let left = members.get("expires_in").filter(|_| kind == OnlineKind::Tokeninfo).and_then(Value::as_u64);
    let left = left.map(|left| now.after(Duration::from_secs(left)));
    Ok(expires.into_iter().chain(left).min())
}

/// A NumericDate in whole seconds (RFC 7519 section 2). Fractions are allowed there, and cut here.
fn numeric_date(claims: ClaimMembers<'_>, name: &str) -> Result<Option<UnixSeconds>, Denial> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let in_range = |at: &UnixSeconds| (UnixSeconds::new(0)..=MAX_NUMERIC_DATE).contains(at);
    let seconds = match value {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the range was checked, and the fraction is cut on purpose"
        )]
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().filter(|float| (0.0..=9e15).contains(float)).map(|float| float as i64)),
        _ => None,
    };
    match seconds.map(UnixSeconds::new).filter(in_range) {
        Some(at) => Ok(Some(at)),
        None => Err(wrong_type(name, "a number of seconds since 1970, up to the year 9999")),
    }
}
