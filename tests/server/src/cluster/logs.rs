//! The log of a cluster: what was said since a moment, and waiting until something was.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::thread;
use std::time::Instant;

use super::{Cluster, PATIENCE, POLL};
use crate::log;

impl Cluster {
    /// The whole log.
    pub fn log(&self) -> String {
        self.log_since(0)
    }

    /// Where the log ends now, in bytes.
    pub fn log_mark(&self) -> usize {
        fs::metadata(self.folder.path("log"))
            .map(|found| usize::try_from(found.len()).unwrap_or(usize::MAX))
            .unwrap_or(0)
    }

    /// What was logged since the mark. A line may follow the client's error: see
    /// [`Cluster::wait_for_log`]. A denial is told as PostgreSQL 18 writes it, whichever release this is.
    pub fn log_since(&self, mark: usize) -> String {
        log::with_own_reports(&self.log_as_written(mark))
    }

    /// What was logged since the mark, byte for byte, but for what is not UTF-8.
    pub fn log_as_written(&self, mark: usize) -> String {
        let mut bytes = Vec::new();
        // What cannot be read was not logged: the caller looks for what was.
        let _ = File::open(self.folder.path("log")).and_then(|mut log| {
            log.seek(SeekFrom::Start(mark as u64))?;
            log.read_to_end(&mut bytes)
        });
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until `needle` was logged since the mark, and returns everything since then.
    ///
    /// # Panics
    /// If it is not there after 10 seconds.
    #[track_caller]
    pub fn wait_for_log(&self, mark: usize, needle: &str) -> String {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let said = self.log_as_written(mark);
            // Whole reports only, so that what the caller looks for next is complete.
            let whole = log::with_own_reports(log::complete(&said));
            if whole.contains(needle) {
                return whole;
            }
            assert!(Instant::now() < give_up, "{needle:?} was not logged; the log says:\n{said}");
            thread::sleep(POLL);
        }
    }
}
