//! Which profiles serve a login, and which of two profiles meet in one.

use super::{
    ByIssuer, OAUTH, OPENID, is_well_known_of, origin_and_path, serves_issuer, shared_lines, unserved, without_slashes,
};
use crate::config::{Config, Outline, Profile};
use crate::decision::Request;

#[test]
fn all_spellings_of_the_well_known_url_follow_from_the_issuer() {
    for (issuer, urls) in [
        (
            "https://idp.example/realms/corp",
            &[
                "https://idp.example/realms/corp/.well-known/openid-configuration",
                "https://idp.example/.well-known/openid-configuration/realms/corp",
                "https://idp.example/.well-known/oauth-authorization-server/realms/corp",
            ][..],
        ),
        (
            "https://corp.auth0.example/",
            &[
                "https://corp.auth0.example//.well-known/openid-configuration",
                "https://corp.auth0.example/.well-known/openid-configuration",
                "https://corp.auth0.example/.well-known/oauth-authorization-server",
                "https://corp.auth0.example/.well-known/oauth-authorization-server/",
            ],
        ),
        ("https://idp.example", &["https://idp.example/.well-known/openid-configuration"]),
    ] {
        for url in urls {
            assert!(is_well_known_of(url, issuer), "{url}");
        }
    }
}

#[test]
fn well_known_urls_of_others_do_not() {
    for url in [
        "https://idp.example/.well-known/openid-configuration",
        "https://idp.example/realms/other/.well-known/openid-configuration",
        "https://idp.example/realms/corp/.well-known/oauth-authorization-server",
        "https://idp.example.evil.example/realms/corp/.well-known/openid-configuration",
        "https://idp.example/realms/corp/.well-known/openid-configuration/",
        "https://idp.example/realms/corp",
        "/.well-known/openid-configuration",
    ] {
        assert!(!is_well_known_of(url, "https://idp.example/realms/corp"), "{url}");
    }
}

#[test]
fn no_url_is_that_of_two_issuers_unless_these_differ_in_slashes_alone() {
    // Whatever `config` takes as an issuer; with such a URL in it, it takes none.
    let ends = ["", "/", "//", "/a", "/a/", "//a", "/a/b", "/.well-known", "/openid-configuration", "/a/.well-known"];
    let issuers: Vec<String> = ["https://h.example", "https://h.example:443"]
        .iter()
        .flat_map(|host| ends.map(|end| format!("{host}{end}")))
        .collect();
    let mut urls = issuers.clone();
    for (issuer, name) in issuers.iter().flat_map(|issuer| [OPENID, OAUTH].map(|name| (issuer, name))) {
        let (origin, path) = origin_and_path(issuer);
        urls.extend([format!("{issuer}{name}"), format!("{}{name}", without_slashes(issuer))]);
        urls.extend([format!("{origin}{name}{path}"), format!("{origin}{name}{}", without_slashes(path))]);
    }
    let quoted: Vec<String> = issuers.iter().map(|issuer| format!("\"{issuer}\"")).collect();
    let all = profiles(&quoted.iter().map(|issuer| (issuer.as_str(), "")).collect::<Vec<_>>());
    let index = ByIssuer::of(&all);
    for url in urls {
        let of: Vec<&String> =
            issuers.iter().filter(|issuer| *issuer == &url || is_well_known_of(&url, issuer)).collect();
        let same = of.windows(2).all(|pair| without_slashes(pair[0]) == without_slashes(pair[1]));
        assert!(same, "{url} is that of {of:?}");
        // The short way to them finds all of them.
        let long: Vec<&str> = all.iter().filter(|one| serves_issuer(*one, &url)).map(|one| one.name.as_str()).collect();
        let short: Vec<&str> = index.serving(&url).iter().map(|profile| profile.name.as_str()).collect();
        assert_eq!(short, long, "{url}");
        assert_eq!(long.len(), of.len(), "{url}");
    }
}

fn profiles(of: &[(&str, &str)]) -> Vec<Profile> {
    let of = of.iter().enumerate().map(|(at, (issuers, further))| {
        format!(
            "[profiles.p{at:02}]\nissuer = \"https://i{at}.example\"\nhba_issuers = [{issuers}]\naudience = [\"pg\"]\n\
             keys = {{ jwks_file = \"k\" }}\nidentity = {{ prefix = \"p{at:02}:\" }}\n{further}\n"
        )
    });
    let parsed = Config::parse(of.collect::<String>().as_bytes(), "f");
    parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.findings)).profiles().to_vec()
}

#[test]
fn lines_are_shared_whatever_slashes_their_issuers_end_in() {
    let all = profiles(&[
        ("\"https://a.example\", \"https://a.example/\"", ""),
        ("\"https://b.example\"", ""),
        ("\"https://a.example//\", \"https://a.example\", \"https://c.example\"", ""),
        ("\"https://c.example/\", \"https://a.example/\"", ""),
        ("\"https://A.example\"", ""),
    ]);
    let all: Vec<Outline<'_>> = all.iter().map(Outline::from).collect();
    let found = shared_lines(&all);
    let expected = [("https://a.example//", vec![0, 2, 3]), ("https://c.example/", vec![2, 3])];
    assert_eq!(found, expected);
    assert!(shared_lines(&all[..2]).is_empty(), "one profile in two spellings");
}

#[test]
fn a_login_is_served_or_it_is_said_why_not() {
    use super::Unserved::{Database, PhysicalReplication, Replication};
    let line = "\"https://a.example\"";
    let all = profiles(&[
        (line, ""),
        (line, "databases = [\"app\"]"),
        (line, "replication = true"),
        (line, "databases = [\"app\"]\nreplication = true"),
    ]);
    for (database, replication, expected) in [
        ("app", false, [None; 4]),
        ("other", false, [None, Some(Database), None, Some(Database)]),
        ("APP", false, [None, Some(Database), None, Some(Database)]),
        ("app", true, [Some(Replication), Some(Replication), None, None]),
        ("other", true, [Some(Replication), Some(Replication), None, Some(Database)]),
        ("", true, [Some(Replication), Some(Replication), None, Some(PhysicalReplication)]),
    ] {
        let request = Request { database: database.to_owned(), replication, ..Request::default() };
        let found: Vec<_> = all.iter().map(|profile| unserved(profile, &request)).collect();
        assert_eq!(found, expected, "{database} {replication}");
    }
}
