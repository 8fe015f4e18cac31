//! What changed programs got away with: each test here fails for a small change of the source that no other noticed.
//!
//! Found by a mutation run; `tests/MUTANTS.md` has the count, and the changes that cannot be noticed.

use super::key_documents::with;
use super::support::{ISSUER, Login, NOW, claims, header_with, jwks, says, token, token_with_header};
use oauth_validator_core::Reason::{
    AudienceMismatch, ClaimType, ClientNotAllowed, Expired, IdToken, IdentityInvalid, IdentityMissing, KeyUnknown,
    NotYetValid, RuleFailed, TokenMalformed, TokenTooLarge,
};
use oauth_validator_core::{BearerToken, Config, DecisionState, Known, Needs, UnixSeconds, decide};
use oauth_validator_fixtures::{keys, mint};
use serde_json::json;

#[test]
fn a_client_is_refused_with_the_reason_why() {
    let login = Login::with_profile("clients = { claims = [\"$.azp\", \"$.appid\"], allow = [\"psql\"] }\n");
    let denial = |claims| login.denies(token(claims), ClientNotAllowed);
    says(&denial(json!({"azp": "other"})), "is not in the list of");
    says(&denial(json!({})), "names no client in $.azp or $.appid");
    says(&denial(json!({"azp": "psql", "appid": "psql"})), "names several clients in $.azp and $.appid");
    let many = Login::with_profile("clients = { claims = [\"$.clients[*]\"], allow = [\"psql\"] }\n");
    many.grants(&token(json!({"clients": ["psql"]})), "ana");
    says(&many.denies(token(json!({"clients": ["psql", "psql"]})), ClientNotAllowed), "selects more than one value");
    says(&many.denies(token(json!({"clients": []})), ClientNotAllowed), "names no client");
}

#[test]
fn an_audience_is_refused_with_the_reason_why() {
    let denial = |aud| Login::new().denies(token(json!({"aud": aud})), AudienceMismatch);
    says(&denial(json!("other")), "the token is for another");
    says(&denial(json!(null)), "the token names none");
    says(&denial(json!([])), "the token names none");
}

#[test]
fn denials_for_time_say_by_how_much() {
    let expired = token(json!({"iat": NOW - 100, "exp": NOW}));
    says(&Login::new().now(NOW + 45).denies(&expired, Expired), "expired 45 seconds ago; clock_skew allows for 30.");
    for name in ["nbf", "iat"] {
        let early = Login::new().denies(token(json!({name: NOW + 31})), NotYetValid);
        says(&early, &format!("{name} is 31 seconds ahead; clock_skew allows for 30."));
    }
}

#[test]
fn a_missing_key_is_explained() {
    let denial = |login: &Login, head| login.denies(token_with_header(head), KeyUnknown);
    let both = "algorithms = [\"RS256\", \"ES256\"]\n";
    let ec = Login::with_profile(both).keys(jwks(&[keys::p256()]));
    says(&denial(&ec, json!({"kid": "corp-rsa"})), "The issuer's only key does not have the kid");
    says(&denial(&ec, json!({"kid": "p256"})), "The key with the kid of the token's header is not one for RS256");
    says(&denial(&ec, json!({"kid": null})), "The issuer's only key is not one for RS256");
    let twins = Login::new().keys(jwks(&[keys::corp(), &keys::partner().with_kid("corp-rsa")]));
    says(&denial(&twins, json!({})), "Several keys have the kid of the token's header");
    let number = |first: u8| {
        let mut n = vec![0x55; 256];
        (n[0], n[255]) = (first, 1);
        json!({"kty": "RSA", "e": "AQAB", "n": mint::b64(n)})
    };
    let five = Login::new().keys(json!({"keys": (0x80..0x85).map(number).collect::<Vec<_>>()}));
    says(&denial(&five, json!({"kid": null})), "has no kid, and more keys fit RS256 than the 4 that are tried.");
    says(&denial(&five, json!({})), "Several keys have the kid of the token's header, or none at all, and fit RS256.");
    let hint = |login: &Login, head| denial(login, head).hint;
    assert!(hint(&twins, json!({})).contains("give each key a kid of its own"));
    assert!(hint(&five, json!({"kid": null})).contains("up to four, will do"));
    let digest = Login::new().keys(json!({"keys": [with(keys::corp().public_jwk(), "x5t", "a")]}));
    says(
        &denial(&digest, json!({"kid": null, "x5t": "b"})),
        "The issuer's only key does not have the x5t of the token's",
    );
}

