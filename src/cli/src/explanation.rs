//! A decision for a person, and for a program.
//!
//! Prints what the trace and the verdict hold, which is neither the token nor its signature. Values of claims are
//! escaped: a token must not write to a terminal.

use crate::args::ExplainOptions;
use crate::findings::Shown;
use crate::login::LoginReport;
use crate::output::{self, visible};
use oauth_validator_core::{Decision, Denial, Fact, Grant, SessionGrant, Step, TraceStep, UnixSeconds, Verdict};
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// Claims that are times (RFC 7519 section 4.1), which few people read as numbers.
const TIMES: [&str; 4] = ["exp", "nbf", "iat", "ends_at"];

/// Bold and red (ECMA-48, SGR).
const RED: &str = "1;31";

/// Green, and not bold: many terminals make that a brighter one, which nobody can read on white.
const GREEN: &str = "32";

/// What the terminal can show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) ascii: bool,
    pub(crate) colour: bool,
}

impl Style {
    fn mark(self, held: bool) -> String {
        let mark = match (held, self.ascii) {
            (true, true) => "ok    ",
            (false, true) => "FAILED",
            (true, false) => "✓",
            (false, false) => "✗",
        };
        self.painted(mark, if held { GREEN } else { RED })
    }

    fn not_reached(self) -> &'static str {
        if self.ascii { "-     " } else { "-" }
    }

    /// In a colour, where the terminal has some.
    fn painted(self, text: &str, code: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A decision, and what must be said with it.
pub(crate) struct Explanation {
    /// None where no line of pg_hba.conf has the token looked at.
    verdict: Option<Verdict>,
    role: Option<String>,
    /// What was assumed, and what else the reader should know.
    pub(crate) notes: Vec<String>,
    /// Why the configuration cannot be used.
    pub(crate) findings: Vec<Shown>,
    /// What the server's files make of it, if they were read.
    pub(crate) login: Option<LoginReport>,
}

impl Explanation {
    pub(crate) fn new(options: &ExplainOptions, verdict: Verdict) -> Self {
        Self { verdict: Some(verdict), ..Self::unjudged(options) }
    }

    /// The explanation of a login that asks for this role.
    pub(crate) fn of(verdict: Verdict, role: Option<String>) -> Self {
        Self { verdict: Some(verdict), role, notes: Vec::new(), findings: Vec::new(), login: None }
    }

    /// The explanation of a login in which nobody looks at the token.
    pub(crate) fn unjudged(options: &ExplainOptions) -> Self {
        Self { verdict: None, role: options.role.clone(), notes: Vec::new(), findings: Vec::new(), login: None }
    }

    fn decision(&self) -> Option<&Decision> {
        self.verdict.as_ref().map(|verdict| &verdict.decision)
    }

    fn steps(&self) -> &[TraceStep] {
        self.verdict.as_ref().map_or(&[], |verdict| verdict.trace.steps())
    }

    fn is_granted(&self) -> bool {
        self.grant().is_some()
    }

    /// Whether the token is granted, and nothing in the server's files keeps the login from succeeding.
    pub(crate) fn is_fine(&self) -> bool {
        self.is_granted() && !self.login.as_ref().is_some_and(LoginReport::is_failure)
    }

    /// What was granted.
    pub(crate) fn grant(&self) -> Option<&Grant> {
        match self.decision()? {
            Decision::Granted(grant) => Some(grant),
            Decision::Denied(_) => None,
        }
    }

    /// Steps that were not taken, and why.
    fn missing_steps(&self) -> impl Iterator<Item = (Step, &'static str)> {
        let taken = |step: &Step| self.steps().iter().any(|passage| passage.step == *step);
        let asked = taken(&Step::Introspection);
        // Either the provider is asked, or these three steps are taken.
        let replaced = move |step: &Step| match step {
            Step::Header | Step::Key | Step::Signature => asked,
            Step::Introspection => !asked,
            _ => false,
        };
        let why = if self.is_granted() { "not needed: delegate_ident_mapping=0" } else { "not reached" };
        Step::ALL
            .into_iter()
            .filter(move |step| !matches!(step, Step::Session | Step::Lookup) && !taken(step) && !replaced(step))
            .map(move |step| (step, why))
    }

    /// For a person: notes, steps, verdict.
    pub(crate) fn to_text(&self, style: Style) -> String {
        let mut lines: Vec<String> =
            self.notes.iter().map(|note| format!("note: {}", visible(note, style.ascii))).collect();
        if !lines.is_empty() {
            lines.push(String::new());
        }
        // A value that a later step looks at again is not news.
        let mut shown: Vec<&Fact> = Vec::new();
        for passage in self.steps() {
            lines.push(self.step_line(passage, style));
            for fact in &passage.facts {
                if !shown.contains(&fact) {
                    lines.push(fact_line(fact, style));
                    shown.push(fact);
                }
            }
        }
        // A configuration that cannot be used ends it before the first step.
        let begun = !self.steps().is_empty();
        lines.extend(
            self.missing_steps()
                .filter(|_| begun)
                .map(|(step, why)| format!("{} {:<10} {why}", style.not_reached(), step.name())),
        );
        if begun {
            lines.push(String::new());
        }
        match self.decision() {
            Some(Decision::Granted(grant)) => self.granted_lines(grant, style, &mut lines),
            Some(Decision::Denied(denial)) => denied_lines(denial, style, &mut lines),
            None => {
                lines.push("the token is not looked at: no line for oauth_validator takes the connection".to_owned())
            }
        }
        let login = self.login.iter().flat_map(LoginReport::lines);
        lines.extend(login.map(|(name, said)| format!("  {:<8} {}", format!("{name}:"), visible(&said, style.ascii))));
        lines.iter().fold(String::new(), |mut text, line| {
            let _ = writeln!(text, "{line}");
            text
        })
    }

    /// A failed step shows its code: what the trace says of it is the verdict's detail, below.
    fn step_line(&self, passage: &TraceStep, style: Style) -> String {
        let said = match self.decision() {
            Some(Decision::Denied(denial)) if !passage.held => denial.reason.code(),
            _ => &passage.said,
        };
        format!("{} {:<10} {}", style.mark(passage.held), passage.step.name(), visible(said, style.ascii))
    }

    fn granted_lines(&self, grant: &Grant, style: Style, lines: &mut Vec<String>) {
        let identity = visible(grant.authn_id(), style.ascii);
        let granted = style.painted("granted", GREEN);
        lines.push(format!("{granted}: authn_id \"{identity}\" (profile \"{}\")", grant.profile()));
        if self.login.is_none() {
            lines.push(format!("  next:    {}", visible(&self.what_remains(grant), style.ascii)));
        }
        lines.extend(session_line(grant.session()).map(|said| format!("  session: {said}")));
    }

    /// What PostgreSQL itself still does with a granted identity (`check_usermap` in hba.c).
    fn what_remains(&self, grant: &Grant) -> String {
        match &self.role {
            _ if grant.delegated() => {
                "The token grants the role as well, so the login succeeds: with delegate_ident_mapping=1 the server \
                 compares nothing more."
                    .to_owned()
            }
            Some(role) if role == grant.authn_id() => {
                "The role has the same name, so the login succeeds, unless the pg_hba.conf line has a map: then \
                 pg_ident.conf decides."
                    .to_owned()
            }
            Some(role) => format!(
                "The role \"{role}\" has another name, so the login needs map=NAME in the pg_hba.conf line, and a line \
                 of pg_ident.conf that maps this authn_id to the role."
            ),
            None => "PostgreSQL compares authn_id with the role asked for, or maps it by pg_ident.conf if the \
                     pg_hba.conf line has a map."
                .to_owned(),
        }
    }

    /// For a program. Facts are the claims' values; one that was cut is a string that ends in "…".
    pub(crate) fn to_json(&self, findings: Vec<Value>) -> Value {
        let taken = self.steps().iter().map(step_to_json);
        let missing = self
            .missing_steps()
            .map(|(step, why)| json!({ "step": step.name(), "held": null, "said": why, "facts": {} }));
        let granted = self.grant();
        let denied = match self.decision() {
            Some(Decision::Denied(denial)) => Some(denial),
            Some(Decision::Granted(_)) | None => None,
        };
        let mut document = json!({
            "outcome": self.decision().map_or("not_judged", |_| if granted.is_some() { "granted" } else { "denied" }),
            "authn_id": granted.map(Grant::authn_id).or_else(|| denied?.authn_id.as_deref()),
            "profile": granted.map(Grant::profile).or_else(|| denied?.profile.as_deref()),
            "reason": denied.map(|denial| denial.reason.code()),
            "blame": denied.map(|denial| denial.reason.blame().words()),
            "detail": denied.map(|denial| &denial.detail),
            "hint": denied.map_or_else(|| granted.map(|grant| self.what_remains(grant)), |denial| Some(denial.hint.clone())),
            "session": granted.map(|grant| session_to_json(grant.session())),
            "steps": taken.chain(missing).collect::<Vec<_>>(),
            "notes": self.notes,
            "findings": findings,
        });
        if let Some(login) = &self.login {
            output::put(&mut document, "login", login.to_json());
        }
        document
    }
}

fn denied_lines(denial: &Denial, style: Style, lines: &mut Vec<String>) {
    let message = denial.message();
    let rest = message.strip_prefix("denied").unwrap_or(&message);
    lines.push(format!("{}{rest}", style.painted("denied", RED)));
    lines.push(format!("  problem: {}", denial.reason.blame().words()));
    lines.push(format!("  detail:  {}", visible(&denial.detail, style.ascii)));
    lines.push(format!("  hint:    {}", visible(&denial.hint, style.ascii)));
    if let Some(identity) = &denial.authn_id {
        lines.push(format!("  logged:  authn_id \"{}\", since the token is genuine", visible(identity, style.ascii)));
    }
}

fn fact_line(fact: &Fact, style: Style) -> String {
    let indent = if style.ascii { 18 } else { 13 };
    // Also where words stand before the name, as for what a JWT says beside the answer about it.
    let time = fact
        .name
        .rsplit(' ')
        .next()
        .is_some_and(|name| TIMES.contains(&name))
        .then(|| jiff::Timestamp::from_second(fact.value.parse().ok()?).ok())
        .flatten()
        .map(|time| format!(" ({time})"))
        .unwrap_or_default();
    let (name, value) = (visible(&fact.name, style.ascii), visible(&fact.value, style.ascii));
    format!("{:indent$}{name} = {value}{time}", "")
}

/// When the session ends by itself; nothing of one that does not.
fn session_line(session: &SessionGrant) -> Option<String> {
    let ends = session.ends_at()?;
    let expires = session.expires_at().map(|at| format!("; its token expires {at}")).unwrap_or_default();
    Some(format!("PostgreSQL ends it {ends}{expires}."))
}

/// What the server keeps for the session; times in seconds since 1970.
fn session_to_json(session: &SessionGrant) -> Value {
    json!({
        "ends_at": session.ends_at().map(UnixSeconds::get),
        "expires_at": session.expires_at().map(UnixSeconds::get),
        "issuer": session.issuer(),
        "client": session.client(),
        "token_id": session.token_id(),
        "claims": session.claims(),
    })
}

fn step_to_json(passage: &TraceStep) -> Value {
    let facts: Map<String, Value> = passage
        .facts
        .iter()
        .map(|fact| {
            let value = serde_json::from_str(&fact.value).unwrap_or_else(|_| Value::String(fact.value.clone()));
            (fact.name.clone(), value)
        })
        .collect();
    json!({ "step": passage.step.name(), "held": passage.held, "said": passage.said, "facts": facts })
}
