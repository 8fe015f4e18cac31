//! Reads `[roles]`: which roles a token grants where pg_hba.conf leaves the mapping to the validator.
//!
//! A profile's own table takes the place of a preset's as a whole. Must never let the roles come back so that the preset never
//! grants.

use super::collect::Findings;
use super::layer::Layer;
use super::profile::{At, MappedRoles, RoleMapping, RoleSource, Roles};
use super::rules;
use super::section::Section;
use super::settings::{profile, role_map, roles as rows};
use super::typed::Empty;
use crate::finding::FindingCode;
use std::collections::BTreeMap;

/// The roles of a profile, if it has any.
pub(super) fn roles(findings: &mut Findings<'_>, section: &Section<'_>) -> Option<Roles> {
    let replaced = section.replaced("roles");
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
    let allow = section.strings(findings, &rows::ALLOW);
    let deny = section.strings(findings, &rows::DENY).unwrap_or_else(|| At::built_in(Vec::new()));
    if let Some(role) = allow.iter().flat_map(|allow| &allow.value).find(|role| deny.value.contains(role)) {
        let message = format!("{} and deny both hold \"{role}\"", section.name("allow"));
        findings
            .add(FindingCode::Conflict, section.span_of("deny"), message)
            .hint("what deny holds is never granted: take it out of one of the two");
    }
    if let Some(preset) = replaced {
        never_granted(findings, &section, &preset, &deny.value);
    }
    let origin = section.own_origin(findings);
    let (source, mapping) = (source?, mapping?);
    Some(Roles { source, separator, pattern, mapping, privileged_allowed: privileged, allow, deny, origin })
}

/// Whether `deny` has all that the preset's has.
fn never_granted(findings: &mut Findings<'_>, section: &Section<'_>, preset: &Layer<'_>, deny: &[String]) {
    let lost = preset.strings_below("roles", "deny").into_iter().find(|role| !deny.iter().any(|own| own == role));
    if let Some(role) = lost {
        let (name, table) = (preset.name(), &section.path);
        let message = format!("{table}.deny lacks \"{role}\", which preset \"{name}\" never grants");
        findings.add(FindingCode::Conflict, section.span_of("deny"), message).hint(format!(
            "the table takes the place of that of the preset as a whole: write \"{role}\" into deny here as well; {}",
            preset.look()
        ));
    }
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
        roles.insert(value.to_owned(), mapped(findings, &map, value)?);
    }
    Some(RoleMapping::Map(roles))
}

/// A list of roles, or a table of them with rules.
fn mapped(findings: &mut Findings<'_>, map: &Section<'_>, value: &str) -> Option<MappedRoles> {
    if !map.get(value).is_some_and(|value| value.get_ref().is_table()) {
        return Some(MappedRoles {
            roles: map.strings_of(findings, value, Empty::Refused)?.value,
            require: Vec::new(),
        });
    }
    let entry = map.section(findings, value, role_map::ROLES.table)?;
    if entry.get("roles").is_none() {
        entry.missing(
            findings,
            "roles",
            "write { roles = [\"app_admin\"], require = [{ claim = \"$.acr\", equals = \"...\" }] }",
        );
    }
    let roles = entry.strings(findings, &role_map::ROLES);
    let sections = entry.sections(findings, "require", rules::RULES);
    for section in sections.iter().filter(|section| section.get("report_only").is_some()) {
        let message = format!("a rule of {} cannot have report_only", entry.path);
        findings
            .add(FindingCode::Conflict, section.span_of("report_only"), message)
            .hint("without the rule, the value would grant these roles to everybody who has it; remove report_only");
    }
    let require = sections.iter().filter_map(|section| rules::rule(findings, section)).collect();
    Some(MappedRoles { roles: roles?.value, require })
}
