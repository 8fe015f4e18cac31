//! Reads `[[require]]` and `[[access_token]]` rules: a claim and exactly one test.

use super::collect::Findings;
use super::profile::{Origin, Rule, Test};
use super::section::Section;
use super::settings::require as rows;
use crate::claim_path::ClaimPath;
use crate::finding::FindingCode;

/// The keys that are tests.
const TESTS: [&str; 8] = ["equals", "one_of", "none_of", "matches", "contains", "contains_none", "present", "absent"];

/// The rules under `key`, the preset's first.
pub(super) fn rules(findings: &mut Findings<'_>, section: &Section<'_>, key: &str) -> Vec<Rule> {
    let sections = sections(findings, section, key);
    sections.iter().filter_map(|section| rule(findings, section)).collect()
}

/// The tables of the rules under `key`. Those of a profile are added to its preset's, with one exception: where a profile
/// accepts ID tokens, its own `access_token` rules take the place of those by which the preset refuses them.
pub(super) fn sections<'a>(findings: &mut Findings<'_>, section: &Section<'a>, key: &str) -> Vec<Section<'a>> {
    let mut sections = section.sections(findings, key, &format!("profiles.*.{key}"));
    let any = section.get("token_kind").and_then(|kind| kind.get_ref().as_str()) == Some("any");
    if key == "access_token" && any && section.is_own(key) {
        sections.retain(|section| !matches!(section.own_origin(findings), Origin::Preset(_)));
    }
    sections
}

fn rule(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<Rule> {
    if section.get("claim").is_none() {
        section.missing(findings, "claim", "a rule looks at a claim: claim = \"$.tid\"");
    }
    let claim = section.path(findings, "claim");
    let mut tests: Vec<Test> = Vec::new();
    tests.extend(section.json(findings, "equals").map(Test::Equals));
    tests.extend(section.jsons(findings, "one_of").map(Test::OneOf));
    tests.extend(section.jsons(findings, "none_of").map(Test::NoneOf));
    tests.extend(section.pattern(findings, "matches").map(|pattern| Test::Matches(pattern.value)));
    tests.extend(section.json(findings, "contains").map(Test::Contains));
    let refused = section.strings(findings, &rows::CONTAINS_NONE);
    tests.extend(refused.map(|refused| Test::ContainsNone(refused.value)));
    for (key, test) in [("present", Test::Present), ("absent", Test::Absent)] {
        match section.boolean(findings, key) {
            Some(true) => tests.push(test),
            Some(false) => {
                let message = format!("{} can only be true", section.name(key));
                findings
                    .add(FindingCode::BadValue, section.span_of(key), message)
                    .hint("write the opposite test instead");
            }
            None => {}
        }
    }
    if TESTS.iter().filter(|key| section.get(key).is_some()).count() != 1 {
        let message = format!("a [[{}]] rule needs exactly one test", section.path);
        findings
            .add(FindingCode::Conflict, section.span.clone(), message)
            .hint(format!("one of {}; write a second rule for a second test", TESTS.join(", ")));
    }
    let rule = Rule { claim: claim?.value, test: tests.pop()?, origin: section.own_origin(findings) };
    if let (Test::Absent, Some(what)) = (&rule.test, rule.claim.more_than_names()) {
        absence_of_values(findings, section, &rule.claim, what);
        return None;
    }
    Some(rule)
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
