//! A Graph, or a token endpoint, that gives no answer: no login, one reason in the log that tells whose fault it is, no second
//! try, nothing to anybody else, and no more helpers than there are places.

use crate::tenant::{ANA, DBA, TEAM, Tenant};
use oauth_validator_mock_provider::{ALL, BATCH, Fault, Mishap, MockProvider};
use oauth_validator_server_tests::{Login, LoginOutcome, nothing_is_left};
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn an_answer_of_graph_that_is_none_lets_nobody_in() {
    let (tenant, elsewhere) = (Tenant::start(), MockProvider::start());
    let token = tenant.token(&json!({}));
    let body = |text: &str| Fault::Body(text.as_bytes().to_vec());
    let yes = format!("{{\"responses\":[{{\"id\":\"1\",\"status\":200,\"body\":{{\"value\":[\"{DBA}\"]}}}}]}}");
    for (fault, words) in [
        (Fault::Status(500), "status 500"),
        (Fault::Status(404), "status 404"),
        (Fault::Status(401), "does not accept this server's own credentials, status 401"),
        (Fault::Status(403), "GroupMember.Read.All"),
        (Fault::Redirect(307, format!("{}{BATCH}", elsewhere.base_url())), "is a redirect, status 307"),
        (Fault::ContentType("text/html".into()), "does not say that it is JSON"),
        (body(""), "not that of a batch"),
        (body(&yes), "not that of a batch"),
        (body("{\"responses\":{}}"), "not that of a batch"),
        (body("{\"responses\":[],\"responses\":[]}"), "not that of a batch"),
        (Fault::Huge(70 * 1024), "exceeds 65536 bytes"),
        (Fault::EndlessChunks, "exceeds 65536 bytes"),
        (Fault::ContentLengthTooLong, "ends before its announced end"),
        (Fault::Gzip(1024), "is compressed"),
    ] {
        tenant.provider.set_fault(BATCH, fault.clone());
        let before = tenant.asked();
        let log = tenant.refuses(&token, "lookup_unavailable");
        assert!(log.contains(words) && log.contains("The token lacks groups."), "{fault:?}: {log}");
        assert!(log.contains(&format!("identity=\"{ANA}\"")), "{log}");
        assert_eq!(tenant.asked(), (before.0 + 1, before.1 + 1), "{fault:?}: no second try");
    }
    assert_eq!(elsewhere.connection_count(), 0, "nothing goes to another host");
    tenant.provider.clear_faults();
    tenant.lets_in(&token);
}

#[test]
fn what_graph_says_of_one_request_is_told() {
    let tenant = Tenant::start();
    let token = tenant.token(&json!({}));
    for (mishap, words) in [
        (Mishap::Throttled("17".to_owned()), "status 429, not 200, and says to wait 17 seconds"),
        (Mishap::Throttled("soon, sentinel".to_owned()), "status 429, not 200."),
        (Mishap::ThrottledInBatch("17".to_owned()), "(status 429), and says to wait 17 seconds."),
        (Mishap::ThrottledInBatch("sentinel".to_owned()), "too many requests (status 429)."),
        (Mishap::NoConsent, "(status 403)"),
    ] {
        tenant.publish(mishap.clone(), &[TEAM]);
        let before = tenant.asked();
        let log = tenant.refuses(&token, "lookup_unavailable");
        assert!(
            log.contains(words) && !log.contains("sentinel") && !log.contains("in many words"),
            "{mishap:?}: {log}"
        );
        assert!(mishap != Mishap::NoConsent || log.contains("GroupMember.Read.All"), "{log}");
        assert_eq!(tenant.asked(), (before.0 + 1, before.1 + 1), "{mishap:?}: no second try");
    }
    // A user who was deleted, whose token lives on.
    tenant.provider.set_directory(tenant.directory());
    let log = tenant.refuses(&token, "lookup_mismatch");
    assert!(log.contains("knows no user"), "{log}");
}

