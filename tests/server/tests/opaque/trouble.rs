//! An endpoint that gives no answer: no login, one reason in the log that tells whose fault it is, and no second try.

use crate::support::{INTROSPECT, Scene, basic};
use oauth_validator_mock_provider::{ALL, Fault, Reply};
use oauth_validator_server_tests::{Cluster, ClusterOptions, nothing_is_left};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn an_answer_that_is_none_lets_nobody_in() {
    let place = Scene::start();
    let token = place.good();
    let body = |body: &[u8]| Fault::Body(body.to_vec());
    for (fault, words) in [
        (Fault::Status(500), "status 500"),
        (Fault::Status(503), "status 503"),
        (Fault::Status(429), "status 429"),
        (Fault::Status(204), "status 204"),
        (Fault::Status(400), "refused the request itself, with status 400"),
        (Fault::Redirect(302, "/elsewhere".into()), "is a redirect, status 302"),
        (Fault::Redirect(307, "/elsewhere".into()), "is a redirect, status 307"),
        (Fault::Redirect(308, "/elsewhere".into()), "is a redirect, status 308"),
        (Fault::ContentType("text/html".into()), "does not say that it is JSON"),
        (Fault::ContentType(String::new()), "does not say that it is JSON"),
        (Fault::ContentType("application/token-introspection+jwt".into()), "does not say that it is JSON"),
        (body(b"active: true"), "is not one JSON object"),
        (body(b""), "is not one JSON object"),
        (body(b"{\"active\":false,\"active\":true}"), "is not one JSON object"),
        (body(b"{\"active\":true,\"sub\":\"\xff\"}"), "not one JSON object"),
        (Fault::Huge(300 * 1024), "exceeds 262144 bytes"),
        (Fault::EndlessChunks, "exceeds 262144 bytes"),
        (Fault::ContentLengthTooLong, "ends before its announced end"),
        (Fault::Gzip(1024), "is compressed"),
        (Fault::Raw(b"SSH-2.0-x\r\n\r\n".to_vec()), "not HTTP/1.1"),
    ] {
        place.provider.set_reply("/elsewhere", Reply::json(&place.answer(&json!({}))));
        place.provider.set_fault(INTROSPECT, fault.clone());
        let asked = place.asked();
        let log = place.refuses_ana(&token, "introspection_unavailable");
        assert!(log.contains(words), "{fault:?}: {log}");
        assert_eq!(place.asked(), asked + 1, "{fault:?}");
    }
    assert_eq!(place.provider.request_count("/elsewhere"), 0, "no redirect is followed");
    place.provider.clear_faults();
    place.lets_ana_in(&token);
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
        let log = place.refuses_ana(&token, "introspection_unavailable");
        assert!(log.contains(words), "{fault:?}: {log}");
    }
    assert_eq!(place.asked(), 0, "the token was shown to nobody");
    place.provider.clear_faults();
    place.provider.stop();
    let log = place.refuses_ana(&token, "introspection_unavailable");
    assert!(log.contains("connect") && !log.contains("credentials"), "{log}");
    place.provider.restart();
    place.lets_ana_in(&token);
}

#[test]
fn a_wrong_secret_is_told_from_an_inactive_token() {
    let place = Scene::start();
    let token = place.good();
    place.provider.demand_authorization(INTROSPECT, Some(&basic("another")));
    for shown in [&token, &place.unknown()] {
        let log = place.refuses_ana(shown, "introspection_unavailable");
        assert!(log.contains("does not accept this server's own credentials, status 401"), "{log}");
    }
    place.provider.demand_authorization(INTROSPECT, None);
    place.provider.set_fault(INTROSPECT, Fault::Status(403));
    let log = place.refuses_ana(&token, "introspection_unavailable");
    assert!(log.contains("does not accept this server's own credentials, status 403"), "{log}");
    place.provider.clear_faults();
    place.refuses_ana(&place.unknown(), "introspection_inactive");
    place.lets_ana_in(&token);
}

#[test]
fn a_provider_that_hangs_costs_a_login_its_timeout_and_no_more() {
    let place = Scene::start();
    let token = place.good();
    place.set_timeout("2s");
    for fault in [Fault::HangBeforeTls, Fault::HangAfterTls, Fault::SlowHeaders, Fault::SlowBody] {
        place.provider.set_fault(ALL, fault.clone());
        let started = Instant::now();
        place.refuses_ana(&token, "introspection_unavailable");
        let took = started.elapsed();
        let bounds = Duration::from_millis(1500)..Duration::from_millis(3500);
        assert!(bounds.contains(&took), "{fault:?}: {took:?}");
        place.provider.clear_faults();
    }
    nothing_is_left(&place.cluster);
    place.lets_ana_in(&token);
}

#[test]
fn without_a_helper_nobody_is_asked() {
    let place = Scene::start();
    let token = place.good();
    std::fs::remove_file(place.cluster.helper_path()).expect("a file to remove");
    let log = place.refuses_ana(&token, "introspection_unavailable");
    assert!(log.contains("bin/oauth-validator"), "{log}");
    place.cluster.write_helper("#!/bin/sh\necho '{\"version\":1,\"outcome\":{\"keys\":[]}}'\n");
    place.refuses_ana(&token, "introspection_unavailable");
    place.cluster.write_helper("#!/bin/sh\nread line; kill -9 $$\n");
    let log = place.refuses_ana(&token, "introspection_unavailable");
    assert!(log.contains("signal 9"), "{log}");
    assert_eq!(place.provider.connection_count(), 0);
    nothing_is_left(&place.cluster);
}

/// A profile that asks in plain text is none.
#[test]
fn an_endpoint_without_tls_is_an_error_of_the_file() {
    let config = "[profiles.corp]\nissuer = \"https://corp.example\"\naudience = [\"api://db\"]\nmode = \"introspection\"\nintrospection = { endpoint = \"http://corp.example/i\", auth = \"none\" }\n";
    let cluster = Cluster::start(ClusterOptions {
        config: Some(config.into()),
        hba: "local all all oauth issuer=\"https://corp.example\" scope=\"x\"".into(),
        ..ClusterOptions::with_module()
    });
    let mark = cluster.log_mark();
    let login = oauth_validator_server_tests::Login::new("ana", "postgres").token("opaque");
    assert_eq!(cluster.login(&login).refused().sqlstate, "28000");
    cluster.wait_for_log(mark, "oauth_validator: denied: config_invalid");
}
