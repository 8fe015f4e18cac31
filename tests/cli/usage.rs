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
    tool(&["chekc"]).assert_failed(&["unrecognized subcommand 'chekc'", "'check'"]);
    tool(&["preset", "shwo"]).assert_failed(&["unrecognized subcommand 'shwo'", "'show'"]);
    tool(&["keys", "lsit"]).assert_failed(&["unrecognized subcommand 'lsit'", "'list'"]);
    tool(&["intt"]).assert_failed(&["unrecognized subcommand 'intt'", "'init'"]);
    tool(&["chek"]).assert_failed(&["unrecognized subcommand 'chek'", "'check'"]);
    tool(&["preset", "lst"]).assert_failed(&["unrecognized subcommand 'lst'", "'list'"]);
    tool(&["keys", "refesh"]).assert_failed(&["unrecognized subcommand 'refesh'", "'refresh'"]);
    tool(&["explane", "--json"]).assert_failed(&["unrecognized subcommand 'explane'", "'explain'"]);
}

#[test]
fn a_mistyped_option_is_an_error_with_a_suggestion() {
    tool(&["explain", "--hba-isuer", "x"]).assert_failed(&["unexpected argument '--hba-isuer'", "'--hba-issuer'"]);
    tool(&["check", "--jsn"]).assert_failed(&["unexpected argument '--jsn'", "'--json'"]);
    tool(&["check", "--no-such-flag"]).assert_failed(&["unexpected argument '--no-such-flag'", "'--help'"]);
    tool(&["init", "--presett", "okta"]).assert_failed(&["unexpected argument '--presett'", "'--preset'"]);
}

/// The commit is that of the build, if whoever built it said which.
#[test]
fn the_tool_says_which_build_it_is() {
    let text = tool(&["version"]).stdout;
    let lines: Vec<&str> = text.lines().collect();
    let commit = tool(&["version", "--json"]).json()["commit"].as_str().map(str::to_owned);
    assert!(commit.as_ref().is_none_or(|commit| commit.len() == 40), "{commit:?}");
    let expected = commit.unwrap_or_else(|| "not known: whoever built it did not say".to_owned());
    assert_eq!(lines[..2], [&format!("oauth-validator {}", env!("CARGO_PKG_VERSION")), &format!("commit {expected}")]);
    assert!(lines[2].starts_with("rustc 1."), "{text}");
    tool(&["version", "now"]).assert_failed(&["unexpected argument 'now'"]);
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
    for command in
        ["check", "completions", "discover", "explain", "init", "preset", "probe", "schema", "status", "test"]
    {
        let help = tool(&[command, "--help"]);
        assert_eq!(help.code, 0);
        assert!(help.stdout.contains("Example: "), "{}", help.stdout);
        assert!(help.stdout.contains(&format!("  oauth-validator {command} ")), "{}", help.stdout);
    }
    for command in ["list", "refresh"] {
        let help = tool(&["keys", command, "--help"]);
        assert!(help.stdout.contains(&format!("\n  oauth-validator keys {command} ")), "{}", help.stdout);
    }
    let help = tool(&["--help"]);
    assert!(help.stdout.contains("0  fine") && help.stdout.contains("2  could not run"), "{}", help.stdout);
    assert_eq!(tool(&["--version"]).stdout, format!("oauth-validator {}\n", env!("CARGO_PKG_VERSION")));
}

/// All commands, as typed.
const COMMANDS: &[&[&str]] = &[
    &[],
    &["check"],
    &["completions"],
    &["discover"],
    &["explain"],
    &["gateway"],
    &["init"],
    &["keys"],
    &["keys", "list"],
    &["keys", "refresh"],
    &["preset"],
    &["preset", "list"],
    &["preset", "show"],
    &["probe"],
    &["run"],
    &["schema"],
    &["status"],
    &["test"],
    &["token"],
    &["version"],
];

/// The commands that `--help` offers behind these words.
fn offered(words: &[&str]) -> Vec<String> {
    let help = tool(&[words, &["--help"]].concat()).stdout;
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands = lines.take_while(|line| line.starts_with("  "));
    let name =
        |line: &str| line.strip_prefix("  ")?.split(' ').next().filter(|name| !name.is_empty()).map(str::to_owned);
    commands.filter_map(name).filter(|name| name != "help").collect()
}

