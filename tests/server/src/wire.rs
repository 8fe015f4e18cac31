//! The PostgreSQL protocol, version 3.0, over a Unix socket: framing, errors, simple queries.
//!
//! Follows "Message Formats" of the PostgreSQL manual. Every wait has an end: a server that hangs must
//! fail a test, not stop it. Never decides whether a login is right; see `login.rs` for the exchange.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longer messages mean that the stream is no longer understood.
const MAX_MESSAGE: usize = 64 << 20;

/// One row of a result, as text; `None` is NULL.
pub type ResultRow = Vec<Option<String>>;

/// An ErrorResponse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorResponse {
    /// `ERROR`, `FATAL` or `PANIC`, never translated.
    pub severity: String,
    /// Five characters.
    pub sqlstate: String,
    /// The primary message.
    pub message: String,
    /// DETAIL.
    pub detail: Option<String>,
    /// HINT.
    pub hint: Option<String>,
}

impl ErrorResponse {
    /// Reads the fields of an ErrorResponse.
    pub(crate) fn parse(body: &[u8]) -> Self {
        let mut error = Self::default();
        for field in body.split(|byte| *byte == 0) {
            let Some((code, text)) = field.split_first() else {
                continue;
            };
            let text = String::from_utf8_lossy(text).into_owned();
            match code {
                b'V' => error.severity = text,
                b'C' => error.sqlstate = text,
                b'M' => error.message = text,
                b'D' => error.detail = Some(text),
                b'H' => error.hint = Some(text),
                _ => {}
            }
        }
        error
    }
}

impl fmt::Display for ErrorResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.severity, self.sqlstate, self.message)?;
        if let Some(detail) = &self.detail {
            write!(f, "\nDETAIL: {detail}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nHINT: {hint}")?;
        }
        Ok(())
    }
}

/// Why a query gave no rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WireError {
    /// The server said no.
    Server(ErrorResponse),
    /// The connection ended.
    Disconnected,
    /// No answer in time, or one that the protocol does not allow; the text says which.
    Protocol(String),
}

impl WireError {
    /// The SQLSTATE, if the server gave one.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Server(error) => Some(&error.sqlstate),
            _ => None,
        }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(error) => error.fmt(f),
            Self::Disconnected => f.write_str("the server closed the connection"),
            Self::Protocol(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for WireError {}

/// One message of the server.
pub(crate) struct WireMessage {
    pub kind: u8,
    pub body: Vec<u8>,
}

/// A byte stream cut into messages.
pub(crate) struct WireConnection {
    stream: UnixStream,
    unread: Vec<u8>,
    /// Every byte received, while recording.
    record: Option<Vec<u8>>,
    deadline: Instant,
}

impl WireConnection {
    /// Connects to the server that listens in this folder, on port 5432, and records what it sends.
    pub fn open(socket_dir: &Path, timeout: Duration) -> Result<Self, WireError> {
        let socket = socket_dir.join(".s.PGSQL.5432");
        let stream = UnixStream::connect(&socket)
            .map_err(|error| WireError::Protocol(format!("cannot connect to {}: {error}", socket.display())))?;
        Ok(Self { stream, unread: Vec::new(), record: Some(Vec::new()), deadline: Instant::now() + timeout })
    }

    /// Everything received since the connection was opened; recording ends.
    pub fn take_record(&mut self) -> Vec<u8> {
        self.record.take().unwrap_or_default()
    }

    /// Everything that follows must be done within this time.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.deadline = Instant::now() + timeout;
    }

    /// Sends a message with a type byte, or a startup packet without one.
    pub fn send(&mut self, kind: Option<u8>, body: &[u8]) -> Result<(), WireError> {
        let length = u32::try_from(body.len() + 4).expect("a message under 4 GiB");
        let mut message: Vec<u8> = kind.into_iter().collect();
        message.extend(length.to_be_bytes());
        message.extend(body);
        let left = self.time_left()?;
        self.stream
            .set_write_timeout(Some(left))
            .and_then(|()| self.stream.write_all(&message))
            .map_err(|error| broken(&error, "take the message"))
    }

    /// The next message.
    pub fn receive(&mut self) -> Result<WireMessage, WireError> {
        self.fill(5)?;
        let length = u32::from_be_bytes(self.unread[1..5].try_into().expect("four bytes"));
        let length = length as usize;
        if !(4..=MAX_MESSAGE).contains(&length) {
            return Err(WireError::Protocol(format!("a message of {length} bytes: the stream is out of step")));
        }
        self.fill(1 + length)?;
        let message: Vec<u8> = self.unread.drain(..=length).collect();
        Ok(WireMessage { kind: message[0], body: message[5..].to_vec() })
    }

    fn fill(&mut self, wanted: usize) -> Result<(), WireError> {
        let mut chunk = [0; 8192];
        while self.unread.len() < wanted {
            let left = self.time_left()?;
            let read = self.stream.set_read_timeout(Some(left)).and_then(|()| self.stream.read(&mut chunk));
            let bytes = match read {
                Ok(0) => return Err(WireError::Disconnected),
                Ok(count) => &chunk[..count],
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(broken(&error, "answer")),
            };
            self.unread.extend(bytes);
            if let Some(record) = &mut self.record {
                record.extend(bytes);
            }
        }
        Ok(())
    }

    fn time_left(&self) -> Result<Duration, WireError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(timed_out("answer"));
        }
        Ok(left)
    }
}

