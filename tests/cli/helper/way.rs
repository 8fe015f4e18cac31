//! By which way the provider is reached: TLS or not, through a proxy or not, and never as the environment says.

use super::{RunningHelper, ask, by_way, command, fetched, request};
use crate::network::{connecting_proxy, provider, proxy_variables, with_keys, with_member};
use oauth_validator_core::protocol::{HelperReply, HelperRequest};
use oauth_validator_mock_provider::MockProvider;
use serde_json::json;

#[test]
fn http_is_taken_from_this_machine_if_that_is_asked_for() {
    let provider = with_keys(MockProvider::start_without_tls());
    let request = by_way(request(&provider), |reach| {
        reach.ca = None;
        reach.insecure_http = true;
    });
    assert_eq!(fetched(ask(&request)).url, format!("{}/jwks", provider.base_url()));
    let HelperReply::Failed(failure) = ask(&by_way(request, |reach| reach.insecure_http = false)) else {
        panic!("keys")
    };
    assert_eq!((failure.code.as_str(), failure.message.as_str()), ("url", "the issuer is not https"));
    let other = with_member("jwks_uri", json!(format!("{}/jwks", provider.base_url())));
    let HelperReply::Failed(failure) = ask(&self::request(&other)) else { panic!("keys without TLS") };
    assert_eq!(failure.code, "jwks_uri");
}

/// A library of another version may still ask for both: the loopback address would be the proxy's.
#[test]
fn http_goes_through_no_proxy() {
    let provider = with_keys(MockProvider::start_without_tls());
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    proxy.set_nonblocking(true).expect("it does not wait");
    let url = format!("http://{}", proxy.local_addr().expect("an address"));
    let request = by_way(request(&provider), |reach| {
        reach.ca = None;
        reach.insecure_http = true;
        reach.proxy = Some(url);
    });
    let HelperReply::Failed(failure) = ask(&request) else { panic!("keys without TLS, by a proxy") };
    assert_eq!(failure.code, "proxy");
    assert!(failure.message.ends_with(": http does not go through a proxy"), "{}", failure.message);
    assert_eq!(failure.hint, "give an https URL, or no keys.proxy");
    assert!(proxy.accept().is_err() && provider.connection_count() == 0, "somebody was asked");
}

#[test]
fn the_environment_has_no_say() {
    let provider = provider();
    let ask_in = |request: &HelperRequest, variables: Vec<(&'static str, String)>| {
        let mut helper = RunningHelper::start(command().envs(variables));
        helper.read_answer();
        helper.tell(&request.to_line());
        helper.end().answer()
    };
    fetched(ask_in(&request(&provider), proxy_variables()));
    let ca_file = provider.ca_file().to_str().expect("UTF-8");
    let folder = provider.ca_file().parent().and_then(|path| path.to_str()).expect("UTF-8");
    let trust = vec![("SSL_CERT_FILE", ca_file.to_owned()), ("SSL_CERT_DIR", folder.to_owned())];
    let request = by_way(request(&provider), |reach| reach.ca = None);
    let HelperReply::Failed(failure) = ask_in(&request, trust) else { panic!("it trusts the environment") };
    // Without a trust store on this machine it does not come as far as TLS.
    assert!(["tls", "ca_file"].contains(&failure.code.as_str()), "{failure:?}");
}

#[test]
fn a_proxy_of_the_configuration_is_used_and_trusted_with_nothing() {
    let provider = provider();
    let (url, proxy) = connecting_proxy(2);
    fetched(ask(&by_way(request(&provider), |reach| reach.proxy = Some(url))));
    let connect = format!("CONNECT localhost:{} HTTP/1.1", provider.port());
    assert_eq!(proxy.join().expect("the proxy ends"), vec![connect; 2]);
}
