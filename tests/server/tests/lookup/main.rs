//! Claims that are not in the token, in a real server: for whom the userinfo endpoint or Microsoft Graph is asked, what the
//! answer is worth, and what may keep it away.
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
mod ending;
mod flood;
mod graph;
mod graph_trouble;
mod metadata;
mod support;
mod tenant;
mod trouble;
