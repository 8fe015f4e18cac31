//! `check --pgdata`: what does not go together, each with its code, its file and its line.

use super::{CONF, ISSUER, LINE, MAP, folder};
use crate::support::{Folder, Run, corp, run};
use serde_json::{Value, json};

pub(super) fn check(folder: &Folder) -> Run {
    folder.check(&["--pgdata", "data", "--json"])
}

/// Code, file and line of each finding.
fn places(run: &Run) -> Vec<(String, String, u64)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let report = run.json();
    let findings = report["findings"].as_array().expect("findings");
    findings.iter().map(|f| (text(&f["code"]), text(&f["file"]), f["line"].as_u64().unwrap_or(0))).collect()
}

#[track_caller]
pub(super) fn assert_found(folder: &Folder, code: i32, expected: &[(&str, &str, u64)]) {
    let run = check(folder);
    let expected: Vec<_> = expected.iter().map(|(code, file, line)| ((*code).into(), (*file).into(), *line)).collect();
    assert_eq!((run.code, places(&run)), (code, expected), "{}", run.stdout);
}

/// The hint and the message of the one finding with this code.
#[track_caller]
pub(super) fn words(folder: &Folder, code: &str) -> String {
    let report = check(folder).json();
    let found: Vec<&Value> = report["findings"].as_array().unwrap().iter().filter(|f| f["code"] == code).collect();
    assert_eq!(found.len(), 1, "{code}: {report:#}");
    format!("{} {}", found[0]["message"], found[0]["hint"])
}

#[test]
fn a_server_as_it_should_be_has_no_findings() {
    let folder = folder(&corp("", ""), CONF, LINE, MAP);
    let expected = "oauth-validator.toml: valid; 1 profile: corp\n\
                    data/pg_hba.conf: 1 OAuth line; the server's files have no findings\n";
    folder.check(&["--pgdata", "data"]).assert(0, expected);
    let report = check(&folder).json();
    let server = json!({
        "postgresql_conf": "data/postgresql.conf", "hba": "data/pg_hba.conf", "ident": "data/pg_ident.conf",
        "oauth_lines": 1
    });
    assert_eq!((&report["server"], &report["valid"]), (&server, &json!(true)));
}

