//! What changed programs got away with: each test here fails for a small change of the source that no other noticed.
//!
//! Found by a mutation run; `tests/MUTANTS.md` has the count, and the changes that cannot be noticed.

use super::support::{ISSUER, Login, NOW, claims, header_with, jwks, token, token_with_header};
use oauth_validator_core::Reason::{
    AudienceMismatch, ClaimType, ClientNotAllowed, Expired, IdToken, IdentityInvalid, IdentityMissing, KeyUnknown,
    KeysUnavailable, NotYetValid, RuleFailed, TokenMalformed, TokenTooLarge,
};
use oauth_validator_core::{Answer, BearerToken, Config, KeySet, Known, Needs, UnixSeconds, decide};
use oauth_validator_fixtures::{keys, mint};
use serde_json::{Value, json};

/// The denial's detail holds `words`: several refusals share a code, and an administrator needs to know which.
#[track_caller]
fn says(denial: &oauth_validator_core::Denial, words: &str) {
    assert!(denial.detail.contains(words), "{}", denial.detail);
}

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
    says(&denial(&ec, json!({"kid": "corp-rsa"})), "None of the issuer's 1 keys has the kid");
    says(&denial(&ec, json!({"kid": "p256"})), "The key with the kid of the token's header is not one for RS256");
    says(&denial(&ec, json!({"kid": null})), "None of the issuer's 1 keys is one for RS256");
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
    let digest = Login::new().keys(json!({"keys": [with(keys::corp().public_jwk(), "x5t", "a")]}));
    says(&denial(&digest, json!({"kid": null, "x5t": "b"})), "None of the issuer's 1 keys has the x5t of the token's");
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
        Answer::Needs(Needs::Keys { profile, file }) => {
            assert_eq!((profile.as_str(), file.path()), ("corp", "corp.jwks"));
        }
        other => panic!("{other:?}"),
    }
}

/// Why the only key of a document is left out.
#[track_caller]
fn left_out(jwk: Value, words: &str) {
    let document = json!({"keys": [keys::partner().public_jwk(), jwk]}).to_string();
    let set = KeySet::from_jwks(document.as_bytes()).expect("one good key");
    assert_eq!(set.keys().len(), 1, "{words}");
    assert_eq!(set.left_out().len(), 1, "{words}");
    assert!(set.left_out()[0].to_string().starts_with("key 2: "), "{:?}", set.left_out());
    assert!(set.left_out()[0].to_string().contains(words), "{:?}", set.left_out());
}

fn with(mut jwk: Value, name: &str, value: impl Into<Value>) -> Value {
    jwk[name] = value.into();
    jwk
}

#[test]
fn rsa_keys_at_their_edges() {
    let rsa = |n: Vec<u8>, e: &[u8]| json!({"kty": "RSA", "n": mint::b64(n), "e": mint::b64(e)});
    let number = |first: u8, bytes: usize, last: u8| {
        let mut n = vec![0x55; bytes];
        (n[0], n[bytes - 1]) = (first, last);
        n
    };
    let f4 = [1, 0, 1];
    left_out(rsa(number(0x7f, 256, 1), &f4), "its modulus has 2047 bits, not 2048 to 8192");
    left_out(rsa(number(0x01, 256, 1), &f4), "its modulus has 2041 bits");
    left_out(rsa(number(0x01, 1025, 1), &f4), "its modulus has 8193 bits");
    left_out(rsa(number(0x80, 256, 2), &f4), "its modulus is even, or its exponent");
    left_out(rsa([&[0], number(0x7f, 256, 1).as_slice()].concat(), &f4), "its modulus has 2047 bits");
    left_out(rsa([&[0, 0], number(0x01, 1025, 1).as_slice()].concat(), &f4), "its modulus has 8193 bits");
    left_out(rsa(vec![0; 256], &f4), "its modulus is empty");
    for e in [&[1][..], &[2], &[1, 0, 0], &[0, 1], &[0, 2], &[1, 0, 0, 0, 1], &[0, 0], &[]] {
        left_out(rsa(number(0x80, 256, 1), e), "its exponent is not an odd number from 3 to 2^32");
    }
    for (n, e) in [
        (number(0x80, 256, 1), &[3][..]),
        (number(0x80, 256, 3), &f4),
        ([&[0], number(0x80, 256, 3).as_slice()].concat(), &[0, 1, 0, 1]),
        ([&[0, 0, 0], number(0xff, 1024, 1).as_slice()].concat(), &[0, 0, 0, 0, 0, 1, 0, 1]),
        (number(0xff, 1024, 0xff), &[0xff, 0xff, 0xff, 0xff]),
    ] {
        let set = KeySet::from_jwks(json!({"keys": [rsa(n, e)]}).to_string().as_bytes()).expect("a key");
        assert_eq!((set.keys().len(), set.left_out().len()), (1, 0));
    }
}

