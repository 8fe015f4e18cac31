//! Each fault does what it says, and nothing else.

use std::io::Read as _;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use oauth_validator_mock_provider::{ALL, Fault, MockProvider};
use serde_json::{Value, json};

use crate::client::{ExchangeEnd, TestClient};

const EMPTY_SET: &[u8] = br#"{"keys":[]}"#;

/// A provider with this fault at `/jwks`.
fn with(fault: Fault) -> MockProvider {
    let provider = MockProvider::start();
    provider.set_fault("/jwks", fault);
    provider
}

#[test]
fn refuse_closes_before_the_handshake() {
    let provider = MockProvider::start();
    provider.set_fault(ALL, Fault::Refuse);
    let seen = TestClient::of(&provider).get("/jwks");
    assert_eq!((seen.end, seen.bytes), (ExchangeEnd::Dropped, Vec::new()));
    assert_eq!((provider.connection_count(), provider.requests().len()), (1, 0));
}

#[test]
fn hanging_before_tls_sends_nothing() {
    let provider = MockProvider::start();
    provider.set_fault(ALL, Fault::HangBeforeTls);
    let seen = TestClient::impatient(&provider).get("/jwks");
    assert_eq!((seen.end, seen.bytes), (ExchangeEnd::Patience, Vec::new()));
    assert_eq!((provider.connection_count(), provider.requests().len()), (1, 0));
}

#[test]
fn hanging_after_tls_reads_the_request_and_sends_nothing() {
    let provider = with(Fault::HangAfterTls);
    let seen = TestClient { patience: Duration::from_secs(1), ..TestClient::of(&provider) }.get("/jwks");
    assert_eq!((seen.end, seen.bytes), (ExchangeEnd::Patience, Vec::new()));
    assert_eq!(provider.request_count("/jwks"), 1);
}

#[test]
fn slow_headers_come_byte_by_byte() {
    let provider = with(Fault::SlowHeaders);
    let started = Instant::now();
    let seen = TestClient { limit: 1, ..TestClient::of(&provider) }.get("/jwks");
    assert_eq!((seen.bytes.as_slice(), &seen.end), (&b"HT"[..], &ExchangeEnd::Patience));
    assert!(started.elapsed() > Duration::from_millis(900), "the second byte came at once");
}

#[test]
fn slow_bodies_follow_whole_headers() {
    let provider = MockProvider::start();
    let whole = TestClient::of(&provider).get("/jwks");
    provider.set_fault("/jwks", Fault::SlowBody);
    let (head, started) = (whole.bytes.len() - EMPTY_SET.len(), Instant::now());
    let seen = TestClient { limit: head + 1, ..TestClient::of(&provider) }.get("/jwks");
    assert_eq!((seen.bytes.as_slice(), &seen.end), (&whole.bytes[..head + 2], &ExchangeEnd::Patience));
    assert!(started.elapsed() > Duration::from_millis(900), "the second byte came at once");
}

#[test]
fn endless_chunks_go_on_as_long_as_they_are_read() {
    let provider = with(Fault::EndlessChunks);
    let seen = TestClient { limit: 3_000_000, ..TestClient::of(&provider) }.get("/jwks");
    assert_eq!((seen.status(), &seen.end), (200, &ExchangeEnd::Patience));
    assert_eq!(seen.header("Transfer-Encoding").as_deref(), Some("chunked"));
    assert_eq!(seen.header("Content-Length"), None);
    assert!(seen.bytes.len() > 3_000_000);
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096)).into_bytes();
    assert!(seen.body().chunks(chunk.len()).all(|part| chunk.starts_with(part)), "well-formed, and not the last one");
}

#[test]
fn a_length_that_is_too_long_ends_early_and_orderly() {
    let provider = with(Fault::ContentLengthTooLong);
    let seen = TestClient::of(&provider).get("/jwks");
    assert_eq!(seen.header("Content-Length"), Some((EMPTY_SET.len() + 100).to_string()));
    assert_eq!((seen.status(), seen.body(), &seen.end), (200, EMPTY_SET, &ExchangeEnd::Closed));
}

#[test]
fn huge_is_the_same_document_of_exactly_that_size() {
    for size in [256 * 1024, 256 * 1024 + 1, 10_000_000] {
        let provider = with(Fault::Huge(size));
        let seen = TestClient::of(&provider).get("/jwks");
        assert_eq!(seen.body().len(), size);
        assert_eq!(seen.json(), json!({ "keys": [] }));
    }
}

#[test]
fn a_status_changes_the_status_alone() {
    for status in [201, 204, 301, 400, 401, 404, 429, 500, 503, 599] {
        let provider = with(Fault::Status(status));
        let seen = TestClient::of(&provider).get("/jwks");
        assert_eq!((seen.status(), &seen.end), (status, &ExchangeEnd::Closed));
        let expected: &[u8] = if status == 204 { b"" } else { EMPTY_SET };
        assert_eq!((seen.body(), seen.header("Location")), (expected, None), "{status}");
    }
}

#[test]
fn a_redirect_names_its_target() {
    for status in [301, 302, 303, 307, 308] {
        let provider = with(Fault::Redirect(status, "https://evil.example/jwks".into()));
        let seen = TestClient::of(&provider).get("/jwks");
        assert_eq!((seen.status(), seen.header("Location").as_deref()), (status, Some("https://evil.example/jwks")));
        assert_eq!(seen.json(), json!({ "keys": [] }));
    }
}

