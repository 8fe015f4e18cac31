//! What the sources of all crates must keep: no two files need each other, no file is too long, tests stand where they
//! belong, and what a package asks for is used there.
//!
//! Reads the tree as the compiler would, with its modules, `use` declarations and paths; nothing is built or run.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic, and reads files"
)]

mod circles;
mod lengths;
mod modules;
mod names;
mod needed;
mod paths;
