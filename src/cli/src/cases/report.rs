//! What the cases came to, as cargo test says such things, and for programs.

use super::coverage::Gaps;
use super::file::{ExpectedDecision, TestCase};
use super::trial::CaseOutcome;
use crate::explanation::{Explanation, Style};
use crate::output::visible;
use oauth_validator_core::Decision;
use serde_json::{Value, json};

/// The cases of one file.
#[derive(Debug)]
pub(crate) struct Suite {
    /// As it was named.
    pub(crate) file: String,
    /// The configuration.
    pub(crate) config: String,
    pub(crate) ran: Vec<Ran>,
    pub(crate) gaps: Gaps,
}

/// A case that was run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) passed: bool,
    pub(crate) expected: String,
    pub(crate) got: String,
    /// The decision step by step; empty where the case passed.
    pub(crate) trace: String,
}

impl Ran {
    pub(crate) fn of(case: &TestCase, outcome: CaseOutcome, style: Style) -> Self {
        let passed = outcome.passed;
        let got = match &outcome.verdict.decision {
            Decision::Granted(grant) => granted(grant.authn_id()),
            Decision::Denied(denial) => denial.reason.code().to_owned(),
        };
        let expected = match &case.expected {
            ExpectedDecision::Granted { authn_id } => granted(authn_id),
            ExpectedDecision::Denied(reason) => reason.code().to_owned(),
        };
        let trace =
            if passed { String::new() } else { Explanation::of(outcome.verdict, case.role.clone()).to_text(style) };
        Self { name: case.name.clone(), line: case.line, passed, expected, got, trace }
    }
}

fn granted(authn_id: &str) -> String {
    format!("granted, authn_id \"{}\"", visible(authn_id, false))
}

/// For a person.
pub(crate) fn to_text(suites: &[Suite]) -> String {
    let mut text = String::new();
    for suite in suites {
        text.push_str(&suite_to_text(suite));
    }
    let all = || suites.iter().flat_map(|suite| &suite.ran);
    let failed = all().filter(|ran| !ran.passed).count();
    let word = if failed == 0 { "ok" } else { "FAILED" };
    text.push_str(&format!("test result: {word}. {} passed; {failed} failed\n", all().count() - failed));
    text
}

fn suite_to_text(suite: &Suite) -> String {
    let (file, config) = (visible(&suite.file, false), visible(&suite.config, false));
    let plural = if suite.ran.len() == 1 { "" } else { "s" };
    let mut text = format!("running {} case{plural} of {file} against {config}\n", suite.ran.len());
    for ran in &suite.ran {
        let word = if ran.passed { "ok" } else { "FAILED" };
        text.push_str(&format!("test {} ... {word}\n", visible(&ran.name, false)));
    }
    text.push('\n');
    for ran in suite.ran.iter().filter(|ran| !ran.passed) {
        let (name, line) = (visible(&ran.name, false), ran.line);
        let head = format!("---- {name} ({file}:{line}) ----");
        text.push_str(&format!("{head}\nexpected: {}\ngot:      {}\n\n{}\n", ran.expected, ran.got, ran.trace));
    }
    text + &suite.gaps.to_text()
}

/// For a program.
pub(crate) fn to_json(suites: &[Suite]) -> Value {
    let failed = suites.iter().flat_map(|suite| &suite.ran).filter(|ran| !ran.passed).count();
    json!({ "passed": failed == 0, "files": suites.iter().map(suite_to_json).collect::<Vec<_>>() })
}

fn suite_to_json(suite: &Suite) -> Value {
    let cases: Vec<Value> = suite.ran.iter().map(case_to_json).collect();
    json!({ "file": suite.file, "config": suite.config, "cases": cases, "not_reached": suite.gaps.to_json() })
}

fn case_to_json(ran: &Ran) -> Value {
    json!({
        "name": ran.name,
        "line": ran.line,
        "passed": ran.passed,
        "expected": ran.expected,
        "got": ran.got,
        "trace": ran.trace,
    })
}
