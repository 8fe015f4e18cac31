//! `check --effective`: what holds for a profile, where it comes from, and that it can be put into a file again.

use crate::support::{CONFIG, Folder, Run, corp, run};
use serde_json::{Value, json};

const ENTRA: &str = r#"[defaults]
clock_skew = "20s"

[profiles.corp]
preset = "entra"
issuer = "https://login.example/TENANT/v2.0"
audience = ["api://postgres"]
scope = { prefix = "api://postgres/", required = ["db.connect"] }
roles = { claim = "$.roles[*]", map = { "DB.Reader" = ["app_reader"] } }
keys = { jwks_file = "corp.jwks.json" }

[[profiles.corp.require]]
claim = "$.tid"
equals = "TENANT"

[[profiles.corp.access_token]]
claim = "$.ver"
one_of = ["1.0", "2.0"]
"#;

/// The settings of a profile as JSON.
fn settings(report: &Value, profile: &str) -> Vec<Value> {
    report["effective"][profile].as_array().unwrap_or_else(|| panic!("no {profile} in {report:#}")).clone()
}

#[track_caller]
fn setting(settings: &[Value], key: &str) -> Value {
    settings.iter().find(|setting| setting["key"] == key).unwrap_or_else(|| panic!("no {key}")).clone()
}

/// Everything behind the last line of findings.
fn tables(run: &Run) -> &str {
    run.stdout.find("\n[profiles.").map_or("", |at| &run.stdout[at + 1..])
}

