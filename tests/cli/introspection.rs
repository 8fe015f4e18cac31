//! Questions about tokens: asked by the real `oauth-validator helper` as the server runs it, and by the commands that
//! know such profiles.
//!
//! Here is what the endpoint receives, byte by byte. `introspection/refusals.rs` has the answers that are none,
//! `introspection/explain.rs` and `introspection/check.rs` the commands. Whatever happens, neither the token nor the
//! secret may be anywhere but where they are meant to be.

mod certificate;
mod check;
mod explain;
mod refusals;

use crate::helper::{answer_to, ask, by_way};
use crate::network::{SENTINEL, connecting_proxy, proxy_variables};
use oauth_validator_core::protocol::{HelperReply, HelperRequest, Secret};
use oauth_validator_core::{BearerToken, ClientAuth, ClientSecret, OnlineAnswer, OnlineCheck, OnlineKind, Pem, Reach};
use oauth_validator_mock_provider::{HttpRequest, MockProvider, Reply};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

const INTROSPECT: &str = "/introspect";

/// Both begin with the text that no refusal may repeat.
fn token() -> String {
    format!("{SENTINEL}-ya29.a0AfB_byC~opaque+/==")
}

fn secret() -> String {
    format!("{SENTINEL}:s3cr3t+100%\u{e4}\u{20ac}\u{1f511} ")
}

fn check(provider: &MockProvider, auth: ClientAuth) -> OnlineCheck {
    OnlineCheck {
        kind: OnlineKind::Introspection,
        endpoint: format!("{}{INTROSPECT}", provider.base_url()),
        auth,
        certificate: None,
        token_param: "token".into(),
        scope_separator: None,
        cache: Duration::ZERO,
        reach: reach(None),
    }
}

fn reach<F>(ca: Option<F>) -> Reach<F> {
    let (connect_timeout, timeout) = (Duration::from_secs(2), Duration::from_secs(5));
    Reach { ca, proxy: None, insecure_http: false, connect_timeout, timeout }
}

fn client(client_id: &str) -> ClientSecret {
    ClientSecret { client_id: client_id.into(), secret_file: "not read here".into() }
}

/// The request that the server would make, trusting the provider's authority alone.
fn request_about(token: &str, provider: &MockProvider, auth: ClientAuth) -> HelperRequest {
    let ca = fs::read_to_string(provider.ca_file()).ok().filter(|text| !text.is_empty()).map(Pem);
    let (check, secret) = (check(provider, auth), Secret::new(secret()));
    HelperRequest::for_token(&check, reach(ca), Some(secret), &BearerToken::new(token.as_bytes())).expect("a request")
}

fn request(provider: &MockProvider) -> HelperRequest {
    request_about(&token(), provider, ClientAuth::Basic(client("pg")))
}

fn active() -> Value {
    json!({ "active": true, "sub": "ana", "aud": "postgres", "scope": "openid db.connect", "client_id": "psql" })
}

/// A provider to which every token is active.
fn provider() -> MockProvider {
    let provider = MockProvider::start();
    provider.set_reply(INTROSPECT, Reply::json(&active()));
    provider
}

#[track_caller]
fn answered(outcome: HelperReply) -> OnlineAnswer {
    match outcome {
        HelperReply::Answer(answer) => answer,
        other => panic!("no answer: {other:?}"),
    }
}

