//! What the kernel says that processes use: time, memory, open files (proc(5)).

use std::fmt;
use std::fs;
use std::io::{Error, Result};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Processor time of a process and of its children that have ended and were waited for.
///
/// # Errors
/// When there is no such process.
pub fn processor_time(pid: u32) -> Result<Duration> {
    // utime, stime, cutime and cstime.
    let ticks: u64 = numbers_of_stat(pid, 14..=17)?.iter().sum();
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// Pages that a process and its ended children touched for the first time, and that the kernel had to provide without
/// reading a disk. Unlike times, these repeat.
///
/// # Errors
/// When there is no such process.
pub fn page_faults(pid: u32) -> Result<u64> {
    // minflt and cminflt.
    Ok(numbers_of_stat(pid, 10..=11)?.iter().sum())
}

/// Fields of `/proc/PID/stat`, by the numbers that proc_pid_stat(5) gives them.
fn numbers_of_stat(pid: u32, fields: RangeInclusive<usize>) -> Result<Vec<u64>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is a name in parentheses, which may hold anything, also parentheses.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let wanted = after_name.split_whitespace().skip(fields.start() - 3).take(fields.end() - fields.start() + 1);
    let numbers: Option<Vec<u64>> = wanted.map(|field| field.parse().ok()).collect();
    numbers.ok_or_else(|| Error::other("no numbers in /proc/PID/stat"))
}

/// Memory that is no copy of a file, in kB: what a process has written, also before it was forked.
fn written_memory(pid: u32) -> Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| kilobytes(line, "Anonymous:"));
    line.ok_or_else(|| Error::other("no Anonymous in smaps_rollup"))
}

/// Memory that is no copy of a file, and that a process shares with nobody, in kB: not what its parent wrote before it was
/// forked.
///
/// # Errors
/// When there is no such process, or it is another user's.
pub fn own_memory(pid: u32) -> Result<u64> {
    let (mut all, mut private) = (0, 0);
    for line in fs::read_to_string(format!("/proc/{pid}/smaps"))?.lines() {
        private += ["Private_Clean:", "Private_Dirty:"].iter().find_map(|name| kilobytes(line, name)).unwrap_or(0);
        // The last of a mapping's lines that matter. Copies of a file can be private as well.
        if let Some(anonymous) = kilobytes(line, "Anonymous:") {
            all += anonymous.min(private);
            private = 0;
        }
    }
    Ok(all)
}

fn kilobytes(line: &str, name: &str) -> Option<u64> {
    line.strip_prefix(name)?.split_whitespace().next()?.parse().ok()
}

/// How many files a process has open.
fn open_files(pid: u32) -> Result<usize> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// What a postmaster may have more after any number of logins, in kB: a few pages for what it logs or counts itself.
const FLAT: u64 = 64;

/// What a postmaster holds, to be compared with what it held before many logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostmasterUsage {
    /// Memory that it has written, in kB.
    pub memory: u64,
    /// Open files.
    pub files: usize,
}

impl PostmasterUsage {
    /// What it holds now.
    ///
    /// # Errors
    /// When there is no such process, or it is another user's.
    pub fn of(postmaster: u32) -> Result<Self> {
        Ok(Self { memory: written_memory(postmaster)?, files: open_files(postmaster)? })
    }

    /// Whether nothing was left in it since it held what it did `before`.
    #[must_use]
    pub fn is_flat_since(self, before: Self) -> bool {
        self.files <= before.files && self.memory <= before.memory.saturating_add(FLAT)
    }
}

impl fmt::Display for PostmasterUsage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} kB and {} files", self.memory, self.files)
    }
}

#[cfg(test)]
mod tests {
    use super::{FLAT, PostmasterUsage, open_files, own_memory, page_faults, processor_time, written_memory};

    #[test]
    fn this_process_uses_something() {
        let own = std::process::id();
        let before = open_files(own).unwrap();
        let _file = std::fs::File::open("/dev/null").unwrap();
        assert!(open_files(own).unwrap() > before);
        assert!(written_memory(own).unwrap() > 100);
        assert!(own_memory(own).unwrap() > 100);
        let started = std::time::Instant::now();
        while started.elapsed().as_millis() < 50 {}
        assert!(processor_time(own).unwrap().as_millis() > 0);
        let faults = page_faults(own).unwrap();
        assert_eq!(vec![1u8; 1 << 20].iter().filter(|byte| **byte == 1).count(), 1 << 20);
        assert!(page_faults(own).unwrap() > faults);
    }

    #[test]
    fn what_stays_open_or_written_is_noticed() {
        let before = PostmasterUsage { memory: 1_000, files: 10 };
        let after = |memory, files| PostmasterUsage { memory, files }.is_flat_since(before);
        assert!(after(1_000, 10) && after(900, 9) && after(1_000 + FLAT, 10));
        assert!(!after(1_000 + FLAT + 1, 10) && !after(1_000, 11) && !after(u64::MAX, 0));
        let own = std::process::id();
        let before = PostmasterUsage::of(own).unwrap();
        let kept = (std::fs::File::open("/dev/null").unwrap(), vec![1u8; 1 << 20]);
        assert!(!PostmasterUsage::of(own).unwrap().is_flat_since(before));
        drop(kept);
    }

    #[test]
    fn a_process_that_is_not_there_uses_nothing() {
        for missing in [
            processor_time(u32::MAX).map(drop),
            page_faults(u32::MAX).map(drop),
            written_memory(u32::MAX).map(drop),
            own_memory(u32::MAX).map(drop),
            open_files(u32::MAX).map(drop),
        ] {
            assert_eq!(missing.unwrap_err().kind(), std::io::ErrorKind::NotFound);
        }
    }
}
