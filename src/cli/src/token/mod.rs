//! `oauth-validator token`: gets a token for a client, prints it, or keeps a file fresh.
//!
//! `source` says where it comes from, `provider` asks, `proof` shows who asks, `grants` speaks the protocol, `keep` renews,
//! `place` writes. A token goes to standard output or into a file of mode 0600, and nowhere else: never into a message, an
//! argument or a log.

mod assertion;
mod command;
mod given;
mod grants;
mod keep;
mod place;
mod prompt;
mod proof;
mod provider;
mod source;

pub(crate) use keep::{StopRequest, TokenKeeper};
pub(crate) use place::{OwnFolder, TokenFilePlace};
pub(crate) use source::TokenOrigin;

use crate::args::{SourceOptions, TokenOptions};
use crate::output::{CommandFailure, CommandReport};
use given::GivenToken;
use oauth_validator_core::BearerToken;
use serde_json::json;
use std::time::Duration;

/// Why there is no token.
#[derive(Debug)]
pub(crate) struct NoToken {
    /// A sentence without its full stop.
    pub(crate) what: String,
    pub(crate) hint: Option<String>,
    /// Whether it may well work later, without anybody's doing.
    pub(crate) passing: bool,
    /// Whether the provider has said no.
    pub(crate) refused: bool,
}

impl NoToken {
    /// The provider has said no, and will say so again.
    fn refused(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None, passing: false, refused: true }
    }

    /// Nobody was asked, since something here is not as it must be.
    fn here(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None, passing: false, refused: false }
    }

    /// No answer, or one that may be another later.
    fn passing(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None, passing: true, refused: false }
    }

    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// For the end of a command: what the provider says is a finding, all else is a failure to run.
    pub(crate) fn into_outcome(self) -> Result<CommandReport, CommandFailure> {
        if self.refused {
            let hint = self.hint.as_ref().map(|hint| format!("\n\n  help: {hint}")).unwrap_or_default();
            crate::output::complain(&format!("error: {}{hint}", crate::output::visible(&self.what, false)));
            return Ok(CommandReport { text: String::new(), fine: false });
        }
        Err(self.into_failure())
    }

    /// For a command that cannot run without.
    fn into_failure(self) -> CommandFailure {
        let failure = CommandFailure::new(self.what);
        match self.hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// The token of a profile of the client's own file, for another command.
///
/// # Errors
/// Why there is none.
pub(crate) fn by_profile(name: &str, timeout: Duration) -> Result<BearerToken, CommandFailure> {
    let options = SourceOptions { profile: Some(name.to_owned()), timeout, ..SourceOptions::default() };
    let token = TokenKeeper::new(TokenOrigin::of(&options)?).first().map_err(NoToken::into_failure)?;
    Ok(BearerToken::new(token.text.as_bytes()))
}

/// Runs the command.
pub(crate) fn run(options: &TokenOptions, as_json: bool) -> Result<CommandReport, CommandFailure> {
    let source = TokenOrigin::of(&options.source)?;
    let mut keeper = TokenKeeper::new(source);
    let Some(path) = &options.output else {
        return match keeper.first() {
            Ok(token) => Ok(CommandReport { text: printed(&token, as_json), fine: true }),
            Err(error) => error.into_outcome(),
        };
    };
    let place = TokenFilePlace::at(path)?;
    let stop = if options.keep { Some(StopRequest::on_signals()?) } else { None };
    let token = match keeper.first() {
        Ok(token) => token,
        Err(error) => return error.into_outcome(),
    };
    place.write(&token.text)?;
    if let Some(stop) = stop
        && let Err(error) = keeper.keep(&place, token.life, &stop)
    {
        return error.into_outcome();
    }
    let text = if as_json { format!("{}\n", json!({ "expires_in": seconds(token.life) })) } else { String::new() };
    Ok(CommandReport { text, fine: true })
}

fn seconds(life: Option<Duration>) -> Option<u64> {
    life.map(|life| life.as_secs())
}

fn printed(token: &GivenToken, as_json: bool) -> String {
    match as_json {
        true => format!(
            "{}\n",
            json!({ "access_token": *token.text, "token_type": "Bearer", "expires_in": seconds(token.life) })
        ),
        false => format!("{}\n", *token.text),
    }
}
