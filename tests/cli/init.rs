//! `oauth-validator init`: profiles that `check` accepts, the lines that belong to them, and files that stay as they are.

use crate::support::{CONFIG, Folder, Run, corp, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use oauth_validator_core::config::presets;
use oauth_validator_fixtures::proposals::{self, ExpectedProposal};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// For each preset, in the order of their names, what a person has to fill in.
fn least() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let options = |proposal: &'static ExpectedProposal| proposal.options.iter().map(String::as_str).collect();
    proposals::all().iter().map(move |proposal| (proposal.preset.as_str(), options(proposal)))
}

const OKTA: &[&str] = &["--preset", "okta", "--issuer", "https://acme.okta.com/oauth2/aus1", "--audience", "api://pg"];

/// The command in a folder, whose configuration it is for.
fn init_in(folder: &Folder, args: &[&str]) -> Run {
    let mut command = Command::new(cargo_bin!("oauth-validator"));
    command.current_dir(folder.path("")).env_clear().arg("init").args(args);
    if !args.contains(&"--output") {
        command.args(["--config", CONFIG]);
    }
    run(&mut command)
}

fn preset<'a>(name: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    [&["--preset", name], args].concat()
}

/// A folder without a configuration.
fn empty() -> Folder {
    let folder = Folder::new("");
    fs::remove_file(folder.path(CONFIG)).expect("it was there");
    folder
}

#[test]
fn every_preset_gets_a_profile_that_check_accepts_as_it_is_printed() {
    for (known, (name, args)) in presets::ALL.iter().zip(least()) {
        assert_eq!(known.name, name);
        let folder = empty();
        let printed = init_in(&folder, &preset(name, &args));
        assert_eq!((printed.code, printed.stderr.as_str()), (0, ""), "{name}");
        folder.write(CONFIG, &printed.stdout);
        let report = folder.check(&["--json"]).json();
        let errors: Vec<_> = report["findings"].as_array().unwrap().iter().map(|one| one["code"].clone()).collect();
        // A secret that is not there yet is all that may be wrong, and what the preset's head warns of.
        let known_of = ["introspection_unavailable", "any_token_kind", "mutable_identity", "service_subject"];
        let unset = errors.iter().all(|code| known_of.contains(&code.as_str().unwrap()));
        assert!(unset, "{name}: {report:#}");
        let ident = printed.stdout.lines().last().expect("a line");
        let columns: Vec<&str> = ident.trim_start_matches('#').split_whitespace().collect();
        assert_eq!(
            (columns.len(), columns[1]),
            (3, known.about().expect("what tools are told").identity.as_str()),
            "{ident}"
        );
        let hba = printed.stdout.lines().find(|line| line.contains("hostssl")).expect("a line of pg_hba.conf");
        assert!(hba.ends_with(&format!("map={}", columns[0])), "{hba}");
        assert!(
            hba.contains(" issuer=\"https://") && hba.contains(" scope=\"") && !hba.contains("scope=\"\""),
            "{hba}"
        );
    }
}

#[test]
fn each_thing_that_a_preset_needs_is_asked_for_by_its_option() {
    let mut refused = 0;
    for (name, args) in least() {
        for at in (0..args.len()).step_by(2) {
            let fewer = [&args[..at], &args[at + 2..]].concat();
            let run = init_in(&empty(), &preset(name, &fewer));
            let option = if args[at] == "--introspection-auth" { "--introspection-client-id" } else { args[at] };
            run.assert_failed(&[&format!("preset \"{name}\" needs"), option, "help: add "]);
            refused += 1;
        }
    }
    assert!(refused >= 40, "{refused}");
}

/// As people paste it into bash, where `$[` begins an expression.
#[test]
fn the_examples_of_what_is_missing_reach_the_tool_as_they_are_meant() {
    for known in presets::ALL {
        let missing = init_in(&empty(), &preset(known.name, &[])).stderr;
        let examples = missing.split_once("help: add ").expect("a hint").1;
        let examples = examples.split_once("; what that is").expect("where to look").0;
        let script = format!("printf '%s\\n' {examples}");
        let words = std::process::Command::new("bash").args(["-c", &script]).output().expect("bash runs");
        assert!(words.status.success(), "{script}: {}", String::from_utf8_lossy(&words.stderr));
        let words = String::from_utf8(words.stdout).expect("UTF-8");
        let words: Vec<&str> = words.lines().collect();
        let printed = init_in(&empty(), &preset(known.name, &words));
        assert_eq!((printed.code, printed.stderr.as_str()), (0, ""), "{}: {words:?}", known.name);
    }
}

#[test]
fn all_that_is_missing_is_named_at_once_with_examples() {
    init_in(&empty(), &preset("okta", &[])).assert_failed(&[
        "error: preset \"okta\" needs --issuer and --audience\n",
        "help: add --issuer https://DOMAIN/oauth2/ID --audience AUDIENCE; what that is: oauth-validator preset show okta",
    ]);
    init_in(&empty(), &preset("google", &[])).assert_failed(&["needs --audience and --client"]);
    init_in(&empty(), &[]).assert_failed(&["--preset <NAME>"]);
    init_in(&empty(), &preset("otka", &[])).assert_failed(&["'otka'", "'okta'"]);
}

