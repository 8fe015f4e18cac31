//! Step 11: delegation. With `delegate_ident_mapping=1` the server compares nothing more: what is granted here is
//! the login.
//!
//! The role asked for must follow from the token, whole and byte for byte; what the mapping does not cover grants
//! nothing. A privileged role needs the administrator's word besides.

use crate::claim_path::{ClaimPath, ListPath, Unsearchable, type_name};
use crate::claims::Accepted;
use crate::config::{Config, Profile, RoleMapping, RoleSource, Roles, Rule};
use crate::decision::{Denial, Privileges};
use crate::overage;
use crate::reason::Reason;
use crate::rules;
use crate::trace::Trace;
use serde_json::Value;

/// Whether the token grants `role`.
pub(crate) fn check(
    accepted: &Accepted,
    config: &Config,
    profile: &Profile,
    role: &str,
    trace: &mut Trace,
) -> Result<(), Denial> {
    let Some(roles) = &profile.roles else {
        let detail = "The pg_hba.conf line says delegate_ident_mapping=1, but the profile has no [roles] table.";
        return Err(Denial::new(Reason::DelegationNotConfigured, detail));
    };
    let claims = accepted.claims();
    let reader = RoleReader { roles, place: config.place(roles.origin) };
    let values = match &roles.source {
        RoleSource::Values(path) => reader.values(path, claims, trace)?,
        RoleSource::Names(path) => reader.names(path, claims, trace)?,
    };
    let (mut granted, mut withheld) = (false, None);
    for value in &values {
        let Some(value) = reader.role_value(value)? else { continue };
        match grants(roles, value, role) {
            None => {}
            Some(require) => match rules::first_failure(require, claims, config, trace) {
                None => granted = true,
                Some(denial) => withheld = Some(denial),
            },
        }
    }
    match (granted, withheld) {
        (true, _) => listed(roles, role, config),
        (false, Some(denial)) => Err(reader.withheld(denial)),
        (false, None) => Err(reader.not_granted(claims, values.is_empty())),
    }
}

/// Whether the lists of roles let the role be granted.
fn listed(roles: &Roles, role: &str, config: &Config) -> Result<(), Denial> {
    let denied = |origin, what: &str| {
        let detail = format!("The token grants the role asked for, but {} {what}.", config.place(origin));
        Err(Denial::new(Reason::RoleDenied, detail))
    };
    match &roles.allow {
        _ if roles.deny.value.iter().any(|name| name == role) => denied(roles.deny.origin, "denies it"),
        Some(allow) if !allow.value.iter().any(|name| name == role) => denied(allow.origin, "does not allow it"),
        _ => Ok(()),
    }
}

/// Reads the values that may grant roles. One that cannot be read denies, whatever the others grant.
struct RoleReader<'r> {
    roles: &'r Roles,
    place: String,
}

