//! Step 2: which profiles the matched pg_hba.conf line permits.
//!
//! The token has no say here: the issuer of the line decides, or the profiles that the line names itself, which take the
//! issuer's place. What a profile serves is for `serving`, and which identities overlap is for `identity_overlap`; here is said what
//! was wrong.

use crate::config::{Config, DeniedProfile, FolderTrouble, Outline, Profile, suggest};
use crate::decision::{Denial, Request};
use crate::identity_overlap::{CURE, apart, cause};
use crate::reason::Reason;
use crate::serving::{Unserved, serves_issuer, unserved};
use crate::trace::printable;

/// The option of pg_hba.conf that names profiles, from PostgreSQL 19 on.
pub(crate) const HBA_PROFILE_OPTION: &str = "validator.profile";

/// The profiles that may serve a login.
pub(crate) struct Permitted<'a> {
    /// At least one.
    pub(crate) profiles: Vec<&'a Profile>,
    /// Those that would, if there were no error in their files.
    pub(crate) denied: Vec<&'a DeniedProfile>,
}

/// The profiles that may serve the login, at least one: those that the line names by validator.profile, otherwise those
/// that serve its issuer.
pub(crate) fn permitted<'a>(config: &'a Config, request: &Request) -> Result<Permitted<'a>, Denial> {
    if config.trusts_nobody() {
        let detail = format!("{} has no profile: it trusts nobody.", config.whole_name());
        let hint = "Write a profile for the issuer; \"oauth-validator init\" does so.";
        return Err(Denial::new(Reason::HbaIssuerUnknown, detail).with_hint(hint));
    }
    let meant = match &request.hba_profiles {
        Some(names) => named(names, config)?,
        None => Permitted {
            profiles: config.profiles().iter().filter(|one| serves_issuer(*one, &request.hba_issuer)).collect(),
            denied: config.denied().iter().filter(|one| serves_issuer(*one, &request.hba_issuer)).collect(),
        },
    };
    let profiles: Vec<&Profile> =
        meant.profiles.iter().copied().filter(|one| unserved(*one, request).is_none()).collect();
    let denied: Vec<&DeniedProfile> =
        meant.denied.into_iter().filter(|one| unserved(*one, request).is_none()).collect();
    if profiles.is_empty() {
        // A file with errors, or one that cannot be read, may have the profile that is missing.
        let trouble = || config.troubles().first().map(FolderTrouble::denial);
        let denial = denied.first().map(|denied| config.denial_of(denied)).or_else(trouble);
        return Err(denial.unwrap_or_else(|| nobody(config, request, &meant.profiles)));
    }
    if request.hba_profiles.is_some() {
        let outlines =
            profiles.iter().map(|one| Outline::from(*one)).chain(denied.iter().map(|one| Outline::from(*one)));
        check_identities_differ(&outlines.collect::<Vec<_>>())?;
    }
    Ok(Permitted { profiles, denied })
}

/// The names in a value of validator.profile: `corp`, or `corp,partner`.
pub(crate) fn profile_names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(|name| name.trim_matches(' '))
}

/// The profiles that have these names.
fn named<'a>(names: &str, config: &'a Config) -> Result<Permitted<'a>, Denial> {
    let denied = |what: String| {
        Denial::new(Reason::ProfileUnknown, format!("{HBA_PROFILE_OPTION} of the pg_hba.conf line {what}"))
    };
    let mut found = Permitted { profiles: Vec::new(), denied: Vec::new() };
    let mut seen: Vec<&str> = Vec::new();
    for name in profile_names(names) {
        if name.is_empty() {
            return Err(denied(format!("is \"{}\", which has an empty name in it.", printable(names))));
        }
        if seen.contains(&name) {
            return Err(denied(format!("names \"{name}\" twice.")));
        }
        seen.push(name);
        let profile = config.profiles().iter().find(|profile| profile.name == name);
        // Of two with one name both count, if one of them lets people in.
        let without = config.denied().iter().filter(|denied| denied.name() == name);
        let known = found.denied.len();
        found.denied.extend(without);
        match profile {
            Some(profile) => found.profiles.push(profile),
            None if found.denied.len() > known => {}
            None => return Err(unknown(name, config)),
        }
    }
    Ok(found)
}

/// The denial of a login by a line that names a profile that is not there.
fn unknown(name: &str, config: &Config) -> Denial {
    if let Some(trouble) = config.troubles().first() {
        return trouble.denial();
    }
    let valid: Vec<&str> = config.profiles().iter().map(|profile| profile.name.as_str()).collect();
    let (name, file, nearest) = (printable(name), config.whole_name(), suggest(name, &valid));
    let what = format!("names \"{name}\", which is no profile of {file}; {nearest}");
    Denial::new(Reason::ProfileUnknown, format!("{HBA_PROFILE_OPTION} of the pg_hba.conf line {what}"))
}

/// What `Config::parse` sees to for lines that have an issuer alone. All of `permitted` serve the login's database.
fn check_identities_differ(permitted: &[Outline<'_>]) -> Result<(), Denial> {
    let behind = |at: usize| permitted.iter().skip(at + 1);
    let mut pairs =
        permitted.iter().enumerate().flat_map(|(at, first)| behind(at).map(move |second| (*first, *second)));
    let Some((first, second)) = pairs.find(|(first, second)| first.name != second.name && !apart(*first, *second))
    else {
        return Ok(());
    };
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
    let first = meant.iter().find_map(|profile| Some((profile, unserved(*profile, request)?)));
    let Some((profile, why)) = first else {
        let file = config.whole_name();
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
