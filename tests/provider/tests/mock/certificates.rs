//! The certificates: the good one is good under its own CA alone, and each bad one is refused for its one reason.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use oauth_validator_mock_provider::{ALL, Fault, MockProvider};
use rustls::{AlertDescription, CertificateError, Error};

use crate::client::{ExchangeEnd, TestClient};

#[test]
fn both_names_of_the_certificate_are_good() {
    let provider = MockProvider::start();
    for name in ["localhost", "127.0.0.1"] {
        assert_eq!(TestClient { name, ..TestClient::of(&provider) }.get("/jwks").status(), 200, "{name}");
    }
}

#[test]
fn no_other_name_is_good() {
    let provider = MockProvider::start();
    for name in ["other.example", "127.0.0.2", "localhost.example"] {
        let seen = TestClient { name, ..TestClient::of(&provider) }.get("/jwks");
        let ExchangeEnd::Tls(Error::InvalidCertificate(error)) = &seen.end else { panic!("{name}: {:?}", seen.end) };
        assert!(matches!(error, CertificateError::NotValidForNameContext { .. }), "{name}: {error:?}");
    }
    assert_eq!(provider.requests(), []);
}

#[test]
fn a_client_without_the_ca_refuses() {
    let provider = MockProvider::start();
    let other = MockProvider::start();
    let client = TestClient { trusts_ca: false, ..TestClient::of(&provider) };
    assert_eq!(client.get("/jwks").end, unknown_issuer());
    assert_ne!(fs::read(provider.ca_file()).unwrap(), fs::read(other.ca_file()).unwrap());
    assert_eq!(provider.requests(), []);
}

#[test]
fn each_bad_certificate_is_refused_for_its_reason() {
    let provider = MockProvider::start();
    let refusal = |fault| {
        provider.set_fault(ALL, fault);
        let seen = TestClient::of(&provider).get("/jwks");
        assert_eq!(seen.bytes, b"");
        seen.end
    };
    assert_eq!(refusal(Fault::UntrustedCertificate), unknown_issuer());
    let cases = [
        (Fault::ExpiredCertificate, "ExpiredContext"),
        (Fault::NotYetValidCertificate, "NotValidYetContext"),
        (Fault::WrongNameCertificate, "NotValidForNameContext"),
    ];
    for (fault, reason) in cases {
        let ExchangeEnd::Tls(Error::InvalidCertificate(error)) = refusal(fault.clone()) else { panic!("{fault:?}") };
        assert!(format!("{error:?}").starts_with(reason), "{fault:?}: {error:?}");
    }
    assert_eq!(provider.requests(), []);

    provider.set_fault(ALL, Fault::WrongNameCertificate);
    assert_eq!(TestClient { name: "other.example", ..TestClient::of(&provider) }.get("/jwks").status(), 200);
    provider.set_fault(ALL, Fault::None);
    assert_eq!(TestClient::of(&provider).get("/jwks").status(), 200);
}

#[test]
fn a_client_of_plain_http_is_refused() {
    let provider = MockProvider::start();
    let seen = TestClient::of(&provider).get_plain("/jwks");
    assert!(!seen.bytes.starts_with(b"HTTP"), "TLS answers with an alert or not at all");
    assert_eq!(provider.requests(), []);
}

#[test]
fn a_client_of_tls_is_refused_without_tls() {
    let provider = MockProvider::start_without_tls();
    let client = TestClient::impatient(&provider);
    // Without TLS, there is no CA either.
    let seen = TestClient { trusts_ca: false, ..client }.get("/jwks");
    assert!(seen.end != ExchangeEnd::Closed && seen.bytes.is_empty(), "{:?}", seen.end);
    assert_ne!(seen.end, ExchangeEnd::Tls(Error::AlertReceived(AlertDescription::UnknownCA)));
    assert_eq!(fs::read(provider.ca_file()).unwrap(), b"");
}

#[test]
fn other_users_can_read_the_ca_until_the_end() {
    let provider = MockProvider::start();
    let file = provider.ca_file().to_owned();
    let folder = file.parent().unwrap().to_owned();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&folder), mode(&file)), (0o755, 0o644));
    let pem = fs::read_to_string(&file).unwrap();
    assert_eq!((pem.matches("BEGIN CERTIFICATE").count(), pem.matches("PRIVATE").count()), (1, 0));
    drop(provider);
    assert!(!folder.exists());
}

fn unknown_issuer() -> ExchangeEnd {
    ExchangeEnd::Tls(Error::InvalidCertificate(CertificateError::UnknownIssuer))
}
