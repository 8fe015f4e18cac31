//! `explain` with the server's files: the line of pg_hba.conf, the line of pg_ident.conf, and whether the login succeeds.

mod lines;

use super::{CONF, ISSUER, LINE, MAP, folder};
use crate::support::{CONFIG, Folder, NOW, Run, corp, okta, run, two_of_one_issuer};
use oauth_validator_fixtures::{jwks, keys};
use serde_json::{Value, json};

const FILES: [&str; 2] = ["--postgresql-conf", "data/postgresql.conf"];

fn explain(folder: &Folder, args: &[&str]) -> Run {
    let token = okta().sign(keys::corp());
    folder.explain(&token, &[&FILES[..], args].concat())
}

/// Exit code, line, what becomes of the login, and why.
fn login(folder: &Folder, args: &[&str]) -> (i32, Value, Value, String) {
    let run = explain(folder, &[args, &["--json"]].concat());
    let login = run.json()["login"].clone();
    (
        run.code,
        login["hba_line"].clone(),
        login["succeeds"].clone(),
        login["why"].as_str().unwrap_or_default().to_owned(),
    )
}

#[track_caller]
fn assert_login(folder: &Folder, args: &[&str], code: i32, line: &str, succeeds: Option<bool>, words: &str) {
    let (found_code, found_line, found, why) = login(folder, args);
    let expected_line = if line.is_empty() { Value::Null } else { json!(line) };
    assert_eq!((found_code, found_line, found), (code, expected_line, json!(succeeds)), "{why}");
    assert!(why.contains(words), "no {words:?} in {why:?}");
}

#[test]
fn a_login_that_succeeds_names_both_lines() {
    let folder = folder(&corp("", ""), CONF, &format!("local all all peer\n{LINE}"), &format!("x y z\n{MAP}"));
    let run = explain(&folder, &["--role", "ana", "--address", "10.1.2.3"]);
    let expected = "\
granted: authn_id \"00u000user0000000h7\" (profile \"corp\")
  line:    pg_hba.conf:2, oauth, map \"okta\"
  login:   succeeds as \"ana\", if the server has the role
  why:     the map lets the identity log in as the role (pg_ident.conf:2)
";
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.ends_with(expected), "{}", run.stdout);
    assert!(
        run.stdout.starts_with("note: pg_hba.conf:2 takes the connection: as if the connection used TLS\n"),
        "{}",
        run.stdout
    );
    let report = explain(&folder, &["--role", "ana", "--json"]).json();
    let expected = json!({
        "hba_line": "pg_hba.conf:2", "method": "oauth", "map": "okta", "assumed": null, "unless": [], "role": "ana", "roles": [],
        "ident_line": "pg_ident.conf:2", "succeeds": true, "why": "the map lets the identity log in as the role",
        "next": null,
    });
    assert_eq!(report["login"], expected);
}

#[test]
fn issuer_scope_and_delegation_come_from_the_line_unless_options_say_otherwise() {
    let hba = LINE.replace("db.connect", "db.admin");
    let folder = folder(&corp("", ""), CONF, &hba, MAP);
    let run = explain(&folder, &["--role", "ana", "--json"]);
    assert_eq!((run.code, run.json()["reason"].clone()), (1, json!("scope_missing")));
    assert_login(&folder, &["--role", "ana"], 1, "pg_hba.conf:1", Some(false), "the token is denied");
    assert_login(&folder, &["--role", "ana", "--hba-scope", "openid"], 0, "pg_hba.conf:1", Some(true), "the map lets");
    let run = explain(&folder, &["--role", "ana", "--hba-issuer", "https://other.example", "--json"]);
    assert_eq!((run.code, run.json()["reason"].clone()), (1, json!("hba_issuer_unknown")));

    let roles = "[profiles.corp.roles]\nclaim = \"$.groups[*]\"\nexact = true\n";
    let hba = LINE.replace("map=okta", "delegate_ident_mapping=1");
    let folder = super::folder(&corp("", roles), CONF, &hba, "");
    let run = explain(&folder, &["--role", "nobodys_role", "--json"]);
    assert_eq!((run.code, run.json()["reason"].clone()), (1, json!("role_not_granted")));
}

/// Exit code, reason of a denial, and identity of a grant, by a line with this `validator.profile`.
fn by_profiles(list: &str, args: &[&str]) -> (i32, Value, Value) {
    let hba = LINE.replace("map=okta", &format!("map=okta validator.profile={list}"));
    let ident = "okta /00u000user0000000h7$ ana\n";
    let folder = folder(&two_of_one_issuer(), CONF, &hba, ident);
    folder.write("data/PG_VERSION", "19\n");
    let run = explain(&folder, &[&["--role", "ana", "--json"], args].concat());
    let report = run.json();
    assert_eq!(report["login"]["hba_line"], json!("pg_hba.conf:1"), "{report:#}");
    (run.code, report["reason"].clone(), report["authn_id"].clone())
}

