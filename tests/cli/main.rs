//! Runs the real `oauth-validator` binary, as a shell would.
//!
//! Exit codes, both output formats, and what the output must never hold. `support` makes folders with a configuration
//! and keys, `network` what a provider answers; `denials` lists a login for each reason code.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]

mod cases;
mod certificates;
mod check;
mod completions;
mod copies;
mod delegation;
mod denials;
mod discover;
mod effective;
mod examples;
mod explain;
mod helper;
mod init;
mod init_token;
mod introspection;
mod keys;
mod lookup;
mod monitoring;
mod network;
mod presets;
mod probe;
mod proposals;
mod rules;
mod schema;
mod screens;
mod secrets;
mod server_files;
mod shapes;
mod shipped_cases;
mod snapshots;
mod support;
mod teams;
mod token;
mod trials;
mod usage;