impl<'r> RoleReader<'r> {
    fn path(&self) -> &'r ClaimPath {
        match &self.roles.source {
            RoleSource::Values(path) | RoleSource::Names(path) => path,
        }
    }

    /// The elements of lists. Only a text is split: what an array separates is whole.
    fn values<'v>(&self, path: &ClaimPath, claims: &'v Value, trace: &mut Trace) -> Result<Vec<&'v str>, Denial> {
        let lists = path.lists(claims).map_err(|why| self.unsearchable(why))?;
        let mut values = Vec::new();
        for value in lists.iter().flat_map(ListPath::facts) {
            trace.fact(path, value);
        }
        for list in &lists {
            if let (Some(separator), Value::String(text)) = (&self.roles.separator, list.node) {
                values.extend(text.split(separator.as_str()));
                continue;
            }
            let Some(elements) = list.elements().filter(|_| !list.is_whole_array()) else {
                return Err(self.no_list(list.node));
            };
            for element in elements {
                match element {
                    Value::String(text) => values.push(text.as_str()),
                    _ => return Err(self.wrong_type("not a string")),
                }
            }
        }
        Ok(values)
    }

    /// The names of members. What is null, false or empty is as good as not there.
    fn names<'v>(&self, path: &ClaimPath, claims: &'v Value, trace: &mut Trace) -> Result<Vec<&'v str>, Denial> {
        let mut names = Vec::new();
        for node in path.select(claims).map_err(|why| self.unsearchable(why))? {
            trace.fact(path, node);
            let Value::Object(members) = node else {
                let denial = self.selects(node, "an object");
                return Err(match node {
                    Value::Array(_) | Value::String(_) => denial.with_hint(format!(
                        "If its values are the roles, write claim = \"{path}\" instead of names_of."
                    )),
                    _ => denial,
                });
            };
            names.extend(members.iter().filter(|(_, member)| counts(member)).map(|(name, _)| name.as_str()));
        }
        Ok(names)
    }

    /// What of a value is mapped; `None` of one that the pattern does not match.
    fn role_value<'v>(&self, value: &'v str) -> Result<Option<&'v str>, Denial> {
        let taken_apart = self.roles.separator.is_some() || self.roles.pattern.is_some();
        let value = match &self.roles.pattern {
            None => Some(value),
            Some(pattern) => match (pattern.value.captures(value), pattern.value.capture_names().flatten().next()) {
                (None, _) if value.is_empty() => Some(value),
                (None, _) => None,
                (Some(_), None) => Some(value),
                (Some(captures), Some(group)) => Some(captures.name(group).map_or("", |group| group.as_str())),
            },
        };
        match value {
            Some("") if taken_apart => Err(self.wrong_type("empty")),
            value => Ok(value),
        }
    }

    fn selects(&self, node: &Value, wanted: &str) -> Denial {
        let (path, place, found) = (self.path(), &self.place, type_name(node));
        Denial::new(Reason::ClaimType, format!("{path} of {place} selects {found} in the token, not {wanted}."))
    }

    fn wrong_type(&self, what: &str) -> Denial {
        let detail = format!("A value that {} of {} selects in the token is {what}.", self.path(), self.place);
        Denial::new(Reason::ClaimType, detail)
    }

    fn no_list(&self, node: &Value) -> Denial {
        let denial = self.selects(node, "strings");
        match node {
            Value::Array(_) => {
                denial.with_hint(format!("Write claim = \"{}[*]\" for the elements of the array.", self.path()))
            }
            Value::Object(_) => denial.with_hint(format!(
                "If the names of its members are the roles, write names_of = \"{}\" instead of claim.",
                self.path()
            )),
            _ => denial,
        }
    }

    fn unsearchable(&self, why: Unsearchable) -> Denial {
        let detail = format!("{} of {} is not looked at: {why}.", self.path(), self.place);
        Denial::new(Reason::ClaimType, detail).with_hint(Unsearchable::HINT)
    }

    /// Whether the values may all be in one text, which nothing takes apart.
    fn holds_one_text(&self, claims: &Value) -> bool {
        let RoleSource::Values(path) = &self.roles.source else { return false };
        let several = |list: &ListPath<'_>| list.node.as_str().is_some_and(|text| text.contains([' ', ',', ';']));
        self.roles.separator.is_none() && path.lists(claims).is_ok_and(|lists| lists.iter().any(several))
    }

    /// A value grants the role, but its rules do not hold.
    fn withheld(&self, denial: Denial) -> Denial {
        let path = self.path();
        let detail =
            format!("A value of the token's {path} grants the role asked for only where rules hold. {}", denial.detail);
        Denial { detail, ..denial }
    }

    fn not_granted(&self, claims: &Value, nothing: bool) -> Denial {
        let (path, place) = (self.path(), &self.place);
        if nothing && overage::leaves_out(claims, path) {
            return Denial::new(Reason::GroupsOverage, overage::detail(path));
        }
        if !nothing {
            let detail = format!("No value of the token's {path} grants the role asked for, as {place} maps them.");
            let denial = Denial::new(Reason::RoleNotGranted, detail);
            return match self.holds_one_text(claims) {
                true => denial.with_hint(
                    "The claim is one text. If it holds several values, roles.separator says what is between them.",
                ),
                false => denial,
            };
        }
        let Some(miss) = path.miss(claims) else {
            let detail = format!("{path} of {place} finds no value in the token, so it grants no role.");
            return Denial::new(Reason::RoleNotGranted, detail);
        };
        let denial = Denial::new(Reason::RoleNotGranted, format!("{path} of {place} finds no value: {}.", miss.said));
        match miss.hint {
            Some(hint) => denial.with_hint(hint),
            None => denial,
        }
    }
}

/// Whether a member counts whose name is a role.
fn counts(member: &Value) -> bool {
    match member {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Bool(true) | Value::Number(_) => true,
    }
}

/// The rules under which a value grants the role; `None` if it does not grant it at all.
fn grants<'r>(roles: &'r Roles, value: &str, role: &str) -> Option<&'r [Rule]> {
    let grants = match &roles.mapping {
        RoleMapping::Map(map) => {
            let mapped = map.get(value)?;
            return mapped.roles.iter().any(|name| name == role).then_some(&mapped.require);
        }
        RoleMapping::Prefix(prefix) => value.strip_prefix(prefix.as_str()).is_some_and(|name| name == role),
        RoleMapping::Exact => value == role,
    };
    grants.then_some(&[])
}

/// Whether somebody has to look up what a role can become, before it is granted.
pub(crate) fn needs_privileges(roles: &Roles) -> bool {
    !roles.privileged_allowed || !roles.deny.value.is_empty()
}

/// Whether a role that can become all this is an ordinary one, and none of those that are denied.
pub(crate) fn check_privileges(privileges: &Privileges, roles: &Roles, config: &Config) -> Result<(), Denial> {
    let denied = |name: &&str| roles.deny.value.iter().any(|denied| denied == name);
    if let Some(name) = privileges.reached.iter().map(|role| role.name.as_str()).find(denied) {
        let place = config.place(roles.deny.origin);
        let detail = format!("The role asked for is \"{name}\", or can become it, which {place} denies.");
        return Err(Denial::new(Reason::RoleDenied, detail));
    }
    match privileges.of().filter(|_| !roles.privileged_allowed) {
        None => Ok(()),
        Some(what) => {
            let detail = format!("The role asked for {what}, and the profile says privileged = \"deny\".");
            Err(Denial::new(Reason::RolePrivileged, detail))
        }
    }
}
