//! `keys` where the provider is asked about each token: there are none, which is no fault.

use super::DataDirectory;
use serde_json::json;

const PROFILE: &str = "[profiles.corp]\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\nmode = \"introspection\"\n\
     introspection = { endpoint = \"https://idp.example/introspect\", auth = \"none\" }\n";

#[test]
fn there_are_none_to_list() {
    let server = DataDirectory::new(PROFILE);
    let run = server.keys(&["list"]);
    let none =
        "corp: none: https://idp.example/introspect is asked about each token\nevery profile has keys, or needs none\n";
    assert_eq!((run.code, run.stderr.as_str(), run.stdout.as_str()), (0, "", none));
    let report = server.keys(&["list", "--json"]).json();
    let entry =
        json!({ "profile": "corp", "from": "none", "file": null, "endpoint": "https://idp.example/introspect" });
    assert_eq!((&report["usable"], &report["profiles"]), (&json!(true), &json!([entry])));
}

/// A file that was left behind when the mode changed belongs to nobody.
#[test]
fn a_file_from_before_is_unclaimed() {
    let server = DataDirectory::new(PROFILE);
    server.write("corp.json", b"{}");
    let run = server.keys(&["list"]);
    assert!(
        run.code == 0 && run.stdout.contains("corp.json\": no profile has its keys from this file"),
        "{}",
        run.stdout
    );
    assert_eq!(server.keys(&["list", "--json"]).json()["unclaimed"], json!(["corp"]));
}

#[test]
fn there_are_none_to_fetch() {
    let server = DataDirectory::new(PROFILE);
    server.keys(&["refresh", "corp"]).assert_failed(&["profile \"corp\" has no keys", "asked about each token"]);
    server.keys(&["refresh"]).assert_failed(&["no profile with keys from a provider"]);
    assert!(!server.folder().exists());
}
