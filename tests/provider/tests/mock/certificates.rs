//! The certificates: the good one is good under its own CA alone, and each bad one is refused for its one reason.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use oauth_validator_mock_provider::{ALL, Fault, Provider};
use rustls::{AlertDescription, CertificateError, Error};

use crate::client::{Client, End};

#[test]
fn both_names_of_the_certificate_are_good() {
    let provider = Provider::start();
    for name in ["localhost", "127.0.0.1"] {
        assert_eq!(Client { name, ..Client::of(&provider) }.get("/jwks").status(), 200, "{name}");
    }
}

#[test]
fn no_other_name_is_good() {
    let provider = Provider::start();
    for name in ["other.example", "127.0.0.2", "localhost.example"] {
        let seen = Client { name, ..Client::of(&provider) }.get("/jwks");
        let End::Tls(Error::InvalidCertificate(error)) = &seen.end else { panic!("{name}: {:?}", seen.end) };
        assert!(matches!(error, CertificateError::NotValidForNameContext { .. }), "{name}: {error:?}");
    }
    assert_eq!(provider.requests(), []);
}

#[test]
fn a_client_without_the_ca_refuses() {
    let provider = Provider::start();
    let other = Provider::start();
    let client = Client { trusts_ca: false, ..Client::of(&provider) };
    assert_eq!(client.get("/jwks").end, unknown_issuer());
    assert_ne!(fs::read(provider.ca_file()).unwrap(), fs::read(other.ca_file()).unwrap());
    assert_eq!(provider.requests(), []);
}

#[test]
fn each_bad_certificate_is_refused_for_its_reason() {
    let provider = Provider::start();
    let refusal = |fault| {
        provider.set_fault(ALL, fault);
        let seen = Client::of(&provider).get("/jwks");
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
        let End::Tls(Error::InvalidCertificate(error)) = refusal(fault.clone()) else { panic!("{fault:?}") };
        assert!(format!("{error:?}").starts_with(reason), "{fault:?}: {error:?}");
    }
    assert_eq!(provider.requests(), []);

    provider.set_fault(ALL, Fault::WrongNameCertificate);
    assert_eq!(Client { name: "other.example", ..Client::of(&provider) }.get("/jwks").status(), 200);
    provider.set_fault(ALL, Fault::None);
    assert_eq!(Client::of(&provider).get("/jwks").status(), 200);
}

#[test]
fn a_client_of_plain_http_is_refused() {
    let provider = Provider::start();
    let seen = Client::of(&provider).get_plain("/jwks");
    assert!(!seen.bytes.starts_with(b"HTTP"), "TLS answers with an alert or not at all");
    assert_eq!(provider.requests(), []);
}

#[test]
fn a_client_of_tls_is_refused_without_tls() {
    let provider = Provider::start_without_tls();
    let client = Client::impatient(&provider);
    // Without TLS, there is no CA either.
    let seen = Client { trusts_ca: false, ..client }.get("/jwks");
    assert!(seen.end != End::Closed && seen.bytes.is_empty(), "{:?}", seen.end);
    assert_ne!(seen.end, End::Tls(Error::AlertReceived(AlertDescription::UnknownCA)));
    assert_eq!(fs::read(provider.ca_file()).unwrap(), b"");
}

#[test]
fn other_users_can_read_the_ca_until_the_end() {
    let provider = Provider::start();
    let file = provider.ca_file().to_owned();
    let folder = file.parent().unwrap().to_owned();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&folder), mode(&file)), (0o755, 0o644));
    let pem = fs::read_to_string(&file).unwrap();
    assert_eq!((pem.matches("BEGIN CERTIFICATE").count(), pem.matches("PRIVATE").count()), (1, 0));
    drop(provider);
    assert!(!folder.exists());
}

fn unknown_issuer() -> End {
    End::Tls(Error::InvalidCertificate(CertificateError::UnknownIssuer))
}
