//! Steps 5 and 6: exactly one key fits, and the signature is its own.

use super::support::{Login, claims, header, header_with, jwks, token, token_with_header};
use oauth_validator_core::Reason::{KeyUnknown, KeysUnavailable, SignatureInvalid, TokenMalformed};
use oauth_validator_fixtures::keys::{self, TestKey};
use oauth_validator_fixtures::{mint, weak};
use serde_json::{Value, json};

const ANY: &str = "algorithms = [\"RS256\", \"RS384\", \"RS512\", \"PS256\", \"PS384\", \"PS512\", \"ES256\", \"ES384\", \"ES512\", \"EdDSA\"]\n";

fn signed(key: &TestKey, alg: &str) -> String {
    mint::mint_as(key, alg, &json!({"alg": alg, "typ": "at+jwt", "kid": key.kid()}), &claims())
}

fn with(mut jwk: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

#[test]
fn every_algorithm_is_verified() {
    let all = [keys::corp(), keys::p256(), keys::p384(), keys::p521(), keys::ed25519()];
    let login = Login::with_profile(ANY).keys(jwks(&all));
    for alg in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] {
        let key = all.iter().find(|key| key.fits(alg)).unwrap();
        let good = signed(key, alg);
        login.grants(&good, "ana");
        // One bit of the signature, the payload, the header.
        let [head, payload, signature] = mint::split(&good);
        for at in [0, signature.len() / 2, signature.len() - 1] {
            let mut bad = signature.clone();
            bad[at] ^= 1;
            login.denies(mint::assemble(&head, &payload, &bad), SignatureInvalid);
        }
        let other = String::from_utf8(payload.clone()).unwrap().replace("\"ana\"", "\"bob\"");
        login.denies(mint::assemble(&head, other.as_bytes(), &signature), SignatureInvalid);
        let spaced = [head.as_slice(), b" "].concat();
        login.denies(mint::assemble(&spaced, &payload, &signature), SignatureInvalid);
        for bad in [&signature[1..], &signature[..signature.len() - 1], &[signature.as_slice(), &[0]].concat(), &[0]] {
            login.denies(mint::assemble(&head, &payload, bad), SignatureInvalid);
        }
        login.denies(mint::assemble(&head, &payload, &vec![0; signature.len()]), SignatureInvalid);
    }
}

#[test]
fn ecdsa_signatures_have_one_form() {
    let login = Login::with_profile(ANY).keys(jwks(&[keys::p256()]));
    let head = json!({"alg": "ES256", "typ": "at+jwt", "kid": "p256"}).to_string();
    let body = claims().to_string();
    let der = keys::p256().sign_der(mint::signing_input(head.as_bytes(), body.as_bytes()).as_bytes());
    login.denies(mint::assemble(head.as_bytes(), body.as_bytes(), &der), SignatureInvalid);
    let order = mint::unb64("_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE");
    for signature in
        [[order.clone(), order.clone()].concat(), [vec![0; 32], order.clone()].concat(), [order, vec![0; 32]].concat()]
    {
        login.denies(mint::assemble(head.as_bytes(), body.as_bytes(), &signature), SignatureInvalid);
    }
}

#[test]
fn a_key_of_another_kind_does_not_fit() {
    let cases = [
        ("ES256", keys::corp()),
        ("EdDSA", keys::corp()),
        ("RS256", keys::p256()),
        ("ES256", keys::p384()),
        ("ES512", keys::p384()),
        ("EdDSA", keys::p256()),
        ("RS256", keys::ed25519()),
        ("PS256", keys::ed25519()),
    ];
    for (alg, key) in cases {
        let head = json!({"alg": alg, "typ": "at+jwt", "kid": key.kid()});
        let forged = mint::mint_as(key, key.default_alg(), &head, &claims());
        Login::with_profile(ANY).keys(jwks(&[key])).denies(&forged, KeyUnknown);
    }
}

