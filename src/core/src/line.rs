//! Step 2: which profiles the matched pg_hba.conf line permits.
//!
//! The token has no say here. A profile serves the issuers its administrator named, and the well-known URLs that
//! follow from them; nothing is derived from the line, so that no spelling of a line can reach another profile.

use crate::config::Profile;
use crate::decision::Request;

const OPENID: &str = "/.well-known/openid-configuration";
const OAUTH: &str = "/.well-known/oauth-authorization-server";

/// Whether `profile` may serve the login.
pub(crate) fn permits(profile: &Profile, request: &Request) -> bool {
    serves_issuer(profile, &request.hba_issuer) && serves_database(profile, request)
}

/// Whether one of the profile's `hba_issuers` is the line's issuer, or stands behind its well-known URL.
pub(crate) fn serves_issuer(profile: &Profile, hba_issuer: &str) -> bool {
    profile.hba_issuers.value.iter().any(|issuer| {
        issuer == hba_issuer
            || (hba_issuer.contains("/.well-known/") && well_known(issuer).iter().any(|url| url == hba_issuer))
    })
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
