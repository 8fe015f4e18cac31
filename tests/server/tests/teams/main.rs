//! Files of several teams on a real server: what one team gets wrong, and above all who is let in and kept out meanwhile.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod folder;
mod servers;
mod slips;
mod support;
