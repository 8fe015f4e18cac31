//! For tests: a server that says what it was given to say, and keeps what it is told.

use std::io::{self, Cursor, Read, Write};

/// A stream without anybody at its other end.
pub(super) struct Script {
    says: Cursor<Vec<u8>>,
    pub(super) told: Vec<u8>,
}

impl Script {
    pub(super) fn new(says: impl Into<Vec<u8>>) -> Self {
        Self { says: Cursor::new(says.into()), told: Vec::new() }
    }
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.says.read(buffer)
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.told.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
