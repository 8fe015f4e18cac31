//! Counters of decisions, by profile and code.
//!
//! A cell belongs to the first pair of profile and code that claims it, by one compare-and-swap of the pair's hash, and
//! never changes hands. Where all are taken, the last cell counts for everybody else. Nothing is ever lost or counted
//! twice, however many count at once.

use super::{FNV_OFFSET, fnv};
use crate::reason::Reason;
use std::sync::atomic::{AtomicU64, Ordering};

/// Cells with a name of their own. Logins of 64 profiles with each reason code fit.
pub(super) const CELLS: usize = 4096;

/// Words of a cell: count, time, label, and the profile's name.
pub(super) const CELL_WORDS: usize = 16;

const NAME_WORDS: usize = 8;

/// What the profile and code of the cell for all others are called.
pub const OTHERS: &str = "(others)";

/// How a login was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecisionCode {
    /// It stands.
    Granted,
    /// It was denied.
    Denied(Reason),
    /// A rule that only reports would have denied it; how it was decided is counted besides.
    ReportOnly,
}

/// What rules that only report have: beyond all reason codes, of which there may be more one day.
const REPORT_ONLY: u64 = 0xffff;

impl DecisionCode {
    /// The name that the views have for it: `granted`, `report_only`, or the reason code.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Denied(reason) => reason.code(),
            Self::ReportOnly => "report_only",
        }
    }

    /// 0 is granted, and reason codes follow in the order of [`Reason::ALL`].
    fn number(self) -> u64 {
        let place = match self {
            Self::Granted => 0,
            Self::ReportOnly => return REPORT_ONLY,
            Self::Denied(reason) => Reason::ALL.iter().position(|other| *other == reason).map_or(0, |at| at + 1),
        };
        u64::try_from(place).unwrap_or_default()
    }

    fn of_number(number: u64) -> Option<Self> {
        match usize::try_from(number).ok()?.checked_sub(1) {
            _ if number == REPORT_ONLY => Some(Self::ReportOnly),
            None => Some(Self::Granted),
            Some(at) => Reason::ALL.get(at).copied().map(Self::Denied),
        }
    }
}

/// One counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterValue {
    /// The profile; `None` where none was chosen.
    pub profile: Option<String>,
    /// The code's name, or [`OTHERS`].
    pub code: &'static str,
    /// How often.
    pub count: u64,
    /// When last, in the unit of those who counted.
    pub last_at: i64,
}

/// All cells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counters<'r> {
    /// Whose each cell is: the hash of profile and code, or 0. By themselves, so that a search stays in a few pages.
    owners: &'r [AtomicU64],
    cells: &'r [AtomicU64],
}

/// One cell.
#[derive(Clone, Copy)]
struct Cell<'r> {
    count: &'r AtomicU64,
    last_at: &'r AtomicU64,
    /// 0 until the name is there; then 1, from bit 8 the code's number, from bit 32 the length of the name.
    label: &'r AtomicU64,
    name: &'r [AtomicU64],
}

const LABELLED: u64 = 1;

impl<'r> Counters<'r> {
    pub(super) const WORDS: usize = CELLS + (CELLS + 1) * CELL_WORDS;

    pub(super) fn new(words: &'r [AtomicU64]) -> Option<Self> {
        let (owners, cells) = words.split_at_checked(CELLS)?;
        Some(Self { owners, cells })
    }

    pub(super) fn count(&self, profile: &str, code: DecisionCode, at: i64) {
        let number = code.number();
        let own = self.claim(owner(profile, number)).and_then(|place| self.cell(place));
        if let Some(cell) = own {
            cell.name(profile, number);
            cell.add(at);
        } else if let Some(others) = self.cell(CELLS) {
            others.add(at);
        }
    }

    /// The place of this owner's cell, which is claimed if it has none yet; `None` if all are others'.
    fn claim(&self, owner: u64) -> Option<usize> {
        let first = usize::try_from(owner % CELLS as u64).unwrap_or_default();
        (0..CELLS).map(|step| (first + step) % CELLS).find(|place| {
            self.owners.get(*place).is_some_and(|whose| match whose.load(Ordering::Relaxed) {
                0 => match whose.compare_exchange(0, owner, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => true,
                    // Somebody was faster, be it for the same pair.
                    Err(other) => other == owner,
                },
                other => other == owner,
            })
        })
    }

