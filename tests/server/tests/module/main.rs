//! The module inside a real server: who gets in, who does not, and what neither may cost.
//!
//! One program, because each of its parts needs the helpers of `support`, and linking takes longer than running.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod cases;
mod configuration;
mod delegation;
mod generator;
mod helper_process;
mod hostile;
mod key_files;
mod preloaded;
mod probe;
mod process;
mod providers;
mod refusals;
mod release;
mod remains;
mod rules;
mod secrets;
mod settings;
mod smoke;
mod support;
