//! A provider's key documents: JWKS (RFC 7517), and PEM of a file.

use crate::world::CANARY;
use oauth_validator_core::{KeySet, KeySetError};

/// Reads the bytes as both.
pub fn check(data: &[u8]) {
    for read in [KeySet::from_jwks, KeySet::from_pem] {
        let (first, again) = (read(data), read(data));
        assert_eq!(first, again, "one document, two key sets");
        match first {
            Ok(set) => usable(&set),
            Err(why) => says_little(&why),
        }
    }
}

fn usable(set: &KeySet) {
    assert!((1..=256).contains(&set.keys().len()), "{}", set.keys().len());
    for key in set.keys() {
        assert_eq!(key.thumbprint().len(), 43, "SHA-256 in base64url");
        assert!(key.kid().is_none_or(|kid| !kid.is_empty() && kid.len() <= 1024), "{:?}", key.kid());
    }
    for left_out in set.left_out() {
        assert!(!left_out.to_string().contains(CANARY), "it quotes the document: {left_out}");
    }
    // What is kept of a document verifies what the document did.
    let kept = serde_json::to_string(set).expect("a key set has a text");
    assert!(!kept.contains("\"d\":"), "a private member is kept");
    let read: KeySet = serde_json::from_str(&kept).expect("what was kept is read");
    assert_eq!(&read, set, "a key file changes the keys");
}

fn says_little(why: &KeySetError) {
    let said = why.to_string();
    assert!(!said.is_empty() && !said.contains(char::is_control), "{said:?}");
    assert!(!said.contains(CANARY), "it quotes the document: {said}");
}