#[test]
fn coordinates_have_the_length_of_their_curve() {
    for key in [keys::p256(), keys::p384(), keys::p521()] {
        for name in ["x", "y"] {
            let whole = mint::unb64(key.public_jwk()[name].as_str().expect("a coordinate"));
            for other in [&whole[1..], &[&[0], whole.as_slice()].concat()] {
                let words = format!("its coordinates have not {} bytes", whole.len());
                left_out(with(key.public_jwk(), name, mint::b64(other)), &words);
            }
        }
    }
    let whole = mint::unb64(keys::ed25519().public_jwk()["x"].as_str().expect("a point"));
    for other in [&whole[1..], &[&[0], whole.as_slice()].concat()] {
        left_out(with(keys::ed25519().public_jwk(), "x", mint::b64(other)), "its x has not 32 bytes");
    }
}

#[test]
fn members_of_a_jwk_at_their_edges() {
    let document = json!({"keys": [with(keys::corp().public_jwk(), "kid", "k".repeat(1024))]}).to_string();
    assert_eq!(KeySet::from_jwks(document.as_bytes()).expect("a key").keys()[0].kid().map(str::len), Some(1024));
    left_out(with(keys::corp().public_jwk(), "kid", "k".repeat(1025)), "its kid is longer than 1024 bytes");
    left_out(with(keys::p256().public_jwk(), "k", "AA"), "it has private members");
    left_out(with(keys::p256().public_jwk(), "x", "AA="), "its x is not base64url");
    left_out(with(keys::p256().public_jwk(), "x", 7), "it has no x");
    left_out(with(keys::p256().public_jwk(), "kty", "LMS"), "its kty is none of RSA, EC, OKP");
    left_out(with(keys::p256().public_jwk(), "crv", "Ed25519"), "its curve is none of");
    left_out(with(keys::ed25519().public_jwk(), "crv", "X25519"), "its curve is none of");
    left_out(json!("key"), "it is not an object");
}

/// Why the only key of a document is left out, what it is called, and whether it says itself that it is for another use.
#[track_caller]
fn left_out_as(jwk: Value, kid: Option<&str>, other_use: bool) {
    let document = json!({"keys": [keys::partner().public_jwk(), jwk]}).to_string();
    let set = KeySet::from_jwks(document.as_bytes()).expect("one good key");
    let [left_out] = set.left_out() else { panic!("{:?}", set.left_out()) };
    assert_eq!((left_out.kid(), left_out.is_for_other_use()), (kid, other_use), "{left_out}");
    // As a key file keeps it.
    let kept: KeySet = serde_json::from_str(&serde_json::to_string(&set).expect("a text")).expect("a key set");
    assert_eq!(kept, set);
}

#[test]
fn a_key_that_is_not_used_keeps_its_name() {
    let jwk = || keys::corp().public_jwk();
    left_out_as(with(jwk(), "use", "enc"), Some("corp-rsa"), true);
    left_out_as(with(jwk(), "key_ops", json!(["encrypt"])), Some("corp-rsa"), true);
    left_out_as(with(jwk(), "use", 1), Some("corp-rsa"), false);
    left_out_as(with(jwk(), "e", "AQ"), Some("corp-rsa"), false);
    left_out_as(with(jwk(), "kty", "AKP"), Some("corp-rsa"), false);
    left_out_as(with(with(jwk(), "kid", ""), "e", "AQ"), None, false);
    left_out_as(with(jwk(), "kid", 7), None, false);
    left_out_as(with(jwk(), "kid", "k".repeat(1025)), None, false);
    left_out_as(with(with(jwk(), "kid", "k".repeat(1024)), "e", "AQ"), Some(&"k".repeat(1024)), false);
    left_out_as(json!(null), None, false);
}

#[test]
fn what_the_first_version_kept_is_still_good() {
    let old = json!({"keys": [keys::corp().public_jwk()], "left_out": ["key 2: its use is not sig", 7]}).to_string();
    let set: KeySet = serde_json::from_str(&old).expect("a key set");
    assert_eq!((set.keys().len(), set.left_out().len()), (1, 1));
    assert_eq!((set.left_out()[0].to_string().as_str(), set.left_out()[0].kid()), ("key 2: its use is not sig", None));
}

