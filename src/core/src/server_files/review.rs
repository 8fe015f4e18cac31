//! What is wrong or doubtful about the server's files together with the configuration.
//!
//! Looks at OAuth lines of this validator alone: other methods are not its business. What decides about a token is the
//! decision's own: which profiles a line permits is asked of the same function (`line.rs`).

use super::hba::{Connection, HbaLine};
use super::ident::IdentLine;
use super::settings::{LIBRARY, Settings};
use super::{Place, Source, place_in};
use crate::config::{Config, IdentityClaims, Origin, Profile, mistakable_pairs, suggest};
use crate::finding::FindingCode;
use crate::line::{HBA_PROFILE_OPTION, profile_names, serving};
use std::collections::{BTreeMap, BTreeSet};

/// Where a finding is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// In one of the server's files.
    At(Place),
    /// About one of the server's files as a whole: its index.
    File(usize),
    /// At the table of this profile in the configuration.
    Profile(String),
}

/// One thing that is wrong or doubtful.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFinding {
    /// The kind.
    pub code: FindingCode,
    /// Where.
    pub spot: Spot,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// A line, and the profiles that it permits.
type ServedLine<'a> = (&'a HbaLine, Vec<&'a Profile>);

/// Everything that was read, to be judged together.
struct Review<'a> {
    config: &'a Config,
    sources: &'a [Source],
    found: Vec<ServerFinding>,
}

/// Judges the lines that the server takes. `ident` and `settings` are absent where these files were not read.
#[must_use]
pub fn review(
    config: &Config,
    sources: &[Source],
    hba: &[HbaLine],
    ident: Option<&[IdentLine]>,
    settings: Option<(&Settings, usize)>,
) -> Vec<ServerFinding> {
    let mut review = Review { config, sources, found: Vec::new() };
    if let Some((settings, source)) = settings {
        review.library(settings, source);
    }
    let mut own = Vec::new();
    for line in hba.iter().filter(|line| line.is_oauth()) {
        match line.other_validator() {
            Some(library) => review.of_another(line, library),
            None => own.push(line),
        }
    }
    let mut served = Vec::with_capacity(own.len());
    for line in &own {
        let profiles = review.served(line);
        review.connection(line, settings.map(|(settings, _)| settings));
        review.mapping(line, &profiles, ident);
        review.names(line);
        review.shadowed(line, hba);
        served.push((*line, profiles));
    }
    review.unreached(&served);
    review.shared_maps(&served);
    if let Some(ident) = ident {
        review.patterns(&own, ident);
    }
    review.found
}

impl<'a> Review<'a> {
    fn add(&mut self, code: FindingCode, spot: Spot, message: String, hint: impl Into<String>) {
        self.found.push(ServerFinding { code, spot, message, hint: hint.into() });
    }

    fn at(&mut self, code: FindingCode, place: &Place, message: String, hint: impl Into<String>) {
        self.add(code, Spot::At(place.clone()), message, hint);
    }

    fn library(&mut self, settings: &Settings, source: usize) {
        if settings.names_module() {
            return;
        }
        let libraries = settings.libraries();
        let setting = settings.get("oauth_validator_libraries");
        let spot = setting.map_or(Spot::File(source), |setting| Spot::At(setting.place.clone()));
        let message = match (&libraries, setting) {
            (None, _) => "oauth_validator_libraries is not a list of names".to_owned(),
            (_, None) => "oauth_validator_libraries is not set, so that no OAuth login is possible".to_owned(),
            _ => format!("oauth_validator_libraries does not name {LIBRARY}"),
        };
        let hint = match libraries.filter(|libraries| !libraries.is_empty()) {
            Some(others) => format!(
                "add it, as in '{}, {LIBRARY}', and reload the server; an OAuth line then says validator={LIBRARY}",
                others.join(", ")
            ),
            None => format!("set oauth_validator_libraries = '{LIBRARY}', and reload the server"),
        };
        self.add(FindingCode::LibraryMissing, spot, message, hint);
    }

    fn of_another(&mut self, line: &HbaLine, library: &str) {
        let message = format!("the line is for another validator, \"{library}\", and was not judged");
        let hint = format!("if it is meant for {LIBRARY}, say so: validator={LIBRARY}");
        self.at(FindingCode::OtherValidator, line.option_place("validator"), message, hint);
    }

