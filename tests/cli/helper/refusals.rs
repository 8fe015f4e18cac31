//! What `oauth-validator helper` answers where there is nothing to be had: a code, a sentence, and which key of the
//! configuration to look at.
//!
//! A refusal is an answer like any other, with the exit code 0. None may repeat what the provider sent.

use super::{Parts, RunningHelper, ask, by_way, command, request, request_with};
use crate::network::{
    METADATA, RefusedFetch, SENTINEL, answering, bad_answers, bad_certificates, bad_issuers, bad_keys, bad_places,
    bad_statuses, deaf_port, provider, redirects, refusing, slow_faults, with_keys, with_member, with_members_twice,
};
use oauth_validator_core::Pem;
use oauth_validator_core::protocol::{HelperFailure, HelperReply, PROTOCOL_VERSION};
use oauth_validator_mock_provider::{ALL, Fault, MockProvider};
use serde_json::json;
use std::time::{Duration, Instant};

/// That there is nothing to be had, for this reason.
#[track_caller]
pub fn assert_refused(outcome: &HelperReply, code: &str, words: &str) {
    let HelperReply::Failed(HelperFailure { code: given, message, hint }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(given, code, "{message}");
    assert!(message.contains(words), "no {words:?} in {message}");
    assert!(hint.len() > 10 && !hint.contains("--"), "{hint}");
    assert!(!message.contains(SENTINEL) && !hint.contains(SENTINEL), "{message} {hint}");
}

#[track_caller]
fn both_refused(faults: Vec<RefusedFetch>) {
    for (fault, code, words) in faults {
        for (path, requests) in [(METADATA, 0), ("/jwks", 1)] {
            let provider = provider();
            provider.set_fault(path, fault.clone());
            let outcome = ask(&request(&provider));
            assert_refused(&outcome, code, &words);
            assert_refused(&outcome, code, path);
            assert_eq!(provider.request_count("/jwks"), requests, "{fault:?}");
        }
    }
}

#[test]
fn certificates_must_be_valid_for_the_name_and_lead_to_the_authority() {
    for (fault, code, words) in bad_certificates() {
        let provider = provider();
        provider.set_fault(ALL, fault);
        assert_refused(&ask(&request(&provider)), code, &words);
        assert_eq!(provider.requests(), []);
    }
}

#[test]
fn the_given_authorities_take_the_place_of_all_others() {
    let (provider, other) = (provider(), MockProvider::start());
    let outcome = ask(&by_way(request(&provider), |reach| reach.ca = request(&other).reach.ca));
    assert_refused(&outcome, "tls", "an authority that is not trusted");
    let HelperReply::Failed(HelperFailure { hint, .. }) = outcome else { panic!("keys") };
    assert!(hint.contains("keys.ca_file"), "{hint}");
}

#[test]
fn an_unusable_text_of_authorities_is_no_reason_to_trust_the_system() {
    let provider = provider();
    let block = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    let Pem(good) = request(&provider).reach.ca.expect("an authority");
    for (text, words) in [
        (String::new(), "keys.ca_file has no certificate in PEM"),
        ("not PEM\n".to_owned(), "keys.ca_file has no certificate in PEM"),
        (block("AAAA"), "keys.ca_file has no certificate in PEM"),
        (block("!!!!"), "keys.ca_file has broken PEM blocks"),
        (good.clone() + &block("AAAA"), "keys.ca_file has 1 broken certificates"),
        (good.replace("-----END CERTIFICATE-----", ""), "keys.ca_file has"),
    ] {
        assert_refused(&ask(&by_way(request(&provider), |reach| reach.ca = Some(Pem(text)))), "ca_file", words);
    }
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn what_speaks_no_tls_is_refused() {
    let (address, server) = answering(&format!("HTTP/1.1 400 {SENTINEL}\r\n\r\n"), |read| read.starts_with(&[22, 3]));
    let outcome = ask(&request_with(&provider(), |parts| parts.issuer = format!("https://{address}")));
    assert_refused(&outcome, "tls", "handshake failed");
    server.join().expect("the server ends");
}

#[test]
fn a_provider_that_is_down_is_not_connected_to() {
    let provider = provider();
    provider.stop();
    assert_refused(&ask(&request(&provider)), "connect", "refused");
    provider.restart();
    provider.set_fault(ALL, Fault::Refuse);
    assert_refused(&ask(&request(&provider)), "connect", "closed before an answer");
}

#[test]
fn a_name_without_an_address_is_told_from_a_failed_connection() {
    let issuer = format!("https://{}.example", "a".repeat(64));
    let outcome = ask(&request_with(&provider(), |parts| parts.issuer = issuer));
    assert_refused(&outcome, "dns", "has no address");
}

/// A byte a second would take minutes. The answer comes before the deadline, at which the process would be gone.
#[test]
fn the_deadline_holds_whatever_drags_on() {
    for (path, fault) in slow_faults() {
        let provider = provider();
        provider.set_fault(path, fault.clone());
        let start = Instant::now();
        let outcome = ask(&by_way(request(&provider), |reach| reach.timeout = Duration::from_millis(1500)));
        assert!(start.elapsed() < Duration::from_secs(4), "{fault:?} took {:?}", start.elapsed());
        assert_refused(&outcome, "timeout", "within 1.35 s in all");
        let HelperReply::Failed(HelperFailure { hint, .. }) = outcome else { panic!("keys") };
        assert!(hint.contains("keys.timeout"), "{hint}");
    }
}

#[test]
fn connecting_has_a_limit_of_its_own() {
    let (address, _listener, _waiting) = deaf_port();
    let request = request_with(&provider(), |parts| parts.issuer = format!("https://{address}"));
    for millis in [0, 300] {
        let start = Instant::now();
        let outcome = ask(&by_way(request.clone(), |reach| reach.connect_timeout = Duration::from_millis(millis)));
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        assert_refused(&outcome, "timeout", "no connection was made in time");
    }
    let outcome = ask(&by_way(request, |reach| {
        reach.connect_timeout = Duration::from_mins(1);
        reach.timeout = Duration::from_secs(1);
    }));
    assert_refused(&outcome, "timeout", "within 0.9 s in all");
}

#[test]
fn no_redirect_is_followed() {
    for (fault, code, words) in redirects() {
        let provider = provider();
        provider.set_fault(METADATA, fault);
        assert_refused(&ask(&request(&provider)), code, &words);
        assert_eq!(provider.requests().len(), 1);
    }
    both_refused(redirects().into_iter().take(1).collect());
}

/// 304 among them, since nothing was said to be known.
#[test]
fn any_other_status_than_200_is_refused() {
    both_refused(bad_statuses());
}

#[test]
fn not_modified_is_no_answer_about_metadata() {
    let provider = provider();
    provider.set_fault(METADATA, Fault::Status(304));
    let known = oauth_validator_core::protocol::KnownDocument {
        url: format!("{}/jwks", provider.base_url()),
        etag: "\"v1\"".to_owned(),
    };
    let outcome = ask(&request_with(&provider, |parts| parts.known = Some(known)));
    assert_refused(&outcome, "http_status", "status 304, not 200");
}

/// The server waits before it asks again, whatever the provider would like.
#[test]
fn a_provider_that_asks_for_patience_is_refused_like_any_other() {
    for status in [429, 503] {
        let provider = provider();
        provider.set_fault("/jwks", Fault::Status(status));
        provider.set_header("/jwks", "Retry-After", "3600");
        let start = Instant::now();
        assert_refused(&ask(&request(&provider)), "http_status", &format!("status {status}, not 200"));
        assert!(start.elapsed() < Duration::from_secs(5) && provider.request_count("/jwks") == 1);
    }
}

#[test]
fn an_answer_is_one_bounded_json_object_in_plain_http_or_refused() {
    both_refused(bad_answers());
}

#[test]
fn a_provider_without_metadata_is_asked_in_both_forms_and_no_more() {
    let provider = provider();
    provider.set_fault(ALL, Fault::Status(404));
    assert_refused(&ask(&request(&provider)), "http_status", &format!("{METADATA}: the answer has status 404"));
    assert_eq!(super::paths(&provider), [METADATA, "/.well-known/oauth-authorization-server"]);
    let elsewhere = |change: fn(&mut Parts, String)| {
        let url = format!("{}/x", provider.base_url());
        ask(&request_with(&provider, |parts| change(parts, url)))
    };
    assert_refused(&elsewhere(|parts, url| parts.discovery_url = Some(url)), "http_status", "/x: the answer has");
    assert_refused(&elsewhere(|parts, url| parts.jwks_url = Some(url)), "http_status", "/x: the answer has");
    assert_eq!((provider.request_count("/x"), provider.requests().len()), (2, 4));
}

#[test]
fn only_404_leads_to_the_second_form() {
    let provider = provider();
    provider.set_fault(METADATA, Fault::Status(500));
    assert_refused(&ask(&request(&provider)), "http_status", "status 500");
    assert_eq!(provider.requests().len(), 1);
}

#[test]
fn the_metadata_must_be_about_the_issuer_byte_for_byte() {
    for (value, words) in bad_issuers() {
        let provider = with_member("issuer", value);
        assert_refused(&ask(&request(&provider)), "issuer_mismatch", words);
        assert_eq!(provider.request_count("/jwks"), 0);
    }
    let provider = with_keys(MockProvider::with_issuer_path("/"));
    let without_slash = ask(&request_with(&provider, |parts| parts.issuer = provider.base_url()));
    assert_refused(&without_slash, "issuer_mismatch", &format!("{:?}", provider.issuer()));
    let url = format!("{}{METADATA}", provider.base_url());
    let elsewhere = ask(&request_with(&provider, |parts| {
        parts.issuer = provider.base_url();
        parts.discovery_url = Some(url);
    }));
    assert_refused(&elsewhere, "issuer_mismatch", "about another issuer");
}

#[test]
fn keys_may_not_be_just_anywhere() {
    for (value, words) in bad_places() {
        let provider = with_member("jwks_uri", value);
        assert_refused(&ask(&request(&provider)), "jwks_uri", words);
        assert_eq!(provider.request_count("/jwks"), 0);
    }
}

#[test]
fn members_that_count_must_not_come_twice() {
    for provider in with_members_twice() {
        assert_refused(&ask(&request(&provider)), "not_json", "has a member twice");
        assert_eq!(provider.request_count("/jwks"), 0);
    }
}

#[test]
fn key_documents_must_hold_keys_and_not_too_many() {
    for (document, words) in bad_keys() {
        let provider = provider();
        provider.set_keys(document);
        assert_refused(&ask(&request(&provider)), "no_keys", words);
    }
}

#[test]
fn what_cannot_be_asked_is_refused_before_anybody_is() {
    let provider = provider();
    let refused = |change: fn(&mut Parts), words: &str| {
        assert_refused(&ask(&request_with(&provider, change)), "url", words);
    };
    refused(|parts| parts.issuer = "http://idp.example".to_owned(), "the issuer is not https");
    refused(|parts| parts.issuer = "https://a@idp.example".to_owned(), "the issuer has a user name");
    refused(|parts| parts.issuer = "https://idp.example?x".to_owned(), "the issuer has a query");
    refused(|parts| parts.issuer = "https://h/.well-known/x".to_owned(), "the issuer is the URL of a document");
    refused(|parts| parts.discovery_url = Some("http://h/x".to_owned()), "the discovery URL is not https");
    refused(|parts| parts.jwks_url = Some("http://h/x".to_owned()), "the URL of the keys is not https");
    refused(|parts| parts.jwks_url = Some("file:///etc/passwd".to_owned()), "the URL of the keys is no");
    refused(|parts| parts.jwks_url = Some("https://g@h/x".to_owned()), "the URL of the keys has a user name");
    refused(|parts| parts.allowed_hosts = vec!["*".to_owned()], "an allowed host is no host");
    for (proxy, words) in
        [("socks5://localhost:1", "does not begin with http://"), ("http://a:b@localhost:1", "user name or a password")]
    {
        assert_refused(&ask(&by_way(request(&provider), |reach| reach.proxy = Some(proxy.to_owned()))), "proxy", words);
    }
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn a_proxy_that_refuses_or_is_down_is_an_error() {
    let provider = provider();
    let answer = format!("HTTP/1.1 403 {SENTINEL}\r\nContent-Length: 0\r\n\r\n");
    let (address, proxy) = answering(&answer, |read| read.ends_with(b"\r\n\r\n"));
    let request = by_way(request(&provider), |reach| reach.proxy = Some(format!("http://{address}")));
    assert_refused(&ask(&request), "proxy", "proxy does not connect");
    proxy.join().expect("the proxy ends");
    let (address, _socket) = refusing();
    let request = by_way(request, |reach| reach.proxy = Some(format!("http://{address}")));
    assert_refused(&ask(&request), "connect", "refused");
    assert_eq!(provider.requests(), []);
}

fn told(line: &[u8]) -> HelperReply {
    let mut helper = RunningHelper::start(&mut command());
    helper.read_answer();
    helper.tell(line);
    helper.end().answer()
}

#[test]
fn another_version_is_answered_with_the_own_one() {
    for version in [0, 3, 4_294_967_295_u32] {
        let outcome = told(format!("{{\"version\":{version},\"surprise\":[]}}\n").as_bytes());
        let words = format!("speaks version {PROTOCOL_VERSION} of the protocol, the server {version}");
        assert_refused(&outcome, "version", &words);
    }
}

#[test]
fn what_is_no_request_is_answered_as_such() {
    let good = String::from_utf8(request(&provider()).to_line().to_vec()).expect("JSON");
    for line in [
        "\n".to_owned(),
        format!("garbage {SENTINEL}\n"),
        "{}\n".to_owned(),
        "{\"version\":1}\n".to_owned(),
        "{\"version\":\"1\"}\n".to_owned(),
        good.replace("\"keys\"", "\"shell\""),
        good.replace("\"allowed_hosts\"", "\"denied_hosts\":[],\"allowed_hosts\""),
        good.replace("5000", "-1"),
    ] {
        assert_refused(&told(line.as_bytes()), "request", "does not understand the server's request");
    }
    let invalid = [json!({ "version": 1 }).to_string().as_bytes(), b"\xff\n"].concat();
    assert_refused(&told(&invalid), "request", "does not understand");
}