#[test]
fn profiles_of_the_line_take_the_place_of_its_issuer() {
    let granted = |name: &str| (0, Value::Null, json!(format!("{name}:00u000user0000000h7")));
    let denied = |code: &str| (1, json!(code), Value::Null);
    for (list, becomes) in [
        ("corp", granted("corp")),
        ("second", granted("second")),
        ("\"second\"", granted("second")),
        ("\"corp, second\"", denied("profile_ambiguous")),
        ("crop", denied("profile_unknown")),
        ("\"corp,crop\"", denied("profile_unknown")),
        ("\"second,\"", denied("profile_unknown")),
        ("\"\"", denied("profile_unknown")),
    ] {
        assert_eq!(by_profiles(list, &[]), becomes, "{list}");
    }
    // An option is asked about, and not what the line has.
    for (list, args, becomes) in [
        ("corp", &["--hba-profile", "second"][..], granted("second")),
        ("crop", &["--hba-profile", "second"], granted("second")),
        ("corp", &["--hba-profile", "crop"], denied("profile_unknown")),
        ("corp", &["--hba-issuer", ISSUER], denied("profile_ambiguous")),
        ("corp", &["--hba-issuer", "https://other.example"], denied("hba_issuer_unknown")),
        ("crop", &["--hba-issuer", "https://other.example", "--hba-profile", "corp"], granted("corp")),
    ] {
        assert_eq!(by_profiles(list, args), becomes, "{list} {args:?}");
    }
}

#[test]
fn a_line_with_profiles_is_none_for_postgresql_18() {
    let hba = LINE.replace("map=okta", "map=okta validator.profile=corp");
    let folder = folder(&corp("", ""), CONF, &hba, MAP);
    assert_login(&folder, &["--role", "ana"], 1, "", Some(false), "no line of pg_hba.conf takes the connection");
    folder.write("data/PG_VERSION", "19\n");
    assert_login(&folder, &["--role", "ana"], 0, "pg_hba.conf:1", Some(true), "the map lets");
}

#[test]
fn a_login_that_fails_says_what_to_write() {
    let next = |hba: &str, ident: &str, args: &[&str]| {
        let folder = folder(&corp("", ""), CONF, hba, ident);
        explain(&folder, &[args, &["--json"]].concat()).json()["login"]["next"].clone()
    };
    let add = "if it is to log in, add this to pg_ident.conf, and reload the server: okta   00u000user0000000h7   ";
    assert_eq!(next(LINE, "", &["--role", "ana"]), json!(format!("{add}ana")));
    assert_eq!(next(LINE, "", &["--role", "an \"a"]), json!(format!("{add}\"an \"\"a\"")));
    assert_eq!(next(LINE, "", &[]), json!(format!("{add}ROLE")));
    let without_map = next(&LINE.replace(" map=okta", ""), "", &["--role", "ana"]);
    assert!(without_map.as_str().is_some_and(|next| next.contains("add map=NAME to the line")), "{without_map}");
    let denied = next(&LINE.replace("db.connect", "db.admin"), MAP, &["--role", "ana"]);
    assert_eq!(denied, Value::Null, "the denial has its own hint");
    // What it says is taken.
    let written = format!("{}\n", next(LINE, "", &["--role", "all"]).as_str().unwrap().rsplit_once(": ").unwrap().1);
    let folder = folder(&corp("", ""), CONF, LINE, &written);
    assert_login(&folder, &["--role", "all"], 0, "pg_hba.conf:1", Some(true), "the map lets");
    assert_login(&folder, &["--role", "ana"], 1, "pg_hba.conf:1", Some(false), "no line for");
}

