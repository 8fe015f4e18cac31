//! What `oauth-validator discover` proposes follows from what the provider publishes: its keys, where and how tokens can
//! be asked about, what its tokens name as their issuer, and what psql can do with it.

use super::{discover, found};
use crate::network::{METADATA, provider};
use crate::support::{Folder, Run, okta};
use oauth_validator_core::Config;
use oauth_validator_fixtures::keys::{self, TestKey};
use oauth_validator_mock_provider::{Fault, MockProvider};
use serde_json::{Value, json};

/// A provider in whose metadata these members are so; null takes one out.
fn publishing(provider: MockProvider, members: &[(&str, Value)]) -> MockProvider {
    let mut metadata = provider.metadata();
    let object = metadata.as_object_mut().expect("an object");
    for (name, value) in members {
        match value {
            Value::Null => object.remove(*name),
            value => object.insert((*name).to_owned(), value.clone()),
        };
    }
    provider.set_metadata(metadata);
    provider
}

/// The proposal as JSON has it.
#[track_caller]
fn proposal(provider: &MockProvider) -> Value {
    found(&discover(provider, &["--json"]))["proposal"].clone()
}

/// The one profile of a proposal, which `check` accepts.
#[track_caller]
fn parsed(text: &Value) -> Config {
    let parsed = Config::parse(text.as_str().expect("a profile").as_bytes(), "proposal");
    parsed.config.unwrap_or_else(|| panic!("{text}{:?}", parsed.findings))
}

fn jwk(key: &TestKey, members: Value) -> Value {
    let mut jwk = key.public_jwk();
    for (name, value) in members.as_object().expect("an object") {
        jwk[name] = value.clone();
    }
    jwk
}

#[test]
fn algorithms_are_those_of_the_keys_where_the_preset_has_others() {
    let rsa = |alg: &str| jwk(keys::corp(), json!({ "alg": alg }));
    let (p384, p521, ed25519) = (TestKey::p384("c"), TestKey::p521("d"), TestKey::ed25519("e"));
    for (published, algorithms) in [
        (vec![keys::corp().public_jwk()], None),
        (vec![keys::corp().public_jwk(), keys::p256().public_jwk()], None),
        (vec![rsa("RS256")], None),
        (vec![rsa("PS256")], Some("[\"PS256\"]")),
        (vec![rsa("PS512"), p521.public_jwk()], Some("[\"PS512\", \"ES512\"]")),
        (vec![p384.public_jwk()], Some("[\"ES384\"]")),
        (vec![ed25519.public_jwk()], Some("[\"EdDSA\"]")),
        (vec![jwk(&ed25519, json!({ "alg": "Ed25519" }))], Some("[\"EdDSA\"]")),
        (vec![ed25519.public_jwk(), keys::corp().public_jwk()], Some("[\"RS256\", \"EdDSA\"]")),
        (vec![keys::p256().public_jwk(), rsa("RS512")], Some("[\"RS512\", \"ES256\"]")),
        // What may not verify signatures counts for nothing.
        (vec![keys::corp().public_jwk(), jwk(&ed25519, json!({ "use": "enc" }))], None),
    ] {
        let provider = provider();
        provider.set_keys(json!({ "keys": published }));
        let proposal = proposal(&provider);
        let profile = proposal["profile"].as_str().expect("a profile");
        let line = profile.lines().find_map(|line| line.strip_prefix("algorithms = "));
        assert_eq!(line, algorithms, "{published:?}\n{profile}");
        parsed(&proposal["profile"]);
    }
}