#[test]
fn the_help_of_every_command_fits_a_terminal() {
    let known: Vec<String> = COMMANDS.iter().map(|words| words.join(" ")).collect();
    for words in COMMANDS {
        for command in offered(words) {
            let command = [words.join(" "), command].join(" ").trim_start().to_owned();
            assert!(known.contains(&command), "{command} is not in the list of this test");
        }
        for option in ["-h", "--help"] {
            let help = tool(&[words, &[option][..]].concat());
            assert_eq!((help.code, help.stderr.as_str()), (0, ""), "{words:?}");
            assert!(help.stdout.contains("Usage: oauth-validator"), "{words:?}: {}", help.stdout);
            let wide: Vec<&str> = help.stdout.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(wide.is_empty(), "{words:?} {option}: {wide:#?}");
        }
    }
    assert_eq!(offered(&[]).len(), COMMANDS.iter().filter(|words| words.len() == 1).count());
}

/// What the binary leaves behind in this environment where nobody reads its standard output, as behind `| true`.
fn unread(command: &Command) -> (Option<i32>, String) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut unread = std::process::Command::new(command.get_program());
    unread.args(command.get_args()).env_clear().stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped());
    unread.current_dir(command.get_current_dir().unwrap_or(std::path::Path::new("/")));
    let output = unread.output().expect("the binary starts");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// As `oauth-validator check | head -0`: nobody reads, which is no reason to complain or to panic.
#[test]
fn a_closed_pipe_is_no_error_and_keeps_the_exit_code() {
    for (config, code) in [(corp("", ""), 0), (corp("audiance = 1", ""), 1)] {
        let folder = Folder::new(&config);
        let mut command = folder.command("check");
        assert_eq!(unread(command.arg(CONFIG)), (Some(code), String::new()));
    }
    let folder = Folder::new(&corp("", ""));
    folder.write("token", &okta().sign(oauth_validator_fixtures::keys::corp()));
    let at = crate::support::NOW.to_string();
    let mut explain = folder.command("explain");
    explain.args(["--config", CONFIG, "--token-file", "token", "--at", &at]);
    assert_eq!(unread(&explain), (Some(0), String::new()));
    for args in [
        &["preset", "show", "entra"][..],
        &["preset", "list"],
        &["schema"],
        &["completions", "bash"],
        &["completions", "zsh", "--json"],
        &["init", "--preset", "google", "--audience", "a", "--client", "c"],
        &["--help"],
        &["explain", "--help"],
    ] {
        let mut command = Command::new(cargo_bin!("oauth-validator"));
        assert_eq!(unread(command.args(args)), (Some(0), String::new()), "{args:?}");
    }
}

/// Neither HOME nor a locale nor a terminal is needed, and what is printed does not depend on them but for `--ascii`.
#[test]
fn the_environment_makes_no_difference() {
    for args in [
        &["preset", "show", "entra"][..],
        &["schema"],
        &["completions", "fish"],
        &["init", "--preset", "google", "--audience", "a", "--client", "c"],
        &["check", "--help"],
        &["no-such-command"],
    ] {
        let plain = tool(args);
        for (name, value) in [
            ("LANG", "C"),
            ("LC_ALL", "de_DE.UTF-8"),
            ("NO_COLOR", "1"),
            ("TERM", "xterm-256color"),
            ("HOME", "/nonexistent"),
            ("COLUMNS", "200"),
        ] {
            // The comments of a preset are prose, which a terminal has in lines of its own; see `screens`.
            if (args[0], name) == ("preset", "COLUMNS") {
                continue;
            }
            let mut command = Command::new(cargo_bin!("oauth-validator"));
            let with = run(command.env_clear().env(name, value).args(args));
            let (plain, with) = ((plain.code, &plain.stdout, &plain.stderr), (with.code, &with.stdout, &with.stderr));
            assert_eq!(plain, with, "{args:?} with {name}={value}");
        }
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

/// What the command shows on a terminal of so many columns.
fn on_a_terminal(command: &Command, columns: u16) -> String {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("it is ours");
    let name = ptsname(&terminal, Vec::new()).expect("it has a name").into_string().expect("in UTF-8");
    let size = rustix::termios::Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&terminal, size).expect("it has a size");
    let screen = OpenOptions::new().read(true).write(true).open(name).expect("its other end");
    let mut shown = std::process::Command::new(command.get_program());
    shown.args(command.get_args()).current_dir(command.get_current_dir().expect("a folder")).env_clear();
    shown.env("TERM", "xterm").stdin(Stdio::null()).stdout(screen.try_clone().expect("it is open")).stderr(screen);
    shown.status().expect("the binary starts");
    // The terminal keeps what was written, up to some 4 kB, until it is read.
    let mut read = vec![0; 8192];
    let length = rustix::io::read(&terminal, &mut read).expect("something was shown");
    String::from_utf8(read[..length].to_vec()).expect("UTF-8")
}

/// The text without colours.
fn without_colours(text: &str) -> String {
    let parts = text.split('\u{1b}').enumerate();
    parts.map(|(at, part)| if at == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) }).collect()
}