    /// The profiles that a line permits.
    fn profiles(&self, line: &HbaLine) -> Vec<&'a Profile> {
        let is_named = |names, profile: &&Profile| profile_names(names).any(|name| name == profile.name);
        match line.profiles() {
            None => serving(self.config, line.issuer()),
            Some(names) => self.config.profiles().iter().filter(|profile| is_named(names, profile)).collect(),
        }
    }

    /// The same, with what is wrong about it.
    fn served(&mut self, line: &HbaLine) -> Vec<&'a Profile> {
        let profiles = self.profiles(line);
        if let Some(names) = line.profiles() {
            self.named(line, names, &profiles);
        } else if profiles.is_empty() {
            let issuers = self.config.profiles().iter().flat_map(|profile| profile.hba_issuers());
            let message = format!("no profile serves the issuer \"{}\"", line.issuer());
            let issuers: Vec<&str> = issuers.map(String::as_str).collect();
            let remedy = match issuers.as_slice() {
                [] => "write a profile for it: \"oauth-validator init\"".to_owned(),
                issuers => format!("write a profile for it, or an issuer that one serves: {}", issuers.join(", ")),
            };
            let hint = format!("every login by this line is denied with hba_issuer_unknown; {remedy}");
            self.at(FindingCode::IssuerUnserved, line.option_place("issuer"), message, hint);
        }
        profiles
    }

    /// What is wrong with the profiles that a line names, as `crate::line` denies its logins for.
    fn named(&mut self, line: &HbaLine, names: &str, profiles: &[&Profile]) {
        let place = line.option_place(HBA_PROFILE_OPTION);
        let valid: Vec<&str> = self.config.profiles().iter().map(|profile| &*profile.name).collect();
        let mut seen = Vec::new();
        for name in profile_names(names) {
            let (message, remedy) = if !valid.contains(&name) {
                let nearest = if valid.is_empty() { "it has none".to_owned() } else { suggest(name, &valid) };
                (format!("the configuration has no profile \"{name}\""), nearest)
            } else if seen.contains(&name) {
                (format!("the line names profile \"{name}\" twice"), "name it once".to_owned())
            } else {
                seen.push(name);
                continue;
            };
            let hint = format!("every login by this line is denied with profile_unknown; {remedy}");
            self.at(FindingCode::UnknownProfile, place, message, hint);
        }
        for (first, second) in mistakable_pairs(profiles) {
            let (first, second) = (&first.name, &second.name);
            let message =
                format!("profiles \"{first}\" and \"{second}\" serve this line, so their identities can be equal");
            let hint = "every login by this line is denied with profile_ambiguous; give each of them its own \
                        identity.prefix, or name one of them only";
            self.at(FindingCode::SharedLine, place, message, hint);
        }
    }

    fn connection(&mut self, line: &HbaLine, settings: Option<&Settings>) {
        let loopback = line.address.as_ref().is_some_and(super::Address::is_loopback);
        match line.connection {
            Connection::Host | Connection::HostNoSsl | Connection::HostNoGssEnc => {
                if !loopback {
                    let word = line.connection.keyword();
                    let message = format!(
                        "{word} takes connections without TLS, on which everybody on the way can read the token"
                    );
                    self.at(FindingCode::TokenInClear, &line.connection_place, message, "write hostssl in its place");
                }
            }
            Connection::HostSsl => {
                let known = self.found.iter().any(|finding| finding.code == FindingCode::TlsOff);
                if !known && settings.is_some_and(|settings| !settings.has_tls()) {
                    let message = "hostssl lines take no connection, because ssl is off".to_owned();
                    let hint = "set ssl = on in postgresql.conf, with a certificate";
                    self.at(FindingCode::TlsOff, &line.connection_place, message, hint);
                }
            }
            Connection::Local | Connection::HostGssEnc => {}
        }
    }

    fn mapping(&mut self, line: &HbaLine, profiles: &[&Profile], ident: Option<&[IdentLine]>) {
        if line.is_delegated() {
            for profile in profiles.iter().filter(|profile| profile.roles.is_none()) {
                let message =
                    format!("the line says delegate_ident_mapping=1, but profile \"{}\" has no [roles]", profile.name);
                let hint = format!(
                    "every login is denied with delegation_not_configured; write [profiles.{}.roles], or map=NAME in place of the option",
                    profile.name
                );
                self.at(
                    FindingCode::DelegationUnconfigured,
                    line.option_place("delegate_ident_mapping"),
                    message,
                    hint,
                );
            }
            return;
        }
        let Some(map) = line.map() else {
            for profile in profiles {
                let Some(why) = no_role_name(profile) else { continue };
                let message = format!(
                    "without map= the identity itself must be the role's name, and that of profile \"{}\" {why}",
                    profile.name
                );
                let hint = "add map=NAME, and to pg_ident.conf lines for it: NAME   IDENTITY   ROLE";
                self.at(FindingCode::MapMissing, &line.place, message, hint);
            }
            return;
        };
        if ident.is_some_and(|ident| ident.iter().all(|line| line.map != map)) {
            let message = format!("pg_ident.conf has no line for the map \"{map}\", so that nobody can log in");
            let hint = format!("correct the name, or add to pg_ident.conf lines for it: {map}   IDENTITY   ROLE");
            self.at(FindingCode::MapUnknown, line.option_place("map"), message, hint);
        }
    }

    fn names(&mut self, line: &HbaLine) {
        for name in line.databases.iter().chain(&line.roles) {
            if let Some(why) = name.not_judged() {
                self.not_judged(&name.place, &name.text, why);
            }
        }
    }

    fn not_judged(&mut self, place: &Place, text: &str, why: &str) {
        let hint = "the server's own view shows whether it takes the line: pg_hba_file_rules, pg_ident_file_mappings";
        self.at(FindingCode::NotJudged, place, format!("{text} has {why}"), hint);
    }

    fn shadowed(&mut self, line: &HbaLine, all: &[HbaLine]) {
        let earlier = all.iter().take_while(|other| other.place != line.place).find(|other| other.covers(line));
        if let Some(earlier) = earlier {
            let place = place_in(self.sources, &earlier.place);
            let message = format!("the line is never reached: {place} ({}) takes all its connections", earlier.method);
            self.at(FindingCode::ShadowedLine, &line.place, message, "move it before that line, or remove one of them");
        }
    }

    fn unreached(&mut self, served: &[ServedLine<'_>]) {
        let reached: BTreeSet<&str> =
            served.iter().flat_map(|(_, profiles)| profiles).map(|profile| profile.name.as_str()).collect();
        for profile in self.config.profiles().iter().filter(|profile| !reached.contains(profile.name.as_str())) {
            let message = format!("no line of pg_hba.conf reaches profile \"{}\"", profile.name);
            let issuer = profile.hba_issuers().first().map_or("", String::as_str);
            let hint =
                format!("add a line for it, with the method oauth and issuer=\"{issuer}\"; or remove the profile");
            self.add(FindingCode::ProfileUnreached, Spot::Profile(profile.name.clone()), message, hint);
        }
    }

    /// With one map, an identity of one provider is that of the other.
    fn shared_maps(&mut self, served: &[ServedLine<'_>]) {
        let mut users: BTreeMap<String, Vec<&Profile>> = BTreeMap::new();
        for (line, profiles) in served.iter().filter(|(line, _)| !line.is_delegated()) {
            let Some(map) = line.map() else { continue };
            for profile in profiles {
                let known = users.entry(map.to_owned()).or_default();
                if known.iter().any(|other| other.name == profile.name) {
                    continue;
                }
                for other in known.iter().filter(|other| !apart(profile, other)) {
                    let message = format!(
                        "profiles \"{}\" and \"{}\" share the map \"{map}\", so that each provider can assert the other's \
                         identities",
                        other.name, profile.name
                    );
                    let hint = "use a map for each of them, or give each its own identity.prefix";
                    self.at(FindingCode::SharedMap, line.option_place("map"), message, hint);
                }
                known.push(profile);
            }
        }
    }

    fn patterns(&mut self, lines: &[&HbaLine], ident: &[IdentLine]) {
        for mapping in ident.iter().filter(|mapping| lines.iter().any(|line| line.map() == Some(&mapping.map))) {
            for name in [&mapping.identity, &mapping.role] {
                if let Some(why) = name.not_judged() {
                    self.not_judged(&name.place, &name.text, why);
                }
            }
        }
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

/// Whether no identity of one profile can be one of the other: an identity that begins with the prefix of another profile
/// is refused, but one by a fallback is not looked at again.
fn apart(a: &Profile, b: &Profile) -> bool {
    let begins = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
    let fallback = |profile: &Profile| profile.identity.fallback.as_ref().map(|fallback| fallback.prefix.clone());
    let fallbacks_apart = |one: &Profile, other: &Profile| {
        let others =
            fallback(other).into_iter().chain(Some(other.identity.prefix.clone()).filter(|own| !own.is_empty()));
        fallback(one).is_none_or(|own| others.into_iter().all(|prefix| !begins(&own, &prefix)))
    };
    a.identity.prefix != b.identity.prefix && fallbacks_apart(a, b) && fallbacks_apart(b, a)
}
