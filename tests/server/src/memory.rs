//! What a process has in its memory, for tests of what is wiped. Needs root, or to be allowed to trace the process.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};

/// Whether these bytes are anywhere in what the process may write to: its heap, stacks, data and shared memory.
///
/// # Panics
/// If the process is not there, or may not be looked into.
#[track_caller]
pub fn is_in_memory(pid: i32, bytes: &[u8]) -> bool {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("a process that may be looked into");
    let mut memory = File::open(format!("/proc/{pid}/mem")).expect("a process that may be looked into");
    let ranges = maps.lines().filter_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let parse = |text| u64::from_str_radix(text, 16).ok();
        rest.starts_with("rw").then_some((parse(from)?, parse(to)?))
    });
    let ranges: Vec<(u64, u64)> = ranges.collect();
    assert!(ranges.len() > 3, "{maps}");
    ranges.into_iter().any(|(from, to)| {
        let mut piece = Vec::new();
        memory.seek(SeekFrom::Start(from)).expect("an address");
        // What cannot be read ends there.
        let _ = (&memory).take(to - from).read_to_end(&mut piece);
        let first = bytes.first().copied();
        (0..piece.len()).any(|at| piece.get(at).copied() == first && piece[at..].starts_with(bytes))
    })
}
