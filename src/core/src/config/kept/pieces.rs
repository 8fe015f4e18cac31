//! The pieces of a kept form: where they are, and that each is what was written.
//!
//! A checksum is made over a piece, its place, and what the form was made of, so that no other piece passes for it: after a
//! power cut a file can have blocks of another one that was there before it, such as an older form. It tells damage and not
//! malice: whoever may write the file may let anybody in.

use aws_lc_rs::digest::{Context, SHA256};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A form as somebody reads it who may.
pub trait Pieces {
    /// A number for the texts that the form was made of, as [`super::kept_form`] had it.
    fn made_of(&self) -> u64;

    /// So many bytes from there on; `None` if there are not so many, or they cannot be read.
    fn piece(&mut self, at: u64, length: usize) -> Option<Cow<'_, [u8]>>;
}

/// A form that is in memory.
#[derive(Debug, Clone, Copy)]
pub struct FormInMemory<'f> {
    /// All of it.
    pub form: &'f [u8],
    /// See [`Pieces::made_of`].
    pub made_of: u64,
}

impl Pieces for FormInMemory<'_> {
    fn made_of(&self) -> u64 {
        self.made_of
    }

    fn piece(&mut self, at: u64, length: usize) -> Option<Cow<'_, [u8]>> {
        let rest = self.form.get(usize::try_from(at).ok()?..)?;
        rest.get(..length).map(Cow::Borrowed)
    }
}

/// Where a piece is, without its checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PiecePosition {
    at: u64,
    length: u32,
}

const SUM_BYTES: usize = 8;

/// The bytes that stand for a place in a list, its checksum included.
pub(super) const PLACE_BYTES: u64 = 20;

/// A place in a list, without the checksum.
const BARE_PLACE_BYTES: u32 = 12;

/// The first eight bytes of the SHA-256 of these texts, one behind the other.
pub(super) fn key_of(texts: &[&[u8]]) -> u64 {
    u64::from_le_bytes(sum(texts))
}

fn sum(texts: &[&[u8]]) -> [u8; SUM_BYTES] {
    let mut context = Context::new(&SHA256);
    texts.iter().for_each(|text| context.update(text));
    let digest = context.finish();
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

fn sum_of(made_of: u64, piece: &[u8], at: u64) -> [u8; SUM_BYTES] {
    sum(&[&made_of.to_le_bytes(), &at.to_le_bytes(), piece])
}

/// The bytes there, if they are what was written.
fn checked(form: &mut dyn Pieces, PiecePosition { at, length }: PiecePosition) -> Option<Vec<u8>> {
    let (made_of, length) = (form.made_of(), usize::try_from(length).ok()?);
    let with_sum = form.piece(at, length.checked_add(SUM_BYTES)?)?;
    let (piece, written) = with_sum.split_at_checked(length)?;
    (sum_of(made_of, piece, at) == written).then(|| piece.to_vec())
}

/// What a piece says, if it is what was written.
pub(super) fn read<T: DeserializeOwned>(form: &mut dyn Pieces, place: PiecePosition) -> Option<T> {
    postcard::from_bytes(&checked(form, place)?).ok()
}

/// What the piece says whose place the form begins with.
pub(super) fn summary<T: DeserializeOwned>(form: &mut dyn Pieces) -> Option<T> {
    let place = place_at(form, 0)?;
    read(form, place)
}

/// The place that a list has there.
pub(super) fn place_at(form: &mut dyn Pieces, at: u64) -> Option<PiecePosition> {
    let bytes = checked(form, PiecePosition { at, length: BARE_PLACE_BYTES })?;
    let (at, length) = bytes.split_first_chunk()?;
    Some(PiecePosition { at: u64::from_le_bytes(*at), length: u32::from_le_bytes(*length.first_chunk()?) })
}

/// Writes a form, which begins with the place of its summary.
pub(super) struct PiecesWriter {
    form: Vec<u8>,
    made_of: u64,
}

impl PiecesWriter {
    pub(super) fn new(made_of: u64) -> Self {
        Self { form: written(made_of, PiecePosition { at: 0, length: 0 }, 0), made_of }
    }

    /// Adds a piece; `None` if it cannot be written.
    pub(super) fn write(&mut self, piece: &impl Serialize) -> Option<PiecePosition> {
        let bytes = postcard::to_allocvec(piece).ok()?;
        let place = PiecePosition { at: self.end(), length: u32::try_from(bytes.len()).ok()? };
        self.form.extend_from_slice(&bytes);
        self.form.extend_from_slice(&sum_of(self.made_of, &bytes, place.at));
        Some(place)
    }

    /// Adds a list of places, and says where it begins.
    pub(super) fn write_places(&mut self, places: &[PiecePosition]) -> u64 {
        let begin = self.end();
        for place in places {
            let slot = written(self.made_of, *place, self.end());
            self.form.extend(slot);
        }
        begin
    }

    /// The form, once it has its summary.
    pub(super) fn finish(mut self, summary: &impl Serialize) -> Option<Vec<u8>> {
        let first = written(self.made_of, self.write(summary)?, 0);
        self.form.get_mut(..first.len())?.copy_from_slice(&first);
        Some(self.form)
    }

    fn end(&self) -> u64 {
        self.form.len() as u64
    }
}

/// A place as it stands at `at` in a list.
fn written(made_of: u64, place: PiecePosition, at: u64) -> Vec<u8> {
    let mut bytes = place.at.to_le_bytes().to_vec();
    bytes.extend(place.length.to_le_bytes());
    let sum = sum_of(made_of, &bytes, at);
    bytes.extend(sum);
    bytes
}
