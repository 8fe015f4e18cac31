//! The PostgreSQL protocol, version 3.0, as far as a login and one query need it ("Message Formats" of its manual).
//!
//! Everything that comes in is a stranger's until the login is over, and has a limit. A library for it would bring twenty
//! packages, no OAUTHBEARER, and buffers that keep the token. Must never decide what an answer means for the login.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use zeroize::Zeroizing;

/// The longest message of a server, in bytes without its type: libpq takes errors of 30,000.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// Everything that a server sends in a login and a query, in bytes.
const MAX_RECEIVED_BYTES: usize = 1024 * 1024;

/// The longest message of an error that is printed, in characters.
const MAX_SHOWN_CHARS: usize = 1000;

/// Version 3.0, which every server speaks.
const PROTOCOL: u32 = 3 << 16;

/// Why there is no next message.
#[derive(Debug)]
pub(super) enum Broken {
    /// The server closed the connection.
    Closed,
    /// The time is over.
    TimedOut,
    /// What came is no message of this protocol, or one that has no place here: a sentence without its full stop.
    Garbage(String),
    /// The connection failed.
    Failed(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::WriteZero => {
                Self::Closed
            }
            _ => Self::Failed(error),
        }
    }
}

/// One message of the server.
#[derive(Debug)]
pub(super) struct BackendMessage {
    pub(super) kind: u8,
    pub(super) body: Vec<u8>,
}

/// A stream of bytes, cut into messages.
pub(super) struct MessageStream<S> {
    stream: S,
    received: usize,
}

impl<S: Read + Write> MessageStream<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, received: 0 }
    }

    pub(super) fn stream(&self) -> &S {
        &self.stream
    }

    /// The startup message: who wants to go where. Names and values have no NUL, since no argument can have one.
    pub(super) fn start_up(&mut self, parameters: &[(&str, &str)]) -> Result<(), Broken> {
        let mut body = PROTOCOL.to_be_bytes().to_vec();
        for (name, value) in parameters {
            for text in [name, value] {
                body.extend_from_slice(text.as_bytes());
                body.push(0);
            }
        }
        body.push(0);
        self.send(None, &[&body])
    }

    /// A message of these parts behind each other; wiped here when it is sent, since it may hold the token.
    pub(super) fn send(&mut self, kind: Option<u8>, parts: &[&[u8]]) -> Result<(), Broken> {
        let length = 4 + parts.iter().map(|part| part.len()).sum::<usize>();
        let announced =
            u32::try_from(length).map_err(|_| Broken::Garbage("a message is too long to be sent".to_owned()))?;
        let mut message = Zeroizing::new(Vec::with_capacity(length + 1));
        message.extend(kind);
        message.extend_from_slice(&announced.to_be_bytes());
        parts.iter().for_each(|part| message.extend_from_slice(part));
        self.stream.write_all(&message)?;
        Ok(self.stream.flush()?)
    }

    /// The next message.
    pub(super) fn receive(&mut self) -> Result<BackendMessage, Broken> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        if !kind.is_ascii_alphabetic() || !(4..=MAX_MESSAGE_BYTES + 4).contains(&length) {
            return Err(Broken::Garbage("what answers there does not speak PostgreSQL's protocol".to_owned()));
        }
        self.received += length + 1;
        if self.received > MAX_RECEIVED_BYTES {
            return Err(Broken::Garbage(format!(
                "the server sends more than {MAX_RECEIVED_BYTES} bytes for one login"
            )));
        }
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body)?;
        Ok(BackendMessage { kind, body })
    }
}

/// An ErrorResponse ("Error and Notice Message Fields"). All of it is what the server says, and any bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ErrorResponse {
    /// `ERROR`, `FATAL` or `PANIC`, never translated.
    pub(super) severity: String,
    /// SQLSTATE: five characters.
    pub(super) code: String,
    pub(super) message: String,
    pub(super) detail: Option<String>,
    pub(super) hint: Option<String>,
}

impl ErrorResponse {
    pub(super) fn parse(body: &[u8]) -> Self {
        let mut error = Self::default();
        for field in body.split(|byte| *byte == 0) {
            let Some((code, text)) = field.split_first() else { continue };
            let text = String::from_utf8_lossy(text).into_owned();
            match code {
                b'V' => error.severity = text,
                b'C' => error.code = text,
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
        write!(f, "{} {}: {:.*}", self.severity, self.code, MAX_SHOWN_CHARS, self.message)
    }
}

/// The values of a DataRow as text, `None` for NULL; nothing if it ends early or goes on too long.
pub(super) fn row(body: &[u8]) -> Option<Vec<Option<String>>> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut values = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        rest = behind;
        // -1 is NULL.
        let value = match usize::try_from(i32::from_be_bytes(*length)) {
            Ok(length) => {
                let (value, behind) = rest.split_at_checked(length)?;
                rest = behind;
                Some(String::from_utf8_lossy(value).into_owned())
            }
            Err(_) => None,
        };
        values.push(value);
    }
    rest.is_empty().then_some(values)
}

