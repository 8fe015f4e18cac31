//! What the helper answers where the endpoint says nothing about the token: a code, a sentence, and where to look.
//!
//! None asks twice: an endpoint that is down must not get each question again.

use super::{INTROSPECT, active, client, provider, request, request_about, token};
use crate::helper::refusals::assert_refused;
use crate::helper::{ask, by_way};
use crate::network::{SENTINEL, answering, bad_answers, bad_certificates, redirects, refusing};
use oauth_validator_core::protocol::{Authorization, HelperFailure, HelperReply, HelperRequest, Secret, Task};
use oauth_validator_core::{ClientAuth, Pem};
use oauth_validator_mock_provider::{ALL, Fault, MockProvider, Reply};
use std::time::{Duration, Instant};

/// The request with another endpoint.
fn at(endpoint: &str, mut request: HelperRequest) -> HelperRequest {
    let Task::Introspect { endpoint: own, .. } = &mut request.task else { panic!("another task") };
    *own = endpoint.to_owned();
    request
}

#[track_caller]
fn hint(outcome: &HelperReply) -> &str {
    let HelperReply::Failed(HelperFailure { hint, .. }) = outcome else { panic!("{outcome:?}") };
    hint
}

/// Asked with this fault; the endpoint saw one question.
#[track_caller]
fn with_fault(fault: Fault) -> HelperReply {
    let provider = provider();
    provider.set_fault(INTROSPECT, fault);
    let outcome = ask(&request(&provider));
    assert_eq!((provider.requests().len(), provider.connection_count()), (1, 1), "{outcome:?}");
    outcome
}

#[test]
fn credentials_that_are_not_accepted_say_nothing_about_the_token() {
    for status in [401, 403] {
        for content_type in ["application/json", "text/html"] {
            let provider = MockProvider::start();
            let body = format!("{{\"active\":true,\"error\":\"{SENTINEL}\"}}");
            provider.set_reply(INTROSPECT, Reply::new(status, body).with_header("Content-Type", content_type));
            let outcome = ask(&request(&provider));
            assert_refused(&outcome, "credentials", &format!("server's own credentials, status {status}"));
            assert!(hint(&outcome).contains("client_secret_file"), "{}", hint(&outcome));
            assert_eq!(provider.requests().len(), 1);
        }
    }
}

/// Six of nine providers that were tried do not decode what RFC 6749 has clients encode.
#[test]
fn a_secret_that_can_be_sent_in_two_ways_is_the_first_thing_to_look_at() {
    let provider = provider();
    provider.demand_authorization(INTROSPECT, Some("Basic cHNxbDpBYitjL2RFRmdoPT0="));
    let ask_as = |authorization: Authorization| {
        let mut request = request(&provider);
        let Task::Introspect { authorization: own, .. } = &mut request.task else { panic!("another task") };
        *own = authorization;
        ask(&HelperRequest { version: 2, ..request })
    };
    let secret = |text: &str| Secret::new(text.to_owned());
    let basic = |text: &str| Authorization::Basic { client_id: "psql".into(), secret: secret(text) };
    let raw = |text: &str| Authorization::BasicRaw { client_id: "psql".into(), secret: secret(text) };
    assert!(matches!(ask_as(raw("Ab+c/dEFgh==")), HelperReply::Answer(_)));
    for (outcome, other) in [
        (ask_as(basic("Ab+c/dEFgh==")), Some("\"basic-raw\"")),
        (ask_as(raw("Ab+c/dEFgh=")), Some("\"basic\"")),
        (ask_as(basic("plain-secret")), None),
        (ask_as(raw("plain-secret")), None),
    ] {
        assert_refused(&outcome, "credentials", "status 401");
        let hint = hint(&outcome);
        assert!(hint.contains("client_secret_file") && !hint.contains("dEFgh"), "{hint}");
        match other {
            Some(word) => assert!(hint.contains(&format!("try introspection.auth = {word}")), "{hint}"),
            None => assert!(!hint.contains("try introspection.auth"), "{hint}"),
        }
    }
}

