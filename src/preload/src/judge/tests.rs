//! Who gets the token, and above all who does not.

use super::{LibpqConnection, PreloadSettings, TransportKind, WantedToken, entry_of};
use oauth_validator_token_file::shown;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

const ISSUER: &str = "https://idp.example/realms/corp";
const URL: &str = "https://idp.example/realms/corp/.well-known/openid-configuration";

fn settings() -> PreloadSettings {
    PreloadSettings { file: Some("/run/token".into()), issuer: Some(ISSUER.into()), hosts: Some("db.example".into()) }
}

fn connection() -> LibpqConnection {
    LibpqConnection {
        host: "db.example".to_owned(),
        address: None,
        port: "5432".to_owned(),
        way: TransportKind::Tls,
        in_server: false,
    }
}

const WANTED: WantedToken<'_> = WantedToken { discovery_url: URL, issuer: Some(ISSUER) };

#[track_caller]
fn refused(settings: &PreloadSettings, wanted: WantedToken<'_>, connection: &LibpqConnection, why: &str) {
    let said = settings.file_for(wanted, connection).expect_err(why);
    assert!(said.contains(why), "{said}");
}

#[test]
fn nobody_set_anything() {
    assert!(!PreloadSettings::default().are_any());
    for settings in [
        PreloadSettings { file: Some("f".into()), ..PreloadSettings::default() },
        PreloadSettings { issuer: Some("i".into()), ..PreloadSettings::default() },
        PreloadSettings { hosts: Some("h".into()), ..PreloadSettings::default() },
    ] {
        assert!(settings.are_any());
    }
}

#[test]
fn the_listed_server_gets_the_token_of_its_issuer() {
    for discovery_url in [
        URL,
        "https://idp.example/.well-known/openid-configuration/realms/corp",
        "https://idp.example/.well-known/oauth-authorization-server/realms/corp",
    ] {
        for issuer in [None, Some(ISSUER)] {
            let wanted = WantedToken { discovery_url, issuer };
            assert_eq!(settings().file_for(wanted, &connection()), Ok(&"/run/token".into()), "{discovery_url}");
        }
    }
    // The variable may have the well-known URL, as oauth_issuer may.
    let by_url = PreloadSettings { issuer: Some(URL.into()), ..settings() };
    assert!(by_url.file_for(WANTED, &connection()).is_ok());
}

#[test]
fn another_issuer_gets_none() {
    for discovery_url in [
        "",
        "https://idp.example/realms/partner/.well-known/openid-configuration",
        "https://idp.example/realms/corp2/.well-known/openid-configuration",
        "https://idp.example.evil.example/realms/corp/.well-known/openid-configuration",
        "https://evil.example/https://idp.example/realms/corp/.well-known/openid-configuration",
        "http://idp.example/realms/corp/.well-known/openid-configuration",
        "https://IDP.example/realms/corp/.well-known/openid-configuration",
        "https://idp.example/realms/corp/.well-known/openid-configuration?x",
    ] {
        let wanted = WantedToken { discovery_url, issuer: None };
        refused(&settings(), wanted, &connection(), "OAUTH_TOKEN_ISSUER is https://idp.example/realms/corp");
    }
    // Either alone is not enough.
    let other = WantedToken { discovery_url: URL, issuer: Some("https://evil.example") };
    refused(&settings(), other, &connection(), "a token of https://evil.example is asked for");
    let other =
        WantedToken { discovery_url: "https://evil.example/.well-known/openid-configuration", issuer: Some(ISSUER) };
    refused(&settings(), other, &connection(), "OAUTH_TOKEN_ISSUER");
    let by_url = PreloadSettings { issuer: Some(URL.into()), ..settings() };
    let other = WantedToken { discovery_url: URL, issuer: Some("https://evil.example") };
    refused(&by_url, other, &connection(), "OAUTH_TOKEN_ISSUER");
}

#[test]
fn what_is_missing_is_named() {
    refused(&PreloadSettings { file: None, ..settings() }, WANTED, &connection(), "OAUTH_TOKEN_FILE is not set");
    for issuer in [None, Some("".into())] {
        refused(&PreloadSettings { issuer, ..settings() }, WANTED, &connection(), "OAUTH_TOKEN_ISSUER is not set");
    }
    let odd = Some(OsString::from_vec(vec![0xff]));
    refused(
        &PreloadSettings { issuer: odd.clone(), ..settings() },
        WANTED,
        &connection(),
        "OAUTH_TOKEN_ISSUER is not UTF-8",
    );
    refused(&PreloadSettings { hosts: odd, ..settings() }, WANTED, &connection(), "OAUTH_TOKEN_HOSTS is not UTF-8");
}