fn broken(error: &std::io::Error, what: &str) -> WireError {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => timed_out(what),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => WireError::Disconnected,
        _ => WireError::Protocol(format!("the socket failed: {error}")),
    }
}

fn timed_out(what: &str) -> WireError {
    WireError::Protocol(format!("time-out: the server did not {what} in time"))
}

/// A session that the server let in; ends politely when it is dropped.
pub struct ClientSession {
    connection: WireConnection,
    backend_pid: i32,
    parameters: BTreeMap<String, String>,
    timeout: Duration,
}

impl ClientSession {
    pub(crate) fn new(
        connection: WireConnection,
        backend_pid: i32,
        parameters: BTreeMap<String, String>,
        timeout: Duration,
    ) -> Self {
        Self { connection, backend_pid, parameters, timeout }
    }

    /// Process id of the backend.
    pub fn backend_pid(&self) -> i32 {
        self.backend_pid
    }

    /// A setting that the server reported, for example `server_version`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// How long each query may take; the login's time at first.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Runs one or more statements; the rows are those of the last one that has any.
    pub fn query(&mut self, sql: &str) -> Result<Vec<ResultRow>, WireError> {
        self.connection.set_timeout(self.timeout);
        self.connection.send(Some(b'Q'), &text(sql))?;
        let mut rows = Vec::new();
        let mut failure = None;
        loop {
            let message = self.connection.receive()?;
            match message.kind {
                b'T' => rows.clear(),
                b'D' => rows.push(data_row(&message.body)?),
                b'E' => failure = Some(ErrorResponse::parse(&message.body)),
                b'S' => record_parameter(&mut self.parameters, &message.body),
                b'Z' => break,
                b'G' | b'H' | b'W' => {
                    return Err(WireError::Protocol("COPY is not supported here".into()));
                }
                _ => {}
            }
            // After FATAL no ReadyForQuery follows.
            if let Some(error) = failure.take_if(|error| error.severity != "ERROR") {
                return Err(WireError::Server(error));
            }
        }
        failure.map_or(Ok(rows), |error| Err(WireError::Server(error)))
    }

    /// Sends statements, or commands of a walsender, and does not wait for what comes of them.
    pub fn start(&mut self, sql: &str) -> Result<(), WireError> {
        self.connection.set_timeout(self.timeout);
        self.connection.send(Some(b'Q'), &text(sql))
    }