#[test]
fn a_wrong_secret_is_told_from_the_right_one() {
    let provider = provider();
    let basic = |secret: &str| {
        let mut request = request(&provider);
        let Task::Introspect { authorization, .. } = &mut request.task else { panic!("another task") };
        *authorization = Authorization::Basic { client_id: "pg".into(), secret: Secret::new(secret.to_owned()) };
        ask(&request)
    };
    provider.demand_authorization(INTROSPECT, Some("Basic cGc6YSUzQWI="));
    assert!(matches!(basic("a:b"), HelperReply::Answer(_)));
    for wrong in ["a%3Ab", "a:b ", "A:b", "a"] {
        assert_refused(&basic(wrong), "credentials", "status 401");
    }
}

#[test]
fn a_bearer_token_that_no_header_takes_is_not_sent() {
    let provider = provider();
    let mut request = request_about(&token(), &provider, ClientAuth::None);
    let Task::Introspect { authorization, .. } = &mut request.task else { panic!("another task") };
    *authorization = Authorization::Bearer { secret: Secret::new(format!("{SENTINEL}\r\nX: y")) };
    assert_refused(&ask(&request), "credentials", "characters that no header takes");
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn statuses_that_are_no_answer() {
    for status in [201, 204, 304, 404, 405, 410, 429, 500, 502, 503] {
        let outcome = with_fault(Fault::Status(status));
        assert_refused(&outcome, "http_status", &format!("{INTROSPECT}: the answer has status {status}, not 200"));
        assert!(!hint(&outcome).contains("discovery"), "{}", hint(&outcome));
    }
    let page = Reply::new(400, format!("<html>{SENTINEL}")).with_header("Content-Type", "text/html");
    let provider = MockProvider::start();
    provider.set_reply(INTROSPECT, page);
    assert_refused(&ask(&request(&provider)), "http_status", "status 400, not 200");
}

#[test]
fn no_redirect_is_followed_not_even_to_the_same_place() {
    for (fault, code, words) in redirects() {
        assert_refused(&with_fault(fault), code, &words);
    }
    let provider = provider();
    provider.set_fault("/moved", Fault::Redirect(307, INTROSPECT.to_owned()));
    let outcome = ask(&at(&format!("{}/moved", provider.base_url()), request(&provider)));
    assert_refused(&outcome, "redirect", "status 307");
    assert_eq!(provider.request_count(INTROSPECT), 0);
}

/// A signed answer (RFC 9701) is none of those that are asked for.
#[test]
fn answers_that_do_not_say_they_are_json() {
    let types = ["application/token-introspection+jwt", "application/jwt", "text/html", "text/plain", ""];
    for content_type in types {
        let outcome = with_fault(Fault::ContentType(content_type.to_owned()));
        assert_refused(&outcome, "content_type", "does not say that it is JSON");
    }
    let twice =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}";
    assert_refused(&with_fault(Fault::Raw(twice.into())), "content_type", "does not say that it is JSON");
}

/// Whether a body is one JSON object is for the core to say.
#[test]
fn answers_that_are_too_much_or_not_whole() {
    let others = bad_answers().into_iter().filter(|(_, code, _)| *code != "not_json" && *code != "content_type");
    for (fault, code, words) in others {
        assert_refused(&with_fault(fault), code, &words);
    }
}

#[test]
fn answers_that_are_no_text() {
    let invalid = [b"{\"active\":true,\"sub\":\"\xff\xfe", SENTINEL.as_bytes(), b"\"}"].concat();
    assert_refused(&with_fault(Fault::Body(invalid)), "not_json", "not one JSON object in UTF-8");
}

#[test]
fn certificates_must_be_valid_before_the_token_is_sent() {
    for (fault, code, words) in bad_certificates() {
        let provider = provider();
        provider.set_fault(ALL, fault);
        assert_refused(&ask(&request(&provider)), code, &words);
        assert_eq!((provider.requests().len(), provider.connection_count()), (0, 1));
    }
    let (provider, other) = (provider(), MockProvider::start());
    let outcome = ask(&by_way(request(&provider), |reach| reach.ca = request(&other).reach.ca));
    assert_refused(&outcome, "tls", "an authority that is not trusted");
    assert!(hint(&outcome).contains("keys.ca_file"), "{}", hint(&outcome));
    assert_eq!(provider.requests(), []);
}