/// The only request there was, a POST of a form; with the token in no other place.
#[track_caller]
fn only_request(provider: &MockProvider, token: &str) -> HttpRequest {
    let requests = provider.requests();
    let [request] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    assert_eq!((request.method.as_str(), request.path.as_str(), &request.query), ("POST", INTROSPECT, &None));
    assert_eq!(request.header("Content-Type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.header("Content-Length"), Some(request.body.len().to_string().as_str()));
    for (name, value) in &request.headers {
        assert!(!value.contains(token) && !name.contains(token), "{name}");
    }
    assert_eq!(provider.connection_count(), 1);
    request.clone()
}

/// What a provider of this token received from a server with this authentication.
#[track_caller]
fn received(token: &str, auth: ClientAuth) -> HttpRequest {
    let provider = provider();
    let answer = answered(ask(&request_about(token, &provider, auth)));
    assert_eq!((answer.status, serde_json::from_str(&answer.body).ok()), (200, Some(active())));
    only_request(&provider, token)
}

/// The token of these tests as a form has it.
const TOKEN_FIELD: &str = "token=sentinel-5f1c-ya29.a0AfB_byC%7Eopaque%2B%2F%3D%3D";
/// And the secret.
const SECRET_ENCODED: &str = "sentinel-5f1c%3As3cr3t%2B100%25%C3%A4%E2%82%AC%F0%9F%94%91+";

#[test]
fn basic_has_both_parts_encoded_and_joined_by_the_only_colon() {
    let request = received(&token(), ClientAuth::Basic(client("p:g+\u{fc} %")));
    let pair = format!("p%3Ag%2B%C3%BC+%25:{SECRET_ENCODED}");
    assert_eq!(request.header("Authorization"), Some(format!("Basic {}", base64_of(pair.as_bytes())).as_str()));
    assert_eq!(String::from_utf8_lossy(&request.body), TOKEN_FIELD);
}

/// Written here once more, so that the code under test is not its own witness (RFC 4648 section 4).
fn base64_of(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |chunk: &[u8]| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digit = |at: usize| char::from(ALPHABET[(bits >> (18 - 6 * at)) as usize & 63]);
        (0..4).map(|at| if at <= chunk.len() { digit(at) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(digits).collect()
}

#[test]
fn the_example_of_rfc_7662_is_what_a_provider_receives() {
    assert_eq!(base64_of(b"Aladdin:open sesame"), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "RFC 7617 section 2");
    let request = received("mF_9.B5f-4.1JqM", ClientAuth::Basic(client("s6BhdRkqt3")));
    assert_eq!(request.body, b"token=mF_9.B5f-4.1JqM");
    assert!(request.header("Accept").is_some_and(|accepted| accepted.contains("application/json")));
    assert_eq!(request.header("Accept-Encoding"), Some("identity"));
}

#[test]
fn post_has_the_client_in_the_form_and_no_header() {
    let request = received(&token(), ClientAuth::Post(client("p&g=\u{fc}")));
    assert_eq!(request.header("Authorization"), None);
    let form = format!("{TOKEN_FIELD}&client_id=p%26g%3D%C3%BC&client_secret={SECRET_ENCODED}");
    assert_eq!(String::from_utf8_lossy(&request.body), form);
    let fields = [("token", token()), ("client_id", "p&g=\u{fc}".to_owned()), ("client_secret", secret())];
    assert_eq!(request.form(), fields.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn bearer_is_the_secret_as_it_is() {
    let provider = provider();
    let check = check(&provider, ClientAuth::Bearer { secret_file: String::new() });
    let ca = fs::read_to_string(provider.ca_file()).ok().map(Pem);
    let of = |secret: &str| {
        let (secret, token) = (Secret::new(secret.to_owned()), BearerToken::new(b"opaque"));
        ask(&HelperRequest::for_token(&check, reach(ca.clone()), Some(secret), &token).expect("a request"))
    };
    answered(of("ory_at_abc.DEF-1~+/="));
    let request = only_request(&provider, "opaque");
    assert_eq!(request.header("Authorization"), Some("Bearer ory_at_abc.DEF-1~+/="));
    assert_eq!(request.body, b"token=opaque");
}

#[test]
fn basic_raw_has_both_parts_as_they_are() {
    let request = received(&token(), ClientAuth::BasicRaw(client("rs+1/\u{fc} %")));
    let pair = format!("rs+1/\u{fc} %:{}", secret());
    assert_eq!(request.header("Authorization"), Some(format!("Basic {}", base64_of(pair.as_bytes())).as_str()));
    assert_eq!(String::from_utf8_lossy(&request.body), TOKEN_FIELD);
}

#[test]
fn a_public_client_says_its_name_and_nothing_else() {
    let request = received(&token(), ClientAuth::Public { client_id: "p&g".to_owned() });
    assert_eq!(request.header("Authorization"), None);
    assert_eq!(String::from_utf8_lossy(&request.body), format!("{TOKEN_FIELD}&client_id=p%26g"));
}

/// A library that a server has mapped since before an upgrade asks in version 1, and reads no other answer.
#[test]
fn the_lines_of_version_1_mean_what_they_did() {
    for (authorization, header, field) in [
        ("{\"basic\":{\"client_id\":\"p+g\",\"secret\":\"a/b\"}}", Some("Basic cCUyQmc6YSUyRmI="), ""),
        ("{\"post\":{\"client_id\":\"p+g\",\"secret\":\"a/b\"}}", None, "&client_id=p%2Bg&client_secret=a%2Fb"),
        ("{\"bearer\":{\"secret\":\"a/b\"}}", Some("Bearer a/b"), ""),
        ("\"none\"", None, ""),
    ] {
        let provider = MockProvider::start_without_tls();
        provider.set_reply(INTROSPECT, Reply::json(&active()));
        let line = format!(
            "{{\"version\":1,\"deadline_ms\":5000,\"connect_timeout_ms\":2000,\"ca_pem\":null,\"proxy\":null,\
             \"insecure_http\":true,\"task\":{{\"introspect\":{{\"endpoint\":\"{}{INTROSPECT}\",\
             \"authorization\":{authorization},\"token_param\":\"token\",\"token\":\"opaque\"}}}}}}\n",
            provider.base_url()
        );
        let answer = answer_to(line.as_bytes());
        assert_eq!(answer["version"], 1, "{answer}");
        assert_eq!(answer["outcome"]["answer"]["status"], 200, "{answer}");
        let request = only_request(&provider, "opaque");
        assert_eq!(request.header("Authorization"), header);
        assert_eq!(String::from_utf8_lossy(&request.body), format!("token=opaque{field}"));
    }
}

#[test]
fn whoever_asks_without_authentication_shows_no_secret() {
    let request = received(&token(), ClientAuth::None);
    assert_eq!((request.header("Authorization"), request.form().len()), (None, 1));
    assert_eq!(String::from_utf8_lossy(&request.body), TOKEN_FIELD);
}

#[test]
fn no_token_becomes_a_second_field_or_a_header() {
    for token in [
        "a&token_type_hint=refresh_token",
        "a=b=c",
        "a%00b",
        "a\0b",
        "a\r\nAuthorization: Basic eDp5\r\n\r\nPOST / HTTP/1.1",
        "a+b c;d",
        "a&client_id=other&client_secret=x",
        "\u{e4}\u{1f511}",
        "#?/..//",
    ] {
        let request = received(token, ClientAuth::Post(client("pg")));
        let form = request.form();
        let names: Vec<&str> = form.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names, form[0].1.as_str()), (vec!["token", "client_id", "client_secret"], token));
        assert!(request.body.iter().all(|byte| byte.is_ascii_graphic()), "{token:?}");
        assert_eq!(request.header("Authorization"), None);
    }
}

#[test]
fn the_longest_token_arrives_whole() {
    let long = "~".repeat(65_535);
    assert_eq!(received(&long, ClientAuth::Basic(client("pg"))).form(), [("token".to_owned(), long)]);
}

#[test]
fn the_field_has_the_name_that_the_endpoint_wants() {
    let provider = provider();
    let check = OnlineCheck { token_param: "access_token".into(), ..check(&provider, ClientAuth::None) };
    let ca = fs::read_to_string(provider.ca_file()).ok().map(Pem);
    let token = BearerToken::new(b"ya29.a");
    answered(ask(&HelperRequest::for_token(&check, reach(ca), None, &token).expect("a request")));
    assert_eq!(only_request(&provider, "ya29.a").body, b"access_token=ya29.a");
}

/// What they are worth is decided by the core.
#[test]
fn answers_are_handed_on_unread() {
    for (status, body) in [(200, "{\"active\":false}"), (200, "[]"), (200, ""), (400, "{\"error\":\"invalid_token\"}")]
    {
        for content_type in ["application/json", "application/json;charset=UTF-8", "application/jwt+json"] {
            let provider = MockProvider::start();
            provider.set_reply(INTROSPECT, Reply::new(status, body).with_header("Content-Type", content_type));
            let answer = answered(ask(&request(&provider)));
            assert_eq!((answer.status, answer.body.as_str()), (status, body));
        }
    }
}

#[test]
fn a_given_proxy_is_told_the_host_and_no_more() {
    let provider = provider();
    let (url, proxy) = connecting_proxy(1);
    answered(ask(&by_way(request(&provider), |reach| reach.proxy = Some(url))));
    only_request(&provider, &token());
    let lines = proxy.join().expect("the proxy ends");
    assert_eq!(lines, [format!("CONNECT localhost:{} HTTP/1.1", provider.port())]);
    assert_eq!(proxy_variables().len(), 6, "helper.rs shows that the environment's proxies are ignored");
}

#[test]
fn without_tls_only_this_machine_is_asked_and_only_if_that_is_wanted() {
    let provider = MockProvider::start_without_tls();
    provider.set_reply(INTROSPECT, Reply::json(&active()));
    answered(ask(&by_way(request(&provider), |reach| reach.insecure_http = true)));
    only_request(&provider, &token());
    let outcome = ask(&request(&provider));
    crate::helper::refusals::assert_refused(&outcome, "url", "the introspection endpoint is not https");
    let proxied = by_way(request(&provider), |reach| {
        reach.insecure_http = true;
        reach.proxy = Some("http://127.0.0.1:9".into());
    });
    crate::helper::refusals::assert_refused(&ask(&proxied), "proxy", "http does not go through a proxy");
    assert_eq!(provider.connection_count(), 1);
}