    /// Reads whatever comes, rows and data of COPY included, until the backend is gone; the reason that it gave.
    ///
    /// It says the reason before it cleans up, so views may show the session until the connection is closed.
    pub fn wait_for_end(&mut self, limit: Duration) -> Result<ErrorResponse, WireError> {
        self.connection.set_timeout(limit);
        let mut reason = None;
        loop {
            match self.connection.receive() {
                Ok(message) if message.kind == b'E' => {
                    let error = ErrorResponse::parse(&message.body);
                    reason = reason.or((error.severity != "ERROR").then_some(error));
                }
                Ok(_) => {}
                Err(WireError::Disconnected) => return reason.ok_or(WireError::Disconnected),
                Err(error) => return Err(error),
            }
        }
    }

    /// What the server says of who logged in and how: `oauth:IDENTITY`; `None` on a trust line.
    pub fn system_user(&mut self) -> Result<Option<String>, WireError> {
        let rows = self.query("SELECT system_user")?;
        match <[ResultRow; 1]>::try_from(rows).map(|[row]| row) {
            Ok(mut row) if row.len() == 1 => Ok(row.remove(0)),
            _ => Err(WireError::Protocol("system_user is not one value".into())),
        }
    }
}

impl Drop for ClientSession {
    fn drop(&mut self) {
        self.connection.set_timeout(Duration::from_secs(1));
        // The server may be gone already, which is what is wanted.
        let _ = self.connection.send(Some(b'X'), &[]);
    }
}

/// A null-terminated string.
pub(crate) fn text(value: &str) -> Vec<u8> {
    let mut bytes = value.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

/// Takes in a ParameterStatus: a name and a value, each ended by a null byte.
pub(crate) fn record_parameter(parameters: &mut BTreeMap<String, String>, body: &[u8]) {
    let mut parts = body.split(|byte| *byte == 0);
    if let (Some(name), Some(value)) = (parts.next(), parts.next()) {
        parameters.insert(String::from_utf8_lossy(name).into_owned(), String::from_utf8_lossy(value).into_owned());
    }
}

fn data_row(body: &[u8]) -> Result<ResultRow, WireError> {
    parse_row(body).ok_or_else(|| WireError::Protocol("a DataRow that ends early".into()))
}

fn parse_row(body: &[u8]) -> Option<ResultRow> {
    let (count, mut rest) = body.split_at_checked(2)?;
    let count = u16::from_be_bytes(count.try_into().ok()?);
    let mut row = ResultRow::with_capacity(count.into());
    for _ in 0..count {
        let (length, after) = rest.split_at_checked(4)?;
        rest = after;
        let length = i32::from_be_bytes(length.try_into().ok()?);
        // -1 is NULL.
        let Ok(length) = usize::try_from(length) else {
            row.push(None);
            continue;
        };
        let (value, after) = rest.split_at_checked(length)?;
        rest = after;
        row.push(Some(String::from_utf8_lossy(value).into_owned()));
    }
    Some(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_nulls_and_values() {
        let body = b"\x00\x03\x00\x00\x00\x02hi\xff\xff\xff\xff\x00\x00\x00\x00";
        let row = parse_row(body).expect("a row");
        assert_eq!(row, [Some("hi".to_owned()), None, Some(String::new())]);
    }

    #[test]
    fn refuses_rows_that_end_early() {
        for body in [&b""[..], b"\x00\x01", b"\x00\x01\x00\x00\x00\x05hi", b"\x00\x02\xff\xff\xff\xff"] {
            assert_eq!(parse_row(body), None, "{body:?}");
        }
    }

    #[test]
    fn reads_the_fields_of_an_error() {
        let body = b"SFATAL\0VFATAL\0C28000\0Mno\0Dwhy\0Htry\0Fauth.c\0\0";
        let error = ErrorResponse::parse(body);
        assert_eq!(error.to_string(), "FATAL 28000: no\nDETAIL: why\nHINT: try");
    }
}