#[test]
fn the_lines_for_the_server_are_exact() {
    let folder = empty();
    let printed = init_in(&folder, &[OKTA, &["--profile", "corp", "--scope", "openid db.connect db.read"]].concat());
    printed.assert(0, &format!(
        "\n# For {CONFIG}, which does not exist yet.\n[profiles.corp]\npreset = \"okta\"\nissuer = \"https://acme.okta.com/oauth2/aus1\"\n\
         audience = [\"api://pg\"]\nscope = {{ ignore = [\"openid\", \"profile\", \"email\", \"offline_access\"] }}\n\n# postgresql.conf, and a reload of the server:\n#   oauth_validator_libraries = 'oauth_validator'\n\
         #   oauth_validator.config_file = '{}'\n# pg_hba.conf, before other lines for the same connections:\n\
         #   hostssl all all all oauth issuer=\"https://acme.okta.com/oauth2/aus1\" scope=\"openid db.connect db.read\" map=corp\n\
         # pg_ident.conf, a line for each user; the identity is an example of its form:\n#   corp   00u000user0000000h7   ana\n",
        folder.path(CONFIG).display(),
    ));
}

#[test]
fn scopes_of_entra_are_requested_with_their_prefix() {
    let args =
        ["--issuer", "https://login.microsoftonline.com/T/v2.0", "--audience", "0f1e", "--scope", "openid db.connect"];
    let printed = init_in(&empty(), &preset("entra", &args)).stdout;
    assert!(printed.contains("scope = { prefix = \"api://0f1e/\" }\n"), "{printed}");
    assert!(printed.contains("scope=\"openid api://0f1e/db.connect\""), "{printed}");
    let own = [&args[..], &["--scope-prefix", "https://pg.example/", "--client", "psql"]].concat();
    let printed = init_in(&empty(), &preset("entra", &own)).stdout;
    assert!(printed.contains("scope=\"openid https://pg.example/db.connect\""), "{printed}");
    assert!(printed.contains("clients = { claims = [\"$.azp\", \"$.appid\"], allow = [\"psql\"] }\n"), "{printed}");
}

