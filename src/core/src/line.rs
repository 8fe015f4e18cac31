//! Step 2: which profiles the matched pg_hba.conf line permits.
//!
//! The token has no say here: the issuer of the line decides, or the profiles that the line names itself, which take the
//! issuer's place. What a profile serves is for `serving`, and which identities are apart for `apart`; here is said what
//! was wrong.

use crate::apart::{CURE, apart, cause};
use crate::config::{Config, Profile, suggest};
use crate::decision::{Denial, Request};
use crate::reason::Reason;
use crate::serving::{Unserved, serves_issuer, unserved};
use crate::trace::printable;

/// The option of pg_hba.conf that names profiles, from PostgreSQL 19 on.
pub(crate) const HBA_PROFILE_OPTION: &str = "validator.profile";

/// The profiles that may serve the login, at least one: those that the line names by validator.profile, otherwise those
/// that serve its issuer.
pub(crate) fn permitted<'a>(config: &'a Config, request: &Request) -> Result<Vec<&'a Profile>, Denial> {
    if config.profiles().is_empty() {
        let detail = format!("{} has no profile: it trusts nobody.", config.file_name());
        let hint = "Write a profile for the issuer; \"oauth-validator init\" does so.";
        return Err(Denial::new(Reason::HbaIssuerUnknown, detail).with_hint(hint));
    }
    let meant = match &request.hba_profiles {
        Some(names) => named(names, config)?,
        None => config.profiles().iter().filter(|profile| serves_issuer(profile, &request.hba_issuer)).collect(),
    };
    let permitted: Vec<&Profile> = meant.iter().copied().filter(|meant| unserved(meant, request).is_none()).collect();
    if permitted.is_empty() {
        return Err(nobody(config, request, &meant));
    }
    if request.hba_profiles.is_some() {
        told_apart(&permitted)?;
    }
    Ok(permitted)
}

/// The names in a value of validator.profile: `corp`, or `corp,partner`.
pub(crate) fn profile_names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(|name| name.trim_matches(' '))
}

/// The profiles that have these names.
fn named<'a>(names: &str, config: &'a Config) -> Result<Vec<&'a Profile>, Denial> {
    let denied = |what: String| {
        Denial::new(Reason::ProfileUnknown, format!("{HBA_PROFILE_OPTION} of the pg_hba.conf line {what}"))
    };
    let mut found: Vec<&Profile> = Vec::new();
    for name in profile_names(names) {
        if name.is_empty() {
            return Err(denied(format!("is \"{}\", which has an empty name in it.", printable(names))));
        }
        let Some(profile) = config.profiles().iter().find(|profile| profile.name == name) else {
            let valid: Vec<&str> = config.profiles().iter().map(|profile| profile.name.as_str()).collect();
            let (name, file, nearest) = (printable(name), config.file_name(), suggest(name, &valid));
            return Err(denied(format!("names \"{name}\", which is no profile of {file}; {nearest}")));
        };
        if found.iter().any(|earlier| earlier.name == name) {
            return Err(denied(format!("names \"{name}\" twice.")));
        }
        found.push(profile);
    }
    Ok(found)
}

/// What `Config::parse` sees to for lines that have an issuer alone. All of `permitted` serve the login's database.
fn told_apart(permitted: &[&Profile]) -> Result<(), Denial> {
    let behind = |at: usize| permitted.iter().skip(at + 1);
    let mut pairs =
        permitted.iter().enumerate().flat_map(|(at, first)| behind(at).map(move |second| (*first, *second)));
    let Some((first, second)) = pairs.find(|(first, second)| !apart(first, second)) else { return Ok(()) };
    let detail = format!(
        "Profiles \"{}\" and \"{}\" of {HBA_PROFILE_OPTION} may both serve this login, and their identities could be equal: {}.",
        first.name,
        second.name,
        cause(first, second).unwrap_or_default()
    );
    let hint = format!("Name one of the two only, or separate them by databases; or {CURE}.");
    Err(Denial::new(Reason::ProfileAmbiguous, detail).with_hint(hint))
}

/// `meant` are those of the line, none of which serves the login.
fn nobody(config: &Config, request: &Request, meant: &[&Profile]) -> Denial {
    let issuer = &request.hba_issuer;
    let first = meant.iter().find_map(|profile| Some((profile, unserved(profile, request)?)));
    let Some((profile, why)) = first else {
        let file = config.file_name();
        let detail = format!("No profile of {file} serves the issuer of the pg_hba.conf line, \"{issuer}\".");
        return Denial::new(Reason::HbaIssuerUnknown, detail);
    };
    let (what, hint) = words(profile, why);
    let detail = match &request.hba_profiles {
        None => format!("Profile \"{}\" serves issuer \"{issuer}\", but not {what}.", profile.name),
        Some(names) => format!("No profile of {HBA_PROFILE_OPTION}, \"{}\", serves {what}.", printable(names)),
    };
    Denial::new(Reason::HbaIssuerUnknown, detail).with_hint(hint)
}

/// What `profile` does not serve, and what to do about it.
fn words(profile: &Profile, why: Unserved) -> (&'static str, String) {
    let name = &profile.name;
    match why {
        Unserved::Replication => {
            ("replication connections", format!("If it is to serve them, write profiles.{name}.replication = true."))
        }
        Unserved::PhysicalReplication => (
            "physical replication",
            format!("A profile with databases never does: remove profiles.{name}.databases, or use another profile."),
        ),
        Unserved::Database => {
            ("this database", format!("If it is to serve it, add the database to profiles.{name}.databases."))
        }
    }
}
