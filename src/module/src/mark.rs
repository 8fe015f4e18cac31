//! What this library was built of, as words in its file: `oauth-validator status`, strings(1) and what(1) find them there.

use oauth_validator_core::build;
use pgrx::pg_sys;

const PARTS: [&[u8]; 9] = [
    build::MARK.as_bytes(),
    build::VERSION.as_bytes(),
    b" commit=",
    build::COMMIT.as_bytes(),
    b" rustc=",
    build::COMPILER.as_bytes(),
    b" postgresql=",
    pg_sys::PG_VERSION.to_bytes(),
    b"\0",
];

const BYTES: usize = {
    let (mut bytes, mut parts): (usize, &[&[u8]]) = (0, &PARTS);
    while let Some((part, rest)) = parts.split_first() {
        bytes += part.len();
        parts = rest;
    }
    bytes
};

/// The words, which the linker keeps if something looks at them.
pub(crate) static MARK: [u8; BYTES] = joined();

const fn joined() -> [u8; BYTES] {
    let mut text = [0; BYTES];
    let mut room: &mut [u8] = &mut text;
    let mut parts: &[&[u8]] = &PARTS;
    while let Some((part, rest)) = parts.split_first() {
        // What is left of the room goes on being borrowed from the text: moved, and not lent by the one before.
        let (to, left) = { room }.split_at_mut(part.len());
        to.copy_from_slice(part);
        room = left;
        parts = rest;
    }
    text
}
