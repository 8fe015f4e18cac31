//! `oauth-validator completions`: what a shell needs to complete commands and options, made from the command line's own
//! definition.
//!
//! Must never run anything, nor offer what is hidden from `--help`.

use crate::args::{Args, CompletionsOptions, Shell};
use crate::output::{CommandFailure, CommandReport};
use clap::{Command, CommandFactory};
use clap_complete::generate;
use serde_json::json;

/// Runs the command.
pub(crate) fn run(options: &CompletionsOptions, as_json: bool) -> Result<CommandReport, CommandFailure> {
    let (shell, name) = match options.shell {
        Shell::Bash => (clap_complete::Shell::Bash, "bash"),
        Shell::Zsh => (clap_complete::Shell::Zsh, "zsh"),
        Shell::Fish => (clap_complete::Shell::Fish, "fish"),
    };
    let mut script = Vec::new();
    generate(shell, &mut command_line(), "oauth-validator", &mut script);
    let script = String::from_utf8(script).map_err(|_| CommandFailure::new("the completions are not UTF-8"))?;
    // The generator for bash spells a name with a hyphen in two ways, so that no command's options were ever completed:
    // https://github.com/clap-rs/clap/issues/6421
    let script = script.replace("oauth__subcmd__validator", "oauth__validator");
    let text = if as_json { format!("{:#}\n", json!({ "shell": name, "script": script })) } else { script };
    Ok(CommandReport { text, fine: true })
}

/// The command line without what is hidden: the generators know of no such thing.
fn command_line() -> Command {
    let all = Args::command();
    let shown = all.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    Command::new("oauth-validator")
        .version(env!("CARGO_PKG_VERSION"))
        .args(all.get_arguments().cloned())
        .subcommands(shown)
}
