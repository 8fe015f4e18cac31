//! `oauth-validator init --token-file`: what `discover` proposes for a token, ready to be appended; and nothing where it
//! would let in what it must refuse.

use crate::network::with_keys;
use crate::support::{CONFIG, Folder, Run, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use oauth_validator_fixtures::keys::{self, TestKey};
use oauth_validator_fixtures::{TokenBuilder, jwks};
use oauth_validator_mock_provider::MockProvider;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

const ISSUER: &str = "https://sso.corp.example";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs()
}

fn claims(issuer: &str) -> Value {
    json!({
        "iss": issuer, "aud": "pg", "sub": "ana", "client_id": "psql", "scope": "openid db.connect",
        "iat": now(), "exp": now() + 3600, "jti": "token-1",
    })
}

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

fn signed(typ: &str, claims: Value, key: &TestKey) -> String {
    TokenBuilder::new(json!({ "alg": "RS256", "typ": typ, "kid": key.kid() }), claims).sign(key)
}

/// A folder with keys and these tokens, but no configuration.
fn folder(tokens: &[String]) -> Folder {
    let folder = Folder::new("");
    std::fs::remove_file(folder.path(CONFIG)).expect("it was there");
    folder.write("keys.json", &jwks(&[keys::corp()]).to_string());
    for (at, token) in tokens.iter().enumerate() {
        folder.write(&format!("{at}.txt"), token);
    }
    folder
}

fn init(folder: &Folder, args: &[&str]) -> Run {
    let mut command = Command::new(cargo_bin!("oauth-validator"));
    command.current_dir(folder.path("")).env_clear().arg("init").args(args);
    if !args.contains(&"--output") {
        command.args(["--config", CONFIG]);
    }
    run(&mut command)
}

const OFFLINE: &[&str] = &["--issuer", ISSUER, "--jwks-file", "keys.json", "--token-file", "0.txt"];

#[test]
fn it_is_what_discover_proposes() {
    let provider = with_keys(MockProvider::start());
    let issuer = provider.issuer();
    let id = json!({ "iss": issuer, "aud": "psql", "sub": "ana", "iat": now(), "exp": now() + 3600, "at_hash": "x" });
    let folder = folder(&[signed("JWT", claims(&issuer), keys::corp()), signed("JWT", id, keys::corp())]);
    let reach =
        ["--ca-file", &*provider.ca_file().to_string_lossy(), "--token-file", "0.txt", "--not", "1.txt", "--json"];
    let made = init(&folder, &[&["--issuer", &issuer], &reach[..]].concat());
    let mut discover = Command::new(cargo_bin!("oauth-validator"));
    let found = run(discover.current_dir(folder.path("")).env_clear().args(["discover", &issuer]).args(reach));
    assert_eq!((made.code, found.code), (0, 0), "{}{}", made.stderr, found.stderr);
    let (made, found) = (made.json(), found.json());
    for (ours, theirs) in [("profile", "profile"), ("hba", "hba"), ("preset", "preset"), ("name", "name")] {
        assert_eq!(made[ours], found["proposal"][theirs], "{ours}");
    }
    assert_eq!(made["tokens"], found["tokens"]);
    assert!(made["ident"].as_str().is_some_and(|line| line.ends_with("   ana   ROLE")), "{made:#}");
}

#[test]
fn what_is_printed_is_a_configuration_that_lets_the_token_in() {
    let token = signed("at+jwt", claims(ISSUER), keys::corp());
    let folder = folder(std::slice::from_ref(&token));
    let printed = init(&folder, &[OFFLINE, &["--profile", "pg"]].concat());
    assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
    assert!(printed.stdout.lines().all(|line| line.chars().count() <= 80 || !line.starts_with("# *")));
    folder.write(CONFIG, &printed.stdout);
    run(folder.command("check").arg(CONFIG)).assert(0, &format!("{CONFIG}: valid; 1 profile: pg\n"));
    let at = now().to_string();
    let explained =
        folder.explain(&token, &["--hba-issuer", ISSUER, "--hba-scope", "openid db.connect", "--at", &at, "--json"]);
    assert_eq!(explained.json()["authn_id"], "ana");
}

/// Whatever width a terminal has, a comment goes on in a comment.
#[test]
fn its_comments_stay_comments() {
    let folder = folder(&[signed("JWT", claims(ISSUER), keys::corp())]);
    let mut command = Command::new(cargo_bin!("oauth-validator"));
    command.current_dir(folder.path("")).env_clear().env("COLUMNS", "40").arg("init").args(OFFLINE);
    let printed = run(command.args(["--config", CONFIG]));
    folder.write(CONFIG, &printed.stdout);
    assert!(run(folder.command("check").arg(CONFIG)).code == 0, "{}", printed.stdout);
}

