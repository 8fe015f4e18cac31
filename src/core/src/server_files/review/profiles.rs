//! Which profiles serve a line, and what is wrong where none does, or where two do whose identities can be equal.

use super::{Review, ServedLine, Spot};
use crate::config::{Profile, suggest};
use crate::finding::FindingCode;
use crate::identity_overlap::{LineProfile, LineProfiles, remedy};
use crate::line::{HBA_PROFILE_OPTION, profile_names};
use crate::server_files::HbaLine;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Profiles, and what is wrong with them by a line of one kind or another: worked out once for all lines that have them.
#[derive(Debug, Default)]
pub(super) struct MeantProfiles<'a> {
    pub(super) profiles: Vec<&'a Profile>,
    /// Whether none of them is limited to databases.
    everywhere: bool,
    pub(super) roleless: OnceCell<Vec<&'a Profile>>,
    pub(super) nameless: OnceCell<Vec<(&'a Profile, String)>>,
}

impl<'a> MeantProfiles<'a> {
    fn new(profiles: Vec<&'a Profile>) -> Rc<Self> {
        let everywhere = profiles.iter().all(|profile| profile.databases.is_none());
        Rc::new(Self { profiles, everywhere, ..Self::default() })
    }
}

impl<'a> Review<'a> {
    /// The profiles that a line is for, by its issuer or because it names them.
    fn meant(&mut self, line: &'a HbaLine) -> Rc<MeantProfiles<'a>> {
        let key = (line.profiles(), if line.profiles().is_some() { "" } else { line.issuer() });
        if let Some(known) = self.meant.get(&key) {
            return Rc::clone(known);
        }
        let profiles = match line.profiles() {
            None => self.by_issuer.serving(line.issuer()),
            Some(names) => {
                let named: BTreeSet<usize> =
                    profile_names(names).filter_map(|name| self.by_name.get(name).copied()).collect();
                named.into_iter().filter_map(|at| self.config.profiles().get(at)).collect()
            }
        };
        let meant = MeantProfiles::new(profiles);
        self.meant.insert(key, Rc::clone(&meant));
        meant
    }

    /// The profiles that serve connections by a line, and what is wrong with them.
    pub(super) fn served(&mut self, line: &'a HbaLine) -> Rc<MeantProfiles<'a>> {
        let meant = self.meant(line);
        if let Some(names) = line.profiles() {
            self.named(line, names);
        } else if meant.profiles.is_empty() {
            self.unserved(line);
        }
        let serves = |profile: &&&Profile| line.is_served_by(profile);
        // They all serve a database, whichever it is; for replication each has to say so.
        let all = meant.everywhere && !line.databases.iter().all(|name| name.is_keyword("replication"));
        let count = if all { meant.profiles.len() } else { meant.profiles.iter().filter(serves).count() };
        let serving = match count == meant.profiles.len() {
            true => Rc::clone(&meant),
            false => MeantProfiles::new(meant.profiles.iter().filter(serves).copied().collect()),
        };
        if let (Some(first), 0) = (meant.profiles.first(), count) {
            self.unserved_databases(line, first);
        }
        if line.profiles().is_some() {
            self.meeting(line, &serving.profiles);
        }
        serving
    }

    fn unserved(&mut self, line: &HbaLine) {
        if self.count(FindingCode::IssuerUnserved, 1) == 0 {
            return;
        }
        let issuers = self.config.profiles().iter().flat_map(|profile| profile.hba_issuers());
        let message = format!("no profile serves the issuer \"{}\"", line.issuer());
        let issuers: Vec<&str> = issuers.map(String::as_str).collect();
        let remedy = match issuers.as_slice() {
            [] => "write a profile for it: \"oauth-validator init\"".to_owned(),
            issuers => format!("write a profile for it, or an issuer that one serves: {}", issuers.join(", ")),
        };
        let hint = format!("every login by this line is denied with hba_issuer_unknown; {remedy}");
        let spot = Spot::At(line.option_place("issuer").clone());
        self.show(FindingCode::IssuerUnserved, spot, message, hint);
    }

    /// The line is for profiles, of which `first` is one, and none of them serves its connections.
    fn unserved_databases(&mut self, line: &HbaLine, first: &Profile) {
        let name = &first.name;
        let (what, remedy) = match line.databases.as_slice() {
            [only] if only.is_keyword("replication") && first.databases.is_some() => (
                "physical replication",
                format!(
                    "a profile with databases never does: remove profiles.{name}.databases, or use another profile"
                ),
            ),
            [only] if only.is_keyword("replication") => {
                ("replication connections", format!("write profiles.{name}.replication = true"))
            }
            [_] => ("its database", format!("add it to profiles.{name}.databases")),
            _ => ("any of its databases", format!("add them to profiles.{name}.databases")),
        };
        let message = format!("profile \"{name}\" is the line's, but does not serve {what}");
        let hint = format!("every login by this line is denied with hba_issuer_unknown; {remedy}");
        let place = line.databases.first().map_or(&line.place, |database| &database.place);
        self.at(FindingCode::IssuerUnserved, place, message, hint);
    }

    /// What is wrong with the names of profiles in a line, as `crate::line` denies its logins for.
    fn named(&mut self, line: &HbaLine, names: &str) {
        let place = line.option_place(HBA_PROFILE_OPTION);
        let mut seen = BTreeSet::new();
        for name in profile_names(names) {
            let is_known = self.by_name.contains_key(name);
            if is_known && seen.insert(name) {
                continue;
            }
            if self.count(FindingCode::UnknownProfile, 1) == 0 {
                continue;
            }
            let (message, remedy) = if !is_known {
                let valid: Vec<&str> = self.config.profiles().iter().map(|profile| &*profile.name).collect();
                let nearest = if valid.is_empty() { "it has none".to_owned() } else { suggest(name, &valid) };
                (format!("the configuration has no profile \"{name}\""), nearest)
            } else {
                (format!("the line names profile \"{name}\" twice"), "name it once".to_owned())
            };
            let hint = format!("every login by this line is denied with profile_unknown; {remedy}");
            self.show(FindingCode::UnknownProfile, Spot::At(place.clone()), message, hint);
        }
    }

    /// What is wrong with profiles that a line names, and that can meet in one login by it; those that meet by their issuers
    /// are found without any line.
    fn meeting(&mut self, line: &HbaLine, serving: &[&'a Profile]) {
        let place = line.option_place(HBA_PROFILE_OPTION);
        let pair = |later: usize, earlier: usize| Some((*serving.get(earlier)?, *serving.get(later)?));
        let member = |(place, profile): (usize, &&'a Profile)| {
            Some(LineProfile { place, profile, served: line.leaves_to(profile)? })
        };
        let company = LineProfiles::of(serving.iter().enumerate().filter_map(member));
        for (first, second) in company.mistakable().iter().filter_map(|met| pair(met.later, met.earlier)) {
            let both = format!("profiles \"{}\" and \"{}\"", first.name, second.name);
            let message = format!("{both} serve this line, so their identities can be equal");
            let hint = format!(
                "a login that both could serve is denied with profile_ambiguous; {}, or name one of them only",
                remedy(first, second)
            );
            self.at(FindingCode::SharedLine, place, message, hint);
        }
        for met in company.sharing(|profile| profile.token_issuers().iter().map(String::as_str).collect()) {
            let Some((first, second)) = pair(met.later, met.earlier) else { continue };
            let both = format!("profiles \"{}\" and \"{}\"", first.name, second.name);
            let message = format!("{both} serve this line, and both accept tokens of {}", met.text);
            let hint = "a login that both could serve is denied with profile_ambiguous; name one of them only, or separate \
                        them by databases";
            self.at(FindingCode::SharedIssuer, place, message, hint);
        }
    }

    pub(super) fn unreached(&mut self, served: &[ServedLine<'_>]) {
        let mut seen = BTreeSet::new();
        let anew = served.iter().filter(|(_, meant)| seen.insert(Rc::as_ptr(meant)));
        let reached: BTreeSet<&str> =
            anew.flat_map(|(_, meant)| &meant.profiles).map(|profile| profile.name.as_str()).collect();
        for profile in self.config.profiles().iter().filter(|profile| !reached.contains(profile.name.as_str())) {
            let message = format!("no line of pg_hba.conf reaches profile \"{}\"", profile.name);
            let issuer = profile.hba_issuers().first().map_or("", String::as_str);
            let hint =
                format!("add a line for it, with the method oauth and issuer=\"{issuer}\"; or remove the profile");
            self.add(FindingCode::ProfileUnreached, Spot::Profile(profile.name.clone()), message, hint);
        }
    }
}
