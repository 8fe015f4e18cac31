//! Lines as they travel, and those that must not be understood.

use super::{
    Freshness, HelperAnswer, HelperFailure, HelperReply, HelperRequest, KnownDocument, ProtocolError, Secret, TlsClient,
};
use crate::config::Times;
use crate::introspection::{ClientAuth, ClientSecret, OnlineAnswer, OnlineCheck, OnlineKind};
use crate::keys::KeySet;
use crate::keys::source::{Location, ProviderKeys, ProviderSettings};
use crate::lookup::{Graph, Lookup, LookupSubject, Source, Userinfo};
use crate::reach::{FilePath, Pem, Reach};
use crate::token::BearerToken;
use std::time::Duration;

fn reach<F>(ca: Option<F>) -> Reach<F> {
    let (connect_timeout, timeout) = (Duration::from_secs(2), Duration::from_millis(4500));
    Reach { ca, proxy: None, insecure_http: false, connect_timeout, timeout }
}

fn request() -> HelperRequest {
    request_with(None)
}

fn request_with(bearer: Option<Secret>) -> HelperRequest {
    let settings = ProviderSettings {
        location: Location::Metadata("https://idp.example/meta?x".to_owned()),
        allowed_hosts: vec!["keys.example".to_owned()],
        reach: reach(Some(FilePath("ca.pem".to_owned()))),
        bearer_token_file: None,
        timing: Times::BUILT_IN.of_keys,
    };
    let source = ProviderKeys { issuer: "https://idp.example".to_owned(), settings: settings.into() };
    let known = KnownDocument { url: "https://keys.example/jwks".to_owned(), etag: "\"1\"".to_owned() };
    HelperRequest::for_keys(&source, reach(Some(Pem("PEM\n".to_owned()))), bearer, Some(known))
}

fn check() -> OnlineCheck {
    OnlineCheck {
        kind: OnlineKind::Introspection,
        endpoint: "https://idp.example/i".to_owned(),
        auth: ClientAuth::Bearer { secret_file: "s".to_owned() },
        certificate: None,
        token_param: "token".to_owned(),
        scope_separator: None,
        cache: Duration::ZERO,
        reach: reach(None),
    }
}

#[test]
fn a_request_is_one_line_and_comes_back_as_it_was() {
    let line = request().to_line();
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
    assert_eq!(HelperRequest::from_line(&line), Ok(request()));
}

/// An older helper, or an older library, reads these very names and units.
#[test]
fn names_and_units_of_a_request_are_agreed_upon() {
    let line = request().to_line();
    let expected = concat!(
        r#"{"version":1,"deadline_ms":4500,"connect_timeout_ms":2000,"ca_pem":"PEM\n","proxy":null,"insecure_http":false,"#,
        r#""task":{"keys":{"issuer":"https://idp.example","discovery_url":"https://idp.example/meta?x","jwks_url":null,"#,
        r#""allowed_hosts":["keys.example"],"known":{"url":"https://keys.example/jwks","etag":"\"1\""}}}}"#,
        "\n"
    );
    assert_eq!(std::str::from_utf8(&line), Ok(expected));
}

#[test]
fn another_version_is_named_even_if_nothing_else_is_understood() {
    assert_eq!(HelperAnswer::from_line(b"{\"version\":3,\"surprise\":[]}"), Err(ProtocolError::Version(3)));
    assert_eq!(HelperRequest::from_line(b"{\"version\":0}"), Err(ProtocolError::Version(0)));
}

#[test]
fn what_is_not_understood_is_refused() {
    let good = String::from_utf8(request().to_line().to_vec()).unwrap();
    for line in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "{\"version\":1}".to_owned(),
        "{\"version\":\"1\"}".to_owned(),
        "{\"version\":-1}".to_owned(),
        good.replace("\"proxy\"", "\"prxy\""),
        good.replace("\"allowed_hosts\"", "\"denied_hosts\":[],\"allowed_hosts\""),
        format!("{good}{good}"),
    ] {
        assert_eq!(HelperRequest::from_line(line.as_bytes()), Err(ProtocolError::Malformed), "{line}");
    }
    for line in [
        "{\"version\":1,\"outcome\":\"keys\"}",
        "{\"version\":1,\"outcome\":{\"keys\":{\"url\":\"u\",\"etag\":null,\"freshness\":{\"max_age\":null,\"no_cache\":false},\"keys\":{\"keys\":[]}}}}",
        "{\"version\":1,\"outcome\":{\"failed\":{\"code\":\"x\"}}}",
    ] {
        assert_eq!(HelperAnswer::from_line(line.as_bytes()), Err(ProtocolError::Malformed), "{line}");
    }
}

