//! `oauth-validator keys`: the keys that a server has from its providers.
//!
//! What is read and written here is the server's own, by the server's own code. `list` looks, `refresh` fetches.

mod list;
mod refresh;

use crate::args::KeysCommand;
use crate::output::{Failure, Report};

/// Runs the command.
pub(crate) fn run(command: &KeysCommand, as_json: bool) -> Result<Report, Failure> {
    match command {
        KeysCommand::List(options) => list::run(options, as_json),
        KeysCommand::Refresh(options) => refresh::run(options, as_json),
    }
}
