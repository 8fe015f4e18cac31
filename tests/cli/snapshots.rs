//! What `check` and `explain` show, as a person reads it on a terminal of 80 columns: a file for each screen.
//!
//! Every reason code has a screen of `explain`, and every finding one of `check`. A change of a text is a change of such a
//! file, to be read in review: `INSTA_UPDATE=always cargo test -p oauth-validator --test cli snapshots` writes them anew.

mod files;
mod paths;

use crate::denials;
use crate::server_files::{self, CONF, MAP};
use crate::support::{CONFIG, Folder, NOW, Run, corp, okta, run};
use insta::Settings;
use oauth_validator_core::{FindingCode, Reason};
use oauth_validator_fixtures::keys;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// The widest line that a person is shown; lines of the configuration itself, and URLs, may be longer.
const COLUMNS: usize = 80;

fn snapshots(command: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/cli/snapshots").join(command)
}

/// What a person types, and the screen that follows. A screen with a path, a user or a port of this machine is
/// given others, and has each sentence in one line: where it is broken would depend on the machine.
fn screen(
    folder: &Folder,
    provider: Option<&str>,
    command: &str,
    args: &[&str],
    run: impl Fn(Option<(&str, String)>) -> Run,
) -> String {
    let typed: String = args.iter().map(|arg| format!(" {}", quoted(arg))).collect();
    let of = |run: Run| with_one_key(&format!("$ oauth-validator {command}{typed}\n{}{}", run.stderr, run.stdout));
    let shown = of(run(Some(("COLUMNS", COLUMNS.to_string()))));
    assert_readable(&shown);
    let path = folder.path("").display().to_string();
    let here = path.trim_end_matches('/');
    let provider = provider.unwrap_or("(no provider)");
    if ![here, provider, "(uid"].iter().any(|differs| shown.contains(differs)) {
        return shown;
    }
    let whole = of(run(None)).replace(here, "/etc/postgresql").replace(provider, "https://idp.example");
    let Some((before, owner)) = whole.split_once("owned by ") else { return whole };
    let (_, after) = owner.split_once(')').expect("a user and its number");
    format!("{before}owned by ana (uid 1000){after}")
}

/// Keys are made for each run, so their thumbprints are replaced by that of RFC 7638.
fn with_one_key(text: &str) -> String {
    let all = [keys::corp(), keys::partner(), keys::p256(), keys::ed25519()];
    all.iter().fold(text.to_owned(), |text, key| {
        text.replace(&key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
    })
}

fn quoted(arg: &str) -> String {
    if arg.contains(' ') { format!("'{arg}'") } else { arg.to_owned() }
}

/// Compares with the file of this name, which is written if it is missing.
fn assert_screen(command: &str, name: &str, screen: &str) {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path(snapshots(command));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, screen));
}

/// The name of a file for each case: its code, and a number from the second one on.
fn named<'a>(codes: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    codes
        .map(|code| {
            let times = seen.entry(code).or_default();
            *times += 1;
            if *times == 1 { code.to_owned() } else { format!("{code}-{times}") }
        })
        .collect()
}

/// What the line of pg_hba.conf says, unless a case is about just that.
const LINE: [(&str, &str); 2] =
    [("--hba-issuer", "https://acme.okta.example/oauth2/aus000001"), ("--hba-scope", "db.connect")];

/// The screen of `explain` for a token, at the time of the samples unless `args` say another.
fn explained(folder: &Folder, provider: Option<&str>, token: &str, args: &[&str]) -> String {
    let line = LINE.iter().filter(|(option, _)| !args.contains(option));
    let args: Vec<&str> = line.flat_map(|(option, value)| [*option, *value]).chain(args.iter().copied()).collect();
    asked(folder, provider, token, &args)
}

/// The screen of `explain` without a line of pg_hba.conf.
fn asked(folder: &Folder, provider: Option<&str>, token: &str, args: &[&str]) -> String {
    screen(folder, provider, "explain", args, |columns| {
        let mut command = folder.command("explain");
        command.args(["--config", CONFIG]).args(args).envs(columns);
        if !args.contains(&"--at") {
            command.args(["--at", &NOW.to_string()]);
        }
        run(command.write_stdin(token))
    })
}

