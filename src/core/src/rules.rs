//! Step 9: the `[[require]]` rules of a profile; and the `[[access_token]]` rules, which tell access tokens from
//! others in step 7. Every rule must hold, but for those that only report.
//!
//! A rule never holds because something is missing, was left out, or has another type: `none_of` and `contains_none` on
//! an absent claim fail. Of alternatives, one that cannot be looked at does not hold either.

mod clause;

use crate::config::{Config, Rule};
use crate::decision::Denial;
use crate::reason::Reason;
use crate::trace::{RuleSeen, Trace};
use clause::ClauseFailure;
use serde_json::Value;

/// Whether all rules of a table hold; otherwise a denial, for `reason` unless a better one is known, that tells of the
/// first one that does not. What would be denied by a rule that only reports is added to `reported`.
pub(crate) fn check(
    rules: (&'static str, &[Rule]),
    claims: &Value,
    config: &Config,
    reason: Reason,
    trace: &mut Trace,
    reported: &mut Vec<Denial>,
) -> Result<(), Denial> {
    check_those(|_| true, rules, claims, config, reason, trace, reported)
}

/// Whether those rules of a table hold that are `meant`; otherwise what [`check`] says of all.
pub(crate) fn check_those(
    meant: impl Fn(&Rule) -> bool,
    (table, rules): (&'static str, &[Rule]),
    claims: &Value,
    config: &Config,
    reason: Reason,
    trace: &mut Trace,
    reported: &mut Vec<Denial>,
) -> Result<(), Denial> {
    for (number, rule) in rules.iter().enumerate().filter(|(_, rule)| meant(rule)) {
        let outcome = judge(rule, claims, config, reason, trace);
        let alternative = outcome.as_ref().ok().copied().filter(|_| rule.clauses.len() > 1);
        trace.rule(RuleSeen { table, number, held: outcome.is_ok(), alternative });
        match outcome {
            Ok(_) => {}
            Err(denial) if rule.report_only => reported.push(denial),
            Err(denial) => return Err(denial),
        }
    }
    Ok(())
}

/// What denies where rules must hold that belong to no step of their own; `None` if all do.
pub(crate) fn first_failure(rules: &[Rule], claims: &Value, config: &Config, trace: &mut Trace) -> Option<Denial> {
    rules.iter().find_map(|rule| judge(rule, claims, config, Reason::RuleFailed, trace).err())
}

/// Finds the clause by which a rule holds; otherwise the denial.
fn judge(rule: &Rule, claims: &Value, config: &Config, reason: Reason, trace: &mut Trace) -> Result<usize, Denial> {
    let mut failures = Vec::new();
    for (at, clause) in rule.clauses.iter().enumerate() {
        match clause::judge(clause, claims, trace) {
            Ok(()) => return Ok(at),
            Err(failure) => failures.push(failure),
        }
    }
    Err(denial(rule, config, failures, reason))
}

/// What a step says of rules that hold: of alternatives which one did, and what only reports.
pub(crate) fn said(rules: &[Rule], seen: &[RuleSeen], config: &Config) -> String {
    let demanded = rules.iter().filter(|rule| !rule.report_only).count();
    let mut said = match demanded {
        0 => "no rules".to_owned(),
        1 => "1 rule, which holds".to_owned(),
        _ => format!("{demanded} rules, all hold"),
    };
    for (number, rule) in rules.iter().enumerate() {
        let Some(seen) = seen.iter().find(|seen| seen.table == "require" && seen.number == number) else { continue };
        let place = config.place(rule.origin);
        if let Some((at, clause)) = seen.alternative.and_then(|at| Some((at, rule.clauses.get(at)?))) {
            let (which, of) = (at.saturating_add(1), rule.clauses.len());
            said.push_str(&format!("; {place} by alternative {which} of {of} ({})", clause.words()));
        }
        if rule.report_only {
            let holds = if seen.held { "holds" } else { "does not hold" };
            said.push_str(&format!("; {place} only reports, and {holds} ({})", rule.words()));
        }
    }
    said
}

fn denial(rule: &Rule, config: &Config, mut failures: Vec<ClauseFailure>, reason: Reason) -> Denial {
    let place = config.place(rule.origin);
    let left_out = failures.iter().any(|failure| failure.left_out);
    let reason = if left_out { Reason::GroupsOverage } else { reason };
    if let (Some(clause), 0 | 1) = (rule.clauses.first(), rule.clauses.len()) {
        let fails = format!("The rule of {place} ({}) does not hold", clause.words());
        let Some(ClauseFailure { said, hint, .. }) = failures.pop() else {
            return Denial::new(reason, format!("{fails}."));
        };
        let between = if left_out { ". " } else { "; " };
        let denial = Denial::new(reason, format!("{fails}{between}{said}."));
        return match hint {
            Some(hint) => denial.with_hint(hint),
            None => denial,
        };
    }
    let each = rule.clauses.iter().zip(&failures).map(|(clause, why)| format!("{}: {}", clause.words(), why.said));
    let each = each.collect::<Vec<_>>().join("; ");
    Denial::new(reason, format!("No alternative of the rule of {place} holds. {each}."))
}
