//! `oauth-validator discover` against a provider with real TLS: what it finds, asks for, and proposes.
//!
//! What it proposes is in `discover/proposals.rs`, what it refuses in `discover/refusals.rs`. No test leaves this machine.

mod proposals;
mod refusals;
mod sample;

use crate::network::{METADATA, connecting_proxy, provider, proxy_variables, with_keys, with_keys_elsewhere};
use crate::support::{CONFIG, Folder, Run, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use oauth_validator_fixtures::{jwks, keys};
use oauth_validator_mock_provider::{ALL, Fault, MockProvider};
use serde_json::{Value, json};

/// The command, in an empty environment.
fn command(args: &[&str]) -> Command {
    let mut command = Command::new(cargo_bin!("oauth-validator"));
    command.env_clear().arg("discover").args(args);
    command
}

/// Asks for the provider's own issuer, trusting its authority.
fn discover(provider: &MockProvider, args: &[&str]) -> Run {
    discover_trusting(provider, &provider.issuer(), args)
}

/// Asks for `issuer`, trusting the authority of `provider`.
fn discover_trusting(provider: &MockProvider, issuer: &str, args: &[&str]) -> Run {
    run(command(&[issuer, "--ca-file", provider.ca_file().to_str().expect("UTF-8")]).args(args))
}

/// The report of a run that found keys.
#[track_caller]
fn found(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    run.json()
}

#[test]
fn the_report_says_what_was_found_and_what_to_write() {
    let provider = with_keys(MockProvider::with_issuer_path("/realms/corp"));
    provider.set_header("/jwks", "Cache-Control", "public, max-age=86400");
    let issuer = provider.issuer();
    let run = discover(&provider, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(
        run.stderr,
        format!("asking {issuer}{METADATA}\nasking {}/jwks\n", provider.base_url()),
        "it says what it waits for"
    );
    for line in [
        format!("issuer         {issuer}\n"),
        format!("jwks_uri       {}/jwks\n", provider.base_url()),
        "cached for     24h (max-age=86400)\n".to_owned(),
        "keys           2: 1 for ES256, 1 for RS256/RS384/RS512/PS256/PS384/PS512\n".to_owned(),
        format!("[profiles.keycloak]\npreset = \"keycloak\"\nissuer = \"{issuer}\"\naudience = [\"AUDIENCE\"]\n"),
        format!("keys = {{ ca_file = \"{}\" }}\n", provider.ca_file().display()),
        format!("hostssl all all all oauth issuer=\"{issuer}\" scope=\"openid db.connect\" map=keycloak\n"),
    ] {
        assert!(run.stdout.contains(&line), "no {line:?} in {}", run.stdout);
    }
}

/// Only what is copied as a whole may be wider than a terminal: a URL, a path of this machine, a line of pg_hba.conf.
#[test]
fn the_report_fits_a_terminal() {
    let provider = with_keys(MockProvider::with_issuer_path("/realms/corp"));
    provider.set_keys(json!({ "keys": [keys::corp().public_jwk(), { "kty": "RSA", "kid": "a".repeat(40) }] }));
    let ca_file = provider.ca_file().to_str().expect("UTF-8");
    let fitted = |issuer: &str| run(command(&[issuer, "--ca-file", ca_file]).env("COLUMNS", "80"));
    let report = fitted(&provider.issuer());
    assert_eq!(report.code, 0, "{}", report.stderr);
    assert!(
        report.stdout.contains("\nleft out       key 2: ")
            && report.stdout.contains("\n#   client_id = \"CLIENT-ID\"\n")
    );
    let refused = fitted(&format!("{}/other", provider.issuer()));
    assert_eq!(refused.code, 1, "{}", refused.stdout);
    let copied = |line: &str| {
        line.starts_with("#   hostssl ") || line.starts_with("keys = ") || line.split_whitespace().count() <= 2
    };
    for line in report.stdout.lines().chain(refused.stdout.lines()).filter(|line| !copied(line)) {
        assert!(line.chars().count() <= 80, "{line}\n{}", report.stdout);
    }
}

#[test]
fn the_report_as_json_says_the_same() {
    let provider = provider();
    provider.set_header("/jwks", "ETag", "\"v1\"");
    provider.set_header("/jwks", "Cache-Control", "no-cache");
    let report = found(&discover(&provider, &["--json"]));
    assert_eq!(report["issuer"], provider.issuer());
    assert_eq!(report["metadata_url"], format!("{}{METADATA}", provider.base_url()));
    assert_eq!(report["introspection_endpoint"], provider.metadata()["introspection_endpoint"]);
    assert_eq!(
        (&report["etag"], &report["no_cache"], &report["max_age"]),
        (&json!("\"v1\""), &json!(true), &json!(null))
    );
    let algorithms: Vec<&Value> =
        report["keys"].as_array().expect("keys").iter().map(|key| &key["algorithms"]).collect();
    assert_eq!(algorithms, [&json!(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]), &json!(["ES256"])]);
    assert_eq!((&report["left_out"], &report["proposal"]["preset"]), (&json!([]), &json!("rfc9068")));
}

#[test]
fn the_text_is_a_valid_configuration_as_it_is_printed() {
    for path in ["", "/realms/corp", "/"] {
        let provider = with_keys(MockProvider::with_issuer_path(path));
        let text = discover(&provider, &[]);
        assert_eq!(text.code, 0, "{}{}", text.stdout, text.stderr);
        let profile = text.stdout.split_once("\n\n").expect("rows, then the rest").1;
        let proposal = found(&discover(&provider, &["--json"]))["proposal"].clone();
        let name = proposal["name"].clone();
        assert_eq!(proposal.get("save_keys"), None);
        let folder = Folder::new(profile);
        let checked = folder.check(&["--json"]);
        assert_eq!(checked.code, 0, "{}", checked.stdout);
        assert_eq!(checked.json()["profiles"], json!([name]), "{CONFIG}: {profile}");
    }
}

#[test]
fn each_request_asks_for_json_and_nothing_compressed() {
    let provider = provider();
    found(&discover(&provider, &["--json"]));
    let requests = provider.requests();
    let paths: Vec<&str> = requests.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, [METADATA, "/jwks"]);
    for request in &requests {
        assert_eq!(request.method, "GET");
        let header = |name| request.header(name);
        assert_eq!(header("accept-encoding"), Some("identity"));
        assert!(header("accept").is_some_and(|value| value.contains("application/json")));
        assert_eq!((header("authorization"), header("cookie")), (None, None));
    }
}

