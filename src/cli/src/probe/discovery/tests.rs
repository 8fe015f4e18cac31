//! What libpq makes of a document's URL, and how a conninfo string is written.

use super::{Discovery, DiscoveryDocument, LIBPQ, NO_DEVICE_FLOW, NOT_LISTED, command, issuer_of, value_of};
use crate::probe::target::{Check, ProbeTarget, Roots, Security, ServerAddress};

#[test]
fn an_issuer_is_what_is_left_of_the_documents_url() {
    for (url, issuer) in [
        ("https://idp.example/.well-known/openid-configuration", "https://idp.example"),
        ("https://idp.example/a/b/.well-known/openid-configuration", "https://idp.example/a/b"),
        ("https://idp.example/a/.well-known/oauth-authorization-server", "https://idp.example/a"),
        ("https://idp.example/.well-known/oauth-authorization-server/a/b", "https://idp.example/a/b"),
        ("https://idp.example/.well-known/openid-configuration/a", "https://idp.example/a"),
        ("https://idp.example//.well-known/openid-configuration", "https://idp.example/"),
    ] {
        assert_eq!(issuer_of(url).as_deref(), Some(issuer), "{url}");
    }
    for url in [
        "",
        "https://idp.example",
        "https://idp.example/.well-known/other",
        "https://idp.example/.well-known/openid-configurations",
        "https://idp.example/.well-known/openid-configuration?x=1",
        "https://idp.example/a/.well-known/openid-configuration/b",
    ] {
        assert_eq!(issuer_of(url), None, "{url}");
    }
}

fn found(device: bool, lists_public_clients: bool) -> Discovery {
    let device = device.then(|| "https://idp.example/device".to_owned());
    let document = Ok(DiscoveryDocument { device, lists_public_clients });
    Discovery { issuer: Some("https://idp.example".into()), document, hint: None }
}

fn target(place: ServerAddress) -> ProbeTarget {
    ProbeTarget { place, user: "ana".into(), database: "app".into() }
}

fn over_tls(check: Check) -> ServerAddress {
    ServerAddress::Network("db.example".into(), 5433, Security::Tls(check))
}

#[test]
fn a_conninfo_string_says_what_the_probe_was_told() {
    let of = |place| found(true, true).conninfo(&target(place)).map(|items| items.join(" "));
    let end = "dbname=app user=ana oauth_issuer=https://idp.example oauth_client_id=CLIENT";
    for (place, begin) in [
        (ServerAddress::Socket("/var/run/postgresql/.s.PGSQL.5432".into()), "host=/var/run/postgresql port=5432"),
        (ServerAddress::Abstract("db/.s.PGSQL.5432".into()), "host=@db port=5432"),
        (over_tls(Check::Name(Roots::System)), "host=db.example port=5433 sslmode=verify-full sslrootcert=system"),
        (
            over_tls(Check::Authority(Roots::File("/etc/ca s.pem".into()))),
            "host=db.example port=5433 sslmode=verify-ca sslrootcert='/etc/ca s.pem'",
        ),
        (over_tls(Check::Nothing), "host=db.example port=5433 sslmode=require"),
        (
            ServerAddress::Network("127.0.0.1".into(), 5432, Security::Plain { anywhere: false }),
            "host=127.0.0.1 port=5432 sslmode=disable",
        ),
    ] {
        assert_eq!(of(place).as_deref(), Some(format!("{begin} {end}").as_str()));
    }
    let hidden = ProbeTarget { user: "a\u{202e}na".into(), ..target(over_tls(Check::Nothing)) };
    assert_eq!(found(true, true).conninfo(&hidden), None);
}

#[test]
fn values_are_quoted_as_libpq_reads_them_and_for_a_shell() {
    for (value, written) in
        [("app", "app"), ("", "''"), ("two words", "'two words'"), ("it's", r"'it\'s'"), (r"a\b", r"'a\\b'")]
    {
        assert_eq!(value_of(value).as_deref(), Some(written));
    }
    let items = ["host=db.example".to_owned(), "user=$(reboot)'x".to_owned()];
    assert_eq!(command(&items), "  psql 'host=db.example user=$(reboot)'\\''x'\n");
    let long =
        ["host=db.example", "dbname=app", "user=ana", "oauth_issuer=https://login.example/realms/of-some-length"];
    assert_eq!(
        command(&long.map(str::to_owned)),
        "  psql 'host=db.example dbname=app user=ana\n    oauth_issuer=https://login.example/realms/of-some-length'\n"
    );
}

#[test]
fn it_is_fine_if_psql_can_ask_a_person() {
    let place = || target(over_tls(Check::Name(Roots::System)));
    for (device, public, fine, says) in
        [(true, true, true, ""), (true, false, true, NOT_LISTED), (false, true, false, NO_DEVICE_FLOW)]
    {
        let found = found(device, public);
        assert_eq!(found.is_fine(), fine);
        assert!(found.next(&place()).starts_with(&format!("{says}{LIBPQ}")), "{}", found.next(&place()));
    }
    let failed = Discovery { issuer: None, document: Err("it is down".into()), hint: Some("wait".into()) };
    assert!(!failed.is_fine());
    assert_eq!(failed.next(&place()), "The provider: wait\n\n");
    for text in [LIBPQ, NO_DEVICE_FLOW, NOT_LISTED] {
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}
