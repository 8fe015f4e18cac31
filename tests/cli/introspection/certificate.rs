//! Endpoints that want a certificate of this server's own (RFC 8705): shown to them alone, and told from every other trouble.

use super::{INTROSPECT, active, client, only_request, request_about, token};
use crate::helper::ask;
use crate::helper::refusals::assert_refused;
use oauth_validator_core::ClientAuth;
use oauth_validator_core::protocol::{HelperReply, HelperRequest, Secret, TlsClient};
use oauth_validator_mock_provider::{ClientCredentials, MockProvider, Reply};

fn files(certificate: &str, key: &str) -> TlsClient {
    TlsClient { cert_pem: Secret::new(certificate.to_owned()), key_pem: Secret::new(key.to_owned()) }
}

fn of(own: &ClientCredentials) -> TlsClient {
    files(&own.certificate_pem, &own.key_pem)
}

/// A provider to which every token is active, for whoever has a certificate of `own`'s authority.
fn demanding(own: &ClientCredentials) -> MockProvider {
    let provider = MockProvider::demanding(own);
    provider.set_reply(INTROSPECT, Reply::json(&active()));
    provider
}

fn request(provider: &MockProvider, shown: Option<TlsClient>) -> HelperRequest {
    let auth = ClientAuth::Public { client_id: client("pg").client_id };
    request_about(&token(), provider, auth).with_certificate(shown)
}

#[test]
fn a_certificate_of_this_server_opens_the_endpoint() {
    let own = ClientCredentials::new();
    let provider = demanding(&own);
    let outcome = ask(&request(&provider, Some(of(&own))));
    assert!(matches!(&outcome, HelperReply::Answer(answer) if answer.status == 200), "{outcome:?}");
    let request = only_request(&provider, &token());
    assert_eq!(request.header("Authorization"), None);
    assert!(String::from_utf8_lossy(&request.body).ends_with("&client_id=pg"), "RFC 8705 section 2.1.1");
}

#[test]
fn without_it_or_with_a_strangers_the_token_is_shown_to_nobody() {
    let own = ClientCredentials::new();
    let provider = demanding(&own);
    for shown in [None, Some(of(&ClientCredentials::new()))] {
        let outcome = ask(&request(&provider, shown));
        let HelperReply::Failed(failure) = &outcome else { panic!("{outcome:?}") };
        assert!(["tls", "connect"].contains(&failure.code.as_str()), "{failure:?}");
    }
    assert_eq!(provider.requests().len(), 0);
}

#[test]
fn files_that_are_none_ask_nobody_and_say_nothing_of_the_key() {
    let (own, other) = (ClientCredentials::new(), ClientCredentials::new());
    let provider = demanding(&own);
    for (shown, words) in [
        (files("", &own.key_pem), "keys.client_cert_file has no certificate"),
        (files(&own.key_pem, &own.key_pem), "keys.client_cert_file has no certificate"),
        (files(&own.certificate_pem, ""), "keys.client_key_file has no private key"),
        (files(&own.certificate_pem, &own.certificate_pem), "keys.client_key_file has no private key"),
        (files(&own.certificate_pem, &other.key_pem), "do not belong together"),
    ] {
        assert_refused(&ask(&request(&provider, Some(shown))), "credentials", words);
    }
    assert_eq!(provider.connection_count(), 0);
}