#[test]
fn the_form_of_rfc_8414_is_asked_for_second() {
    let provider = with_keys(MockProvider::with_issuer_path("/realms/corp"));
    let openid = format!("/realms/corp{METADATA}");
    provider.set_fault(&openid, Fault::Status(404));
    let report = found(&discover(&provider, &["--json"]));
    let oauth = "/.well-known/oauth-authorization-server/realms/corp";
    assert_eq!(report["metadata_url"], format!("{}{oauth}", provider.base_url()));
    assert_eq!((provider.request_count(&openid), provider.request_count(oauth)), (1, 1));
}

#[test]
fn a_slash_at_the_end_of_the_issuer_is_not_doubled() {
    let provider = with_keys(MockProvider::with_issuer_path("/"));
    assert!(provider.issuer().ends_with('/'));
    assert_eq!(found(&discover(&provider, &["--json"]))["issuer"], provider.issuer());
    assert_eq!(provider.request_count(METADATA), 1);
}

#[test]
fn the_metadata_may_be_elsewhere_with_a_query() {
    let provider = provider();
    provider.set_document("/custom/metadata", provider.metadata());
    let url = format!("{}/custom/metadata?appid=1", provider.base_url());
    assert_eq!(found(&discover(&provider, &["--discovery-url", &url, "--json"]))["metadata_url"], url);
    assert_eq!((provider.request_count("/custom/metadata"), provider.request_count(METADATA)), (1, 0));
}

#[test]
fn keys_at_another_host_are_taken_if_it_is_allowed() {
    let (provider, elsewhere) = with_keys_elsewhere();
    let report = found(&discover(&provider, &["--allow-host", "127.0.0.1", "--json"]));
    assert_eq!((&report["jwks_uri"], &report["jwks_uri_is_elsewhere"]), (&json!(elsewhere), &json!(true)));
    let text = discover(&provider, &["--allow-host", "other.example", "--allow-host", "127.0.0.1"]);
    assert!(text.stdout.contains("(not the issuer's host; allowed by --allow-host)"), "{}", text.stdout);
}

#[test]
fn one_bad_key_does_not_drop_the_good_one() {
    let provider = provider();
    let good = jwks(&[keys::corp()])["keys"][0].clone();
    provider.set_keys(json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0LXNlbnRpbmVs" }, good, { "kty": "RSA" }] }));
    let report = found(&discover(&provider, &["--json"]));
    assert_eq!(report["keys"].as_array().map(Vec::len), Some(1));
    let left_out = report["left_out"].as_array().expect("reasons");
    assert!(left_out[0].as_str().is_some_and(|why| why.contains("key 1: it has private members")), "{left_out:?}");
    assert!(left_out[1].as_str().is_some_and(|why| why.contains("key 3: it has no n")), "{left_out:?}");
    let text = discover(&provider, &[]);
    assert!(text.stdout.contains("left out       key 1: it has private members"), "{}", text.stdout);
    assert!(!text.stdout.contains("c2VjcmV0"), "{}", text.stdout);
}

#[test]
fn types_of_json_documents_have_several_names() {
    let provider = provider();
    for content_type in ["application/jwk-set+json", "application/json;charset=utf-8", "Application/JSON"] {
        provider.set_fault("/jwks", Fault::ContentType(content_type.to_owned()));
        found(&discover(&provider, &["--json"]));
    }
}

#[test]
fn http_is_taken_from_this_machine_if_that_is_asked_for() {
    let provider = with_keys(MockProvider::start_without_tls());
    let unused = MockProvider::start();
    let report = found(&discover_trusting(&unused, &provider.issuer(), &["--insecure-http", "--json"]));
    assert_eq!(report["jwks_uri"], format!("{}/jwks", provider.base_url()));
}

#[test]
fn proxies_in_the_environment_are_ignored() {
    let provider = provider();
    let mut command = command(&[&provider.issuer(), "--ca-file", provider.ca_file().to_str().unwrap(), "--json"]);
    command.envs(proxy_variables());
    found(&run(&mut command));
}

#[test]
fn a_proxy_that_is_asked_for_is_used_and_trusted_with_nothing() {
    let provider = provider();
    let proxy = connecting_proxy(2);
    found(&discover(&provider, &["--proxy", &proxy.0, "--json"]));
    assert_eq!(
        proxy.1.join().expect("the proxy ends"),
        vec![format!("CONNECT localhost:{} HTTP/1.1", provider.port()); 2]
    );
    let proxy = connecting_proxy(1);
    provider.set_fault(ALL, Fault::UntrustedCertificate);
    let refused = discover(&provider, &["--proxy", &proxy.0, "--json"]);
    assert_eq!((refused.code, refused.json()["error"]["code"].as_str()), (1, Some("tls")), "{}", refused.stdout);
}
