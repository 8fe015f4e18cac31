//! Reads `[[require]]` and `[[access_token]]` rules: a claim and exactly one test, or alternatives of that kind.

use super::collect::Findings;
use super::profile::{Clause, Rule, Test};
use super::section::Section;
use super::settings::require as rows;
use crate::claim_path::ClaimPath;
use crate::finding::FindingCode;

/// The table of the keys of a rule, wherever it stands.
pub(super) const RULES: &str = rows::CLAIM.table;

/// The keys that are tests.
const TESTS: [&str; 9] =
    ["equals", "one_of", "none_of", "matches", "contains", "contains_none", "equals_claim", "present", "absent"];

/// The rules under `key`, the preset's first.
pub(super) fn rules(findings: &mut Findings<'_>, section: &Section<'_>, key: &str) -> Vec<Rule> {
    let sections = sections(findings, section, key);
    sections.iter().filter_map(|section| rule(findings, section)).collect()
}

/// The tables of the rules under `key`. Those of a profile are added to its preset's, with one exception: where a profile
/// accepts ID tokens, `access_token` rules take the place of those below them, by which a preset refuses ID tokens.
pub(super) fn sections<'a>(findings: &mut Findings<'_>, section: &Section<'a>, key: &str) -> Vec<Section<'a>> {
    let mut sections = section.sections(findings, key, &format!("profiles.*.{key}"));
    let any = section.get("token_kind").and_then(|kind| kind.get_ref().as_str()) == Some("any");
    if key == "access_token"
        && any
        && let Some(upper) = section.written(key).map(|written| written.layer())
    {
        sections.retain(|section| section.layer() == upper);
    }
    sections
}

/// What stands for itself in an alternative, and cannot stand beside several.
const CLAUSE: [&str; 2] = ["claim", "all"];

