//! How the profiles of a file go together: two that can meet in one login must have identities that cannot be each
//! other's, and should not accept tokens of one issuer or audience.
//!
//! Which two can meet, and which are apart, is for `serving` and `identity_overlap`: those that lines or databases separate are no
//! finding. Must never drop the last finding that denies, however many there are.

use super::collect::Findings;
use super::entry::ProfileEntry;
use super::outline::Outline;
use super::profile::{Audience, Profile};
use super::section::Section;
use crate::finding::{Finding, FindingCode, MOST_ALIKE};
use crate::identity_overlap::{Collision, LineProfile, LineProfiles, remedy};
use crate::serving::{self, Served};
use std::ops::Range;

/// Looks at all profiles of a file side by side, but for those with errors of their own.
pub(super) fn together(findings: &mut Findings<'_>, read: &[ProfileEntry<'_>]) {
    let entries: Vec<Judged<'_>> =
        read.iter().filter_map(|entry| Some((entry.profile.as_ref()?, &entry.section))).collect();
    let outlines: Vec<Outline<'_>> = entries.iter().map(|(profile, _)| Outline::from(*profile)).collect();
    let (mut lines, mut issuers, mut audiences) = (Vec::new(), Vec::new(), Vec::new());
    for (line, places) in serving::shared_lines(&outlines) {
        let company = LineProfiles::of(places.into_iter().filter_map(|place| {
            let (profile, _) = *entries.get(place)?;
            Some(LineProfile { place, profile, served: Served::by(profile) })
        }));
        lines.extend(company.mistakable().into_iter().map(|pair| Collision { text: line, ..pair }));
        issuers.extend(company.sharing(|profile| profile.token_issuers().iter().map(String::as_str).collect()));
        audiences.extend(company.sharing(|profile| match &profile.audience.value {
            Audience::OneOf(audiences) => audiences.iter().map(String::as_str).collect(),
            Audience::None => Vec::new(),
        }));
    }
    // One finding for a profile is enough, whatever other profiles and lines it meets.
    lines.sort_unstable();
    lines.dedup_by_key(|pair| pair.later);
    for shared in [&mut issuers, &mut audiences] {
        shared.sort_unstable();
        shared.dedup_by_key(|pair| (pair.later, pair.text));
    }
    report(findings, &entries, FindingCode::SharedLine, &lines);
    report(findings, &entries, FindingCode::SharedIssuer, &issuers);
    report(findings, &entries, FindingCode::SharedAudience, &audiences);
}

/// A profile without errors, and its table.
type Judged<'a> = (&'a Profile, &'a Section<'a>);

/// Adds what two profiles each have in common.
fn report(findings: &mut Findings<'_>, entries: &[Judged<'_>], code: FindingCode, found: &[Collision<'_>]) {
    let (shown, more) = found.split_at(found.len().min(MOST_ALIKE));
    for pair in shown {
        if let (Some(later), Some(earlier)) = (entries.get(pair.later), entries.get(pair.earlier)) {
            one(findings, code, *later, *earlier, pair.text).related(place_of(code, earlier.1), "also here");
        }
    }
    if let Some((profile, section)) = more.first().and_then(|pair| entries.get(pair.later)) {
        let message =
            format!("{} more findings of this kind, the first of them about \"{}\"", more.len(), profile.name);
        findings.add(code, place_of(code, section), message).hint("correct the others, and check again");
    }
}

fn one<'f>(
    findings: &'f mut Findings<'_>,
    code: FindingCode,
    (later, section): Judged<'_>,
    (earlier, _): Judged<'_>,
    text: &str,
) -> &'f mut Finding {
    let both = format!("profiles \"{}\" and \"{}\"", earlier.name, later.name);
    let (message, hint) = match code {
        FindingCode::SharedLine => (
            format!("{both} serve the same pg_hba.conf line ({text}), so their identities can be equal"),
            format!("{}, or separate the profiles by hba_issuers or databases", remedy(earlier, later)),
        ),
        FindingCode::SharedIssuer => (
            format!("{both} both accept tokens of {text}"),
            "a login that both could serve is denied with profile_ambiguous; separate them by hba_issuers or databases"
                .to_owned(),
        ),
        _ => (
            format!("{both} both accept the audience \"{text}\""),
            "harmless if both issuers mean the same service".to_owned(),
        ),
    };
    findings.add(code, place_of(code, section), message).hint(hint)
}

/// What of a profile's table such a finding is about.
pub(super) fn place_of(code: FindingCode, section: &Section<'_>) -> Range<usize> {
    let written = |key: &'static str| Some(key).filter(|key| section.get(key).is_some());
    let key = match code {
        FindingCode::SharedLine => written("hba_issuers").unwrap_or("issuer"),
        FindingCode::SharedIssuer => written("token_issuers").unwrap_or("issuer"),
        _ => "audience",
    };
    section.span_of(key)
}
