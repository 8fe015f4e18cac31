//! Writes the made parts of README, manual and sample file anew: `make docs`. What they are is said in `tests/docs`.

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
