//! `oauth-validator`: judges configurations of the oauth_validator module, and explains its decisions.
//!
//! A table of contents: `args` reads the command line, each command is a module that returns a report, and `output`
//! writes it. `net` alone talks to providers, and `fetch` asks it for keys as the server's `helper` does; `probe` talks to
//! a server of PostgreSQL. Nothing here decides about a token; that is the core's `decide`, as in the server.
#![cfg_attr(test, allow(clippy::string_slice, reason = "a test fails by a panic"))]
#![forbid(unsafe_code)]

mod args;
mod cases;
mod check;
mod comments;
mod completions;
mod config_file;
mod discover;
mod draft;
mod effective;
mod explain;
mod explanation;
mod fetch;
mod findings;
mod found;
mod gateway;
mod helper;
mod init;
mod key_place;
mod keys;
mod layouts;
mod library;
mod line_wrap;
mod login;
mod net;
mod output;
mod preset;
mod probe;
mod proposal;
mod provider_keys;
mod run;
mod sample;
mod schema;
mod server_check;
mod server_files;
mod status;
mod token;
mod token_input;
mod toml_positions;
mod version;
mod words;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    // The server starts this at logins: what people can ask for besides must not cost it anything.
    if is_helper() {
        return output::finish(helper::run(false).map(|never| match never {}));
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return output::misused(&error),
    };
    let result = match &args.command {
        Command::Check(options) => check::run(options, args.json),
        Command::Completions(options) => completions::run(options, args.json),
        Command::Discover(options) => discover::run(options, args.json),
        Command::Explain(options) => explain::run(options, args.json),
        Command::Gateway(options) => gateway::run(options, args.json),
        Command::Helper => helper::run(args.json).map(|never| match never {}),
        Command::Init(options) => init::run(options, args.json),
        Command::Keys(command) => keys::run(command, args.json),
        Command::Preset(command) => preset::run(command, args.json),
        Command::Probe(options) => probe::run(options, args.json),
        // It ends as what it ran.
        Command::Run(options) => return run::run(options, args.json),
        Command::Schema(options) => schema::run(options),
        Command::Status(options) => status::run(options, args.json),
        Command::Test(options) => cases::run(options, args.json),
        Command::Token(options) => token::run(options, args.json),
        Command::Version => version::run(args.json),
    };
    output::finish(result)
}

/// Whether this is `oauth-validator helper` as the server starts it, which has no options to be read.
fn is_helper() -> bool {
    let mut words = std::env::args_os().skip(1);
    words.next().is_some_and(|word| word == "helper") && words.next().is_none()
}
