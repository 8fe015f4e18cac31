//! `oauth-validator completions`: sourced in the shell that they are for, and asked as its Tab key asks.

use crate::support::{Folder, Run, run};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;

fn completions(args: &[&str]) -> Run {
    run(Command::new(cargo_bin!("oauth-validator")).env_clear().arg("completions").args(args))
}

fn script(shell: &str) -> String {
    let run = completions(&[shell]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    run.stdout
}

/// What bash offers behind these words, the last of which is being typed.
fn offered_by_bash(words: &[&str]) -> Vec<String> {
    let list: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let at = words.len() - 1;
    let before = if at == 0 { "" } else { words[at - 1] };
    let program = format!(
        "{}\nfunction_of=$(complete -p oauth-validator | sed 's/.* -F \\([^ ]*\\).*/\\1/')\n\
         COMP_WORDS=({})\nCOMP_CWORD={at}\n$function_of oauth-validator '{}' '{before}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        script("bash"),
        list.join(" "),
        words[at]
    );
    let output = std::process::Command::new("bash")
        .args(["--noprofile", "--norc", "-c", &program])
        .output()
        .expect("bash is there: the build needs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_and_options() {
    assert_eq!(offered_by_bash(&["oauth-validator", "che"]), ["check"]);
    assert_eq!(offered_by_bash(&["oauth-validator", "keys", "ref"]), ["refresh"]);
    assert_eq!(
        offered_by_bash(&["oauth-validator", "explain", "--hba-"]),
        ["--hba-issuer", "--hba-profile", "--hba-scope"]
    );
    let presets = offered_by_bash(&["oauth-validator", "preset", "show", "okta"]);
    assert_eq!(presets, ["okta", "okta-org"]);
    let shells = offered_by_bash(&["oauth-validator", "completions", ""]);
    assert!(["bash", "fish", "zsh"].iter().all(|shell| shells.iter().any(|offered| offered == shell)), "{shells:?}");
}

#[test]
fn bash_offers_neither_what_is_hidden_nor_what_does_not_exist() {
    assert_eq!(offered_by_bash(&["oauth-validator", "helpe"]), [""]);
    assert_eq!(offered_by_bash(&["oauth-validator", "check", "--hba-"]), [""]);
    assert!(offered_by_bash(&["oauth-validator", "h"]).contains(&"help".to_owned()));
    for shell in ["bash", "zsh", "fish"] {
        assert!(!script(shell).contains("one request on standard input"), "{shell} offers the helper");
    }
}

/// What a shell prints in a folder where `script` holds its completions; nothing without that shell.
fn told_by(shell: &str, args: &[&str]) -> Option<String> {
    let folder = Folder::new("");
    folder.write("script", &script(shell));
    let mut command = std::process::Command::new(shell);
    let Ok(output) = command.args(args).current_dir(folder.path("")).env("HOME", folder.path("")).output() else {
        println!("skipped: {shell} is not installed, so that nothing reads its completions");
        return None;
    };
    assert!(output.status.success(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("UTF-8"))
}

#[test]
fn zsh_finds_no_mistake_in_its_own() {
    assert!(script("zsh").starts_with("#compdef oauth-validator\n"));
    told_by("zsh", &["-n", "script"]);
}

#[test]
fn fish_completes_commands_and_options() {
    for (typed, offered) in [("keys ref", "refresh\t"), ("explain --hba-i", "--hba-issuer\t"), ("helpe", "")] {
        let ask = format!("source script; complete -C 'oauth-validator {typed}'");
        if let Some(told) = told_by("fish", &["--no-config", "-c", &ask]) {
            assert!(
                told.starts_with(offered) && told.lines().count() <= 1 && !told.contains("helper"),
                "{typed}: {told}"
            );
        }
    }
}

#[test]
fn every_command_is_in_the_script_of_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let script = script(shell);
        for word in ["check", "discover", "explain", "init", "schema", "refresh", "insecure-http", "role-attribute"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn json_holds_the_same_script() {
    let json = completions(&["fish", "--json"]).json();
    assert_eq!((json["shell"].as_str(), json["script"].as_str()), (Some("fish"), Some(script("fish").as_str())));
}

#[test]
fn other_shells_are_refused() {
    completions(&["bsh"]).assert_failed(&["'bsh'", "'bash'"]);
    completions(&["powershell"]).assert_failed(&["possible values: bash, zsh, fish"]);
    completions(&[]).assert_failed(&["<SHELL>"]);
}
