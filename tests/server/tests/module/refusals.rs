//! Who gets in, who does not, with which code, and what the log and the client are told about it.

use crate::cases;
use crate::providers::{self, ENTRA, GOOGLE, KEYCLOAK, LAB, LineProvider, OKTA, REPORTS};
use crate::support::{assert_told_nothing, refused_as};
use oauth_validator_fixtures::TokenBuilder;
use oauth_validator_server_tests::{Cluster, Login, now};
use std::collections::BTreeSet;

#[track_caller]
fn lets_in(cluster: &Cluster, provider: &LineProvider, token: TokenBuilder, authn_id: &str) {
    lets_in_as(cluster, provider.role, provider, token, authn_id);
}

#[track_caller]
fn lets_in_as(cluster: &Cluster, role: &str, provider: &LineProvider, token: TokenBuilder, authn_id: &str) {
    let mark = cluster.log_mark();
    let token = token.sign(provider.key());
    let mut session = cluster.login(&Login::new(role, "postgres").token(&token)).accepted();
    assert_eq!(session.system_user(), Ok(Some(format!("oauth:{authn_id}"))));
    let rows = session.query("SELECT current_user").expect("a query");
    assert_eq!(rows[0][0].as_deref(), Some(role));
    // An accepted login adds nothing to what the server itself logs.
    let log = cluster.wait_for_log(mark, "connection authorized");
    assert!(log.contains(&format!("connection authenticated: identity=\"{authn_id}\" method=oauth")), "{log}");
    assert!(!log.contains("oauth_validator:"), "{log}");
}

#[test]
fn lets_each_providers_users_in() {
    let cluster = providers::start("");
    let oid = "5d5d5d5d-3333-4444-8555-666666666666";
    lets_in(&cluster, &ENTRA, ENTRA.user(), oid);
    lets_in(&cluster, &ENTRA, TokenBuilder::from_sample("entra_v1_delegated").at(now()), oid);
    lets_in(&cluster, &OKTA, OKTA.user(), "00u000user0000000h7");
    lets_in(&cluster, &GOOGLE, GOOGLE.user(), "ana@corp.example");
    lets_in(&cluster, &GOOGLE, GOOGLE.user().issuer("accounts.google.com"), "ana@corp.example");
    lets_in(&cluster, &KEYCLOAK, KEYCLOAK.user(), "6f0c1d2e-3f40-4152-8637-485960718293");

    // Without a map the identity is the role. Lines may name the well-known URL instead of the issuer, and scopes may
    // be separated by any white space.
    for role in ["ana_lab", "ana_url", "ana_rfc", "ana_tabs"] {
        lets_in_as(&cluster, role, &LAB, LAB.user().subject(role), role);
    }
    let reports = REPORTS.user().subject("ana_reports").sign(REPORTS.key());
    let login = Login::new("ana_reports", "reports").token(&reports);
    cluster.login(&login.clone().replication("database")).accepted();
    let mut session = cluster.login(&login).accepted();
    assert_eq!(session.system_user(), Ok(Some("oauth:ana_reports".to_owned())));
}

#[test]
fn refuses_everything_else_with_a_reason() {
    let cluster = providers::start("");
    let before = cluster.incarnation();
    let cases = cases::refused();
    for case in &cases {
        let profile = if case.profile.is_empty() { String::new() } else { format!(" (profile \"{}\")", case.profile) };
        let log = refused_as(&cluster, case.role, &case.login(), &format!("{}{profile}", case.code));
        let said = format!("denied: {}{profile}\n", case.code);
        assert!(log.contains(&said), "{}: {log}", case.what);
        assert!(log.contains("DETAIL:") && log.contains("HINT:"), "{}: {log}", case.what);
        // Nobody is named before the token is known to be genuine and meant for this server.
        let named = match &case.identity {
            Some(identity) => vec![format!("identity=\"{identity}\" method=oauth")],
            None => Vec::new(),
        };
        let logged: Vec<&str> =
            log.lines().filter_map(|line| line.split_once("connection authenticated: ")).map(|found| found.1).collect();
        assert_eq!(logged.len(), named.len(), "{}: {log}", case.what);
        assert!(logged.iter().zip(&named).all(|(logged, named)| logged.starts_with(named)), "{}: {log}", case.what);
    }
    assert_eq!(cluster.incarnation(), before);
    let codes: BTreeSet<&str> = cases.iter().map(|case| case.code).collect();
    assert!(codes.len() >= 28 && cases.len() >= 80, "{} codes of {} cases: {codes:?}", codes.len(), cases.len());
}

