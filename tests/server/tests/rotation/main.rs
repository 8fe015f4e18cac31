//! Keys from a provider in a real server: how they get there, what may keep them away, and what neither may cost.
//!
//! The provider is the mock over TLS, whose faults a test chooses; module and helper are those that are shipped. One
//! program, because each of its parts needs the helpers of `support`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod bearer;
mod clocks;
mod faults;
mod first;
mod folder;
mod hang_up;
mod helper;
mod key_file;
mod locks;
mod outage;
mod process_1;
mod rotation;
mod storm;
mod support;
mod waiting;

/// What the helper alone is tried on as well.
#[allow(dead_code, reason = "some of it is for the tests of the tool")]
#[path = "../../../cli/network.rs"]
mod network;
