//! One login: startup packet, SASL OAUTHBEARER (RFC 7628), and what became of it.
//!
//! Sends what the test says, however malformed, and keeps every byte that the server sent before the
//! session began. Never retries, and never falls back to another method.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::wire::{ClientSession, ErrorResponse, WireConnection, WireError, WireMessage, record_parameter, text};

/// Protocol 3.0, which every server speaks.
const PROTOCOL: u32 = 3 << 16;

/// Longer than any wait inside the module, shorter than a developer's patience.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What to send. Has no `Debug`: it holds a token.
#[derive(Clone)]
pub struct Login<'a> {
    role: &'a str,
    database: &'a str,
    response: Vec<u8>,
    parameters: Vec<(&'a str, &'a str)>,
    timeout: Duration,
    held_back: bool,
}

impl<'a> Login<'a> {
    /// A login without a token: where the line says `oauth`, this asks for its parameters, as libpq
    /// does first. Lines with `trust` let it in.
    pub fn new(role: &'a str, database: &'a str) -> Self {
        let response = b"n,,\x01auth=\x01\x01".to_vec();
        Self { role, database, response, parameters: Vec::new(), timeout: TIMEOUT, held_back: false }
    }

    /// Shows this token, which may be any bytes.
    #[must_use]
    pub fn token(mut self, token: impl AsRef<[u8]>) -> Self {
        self.response = [b"n,,\x01auth=Bearer ", token.as_ref(), b"\x01\x01"].concat();
        self
    }

    /// Sends these bytes as the whole initial client response, for exchanges that libpq never has.
    #[must_use]
    pub fn initial_response(mut self, response: impl Into<Vec<u8>>) -> Self {
        self.response = response.into();
        self
    }

    /// Names the mechanism alone at first, as RFC 4422 section 3.3 lets a client, and sends its response when it is asked to
    /// finish.
    #[must_use]
    pub fn held_back(mut self) -> Self {
        self.held_back = true;
        self
    }

    /// Asks for a walsender: `"true"` is physical, `"database"` is logical.
    #[must_use]
    pub fn replication(self, kind: &'a str) -> Self {
        self.parameter("replication", kind)
    }

    /// Adds a startup parameter, for example `options` or `application_name`.
    #[must_use]
    pub fn parameter(mut self, name: &'a str, value: &'a str) -> Self {
        self.parameters.push((name, value));
        self
    }

    /// How long the whole login may take; 20 seconds unless told.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Logs in at the server whose socket lies in this folder, and waits for the outcome.
    pub fn attempt(&self, socket_dir: &Path) -> FinishedLogin {
        self.begin(socket_dir).finish()
    }

    /// Sends everything up to and including the token, and does not wait for the answer. Dropping what
    /// this returns closes the socket, as a client that vanishes does.
    pub fn begin(&self, socket_dir: &Path) -> PendingLogin {
        let started = Instant::now();
        let mut exchange = match WireConnection::open(socket_dir, self.timeout) {
            Ok(connection) => Exchange::new(connection),
            Err(error) => return PendingLogin::failed(started, error),
        };
        let response = self.response.clone();
        let (now, held_back) = if self.held_back { (None, Some(response)) } else { (Some(response), None) };
        let sent = exchange.begin(&self.startup(), now.as_deref());
        PendingLogin {
            state: match sent {
                Ok(()) => ExchangeState::Open(exchange),
                Err(stop) => ExchangeState::Done(exchange.end(stop)),
            },
            started,
            timeout: self.timeout,
            held_back,
        }
    }

    fn startup(&self) -> Vec<u8> {
        let mut body = PROTOCOL.to_be_bytes().to_vec();
        let fixed = [("user", self.role), ("database", self.database)];
        for (name, value) in fixed.iter().chain(&self.parameters) {
            body.extend(text(name));
            body.extend(text(value));
        }
        body.push(0);
        body
    }
}

/// A login whose token is on its way, or held back.
pub struct PendingLogin {
    state: ExchangeState,
    started: Instant,
    timeout: Duration,
    held_back: Option<Vec<u8>>,
}

enum ExchangeState {
    Open(Exchange),
    Done(ExchangeResult),
}