#[test]
fn a_token_travels_and_no_debug_output_shows_it() {
    let check = check();
    let token = BearerToken::new(b"opaque-token");
    let secret = || Some(Secret::new("hush".to_owned()));
    let request = HelperRequest::for_token(&check, reach(None), secret(), &token).unwrap();
    let line = request.to_line();
    assert!(String::from_utf8_lossy(&line).contains("opaque-token"));
    assert_eq!(HelperRequest::from_line(&line), Ok(request.clone()));
    let shown = format!("{request:?}");
    assert!(!shown.contains("opaque-token") && !shown.contains("hush"), "{shown}");
    assert_eq!(HelperRequest::for_token(&check, reach(None), None, &token), None, "without its secret");
    assert_eq!(HelperRequest::for_token(&check, reach(None), secret(), &BearerToken::new(b"\xff")), None);
}

/// A helper that would fetch keys without it must not understand the request.
#[test]
fn a_bearer_token_for_keys_travels_and_is_not_shown() {
    let request = request_with(Some(Secret::new("hush".to_owned())));
    assert_eq!((request.version, HelperRequest::from_line(&request.to_line())), (2, Ok(request.clone())));
    assert!(String::from_utf8_lossy(&request.to_line()).contains("\"bearer\":\"hush\""));
    assert!(!format!("{request:?}").contains("hush"));
}

#[test]
fn a_certificate_travels_and_its_key_is_not_shown() {
    let (check, token) = (OnlineCheck { auth: ClientAuth::None, ..check() }, BearerToken::new(b"t"));
    let plain = HelperRequest::for_token(&check, reach(None), None, &token).unwrap();
    assert_eq!(plain.clone().with_certificate(None), plain);
    let secret = |text: &str| Secret::new(text.to_owned());
    let request = plain.with_certificate(Some(TlsClient { cert_pem: secret("CERT"), key_pem: secret("hush") }));
    assert_eq!((request.version, HelperRequest::from_line(&request.to_line())), (2, Ok(request.clone())));
    assert!(!format!("{request:?}").contains("hush"));
}

#[test]
fn a_lookup_travels_and_no_debug_output_shows_its_token() {
    let metadata = Userinfo::Metadata {
        issuer: "https://idp.example".to_owned(),
        discovery_url: None,
        allowed_hosts: vec!["api.example".to_owned()],
    };
    let about = LookupSubject { user: "ana".to_owned(), expires: None };
    for userinfo in [Userinfo::Endpoint("https://idp.example/userinfo".to_owned()), metadata] {
        let lookup = Lookup {
            claims: vec!["groups".to_owned()],
            source: Source::Userinfo(userinfo),
            cache: Duration::ZERO,
            reach: reach(None),
        };
        let token = BearerToken::new(b"opaque-token");
        let request = HelperRequest::for_lookup(&lookup, reach(None), None, &about, &token).unwrap();
        assert_eq!((request.version, HelperRequest::from_line(&request.to_line())), (2, Ok(request.clone())));
        let line = String::from_utf8_lossy(&request.to_line()).into_owned();
        // The names of claims are nobody's business but the server's.
        assert!(line.contains("opaque-token") && !line.contains("groups"), "{line}");
        assert!(!format!("{request:?}").contains("opaque-token"), "{request:?}");
        let no_text = BearerToken::new(b"\xff");
        assert_eq!(HelperRequest::for_lookup(&lookup, reach(None), None, &about, &no_text), None);
    }
}

