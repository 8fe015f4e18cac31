//! `explain` where the provider is asked about each token: it asks as the server would, once, and says so.
//!
//! Neither the token nor the secret is ever printed.

use super::{INTROSPECT, SENTINEL, secret, token};
use crate::support::{Folder, NOW, Run};
use oauth_validator_mock_provider::{Fault, MockProvider, Reply};
use serde_json::{Value, json};

/// `authorization` in the profile's table; the secret is in the file `secret`.
fn folder(provider: &MockProvider, authorization: &str) -> Folder {
    let (issuer, base, ca_file) = (provider.issuer(), provider.base_url(), provider.ca_file().display());
    let folder = Folder::new(&format!(
        "[profiles.corp]\nissuer = \"{issuer}\"\naudience = [\"postgres\"]\nmode = \"introspection\"\n\
         scope.required = [\"db.connect\"]\nkeys = {{ ca_file = \"{ca_file}\", timeout = \"3s\" }}\n\
         [profiles.corp.introspection]\nendpoint = \"{base}{INTROSPECT}\"\n{authorization}"
    ));
    folder.write("secret", &(secret() + "\n"));
    folder
}

const BASIC: &str = "client_id = \"pg\"\nclient_secret_file = \"secret\"\n";

fn answer() -> Value {
    json!({ "active": true, "sub": "ana", "aud": ["postgres"], "scope": "openid db.connect", "exp": NOW + 3600, "iat": NOW - 60 })
}

/// A provider that knows the token, if it is asked with the secret of [`folder`].
fn knowing(answer: &Value) -> MockProvider {
    let provider = MockProvider::start();
    provider.set_reply_about(INTROSPECT, &token(), Reply::json(answer));
    provider
}

/// Both forms of the explanation; the token and the secret are in neither.
#[track_caller]
fn explained(folder: &Folder) -> (Run, Value) {
    let (text, json) = (folder.explain(&token(), &[]), folder.explain(&token(), &["--json"]));
    let all = [&text.stdout, &text.stderr, &json.stdout, &json.stderr].map(String::as_str).concat();
    for hidden in [SENTINEL, "a0AfB_byC", "s3cr3t"] {
        assert!(!all.contains(hidden), "{hidden}: {all}");
    }
    assert_eq!(text.code, json.code);
    let report = json.json();
    (text, report)
}

#[track_caller]
fn assert_denied(folder: &Folder, reason: &str, words: &[&str]) -> Value {
    let (text, report) = explained(folder);
    assert_eq!((text.code, report["reason"].as_str()), (1, Some(reason)), "{report:#}");
    assert!(text.stdout.contains(&format!("\ndenied: {reason} ")), "{}", text.stdout);
    for word in words {
        assert!(report["detail"].as_str().unwrap_or_default().contains(word), "no {word:?} in {report:#}");
    }
    report
}

#[test]
fn an_active_token_is_granted_and_its_way_is_shown() {
    let provider = knowing(&answer());
    let (text, report) = explained(&folder(&provider, BASIC));
    assert_eq!((text.code, &report["authn_id"]), (0, &json!("ana")), "{report:#}");
    let endpoint = format!("{}{INTROSPECT}", provider.base_url());
    assert_eq!(text.stderr, format!("asking {endpoint}\n"));
    let note = format!("note: the provider was asked about the token for this explanation, at {endpoint}");
    assert!(text.stdout.contains(&note), "{}", text.stdout);
    let step = |name: &str| report["steps"].as_array().unwrap().iter().find(|step| step["step"] == name).cloned();
    assert_eq!(step("introspection").expect("the step")["outcome"], step("scope").expect("a step")["outcome"]);
    assert!(step("signature").is_none_or(|step| step["outcome"] != "held"), "nothing was signed: {report:#}");
    assert_eq!(provider.requests().len(), 2, "one question for each explanation");
    assert!(provider.requests().iter().all(|request| request.header("Authorization").is_some()));
}

#[test]
fn what_the_provider_does_not_know_is_inactive() {
    for (answer, words) in [
        (json!({ "active": false }), "not active"),
        (json!({ "active": "true" }), "neither true nor false"),
        (json!({ "sub": "ana" }), "does not say whether"),
    ] {
        let provider = knowing(&answer);
        assert_denied(&folder(&provider, BASIC), "introspection_inactive", &[words]);
        assert_eq!(provider.requests().len(), 2);
    }
}

#[test]
fn claims_of_the_answer_are_judged_like_those_of_a_token() {
    for (name, value, reason) in [
        ("aud", json!("other"), "audience_mismatch"),
        ("scope", json!("openid"), "scope_missing"),
        ("exp", json!(NOW - 60), "expired"),
        ("exp", json!((NOW + 60).to_string()), "claim_type"),
        ("iss", json!("https://other.example"), "issuer_mismatch"),
        ("sub", Value::Null, "claim_type"),
        ("token_type", json!("refresh_token"), "id_token"),
        ("cnf", json!({ "jkt": "x" }), "sender_constrained"),
    ] {
        let mut answer = answer();
        answer[name] = value;
        let reason = if name == "sub" { "identity_missing" } else { reason };
        if name == "sub" {
            answer.as_object_mut().expect("an object").remove("sub");
        }
        assert_denied(&folder(&knowing(&answer), BASIC), reason, &[]);
    }
}

