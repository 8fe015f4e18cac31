//! Which line of pg_hba.conf takes the connection, and what is said where the files do not settle it.

use super::{assert_login, explain};
use crate::server_files::{CONF, LINE, MAP, folder};
use crate::support::{corp, okta, two_of_one_issuer};
use oauth_validator_fixtures::keys;
use serde_json::{Value, json};

#[test]
fn the_first_line_that_takes_the_connection_is_the_one() {
    let oauth = |head: &str| LINE.replace("hostssl all all all", head);
    let hba = [
        "local all all peer\n".to_owned(),
        "host all all 127.0.0.1/32 scram-sha-256\n".to_owned(),
        "hostnossl all all all reject\n".to_owned(),
        oauth("hostssl app ana 10.0.0.0/8"),
        "hostssl app /^an all md5\n".to_owned(),
        oauth("hostssl ana all all"),
        oauth("hostssl replication ana all"),
    ]
    .concat();
    let folder = folder(&corp("", ""), CONF, &hba, MAP);
    let role = ["--role", "ana"];
    let case = |args: &[&str], code, line, succeeds, words: &str| {
        assert_login(&folder, &[&role[..], args].concat(), code, line, succeeds, words);
    };
    let ok = Some(true);
    case(&["--database", "app", "--address", "10.1.2.3"], 0, "pg_hba.conf:4", ok, "the map lets");
    case(
        &["--database", "app", "--address", "11.1.2.3"],
        1,
        "pg_hba.conf:5",
        Some(false),
        "the method md5, so no token is asked for",
    );
    case(&["--database", "app", "--address", "local"], 1, "pg_hba.conf:1", Some(false), "the method peer");
    case(&["--address", "127.0.0.1"], 1, "pg_hba.conf:2", Some(false), "the method scram-sha-256");
    case(&["--address", "::1"], 0, "pg_hba.conf:6", ok, "the map lets");
    case(
        &["--database", "other", "--address", "10.1.2.3"],
        1,
        "",
        Some(false),
        "no line of pg_hba.conf takes the connection",
    );
    case(&[], 0, "pg_hba.conf:6", None, "the map lets");
    // Without an address, what comes before is said.
    let report = explain(&folder, &["--role", "ana", "--json"]).json();
    assert_eq!(report["login"]["unless"], json!(["pg_hba.conf:2 (scram-sha-256): for TCP from 127.0.0.1/32"]));
    let text = explain(&folder, &["--role", "ana"]).stdout;
    assert!(text.contains("  unless:  taken by pg_hba.conf:2 (scram-sha-256): for TCP from 127.0.0.1/32\n"), "{text}");
    assert!(text.contains("the first OAuth line for role and database; see --address"), "{text}");
    assert!(text.contains("  login:   succeeds as \"ana\" if this line takes the connection\n"), "{text}");
}

#[test]
fn a_line_that_leaves_nothing_takes_the_login() {
    let folder = folder(&corp("", ""), CONF, &format!("host all all all scram-sha-256\n{LINE}"), MAP);
    assert_login(&folder, &["--role", "ana"], 1, "pg_hba.conf:1", Some(false), "no token is asked for");
}

#[test]
fn physical_replication_needs_its_own_line() {
    let config = corp("replication = true", "");
    let hba = format!("{LINE}{}", LINE.replace("all all all", "replication all all"));
    let folder = folder(&config, CONF, &hba, MAP);
    let args = ["--role", "ana", "--replication"];
    assert_login(&folder, &args, 0, "pg_hba.conf:2", Some(true), "the map lets");
    assert_login(
        &folder,
        &[&args[..], &["--database", "app"]].concat(),
        0,
        "pg_hba.conf:1",
        Some(true),
        "the map lets",
    );
}

#[test]
fn what_the_files_cannot_settle_is_said() {
    for (head, words) in [
        ("hostssl all +dba all", "is a member of \"dba\""),
        ("hostssl all all samenet", "in a network of the server (samenet)"),
        ("hostssl all all .corp.example", "by the server's resolver"),
        ("hostssl samerole all all", "whether the role is a member of \"ana\""),
        ("hostssl all /^(?=a) all", "whether \"ana\" matches /^(?=a)"),
    ] {
        let folder = folder(&corp("", ""), CONF, &LINE.replace("hostssl all all all", head), MAP);
        let run = explain(&folder, &["--role", "ana", "--address", "10.1.2.3", "--json"]);
        let login = run.json()["login"].clone();
        assert_eq!((run.code, &login["succeeds"]), (0, &Value::Null), "{login:#}");
        assert!(login["assumed"].as_str().is_some_and(|assumed| assumed.contains(words)), "{login:#}");
    }
    // One that may come before, and has another method.
    let folder = folder(&corp("", ""), CONF, &format!("hostssl all +dba all reject\n{LINE}"), MAP);
    let report = explain(&folder, &["--role", "ana", "--address", "10.1.2.3", "--json"]).json();
    let unless = "pg_hba.conf:1 (reject): whether \"ana\" is a member of \"dba\" (+dba)";
    assert_eq!((&report["login"]["unless"], &report["login"]["succeeds"]), (&json!([unless]), &Value::Null));
}

