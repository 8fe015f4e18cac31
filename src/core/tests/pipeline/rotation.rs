//! Keys that a provider publishes: when the decision asks for them, when for newer ones, and what it says if there are
//! none. A token must never make it ask twice, nor ask at all where its line or its header decides against it.

use super::support::{ISSUER, Login, Told, header_with, jwks, token, token_with_header};
use oauth_validator_core::{
    Config, Decision, Denial, KeySet, KeysUnavailable, KeysWanted, Location, NewerKeys, Reason, Request,
};
use oauth_validator_fixtures::keys::{self, TestKey};
use oauth_validator_fixtures::mint;
use serde_json::json;

/// A login whose keys come from the provider: those at hand, and what a search for newer ones brings.
struct RotatingProvider {
    keys: String,
    at_hand: Result<KeySet, KeysUnavailable>,
    newer: NewerKeys,
    /// What was asked for, in its order.
    asked: Vec<KeysWanted>,
}

fn set(of: &[&TestKey]) -> KeySet {
    KeySet::from_jwks(jwks(of).to_string().as_bytes()).unwrap()
}

fn provider(at_hand: &[&TestKey], newer: NewerKeys) -> RotatingProvider {
    RotatingProvider { keys: String::new(), at_hand: Ok(set(at_hand)), newer, asked: Vec::new() }
}

fn not_yet() -> NewerKeys {
    NewerKeys::NotYet { newest: set(&[keys::corp()]), why: "The provider was asked 3 s ago.".into() }
}

fn unavailable() -> KeysUnavailable {
    KeysUnavailable::new("The keys cannot be fetched: connect: nobody answers.", "See whether it is up.")
}

impl RotatingProvider {
    fn decide(&mut self, request: &Request, token: &str) -> Decision {
        let toml = format!(
            "[profiles.corp]\nissuer = \"{ISSUER}\"\naudience = [\"postgres\"]\n[profiles.corp.keys]\n{}",
            self.keys
        );
        let config = Config::parse(toml.as_bytes(), "oauth-validator.toml").config.expect("a valid file");
        let (keys, newer) = (Some(self.at_hand.clone()), self.newer.clone());
        let mut told = Told { keys, newer, ..Told::default() };
        let decision = told.decide(request, token.as_bytes(), &config);
        for (wanted, source) in told.keys_asked {
            assert_eq!(source.settings.location, Location::Issuer);
            self.asked.push(wanted);
        }
        decision
    }

    #[track_caller]
    fn grants(&mut self, token: &str, asked: &[KeysWanted]) {
        match self.decide(&Login::new().request, token) {
            Decision::Granted(grant) => assert_eq!(grant.authn_id(), "ana"),
            Decision::Denied(denial) => panic!("{denial:?}"),
        }
        assert_eq!(self.asked, asked);
    }

    #[track_caller]
    fn denies(&mut self, token: &str, reason: Reason, asked: &[KeysWanted]) -> Denial {
        match self.decide(&Login::new().request, token) {
            Decision::Granted(grant) => panic!("{grant:?}"),
            Decision::Denied(denial) => {
                assert_eq!((denial.reason, self.asked.as_slice()), (reason, asked), "{denial:?}");
                denial
            }
        }
    }
}

/// Signed by another key than the default one.
fn token_of(key: &TestKey) -> String {
    mint::mint(key, &header_with(json!({"kid": key.kid()})), &super::support::claims())
}

const ONCE: &[KeysWanted] = &[KeysWanted::Usable];
const TWICE: &[KeysWanted] = &[KeysWanted::Usable, KeysWanted::Newer];

#[test]
fn a_known_key_is_asked_for_once() {
    provider(&[keys::corp()], not_yet()).grants(&token(json!({})), ONCE);
}

#[test]
fn a_rotated_key_is_picked_up_by_the_login_that_waits_for_it() {
    let newer = NewerKeys::Found(set(&[keys::corp(), keys::partner()]));
    provider(&[keys::corp()], newer).grants(&token_of(keys::partner()), TWICE);
}

#[test]
fn an_unknown_kid_is_searched_for_once_and_no_more() {
    let newer = NewerKeys::Found(set(&[keys::corp()]));
    let denial = provider(&[keys::corp()], newer).denies(&token_of(keys::partner()), Reason::KeyUnknown, TWICE);
    assert_eq!(denial.detail, "The issuer's only key does not have the kid of the token's header.");
}

#[test]
fn within_the_cooldown_the_denial_says_when_the_provider_was_asked() {
    let denial = provider(&[keys::corp()], not_yet()).denies(&token_of(keys::partner()), Reason::KeyUnknown, TWICE);
    assert!(denial.detail.ends_with("header. The provider was asked 3 s ago."), "{}", denial.detail);
}

#[test]
fn keys_that_another_login_fetched_meanwhile_count() {
    let newer = NewerKeys::NotYet { newest: set(&[keys::partner()]), why: "no".into() };
    provider(&[keys::corp()], newer).grants(&token_of(keys::partner()), TWICE);
}