#[test]
fn the_content_type_is_what_the_test_says() {
    for (given, seen) in [("text/html", Some("text/html")), ("application/jwk-set+json", None), ("", None)] {
        let provider = with(Fault::ContentType(given.into()));
        let answer = TestClient::of(&provider).get("/jwks");
        let expected = seen.or(Some(given).filter(|given| !given.is_empty()));
        assert_eq!(answer.header("Content-Type").as_deref(), expected);
        assert_eq!(answer.json(), json!({ "keys": [] }));
    }
}

#[test]
fn a_body_is_sent_as_it_is_at_any_path() {
    for body in [&b"\xff\xfe{\"keys\": 1"[..], b"", br#"{"issuer":"a","issuer":"b"}"#] {
        let provider = with(Fault::Body(body.to_vec()));
        provider.set_fault("/elsewhere", Fault::Body(body.to_vec()));
        for path in ["/jwks", "/elsewhere"] {
            let seen = TestClient::of(&provider).get(path);
            assert_eq!((seen.status(), seen.body(), &seen.end), (200, body, &ExchangeEnd::Closed));
            assert_eq!(seen.header("Content-Type").as_deref(), Some("application/json"));
        }
    }
}

#[test]
fn gzip_is_small_and_unpacks_to_the_document() {
    for size in [0, 10 * 1024 * 1024] {
        let provider = with(Fault::Gzip(size));
        let seen = TestClient::of(&provider).get("/jwks");
        assert_eq!(seen.header("Content-Encoding").as_deref(), Some("gzip"));
        assert!(seen.body().len() < 32 * 1024, "{} bytes", seen.body().len());
        let mut unpacked = Vec::new();
        GzDecoder::new(seen.body()).read_to_end(&mut unpacked).expect("whole gzip");
        assert_eq!(unpacked.len(), size.max(EMPTY_SET.len()));
        assert_eq!(serde_json::from_slice::<Value>(&unpacked).unwrap(), json!({ "keys": [] }));
    }
}

#[test]
fn raw_bytes_replace_the_whole_response() {
    let provider = with(Fault::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()));
    let seen = TestClient::of(&provider).get("/jwks");
    assert_eq!((seen.bytes.as_slice(), &seen.end), (&b"SSH-2.0-OpenSSH\r\n"[..], &ExchangeEnd::Closed));
}

#[test]
fn the_fault_of_a_path_counts_before_that_of_all() {
    let provider = MockProvider::start();
    let status = |path| TestClient::of(&provider).get(path).status();
    let discovery = "/.well-known/openid-configuration";
    provider.set_fault(ALL, Fault::Status(503));
    provider.set_fault("/jwks", Fault::Status(429));
    assert_eq!((status("/jwks"), status(discovery)), (429, 503));
    provider.set_fault("/jwks", Fault::None);
    assert_eq!((status("/jwks"), status(discovery)), (200, 503));
    provider.clear_faults();
    assert_eq!((status("/jwks"), status(discovery)), (200, 200));
}

#[test]
fn a_spoilt_response_is_never_304() {
    let provider = with(Fault::Status(500));
    provider.set_header("/jwks", "ETag", "\"v1\"");
    let seen = TestClient { headers: "If-None-Match: \"v1\"\r\n", ..TestClient::of(&provider) }.get("/jwks");
    assert_eq!(seen.status(), 500);
}

#[test]
#[should_panic(expected = "ExpiredCertificate comes before the path is known: set it for ALL")]
fn a_certificate_belongs_to_no_path() {
    with(Fault::ExpiredCertificate);
}

#[test]
#[should_panic(expected = "Refuse comes before the path is known")]
fn a_refusal_belongs_to_no_path() {
    with(Fault::Refuse);
}

#[test]
#[should_panic(expected = "UntrustedCertificate needs a provider with TLS")]
fn a_certificate_needs_tls() {
    MockProvider::start_without_tls().set_fault(ALL, Fault::UntrustedCertificate);
}

#[test]
#[should_panic(expected = "a path begins with a slash, not \"jwks\"")]
fn a_mistyped_path_is_no_silent_success() {
    MockProvider::start().set_fault("jwks", Fault::None);
}

#[test]
#[should_panic(expected = "200 is no redirect")]
fn a_redirect_needs_a_status_of_redirects() {
    with(Fault::Redirect(200, "/".into()));
}

#[test]
fn a_broken_request_is_dropped() {
    let provider = MockProvider::start();
    let started = Instant::now();
    let seen = TestClient { headers: "no colon\r\n", ..TestClient::of(&provider) }.get("/jwks");
    assert_eq!((seen.bytes.len(), seen.end), (0, ExchangeEnd::Dropped));
    let long = format!("X-Long: {}\r\n", "a".repeat(200_000));
    let seen = TestClient { headers: &long, ..TestClient::of(&provider) }.get("/jwks");
    assert_eq!((seen.bytes.len(), seen.end), (0, ExchangeEnd::Dropped));
    assert_eq!(provider.requests(), []);
    assert!(started.elapsed() < Duration::from_secs(5));
}