#[test]
fn every_invisible_mark_is_refused_and_no_other() {
    let marks = ['\u{61c}', '\u{200e}', '\u{200f}'].into_iter();
    for mark in marks.chain('\u{2028}'..='\u{202e}').chain('\u{2066}'..='\u{2069}') {
        let denial = Login::new().denies(token(json!({"sub": format!("ana{mark}x")})), IdentityInvalid);
        says(&denial, "has control characters");
    }
    for neighbour in ['\u{61b}', '\u{61d}', '\u{200d}', '\u{2010}', '\u{2027}', '\u{2030}', '\u{2065}', '\u{206a}'] {
        let name = format!("ana{neighbour}x");
        Login::new().grants(&token(json!({"sub": name})), &name);
    }
}

#[test]
fn an_unusable_identity_is_refused_with_the_reason_why() {
    let denial = |sub: &str| Login::new().denies(token(json!({"sub": sub})), IdentityInvalid);
    says(&denial(""), "is empty");
    says(&denial(&"x".repeat(1025)), "is longer than 1024 bytes");
    says(&denial("a\u{7f}b"), "has control characters");
    says(&denial(" ana"), "begins or ends with white space");
}

#[test]
fn a_missing_identity_is_refused_with_the_reason_why() {
    says(&Login::new().denies(token(json!({"sub": null})), IdentityMissing), "The token has no $.sub, which ");
    let fallback = "identity = { claim = \"$.uid\", fallback = { claim = \"$.cid\", prefix = \"app:\" } }\n";
    let denial = Login::with_profile(fallback).denies(token(json!({})), IdentityMissing);
    says(&denial, "The token has neither the identity of oauth-validator.toml:5 nor its fallback, $.cid.");
}

#[test]
fn size_is_judged_by_the_profile_that_the_token_picks() {
    let good = token(json!({}));
    let file = |corp: usize, partner: usize| {
        Login::with_file(&format!(
            "[profiles.corp]\nissuer = \"{ISSUER}\"\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"k\" }}\n\
             max_token_size = \"{corp}B\"\nidentity = {{ prefix = \"corp:\" }}\n\
             [profiles.partner]\nissuer = \"https://partner.example\"\nhba_issuers = [\"{ISSUER}\"]\n\
             audience = [\"p\"]\nkeys = {{ jwks_file = \"k\" }}\n\
             max_token_size = \"{partner}B\"\nidentity = {{ prefix = \"partner:\" }}\n"
        ))
    };
    file(good.len(), 100).grants(&good, "corp:ana");
    // One profile of the line would take it, but not the one it is for.
    let denial = file(good.len() - 1, good.len()).denies(&good, TokenTooLarge);
    assert_eq!(denial.profile.as_deref(), Some("corp"));
    let denial = file(good.len() - 1, 100).denies(&good, TokenTooLarge);
    assert_eq!(denial.profile, None, "none was chosen");
    let only = Login::with_profile("max_token_size = \"100B\"\n").denies(&good, TokenTooLarge);
    assert_eq!(only.profile.as_deref(), Some("corp"));
}

#[test]
fn a_malformed_token_is_refused_with_the_reason_why() {
    let denial = |token: &str| Login::new().denies(token, TokenMalformed);
    says(&denial(""), "The token is empty.");
    says(&denial("opaque"), "is not a JWT (three parts");
    says(&denial("a.b.c.d.e"), "is an encrypted JWT (five parts)");
    says(&denial("a.b.c+"), "has characters that no JWT has");
    says(&denial("e30.e30."), "has an empty part");
    says(&denial("e30.e30.AB"), "has a part that is not base64url");
    says(&denial("W10.e30.AA"), "has a header that is not one JSON object");
    says(&denial("e30.W10.AA"), "has a payload that is not one JSON object");
}

#[test]
fn the_longest_header_is_read() {
    let of = |bytes: usize| {
        let frame = header_with(json!({"x5c": [""]})).to_string().len();
        header_with(json!({"x5c": ["x".repeat(bytes - frame)]}))
    };
    assert_eq!(of(8192).to_string().len(), 8192);
    Login::new().grants(&mint::mint(keys::corp(), &of(8192), &claims()), "ana");
    let denial = Login::new().denies(mint::mint(keys::corp(), &of(8193), &claims()), TokenMalformed);
    says(&denial, "has a header longer than 8 kB");
}

