//! A client that logs in and leaves, over a Unix socket or over TLS, and does as little as it can besides: what is measured
//! is the server.
//!
//! Everything that does not depend on the server's words is prepared beforehand. A login that is refused is an error,
//! never a measurement. It never sees how a token is judged; tests/server has the client that asks such questions.

use crate::scram::Scram;
use crate::stream::{Stream, Way};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// What a client proves who it is with.
#[derive(Clone)]
pub enum Credential {
    /// Nothing: pg_hba.conf says `trust`, or `cert`, whose proof is part of TLS.
    Nothing,
    /// A password as it is, for a server that asks somebody else about it.
    ClearText(String),
    /// The password of a role, as SCRAM-SHA-256 wants it.
    Password(String),
    /// A bearer token. Has no `Debug`.
    Token(String),
}

/// A login that can be repeated.
#[derive(Clone)]
pub struct RepeatedLogin {
    way: Way,
    startup: Vec<u8>,
    proof: Credential,
}

impl RepeatedLogin {
    /// A client of the server whose socket is in this folder, on port 5432.
    pub fn new(socket_dir: &Path, role: &str, proof: Credential) -> Self {
        let mut body = (3u32 << 16).to_be_bytes().to_vec();
        body.extend(format!("user\0{role}\0database\0postgres\0\0").bytes());
        Self { way: Way::Socket(socket_dir.join(".s.PGSQL.5432")), startup: message(None, &body), proof }
    }

    /// This client, by another way.
    #[must_use]
    pub fn by(self, way: Way) -> Self {
        Self { way, ..self }
    }

    /// Logs in, leaves, and waits until the backend has closed its end, so that one login does not pay for the end of
    /// the one before. Returns the time from connecting to `ReadyForQuery`.
    ///
    /// # Errors
    /// When the login is refused, with the server's message, or takes longer than 20 seconds.
    pub fn login(&self) -> Result<Duration> {
        self.login_and(|_| Ok(()))
    }

    /// Logs in as [`Self::login`] does, and looks at the process of the backend while it is there.
    ///
    /// # Errors
    /// As [`RepeatedLogin::login`], and those of `look`.
    pub fn login_and(&self, look: impl FnOnce(i32) -> Result<()>) -> Result<Duration> {
        let started = Instant::now();
        let mut stream = self.way.connect()?;
        stream.write_all(&self.startup)?;
        let mut conversation = Conversation { stream, unread: Vec::with_capacity(4096), read: 0 };
        let backend = conversation.until_ready(&self.proof)?;
        let elapsed = started.elapsed();
        look(backend)?;
        conversation.leave()?;
        Ok(elapsed)
    }
}

struct Conversation {
    stream: Stream,
    unread: Vec<u8>,
    /// How much of `unread` was taken.
    read: usize,
}

impl Conversation {
    /// The number of the backend.
    fn until_ready(&mut self, proof: &Credential) -> Result<i32> {
        let mut scram = None;
        let mut backend = 0;
        loop {
            let (kind, body) = self.next()?;
            match (kind, body.split_first_chunk::<4>()) {
                (b'R', Some((number, data))) => {
                    let answer = authentication(u32::from_be_bytes(*number), data, proof, &mut scram)?;
                    if let Some(answer) = answer {
                        self.stream.write_all(&answer)?;
                    }
                }
                (b'K', Some((number, _))) => backend = i32::from_be_bytes(*number),
                (b'Z', _) => return Ok(backend),
                (b'E', _) => return Err(refused(&body)),
                _ => {}
            }
        }
    }

    fn leave(mut self) -> Result<()> {
        self.stream.write_all(&message(Some(b'X'), &[]))?;
        match self.stream.read(&mut [0; 64]) {
            Ok(_) => Ok(()),
            // Over TLS, a server that ends without saying so is told apart from one that does.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn next(&mut self) -> Result<(u8, Vec<u8>)> {
        self.fill(5)?;
        let head = &self.unread[self.read..];
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        self.fill(1 + length)?;
        let start = self.read;
        self.read += 1 + length;
        Ok((self.unread[start], self.unread[start + 5..self.read].to_vec()))
    }

    fn fill(&mut self, wanted: usize) -> Result<()> {
        let mut chunk = [0; 4096];
        while self.unread.len() - self.read < wanted {
            match self.stream.read(&mut chunk)? {
                0 => return Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection")),
                count => self.unread.extend(&chunk[..count]),
            }
        }
        Ok(())
    }
}

/// What to say to an authentication request ("Message Formats" in the PostgreSQL manual).
fn authentication(number: u32, data: &[u8], proof: &Credential, scram: &mut Option<Scram>) -> Result<Option<Vec<u8>>> {
    let out_of_place = || Error::other(format!("authentication request {number} does not belong to this login"));
    match (number, proof) {
        (0, _) => Ok(None),
        (3, Credential::ClearText(password)) => Ok(Some(message(Some(b'p'), format!("{password}\0").as_bytes()))),
        (10, Credential::Token(token)) => {
            Ok(Some(initial("OAUTHBEARER", format!("n,,\x01auth=Bearer {token}\x01\x01").as_bytes())))
        }
        (10, Credential::Password(password)) => {
            let begun = scram.insert(Scram::new(password));
            Ok(Some(initial("SCRAM-SHA-256", begun.first().as_bytes())))
        }
        (11, Credential::Password(_)) => {
            let last = scram.as_ref().ok_or_else(out_of_place)?.last(data)?;
            Ok(Some(message(Some(b'p'), last.as_bytes())))
        }
        (11, Credential::Token(_)) => Err(Error::other("the server denied the token")),
        // The server's own proof. A benchmark has no secrets to keep from a false server.
        (12, Credential::Password(_)) => Ok(None),
        _ => Err(out_of_place()),
    }
}

fn initial(mechanism: &str, response: &[u8]) -> Vec<u8> {
    let length = u32::try_from(response.len()).expect("a response under 4 GiB").to_be_bytes();
    message(Some(b'p'), &[mechanism.as_bytes(), b"\0", &length, response].concat())
}

fn message(kind: Option<u8>, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("a message under 4 GiB").to_be_bytes();
    kind.into_iter().chain(length).chain(body.iter().copied()).collect()
}

/// The primary message of an ErrorResponse.
fn refused(body: &[u8]) -> Error {
    let text = body.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"M")).unwrap_or_default();
    Error::other(format!("the server refused: {}", String::from_utf8_lossy(text)))
}
