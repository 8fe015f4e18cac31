//! What is said of profiles of different files: why two cannot stand together, and what is doubtful about one.
//!
//! Each finding is in the file of the profile that it denies, and names the other one's place. Nothing is decided here.

use super::across::{Conflict, FileProfile, SharedBetween, sharing_issuers};
use super::collect::Findings;
use super::together::place_of;
use super::valid::Names;
use crate::finding::{Finding, FindingCode};
use crate::identity_overlap::remedy;

const CURE_OF_PREFIXES: &str = "give each a prefix of which none begins the other's";

/// Reports a conflict in the file of the profile at `place`, and gives the finding back.
pub(super) fn conflict(
    all: &mut [Findings<'_>],
    members: &[FileProfile<'_>],
    names: &Names,
    place: usize,
    conflict: &Conflict,
) -> Option<Finding> {
    let (member, other) = (members.get(place)?, members.get(conflict.other)?);
    let (name, there) = (member.entry.name, place_of_name(all, names, other)?);
    let fate = if other.file == 0 { "this one is denied" } else { "both are denied" };
    let (code, span, message, hint) = match &conflict.about {
        SharedBetween::Name => (
            FindingCode::ProfileTwice,
            member.entry.span.clone(),
            format!("profile \"{name}\" is in {there} as well: {fate}"),
            "give one of them another name: it is that of its keys, and stands in logs".to_owned(),
        ),
        SharedBetween::Prefix => (
            FindingCode::SharedPrefix,
            member.entry.section.span_of("identity"),
            format!(
                "identities of profiles \"{}\" ({there}) and \"{name}\" begin alike, so that one's would all be taken for the \
                 other's: {fate}",
                other.entry.name
            ),
            CURE_OF_PREFIXES.to_owned(),
        ),
        SharedBetween::Line(line) => {
            let remedy = member.outline().zip(other.outline()).map(|(own, other)| remedy(other, own));
            (
                FindingCode::SharedLine,
                place_of(FindingCode::SharedLine, &member.entry.section),
                format!(
                    "profiles \"{}\" ({there}) and \"{name}\" serve the same pg_hba.conf line ({line}), so their \
                     identities can be equal: {fate}",
                    other.entry.name
                ),
                format!("{}, or separate the profiles by hba_issuers or databases", remedy.unwrap_or_default()),
            )
        }
    };
    let finding = all.get_mut(member.file)?.add(code, span, message).hint(hint);
    Some(finding.clone())
}

/// Warns of what is legal between files, and mostly not meant.
pub(super) fn doubts(all: &mut [Findings<'_>], members: &[FileProfile<'_>], names: &Names, reserved: &[String]) {
    for (later, earlier, issuer) in sharing_issuers(members) {
        let Some((later, earlier)) = members.get(later).zip(members.get(earlier)) else { continue };
        let Some(there) = place_of_name(all, names, earlier) else { continue };
        let message = format!(
            "profiles \"{}\" ({there}) and \"{}\" both accept tokens of {issuer}",
            earlier.entry.name, later.entry.name
        );
        let hint =
            "a login that both could serve is denied with profile_ambiguous; separate them by hba_issuers or databases";
        let span = place_of(FindingCode::SharedIssuer, &later.entry.section);
        if let Some(findings) = all.get_mut(later.file) {
            findings.add(FindingCode::SharedIssuer, span, message).hint(hint);
        }
    }
    for member in members.iter().filter(|member| member.file != 0) {
        let Some(outline) = member.outline() else { continue };
        let open = |prefix: &&str| !prefix.is_empty() && !reserved.iter().any(|kept| prefix.starts_with(kept));
        let Some(prefix) = outline.prefix.into_iter().chain(outline.fallback_prefix).find(open) else { continue };
        let message = format!("the prefix \"{prefix}\" of profile \"{}\" is not reserved", member.entry.name);
        let hint = format!(
            "write reserved_prefixes = [\"{prefix}\"] into {}: while this file cannot be read, or is gone, nothing else keeps \
             other profiles from giving such identities",
            names.file(0)
        );
        let span = member.entry.section.span_of("identity");
        if let Some(findings) = all.get_mut(member.file) {
            findings.add(FindingCode::PrefixUnreserved, span, message).hint(hint);
        }
    }
}

/// Where a profile is named, for a person: a file and a line.
fn place_of_name(all: &[Findings<'_>], names: &Names, member: &FileProfile<'_>) -> Option<String> {
    let source = &all.get(member.file)?.source;
    Some(names.place(source.origin(member.entry.span.start)))
}
