//! `oauth-validator helper` as the server runs it: one request on standard input, which stays open, and one answer.
//!
//! Here are the answers with keys. `helper/refusals.rs` has those without, `helper/process.rs` what the process does
//! about signals, deadlines and its parent.

mod bearer;
mod process;
pub mod refusals;
mod way;

use crate::network::{METADATA, provider, with_keys, with_keys_elsewhere};
use assert_cmd::cargo::cargo_bin;
use oauth_validator_core::protocol::{
    FetchedKeys, Freshness, HelperAnswer, HelperReply, HelperRequest, KnownDocument, PROTOCOL_VERSION, Secret, Task,
};
use oauth_validator_core::{Pem, Reach};
use oauth_validator_fixtures::{jwks, keys};
use oauth_validator_mock_provider::{Fault, MockProvider};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// No helper of these tests is given more than this.
const PATIENCE: Duration = Duration::from_secs(10);

/// A helper that runs. Its standard input is open until it is taken away.
pub struct RunningHelper {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<JoinHandle<Vec<u8>>>,
}

/// What it left behind.
pub struct HelperExit {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: String,
}

fn command() -> Command {
    let mut command = Command::new(cargo_bin!("oauth-validator"));
    command.arg("helper").env_clear();
    command
}

impl RunningHelper {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the helper starts");
        let stdin = child.stdin.take();
        Self { child, stdin, stdout: None }
    }

    /// One that waits for its request, and somebody who reads its answer.
    pub fn running() -> Self {
        let mut helper = Self::start(&mut command());
        helper.read_answer();
        helper
    }

    /// A running helper that has read this request.
    fn asked(request: &HelperRequest) -> Self {
        let mut helper = Self::running();
        helper.tell(&request.to_line());
        helper
    }

    /// One that has ended may have read only a part.
    pub fn tell(&mut self, bytes: &[u8]) {
        let _ = self.stdin.as_mut().expect("it is open").write_all(bytes);
    }

    fn read_answer(&mut self) {
        let mut stdout = self.child.stdout.take().expect("it is piped");
        self.stdout = Some(thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).expect("it can be read");
            bytes
        }));
    }

    /// Waits for its end; standard input stays as it is.
    #[track_caller]
    pub fn end(mut self) -> HelperExit {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "it still runs");
            thread::sleep(Duration::from_millis(5));
        };
        let mut stderr = String::new();
        self.child.stderr.take().expect("it is piped").read_to_string(&mut stderr).expect("UTF-8");
        let stdout = self.stdout.take().map(|reader| reader.join().expect("it was read")).unwrap_or_default();
        HelperExit { status, stdout, stderr }
    }
}

impl Drop for RunningHelper {
    fn drop(&mut self) {
        // Of a failed test; one that has ended is reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl HelperExit {
    /// Its answer: one line, with the exit code 0 and nothing on standard error.
    #[track_caller]
    pub fn answer(&self) -> HelperReply {
        let text = String::from_utf8_lossy(&self.stdout);
        assert_eq!((self.status.code(), self.stderr.as_str()), (Some(0), ""), "{text}");
        assert_eq!(text.find('\n'), Some(text.len() - 1), "{text:?}");
        let answer = HelperAnswer::from_line(&self.stdout).unwrap_or_else(|error| panic!("{error:?}: {text}"));
        assert!(answer.version <= PROTOCOL_VERSION, "{text}");
        answer.outcome
    }

    /// That it gave up: exit code 1 and not a word.
    #[track_caller]
    fn assert_gave_up(&self) {
        let said = (String::from_utf8_lossy(&self.stdout), self.stderr.as_str());
        assert_eq!((self.status.code(), said), (Some(1), ("".into(), "")), "{:?}", self.status);
    }
}

/// A request for the keys of the provider's own issuer, trusting its authority alone.
pub fn request(provider: &MockProvider) -> HelperRequest {
    HelperRequest {
        version: 1,
        reach: Reach {
            ca: Some(Pem(fs::read_to_string(provider.ca_file()).expect("the authority"))),
            proxy: None,
            insecure_http: false,
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
        },
        task: Task::Keys {
            issuer: provider.issuer(),
            discovery_url: None,
            jwks_url: None,
            allowed_hosts: Vec::new(),
            known: None,
            bearer: None,
        },
    }
}

/// The request by another way.
pub fn by_way(mut request: HelperRequest, change: impl FnOnce(&mut Reach<Pem>)) -> HelperRequest {
    change(&mut request.reach);
    request
}

/// The request with another task.
fn request_with(provider: &MockProvider, change: impl FnOnce(&mut Parts)) -> HelperRequest {
    let mut request = request(provider);
    let mut parts = Parts { issuer: provider.issuer(), ..Parts::default() };
    change(&mut parts);
    let Parts { issuer, discovery_url, jwks_url, allowed_hosts, known, bearer } = parts;
    request.version = if bearer.is_some() { 2 } else { 1 };
    request.task = Task::Keys { issuer, discovery_url, jwks_url, allowed_hosts, known, bearer };
    request
}

/// What a request for keys is made of.
#[derive(Default)]
struct Parts {
    issuer: String,
    discovery_url: Option<String>,
    jwks_url: Option<String>,
    allowed_hosts: Vec<String>,
    known: Option<KnownDocument>,
    bearer: Option<Secret>,
}

/// What a helper answers; it says nothing else.
pub fn ask(request: &HelperRequest) -> HelperReply {
    RunningHelper::asked(request).end().answer()
}

/// The answer to a line, as it is written.
pub fn answer_to(line: &[u8]) -> Value {
    let mut helper = RunningHelper::start(&mut command());
    helper.read_answer();
    helper.tell(line);
    let ended = helper.end();
    assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""));
    serde_json::from_slice(&ended.stdout).expect("JSON")
}

