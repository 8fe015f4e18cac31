//! What is answered to questions about tokens, and what is kept of them.

use oauth_validator_mock_provider::{ALL, Fault, MockProvider, Reply};
use serde_json::json;

use crate::client::{ExchangeEnd, TestClient};

const INTROSPECT: &str = "/introspect";

fn active(name: &str) -> Reply {
    Reply::json(&json!({ "active": true, "sub": name }))
}

#[test]
fn no_token_is_active_until_a_test_says_so() {
    let provider = MockProvider::start();
    let ask = |path| TestClient::posting(&provider, "token=abc").get(path);
    let seen = ask(INTROSPECT);
    assert_eq!((seen.status(), seen.json()), (200, json!({ "active": false })));
    assert_eq!(seen.header("Content-Type").as_deref(), Some("application/json"));
    assert_eq!(ask("/tokeninfo").status(), 404);
    provider.set_reply("/tokeninfo", active("ana"));
    assert_eq!(ask("/tokeninfo").json()["sub"], "ana");
}

#[test]
fn a_reply_is_for_one_token_or_for_the_others() {
    let provider = MockProvider::start();
    let ask = |body| TestClient::posting(&provider, body).get(INTROSPECT).json()["sub"].clone();
    provider.set_reply_about(INTROSPECT, "a+b/c=", active("ana"));
    assert_eq!(ask("token=a%2Bb%2Fc%3D"), "ana");
    assert_eq!(ask("access_token=a%2Bb%2Fc%3D&x=1"), "ana", "whatever the field is called");
    assert_eq!(ask("token=a+b/c="), json!(null), "in a form, a plus is a space");
    assert_eq!(ask("token=a%2Bb%2Fc%3Dx"), json!(null));
    provider.set_reply(INTROSPECT, active("anybody"));
    assert_eq!((ask("token=b"), ask("token=a%2Bb%2Fc%3D")), (json!("anybody"), json!("ana")));
    provider.set_reply_about(INTROSPECT, "a+b/c=", active("bob"));
    assert_eq!(ask("token=a%2Bb%2Fc%3D"), "bob");
}

#[test]
fn status_headers_and_body_are_as_given() {
    let provider = MockProvider::start();
    let reply = Reply::new(400, "{\"error\"").with_header("Content-Type", "text/html");
    provider.set_reply(INTROSPECT, reply.with_header("content-type", "application/json").with_header("X-A", "b"));
    let seen = TestClient::posting(&provider, "token=a").get(INTROSPECT);
    assert_eq!((seen.status(), seen.body(), &seen.end), (400, &b"{\"error\""[..], &ExchangeEnd::Closed));
    assert_eq!(seen.header("Content-Type").as_deref(), Some("application/json"));
    assert_eq!(seen.header("X-A").as_deref(), Some("b"));
    provider.set_reply(INTROSPECT, Reply::new(200, ""));
    assert_eq!(TestClient::posting(&provider, "token=a").get(INTROSPECT).header("Content-Type"), None);
}

#[test]
fn the_question_is_kept_as_it_came() {
    let provider = MockProvider::start();
    let headers = "Authorization: Basic YTpi\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let client = TestClient { headers, ..TestClient::posting(&provider, "token=a%26b%00&client_id=%C3%A4+x&empty=") };
    client.get("/introspect?x=1");
    let requests = provider.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", INTROSPECT));
    assert_eq!(request.query.as_deref(), Some("x=1"));
    assert_eq!(request.header("authorization"), Some("Basic YTpi"));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.body, b"token=a%26b%00&client_id=%C3%A4+x&empty=");
    let fields = [("token", "a&b\0"), ("client_id", "\u{e4} x"), ("empty", "")];
    assert_eq!(request.form(), fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn long_bodies_are_read_to_their_end_and_boundless_ones_not_at_all() {
    let provider = MockProvider::start();
    let long = format!("token={}", "%41".repeat(65_536));
    assert_eq!(TestClient::posting(&provider, &long).get(INTROSPECT).status(), 200);
    assert_eq!(provider.requests()[0].form()[0].1.len(), 65_536);
    for headers in ["Transfer-Encoding: chunked\r\n", "Content-Length: 524289\r\n", "Content-Length: -1\r\n"] {
        let seen = TestClient { headers, method: "POST", ..TestClient::of(&provider) }.get(INTROSPECT);
        assert_eq!((seen.bytes.len(), seen.end), (0, ExchangeEnd::Dropped), "{headers}");
    }
    assert_eq!(provider.requests().len(), 1);
}

#[test]
fn whoever_lacks_the_demanded_authorization_is_sent_away() {
    let provider = MockProvider::start();
    provider.set_reply(INTROSPECT, active("ana"));
    provider.demand_authorization(INTROSPECT, Some("Basic YTpi"));
    let ask = |headers| TestClient { headers, ..TestClient::posting(&provider, "token=a") }.get(INTROSPECT);
    for headers in
        ["", "Authorization: Basic YTpj\r\n", "Authorization: basic YTpi\r\n", "X-Authorization: Basic YTpi\r\n"]
    {
        let seen = ask(headers);
        assert_eq!((seen.status(), seen.json()), (401, json!({ "error": "invalid_client" })), "{headers}");
        assert!(seen.header("WWW-Authenticate").is_some());
    }
    assert_eq!(ask("Authorization: Basic YTpi\r\n").json()["sub"], "ana");
    provider.demand_authorization(INTROSPECT, None);
    assert_eq!(ask("").json()["sub"], "ana");
}

#[test]
fn each_path_has_its_methods() {
    let provider = MockProvider::start();
    provider.set_document("/both", json!({}));
    provider.set_reply("/both", active("ana"));
    let status = |method, path| {
        let seen = TestClient { method, ..TestClient::of(&provider) }.get(path);
        (seen.status(), seen.header("Allow"))
    };
    assert_eq!(status("GET", INTROSPECT), (405, Some("POST".to_owned())));
    assert_eq!(status("POST", "/jwks"), (405, Some("GET".to_owned())));
    assert_eq!(status("PUT", "/both"), (405, Some("GET, POST".to_owned())));
    assert_eq!((status("GET", "/both").0, status("POST", "/both").0), (200, 200));
}

#[test]
fn faults_spoil_replies_as_they_spoil_documents() {
    let provider = MockProvider::start();
    provider.set_reply(INTROSPECT, active("ana"));
    let ask = || TestClient::posting(&provider, "token=a").get(INTROSPECT);
    provider.set_fault(INTROSPECT, Fault::Status(503));
    assert_eq!((ask().status(), ask().json()["sub"].clone()), (503, json!("ana")));
    provider.set_fault(INTROSPECT, Fault::Body(b"x".to_vec()));
    assert_eq!(ask().body(), b"x");
    provider.clear_faults();
    provider.set_fault(ALL, Fault::ContentLengthTooLong);
    assert_eq!(ask().header("Content-Length"), Some((ask().body().len() + 100).to_string()));
    provider.clear_faults();
    provider.set_header(INTROSPECT, "ETag", "\"v1\"");
    let seen =
        TestClient { headers: "If-None-Match: *\r\n", ..TestClient::posting(&provider, "token=a") }.get(INTROSPECT);
    assert_eq!(seen.status(), 200, "a POST is not conditional");
    assert_eq!(provider.request_count(INTROSPECT), 6);
}

#[test]
#[should_panic(expected = "101 is no final status")]
fn a_reply_has_a_final_status() {
    Reply::new(101, "");
}
