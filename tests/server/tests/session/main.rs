//! What a login leaves behind in a real server: sessions that end by themselves, and claims that SQL can read.
//!
//! Times are real here, so sessions wait side by side: each test starts all of its own before it looks at the first.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod audit;
mod claims;
mod ends;
mod extension;
mod limits;
mod memory;
mod security;
mod support;
