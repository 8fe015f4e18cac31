//! One line of JSON: the versions that are understood, and how long a line may be.
//!
//! A line of another version must never be read as one that is understood, whatever its members are.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// The newest version: it has `basic_raw`, `public`, `userinfo`, `graph`, a bearer token for keys, and certificates of this server, which the first one had not.
pub const PROTOCOL_VERSION: u32 = 2;

/// The versions that are understood: this one and the one before. Answers are the same in both.
pub(super) const UNDERSTOOD: RangeInclusive<u32> = PROTOCOL_VERSION - 1..=PROTOCOL_VERSION;

/// The longest request, in bytes with its newline: room for a file of certificates.
pub const MAX_REQUEST_BYTES: usize = 1024 * 1024;

/// The longest answer, in bytes with its newline: room for the largest key document.
pub const MAX_ANSWER_BYTES: usize = 512 * 1024;

/// Why a line is not one of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolError {
    /// It is of this version, which is not understood.
    Version(u32),
    /// It is no message at all.
    Malformed,
}

pub(super) fn to_line<T: Serialize>(message: &T) -> Vec<u8> {
    // One piece of memory from the start: a line that outgrows it would leave a copy behind.
    let mut line = Vec::with_capacity(MAX_ANSWER_BYTES);
    // Structures with names for members and no foreign types: there is nothing that could fail.
    if serde_json::to_writer(&mut line, message).is_err() {
        line.clear();
    }
    line.push(b'\n');
    line
}

pub(super) fn from_line<T: DeserializeOwned>(line: &[u8]) -> Result<T, ProtocolError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let Versioned { version } = serde_json::from_slice(line).map_err(|_| ProtocolError::Malformed)?;
    if !UNDERSTOOD.contains(&version) {
        return Err(ProtocolError::Version(version));
    }
    serde_json::from_slice(line).map_err(|_| ProtocolError::Malformed)
}