/// RFC 8414 section 2: `jwks_uri` may be missing.
#[test]
fn without_keys_the_provider_is_asked_about_each_token() {
    let methods = json!(["client_secret_post"]);
    let members = [("jwks_uri", json!(null)), ("introspection_endpoint_auth_methods_supported", methods)];
    let provider = publishing(MockProvider::start(), &members);
    let run = discover(&provider, &[]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert_eq!(provider.request_count("/jwks"), 0);
    for line in [
        "keys           none are published: the provider has to be asked about each token\n".to_owned(),
        format!("introspection  {}/introspect (client_secret_post)\n", provider.base_url()),
        "mode = \"introspection\"\n".to_owned(),
        "scope = { ignore = [\"openid\", \"profile\", \"email\", \"offline_access\"] }\n".to_owned(),
        format!(
            "\n[profiles.localhost.introspection]\nendpoint = \"{}/introspect\"\nauth = \"post\"\nclient_id = \"CLIENT-ID\"\n",
            provider.base_url()
        ),
        "scope=\"openid db.connect\" map=localhost\n".to_owned(),
    ] {
        assert!(run.stdout.contains(&line), "no {line:?} in {}", run.stdout);
    }
    assert!(!run.stdout.contains("preset"), "{}", run.stdout);
    let report = found(&discover(&provider, &["--json"]));
    assert_eq!(
        (&report["jwks_uri"], &report["keys"], &report["proposal"]["preset"]),
        (&json!(null), &json!(null), &json!(null))
    );
    parsed(&report["proposal"]["profile"]);
}

#[test]
fn the_authentication_is_one_that_the_endpoint_takes() {
    for (methods, auth) in [
        (json!(null), Some("basic")),
        (json!([]), Some("basic")),
        (json!("client_secret_post"), Some("basic")),
        (json!(["client_secret_basic"]), Some("basic")),
        (json!(["client_secret_post", "client_secret_basic"]), Some("basic")),
        (json!(["private_key_jwt", "client_secret_post"]), Some("post")),
        (json!(["Bearer"]), Some("bearer")),
        (json!(["none", "private_key_jwt"]), Some("none")),
        (json!(["private_key_jwt"]), None),
        (json!([7, "tls_client_auth"]), None),
    ] {
        let provider = publishing(provider(), &[("introspection_endpoint_auth_methods_supported", methods.clone())]);
        let introspection = proposal(&provider)["introspection"].clone();
        let line =
            introspection.as_str().map(|profile| profile.contains(&format!("\nauth = \"{}\"\n", auth.unwrap_or(""))));
        assert_eq!(line, auth.map(|_| true), "{methods}: {introspection}");
        if auth.is_some() {
            parsed(&introspection);
        } else {
            let text = discover(&provider, &[]).stdout;
            assert!(text.contains("this server does none of these)\n"), "{text}");
        }
    }
}

/// As AD FS writes it; it is only ever compared, so it may be any text.
#[test]
fn the_issuer_that_tokens_name_is_one_of_the_profiles() {
    for own in ["http://adfs.corp.example/adfs/services/trust", "urn:corp:adfs", "it's \"quoted\" \u{e4}"] {
        let provider = publishing(provider(), &[("access_token_issuer", json!(own))]);
        let report = found(&discover(&provider, &["--json"]));
        assert_eq!(report["access_token_issuer"], own);
        for profile in [&report["proposal"]["profile"], &report["proposal"]["introspection"]] {
            let config = parsed(profile);
            assert_eq!(config.profiles()[0].token_issuers(), [own], "{profile}");
        }
        let text = discover(&provider, &[]).stdout;
        assert!(text.contains(&format!("iss of tokens  {own}\n")), "{text}");
    }
    let same = json!(provider().issuer());
    for nothing in [json!(null), json!(""), json!(7), json!("a\nb"), json!("a".repeat(2049)), same] {
        let provider = provider();
        let value = if nothing.as_str().is_some_and(|text| text.starts_with("https")) {
            json!(provider.issuer())
        } else {
            nothing
        };
        let provider = publishing(provider, &[("access_token_issuer", value)]);
        let report = found(&discover(&provider, &["--json"]));
        assert_eq!(report["access_token_issuer"], json!(null));
        assert!(!report["proposal"]["profile"].as_str().expect("a profile").contains("token_issuers"), "{report}");
    }
}

/// Where the OpenID document has no introspection endpoint, the OAuth document may have one, at either of two places.
#[test]
fn the_other_document_is_asked_for_what_the_first_one_lacks() {
    for place in ["/.well-known/oauth-authorization-server/o", "/o/.well-known/oauth-authorization-server"] {
        let provider = publishing(
            crate::network::with_keys(MockProvider::with_issuer_path("/o")),
            &[("introspection_endpoint", json!(null))],
        );
        let mut other = provider.metadata();
        other["introspection_endpoint"] = json!(format!("{}/introspect", provider.base_url()));
        other["introspection_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
        provider.set_document(place, other.clone());
        let report = found(&discover(&provider, &["--json"]));
        assert_eq!(report["introspection_endpoint"], other["introspection_endpoint"], "{place}");
        assert_eq!(report["metadata_url"], format!("{}/o{METADATA}", provider.base_url()));
        assert!(
            report["proposal"]["introspection"].as_str().is_some_and(|text| text.contains("auth = \"post\"")),
            "{place}"
        );

        // Of another issuer, it says nothing about this one.
        other["issuer"] = json!(format!("{}/p", provider.base_url()));
        provider.set_document(place, other);
        assert_eq!(found(&discover(&provider, &["--json"]))["introspection_endpoint"], json!(null), "{place}");
        provider.set_fault(place, Fault::Status(500));
        assert_eq!(found(&discover(&provider, &["--json"]))["introspection_endpoint"], json!(null), "{place}");
    }
}

fn device_flow(run: &Run) -> (Value, String) {
    let report = found(run);
    (
        report["device_flow"]["possible"].clone(),
        report["device_flow"]["why_not"].as_str().unwrap_or_default().to_owned(),
    )
}

#[test]
fn it_says_whether_psql_can_get_a_token_by_itself() {
    let provider = provider();
    assert_eq!(device_flow(&discover(&provider, &["--json"])), (json!(true), String::new()));
    assert!(discover(&provider, &[]).stdout.contains("device flow    psql can get tokens by itself, with a client"));
    let base = provider.base_url();
    for (member, value, words) in [
        ("device_authorization_endpoint", json!(null), "no device_authorization_endpoint"),
        ("device_authorization_endpoint", json!(7), "no device_authorization_endpoint"),
        ("token_endpoint", json!(null), "no token_endpoint"),
        ("token_endpoint", json!(base.replace("https", "http")), "without https"),
        ("device_authorization_endpoint", json!("http://idp.example/device"), "without https"),
    ] {
        let provider = publishing(crate::network::provider(), &[(member, value)]);
        let (possible, why) = device_flow(&discover(&provider, &["--json"]));
        assert!(possible == json!(false) && why.contains(words), "{member}: {why}");
        assert!(discover(&provider, &[]).stdout.contains("device flow    not for psql: "), "{member}");
    }
    let plain = crate::network::with_keys(MockProvider::start_without_tls());
    let unused = MockProvider::start();
    let run = super::discover_trusting(&unused, &plain.issuer(), &["--insecure-http", "--json"]);
    assert_eq!(device_flow(&run), (json!(false), "libpq asks nobody without https".to_owned()));
}

/// libpq asks where the server says: at the OpenID place, unless the line itself names another document.
#[test]
fn the_line_leads_clients_to_the_document_that_is_there() {
    let provider = crate::network::with_keys(MockProvider::with_issuer_path("/realms/corp"));
    let hba = |report: &Value| report["proposal"]["hba"].as_str().expect("a line").to_owned();
    let report = found(&discover(&provider, &["--json"]));
    assert!(hba(&report).contains(&format!("issuer=\"{}\"", provider.issuer())), "{}", hba(&report));
    provider.set_fault(&format!("/realms/corp{METADATA}"), Fault::Status(404));
    let report = found(&discover(&provider, &["--json"]));
    let place = format!("{}/.well-known/oauth-authorization-server/realms/corp", provider.base_url());
    assert!(hba(&report).contains(&format!("issuer=\"{place}\"")), "{}", hba(&report));
    assert_eq!(report["device_flow"]["possible"], true);
    // The profile serves that line, and others not.
    let token = okta().sign(keys::corp());
    let folder = Folder::new(report["proposal"]["profile"].as_str().expect("a profile"));
    for (issuer, code) in [(place.as_str(), "issuer_mismatch"), (&place[..place.len() - 1], "hba_issuer_unknown")] {
        let explained = folder.explain(&token, &["--hba-issuer", issuer, "--json"]).json();
        assert_eq!(explained["reason"], code, "{issuer}");
    }

    provider.set_document("/meta", provider.metadata());
    let url = format!("{}/meta", provider.base_url());
    let report = found(&discover(&provider, &["--discovery-url", &url, "--json"]));
    assert!(hba(&report).contains(&format!("issuer=\"{}\"", provider.issuer())), "{}", hba(&report));
    assert_eq!(report["device_flow"]["why_not"], "libpq looks for the metadata below the issuer alone");
}