#[track_caller]
fn fetched(outcome: HelperReply) -> FetchedKeys {
    match outcome {
        HelperReply::Keys(keys) => keys,
        other => panic!("no keys: {other:?}"),
    }
}

fn paths(provider: &MockProvider) -> Vec<String> {
    provider.requests().into_iter().map(|request| request.path).collect()
}

#[test]
fn keys_are_found_by_discovery() {
    let provider = with_keys(MockProvider::with_issuer_path("/realms/corp"));
    provider.set_header("/jwks", "ETag", "\"v1\"");
    provider.set_header("/jwks", "Cache-Control", "public, max-age=86400");
    let FetchedKeys { url, etag, freshness, keys } = fetched(ask(&request(&provider)));
    assert_eq!((url, etag.as_deref()), (format!("{}/jwks", provider.base_url()), Some("\"v1\"")));
    assert_eq!(freshness, Freshness { max_age: Some(Duration::from_hours(24)), no_cache: false });
    let kids: Vec<Option<&str>> = keys.keys().iter().map(|key| key.kid()).collect();
    let published = jwks(&[keys::corp(), keys::p256()]);
    let published: Vec<Option<&str>> =
        published["keys"].as_array().expect("keys").iter().map(|key| key["kid"].as_str()).collect();
    assert_eq!((kids, keys.left_out()), (published, &[][..]));
    assert_eq!(paths(&provider), [format!("/realms/corp{METADATA}").as_str(), "/jwks"]);
}

/// The protocol is a promise to libraries of another version: this is what they write and read.
#[test]
fn the_line_of_version_1_is_understood_and_answered() {
    let provider = with_keys(MockProvider::start_without_tls());
    let (issuer, base) = (provider.issuer(), provider.base_url());
    let line = format!(
        "{{\"version\":1,\"deadline_ms\":5000,\"connect_timeout_ms\":2000,\"ca_pem\":null,\"proxy\":null,\
         \"insecure_http\":true,\"task\":{{\"keys\":{{\"issuer\":\"{issuer}\",\"discovery_url\":null,\
         \"jwks_url\":null,\"allowed_hosts\":[],\"known\":null}}}}}}\n"
    );
    let answer = answer_to(line.as_bytes());
    let keys = &answer["outcome"]["keys"];
    assert_eq!((&answer["version"], &keys["url"]), (&json!(1), &json!(format!("{base}/jwks"))));
    assert_eq!((&keys["etag"], &keys["freshness"]), (&json!(null), &json!({ "max_age": null, "no_cache": false })));
    assert_eq!(keys["keys"]["keys"].as_array().map(Vec::len), Some(2), "{answer}");
}

#[test]
fn the_form_of_rfc_8414_is_asked_for_second() {
    let provider = with_keys(MockProvider::with_issuer_path("/realms/corp"));
    let openid = format!("/realms/corp{METADATA}");
    provider.set_fault(&openid, Fault::Status(404));
    fetched(ask(&request(&provider)));
    assert_eq!(paths(&provider), [&openid, "/.well-known/oauth-authorization-server/realms/corp", "/jwks"]);
}

#[test]
fn the_metadata_may_be_elsewhere_with_a_query() {
    let provider = provider();
    provider.set_document("/custom/metadata", provider.metadata());
    let url = format!("{}/custom/metadata?appid=1", provider.base_url());
    fetched(ask(&request_with(&provider, |parts| parts.discovery_url = Some(url))));
    assert_eq!(paths(&provider), ["/custom/metadata", "/jwks"]);
    assert_eq!(provider.requests()[0].query.as_deref(), Some("appid=1"));
}

#[test]
fn keys_at_a_given_url_need_no_metadata_and_no_usable_issuer() {
    let provider = provider();
    provider.set_document("/keys", jwks(&[keys::corp()]));
    let url = format!("https://127.0.0.1:{}/keys?v=2", provider.port());
    let keys = fetched(ask(&request_with(&provider, |parts| {
        parts.jwks_url = Some(url.clone());
        parts.issuer = "urn:example:issuer".to_owned();
    })));
    assert_eq!((keys.url, keys.keys.keys().len()), (url, 1));
    assert_eq!(paths(&provider), ["/keys"]);
}

