//! An endpoint that gives no answer: no login, one reason in the log that tells whose fault it is, no second try, and no
//! token to anybody else.

use crate::support::{Scene, USERINFO};
use oauth_validator_mock_provider::{ALL, Fault, MockProvider, Reply};
use oauth_validator_server_tests::nothing_is_left;
use std::time::{Duration, Instant};

#[test]
fn an_answer_that_is_none_lets_nobody_in() {
    let (place, elsewhere) = (Scene::start(), MockProvider::start());
    let token = place.good();
    let body = |body: &[u8]| Fault::Body(body.to_vec());
    let to = |path: &str| format!("{}{path}", elsewhere.base_url());
    for (fault, words) in [
        (Fault::Status(500), "status 500"),
        (Fault::Status(404), "status 404"),
        (Fault::Status(429), "status 429"),
        (Fault::Status(204), "status 204"),
        (Fault::Redirect(302, to(USERINFO)), "is a redirect, status 302"),
        (Fault::Redirect(307, to(USERINFO)), "is a redirect, status 307"),
        (Fault::Redirect(308, "/elsewhere".into()), "is a redirect, status 308"),
        (Fault::ContentType("text/html".into()), "does not say that it is JSON"),
        (Fault::ContentType("application/jwt".into()), "userinfo_signed_response_alg"),
        (Fault::ContentType(String::new()), "does not say that it is JSON"),
        (body(b"eyJhbGciOiJub25lIn0.e30."), "is not one JSON object"),
        (body(b""), "is not one JSON object"),
        (body(b"{\"sub\":\"eve\",\"sub\":\"ana\",\"groups\":[\"dba\"]}"), "is not one JSON object"),
        (body(b"{\"sub\":\"ana\",\"groups\":[\"dba\xff\"]}"), "not one JSON object"),
        (Fault::Huge(70 * 1024), "exceeds 65536 bytes"),
        (Fault::EndlessChunks, "exceeds 65536 bytes"),
        (Fault::ContentLengthTooLong, "ends before its announced end"),
        (Fault::Gzip(1024), "is compressed"),
        (Fault::Raw(b"SSH-2.0-x\r\n\r\n".to_vec()), "not HTTP/1.1"),
    ] {
        for provider in [&place.provider, &elsewhere] {
            provider.set_reply_to_get("/elsewhere", Reply::json(&place.member()));
        }
        elsewhere.set_reply_to_get(USERINFO, Reply::json(&place.member()));
        place.provider.set_fault(USERINFO, fault.clone());
        let asked = place.asked();
        let log = place.refuses_ana(&token, "lookup_unavailable");
        assert!(log.contains(words) && log.contains("The token lacks groups."), "{fault:?}: {log}");
        assert_eq!(place.asked(), asked + 1, "{fault:?}");
    }
    assert_eq!(place.provider.request_count("/elsewhere"), 0, "no redirect is followed");
    assert_eq!(elsewhere.connection_count(), 0, "no token goes to another host");
    place.provider.clear_faults();
    place.lets_in("ana", &token);
}

#[test]
fn a_provider_that_is_away_or_somebody_else_lets_nobody_in() {
    let place = Scene::start();
    let token = place.good();
    for (fault, words) in [
        (Fault::UntrustedCertificate, "an authority that is not trusted"),
        (Fault::WrongNameCertificate, "for another name"),
        (Fault::ExpiredCertificate, "has expired"),
    ] {
        place.provider.set_fault(ALL, fault.clone());
        let log = place.refuses_ana(&token, "lookup_unavailable");
        assert!(log.contains(words), "{fault:?}: {log}");
    }
    assert_eq!(place.asked(), 0, "the token was shown to nobody");
    place.provider.clear_faults();
    place.provider.stop();
    let log = place.refuses_ana(&token, "lookup_unavailable");
    assert!(log.contains("connect") && log.contains("identity=\"ana\""), "{log}");
    place.provider.restart();
    place.lets_in("ana", &token);
}

#[test]
fn a_provider_that_hangs_costs_a_login_its_timeout_and_no_more() {
    let place = Scene::start();
    let token = place.good();
    place.set_timeout("2s");
    for fault in [Fault::HangBeforeTls, Fault::HangAfterTls, Fault::SlowHeaders, Fault::SlowBody] {
        place.provider.set_fault(ALL, fault.clone());
        let started = Instant::now();
        place.refuses_ana(&token, "lookup_unavailable");
        let took = started.elapsed();
        let bounds = Duration::from_millis(1500)..Duration::from_millis(3500);
        assert!(bounds.contains(&took), "{fault:?}: {took:?}");
        place.provider.clear_faults();
    }
    nothing_is_left(&place.cluster);
    place.lets_in("ana", &token);
}

#[test]
fn a_helper_that_does_not_do_its_work_lets_nobody_in() {
    let place = Scene::start();
    let token = place.good();
    place.cluster.write_helper("#!/bin/sh\necho '{\"version\":2,\"outcome\":{\"keys\":[]}}'\n");
    place.refuses_ana(&token, "lookup_unavailable");
    place.cluster.write_helper("#!/bin/sh\nread line; kill -9 $$\n");
    let log = place.refuses_ana(&token, "lookup_unavailable");
    assert!(log.contains("signal 9"), "{log}");
    // An older helper, which has no such task.
    place.cluster.write_helper("#!/bin/sh\nread line; echo '{\"version\":2,\"outcome\":{\"failed\":{\"code\":\"request\",\"message\":\"the helper does not understand\",\"hint\":\"install both\"}}}'\n");
    let log = place.refuses_ana(&token, "lookup_unavailable");
    assert!(log.contains("does not understand"), "{log}");
    assert_eq!(place.provider.connection_count(), 0);
    nothing_is_left(&place.cluster);
}
