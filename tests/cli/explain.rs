//! `oauth-validator explain`: how tokens come in, what is assumed, and how a decision is shown.

use crate::support::{CONFIG, Folder, NOW, corp, okta, run};
use oauth_validator_fixtures::{jwks, keys};
use serde_json::{Value, json};

#[test]
fn a_granted_login_step_by_step() {
    let folder = Folder::new(&corp("", ""));
    let token = okta().sign(keys::corp());
    let args =
        ["--hba-issuer", "https://acme.okta.example/oauth2/aus000001", "--hba-scope", "db.connect", "--role", "ana"];
    let expected = GRANTED.replace("TOKEN_BYTES", &token.len().to_string());
    let expected = expected.replace("THUMBPRINT", &keys::corp().thumbprint());
    folder.explain(&token, &args).assert(0, &expected);
}

const GRANTED: &str = r#"✓ bounds     TOKEN_BYTES bytes in three parts
✓ line       pg_hba.conf issuer "https://acme.okta.example/oauth2/aus000001": corp
✓ issuer     profile "corp"
             iss = "https://acme.okta.example/oauth2/aus000001"
✓ header     algorithm RS256
             alg = "RS256"
             kid = "corp-rsa"
✓ key        one of 2 keys fits
             thumbprint = "THUMBPRINT"
✓ signature  it is the issuer's
✓ claims     audience, client, times and kind of token
             aud = "api://postgres"
             exp = 1800003600 (2027-01-15T09:00:00Z)
             iat = 1800000000 (2027-01-15T08:00:00Z)
✓ scope      1 required, all granted
             $.scp = ["openid","db.connect"]
✓ rules      no rules
✓ identity   as oauth-validator.toml:6 says
             $.uid = "00u000user0000000h7"
- delegation not needed: delegate_ident_mapping=0

granted: authn_id "00u000user0000000h7" (profile "corp")
  next:    The role "ana" has another name, so the login needs map=NAME in the pg_hba.conf line, and a line of pg_ident.conf that maps this authn_id to the role.
"#;

#[test]
fn a_denied_login_step_by_step() {
    let folder = Folder::new(&corp("", ""));
    let token = okta().audience("api://reports").sign(keys::corp());
    let expected = DENIED.replace("TOKEN_BYTES", &token.len().to_string());
    let expected = expected.replace("THUMBPRINT", &keys::corp().thumbprint());
    folder.explain(&token, &[]).assert(1, &expected);
}

const DENIED: &str = r#"note: no --hba-issuer given: as if the pg_hba.conf line had that of the only profile, "https://acme.okta.example/oauth2/aus000001"
note: no --hba-scope given: as if the pg_hba.conf line named no scope

✓ bounds     TOKEN_BYTES bytes in three parts
✓ line       pg_hba.conf issuer "https://acme.okta.example/oauth2/aus000001": corp
✓ issuer     profile "corp"
             iss = "https://acme.okta.example/oauth2/aus000001"
✓ header     algorithm RS256
             alg = "RS256"
             kid = "corp-rsa"
✓ key        one of 2 keys fits
             thumbprint = "THUMBPRINT"
✓ signature  it is the issuer's
✗ claims     audience_mismatch
             aud = "api://reports"
             exp = 1800003600 (2027-01-15T09:00:00Z)
             iat = 1800000000 (2027-01-15T08:00:00Z)
- scope      not reached
- rules      not reached
- identity   not reached
- delegation not reached

denied: audience_mismatch (profile "corp")
  problem: the client's token
  detail:  oauth-validator.toml:4 accepts audience "api://postgres"; the token is for another.
  hint:    If the token's audience is this server, add it to profiles.corp.audience; see audience_mismatch in oauth_validator(7).
"#;

#[test]
fn the_token_comes_from_a_file_or_from_standard_input() {
    let folder = Folder::new(&corp("", ""));
    let token = okta().sign(keys::corp());
    for text in [token.clone(), format!("{token}\n"), format!("{token}\r\n"), format!("Bearer {token}\n")] {
        assert_eq!(folder.explain(&text, &[]).code, 0, "{text:?}");
        assert_eq!(folder.explain(&text, &["--token-file", "-"]).code, 0, "{text:?}");
        folder.write("token", &text);
        assert_eq!(folder.explain("", &["--token-file", "token"]).code, 0, "{text:?}");
    }
    folder.explain("", &["--token-file", "nowhere"]).assert_failed(&["cannot read the token from \"nowhere\""]);
    folder.explain("", &["--token-file", "."]).assert_failed(&["cannot read the token from \".\""]);
}

#[test]
fn no_token_at_all_is_denied() {
    for input in ["", "\n", "Bearer "] {
        let run = Folder::new(&corp("", "")).explain(input, &["--json"]);
        assert_eq!((run.code, &run.json()["reason"]), (1, &json!("token_malformed")), "{input:?}");
    }
}

