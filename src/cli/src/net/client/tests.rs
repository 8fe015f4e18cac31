//! Statuses, types of content and proxies, as they are judged before anybody reads a body.

use super::{NetErrorCode, is_json, judge_status, proxy};
use ureq::http::StatusCode;

#[test]
fn types_of_json_are_taken_with_parameters_and_in_any_case() {
    for text in
        ["application/json", "Application/JSON; charset=utf-8", "application/jwk-set+json", "application/x+json ;"]
    {
        assert!(is_json(text.as_bytes()), "{text}");
    }
}

#[test]
fn other_types_are_not() {
    for text in
        ["", "text/html", "text/json", "application/jsonp", "json", "text/html; application/json", "image/x+json"]
    {
        assert!(!is_json(text.as_bytes()), "{text}");
    }
    assert!(!is_json(b"application/json\xff"));
}

#[test]
fn a_status_is_200_or_an_error() {
    let judged = |number| judge_status("u", StatusCode::from_u16(number).unwrap()).map_err(|error| error.code);
    assert_eq!(judged(200), Ok(()));
    for number in [300, 301, 302, 303, 305, 307, 308, 399] {
        assert_eq!(judged(number), Err(NetErrorCode::Redirect), "{number}");
    }
    for number in [201, 204, 206, 304, 400, 401, 404, 429, 500, 503, 999] {
        assert_eq!(judged(number), Err(NetErrorCode::HttpStatus), "{number}");
    }
}

#[test]
fn a_proxy_is_plain_and_has_no_password() {
    assert!(proxy("http://proxy.example:3128").is_ok());
    for (text, why) in [
        ("http://ana:secret@proxy.example:3128", "user name or a password"),
        ("socks5://proxy.example", "does not begin with http://"),
        ("https://proxy.example:3128", "does not begin with http://"),
        ("proxy.example:3128", "does not begin with http://"),
        ("http://", "is no URL"),
    ] {
        let error = proxy(text).expect_err(text);
        assert_eq!(error.code, NetErrorCode::Proxy);
        assert!(error.message.contains(why) && !error.message.contains("secret"), "{}", error.message);
    }
}