/// The name and the value of a ParameterStatus.
pub(super) fn parameter(body: &[u8]) -> Option<(String, String)> {
    let mut texts = body.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
    Some((texts.next()?, texts.next()?))
}

#[cfg(test)]
mod tests {
    use super::{Broken, ErrorResponse, MAX_MESSAGE_BYTES, MAX_RECEIVED_BYTES, MessageStream, parameter, row};
    use crate::probe::script::Script;

    fn wire(bytes: impl Into<Vec<u8>>) -> MessageStream<Script> {
        MessageStream::new(Script::new(bytes))
    }

    fn message(kind: u8, length: usize) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.extend(u32::try_from(length + 4).unwrap().to_be_bytes());
        bytes.resize(length + 5, b'x');
        bytes
    }

    #[test]
    fn the_startup_message_is_as_the_manual_has_it() {
        let mut wire = wire("");
        wire.start_up(&[("user", "ana"), ("database", "d")]).expect("it is written");
        assert_eq!(wire.stream().told, b"\0\0\0\x1d\0\x03\0\0user\0ana\0database\0d\0\0");
    }

    #[test]
    fn the_longest_message_is_read_and_no_longer_one() {
        let mut read = wire(message(b'N', MAX_MESSAGE_BYTES));
        assert_eq!(read.receive().expect("a message").body.len(), MAX_MESSAGE_BYTES);
        assert!(matches!(read.receive(), Err(Broken::Closed)));
        assert!(matches!(wire(message(b'N', MAX_MESSAGE_BYTES + 1)).receive(), Err(Broken::Garbage(_))));
    }

    #[test]
    fn no_number_of_messages_is_too_much_for_the_memory() {
        let each = message(b'N', 1019);
        let mut wire = wire(each.repeat(2000));
        for _ in 0..MAX_RECEIVED_BYTES / each.len() {
            wire.receive().expect("a message");
        }
        assert!(matches!(wire.receive(), Err(Broken::Garbage(why)) if why.contains("more than 1048576 bytes")));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bytes in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"R\0\0\0\x03",
            b"\0\0\0\0\x04",
            b"R\xff\xff\xff\xff",
            b"\x15\x03\x01\0\x02",
        ] {
            assert!(matches!(wire(bytes).receive(), Err(Broken::Garbage(_))), "{bytes:?}");
        }
        for bytes in [&b""[..], b"R", b"R\0\0\0", b"R\0\0\0\x08\0\0"] {
            assert!(matches!(wire(bytes).receive(), Err(Broken::Closed)), "{bytes:?}");
        }
    }

    #[test]
    fn an_error_is_read_however_little_of_it_there_is() {
        let error = ErrorResponse::parse(b"SFATAL\0VFATAL\0C28000\0Mno\0Dwhy\0Htry\0Fauth.c\0\0");
        assert_eq!((error.severity.as_str(), error.code.as_str(), error.message.as_str()), ("FATAL", "28000", "no"));
        assert_eq!((error.detail.as_deref(), error.hint.as_deref()), (Some("why"), Some("try")));
        assert_eq!(ErrorResponse::parse(b""), ErrorResponse::default());
        assert_eq!(ErrorResponse::parse(b"M\xff").message, "\u{fffd}");
    }

    #[test]
    fn rows_have_values_and_nulls() {
        let body = b"\0\x03\0\0\0\x02hi\xff\xff\xff\xff\0\0\0\0";
        assert_eq!(row(body), Some(vec![Some("hi".to_owned()), None, Some(String::new())]));
        for body in [&b""[..], b"\0\x01", b"\0\x01\0\0\0\x05hi", b"\0\x02\xff\xff\xff\xff", b"\0\0x"] {
            assert_eq!(row(body), None, "{body:?}");
        }
    }

    #[test]
    fn a_parameter_has_two_texts() {
        assert_eq!(parameter(b"server_version\x0018.6\0"), Some(("server_version".to_owned(), "18.6".to_owned())));
        assert_eq!(parameter(b"server_version"), None);
    }
}
