//! Reads `[roles]`: which roles a token grants where pg_hba.conf leaves the mapping to the validator.

use super::collect::Findings;
use super::profile::{RoleMapping, RoleSource, Roles};
use super::section::Section;
use super::settings::{profile, roles as rows};
use super::typed::Empty;
use crate::finding::FindingCode;
use std::collections::BTreeMap;

/// The roles of a profile, if it has any.
pub(super) fn roles(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<Roles> {
    let section = section.table(findings, &profile::ROLES)?;
    let source = source(findings, &section);
    let separator = section.text(findings, "separator").map(|separator| separator.value);
    let pattern = section.pattern_with_group(findings, "pattern", "what is mapped");
    if separator.is_some() && section.get("names_of").is_some() {
        let message = format!("{} and names_of exclude each other", section.name("separator"));
        findings
            .add(FindingCode::Conflict, section.span_of("separator"), message)
            .hint("names of members are never split; remove separator");
    }
    let privileged = section.choice(findings, &rows::PRIVILEGED, ("deny", false), &[("allow", true)]);
    if privileged {
        let message = format!("{} lets tokens grant superuser and other privileged roles", section.path);
        findings
            .add(FindingCode::PrivilegedRoles, section.span_of("privileged"), message)
            .hint("whoever administers roles at the provider then owns the server; remove it unless that is meant");
    }
    if privileged && separator.is_some() {
        let message = format!(
            "{} takes privileged roles out of a text that may hold other roles' names",
            section.name("separator")
        );
        findings
            .add(FindingCode::SplitRoles, section.span_of("separator"), message)
            .hint("whoever may name a group can write the separator and a second name; remove privileged = \"allow\"");
    }
    let mapping = mapping(findings, &section);
    let origin = section.own_origin(findings);
    let (source, mapping) = (source?, mapping?);
    Some(Roles { source, separator, pattern, mapping, privileged_allowed: privileged, origin })
}

/// `claim` or `names_of`.
fn source(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<RoleSource> {
    let claim = section.path(findings, "claim").map(|path| path.value);
    let names = section.path(findings, "names_of").map(|path| path.value);
    match (section.get("claim").is_some(), section.get("names_of").is_some()) {
        (true, false) => claim.map(RoleSource::Values),
        (false, true) => names.map(RoleSource::Names),
        (false, false) => {
            let hint =
                "write claim = \"$.roles[*]\", or names_of = \"$.roles\" if roles are the names of an object's members";
            section.missing(findings, "claim", hint);
            None
        }
        (true, true) => {
            let message = format!("{} and names_of exclude each other", section.name("claim"));
            findings
                .add(FindingCode::Conflict, section.span_of("names_of"), message)
                .hint("claim takes the values of a list, names_of the names of an object's members: keep one");
            None
        }
    }
}

fn mapping(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<RoleMapping> {
    let written: Vec<&str> = ["map", "prefix", "exact"].into_iter().filter(|key| section.get(key).is_some()).collect();
    match written.as_slice() {
        ["map"] => map(findings, section),
        ["prefix"] => section.text(findings, "prefix").map(|prefix| RoleMapping::Prefix(prefix.value)),
        ["exact"] => match section.boolean(findings, "exact")? {
            true => Some(RoleMapping::Exact),
            false => {
                let message = format!("{} can only be true", section.name("exact"));
                findings.add(FindingCode::BadValue, section.span_of("exact"), message);
                None
            }
        },
        _ => {
            let message = format!("{} needs exactly one of map, prefix, exact", section.path);
            findings
                .add(FindingCode::Conflict, section.span.clone(), message)
                .hint("map = { \"DB.Reader\" = [\"app_reader\"] } is the safest: what it does not name grants nothing");
            None
        }
    }
}

fn map(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<RoleMapping> {
    let map = section.free_keys(findings, "map")?;
    let mut roles = BTreeMap::new();
    for value in map.keys() {
        roles.insert(value.to_owned(), map.strings_of(findings, value, Empty::Refused)?.value);
    }
    Some(RoleMapping::Map(roles))
}
