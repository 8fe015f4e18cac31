//! What `oauth-validator discover` refuses: networks, certificates, answers and documents that are not as they should be.
//!
//! Each code at least once. No refusal may repeat what the provider sent.

use super::{command, discover, discover_trusting, found};
use crate::network::{
    METADATA, RefusedFetch, SENTINEL, answering, bad_answers, bad_certificates, bad_issuers, bad_keys, bad_places,
    bad_statuses, provider, redirects, refusing, slow_faults, with_keys, with_member, with_members_twice,
};
use crate::support::{Run, run};
use oauth_validator_mock_provider::{ALL, Fault, MockProvider};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// That the run ended with this code, and with these words in its message.
#[track_caller]
fn assert_refused(run: &Run, code: &str, words: &str) {
    let report = run.json();
    let error = &report["error"];
    let message = error["message"].as_str().unwrap_or_default();
    assert_eq!((run.code, error["code"].as_str()), (1, Some(code)), "{}", run.stdout);
    assert!(message.contains(words), "no {words:?} in {message}");
    assert!(error["hint"].as_str().is_some_and(|hint| hint.len() > 10), "{report}");
    assert!(!run.stdout.contains(SENTINEL) && !run.stderr.contains(SENTINEL), "{}{}", run.stdout, run.stderr);
}

/// Sets each fault for the metadata, and then for the keys: both are refused, in the same way.
#[track_caller]
fn both_refused(faults: Vec<RefusedFetch>) {
    for (fault, code, words) in faults {
        for (path, requests) in [(METADATA, 0), ("/jwks", 1)] {
            let provider = provider();
            provider.set_fault(path, fault.clone());
            let refused = discover(&provider, &["--json"]);
            assert_refused(&refused, code, &words);
            assert!(refused.json()["error"]["message"].as_str().unwrap().contains(path), "{}", refused.stdout);
            assert_eq!(provider.request_count("/jwks"), requests, "{fault:?}");
        }
    }
}

/// The report about metadata in which `member` is `value`; nobody is asked for keys.
fn about_member(member: &str, value: Value) -> Run {
    let provider = with_member(member, value);
    let run = discover(&provider, &["--json"]);
    assert_eq!(provider.request_count("/jwks"), 0);
    run
}

#[test]
fn a_provider_that_is_down_is_not_connected_to() {
    let provider = provider();
    provider.stop();
    assert_refused(&discover(&provider, &["--json"]), "connect", "refused");
    provider.restart();
    found(&discover(&provider, &["--json"]));
    provider.set_fault(ALL, Fault::Refuse);
    assert_refused(&discover(&provider, &["--json"]), "connect", "closed before an answer");
}

/// A label of 64 characters has no address anywhere, and no resolver is asked for it.
#[test]
fn a_name_without_an_address_is_told_from_a_failed_connection() {
    let issuer = format!("https://{}.example", "a".repeat(64));
    assert_refused(&discover_trusting(&provider(), &issuer, &["--json"]), "dns", "has no address");
}

#[test]
fn certificates_must_be_valid_for_the_name_and_lead_to_the_authority() {
    for (fault, code, words) in bad_certificates() {
        let provider = provider();
        provider.set_fault(ALL, fault);
        assert_refused(&discover(&provider, &["--json"]), code, &words);
        assert_eq!(provider.requests(), []);
    }
}

#[test]
fn the_file_of_authorities_takes_the_place_of_all_others() {
    let (provider, other) = (provider(), MockProvider::start());
    let refused = discover_trusting(&other, &provider.issuer(), &["--json"]);
    assert_refused(&refused, "tls", "an authority that is not trusted");
    assert!(refused.json()["error"]["hint"].as_str().unwrap().contains("--ca-file"), "{}", refused.stdout);
}

#[test]
fn an_unusable_file_of_authorities_is_no_reason_to_ask() {
    let plain = MockProvider::start_without_tls();
    let refused = |path: &str| run(&mut command(&["https://localhost:1", "--ca-file", path]));
    refused(plain.ca_file().to_str().unwrap()).assert_failed(&["has no certificate in PEM", "help: "]);
    refused("missing.pem").assert_failed(&["cannot read \"missing.pem\"", "help: "]);
}

