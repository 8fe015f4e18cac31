//! One login: startup, SASL OAUTHBEARER (RFC 7628), and who the server takes the client for.
//!
//! The token is sent once, to a server that asks for it by this mechanism. Must never answer another method, nor try a
//! second time. What an outcome is goes by the step at which it comes, since texts are translated.

use super::target::ProbeTarget;
use super::wire::{BackendMessage, Broken, ErrorResponse, MessageStream, parameter, row};
use crate::output::CommandFailure;
use serde_json::Value;
use std::io::{Read, Write};

const MECHANISM: &str = "OAUTHBEARER";

/// None of these is a function, so that no search_path can put another in its place.
const QUERY: &[u8] = b"SELECT system_user, session_user, current_user\0";

/// SQLSTATE class 28: invalid authorization.
const AUTHORIZATION_CLASS: &str = "28";

/// What became of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbeOutcome {
    /// The token opened a session.
    Accepted,
    /// A session was opened, and nobody asked for the token.
    NotAsked,
    /// The server asks for something else than a token.
    OtherMethod,
    /// The server refuses before it asks for anything.
    NotAdmitted,
    /// The server asked for a token, and none was to be shown.
    Asked,
    /// The token was shown, and it opens no session for this role.
    TokenRefused,
    /// The server could not judge the token.
    NotJudged,
    /// The server knows who it is, and opens no session all the same.
    SessionRefused,
}

/// A login as far as it got.
#[derive(Debug, Default)]
pub(super) struct ProbeFindings {
    /// The error with which the server ended it.
    pub(super) error: Option<ErrorResponse>,
    /// What the server asked for, where that is no token.
    pub(super) method: Option<String>,
    /// What the line of pg_hba.conf asks for, by the server's error challenge (RFC 7628 section 3.2.2).
    pub(super) challenge: Option<Challenge>,
    pub(super) server_version: Option<String>,
    pub(super) backend_pid: Option<u32>,
    pub(super) session: Option<ProbeSession>,
}

/// What a line of pg_hba.conf asks for, as the server says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) status: Option<String>,
    pub(super) openid_configuration: Option<String>,
    pub(super) scope: Option<String>,
}

/// Who the server takes the client for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProbeSession {
    /// The method and the identity; `None` where nobody was asked who it is.
    pub(super) system_user: Option<String>,
    pub(super) session_user: Option<String>,
    pub(super) current_user: Option<String>,
}

/// How far a login is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LoginStep {
    Startup,
    TokenSent,
    /// The server has let the client in: by the token, or without having asked for anything.
    Authenticated {
        by_token: bool,
    },
}

/// Logs in with `response`, the initial client response with the token.
///
/// # Errors
/// Whatever is no outcome: a server that takes nobody, does not answer, or speaks another protocol.
pub(super) fn attempt<S: Read + Write>(
    wire: MessageStream<S>,
    target: &ProbeTarget,
    response: &[u8],
) -> Result<(ProbeOutcome, ProbeFindings, MessageStream<S>), CommandFailure> {
    let mut login = ProbeLogin { wire, step: LoginStep::Startup, findings: ProbeFindings::default() };
    let ended = login.run(target, response);
    let outcome = match ended {
        Ok(outcome) => outcome,
        Err(ProbeStop::Refused(error)) => login.refused(error)?,
        Err(ProbeStop::Broken(broken)) => return Err(login.failure(broken, target)),
    };
    Ok((outcome, login.findings, login.wire))
}

/// Why a login goes no further.
enum ProbeStop {
    Refused(ErrorResponse),
    Broken(Broken),
}

impl From<Broken> for ProbeStop {
    fn from(broken: Broken) -> Self {
        Self::Broken(broken)
    }
}

struct ProbeLogin<S> {
    wire: MessageStream<S>,
    step: LoginStep,
    findings: ProbeFindings,
}

