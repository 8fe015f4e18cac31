//! `oauth-validator probe`: one real login at a running server, with a given token, or what comes before one.
//!
//! A client of PostgreSQL like any other: it decides nothing, and knows of the server what a client is told. Must never
//! print the token, nor send it before the connection is what was asked for.

mod connection;
mod discovery;
mod login;
mod report;
#[cfg(test)]
mod script;
mod target;
mod tls;
mod wire;

use crate::args::ProbeOptions;
use crate::output::{self, CommandFailure, CommandReport};
use crate::{token, token_input, words};
use connection::{Deadline, ServerConnection};
use discovery::Discovery;
use login::ProbeOutcome;
use oauth_validator_core::BearerToken;
use report::ProbeReport;
use target::ProbeTarget;
use wire::MessageStream;
use zeroize::Zeroizing;

/// Runs the command.
pub(crate) fn run(options: &ProbeOptions, as_json: bool) -> Result<CommandReport, CommandFailure> {
    let target = ProbeTarget::find(options)?;
    if options.discovery {
        return asked(options, &target, as_json);
    }
    let token = match &options.token_from {
        Some(profile) => token::by_profile(profile, options.timeout)?,
        None => token_input::read(options.token_file.as_deref())?.token,
    };
    let response = client_response(&token)?;
    let wire = MessageStream::new(ServerConnection::open(&target.place, Deadline::after(options.timeout))?);
    let (outcome, findings, wire) = login::attempt(wire, &target, &response)?;
    let now = words::now();
    let connection = wire.stream();
    let probe = ProbeReport { target: &target, options, connection, outcome, findings, now, discovery: None };
    let text = if as_json { probe.to_json() } else { probe.to_text() };
    if token.is_repeated_in(&text) {
        let what = "the server's answer repeats the token, and is not shown";
        return Err(
            CommandFailure::new(what).with_hint("no PostgreSQL does that: what listens there? withdraw the token")
        );
    }
    Ok(CommandReport { text: shown(text, as_json), fine: probe.is_accepted() })
}

/// Without a token: what the server asks for, and what libpq would find of the provider.
fn asked(options: &ProbeOptions, target: &ProbeTarget, as_json: bool) -> Result<CommandReport, CommandFailure> {
    let wire = MessageStream::new(ServerConnection::open(&target.place, Deadline::after(options.timeout))?);
    let (mut outcome, findings, wire) = login::attempt(wire, target, discovery::ASK)?;
    let url = findings.challenge.as_ref().and_then(|challenge| challenge.openid_configuration.as_deref());
    let discovery = url.filter(|_| outcome == ProbeOutcome::TokenRefused).map(|url| Discovery::of(url, options));
    if discovery.is_some() {
        outcome = ProbeOutcome::Asked;
    }
    let fine = discovery.as_ref().is_some_and(Discovery::is_fine);
    let (connection, now) = (wire.stream(), words::now());
    let probe = ProbeReport { target, options, connection, outcome, findings, now, discovery };
    let text = if as_json { probe.to_json() } else { probe.to_text() };
    Ok(CommandReport { text: shown(text, as_json), fine })
}

/// In lines that fit the terminal, where a person reads them.
fn shown(text: String, as_json: bool) -> String {
    if as_json { text } else { output::prose(&text) }
}

/// What is sent; a file with something else than a token is not.
fn client_response(token: &BearerToken) -> Result<Zeroizing<Vec<u8>>, CommandFailure> {
    token.to_client_response().ok_or_else(|| {
        CommandFailure::new(
            "this is no token: it is empty, or has characters that no bearer token has (RFC 6750 section 2.1)",
        )
        .with_hint("give the access token alone, not the provider's whole answer")
    })
}
