//! What becomes of the identities by a line: delegation, maps of pg_ident.conf, and lines that have neither.

use super::profiles::MeantProfiles;
use super::{Review, ServedLine, Spot};
use crate::config::{IdentityClaims, Origin, Profile};
use crate::finding::FindingCode;
use crate::identity_overlap::{CURE, Collision, cause, mistakable_in_a_map};
use crate::server_files::{HbaLine, IdentLine};
use std::collections::{BTreeMap, BTreeSet};
use std::ptr;
use std::rc::Rc;

impl Review<'_> {
    pub(super) fn mapping(&mut self, line: &HbaLine, meant: &MeantProfiles<'_>, maps: Option<&BTreeSet<&str>>) {
        if line.is_delegated() {
            let roleless = || meant.profiles.iter().copied().filter(|profile| profile.roles.is_none()).collect();
            let roleless = meant.roleless.get_or_init(roleless);
            let shown = self.count(FindingCode::DelegationUnconfigured, roleless.len());
            for profile in roleless.iter().take(shown) {
                let message =
                    format!("the line says delegate_ident_mapping=1, but profile \"{}\" has no [roles]", profile.name);
                let hint = format!(
                    "every login is denied with delegation_not_configured; write [profiles.{}.roles], or map=NAME in place of the option",
                    profile.name
                );
                let spot = Spot::At(line.option_place("delegate_ident_mapping").clone());
                self.show(FindingCode::DelegationUnconfigured, spot, message, hint);
            }
            return;
        }
        let Some(map) = line.map() else {
            let why = |profile: &Profile| no_role_name(profile);
            let nameless =
                || meant.profiles.iter().copied().filter_map(|profile| Some((profile, why(profile)?))).collect();
            let nameless = meant.nameless.get_or_init(nameless);
            let shown = self.count(FindingCode::MapMissing, nameless.len());
            for (profile, why) in nameless.iter().take(shown) {
                let message = format!(
                    "without map= the identity itself must be the role's name, and that of profile \"{}\" {why}",
                    profile.name
                );
                let hint = "add map=NAME, and to pg_ident.conf lines for it: NAME   IDENTITY   ROLE";
                self.show(FindingCode::MapMissing, Spot::At(line.place.clone()), message, hint);
            }
            return;
        };
        if maps.is_some_and(|maps| !maps.contains(map)) {
            let message = format!("pg_ident.conf has no line for the map \"{map}\", so that nobody can log in");
            let hint = format!("correct the name, or add to pg_ident.conf lines for it: {map}   IDENTITY   ROLE");
            self.at(FindingCode::MapUnknown, line.option_place("map"), message, hint);
        }
    }

    /// With one map, an identity of one provider is that of the other.
    pub(super) fn shared_maps<'p>(&mut self, served: &[ServedLine<'p>]) {
        let mut users: BTreeMap<&str, Vec<(&MeantProfiles<'p>, &HbaLine)>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (line, meant) in served.iter().filter(|(line, _)| !line.is_delegated()) {
            let Some(map) = line.map().filter(|map| seen.insert((*map, Rc::as_ptr(meant)))) else { continue };
            users.entry(map).or_default().push((meant.as_ref(), *line));
        }
        // Many maps have the same users, by a line each.
        let mut known: BTreeMap<Vec<*const MeantProfiles<'p>>, Users<'p>> = BTreeMap::new();
        for (map, lines) in users {
            let key = lines.iter().map(|(meant, _)| ptr::from_ref(*meant)).collect();
            let users = known.entry(key).or_insert_with(|| Users::of(lines.iter().map(|(meant, _)| *meant)));
            let shown = self.count(FindingCode::SharedMap, users.mistakable.len());
            for pair in users.mistakable.iter().take(shown) {
                let of = |at: usize| users.profiles.get(at);
                let Some(((first, _), (second, by))) = of(pair.earlier).zip(of(pair.later)) else { continue };
                let Some((_, line)) = lines.get(*by) else { continue };
                let message = format!(
                    "profiles \"{}\" and \"{}\" share the map \"{map}\", so that each provider can assert the other's identities",
                    first.name, second.name
                );
                let hint =
                    format!("{}; use a map for each of them, or {CURE}", cause(*first, *second).unwrap_or_default());
                self.show(FindingCode::SharedMap, Spot::At(line.option_place("map").clone()), message, hint);
            }
        }
    }

    pub(super) fn patterns(&mut self, lines: &[&HbaLine], ident: &[IdentLine]) {
        let used: BTreeSet<&str> = lines.iter().filter_map(|line| line.map()).collect();
        for mapping in ident.iter().filter(|mapping| used.contains(mapping.map.as_str())) {
            for name in [&mapping.identity, &mapping.role] {
                if let Some(why) = name.not_judged() {
                    self.not_judged(&name.place, &name.text, why);
                }
            }
        }
    }
}

/// The profiles that use a map, each with the number of the first line by which it does, and who of them can be mistaken.
struct Users<'a> {
    profiles: Vec<(&'a Profile, usize)>,
    mistakable: Vec<Collision<'a>>,
}

impl<'a> Users<'a> {
    fn of<'m>(lines: impl Iterator<Item = &'m MeantProfiles<'a>>) -> Self
    where
        'a: 'm,
    {
        let mut known = BTreeSet::new();
        let all = lines.enumerate().flat_map(|(by, meant)| meant.profiles.iter().map(move |profile| (*profile, by)));
        let profiles: Vec<_> = all.filter(|(profile, _)| known.insert(profile.name.as_str())).collect();
        let alone: Vec<&Profile> = profiles.iter().map(|(profile, _)| *profile).collect();
        Self { mistakable: mistakable_in_a_map(&alone), profiles }
    }
}

/// Why the identities of a profile are no names that roles have, as far as the profile says.
fn no_role_name(profile: &Profile) -> Option<String> {
    let identity = &profile.identity;
    if !identity.prefix.is_empty() {
        return Some(format!("begins with \"{}\"", identity.prefix));
    }
    if identity.pattern.is_some() {
        return None;
    }
    match &identity.claims.value {
        IdentityClaims::Format(_) => Some("is put together from several claims".to_owned()),
        IdentityClaims::One(claim) => match (claim.top_level_claim()?, identity.claims.origin) {
            ("email", _) => Some("is an email address".to_owned()),
            ("oid", _) => Some("is an object ID".to_owned()),
            // What `sub` is, RFC 9068 leaves to the provider.
            (_, Origin::Preset(preset)) if preset != "rfc9068" => {
                Some(format!("is an ID of the provider's (preset \"{preset}\": {claim})"))
            }
            _ => None,
        },
    }
}