#[test]
fn what_a_jwk_says_about_its_use_is_obeyed() {
    let jwk = || keys::corp().public_jwk();
    let set = |changes: Value| Login::with_profile(ANY).keys(json!({"keys": [with(jwk(), changes)]}));
    let good = token(json!({}));
    for changes in [
        json!({"use": "sig"}),
        json!({"alg": "RS256"}),
        json!({"key_ops": ["verify"]}),
        json!({"x5c": ["AA"]}),
        json!({"use": "jwt-svid"}),
        json!({"x5t": 1, "x5t#S256": ["AA"]}),
        json!({"x5t": "t".repeat(2000)}),
        json!({"use": null, "key_ops": null, "alg": null, "issuer": null, "kid": null, "d": null, "k": null}),
        json!({"n": format!("AAAA{}", jwk()["n"].as_str().unwrap())}),
        json!({"n": mint::b64([&[0], mint::unb64(jwk()["n"].as_str().unwrap()).as_slice()].concat()), "e": "AAEAAQ"}),
    ] {
        set(changes).grants(&good, "ana");
    }
    for changes in
        [json!({"alg": "RS384"}), json!({"alg": "PS256"}), json!({"alg": "RSA-OAEP"}), json!({"alg": "none"})]
    {
        set(changes).denies(&good, KeyUnknown);
    }
    set(json!({"alg": "RS256"})).denies(signed(keys::corp(), "PS256"), KeyUnknown);
    for changes in [
        json!({"use": "enc"}),
        json!({"use": 1}),
        json!({"key_ops": ["encrypt"]}),
        json!({"key_ops": []}),
        json!({"key_ops": "verify"}),
        json!({"d": "AQAB"}),
        json!({"k": "AQAB"}),
        json!({"kid": 7}),
        json!({"kty": "oct"}),
        json!({"e": "AQ"}),
        json!({"e": "Ag"}),
        json!({"e": ""}),
        json!({"n": "AQAB"}),
        json!({"use": ""}),
        json!({"use": "SIG"}),
        json!({"use": "x509-svid"}),
        json!({"kty": null}),
        json!({"n": null}),
        json!({"e": null}),
    ] {
        set(changes).denies(&good, KeysUnavailable);
    }
}

#[test]
fn a_weak_key_never_verifies() {
    let login = Login::with_file(
        "[profiles.okta]\nissuer = \"https://acme.okta.example/oauth2/aus000001\"\naudience = [\"api://postgres\"]\n\
         token_types = [\"\", \"JWT\", \"at+jwt\"]\nkeys = { jwks_file = \"k\" }\n[profiles.okta.scope]\nclaim = \"$.scp\"\n",
    )
    .request(|request| request.hba_issuer = "https://acme.okta.example/oauth2/aus000001".into());
    login.keys(json!({"keys": [weak::public_jwk()]})).denies(weak::token(), KeysUnavailable);
}

#[test]
fn a_bad_key_does_not_drop_the_good_ones() {
    let symmetric = json!({"kty": "oct", "kid": "corp-rsa", "k": "c2VjcmV0"});
    let garbage = json!({"kty": "EC", "crv": "P-256", "kid": "corp-rsa", "x": "AA", "y": "AA"});
    let unknown = json!({"kty": "LMS", "kid": "corp-rsa"});
    let login = Login::new().keys(json!({"keys": [symmetric, 7, garbage, unknown, keys::corp().public_jwk()]}));
    login.grants(&token(json!({})), "ana");
}

#[test]
fn documents_without_keys_deny() {
    for document in [
        json!({"keys": []}),
        json!({}),
        json!({"keys": {}}),
        json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}),
        json!([]),
        json!("text"),
        json!({"keys": vec![json!({"kty": "oct"}); 257]}),
    ] {
        Login::new().keys(document).denies(token(json!({})), KeysUnavailable);
    }
}

#[test]
fn the_kid_selects() {
    let both = jwks(&[keys::corp(), keys::partner()]);
    Login::new().keys(both.clone()).grants(&token(json!({})), "ana");
    // The other key's signature under this kid, and this key's under the other.
    let head = header();
    Login::new().keys(both.clone()).denies(mint::mint_as(keys::partner(), "RS256", &head, &claims()), SignatureInvalid);
    Login::new().keys(both.clone()).denies(token_with_header(json!({"kid": "partner-rsa"})), SignatureInvalid);
    Login::new().keys(both).denies(token_with_header(json!({"kid": "unheard-of"})), KeyUnknown);
}

#[test]
fn without_kid_one_key_must_fit() {
    let nameless = token_with_header(json!({"kid": null}));
    Login::new().grants(&nameless, "ana");
    Login::new().keys(jwks(&[keys::corp(), keys::p256()])).grants(&nameless, "ana");
    Login::new().keys(jwks(&[keys::partner(), keys::corp()])).grants(&nameless, "ana");
    Login::new().keys(jwks(&[keys::partner(), keys::rsa3072()])).denies(&nameless, SignatureInvalid);
}

