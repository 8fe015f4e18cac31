//! What options and a profile say together, and what cannot be said.

use super::{ClientProof, GrantType, JWT, TokenOrigin};
use crate::args::SourceOptions;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

const ISSUER: &str = "https://idp.example";

fn options() -> SourceOptions {
    SourceOptions {
        issuer: Some(ISSUER.into()),
        client_id: Some("psql".into()),
        timeout: Duration::from_secs(1),
        ..SourceOptions::default()
    }
}

#[track_caller]
fn source(options: &SourceOptions) -> TokenOrigin {
    TokenOrigin::of(options).unwrap_or_else(|failure| panic!("{}", failure.what()))
}

#[track_caller]
fn refused(options: &SourceOptions, why: &str) {
    let what = TokenOrigin::of(options).map(|_| ()).expect_err(why).what().to_owned();
    assert!(what.contains(why), "{what}");
}

struct SourceFileText(TempDir);

impl SourceFileText {
    fn with(text: &str) -> (Self, SourceOptions) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("client.toml");
        fs::write(&path, text).expect("a file");
        let options = SourceOptions {
            profile: Some("corp".into()),
            client_config: Some(path),
            timeout: Duration::from_secs(1),
            ..SourceOptions::default()
        };
        (Self(folder), options)
    }
}

#[test]
fn the_grant_follows_from_what_is_given() {
    let given = |change: fn(&mut SourceOptions)| {
        let mut options = options();
        change(&mut options);
        let source = source(&options);
        (source.grant, source.proof)
    };
    assert_eq!(given(|_| {}), (GrantType::Device, ClientProof::None));
    let secret = || ClientProof::Secret(PathBuf::from("s"));
    assert_eq!(given(|o| o.client_secret_file = Some("s".into())), (GrantType::ClientCredentials, secret()));
    let by_key = given(|o| (o.client_key_file, o.client_key_id) = (Some("k".into()), Some("1".into())));
    assert_eq!(by_key, (GrantType::ClientCredentials, ClientProof::Key("k".into(), Some("1".into()))));
    let google = given(|o| (o.device, o.client_secret_file) = (true, Some("s".into())));
    assert_eq!(google, (GrantType::Device, secret()));
    assert_eq!(given(|o| o.refresh_token_file = Some("r".into())).0, GrantType::Refresh("r".into()));
    assert_eq!(given(|o| o.exchange_file = Some("x".into())).0, GrantType::Exchange("x".into(), JWT.into()));
    assert_eq!(given(|o| o.command = Some("true".into())).0, GrantType::Command("true".into()));
}

#[test]
fn a_profile_says_it_and_options_go_before() {
    let (_file, options) = SourceFileText::with(
        "[profiles.corp]\nissuer = \"https://idp.example\"\nclient_id = \"batch\"\nscope = \"a  b\"\n\
         client_secret_file = \"/s\"\nhosts = \"db.example\"\n[profiles.other]\ncommand = \"x\"\n",
    );
    let by_file = source(&options);
    assert_eq!(
        (by_file.client_id.as_str(), by_file.scope.as_slice()),
        ("batch", &["a".to_owned(), "b".to_owned()][..])
    );
    assert_eq!((by_file.grant, by_file.hosts.as_deref()), (GrantType::ClientCredentials, Some("db.example")));
    let other = source(&SourceOptions { client_id: Some("psql".into()), device: true, ..options });
    assert_eq!((other.client_id.as_str(), other.grant), ("psql", GrantType::Device));
}

#[test]
fn what_is_missing_or_contradicts_is_said() {
    refused(&SourceOptions { issuer: None, ..options() }, "whose token?");
    refused(&SourceOptions { client_id: None, ..options() }, "as which client?");
    refused(&SourceOptions { client_credentials: true, ..options() }, "the grant client_credentials needs");
    refused(&SourceOptions { client_key_id: Some("1".into()), ..options() }, "client_key_id needs client_key_file");
    refused(&SourceOptions { command: Some(" ".into()), ..options() }, "the grant command needs command");
    let both = SourceOptions { client_key_file: Some("k".into()), client_secret_file: Some("s".into()), ..options() };
    refused(&both, "either a secret or a key");
    refused(&SourceOptions { client_config: Some("c".into()), ..options() }, "no use without --profile");
    for issuer in ["http://idp.example", "idp.example", "https://", "https://ana:x@idp.example", "file:///x"] {
        refused(&SourceOptions { issuer: Some(issuer.into()), ..options() }, "the issuer ");
    }
}

#[test]
fn a_file_with_a_mistake_is_none() {
    for (text, why) in [
        ("", "has no profile \"corp\""),
        ("[profiles.Corp]\n", "has no profile \"corp\""),
        ("[profiles.corp]\nclient_secret = \"sentinel\"\n", "unknown field"),
        ("[profile.corp]\n", "unknown field"),
        ("[profiles.corp]\ngrant = \"password\"\n", "unknown variant"),
        ("[profiles.corp]\nissuer = 1\n", "invalid type"),
        ("[profiles.corp]\nissuer = \"https://idp.example\"\nissuer = \"x\"\n", "duplicate key"),
        ("[profiles.corp\n", "client.toml"),
        ("[profiles.corp]\ncommand = \"a\"\nexchange_file = \"b\"\n", "several ways to a token"),
        ("[profiles.corp]\nid_token = \"yes\"\n", "invalid type"),
    ] {
        let (_file, options) = SourceFileText::with(text);
        refused(&options, why);
    }
    let (file, options) = SourceFileText::with("");
    refused(&SourceOptions { client_config: Some(file.0.path().into()), ..options }, "it is no file");
}
