//! What a login with oauth_validator costs, beside a validator that does nothing.
//!
//! `logins` (`make bench`) measures real logins: `servers` has two of them, one for each validator, `variant` says what
//! differs between the rows, `instead` has what people use in place of tokens, `measure` takes the times and `report`
//! writes them down. `stage` has the parts of a decision, for the microbenchmarks. `fleet` (`make fleet`) counts what a
//! provider is asked by many servers. Nothing here asserts a time: machines differ, and so do their neighbours.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test fails by a panic"
)]
#![forbid(unsafe_code)]

pub mod client;
pub mod files;
pub mod fleet;
pub mod hosts;
pub mod instead;
pub mod measure;
pub mod noop;
pub mod pam;
pub mod picture;
pub mod report;
pub mod rows;
pub mod scram;
pub mod servers;
pub mod slapd;
pub mod soak;
pub mod stage;
pub mod stream;
pub mod tls;
pub mod variant;