#[test]
fn a_kid_that_two_keys_share_is_ambiguous() {
    let twin = keys::partner().with_kid("corp-rsa");
    Login::new().keys(jwks(&[keys::corp(), &twin])).denies(token(json!({})), KeyUnknown);
    // Unless only one of them fits the algorithm.
    let other = keys::p256().with_kid("corp-rsa");
    Login::new().keys(jwks(&[keys::corp(), &other])).grants(&token(json!({})), "ana");
}

#[test]
fn keys_without_kid_stand_in_for_an_unknown_one() {
    let mut jwk = keys::corp().public_jwk();
    jwk.as_object_mut().unwrap().remove("kid");
    Login::new().keys(json!({"keys": [jwk]})).grants(&token(json!({})), "ana");
    // Not where a key of that name exists.
    let named = keys::partner().with_kid("corp-rsa").public_jwk();
    Login::new().keys(json!({"keys": [jwk, named]})).denies(token(json!({})), SignatureInvalid);
}

#[test]
fn entra_keys_are_for_their_issuer_only() {
    let tenant = "9a8b7c6d-2222-4eee-9fff-000000000001";
    let issuer = format!("https://login.microsoftonline.com/{tenant}/v2.0");
    let file =
        format!("[profiles.entra]\nissuer = \"{issuer}\"\naudience = [\"postgres\"]\nkeys = {{ jwks_file = \"k\" }}\n");
    let entra_token = mint::mint(keys::corp(), &header(), &super::support::claims_with(json!({"iss": issuer})));
    let login = |own: &str| {
        let key = with(keys::corp().public_jwk(), json!({"issuer": own}));
        Login::with_file(&file).keys(json!({"keys": [key]})).request(|request| request.hba_issuer = issuer.clone())
    };
    login(&issuer).grants(&entra_token, "ana");
    login("https://login.microsoftonline.com/{tenantid}/v2.0").grants(&entra_token, "ana");
    for own in [
        "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
        "https://sts.windows.net/{tenantid}/",
        "",
        "{tenantid}",
        "https://login.microsoftonline.com/{tenantid}",
    ] {
        login(own).denies(&entra_token, KeyUnknown);
    }
}

#[test]
fn entra_keys_of_one_tenant_do_not_sign_for_another() {
    let (own, other) = ("9a8b7c6d-2222-4eee-9fff-000000000001", "9188040d-6c67-4c5b-b112-36a304b66dad");
    let v2 = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
    let v1 = |tenant: &str| format!("https://sts.windows.net/{tenant}/");
    // A profile that trusts two tenants, in both versions.
    let file = format!(
        "[profiles.entra]\nissuer = \"{}\"\ntoken_issuers = [\"{}\", \"{}\", \"{}\", \"{}\"]\naudience = [\"postgres\"]\n\
         keys = {{ jwks_file = \"k\" }}\n",
        v2(own),
        v2(own),
        v1(own),
        v2(other),
        v1(other)
    );
    let login = |key_issuer: &str| {
        let key = with(keys::corp().public_jwk(), json!({"issuer": key_issuer}));
        Login::with_file(&file).keys(json!({"keys": [key]})).request(|request| request.hba_issuer = v2(own))
    };
    let of = |issuer: String| mint::mint(keys::corp(), &header(), &super::support::claims_with(json!({"iss": issuer})));
    let template = "https://login.microsoftonline.com/{tenantid}/v2.0";
    for key_issuer in [v2(own).as_str(), template] {
        login(key_issuer).grants(&of(v2(own)), "ana");
        login(key_issuer).grants(&of(v1(own)), "ana");
    }
    login(template).grants(&of(v2(other)), "ana");
    login(&v2(own)).denies(of(v2(other)), KeyUnknown);
    login(&v2(own)).denies(of(v1(other)), KeyUnknown);
    login(&v2(other)).denies(of(v2(own)), KeyUnknown);
    login(&v2(other)).denies(of(v1(own)), KeyUnknown);
}