#[test]
fn without_a_list_any_server_gets_it_but_from_a_server() {
    for hosts in [None, Some("".into())] {
        let settings = PreloadSettings { hosts, ..settings() };
        let anywhere = LibpqConnection { host: "other.example".to_owned(), ..connection() };
        assert!(settings.file_for(WANTED, &anywhere).is_ok());
        let inside = LibpqConnection { in_server: true, ..anywhere };
        refused(&settings, WANTED, &inside, "OAUTH_TOKEN_HOSTS is not set: inside a server");
    }
}

#[test]
fn the_list_is_exact() {
    let listed = "db.example, db2.example:6432,[2001:db8::1]:5433,2001:db8::2,10.0.0.1,/run/pg,/run/pg:5433";
    let settings = PreloadSettings { hosts: Some(listed.into()), ..settings() };
    let to = |host: &str, port: &str| LibpqConnection { host: host.to_owned(), port: port.to_owned(), ..connection() };
    for (host, port) in [
        ("db.example", ""),
        ("db.example", "5432"),
        ("db2.example", "6432"),
        ("2001:db8::1", "5433"),
        ("2001:db8::2", "5432"),
        ("10.0.0.1", "5432"),
        ("/run/pg", "5432"),
        ("/run/pg", "5433"),
    ] {
        for in_server in [false, true] {
            let connection = LibpqConnection { in_server, ..to(host, port) };
            assert!(settings.file_for(WANTED, &connection).is_ok(), "{host} {port}");
        }
    }
    for (host, port) in [
        ("db.example", "5433"),
        ("db.example", "05432"),
        ("DB.example", "5432"),
        ("db.example.", "5432"),
        ("evil.db.example", "5432"),
        ("db.example.evil", "5432"),
        ("db2.example", "5432"),
        ("db2.example:6432", "5432"),
        ("2001:db8::1", "5432"),
        ("2001:0db8::2", "5432"),
        ("/run/pg/", "5432"),
        ("/run/pg:5433", "5432"),
        ("", "5432"),
    ] {
        refused(&settings, WANTED, &to(host, port), "is not in OAUTH_TOKEN_HOSTS");
    }
}

/// psycopg says both; a user of dblink may, to have a listed name lead to his own host.
#[test]
fn inside_a_server_the_address_counts_and_not_the_name() {
    let at =
        |address: &str, in_server| LibpqConnection { address: Some(address.to_owned()), in_server, ..connection() };
    assert!(settings().file_for(WANTED, &at("192.0.2.1", false)).is_ok());
    refused(&settings(), WANTED, &at("192.0.2.1", true), "192.0.2.1:5432 is not in OAUTH_TOKEN_HOSTS");
    let listed = PreloadSettings { hosts: Some("192.0.2.1".into()), ..settings() };
    for in_server in [false, true] {
        assert!(listed.file_for(WANTED, &at("192.0.2.1", in_server)).is_ok());
        refused(&listed, WANTED, &at("192.0.2.2", in_server), "is not in OAUTH_TOKEN_HOSTS");
    }
}

#[test]
fn a_list_with_a_mistake_lets_nobody_in() {
    for hosts in
        ["db.example,", ",", "db.example,:5432", "db.example:", "db.example:x", "db.example:0", "[::1", "[::1]5"]
    {
        let settings = PreloadSettings { hosts: Some(hosts.into()), ..settings() };
        let other = LibpqConnection { host: "other.example".to_owned(), ..connection() };
        refused(&settings, WANTED, &other, "which is not HOST or HOST:PORT");
    }
    assert_eq!(entry_of("db.example:65536"), None);
    assert_eq!(entry_of("db.example:65535"), Some(("db.example", "65535")));
}

#[test]
fn a_token_is_never_sent_in_clear() {
    let clear = LibpqConnection { way: TransportKind::Clear, ..connection() };
    refused(&settings(), WANTED, &clear, "the connection to db.example:5432 is without TLS");
    let socket = LibpqConnection { way: TransportKind::UnixSocket, ..connection() };
    assert!(settings().file_for(WANTED, &socket).is_ok());
}

#[test]
fn a_strangers_text_stays_on_its_line() {
    let host = "db\nFATAL:  \u{1b}[31m\u{202e}gnihton".to_owned();
    let said = settings().file_for(WANTED, &LibpqConnection { host, ..connection() }).expect_err("not listed");
    assert!(!said.contains(['\n', '\u{1b}', '\u{202e}']), "{said:?}");
    assert!(said.contains("db\\u{a}FATAL"), "{said:?}");
    assert_eq!(shown(&"x".repeat(1000)).len(), 203);
}
