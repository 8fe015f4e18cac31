//! `oauth-validator token` and `run` against a provider over real TLS: each grant, what it sends, and what it refuses.
//!
//! No secret and no token may come into a message, whatever the provider answers.

mod kept;

use crate::network::SENTINEL;
use crate::support::{Run, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use oauth_validator_mock_provider::{ALL, Fault, MockProvider, Reply};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tempfile::TempDir;

const TOKEN: &str = "token-of-the-provider";

/// A provider, and a folder for secrets and tokens.
struct Scene {
    provider: MockProvider,
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let place = Self { provider: MockProvider::start(), folder: tempfile::tempdir().expect("a folder") };
        place.answers(json!({ "access_token": TOKEN, "token_type": "Bearer", "expires_in": 300 }));
        place
    }

    fn answers(&self, document: Value) {
        self.provider.set_reply("/token", Reply::json(&document));
    }

    fn refuses(&self, status: u16, document: Value) {
        let reply = Reply::new(status, document.to_string()).with_header("Content-Type", "application/json");
        self.provider.set_reply("/token", reply);
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    }

    fn secret(&self) -> String {
        self.file("secret", &format!("{SENTINEL}:&\n")).display().to_string()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(cargo_bin!("oauth-validator"));
        command.env_clear().env("HOME", self.folder.path()).args(self.arguments(args));
        command
    }

    fn arguments(&self, args: &[&str]) -> Vec<String> {
        let ca = self.provider.ca_file().to_str().expect("UTF-8").to_owned();
        let own = ["token", "--issuer", &self.provider.issuer(), "--client-id", "app:1", "--ca-file", &ca];
        own.iter().chain(args).map(|arg| (*arg).to_owned()).collect()
    }

    fn run(&self, args: &[&str]) -> Run {
        run(&mut self.command(args))
    }

    /// A run that prints the token.
    #[track_caller]
    fn gives(&self, args: &[&str]) {
        let run = self.run(args);
        assert_eq!((run.code, run.stdout.as_str()), (0, format!("{TOKEN}\n").as_str()), "{}", run.stderr);
    }

    /// A run that says why there is none.
    #[track_caller]
    fn fails(&self, code: i32, args: &[&str], why: &str) {
        let run = self.run(args);
        assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{}", run.stderr);
        assert!(run.stderr.contains(why), "no {why:?} in {}", run.stderr);
        assert!(!run.stderr.contains(SENTINEL) && !run.stderr.contains(TOKEN), "{}", run.stderr);
    }

    /// The last form that was sent to the token endpoint, and its Authorization.
    fn sent(&self) -> (Vec<(String, String)>, Option<String>) {
        let requests = self.provider.requests();
        let request = requests.iter().rev().find(|request| request.path == "/token").expect("a request");
        let mut form = request.form();
        form.sort();
        (form, request.header("Authorization").map(str::to_owned))
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut list: Vec<(String, String)> =
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    list.sort();
    list
}

#[test]
fn a_service_gets_a_token_by_its_secret() {
    let place = Scene::new();
    let secret = place.secret();
    let args = ["--client-secret-file", &secret, "--scope", "db.connect db.read", "--resource", "urn:postgres"];
    place.gives(&args);
    let (form, authorization) = place.sent();
    let grant = [("grant_type", "client_credentials"), ("scope", "db.connect db.read"), ("resource", "urn:postgres")];
    assert_eq!(form, pairs(&grant));
    // RFC 6749 section 2.3.1: both are encoded before they are put together.
    assert_eq!(authorization.as_deref(), Some("Basic YXBwJTNBMTpzZW50aW5lbC01ZjFjJTNBJTI2"));

    // A provider that takes secrets in the form alone.
    let mut metadata = place.provider.metadata();
    metadata["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
    place.provider.set_metadata(metadata);
    place.gives(&["--client-secret-file", &secret]);
    let (form, authorization) = place.sent();
    let secret = format!("{SENTINEL}:&");
    assert_eq!(
        form,
        pairs(&[("grant_type", "client_credentials"), ("client_id", "app:1"), ("client_secret", &secret)])
    );
    assert_eq!(authorization, None);
}

#[test]
fn json_says_how_long_it_is_good_for() {
    let place = Scene::new();
    let run = place.run(&["--client-secret-file", &place.secret(), "--json"]);
    assert_eq!(run.json(), json!({ "access_token": TOKEN, "token_type": "Bearer", "expires_in": 300 }));
}

#[test]
fn a_refresh_token_that_is_replaced_is_kept() {
    let place = Scene::new();
    let path = place.file("refresh", "old\n");
    let file = path.display().to_string();
    place.gives(&["--refresh-token-file", &file]);
    assert_eq!(
        place.sent().0,
        pairs(&[("grant_type", "refresh_token"), ("refresh_token", "old"), ("client_id", "app:1")])
    );
    assert_eq!(fs::read_to_string(&path).expect("a file"), "old\n");
    place.answers(json!({ "access_token": TOKEN, "token_type": "bearer", "refresh_token": "new" }));
    place.gives(&["--refresh-token-file", &file]);
    assert_eq!(fs::read_to_string(&path).expect("a file"), "new");
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    place.refuses(400, json!({ "error": "invalid_grant" }));
    place.fails(1, &["--refresh-token-file", &file], "the provider gives no token: invalid_grant");
}

#[test]
fn a_token_is_exchanged() {
    let place = Scene::new();
    place.answers(json!({
        "access_token": TOKEN, "token_type": "Bearer", "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }));
    let subject = place.file("pod", "pods.own.token\n").display().to_string();
    place.gives(&["--exchange-file", &subject, "--audience", "postgres"]);
    let expected = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", "pods.own.token"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("audience", "postgres"),
        ("client_id", "app:1"),
    ];
    assert_eq!(place.sent(), (pairs(&expected), None));
    place.gives(&["--exchange-file", &subject, "--client-secret-file", &place.secret()]);
    assert!(place.sent().1.is_some_and(|value| value.starts_with("Basic ")));
    place.refuses(400, json!({ "error": "invalid_request" }));
    place.fails(1, &["--exchange-file", &subject], "invalid_request");
}

#[test]
fn a_command_gives_the_token_and_nobody_is_asked() {
    let place = Scene::new();
    place.gives(&["--command", &format!("echo {TOKEN}")]);
    place.gives(&["--command", &format!("echo '{{\"accessToken\": \"{TOKEN}\"}}'")]);
    place.fails(2, &["--command", &format!("echo {SENTINEL} {SENTINEL}")], "no bearer token");
    place.fails(2, &["--command", "exit 3"], "the command for the token ended with exit status: 3");
    assert_eq!(place.provider.connection_count(), 0);
}

#[test]
fn a_person_is_told_where_to_confirm() {
    let place = Scene::new();
    let device = json!({
        "device_code": SENTINEL, "user_code": "ABCD-\u{1b}[2J", "expires_in": 60, "interval": 1,
        "verification_uri": "https://idp.example/device",
        "verification_uri_complete": "https://idp.example/device?user_code=ABCD",
    });
    place.provider.set_reply("/device", Reply::json(&device));
    let run = place.run(&["--scope", "openid"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, format!("{TOKEN}\n").as_str()), "{}", run.stderr);
    assert!(
        run.stderr.contains("Visit https://idp.example/device and enter the code: ABCD-\\u{1b}[2J"),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains(SENTINEL), "{}", run.stderr);
    let expected = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", SENTINEL),
        ("client_id", "app:1"),
    ];
    assert_eq!(place.sent().0, pairs(&expected));
    for (error, why) in [("access_denied", "access_denied"), ("expired_token", "nobody confirmed the code in time")] {
        place.refuses(400, json!({ "error": error, "error_description": "x\u{1b}y" }));
        place.fails(1, &[], why);
    }
}

#[test]
fn a_provider_without_a_device_flow_says_so() {
    let place = Scene::new();
    let mut metadata = place.provider.metadata();
    metadata.as_object_mut().expect("an object").remove("device_authorization_endpoint");
    place.provider.set_metadata(metadata);
    place.fails(1, &[], "the provider has no device flow");
}

#[test]
fn an_id_token_is_taken_where_it_is_wanted() {
    let place = Scene::new();
    let secret = place.secret();
    place.fails(1, &["--client-secret-file", &secret, "--id-token"], "the provider gives no ID token");
    place.answers(json!({ "access_token": SENTINEL, "token_type": "Bearer", "id_token": TOKEN }));
    place.gives(&["--client-secret-file", &secret, "--id-token"]);
}

#[test]
fn what_the_provider_refuses_is_a_finding() {
    let place = Scene::new();
    let secret = place.secret();
    let args = ["--client-secret-file", secret.as_str()];
    for (status, error) in [(401, "invalid_client"), (400, "invalid_scope"), (400, "unauthorized_client"), (403, "odd")]
    {
        place.refuses(status, json!({ "error": error }));
        place.fails(1, &args, &format!("the provider gives no token: {error}"));
    }
    // A token that is bound to a key is none to show.
    for kind in ["DPoP", "mac", "pop"] {
        place.answers(json!({ "access_token": SENTINEL, "token_type": kind }));
        place.fails(1, &args, "bound to a key");
    }
}

#[test]
fn answers_that_are_none_are_not_repeated() {
    let place = Scene::new();
    let secret = place.secret();
    let args = ["--client-secret-file", secret.as_str()];
    for document in [
        json!({}),
        json!({ "access_token": 5, "token_type": "Bearer" }),
        json!([SENTINEL]),
        json!({ "access_token": SENTINEL }),
    ] {
        place.answers(document);
        place.fails(2, &args, "not what RFC 6749 says");
    }
    place.provider.set_reply("/token", Reply::new(200, SENTINEL).with_header("Content-Type", "text/html"));
    place.fails(2, &args, "does not say that it is JSON");
    place.provider.set_reply("/token", Reply::new(302, "").with_header("Location", "https://evil.example/"));
    place.fails(2, &args, "redirect");
    place.provider.set_reply("/token", Reply::new(503, SENTINEL).with_header("Content-Type", "text/html"));
    place.fails(2, &args, "status 503");
    // What is said along with such a status is no verdict: whoever keeps a token asks again.
    for status in [429, 500, 503] {
        place.refuses(status, json!({ "error": "invalid_client" }));
        place.fails(2, &args, &format!("the provider answers with status {status}"));
    }
}

#[test]
fn an_empty_list_of_hosts_is_not_every_host() {
    let place = Scene::new();
    let secret = place.secret();
    for hosts in ["", " "] {
        let mut arguments = place.arguments(&["--client-secret-file", &secret, "--hosts", hosts, "--", "true"]);
        arguments[0] = "run".to_owned();
        let run = run(Command::new(cargo_bin!("oauth-validator")).env_clear().args(arguments));
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{}", run.stderr);
        assert!(run.stderr.contains("the list of hosts is empty"), "{}", run.stderr);
    }
    assert_eq!(place.provider.request_count("/token"), 0, "nobody is asked before that is said");
}

#[test]
fn a_secret_goes_to_nobody_but_the_issuers_own_endpoints() {
    let place = Scene::new();
    let secret = place.secret();
    let args = ["--client-secret-file", secret.as_str()];
    for (member, value, why) in [
        ("issuer", json!("https://partner.example"), "about another issuer"),
        ("token_endpoint", json!("http://localhost/token"), "its token_endpoint is no https URL"),
        ("token_endpoint", Value::Null, "it names no token_endpoint"),
        ("token_endpoint", json!(["https://localhost/token"]), "its token_endpoint is no https URL"),
    ] {
        let whole = place.provider.metadata();
        let mut metadata = whole.clone();
        metadata[member] = value;
        place.provider.set_metadata(metadata);
        place.fails(2, &args, why);
        place.provider.set_metadata(whole);
    }
    for fault in [Fault::WrongNameCertificate, Fault::ExpiredCertificate, Fault::UntrustedCertificate, Fault::Refuse] {
        place.provider.set_fault(ALL, fault);
        place.fails(2, &args, "https://localhost");
    }
    place.provider.clear_faults();
    assert_eq!(place.provider.request_count("/token"), 0);
    place.gives(&args);
}

#[test]
fn files_that_do_not_serve_are_said() {
    let place = Scene::new();
    place.fails(2, &["--client-secret-file", "/nowhere"], "cannot read the client's secret from /nowhere");
    let empty = place.file("empty", "\n").display().to_string();
    place.fails(2, &["--client-secret-file", &empty], "is empty");
    let no_key = place.file("key", SENTINEL).display().to_string();
    place.fails(2, &["--client-key-file", &no_key], "no key as PKCS #8");
    place.fails(2, &["--client-secret-file", &empty, "--client-key-file", &no_key], "cannot be used with");
    place.fails(2, &["--profile", "corp"], "client.toml");
    place.fails(2, &["--keep"], "--output");
    place.fails(2, &["--device", "--command", "true"], "cannot be used with");
    assert_eq!(place.provider.request_count("/token"), 0);
}

#[test]
fn a_profile_has_it_all() {
    let place = Scene::new();
    let folder = place.folder.path().join(".config/oauth-validator");
    fs::create_dir_all(&folder).expect("a folder");
    let text = format!(
        "[profiles.corp]\nissuer = \"{}\"\nclient_id = \"batch\"\nclient_secret_file = \"{}\"\nca_file = \"{}\"\n",
        place.provider.issuer(),
        place.secret(),
        place.provider.ca_file().display()
    );
    fs::write(folder.join("client.toml"), text).expect("a file");
    let mut command = Command::new(cargo_bin!("oauth-validator"));
    command.env_clear().env("HOME", place.folder.path()).args(["token", "--profile", "corp"]);
    let run = run(&mut command);
    assert_eq!((run.code, run.stdout.as_str()), (0, format!("{TOKEN}\n").as_str()), "{}", run.stderr);
}

/// The sample units run what this tool has.
#[test]
fn the_sample_units_have_options_that_exist() {
    let place = Scene::new();
    for (unit, command) in
        [("oauth-validator-token@.service", "token"), ("oauth-validator-gateway@.service", "gateway")]
    {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config/systemd").join(unit);
        let text = fs::read_to_string(path).expect("a unit").replace("\\\n", " ");
        let line =
            text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/oauth-validator ")).expect("a command");
        assert!(line.starts_with(command), "{line}");
        let mut help = Command::new(cargo_bin!("oauth-validator"));
        let help = run(help.env_clear().args([command, "--help"])).stdout;
        let options: Vec<&str> = line.split_whitespace().filter(|word| word.starts_with("--")).collect();
        assert!(options.len() > 2, "{line}");
        for option in options {
            assert!(help.contains(&format!("{option} ")) || help.contains(&format!("{option}\n")), "{option}");
        }
        for hardening in ["NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="] {
            assert!(text.lines().any(|line| line == hardening), "{unit}: {hardening}");
        }
        assert!(text.lines().any(|line| line.starts_with("User=")), "{unit}");
    }
    assert_eq!(place.provider.connection_count(), 0);
}

/// `probe` gets its token by the same profiles; without one, nobody is connected to.
#[test]
fn probe_takes_a_profile() {
    let place = Scene::new();
    let folder = place.folder.path().join(".config/oauth-validator");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("client.toml"), "[profiles.corp]\ncommand = \"exit 3\"\n").expect("a file");
    let nowhere = place.folder.path().display().to_string();
    for (profile, why) in [("corp", "the command for the token ended"), ("other", "has no profile \"other\"")] {
        let mut command = Command::new(cargo_bin!("oauth-validator"));
        command.env_clear().env("HOME", place.folder.path());
        let run = run(command.args(["probe", "--host", &nowhere, "--user", "ana", "--token-from", profile]));
        assert_eq!(run.code, 2, "{}", run.stdout);
        assert!(run.stderr.contains(why), "{}", run.stderr);
    }
}
