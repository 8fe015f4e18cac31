//! The sentinel test: nothing of a token reaches the server's log or the client, however talkative the server is.
//!
//! Until the signature holds, and the token is meant for this server, that is nothing at all; after it, the identity
//! alone, in PostgreSQL's own `connection authenticated`.

use crate::cases::{self, Case};
use crate::providers::{self, ENTRA, LAB};
use crate::support::TALKATIVE;
use oauth_validator_fixtures::Forbidden;

/// The log, with each identity taken out that it may mention; and it does mention it, once for each login.
fn without_permitted_names(log: &str, cases: &[Case]) -> String {
    let mut log = log.to_owned();
    for identity in cases.iter().filter_map(|case| case.identity.as_deref()) {
        let mention = format!("connection authenticated: identity=\"{identity}\" method=oauth");
        assert_eq!(log.matches(&mention).count(), 1, "{mention}");
        log = log.replace(&mention, "connection authenticated: identity=\"-\" method=oauth");
    }
    log
}

#[test]
fn nothing_of_a_refused_token_is_logged_or_sent() {
    let cluster = providers::start(TALKATIVE);
    let cases = cases::refused();
    let mut forbidden = Forbidden::default();
    for case in &cases {
        forbidden.add_token(&case.token, case.what);
    }
    for case in &cases {
        let mark = cluster.log_mark();
        let attempt = cluster.login(&case.login());
        assert_eq!(attempt.refused().sqlstate, "28000", "{}", case.what);
        assert_eq!(forbidden.found_in(&attempt.received), None, "{}: sent to the client", case.what);
        cluster.wait_for_log(mark, "FATAL:");
    }
    let log = cluster.log();
    assert_eq!(log.matches("oauth_validator: denied: ").count(), cases.len());
    assert!(log.contains("DEBUG:  00000: oauth_validator: "), "the trace is there as well");
    assert_eq!(forbidden.found_in(without_permitted_names(&log, &cases).as_bytes()), None);
}

#[test]
fn an_accepted_token_leaves_nothing_but_the_name() {
    let cluster = providers::start(TALKATIVE);
    let mut forbidden = Forbidden::default();
    let lab = LAB.secret_user().subject("ana_lab").sign(LAB.key());
    forbidden.add_token(&lab, "ana_lab");
    let entra = ENTRA.secret_user().claim("oid", "5d5d5d5d-3333-4444-8555-666666666666").sign(ENTRA.key());
    forbidden.add_token(&entra, "ana_entra");
    for login in [LAB.login(&lab), ENTRA.login(&entra)] {
        let attempt = cluster.login(&login);
        assert_eq!(forbidden.found_in(&attempt.received), None);
        let mut session = attempt.accepted();
        // Nor may somebody with a session find it in what the server shows of others.
        let rows = session.query("SELECT a::text FROM pg_stat_activity AS a").expect("rows");
        assert_eq!(forbidden.found_in(format!("{rows:?}").as_bytes()), None);
    }
    assert_eq!(forbidden.found_in(cluster.log().as_bytes()), None);
}