#[test]
fn swapped_parts_of_two_good_tokens_do_not_verify() {
    let (ana, bob) = (token(json!({})), token(json!({"sub": "bob"})));
    let (a, b): (Vec<&str>, Vec<&str>) = (ana.split('.').collect(), bob.split('.').collect());
    Login::new().denies(format!("{}.{}.{}", a[0], b[1], a[2]), SignatureInvalid);
    Login::new().denies(format!("{}.{}.{}", a[0], a[1], b[2]), SignatureInvalid);
    Login::new().denies(format!("{}.{}.{}", a[1], a[0], a[2]), oauth_validator_core::Reason::IssuerMismatch);
    Login::new().denies(mint::mint(keys::corp(), &header_with(json!({"crit": ["x"]})), &claims()), TokenMalformed);
}

#[test]
fn a_key_that_is_left_out_is_the_reason() {
    let mut weak = keys::partner().public_jwk();
    weak["e"] = json!("AQ");
    let set = |keys: Value| Login::with_profile(ANY).keys(json!({"keys": keys}));
    let of_partner = signed(keys::partner(), "RS256");
    let denial = set(json!([keys::corp().public_jwk(), weak])).denies(&of_partner, KeyUnknown);
    let why = "key 2: its modulus is even, or its exponent is not an odd number from 3 to 2^32";
    assert_eq!(denial.detail, format!("The key with the kid of the token's header is left out ({why})."));
    assert!(denial.hint.contains("mend that key"), "{}", denial.hint);
    // Also where another key has the kid, and is for something else.
    let other = keys::p256().with_kid("partner-rsa").public_jwk();
    let denial = set(json!([other, weak])).denies(&of_partner, KeyUnknown);
    assert!(denial.detail.contains("is left out (key 2: "), "{}", denial.detail);
    // A key of another kid, or without one, is no reason.
    for kid in [json!("other"), json!(""), json!(null)] {
        weak["kid"] = kid;
        let denial = set(json!([keys::corp().public_jwk(), weak])).denies(&of_partner, KeyUnknown);
        assert_eq!(denial.detail, "The issuer's only key does not have the kid of the token's header.");
    }
    let nameless = mint::mint_as(keys::p256(), "ES256", &json!({"alg": "ES256", "typ": "at+jwt"}), &claims());
    let denial = set(json!([keys::corp().public_jwk(), weak])).denies(&nameless, KeyUnknown);
    assert!(denial.detail.starts_with("The issuer's only key is not one for ES256"), "{}", denial.detail);
}

#[test]
fn a_token_of_microsofts_own_is_told_from_a_forged_one() {
    let forged = |head: Value, aud: Value| {
        let mut claims = claims();
        claims["aud"] = aud;
        mint::mint(&keys::partner().with_kid("corp-rsa"), &header_with(head), &claims)
    };
    let graph = "00000003-0000-0000-c000-000000000000";
    let denial = Login::new().denies(forged(json!({"nonce": "AQABAAAA"}), json!("postgres")), SignatureInvalid);
    assert!(denial.detail.contains("Its header has a nonce") && denial.hint.contains("scope of your own API"));
    for aud in [json!(graph), json!("https://graph.microsoft.com/")] {
        let denial = Login::new().denies(forged(json!({}), aud), SignatureInvalid);
        assert!(!denial.detail.contains("nonce") && denial.hint.contains("scope of your own API"), "{}", denial.hint);
    }
    for aud in [json!("postgres"), json!([graph, "postgres"]), json!(null), json!(7)] {
        let denial = Login::new().denies(forged(json!({}), aud), SignatureInvalid);
        assert_eq!(denial.hint, SignatureInvalid.remedy());
    }
    // A nonce makes a good token no worse, and none is asked for.
    Login::new().grants(&token_with_header(json!({"nonce": "AQABAAAA"})), "ana");
}

#[test]
fn a_map_of_certificates_is_told_from_a_key_set() {
    let certificate = "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n";
    let good = token(json!({}));
    let map = Login::new().keys(json!({"f6a1": certificate, "09bc": certificate})).denies(&good, KeysUnavailable);
    assert!(map.detail.contains("a map of certificates"), "{}", map.detail);
    for other in
        [json!({}), json!({"keys": certificate, "f6a1": 1}), json!({"f6a1": "MIIC"}), json!({"f6a1": [certificate]})]
    {
        let denial = Login::new().keys(other).denies(&good, KeysUnavailable);
        assert!(denial.detail.contains("no array \"keys\""), "{}", denial.detail);
    }
}