impl PendingLogin {
    fn failed(started: Instant, error: WireError) -> Self {
        Self {
            state: ExchangeState::Done(ExchangeResult {
                outcome: LoginOutcome::from(error),
                challenge: None,
                received: Vec::new(),
            }),
            started,
            timeout: TIMEOUT,
            held_back: None,
        }
    }

    /// Sends what was held back, and waits for the outcome.
    pub fn finish(self) -> FinishedLogin {
        let ended = match self.state {
            ExchangeState::Open(exchange) => exchange.finish(self.timeout, self.held_back.as_deref()),
            ExchangeState::Done(ended) => ended,
        };
        FinishedLogin {
            outcome: ended.outcome,
            challenge: ended.challenge,
            received: ended.received,
            elapsed: self.started.elapsed(),
        }
    }
}

/// What became of a login.
pub enum LoginOutcome {
    /// A session.
    Accepted(ClientSession),
    /// The server refused, and said why.
    Refused(ErrorResponse),
    /// The server closed the connection without an error.
    Disconnected,
    /// No answer in time, or one that is not part of an OAUTHBEARER login; the text says which.
    Failed(String),
}

impl From<WireError> for LoginOutcome {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Server(error) => Self::Refused(error),
            WireError::Disconnected => Self::Disconnected,
            WireError::Protocol(text) => Self::Failed(text),
        }
    }
}

impl fmt::Debug for LoginOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accepted(session) => write!(f, "accepted (backend {})", session.backend_pid()),
            Self::Refused(error) => write!(f, "refused: {error}"),
            Self::Disconnected => f.write_str("disconnected without an error"),
            Self::Failed(text) => write!(f, "failed: {text}"),
        }
    }
}

/// A finished login.
pub struct FinishedLogin {
    /// What became of it.
    pub outcome: LoginOutcome,
    /// The JSON error challenge of RFC 7628 section 3.2.2, where the server sent one.
    pub challenge: Option<Value>,
    /// Every byte that the server sent before the session began, or until it refused.
    pub received: Vec<u8>,
    /// From connecting to the outcome.
    pub elapsed: Duration,
}

impl FinishedLogin {
    /// The session.
    ///
    /// # Panics
    /// If the login was not accepted.
    #[track_caller]
    pub fn accepted(self) -> ClientSession {
        match self.outcome {
            LoginOutcome::Accepted(session) => session,
            other => panic!("the login was not accepted: {other:?}"),
        }
    }

    /// The server's error.
    ///
    /// # Panics
    /// If the login was accepted, or ended without an error of the server.
    #[track_caller]
    pub fn refused(&self) -> &ErrorResponse {
        match &self.outcome {
            LoginOutcome::Refused(error) => error,
            other => panic!("the login was not refused: {other:?}"),
        }
    }
}

impl fmt::Debug for FinishedLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("outcome", &self.outcome)
            .field("challenge", &self.challenge.as_ref().map(Value::to_string))
            .field("received", &self.received.escape_ascii().to_string())
            .field("elapsed", &self.elapsed)
            .finish()
    }
}

/// How an exchange ended, with what was seen on the way.
struct ExchangeResult {
    outcome: LoginOutcome,
    challenge: Option<Value>,
    received: Vec<u8>,
}

/// The half of a login that depends on what the server says.
struct Exchange {
    connection: WireConnection,
    challenge: Option<Value>,
    /// AuthenticationOk came without SASL: a `trust` line.
    authenticated: bool,
    parameters: BTreeMap<String, String>,
    backend_pid: i32,
}

impl Exchange {
    fn new(connection: WireConnection) -> Self {
        Self { connection, challenge: None, authenticated: false, parameters: BTreeMap::new(), backend_pid: 0 }
    }

    /// Up to the initial client response; without one, until the server asks for it.
    fn begin(&mut self, startup: &[u8], response: Option<&[u8]>) -> Result<(), WireError> {
        self.connection.send(None, startup)?;
        let (method, data) = self.authentication()?;
        match method {
            0 => {
                self.authenticated = true;
                return Ok(());
            }
            10 => self.send_initial(&data, response)?,
            other => return Err(unexpected(&format!("authentication method {other}"))),
        }
        if response.is_some() {
            return Ok(());
        }
        match self.authentication()? {
            (11, data) if data.is_empty() => Ok(()),
            (other, _) => Err(unexpected(&format!("authentication message {other}, and no empty challenge"))),
        }
    }

