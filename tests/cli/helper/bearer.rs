//! A bearer token for keys: shown where the configuration says that they are, and nowhere else.

use super::refusals::assert_refused;
use super::{ask, fetched, request_with};
use crate::network::{SENTINEL, provider};
use oauth_validator_core::protocol::{HelperReply, Secret};
use oauth_validator_fixtures::{jwks, keys};
use oauth_validator_mock_provider::{Fault, MockProvider, Reply};
use serde_json::json;

const JWKS: &str = "/jwks";

fn token() -> String {
    format!("{SENTINEL}.of-this-server")
}

/// A provider that shows its documents to nobody but who shows the token.
fn guarded() -> MockProvider {
    let provider = provider();
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
        provider.set_reply_to_bearer(path, &token(), Reply::json(&provider.metadata()));
    }
    provider.set_reply_to_bearer(JWKS, &token(), Reply::json(&jwks(&[keys::corp()])));
    provider
}

/// The paths at which somebody showed a header `Authorization`.
fn shown(provider: &MockProvider) -> Vec<String> {
    let requests = provider.requests().into_iter();
    requests.filter(|request| request.header("Authorization").is_some()).map(|request| request.path).collect()
}

fn bearer() -> Option<Secret> {
    Some(Secret::new(token()))
}

#[test]
fn it_is_shown_where_the_keys_are() {
    let provider = guarded();
    let url = format!("{}{JWKS}", provider.base_url());
    let keys = fetched(ask(&request_with(&provider, |parts| {
        (parts.jwks_url, parts.bearer) = (Some(url.clone()), bearer());
    })));
    assert_eq!(keys.url, url);
    assert_eq!(shown(&provider), [JWKS]);
    let keys = fetched(ask(&request_with(&provider, |parts| parts.bearer = bearer())));
    assert_eq!(keys.url, url, "by the metadata, which are guarded as well");
    assert_eq!(
        provider.requests().last().expect("a request").header("Authorization"),
        Some(format!("Bearer {}", token()).as_str())
    );
}

#[test]
fn it_is_not_shown_at_another_port_or_name_of_the_host() {
    let (configured, other) = (provider(), provider());
    let by_other_name = format!("https://127.0.0.1:{}{JWKS}", configured.port());
    for (jwks_uri, of) in [(format!("{}{JWKS}", other.base_url()), &other), (by_other_name, &configured)] {
        let mut metadata = configured.metadata();
        metadata["jwks_uri"] = json!(jwks_uri);
        configured.set_metadata(metadata);
        let outcome = ask(&request_with(&configured, |parts| {
            (parts.allowed_hosts, parts.bearer) = (vec!["127.0.0.1".to_owned()], bearer());
        }));
        // The other provider has an authority of its own, so that nobody there is asked for anything.
        let asked_for_keys = of.requests().into_iter().filter(|request| request.path == JWKS);
        assert!(asked_for_keys.into_iter().all(|request| request.header("Authorization").is_none()), "{outcome:?}");
    }
    assert!(shown(&configured).iter().all(|path| path.contains("/.well-known/")), "{:?}", shown(&configured));
    assert!(shown(&other).is_empty());
}

#[test]
fn no_redirect_takes_it_along() {
    let (provider, elsewhere) = (guarded(), guarded());
    provider.set_fault(JWKS, Fault::Redirect(307, format!("{}{JWKS}", elsewhere.base_url())));
    let url = format!("{}{JWKS}", provider.base_url());
    let outcome = ask(&request_with(&provider, |parts| (parts.jwks_url, parts.bearer) = (Some(url), bearer())));
    assert_refused(&outcome, "redirect", "status 307");
    assert_eq!(elsewhere.connection_count(), 0);
}

#[test]
fn one_that_is_not_taken_is_told_from_none() {
    let provider = guarded();
    let url = format!("{}{JWKS}", provider.base_url());
    let asked = |bearer: Option<Secret>| {
        ask(&request_with(&provider, |parts| (parts.jwks_url, parts.bearer) = (Some(url.clone()), bearer)))
    };
    for (bearer, words) in [(Some(Secret::new("expired".to_owned())), "still valid"), (None, "must be public")] {
        let outcome = asked(bearer);
        assert_refused(&outcome, "http_status", "status 401");
        let HelperReply::Failed(failure) = outcome else { unreachable!("it was refused") };
        assert!(failure.hint.contains(words), "{}", failure.hint);
    }
    assert_refused(&asked(Some(Secret::new(format!("{SENTINEL}\u{1}")))), "url", "keys.bearer_token_file");
}
