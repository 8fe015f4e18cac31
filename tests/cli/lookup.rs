//! Claims that the token lacks: asked for by the real `oauth-validator helper` as the server runs it, and by the commands that
//! know such profiles.
//!
//! Whatever happens, the token is shown to the userinfo endpoint, in one header, and is nowhere else.

use crate::helper::ask;
use crate::helper::refusals::assert_refused;
use crate::network::SENTINEL;
use crate::support::{CONFIG, Folder, corp, okta, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use oauth_validator_core::protocol::{HelperReply, HelperRequest};
use oauth_validator_core::{BearerToken, Lookup, LookupSubject, OnlineAnswer, Pem, Reach, Source, Userinfo};
use oauth_validator_fixtures::keys;
use oauth_validator_mock_provider::{Directory, Fault, MockProvider, Reply};
use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const USERINFO: &str = "/userinfo";

/// It begins with the text that no refusal may repeat.
fn token() -> String {
    format!("{SENTINEL}-ya29.a0AfB_byC~opaque+/==")
}

/// The request that the server would make, trusting the provider's authority alone.
fn request(provider: &MockProvider, userinfo: Userinfo) -> HelperRequest {
    let ca = fs::read_to_string(provider.ca_file()).ok().map(Pem);
    let (connect_timeout, timeout) = (Duration::from_secs(2), Duration::from_secs(5));
    let reach = Reach { ca: None, proxy: None, insecure_http: false, connect_timeout, timeout };
    let lookup =
        Lookup { claims: vec!["groups".to_owned()], source: Source::Userinfo(userinfo), cache: Duration::ZERO, reach };
    let reach = Reach { ca, proxy: None, insecure_http: false, connect_timeout, timeout };
    let about = LookupSubject { user: "ana".to_owned(), expires: None };
    HelperRequest::for_lookup(&lookup, reach, None, &about, &BearerToken::new(token().as_bytes())).expect("a request")
}

fn endpoint(provider: &MockProvider) -> Userinfo {
    Userinfo::Endpoint(format!("{}{USERINFO}", provider.base_url()))
}

fn metadata(provider: &MockProvider, allowed: &[&str]) -> Userinfo {
    let allowed_hosts = allowed.iter().map(|host| (*host).to_owned()).collect();
    Userinfo::Metadata { issuer: provider.issuer(), discovery_url: None, allowed_hosts }
}

fn groups() -> Value {
    json!({"sub": "ana", "groups": ["dba"]})
}

/// A provider that knows the token.
fn knowing() -> MockProvider {
    let provider = MockProvider::start();
    provider.set_reply_to_bearer(USERINFO, &token(), Reply::json(&groups()));
    provider
}

#[test]
fn the_token_is_shown_in_one_header_of_one_request() {
    let provider = knowing();
    let outcome = ask(&request(&provider, endpoint(&provider)));
    assert_eq!(outcome, HelperReply::Answer(OnlineAnswer { status: 200, body: groups().to_string() }));
    let requests = provider.requests();
    let [request] = requests.as_slice() else { panic!("{} requests", requests.len()) };
    assert_eq!((request.method.as_str(), request.path.as_str(), &request.query), ("GET", USERINFO, &None));
    let shown: Vec<&String> =
        request.headers.iter().filter(|(_, value)| value.contains(&token())).map(|(name, _)| name).collect();
    assert_eq!((shown.len(), shown[0].to_ascii_lowercase().as_str()), (1, "authorization"));
    assert_eq!(request.header("Authorization"), Some(format!("Bearer {}", token()).as_str()));
    assert!(request.body.is_empty());
}

#[test]
fn a_refusal_of_the_token_is_an_answer_and_repeats_nothing() {
    for status in [401, 403] {
        let provider = MockProvider::start();
        let reply =
            Reply::new(status, format!("{{\"error\":\"{SENTINEL}\"}}")).with_header("Content-Type", "text/html");
        provider.set_reply_to_get(USERINFO, reply);
        let outcome = ask(&request(&provider, endpoint(&provider)));
        assert_eq!(outcome, HelperReply::Answer(OnlineAnswer { status, body: String::new() }));
    }
}

#[test]
fn what_is_no_answer_has_a_code() {
    let elsewhere = knowing();
    let there = format!("{}{USERINFO}", elsewhere.base_url());
    for (fault, code, words) in [
        (Fault::Status(500), "http_status", "status 500"),
        (Fault::Status(400), "http_status", "status 400"),
        (Fault::Redirect(301, there.clone()), "redirect", "status 301"),
        (Fault::Redirect(307, there), "redirect", "status 307"),
        (Fault::ContentType("application/jwt".into()), "content_type", "does not say that it is JSON"),
        (Fault::Body(b"\xff{}".to_vec()), "not_json", "one JSON object in UTF-8"),
        (Fault::Huge(64 * 1024 + 1), "too_large", "65536 bytes"),
        (Fault::EndlessChunks, "too_large", "65536 bytes"),
        (Fault::Gzip(1000), "content_encoding", "compressed"),
        (Fault::ContentLengthTooLong, "incomplete", "before its announced end"),
    ] {
        let provider = knowing();
        provider.set_fault(USERINFO, fault.clone());
        let outcome = ask(&request(&provider, endpoint(&provider)));
        assert_refused(&outcome, code, words);
        assert_eq!(provider.requests().len(), 1, "{fault:?}");
    }
    assert_eq!(elsewhere.connection_count(), 0, "no token goes to another host");
}

#[test]
fn an_endpoint_of_the_metadata_is_at_a_host_that_is_allowed() {
    let provider = knowing();
    let publish = |endpoint: Value| {
        let mut metadata = provider.metadata();
        metadata["userinfo_endpoint"] = endpoint;
        provider.set_metadata(metadata);
    };
    let other_name = format!("https://127.0.0.1:{}{USERINFO}", provider.port());
    for (endpoint, allowed, words) in [
        (json!(other_name), &[][..], "at another host than the issuer's, 127.0.0.1"),
        (json!(other_name), &["idp.example"][..], "at another host than the issuer's, 127.0.0.1"),
        (json!("http://localhost/userinfo"), &[][..], "is not https"),
        (json!("/userinfo"), &[][..], "is no absolute URL"),
        (json!(["https://localhost/userinfo"]), &[][..], "is not a string"),
        (json!("https://localhost@evil.example/"), &[][..], "user name in front of the host"),
    ] {
        publish(endpoint);
        assert_refused(&ask(&request(&provider, metadata(&provider, allowed))), "url", words);
    }
    assert_eq!(provider.request_count(USERINFO), 0);
    publish(json!(other_name));
    let outcome = ask(&request(&provider, metadata(&provider, &["127.0.0.1"])));
    assert!(matches!(outcome, HelperReply::Answer(OnlineAnswer { status: 200, .. })), "{outcome:?}");
    publish(json!(format!("{}{USERINFO}", provider.base_url())));
    let outcome = ask(&request(&provider, metadata(&provider, &[])));
    assert!(matches!(outcome, HelperReply::Answer(OnlineAnswer { status: 200, .. })), "{outcome:?}");
    let shown = provider.requests().into_iter().filter(|request| request.header("Authorization").is_some());
    assert!(shown.map(|request| request.path).all(|path| path == USERINFO), "metadata is asked for without the token");
}

/// A folder whose profile looks groups up at this provider.
fn folder(provider: &MockProvider, body: &Value) -> Folder {
    provider.set_reply_to_get(USERINFO, Reply::json(body));
    let (base, ca_file) = (provider.base_url(), provider.ca_file().display());
    Folder::new(&corp(
        &format!(
            "keys = {{ jwks_file = \"corp.jwks.json\", ca_file = \"{ca_file}\" }}\n\
             require = [{{ claim = \"$.groups\", contains = \"dba\" }}]\n\
             lookup = {{ kind = \"userinfo\", claims = [\"groups\"], endpoint = \"{base}{USERINFO}\" }}"
        ),
        "",
    ))
}

#[test]
fn explain_shows_what_was_looked_up_and_where() {
    let (provider, token) = (MockProvider::start(), okta().sign(keys::corp()));
    let subject = okta().claims()["sub"].clone();
    let folder = folder(&provider, &json!({"sub": subject, "groups": ["dba"], "phone": "sentinel"}));
    let text = folder.explain(&token, &[]);
    assert_eq!(text.code, 0, "{}{}", text.stdout, text.stderr);
    let place = format!("{}{USERINFO}", provider.base_url());
    assert!(
        text.stdout.contains(&format!("note: claims were looked up for this explanation, at {place}")),
        "{}",
        text.stdout
    );
    assert!(text.stdout.contains(&format!("lookup     groups from {place}")), "{}", text.stdout);
    assert!(text.stdout.contains("groups = [\"dba\"]") && !text.stdout.contains("sentinel"), "{}", text.stdout);
    let report = folder.explain(&token, &["--json"]).json();
    let steps = report["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["step"] == "lookup").expect("the step");
    assert_eq!((&step["held"], &step["facts"]["groups"]), (&json!(true), &json!(["dba"])));
    assert_eq!(provider.request_count(USERINFO), 2, "one for each explanation");
}

#[test]
fn explain_asks_nobody_for_a_token_that_fails_by_itself() {
    let provider = MockProvider::start();
    let folder = folder(&provider, &groups());
    let run = folder.explain(&okta().audience("api://other").sign(keys::corp()), &["--json"]);
    assert_eq!(run.json()["reason"], "audience_mismatch");
    let steps = run.json()["steps"].clone();
    assert!(!steps.as_array().expect("steps").iter().any(|step| step["step"] == "lookup"), "{steps:#}");
    let run = folder.explain(&okta().claim("groups", json!(["dba"])).sign(keys::corp()), &[]);
    assert!(run.code == 0 && run.stdout.contains("not needed"), "{}", run.stdout);
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn check_looks_at_the_authorities_that_claims_are_asked_by() {
    let provider = MockProvider::start();
    let folder = folder(&provider, &groups());
    let config = fs::read_to_string(folder.path(CONFIG)).expect("the configuration");
    let fine = folder.check(&[]);
    assert_eq!(fine.code, 0, "{}{}", fine.stdout, fine.stderr);
    folder.write(CONFIG, &config.replace(&provider.ca_file().display().to_string(), "nowhere.pem"));
    let found = folder.check(&[]);
    assert!(found.code == 1 && found.stdout.contains("lookup_unavailable"), "{}{}", found.stdout, found.stderr);
    assert!(found.stdout.contains("nowhere.pem"), "{}", found.stdout);
}

const TENANT: &str = "9a8b7c6d-2222-4eee-9fff-000000000001";
const USER: &str = "5d5d5d5d-3333-4444-8555-666666666666";
const GROUP: &str = "6f1d2c3b-0000-4a5b-8c6d-222222222222";

/// A folder whose profile looks groups up in this provider's directory, with the application's secret.
fn tenant(provider: &MockProvider) -> Folder {
    let directory = Directory::new(TENANT, "postgres", "hush-hush", "for-graph").with_user(USER, &[GROUP]);
    let (base, path, ca_file) = (provider.base_url(), directory.token_path(), provider.ca_file().display());
    provider.set_directory(directory);
    let folder = Folder::new(&corp(
        &format!(
            "keys = {{ jwks_file = \"corp.jwks.json\", ca_file = \"{ca_file}\" }}\n\
             require = [{{ claim = \"$.groups\", contains = \"{GROUP}\" }}]\n\
             lookup = {{ kind = \"graph\", tenant = \"{TENANT}\", groups = [\"{GROUP}\"], client_id = \"postgres\", \
             client_secret_file = \"graph.secret\", endpoint = \"{base}\", token_endpoint = \"{base}{path}\" }}"
        ),
        "",
    ));
    folder.write("graph.secret", "hush-hush\n");
    fs::set_permissions(folder.path("graph.secret"), Permissions::from_mode(0o600)).expect("a mode");
    folder
}

#[test]
fn explain_shows_the_groups_that_graph_tells_and_no_secret() {
    let provider = MockProvider::start();
    let folder = tenant(&provider);
    let token = okta().claim("tid", json!(TENANT)).claim("oid", json!(USER)).sign(keys::corp());
    let text = folder.explain(&token, &[]);
    assert_eq!(text.code, 0, "{}{}", text.stdout, text.stderr);
    let base = provider.base_url();
    for words in [
        format!("note: claims were looked up for this explanation, at {base}"),
        format!("lookup     groups from {base}"),
        format!("groups = [\"{GROUP}\"]"),
    ] {
        assert!(text.stdout.contains(&words), "{words}: {}", text.stdout);
    }
    assert!(!text.stdout.contains("hush-hush") && !text.stdout.contains("for-graph"), "{}", text.stdout);
    assert_eq!(provider.requests().len(), 2);
    let stranger = okta().claim("tid", json!(TENANT)).sign(keys::corp());
    assert_eq!(folder.explain(&stranger, &["--json"]).json()["reason"], "lookup_mismatch");
    assert_eq!(provider.requests().len(), 2, "nobody was asked");
}

#[test]
fn check_reads_the_secret_for_graph() {
    let provider = MockProvider::start();
    let folder = tenant(&provider);
    let fine = folder.check(&[]);
    assert_eq!(fine.code, 0, "{}{}", fine.stdout, fine.stderr);
    assert!(!fine.stdout.contains("secret_readable"), "{}", fine.stdout);
    fs::set_permissions(folder.path("graph.secret"), Permissions::from_mode(0o644)).expect("a mode");
    let found = folder.check(&[]);
    assert!(found.code == 0 && found.stdout.contains("secret_readable"), "{}", found.stdout);
    for content in ["", "a\nb\n"] {
        folder.write("graph.secret", content);
        let found = folder.check(&[]);
        assert!(found.code == 1 && found.stdout.contains("lookup_unavailable"), "{}", found.stdout);
        assert!(found.stdout.contains("lookup.client_secret_file"), "{}", found.stdout);
    }
    assert_eq!(provider.connection_count(), 0);
}

#[test]
fn cases_say_what_the_endpoint_says() {
    let config = "[profiles.corp]\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\nscope = { required = [\"db\"] }\n\
                  require = [{ claim = \"$.groups\", contains = \"dba\" }]\n\
                  lookup = { kind = \"userinfo\", claims = [\"groups\"] }\n";
    let got = |lines: &str| {
        let folder = Folder::new(config);
        folder.write(
            "it.cases.toml",
            &format!(
                "config = \"{CONFIG}\"\n[tokens.t]\nclaims = {{ iss = \"https://idp.example\", aud = \"pg\", sub = \"ana\", scope = \"db\" }}\n\
                 userinfo = {{ sub = \"ana\", groups = [\"dba\"] }}\n[[case]]\nname = \"it\"\ntoken = \"t\"\n{lines}\nexpect = \"internal\"\n"
            ),
        );
        let mut command = Command::new(cargo_bin!("oauth-validator"));
        command.current_dir(folder.path("")).env_clear().args(["test", "it.cases.toml", "--json"]);
        let run = run(&mut command);
        run.json()["files"][0]["cases"][0]["got"].as_str().expect(&run.stdout).to_owned()
    };
    assert_eq!(got(""), "granted, authn_id \"ana\"");
    assert_eq!(got("userinfo = { groups = [\"staff\"] }"), "rule_failed");
    assert_eq!(got("userinfo = { sub = \"eve\" }"), "lookup_mismatch");
    assert_eq!(got("claims = { groups = [\"staff\"] }"), "rule_failed");
    assert_eq!(got("claims = { aud = \"other\" }"), "audience_mismatch");
    // What the token is without, userinfo still has.
    assert_eq!(got("claims = { groups = [\"staff\"] }\nwithout = [\"groups\"]"), "granted, authn_id \"ana\"");
}