#[test]
fn a_finding_is_shown_with_its_line_in_the_servers_file() {
    let hba = "# a comment\nhost  all  all  all  \\\n  oauth issuer=https://other.example scope=x map=okta\n"
        .to_owned()
        + LINE;
    let run = folder(&corp("", ""), CONF, &hba, MAP).check(&["--pgdata", "data"]);
    let expected = "\
error[issuer_unserved]: no profile serves the issuer \"https://other.example\"
 --> data/pg_hba.conf:3:9
  |
3 |   oauth issuer=https://other.example scope=x map=okta
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: every login by this line is denied with hba_issuer_unknown; write a profile for it, or an issuer that one serves: https://acme.okta.example/oauth2/aus000001
";
    assert!(run.stdout.contains(expected), "{}", run.stdout);
    assert!(
        run.stdout.contains("warning[token_in_clear]") && run.stdout.contains("data/pg_hba.conf:2:1"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.ends_with("2 OAuth lines; the server's files have 1 error, 2 warnings\n"), "{}", run.stdout);
}

/// Beside the program that the server was last started with, if that is known.
#[test]
fn a_library_of_another_build_is_warned_of() {
    let folder = folder(&corp("", ""), CONF, LINE, MAP);
    let own = env!("CARGO_PKG_VERSION");
    std::fs::create_dir_all(folder.path("pg/lib")).expect("a folder");
    folder.write("data/postmaster.opts", &format!("{} \"-D\" \"data\"\n", folder.path("pg/bin/postgres").display()));
    assert_found(&folder, 0, &[]);
    for (words, differs) in [
        (format!("@(#)oauth_validator {own} commit= rustc=1.0.0 postgresql=18.6\0"), false),
        ("@(#)oauth_validator 9.8.7 commit= rustc= postgresql=18.6\0".to_owned(), true),
        ("of somebody else, or older than what it says of itself".to_owned(), false),
    ] {
        folder.write("pg/lib/oauth_validator.so", &words);
        let library = folder.path("pg/lib/oauth_validator.so").display().to_string();
        let expected = [("library_differs", library.as_str(), 0)];
        assert_found(&folder, 0, if differs { &expected } else { &[] });
    }
    folder.write("pg/lib/oauth_validator.so", "@(#)oauth_validator 9.8.7 commit=\0");
    assert!(words(&folder, "library_differs").contains("the library is 9.8.7, and this tool is "));
}

#[test]
fn a_library_that_is_not_named_is_an_error() {
    let with = |conf: &str| folder(&corp("", ""), conf, LINE, MAP);
    assert_found(&with("ssl = on\n"), 1, &[("library_missing", "data/postgresql.conf", 0)]);
    let other = with("ssl = on\noauth_validator_libraries = 'other'\n");
    assert_found(&other, 1, &[("library_missing", "data/postgresql.conf", 2)]);
    assert_found(
        &with("ssl=on\noauth_validator_libraries = 'a,,b'\n"),
        1,
        &[("library_missing", "data/postgresql.conf", 2)],
    );
    // With its folder it is the same library, and with two the line must say which.
    assert_found(&with("ssl=1\noauth_validator_libraries = '$libdir/oauth_validator'\n"), 0, &[]);
    let two = with("ssl=on\noauth_validator_libraries = 'other, oauth_validator'\n");
    let found = [("profile_unreached", "oauth-validator.toml", 1), ("server_line", "data/pg_hba.conf", 1)];
    assert_found(&two, 1, &found);
    assert!(words(&two, "server_line").contains("requires argument \\\"validator\\\" to be set"));
}

#[test]
fn the_last_value_of_a_setting_holds() {
    let folder = folder(&corp("", ""), "ssl = on\ninclude_dir = 'conf.d'\n", LINE, MAP);
    std::fs::create_dir(folder.path("data/conf.d")).unwrap();
    folder.write("data/conf.d/a.conf", "OAUTH_validator_libraries = 'none'\n");
    folder.write("data/conf.d/b.conf", "oauth_validator_libraries = 'oauth_validator'\n");
    folder.write("data/conf.d/.c.conf", "oauth_validator_libraries = 'none'\n");
    assert_found(&folder, 0, &[]);
    folder.write("data/postgresql.auto.conf", "oauth_validator_libraries = 'none'\n");
    assert_found(&folder, 1, &[("library_missing", "data/postgresql.auto.conf", 1)]);
}

#[test]
fn profiles_and_lines_that_do_not_meet_are_found() {
    let hba = format!("hostssl all all all oauth issuer={ISSUER}/other scope=x map=okta\n");
    let folder = folder(&corp("", ""), CONF, &hba, MAP);
    let found = [("profile_unreached", "oauth-validator.toml", 1), ("issuer_unserved", "data/pg_hba.conf", 1)];
    assert_found(&folder, 1, &found);
    assert!(words(&folder, "profile_unreached").contains(&format!("issuer=\\\"{ISSUER}\\\"")));
    // The well-known URL of the issuer is the same issuer.
    let hba = format!("hostssl all all all oauth issuer={ISSUER}/.well-known/openid-configuration scope=x map=okta\n");
    folder.write("data/pg_hba.conf", &hba);
    assert_found(&folder, 0, &[]);
}

#[test]
fn delegation_without_roles_is_an_error_and_with_them_is_not() {
    let hba = format!("hostssl all all all oauth issuer={ISSUER} scope=x delegate_ident_mapping=1\n");
    let roles = "[profiles.corp.roles]\nclaim = \"$.groups\"\nexact = true\n";
    assert_found(&folder(&corp("", ""), CONF, &hba, ""), 1, &[("delegation_unconfigured", "data/pg_hba.conf", 1)]);
    assert_found(&folder(&corp("", roles), CONF, &hba, ""), 0, &[]);
    let both = format!("hostssl all all all oauth issuer={ISSUER} scope=x map=okta delegate_ident_mapping=1\n");
    let both = folder(&corp("", roles), CONF, &both, MAP);
    assert!(words(&both, "server_line").contains("map cannot be used in combination with delegate_ident_mapping"));
}

#[test]
fn maps_that_are_missing_or_shared_are_found() {
    let without = format!("hostssl all all all oauth issuer={ISSUER} scope=x\n");
    let prefixed = corp("identity = { claim = \"$.uid\", prefix = \"okta:\" }", "");
    let missing = folder(&prefixed, CONF, &without, "");
    assert_found(&missing, 0, &[("map_missing", "data/pg_hba.conf", 1)]);
    assert!(words(&missing, "map_missing").contains("begins with \\\"okta:\\\""));
    // A claim that nobody said anything about may well be a role's name.
    assert_found(&folder(&corp("", ""), CONF, &without, ""), 0, &[]);
    assert_found(&folder(&corp("", ""), CONF, LINE, "other 00u ana\n"), 0, &[("map_unknown", "data/pg_hba.conf", 1)]);

    let partner = |identity: &str| {
        corp("", "")
            + &corp(&format!("issuer = \"https://partner.example\"\naudience = [\"x\"]\n{identity}"), "")
                .replace("corp]", "partner]")
    };
    let second = "hostssl more all all oauth issuer=https://partner.example scope=x map=okta\n";
    let hba = format!("hostssl app all all oauth issuer={ISSUER} scope=x map=okta\n{second}");
    let shared = folder(&partner(""), CONF, &hba, MAP);
    assert_found(&shared, 0, &[("shared_map", "data/pg_hba.conf", 2)]);
    assert!(words(&shared, "shared_map").contains("profiles \\\"corp\\\" and \\\"partner\\\" share the map"));
    let apart = partner("identity = { claim = \"$.sub\", prefix = \"partner:\" }");
    assert_found(&folder(&apart, CONF, &hba, MAP), 0, &[]);
}

#[test]
fn lines_without_tls_are_found_whatever_their_address() {
    let line = |kind: &str| LINE.replace("hostssl all all all", kind);
    for (kind, said) in [
        ("host all all all", "everybody on the way can read the token"),
        ("hostnossl all all 10.0.0.0/8", "sslmode=verify-full"),
        ("hostnogssenc all all all", "sent a second time without TLS"),
        ("host all all 0.0.0.0/0", "hostssl in its place"),
        ("host all all 127.0.0.1/32", "who listens here while the server is down"),
        ("hostnossl all all ::1/128", "local for a Unix socket"),
        ("host all all localhost", "everybody on the way"),
        ("hostgssenc all all all", "GSSAPI encrypts them"),
    ] {
        let folder = folder(&corp("", ""), CONF, &line(kind), MAP);
        assert_found(&folder, 0, &[("token_in_clear", "data/pg_hba.conf", 1)]);
        assert!(words(&folder, "token_in_clear").contains(said), "{kind}: {}", words(&folder, "token_in_clear"));
    }
    for kind in ["local all all", "hostssl all all 127.0.0.1/32", "hostssl all all all"] {
        assert_found(&folder(&corp("", ""), CONF, &line(kind), MAP), 0, &[]);
    }
    // Other methods are not this tool's business, nor are lines of another validator.
    let other = "host all all all scram-sha-256\n";
    assert_found(&folder(&corp("", ""), CONF, &(LINE.to_owned() + other), MAP), 0, &[]);
    let off = folder(&corp("", ""), "oauth_validator_libraries = oauth_validator\n", LINE, MAP);
    assert_found(&off, 0, &[("tls_off", "data/pg_hba.conf", 1)]);
}

#[test]
fn lines_that_are_never_reached_are_found() {
    for (first, shadowed) in [
        ("host all all all scram-sha-256", true),
        ("hostssl all all 0.0.0.0/0 scram-sha-256", false),
        ("hostssl app all all scram-sha-256", false),
        ("hostssl all ana all scram-sha-256", false),
        ("hostssl all,app all,ana all reject", true),
        ("hostssl replication all all scram-sha-256", false),
        ("local all all peer", false),
    ] {
        let folder = folder(&corp("", ""), CONF, &format!("{first}\n{LINE}"), MAP);
        let expected: &[_] = if shadowed { &[("shadowed_line", "data/pg_hba.conf", 2)] } else { &[] };
        assert_found(&folder, 0, expected);
    }
    let hba = LINE.replace("all all all", "app ana 10.1.0.0/16").replace("map=okta", "map=okta\n");
    let folder = folder(&corp("", ""), CONF, &format!("hostssl app all 10.0.0.0/8 md5\n{hba}"), MAP);
    assert!(words(&folder, "shadowed_line").contains("pg_hba.conf:1 (md5) takes all its connections"));
}

#[test]
fn lines_that_the_server_does_not_take_are_found_and_hide_no_other() {
    let hba = format!("local all all truts\nhostssl all all 10.0.0.0/99 oauth\n{LINE}include nowhere.conf\n");
    let conf = format!("{CONF}port = = 1\nprimary_conninfo = 'password=hush\n");
    let folder = folder(&corp("", ""), &conf, &hba, &format!("okta 00u\n{MAP}okta a,b c\n"));
    let server_line = |file: &'static str, line| ("server_line", file, line);
    let expected = [
        server_line("data/postgresql.conf", 3),
        server_line("data/postgresql.conf", 4),
        server_line("data/pg_hba.conf", 1),
        server_line("data/pg_hba.conf", 2),
        server_line("data/pg_hba.conf", 4),
        server_line("data/pg_ident.conf", 1),
        server_line("data/pg_ident.conf", 3),
    ];
    assert_found(&folder, 1, &expected);
    let text = folder.check(&["--pgdata", "data"]).stdout;
    for words in [
        "error[server_line]: invalid authentication method \"truts\"\n --> data/pg_hba.conf:1:15",
        "invalid CIDR mask in address \"10.0.0.0/99\"\n --> data/pg_hba.conf:2:17",
        "could not open file \"data/nowhere.conf\": No such file or directory",
        "missing entry at end of line",
        "multiple values in ident field",
    ] {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    assert!(!text.contains("hush"), "{text}");
}

#[test]
fn lines_of_another_validator_are_left_alone() {
    let conf = "oauth_validator_libraries = 'other, oauth_validator'\nssl = on\n";
    let other = "host all all all oauth issuer=https://x.example scope=x validator=other\n";
    let hba = LINE.replace("all all all", "app all all").replace("map=okta", "map=okta validator=oauth_validator");
    let folder = folder(&corp("", ""), conf, &(hba + other), MAP);
    assert_found(&folder, 0, &[("other_validator", "data/pg_hba.conf", 2)]);
}

#[test]
fn expressions_that_have_no_equal_are_not_judged() {
    let hba = LINE.replace("all all all", "all /^(?=a) all");
    let ident = MAP.to_owned() + "okta /^(.)\\1$ ana\nelsewhere /^(.)\\1$ ana\nokta /^(.*)@corp$ \\1\n";
    let folder = folder(&corp("", ""), CONF, &hba, &ident);
    assert_found(&folder, 0, &[("not_judged", "data/pg_hba.conf", 1), ("not_judged", "data/pg_ident.conf", 2)]);
}

#[test]
fn profiles_of_a_line_are_those_that_postgresql_19_names() {
    let hba =
        LINE.replace("map=okta", "map=okta validator.profile=\"corp, crop\"").replace(ISSUER, "https://any.example");
    let folder = folder(&corp("", ""), CONF, &hba, MAP);
    // 18 does not know the option.
    let found = [("profile_unreached", "oauth-validator.toml", 1), ("server_line", "data/pg_hba.conf", 1)];
    assert_found(&folder, 1, &found);
    folder.write("data/PG_VERSION", "19\n");
    assert_found(&folder, 1, &[("unknown_profile", "data/pg_hba.conf", 1)]);
    assert!(words(&folder, "unknown_profile").contains("no profile \\\"crop\\\""));
    assert!(words(&folder, "unknown_profile").contains("profile_unknown; did you mean \\\"corp\\\"?"));
    for (list, count) in
        [("\"a,crop\"", 2), ("\"a,corp\"", 1), ("corp", 0), ("\" corp \"", 0), ("\"corp,\"", 1), ("\"corp,corp\"", 1)]
    {
        folder.write("data/pg_hba.conf", &hba.replace("\"corp, crop\"", list));
        let unreached = [("profile_unreached", "oauth-validator.toml", 1)];
        let unreached = if list.contains("corp") { &[][..] } else { &unreached };
        let found = [unreached, &vec![("unknown_profile", "data/pg_hba.conf", 1); count]].concat();
        assert_found(&folder, i32::from(count > 0), &found);
    }
}

#[test]
fn profiles_that_a_line_names_together_need_identities_of_their_own() {
    let prefix = |prefix: &str| format!("identity = {{ claim = \"$.sub\", prefix = \"{prefix}\" }}\n");
    let found = |own: &str, partner: &str| {
        let partner = format!("issuer = \"https://partner.example\"\naudience = [\"x\"]\n{partner}");
        let both = corp(own, "") + &corp(&partner, "").replace("corp]", "partner]");
        let hba = LINE.replace("map=okta", "map=okta validator.profile=\"corp, partner\"");
        let folder = folder(&both, CONF, &hba, MAP);
        folder.write("data/PG_VERSION", "19\n");
        folder
    };
    let shared = found("", "");
    assert_found(&shared, 1, &[("shared_map", "data/pg_hba.conf", 1), ("shared_line", "data/pg_hba.conf", 1)]);
    assert!(words(&shared, "shared_line").contains("profiles \\\"corp\\\" and \\\"partner\\\" serve this line"));
    assert!(words(&shared, "shared_line").contains("profile_ambiguous"));
    let one = found("", &prefix("p:"));
    assert_found(&one, 1, &[("shared_line", "data/pg_hba.conf", 1)]);
    assert_found(&found(&prefix("c:"), &prefix("p:")), 0, &[]);
    assert_found(&found("databases = [\"a\"]\n", "databases = [\"b\"]\n"), 0, &[("shared_map", "data/pg_hba.conf", 1)]);
}

#[test]
fn files_elsewhere_are_found_by_settings_and_options() {
    let folder = folder(&corp("", ""), "", "", "");
    std::fs::create_dir(folder.path("etc")).unwrap();
    let at = |name: &str| folder.path(name).display().to_string();
    let conf = format!(
        "data_directory = '{}'\nhba_file = '{}'\nident_file = '{}'\noauth_validator.config_file = '{}'\n{CONF}",
        at("data"),
        at("etc/hba"),
        at("etc/ident"),
        at("oauth-validator.toml"),
    );
    folder.write("etc/postgresql.conf", &conf);
    folder.write("etc/hba", LINE);
    folder.write("etc/ident", MAP);
    std::fs::remove_file(folder.path("data/postgresql.conf")).unwrap();
    folder.check(&["--pgdata", "data"]).assert_failed(&["no postgresql.conf in \"data\"", "--postgresql-conf FILE"]);
    // As on Debian; the configuration is the one that postgresql.conf names.
    for args in [
        &["--postgresql-conf", "etc/postgresql.conf"][..],
        &["--pgdata", "data", "--postgresql-conf", "etc/postgresql.conf"],
    ] {
        let run = run(folder.command("check").args(args).arg("--json"));
        let report = run.json();
        assert_eq!((run.code, &report["findings"]), (0, &json!([])), "{report:#}");
        assert_eq!(
            (&report["file"], &report["server"]["hba"]),
            (&json!(at("oauth-validator.toml")), &json!(at("etc/hba")))
        );
    }
    // The option wins.
    folder.write("etc/other", "local all all trust\n");
    let run = folder.check(&["--postgresql-conf", "etc/postgresql.conf", "--hba", "etc/other", "--json"]);
    assert_eq!(places(&run), [("profile_unreached".to_owned(), "oauth-validator.toml".to_owned(), 1)]);
    folder.check(&["--hba", "etc/hba", "--ident", "etc/ident"]).assert(
        0,
        "oauth-validator.toml: valid; 1 profile: corp\netc/hba: 1 OAuth line; the server's files have no findings\n",
    );
}

#[test]
fn what_is_not_there_is_said() {
    let folder = folder(&corp("", ""), CONF, LINE, MAP);
    folder.check(&["--pgdata", "nowhere"]).assert_failed(&["no postgresql.conf in \"nowhere\""]);
    folder.check(&["--hba", "nowhere"]).assert_failed(&["cannot read \"nowhere\": No such file", "correct the path"]);
    folder.check(&["--hba", "data"]).assert_failed(&["cannot read \"data\": it is no regular file"]);
    folder.check(&["--ident", "data/pg_ident.conf"]).assert_failed(&["which pg_hba.conf belongs", "--hba"]);
    folder.check(&["--postgresql-conf", "nowhere/postgresql.conf"]).assert_failed(&["cannot read"]);
    folder.write("data/postgresql.conf", &format!("{CONF}hba_file = 'elsewhere/pg_hba.conf'\n"));
    folder.check(&["--pgdata", "data"]).assert_failed(&["relative to where the server was started", "--hba FILE"]);
    folder.write("data/postgresql.conf", &format!("{CONF}oauth_validator.config_file = 'x.toml'\n"));
    let without_file = run(folder.command("check").args(["--pgdata", "data"]));
    without_file.assert_failed(&["oauth_validator.config_file = 'x.toml' is not an absolute path"]);
    folder.write("data/postgresql.conf", CONF);
    std::fs::remove_file(folder.path("data/pg_ident.conf")).unwrap();
    assert_found(&folder, 0, &[("ident_unreadable", "data/pg_ident.conf", 0)]);
}

#[test]
fn a_configuration_with_errors_does_not_hide_those_of_the_server() {
    let folder = folder("[profiles.corp]\n", CONF, "local all all truts\n", MAP);
    let run = folder.check(&["--pgdata", "data"]);
    assert_eq!(run.code, 1);
    for words in ["error[missing_key]", "error[server_line]", "the lines were not compared with profiles"] {
        assert!(run.stdout.contains(words), "{words}\n{}", run.stdout);
    }
}

#[test]
fn it_is_judged_for_the_owner_of_the_data_directory() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can give a folder away");
        return;
    }
    let folder = folder(&corp("", ""), CONF, LINE, MAP);
    folder.chmod("", 0o755);
    for name in ["", "/postgresql.conf", "/pg_hba.conf", "/pg_ident.conf"] {
        std::os::unix::fs::chown(folder.path(&format!("data{name}")), Some(54_321), Some(54_321)).unwrap();
    }
    let mut command = assert_cmd::Command::new(folder.command("check").get_program());
    let run = run(command.current_dir(folder.path("")).args(["check", crate::support::CONFIG, "--pgdata", "data"]));
    assert_eq!(run.code, 1);
    assert!(run.stdout.contains("error[config_unreadable]") && run.stdout.contains("uid 54321"), "{}", run.stdout);
}
