//! The kept form of a configuration on a real server: each login is decided by the texts of its moment, whatever is kept, and
//! nothing that happens to the file with the form is the failure of a login.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod clients;
mod disk;
mod edited;
mod edits;
mod file;
mod support;
mod upgrade;