#[test]
fn the_line_is_assumed_only_where_there_is_one_profile() {
    let one = Folder::new(&corp("hba_issuers = [\"https://first.example\", \"https://second.example\"]", ""));
    let token = okta().sign(keys::corp());
    let report = one.explain(&token, &["--json"]).json();
    let notes: Vec<&str> = report["notes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(
        notes,
        [
            "no --hba-issuer given: as if the pg_hba.conf line had that of the only profile, \"https://first.example\"",
            "no --hba-scope given: as if the pg_hba.conf line named no scope",
        ]
    );
    let two = corp("", "") + &corp("", "").replace("corp]", "second]").replace("aus000001", "aus000002");
    let folder = Folder::new(&two);
    folder.explain(&token, &[]).assert_failed(&["has several profiles", "--hba-issuer"]);
    let told = ["--hba-issuer", "https://acme.okta.example/oauth2/aus000001/.well-known/openid-configuration"];
    assert_eq!(folder.explain(&token, &told).code, 0);
    let other = folder.explain(&token, &["--hba-issuer", "https://acme.okta.example/oauth2/aus000002", "--json"]);
    assert_eq!((other.code, &other.json()["reason"]), (1, &json!("issuer_mismatch")));
    // A line that names its profiles has no need of an issuer.
    let named = folder.explain(&token, &["--hba-profile", "corp"]);
    assert!(named.code == 0 && named.stdout.contains("pg_hba.conf validator.profile: corp"), "{}", named.stdout);
    let unknown = folder.explain(&token, &["--hba-profile", "corp,thrid", "--json"]);
    assert_eq!((unknown.code, &unknown.json()["reason"]), (1, &json!("profile_unknown")));
    let detail = unknown.json()["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.contains("names \"thrid\", which is no profile of"), "{detail}");
}

#[test]
fn a_granted_login_as_json() {
    let folder = Folder::new(&corp("", ""));
    let report = folder.explain(&okta().sign(keys::corp()), &["--json"]).json();
    let fields: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "authn_id", "blame", "detail", "findings", "hint", "notes", "outcome", "profile", "reason", "session", "steps",
    ];
    assert_eq!(fields, expected);
    assert_eq!(
        (&report["outcome"], &report["authn_id"], &report["profile"], &report["reason"], &report["blame"]),
        (&json!("granted"), &json!("00u000user0000000h7"), &json!("corp"), &Value::Null, &Value::Null)
    );
    let steps = report["steps"].as_array().unwrap();
    let names: Vec<&str> = steps.iter().filter_map(|step| step["step"].as_str()).collect();
    let all = [
        "bounds",
        "line",
        "issuer",
        "header",
        "key",
        "signature",
        "claims",
        "scope",
        "rules",
        "identity",
        "delegation",
    ];
    assert_eq!(names, all);
    assert!(steps[..10].iter().all(|step| step["held"] == true), "{report:#}");
    assert_eq!(steps[10]["held"], Value::Null);
    assert_eq!(steps[6]["facts"]["exp"], 1_800_003_600);
    assert_eq!(steps[7]["facts"]["$.scp"], json!(["openid", "db.connect"]));
    assert_eq!((&report["session"]["ends_at"], &report["session"]["claims"]), (&Value::Null, &json!({})));
}

#[test]
fn what_the_session_keeps_as_json() {
    let session =
        "session = { end = \"token\", grace = \"5min\", claims = { groups = \"$.pg_groups[*]\", none = \"$.none\" } }";
    let folder = Folder::new(&corp(session, ""));
    let report = folder.explain(&okta().sign(keys::corp()), &["--json"]).json();
    let kept = &report["session"];
    assert_eq!((&kept["expires_at"], &kept["ends_at"]), (&json!(1_800_003_600), &json!(1_800_003_930)), "{report:#}");
    assert_eq!(kept["claims"], json!({"groups": report["steps"][10]["facts"]["groups"], "none": null}), "{report:#}");
    assert_eq!(report["steps"][10]["step"], "session");
    let denied = folder.explain(&okta().audience("other").sign(keys::corp()), &["--json"]).json();
    assert_eq!(denied["session"], Value::Null);
}

#[test]
fn steps_after_the_failed_one_are_not_reached() {
    let folder = Folder::new(&corp("", ""));
    let report = folder.explain(&okta().sign(&keys::partner().with_kid("corp-rsa")), &["--json"]).json();
    let held: Vec<&Value> = report["steps"].as_array().unwrap().iter().map(|step| &step["held"]).collect();
    let (yes, no, never) = (&json!(true), &json!(false), &Value::Null);
    assert_eq!(held, [yes, yes, yes, yes, yes, no, never, never, never, never, never]);
    assert_eq!((&report["authn_id"], &report["profile"]), (never, &json!("corp")), "nothing is proven");
}

