//! What `oauth-validator discover` refuses: networks, certificates, answers and documents that are not as they should be.
//!
//! Each code at least once. No refusal may repeat what the provider sent.

use super::{METADATA, command, discover, discover_trusting, found, provider, with_keys};
use crate::support::{Run, run};
use oauth_validator_fixtures::{jwks, keys};
use oauth_validator_mock_provider::{ALL, Fault, Provider};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

/// In bodies that are refused, and never in a report.
const SENTINEL: &str = "sentinel-5f1c";

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

/// Sets a fault for the metadata, and then for the keys: both are refused, in the same way.
#[track_caller]
fn both_refused(fault: &Fault, code: &str, words: &str) {
    for (path, requests) in [(METADATA, 0), ("/jwks", 1)] {
        let provider = provider();
        provider.set_fault(path, fault.clone());
        let refused = discover(&provider, &["--json"]);
        assert_refused(&refused, code, words);
        assert!(refused.json()["error"]["message"].as_str().unwrap().contains(path), "{}", refused.stdout);
        assert_eq!(provider.request_count("/jwks"), requests, "{fault:?}");
    }
}

/// A server for one connection, which answers once it has read enough; then nobody listens there any more.
fn answering(answer: &str, enough: fn(&[u8]) -> bool) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let answer = answer.to_owned();
    let serve = move || {
        let (mut client, _) = listener.accept().expect("a connection");
        let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
        while !enough(&read) {
            let length = client.read(&mut buffer).expect("the client sends");
            assert!(length > 0, "the client ended after {} bytes", read.len());
            read.extend_from_slice(&buffer[..length]);
        }
        client.write_all(answer.as_bytes()).expect("the client reads");
    };
    (address, thread::spawn(serve))
}

/// The report about metadata in which `member` is `value`; null takes it out.
fn with_member(member: &str, value: Value) -> Run {
    let provider = provider();
    let mut metadata = provider.metadata();
    metadata[member] = value;
    if metadata[member].is_null() {
        metadata.as_object_mut().expect("an object").remove(member);
    }
    provider.set_metadata(metadata);
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
    for (fault, words) in [
        (Fault::WrongNameCertificate, "for another name"),
        (Fault::ExpiredCertificate, "has expired"),
        (Fault::NotYetValidCertificate, "not valid yet"),
        (Fault::UntrustedCertificate, "an authority that is not trusted"),
    ] {
        let provider = provider();
        provider.set_fault(ALL, fault);
        assert_refused(&discover(&provider, &["--json"]), "tls", words);
        assert_eq!(provider.requests(), []);
    }
}

#[test]
fn the_file_of_authorities_takes_the_place_of_all_others() {
    let (provider, other) = (provider(), Provider::start());
    let refused = discover_trusting(&other, &provider.issuer(), &["--json"]);
    assert_refused(&refused, "tls", "an authority that is not trusted");
    assert!(refused.json()["error"]["hint"].as_str().unwrap().contains("--ca-file"), "{}", refused.stdout);
}

