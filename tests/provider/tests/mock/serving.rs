//! What the provider serves when nothing goes wrong, and what it does not serve.

use oauth_validator_mock_provider::{Fault, MockProvider};
use serde_json::json;

use crate::client::{ExchangeEnd, TestClient};

const OPENID: &str = "/.well-known/openid-configuration";
const RFC_8414: &str = "/.well-known/oauth-authorization-server";

#[test]
fn metadata_names_the_issuer_and_the_keys() {
    let provider = MockProvider::start();
    let seen = TestClient::of(&provider).get(OPENID);
    assert_eq!(seen.status(), 200);
    assert_eq!(seen.header("content-type").as_deref(), Some("application/json"));
    let metadata = seen.json();
    assert_eq!(metadata, provider.metadata());
    assert_eq!(metadata["issuer"], format!("https://localhost:{}", provider.port()));
    assert_eq!(metadata["jwks_uri"], format!("{}/jwks", provider.base_url()));
    assert_eq!(metadata["introspection_endpoint"], format!("{}/introspect", provider.base_url()));
    assert_eq!(TestClient::of(&provider).get(RFC_8414).json(), metadata);
}

#[test]
fn there_are_no_keys_until_a_test_sets_them() {
    let provider = MockProvider::start();
    assert_eq!(TestClient::of(&provider).get("/jwks").json(), json!({ "keys": [] }));
    let keys = json!({ "keys": [{ "kty": "OKP", "kid": "one" }] });
    provider.set_keys(keys.clone());
    assert_eq!(TestClient::of(&provider).get("/jwks").json(), keys);
}

#[test]
fn an_issuer_with_a_path_is_served_there_alone() {
    let provider = MockProvider::with_issuer_path("/realms/corp");
    assert_eq!(provider.issuer(), format!("{}/realms/corp", provider.base_url()));
    for path in [format!("/realms/corp{OPENID}"), format!("{RFC_8414}/realms/corp")] {
        assert_eq!(TestClient::of(&provider).get(&path).json()["issuer"], provider.issuer(), "{path}");
    }
    for path in [OPENID, RFC_8414, "/realms/other/.well-known/openid-configuration", "/realms/corp", "/", "/jwks/"] {
        assert_eq!(TestClient::of(&provider).get(path).status(), 404, "{path}");
    }
}

#[test]
fn an_issuer_may_end_with_a_slash() {
    let provider = MockProvider::with_issuer_path("/");
    assert_eq!(TestClient::of(&provider).get(OPENID).json()["issuer"], format!("{}/", provider.base_url()));
    assert_eq!(TestClient::of(&provider).get("//.well-known/openid-configuration").status(), 404);
}

#[test]
fn metadata_and_other_documents_can_be_changed_while_it_serves() {
    let provider = MockProvider::start();
    let mut metadata = provider.metadata();
    metadata["issuer"] = json!("https://evil.example");
    provider.set_metadata(metadata.clone());
    assert_eq!(TestClient::of(&provider).get(OPENID).json(), metadata);
    assert_eq!(TestClient::of(&provider).get(RFC_8414).json(), metadata);
    provider.set_document("/v2/keys", json!({ "keys": [1] }));
    assert_eq!(TestClient::of(&provider).get("/v2/keys").json(), json!({ "keys": [1] }));
}

#[test]
fn only_get_is_allowed() {
    let provider = MockProvider::start();
    let seen = TestClient { method: "POST", ..TestClient::of(&provider) }.get("/jwks");
    assert_eq!((seen.status(), seen.header("allow").as_deref()), (405, Some("GET")));
}

#[test]
fn headers_of_a_path_are_sent_and_replaced() {
    let provider = MockProvider::start();
    provider.set_header("/jwks", "Cache-Control", "max-age=60");
    provider.set_header("/jwks", "cache-control", "no-cache");
    let seen = TestClient::of(&provider).get("/jwks");
    assert_eq!(seen.header("Cache-Control").as_deref(), Some("no-cache"));
    assert_eq!(TestClient::of(&provider).get(OPENID).header("Cache-Control"), None);
}

#[test]
fn a_client_that_has_the_document_gets_304() {
    let provider = MockProvider::start();
    provider.set_header("/jwks", "ETag", "\"v2\"");
    for (sent, status) in
        [("\"v2\"", 304), ("W/\"v2\"", 304), ("\"v1\", \"v2\"", 304), ("*", 304), ("\"v1\"", 200), ("v2", 200)]
    {
        let headers = format!("If-None-Match: {sent}\r\n");
        let seen = TestClient { headers: &headers, ..TestClient::of(&provider) }.get("/jwks");
        assert_eq!(seen.status(), status, "{sent}");
        assert_eq!(seen.header("ETag").as_deref(), Some("\"v2\""));
        assert_eq!(seen.body().is_empty(), status == 304);
        assert_eq!(seen.end, ExchangeEnd::Closed);
    }
    let seen = TestClient { headers: "If-None-Match: *\r\n", ..TestClient::of(&provider) }.get(OPENID);
    assert_eq!(seen.status(), 200, "no ETag was set there");
}

#[test]
fn requests_are_noted_with_query_and_headers() {
    let provider = MockProvider::start();
    assert_eq!((provider.requests().len(), provider.connection_count()), (0, 0));
    provider.set_fault("/jwks", Fault::Status(503));
    let client = TestClient { headers: "X-Test:  a b \r\n", ..TestClient::of(&provider) };
    assert_eq!(client.get("/jwks?appid=1").status(), 503);
    assert_eq!(client.get("/other").status(), 404);
    let requests = provider.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("GET", "/jwks"));
    assert_eq!(requests[0].query.as_deref(), Some("appid=1"));
    assert_eq!(requests[0].header("x-test"), Some("a b"));
    assert_eq!(requests[1].query, None);
    assert_eq!((provider.request_count("/jwks"), provider.request_count("/")), (1, 0));
    assert_eq!(provider.connection_count(), 2);
}

#[test]
fn without_tls_it_is_plain_http() {
    let provider = MockProvider::start_without_tls();
    let metadata = TestClient::of(&provider).get_plain(OPENID).json();
    assert_eq!(metadata["issuer"], format!("http://127.0.0.1:{}", provider.port()));
    assert_eq!(TestClient::of(&provider).get_plain("/jwks").json(), json!({ "keys": [] }));
}
