//! The file with the token: read anew at each connection, and judged on the open handle.
//!
//! Whoever can write it chooses as whom this process logs in, and whoever can read it is that person. A symbolic link is
//! followed, as containers mount their tokens by links; what it leads to is judged. Must never say what is in it.

#![forbid(unsafe_code)]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth_validator_core::bounds::MAX_TOKEN_BYTES;
use oauth_validator_core::{BearerToken, strict_json_object};
use rustix::fs::OFlags;
use std::fmt::Write;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// The longest text of a stranger that a message repeats, in characters.
const MAX_REPEATED: usize = 200;

/// What a mode may have at most: written by the owner, read by the group.
const WIDEST_MODE: u32 = 0o640;

/// The token in the file, for a process of the user `uid` at `now`, in seconds since 1970.
///
/// # Errors
/// Why there is none: a sentence without its full stop.
pub fn read(path: &Path, uid: u32, now: i64) -> Result<Zeroizing<Vec<u8>>, String> {
    let refused = |why: String| format!("{}: {why}", shown(&path.to_string_lossy()));
    if !path.is_absolute() {
        return Err(refused("it must be an absolute path".to_owned()));
    }
    // Without O_NONBLOCK, whoever can put a named pipe there would hold the login up for ever.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path).map_err(|error| refused(words(&error)))?;
    let found = file.metadata().map_err(|error| refused(words(&error)))?;
    judge(&found, uid).map_err(refused)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_TOKEN_BYTES + 2));
    let limit = MAX_TOKEN_BYTES as u64 + 2;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| refused(words(&error)))?;
    let token = Zeroizing::new(bytes.trim_ascii().to_vec());
    judge_token(&token, now).map_err(refused)?;
    Ok(token)
}

/// An error of the system, without its number: as strerror(3) has it.
#[must_use]
pub fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

fn judge(found: &Metadata, uid: u32) -> Result<(), String> {
    if !found.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if found.uid() != uid && found.uid() != 0 {
        return Err(format!("it belongs to the user {}, not to this process's, {uid}, or root", found.uid()));
    }
    let mode = found.mode() & 0o7777;
    if mode & !WIDEST_MODE != 0 {
        return Err(format!("its mode is {mode:04o}; others must not read it: chmod 0600"));
    }
    Ok(())
}

fn judge_token(token: &[u8], now: i64) -> Result<(), String> {
    if token.is_empty() {
        return Err("it is empty: is what writes it running?".to_owned());
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(format!("it has more than the {MAX_TOKEN_BYTES} bytes that a token may have"));
    }
    if token.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"bearer ")) {
        return Err("it begins with \"Bearer \"; it must have the token alone".to_owned());
    }
    if BearerToken::new(token).to_client_response().is_none() {
        return Err("it has characters that no bearer token has; it must have one token and nothing else".to_owned());
    }
    match expiry(token) {
        Some(expiry) if expiry <= now => {
            Err(format!("its token expired {} s ago: is what renews it running?", now.saturating_sub(expiry)))
        }
        _ => Ok(()),
    }
}

/// When a JWT says that it expires, in seconds since 1970; `None` where the token does not say. Nothing is verified: a
/// server that does will have the last word.
#[must_use]
pub fn expiry(token: &[u8]) -> Option<i64> {
    let mut parts = token.split(|byte| *byte == b'.');
    let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    let claims = Zeroizing::new(URL_SAFE_NO_PAD.decode(claims).ok()?);
    let claims = strict_json_object(&claims)?;
    let expiry = claims.get("exp")?;
    // Within the years that a date can have, a double is exact to the second.
    #[allow(clippy::cast_possible_truncation, reason = "a number out of range becomes the nearest one")]
    expiry.as_i64().or_else(|| expiry.as_f64().map(|seconds| seconds as i64))
}

/// A text of a stranger, so that it cannot look like another line of a log.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (number, character) in text.chars().enumerate() {
        if number == MAX_REPEATED {
            shown.push_str("...");
            break;
        }
        if character.is_control() || ('\u{200b}'..='\u{206f}').contains(&character) {
            // A `String` takes everything.
            let _ = write!(shown, "{}", character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests;