#[test]
fn a_question_to_graph_has_a_secret_of_this_server_and_nothing_of_the_token() {
    let graph = Graph {
        endpoint: "https://graph.example".to_owned(),
        token_endpoint: "https://login.example/t".to_owned(),
        tenant: "the tenant".to_owned(),
        client_id: "pg".to_owned(),
        secret_file: "graph.secret".to_owned(),
        groups: vec!["g1".to_owned()],
    };
    let lookup = Lookup {
        claims: vec!["groups".to_owned()],
        source: Source::Graph(graph),
        cache: Duration::ZERO,
        reach: reach(None),
    };
    let (about, token) = (LookupSubject { user: "ana".to_owned(), expires: None }, BearerToken::new(b"opaque-token"));
    let asked = |secret: Option<&str>| {
        let secret = secret.map(|text| Secret::new(text.to_owned()));
        HelperRequest::for_lookup(&lookup, reach(None), secret, &about, &token)
    };
    assert_eq!(asked(None), None, "nobody is asked without the secret");
    let request = asked(Some("hush")).unwrap();
    assert_eq!((request.version, HelperRequest::from_line(&request.to_line())), (2, Ok(request.clone())));
    let line = String::from_utf8_lossy(&request.to_line()).into_owned();
    assert!(line.contains("hush") && line.contains("ana") && line.contains("g1"), "{line}");
    assert!(!line.contains("opaque-token") && !line.contains("graph.secret") && !line.contains("the tenant"), "{line}");
    assert!(!format!("{request:?}").contains("hush"), "{request:?}");
}

#[test]
fn an_answer_about_a_token_is_not_shown_either() {
    let answer = OnlineAnswer { status: 200, body: "{\"sub\":\"ana\"}".to_owned() };
    let line = HelperAnswer::new(1, HelperReply::Answer(answer.clone())).to_line();
    let back = HelperAnswer::from_line(&line).unwrap();
    assert_eq!(back.outcome, HelperReply::Answer(answer));
    assert!(!format!("{back:?}").contains("ana"), "{back:?}");
}

/// An older helper goes on with all that it knows, and refuses the rest.
#[test]
fn a_request_has_the_oldest_version_that_says_it() {
    assert_eq!(request().version, 1);
    let client = || ClientSecret { client_id: "pg".into(), secret_file: "s".into() };
    for (auth, version) in [
        (ClientAuth::Basic(client()), 1),
        (ClientAuth::Post(client()), 1),
        (ClientAuth::Bearer { secret_file: "s".into() }, 1),
        (ClientAuth::None, 1),
        (ClientAuth::BasicRaw(client()), 2),
        (ClientAuth::Public { client_id: "pg".into() }, 2),
    ] {
        let check = OnlineCheck { auth, ..check() };
        let (secret, token) = (Some(Secret::new("hush".to_owned())), BearerToken::new(b"t"));
        let request = HelperRequest::for_token(&check, reach(None), secret, &token).unwrap();
        assert_eq!(request.version, version, "{:?}", check.auth);
        assert_eq!(HelperRequest::from_line(&request.to_line()), Ok(request));
    }
}

#[test]
fn an_answer_has_the_version_of_its_request_or_the_next_one() {
    let version = |asked| HelperAnswer::new(asked, HelperReply::Unchanged(Freshness::default())).version;
    assert_eq!([0, 1, 2, 3, u32::MAX].map(version), [1, 1, 2, 2, 2]);
}

#[test]
fn a_long_failure_is_cut_between_characters() {
    let failure = HelperFailure { code: "x".to_owned(), message: "\u{e4}".repeat(1000), hint: "h".to_owned() };
    let line = HelperAnswer::new(1, HelperReply::Failed(failure)).to_line();
    let Ok(HelperAnswer { outcome: HelperReply::Failed(failure), .. }) = HelperAnswer::from_line(&line) else {
        panic!("no failure");
    };
    assert_eq!(failure.message.chars().count(), 600);
}

#[test]
fn keys_survive_the_way_and_what_was_left_out_is_told() {
    let document = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","alg":"EdDSA","x5c":["AA"],"x5t":"sha1","x5t#S256":"sha2","issuer":"https://i/{tenantid}","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        {"kty":"oct","k":"AA"}]}"#;
    let keys = KeySet::from_jwks(document).unwrap();
    let text = serde_json::to_string(&keys).unwrap();
    assert!(!text.contains("x5c") && text.contains(r#""x5t":"sha1","x5t#S256":"sha2""#), "{text}");
    let back: KeySet = serde_json::from_str(&text).unwrap();
    assert_eq!(back, keys);
    assert_eq!(back.left_out().len(), 1);
}