#[test]
fn documents_have_at_most_256_keys() {
    let jwks = |count: usize| json!({"keys": vec![keys::p256().public_jwk(); count]}).to_string();
    assert_eq!(KeySet::from_jwks(jwks(256).as_bytes()).expect("256 keys").keys().len(), 256);
    let why = KeySet::from_jwks(jwks(257).as_bytes()).expect_err("257 keys").to_string();
    assert_eq!(why, "it has 257 keys, more than 256");
    let pem = |count: usize| keys::ed25519().public_pem().repeat(count);
    assert_eq!(KeySet::from_pem(pem(256).as_bytes()).expect("256 keys").keys().len(), 256);
    let why = KeySet::from_pem(pem(257).as_bytes()).expect_err("257 keys").to_string();
    assert_eq!(why, "it has 257 keys, more than 256");
}

/// A PEM block of a DER document whose only long part is the key at its end, after `change`; lengths are mended.
fn pem_of(key: &keys::TestKey, change: impl Fn(&mut Vec<u8>)) -> String {
    let mut der = key.public_der();
    // SEQUENCE, SEQUENCE with the algorithm, BIT STRING: each length is one byte in these keys.
    let bits = 2 + 2 + usize::from(der[3]);
    let mut point = der.split_off(bits + 3);
    change(&mut point);
    der[bits + 1] = u8::try_from(point.len() + 1).expect("a short key");
    der.append(&mut point);
    der[1] = u8::try_from(der.len() - 2).expect("a short key");
    let body = base64_of(&der);
    format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
}

/// Standard base64, which PEM uses; without line breaks, which its readers do without.
fn base64_of(bytes: &[u8]) -> String {
    let text = mint::b64(bytes).replace('-', "+").replace('_', "/");
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    text + &padding
}

#[test]
fn points_in_pem_are_uncompressed_and_whole() {
    let why = |pem: &str| KeySet::from_pem(pem.as_bytes()).expect_err("no key").to_string();
    for key in [keys::p256(), keys::p384()] {
        assert!(KeySet::from_pem(pem_of(key, |_| {}).as_bytes()).is_ok(), "unchanged");
        for pem in [
            pem_of(key, |point| point[0] = 6),
            pem_of(key, |point| point[0] = 2),
            pem_of(key, |point| point.truncate(1 + (point.len() - 1) / 2)),
            pem_of(key, |point| point.truncate(point.len() - 1)),
            pem_of(key, |point| point.push(0)),
            pem_of(key, Vec::clear),
        ] {
            assert!(why(&pem).contains("its point is not uncompressed, or of the wrong length"), "{}", why(&pem));
        }
    }
    assert!(KeySet::from_pem(pem_of(keys::ed25519(), |_| {}).as_bytes()).is_ok(), "unchanged");
    for pem in [pem_of(keys::ed25519(), |x| x.truncate(31)), pem_of(keys::ed25519(), |x| x.push(0))] {
        assert!(why(&pem).contains("its x has not 32 bytes"), "{}", why(&pem));
    }
}

#[test]
fn the_tenant_of_an_entra_key_is_one() {
    let login = |issuer: &str| {
        let key = with(keys::corp().public_jwk(), "issuer", "https://login.microsoftonline.com/{tenantid}/v2.0");
        let line = issuer.to_owned();
        let login = Login::with_file(&format!(
            "[profiles.entra]\nissuer = \"{issuer}\"\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"k\" }}\n"
        ));
        login.keys(json!({"keys": [key]})).request(move |request| request.hba_issuer = line)
    };
    let good = "https://login.microsoftonline.com/9a8b7c6d-2222-4eee-9fff-000000000001/v2.0";
    login(good).grants(&token(json!({"iss": good})), "ana");
    for other in [
        "https://login.microsoftonline.com//v2.0",
        "https://login.microsoftonline.com/9a8b7c6d/v2.0/evil/v2.0",
        "https://login.microsoftonline.com/common/v2.0",
        "https://login.microsoftonline.com/9a8b7c6d.example/v2.0",
    ] {
        login(other).denies(token(json!({"iss": other})), KeyUnknown);
    }
}

#[test]
fn a_document_of_left_out_keys_says_why() {
    let denial =
        Login::new().keys(json!({"keys": [{"kty": "oct", "k": "AA"}]})).denies(token(json!({})), KeysUnavailable);
    says(&denial, "it has no usable key (key 1: it has private members");
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