#[test]
fn settings_have_one_of_three_origins() {
    let run = Folder::new(ENTRA).check(&["--effective"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    for line in [
        "preset                   = \"entra\"                                  # oauth-validator.toml:5\n",
        "clock_skew               = \"20s\"                                    # oauth-validator.toml:2\n",
        "max_lifetime             = \"29h\"                                    # preset entra\n",
        "actor                    = \"deny\"                                   # built-in\n",
        "scope.prefix             = \"api://postgres/\"                        # oauth-validator.toml:8\n",
        "scope.claim              = \"$.scp\"                                  # preset entra\n",
        "identity.claim           = \"$.oid\"                                  # preset entra\n",
        "token_issuers            = [\"https://login.example/TENANT/v2.0\"]    # oauth-validator.toml:6\n",
    ] {
        assert!(run.stdout.contains(line), "{line}{}", run.stdout);
    }
}

#[test]
fn rules_of_a_preset_stand_before_own_ones() {
    let run = Folder::new(ENTRA).check(&["--effective"]);
    let expected = "
[[profiles.corp.access_token]]
claim   = \"$['scp', 'idtyp']\"    # preset entra
present = true                   # preset entra

[[profiles.corp.access_token]]
claim  = \"$.ver\"           # oauth-validator.toml:17
one_of = [\"1.0\", \"2.0\"]    # oauth-validator.toml:18

[[profiles.corp.require]]
claim  = \"$.tid\"     # oauth-validator.toml:13
equals = \"TENANT\"    # oauth-validator.toml:14
";
    assert!(run.stdout.ends_with(expected), "{}", run.stdout);
}

#[test]
fn findings_and_their_sum_come_first() {
    let config = ENTRA
        .replace("[defaults]\n", "[defaults]\nmax_lifetime = \"30h\"\n")
        .replace("preset = \"entra\"\n", "preset = \"entra\"\ntoken_kind = \"any\"\n");
    let folder = Folder::new(&config);
    let (plain, effective) = (folder.check(&[]), folder.check(&["--effective"]));
    assert!(plain.stdout.contains("warning[any_token_kind]"), "{}", plain.stdout);
    assert!(!plain.stdout.contains("built-in"), "{}", plain.stdout);
    let shown = effective.stdout.strip_prefix(&plain.stdout).expect("the same, and then the tables");
    assert!(shown.starts_with("\n[profiles.corp]\npreset "), "{shown}");
    assert_eq!((plain.code, effective.code), (0, 0));
}

#[test]
fn the_json_has_values_and_origins_apart() {
    let report = Folder::new(ENTRA).check(&["--effective", "--json"]).json();
    let found = settings(&report, "corp");
    let entry = |key: &str, value: Value, origin: &str, preset: Value, line: Value| {
        assert_eq!(
            setting(&found, key),
            json!({ "key": key, "value": value, "origin": origin, "preset": preset, "line": line })
        );
    };
    entry("max_lifetime", json!("29h"), "preset", json!("entra"), Value::Null);
    entry("replication", json!(false), "built-in", Value::Null, Value::Null);
    entry("roles.map", json!({ "DB.Reader": ["app_reader"] }), "file", Value::Null, json!(9));
    entry("identity.verified_values", json!([true]), "built-in", Value::Null, Value::Null);
    entry("access_token[1].one_of", json!(["1.0", "2.0"]), "file", Value::Null, json!(18));
    assert!(Folder::new(ENTRA).check(&["--json"]).json().get("effective").is_none(), "it was not asked for");
}

/// What is printed for each preset can be put into a file without the preset, and then says the same.
#[test]
fn the_tables_are_a_configuration() {
    for preset in oauth_validator_core::config::presets::ALL {
        let keys = if preset.text.contains("\nmode = ") {
            "introspection.endpoint = \"https://idp.example/i\"\nintrospection.auth = \"none\"\nkeys.timeout = \"3s\"\n"
        } else {
            "keys.jwks_file = \"corp.jwks.json\"\n"
        };
        let own = "issuer = \"https://idp.example\"\naudience = [\"api://postgres\"]\n\
                   clients = { claims = [\"$.azp\"], allow = [\"it's\\t\\\"\\u202e\\u007f\"] }\n"
            .to_owned()
            + keys;
        let rule = "[[profiles.corp.require]]\nclaim = \"$.n\"\none_of = [1, -2.5, true, { \"a b\" = [[]] }]\n";
        let config = format!("[profiles.corp]\npreset = \"{}\"\n{own}{rule}", preset.name);
        // Profiles of the other presets need a scope.
        let config = if preset.text.contains("hba = \"ignore\"") {
            config
        } else {
            config.replace(rule, &format!("scope.required = [\"x\"]\n{rule}"))
        };
        let first = Folder::new(&config);
        let run = first.check(&["--effective"]);
        assert_eq!(run.code, 0, "{}: {}", preset.name, run.stdout);
        let pasted: String =
            tables(&run).lines().filter(|line| !line.starts_with("preset ")).map(|line| format!("{line}\n")).collect();
        assert!(!pasted.contains(['\u{202e}', '\u{7f}', '\u{1b}']), "{pasted}");
        let second = Folder::new(&pasted);
        let values = |folder: &Folder| -> Vec<(Value, Value)> {
            let found = settings(&folder.check(&["--effective", "--json"]).json(), "corp");
            let pairs = found.iter().map(|setting| (setting["key"].clone(), setting["value"].clone()));
            pairs.filter(|(key, _)| key != "preset").collect()
        };
        assert_eq!(values(&second), values(&first), "{}: {pasted}", preset.name);
        assert!(!second.check(&["--effective"]).stdout.contains("# built-in"), "all of it was in the file");
    }
}

#[test]
fn one_profile_can_be_asked_for() {
    let config = corp("", "") + &corp("", "").replace("corp]", "second]").replace("aus000001", "aus000002");
    let folder = Folder::new(&config);
    let both = folder.check(&["--effective"]);
    assert!(both.stdout.contains("\n[profiles.corp]\n") && both.stdout.contains("\n[profiles.second]\n"));
    let one = folder.check(&["--effective", "--profile", "second"]);
    assert!(
        tables(&one).starts_with("[profiles.second]\n") && !one.stdout.contains("[profiles.corp]"),
        "{}",
        one.stdout
    );
    let report = folder.check(&["--effective", "--profile", "corp", "--json"]).json();
    assert_eq!(report["effective"].as_object().map(|all| all.keys().cloned().collect()), Some(vec!["corp".to_owned()]));
}

#[test]
fn an_unknown_profile_is_an_error_that_names_the_others() {
    let ask = |config: &str, name: &str| Folder::new(config).check(&["--effective", "--profile", name]);
    ask(ENTRA, "crop").assert_failed(&["oauth-validator.toml has no profile \"crop\"", "the file has corp"]);
    ask(ENTRA, "Corp").assert_failed(&["no profile \"Corp\""]);
    ask("", "corp").assert_failed(&["no profile \"corp\"", "no profile at all"]);
    Folder::new(ENTRA).check(&["--profile", "corp"]).assert_failed(&["--effective"]);
    Folder::new(ENTRA).check(&["--effektive"]).assert_failed(&["'--effective'"]);
}

#[test]
fn nothing_holds_while_the_file_has_errors() {
    let folder = Folder::new(&ENTRA.replace("audience", "audiance"));
    let run = folder.check(&["--effective", "--profile", "corp"]);
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("error[unknown_key]") && !run.stdout.contains("built-in"), "{}", run.stdout);
    assert!(run.stdout.ends_with("errors\nno setting holds while the file has errors\n"), "{}", run.stdout);
    let report = folder.check(&["--effective", "--json"]).json();
    assert_eq!((&report["valid"], &report["effective"]), (&json!(false), &Value::Null));
}

/// A file that the server refuses may still be all right inside, and so may one whose keys are missing.
#[test]
fn other_errors_do_not_hide_the_settings() {
    let folder = Folder::new(ENTRA);
    std::fs::remove_file(folder.path("corp.jwks.json")).expect("it was there");
    folder.chmod(CONFIG, 0o622);
    let run = folder.check(&["--effective"]);
    assert_eq!(run.code, 1);
    for words in ["error[keys_unavailable]", "error[config_unreadable]", "max_lifetime             = \"29h\""] {
        assert!(run.stdout.contains(words), "{words}\n{}", run.stdout);
    }
}

#[test]
fn a_file_without_profiles_has_no_tables() {
    let run = Folder::new("[defaults]\nclock_skew = \"1s\"\n").check(&["--effective"]);
    run.assert(0, "oauth-validator.toml: valid, but trusts nobody\n");
    assert_eq!(Folder::new("").check(&["--effective", "--json"]).json()["effective"], json!({}));
}

#[test]
fn keys_in_the_file_are_not_shown() {
    let jwks = oauth_validator_fixtures::jwks(&[oauth_validator_fixtures::keys::corp()]);
    let modulus = jwks["keys"][0]["n"].as_str().expect("an RSA key").to_owned();
    let folder = Folder::new(&corp(&format!("keys = {{ jwks = '{jwks}' }}"), ""));
    let run = folder.check(&["--effective"]);
    assert_eq!(run.code, 0, "{}", run.stdout);
    let line = run.stdout.lines().find(|line| line.starts_with("keys.jwks ")).expect("the setting is named");
    assert!(line.contains(" = '...' ") && line.ends_with("# oauth-validator.toml:2, not shown"), "{line}");
    let json = folder.check(&["--effective", "--json"]);
    assert_eq!(setting(&settings(&json.json(), "corp"), "keys.jwks")["value"], Value::Null);
    for piece in [&modulus[..20], "\"kty\""] {
        assert!(!run.stdout.contains(piece) && !json.stdout.contains(piece), "{piece}");
    }
    // What is shown in its place is not taken for keys.
    let pasted = Folder::new(tables(&run));
    let codes = pasted.check(&["--json"]).json()["findings"].clone();
    assert!(codes.as_array().is_some_and(|all| all.iter().any(|found| found["code"] == "bad_keys")), "{codes:#}");
}

#[test]
fn the_file_is_called_as_it_was_named() {
    let folder = Folder::new(ENTRA);
    std::fs::create_dir(folder.path("sub")).expect("a folder");
    folder.chmod("sub", 0o700);
    folder.write("sub/new.toml", ENTRA);
    folder.write("sub/corp.jwks.json", &std::fs::read_to_string(folder.path("corp.jwks.json")).unwrap());
    let shown = run(folder.command("check").args(["--effective", "sub/new.toml"]));
    assert_eq!(shown.code, 0, "{}", shown.stdout);
    assert!(shown.stdout.contains("# sub/new.toml:6\n") && !shown.stdout.contains("# new.toml"), "{}", shown.stdout);
}

/// Where lines may be 80 wide, the same settings are there, and in none of them is anything but a value that is itself too
/// long beyond that.
#[test]
fn on_a_terminal_nothing_is_lost_and_comments_fit() {
    let long = "audience = [\"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0\", \"api, \\\"a\\\" # b\", \"https://corp.example/a/b/c/d\"]";
    let folder = Folder::new(&corp(&format!("{long}\ndeny_jti = [\"a\", \"b\"]"), ""));
    let wide = folder.check(&["--effective"]);
    let narrow = run(folder.command("check").args([CONFIG, "--effective"]).env("COLUMNS", "80"));
    assert_eq!((wide.code, narrow.code), (0, 0), "{}", narrow.stdout);
    assert!(wide.stdout.lines().any(|line| line.len() > 80), "{}", wide.stdout);
    let too_wide: Vec<&str> = narrow.stdout.lines().filter(|line| line.chars().count() > 80).collect();
    assert_eq!(too_wide, Vec::<&str>::new());
    let parsed = |run: &Run| tables(run).parse::<toml::Table>().unwrap_or_else(|why| panic!("{why}{}", run.stdout));
    assert_eq!(parsed(&wide), parsed(&narrow));
    let expected =
        "# oauth-validator.toml:2\naudience                 = [\n    \"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0\",\n    ";
    assert!(narrow.stdout.contains(expected), "{}", narrow.stdout);
}
