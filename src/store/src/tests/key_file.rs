//! Key files, from the path in a profile to the keys.

use super::*;
use crate::{MAX_KEY_FILE_BYTES, load_keys};
use oauth_validator_core::{KeyFile, KeySet, KeysUnavailable};

/// The public key of RFC 8037, appendix A.2.
const JWKS: &str = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one",
    "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// The key of [`JWKS`] as PEM (RFC 8410, section 4).
const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
                   MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
                   -----END PUBLIC KEY-----\n";

fn load(place: &TestFolder, source: &KeyFile) -> Result<KeySet, KeysUnavailable> {
    load_keys(source, &place.path("oauth-validator.toml"), ServerUser::current())
}

fn write(place: &TestFolder, name: &str, contents: &str) -> KeyFile {
    let path = place.file(name, 0o640);
    fs::write(path, contents).unwrap();
    KeyFile::Jwks(name.to_owned())
}

fn pem(place: &TestFolder, name: &str, contents: &str) -> KeyFile {
    write(place, name, contents);
    KeyFile::Pem(name.to_owned())
}

/// Refused in a text with `words`, which never shows the contents.
#[track_caller]
fn assert_unavailable(loaded: Result<KeySet, KeysUnavailable>, words: &[&str]) -> String {
    let KeysUnavailable { detail, hint } = loaded.expect_err("no keys");
    for word in words {
        assert!(detail.contains(word), "no {word:?} in: {detail}");
    }
    assert!(!detail.contains(SECRET) && !hint.contains(SECRET), "{detail} {hint}");
    hint
}

#[test]
fn both_kinds_relative_to_the_configuration_or_absolute() {
    let place = TestFolder::new();
    place.folder("keys", 0o755);
    let jwks = write(&place, "keys/corp.json", JWKS);
    assert_eq!(load(&place, &jwks).unwrap().keys().len(), 1);
    let absolute = KeyFile::Jwks(place.path("keys/corp.json").to_str().unwrap().to_owned());
    assert_eq!(load(&place, &absolute), load(&place, &jwks));

    let pem = pem(&place, "corp.pem", &PEM.repeat(2));
    assert_eq!(load(&place, &pem).unwrap().keys().len(), 2);
}

#[test]
fn a_key_file_that_others_may_write_to() {
    let place = TestFolder::new();
    let source = write(&place, "corp.json", JWKS);
    set_mode(&place.path("corp.json"), 0o666);
    let hint = assert_unavailable(load(&place, &source), &["keys.jwks_file: ", "corp.json", "mode 0666"]);
    assert!(hint.contains("chmod go-w"));
    let source = KeyFile::Pem("corp.json".into());
    assert_unavailable(load(&place, &source), &["keys.pem_file: ", "mode 0666"]);
}

#[test]
fn a_key_file_that_is_not_there() {
    let place = TestFolder::new();
    let source = KeyFile::Pem("none.pem".into());
    assert_unavailable(load(&place, &source), &["keys.pem_file: ", "none.pem", "does not exist"]);
    assert_unavailable(load(&place, &KeyFile::Jwks(String::new())), &["regular file"]);
}

#[test]
fn contents_that_are_no_keys() {
    let place = TestFolder::new();
    for (name, contents) in [("text", SECRET), ("empty", ""), ("none", r#"{"keys":[]}"#), ("pem", PEM), ("array", "[]")]
    {
        let source = write(&place, name, contents);
        let hint = assert_unavailable(load(&place, &source), &["keys.jwks_file: ", name, "cannot be used: "]);
        assert!(hint.contains("JSON Web Key Set"), "{hint}");
    }
    for (name, contents) in [("not-pem", SECRET), ("nothing", ""), ("jwks", JWKS)] {
        let source = pem(&place, name, contents);
        let hint = assert_unavailable(load(&place, &source), &["keys.pem_file: ", name, "cannot be used: "]);
        assert!(hint.contains("BEGIN PUBLIC KEY"), "{hint}");
    }
}

#[test]
fn a_private_key_is_no_key_to_verify_with() {
    let place = TestFolder::new();
    let private = JWKS.replace(r#""kid":"one""#, &format!(r#""d":"{SECRET}""#));
    let source = write(&place, "private.json", &private);
    assert_unavailable(load(&place, &source), &["no usable key", "private"]);
    let source = pem(&place, "private.pem", &PEM.replace("PUBLIC", "PRIVATE"));
    assert_unavailable(load(&place, &source), &["no usable key", "private key"]);
}

#[test]
fn as_large_as_a_key_file_may_be_and_one_byte_more() {
    let place = TestFolder::new();
    let padded = |size: usize| format!("{JWKS}{}", " ".repeat(size - JWKS.len()));
    let source = write(&place, "corp.json", &padded(MAX_KEY_FILE_BYTES));
    assert_eq!(load(&place, &source).unwrap().keys().len(), 1);
    fs::write(place.path("corp.json"), padded(MAX_KEY_FILE_BYTES + 1)).unwrap();
    assert_unavailable(load(&place, &source), &["more than the 262144 bytes allowed", "mode 0640"]);
}
