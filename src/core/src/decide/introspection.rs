//! Tokens about which the provider is asked: which profile may ask, and what its answer makes of the token.
//!
//! The endpoint is the profile's. An opaque token goes to the only profile of its line that asks at all; a JWT goes
//! nowhere but to the profile that trusts its issuer.

use super::{Decider, EarlyEnd, InStep};
use crate::config::{DeniedProfile, KeySource, Outline, Profile};
use crate::decision::{Denial, Needs};
use crate::introspection::{OnlineAnswer, OnlineCheck};
use crate::json;
use crate::jws::{Unverified, Verified};
use crate::malformed::Malformed;
use crate::reason::Reason;
use crate::token::is_repeated;
use crate::trace::{Step, printable};
use serde_json::Value;

/// The most members of an answer that `explain` shows.
const MAX_SHOWN_MEMBERS: usize = 100;

impl<'a> Decider<'a> {
    /// Whether any profile at all could make something of an opaque token.
    pub(super) fn somebody_asks(&self) -> bool {
        self.config.somebody_asks()
    }

    /// The one permitted profile that asks its provider, and how it does.
    pub(super) fn opaque(&mut self, candidates: &[&'a Profile]) -> Result<(&'a Profile, &'a OnlineCheck), Denial> {
        let asking: Vec<(&Profile, &OnlineCheck)> =
            candidates.iter().filter_map(|&profile| Some((profile, asks(profile)?))).collect();
        let would = |denied: &DeniedProfile| Outline::from(denied).asks;
        let denied = self.denied.iter().copied().find(|denied| would(denied));
        let second = self.second(&asking.iter().map(|(profile, _)| *profile).collect::<Vec<_>>(), would);
        match (asking.as_slice(), second) {
            ([(profile, check)], None) => {
                self.trace.held(Step::Issuer, || format!("profile \"{}\", the only one that asks", profile.name));
                Ok((profile, check))
            }
            ([], _) => {
                if let Some(denied) = denied {
                    return Err(self.config.denial_of(denied));
                }
                if let [profile] = candidates {
                    self.profile = Some(profile);
                }
                Err(super::malformed(Malformed::NoJwt))
            }
            ([(first, _), ..], second) => {
                let detail = format!(
                    "Profiles \"{}\" and \"{}\" may both serve this line, and the token does not say to whose provider it belongs.",
                    first.name,
                    second.unwrap_or_default()
                );
                Err(Denial::new(Reason::ProfileAmbiguous, detail))
            }
        }
    }

    /// What the provider vouches for. `jwt` is the token, if it is one.
    pub(super) fn vouched_for(
        &mut self,
        profile: &'a Profile,
        check: &'a OnlineCheck,
        token: &[u8],
        jwt: Option<Unverified<'_>>,
    ) -> Result<Verified, EarlyEnd> {
        if token.len() > profile.max_token_size.value {
            return Err(self.too_large(token.len(), profile)).at(Step::Bounds);
        }
        let answer = match self.known.online_answer(&profile.name) {
            None => {
                let (profile, check) = (profile.name.clone(), Box::new(check.clone()));
                return Err(EarlyEnd::Needs(Needs::OnlineAnswer { profile, check }));
            }
            Some(Err(why)) => {
                let denial = Denial::new(Reason::IntrospectionUnavailable, &why.detail).with_hint(&why.hint);
                return Err(denial).at(Step::Introspection);
            }
            Some(Ok(answer)) => answer,
        };
        self.show(answer, token);
        let verified = Verified::by_provider(check.kind, answer, jwt)
            .map_err(|refused| Denial::new(refused.reason, refused.why))
            .at(Step::Introspection)?;
        self.trace.held(Step::Introspection, || "the provider vouches for it".to_owned());
        Ok(verified)
    }
}

impl Decider<'_> {
    /// Remembers what the answer has, for somebody who has the token anyway: whoever maps claims has to see what there is, and
    /// nobody can decode an opaque token. Where it repeats the token, that is left out.
    fn show(&mut self, answer: &OnlineAnswer, token: &[u8]) {
        if !self.trace.has_values() {
            return;
        }
        let Ok(members) = json::object(answer.body.as_bytes()) else { return };
        for (name, value) in members.iter().take(MAX_SHOWN_MEMBERS).filter(|(name, _)| !is_repeated(token, name)) {
            let whole = value.as_str().is_some_and(|text| text.as_bytes() == token);
            if whole || is_repeated(token, &value.to_string()) {
                self.trace.fact(printable(name), &Value::from("(the token)"));
            } else {
                self.trace.fact(printable(name), value);
            }
        }
    }
}

/// How the provider of a profile is asked about tokens, if it is.
pub(super) fn asks(profile: &Profile) -> Option<&OnlineCheck> {
    match &profile.keys {
        KeySource::Online(check) => Some(check),
        _ => None,
    }
}