    fn cell(&self, place: usize) -> Option<Cell<'r>> {
        let start = place.checked_mul(CELL_WORDS)?;
        let (numbers, rest) = self.cells.get(start..)?.split_at_checked(3)?;
        let [count, last_at, label] = numbers else { return None };
        Some(Cell { count, last_at, label, name: rest.get(..NAME_WORDS)? })
    }

    pub(super) fn all(&self) -> Vec<CounterValue> {
        let own = (0..CELLS).filter_map(|place| self.cell(place)?.read());
        let others = self.cell(CELLS).and_then(|cell| {
            let profile = Some(OTHERS.to_owned());
            Some(CounterValue { profile, code: OTHERS, ..cell.numbers()? })
        });
        own.chain(others).collect()
    }
}

impl Cell<'_> {
    /// Writes the name, unless it is there. Whoever counts at the same time writes the same words, so nobody has to wait
    /// for the one that claimed the cell.
    fn name(&self, profile: &str, number: u64) {
        if self.label.load(Ordering::Relaxed) & LABELLED == LABELLED {
            return;
        }
        let mut bytes: Vec<u8> = profile.bytes().take(NAME_WORDS * size_of::<u64>()).collect();
        let length = u64::try_from(bytes.len()).unwrap_or_default();
        bytes.resize(NAME_WORDS * size_of::<u64>(), 0);
        for (to, chunk) in self.name.iter().zip(bytes.chunks_exact(size_of::<u64>())) {
            to.store(chunk.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte)), Ordering::Relaxed);
        }
        self.label.store(LABELLED | (number << 8) | (length << 32), Ordering::Release);
    }

    fn add(&self, at: i64) {
        self.last_at.fetch_max(at.max(0).cast_unsigned(), Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// What it counted, of nobody; `None` if that is nothing.
    fn numbers(&self) -> Option<CounterValue> {
        let count = self.count.load(Ordering::Relaxed);
        let last_at = self.last_at.load(Ordering::Relaxed).cast_signed();
        (count > 0).then_some(CounterValue { profile: None, code: "", count, last_at })
    }

    fn read(&self) -> Option<CounterValue> {
        let label = self.label.load(Ordering::Acquire);
        if label & LABELLED == 0 {
            return None;
        }
        let length = usize::try_from(label >> 32).ok()?;
        let bytes: Vec<u8> =
            self.name.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).take(length).collect();
        let profile = String::from_utf8(bytes).ok()?;
        let code = DecisionCode::of_number((label >> 8) & 0xff_ffff)?.name();
        Some(CounterValue { profile: Some(profile).filter(|name| !name.is_empty()), code, ..self.numbers()? })
    }
}

/// The hash of a pair, which is never 0.
fn owner(profile: &str, number: u64) -> u64 {
    fnv(fnv(FNV_OFFSET, profile.as_bytes()), &number.to_le_bytes()).max(1)
}

/// What the helper was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HelperCounts {
    /// How often it was run.
    pub requests: u64,
    /// How often it brought nothing.
    pub failures: u64,
    /// How long all of that took.
    pub milliseconds: u64,
}

pub(super) const HELPER_WORDS: usize = 3;

pub(super) fn count_helper(words: &[AtomicU64], failed: bool, milliseconds: u64) {
    let numbers = [1, u64::from(failed), milliseconds];
    for (word, number) in words.iter().zip(numbers) {
        word.fetch_add(number, Ordering::Relaxed);
    }
}

pub(super) fn helper_counts(words: &[AtomicU64]) -> HelperCounts {
    let mut numbers = words.iter().map(|word| word.load(Ordering::Relaxed));
    let mut next = || numbers.next().unwrap_or_default();
    HelperCounts { requests: next(), failures: next(), milliseconds: next() }
}
