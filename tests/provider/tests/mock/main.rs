//! The mock provider against a client that says exactly what it saw.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod certificates;
mod client;
mod faults;
mod lifetime;
mod replies;
mod serving;
