//! The decision: one function for the server, for `explain` and for the tests.
//!
//! It has no files, no sockets, no clock: what it needs and does not have, it asks for. Each step either holds or
//! ends in a denial; there is no other way out. Values of claims go into the trace, never into a denial.

mod delegation;
mod hint;
mod introspection;
mod key;
mod lookup;

use crate::claims::Accepted;
use crate::config::{Config, DeniedProfile, Outline, Profile};
use crate::decision::{Decision, DecisionState, Denial, Grant, Known, Needs, Request, Verdict};
use crate::header::{self, Header};
use crate::jws::{self, Unverified, Verified};
use crate::line::Permitted;
use crate::malformed::Malformed;
use crate::reason::Reason;
use crate::time::UnixSeconds;
use crate::token::BearerToken;
use crate::trace::{Step, Trace, Tracing};
use crate::{identity, identity_overlap, line, rules, scope, session};
use introspection::asks;
use lookup::Lacking;
use serde_json::Value;

/// Decides about one login. `now` is the wall clock.
pub fn decide(
    request: &Request,
    token: &BearerToken,
    config: &Config,
    known: &Known,
    now: UnixSeconds,
) -> DecisionState {
    decide_for(Tracing::Values, request, token, config, known, now)
}

/// Decides as [`decide`] does, and keeps as much of the trace as `tracing` says.
pub fn decide_for(
    tracing: Tracing,
    request: &Request,
    token: &BearerToken,
    config: &Config,
    known: &Known,
    now: UnixSeconds,
) -> DecisionState {
    let (trace, reported) = (Trace::new(tracing), Vec::new());
    let (permitted, denied) = (Vec::new(), Vec::new());
    let mut decider = Decider { request, config, known, now, trace, reported, profile: None, permitted, denied };
    match decider.run(token.untrusted_bytes()) {
        Ok(grant) => DecisionState::Decided(decider.verdict(Decision::Granted(grant), false)),
        Err(EarlyEnd::Needs(needs)) => DecisionState::Needs(needs),
        Err(EarlyEnd::Denied(step, denial)) => {
            let denial = hint::at_provider(denial, decider.profile, request, config);
            let denial = match decider.profile {
                Some(profile) => denial.for_profile(&profile.name),
                None => denial,
            };
            decider.trace.failed(step, || denial.detail.clone());
            // From there on a denial names the identity, unless that was refused: perhaps because a part has too little of
            // others' prefixes.
            let unsure = step >= Step::Scope && denial.authn_id.is_none() && config.is_coarse();
            DecisionState::Decided(decider.verdict(Decision::Denied(denial), unsure))
        }
    }
}

/// What to do about a token that does not say whose it is.
const NO_ISSUER: &str = "Have the provider write iss into its tokens (SPIRE: jwt_issuer). Only a profile that has the \
    provider asked about each token can do without: mode = \"introspection\" and token_issuers = \"none\".";

/// Why a decision ends before a grant.
enum EarlyEnd {
    Denied(Step, Denial),
    Needs(Needs),
}

/// What a token looks like from outside.
enum TokenShape {
    /// A JWT, with its dots here.
    Jwt((usize, usize)),
    /// Something that means nothing to anybody but its provider.
    Opaque,
}

/// Names the step that a denial belongs to.
trait InStep<T> {
    fn at(self, step: Step) -> Result<T, EarlyEnd>;
}

impl<T> InStep<T> for Result<T, Denial> {
    fn at(self, step: Step) -> Result<T, EarlyEnd> {
        self.map_err(|denial| EarlyEnd::Denied(step, denial))
    }
}

struct Decider<'a> {
    request: &'a Request,
    config: &'a Config,
    known: &'a Known,
    now: UnixSeconds,
    trace: Trace,
    /// What rules that only report would have denied.
    reported: Vec<Denial>,
    /// The profile that is being applied, once one is chosen.
    profile: Option<&'a Profile>,
    /// The profiles that may serve the login.
    permitted: Vec<&'a Profile>,
    /// Those that would, if there were no error in their files.
    denied: Vec<&'a DeniedProfile>,
}