#[test]
fn a_provider_that_is_down_is_unavailable() {
    let provider = knowing(&answer());
    let folder = folder(&provider, BASIC);
    provider.stop();
    let report = assert_denied(&folder, "introspection_unavailable", &["cannot be asked about the token: connect: "]);
    assert!(report["notes"].to_string().contains("the provider was asked"), "{report:#}");
    provider.restart();
    provider.set_fault(INTROSPECT, Fault::Status(503));
    assert_denied(&folder, "introspection_unavailable", &["http_status: ", "status 503"]);
    provider.set_fault(INTROSPECT, Fault::Body(b"{\"active\":true,\"active\":true}".to_vec()));
    assert_denied(&folder, "introspection_unavailable", &["without duplicate members"]);
    provider.set_fault(INTROSPECT, Fault::Redirect(302, INTROSPECT.to_owned()));
    assert_denied(&folder, "introspection_unavailable", &["redirect: "]);
}

#[test]
fn a_wrong_secret_is_told_from_an_inactive_token() {
    let provider = knowing(&answer());
    let folder = folder(&provider, BASIC);
    provider.demand_authorization(INTROSPECT, Some("Basic b3RoZXI6b3RoZXI="));
    let report = assert_denied(&folder, "introspection_unavailable", &["credentials: ", "status 401"]);
    assert!(report["hint"].as_str().is_some_and(|hint| hint.contains("client_secret_file")), "{report:#}");
    let right = provider.requests()[0].header("Authorization").map(str::to_owned);
    provider.demand_authorization(INTROSPECT, right.as_deref());
    assert_eq!(explained(&folder).0.code, 0);
}