#[test]
fn a_provider_that_cannot_be_asked_is_to_blame() {
    let newer = NewerKeys::Unavailable(unavailable());
    let denial = provider(&[keys::corp()], newer).denies(&token_of(keys::partner()), Reason::KeysUnavailable, TWICE);
    assert!(
        denial.detail.ends_with("header. The keys cannot be fetched: connect: nobody answers."),
        "{}",
        denial.detail
    );
    assert_eq!(denial.hint, "See whether it is up.");
    let mut none = RotatingProvider { at_hand: Err(unavailable()), ..provider(&[keys::corp()], not_yet()) };
    none.denies(&token(json!({})), Reason::KeysUnavailable, ONCE);
}

#[test]
fn newer_keys_are_no_way_around_the_signature() {
    let newer = || NewerKeys::Found(set(&[keys::partner()]));
    let forged =
        mint::mint(keys::corp(), &header_with(json!({"kid": keys::partner().kid()})), &super::support::claims());
    provider(&[keys::corp()], newer()).denies(&forged, Reason::SignatureInvalid, TWICE);
    provider(&[keys::corp()], newer()).denies(&token(json!({"aud": "other"})), Reason::AudienceMismatch, ONCE);
}

#[test]
fn a_refused_kid_asks_nobody() {
    let mut brake = provider(&[keys::corp()], NewerKeys::Found(set(&[keys::partner()])));
    brake.keys = format!("deny_kids = [\"{}\"]", keys::partner().kid());
    brake.denies(&token_of(keys::partner()), Reason::TokenRevoked, &[]);
}

/// The thief writes the header: no name that he gives the key makes the provider be asked, or the key be good.
#[test]
fn a_refused_key_asks_nobody_whatever_it_is_called() {
    for entry in [keys::corp().kid().to_owned(), keys::corp().thumbprint()] {
        for kid in [json!(null), json!(""), json!("made-up")] {
            let token = token_with_header(json!({"kid": kid}));
            let mut brake = provider(&[keys::corp(), keys::partner()], NewerKeys::Found(set(&[keys::corp()])));
            brake.keys = format!("deny_kids = [\"{entry}\"]");
            let denial = brake.denies(&token, Reason::TokenRevoked, ONCE);
            let detail = "The token is signed by a key that profiles.corp.keys.deny_kids denies.";
            assert_eq!(denial.detail, detail, "{entry} {kid}");
        }
    }
}

#[test]
fn a_refused_key_is_refused_in_what_was_fetched_anew() {
    let print = keys::partner().thumbprint();
    let second = keys::partner().with_kid("second");
    for newer in [NewerKeys::Found(set(&[&second])), NewerKeys::NotYet { newest: set(&[&second]), why: "no".into() }] {
        for kid in [json!(null), json!("second"), json!("third")] {
            let token = mint::mint(&second, &header_with(json!({"kid": kid})), &super::support::claims());
            let mut brake = provider(&[keys::corp()], newer.clone());
            brake.keys = format!("deny_kids = [\"{print}\"]");
            brake.denies(&token, Reason::TokenRevoked, TWICE);
        }
    }
}

/// Where nothing but denied keys is at hand, others may have been published meanwhile.
#[test]
fn beside_a_refused_key_newer_ones_are_asked_for() {
    let nameless = mint::mint(keys::partner(), &header_with(json!({"kid": null})), &super::support::claims());
    let brake =
        |newer| RotatingProvider { keys: "deny_kids = [\"corp-rsa\"]".into(), ..provider(&[keys::corp()], newer) };
    brake(NewerKeys::Found(set(&[keys::corp(), keys::partner()]))).grants(&nameless, TWICE);
    let found = NewerKeys::Found(set(&[keys::corp()]));
    let denial = brake(found).denies(&nameless, Reason::TokenRevoked, TWICE);
    assert_eq!(denial.detail, "The only key that could verify the token is denied by profiles.corp.keys.deny_kids.");
    brake(NewerKeys::Unavailable(unavailable())).denies(&nameless, Reason::TokenRevoked, TWICE);
    let denial = brake(not_yet()).denies(&nameless, Reason::TokenRevoked, TWICE);
    assert!(denial.detail.ends_with("deny_kids. The provider was asked 3 s ago."), "{}", denial.detail);
    // A name that the provider gave the denied key is an answer.
    let mut named = brake(NewerKeys::Found(set(&[keys::partner()])));
    named.at_hand = Ok(set(&[keys::corp(), &keys::corp().with_kid("second")]));
    let forged = mint::mint(keys::partner(), &header_with(json!({"kid": "second"})), &super::support::claims());
    named.denies(&forged, Reason::TokenRevoked, ONCE);
}

