//! `oauth-validator check` where no server is: a text on standard input, a copy in a checkout, a laptop.

use crate::support::{CONFIG, Folder, Run, corp, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use serde_json::json;
use std::io::ErrorKind;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;

#[test]
fn a_text_on_standard_input_is_judged_but_for_who_may_write_it() {
    let folder = Folder::new("");
    let check = |text: &str, args: &[&str]| run(folder.command("check").args(args).arg("-").write_stdin(text));
    check(&corp("", ""), &[]).assert(0, "<stdin>: valid; 1 profile: corp\n");
    check("", &[]).assert(0, "<stdin>: valid, but trusts nobody\n");
    let misspelt = check(&corp("audiance = 1", ""), &["--json"]);
    let finding = &misspelt.json()["findings"][0];
    assert_eq!((misspelt.code, &finding["code"], &finding["file"]), (1, &json!("unknown_key"), &json!("<stdin>")));
    // The files that it names are looked for from here, and judged.
    std::fs::remove_file(folder.path("corp.jwks.json")).unwrap();
    let without = check(&corp("", ""), &[]);
    assert_eq!(without.code, 1);
    assert!(without.stdout.contains("error[keys_unavailable]"), "{}", without.stdout);
    check(&"#\n".repeat(2 * 1024 * 1024 + 1), &[]).assert_failed(&["standard input has more than the 4194304 bytes"]);
}

/// What `check --syntax` says of the configuration in this folder, asked by somebody whom nothing there belongs to.
fn syntax(folder: &Folder, name: &str) -> Run {
    let mut command = Command::new(cargo_bin!("oauth-validator"));
    run(command.current_dir(folder.path("")).env_clear().args(["check", "--syntax", name]))
}

#[test]
fn syntax_judges_the_text_and_nothing_of_this_machine() {
    let folder = Folder::new(&corp("", ""));
    std::fs::remove_file(folder.path("corp.jwks.json")).unwrap();
    folder.chmod(CONFIG, 0o666);
    folder.chmod("", 0o777);
    assert_eq!(folder.check(&[]).code, 1, "by the rules of a server it is no good");
    syntax(&folder, CONFIG).assert(0, "oauth-validator.toml: valid; 1 profile: corp\n");
    for (wrong, code) in [
        ("audience = []", "empty_value"),
        ("clock_skew = \"6min\"", "out_of_range"),
        ("issuer = \"http://idp.example\"", "bad_url"),
        ("databases = 7", "wrong_type"),
    ] {
        folder.write(CONFIG, &corp(wrong, ""));
        let run = syntax(&folder, CONFIG);
        assert_eq!(run.code, 1, "{wrong}");
        assert!(run.stdout.contains(&format!("error[{code}]")), "{wrong}: {}", run.stdout);
    }
    folder.write(CONFIG, "[profiles.corp\n");
    assert!(syntax(&folder, CONFIG).stdout.contains("error[syntax]"));
}

#[test]
fn syntax_reads_what_is_there_and_nothing_else() {
    let folder = Folder::new("");
    syntax(&folder, "nowhere.toml").assert_failed(&["nowhere.toml\" does not exist"]);
    syntax(&folder, ".").assert_failed(&["is no regular file", "standard input"]);
    folder.write("large.toml", &"#\n".repeat(2 * 1024 * 1024 + 1));
    syntax(&folder, "large.toml").assert_failed(&["more than the 4194304 bytes allowed"]);
    for option in [["--pgdata", "."], ["--server-user", "0"]] {
        let mut command = Command::new(cargo_bin!("oauth-validator"));
        let run = run(command.current_dir(folder.path("")).env_clear().args(["check", "--syntax"]).args(option));
        run.assert_failed(&["cannot be used with", option[0]]);
    }
}

#[test]
fn a_copy_that_no_server_reads_is_told_of_a_way() {
    let folder = Folder::new(&corp("", ""));
    folder.chmod("", 0o777);
    let here = || folder.path("");
    let of_nobody =
        run(Command::new(cargo_bin!("oauth-validator")).current_dir(here()).env_clear().args(["check", CONFIG]));
    assert_eq!(of_nobody.code, 1);
    assert!(of_nobody.stdout.contains("--syntax judges the text alone; else: chmod go-w"), "{}", of_nobody.stdout);
    // Whoever names the server has no copy.
    let of_server = folder.check(&[]);
    assert!(of_server.code == 1 && !of_server.stdout.contains("--syntax"), "{}", of_server.stdout);
}

#[test]
fn an_ordinary_user_checks_in_a_folder_of_ones_own() {
    let folder = Folder::new(&corp("", ""));
    folder.chmod("", 0o755);
    folder.chmod(CONFIG, 0o644);
    let own = || {
        let mut command = Command::new(cargo_bin!("oauth-validator"));
        command.current_dir(folder.path("")).env_clear().env("LC_ALL", "C.UTF-8").args(["check", CONFIG]);
        command
    };
    if !rustix::process::geteuid().is_root() {
        return run(&mut own()).assert(0, "oauth-validator.toml: valid; 1 profile: corp\n");
    }
    // Root tests: as somebody else, whose files these are then.
    let nobody = 65534;
    for name in ["", CONFIG, "corp.jwks.json"] {
        chown(folder.path(name), Some(nobody), Some(nobody)).unwrap();
    }
    let binary = cargo_bin!("oauth-validator");
    std::fs::copy(binary, folder.path("tool")).unwrap();
    folder.chmod("tool", 0o755);
    let mut command = std::process::Command::new(folder.path("tool"));
    command.current_dir(folder.path("")).env_clear().env("LC_ALL", "C.UTF-8").args(["check", CONFIG]);
    command.uid(nobody).gid(nobody);
    let output = loop {
        match command.output() {
            // A process that another test started meanwhile still has the copy open.
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            output => break output.expect("it runs"),
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text, "oauth-validator.toml: valid; 1 profile: corp\n", "{}", String::from_utf8_lossy(&output.stderr));
}
