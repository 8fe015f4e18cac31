//! What a JWT says of itself, where its provider was asked about it: nobody has checked the signature, so it can speak
//! against the login and never for it.
//!
//! Answers leave things out: that a token is bound to a key, or that it is a refresh token; and that claims are elsewhere,
//! which is for `overage`. Values of such a JWT are never in a denial.

use super::members::ClaimMembers;
use super::{audience, kind, times};
use crate::config::{Config, Profile};
use crate::decision::Denial;
use crate::jws::{TokenProof, UntrustedJwt};
use crate::reason::Reason;
use crate::time::UnixSeconds;
use crate::trace::Trace;

/// Refuses a JWT that contradicts a grant: kind, `aud`, `exp`, `nbf`, `iat`, `cnf`, `act`, `jti`. Returns when it says that it
/// expires, if it does.
pub(super) fn check(
    jwt: &UntrustedJwt,
    config: &Config,
    profile: &Profile,
    proof: TokenProof,
    now: UnixSeconds,
    trace: &mut Trace,
) -> Result<Option<UnixSeconds>, Denial> {
    let claims = ClaimMembers::of_token(&jwt.untrusted_claims);
    let mut own = trace.beside();
    let outcome = contradiction(jwt, claims, config, profile, proof, now, &mut own);
    if outcome.is_err() {
        for name in ["aud", "exp", "nbf", "iat"] {
            if let Some(value) = claims.get(name) {
                own.fact(name, value);
            }
        }
        trace.adopt_facts_of(own, "the JWT's own");
    }
    outcome.map_err(|denial| Denial { detail: said_by_itself(&denial, config, profile), ..denial })
}

fn contradiction(
    jwt: &UntrustedJwt,
    claims: ClaimMembers<'_>,
    config: &Config,
    profile: &Profile,
    proof: TokenProof,
    now: UnixSeconds,
    trace: &mut Trace,
) -> Result<Option<UnixSeconds>, Denial> {
    kind::check_type(&jwt.untrusted_type, profile.token_kind)?;
    // No signature covers what its header says here.
    kind::check(claims, profile, false, trace)?;
    if claims.has("aud") {
        audience::check(claims, config, profile, proof)?;
    }
    times::check_those_there(claims, config, profile, proof, now)
}

/// What the log may say of it: without numbers that come from claims.
fn said_by_itself(denial: &Denial, config: &Config, profile: &Profile) -> String {
    match denial.reason {
        Reason::Expired => "The JWT's own exp is past, although the provider's answer calls it active.".to_owned(),
        Reason::NotYetValid => "The JWT's own nbf or iat is in the future.".to_owned(),
        Reason::LifetimeTooLong => {
            let place = config.place(profile.max_lifetime.origin);
            format!("The JWT's own exp is further away than {place} allows with max_lifetime.")
        }
        _ => format!("{} So says the JWT itself, whatever the provider's answer says.", denial.detail),
    }
}
