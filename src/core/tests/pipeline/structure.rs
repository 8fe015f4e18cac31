//! Step 1, and what a compact JWS must look like.

use super::support::{Login, claims, header, token};
use oauth_validator_core::Reason::{TokenMalformed, TokenTooLarge};
use oauth_validator_fixtures::keys;
use oauth_validator_fixtures::mint::{self, b64};
use serde_json::json;

#[test]
fn a_proper_token_passes() {
    Login::new().grants(&token(json!({})), "ana");
}

#[test]
fn everything_that_is_no_compact_jws_is_refused() {
    let whole = token(json!({}));
    let parts: Vec<&str> = whole.split('.').collect();
    let (head, payload, signature) = (parts[0], parts[1], parts[2]);
    for hostile in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        "....".into(),
        ".".repeat(64_000).chars().take(16_000).collect(),
        "ya29.a0AfH6SMB".into(),
        "opaque".into(),
        format!("{head}.{payload}."),
        format!("{head}.{payload}"),
        format!(".{payload}.{signature}"),
        format!("{head}..{signature}"),
        format!("{whole}.{signature}"),
        format!("{whole}.{signature}.{signature}"),
        format!("{whole}="),
        format!("{whole} "),
        format!(" {whole}"),
        format!("{whole}\n"),
        format!("{head}.{payload}+.{signature}"),
        format!("{head}.{payload}/.{signature}"),
        format!("{head}=.{payload}.{signature}"),
        format!("{head}\0.{payload}.{signature}"),
        format!("Bearer {whole}"),
        format!("{head}.{payload}.\u{e4}"),
        "{\"payload\":\"e30\",\"signatures\":[]}".into(),
    ] {
        Login::new().denies(&hostile, TokenMalformed);
    }
    Login::new().denies([0xff, 0xfe, b'.', b'.', 0x80], TokenMalformed);
}

#[test]
fn base64url_has_one_spelling() {
    let whole = token(json!({}));
    // An RSA signature of 256 bytes ends with a character of which four bits count.
    let last = whole.chars().last().unwrap();
    for other in "BCDEFGHIJKLMNOPRSTUVWXYZ".chars().filter(|c| *c != last) {
        let changed = format!("{}{other}", &whole[..whole.len() - 1]);
        let decision = Login::new().decide(changed.as_bytes());
        assert!(matches!(decision, oauth_validator_core::Decision::Denied(_)), "{other}");
    }
    let mut aliased = whole.clone();
    aliased.pop();
    aliased.push(match last {
        'A' => 'B',
        'Q' => 'R',
        'g' => 'h',
        'w' => 'x',
        other => panic!("{other} is not canonical"),
    });
    Login::new().denies(&aliased, TokenMalformed);
}

#[test]
fn ambiguous_json_is_refused_even_when_signed() {
    let mint = |header: &[u8], payload: &[u8]| mint::mint_bytes(keys::corp(), "RS256", header, payload);
    let (head, body) = (header().to_string(), claims().to_string());
    let extra = |text: &str| format!("{{{text},{}", &body[1..]);
    for payload in [
        extra(r#""sub":"victim""#),
        extra(r#""su\u0062":"victim""#),
        extra(r#""exp":9999999999"#),
        extra(&format!(r#""deep":{}{}"#, "[".repeat(40), "]".repeat(40))),
        extra(&format!(r#""deep":{}1{}"#, "{\"a\":".repeat(1500), "}".repeat(1500))),
        extra(r#""huge":1e999"#),
        extra(r#""lone":"\ud800""#),
        format!("{body}x"),
        format!("{body}{body}"),
        format!("\u{feff}{body}"),
        format!("[{body}]"),
        "null".into(),
        "\"text\"".into(),
        "1".into(),
        String::from("{}x"),
    ] {
        Login::new().denies(mint(head.as_bytes(), payload.as_bytes()), TokenMalformed);
    }
    for header in [
        r#"{"alg":"RS256","alg":"RS256","typ":"at+jwt","kid":"corp-rsa"}"#.to_owned(),
        r#"{"alg":"RS256","\u0061lg":"none","typ":"at+jwt","kid":"corp-rsa"}"#.to_owned(),
        format!("{head} trailing"),
        "[]".to_owned(),
        format!("\u{feff}{head}"),
    ] {
        Login::new().denies(mint(header.as_bytes(), body.as_bytes()), TokenMalformed);
    }
    let mut invalid_utf8 = body.clone().into_bytes();
    invalid_utf8[3] = 0xff;
    Login::new().denies(mint(head.as_bytes(), &invalid_utf8), TokenMalformed);
}

#[test]
fn size_is_judged_before_decoding() {
    let whole = token(json!({}));
    let limit = |bytes: usize| Login::with_profile(&format!("max_token_size = \"{bytes}B\"\n"));
    limit(whole.len()).grants(&whole, "ana");
    limit(whole.len() - 1).denies(&whole, TokenTooLarge);
    // Nothing in it would decode, and still it is the size that is named.
    limit(1000).denies("!".repeat(1001) + "..", TokenMalformed);
    limit(1000).denies("a".repeat(1001) + "..", TokenTooLarge);
    Login::new().denies("a".repeat(70_000), TokenTooLarge);
    Login::new().denies("a".repeat(65_535), TokenMalformed);
}

#[test]
fn a_large_header_is_refused() {
    let padding = "x".repeat(9000);
    let head = json!({"alg": "RS256", "typ": "at+jwt", "kid": "corp-rsa", "x5c": [padding]});
    Login::new().denies(mint::mint(keys::corp(), &head, &claims()), TokenMalformed);
    let head = json!({"alg": "RS256", "typ": "at+jwt", "kid": "corp-rsa", "x5c": ["x".repeat(7000)]});
    Login::new().grants(&mint::mint(keys::corp(), &head, &claims()), "ana");
}

#[test]
fn unsigned_tokens_are_refused() {
    for alg in ["none", "None", "nOnE", "NONE", ""] {
        let unsigned = mint::unsigned(&json!({"alg": alg, "typ": "at+jwt"}), &claims());
        Login::new().denies(&unsigned, TokenMalformed);
        // With some signature, it is the algorithm that is refused.
        let padded = format!("{}{}", unsigned.trim_end_matches('.'), format_args!(".{}", b64("signature")));
        Login::new().denies(&padded, oauth_validator_core::Reason::Algorithm);
    }
}