#[test]
fn the_map_decides_about_identity_and_role() {
    for (ident, succeeds, words) in [
        ("okta other ana\n", Some(false), "no line for this identity and role"),
        ("okta 00u000user0000000h7 bo\n", Some(false), "no line for this identity and role"),
        ("other 00u000user0000000h7 ana\n", Some(false), "no line for this identity and role"),
        ("okta 00u000user0000000h7 ANA\n", Some(false), "no line for this identity and role"),
        ("okta 00u000user0000000h7 all\n", Some(true), "the map lets"),
        ("okta 00u000user0000000h7 \"all\"\n", Some(false), "no line for"),
        ("okta 00u000user0000000h7 /^a\n", Some(true), "the map lets"),
        ("okta /^00u000user.*h7$ ana\n", Some(true), "the map lets"),
        ("okta /^00u000user.*h8$ ana\n", Some(false), "no line for"),
        ("okta /^00u ana\n", Some(true), "the map lets"),
        ("okta /^(0*) \\1\n", None, "what \\1 is"),
        ("okta /^(0*) \\1\nokta 00u000user0000000h7 ana\n", None, "what \\1 is"),
        ("okta /^00u \\1\n", Some(false), "has no subexpressions"),
        ("okta /^00u.*$ \\1\n", Some(false), "has no subexpressions as requested by backreference"),
        ("okta /^00u.*$ \\1\nokta 00u000user0000000h7 ana\n", Some(false), "has no subexpressions"),
        ("okta /^(?=0) ana\n", None, "whether the identity matches /^(?=0)"),
        ("okta /^(?=0) ana\nokta 00u000user0000000h7 ana\n", Some(true), "the map lets"),
        ("okta 00u000user0000000h7 +dba\n", None, "whether \"ana\" is a member of \"dba\""),
        ("", Some(false), "no line for"),
    ] {
        let folder = folder(&corp("", ""), CONF, LINE, ident);
        let code = i32::from(succeeds == Some(false));
        assert_login(&folder, &["--role", "ana"], code, "pg_hba.conf:1", succeeds, words);
    }
    let folder = folder(&corp("", ""), CONF, LINE, "okta /^(00u)000.*$ x\\1y\n");
    assert_login(&folder, &["--role", "x00uy"], 0, "pg_hba.conf:1", Some(true), "the map lets");
    assert_login(&folder, &["--role", "x\\1y"], 1, "pg_hba.conf:1", Some(false), "no line for");
}

#[test]
fn without_the_library_no_login_succeeds() {
    for libraries in ["", "oauth_validator_libraries = ''\n", "oauth_validator_libraries = 'other'\n"] {
        let folder = folder(&corp("", ""), &format!("ssl = on\n{libraries}"), LINE, MAP);
        let words = "oauth_validator_libraries does not name oauth_validator";
        assert_login(&folder, &["--role", "ana"], 1, "pg_hba.conf:1", Some(false), words);
    }
    // Where there are two, PostgreSQL wants the line to say which.
    let line = LINE.replace("map=okta", "map=okta validator=oauth_validator");
    let folder = folder(&corp("", ""), "ssl = on\noauth_validator_libraries = 'other, oauth_validator'\n", &line, MAP);
    assert_login(&folder, &["--role", "ana"], 0, "pg_hba.conf:1", Some(true), "the map lets");
}

#[test]
fn without_a_map_the_role_must_be_the_identity() {
    let hba = LINE.replace("map=okta", "");
    let folder = folder(&corp("", ""), CONF, &hba, MAP);
    assert_login(&folder, &["--role", "ana"], 1, "pg_hba.conf:1", Some(false), "would need the name of the identity");
    assert_login(
        &folder,
        &["--role", "00u000user0000000h7"],
        0,
        "pg_hba.conf:1",
        Some(true),
        "the name of the identity",
    );
    let empty = super::folder(&corp("", ""), CONF, &LINE.replace("map=okta", "map="), MAP);
    assert_login(&empty, &["--role", "ana"], 1, "pg_hba.conf:1", Some(false), "the line has no map");
}

#[test]
fn without_a_role_those_that_it_could_be_are_listed() {
    let ident = "okta 00u000user0000000h7 ana\nokta /^(00u000user.*)$ \\1\nokta 00u000user0000000h7 +dba\nx 00u000user0000000h7 no\n";
    let folder = folder(&corp("", ""), CONF, &format!("local all all peer\n{LINE}"), ident);
    let run = explain(&folder, &["--json"]);
    let login = run.json()["login"].clone();
    let roles = json!([
        "ana (pg_ident.conf:1)",
        "00u000user0000000h7 (pg_ident.conf:2)",
        "every member of \"dba\" (pg_ident.conf:3)"
    ]);
    assert_eq!((run.code, &login["roles"], &login["succeeds"]), (0, &roles, &Value::Null));
    folder.write("data/pg_ident.conf", "okta other ana\n");
    assert_login(&folder, &[], 1, "pg_hba.conf:2", Some(false), "no line for this identity");
    // Two lines that differ: a guess could be the wrong one.
    folder.write("data/pg_hba.conf", &format!("{LINE}{}", LINE.replace("map=okta", "map=other")));
    explain(&folder, &[]).assert_failed(&[
        "which line of pg_hba.conf is meant?",
        "pg_hba.conf:1, pg_hba.conf:2",
        "--role",
    ]);
}