#[test]
fn lines_fit_the_terminal_and_are_coloured_there() {
    let folder = Folder::new(&corp("scope = { claim = \"none\" }", ""));
    let mut command = folder.command("check");
    command.arg(CONFIG);
    let narrow = on_a_terminal(&command, 60);
    assert!(narrow.contains("\u{1b}["), "{narrow}");
    let narrow = without_colours(&narrow);
    assert!(narrow.lines().all(|line| line.trim_end().chars().count() <= 60), "{narrow}");
    let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = run(command.env_remove("COLUMNS")).stdout;
    assert!(plain.lines().any(|line| line.chars().count() > 60), "{plain}");
    assert_eq!(joined(&narrow), joined(&plain), "nothing but line ends differs");
    let mut failing = Command::new(cargo_bin!("oauth-validator"));
    failing.current_dir("/").args(["init", "--preset", "hydra"]);
    let narrow = on_a_terminal(&failing, 70);
    assert!(narrow.contains("error: preset \"hydra\" needs --issuer,"), "{narrow}");
    assert!(narrow.lines().all(|line| line.trim_end().chars().count() <= 70), "{narrow}");
}

/// Yellow and cyan, and whatever is bold and green, cannot be read on white; dark blue cannot be on black.
#[test]
fn colours_can_be_read_on_white_and_on_black() {
    let folder = Folder::new(&corp("max_lifetime = \"48h\"\nclock_skew = 30", ""));
    folder.write("granted", &okta().sign(oauth_validator_fixtures::keys::corp()));
    folder.write("denied", "x");
    let mut check = folder.command("check");
    check.arg(CONFIG);
    let shown = on_a_terminal(&check, 80);
    assert!(shown.contains("warning[long_lifetime]") && shown.contains("error[wrong_type]"), "{shown}");
    folder.write(CONFIG, &corp("", ""));
    let explained = ["granted", "denied"].map(|token| {
        let mut explain = folder.command("explain");
        explain.args(["--config", CONFIG, "--token-file", token, "--at", &crate::support::NOW.to_string()]);
        on_a_terminal(&explain, 80)
    });
    assert!(explained[0].contains("\u{1b}[32mgranted") && explained[1].contains("\u{1b}[1;31mdenied"), "{explained:?}");
    for escape in [shown].iter().chain(&explained).flat_map(|text| text.split("\u{1b}[").skip(1)) {
        let colour = escape.split('m').next().unwrap_or_default();
        assert!(["0", "1", "32", "35", "91", "94", "1;31"].contains(&colour), "{colour}: {escape}");
    }
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
    for words in COMMANDS {
        let help = tool(&[words, &["--help"][..]].concat()).stdout;
        let options = help.lines().filter(|line| line.trim_start().starts_with('-')).collect::<Vec<_>>().join("\n");
        offered.extend(long_options(&options, "--"));
    }
    assert_eq!(long_options(&described, "Fl -"), offered);
}
