//! Claims that the token lacks: whether they are looked up, and what has to hold before anybody is asked.
//!
//! Nobody is asked for a token that fails without an answer: no token of another client, for another service, without its
//! scope, or that a rule refuses which needs no lookup. Scope, client, audience and times are never judged by an answer.

use super::{Decider, EarlyEnd, InStep};
use crate::claims::Accepted;
use crate::config::Profile;
use crate::decision::{Denial, Needs};
use crate::lookup::{self, Lookup, LookupSubject, NoUse};
use crate::reason::Reason;
use crate::trace::Step;
use crate::{rules, session};

/// The claims that a token lacks, that the login depends on, and that may be looked up.
pub(super) struct Lacking<'a> {
    lookup: &'a Lookup,
    names: Vec<&'a str>,
    /// Whether nothing needs them but rules that only report.
    for_reports: bool,
}

impl<'a> Lacking<'a> {
    /// `None` where the login can be judged by the token alone.
    pub(super) fn of(accepted: &Accepted, profile: &'a Profile, delegated: bool) -> Option<Self> {
        let lookup = &profile.lookup.as_ref()?.value;
        let lacks = |name: &&str| accepted.claims().get(name).is_none() && profile.looks_at(name, delegated);
        let names: Vec<&str> = lookup.claims.iter().map(String::as_str).filter(lacks).collect();
        if names.is_empty() {
            return None;
        }
        let roles = profile.roles.as_deref().filter(|_| delegated);
        let needed = profile.require.iter().any(|rule| !rule.report_only && rule.looks_at(&names))
            || profile.identity.looks_at(&names)
            || profile.session.looks_at(&names)
            || roles.is_some_and(|roles| roles.looks_at(&names));
        Some(Self { lookup, names, for_reports: !needed })
    }

    /// Whether the identity may be another one once they are known.
    pub(super) fn concern_identity(&self, profile: &Profile) -> bool {
        profile.identity.looks_at(&self.names)
    }

    /// What a denial says besides, once they were looked up.
    pub(super) fn remark(&self) -> String {
        format!(" What the token lacks was looked up at {}.", self.lookup.place())
    }
}

impl<'a> Decider<'a> {
    /// The token's claims with those that it lacks; or what has to be known first.
    pub(super) fn looked_up(
        &mut self,
        accepted: Accepted,
        profile: &'a Profile,
        lacking: &Lacking<'a>,
        identity: &Result<String, Denial>,
    ) -> Result<Accepted, EarlyEnd> {
        let known = identity.as_ref().ok().filter(|_| !lacking.concern_identity(profile)).cloned();
        let with_identity = |denial: Denial| Denial { authn_id: known.clone(), ..denial };
        // All of this is judged once more with the claims; only then is it told.
        let (trace, reported) = (self.trace.clone(), self.reported.len());
        self.holds_without(&accepted, profile, lacking, identity, &with_identity)?;
        self.trace = trace;
        self.reported.truncate(reported);

        match self.answer(&accepted, profile, lacking)? {
            Ok(accepted) => Ok(accepted),
            Err(denial) if lacking.for_reports => {
                self.reported.push(with_identity(denial));
                self.trace.held(Step::Lookup, || "without an answer; only rules that report need it".to_owned());
                Ok(accepted)
            }
            Err(denial) => Err(with_identity(denial)).at(Step::Lookup),
        }
    }

    /// Whatever needs no answer.
    fn holds_without(
        &mut self,
        accepted: &Accepted,
        profile: &'a Profile,
        lacking: &Lacking<'a>,
        identity: &Result<String, Denial>,
        with_identity: &dyn Fn(Denial) -> Denial,
    ) -> Result<(), EarlyEnd> {
        let (trace, reported) = (&mut self.trace, &mut self.reported);
        let now = |rule: &_| !crate::config::Rule::looks_at(rule, &lacking.names);
        let rules = ("require", &*profile.require);
        rules::check_those(now, rules, accepted.claims(), self.config, Reason::RuleFailed, trace, reported)
            .map_err(with_identity)
            .at(Step::Rules)?;
        if let (Err(denial), false) = (identity, lacking.concern_identity(profile)) {
            return Err(denial.clone()).at(Step::Identity);
        }
        session::of(accepted, profile, self.now, &mut self.trace).map_err(with_identity).at(Step::Session)?;
        if !self.request.delegate_ident_mapping {
            return Ok(());
        }
        match profile.roles.as_deref().filter(|roles| roles.looks_at(&lacking.names)) {
            Some(roles) => self.privileges(roles, with_identity),
            None => self.delegation(accepted, profile, with_identity),
        }
    }

    /// What is known of an answer: the claims with those in it, or why there is none.
    fn answer(
        &mut self,
        accepted: &Accepted,
        profile: &Profile,
        lacking: &Lacking<'_>,
    ) -> Result<Result<Accepted, Denial>, EarlyEnd> {
        let denial = |NoUse { reason, why, hint }: NoUse| {
            let denial = Denial::new(reason, format!("{why}{}", lacking.named()));
            match hint {
                Some(hint) => denial.with_hint(hint),
                None => denial,
            }
        };
        let user = match lacking.lookup.user(accepted.claims()) {
            Ok(user) => user,
            Err(why) => return Ok(Err(denial(why))),
        };
        let answer = match self.known.looked_up(&profile.name) {
            None => {
                let (profile, lookup) = (profile.name.clone(), Box::new(lacking.lookup.clone()));
                let about = LookupSubject { user: user.to_owned(), expires: accepted.expires() };
                return Err(EarlyEnd::Needs(Needs::LookedUp { profile, lookup, about }));
            }
            Some(Err(why)) => {
                let detail = format!("{}{}", why.detail, lacking.named());
                return Ok(Err(Denial::new(Reason::LookupUnavailable, detail).with_hint(&why.hint)));
            }
            Some(Ok(answer)) => answer,
        };
        let added = match lookup::added(lacking.lookup, answer, accepted.claims()) {
            Ok(added) => added,
            Err(why) => return Ok(Err(denial(why))),
        };
        for (name, value) in &added.claims {
            self.trace.fact(name, value);
        }
        let (found, absent): (Vec<&str>, Vec<&str>) =
            lacking.names.iter().partition(|name| added.claims.contains_key(**name));
        self.trace.held(Step::Lookup, || said(lacking.lookup.place(), &found, &absent));
        Ok(Ok(accepted.clone().with_added(added)))
    }
}

impl Lacking<'_> {
    /// A sentence that names them; the configuration names them, too.
    fn named(&self) -> String {
        format!(" The token lacks {}.", self.names.join(", "))
    }
}

/// What came of it, without values.
fn said(place: &str, found: &[&str], absent: &[&str]) -> String {
    match (found, absent) {
        (found, []) => format!("{} from {place}", found.join(", ")),
        ([], absent) => format!("{place} does not say {}", absent.join(", ")),
        (found, absent) => format!("{} from {place}, which does not say {}", found.join(", "), absent.join(", ")),
    }
}