impl<'a> Decider<'a> {
    fn verdict(self, decision: Decision, unsure: bool) -> Box<Verdict> {
        let name = |denial: Denial| match self.profile {
            Some(profile) => denial.for_profile(&profile.name),
            None => denial,
        };
        let reported = self.reported.into_iter().map(name).collect();
        Box::new(Verdict { decision, trace: self.trace, reported, unsure })
    }

    fn run(&mut self, token: &[u8]) -> Result<Grant, EarlyEnd> {
        let shape = self.bounds(token).at(Step::Bounds)?;
        let candidates = self.line(token.len())?;
        self.permitted.clone_from(&candidates);
        let (profile, verified) = match shape {
            TokenShape::Jwt(dots) => self.jwt(token, dots, &candidates)?,
            TokenShape::Opaque => {
                let (profile, check) = self.opaque(&candidates).at(Step::Issuer)?;
                self.profile = Some(profile);
                (profile, self.vouched_for(profile, check, token, None)?)
            }
        };
        let accepted = self.claims(verified, profile).at(Step::Claims)?;
        self.grant(accepted, profile)
    }

    /// A token that says who issued it: verified by its signature, or by asking that issuer.
    fn jwt(
        &mut self,
        token: &[u8],
        dots: (usize, usize),
        candidates: &[&'a Profile],
    ) -> Result<(&'a Profile, Verified), EarlyEnd> {
        let mut unverified = Unverified::decode(token, dots).map_err(|why| self.undecodable(why)).at(Step::Bounds)?;
        let profile = self.issuer(&unverified, candidates).at(Step::Issuer)?;
        self.profile = Some(profile);
        if let Some(check) = asks(profile) {
            return Ok((profile, self.vouched_for(profile, check, token, Some(unverified))?));
        }
        let header = self.header(&unverified, token.len(), profile)?;
        Ok((profile, self.verified(&mut unverified, &header, profile)?))
    }

    fn undecodable(&mut self, why: Malformed) -> Denial {
        if let Malformed::Twice { untrusted_name, .. } = &why {
            self.trace.fact_of("twice", || untrusted_name.as_str().into());
        }
        malformed(why)
    }

    fn bounds(&mut self, token: &[u8]) -> Result<TokenShape, Denial> {
        let shape = match jws::check_bounds(token) {
            Ok(dots) if !self.somebody_asks() || jws::is_meant_as_jwt(token, dots) => TokenShape::Jwt(dots),
            Ok(_) => TokenShape::Opaque,
            Err(Malformed::NoJwt) if self.somebody_asks() => {
                jws::check_opaque(token).map_err(malformed)?;
                TokenShape::Opaque
            }
            Err(why) => return Err(malformed(why)),
        };
        let what =
            if matches!(shape, TokenShape::Opaque) { "that say nothing by themselves" } else { "in three parts" };
        self.trace.held(Step::Bounds, || format!("{} bytes {what}", token.len()));
        Ok(shape)
    }

    /// The profiles that the line permits, and that look at tokens of this size.
    fn line(&mut self, token_bytes: usize) -> Result<Vec<&'a Profile>, EarlyEnd> {
        let request = self.request;
        let Permitted { profiles: permitted, denied } = line::permitted(self.config, request).at(Step::Line)?;
        self.denied = denied;
        let is_too_large = permitted.iter().all(|profile| token_bytes > profile.max_token_size.value);
        if let Some(first) = permitted.first().copied().filter(|_| is_too_large) {
            self.profile = Some(first).filter(|_| permitted.len() == 1);
            return Err(self.too_large(token_bytes, first)).at(Step::Bounds);
        }
        self.trace.held(Step::Line, || {
            let names: Vec<&str> = permitted.iter().map(|profile| profile.name.as_str()).collect();
            let by = match &request.hba_profiles {
                Some(_) => line::HBA_PROFILE_OPTION.to_owned(),
                None => format!("issuer \"{}\"", request.hba_issuer),
            };
            format!("pg_hba.conf {by}: {}", names.join(", "))
        });
        Ok(permitted)
    }

    fn too_large(&self, token_bytes: usize, profile: &Profile) -> Denial {
        let place = self.config.place(profile.max_token_size.origin);
        let most = profile.max_token_size.value;
        Denial::new(Reason::TokenTooLarge, format!("The token has {token_bytes} bytes; {place} allows {most}."))
    }

