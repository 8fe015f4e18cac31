//! The faults that a test may choose, and at which stage of a connection each one acts.
//!
//! It only names them: `server` and `answer` carry them out. A fault must change one thing and leave the rest
//! right, so that a client that refuses it has refused it for that reason.

use crate::certificates::ShownCertificate;

/// What goes wrong. Where nothing else is said, status, headers and document are the usual ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing goes wrong. For one path, it also lifts the fault of [`ALL`](crate::ALL) there.
    None,

    /// The connection is closed as soon as it is accepted. Every path.
    Refuse,
    /// The connection is accepted, and not one byte is sent: no TLS handshake takes place. Every path.
    HangBeforeTls,
    /// The certificate is for `other.example`. Every path.
    WrongNameCertificate,
    /// The certificate ended in 2020. Every path.
    ExpiredCertificate,
    /// The certificate begins in 2100. Every path.
    NotYetValidCertificate,
    /// The certificate comes from a CA that is in nobody's file. Every path.
    UntrustedCertificate,

    /// The request is read, and never answered.
    HangAfterTls,
    /// The whole response comes one byte a second, beginning with the status line.
    SlowHeaders,
    /// The headers come at once, the body one byte a second.
    SlowBody,
    /// A chunked body of spaces without end, as fast as the client reads it.
    EndlessChunks,
    /// `Content-Length` promises 100 bytes more than the body has; then the connection ends properly.
    ContentLengthTooLong,
    /// The document with spaces behind it, this many bytes in all; still JSON. At least the document's size.
    Huge(usize),
    /// This status (200 to 599) with the usual document, so that nothing but the status is wrong.
    Status(u16),
    /// This status (300 to 399) and `Location`, with the usual document.
    Redirect(u16, String),
    /// Another `Content-Type` for the usual document; none at all if it is empty.
    ContentType(String),
    /// Status 200 with this body, as it is, at any path.
    Body(Vec<u8>),
    /// The document padded with spaces to this many bytes, compressed, with `Content-Encoding: gzip`, whatever
    /// the client accepts. 10 MiB take some 10 kB.
    Gzip(usize),
    /// These bytes in place of the whole response, status line and headers included.
    Raw(Vec<u8>),
}

impl Fault {
    /// Whether it acts before the path is known, so that it can only be set for all of them.
    pub(crate) fn precedes_request(&self) -> bool {
        matches!(self, Self::Refuse | Self::HangBeforeTls) || self.certificate() != ShownCertificate::Good
    }

    /// The certificate that the server shows under this fault.
    pub(crate) fn certificate(&self) -> ShownCertificate {
        match self {
            Self::WrongNameCertificate => ShownCertificate::WrongName,
            Self::ExpiredCertificate => ShownCertificate::Expired,
            Self::NotYetValidCertificate => ShownCertificate::NotYetValid,
            Self::UntrustedCertificate => ShownCertificate::Untrusted,
            _ => ShownCertificate::Good,
        }
    }

    /// Panics about a status that HTTP does not have, at the line of the test that chose it.
    #[track_caller]
    pub(crate) fn check(&self) {
        match self {
            Self::Status(status) => assert!((200..600).contains(status), "{status} is no final status"),
            Self::Redirect(status, _) => assert!((300..400).contains(status), "{status} is no redirect"),
            _ => {}
        }
    }
}