#[test]
fn nothing_is_said_to_succeed_or_fail_where_another_line_may_take_the_connection() {
    let args = ["--role", "ana", "--address", "10.1.2.3"];
    let before = |line: &str| format!("{line}\n{LINE}");
    let members = LINE.replace("hostssl all all all", "hostssl all +dba all");
    let stranger = "okta 00u000user0000000h8 ana\n";
    let failing = "fails as \"ana\" if this line takes the connection";
    let succeeding = "succeeds as \"ana\" if this line takes the connection";
    for (hba, ident, code, said) in [
        (before("hostssl all +dba all reject"), MAP, 0, succeeding),
        (before("hostssl all +dba all trust"), stranger, 0, failing),
        (format!("{members}hostssl all all all trust\n"), stranger, 0, failing),
        (format!("{members}{LINE}"), MAP, 0, succeeding),
        (members.replace("db.connect", "db.admin"), MAP, 1, failing),
        (before("hostssl all +dba all scram-sha-256\nhostssl all all all reject"), MAP, 0, failing),
    ] {
        let folder = folder(&corp("", ""), CONF, &hba, ident);
        let run = explain(&folder, &[&args[..], &["--json"]].concat());
        assert_eq!((run.code, &run.json()["login"]["succeeds"]), (code, &Value::Null), "{hba}{}", run.stdout);
        let text = explain(&folder, &args).stdout;
        assert!(text.contains(said), "no {said:?} in {text}");
    }
}

#[test]
fn where_no_line_takes_the_connection_that_is_said_whatever_profiles_there_are() {
    let args = ["--role", "ana", "--database", "app", "--address", "10.1.2.3"];
    for (hba, line, why) in [
        (
            LINE.replace("all all all", "sales all all"),
            "",
            "no line of pg_hba.conf takes the connection, so it is rejected",
        ),
        (LINE.replace("all all all", "all bo all"), "", "no line of pg_hba.conf takes the connection"),
        (LINE.replace("all all all", "all all 11.0.0.0/8"), "", "no line of pg_hba.conf takes the connection"),
        (String::new(), "", "no line of pg_hba.conf takes the connection"),
        (
            format!("host all all all md5\n{LINE}"),
            "pg_hba.conf:1",
            "the line has the method md5, so no token is asked for",
        ),
        (format!("host all all all reject\n{LINE}"), "pg_hba.conf:1", "the method reject"),
    ] {
        for config in [two_of_one_issuer(), corp("", "")] {
            let folder = folder(&config, CONF, &hba, MAP);
            assert_login(&folder, &args, 1, line, Some(false), why);
        }
        let folder = folder(&two_of_one_issuer(), CONF, &hba, MAP);
        let run = explain(&folder, &[&args[..], &["--json"]].concat());
        let report = run.json();
        assert_eq!(
            (&report["outcome"], &report["reason"], &report["authn_id"]),
            (&json!("not_judged"), &Value::Null, &Value::Null)
        );
        let text = explain(&folder, &args).stdout;
        assert!(
            text.contains("the token is not looked at") && text.contains("  login:   fails as \"ana\"\n"),
            "{text}"
        );
        // An issuer that is asked about is judged all the same.
        let asked = explain(&folder, &[&args[..], &["--hba-profile", "corp", "--json"]].concat()).json();
        assert_eq!(asked["outcome"], json!("granted"), "{asked:#}");
    }
    // Without a role, or without the server's files, it is still not known which line is meant.
    let folder = folder(&two_of_one_issuer(), CONF, LINE, MAP);
    folder.explain(&okta().sign(keys::corp()), &[]).assert_failed(&["which pg_hba.conf line is meant?"]);
}

#[test]
fn a_line_for_another_validator_is_not_ours() {
    let conf = "oauth_validator_libraries = 'other, oauth_validator'\nssl = on\n";
    let folder = folder(&corp("", ""), conf, &LINE.replace("map=okta", "validator=other"), MAP);
    assert_login(&folder, &["--role", "ana"], 1, "pg_hba.conf:1", Some(false), "for another validator, \"other\"");
}

#[test]
fn lines_that_the_server_does_not_take_are_no_lines_and_are_said() {
    let folder = folder(&corp("", ""), CONF, &format!("hostssl all all all oauht\n{LINE}"), MAP);
    let run = explain(&folder, &["--role", "ana"]);
    assert_eq!(run.code, 0);
    assert!(run.stdout.contains("the server does not take 1 of the lines in its files"), "{}", run.stdout);
    assert!(run.stdout.contains("pg_hba.conf:2, oauth"), "{}", run.stdout);
}