#[test]
fn a_new_file_is_readable_for_the_server_and_writable_for_its_owner() {
    let folder = empty();
    let written = init_in(&folder, &[OKTA, &["--output", "new.toml"]].concat());
    assert_eq!((written.code, written.stderr.as_str()), (0, ""));
    for words in
        ["new.toml is written", "oauth_validator.config_file = '/", "hostssl all", "oauth-validator check new.toml"]
    {
        assert!(written.stdout.contains(words), "{words}: {}", written.stdout);
    }
    assert!(!written.stdout.contains("[profiles"), "{}", written.stdout);
    let mode = fs::metadata(folder.path("new.toml")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    let checked = run(folder.command("check").arg("new.toml"));
    checked.assert(0, "new.toml: valid; 1 profile: okta\n");
}

#[test]
fn an_existing_file_is_never_changed() {
    let folder = Folder::new("# mine\n");
    std::os::unix::fs::symlink("nowhere", folder.path("link.toml")).expect("a link");
    for name in [CONFIG, "link.toml"] {
        let run = init_in(&folder, &[OKTA, &["--output", name]].concat());
        run.assert_failed(&["exists, and is left as it is", "append that to a copy"]);
    }
    assert_eq!(fs::read_to_string(folder.path(CONFIG)).expect("a text"), "# mine\n");
    assert!(!folder.path("nowhere").exists());
    init_in(&folder, &[OKTA, &["--output", "no/folder.toml"]].concat()).assert_failed(&["make its folder"]);
    init_in(&folder, &[OKTA, &["--output", "a", "--config", "b"]].concat()).assert_failed(&["cannot be used with"]);
}

#[test]
fn nothing_is_written_of_a_profile_that_is_refused() {
    let folder = empty();
    for (args, words) in [
        (&["--issuer", "http://idp.example", "--audience", "a"][..], "it must begin with https://"),
        (&["--issuer", "https://idp.example", "--audience", "a", "--profile", "_a"], "\"_a\" is not a profile name"),
        (&["--issuer", "https://idp.example", "--audience", "a", "--require", "$.[=b"], "is not a JSONPath"),
        (&["--issuer", "https://idp.example", "--audience", "a", "--audience", "a"], "names the same value twice"),
        (
            &["--issuer", "https://idp.example", "--audience", "a", "--allow-host", "https://h"],
            "allowed_hosts cannot have",
        ),
    ] {
        let run = init_in(&folder, &[&preset("okta", args)[..], &["--output", "new.toml"]].concat());
        run.assert_failed(&[words, "help: "]);
        assert!(!folder.path("new.toml").exists(), "{args:?}");
    }
    for name in ["Corp", "a.b", "", "a]\n[profiles.evil"] {
        init_in(&folder, &[OKTA, &["--profile", name]].concat())
            .assert_failed(&["a profile's name has the characters a-z"]);
    }
}

#[test]
fn a_profile_is_made_for_what_the_file_holds_already() {
    let folder = Folder::new(&corp("", ""));
    let before = fs::read_to_string(folder.path(CONFIG)).expect("a text");
    let printed = init_in(&folder, OKTA);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    assert!(printed.stdout.contains("append it to a copy.\n# Profiles that are there: corp\n"), "{}", printed.stdout);
    folder.write("both.toml", &(before.clone() + &printed.stdout));
    run(folder.command("check").arg("both.toml")).assert(0, "both.toml: valid; 2 profiles: corp, okta\n");
    assert_eq!(fs::read_to_string(folder.path(CONFIG)).expect("a text"), before);

    init_in(&folder, &[OKTA, &["--profile", "corp"]].concat())
        .assert_failed(&["has a profile \"corp\" already", "--profile NAME"]);
    let same = ["--issuer", "https://acme.okta.example/oauth2/aus000001", "--audience", "other"];
    init_in(&folder, &preset("okta", &same)).assert_failed(&["serve the same pg_hba.conf line", "identity.prefix"]);
    folder.write(CONFIG, "[profiles.corp]\nisuer = 1\n");
    init_in(&folder, OKTA).assert_failed(&["unknown key \"isuer\"", "oauth-validator check"]);
}

#[test]
fn options_of_the_way_to_the_provider_become_settings() {
    let folder = empty();
    let reach = [
        "--ca-file",
        "ca.pem",
        "--proxy",
        "http://proxy:3128",
        "--allow-host",
        "keys.example",
        "--discovery-url",
        "https://m.example",
    ];
    let printed = init_in(&folder, &[OKTA, &reach].concat()).stdout;
    let keys = format!(
        "keys = {{ discovery_url = \"https://m.example\", allowed_hosts = [\"keys.example\"], ca_file = \"{}\", proxy = \"http://proxy:3128\" }}\n",
        folder.path("ca.pem").display()
    );
    assert!(printed.contains(&keys), "{printed}");
    let printed = init_in(&folder, &[OKTA, &["--jwks-file", "k.json"]].concat()).stdout;
    assert!(
        printed.contains(&format!("keys = {{ jwks_file = \"{}\" }}\n", folder.path("k.json").display())),
        "{printed}"
    );
    init_in(&folder, &[OKTA, &reach[..2], &["--jwks-file", "k.json", "--discovery-url", "https://m"]].concat())
        .assert_failed(&["more than one key source"]);
}

#[test]
fn json_says_the_same() {
    let folder = empty();
    let json = init_in(&folder, &[OKTA, &["--json"]].concat()).json();
    let text = init_in(&folder, OKTA).stdout;
    for key in ["profile", "hba", "ident"] {
        assert!(text.contains(json[key].as_str().expect(key)), "{key}");
    }
    assert_eq!((json["preset"].as_str(), json["written"].is_null()), (Some("okta"), true));
    let written = init_in(&folder, &[OKTA, &["--json", "--output", "new.toml"]].concat()).json();
    assert_eq!(written["written"], "new.toml");
    assert_eq!(
        fs::read_to_string(folder.path("new.toml")).expect("a text"),
        written["profile"].as_str().expect("a text")
    );
}

/// What is given as an option shows as itself or escaped, wherever it is repeated.
#[test]
fn values_stay_values() {
    let hostile = "a\"]\n[profiles.evil]\u{1b}[2J\u{202e}";
    let folder = empty();
    let printed = init_in(&folder, &[OKTA, &["--audience", hostile]].concat());
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    assert!(!printed.stdout.contains(['\u{1b}', '\u{202e}']), "{}", printed.stdout);
    folder.write(CONFIG, &printed.stdout);
    folder.check(&[]).assert(0, &format!("{CONFIG}: valid; 1 profile: okta\n"));
    // A name with a line end stays in its comment, and a quotation mark in its quotes.
    let mut command = Command::new(cargo_bin!("oauth-validator"));
    command.current_dir(folder.path("")).env_clear().args(["init", "--config", "a\n[profiles.evil]"]).args(OKTA);
    let printed = run(&mut command).stdout;
    assert!(
        printed.contains("# For a\\u{a}[profiles.evil], which") && !printed.contains("\n[profiles.evil]"),
        "{printed}"
    );
    let issuer = ["--issuer", "https://idp.example/\" map=\"x", "--audience", "a"];
    init_in(&empty(), &preset("okta", &issuer)).assert_failed(&["white space or characters other than ASCII"]);
    let issuer = ["--issuer", "https://idp.example/\"map", "--audience", "a"];
    let printed = init_in(&empty(), &preset("okta", &issuer)).stdout;
    assert!(printed.contains("issuer=\"https://idp.example/\"\"map\" scope="), "{printed}");
    init_in(&empty(), &[OKTA, &["--scope", "a\" map=\"b"]].concat())
        .assert_failed(&["--scope <SCOPE>", "quotation marks"]);
}