/// What the validator grants, the server still compares with pg_ident.conf, or with the role.
#[test]
fn a_good_token_is_not_enough_for_another_role() {
    let cluster = providers::start("");
    for (provider, token, said) in [
        (&ENTRA, ENTRA.user().claim("oid", "00000000-0000-4444-8555-666666666666"), "no match in usermap \"entra\""),
        (&GOOGLE, GOOGLE.user().claim("email", "bob@corp.example"), "no match in usermap \"google\""),
        (&GOOGLE, GOOGLE.user().claim("email", "ana@corp.example.evil"), "no match in usermap \"google\""),
        (&KEYCLOAK, KEYCLOAK.user().subject("ana_keycloak"), "no match in usermap \"keycloak\""),
        (
            &LAB,
            LAB.user().subject("ana"),
            "provided user name (ana_lab) and authenticated user name (ana) do not match",
        ),
        (&LAB, LAB.user().subject("ANA_LAB"), "provided user name (ana_lab) and authenticated user name (ANA_LAB)"),
        (&LAB, LAB.user().subject("postgres"), "provided user name (ana_lab) and authenticated user name (postgres)"),
    ] {
        let identity = provider.identity_of(&token);
        let mark = cluster.log_mark();
        let attempt = cluster.login(&provider.login(&token.sign(provider.key())));
        assert_told_nothing(&attempt, provider.role);
        let log = cluster.wait_for_log(mark, "FATAL:");
        assert!(log.contains(said), "{log}");
        assert!(log.contains(&format!("connection authenticated: identity=\"{identity}\"")), "{log}");
        assert!(!log.contains("oauth_validator:"), "the validator had nothing against it: {log}");
    }
}

/// PostgreSQL itself ends these, before the validator is asked; nothing of them may reach the log either.
#[test]
fn exchanges_that_libpq_never_has_are_refused() {
    let cluster = providers::start(crate::support::TALKATIVE);
    let good = LAB.user().subject("ana_lab").sign(LAB.key());
    for response in [
        format!("n,,\x01auth=Basic {good}\x01\x01"),
        format!("n,,\x01auth=Bearer {good}\x01"),
        format!("n,,\x01auth=Bearer {good}\x01auth=Bearer {good}\x01\x01"),
        format!("y,,\x01auth=Bearer {good}\x01\x01trailing"),
        format!("n,a=ana,\x01auth=Bearer {good}\x01\x01"),
        format!("p=tls-exporter,,\x01auth=Bearer {good}\x01\x01"),
        format!("n,,\x01auth=Bearer {good} x\x01\x01"),
        format!("n,,\x01auth=Bearer {good}\0\x01\x01"),
    ] {
        let mark = cluster.log_mark();
        let attempt = cluster.login(&Login::new("ana_lab", "postgres").initial_response(response.as_bytes()));
        let sqlstate = attempt.refused().sqlstate.clone();
        assert!(["28000", "08P01", "0A000"].contains(&sqlstate.as_str()), "{sqlstate}");
        let log = cluster.wait_for_log(mark, "FATAL:");
        assert!(!log.contains("connection authenticated") && !log.contains(&good[..40]), "{log}");
        assert!(!attempt.received.windows(40).any(|bytes| bytes == &good.as_bytes()[..40]));
    }
    assert!(!cluster.log().contains("oauth_validator: denied"), "the validator was not asked");
    lets_in_lab(&cluster, &good);
}

#[track_caller]
fn lets_in_lab(cluster: &Cluster, good: &str) {
    let mut session = cluster.login(&LAB.login(good)).accepted();
    assert_eq!(session.system_user(), Ok(Some("oauth:ana_lab".to_owned())));
}