#[test]
fn a_secret_that_cannot_be_used_denies_before_anybody_is_asked() {
    let provider = knowing(&answer());
    let folder = folder(&provider, BASIC);
    folder.chmod("secret", 0o602);
    assert_denied(&folder, "introspection_unavailable", &["introspection.client_secret_file: ", "mode 0602"]);
    folder.write("secret", "");
    assert_denied(&folder, "introspection_unavailable", &["one line of text"]);
    std::fs::remove_file(folder.path("secret")).expect("it was there");
    assert_denied(&folder, "introspection_unavailable", &["does not exist"]);
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn every_authentication_works_from_the_file() {
    let bearer = "auth = \"bearer\"\nclient_secret_file = \"secret\"\n";
    let post = format!("auth = \"post\"\n{BASIC}");
    for (lines, secret_text) in
        [(BASIC, "a:b+%\u{e4}"), (&*post, "a:b+%\u{e4}"), (bearer, "abc"), ("auth = \"none\"\n", "")]
    {
        let provider = knowing(&answer());
        let folder = folder(&provider, lines);
        folder.write("secret", &format!("{secret_text}\r\n"));
        assert_eq!(explained(&folder).0.code, 0, "{lines}");
        let request = &provider.requests()[0];
        let wanted = match lines {
            BASIC => Some("Basic cGc6YSUzQWIlMkIlMjUlQzMlQTQ="),
            lines if lines == bearer => Some("Bearer abc"),
            _ => None,
        };
        assert_eq!(request.header("Authorization"), wanted, "{lines}");
        let sent = request.form().iter().any(|(name, value)| name == "client_secret" && value == secret_text);
        assert_eq!(sent, lines == post, "{lines}");
    }
}

#[test]
fn tokeninfo_is_asked_without_authentication_and_read_with_its_strings() {
    let provider = MockProvider::start();
    let (issuer, ca_file) = (provider.issuer(), provider.ca_file().display());
    let folder = Folder::new(&format!(
        "[profiles.g]\npreset = \"google\"\nissuer = \"{issuer}\"\naudience = [\"c\"]\n\
         clients = {{ claims = [\"$.azp\"], allow = [\"c\"] }}\nscope.required = [\"openid\"]\n\
         keys = {{ ca_file = \"{ca_file}\" }}\nintrospection.endpoint = \"{issuer}/tokeninfo\"\n"
    ));
    let mut answer = json!({ "aud": "c", "azp": "c", "sub": "112", "scope": "openid", "exp": (NOW + 60).to_string(), "expires_in": "60" });
    provider.set_reply("/tokeninfo", Reply::json(&answer));
    let (text, report) = explained(&folder);
    assert_eq!((text.code, &report["authn_id"]), (0, &json!("112")), "{report:#}");
    let request = &provider.requests()[0];
    assert_eq!((request.form(), request.header("Authorization")), (vec![("access_token".to_owned(), token())], None));
    answer["azp"] = json!("other");
    provider.set_reply("/tokeninfo", Reply::json(&answer));
    assert_denied(&folder, "client_not_allowed", &[]);
    let error = Reply::new(400, "{\"error\":\"invalid_token\",\"error_description\":\"Invalid Value\"}");
    provider.set_reply("/tokeninfo", error.with_header("Content-Type", "application/json; charset=utf-8"));
    assert_denied(&folder, "introspection_inactive", &["does not know the token"]);
}

/// An opaque token cannot be decoded, so this is all that whoever maps its claims has to go by.
#[test]
fn the_members_of_the_answer_are_shown_whatever_becomes_of_them() {
    let mut granted = answer();
    granted["username"] = json!("ana");
    granted["ext"] = json!({ "groups": ["readers", 7] });
    let mut without_sub = granted.clone();
    without_sub.as_object_mut().expect("an object").remove("sub");
    let inactive = json!({ "active": false, "error": "the client may not ask about this token" });
    for (answer, reason) in
        [(granted, None), (without_sub, Some("identity_missing")), (inactive, Some("introspection_inactive"))]
    {
        let (text, report) = explained(&folder(&knowing(&answer), BASIC));
        assert_eq!(report["reason"].as_str(), reason, "{report:#}");
        let steps = report["steps"].as_array().expect("steps");
        let step = steps.iter().find(|step| step["step"] == "introspection").expect("the step");
        assert_eq!(step["facts"], answer, "{report:#}");
        for (name, value) in answer.as_object().expect("an object") {
            let line = format!("\n             {name} = {value}");
            assert!(text.stdout.contains(&line), "no {line:?} in {}", text.stdout);
        }
    }
}

/// What a stranger's server may write to a terminal, and that a token is not what is shown of an answer.
#[test]
fn members_are_shown_without_the_token_and_without_control_characters() {
    let mut answer = answer();
    answer["access_token"] = json!(token());
    answer["note"] = json!({ "of": [format!("about {}", token())] });
    answer["\u{1b}[2J"] = json!("\u{1b}]0;x\u{7}");
    answer["long"] = json!("a".repeat(1000));
    answer[&token()] = json!(true);
    let (text, report) = explained(&folder(&knowing(&answer), BASIC));
    assert_eq!(text.code, 0, "{}", text.stdout);
    assert!(!text.stdout.contains(['\u{1b}', '\u{7}']), "{}", text.stdout);
    let steps = report["steps"].as_array().expect("steps");
    let facts = steps.iter().find(|step| step["step"] == "introspection").expect("the step")["facts"].clone();
    assert_eq!((&facts["access_token"], &facts["note"]), (&json!("(the token)"), &json!("(the token)")));
    assert_eq!(facts["long"].as_str().map(|text| text.chars().count()), Some(201), "{facts}");
    assert_eq!(facts.get(token()), None);
}

#[test]
fn answers_that_are_no_object_show_nothing() {
    for body in ["[1]", "null", "{\"sub\":1,\"sub\":2}", "no JSON"] {
        let provider = MockProvider::start();
        provider.set_reply(INTROSPECT, Reply::new(200, body).with_header("Content-Type", "application/json"));
        let (_, report) = explained(&folder(&provider, BASIC));
        assert_eq!(report["reason"], "introspection_unavailable", "{report:#}");
        let steps = report["steps"].as_array().expect("steps");
        assert_eq!(steps.iter().find(|step| step["step"] == "introspection").expect("it")["facts"], json!({}));
    }
}

/// The server leaves nothing out: a client that sends it gets the server's own refusal.
#[test]
fn what_was_left_out_of_the_token_is_said() {
    let provider = knowing(&answer());
    let folder = folder(&provider, BASIC);
    for (given, what) in [
        (token(), None),
        (token() + "\n", Some("a line end behind the token was left out")),
        (format!("Bearer {}", token()), Some("\"Bearer \" in front of the token was left out")),
        (
            format!("bearer {}\r\n", token()),
            Some("\"Bearer \" in front of the token, and a line end behind it, was left out"),
        ),
    ] {
        let (text, json) = (folder.explain(&given, &[]), folder.explain(&given, &["--json"]).json());
        assert_eq!((text.code, &json["outcome"]), (0, &json!("granted")), "{json:#}");
        let notes: Vec<&str> = json["notes"].as_array().expect("notes").iter().filter_map(Value::as_str).collect();
        let found = notes.iter().find(|note| note.contains("left out"));
        assert_eq!(found.is_some(), what.is_some(), "{notes:?}");
        if let (Some(what), Some(note)) = (what, found) {
            assert!(note.starts_with(what) && note.contains("\"malformed OAuth bearer token\""), "{note}");
            assert!(text.stdout.contains(&format!("note: {what}")), "{}", text.stdout);
        }
    }
}