#[test]
fn a_token_without_kid_that_no_key_verifies_asks_once() {
    let nameless = mint::mint(keys::partner(), &header_with(json!({"kid": null})), &super::support::claims());
    let any = |newer| provider(&[keys::corp()], newer);
    any(NewerKeys::Found(set(&[keys::corp(), keys::partner()]))).grants(&nameless, TWICE);
    any(NewerKeys::NotYet { newest: set(&[keys::partner()]), why: "no".into() }).grants(&nameless, TWICE);
    let denial = any(NewerKeys::Found(set(&[keys::corp()]))).denies(&nameless, Reason::SignatureInvalid, TWICE);
    assert_eq!(denial.detail, "The RS256 signature does not fit the token and the issuer's key.");
    let both = NewerKeys::Found(set(&[keys::corp(), keys::rsa3072()]));
    let denial = any(both).denies(&nameless, Reason::SignatureInvalid, TWICE);
    assert!(denial.detail.ends_with("and any of the 2 keys of the issuer that it could be."), "{}", denial.detail);
    let denial = any(not_yet()).denies(&nameless, Reason::SignatureInvalid, TWICE);
    assert!(denial.detail.ends_with("issuer's key. The provider was asked 3 s ago."), "{}", denial.detail);
    let denial = any(NewerKeys::Unavailable(unavailable())).denies(&nameless, Reason::KeysUnavailable, TWICE);
    assert!(denial.detail.starts_with("The RS256 signature") && denial.detail.ends_with("nobody answers."));
    // One that a key at hand verifies asks nobody, and neither does one whose kid is that of a key.
    any(not_yet()).grants(&token_with_header(json!({"kid": null})), ONCE);
    let forged = mint::mint(keys::partner(), &header_with(json!({})), &super::support::claims());
    any(not_yet()).denies(&forged, Reason::SignatureInvalid, ONCE);
}

#[test]
fn too_many_keys_to_try_are_no_reason_to_ask() {
    let many: Vec<TestKey> = (0..5).map(|at| TestKey::p256(&format!("k{at}"))).collect();
    let many: Vec<&TestKey> = many.iter().collect();
    let header = header_with(json!({"alg": "ES256", "kid": null}));
    let nameless = mint::mint(many[0], &header, &super::support::claims());
    provider(&many, not_yet()).denies(&nameless, Reason::KeyUnknown, ONCE);
    provider(&many[..4], not_yet()).grants(&nameless, ONCE);
}

/// The kid is not among the keys, so that one without stands in; should it not do, the one that is meant may be new.
#[test]
fn behind_a_stand_in_newer_keys_are_asked_for() {
    let mut nameless = keys::corp().public_jwk();
    nameless["kid"] = json!(null);
    let nameless = KeySet::from_jwks(json!({"keys": [nameless]}).to_string().as_bytes()).unwrap();
    let stand_in = |newer| RotatingProvider { at_hand: Ok(nameless.clone()), ..provider(&[keys::corp()], newer) };
    stand_in(not_yet()).grants(&token(json!({})), ONCE);
    stand_in(NewerKeys::Found(set(&[keys::partner()]))).grants(&token_of(keys::partner()), TWICE);
    let found = NewerKeys::Found(nameless.clone());
    stand_in(found).denies(&token_of(keys::partner()), Reason::SignatureInvalid, TWICE);
}

#[test]
fn a_digest_that_no_key_says_is_an_unknown_name() {
    let with_digest = |key: &TestKey, digest: &str| {
        let mut jwk = key.public_jwk();
        jwk["x5t"] = json!(digest);
        KeySet::from_jwks(json!({"keys": [jwk]}).to_string().as_bytes()).unwrap()
    };
    let head = header_with(json!({"kid": null, "x5t": "new"}));
    let token = mint::mint(keys::partner(), &head, &super::support::claims());
    let old =
        |newer| RotatingProvider { at_hand: Ok(with_digest(keys::corp(), "old")), ..provider(&[keys::corp()], newer) };
    old(NewerKeys::Found(with_digest(keys::partner(), "new"))).grants(&token, TWICE);
    old(NewerKeys::Found(with_digest(keys::partner(), "old"))).denies(&token, Reason::KeyUnknown, TWICE);
    // A key that says it and did not sign: no other can be meant.
    let mut named = old(not_yet());
    named.at_hand = Ok(with_digest(keys::corp(), "new"));
    named.denies(&token, Reason::SignatureInvalid, ONCE);
}

#[test]
fn what_the_header_or_the_line_refuses_asks_nobody() {
    let any = || provider(&[keys::corp()], not_yet());
    any().denies(&token_with_header(json!({"typ": "JWT"})), Reason::TokenType, &[]);
    any().denies(&token_with_header(json!({"alg": "HS256"})), Reason::Algorithm, &[]);
    any().denies(&token(json!({"iss": "https://evil.example"})), Reason::IssuerMismatch, &[]);
    let mut other_line = any();
    let request = Request { hba_issuer: "https://other.example".into(), ..Login::new().request };
    let decision = other_line.decide(&request, &token(json!({})));
    assert!(matches!(decision, Decision::Denied(denial) if denial.reason == Reason::HbaIssuerUnknown));
    assert_eq!(other_line.asked, []);
}

#[test]
fn a_kid_whose_key_does_not_fit_is_no_reason_to_ask() {
    let header = json!({"alg": "ES256", "kid": keys::corp().kid()});
    let token = mint::mint_as(keys::p256(), "ES256", &header_with(header), &super::support::claims());
    provider(&[keys::corp()], not_yet()).denies(&token, Reason::KeyUnknown, ONCE);
}