#[test]
fn what_speaks_no_tls_is_refused() {
    let (address, server) = answering(&format!("HTTP/1.1 400 {SENTINEL}\r\n\r\n"), |read| read.starts_with(&[22, 3]));
    let issuer = format!("https://{address}");
    assert_refused(&discover_trusting(&provider(), &issuer, &["--json"]), "tls", "handshake failed");
    server.join().expect("the server ends");
}

/// The deadline is one second; a byte a second would take minutes.
#[test]
fn the_deadline_holds_whatever_drags_on() {
    for (path, fault) in slow_faults() {
        let provider = provider();
        provider.set_fault(path, fault.clone());
        let start = Instant::now();
        let refused = discover(&provider, &["--timeout", "1s", "--json"]);
        assert!(start.elapsed() < Duration::from_secs(6), "{fault:?} took {:?}", start.elapsed());
        assert_refused(&refused, "timeout", "within 1 s in all");
    }
}

#[test]
fn no_redirect_is_followed() {
    for (fault, code, words) in redirects() {
        let provider = provider();
        let Fault::Redirect(status, _) = fault else { panic!("{fault:?}") };
        provider.set_fault(METADATA, fault);
        let refused = discover(&provider, &["--json"]);
        assert_refused(&refused, code, &words);
        assert_eq!((provider.requests().len(), refused.json()["error"]["status"].as_u64()), (1, Some(status.into())));
    }
    both_refused(redirects().into_iter().take(1).collect());
}

#[test]
fn any_other_status_than_200_is_refused() {
    both_refused(bad_statuses());
}

#[test]
fn a_provider_without_metadata_is_asked_in_both_forms_and_no_more() {
    let provider = provider();
    provider.set_fault(ALL, Fault::Status(404));
    assert_refused(&discover(&provider, &["--json"]), "http_status", &format!("{METADATA}: the answer has status 404"));
    let paths: Vec<String> = provider.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, [METADATA, "/.well-known/oauth-authorization-server"]);
    let url = format!("{}/x", provider.base_url());
    assert_refused(&discover(&provider, &["--discovery-url", &url, "--json"]), "http_status", "/x: the answer");
}

#[test]
fn only_404_leads_to_the_second_form() {
    let provider = provider();
    provider.set_fault(METADATA, Fault::Status(500));
    assert_refused(&discover(&provider, &["--json"]), "http_status", "status 500");
    assert_eq!(provider.requests().len(), 1);
}

#[test]
fn an_answer_is_one_bounded_json_object_in_plain_http_or_refused() {
    both_refused(bad_answers());
}

#[test]
fn the_largest_document_is_taken() {
    let provider = provider();
    provider.set_fault(ALL, Fault::Huge(256 * 1024));
    found(&discover(&provider, &["--json"]));
}

#[test]
fn members_that_count_must_not_come_twice() {
    for provider in with_members_twice() {
        assert_refused(&discover(&provider, &["--json"]), "not_json", "has a member twice");
        assert_eq!(provider.request_count("/jwks"), 0);
    }
}

#[test]
fn the_document_must_be_about_the_issuer_byte_for_byte() {
    for (value, words) in bad_issuers() {
        assert_refused(&about_member("issuer", value), "issuer_mismatch", words);
    }
    let provider = with_keys(MockProvider::with_issuer_path("/"));
    let without_slash = discover_trusting(&provider, &provider.base_url(), &["--json"]);
    assert_refused(&without_slash, "issuer_mismatch", &format!("{:?}", provider.issuer()));
    let in_capitals = discover_trusting(&provider, &provider.issuer().replace("localhost", "LOCALHOST"), &["--json"]);
    assert_refused(&in_capitals, "issuer_mismatch", "about another issuer");
}

#[test]
fn keys_may_not_be_just_anywhere() {
    for (value, words) in bad_places().into_iter().filter(|(value, _)| !value.is_null()) {
        assert_refused(&about_member("jwks_uri", value), "jwks_uri", words);
    }
}

