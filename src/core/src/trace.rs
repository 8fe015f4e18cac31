//! The steps of a decision, as `explain` prints them and the server logs them at DEBUG1.
//!
//! `said` must never hold a piece of the token or the value of a claim: the server logs it. Values belong into
//! `facts`, which only `explain` shows, to somebody who has the token anyway.

use crate::bounds::MAX_PRINTED_VALUE;
use serde_json::Value;
use std::fmt::Display;

/// The steps of a decision, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Size, charset and number of dots.
    Bounds,
    /// Profiles that the matched line of pg_hba.conf permits.
    Line,
    /// The one of them that the token's issuer picks.
    Issuer,
    /// Algorithm, type, and extensions of the JOSE header.
    Header,
    /// The key that fits.
    Key,
    /// The signature.
    Signature,
    /// The provider's answer about the token, in place of the three before.
    Introspection,
    /// Audience, client, times, kind of token.
    Claims,
    /// Required scopes.
    Scope,
    /// Claims that the token lacks, from the provider. Only of a profile that looks any up.
    Lookup,
    /// `[[require]]` rules.
    Rules,
    /// The identity that is reported.
    Identity,
    /// When the session ends by itself, and what SQL may read in it. Only of a profile that says something about it.
    Session,
    /// Whether the role asked for follows from the token.
    Delegation,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 14] = [
        Self::Bounds,
        Self::Line,
        Self::Issuer,
        Self::Header,
        Self::Key,
        Self::Signature,
        Self::Introspection,
        Self::Claims,
        Self::Scope,
        Self::Lookup,
        Self::Rules,
        Self::Identity,
        Self::Session,
        Self::Delegation,
    ];

    /// One word for a line of a trace.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bounds => "bounds",
            Self::Line => "line",
            Self::Issuer => "issuer",
            Self::Header => "header",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Introspection => "introspection",
            Self::Claims => "claims",
            Self::Scope => "scope",
            Self::Lookup => "lookup",
            Self::Rules => "rules",
            Self::Identity => "identity",
            Self::Session => "session",
            Self::Delegation => "delegation",
        }
    }
}

/// A name and a value that the decision used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fact {
    /// Such as `aud`.
    pub name: String,
    /// The value as JSON, cut at 200 characters, free of control characters.
    pub value: String,
}

/// One step that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceStep {
    /// Which step.
    pub step: Step,
    /// Whether it held.
    pub held: bool,
    /// What was found, without values of the token.
    pub said: String,
    /// Values of the token, for `explain` alone.
    pub facts: Vec<Fact>,
}

/// A rule of the profile that was looked at; the ones behind a rule that does not hold are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleSeen {
    /// The array of tables that it is in: `require` or `access_token`.
    pub table: &'static str,
    /// Which one of these it is, from 0; those of the preset come first.
    pub number: usize,
    /// Whether it held.
    pub held: bool,
    /// Which of several alternatives held, from 0.
    pub alternative: Option<usize>,
}

/// How much of the way to a decision somebody wants to read. It never changes the decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tracing {
    /// Nothing, as in nearly all logins.
    Off,
    /// The steps, for the server's log.
    Steps,
    /// The steps, and the values of the token in them, for whoever has the token.
    #[default]
    Values,
}

/// The way to a decision.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    tracing: Tracing,
    steps: Vec<TraceStep>,
    facts: Vec<Fact>,
    rules: Vec<RuleSeen>,
}

impl Trace {
    /// Nothing yet, and later as much as `tracing` says.
    pub(crate) fn new(tracing: Tracing) -> Self {
        Self { tracing, ..Self::default() }
    }

    /// Another one that is read by the same people.
    pub(crate) fn beside(&self) -> Self {
        Self::new(self.tracing)
    }

    /// The steps, in order; the last one failed if the decision is a denial.
    #[must_use]
    pub fn steps(&self) -> &[TraceStep] {
        &self.steps
    }

    /// The rules that were looked at, in their order.
    #[must_use]
    pub fn rules(&self) -> &[RuleSeen] {
        &self.rules
    }

    /// The steps as lines for the server's log: no value of the token is among them.
    pub fn log_lines(&self) -> impl Iterator<Item = String> {
        self.steps.iter().map(|passage| {
            let outcome = if passage.held { "ok" } else { "failed" };
            format!("{}: {outcome}: {}", passage.step.name(), passage.said)
        })
    }

    /// Whether anybody reads the steps.
    pub(crate) fn is_read(&self) -> bool {
        self.tracing >= Tracing::Steps
    }

    /// Whether anybody reads the values.
    pub(crate) fn has_values(&self) -> bool {
        self.tracing == Tracing::Values
    }

    /// Remembers a value for the step that is under way.
    pub(crate) fn fact(&mut self, name: impl Display, value: &Value) {
        if self.has_values() {
            let value = printable(&value.to_string());
            self.facts.push(Fact { name: name.to_string(), value });
        }
    }

    /// Remembers a value that has to be worked out first, which is left undone if nobody reads it.
    pub(crate) fn fact_of(&mut self, name: &str, value: impl FnOnce() -> Value) {
        if self.tracing == Tracing::Values {
            self.fact(name, &value());
        }
    }

    /// Takes over the values that another trace remembered for a step of this one.
    pub(crate) fn adopt_facts(&mut self, other: Self) {
        self.facts.extend(other.facts);
    }

    /// Takes over the values of another trace under names that begin with `whose`: they are about something else.
    pub(crate) fn adopt_facts_of(&mut self, other: Self, whose: &str) {
        let of = |fact: Fact| Fact { name: format!("{whose} {}", fact.name), ..fact };
        self.facts.extend(other.facts.into_iter().map(of));
    }

    /// Remembers what became of a rule.
    pub(crate) fn rule(&mut self, seen: RuleSeen) {
        if self.is_read() {
            self.rules.push(seen);
        }
    }

    /// Ends a step that held.
    pub(crate) fn held(&mut self, step: Step, said: impl FnOnce() -> String) {
        self.end(step, true, said);
    }

    /// Ends the step that failed.
    pub(crate) fn failed(&mut self, step: Step, said: impl FnOnce() -> String) {
        self.end(step, false, said);
    }

    fn end(&mut self, step: Step, held: bool, said: impl FnOnce() -> String) {
        if self.is_read() {
            let facts = std::mem::take(&mut self.facts);
            self.steps.push(TraceStep { step, held, said: said(), facts });
        }
    }
}

/// Cuts a value and takes the control characters out of it, so that no token writes to a terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut printed: String =
        text.chars().take(MAX_PRINTED_VALUE).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MAX_PRINTED_VALUE).is_some() {
        printed.push('…');
    }
    printed
}