impl<S: Read + Write> ProbeLogin<S> {
    fn run(&mut self, target: &ProbeTarget, response: &[u8]) -> Result<ProbeOutcome, ProbeStop> {
        let parameters = [
            ("user", target.user.as_str()),
            ("database", target.database.as_str()),
            ("application_name", "oauth-validator"),
            ("client_encoding", "UTF8"),
        ];
        self.unless_refused(|wire| wire.start_up(&parameters))?;
        let (number, data) = self.authentication()?;
        let by_token = match (number, mechanisms(&data)) {
            (0, _) => {
                self.findings.method = Some("nothing (trust, peer, ident or cert)".to_owned());
                false
            }
            (10, Some(offered)) if offered.iter().any(|name| name == MECHANISM) => {
                self.show(response)?;
                true
            }
            (number, offered) => {
                self.findings.method = Some(method(number, offered));
                return Ok(ProbeOutcome::OtherMethod);
            }
        };
        self.step = LoginStep::Authenticated { by_token };
        self.until_ready()?;
        self.findings.session = match (self.ask(), by_token) {
            (Ok(session), _) => Some(session),
            // Before PostgreSQL 16 there is no system_user.
            (Err(ProbeStop::Refused(_)), false) => None,
            (Err(stop), _) => return Err(stop),
        };
        Ok(if by_token { ProbeOutcome::Accepted } else { ProbeOutcome::NotAsked })
    }

    /// Shows the token, and waits until it is accepted.
    fn show(&mut self, response: &[u8]) -> Result<(), ProbeStop> {
        let length = u32::try_from(response.len()).unwrap_or(u32::MAX).to_be_bytes();
        self.step = LoginStep::TokenSent;
        let parts = [MECHANISM.as_bytes(), b"\0", &length, response];
        self.unless_refused(|wire| wire.send(Some(b'p'), &parts))?;
        loop {
            match self.authentication()? {
                (0, _) => return Ok(()),
                (11, data) if self.findings.challenge.is_none() => {
                    self.findings.challenge = Some(challenge(&data)?);
                    // A refusal is acknowledged, then the server says it as an error (RFC 7628 section 3.2.3).
                    self.unless_refused(|wire| wire.send(Some(b'p'), &[b"\x01"]))?;
                }
                (number, _) => return Err(out_of_place(&format!("request for authentication {number}"))),
            }
        }
    }

    /// A server that no longer reads has usually said why, which is then what counts.
    fn unless_refused(
        &mut self,
        send: impl FnOnce(&mut MessageStream<S>) -> Result<(), Broken>,
    ) -> Result<(), ProbeStop> {
        match send(&mut self.wire) {
            Err(Broken::Closed) | Ok(()) => Ok(()),
            Err(broken) => Err(broken.into()),
        }
    }

    fn until_ready(&mut self) -> Result<(), ProbeStop> {
        loop {
            let message = self.next()?;
            match message.kind {
                b'K' => {
                    let pid = message.body.first_chunk::<4>().ok_or_else(|| out_of_place("short BackendKeyData"))?;
                    self.findings.backend_pid = Some(u32::from_be_bytes(*pid));
                }
                b'Z' => return Ok(()),
                kind => return Err(out_of_place(&format!("message {:?}", char::from(kind)))),
            }
        }
    }

    /// Asks who the server takes the client for, and says goodbye.
    fn ask(&mut self) -> Result<ProbeSession, ProbeStop> {
        self.unless_refused(|wire| wire.send(Some(b'Q'), &[QUERY]))?;
        let mut answer = None;
        loop {
            let message = self.next()?;
            match message.kind {
                b'T' | b'C' => {}
                b'D' => answer = row(&message.body),
                b'Z' => break,
                kind => return Err(out_of_place(&format!("message {:?}", char::from(kind)))),
            }
        }
        let _ = self.wire.send(Some(b'X'), &[]);
        match answer.map(<[Option<String>; 3]>::try_from) {
            Some(Ok([system_user, session_user, current_user])) => {
                Ok(ProbeSession { system_user, session_user, current_user })
            }
            _ => Err(out_of_place("answer that is not one row of three values")),
        }
    }

    /// The next request for authentication: its number, and its data.
    fn authentication(&mut self) -> Result<(u32, Vec<u8>), ProbeStop> {
        let BackendMessage { kind, body } = self.next()?;
        match (kind, body.split_first_chunk::<4>()) {
            (b'R', Some((number, data))) => Ok((u32::from_be_bytes(*number), data.to_vec())),
            _ => Err(out_of_place(&format!("message {:?}", char::from(kind)))),
        }
    }

