//! Whom the tool believes by TLS: a server whose very certificate was given, and what authorities vouch for.
//!
//! One list for all who ask a provider: `discover`, the helper of the server, and `probe`, which asks a PostgreSQL server.

use crate::helper;
use crate::network::with_keys;
use crate::probe::transport::probe_trusting;
use crate::support::{Run, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use oauth_validator_core::protocol::HelperReply;
use oauth_validator_mock_provider::{
    ExtendedKeyUsagePurpose, KeyUsagePurpose, LocalhostCertificate, MockProvider, SelfSigned,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

const UNKNOWN: &str = "is signed by an authority that is not trusted";
const AUTHORITY: &str = "is an authority's own (CA:TRUE), and is not in the file of those that are trusted";
const NOT_GIVEN: &str = "is not in the file of those that are trusted, none of which is an authority's (CA:TRUE)";
const EXPIRED: &str = "has expired";
const NOT_YET: &str = "is not valid yet";
const OTHER_NAME: &str = "is for another name";
const PURPOSE: &str = "is not for servers";
const KEY: &str = "is shown by somebody who does not have its key";

/// A server, which `ca_pem` says whom to trust for, and the words of its refusal.
struct Case {
    what: &'static str,
    shown: LocalhostCertificate,
    refused: Option<&'static str>,
}

fn case(what: &'static str, shown: LocalhostCertificate, refused: Option<&'static str>) -> Case {
    Case { what, shown, refused }
}

/// As `openssl req -x509` makes it.
fn plain() -> SelfSigned {
    SelfSigned::default()
}

/// As somebody makes it who read the manual.
fn leaf() -> SelfSigned {
    SelfSigned { authority: false, ..plain() }
}

/// A server that shows this one to somebody who trusts that text.
fn trusting(shown: LocalhostCertificate, ca_pem: String) -> LocalhostCertificate {
    LocalhostCertificate { ca_pem, ..shown }
}

/// With one bit of the signature changed, which is in the last byte.
fn altered(pem: &str) -> String {
    let mut der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate").to_vec();
    *der.last_mut().expect("bytes") ^= 1;
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(der))
}

fn accepted() -> Vec<Case> {
    let (given, another) = (leaf().certificate(), plain().certificate());
    let both = format!("{}{}", another.ca_pem, given.ca_pem);
    let signed = LocalhostCertificate::new();
    let itself = signed.certificate_pem.clone();
    let for_servers = SelfSigned { purposes: vec![ExtendedKeyUsagePurpose::ServerAuth], ..plain() };
    let for_signing = SelfSigned { key_usages: vec![KeyUsagePurpose::DigitalSignature], ..plain() };
    vec![
        case("an authority's own, given", plain().certificate(), None),
        case("a server's own, given", leaf().certificate(), None),
        case("an authority's own that is for servers", for_servers.certificate(), None),
        case("an authority's own without keyCertSign", for_signing.certificate(), None),
        case("the second one of the file", trusting(given, both), None),
        case("a signed one, given without its authority", trusting(signed, itself), None),
        case("one that a given authority signed", plain().signing_another(), None),
        case(
            "an authority in the file beside others",
            {
                let signed = LocalhostCertificate::new();
                let all = format!("{}{}{}", plain().certificate().ca_pem, leaf().certificate().ca_pem, signed.ca_pem);
                trusting(signed, all)
            },
            None,
        ),
    ]
}

fn refused() -> Vec<Case> {
    let with = |change: fn(&mut SelfSigned), refused| {
        [plain(), leaf()].map(|mut each| {
            change(&mut each);
            case("given", each.certificate(), Some(refused))
        })
    };
    let (own, of_leaf) = (plain().certificate(), leaf().certificate());
    let (own_pem, leaf_pem) = (own.ca_pem.clone(), of_leaf.ca_pem.clone());
    let another_key =
        |shown: LocalhostCertificate| LocalhostCertificate { key_pem: leaf().certificate().key_pem, ..shown };
    let unsigning = SelfSigned { key_usages: vec![KeyUsagePurpose::DigitalSignature], ..plain() };
    let mut cases = vec![
        case("another authority's own", trusting(plain().certificate(), plain().certificate().ca_pem), Some(AUTHORITY)),
        case("another server's own", trusting(leaf().certificate(), leaf().certificate().ca_pem), Some(NOT_GIVEN)),
        case("an authority's own, one bit changed", trusting(own.clone(), altered(&own_pem)), Some(AUTHORITY)),
        case("a server's own, one bit changed", trusting(of_leaf.clone(), altered(&leaf_pem)), Some(NOT_GIVEN)),
        case(
            "anew for the key of an authority's own",
            {
                let anew = SelfSigned { years: [2021, 2100], ..plain() };
                trusting(anew.with_key_of(&own), own_pem.clone())
            },
            Some(AUTHORITY),
        ),
        case(
            "anew for the key of a server's own",
            {
                let anew = SelfSigned { years: [2021, 2100], ..leaf() };
                trusting(anew.with_key_of(&of_leaf), leaf_pem.clone())
            },
            Some(NOT_GIVEN),
        ),
        case(
            "under another name for the key of an authority's own",
            {
                let anew = SelfSigned { common_name: "other", ..leaf() };
                trusting(anew.with_key_of(&own), own_pem.clone())
            },
            Some(UNKNOWN),
        ),
        case("signed by a server's own", leaf().signing_another(), Some(NOT_GIVEN)),
        case("signed by one that may not sign", unsigning.signing_another(), Some(NOT_GIVEN)),
        case(
            "signed by a server's own, beside an authority",
            {
                let signed = leaf().signing_another();
                let both = format!("{}{}", signed.ca_pem, plain().certificate().ca_pem);
                trusting(signed, both)
            },
            Some(UNKNOWN),
        ),
        case("an authority's own with another key", another_key(own), Some(KEY)),
        case("a server's own with another key", another_key(of_leaf), Some(KEY)),
    ];
    cases.extend(with(|each| each.years = [2010, 2020], EXPIRED));
    cases.extend(with(|each| each.years = [2100, 2110], NOT_YET));
    cases.extend(with(|each| each.names = vec!["other.example"], OTHER_NAME));
    cases.extend(with(|each| each.names = Vec::new(), OTHER_NAME));
    cases.extend(with(|each| each.purposes = vec![ExtendedKeyUsagePurpose::ClientAuth], PURPOSE));
    cases
}

fn discover(provider: &MockProvider) -> Run {
    let mut command = Command::new(cargo_bin!("oauth-validator"));
    let ca_file = provider.ca_file().to_str().expect("UTF-8");
    run(command.env_clear().args(["discover", &provider.issuer(), "--ca-file", ca_file, "--json"]))
}

#[test]
fn a_certificate_that_was_given_needs_no_authority() {
    for Case { what, shown, .. } in accepted() {
        let provider = with_keys(MockProvider::showing(&shown));
        let run = discover(&provider);
        assert_eq!(run.code, 0, "{what}: {}{}", run.stdout, run.stderr);
        let outcome = helper::ask(&helper::request(&provider));
        assert!(matches!(outcome, HelperReply::Keys(_)), "{what}: {outcome:?}");
    }
}

#[test]
fn only_itself_and_only_for_its_names_and_dates_and_key() {
    for Case { what, shown, refused } in refused() {
        let words = refused.expect("a refusal");
        let provider = with_keys(MockProvider::showing(&shown));
        let run = discover(&provider);
        assert_eq!(run.code, 1, "{what}: {}{}", run.stdout, run.stderr);
        let error = run.json()["error"].clone();
        let message = error["message"].as_str().unwrap_or_default().to_owned();
        assert!(error["code"] == "tls" && message.ends_with(words), "{what}: no {words:?} in {error}");
        let HelperReply::Failed(failure) = helper::ask(&helper::request(&provider)) else {
            panic!("{what}: not refused")
        };
        assert!(failure.code == "tls" && failure.message.ends_with(words), "{what}: {failure:?}");
        assert!(!failure.hint.contains("--ca-file"), "{what}: {failure:?}");
        assert_eq!(provider.requests(), [], "{what}");
    }
}

/// TLS 1.2 has another signature for the server's part of the handshake.
#[test]
fn the_key_has_to_be_its_own_in_tls_1_2_as_well() {
    let own = plain().certificate();
    let run = discover(&with_keys(MockProvider::showing_by_tls12(&own)));
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let stolen = LocalhostCertificate { key_pem: plain().certificate().key_pem, ..own };
    let run = discover(&with_keys(MockProvider::showing_by_tls12(&stolen)));
    assert_eq!(run.code, 1, "{}{}", run.stdout, run.stderr);
    assert!(run.json()["error"]["message"].as_str().is_some_and(|message| message.ends_with(KEY)), "{}", run.stdout);
}

#[test]
fn a_server_of_postgresql_is_judged_by_the_same_rules() {
    let judged = |case: &Case, mode: &str, expected: bool| {
        let (run, told) = probe_trusting(&case.shown, mode, expected);
        assert_eq!(told, expected, "{}, {mode}: {}{}", case.what, run.stdout, run.stderr);
        run
    };
    for case in accepted() {
        for mode in ["verify-full", "verify-ca"] {
            assert_eq!(judged(&case, mode, true).code, 0, "{}, {mode}", case.what);
        }
    }
    for case in refused() {
        let words = case.refused.expect("a refusal");
        judged(&case, "verify-full", false).assert_failed(&[words, "the token was not sent"]);
        // The name is all that this leaves out.
        judged(&case, "verify-ca", words == OTHER_NAME);
    }
}