    fn send_initial(&mut self, mechanisms: &[u8], response: Option<&[u8]>) -> Result<(), WireError> {
        const MECHANISM: &str = "OAUTHBEARER";
        if !mechanisms.split(|byte| *byte == 0).any(|name| name == MECHANISM.as_bytes()) {
            let offered = String::from_utf8_lossy(mechanisms).replace('\0', " ");
            return Err(unexpected(&format!("SASL mechanisms {}", offered.trim())));
        }
        // All ones stand for no response.
        let length =
            response.map_or(u32::MAX, |response| u32::try_from(response.len()).expect("a response under 4 GiB"));
        let mut body = text(MECHANISM);
        body.extend(length.to_be_bytes());
        body.extend(response.unwrap_or_default());
        self.send_response(&body)
    }

    fn send_response(&mut self, body: &[u8]) -> Result<(), WireError> {
        match self.connection.send(Some(b'p'), body) {
            // A server that stops reading has usually said why.
            Err(WireError::Disconnected) | Ok(()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn finish(mut self, timeout: Duration, held_back: Option<&[u8]>) -> ExchangeResult {
        let sent = held_back.map_or(Ok(()), |response| self.send_response(response));
        match sent.and_then(|()| self.until_ready()) {
            Ok(()) => {
                let received = self.connection.take_record();
                let session = ClientSession::new(self.connection, self.backend_pid, self.parameters, timeout);
                ExchangeResult { outcome: LoginOutcome::Accepted(session), challenge: self.challenge, received }
            }
            Err(stop) => self.end(stop),
        }
    }

    fn until_ready(&mut self) -> Result<(), WireError> {
        while !self.authenticated {
            let (method, data) = self.authentication()?;
            match method {
                0 => self.authenticated = true,
                11 => self.answer_challenge(&data)?,
                other => return Err(unexpected(&format!("authentication message {other}"))),
            }
        }
        loop {
            let message = self.next()?;
            match message.kind {
                b'S' => record_parameter(&mut self.parameters, &message.body),
                b'K' => self.backend_pid = backend_pid(&message.body)?,
                b'Z' => return Ok(()),
                other => return Err(unexpected(&format!("message {:?}", char::from(other)))),
            }
        }
    }

    /// The error challenge is answered with a single 0x01, then the server refuses (RFC 7628, 3.2.3).
    fn answer_challenge(&mut self, data: &[u8]) -> Result<(), WireError> {
        let challenge = serde_json::from_slice(data)
            .map_err(|error| unexpected(&format!("a challenge that is not JSON ({error})")))?;
        if self.challenge.replace(challenge).is_some() {
            return Err(unexpected("a second challenge"));
        }
        self.send_response(b"\x01")
    }

    /// The next authentication request: its number and its data.
    fn authentication(&mut self) -> Result<(u32, Vec<u8>), WireError> {
        let message = self.next()?;
        let split = message.body.split_first_chunk::<4>();
        match (message.kind, split) {
            (b'R', Some((number, data))) => Ok((u32::from_be_bytes(*number), data.to_vec())),
            (kind, _) => Err(unexpected(&format!("message {:?}", char::from(kind)))),
        }
    }

    /// The next message that is neither a notice nor an error.
    fn next(&mut self) -> Result<WireMessage, WireError> {
        loop {
            let message = self.connection.receive()?;
            match message.kind {
                b'N' => {}
                b'E' => return Err(WireError::Server(ErrorResponse::parse(&message.body))),
                _ => return Ok(message),
            }
        }
    }

    fn end(mut self, stop: WireError) -> ExchangeResult {
        ExchangeResult {
            outcome: LoginOutcome::from(stop),
            challenge: self.challenge,
            received: self.connection.take_record(),
        }
    }
}

fn backend_pid(body: &[u8]) -> Result<i32, WireError> {
    body.first_chunk::<4>().map(|bytes| i32::from_be_bytes(*bytes)).ok_or_else(|| unexpected("a short BackendKeyData"))
}

fn unexpected(what: &str) -> WireError {
    WireError::Protocol(format!("the server sent {what}, which has no place in this login"))
}
