//! `oauth-validator test`: cases that hold, cases that do not, files that are none, and what no case reaches.

use crate::support::{CONFIG, Folder, Run, corp, run};
use jsonschema::Validator;
use serde_json::{Value, json};
use std::fs;

const CASES: &str = "corp.cases.toml";

/// A sample for [`corp`], and the head of the file.
const HEAD: &str = r#"config = "oauth-validator.toml"

[tokens.ana]
claims = { iss = "https://acme.okta.example/oauth2/aus000001", aud = "api://postgres", uid = "ana", scp = ["db.connect"] }
"#;

/// A case of the sample with these lines.
fn case(name: &str, lines: &str) -> String {
    format!("\n[[case]]\nname = \"{name}\"\ntoken = \"ana\"\n{lines}\n")
}

const GRANTED: &str = "expect = \"granted\"\nauthn_id = \"ana\"";

fn folder(config: &str, cases: &str) -> Folder {
    let folder = Folder::new(config);
    folder.write(CASES, &format!("{HEAD}{cases}"));
    folder
}

/// The command, which needs to know nobody.
fn test(folder: &Folder, args: &[&str]) -> Run {
    let binary = assert_cmd::cargo::cargo_bin!("oauth-validator");
    let mut command = assert_cmd::Command::new(binary);
    run(command.current_dir(folder.path("")).env_clear().env("LC_ALL", "C.UTF-8").arg("test").args(args))
}

/// What one case with these lines comes to.
fn got(config: &str, lines: &str) -> String {
    let run = test(&folder(config, &case("it", lines)), &[CASES, "--json"]);
    run.json()["files"][0]["cases"][0]["got"]
        .as_str()
        .unwrap_or_else(|| panic!("{}{}", run.stdout, run.stderr))
        .to_owned()
}

fn rule() -> String {
    corp("", "[[profiles.corp.require]]\nclaim = \"$.acr\"\nequals = \"high\"\n")
}