#[test]
fn every_denial_is_explained_on_a_screen_of_its_own() {
    let cases = denials::cases();
    let names = named(cases.iter().map(|case| case.code));
    for (case, name) in cases.iter().zip(&names) {
        let args: Vec<&str> = case.args.iter().map(String::as_str).collect();
        let screen = explained(&case.folder, case.base_url().as_deref(), &case.token, &args);
        assert_screen("explain", name, &screen);
    }
    let codes: BTreeSet<&str> =
        Reason::ALL.iter().filter(|reason| !denials::NOT_HERE.contains(reason)).map(|reason| reason.code()).collect();
    assert_eq!(cases.iter().map(|case| case.code).collect::<BTreeSet<_>>(), codes);
    let granted =
        ["granted", "granted-role", "granted-delegated", "granted-ascii", "granted-session"].map(str::to_owned);
    let logins = logins().into_iter().map(|login| login.name.to_owned());
    let of_paths = paths::cases().into_iter().map(|case| case.name.to_owned());
    assert_no_other("explain", names.into_iter().chain(granted).chain(logins).chain(of_paths).collect());
}

#[test]
fn a_path_that_leads_elsewhere_is_explained_with_the_cure() {
    for case in paths::cases() {
        let screen = explained(&case.folder, None, &case.token, case.args);
        let unwrapped = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(screen.contains("\ndenied: ") && unwrapped.contains(case.says), "{}: {screen}", case.name);
        assert_screen("explain", case.name, &screen);
    }
}

#[test]
fn a_grant_says_what_postgresql_does_with_it() {
    let roles = corp("roles = { claim = \"$.pg_groups[*]\", exact = true }", "");
    for (name, config, args) in [
        ("granted", corp("", ""), &[][..]),
        ("granted-role", corp("", ""), &["--role", "ana"]),
        ("granted-delegated", roles, &["--role", "readers", "--delegated"]),
        ("granted-ascii", corp("", ""), &["--ascii"]),
        ("granted-session", corp(SESSION, ""), &["--role", "ana"]),
    ] {
        let screen = explained(&Folder::new(&config), None, &okta().sign(keys::corp()), args);
        assert!(screen.contains("\ngranted: "), "{screen}");
        assert_screen("explain", name, &screen);
    }
}

/// A session that ends with its token, and two claims for SQL.
const SESSION: &str = "session = { end = \"token\", grace = \"5min\", max = \"12h\", claims = { groups = \"$.pg_groups[*]\", tenant = \"$.tid\" } }";

/// A login that the server's files are asked about.
struct AskedLogin {
    name: &'static str,
    profile: &'static str,
    hba: String,
    ident: &'static str,
    args: &'static [&'static str],
    /// What the screen must say of it.
    says: &'static str,
}

fn logins() -> Vec<AskedLogin> {
    let plain =
        |name, says| AskedLogin { name, profile: "", hba: server_files::LINE.to_owned(), ident: MAP, args: ROLE, says };
    let line = |from: &str, to: &str| server_files::LINE.replace(from, to);
    let before = |line: &str| format!("{line}\n{}", server_files::LINE);
    let roles = "[profiles.corp.roles]\nclaim = \"$.pg_groups[*]\"\nexact = true\n";
    vec![
        plain("login", "succeeds as \"ana\""),
        AskedLogin { args: &[], ..plain("login-roles", "role:    ana (pg_ident.conf:1)") },
        AskedLogin { ident: "okta 00u000user0000000h8 ana\n", ..plain("login-not_mapped", "fails as \"ana\"") },
        AskedLogin { args: &[], ident: "", ..plain("login-no_roles", "fails") },
        AskedLogin { hba: line(" map=okta", ""), ..plain("login-without_map", "fails as \"ana\"") },
        AskedLogin {
            hba: before("host all all all scram-sha-256"),
            ..plain("login-other_method", "method scram-sha-256")
        },
        AskedLogin { hba: line("all all all", "sales all all"), ..plain("login-no_line", "no line of pg_hba.conf") },
        AskedLogin {
            profile: "[profiles.other]\nissuer = \"https://other.example\"\naudience = [\"pg\"]\n",
            hba: line("all all all", "sales all all"),
            ..plain("login-no_line-several", "no line of pg_hba.conf")
        },
        AskedLogin { hba: before("hostssl all +dba all reject"), ..plain("login-unless", "unless:") },
        AskedLogin {
            hba: line("all all all", "all +dba all"),
            ident: "okta 00u000user0000000h8 ana\n",
            ..plain("login-assumed", "assumed:")
        },
        AskedLogin { ident: "okta /^00u +dba\n", ..plain("login-member", "may succeed as \"ana\"") },
        AskedLogin {
            hba: line("scope=\"openid db.connect\"", "scope=db.admin"),
            ..plain("login-denied", "scope_missing")
        },
        AskedLogin {
            profile: roles,
            hba: line("map=okta", "delegate_ident_mapping=1"),
            args: &["--role", "readers"],
            ..plain("login-delegated", "succeeds as \"readers\"")
        },
        AskedLogin { hba: line("map=okta", "map=okta validator.profile=corp"), ..plain("login-profile", "corp") },
        AskedLogin {
            hba: line("map=okta", "map=okta validator.profile=crop"),
            ..plain("login-profile_unknown", "denied: profile_unknown")
        },
    ]
}

