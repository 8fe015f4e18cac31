//! Makes the parts of README, manual and sample file that repeat tables of the code: presets, types of settings,
//! reason codes, findings.
//!
//! `make docs` writes them, and a test compares. Must never change what people wrote: made parts stand between marks, or
//! are lines that have one form.

mod codes;
mod markup;
mod presets;
mod reasons;
mod sample;
pub mod settings;

use std::fs;
use std::path::{Path, PathBuf};

/// A file with made parts, as it is and as it should be.
pub struct MadeDocument {
    pub path: PathBuf,
    pub found: String,
    pub made: String,
}

/// How a file is made of what it is.
pub type Maker = fn(&str) -> String;

/// The files with made parts, from the top of the source.
pub const MAKERS: [(&str, Maker); 5] = [
    ("README.md", |text| between(text, "<!-- presets: made by make docs -->", "<!-- end -->", &presets::rows())),
    ("man/oauth-validator.toml.5", |text| {
        settings::types(&between(text, ".\\\" presets: made by make docs", ".\\\" end", &presets::entries()))
    }),
    ("man/oauth_validator.7", |text| {
        reasons::sections(&between(text, ".\\\" presets: made by make docs", ".\\\" end", &presets::sections()))
    }),
    ("config/oauth-validator.toml", sample::file),
    ("docs/codes.md", codes::page),
];

/// All of them.
///
/// # Panics
/// If one cannot be read, or lacks a mark.
pub fn documents() -> Vec<MadeDocument> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let document = |(name, make): (&str, Maker)| {
        let path = root.join(name);
        let found = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        let made = make(&found);
        MadeDocument { path, found, made }
    };
    MAKERS.map(document).into()
}

/// The text with other lines between two marks.
fn between(text: &str, begin: &str, end: &str, made: &str) -> String {
    let (before, rest) = text.split_once(&format!("{begin}\n")).unwrap_or_else(|| panic!("no line {begin}"));
    let (_, after) = rest.split_once(&format!("{end}\n")).unwrap_or_else(|| panic!("no line {end} behind {begin}"));
    format!("{before}{begin}\n{made}{end}\n{after}")
}