#[test]
fn a_lifetime_of_nothing_is_none() {
    Login::new().denies(token(json!({"iat": NOW + 10, "exp": NOW + 10})), ClaimType);
    Login::new().grants(&token(json!({"iat": NOW + 10, "exp": NOW + 11})), "ana");
}

#[test]
fn a_jti_is_only_looked_at_to_be_denied() {
    Login::new().grants(&token(json!({"jti": 7})), "ana");
    Login::with_profile("deny_jti = [\"stolen\"]\n").denies(token(json!({"jti": 7})), ClaimType);
}

#[test]
fn large_integers_are_told_apart() {
    // One double stands for both.
    let rule = |test: &str| Login::with_profile(&format!("[[profiles.corp.require]]\nclaim = \"$.x\"\n{test}\n"));
    rule("equals = 9007199254740993").grants(&token(json!({"x": 9_007_199_254_740_993_i64})), "ana");
    rule("equals = 9007199254740993").denies(token(json!({"x": 9_007_199_254_740_992_i64})), RuleFailed);
    rule("none_of = [9007199254740993]").grants(&token(json!({"x": 9_007_199_254_740_992_i64})), "ana");
    rule("none_of = [9007199254740993]").denies(token(json!({"x": 9_007_199_254_740_993_i64})), RuleFailed);
}

#[test]
fn numbers_inside_of_lists_and_tables_are_numbers() {
    let rule = |test: &str| Login::with_profile(&format!("[[profiles.corp.require]]\nclaim = \"$.x\"\n{test}\n"));
    for (test, same, other) in [
        ("[1, [2]]", json!([1.0, [2.0]]), json!([1.0, [2.5]])),
        ("{ a = 1, b = { c = 2 } }", json!({"a": 1.0, "b": {"c": 2.0}}), json!({"a": 1.0, "b": {"c": 2.5}})),
    ] {
        rule(&format!("equals = {test}")).grants(&token(json!({"x": same})), "ana");
        rule(&format!("equals = {test}")).denies(token(json!({"x": other})), RuleFailed);
        rule(&format!("none_of = [{test}]")).grants(&token(json!({"x": other})), "ana");
        rule(&format!("none_of = [{test}]")).denies(token(json!({"x": same})), RuleFailed);
    }
}

#[test]
fn well_known_urls_of_short_hosts() {
    let login = |issuer: &str, line: &str| {
        let line = line.to_owned();
        Login::with_file(&format!(
            "[profiles.corp]\nissuer = \"{issuer}\"\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"k\" }}\n"
        ))
        .request(move |request| request.hba_issuer = line)
    };
    let deep = "https://a.io/x/corp";
    login(deep, "https://a.io/.well-known/oauth-authorization-server/x/corp")
        .grants(&token(json!({"iss": deep})), "ana");
    let bare = "https://a.io";
    login(bare, "https://a.io/.well-known/oauth-authorization-server").grants(&token(json!({"iss": bare})), "ana");
}

#[test]
fn what_is_needed_names_the_profile_and_its_file() {
    let toml = format!(
        "[profiles.corp]\nissuer = \"{ISSUER}\"\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"corp.jwks\" }}\n"
    );
    let config = Config::parse(toml.as_bytes(), "oauth-validator.toml").config.expect("a valid file");
    let request = Login::new().request;
    let token = BearerToken::new(token(json!({})).as_bytes());
    match decide(&request, &token, &config, &Known::default(), UnixSeconds::new(NOW)) {
        DecisionState::Needs(Needs::Keys { profile, file }) => {
            assert_eq!((profile.as_str(), file.path()), ("corp", "corp.jwks"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_presets_mark_of_access_tokens_stays_until_the_profile_has_its_own() {
    let login = |further: &str| {
        Login::with_file(&format!(
            "[profiles.corp]\npreset = \"keycloak\"\nissuer = \"{ISSUER}\"\naudience = [\"postgres\"]\n\
             keys = {{ jwks_file = \"k\" }}\n{further}"
        ))
    };
    login("").grants(&token(json!({"typ": "Bearer"})), "ana");
    for typ in [json!(null), json!("bearer"), json!("Other"), json!(["Bearer"])] {
        login("").denies(token(json!({"typ": typ})), IdToken);
        login("token_kind = \"any\"\n").denies(token(json!({"typ": typ})), IdToken);
        let own = "token_kind = \"any\"\naccess_token = [{ claim = \"$.client_id\", absent = true }]\n";
        login(own).grants(&token(json!({"typ": typ})), "ana");
        login(&own.replace("any", "access")).denies(token(json!({"typ": typ})), IdToken);
    }
}
