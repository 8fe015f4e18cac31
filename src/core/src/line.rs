//! Step 2: which profiles the matched pg_hba.conf line permits.
//!
//! The token has no say here. A profile serves the issuers its administrator named, and the well-known URLs that
//! follow from them; nothing is derived from the line, so that no spelling of a line can reach another profile. Profiles
//! that the line names itself take the place of its issuer.

use crate::config::{Config, Profile, mistakable_pairs, suggest};
use crate::decision::{Denial, Request};
use crate::reason::Reason;
use crate::trace::printable;

/// The option of pg_hba.conf that names profiles, from PostgreSQL 19 on.
pub(crate) const HBA_PROFILE_OPTION: &str = "validator.profile";

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

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
        None => serving(config, &request.hba_issuer),
    };
    let permitted: Vec<&Profile> = meant.iter().copied().filter(|profile| serves_database(profile, request)).collect();
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
    let Some((first, second)) = mistakable_pairs(permitted).next() else { return Ok(()) };
    let detail = format!(
        "Profiles \"{}\" and \"{}\" of {HBA_PROFILE_OPTION} may both serve this login, so their identities could be equal.",
        first.name, second.name
    );
    let hint = "Give each of them its own identity.prefix, name one of them only, or separate them by databases.";
    Err(Denial::new(Reason::ProfileAmbiguous, detail).with_hint(hint))
}

/// `meant` are those of the line, none of which serves the login.
fn nobody(config: &Config, request: &Request, meant: &[&Profile]) -> Denial {
    let issuer = &request.hba_issuer;
    let [profile, ..] = meant else {
        let file = config.file_name();
        let detail = format!("No profile of {file} serves the issuer of the pg_hba.conf line, \"{issuer}\".");
        return Denial::new(Reason::HbaIssuerUnknown, detail);
    };
    let (what, hint) = unserved(profile, request);
    let detail = match &request.hba_profiles {
        None => format!("Profile \"{}\" serves issuer \"{issuer}\", but not {what}.", profile.name),
        Some(names) => format!("No profile of {HBA_PROFILE_OPTION}, \"{}\", serves {what}.", printable(names)),
    };
    Denial::new(Reason::HbaIssuerUnknown, detail).with_hint(hint)
}

/// What `profile` does not serve, and what to do about it.
fn unserved(profile: &Profile, request: &Request) -> (&'static str, String) {
    let name = &profile.name;
    if request.replication && !profile.replication {
        ("replication connections", format!("If it is to serve them, write profiles.{name}.replication = true."))
    } else if request.database.is_empty() {
        let hint =
            format!("A profile with databases never does: remove profiles.{name}.databases, or use another profile.");
        ("physical replication", hint)
    } else {
        ("this database", format!("If it is to serve it, add the database to profiles.{name}.databases."))
    }
}

/// The profiles of which one of the `hba_issuers` is the line's issuer, or stands behind its well-known URL.
pub(crate) fn serving<'a>(config: &'a Config, hba_issuer: &str) -> Vec<&'a Profile> {
    let is_well_known = hba_issuer.contains("/.well-known/");
    let is_meant = |issuer: &String| {
        issuer == hba_issuer || (is_well_known && well_known(issuer).iter().any(|url| url == hba_issuer))
    };
    config.profiles().iter().filter(|profile| profile.hba_issuers().iter().any(is_meant)).collect()
}

/// Physical replication has no database: a profile that is limited to databases never serves it.
fn serves_database(profile: &Profile, request: &Request) -> bool {
    if request.replication && !profile.replication {
        return false;
    }
    match &profile.databases {
        None => true,
        Some(databases) => !request.database.is_empty() && databases.contains(&request.database),
    }
}

/// The well-known URLs of an issuer: OpenID Connect Discovery section 4 puts the suffix behind it, and RFC 8414
/// section 3.1 puts it between host and path. PostgreSQL keeps an issuer's trailing slash, and so makes a double one
/// (`generate_error_response` in auth-oauth.c).
fn well_known(issuer: &str) -> Vec<String> {
    let bare = issuer.trim_end_matches('/');
    let mut urls = vec![format!("{issuer}{OPENID}"), format!("{bare}{OPENID}")];
    let host_end = issuer.find("://").map_or(0, |scheme| scheme + 3);
    let path_at = issuer[host_end..].find('/').map_or(issuer.len(), |slash| host_end + slash);
    let (origin, path) = issuer.split_at(path_at);
    for name in [OPENID, OAUTH] {
        urls.push(format!("{origin}{name}{path}"));
        urls.push(format!("{origin}{name}{}", path.trim_end_matches('/')));
    }
    urls
}

#[cfg(test)]
mod tests {
    use super::well_known;

    #[test]
    fn all_spellings_of_the_well_known_url_follow_from_the_issuer() {
        let urls = well_known("https://idp.example/realms/corp");
        for url in [
            "https://idp.example/realms/corp/.well-known/openid-configuration",
            "https://idp.example/.well-known/openid-configuration/realms/corp",
            "https://idp.example/.well-known/oauth-authorization-server/realms/corp",
        ] {
            assert!(urls.iter().any(|known| known == url), "{url}");
        }
        let urls = well_known("https://corp.auth0.example/");
        for url in [
            "https://corp.auth0.example//.well-known/openid-configuration",
            "https://corp.auth0.example/.well-known/openid-configuration",
            "https://corp.auth0.example/.well-known/oauth-authorization-server",
            "https://corp.auth0.example/.well-known/oauth-authorization-server/",
        ] {
            assert!(urls.iter().any(|known| known == url), "{url}");
        }
    }

    #[test]
    fn well_known_urls_of_others_do_not() {
        let urls = well_known("https://idp.example/realms/corp");
        for url in [
            "https://idp.example/.well-known/openid-configuration",
            "https://idp.example/realms/other/.well-known/openid-configuration",
            "https://idp.example/realms/corp/.well-known/oauth-authorization-server",
            "https://idp.example.evil.example/realms/corp/.well-known/openid-configuration",
            "https://idp.example/realms/corp/.well-known/openid-configuration/",
        ] {
            assert!(urls.iter().all(|known| known != url), "{url}");
        }
    }
}