#[test]
fn keys_at_another_host_are_taken_if_it_is_allowed() {
    let (provider, elsewhere) = with_keys_elsewhere();
    let allowing = |hosts: &[&str]| {
        request_with(&provider, |parts| parts.allowed_hosts = hosts.iter().map(|&host| host.to_owned()).collect())
    };
    assert_eq!(fetched(ask(&allowing(&["other.example", "127.0.0.1"]))).url, elsewhere);
    let HelperReply::Failed(failure) = ask(&allowing(&["other.example"])) else { panic!("keys of a stranger") };
    assert_eq!(failure.code, "jwks_uri");
    assert!(failure.hint.ends_with("add to keys.allowed_hosts 127.0.0.1"), "{}", failure.hint);
}

#[test]
fn what_is_known_is_asked_about_and_not_sent_again() {
    let provider = provider();
    provider.set_header("/jwks", "ETag", "W/\"v1\"");
    provider.set_header("/jwks", "Cache-Control", "max-age=600");
    let first = fetched(ask(&request(&provider)));
    let known = KnownDocument { url: first.url, etag: first.etag.expect("an entity tag") };
    let again = || request_with(&provider, |parts| parts.known = Some(known.clone()));
    assert_eq!(
        ask(&again()),
        HelperReply::Unchanged(Freshness { max_age: Some(Duration::from_mins(10)), no_cache: false })
    );
    assert_eq!(provider.requests().last().and_then(|request| request.header("If-None-Match")), Some("W/\"v1\""));
    provider.set_header("/jwks", "ETag", "\"v2\"");
    provider.set_keys(jwks(&[keys::corp()]));
    let changed = fetched(ask(&again()));
    assert_eq!((changed.keys.keys().len(), changed.etag.as_deref()), (1, Some("\"v2\"")));
}

#[test]
fn an_entity_tag_is_shown_to_nobody_but_where_it_came_from() {
    let provider = provider();
    provider.set_header("/jwks", "ETag", "\"v1\"");
    provider.set_header(METADATA, "ETag", "\"v1\"");
    let known = KnownDocument { url: format!("{}/old-keys", provider.base_url()), etag: "\"v1\"".to_owned() };
    fetched(ask(&request_with(&provider, |parts| parts.known = Some(known))));
    assert!(provider.requests().iter().all(|request| request.header("If-None-Match").is_none()));
}

/// Such a tag could only come from a damaged key file.
#[test]
fn an_entity_tag_that_is_no_header_is_not_sent() {
    let provider = provider();
    for etag in ["", "\"v1\"\r\nX-Injected: yes", "\u{0}"] {
        let known = KnownDocument { url: format!("{}/jwks", provider.base_url()), etag: etag.to_owned() };
        fetched(ask(&request_with(&provider, |parts| parts.known = Some(known))));
    }
    let injected = |name: &str| provider.requests().iter().any(|request| request.header(name).is_some());
    assert!(!injected("If-None-Match") && !injected("X-Injected"));
}

#[test]
fn what_the_provider_says_about_keeping_is_handed_on() {
    for (header, max_age, no_cache) in [
        ("max-age=15, stale-while-revalidate=15", Some(15), false),
        ("no-cache, must-revalidate, no-transform, no-store", None, true),
        ("max-age=99999999999999999999", Some(1 << 31), false),
        ("max-age=600, max-age=\"60\"", Some(60), false),
        ("max-age=-1", None, false),
        ("", None, false),
    ] {
        let provider = provider();
        provider.set_header("/jwks", "Cache-Control", header);
        let freshness = fetched(ask(&request(&provider))).freshness;
        let max_age = max_age.map(Duration::from_secs);
        assert_eq!(freshness, Freshness { max_age, no_cache }, "{header}");
    }
}

#[test]
fn one_bad_key_does_not_drop_the_good_one() {
    let provider = provider();
    let good = jwks(&[keys::corp()])["keys"][0].clone();
    let mut exponent_of_one = good.clone();
    exponent_of_one["e"] = json!("AQ");
    let mut for_encryption = good.clone();
    for_encryption["use"] = json!("enc");
    let short_point = json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "A".repeat(43) });
    let bad = [json!({ "kty": "oct", "k": "c2VjcmV0" }), exponent_of_one, for_encryption, short_point, json!(null)];
    let all = [&bad[..], &[good]].concat();
    provider.set_keys(json!({ "keys": all }));
    let keys = fetched(ask(&request(&provider))).keys;
    assert_eq!((keys.keys().len(), keys.left_out().len()), (1, bad.len()), "{:?}", keys.left_out());
    assert_eq!(keys.keys()[0].kid(), jwks(&[keys::corp()])["keys"][0]["kid"].as_str());
    assert!(!format!("{:?}", keys.left_out()).contains("c2VjcmV0"));
}
