//! Writes the made parts of README, manual and sample file anew: `make docs`. What they are is said in `tests/docs`.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and reads files"
)]

#[path = "../tests/docs/mod.rs"]
mod docs;

use std::{fs, io};

fn main() -> io::Result<()> {
    for document in docs::documents() {
        if document.found != document.made {
            fs::write(&document.path, &document.made)?;
            println!("{}", document.path.display());
        }
    }
    Ok(())
}