#[test]
fn the_configuration_is_the_one_that_postgresql_conf_names() {
    let folder = folder(&corp("", ""), "", LINE, MAP);
    let conf = format!("{CONF}oauth_validator.config_file = '{}'\n", folder.path(CONFIG).display());
    folder.write("data/postgresql.conf", &conf);
    let token = okta().sign(keys::corp());
    let at = NOW.to_string();
    let explain = |args: &[&str]| {
        let mut command = folder.command("explain");
        run(command.args(FILES).args(args).args(["--role", "ana", "--at", &at]).write_stdin(token.as_str()))
    };
    assert_eq!(explain(&[]).code, 0);
    explain(&["--config", "nowhere.toml"]).assert_failed(&["nowhere.toml\" does not exist"]);
}

#[test]
fn keys_at_hand_take_the_place_of_the_profiles() {
    let folder = folder(&corp("", ""), CONF, LINE, MAP);
    folder.write("partner.json", &jwks(&[keys::partner()]).to_string());
    folder.write("none.json", "{\"keys\":[]}");
    let run = explain(&folder, &["--role", "ana", "--jwks", "partner.json", "--json"]);
    assert_eq!((run.code, run.json()["reason"].clone()), (1, json!("key_unknown")));
    let token = okta().sign(keys::partner());
    let run = folder.explain(&token, &["--role", "ana", "--jwks", "partner.json", "--json", FILES[0], FILES[1]]);
    assert_eq!((run.code, run.json()["outcome"].clone()), (0, json!("granted")), "{}", run.stdout);
    explain(&folder, &["--jwks", "nowhere.json"]).assert_failed(&["cannot use the keys in \"nowhere.json\""]);
    explain(&folder, &["--jwks", "none.json"])
        .assert_failed(&["cannot use the keys in \"none.json\"", "JSON Web Key Set"]);
    // What a provider publishes is not asked for.
    let config = corp("keys = { jwks_url = \"https://127.0.0.1:1/jwks\" }\nhba_issuers = [\"https://x.example\"]", "");
    let offline = super::folder(&config.replace(ISSUER, "https://127.0.0.1:1"), CONF, LINE, MAP);
    offline.write("partner.json", &jwks(&[keys::partner()]).to_string());
    let token = okta().issuer("https://127.0.0.1:1").sign(keys::partner());
    let run = offline
        .explain(&token, &["--hba-issuer", "https://x.example", "--hba-scope", "db.connect", "--jwks", "partner.json"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    let unused = offline.explain("no token", &["--hba-issuer", "https://x.example", "--jwks", "partner.json"]);
    assert!(unused.stdout.contains("note: the keys of --jwks were not asked for"), "{}", unused.stdout);
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let folder = folder(&corp("", ""), CONF, LINE, MAP);
    explain(&folder, &["--address", "10.1.2.3"]).assert_failed(&["--role"]);
    explain(&folder, &["--role", "ana", "--address", "10.0.0.0/8"])
        .assert_failed(&["neither an IP address nor \"local\""]);
    explain(&folder, &["--hba", "nowhere"]).assert_failed(&["cannot read \"nowhere\""]);
    let run = folder.explain("x", &["--ident", "data/pg_ident.conf"]);
    run.assert_failed(&["which pg_hba.conf belongs to that pg_ident.conf?"]);
}

#[test]
fn a_data_directory_alone_is_enough_where_its_files_are_in_it() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can give a folder away");
        return;
    }
    let folder = folder(&corp("", ""), CONF, LINE, MAP);
    let own = ["data/postgresql.conf", "data/pg_hba.conf", "data/pg_ident.conf"];
    for name in ["", CONFIG, "corp.jwks.json", "data"].into_iter().chain(own) {
        std::os::unix::fs::chown(folder.path(name), Some(54_321), Some(54_321)).unwrap();
    }
    let token = okta().sign(keys::corp());
    let mut command = assert_cmd::Command::new(folder.command("explain").get_program());
    let at = NOW.to_string();
    command
        .current_dir(folder.path(""))
        .args(["explain", "--config", CONFIG, "--pgdata", "data", "--role", "ana", "--at", &at]);
    let run = run(command.arg("--json").write_stdin(token.as_str()));
    assert_eq!((run.code, run.json()["login"]["succeeds"].clone()), (0, json!(true)), "{}{}", run.stdout, run.stderr);
    std::fs::remove_file(folder.path("data/postgresql.conf")).unwrap();
    let mut command = assert_cmd::Command::new(folder.command("explain").get_program());
    command.current_dir(folder.path("")).args([
        "explain",
        "--config",
        CONFIG,
        "--pgdata",
        "data",
        "--hba-scope",
        "db.connect",
    ]);
    let run = crate::support::run(command.args(["--at", &at]).write_stdin(token.as_str()));
    assert_eq!(run.code, 0);
    assert!(
        run.stdout.contains("there is no postgresql.conf in \"data\"") && !run.stdout.contains("login:"),
        "{}",
        run.stdout
    );
}