#[test]
fn cases_that_hold_are_listed_and_exit_with_0() {
    let cases =
        case("ana", GRANTED) + &case("for another service", "claims = { aud = \"x\" }\nexpect = \"audience_mismatch\"");
    let run = test(&folder(&corp("", ""), &cases), &[CASES]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let head = "\
running 2 cases of corp.cases.toml against oauth-validator.toml
test ana ... ok
test for another service ... ok

not reached by any case:
";
    assert!(run.stdout.starts_with(head), "{}", run.stdout);
    assert!(run.stdout.ends_with("\ntest result: ok. 2 passed; 0 failed\n"), "{}", run.stdout);
}

#[test]
fn a_case_that_does_not_hold_is_shown_step_by_step() {
    for (lines, expected, got) in [
        ("expect = \"expired\"", "expired", "granted, authn_id \"ana\""),
        ("expect = \"granted\"\nauthn_id = \"bob\"", "granted, authn_id \"bob\"", "granted, authn_id \"ana\""),
        ("claims = { scp = [] }\nexpect = \"rule_failed\"", "rule_failed", "scope_missing"),
        (
            "claims = { aud = \"x\" }\nexpect = \"granted\"\nauthn_id = \"ana\"",
            "granted, authn_id \"ana\"",
            "audience_mismatch",
        ),
    ] {
        let folder = folder(&corp("", ""), &case("it", lines));
        let run = test(&folder, &[CASES]);
        assert_eq!(run.code, 1, "{}", run.stdout);
        let said = format!("---- it (corp.cases.toml:6) ----\nexpected: {expected}\ngot:      {got}\n\n✓ bounds ");
        assert!(run.stdout.contains(&said), "{said}\n{}", run.stdout);
        assert!(run.stdout.contains("test it ... FAILED\n"), "{}", run.stdout);
        assert!(run.stdout.ends_with("test result: FAILED. 0 passed; 1 failed\n"), "{}", run.stdout);
        let report = test(&folder, &[CASES, "--json"]).json();
        let case = &report["files"][0]["cases"][0];
        assert_eq!((&report["passed"], &case["passed"], &case["line"]), (&json!(false), &json!(false), &json!(6)));
        assert!(case["trace"].as_str().is_some_and(|trace| trace.contains("bounds")), "{case}");
    }
}

#[test]
fn each_way_to_spoil_a_token_comes_to_its_code() {
    for (lines, code) in [
        ("forged = true", "signature_invalid"),
        ("claims = { iss = \"https://evil.example\" }", "issuer_mismatch"),
        ("without = [\"aud\"]", "audience_mismatch"),
        ("without = [\"exp\"]", "expired"),
        ("without = [\"uid\"]", "identity_missing"),
        ("without = [\"scp\"]", "scope_missing"),
        ("claims = { uid = 7 }", "identity_invalid"),
        ("claims = { iat = 1800000000, exp = 1800000100 }\nat = \"2027-01-15T08:10:00Z\"", "expired"),
        ("claims = { iat = 1800000000, exp = 1800000100 }\nat = 1799990000", "not_yet_valid"),
        ("header = { alg = \"HS256\" }", "algorithm"),
        ("header = { alg = \"none\" }", "algorithm"),
        ("header = { typ = \"dpop+jwt\" }", "token_type"),
        ("header = { crit = [\"x\"] }", "token_malformed"),
        ("claims = { cnf = { jkt = \"x\" } }", "sender_constrained"),
        ("claims = '{\"act\": {\"sub\": \"bob\"}}'", "actor_not_allowed"),
        ("scope = \"db.write\"", "scope_missing"),
        ("delegated = true\nrole = \"app\"", "delegation_not_configured"),
        ("hba = 'host all all all oauth issuer=\"https://other.example\" scope=\"x\"'", "hba_issuer_unknown"),
        (
            "hba = 'host all all all oauth issuer=\"https://acme.okta.example/oauth2/aus000001\" scope=\"db.write\"'",
            "scope_missing",
        ),
    ] {
        assert_eq!(got(&corp("", ""), &format!("{lines}\nexpect = \"internal\"")), code, "{lines}");
    }
}

#[test]
fn what_a_case_does_not_say_is_as_the_profile_wants_it() {
    let granted = "granted, authn_id \"ana\"";
    for algorithm in ["RS256", "PS384", "RS512", "ES256", "ES384", "ES512", "EdDSA"] {
        let config = corp(&format!("algorithms = [\"{algorithm}\"]"), "");
        assert_eq!(got(&config, GRANTED), granted, "{algorithm}");
        assert_eq!(got(&config, "forged = true\nexpect = \"internal\""), "signature_invalid", "{algorithm}");
    }
    for types in ["[\"at+jwt\"]", "[\"\"]", "[\"JWT\"]"] {
        assert_eq!(got(&corp(&format!("token_types = {types}"), ""), GRANTED), granted, "{types}");
    }
    assert_eq!(got(&corp("max_lifetime = \"2min\"", ""), GRANTED), granted);
    assert_eq!(got(&corp("", ""), "without_header = [\"kid\"]\nexpect = \"internal\""), granted);
    assert_eq!(got(&corp("", ""), "header = { kid = \"seven\" }\nexpect = \"internal\""), granted);
    // By a line as it is written, and by the profile that it is for.
    let line = "hba = 'hostssl app ana 10.0.0.0/8 oauth issuer=\"https://acme.okta.example/oauth2/aus000001\" scope=\"db.connect\"'";
    assert_eq!(got(&corp("", ""), &format!("{line}\nexpect = \"internal\"")), granted);
    assert_eq!(got(&corp("", ""), "profile = \"corp\"\nscope = \"db.connect\"\nexpect = \"internal\""), granted);
}

/// Keys in the configuration are not those of the cases: the profile has the run's, and nobody needs the files.
#[test]
fn a_profile_has_the_key_of_the_run_wherever_it_has_its_own_from() {
    let jwks = oauth_validator_fixtures::jwks(&[oauth_validator_fixtures::keys::corp()]);
    for keys in [
        format!("keys = {{ jwks = '''{jwks}''' }}"),
        "keys = { jwks_file = \"nowhere.jwks\" }".to_owned(),
        "keys = { pem_file = \"nowhere.pem\" }".to_owned(),
        "keys = { jwks_url = \"https://acme.okta.example/keys\", ca_file = \"nowhere.pem\" }".to_owned(),
    ] {
        assert_eq!(got(&corp(&keys, ""), GRANTED), "granted, authn_id \"ana\"", "{keys}");
        assert_eq!(got(&corp(&keys, ""), "forged = true\nexpect = \"internal\""), "signature_invalid", "{keys}");
    }
    let denied = corp("keys = { jwks_file = \"x\", deny_kids = [\"seven\"] }", "");
    assert_eq!(got(&denied, "header = { kid = \"seven\" }\nexpect = \"internal\""), "token_revoked");
}

#[test]
fn a_provider_answers_as_the_case_says() {
    let config = "[profiles.corp]\nissuer = \"https://idp.example\"\naudience = [\"pg\"]\nmode = \"introspection\"\n\
                  introspection = { endpoint = \"https://idp.example/i\", auth = \"none\" }\n\
                  scope = { required = [\"db.connect\"] }\n";
    let answer = "answer = { active = true, iss = \"https://idp.example\", aud = \"pg\", sub = \"ana\", scope = \"db.connect\", exp = 1800000100, iat = 1800000000 }";
    let opaque = |lines: &str| {
        let cases = format!(
            "config = \"{CONFIG}\"\n[tokens.o]\n{answer}\n[[case]]\nname = \"it\"\ntoken = \"o\"\n{lines}\nexpect = \"internal\"\n"
        );
        let folder = Folder::new(config);
        folder.write(CASES, &cases);
        let run = test(&folder, &[CASES, "--json"]);
        run.json()["files"][0]["cases"][0]["got"].as_str().expect(&run.stdout).to_owned()
    };
    assert_eq!(opaque(""), "granted, authn_id \"ana\"");
    assert_eq!(opaque("answer = { active = false }"), "introspection_inactive");
    assert_eq!(opaque("answer = { active = \"true\" }"), "introspection_inactive");
    assert_eq!(opaque("without = [\"aud\"]"), "audience_mismatch");
    assert_eq!(opaque("at = 1900000000"), "expired");
    assert_eq!(opaque("answer = { scope = \"other\" }"), "scope_missing");
    // Without an answer nobody vouches for it.
    assert_eq!(
        got(config, "claims = { iss = \"https://idp.example\" }\nexpect = \"internal\""),
        "introspection_unavailable"
    );
}

#[test]
fn a_delegated_role_is_what_the_case_says_it_is() {
    let config = corp("", "[profiles.corp.roles]\nclaim = \"$.roles[*]\"\nexact = true\n");
    let asked = |lines: &str| {
        got(
            &config,
            &format!(
                "delegated = true\nrole = \"app\"\nclaims = {{ roles = [\"app\"] }}\n{lines}\nexpect = \"internal\""
            ),
        )
    };
    assert_eq!(asked(""), "granted, authn_id \"ana\"");
    assert_eq!(asked("role_attributes = [\"superuser\"]"), "role_privileged");
    assert_eq!(asked("role_attributes = [\"pg_read_all_data\"]"), "role_privileged");
    assert_eq!(asked("without = [\"roles\"]"), "role_not_granted");
}

#[test]
fn a_file_that_is_none_runs_no_case() {
    let good = case("ana", GRANTED);
    for (cases, code, words) in [
        ("".to_owned(), "missing_key", "has no case"),
        ("[[case]\n".to_owned(), "syntax", "not valid TOML"),
        (format!("{good}surprise = 1\n"), "unknown_key", "surprise"),
        (case("x", "expect = \"granted\""), "missing_key", "authn_id"),
        (case("x", "expect = \"audiance_mismatch\""), "bad_value", "did you mean"),
        (case("x", "expect = \"expired\"\nauthn_id = \"ana\""), "conflict", "authn_id"),
        (case("x", ""), "missing_key", "expect is missing"),
        (case("x", "expect = 7"), "wrong_type", "expect"),
        (case("x", "claims = []\nexpect = \"expired\""), "wrong_type", "claims"),
        (case("x", "claims = '[1]'\nexpect = \"expired\""), "wrong_type", "claims"),
        (case("x", "claims = '{\"a\": '\nexpect = \"expired\""), "wrong_type", "claims"),
        (case("x", "forged = \"yes\"\nexpect = \"expired\""), "wrong_type", "forged"),
        (case("x", "without = \"aud\"\nexpect = \"expired\""), "wrong_type", "without"),
        (case("x", "at = \"noon\"\nexpect = \"expired\""), "bad_value", "at is no moment"),
        (case("x", "hba = \"local all all oauth\"\nscope = \"x\"\nexpect = \"expired\""), "conflict", "hba"),
        (good.replace("\"ana\"\nexpect", "\"bob\"\nexpect"), "bad_value", "there is no [tokens.bob]"),
        (good.replace("token = \"ana\"\n", ""), "missing_key", "no token"),
        (good.clone() + &good, "conflict", "two cases"),
    ] {
        let run = test(&folder(&corp("", ""), &cases), &[CASES]);
        assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{cases}");
        let said = format!("error[{code}]: ");
        assert!(run.stdout.contains(&said) && run.stdout.contains(words), "{words}: {}", run.stdout);
        assert!(run.stdout.ends_with("corp.cases.toml: no case was run\n"), "{}", run.stdout);
        assert!(!run.stdout.contains("test result"), "{}", run.stdout);
    }
}

#[test]
fn cases_are_an_array_of_tables_with_something_in_it() {
    for wrong in ["case = []\n", "case = 7\n", "case = [7]\n", "[case]\nname = \"x\"\n"] {
        let folder = Folder::new(&corp("", ""));
        folder.write(CASES, wrong);
        let run = test(&folder, &[CASES]);
        assert!(
            run.code == 1 && run.stdout.contains("error[wrong_type]: case must be written as [[case]]"),
            "{}",
            run.stdout
        );
    }
}

#[test]
fn what_cannot_be_run_exits_with_2() {
    let cases = case("ana", GRANTED);
    let lacks = |config: &str, cases: &str, args: &[&str], words: &str| {
        test(&folder(config, cases), args).assert_failed(&[words]);
    };
    lacks(&corp("", ""), &cases, &["nowhere.toml"], "cannot read \"nowhere.toml\"");
    lacks(&corp("", ""), &cases, &[CASES, "--config", "nowhere.toml"], "nowhere.toml\" does not exist");
    lacks("[profiles.corp]\n", &cases, &[CASES], "missing_key");
    lacks(&corp("", ""), &case("x", "profile = \"crop\"\nexpect = \"expired\""), &[CASES], "has no profile \"crop\"");
    lacks(
        &corp("", ""),
        &case("x", "hba = \"local all all trust\"\nexpect = \"expired\""),
        &[CASES],
        "no line for oauth_validator",
    );
    lacks(
        &corp("", ""),
        &case("x", "hba = \"nonsense\"\nexpect = \"expired\""),
        &[CASES],
        "no line that the server takes",
    );
    lacks(&crate::support::two_of_one_issuer(), &cases, &[CASES], "does not say by which line");
    let folder = Folder::new(&corp("", ""));
    folder.write(CASES, "[[case]]\nname = \"x\"\nclaims = {}\nexpect = \"expired\"\n");
    test(&folder, &[CASES]).assert_failed(&["does not say which configuration"]);
}

#[test]
fn what_no_case_reaches_is_named() {
    let gaps =
        |cases: &str| test(&folder(&rule(), cases), &[CASES, "--json"]).json()["files"][0]["not_reached"].clone();
    let high = "claims = { acr = \"high\" }";
    let only_granted = gaps(&case("ana", &format!("{high}\n{GRANTED}")));
    assert_eq!(only_granted["profiles"], json!(["\"corp\": no case is denied"]));
    assert_eq!(only_granted["rules"], json!(["profile \"corp\", require of oauth-validator.toml:9: $.acr equals"]));
    assert!(only_granted["reasons"].as_array().unwrap().contains(&json!("rule_failed")), "{only_granted}");
    let both = gaps(&(case("ana", &format!("{high}\n{GRANTED}")) + &case("low", "expect = \"rule_failed\"")));
    assert_eq!((&both["profiles"], &both["rules"]), (&json!([]), &json!([])));
    assert!(!both["reasons"].as_array().unwrap().contains(&json!("rule_failed")), "{both}");
    // What a case expects, and does not come to, is not reached.
    let failed = gaps(&case("ana", "expect = \"expired\""));
    assert!(failed["reasons"].as_array().unwrap().contains(&json!("expired")), "{failed}");
}

#[test]
fn junit_has_every_case_and_is_well_formed() {
    let cases = case("a <b> & 'c'", GRANTED) + &case("wrong", "claims = { uid = \"<x>\" }\nexpect = \"expired\"");
    let folder = folder(&corp("", ""), &cases);
    let run = test(&folder, &[CASES, "--junit", "report.xml"]);
    assert_eq!(run.code, 1);
    let xml = fs::read_to_string(folder.path("report.xml")).unwrap();
    for words in [
        "<testsuites name=\"oauth-validator test\" tests=\"2\" failures=\"1\">",
        "<testsuite name=\"corp.cases.toml\" tests=\"2\" failures=\"1\">",
        "name=\"a &lt;b&gt; &amp; &apos;c&apos;\"",
        "<failure message=\"expected expired, got granted, authn_id &quot;&lt;x&gt;&quot;\">",
        "file=\"corp.cases.toml\" line=\"12\"",
    ] {
        assert!(xml.contains(words), "{words}\n{xml}");
    }
    // Python is what the build needs; its parser is nobody's here.
    let parsed = std::process::Command::new("python3")
        .args(["-c", "import sys, xml.etree.ElementTree as t; r = t.parse(sys.argv[1]).getroot(); print(len(r.findall('.//testcase')), len(r.findall('.//failure')))"])
        .arg(folder.path("report.xml"))
        .output()
        .expect("python3 is there: the build needs it");
    assert_eq!(String::from_utf8_lossy(&parsed.stdout), "2 1\n", "{}", String::from_utf8_lossy(&parsed.stderr));
    test(&folder, &[CASES, "--junit", "no/such/folder.xml"]).assert_failed(&["cannot write"]);
}

fn schema() -> Value {
    let binary = assert_cmd::cargo::cargo_bin!("oauth-validator");
    run(assert_cmd::Command::new(binary).env_clear().args(["schema", "--cases"])).json()
}

#[test]
fn the_schema_of_cases_is_shipped_and_takes_what_the_command_takes() {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/oauth-validator-cases.schema.json");
    let shipped = fs::read_to_string(shipped).expect("the schema is shipped");
    let printed = format!("{:#}\n", schema());
    assert!(
        shipped == printed,
        "write it anew: oauth-validator schema --cases > config/oauth-validator-cases.schema.json"
    );
    jsonschema::draft7::meta::validate(&schema()).expect("a schema of draft 7");
    let validator: Validator = jsonschema::validator_for(&schema()).expect("a usable schema");
    let takes = |text: &str| validator.is_valid(&toml::from_str::<Value>(text).expect("TOML"));
    assert!(takes(&(HEAD.to_owned() + &case("ana", GRANTED))));
    for wrong in [
        HEAD.to_owned(),
        HEAD.to_owned() + &case("x", "expect = \"no_such_code\""),
        HEAD.to_owned() + &case("x", "expect = \"expired\"\nsurprise = 1"),
        HEAD.to_owned() + &case("x", ""),
    ] {
        assert!(!takes(&wrong), "{wrong}");
    }
}

/// Each key has its place in the manual.
#[test]
fn the_manual_explains_every_key() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../man/oauth-validator.1");
    let page = fs::read_to_string(page).expect("the page");
    let section =
        page.split(".Sh FILES OF CASES").nth(1).expect("FILES OF CASES").split("\n.Sh ").next().expect("its end");
    let schema = schema();
    let case = &schema["properties"]["case"]["items"]["properties"];
    let token = &schema["properties"]["tokens"]["additionalProperties"]["properties"];
    for keys in [&schema["properties"], case, token] {
        for key in keys.as_object().expect("keys").keys() {
            let said = |line: &str| line.starts_with(".Cm ") || line.starts_with(".It Cm ");
            let names = section.lines().filter(|line| said(line)).flat_map(|line| line.split([' ', ',']));
            assert!(names.into_iter().any(|word| word == key), "{key} is not in FILES OF CASES");
        }
    }
}
