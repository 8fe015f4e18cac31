//! The files of several teams, as each command reads them.

use crate::support::{CONFIG, Folder, Run, corp, okta, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use oauth_validator_fixtures::keys;
use std::fs;

/// A profile of this name for an issuer of its own.
fn profile(name: &str, more: &str) -> String {
    format!(
        "[profiles.{name}]\nissuer = \"https://{name}.example\"\naudience = [\"pg\"]\nkeys = {{ jwks_file = \"corp.jwks.json\" }}\n\
         {more}\n"
    )
}

/// `corp` in the main file, and these in the folder.
fn folder(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new(&corp("", ""));
    fs::create_dir(folder.path("oauth-validator.d")).expect("a folder");
    for (name, text) in files {
        folder.write(&format!("oauth-validator.d/{name}"), text);
    }
    folder
}

/// The tool as anybody runs it there.
fn run_in(folder: &Folder, arguments: &[&str]) -> Run {
    let mut command = Command::new(cargo_bin!("oauth-validator"));
    run(command.current_dir(folder.path("")).env_clear().env("LC_ALL", "C.UTF-8").args(arguments))
}

#[test]
fn check_reads_every_file_and_names_file_and_line() {
    let good = folder(&[("a.toml", &profile("a", "")), ("b.toml", &profile("b", ""))]);
    good.check(&[]).assert(0, "oauth-validator.toml: valid; 3 profiles: a, b, corp\n");
    let bad = folder(&[("a.toml", &profile("a", "audiance = 1")), ("b.toml", &profile("b", ""))]);
    let expected = "\
error[unknown_key]: unknown key \"audiance\" in [profiles.a]
 --> oauth-validator.d/a.toml:5:1
  |
5 | audiance = 1
  | ^^^^^^^^
  |
  = help: did you mean \"audience\"?

oauth-validator.toml: valid; 2 profiles: b, corp
oauth-validator.d/a.toml: 1 error
denied until that is mended: a
";
    bad.check(&[]).assert(1, expected);
    let document = bad.check(&["--json"]).json();
    assert_eq!(document["valid"], false);
    assert_eq!(document["files"], serde_json::json!([CONFIG, "oauth-validator.d/a.toml", "oauth-validator.d/b.toml"]));
    assert_eq!(document["denied"], serde_json::json!(["a"]));
    assert_eq!(document["findings"][0]["file"], "oauth-validator.d/a.toml");
    for arguments in [&["--config-directory", ""][..], &["--config-directory", "elsewhere"]] {
        bad.check(arguments).assert(0, "oauth-validator.toml: valid; 1 profile: corp\n");
    }
    let copy = bad.check(&["--config-directory", "oauth-validator.d"]);
    assert_eq!(copy.code, 1);
}

#[test]
fn a_copy_is_checked_with_the_files_of_the_one_it_is_for() {
    let folder = folder(&[("a.toml", &profile("a", ""))]);
    folder.write("oauth-validator.toml.new", &profile("a", ""));
    let run = run(folder.command("check").arg("oauth-validator.toml.new"));
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(
        run.stdout.contains(
            "error[profile_twice]: profile \"a\" is in oauth-validator.toml.new:1 as well: this one is denied"
        ),
        "{}",
        run.stdout
    );
    let syntax = run_in(&folder, &["check", "--syntax", "oauth-validator.toml.new"]);
    assert_eq!((syntax.code, syntax.stdout.contains("profile_twice")), (1, true), "{}", syntax.stdout);
}

#[test]
fn settings_are_shown_with_the_file_that_has_them() {
    let folder = folder(&[("a.toml", &profile("a", "clock_skew = \"7s\""))]);
    folder.write(CONFIG, &format!("[defaults]\nmax_lifetime = \"2h\"\n{}", corp("", "")));
    let text = folder.check(&["--effective", "--profile", "a"]).stdout;
    for (key, place) in [("clock_skew", "oauth-validator.d/a.toml:5"), ("max_lifetime", "oauth-validator.toml:2")] {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_else(|| panic!("no {key} in {text}"));
        assert!(line.ends_with(&format!("# {place}")), "{line}");
    }
    let document = folder.check(&["--effective", "--profile", "a", "--json"]).json();
    let settings = document["effective"]["a"].as_array().expect("settings");
    let of = |key: &str| settings.iter().find(|setting| setting["key"] == key).expect("a setting");
    assert_eq!(of("clock_skew")["file"], "oauth-validator.d/a.toml");
    assert!(of("max_lifetime").get("file").is_none(), "the main file's");
}

#[test]
fn a_file_that_the_server_refuses_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder(&[("a.toml", &profile("a", ""))]);
    let path = folder.path("oauth-validator.d/a.toml");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("a mode");
    let run = folder.check(&[]);
    assert_eq!(run.code, 1, "{}", run.stdout);
    assert!(run.stdout.contains("error[config_unreadable]: "), "{}", run.stdout);
    assert!(run.stdout.contains("--> oauth-validator.d/a.toml"), "{}", run.stdout);
    let syntax = run_in(&folder, &["check", "--syntax", CONFIG]);
    syntax.assert(0, "oauth-validator.toml: valid; 2 profiles: a, corp\n");
}