#[test]
fn an_unusable_file_of_authorities_is_no_reason_to_ask() {
    let plain = Provider::start_without_tls();
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
    for (path, fault) in [
        (ALL, Fault::HangBeforeTls),
        (METADATA, Fault::HangAfterTls),
        (METADATA, Fault::SlowHeaders),
        (METADATA, Fault::SlowBody),
        ("/jwks", Fault::SlowBody),
    ] {
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
    for status in [301, 302, 303, 307, 308] {
        for target in ["/jwks", "https://other.example/", "http://169.254.169.254/latest/meta-data/"] {
            let provider = provider();
            provider.set_fault(METADATA, Fault::Redirect(status, format!("{target}?{SENTINEL}")));
            let refused = discover(&provider, &["--json"]);
            assert_refused(&refused, "redirect", &format!("status {status}"));
            assert_eq!(
                (provider.requests().len(), refused.json()["error"]["status"].as_u64()),
                (1, Some(status.into()))
            );
        }
    }
    both_refused(&Fault::Redirect(302, "/other".to_owned()), "redirect", "status 302");
}

#[test]
fn any_other_status_than_200_is_refused() {
    for status in [201, 204, 400, 403, 429, 500, 503] {
        both_refused(&Fault::Status(status), "http_status", &format!("status {status}, not 200"));
    }
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
fn bodies_are_bounded_whatever_their_announced_length() {
    both_refused(&Fault::Huge(256 * 1024 + 1), "too_large", "exceeds 262144 bytes");
    both_refused(&Fault::Huge(10 * 1024 * 1024), "too_large", "exceeds 262144 bytes");
    both_refused(&Fault::EndlessChunks, "too_large", "exceeds 262144 bytes");
    let provider = provider();
    provider.set_fault(ALL, Fault::Huge(256 * 1024));
    found(&discover(&provider, &["--json"]));
}

#[test]
fn headers_are_bounded() {
    let head = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", SENTINEL.repeat(10_000));
    both_refused(&Fault::Raw(head.into_bytes()), "too_large", "headers of the answer exceed 32768 bytes");
}

#[test]
fn an_answer_that_ends_early_is_incomplete() {
    both_refused(&Fault::ContentLengthTooLong, "incomplete", "ends before its announced end");
}

#[test]
fn what_is_no_http_is_refused() {
    both_refused(&Fault::Raw(format!("SSH-2.0-{SENTINEL}\r\n\r\n").into_bytes()), "incomplete", "not HTTP/1.1");
}

#[test]
fn nothing_is_decompressed() {
    both_refused(&Fault::Gzip(10 * 1024 * 1024), "content_encoding", "is compressed");
}

#[test]
fn a_document_must_say_that_it_is_json() {
    for content_type in ["text/html; charset=utf-8", "text/plain", "application/octet-stream", ""] {
        both_refused(&Fault::ContentType(content_type.to_owned()), "content_type", "does not say that it is JSON");
    }
}

#[test]
fn a_document_must_be_one_json_object() {
    let html = format!("<!DOCTYPE html><title>{SENTINEL}</title>");
    let twice = format!("{{\"keys\":[],\"keys\":[],\"x\":\"{SENTINEL}\"}}");
    let invalid = [b"{\"issuer\":\"\xff\xfe", SENTINEL.as_bytes(), b"\"}"].concat();
    for body in [html.as_bytes(), twice.as_bytes(), &invalid, b"", b"[]", b"null", b"\xef\xbb\xbf{}", b"{} {}"] {
        both_refused(&Fault::Body(body.to_vec()), "not_json", "not one JSON object");
    }
}

#[test]
fn members_that_count_must_not_come_twice() {
    for member in ["issuer", "jwks_uri", "\\u006awks_uri"] {
        let provider = provider();
        let metadata = provider.metadata().to_string();
        let value = if member == "issuer" { provider.issuer() } else { format!("{}/jwks", provider.base_url()) };
        let twice = metadata.replacen('{', &format!("{{\"{member}\":\"{value}\","), 1);
        provider.set_fault(METADATA, Fault::Body(twice.into_bytes()));
        assert_refused(&discover(&provider, &["--json"]), "not_json", "has a member twice");
        assert_eq!(provider.request_count("/jwks"), 0);
    }
}

#[test]
fn the_document_must_be_about_the_issuer_byte_for_byte() {
    assert_refused(&with_member("issuer", json!("https://evil.example")), "issuer_mismatch", "https://evil.example");
    assert_refused(
        &with_member("issuer", json!(format!("\u{1b}[2J{SENTINEL}"))),
        "issuer_mismatch",
        "about another issuer",
    );
    for value in [json!(null), json!(1), json!(["https://localhost"])] {
        assert_refused(&with_member("issuer", value), "issuer_mismatch", "names no issuer");
    }
    let template = with_member("issuer", json!("https://login.example/{tenantid}/v2.0"));
    assert_refused(&template, "issuer_mismatch", "that of all tenants");
    let provider = with_keys(Provider::with_issuer_path("/"));
    let without_slash = discover_trusting(&provider, &provider.base_url(), &["--json"]);
    assert_refused(&without_slash, "issuer_mismatch", &format!("{:?}", provider.issuer()));
    let in_capitals = discover_trusting(&provider, &provider.issuer().replace("localhost", "LOCALHOST"), &["--json"]);
    assert_refused(&in_capitals, "issuer_mismatch", "about another issuer");
}

#[test]
fn keys_may_not_be_just_anywhere() {
    for (uri, words) in [
        ("/jwks", "is no absolute URL"),
        ("http://localhost/jwks", "is not https"),
        ("http://127.0.0.1/jwks", "is not https"),
        ("https://localhost@evil.example/jwks", "has a user name"),
        ("https://localhost/jwks#x", "has a fragment"),
        ("https://localhost/jwks\r\nX: y", "percent-encoded"),
        ("file:///etc/passwd", "is no"),
        ("gopher://localhost/", "neither https nor"),
        ("https://169.254.169.254/latest", "another host than the issuer's, 169.254.169.254"),
        ("https://2130706433/jwks", "another host than the issuer's, 2130706433"),
        ("https://localhost.evil.example/jwks", "another host than the issuer's, localhost.evil.example"),
    ] {
        assert_refused(&with_member("jwks_uri", json!(uri)), "jwks_uri", words);
    }
    let long = format!("https://localhost/{}", "a".repeat(2048));
    assert_refused(&with_member("jwks_uri", json!(long)), "jwks_uri", "longer than 2048 bytes");
    assert_refused(&with_member("jwks_uri", json!(null)), "jwks_uri", "is missing");
    assert_refused(&with_member("jwks_uri", json!(["https://localhost/jwks"])), "jwks_uri", "is not a string");
}

#[test]
fn another_host_is_named_with_what_would_allow_it() {
    let refused = with_member("jwks_uri", json!("https://keys.example/jwks"));
    let hint = refused.json()["error"]["hint"].as_str().expect("a hint").to_owned();
    assert!(hint.ends_with("--allow-host keys.example"), "{hint}");
}

#[test]
fn key_documents_must_hold_keys_and_not_too_many() {
    let key = jwks(&[keys::corp()])["keys"][0].clone();
    for (document, words) in [
        (json!({ "keys": [] }), "it is empty"),
        (json!({}), "no array \"keys\""),
        (json!({ "keys": [{ "kty": "oct", "k": SENTINEL }] }), "has no usable key (key 1: it has private members"),
        (json!({ "keys": vec![json!({ "kty": "EC" }); 300] }), "it has 300 keys, more than 256"),
        (json!({ "keys": vec![key; 300] }), "it has 300 keys, more than 256"),
    ] {
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
        (&["https://idp.example", "--discovery-url", "http://idp.example/x"], "--discovery-url is not https"),
        (&["https://idp.example", "--allow-host", "https://keys.example"], "--allow-host is no host"),
        (&["https://idp.example", "--allow-host", "*"], "--allow-host is no host"),
        (&["https://idp.example", "--timeout", "0s"], "it must be 1s to 5min"),
        (&["https://idp.example", "--proxy", "socks5://localhost:1"], "neither http nor https"),
        (&["https://idp.example", "--proxy", "http://a:b@localhost:1"], "user name or a password"),
        (&[], "<ISSUER>"),
    ] {
        let refused = run(&mut command(args));
        refused.assert_failed(&[words]);
        assert!(!refused.stderr.contains("asking"), "{}", refused.stderr);
    }
}