    /// The one permitted profile that the token's issuer picks.
    fn issuer(&mut self, unverified: &Unverified<'_>, candidates: &[&'a Profile]) -> Result<&'a Profile, Denial> {
        if let Some(issuer) = unverified.untrusted_issuer() {
            self.trace.fact("iss", issuer);
        }
        let issuer = unverified.untrusted_issuer();
        let serves = |profile: &&&'a Profile| would_serve(Outline::from(**profile), issuer);
        let matching: Vec<&Profile> = candidates.iter().filter(serves).copied().collect();
        let would = |denied: &DeniedProfile| would_serve(Outline::from(denied), issuer);
        let denied = self.denied.iter().copied().find(|denied| would(denied));
        let second = self.second(&matching, would);
        match (matching.as_slice(), second) {
            ([profile], None) => {
                self.trace.held(Step::Issuer, || format!("profile \"{}\"", profile.name));
                Ok(profile)
            }
            ([], _) => Err(match denied {
                Some(denied) => self.config.denial_of(denied),
                None => self.issuer_mismatch(issuer, candidates),
            }),
            ([first, ..], second) => {
                let second = second.unwrap_or_default();
                let what = if issuer.is_some() { "the token's issuer" } else { "tokens without iss" };
                let detail = format!(
                    "Profiles \"{}\" and \"{second}\" may both serve this line and both accept {what}.",
                    first.name
                );
                Err(Denial::new(Reason::ProfileAmbiguous, detail))
            }
        }
    }

    fn issuer_mismatch(&mut self, issuer: Option<&Value>, candidates: &[&'a Profile]) -> Denial {
        let wanted: Vec<String> = candidates
            .iter()
            .map(|profile| {
                let place = self.config.place(profile.token_issuers_origin());
                format!("\"{}\" ({place})", profile.token_issuers().join("\" or \""))
            })
            .collect();
        if let [profile] = candidates {
            self.profile = Some(profile);
        }
        let (what, hint) = match issuer {
            Some(Value::String(_)) => ("The token's iss is another", None),
            Some(_) => ("The token's iss is not a string", None),
            None => ("The token has no iss", Some(NO_ISSUER)),
        };
        let detail = format!("{what}; this pg_hba.conf line accepts {}.", wanted.join(", "));
        let denial = Denial::new(Reason::IssuerMismatch, detail);
        match hint {
            Some(hint) => denial.with_hint(hint),
            None => denial,
        }
    }

    fn header(
        &mut self,
        unverified: &Unverified<'_>,
        token_bytes: usize,
        profile: &Profile,
    ) -> Result<Header, EarlyEnd> {
        if token_bytes > profile.max_token_size.value {
            return Err(self.too_large(token_bytes, profile)).at(Step::Bounds);
        }
        let said = unverified.untrusted_header();
        let digests = ["x5t", "x5t#S256"].into_iter().filter(|_| !said.contains_key("kid"));
        for name in ["alg", "typ", "kid"].into_iter().chain(digests) {
            if let Some(value) = said.get(name) {
                self.trace.fact(name, value);
            }
        }
        let header = header::check(unverified.untrusted_header(), self.config, profile).at(Step::Header)?;
        self.trace.held(Step::Header, || format!("algorithm {}", header.algorithm.name()));
        Ok(header)
    }

    fn claims(&mut self, verified: Verified, profile: &Profile) -> Result<Accepted, Denial> {
        let accepted = Accepted::check(verified, self.config, profile, self.now, &mut self.trace)?;
        self.trace.held(Step::Claims, || "audience, client, times and kind of token".to_owned());
        Ok(accepted)
    }

    /// Steps 8 to 12. The identity is worked out first, because denials from here on report it; whether it is a
    /// good one is only said in its own step.
    fn grant(&mut self, accepted: Accepted, profile: &'a Profile) -> Result<Grant, EarlyEnd> {
        let lacking = Lacking::of(&accepted, profile, self.request.delegate_ident_mapping);
        let (mut identity, mut identity_trace) = self.identity(&accepted, profile);
        let is_another = lacking.as_ref().is_some_and(|lacking| lacking.concern_identity(profile));
        let known = identity.as_ref().ok().filter(|_| !is_another).cloned();
        self.scope(&accepted, profile, known)?;
        let accepted = match &lacking {
            Some(lacking) => {
                let accepted = self.looked_up(accepted, profile, lacking, &identity)?;
                (identity, identity_trace) = self.identity(&accepted, profile);
                accepted
            }
            None => {
                if profile.lookup.is_some() {
                    self.trace.held(Step::Lookup, || "not needed: nothing is lacking that the login needs".to_owned());
                }
                accepted
            }
        };
        let known_identity = identity.as_ref().ok().cloned();
        let remark = lacking.as_ref().map(Lacking::remark).unwrap_or_default();
        let with_remark = |denial: Denial| Denial { detail: format!("{}{remark}", denial.detail), ..denial };
        let with_identity = |denial| Denial { authn_id: known_identity.clone(), ..with_remark(denial) };

        let rules = ("require", &*profile.require);
        let (trace, reported) = (&mut self.trace, &mut self.reported);
        rules::check(rules, accepted.claims(), self.config, Reason::RuleFailed, trace, reported)
            .map_err(with_identity)
            .at(Step::Rules)?;
        let said = trace.is_read().then(|| rules::said(&profile.require, trace.rules(), self.config));
        trace.held(Step::Rules, || said.unwrap_or_default());

        self.trace.adopt_facts(identity_trace);
        let identity = identity.map_err(with_remark).at(Step::Identity)?;
        let config = self.config;
        self.trace.held(Step::Identity, || format!("as {} says", config.place(profile.identity.claims.origin)));
        let (session, said) =
            session::of(&accepted, profile, self.now, &mut self.trace).map_err(with_identity).at(Step::Session)?;
        if profile.session.says_anything() {
            self.trace.held(Step::Session, || said);
        }
        if self.request.delegate_ident_mapping {
            self.delegation(&accepted, profile, &with_identity)?;
        }
        Ok(Grant::new(identity, profile.name.clone(), self.request.delegate_ident_mapping, session))
    }

    /// The identity as these claims give it, and what was looked at for it.
    fn identity(&self, accepted: &Accepted, profile: &Profile) -> (Result<String, Denial>, Trace) {
        let mut trace = self.trace.beside();
        let rivals: Vec<Outline<'_>> = self.rivals().collect();
        let identity = identity::of(accepted, self.config, profile, &rivals, &mut trace);
        (identity, trace)
    }

    fn scope(&mut self, accepted: &Accepted, profile: &Profile, identity: Option<String>) -> Result<(), EarlyEnd> {
        let required = scope::check(accepted, self.config, profile, &self.request.hba_scope, &mut self.trace)
            .map_err(|denial| Denial { authn_id: identity, ..denial })
            .at(Step::Scope)?;
        self.trace.held(Step::Scope, || match required {
            0 => "not looked at; the rules decide".to_owned(),
            required => format!("{required} required, all granted"),
        });
        Ok(())
    }

    /// Who else would take the token besides the first of `matching`: another one of them, or a denied one that `would`.
    fn second(&self, matching: &[&'a Profile], would: impl Fn(&DeniedProfile) -> bool) -> Option<&'a str> {
        let first = matching.first()?;
        let contests = |denied: &&'a DeniedProfile| would(denied) && identity_overlap::contests(*denied, first);
        let denied = || self.denied.iter().copied().find(contests).map(DeniedProfile::name);
        matching.get(1).map(|profile| profile.name.as_str()).or_else(denied)
    }

    /// Everybody whose tokens this line could bring, denied or not.
    fn rivals(&self) -> impl Iterator<Item = Outline<'a>> {
        let denied = self.denied.iter().map(|denied| Outline::from(*denied));
        self.permitted.iter().map(|profile| Outline::from(*profile)).chain(denied)
    }
}

/// Whether a profile accepts tokens with this `iss`.
fn would_serve(profile: Outline<'_>, untrusted_issuer: Option<&Value>) -> bool {
    match untrusted_issuer {
        None => profile.takes_no_issuer,
        Some(Value::String(issuer)) => profile.token_issuers.contains(issuer),
        Some(_) => false,
    }
}

fn malformed(why: Malformed) -> Denial {
    let reason = match why {
        Malformed::TooLong => Reason::TokenTooLarge,
        _ => Reason::TokenMalformed,
    };
    let denial = Denial::new(reason, format!("The token {}.", why.phrase()));
    match why.hint() {
        Some(hint) => denial.with_hint(hint),
        None => denial,
    }
}
