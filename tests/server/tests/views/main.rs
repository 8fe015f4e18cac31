//! What SQL sees of all sessions and decisions of a real server, and what it can end: preloaded, and without.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod decisions;
mod enforce;
mod extension;
mod flight;
mod memory;
mod monitoring;
mod privileges;
mod sessions;
mod support;