#[test]
fn explain_decides_as_the_server_with_a_broken_file() {
    let folder = folder(&[("partner.toml", &profile("partner", "nonsense = 1\nidentity = { prefix = \"00u\" }"))]);
    let explain = |issuer: &str| folder.explain(&okta().sign(keys::corp()), &["--hba-issuer", issuer, "--json"]).json();
    // Of corp's line and issuer, with an identity that begins like those of the file with the error.
    let kept = explain("https://acme.okta.example/oauth2/aus000001");
    assert_eq!(kept["reason"], "identity_invalid", "{kept:#}");
    let denied = explain("https://partner.example");
    assert_eq!(denied["reason"], "config_invalid", "{denied:#}");
    assert!(
        denied["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("oauth-validator.d/partner.toml:5:1: unknown_key")),
        "{denied:#}"
    );
}

#[test]
fn cases_are_run_against_all_files() {
    let folder = folder(&[("a.toml", &profile("a", ""))]);
    let case = |expected: &str| {
        format!(
            "config = \"{CONFIG}\"\n[[case]]\nname = \"ana\"\nprofile = \"a\"\nscope = \"db\"\n\
             claims = {{ iss = \"https://a.example\", aud = \"pg\", sub = \"ana\", scope = \"db\" }}\n{expected}\n"
        )
    };
    folder.write("cases.toml", &case("expect = \"granted\"\nauthn_id = \"ana\""));
    let run = run_in(&folder, &["test", "cases.toml"]);
    assert_eq!(run.code, 0, "{}{}", run.stdout, run.stderr);
    let none = run_in(&folder, &["test", "--config-directory", "", "cases.toml"]);
    assert_eq!(none.code, 2, "there is no profile a: {}", none.stdout);
}

#[test]
fn init_writes_a_file_of_the_folder_that_goes_with_the_others() {
    let folder = folder(&[]);
    let init = |output: &str, more: &[&str]| {
        let mut arguments = vec!["init", "--preset", "keycloak", "--audience", "pg", "--output", output];
        arguments.extend(more);
        run_in(&folder, &arguments)
    };
    let team = ["--issuer", "https://kc.example/realms/team", "--profile", "team"];
    let written = init("oauth-validator.d/team.toml", &team);
    assert_eq!(written.code, 0, "{}", written.stderr);
    assert!(written.stdout.contains("Then: oauth-validator check oauth-validator.toml\n"), "{}", written.stdout);
    assert!(!written.stdout.contains("team.toml'"), "the server's setting names the main file: {}", written.stdout);
    folder.check(&[]).assert(0, "oauth-validator.toml: valid; 2 profiles: corp, team\n");
    for (output, more, words) in [
        ("oauth-validator.d/team.toml", &team[..], "exists, and is left as it is"),
        (
            "oauth-validator.d/again.toml",
            &team[..],
            "would not be valid: profile \"team\" is in oauth-validator.d/team.toml",
        ),
        ("oauth-validator.d/.hidden.toml", &["--issuer", "https://kc.example/realms/b"][..], "would not be read"),
        ("oauth-validator.d/b.conf", &["--issuer", "https://kc.example/realms/b"][..], "would not be read"),
    ] {
        let run = init(output, more);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{output}");
        assert!(run.stderr.contains(words), "{output}: {}", run.stderr);
    }
    let names: Vec<_> = fs::read_dir(folder.path("oauth-validator.d")).expect("a folder").collect();
    assert_eq!(names.len(), 1, "nothing else was written");
    // A profile for the main file that one of the folder does not go with.
    let printed = run_in(
        &folder,
        &[
            "init",
            "--preset",
            "keycloak",
            "--audience",
            "pg",
            "--config",
            CONFIG,
            "--issuer",
            team[1],
            "--profile",
            "t",
        ],
    );
    assert_eq!(printed.code, 2, "{}", printed.stdout);
    assert!(printed.stderr.contains("does not go with one of another file"), "{}", printed.stderr);
}