const ROLE: &[&str] = &["--role", "ana", "--address", "10.1.2.3"];

#[test]
fn what_the_servers_files_make_of_a_login_has_a_screen() {
    for login in logins() {
        let folder = server_files::folder(&corp("", login.profile), CONF, &login.hba, login.ident);
        folder.write("data/PG_VERSION", "19\n");
        let args = [&["--postgresql-conf", "data/postgresql.conf"], login.args].concat();
        let screen = asked(&folder, None, &okta().sign(keys::corp()), &args);
        assert!(screen.contains(login.says), "{}: {screen}", login.says);
        assert_screen("explain", login.name, &screen);
    }
}

#[test]
fn every_finding_has_a_screen_of_check() {
    let cases = files::cases();
    let mut seen = BTreeSet::new();
    for case in &cases {
        let args = [&[CONFIG][..], case.args].concat();
        let screen = screen(&case.folder, None, "check", &args, |columns| {
            run(case.folder.command("check").args(&args).envs(columns))
        });
        for code in case.codes {
            assert!(screen.contains(&format!("[{code}]: ")), "{code}: {screen}");
            seen.insert(*code);
        }
        assert_screen("check", case.name, &screen);
    }
    let missing: Vec<&str> =
        FindingCode::ALL.iter().map(|code| code.code()).filter(|code| !seen.contains(code)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "findings without a screen");
    assert_no_other("check", cases.iter().map(|case| case.name.to_owned()).collect());
}

/// Nothing is too wide, nothing speaks of the program's inside, and there is something to do next.
fn assert_readable(screen: &str) {
    let of_a_file = |line: &str| line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit()).starts_with('|');
    for line in screen.lines().skip(1).filter(|line| line.chars().count() > COLUMNS && !of_a_file(line)) {
        // A long word may have a line of its own.
        assert!(!line.trim().contains(' '), "{line}\n{screen}");
    }
    for word in ["panicked", "unwrap", "RUST_BACKTRACE", "Some(", "Err(", "\u{1b}"] {
        assert!(!screen.contains(word), "{word}\n{screen}");
    }
    assert!(!screen.contains("\ndenied: ") || screen.contains("\n  hint:    "), "nothing to do next\n{screen}");
    for found in screen.split("\n\n").filter(|part| part.contains("error[") || part.contains("warning[")) {
        assert!(found.contains("help: ") || found.contains(" must be "), "nothing to do next\n{screen}");
    }
}

/// No file is left from a case that is gone.
fn assert_no_other(command: &str, names: BTreeSet<String>) {
    let entries = fs::read_dir(snapshots(command)).expect("the snapshots");
    let found: BTreeSet<String> = entries
        .filter_map(|entry| {
            entry.expect("an entry").file_name().into_string().ok()?.strip_suffix(".snap").map(str::to_owned)
        })
        .collect();
    assert_eq!(found.difference(&names).collect::<Vec<_>>(), Vec::<&String>::new(), "snapshots of no case");
}
