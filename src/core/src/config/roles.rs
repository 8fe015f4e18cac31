//! Reads `[roles]`: which roles a token grants where pg_hba.conf leaves the mapping to the validator.

use super::collect::Findings;
use super::profile::{RoleMapping, Roles};
use super::section::Section;
use super::typed::Empty;
use crate::finding::FindingCode;
use std::collections::BTreeMap;

/// The roles of a profile, if it has any.
pub(super) fn roles(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<Roles> {
    let section = section.section(findings, "roles", "profiles.*.roles")?;
    if section.get("claim").is_none() {
        section.missing(findings, "claim", "write claim = \"$.roles[*]\"");
    }
    let claim = section.path(findings, "claim");
    let privileged = section.word(findings, "privileged", &[("deny", false), ("allow", true)]).unwrap_or(false);
    if privileged {
        let message = format!("{} lets tokens grant superuser and other privileged roles", section.path);
        findings
            .add(FindingCode::PrivilegedRoles, section.span_of("privileged"), message)
            .hint("whoever administers roles at the provider then owns the server; remove it unless that is meant");
    }
    let mapping = mapping(findings, &section);
    let origin = section.own_origin(findings);
    Some(Roles { claim: claim?.value, mapping: mapping?, privileged_allowed: privileged, origin })
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
        roles.insert(value.to_owned(), map.strings(findings, value, Empty::Refused)?.value);
    }
    Some(RoleMapping::Map(roles))
}