/// Neither keys nor a place to ask: nothing can be proposed, and the provider's administrator has nothing to mend.
#[test]
fn a_provider_that_publishes_no_way_to_verify_is_told_apart() {
    let metadata = |methods: Value| {
        let provider = provider();
        let mut metadata = provider.metadata();
        let members = metadata.as_object_mut().expect("an object");
        members.remove("jwks_uri");
        match methods {
            Value::Null => members.remove("introspection_endpoint"),
            methods => members.insert("introspection_endpoint_auth_methods_supported".to_owned(), methods),
        };
        provider.set_metadata(metadata);
        discover(&provider, &["--json"])
    };
    let neither = metadata(json!(null));
    assert_refused(&neither, "jwks_uri", "the document's jwks_uri is missing");
    let hint = neither.json()["error"]["hint"].as_str().expect("a hint").to_owned();
    assert!(hint.contains("introspection.endpoint") && !hint.contains("administrator"), "{hint}");
    for methods in [json!(["private_key_jwt"]), json!(["tls_client_auth", "client_secret_jwt", "Basic"])] {
        assert_refused(&metadata(methods), "jwks_uri", "takes no client authentication of this server's");
    }
}

#[test]
fn another_host_is_named_with_what_would_allow_it() {
    let refused = about_member("jwks_uri", json!("https://keys.example/jwks"));
    let hint = refused.json()["error"]["hint"].as_str().expect("a hint").to_owned();
    assert!(hint.ends_with("--allow-host keys.example"), "{hint}");
}

#[test]
fn key_documents_must_hold_keys_and_not_too_many() {
    for (document, words) in bad_keys() {
        let provider = provider();
        provider.set_keys(document);
        assert_refused(&discover(&provider, &["--json"]), "no_keys", words);
    }
}

#[test]
fn a_refusal_in_text_has_its_code_and_what_to_do() {
    let provider = provider();
    provider.set_fault("/jwks", Fault::Status(503));
    let refused = discover(&provider, &[]);
    let url = format!("{}/jwks", provider.base_url());
    let said = format!("error[http_status]: {url}: the answer has status 503, not 200\n\n  help: ");
    assert!(refused.code == 1 && refused.stdout.starts_with(&said), "{}", refused.stdout);
    assert!(refused.stderr.ends_with(&format!("asking {url}\n")), "{}", refused.stderr);
}

#[test]
fn a_proxy_that_refuses_or_is_down_is_an_error() {
    let provider = provider();
    let answer = format!("HTTP/1.1 403 {SENTINEL}\r\nContent-Length: 0\r\n\r\n");
    let (address, proxy) = answering(&answer, |read| read.ends_with(b"\r\n\r\n"));
    let url = format!("http://{address}");
    assert_refused(&discover(&provider, &["--proxy", &url, "--json"]), "proxy", "proxy does not connect");
    proxy.join().expect("the proxy ends");
    let (address, _socket) = refusing();
    let url = format!("http://{address}");
    assert_refused(&discover(&provider, &["--proxy", &url, "--json"]), "connect", "refused");
    assert_eq!(provider.requests(), []);
}

#[test]
fn wrong_usage_is_told_before_anybody_is_asked() {
    for (args, words) in [
        (&["http://idp.example"][..], "the issuer is not https"),
        (&["http://localhost:1"], "the issuer is not https"),
        (&["http://idp.example", "--insecure-http"], "the issuer is not https"),
        (&["idp.example"], "the issuer is no absolute URL"),
        (&["https://ana@idp.example"], "the issuer has a user name"),
        (&["https://idp.example?x=1"], "the issuer has a query"),
        (&["https://idp.example/.well-known/openid-configuration"], "the issuer is the URL of a document"),
        (&["https://idp.example", "--discovery-url", "http://idp.example/x"], "the discovery URL is not https"),
        (&["https://idp.example", "--allow-host", "https://keys.example"], "an allowed host is no host"),
        (&["https://idp.example", "--allow-host", "*"], "an allowed host is no host"),
        (&["https://idp.example", "--timeout", "0s"], "it must be 1s to 5min"),
        (&["https://idp.example", "--proxy", "socks5://localhost:1"], "does not begin with http://"),
        (&["https://idp.example", "--proxy", "https://localhost:1"], "does not begin with http://"),
        (&["https://idp.example", "--proxy", "http://a:b@localhost:1"], "user name or a password"),
        (&[], "<ISSUER>"),
    ] {
        let refused = run(&mut command(args));
        refused.assert_failed(&[words]);
        assert!(!refused.stderr.contains("asking"), "{}", refused.stderr);
    }
}