/// A rule: a claim and its test, or alternatives.
pub(super) fn rule(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<Rule> {
    let clauses = match section.get("any") {
        Some(_) => alternatives(findings, section),
        None => clause(findings, section).into_iter().collect(),
    };
    let report_only = section.boolean(findings, "report_only").unwrap_or(false);
    if report_only {
        let message = format!("a [[{}]] rule only reports: whom it would keep out is let in", section.path);
        findings
            .add(FindingCode::ReportOnly, section.span_of("report_only"), message)
            .hint("look for report_only in the server's log, and remove the key when nobody is missed");
    }
    (!clauses.is_empty()).then(|| Rule { clauses, origin: section.own_origin(findings), report_only })
}

/// The clauses of `any`, of which one must hold. One with an error is left out: the file is unusable by then.
fn alternatives(findings: &mut Findings<'_>, section: &Section<'_>) -> Vec<Clause> {
    if let Some(key) = CLAUSE.iter().chain(&TESTS).find(|key| section.get(key).is_some()) {
        let message = format!("{} and {key} exclude each other", section.name("any"));
        findings
            .add(FindingCode::Conflict, section.span_of(key), message)
            .hint("write what must hold in any case as a [[require]] rule of its own");
    }
    let sections = section.sections(findings, "any", RULES);
    for (section, key) in sections.iter().flat_map(|section| ["any", "report_only"].map(|key| (section, key))) {
        if section.get(key).is_some() {
            let message = format!("an alternative of a [[{}]] rule cannot have {key}", section.path);
            findings
                .add(FindingCode::Conflict, section.span_of(key), message)
                .hint("an alternative is a claim and its test; report_only stands beside any");
        }
    }
    if sections.is_empty()
        && section.get("any").is_some_and(|any| any.get_ref().as_array().is_some_and(|any| any.is_empty()))
    {
        let message = format!("{} is empty", section.name("any"));
        findings
            .add(FindingCode::EmptyValue, section.span_of("any"), message)
            .hint("write any = [{ claim = \"$.tid\", equals = \"...\" }, ...], or remove the rule");
    }
    sections.iter().filter_map(|section| clause(findings, section)).collect()
}

/// A claim and its one test.
fn clause(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<Clause> {
    if section.get("claim").is_none() {
        section.missing(findings, "claim", "a rule looks at a claim: claim = \"$.tid\"");
    }
    let claim = section.path(findings, "claim");
    let mut tests = tests(findings, section);
    if TESTS.iter().filter(|key| section.get(key).is_some()).count() != 1 {
        let message = format!("a [[{}]] rule needs exactly one test", section.path);
        findings
            .add(FindingCode::Conflict, section.span.clone(), message)
            .hint(format!("one of {}; write a second rule for a second test", TESTS.join(", ")));
    }
    let all = is_true(findings, section, "all", "leave it out instead");
    let clause = Clause { claim: claim?.value, test: tests.pop()?, all };
    if let (Test::Absent, Some(what)) = (&clause.test, clause.claim.more_than_names()) {
        absence_of_values(findings, section, &clause.claim, what);
        return None;
    }
    together(findings, section, &clause);
    Some(clause)
}

fn tests(findings: &mut Findings<'_>, section: &Section<'_>) -> Vec<Test> {
    let mut tests: Vec<Test> = Vec::new();
    tests.extend(section.json(findings, "equals").map(Test::Equals));
    tests.extend(section.jsons(findings, "one_of").map(Test::OneOf));
    tests.extend(section.jsons(findings, "none_of").map(Test::NoneOf));
    tests.extend(section.pattern(findings, "matches").map(|pattern| Test::Matches(pattern.value)));
    tests.extend(section.json(findings, "contains").map(Test::Contains));
    let refused = section.strings(findings, &rows::CONTAINS_NONE);
    tests.extend(refused.map(|refused| Test::ContainsNone(refused.value)));
    tests.extend(section.path(findings, "equals_claim").map(|other| Test::EqualsClaim(other.value)));
    for (key, test) in [("present", Test::Present), ("absent", Test::Absent)] {
        if is_true(findings, section, key, "write the opposite test instead") {
            tests.push(test);
        }
    }
    tests
}

/// Whether a key that can only be true is there.
fn is_true(findings: &mut Findings<'_>, section: &Section<'_>, key: &str, instead: &str) -> bool {
    let written = section.boolean(findings, key);
    if written == Some(false) {
        let message = format!("{} can only be true", section.name(key));
        findings.add(FindingCode::BadValue, section.span_of(key), message).hint(instead);
    }
    written == Some(true)
}

/// What a clause says that means nothing together.
fn together(findings: &mut Findings<'_>, section: &Section<'_>, clause: &Clause) {
    let one_by_one = matches!(clause.test, Test::Equals(_) | Test::OneOf(_) | Test::NoneOf(_) | Test::Matches(_));
    if clause.all && !one_by_one {
        let message = format!("{} and {} exclude each other", section.name("all"), clause.test.key());
        findings
            .add(FindingCode::Conflict, section.span_of("all"), message)
            .hint("all goes with equals, one_of, none_of and matches, each of which looks at one value");
    } else if clause.all && clause.claim.is_singular() {
        let message = format!("{} is true, but {} selects one value at the most", section.name("all"), clause.claim);
        findings
            .add(FindingCode::Conflict, section.span_of("all"), message)
            .hint(format!("for all elements of a list, write claim = \"{}[*]\"", clause.claim));
    }
    if let Test::EqualsClaim(other) = &clause.test
        && *other == clause.claim
    {
        let message = format!("{} compares a claim with itself", section.name("equals_claim"));
        findings
            .add(FindingCode::Conflict, section.span_of("equals_claim"), message)
            .hint("write the path of another claim, or present = true");
    }
}

/// A path that looks for values among others finds none in a claim of another shape, and `absent` would take that for
/// their absence: a provider that writes a list of one as a plain string would let in whom the rule is to keep out.
fn absence_of_values(findings: &mut Findings<'_>, section: &Section<'_>, claim: &ClaimPath, what: &str) {
    let message = format!(
        "{} cannot be true where claim has {what}: {claim} also selects nothing in a claim of another shape",
        section.name("absent")
    );
    let hint = match claim.without_elements() {
        _ if what == "`..`" => "name each place by its own path, in a rule of its own".to_owned(),
        Some(list) => format!("to forbid elements of a list, write claim = \"{list}\" and contains_none = [\"...\"]"),
        None => "to forbid elements of a list, write the list's own path and contains_none = [\"...\"]".to_owned(),
    };
    findings.add(FindingCode::Conflict, section.span_of("absent"), message).hint(hint);
}
