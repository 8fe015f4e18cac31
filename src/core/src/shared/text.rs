//! A text in a slot: whole if it fits, else its beginning and its SHA-256.
//!
//! What was cut off is compared by the hash, never by the beginning: nobody is taken for somebody whose name begins alike.

use aws_lc_rs::digest;
use std::fmt;

const HASH_BYTES: usize = 32;
const WORD_BYTES: usize = size_of::<u64>();

/// In the first word: there is a text, be it an empty one.
const PRESENT: u64 = 1 << 63;

/// A text as a slot keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptText {
    beginning: String,
    /// Length and hash of all of it, if that is more than the beginning.
    whole: Option<(usize, [u8; HASH_BYTES])>,
}

impl KeptText {
    /// Whether the text was `other`.
    #[must_use]
    pub fn is(&self, other: &str) -> bool {
        match &self.whole {
            None => self.beginning == other,
            Some((length, hash)) => *length == other.len() && *hash == sha256(other),
        }
    }

    /// Whether it is one of these.
    #[must_use]
    pub fn is_one_of(&self, others: &[String]) -> bool {
        others.iter().any(|other| self.is(other))
    }
}

/// For people: the text, or its beginning, three dots and the hash.
impl fmt::Display for KeptText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.beginning)?;
        if let Some((_, hash)) = &self.whole {
            f.write_str("... (SHA-256 ")?;
            hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            f.write_str(")")?;
        }
        Ok(())
    }
}

/// Writes a text into words: one for its length, and `capacity` more.
pub(super) fn encode(words: &mut Vec<u64>, text: Option<&str>, capacity: usize) {
    let room = capacity * WORD_BYTES;
    let mut bytes = Vec::with_capacity(room);
    let mut head = 0;
    if let Some(text) = text {
        let kept = if text.len() <= room { text.len() } else { text.floor_char_boundary(room - HASH_BYTES) };
        bytes.extend(text.bytes().take(kept));
        if kept < text.len() {
            bytes.resize(room - HASH_BYTES, 0);
            bytes.extend(sha256(text));
        }
        head = PRESENT | (half(kept) << 32) | half(text.len());
    }
    bytes.resize(room, 0);
    words.push(head);
    words.extend(
        bytes
            .chunks_exact(WORD_BYTES)
            .map(|chunk| chunk.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte))),
    );
}

/// Reads what [`encode`] wrote with the same capacity; `None` for no text, or for what it never writes.
pub(super) fn decode(words: &mut impl Iterator<Item = u64>, capacity: usize) -> Option<KeptText> {
    let head = words.next()?;
    let bytes: Vec<u8> = words.take(capacity).flat_map(u64::to_le_bytes).collect();
    if head & PRESENT == 0 {
        return None;
    }
    let length = usize::try_from(head & 0xffff_ffff).ok()?;
    let kept = usize::try_from((head & !PRESENT) >> 32).ok()?;
    let beginning = String::from_utf8(bytes.get(..kept)?.to_vec()).ok()?;
    let whole = if kept == length { None } else { Some((length, *bytes.last_chunk::<HASH_BYTES>()?)) };
    Some(KeptText { beginning, whole })
}

/// No text of a login is longer than 31 bits can say.
fn half(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX) & 0x7fff_ffff
}

fn sha256(text: &str) -> [u8; HASH_BYTES] {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let mut hash = [0; HASH_BYTES];
    hash.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    hash
}