#[test]
fn a_token_endpoint_that_gives_no_token_lets_nobody_in() {
    let (tenant, elsewhere) = (Tenant::start(), MockProvider::start());
    let token = tenant.token(&json!({}));
    let path = tenant.directory().token_path();
    let body = |text: &str| Fault::Body(text.as_bytes().to_vec());
    for (fault, words) in [
        (Fault::Status(500), "status 500"),
        (Fault::Redirect(302, format!("{}{path}", elsewhere.base_url())), "is a redirect, status 302"),
        (Fault::ContentType("text/html".into()), "does not say that it is JSON"),
        (body("{}"), "has no bearer token"),
        (body("{\"token_type\":\"Bearer\",\"access_token\":\"\"}"), "has no bearer token"),
        (body("{\"token_type\":\"pop\",\"access_token\":\"x\"}"), "has no bearer token"),
        (body("{\"token_type\":\"Bearer\",\"access_token\":[\"x\"]}"), "has no bearer token"),
        (body("{\"token_type\":\"Bearer\",\"access_token\":\"x\\r\\ny: z\"}"), "has no bearer token"),
    ] {
        tenant.provider.set_fault(&path, fault.clone());
        let log = tenant.refuses(&token, "lookup_unavailable");
        assert!(log.contains(words), "{fault:?}: {log}");
    }
    assert_eq!((tenant.asked().1, elsewhere.connection_count()), (0, 0));
    tenant.provider.clear_faults();
    tenant.provider.set_fault(ALL, Fault::UntrustedCertificate);
    tenant.refuses(&token, "lookup_unavailable");
    tenant.provider.clear_faults();
    tenant.provider.stop();
    let log = tenant.refuses(&token, "lookup_unavailable");
    assert!(log.contains("connect"), "{log}");
    tenant.provider.restart();
    tenant.lets_in(&token);
}

#[test]
fn both_requests_together_have_the_login_s_time() {
    let tenant = Tenant::start();
    let (token, path) = (tenant.token(&json!({})), tenant.directory().token_path());
    tenant.configure("2s", "");
    for (place, fault) in [(path.as_str(), Fault::SlowBody), (BATCH, Fault::SlowHeaders), (ALL, Fault::HangBeforeTls)] {
        tenant.provider.set_fault(place, fault.clone());
        let started = Instant::now();
        tenant.refuses(&token, "lookup_unavailable");
        let took = started.elapsed();
        assert!((Duration::from_millis(1500)..Duration::from_millis(3500)).contains(&took), "{fault:?}: {took:?}");
        tenant.provider.clear_faults();
    }
    nothing_is_left(&tenant.cluster);
    tenant.lets_in(&token);
}

#[test]
fn two_hundred_logins_at_once_ask_for_those_alone_that_have_a_place() {
    let tenant = Tenant::with("max_connections = 250\noauth_validator.max_helpers = 3\n");
    let token = tenant.token(&json!({}));
    let mark = tenant.cluster.log_mark();
    let accepted = thread::scope(|scope| {
        let login = || {
            let login = Login::new("ana", "postgres").token(&token).timeout(Duration::from_secs(120));
            match tenant.cluster.login(&login).outcome {
                LoginOutcome::Accepted(_) => true,
                LoginOutcome::Refused(error) if error.sqlstate == "28000" => false,
                other => panic!("{other:?}"),
            }
        };
        let logins: Vec<_> = (0..200).map(|_| scope.spawn(login)).collect();
        logins.into_iter().map(|login| login.join().expect("no panic")).filter(|accepted| *accepted).count()
    });
    println!("200 logins at once: {accepted} let in, requests {:?}", tenant.asked());
    assert_eq!(tenant.asked(), (accepted, accepted), "two requests for each that was let in, and none for the others");
    assert!(accepted >= 1);
    let log = tenant.cluster.log_since(mark);
    let taken = log.matches("denied: lookup_unavailable (profile \"entra\")").count();
    assert_eq!((taken, log.matches("is taken, 3 in all").count()), (200 - accepted, 200 - accepted));
    nothing_is_left(&tenant.cluster);
    tenant.lets_in(&token);
}