#[test]
fn what_speaks_no_tls_is_not_told_the_token() {
    let (address, server) = answering(&format!("HTTP/1.1 200 {SENTINEL}\r\n\r\n"), |read| {
        assert!(!String::from_utf8_lossy(read).contains(SENTINEL), "the token is on the wire");
        read.starts_with(&[22, 3])
    });
    assert_refused(&ask(&at(&format!("https://{address}/"), request(&provider()))), "tls", "handshake failed");
    server.join().expect("the server ends");
}

#[test]
fn an_endpoint_that_is_down_is_not_connected_to() {
    let provider = provider();
    provider.stop();
    assert_refused(&ask(&request(&provider)), "connect", "refused");
    let (address, _socket) = refusing();
    let request = by_way(request(&provider), |reach| reach.proxy = Some(format!("http://{address}")));
    assert_refused(&ask(&request), "connect", "refused");
}

#[test]
fn a_connection_that_ends_early_is_not_tried_again() {
    let provider = provider();
    provider.set_fault(ALL, Fault::Refuse);
    let outcome = ask(&request(&provider));
    assert!(
        matches!(&outcome, HelperReply::Failed(HelperFailure { code, .. }) if code == "connect" || code == "tls"),
        "{outcome:?}"
    );
    assert_eq!(provider.connection_count(), 1);
    assert_refused(&with_fault(Fault::Raw(Vec::new())), "connect", "closed before an answer");
}

#[test]
fn whatever_drags_on_ends_before_the_deadline() {
    for (path, fault) in [
        (ALL, Fault::HangBeforeTls),
        (INTROSPECT, Fault::HangAfterTls),
        (INTROSPECT, Fault::SlowHeaders),
        (INTROSPECT, Fault::SlowBody),
    ] {
        let provider = provider();
        provider.set_fault(path, fault.clone());
        let start = Instant::now();
        let outcome = ask(&by_way(request(&provider), |reach| reach.timeout = Duration::from_millis(1500)));
        assert!(start.elapsed() < Duration::from_secs(4), "{fault:?} took {:?}", start.elapsed());
        assert_refused(&outcome, "timeout", "within 1.35 s in all");
        assert!(hint(&outcome).contains("keys.timeout"), "{}", hint(&outcome));
        assert_eq!(provider.connection_count(), 1);
    }
}

#[test]
fn endpoints_that_cannot_be_asked() {
    let provider = provider();
    for (endpoint, words) in [
        ("http://localhost/introspect", "is not https"),
        ("https://good@evil.example/introspect", "has a user name"),
        ("https://idp.example/introspect#x", "has a fragment"),
        ("file:///etc/passwd", "is no"),
        ("/introspect", "is no absolute URL"),
    ] {
        let outcome = ask(&at(endpoint, request(&provider)));
        assert_refused(&outcome, "url", &format!("the introspection endpoint {words}"));
        assert!(hint(&outcome).contains("introspection.endpoint"), "{}", hint(&outcome));
    }
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn authorities_that_cannot_be_read_are_no_reason_to_trust_the_system() {
    let provider = provider();
    let outcome = ask(&by_way(request(&provider), |reach| reach.ca = Some(Pem("not PEM\n".to_owned()))));
    assert_refused(&outcome, "ca_file", "keys.ca_file has no certificate in PEM");
    assert_eq!((provider.connection_count(), active()["active"].clone()), (0, true.into()));
}

#[test]
fn a_request_of_another_form_asks_nobody() {
    let provider = provider();
    let good = String::from_utf8(request_about("t", &provider, ClientAuth::Post(client("pg"))).to_line().to_vec());
    let good = good.expect("JSON");
    let told = |line: String| {
        let mut helper = crate::helper::RunningHelper::running();
        helper.tell(line.as_bytes());
        helper.end().answer()
    };
    assert!(matches!(told(good.clone()), HelperReply::Answer(_)), "it is good as it is");
    for line in [
        good.replace("\"post\"", "\"digest\""),
        good.replace("\"token_param\"", "\"method\":\"GET\",\"token_param\""),
        good.replace("\"token\":\"t\"", "\"token\":1"),
        good.replace("\"endpoint\"", "\"end_point\""),
    ] {
        assert_ne!(line, good);
        assert_refused(&told(line), "request", "does not understand the server's request");
    }
    assert_eq!(provider.requests().len(), 1);
}