    /// The next message that changes anything here. Notices may come at any time, and so may parameters.
    fn next(&mut self) -> Result<BackendMessage, ProbeStop> {
        loop {
            let message = self.wire.receive()?;
            match message.kind {
                b'E' => return Err(ProbeStop::Refused(ErrorResponse::parse(&message.body))),
                b'N' => {}
                b'S' => match parameter(&message.body) {
                    Some((name, value)) if name == "server_version" => self.findings.server_version = Some(value),
                    _ => {}
                },
                _ => return Ok(message),
            }
        }
    }

    /// What an error of the server means at this step.
    fn refused(&mut self, error: ErrorResponse) -> Result<ProbeOutcome, CommandFailure> {
        let outcome = match (self.step, &self.findings.challenge) {
            (LoginStep::Startup, _) if error.code.starts_with(AUTHORIZATION_CLASS) => ProbeOutcome::NotAdmitted,
            (LoginStep::Startup, _) => return Err(unavailable(&error)),
            (LoginStep::TokenSent, Some(_)) => ProbeOutcome::TokenRefused,
            (LoginStep::TokenSent, None) => ProbeOutcome::NotJudged,
            (LoginStep::Authenticated { .. }, _) => ProbeOutcome::SessionRefused,
        };
        self.findings.error = Some(error);
        Ok(outcome)
    }

    fn failure(&self, broken: Broken, target: &ProbeTarget) -> CommandFailure {
        let place = &target.place;
        let when = match self.step {
            LoginStep::Startup => "before it asked for anything; the token was not sent",
            LoginStep::TokenSent => "after the token was sent",
            LoginStep::Authenticated { .. } => "after it let the client in",
        };
        let log = "see the server's log at this time";
        match broken {
            Broken::Closed => CommandFailure::new(format!("{place} closed the connection {when}"))
                .with_hint(format!("{log}; is it PostgreSQL that listens there, and did it crash?")),
            Broken::TimedOut => CommandFailure::new(format!("{place} did not answer in time {when}"))
                .with_hint(format!("{log}; give a longer --timeout if it asks a slow provider")),
            Broken::Garbage(why) => CommandFailure::new(format!("{place}: {why}"))
                .with_hint("compare host and port with the server's; is there something else in between?"),
            Broken::Failed(error) => CommandFailure::new(format!("the connection to {place} failed {when}: {error}")),
        }
    }
}

fn out_of_place(what: &str) -> ProbeStop {
    ProbeStop::Broken(Broken::Garbage(format!("the server sends a {what}, which has no place in this login")))
}

/// An error before anybody was asked who they are, and not about them: there is no one who could judge a token.
fn unavailable(error: &ErrorResponse) -> CommandFailure {
    let hint = match error.code.as_str() {
        "53300" => "try again when fewer sessions are open, or raise max_connections",
        "57P03" => "the server starts or stops: try again",
        _ => "see the server's log at this time",
    };
    CommandFailure::new(format!("the server takes no login now: {error}")).with_hint(hint)
}

/// The names in a list of SASL mechanisms, which an empty one ends.
fn mechanisms(data: &[u8]) -> Option<Vec<String>> {
    let names = data.split(|byte| *byte == 0).take_while(|name| !name.is_empty());
    let names: Vec<String> = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    if names.is_empty() { None } else { Some(names) }
}

/// A request for authentication, in the words of pg_hba.conf.
fn method(number: u32, mechanisms: Option<Vec<String>>) -> String {
    match (number, mechanisms) {
        (3, _) => "a password in clear (password, ldap, pam, radius or bsd)".to_owned(),
        (5, _) => "md5".to_owned(),
        (7, _) => "gss".to_owned(),
        (9, _) => "sspi".to_owned(),
        (10, Some(names)) if names.iter().all(|name| name.starts_with("SCRAM-SHA-256")) => "scram-sha-256".to_owned(),
        (10, Some(names)) => format!("SASL with {}", names.join(", ")),
        (number, _) => format!("authentication request {number}"),
    }
}

fn challenge(data: &[u8]) -> Result<Challenge, ProbeStop> {
    let Ok(Value::Object(members)) = serde_json::from_slice(data) else {
        return Err(out_of_place("challenge that is not a JSON object"));
    };
    let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(Challenge { status: text("status"), openid_configuration: text("openid-configuration"), scope: text("scope") })
}

#[cfg(test)]
mod tests;
