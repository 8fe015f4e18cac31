//! Opaque tokens in a real server: what the provider's answers are worth, where a token may go, what may keep an answer
//! away, and what a flood of tokens costs.
//!
//! The provider is the mock over TLS, whose answers and faults a test chooses; module and helper are those that are
//! shipped. One program, because each of its parts needs the helpers of `support`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod answers;
mod cache;
mod certificate;
mod ending;
mod flood;
mod quiet;
mod routing;
mod secret_file;
mod support;
mod trouble;
