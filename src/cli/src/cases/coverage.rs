//! What no case reaches: profiles, rules, and reasons of a denial.
//!
//! A rule that holds in every case might as well not be there: it is reached when some case shows that it keeps somebody
//! out. Must never count what a case merely expects, only what the decision came to.

use super::trial::CaseOutcome;
use oauth_validator_core::config::{Config, Profile, Rule};
use oauth_validator_core::{Decision, Reason, RuleSeen};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Reasons that come of a server or of a network, which no case has.
const ELSEWHERE: [Reason; 10] = [
    Reason::ConfigUnreadable,
    Reason::ConfigInvalid,
    Reason::KeysUnavailable,
    Reason::KeyUnknown,
    Reason::IntrospectionUnavailable,
    Reason::LookupUnavailable,
    Reason::LookupRefused,
    Reason::SessionEndImpossible,
    Reason::NotMapped,
    Reason::Internal,
];

/// What the cases came to.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    /// Profiles that granted, and profiles that denied.
    granted: BTreeSet<String>,
    denied: BTreeSet<String>,
    rules: BTreeSet<(String, RuleSeen)>,
    reasons: BTreeSet<Reason>,
}

impl Coverage {
    /// Counts what a case came to.
    pub(crate) fn count(&mut self, outcome: &CaseOutcome) {
        let profile = outcome.profile.clone();
        match &outcome.verdict.decision {
            Decision::Granted(_) => self.granted.extend(profile.clone()),
            Decision::Denied(denial) => {
                self.denied.extend(profile.clone());
                self.reasons.insert(denial.reason);
            }
        }
        if let Some(profile) = profile {
            self.rules.extend(outcome.verdict.trace.rules().iter().map(|seen| (profile.clone(), *seen)));
        }
    }

    /// What is missing, of this configuration.
    pub(crate) fn gaps(&self, config: &Config) -> Gaps {
        let mut gaps = Gaps::default();
        for profile in config.profiles() {
            match (self.granted.contains(&profile.name), self.denied.contains(&profile.name)) {
                (true, true) => {}
                (true, false) => gaps.profiles.push(format!("\"{}\": no case is denied", profile.name)),
                (false, true) => gaps.profiles.push(format!("\"{}\": no case is granted", profile.name)),
                (false, false) => gaps.profiles.push(format!("\"{}\": no case", profile.name)),
            }
            gaps.rules.extend(self.rules_without_case(config, profile));
        }
        let reached = |reason: &&Reason| !self.reasons.contains(reason) && !ELSEWHERE.contains(reason);
        gaps.reasons = Reason::ALL.iter().filter(reached).map(|reason| reason.code()).collect();
        gaps
    }

    fn rules_without_case(&self, config: &Config, profile: &Profile) -> Vec<String> {
        let tables = [("require", &profile.require), ("access_token", &profile.access_token)];
        let all = tables.into_iter().flat_map(|(table, rules)| {
            rules
                .iter()
                .enumerate()
                .map(move |(number, rule)| (RuleSeen { table, number, held: false, alternative: None }, rule))
        });
        let fails = |seen: &RuleSeen| self.rules.contains(&(profile.name.clone(), *seen));
        all.filter(|(seen, _)| !fails(seen)).map(|(seen, rule)| words(config, profile, seen.table, rule)).collect()
    }
}

fn words(config: &Config, profile: &Profile, table: &str, rule: &Rule) -> String {
    format!("profile \"{}\", {table} of {}: {}", profile.name, config.place(rule.origin), rule.words())
}

/// What no case reaches.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    profiles: Vec<String>,
    rules: Vec<String>,
    reasons: Vec<&'static str>,
}

impl Gaps {
    /// For a person: nothing, if there is no gap.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for (title, lines) in [("profiles", &self.profiles), ("rules that no case fails", &self.rules)] {
            if !lines.is_empty() {
                text.push_str(&format!("  {title}:\n"));
                text.extend(lines.iter().map(|line| format!("    {line}\n")));
            }
        }
        if !self.reasons.is_empty() {
            text.push_str(&format!("  reasons: {}\n", self.reasons.join(", ")));
        }
        if text.is_empty() { text } else { format!("not reached by any case:\n{text}\n") }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "profiles": self.profiles, "rules": self.rules, "reasons": self.reasons })
    }
}