#[test]
fn nothing_is_proposed_that_lets_in_what_it_must_refuse() {
    let token = |jti: &str| signed("at+jwt", with(claims(ISSUER), "jti", json!(jti)), keys::corp());
    let folder = folder(&[token("a"), token("b")]);
    let args = [OFFLINE, &["--not", "1.txt"]].concat();
    let printed = init(&folder, &args);
    assert_eq!(printed.code, 1, "{}", printed.stderr);
    assert!(printed.stdout.lines().all(|line| line.is_empty() || line.starts_with('#')), "{}", printed.stdout);
    assert!(printed.stdout.contains("so no rule can refuse it"), "{}", printed.stdout);
    let written = init(&folder, &[&args[..], &["--output", "new.toml"]].concat());
    assert!(written.code == 1 && !folder.path("new.toml").exists(), "{}", written.stdout);
    let json = init(&folder, &[&args[..], &["--output", "new.toml", "--json"]].concat()).json();
    assert!(json["written"].is_null() && json["tokens"]["fine"] == false, "{json:#}");
}

#[test]
fn a_token_of_the_wrong_kind_is_said_to_be_one() {
    let folder = folder(&[signed("JWT", with(claims(ISSUER), "nonce", json!("n")), keys::corp())]);
    let printed = init(&folder, OFFLINE);
    assert_eq!(printed.code, 1, "{}", printed.stderr);
    assert!(printed.stdout.contains("this token: denied: id_token"), "{}", printed.stdout);
}

#[test]
fn a_token_that_the_keys_do_not_verify_is_not_read_further() {
    let stranger = TestKey::rsa("stranger").with_kid(keys::corp().kid());
    for token in [
        signed("at+jwt", with(claims(ISSUER), "sub", json!("who-else")), &stranger),
        signed("at+jwt", claims("https://other.example"), keys::corp()),
    ] {
        let folder = folder(&[token]);
        let refused = init(&folder, &[OFFLINE, &["--output", "new.toml"]].concat());
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
        assert!(refused.stderr.contains("not one that this provider's keys verify"), "{}", refused.stderr);
        assert!(!refused.stderr.contains("who-else") && !folder.path("new.toml").exists(), "{}", refused.stderr);
    }
}

#[test]
fn the_issuer_is_never_taken_from_the_token() {
    let folder = folder(&[signed("at+jwt", claims(ISSUER), keys::corp())]);
    let token = ["--token-file", "0.txt"];
    init(&folder, &token).assert_failed(&["--token-file needs --issuer", "who signed the token is not for the token"]);
    init(&folder, &["--issuer", "http://sso.corp.example", "--token-file", "0.txt"]).assert_failed(&["https"]);
    for (args, words) in [
        (&["--audience", "pg"][..], "cannot be used with"),
        (&["--client", "psql"], "cannot be used with"),
        (&["--require", "$.a"], "cannot be used with"),
    ] {
        init(&folder, &[OFFLINE, args].concat()).assert_failed(&[words]);
    }
    init(&folder, &["--preset", "okta", "--not", "0.txt"]).assert_failed(&["--token-file"]);
    init(&folder, &["--issuer", ISSUER]).assert_failed(&["--preset <NAME>"]);
}

/// As moto and cognito-local have it: a `typ` that AWS does not write.
#[test]
fn a_named_preset_is_filled_and_gives_way_where_the_token_differs() {
    let claims = json!({
        "iss": ISSUER, "sub": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "client_id": "psql", "token_use": "access",
        "iat": now(), "exp": now() + 3600, "jti": "j", "scope": "db.connect", "username": "ana",
    });
    let id = json!({
        "iss": ISSUER, "sub": "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "aud": "psql", "token_use": "id", "iat": now(),
        "exp": now() + 3600,
    });
    let folder = folder(&[signed("JWT", claims, keys::corp()), signed("JWT", id, keys::corp())]);
    let made = init(&folder, &[OFFLINE, &["--preset", "cognito", "--not", "1.txt", "--json"]].concat());
    assert_eq!(made.code, 0, "{}{}", made.stdout, made.stderr);
    let made = made.json();
    let profile = made["profile"].as_str().expect("a profile");
    for line in ["preset = \"cognito\"\ntoken_types = [\"JWT\"]\n", "allow = [\"psql\"]"] {
        assert!(profile.contains(line), "{line}: {profile}");
    }
    assert!(made["tokens"].to_string().contains("is the token one of an emulator"), "{made:#}");
}

#[test]
fn the_rule_that_a_preset_needs_holds_what_the_token_has() {
    let issuer = "https://0123.tokens.sts.global.api.aws";
    let arn = "arn:aws:iam::123456789012:role/DataProcessingRole";
    let claims = json!({
        "iss": issuer, "aud": "pg", "sub": arn, "iat": now(), "exp": now() + 300, "jti": "j",
        "https://sts.amazonaws.com/": { "aws_account": "123456789012" },
    });
    let folder = folder(&[signed("JWT", claims, keys::corp())]);
    let args = ["--issuer", issuer, "--jwks-file", "keys.json", "--preset", "aws", "--token-file", "0.txt", "--json"];
    let made = init(&folder, &args);
    let profile = made.json()["profile"].as_str().expect("a profile").to_owned();
    assert!(profile.contains(&format!("equals = \"{arn}\"")), "{profile}");
    assert!(profile.contains("audience = [\"pg\"]"), "{profile}");
    assert_eq!(made.code, 0, "{}", made.stdout);
}
