//! `oauth-validator version`: which build of the tool this is, for people and for whoever compares machines.

use crate::library::Build;
use crate::output::{CommandFailure, CommandReport};
use serde_json::json;

/// Runs the command.
#[expect(clippy::unnecessary_wraps, reason = "as every other command")]
pub(crate) fn run(as_json: bool) -> Result<CommandReport, CommandFailure> {
    let own = Build::own();
    let text = if as_json {
        format!("{:#}\n", json!({"version": own.version, "commit": own.commit, "rustc": own.rustc}))
    } else {
        let commit = own.commit.as_deref().unwrap_or("not known: whoever built it did not say");
        let rustc = own.rustc.as_deref().unwrap_or("not known");
        format!("oauth-validator {}\ncommit {commit}\nrustc {rustc}\n", own.version)
    };
    Ok(CommandReport { text, fine: true })
}
