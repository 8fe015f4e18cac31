//! Maps by which a provider can make somebody the superuser: an expression takes the role's name from the identity.
//!
//! The one superuser whose name is known beforehand is the first one. Looks at what an expression can give, and not at
//! roles that are written out: these are the administrator's own words. Must never warn where a line of pg_hba.conf keeps
//! the superuser out, since that is what it says to write.

use super::Review;
use super::earlier::EarlierLines;
use crate::finding::FindingCode;
use crate::server_files::hba::{ConnectionType, HbaLine};
use crate::server_files::ident::IdentLine;
use crate::server_files::{names, pattern};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The superuser that initdb makes on most systems.
const SUPERUSER: &str = "postgres";

impl Review<'_> {
    /// Expressions in the maps of these lines that can give the superuser's name. `all` is pg_hba.conf.
    pub(super) fn superusers(&mut self, lines: &[&HbaLine], all: &EarlierLines<'_>, ident: &[IdentLine]) {
        // The first line by which each map can make somebody the superuser.
        let mut open: HashMap<&str, &HbaLine> = HashMap::new();
        for line in lines.iter().filter(|line| !line.is_delegated()) {
            if let Some(Entry::Vacant(vacant)) = line.map().map(|map| open.entry(map))
                && can_be_taken(line, all, SUPERUSER)
            {
                vacant.insert(line);
            }
        }
        for mapping in ident.iter().filter(|mapping| can_give(mapping, SUPERUSER)) {
            let Some(line) = open.get(mapping.map.as_str()) else { continue };
            let role = &mapping.role.text;
            let message =
                format!("the map can make an identity \"{SUPERUSER}\", the superuser: {role} takes that name too");
            let before = match line.connection {
                // Who administers the server has to get in somewhere.
                ConnectionType::Local => format!("local all {SUPERUSER} peer"),
                tcp => format!("{} all {SUPERUSER} all reject", tcp.keyword()),
            };
            let hint = format!(
                "whoever gets such a name from the provider is superuser: write \"{before}\" before the line of pg_hba.conf \
                 that has this map, or an expression that such a name does not match"
            );
            self.at(FindingCode::SuperuserByMap, &mapping.role.place, message, hint);
        }
    }
}

/// Whether a line of pg_ident.conf can give this role to identities that nobody has named.
fn can_give(mapping: &IdentLine, role: &str) -> bool {
    if !matches!(mapping.identity.pattern(), Some(Ok(_))) {
        return false;
    }
    if mapping.role.is_keyword("all") {
        return true;
    }
    match mapping.role.pattern() {
        Some(Ok(expression)) => expression.is_match(role),
        Some(Err(_)) => false,
        None => {
            mapping.is_substituted() && {
                let (before, behind) = mapping.role.text.split_once("\\1").unwrap_or_default();
                let wanted = role.strip_prefix(before).and_then(|rest| rest.strip_suffix(behind));
                wanted.is_some_and(|wanted| pattern::first_group_matches(mapping.identity.expression(), wanted))
            }
        }
    }
}

/// Whether a connection of this role can be by the line: its roles have it, and no earlier line takes all of them.
fn can_be_taken(line: &HbaLine, all: &EarlierLines<'_>, role: &str) -> bool {
    use names::FileMatch::Yes;
    let taken = |other: &HbaLine| names::roles_fit(&other.roles, role) == Yes;
    names::roles_fit(&line.roles, role) == Yes && !all.is_covered_but_for_roles(line, taken)
}
