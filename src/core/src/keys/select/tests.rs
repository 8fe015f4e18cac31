//! Which keys a header can mean, and which of them are left by a list of denied ones.

use super::{KeyChoice, KeyName, NoKey};
use crate::algorithm::Algorithm;
use crate::keys::{KeySet, PublicKey};
use oauth_validator_fixtures::keys::{self, TestKey};
use serde_json::{Value, json};

const RS: Algorithm = Algorithm::Rs256;

fn set(keys: &[Value]) -> KeySet {
    KeySet::from_jwks(json!({ "keys": keys }).to_string().as_bytes()).expect("a key set")
}

/// A key with members added; `null` takes one away.
fn with(key: &TestKey, members: Value) -> Value {
    let mut jwk = key.public_jwk();
    jwk.as_object_mut().expect("a JWK").extend(members.as_object().expect("members").clone());
    jwk
}

fn kid(kid: &str) -> KeyName {
    KeyName { kid: Some(kid.to_owned()), ..KeyName::default() }
}

fn digests(x5t: Option<&str>, x5t_s256: Option<&str>) -> KeyName {
    KeyName { kid: None, digests: [x5t.map(str::to_owned), x5t_s256.map(str::to_owned)] }
}

/// The kids of the keys to try, and whether they were named.
#[track_caller]
fn chosen(set: &KeySet, name: &KeyName, deny: &[&str]) -> Result<(Vec<String>, bool), NoKey> {
    let deny: Vec<String> = deny.iter().map(|entry| (*entry).to_owned()).collect();
    let KeyChoice { keys, named } = set.choose(name, RS, &[], &set.denied(&deny))?;
    let kid_of = |key: &&PublicKey| key.kid().unwrap_or("-").to_owned();
    Ok((keys.iter().map(kid_of).collect(), named))
}

fn found(kids: &[&str], named: bool) -> Result<(Vec<String>, bool), NoKey> {
    Ok((kids.iter().map(|kid| (*kid).to_owned()).collect(), named))
}

/// Five RSA keys; two of them are real, the others have a modulus that is some odd number.
fn five() -> Vec<Value> {
    let of = |at: usize| {
        let mut n = vec![0x55; 256];
        (n[0], n[1], n[255]) = (0x80, u8::try_from(at).expect("a small number"), 1);
        json!({ "kty": "RSA", "kid": format!("k{at}"), "e": "AQAB", "n": oauth_validator_fixtures::mint::b64(n) })
    };
    (0..3).map(of).chain([keys::corp().public_jwk(), keys::partner().public_jwk()]).collect()
}

#[test]
fn a_kid_means_its_own_keys_and_no_others() {
    let both = set(&[keys::corp().public_jwk(), keys::partner().public_jwk()]);
    assert_eq!(chosen(&both, &kid("corp-rsa"), &[]), found(&["corp-rsa"], true));
    assert_eq!(chosen(&both, &kid("other"), &[]), Err(NoKey::Unknown));
    let twins = set(&[keys::corp().public_jwk(), with(keys::partner(), json!({ "kid": "corp-rsa" }))]);
    assert_eq!(chosen(&twins, &kid("corp-rsa"), &[]), Err(NoKey::SeveralFit));
    let same = set(&[keys::corp().public_jwk(), keys::corp().public_jwk()]);
    assert_eq!(chosen(&same, &kid("corp-rsa"), &[]), found(&["corp-rsa"], true));
    let other_kind = set(&[keys::p256().public_jwk(), keys::corp().public_jwk()]);
    assert_eq!(chosen(&other_kind, &kid("p256"), &[]), Err(NoKey::NoneFits));
}

#[test]
fn keys_without_a_kid_stand_in_for_one_that_no_key_has() {
    let one = set(&[with(keys::corp(), json!({ "kid": null })), keys::partner().public_jwk()]);
    assert_eq!(chosen(&one, &kid("other"), &[]), found(&["-"], false));
    assert_eq!(chosen(&one, &kid("partner-rsa"), &[]), found(&["partner-rsa"], true));
    let two = set(&[with(keys::corp(), json!({ "kid": null })), with(keys::partner(), json!({ "kid": "" }))]);
    assert_eq!(chosen(&two, &kid("other"), &[]), Err(NoKey::SeveralFit));
}

#[test]
fn without_a_kid_at_most_four_keys_are_tried() {
    let five = five();
    let nameless = KeyName::default();
    let kids = ["k0", "k1", "k2", "corp-rsa"];
    assert_eq!(chosen(&set(&five[..4]), &nameless, &[]), found(&kids, false));
    assert_eq!(chosen(&set(&five), &nameless, &[]), Err(NoKey::TooMany(5)));
    // Those that do not fit, the same ones again and denied ones do not count.
    let mut more = five[..4].to_vec();
    more.extend([keys::p256().public_jwk(), keys::corp().public_jwk(), with(keys::corp(), json!({ "kid": "again" }))]);
    assert_eq!(chosen(&set(&more), &nameless, &[]), found(&kids, false));
    assert_eq!(chosen(&set(&five), &nameless, &["partner-rsa"]), found(&kids, false));
    assert_eq!(chosen(&set(&[keys::p256().public_jwk()]), &nameless, &[]), Err(NoKey::NoneFits));
    assert_eq!(chosen(&KeySet::default(), &nameless, &[]), Err(NoKey::Unknown));
}