/// The server logs the identity of a genuine token, even of one that is denied.
#[test]
fn the_identity_of_a_genuine_token_is_shown_with_its_denial() {
    let folder = Folder::new(&corp("", ""));
    let denied = folder.explain(&okta().sign(keys::corp()), &["--hba-scope", "db.write"]);
    assert_eq!(denied.code, 1);
    assert!(denied.stdout.contains("logged:  authn_id \"00u000user0000000h7\""), "{}", denied.stdout);
}

#[test]
fn what_the_server_compares_next_is_said() {
    let folder = Folder::new(&corp("", ""));
    let token = okta().sign(keys::corp());
    for (args, words) in [
        (vec!["--role", "00u000user0000000h7"], "has the same name, so the login succeeds"),
        (vec!["--role", "00U000USER0000000H7"], "has another name, so the login needs map=NAME"),
        (vec![], "compares authn_id with the role asked for"),
    ] {
        let granted = folder.explain(&token, &args);
        assert_eq!(granted.code, 0);
        assert!(granted.stdout.contains(words), "{words}\n{}", granted.stdout);
    }
}

#[test]
fn a_configuration_with_errors_is_shown_as_by_check() {
    let folder = Folder::new(&corp("audiance = 1", ""));
    let explained = folder.explain("a.b.c", &[]);
    let checked = folder.check(&[]);
    let (findings, _) = checked.stdout.rsplit_once("oauth-validator.toml: 1 error\n").expect("the last line");
    assert_eq!(explained.code, 1);
    let rest = explained.stdout.strip_prefix(findings).unwrap_or_else(|| panic!("{}", explained.stdout));
    assert!(rest.starts_with("denied: config_invalid\n  problem: the configuration\n"), "{rest}");
    let report = folder.explain("a.b.c", &["--json"]).json();
    assert_eq!(report["findings"], folder.check(&["--json"]).json()["findings"]);
    assert_eq!(report["steps"][0]["held"], Value::Null);
}

#[test]
fn a_configuration_that_is_not_there_is_exit_code_2() {
    let folder = Folder::new("");
    run(folder.command("explain").args(["--config", "nowhere"]).write_stdin("a.b.c"))
        .assert_failed(&["\"nowhere\" does not exist"]);
}

#[test]
fn keys_that_are_not_used_are_named_where_no_key_fits() {
    let folder = Folder::new(&corp("", ""));
    let mut document = jwks(&[keys::p256()]);
    let mut encryption = keys::corp().public_jwk();
    encryption["use"] = json!("enc");
    document["keys"].as_array_mut().unwrap().push(encryption);
    folder.write("corp.jwks.json", &document.to_string());
    let denied = folder.explain(&okta().sign(keys::corp()), &[]);
    assert_eq!(denied.code, 1);
    assert!(denied.stdout.contains("denied: key_unknown (profile \"corp\")"), "{}", denied.stdout);
    assert!(denied.stdout.contains("note: a key of the document is not used: key 2: "), "{}", denied.stdout);
}

/// Identities that look alike are told apart, and none of them moves the cursor.
#[test]
fn invisible_characters_of_an_identity_are_shown() {
    let folder = Folder::new(&corp("", ""));
    let granted = folder.explain(&okta().claim("uid", "ana\u{ad}x\u{200b}").sign(keys::corp()), &[]);
    assert_eq!(granted.code, 0);
    assert!(granted.stdout.contains("granted: authn_id \"ana\\u{ad}x\\u{200b}\""), "{}", granted.stdout);
    assert!(!granted.stdout.contains(['\u{ad}', '\u{200b}']), "{}", granted.stdout);
}

#[test]
fn the_clock_is_the_machines_unless_told() {
    let folder = Folder::new(&corp("", ""));
    let explain = |token: String| {
        run(folder.command("explain").args(["--config", CONFIG, "--json"]).write_stdin(token)).json()["reason"].clone()
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let now = i64::try_from(now).unwrap();
    assert_eq!(explain(okta().at(now).sign(keys::corp())), Value::Null);
    assert_eq!(explain(okta().at(now - 7200).sign(keys::corp())), "expired");
    assert_eq!(explain(okta().at(now + 7200).sign(keys::corp())), "not_yet_valid");
    let at = |time: &str| folder.explain(&okta().sign(keys::corp()), &["--at", time]).code;
    assert_eq!((at("2027-01-15T08:01:00Z"), at(&NOW.to_string()), at("2027-01-15T10:01:00+02:00")), (0, 0, 0));
    assert_eq!(at("2027-01-15T10:01:00Z"), 1);
}
