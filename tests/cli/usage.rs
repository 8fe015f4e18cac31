//! How the tool is called wrongly, and what becomes of its output.

use crate::support::{CONFIG, Folder, corp, okta, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use std::fs::OpenOptions;
use std::process::Stdio;

fn tool(args: &[&str]) -> crate::support::Run {
    run(Command::new(cargo_bin!("oauth-validator")).env_clear().args(args))
}

#[test]
fn a_mistyped_command_is_an_error_with_a_suggestion() {
    tool(&["chek"]).assert_failed(&["unrecognized subcommand 'chek'", "'check'"]);
    tool(&["preset", "lst"]).assert_failed(&["unrecognized subcommand 'lst'", "'list'"]);
    tool(&["keys", "refesh"]).assert_failed(&["unrecognized subcommand 'refesh'", "'refresh'"]);
    tool(&["explane", "--json"]).assert_failed(&["unrecognized subcommand 'explane'", "'explain'"]);
}

#[test]
fn a_mistyped_option_is_an_error_with_a_suggestion() {
    tool(&["explain", "--hba-isuer", "x"]).assert_failed(&["unexpected argument '--hba-isuer'", "'--hba-issuer'"]);
    tool(&["check", "--jsn"]).assert_failed(&["unexpected argument '--jsn'", "'--json'"]);
}

#[test]
fn no_command_at_all_is_an_error() {
    tool(&[]).assert_failed(&["Usage: oauth-validator", "check", "discover", "explain", "preset", "probe"]);
    tool(&["keys"]).assert_failed(&["Usage: oauth-validator keys", "list", "refresh"]);
    tool(&["preset"]).assert_failed(&["Usage: oauth-validator preset", "list", "show"]);
}

#[test]
fn a_token_is_no_argument() {
    tool(&["explain", "a.b.c"]).assert_failed(&["unexpected argument 'a.b.c'"]);
    tool(&["explain", "--token", "a.b.c"]).assert_failed(&["unexpected argument '--token'"]);
    tool(&["probe", "a.b.c"]).assert_failed(&["unexpected argument 'a.b.c'"]);
}

#[test]
fn values_of_options_are_checked() {
    tool(&["explain", "--at", "yesterday"]).assert_failed(&["'--at <TIME>'", "2027-01-15T08:00:00Z"]);
    tool(&["check", "--server-user", "no such:user"]).assert_failed(&["no user \"no such:user\" in /etc/passwd"]);
}

#[test]
fn help_has_an_example_of_each_command() {
    for command in ["check", "discover", "explain", "preset", "probe"] {
        let help = tool(&[command, "--help"]);
        assert_eq!(help.code, 0);
        assert!(help.stdout.contains("Example: "), "{}", help.stdout);
        assert!(help.stdout.contains(&format!("  oauth-validator {command} ")), "{}", help.stdout);
        let example = |line: &&str| line.starts_with("  oauth-validator ") || line.starts_with("    ");
        let wide = help.stdout.lines().skip_while(|line| !line.starts_with("Example: ")).filter(example);
        assert_eq!(wide.filter(|line| line.len() > 100).collect::<Vec<_>>(), Vec::<&str>::new());
    }
    for command in ["list", "refresh"] {
        let help = tool(&["keys", command, "--help"]);
        assert!(help.stdout.contains(&format!("\n  oauth-validator keys {command} ")), "{}", help.stdout);
    }
    let help = tool(&["--help"]);
    assert!(help.stdout.contains("0  fine") && help.stdout.contains("2  could not run"), "{}", help.stdout);
    assert_eq!(tool(&["--version"]).stdout, format!("oauth-validator {}\n", env!("CARGO_PKG_VERSION")));
}

/// As `oauth-validator check | head -0`: nobody reads, which is no reason to complain or to panic.
#[test]
fn a_closed_pipe_is_no_error_and_keeps_the_exit_code() {
    for (config, code) in [(corp("", ""), 0), (corp("audiance = 1", ""), 1)] {
        let folder = Folder::new(&config);
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = std::process::Command::new(cargo_bin!("oauth-validator"))
            .args(folder.command("check").get_args())
            .arg(folder.path(CONFIG))
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .expect("the binary starts");
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(code), b"".as_slice()));
    }
}

#[test]
fn output_that_is_lost_is_an_error() {
    let folder = Folder::new(&corp("", ""));
    let full = OpenOptions::new().write(true).open("/dev/full").expect("Linux has /dev/full");
    let output = std::process::Command::new(cargo_bin!("oauth-validator"))
        .args(folder.command("check").get_args())
        .arg(folder.path(CONFIG))
        .stdout(full)
        .output()
        .expect("the binary starts");
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("cannot write to standard output"), "{stderr}");
}

#[test]
fn no_colour_where_there_is_no_terminal() {
    let folder = Folder::new(&corp("audiance = 1", ""));
    let mut command = folder.command("check");
    let checked = run(command.arg(CONFIG).env("TERM", "xterm-256color").env("CLICOLOR_FORCE", "1"));
    assert_eq!(checked.code, 1);
    assert!(!checked.stdout.contains('\u{1b}'), "{}", checked.stdout);
}

#[test]
fn ascii_is_asked_for_or_follows_from_the_locale() {
    let folder = Folder::new(&corp("", ""));
    let token = okta().claim("uid", "jürgen").sign(oauth_validator_fixtures::keys::corp());
    let asked = folder.explain(&token, &["--ascii"]);
    let mut command = folder.command("explain");
    command.env("LC_ALL", "C").args(["--config", CONFIG, "--at", &crate::support::NOW.to_string()]);
    let by_locale = run(command.write_stdin(token.clone()));
    assert_eq!(asked.stdout, by_locale.stdout);
    assert!(asked.stdout.is_ascii() && asked.stdout.contains("ok     bounds"), "{}", asked.stdout);
    assert!(asked.stdout.contains("authn_id \"j\\u{fc}rgen\""), "{}", asked.stdout);
    assert!(folder.explain(&token, &[]).stdout.contains("authn_id \"jürgen\""));
}

/// The long options that a text names, each with its two dashes.
fn long_options(text: &str, mark: &str) -> std::collections::BTreeSet<String> {
    let name = |rest: &str| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect::<String>();
    text.split(mark).skip(1).map(|rest| format!("--{}", name(rest))).filter(|option| option.len() > 3).collect()
}

#[test]
fn the_manual_page_has_every_option_and_no_other() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../man/oauth-validator.1")).unwrap();
    let described = page.lines().filter(|line| line.starts_with(".It Fl ")).collect::<Vec<_>>().join("\n");
    let mut offered = std::collections::BTreeSet::new();
    for command in [
        &["--help"][..],
        &["check", "--help"],
        &["discover", "--help"],
        &["explain", "--help"],
        &["keys", "list", "--help"],
        &["keys", "refresh", "--help"],
        &["preset", "list", "--help"],
        &["probe", "--help"],
    ] {
        let help = tool(command).stdout;
        let options = help.lines().filter(|line| line.trim_start().starts_with('-')).collect::<Vec<_>>().join("\n");
        offered.extend(long_options(&options, "--"));
    }
    assert_eq!(long_options(&described, "Fl -"), offered);
}