#[test]
fn digests_of_a_certificate_choose() {
    let (corp, partner) = (
        with(keys::corp(), json!({ "x5t": "corp-1", "x5t#S256": "corp-256" })),
        with(keys::partner(), json!({ "x5t": "partner-1" })),
    );
    let both = set(&[corp.clone(), partner.clone()]);
    assert_eq!(chosen(&both, &digests(Some("corp-1"), None), &[]), found(&["corp-rsa"], true));
    assert_eq!(chosen(&both, &digests(None, Some("corp-256")), &[]), found(&["corp-rsa"], true));
    assert_eq!(chosen(&both, &digests(Some("partner-1"), Some("any")), &[]), found(&["partner-rsa"], true));
    // One that is not the key's speaks against it, whatever the other says.
    assert_eq!(chosen(&both, &digests(Some("corp-1"), Some("other")), &[]), Err(NoKey::Unknown));
    assert_eq!(chosen(&both, &digests(Some("other"), None), &[]), Err(NoKey::Unknown));
    // A key that says nothing of a certificate may be meant, but only if none says the right thing.
    let silent = set(&[corp.clone(), partner.clone(), five()[0].clone()]);
    assert_eq!(chosen(&silent, &digests(Some("other"), None), &[]), found(&["k0"], false));
    assert_eq!(chosen(&silent, &digests(Some("corp-1"), None), &[]), found(&["corp-rsa"], true));
    // A kid outweighs them.
    let name = KeyName { kid: Some("partner-rsa".to_owned()), ..digests(Some("corp-1"), None) };
    assert_eq!(chosen(&both, &name, &[]), found(&["partner-rsa"], true));
}

#[test]
fn a_kid_may_be_such_a_digest() {
    let adfs = set(&[with(keys::corp(), json!({ "kid": "sha-1" })), keys::partner().public_jwk()]);
    assert_eq!(chosen(&adfs, &digests(Some("sha-1"), None), &[]), found(&["sha-1"], true));
    assert_eq!(chosen(&adfs, &digests(None, Some("sha-1")), &[]), found(&["sha-1"], true));
    let contradicts = set(&[with(keys::corp(), json!({ "kid": "sha-1", "x5t": "other" }))]);
    assert_eq!(chosen(&contradicts, &digests(Some("sha-1"), None), &[]), Err(NoKey::Unknown));
}

#[test]
fn a_denied_key_is_out_by_whatever_name() {
    let corp = keys::corp().public_jwk();
    let print = set(std::slice::from_ref(&corp)).keys()[0].thumbprint();
    let twice = set(&[corp.clone(), with(keys::corp(), json!({ "kid": "second" })), keys::partner().public_jwk()]);
    for deny in ["corp-rsa", "second", print.as_str()] {
        for name in ["corp-rsa", "second"] {
            assert_eq!(chosen(&twice, &kid(name), &[deny]), Err(NoKey::Denied { named: true }), "{deny} {name}");
        }
        assert_eq!(chosen(&twice, &KeyName::default(), &[deny]), found(&["partner-rsa"], false), "{deny}");
        assert_eq!(chosen(&twice, &kid("partner-rsa"), &[deny]), found(&["partner-rsa"], true), "{deny}");
    }
    // Another exponent is no other secret.
    let exponent = set(&[corp, with(keys::corp(), json!({ "kid": "second", "e": "Aw" }))]);
    assert_eq!(chosen(&exponent, &kid("second"), &["corp-rsa"]), Err(NoKey::Denied { named: true }));
    let nameless = set(&[with(keys::corp(), json!({ "kid": null }))]);
    assert_eq!(chosen(&nameless, &kid("any"), &[&print]), Err(NoKey::Denied { named: false }));
    assert_eq!(chosen(&nameless, &KeyName::default(), &[&print]), Err(NoKey::Denied { named: false }));
    assert_eq!(chosen(&nameless, &kid("any"), &["corp-rsa", ""]), found(&["-"], false));
    // Of two keys with one kid, the other may go on.
    let twins = set(&[keys::corp().public_jwk(), with(keys::partner(), json!({ "kid": "corp-rsa" }))]);
    assert_eq!(chosen(&twins, &kid("corp-rsa"), &[&print]), found(&["corp-rsa"], true));
}

#[test]
fn a_thumbprint_is_compared_whole() {
    let one = set(&[keys::corp().public_jwk()]);
    let print = one.keys()[0].thumbprint();
    let other = set(&[keys::partner().public_jwk()]).keys()[0].thumbprint();
    for entry in [&print[..42], &print.to_uppercase(), &format!("{print}="), &other] {
        assert_eq!(chosen(&one, &kid("corp-rsa"), &[entry]), found(&["corp-rsa"], true), "{entry}");
    }
}
